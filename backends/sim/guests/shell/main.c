// sh: what it was called with, its beginning and its end, its messages.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <tools.h>
#include "shell.h"

int interactive;
char *shell_name;
const char *builtin_name;

static void say(const char *format, va_list given) {
  fflush(stdout);
  fprintf(stderr, "%s: %d: ", shell_name, line);
  if (builtin_name) fprintf(stderr, "%s: ", builtin_name);
  vfprintf(stderr, format, given);
  fputc('\n', stderr);
}

int warn(const char *format, ...) {
  va_list given;
  va_start(given, format);
  say(format, given);
  va_end(given);
  return 1;
}

// Ends the shell, or brings a terminal its prompt again. Answers the status.
int fail(const char *format, ...) {
  va_list given;
  va_start(given, format);
  say(format, given);
  va_end(given);
  unwinding = FAIL;
  return status = 2;
}

void finish(int answer) {
  status = answer;
  unwinding = NOTHING;
  run_exit_trap();
  if (unwinding == EXIT || unwinding == FAIL) answer = status;
  fflush(stdout);
  _exit(answer);
}

static void first_variables(void) {
  for (char **at = environ; *at; at++)
    if (name_length(*at) && (*at)[name_length(*at)] == '=') assign(*at, EXPORTED);
  set_named("IFS", " \t\n"), set_named("OPTIND", "1"), set_named("PS2", "> "), set_named("PS4", "+ ");
  if (!get("PS1")) set_named("PS1", geteuid() ? "$ " : "# ");
  if (!get("PATH")) set_named("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  char number[16], *here = get("PWD");
  snprintf(number, sizeof number, "%d", getppid());
  set_named("PPID", number);
  struct stat one, other;
  if (here && *here == '/' && stat(here, &one) == 0 && stat(".", &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev) return;
  char *place = malloc(4096);
  if (place && getcwd(place, 4096)) set_named("PWD", place);
  free(place);
}

static void open_script(const char *name) {
  int fd = open(name, O_RDONLY);
  if (fd < 0) {
    line = 0;
    fail("cannot open %s: %s", name, errno == ENOENT ? "No such file" : strerror(errno));
    exit(2);
  }
  shell_name = (char *)name;
  push_file(move_up(fd), 0);
}

TOOL(sh) {
  shell_name = argv[0];
  shell_pid = getpid();
  first_variables();
  int at = 1;
  if (set_options(argc, argv, &at, 1)) return 2;
  char *text = 0;
  if (OPTION('c')) {
    if (at >= argc) return fail("-c requires an argument");
    text = argv[at++];
    if (at < argc) shell_name = argv[at++];
  } else if (at >= argc) OPTION('s') = 1;
  int terminal = OPTION('s') && isatty(0) && isatty(2);
  if (terminal && !text) OPTION('i') = 1;
  const char *script = OPTION('s') || text ? 0 : argv[at++];
  set_parameters(argc - at, argv + at);
  line = 1;
  if (script) open_script(script);
  else if (!text) push_file(0, terminal && OPTION('i'));
  interactive = OPTION('i');
  if (interactive) {
    OPTION('m') = 1;
    interactive_signals();
    set_job_control(1);
  } else if (OPTION('m')) set_job_control(1);
  int answer = text ? run_text(text, interactive ? 0 : LAST) : run_input(0);
  if (unwinding == EXIT || unwinding == FAIL || unwinding == RETURN) answer = status;
  finish(answer);
}
