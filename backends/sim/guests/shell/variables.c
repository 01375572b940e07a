// Variables, their scopes, and the positional parameters.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shell.h"

// What a variable was before it became local.
struct saved {
  struct saved *next;
  struct variable *of;
  char *value, *options;
  int flags;
};
struct scope {
  struct scope *outer;
  struct saved *list;
};

static struct variable *table[32];
static struct scope *scope;
struct parameters parameters;

struct variable *variable(const char *name, size_t length) {
  unsigned hash = 0;
  for (size_t at = 0; at < length; at++) hash = hash * 31 + (unsigned char)name[at];
  struct variable **at = &table[hash % 32];
  for (; *at; at = &(*at)->next)
    if (strncmp((*at)->name, name, length) == 0 && !(*at)->name[length]) return *at;
  struct variable *new = calloc(1, sizeof *new);
  if (!new || !(new->name = strndup(name, length))) out_of_memory();
  return *at = new;
}

char *get(const char *name) {
  static char number[16];
  if (strcmp(name, "LINENO") == 0) {
    snprintf(number, sizeof number, "%d", line - (function_line ? function_line - 1 : 0));
    return number;
  }
  return variable(name, strlen(name))->value;
}

int set(const char *name, size_t length, const char *value, int flags) {
  struct variable *of = variable(name, length);
  if (of->flags & READ_ONLY) return fail("%s: is read only", of->name);
  char *old = of->value;
  of->value = value ? copied(value) : 0;
  free(old);
  of->flags |= flags | (OPTION('a') ? EXPORTED : 0);
  if (value && strcmp(of->name, "OPTIND") == 0) parameters.option = atoi(value), parameters.letter = 0;
  return 0;
}
int set_named(const char *name, const char *value) { return set(name, strlen(name), value, 0); }

// NAME=VALUE, or a name that gets flags alone.
int assign(const char *assignment, int flags) {
  size_t length = name_length(assignment);
  if (length == 0 || (assignment[length] && assignment[length] != '=')) return fail("%s: bad variable name", assignment);
  if (assignment[length]) return set(assignment, length, assignment + length + 1, flags);
  variable(assignment, length)->flags |= flags;
  return 0;
}

int unset(const char *name) {
  struct variable *of = variable(name, strlen(name));
  if (of->flags & READ_ONLY) return fail("%s: is read only", name);
  free(of->value);
  of->value = 0, of->flags = 0;
  return 0;
}

void push_scope(void) {
  struct scope *new = calloc(1, sizeof *new);
  if (!new) out_of_memory();
  new->outer = scope, scope = new;
}

static struct saved *save(void) {
  struct saved *saved = calloc(1, sizeof *saved);
  if (!saved) out_of_memory();
  saved->next = scope->list;
  return scope->list = saved;
}

void make_local(const char *name, size_t length) {
  struct variable *of = variable(name, length);
  for (struct saved *at = scope->list; at; at = at->next)
    if (at->of == of) return;
  struct saved *saved = save();
  saved->of = of, saved->flags = of->flags;
  saved->value = of->value ? copied(of->value) : 0;
}

void local_options(void) {
  struct saved *saved = save();
  if (!(saved->options = malloc(128))) out_of_memory();
  memcpy(saved->options, option_values, 128);
}

void pop_scope(void) {
  struct scope *old = scope;
  scope = old->outer;
  while (old->list) {
    struct saved *saved = old->list;
    old->list = saved->next;
    if (saved->options) option_restore(saved->options), free(saved->options);
    else {
      free(saved->of->value);
      saved->of->value = saved->value, saved->of->flags = saved->flags;
    }
    free(saved);
  }
  free(old);
}
int scopes(void) { return scope != 0; }

// What execve(2) gets, in scratch memory.
char **environment(void) {
  int count = 0;
  for (int bucket = 0; bucket < 32; bucket++)
    for (struct variable *at = table[bucket]; at; at = at->next) count++;
  char **list = take(&scratch, (count + 1) * sizeof *list);
  count = 0;
  for (int bucket = 0; bucket < 32; bucket++)
    for (struct variable *at = table[bucket]; at; at = at->next) {
      if (!(at->flags & EXPORTED) || !at->value) continue;
      struct text text = {.arena = &scratch};
      add_text(&text, at->name), add(&text, '='), add_text(&text, at->value);
      list[count++] = ended(&text);
    }
  list[count] = 0;
  return list;
}

int compare_texts(const void *one, const void *other) { return strcmp(*(char *const *)one, *(char *const *)other); }

// In single quotes, and single quotes in double ones.
void print_quoted(const char *text) {
  do {
    size_t some = strcspn(text, "'");
    if (some || !*text) printf("'%.*s'", (int)some, text);
    text += some;
    size_t quotes = strspn(text, "'");
    if (quotes) printf("\"%.*s\"", (int)quotes, text);
    text += quotes;
  } while (*text);
}

int list_variables(const char *prefix, int flags) {
  struct fields names = {0};
  for (int bucket = 0; bucket < 32; bucket++)
    for (struct variable *at = table[bucket]; at; at = at->next)
      if (flags ? at->flags & flags : at->value != 0) add_field(&names, at->name);
  if (names.count) qsort(names.list, names.count, sizeof *names.list, compare_texts);
  for (int at = 0; at < names.count; at++) {
    char *value = get(names.list[at]);
    printf("%s%s", prefix, names.list[at]);
    if (value) putchar('='), print_quoted(value);
    putchar('\n');
  }
  return 0;
}

void set_parameters(int count, char **list) {
  struct parameters new = {malloc((count + 1) * sizeof *list), count, 1, 0, 0};
  if (!new.list) out_of_memory();
  for (int at = 0; at < count; at++) new.list[at] = copied(list[at]);
  new.list[count] = 0;
  if (parameters.owned) {
    for (int at = 0; at < parameters.count; at++) free(parameters.list[at]);
    free(parameters.list);
  }
  parameters = new;
}
