// What a benchmark has a guest do, by its first argument, as often as the second says.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int count;

static int ids(void) {
  for (int at = 0; at < count; at++) getpid();
  return 0;
}
static int reads(void) {
  char data[64];
  int fd = open("/small", O_RDONLY);
  for (int at = 0; at < count; at++)
    if (pread(fd, data, sizeof data, 0) != 6) return 1;
  return 0;
}
// A write to a pipe, and the read that makes room again.
static int pipes(void) {
  char data[64] = "some";
  int ends[2];
  if (pipe(ends) < 0) return 1;
  for (int at = 0; at < count; at += 2)
    if (write(ends[1], data, sizeof data) != sizeof data || read(ends[0], data, sizeof data) != sizeof data) return 1;
  return 0;
}

static int reaped(void) {
  int status = 1;
  return wait(&status) < 0 || status != 0;
}
static int forks(void) {
  for (int at = 0; at < count; at++) {
    if (fork() == 0) _exit(0);
    if (reaped()) return 1;
  }
  return 0;
}
static int spawns(void) {
  char *argv[] = {"true", 0};
  for (int at = 0; at < count; at++) {
    if (fork() == 0) {
      execv("/bin/true", argv);
      _exit(127);
    }
    if (reaped()) return 1;
  }
  return 0;
}

// Forks of a process that has so much memory of which it changes little.
static int forks_of(unsigned bytes) {
  char *memory = malloc(bytes);
  if (!memory) return 1;
  memset(memory, 1, bytes);
  for (int at = 0; at < count; at++) {
    memory[(at & 15) << 4]++;
    if (fork() == 0) _exit(0);
    if (reaped()) return 1;
  }
  return 0;
}
static int small_forks(void) { return forks_of(1 << 20); }
static int large_forks(void) { return forks_of(64 << 20); }

// So many processes that all wait at a time, and are all woken.
static int crowd(void) {
  int begin[2];
  char byte;
  if (pipe(begin) < 0) return 1;
  for (int at = 0; at < count; at++)
    if (fork() == 0) {
      close(begin[1]);
      _exit(read(begin[0], &byte, 1) != 0);
    }
  close(begin[1]);
  for (int at = 0; at < count; at++)
    if (reaped()) return 1;
  return 0;
}

static const struct {
  const char *name;
  int (*act)(void);
} acts[] = {{"ids", ids},       {"reads", reads},   {"pipes", pipes},
            {"forks", forks},   {"spawns", spawns}, {"small-forks", small_forks},
            {"large-forks", large_forks}, {"crowd", crowd}};

int main(int argc, char **argv) {
  if (argc < 3) return 0;
  count = atoi(argv[2]);
  for (unsigned at = 0; at < sizeof acts / sizeof *acts; at++)
    if (strcmp(acts[at].name, argv[1]) == 0) return acts[at].act();
  return 2;
}
