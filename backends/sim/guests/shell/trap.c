// Signals: what is to be done when they come, `trap`, `kill`.
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shell.h"

enum { signals = 65 };

// By number; 0 is the end of the shell. Empty: ignored.
static char *actions[signals];
static char pending[signals];
int trap_pending, interrupted;

// Their names belong to the tools.
const char *signal_name(int number);
int signal_number(const char *text);

static int number_of(const char *text) { return strcmp(text, "EXIT") == 0 || strcmp(text, "0") == 0 ? 0 : signal_number(text); }

static const char *name_of(int number) {
  static char text[8];
  const char *name = number ? signal_name(number) : "EXIT";
  if (name) return name;
  snprintf(text, sizeof text, "%d", number);
  return text;
}

static void came(int number) {
  if (number == SIGINT && interactive && !actions[number]) interrupted = 1;
  if (actions[number]) pending[number] = 1, trap_pending = 1;
}

static void listen(int number) {
  struct sigaction action = {.sa_handler = came};
  if (number == SIGINT && interactive && !actions[number]) action.sa_handler = came;
  else if (!actions[number]) {
    int ignores = interactive && (number == SIGQUIT || number == SIGTERM);
    ignores |= job_control && (number == SIGTSTP || number == SIGTTOU);
    action.sa_handler = ignores ? SIG_IGN : SIG_DFL;
  } else if (!*actions[number]) action.sa_handler = SIG_IGN;
  sigaction(number, &action, 0);
}

void interactive_signals(void) { listen(SIGINT), listen(SIGQUIT), listen(SIGTERM); }

int has_traps(void) {
  for (int at = 0; at < signals; at++)
    if (actions[at] && *actions[at]) return 1;
  return 0;
}

// The first that waits for its action, or 0.
int pending_signal(void) {
  for (int at = 1; at < signals; at++)
    if (pending[at]) return at;
  return 0;
}

void run_traps(void) {
  int saved = status;
  trap_pending = 0;
  for (int at = 1; at < signals && !unwinding; at++) {
    if (!pending[at]) continue;
    pending[at] = 0;
    if (!actions[at]) continue;
    char *action = copied(actions[at]);
    run_text(action, 0);
    free(action);
    if (!unwinding) status = saved;
  }
}

void run_exit_trap(void) {
  char *action = actions[0];
  if (!action) return;
  actions[0] = 0;
  run_text(action, 0);
  free(action);
}

// In a copy of the shell: what is ignored stays so.
void reset_traps(void) {
  interactive = 0;
  for (int at = 0; at < signals; at++) {
    pending[at] = 0;
    if (!actions[at] || !*actions[at]) continue;
    free(actions[at]);
    actions[at] = 0;
    if (at) listen(at);
  }
  trap_pending = 0;
  interactive_signals();
}

static int show(void) {
  for (int at = 0; at < signals; at++) {
    if (!actions[at]) continue;
    fputs("trap -- ", stdout);
    print_quoted(actions[at]);
    printf(" %s\n", name_of(at));
  }
  return 0;
}

int trap_builtin(int argc, char **argv) {
  int at = 1, answer = 0;
  if (at < argc && strcmp(argv[at], "--") == 0) at++;
  if (at >= argc) return show();
  const char *action = 0;
  if (argc - at > 1) {
    if (!isdigit((unsigned char)*argv[at]) || number_of(argv[at]) < 0) action = argv[at++];
    if (action && strcmp(action, "-") == 0) action = 0;
  }
  for (; at < argc; at++) {
    int number = number_of(argv[at]);
    if (number < 0) {
      answer = 1, fprintf(stderr, "trap: %s: bad trap\n", argv[at]);
      continue;
    }
    free(actions[number]);
    actions[number] = action ? copied(action) : 0;
    if (number) listen(number);
  }
  return answer;
}

static int list_signals(const char *text) {
  if (text) {
    int number = atoi(text);
    if (number > 128) number -= 128;
    if (!isdigit((unsigned char)*text) || number <= 0 || number >= signals) return fail("Illegal number: %s", text);
    return printf("%s\n", name_of(number)), 0;
  }
  for (int at = 1; signal_name(at); at++) puts(signal_name(at));
  return 0;
}

int kill_builtin(int argc, char **argv) {
  int at = 1, number = SIGTERM, answer = 0;
  if (at < argc && strcmp(argv[at], "-l") == 0) return list_signals(argv[at + 1]);
  if (at < argc && *argv[at] == '-' && strcmp(argv[at], "--")) {
    const char *text = argv[at] + 1;
    if ((strcmp(text, "s") == 0 || strcmp(text, "n") == 0) && at + 1 < argc) text = argv[++at];
    number = number_of(text);
    if (number < 0) return fail("Illegal option -%c", *text);
    at++;
  }
  if (at < argc && strcmp(argv[at], "--") == 0) at++;
  if (at >= argc) return fail("Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]");
  for (; at < argc; at++) {
    int pid;
    if (*argv[at] == '%') {
      if (!(pid = group_of_job(argv[at]))) {
        answer = 1, warn("No such job: %s", argv[at]);
        continue;
      }
    } else if (strspn(argv[at], "-0123456789") == strlen(argv[at]) && *argv[at]) pid = atoi(argv[at]);
    else return fail("Illegal number: %s", argv[at]);
    if (kill(pid, number) < 0) answer = 1, warn("%s", strerror(errno));
  }
  return answer;
}
