// A guest for tests of what runs guests: its first argument says what it does.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <calls.h>

static int number(char **argv) { return argv[1] ? atoi(argv[1]) : 0; }

static volatile unsigned sum;
static int busy(char **argv) {
  for (int round = number(argv) * 1000; round > 0; round--) sum += round;
  return 0;
}
static int forever(char **argv) {
  (void)argv;
  for (;;) sum++;
}
static int divide(char **argv) { return printf("%d\n", 1000 / number(argv)); }
static int outside(char **argv) { return *(volatile int *)(0x7ffffff0u + number(argv)); }
static int unreachable(char **argv) {
  (void)argv;
  __builtin_trap();
}

// Deep, with a pause in the depth.
static unsigned descend(unsigned depth, unsigned work) {
  if (depth == 0) {
    for (unsigned round = 0; round < work; round++) sum += round;
    getppid();
    return 1;
  }
  return descend(depth - 1, work) * 3 + depth;
}
static int deep(char **argv) { return printf("%u\n", descend(number(argv), 300000)) < 0; }

// Many variables live across the call, in frames that are saved while it stands still.
static unsigned long long wide(unsigned depth, unsigned long long a, unsigned long long b) {
  unsigned long long v[12];
  for (int at = 0; at < 12; at++) v[at] = a * at + (b >> at);
  unsigned long long c = v[0] + 1, d = v[1] * 3, e = v[2] ^ a, f = v[3] - b, g = v[4] | 1, h = v[5] << 1;
  unsigned long long below = depth ? wide(depth - 1, e, f) : (sum += getppid(), 1);
  return below + c * d + e * f + g * h + v[7] * v[8] + v[9] + v[10] * v[11];
}
static int broad(char **argv) { return printf("%llu\n", wide(number(argv), 7, 9)) < 0; }

static int bomb(char **argv) {
  int count = 0;
  (void)argv;
  while (malloc(1 << 20)) count++;
  return printf("%d\n", count) < 0;
}
static int forks(char **argv) {
  int count = 0;
  (void)argv;
  for (;;) {
    int pid = fork();
    if (pid == 0) sleep(1000), _exit(0);
    if (pid < 0) break;
    count++;
  }
  return printf("%d %s\n", count, strerror(errno)) < 0;
}

static int heard;
static void hear(int signal) {
  heard++;
  write(1, "handler\n", 8);
  (void)signal;
}
static void act(int signal, void (*handler)(int), int flags) {
  struct sigaction action = {handler, 0, flags};
  sigaction(signal, &action, 0);
}
static int restart(char **argv) {
  int ends[2], flags = number(argv) ? SA_RESTART : 0;
  char byte[4] = "";
  pipe(ends);
  act(SIGUSR1, hear, flags);
  int parent = getpid();
  if (fork() == 0) {
    sleep(1), kill(parent, SIGUSR1);
    sleep(1), write(ends[1], "x", 1);
    _exit(0);
  }
  int got = read(ends[0], byte, 1);
  return printf("%d %s %d\n", got, got < 0 ? strerror(errno) : byte, heard) < 0;
}
// A handler that forks, computes for longer than one turn, and is disturbed itself.
static void split(int signal) {
  int status;
  if (signal == SIGUSR2) {
    write(1, "inner\n", 6);
    return;
  }
  write(1, "outer\n", 6);
  if (fork() == 0) {
    sum = 0;
    for (int round = 0; round < 300000; round++) sum++;
    return;
  }
  wait(&status);
  kill(getpid(), SIGUSR2);
  for (int round = 0; round < 300000; round++) sum++;
  write(1, "outer ends\n", 11);
}
static int nested(char **argv) {
  (void)argv;
  act(SIGUSR1, split, 0), act(SIGUSR2, split, 0);
  int pid = getpid();
  kill(pid, SIGUSR1);
  return printf("%s goes on\n", pid == getpid() ? "parent" : "child") < 0;
}
static int inside;
static void hold(int signal) {
  char text[] = "enter 0\n";
  text[6] += inside++;
  write(1, text, 8);
  static int raised;
  if (!raised++) kill(getpid(), signal);
  inside--;
  write(1, "leave\n", 6);
}
static int held(char **argv) {
  act(SIGUSR1, hold, number(argv));
  kill(getpid(), SIGUSR1);
  return 0;
}
static void again(int signal) { kill(getpid(), signal); }
static int storm(char **argv) {
  (void)argv;
  act(SIGUSR1, again, 0x40000000);
  kill(getpid(), SIGUSR1);
  return 0;
}
static int stop(char **argv) {
  (void)argv;
  int pid = getpid(), ppid = getppid();
  if (fork() == 0) sleep(1), kill(pid, SIGCONT), _exit(0);
  kill(pid, SIGSTOP);
  return printf("goes on %d\n", ppid == getppid()) < 0;
}
static int spin(char **argv) {
  for (int round = number(argv); round > 0; round--) sum += getppid();
  return 0;
}
static int spawn(char **argv) {
  int status, ended = 0;
  for (int round = number(argv); round > 0; round--) {
    if (fork() == 0) _exit(round & 1);
    if (wait(&status) > 0) ended++;
  }
  return printf("%d\n", ended) < 0;
}
static int execs(char **argv) {
  int status, ended = 0;
  char *given[] = {"true", 0};
  for (int round = number(argv); round > 0; round--) {
    if (fork() == 0) execv("/bin/true", given), _exit(1);
    if (wait(&status) > 0 && status == 0) ended++;
  }
  return printf("%d\n", ended) < 0;
}
// Many at a time, each with something of its own.
static int many(char **argv) {
  int count = number(argv), status, right = 0;
  static int own[4];
  for (int at = 0; at < count; at++)
    if (fork() == 0) {
      for (int turn = 0; turn < 3; turn++) own[turn] = at * turn, sleep(1);
      _exit((own[1] + own[2] == at * 3) ? 7 : 1);
    }
  while (wait(&status) > 0) right += status == 7 << 8;
  return printf("%d\n", right) < 0;
}
static int shares(char **argv) {
  struct guest_clone_args flags = {(unsigned)number(argv), SIGCHLD, 0, 0, 0};
  long long answer = sys_clone3(&flags);
  if (answer == 0) _exit(0);
  return printf("%s\n", answer < 0 ? strerror(-(int)answer) : "made") < 0;
}
static int hostile(char **argv) {
  (void)argv;
  struct guest_result result;
  guest_call_write(1, (void *)0xfffffff0u, 100, &result);
  printf("write %lld\n", guest_answer(&result));
  guest_call_writev(1, (void *)16, 0x20000000, &result);
  printf("writev %lld\n", guest_answer(&result));
  guest_call_execve(1, "/bin/true", 9, (void *)16, 0x7fffffff, 0, 0, &result);
  printf("execve %lld\n", guest_answer(&result));
  guest_call_poll((void *)0xffff0000u, 100, 0, &result);
  printf("poll %lld\n", guest_answer(&result));
  fflush(stdout);
  guest_call_getppid((void *)0xfffffff8u);
  return printf("not reached\n") < 0;
}
static int missing(char **argv) {
  char *given[] = {"nothing", 0};
  execv("/nowhere", given);
  return printf("%s %s\n", strerror(errno), argv[0]) < 0;
}

static const struct { const char *name; int (*run)(char **); } acts[] = {
    {"busy", busy}, {"forever", forever}, {"divide", divide}, {"outside", outside}, {"unreachable", unreachable},
    {"deep", deep}, {"broad", broad}, {"bomb", bomb}, {"forks", forks}, {"restart", restart}, {"nested", nested},
    {"held", held}, {"storm", storm}, {"stop", stop}, {"spin", spin}, {"spawn", spawn}, {"execs", execs}, {"many", many},
    {"shares", shares}, {"hostile", hostile}, {"missing", missing},
};

int main(int argc, char **argv) {
  if (argc < 2) return 0;
  for (unsigned at = 0; at < sizeof acts / sizeof *acts; at++)
    if (!strcmp(argv[1], acts[at].name)) return acts[at].run(argv + 1);
  return 127;
}
