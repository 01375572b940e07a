// pstree(1): processes as a tree, equal ones counted.
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "system.h"

static struct process *all;
static int count, with_numbers, with_arguments, each;
static const char *const *draw;

// What is written for a process and all below it, so that equal ones are seen.
static char *label(const struct process *of) {
  char *text, *command = with_arguments ? command_of(of) : 0;
  if (with_numbers) asprintf(&text, "%s(%d)", of->comm, of->pid);
  else asprintf(&text, "%s", of->comm);
  char *rest = command ? strchr(command, ' ') : 0;
  if (rest) {
    char *longer;
    asprintf(&longer, "%s%s", text, rest);
    free(text);
    text = longer;
  }
  free(command);
  return text;
}

static int by_label(const void *one, const void *other) {
  const struct process *a = *(struct process *const *)one, *b = *(struct process *const *)other;
  int order = with_numbers ? 0 : strcmp(a->comm, b->comm);
  return order ? order : a->pid - b->pid;
}

static struct process **children(pid_t of, int *found) {
  struct process **list = need(malloc((count + 1) * sizeof *list));
  *found = 0;
  for (int at = 0; at < count; at++)
    if (all[at].ppid == of && all[at].pid != of) list[(*found)++] = &all[at];
  qsort(list, *found, sizeof *list, by_label);
  return list;
}

static int same(const struct process *one, const struct process *other) {
  if (with_numbers || with_arguments || each || strcmp(one->comm, other->comm)) return 0;
  int first, second;
  struct process **a = children(one->pid, &first), **b = children(other->pid, &second);
  int equal = first == second;
  for (int at = 0; equal && at < first; at++) equal = same(a[at], b[at]);
  free(a), free(b);
  return equal;
}

static void print(const struct process *of, int times, const char *before) {
  char *text = label(of), *own, *next;
  if (times > 1) asprintf(&own, "%d*[%s", times, text);
  else asprintf(&own, "%s", text);
  fputs(own, stdout);
  int found;
  struct process **list = children(of->pid, &found);
  asprintf(&next, "%s%*s", before, with_arguments ? 2 : (int)strlen(own), "");
  for (int at = 0; at < found;) {
    int alike = 1;
    while (at + alike < found && same(list[at], list[at + alike])) alike++;
    int first = at == 0, last = at + alike == found;
    char *below;
    if (with_arguments) {
      printf("\n%s%s", next, draw[last ? 6 : 5]);
      asprintf(&below, "%s%s", next, last ? "   " : draw[4]);
    } else {
      if (first) fputs(draw[last ? 0 : 1], stdout);
      else printf("\n%s%s", next, draw[last ? 3 : 2]);
      asprintf(&below, "%s%s", next, last ? "   " : draw[4]);
    }
    print(list[at], alike, below);
    free(below);
    at += alike;
  }
  if (times > 1) putchar(']');
  free(list), free(text), free(own), free(next);
}

TOOL(pstree) {
  for (int letter; (letter = getopt(argc, argv, "pacAUnTlu")) != -1;)
    if (letter == '?') return 1;
    else if (letter == 'p') with_numbers = 1;
    else if (letter == 'a') with_arguments = 1;
    else if (letter == 'c') each = 1;
  static const char *const plain[] = {"---", "-+-", " |-", " `-", " | ", "|-", "`-"};
  static const char *const drawn[] = {"───", "─┬─", " ├─", " └─", " │ ", "├─", "└─"};
  draw = speaks_utf8() ? drawn : plain;
  all = all_processes(&count);
  pid_t top = argv[optind] ? atoi(argv[optind]) : 1;
  for (int at = 0; at < count; at++)
    if (all[at].pid == top) return print(&all[at], 1, ""), putchar('\n'), 0;
  return 1;
}
