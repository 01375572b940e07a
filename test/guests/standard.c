// What a component of WASI does on a machine, in small parts: the first argument says which.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

static int hello(int argc, char **argv) {
  for (int at = 0; at < argc; at++) puts(argv[at]);
  printf("WHO=%s\n", getenv("WHO"));
  return 3;
}

static int cat(const char *path) {
  FILE *file = path ? fopen(path, "r") : stdin;
  if (!file) return fprintf(stderr, "%s: %s\n", path, strerror(errno)), 1;
  char room[4096];
  for (size_t count; (count = fread(room, 1, sizeof room, file)) > 0;) fwrite(room, 1, count, stdout);
  return 0;
}

static int keep(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) return perror(path), 1;
  file = fopen(path, "a");
  if (!file || fputs("more\n", file) < 0 || fclose(file)) return perror(path), 1;
  struct stat facts;
  if (stat(path, &facts)) return perror(path), 1;
  printf("%lld bytes\n", (long long)facts.st_size);
  return 0;
}

static int list(const char *path) {
  DIR *directory = opendir(path);
  if (!directory) return perror(path), 1;
  for (struct dirent *entry; (entry = readdir(directory));)
    printf("%s%s\n", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
  return 0;
}

static int rest(void) {
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  usleep(250000);
  clock_gettime(CLOCK_MONOTONIC, &after);
  printf("%lld\n", (after.tv_sec - before.tv_sec) * 1000LL + (after.tv_nsec - before.tv_nsec) / 1000000);
  return 0;
}

static int chance(void) {
  unsigned char bytes[16];
  if (getentropy(bytes, sizeof bytes)) return 1;
  for (size_t at = 0; at < sizeof bytes; at++) printf("%02x", bytes[at]);
  puts("");
  return 0;
}

static int work(int count) {
  volatile unsigned sum = 0;
  for (int at = 0; at < count; at++) sum += at;
  printf("%u\n", sum);
  return 0;
}

static char *volatile eaten;

static int eat(int megabytes) {
  int count = 0;
  for (char *room; count < megabytes && (room = malloc(1 << 20)); count++) {
    memset(room, 1, 1 << 20);
    eaten = room;
  }
  printf("%d\n", count);
  return 0;
}

static int move(const char *directory, const char *from, const char *to) {
  if (mkdir(directory, 0755) || rename(from, to) || unlink(to) || rmdir(directory)) return perror("move"), 1;
  return puts("moved"), 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "hello")) return hello(argc, argv);
  if (!strcmp(what, "cat")) return cat(argv[2]);
  if (!strcmp(what, "keep")) return keep(argv[2], argv[3]);
  if (!strcmp(what, "list")) return list(argv[2]);
  if (!strcmp(what, "rest")) return rest();
  if (!strcmp(what, "chance")) return chance();
  if (!strcmp(what, "work")) return work(atoi(argv[2]));
  if (!strcmp(what, "eat")) return eat(atoi(argv[2]));
  if (!strcmp(what, "move")) return move(argv[2], argv[3], argv[4]);
  return 9;
}
