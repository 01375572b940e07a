// PID 1. Of a machine: makes the slices of systemd, and ends all processes when it is told to. Of a container (`--init`):
// starts its program, hands signals on to it, and ends as it does. Both reap what is orphaned.
#include <calls.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "system.h"

static sigset_t all, before;

static pid_t start(char **argv, int own_group) {
  pid_t child = fork();
  if (child) return child;
  if (own_group) setpgid(0, 0), tcsetpgrp(0, getpid());
  sigprocmask(SIG_SETMASK, &before, 0);
  execvp(argv[0], argv);
  int status = errno == ENOENT ? 127 : 126;
  complain("cannot execute %s", argv[0]);
  _exit(status);
}

// What is there already stays: after a shutdown it is done again.
static void boot(void) {
  static const char *const slices[] = {"init.scope", "system.slice", "user.slice", "machine.slice"};
  static const char *const controllers[] = {"+cpuset", "+cpu", "+io", "+memory", "+pids"};
  char path[64];
  if (chdir("/sys/fs/cgroup") == 0) {
    for (unsigned at = 0; at < 4; at++) mkdir(slices[at], 0755);
    write_text("init.scope/cgroup.procs", "1");
    // One by one: a kernel need not have them all.
    for (unsigned at = 0; at < 5; at++) {
      write_text("cgroup.subtree_control", controllers[at]);
      for (unsigned slice = 1; slice < 3 && at > 2; slice++)
        snprintf(path, sizeof path, "%s/cgroup.subtree_control", slices[slice]), write_text(path, controllers[at]);
    }
  }
  chdir("/");
  start((char *[]){"ip", "link", "set", "lo", "up", 0}, 0);
}

// Asks all to end, and makes those that do not within ten seconds.
static void end_all(void) {
  static const long long most = 10000000000ll;
  for (int round = 0; round < 2; round++) {
    kill(-1, round ? SIGKILL : SIGTERM);
    do {
      pid_t ended;
      while ((ended = waitpid(-1, 0, WNOHANG)) > 0) continue;
      if (ended < 0) return;
    } while (sys_rt_sigtimedwait(1ull << (SIGCHLD - 1), 0, 0, round ? 0 : &most, 8) >= 0);
  }
}

TOOL(init) {
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  if (argc > 1 && strcmp(argv[1], "--") == 0) argc--, argv++;
  if (argc < 2 && getpid() != 1) return object("must be run as PID 1, or with a program");
  pid_t child = argc < 2 ? (boot(), 0) : start(argv + 1, 1);
  if (child < 0) return complain("cannot fork"), 125;
  for (;;) {
    long long number = sys_rt_sigtimedwait(all, 0, 0, 0, 8);
    int status;
    for (pid_t pid; number == SIGCHLD && (pid = waitpid(-1, &status, WNOHANG)) > 0;)
      if (pid == child) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (child && number > 0 && number != SIGCHLD) kill(child, (int)number);
    // What Ctrl-Alt-Del sends, and kill(1).
    if (!child && (number == SIGINT || number == SIGTERM)) end_all(), boot();
  }
}
