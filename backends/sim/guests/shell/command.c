// Simple commands: assignments, functions, builtins, programs.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shell.h"

struct function {
  struct function *next;
  char *name;
  struct node *node;
};
static struct function *functions;

struct function *find_function(const char *name) {
  for (struct function *at = functions; at; at = at->next)
    if (strcmp(at->name, name) == 0) return at;
  return 0;
}

// Its tree stays as long as it.
void define_function(struct node *node) {
  struct function *function = find_function(node->name);
  hold(node->tree);
  if (!function) {
    if (!(function = calloc(1, sizeof *function))) out_of_memory();
    function->name = copied(node->name);
    function->next = functions, functions = function;
  } else drop(function->node->tree);
  function->node = node;
}

int unset_function(const char *name) {
  for (struct function **at = &functions; *at; at = &(*at)->next)
    if (strcmp((*at)->name, name) == 0) {
      struct function *old = *at;
      *at = old->next;
      drop(old->node->tree);
      free(old->name), free(old);
      return 1;
    }
  return 0;
}

static int call_function(struct function *function, int count, char **list, int flags) {
  struct node *node = function->node;
  struct arena *held = node->tree;
  struct parameters outer = parameters;
  int outer_loops = loops, outer_line = function_line;
  hold(held);
  parameters = (struct parameters){.list = list, .count = count};
  loops = 0, function_line = node->line;
  push_scope();
  int answer = run(node->first, flags & TESTED);
  if (scopes()) pop_scope();
  if (parameters.owned) set_parameters(0, 0), free(parameters.list);
  parameters = outer;
  loops = outer_loops, function_line = outer_line;
  drop(held);
  if (unwinding == RETURN) unwinding = NOTHING, answer = status;
  return answer;
}

// The file that a name stands for along PATH, in scratch memory; errno says why not.
char *find_program(const char *name) {
  if (strchr(name, '/')) return (char *)name;
  const char *path = get("PATH");
  int seen = ENOENT;
  while (path) {
    size_t length = strcspn(path, ":");
    struct text text = {.arena = &scratch};
    for (size_t at = 0; at < length; at++) add(&text, path[at]);
    if (length) add(&text, '/');
    add_text(&text, name);
    struct stat about;
    if (stat(ended(&text), &about) == 0 && S_ISREG(about.st_mode)) {
      if (access(text.start, 1) == 0) return text.start;
      seen = EACCES;
    }
    path = path[length] ? path + length + 1 : 0;
  }
  errno = seen;
  return 0;
}

// Only answers when it fails: with the status.
int execute(char **argv, char **envp) {
  char *file = find_program(argv[0]);
  if (file) execve(file, argv, envp);
  if (errno == ENOEXEC) {
    int count = 0;
    while (argv[count]) count++;
    char **list = take(&scratch, (count + 3) * sizeof *list);
    list[0] = "sh", list[1] = file;
    memcpy(list + 2, argv + 1, count * sizeof *list);
    execve("/proc/self/exe", list, envp);
    execve("/bin/sh", list, envp);
  }
  int number = errno;
  warn("%s: %s", argv[0], number == ENOENT || number == ENOTDIR ? "not found" : strerror(number));
  return number == ENOENT || number == ENOTDIR ? 127 : 126;
}

static void trace(struct fields *assignments, struct fields *arguments, struct kept *kept) {
  int fd = 2;
  for (; kept; kept = kept->next)
    if (kept->fd == 2) fd = kept->copy;
  struct text text = {.arena = &scratch};
  const char *prompt = get("PS4");
  if (prompt) add_text(&text, expand_prompt(prompt));
  for (int at = 0; at < assignments->count; at++) add_text(&text, assignments->list[at]), add(&text, ' ');
  for (int at = 0; at < arguments->count; at++) add_text(&text, arguments->list[at]), add(&text, ' ');
  if (text.length && text.start[text.length - 1] == ' ') text.length--;
  add(&text, '\n');
  write(fd, text.start, text.length);
}

// Arguments behind export and its kin stay whole where they assign.
static void expand_arguments(struct word *words, struct fields *to) {
  int assigns = 0;
  for (struct word *word = words; word && !unwinding; word = word->next) {
    struct part *part = word->parts;
    int is = assigns && part && part->kind == TEXT && !part->quoted && name_length(part->text) && part->text[name_length(part->text)] == '=';
    if (is) add_field(to, expand_text(word, ASSIGNMENT));
    else expand(word, SPLIT | GLOB, to);
    if (word != words || to->count == 0) continue;
    const struct builtin *builtin = find_builtin(to->list[0]);
    assigns = builtin && builtin->flags & ASSIGNS;
  }
}

static int run_program(struct node *node, struct fields *arguments, int flags) {
  int copy = !(flags & LAST) || has_traps();
  struct job *job = copy ? new_job(node, 1) : 0;
  if (copy && fork_job(job, 0) != 0) return wait_for(job);
  int answer = execute(arguments->list, environment());
  if (!copy && interactive) return answer;
  finish(answer);
}

static int run_builtin(const struct builtin *builtin, struct fields *arguments) {
  const char *outer = builtin_name;
  builtin_name = builtin->name;
  int answer = builtin->run(arguments->count, arguments->list);
  builtin_name = outer;
  if (fflush(stdout) < 0 && !unwinding && answer == 0) answer = 1;
  return unwinding == FAIL || unwinding == EXIT ? status : answer;
}

// `command NAME`: no function, and no more special. Answers whether it was there.
static int strip_command(struct fields *arguments) {
  int found = 0;
  while (arguments->count > 1 && strcmp(arguments->list[0], "command") == 0) {
    int at = 1;
    while (at < arguments->count && (strcmp(arguments->list[at], "-p") == 0)) at++;
    if (at < arguments->count && strcmp(arguments->list[at], "--") == 0) at++;
    else if (at < arguments->count && arguments->list[at][0] == '-') return found;
    if (at >= arguments->count) return found;
    arguments->list += at, arguments->count -= at, arguments->room -= at;
    found = 1;
  }
  return found;
}

// Each sees what those before it have given. Those of one command alone are local to it.
static void make_assignments(struct word *words, int local, struct fields *to) {
  for (struct word *word = words; word && !unwinding; word = word->next) {
    char *text = expand_text(word, ASSIGNMENT);
    if (unwinding) return;
    if (local) make_local(text, name_length(text));
    assign(text, local ? EXPORTED : 0);
    add_field(to, text);
  }
}

static int dispatch(struct node *node, struct fields *arguments, int flags, int plain, int *keeps) {
  const struct builtin *builtin = find_builtin(arguments->list[0]);
  int special = builtin && builtin->flags & SPECIAL && !plain;
  struct function *function = plain || special ? 0 : find_function(arguments->list[0]);
  if (function) return call_function(function, arguments->count - 1, arguments->list + 1, flags);
  if (!builtin) return run_program(node, arguments, flags);
  *keeps = strcmp(builtin->name, "exec") == 0;
  int answer = run_builtin(builtin, arguments);
  // Only special builtins end the shell.
  if (!special && unwinding == FAIL && !interrupted) unwinding = NOTHING, answer = status;
  return answer;
}

int run_simple(struct node *node, int flags) {
  struct mark mark = mark_of(&scratch);
  struct fields arguments = {0}, assignments = {0};
  struct kept *kept = 0;
  int answer = 0, keeps = 0;
  substitution_status = 0;
  expand_arguments(node->words, &arguments);
  if (!unwinding) {
    int plain = strip_command(&arguments);
    const struct builtin *builtin = arguments.count ? find_builtin(arguments.list[0]) : 0;
    int special = builtin && builtin->flags & SPECIAL && !plain;
    answer = redirect(node->redirects, &kept);
    if (answer && special && !unwinding) unwinding = FAIL, status = answer;
    if (!answer) {
      int local = node->assignments && arguments.count && !special;
      if (local) push_scope();
      make_assignments(node->assignments, local, &assignments);
      if (!unwinding && OPTION('x') && (arguments.count || assignments.count)) trace(&assignments, &arguments, kept);
      if (unwinding) answer = status;
      else if (arguments.count == 0) answer = substitution_status;
      else answer = dispatch(node, &arguments, flags, plain, &keeps);
      if (local && scopes()) pop_scope();
    }
  }
  if (keeps && !unwinding) forget_kept(kept);
  else restore(kept);
  release(&scratch, mark);
  return unwinding == FAIL ? status : answer;
}
