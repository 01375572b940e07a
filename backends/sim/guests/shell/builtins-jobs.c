// Builtins about jobs: jobs, fg, bg, wait. What a job is called.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jobs.h"

int jobs_builtin(int argc, char **argv) {
  int only = argc > 1 && strcmp(argv[1], "-p") == 0, ids = argc > 1 && strcmp(argv[1], "-l") == 0;
  reap();
  for (struct job *job = jobs, *next; job; job = next) {
    next = job->next;
    if (!job->count) continue;
    if (only) printf("%d\n", job->processes[0].pid);
    else show_job(job, stdout, ids);
    job->changed = 0;
    if (job->state == DONE) free_job(job);
  }
  return 0;
}

static int move(int argc, char **argv, int foreground) {
  int answer = 0, at = 1;
  do {
    const char *name = at < argc ? argv[at] : 0;
    struct job *job = job_of(name);
    if (!job) return name ? fail("No such job: %s", name) : fail("No current job");
    if (!job->controlled) return fail("job %%%d not created under job control", job->number);
    if (foreground) puts(job->text);
    else printf("[%d] %s\n", job->number, job->text);
    fflush(stdout);
    answer = go_on(job, foreground);
  } while (++at < argc);
  return answer;
}
int fg_builtin(int argc, char **argv) { return move(argc, argv, 1); }
int bg_builtin(int argc, char **argv) { return move(argc, argv, 0); }

// Until a job has ended, or a signal with an action comes.
static int wait_job(struct job *job) {
  while (job->state == RUNNING) {
    if (wait_any(0)) continue;
    if (trap_pending || interrupted) return 128 + (interrupted ? SIGINT : pending_signal());
    if (errno == ECHILD) return 127;
  }
  int answer = job_status(job);
  if (job->state == DONE) free_job(job);
  return answer;
}

int wait_builtin(int argc, char **argv) {
  int answer = 0;
  if (argc < 2) {
    for (struct job *job = jobs; job; job = jobs) {
      while (job && job->state == STOPPED) job = job->next;
      if (!job) break;
      answer = wait_job(job);
      if (trap_pending || interrupted) return answer;
      if (answer == 127 && errno == ECHILD && job == jobs) break;
    }
    return 0;
  }
  for (int at = 1; at < argc; at++) {
    struct job *job = job_of(argv[at]);
    if (!job && *argv[at] == '%') return fail("No such job: %s", argv[at]);
    if (!job && strspn(argv[at], "0123456789") != strlen(argv[at])) return fail("Illegal number: %s", argv[at]);
    answer = job ? wait_job(job) : 127;
    if (trap_pending || interrupted) return answer;
  }
  return answer;
}

static void write_parts(struct text *to, struct part *part) {
  for (; part; part = part->next) {
    if (part->kind == TEXT && part->quoted) add(to, '"');
    if (part->kind == PARAMETER) add_text(to, "${");
    if (part->text) add_text(to, part->text);
    if (part->kind == PARAMETER) add(to, '}');
    if (part->kind == COMMAND) add_text(to, "$(...)");
    if (part->kind == ARITHMETIC) add_text(to, "$((...))");
    if (part->kind == TEXT && part->quoted) add(to, '"');
  }
}

static void write_words(struct text *to, struct word *word) {
  for (; word; word = word->next) {
    if (to->length) add(to, ' ');
    write_parts(to, word->parts);
  }
}

static void write_redirects(struct text *to, struct redirect *redirect) {
  static const char *const signs[] = {"<", ">", ">>", ">|", "<>", "<<", "<&", ">&"};
  for (; redirect; redirect = redirect->next) {
    add(to, ' ');
    int usual = redirect->direction == TO || redirect->direction == APPEND || redirect->direction == CLOBBER || redirect->direction == SAME_TO;
    if (redirect->fd != usual) add(to, '0' + redirect->fd);
    add_text(to, signs[redirect->direction]);
    if (redirect->direction == HERE) add_text(to, "...");
    else if (redirect->target) write_parts(to, redirect->target->parts);
  }
}

static void write_node(struct text *to, struct node *node) {
  static const char *const words[] = {"", " | ", " && ", " || ", "; ", " &", "! ", "(", "", "if ", "while ", "until ", "for ", "case ", ""};
  if (!node) return;
  switch (node->kind) {
    case SIMPLE: write_words(to, node->assignments), write_words(to, node->words); break;
    case PIPELINE:
      for (struct node *one = node->first; one; one = one->next) write_node(to, one), one->next ? add_text(to, " | ") : (void)0;
      break;
    case AND:
    case OR:
    case SEQUENCE: write_node(to, node->first), add_text(to, words[node->kind]), write_node(to, node->second); break;
    case BACKGROUND: write_node(to, node->first), add_text(to, " &"); break;
    case NOT: add_text(to, "! "), write_node(to, node->first); break;
    case SUBSHELL: add(to, '('), write_node(to, node->first), add(to, ')'); break;
    case REDIRECTED: write_node(to, node->first); break;
    case FUNCTION: add_text(to, node->name), add_text(to, "() { ... }"); break;
    default: add_text(to, words[node->kind]), add_text(to, "...");
  }
  write_redirects(to, node->redirects);
}

char *text_of(struct node *node) {
  struct mark mark = mark_of(&scratch);
  struct text text = {.arena = &scratch};
  struct text part = {.arena = &scratch};
  write_node(&part, node);
  add_text(&text, ended(&part));
  char *copy = copied(ended(&text));
  release(&scratch, mark);
  return copy;
}
