// Which builtins there are; those that are about the shell itself: eval, exec, exit, export, local, set, shift, type and their kin.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tools.h>
#include "shell.h"

static int colon(int argc, char **argv) { return (void)argc, (void)argv, 0; }
static int false_builtin(int argc, char **argv) { return (void)argc, (void)argv, 1; }

// A number of decimal digits; otherwise it says so.
static int number_of(const char *text) {
  if (*text && strspn(text, "0123456789") == strlen(text)) return atoi(text);
  fail("Illegal number: %s", text);
  return 0;
}

static int leave_loop(int argc, char **argv, enum unwinding kind) {
  int levels = argc > 1 ? number_of(argv[1]) : 1;
  if (unwinding) return 2;
  if (levels <= 0) return fail("Illegal number: %s", argv[1]);
  if (loops == 0) return 0;
  unwinding = kind, unwinding_levels = levels > loops ? loops : levels;
  return 0;
}
static int break_builtin(int argc, char **argv) { return leave_loop(argc, argv, BREAK); }
static int continue_builtin(int argc, char **argv) { return leave_loop(argc, argv, CONTINUE); }

static int return_builtin(int argc, char **argv) {
  int answer = argc > 1 ? number_of(argv[1]) : status;
  if (unwinding) return 2;
  unwinding = RETURN;
  return status = answer;
}

static int exit_builtin(int argc, char **argv) {
  static int warned;
  if (interactive && stopped_jobs() && !warned) return warned = 1, fprintf(stderr, "You have stopped jobs.\n"), 0;
  int answer = argc > 1 ? number_of(argv[1]) : status;
  if (unwinding) return 2;
  unwinding = EXIT;
  return status = answer & 0xff;
}

static int eval_builtin(int argc, char **argv) {
  struct text text = {.arena = &scratch};
  for (int at = 1; at < argc; at++) {
    if (at > 1) add(&text, ' ');
    add_text(&text, argv[at]);
  }
  return run_text(ended(&text), 0);
}

static int dot(int argc, char **argv) {
  if (argc < 2) return 0;
  char *name = argv[1];
  const char *path = strchr(name, '/') ? 0 : get("PATH");
  while (path) {
    size_t length = strcspn(path, ":");
    struct text text = {.arena = &scratch};
    for (size_t at = 0; at < length; at++) add(&text, path[at]);
    if (length) add(&text, '/');
    add_text(&text, argv[1]);
    if (access(ended(&text), 4) == 0) {
      name = text.start;
      break;
    }
    path = path[length] ? path + length + 1 : 0;
    if (!path) return fail("%s: not found", argv[1]);
  }
  int fd = open(name, O_RDONLY);
  if (fd < 0 || (fd = move_up(fd)) < 0) return fail("cannot open %s: %s", name, errno == ENOENT ? "No such file" : strerror(errno));
  struct arena *outer = tree;
  int outer_line = function_line, outer_loops = loops, outer_prompts = interactive;
  push_file(fd, 0);
  struct input *own = input;
  function_line = 0, interactive = 0;
  status = 0;
  int answer = run_input(0);
  while (input != own) pop_input();
  pop_input();
  tree = outer, function_line = outer_line, loops = outer_loops, interactive = outer_prompts;
  if (unwinding == RETURN) unwinding = NOTHING, answer = status;
  return answer;
}

static int exec_builtin(int argc, char **argv) {
  if (argc < 2) return 0;
  int at = strcmp(argv[1], "--") == 0 ? 2 : 1;
  int answer = execute(argv + at, environment());
  return unwinding = EXIT, status = answer;
}

static int flagged(int argc, char **argv, int flag, const char *prefix) {
  int at = 1;
  if (at < argc && strcmp(argv[at], "-p") == 0) at++;
  if (at >= argc) return list_variables(prefix, flag);
  for (; at < argc; at++)
    if (strcmp(argv[at], "--") && assign(argv[at], flag)) return status;
  return 0;
}
static int export_builtin(int argc, char **argv) { return flagged(argc, argv, EXPORTED, "export "); }
static int readonly_builtin(int argc, char **argv) { return flagged(argc, argv, READ_ONLY, "readonly "); }

static int local_builtin(int argc, char **argv) {
  if (!function_line) return fail("not in a function");
  for (int at = 1; at < argc; at++) {
    if (strcmp(argv[at], "-") == 0) {
      local_options();
      continue;
    }
    size_t length = name_length(argv[at]);
    if (length == 0 || (argv[at][length] && argv[at][length] != '=')) return fail("%s: bad variable name", argv[at]);
    make_local(argv[at], length);
    if (argv[at][length] && set(argv[at], length, argv[at] + length + 1, 0)) return status;
  }
  return 0;
}

static int set_builtin(int argc, char **argv) {
  if (argc < 2) return list_variables("", 0);
  int at = 1, answer = set_options(argc, argv, &at, 0);
  if (answer) return answer;
  if (at < argc) set_parameters(argc - at - (strcmp(argv[at], "--") == 0), argv + at + (strcmp(argv[at], "--") == 0));
  return 0;
}

static int shift_builtin(int argc, char **argv) {
  int count = argc > 1 ? number_of(argv[1]) : 1;
  if (unwinding) return 2;
  if (count > parameters.count) return fail("can't shift that many");
  char **list = take(&scratch, (parameters.count + 1) * sizeof *list);
  memcpy(list, parameters.list, (parameters.count + 1) * sizeof *list);
  set_parameters(parameters.count - count, list + count);
  return 0;
}

static int unset_builtin(int argc, char **argv) {
  int at = 1, functions = 0;
  for (; at < argc && *argv[at] == '-'; at++) functions = argv[at][1] == 'f';
  for (; at < argc; at++) {
    if (functions) unset_function(argv[at]);
    else if (name_length(argv[at]) != strlen(argv[at]) || !*argv[at]) return fail("%s: bad variable name", argv[at]);
    else if (unset(argv[at])) return status;
  }
  return 0;
}

static struct alias *aliases;
struct alias *find_alias(const char *name) {
  for (struct alias *at = aliases; at; at = at->next)
    if (strcmp(at->name, name) == 0) return at;
  return 0;
}

static int show_alias(const struct alias *alias) {
  printf("%s=", alias->name);
  print_quoted(alias->value);
  putchar('\n');
  return 0;
}

static int alias_builtin(int argc, char **argv) {
  int answer = 0;
  if (argc < 2)
    for (struct alias *at = aliases; at; at = at->next) show_alias(at);
  for (int at = 1; at < argc; at++) {
    char *equals = strchr(argv[at], '=');
    if (equals) *equals = 0;
    struct alias *alias = find_alias(argv[at]);
    if (!equals) {
      if (alias) show_alias(alias);
      else fprintf(stderr, "alias: %s not found\n", argv[at]), answer = 1;
      continue;
    }
    if (!alias) {
      if (!(alias = calloc(1, sizeof *alias))) out_of_memory();
      alias->name = copied(argv[at]);
      alias->next = aliases, aliases = alias;
    } else free(alias->value);
    alias->value = copied(equals + 1);
  }
  return answer;
}

static int unalias_builtin(int argc, char **argv) {
  int answer = 0, all = argc > 1 && strcmp(argv[1], "-a") == 0;
  for (int at = 1; at < argc && !all; at++)
    if (!find_alias(argv[at])) fprintf(stderr, "unalias: %s not found\n", argv[at]), answer = 1;
  for (struct alias **place = &aliases; *place;) {
    int gone = all;
    for (int at = 1; at < argc && !gone; at++) gone = strcmp((*place)->name, argv[at]) == 0;
    struct alias *old = *place;
    if (!gone) {
      place = &old->next;
      continue;
    }
    *place = old->next;
    free(old->name), free(old->value), free(old);
  }
  return answer;
}

// Answers 127 for what is no command.
int describe(const char *name, int verbose) {
  const struct alias *alias = find_alias(name);
  const struct builtin *builtin = find_builtin(name);
  char *file = 0;
  if (is_keyword(name)) printf(verbose ? "%s is a shell keyword\n" : "%s\n", name);
  else if (alias) {
    if (verbose) printf("%s is an alias for %s\n", name, alias->value);
    else fputs("alias ", stdout), show_alias(alias);
  } else if (find_function(name) && !(builtin && builtin->flags & SPECIAL)) printf(verbose ? "%s is a shell function\n" : "%s\n", name);
  else if (builtin) printf(!verbose ? "%s\n" : builtin->flags & SPECIAL ? "%s is a special shell builtin\n" : "%s is a shell builtin\n", name);
  else if ((file = find_program(name)) && access(file, 0) == 0) {
    if (verbose) printf("%s is %s\n", name, file);
    else puts(file);
  } else {
    if (verbose) printf("%s: not found\n", name);
    return 127;
  }
  return 0;
}

static int type_builtin(int argc, char **argv) {
  int answer = 0;
  for (int at = 1; at < argc; at++) answer |= describe(argv[at], 1);
  return answer;
}

// `command NAME` itself is done where commands are run.
static int command_builtin(int argc, char **argv) {
  int at = 1, verbose = 0;
  for (; at < argc && *argv[at] == '-'; at++) verbose = argv[at][1] == 'V';
  return at < argc ? describe(argv[at], verbose) : 0;
}

static int hash_builtin(int argc, char **argv) {
  int answer = 0;
  for (int at = 1; at < argc; at++)
    if (*argv[at] != '-' && !find_builtin(argv[at]) && !find_function(argv[at]) && !find_program(argv[at])) warn("%s: not found", argv[at]), answer = 1;
  return answer;
}

// Programs that are tools as well say their messages as the shell does.
static int as_tool(int (*main)(int, char **), int argc, char **argv) {
  struct text name = {.arena = &scratch};
  char number[16];
  snprintf(number, sizeof number, ": %d: ", line);
  add_text(&name, shell_name), add_text(&name, number), add_text(&name, argv[0]);
  const char *outer = tool;
  tool = ended(&name), errno = 0;
  int answer = main(argc, argv);
  return tool = outer, answer;
}
TOOL(printf);
TOOL(test);
static int printf_builtin(int argc, char **argv) { return as_tool(printf_main, argc, argv); }
static int test_builtin(int argc, char **argv) { return as_tool(test_main, argc, argv); }

#define ELSEWHERE(name) int name##_builtin(int argc, char **argv);
ELSEWHERE(bg) ELSEWHERE(cd) ELSEWHERE(echo) ELSEWHERE(fg) ELSEWHERE(getopts) ELSEWHERE(jobs) ELSEWHERE(kill) ELSEWHERE(pwd)
ELSEWHERE(read) ELSEWHERE(times) ELSEWHERE(trap) ELSEWHERE(ulimit) ELSEWHERE(umask) ELSEWHERE(wait)

static const struct builtin builtins[] = {
    {".", dot, SPECIAL},
    {":", colon, SPECIAL},
    {"[", test_builtin, 0},
    {"alias", alias_builtin, 0},
    {"bg", bg_builtin, 0},
    {"break", break_builtin, SPECIAL},
    {"cd", cd_builtin, 0},
    {"chdir", cd_builtin, 0},
    {"command", command_builtin, 0},
    {"continue", continue_builtin, SPECIAL},
    {"echo", echo_builtin, 0},
    {"eval", eval_builtin, SPECIAL},
    {"exec", exec_builtin, SPECIAL},
    {"exit", exit_builtin, SPECIAL},
    {"export", export_builtin, SPECIAL | ASSIGNS},
    {"false", false_builtin, 0},
    {"fg", fg_builtin, 0},
    {"getopts", getopts_builtin, 0},
    {"hash", hash_builtin, 0},
    {"jobs", jobs_builtin, 0},
    {"kill", kill_builtin, 0},
    {"local", local_builtin, SPECIAL | ASSIGNS},
    {"printf", printf_builtin, 0},
    {"pwd", pwd_builtin, 0},
    {"read", read_builtin, 0},
    {"readonly", readonly_builtin, SPECIAL | ASSIGNS},
    {"return", return_builtin, SPECIAL},
    {"set", set_builtin, SPECIAL},
    {"shift", shift_builtin, SPECIAL},
    {"test", test_builtin, 0},
    {"times", times_builtin, SPECIAL},
    {"trap", trap_builtin, SPECIAL},
    {"true", colon, 0},
    {"type", type_builtin, 0},
    {"ulimit", ulimit_builtin, 0},
    {"umask", umask_builtin, 0},
    {"unalias", unalias_builtin, 0},
    {"unset", unset_builtin, SPECIAL},
    {"wait", wait_builtin, 0}};
enum { builtin_count = sizeof builtins / sizeof *builtins };

const struct builtin *builtin_at(int at) { return at < builtin_count ? &builtins[at] : 0; }

static int compare(const void *name, const void *builtin) { return strcmp(name, ((const struct builtin *)builtin)->name); }
const struct builtin *find_builtin(const char *name) {
  return bsearch(name, builtins, builtin_count, sizeof *builtins, compare);
}
