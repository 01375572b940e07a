// How a guest begins and ends: its arguments and environment, the memory that answers are written to, handlers of signals.
#include <calls.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int errno;
char **environ;
void *guest_into;
unsigned long guest_into_bytes;

int main(int argc, char **argv);

unsigned long guest_length(const char *text) { return strlen(text); }

// Called for an answer, and once for the room in which a suspended guest keeps its frames.
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
  (void)old_bytes, (void)align;
  if (old == 0 && guest_into && bytes <= guest_into_bytes) {
    void *into = guest_into;
    guest_into = 0;
    return into;
  }
  return realloc(old, bytes);
}

// Strings that end in a zero byte, one behind another, as a vector.
static char **vector(struct guest_text texts, int *count) {
  *count = 0;
  for (unsigned long at = 0; at < texts.bytes; at++) *count += texts.start[at] == 0;
  char **items = malloc((*count + 1) * sizeof *items);
  char *at = (char *)texts.start;
  for (int item = 0; item < *count; item++, at += strlen(at) + 1) items[item] = at;
  items[*count] = 0;
  return items;
}

static void (*last_acts[8])(void);
static int last_count;

int atexit(void (*act)(void)) {
  if (last_count == 8) return -1;
  last_acts[last_count++] = act;
  return 0;
}

void _exit(int status) {
  sys_exit_group(status);
  __builtin_unreachable();
}

void exit(int status) {
  while (last_count > 0) last_acts[--last_count]();
  fflush(0);
  _exit(status);
}

void abort(void) {
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
  _exit(127);
}

__attribute__((export_name("start"))) int start(void) {
  struct guest_text texts;
  int argc, envc;
  guest_argv(&texts);
  char **argv = vector(texts, &argc);
  guest_envp(&texts);
  environ = vector(texts, &envc);
  exit(main(argc, argv));
}

static sighandler_t handlers[NSIG];

__attribute__((export_name("deliver"))) void deliver(int number) {
  int saved = errno;
  // The call that the handler disturbs may still have an answer to come.
  void *into = guest_into;
  unsigned long into_bytes = guest_into_bytes;
  if (number > 0 && number < NSIG && handlers[number]) handlers[number](number);
  errno = saved, guest_into = into, guest_into_bytes = into_bytes;
}

static int checked(long long answer) {
  if (answer >= 0) return (int)answer;
  errno = (int)-answer;
  return -1;
}

int sigaction(int number, const struct sigaction *action, struct sigaction *old) {
  if (number <= 0 || number >= NSIG) return checked(-EINVAL);
  sighandler_t before = handlers[number];
  if (action) {
    sighandler_t handler = action->sa_handler;
    struct guest_sigaction given = {handler == SIG_DFL ? 0 : handler == SIG_IGN ? 1 : 2, action->sa_flags, action->sa_mask};
    if (checked(sys_rt_sigaction(number, &given, 0, 8)) < 0) return -1;
    handlers[number] = handler;
  }
  if (old) *old = (struct sigaction){before, 0, 0};
  return 0;
}

sighandler_t signal(int number, sighandler_t handler) {
  struct sigaction action = {handler, 0, SA_RESTART}, old;
  return sigaction(number, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

int kill(pid_t pid, int number) { return checked(sys_kill(pid, number)); }
int raise(int number) { return kill(getpid(), number); }
int sigsuspend(const sigset_t *mask) { return checked(sys_rt_sigsuspend(*mask, 8)); }

int sigprocmask(int how, const sigset_t *set, sigset_t *old) {
  static sigset_t current;
  if (old) *old = current;
  if (!set) return 0;
  if (checked(sys_rt_sigprocmask(how, *set, 0, 8)) < 0) return -1;
  current = how == SIG_BLOCK ? current | *set : how == SIG_UNBLOCK ? current & ~*set : *set;
  return 0;
}
