// Tools that change what a program runs with, and run it: chroot nice nohup setsid timeout watch taskset flock; hostname
// pivot_root renice
#include <calls.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "system.h"

// As coreutils say that a program does not run.
static int run(char **argv, const char *what) {
  fflush(0);
  execvp(argv[0], argv);
  int status = errno == ENOENT ? 127 : 126;
  complain("%s\u2018%s\u2019", what, argv[0]);
  return status;
}

static int failed(long long answer) {
  if (answer < 0) errno = (int)-answer;
  return answer < 0;
}

TOOL(chroot) {
  const char *user = 0;
  static const struct option longs[] = {{"userspec", 1, 0, 'u'}, {"groups", 1, 0, 'g'}, {"skip-chdir", 0, 0, 's'}, {0}};
  int stays = 0;
  for (int letter; (letter = getopt_long(argc, argv, "+", longs, 0)) != -1;)
    if (letter == 'u') user = optarg;
    else if (letter == 's') stays = 1;
    else if (letter == '?') return usage("bad usage"), 125;
  if (!argv[optind]) return errno = 0, usage("missing operand"), 125;
  if (chroot(argv[optind]) < 0) return complain("cannot change root directory to '%s'", argv[optind]), 125;
  if (!stays && chdir("/") < 0) return complain("cannot chdir to root directory"), 125;
  char *colon = user ? strchr(user, ':') : 0;
  if ((colon && setgid(atoi(colon + 1)) < 0) || (user && setuid(atoi(user)) < 0)) return complain("failed to set user-ID"), 125;
  if (argv[optind + 1]) return run(argv + optind + 1, "failed to run command ");
  char *shell = getenv("SHELL");
  return run((char *[]){shell ? shell : "/bin/sh", "-i", 0}, "failed to run command ");
}

TOOL(pivot_root) {
  if (argc != 3) return usage("bad usage");
  if (pivot_root(argv[1], argv[2]) == 0) return 0;
  return complain("failed to change root from `%s' to `%s'", argv[1], argv[2]);
}

TOOL(hostname) {
  if (argc > 1 && *argv[1] != '-') {
    if (sethostname(argv[1], strlen(argv[1])) == 0) return 0;
    fprintf(stderr, "hostname: %s\n", errno == EPERM ? "you must be root to change the host name" : "name too long");
    return 1;
  }
  char name[65];
  gethostname(name, sizeof name);
  if (argc > 1 && strcmp(argv[1], "-s") == 0) name[strcspn(name, ".")] = 0;
  puts(name);
  return 0;
}

TOOL(nice) {
  int by = 10, at = 1;
  for (; at < argc && *argv[at] == '-' && argv[at][1]; at++) {
    char *word = argv[at] + 1;
    if (strcmp(word, "n") == 0 && at + 1 < argc) by = atoi(argv[++at]);
    else if (*word == 'n') by = atoi(word + 1);
    else if (strncmp(word, "-adjustment=", 12) == 0) by = atoi(word + 12);
    else by = atoi(word);
  }
  int now = 20 - (int)sys_getpriority(0, 0);
  if (at >= argc) return printf("%d\n", now), 0;
  if (failed(sys_setpriority(0, 0, now + by))) complain("cannot set niceness");
  return run(argv + at, "");
}

TOOL(renice) {
  int at = 1, kind = 0, status = 0;
  if (at < argc && (strcmp(argv[at], "-n") == 0 || strcmp(argv[at], "--priority") == 0)) at++;
  if (at + 1 >= argc) return usage("not enough arguments");
  int to = atoi(argv[at++]);
  for (; at < argc; at++) {
    if (argv[at][0] == '-') {
      kind = argv[at][1] == 'g' ? 1 : argv[at][1] == 'u' ? 2 : 0;
      continue;
    }
    int who = atoi(argv[at]);
    static const char *const words[] = {"process ID", "process group ID", "user ID"};
    long long old = sys_getpriority(kind, who);
    if (failed(old)) status = complain("failed to get priority for %d (%s)", who, words[kind]);
    else if (failed(sys_setpriority(kind, who, to))) status = complain("failed to set priority for %d (%s)", who, words[kind]);
    else printf("%d (%s) old priority %d, new priority %d\n", who, words[kind], 20 - (int)old, 20 - (int)sys_getpriority(kind, who));
  }
  return status;
}

TOOL(nohup) {
  if (argc < 2) return usage("missing operand"), 125;
  if (isatty(0)) dup2(open("/dev/null", O_WRONLY), 0);
  if (isatty(1)) {
    int fd = open("nohup.out", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0) return complain("failed to open 'nohup.out'"), 125;
    fputs("nohup: ignoring input and appending output to 'nohup.out'\n", stderr);
    dup2(fd, 1), close(fd);
  }
  if (isatty(2)) dup2(1, 2);
  signal(SIGHUP, SIG_IGN);
  return run(argv + 1, "failed to run command ");
}

TOOL(setsid) {
  int forks = 0, waits = 0, terminal = 0;
  for (int letter; (letter = getopt(argc, argv, "+cfw")) != -1;)
    if (letter == '?') return 1;
    else *(letter == 'f' ? &forks : letter == 'w' ? &waits : &terminal) = 1;
  if (!argv[optind]) return usage("no command specified");
  if (forks || getpgrp() == getpid()) {
    pid_t child = fork();
    if (child < 0) return complain("fork");
    if (child > 0) return waits ? status_of(child) : 0;
  }
  if (setsid() < 0) return complain("setsid failed");
  if (terminal && failed(sys_ioctl_int(0, 0x540e, 1))) return complain("failed to set the controlling terminal");
  return execute_program(argv + optind);
}

static double seconds_of(const char *text) {
  char *end;
  double seconds = strtod(text, &end);
  if (end == text) return -1;
  return seconds * (*end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1);
}

static pid_t guarded;
static int timeout_signal = SIGTERM, expired, after_seconds;
static void on_alarm(int number) {
  if (number != SIGALRM) {
    kill(guarded, number);
    return;
  }
  kill(guarded, expired++ ? SIGKILL : timeout_signal);
  if (expired == 1) kill(guarded, SIGCONT);
  if (after_seconds && expired == 1) alarm(after_seconds);
}

TOOL(timeout) {
  int keeps = 0;
  static const struct option longs[] = {{"signal", 1, 0, 's'}, {"kill-after", 1, 0, 'k'}, {"preserve-status", 0, 0, 1}, {"foreground", 0, 0, 2}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "+s:k:v", longs, 0)) != -1;)
    if (letter == '?') return usage("bad usage"), 125;
    else if (letter == 'k') after_seconds = (int)seconds_of(optarg);
    else if (letter == 1) keeps = 1;
    else if (letter == 's' && (timeout_signal = signal_number(optarg)) < 0) return object("\u2018%s\u2019: invalid signal", optarg), 125;
  if (!argv[optind] || !argv[optind + 1]) return usage("missing operand"), 125;
  double seconds = seconds_of(argv[optind]);
  if (seconds < 0) return usage("invalid time interval \u2018%s\u2019", argv[optind]), 125;
  signal(SIGALRM, on_alarm), signal(SIGTERM, on_alarm), signal(SIGINT, on_alarm);
  guarded = fork();
  if (guarded < 0) return complain("fork system call failed"), 125;
  if (guarded == 0) {
    signal(SIGTERM, SIG_DFL), signal(SIGINT, SIG_DFL);
    return run(argv + optind + 1, "failed to run command ");
  }
  // setitimer(2) of real time, for parts of seconds.
  long long timer[4] = {0, 0, (long long)seconds, (long long)((seconds - (long long)seconds) * 1e6)};
  if (seconds > 0) sys_setitimer(0, timer, sizeof timer, 0);
  int status;
  while (waitpid(guarded, &status, 0) < 0)
    if (errno != EINTR) return complain("error waiting for command"), 125;
  if (expired && !keeps) return expired > 1 ? 137 : 124;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TOOL(watch) {
  double every = 2;
  int without_head = 0;
  for (int letter; (letter = getopt(argc, argv, "+n:td")) != -1;)
    if (letter == '?') return 1;
    else if (letter == 'n') every = atof(optarg);
    else if (letter == 't') without_head = 1;
  if (!argv[optind]) return usage("no command specified");
  char line[1024] = "", host[65];
  for (int at = optind; argv[at]; at++) snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", at > optind ? " " : "", argv[at]);
  gethostname(host, sizeof host);
  for (;;) {
    time_t now = time(0);
    char date[40];
    strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", gmtime(&now));
    printf("\33[H\33[2J");
    if (!without_head) printf("Every %.1fs: %s    %s: %s\n\n", every, line, host, date);
    fflush(0);
    pid_t child = fork();
    if (child == 0) return execute_program((char *[]){"sh", "-c", line, 0});
    if (child > 0) waitpid(child, 0, 0);
    usleep((unsigned)(every * 1e6));
  }
}

static unsigned long long cpu_list(const char *text) {
  unsigned long long mask = 0;
  while (isdigit((unsigned char)*text)) {
    char *end;
    long from = strtol(text, &end, 10), to = *end == '-' ? strtol(end + 1, &end, 10) : from;
    for (; from <= to && from < 64; from++) mask |= 1ull << from;
    text = *end == ',' ? end + 1 : end;
  }
  return mask;
}

TOOL(taskset) {
  int list = 0, at = 1;
  pid_t pid = 0;
  for (; at < argc && *argv[at] == '-'; at++)
    for (char *letter = argv[at] + 1; *letter; letter++)
      if (*letter == 'c') list = 1;
      else if (*letter == 'p') pid = -1;
      else return usage("invalid option -- '%c'", *letter);
  if (at >= argc) return usage("bad usage");
  unsigned long long mask = 0;
  char *given = !pid || at + 1 < argc ? argv[at++] : 0;
  if (pid) pid = atoi(argv[at]);
  for (int turn = 0; turn < 2; turn++) {
    if (pid) {
      if (failed(sys_sched_getaffinity(pid, 8, &mask, 8))) return complain("failed to get pid %d's affinity", pid);
      printf(list ? "pid %d's %s affinity list: " : "pid %d's %s affinity mask: ", pid, turn ? "new" : "current");
      if (!list) printf("%llx", mask);
      for (int cpu = 0, some = 0; list && cpu < 64; cpu++) {
        if (!(mask >> cpu & 1)) continue;
        int end = cpu;
        while (end < 63 && mask >> (end + 1) & 1) end++;
        printf(end > cpu ? "%s%d-%d" : "%s%d", some++ ? "," : "", cpu, end);
        cpu = end;
      }
      putchar('\n');
    }
    if (!given) return 0;
    mask = list ? cpu_list(given) : strtoull(given, 0, 16);
    if (turn == 0 && failed(sys_sched_setaffinity(pid, 8, &mask, 8))) return complain("failed to set pid %d's affinity", pid);
    if (!pid) return execute_program(argv + at);
  }
  return 0;
}

TOOL(flock) {
  int how = 2, tries = 0, status = 1, command = 0;
  for (int letter; (letter = getopt(argc, argv, "+sxeunE:c")) != -1;)
    if (letter == '?') return 64;
    else if (letter == 's') how = 1;
    else if (letter == 'u') how = 8;
    else if (letter == 'n') tries = 4;
    else if (letter == 'E') status = atoi(optarg);
  if (!argv[optind]) return usage("not enough arguments"), 64;
  char **words = argv + optind + 1;
  if (*words && strcmp(*words, "-c") == 0) command = 1, words++;
  int fd = *words ? open(argv[optind], O_RDONLY | O_CREAT | O_NOCTTY, 0666) : atoi(argv[optind]);
  if (fd < 0) return complain("cannot open lock file %s", argv[optind]), 66;
  if (failed(sys_flock(fd, how | tries))) return errno == EAGAIN ? status : (complain("%s", argv[optind]), 69);
  if (!*words) return 0;
  pid_t child = fork();
  if (child == 0) return execute_program(command ? (char *[]){"sh", "-c", *words, 0} : words);
  return child < 0 ? complain("fork failed") : status_of(child);
}
