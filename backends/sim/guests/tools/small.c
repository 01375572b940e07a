// Tools of a few lines: echo true false cat sleep seq yes
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools.h"

TOOL(true) { return (void)argc, (void)argv, 0; }
TOOL(false) { return (void)argc, (void)argv, 1; }

TOOL(echo) {
  int line = 1, at = 1;
  for (; at < argc && strcmp(argv[at], "-n") == 0; at++) line = 0;
  for (int first = at; at < argc; at++) {
    if (at > first) putchar(' ');
    fputs(argv[at], stdout);
  }
  if (line) putchar('\n');
  return 0;
}

static int copy(int fd, const char *name) {
  static char buffer[32768];
  for (;;) {
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0) return 0;
    if (got < 0) return complain("%s", name);
    if (fwrite(buffer, 1, got, stdout) == 0) return complain("write error");
  }
}

TOOL(cat) {
  int status = 0;
  if (argc < 2) return copy(0, "-");
  for (int at = 1; at < argc; at++) {
    int fd = strcmp(argv[at], "-") ? open(argv[at], O_RDONLY) : 0;
    if (fd < 0) {
      status = complain("%s", argv[at]);
      continue;
    }
    status |= copy(fd, argv[at]);
    if (fd > 0) close(fd);
  }
  return status;
}

TOOL(sleep) {
  double seconds = 0;
  for (int at = 1; at < argc; at++) seconds += atof(argv[at]);
  usleep((unsigned)(seconds * 1e6));
  return 0;
}

TOOL(seq) {
  double first = argc > 2 ? atof(argv[1]) : 1, step = argc > 3 ? atof(argv[2]) : 1, last = atof(argv[argc - 1]);
  for (long at = 0; step > 0 ? first + at * step <= last : first + at * step >= last; at++)
    printf("%g\n", first + at * step);
  return 0;
}

TOOL(yes) {
  while (puts(argc > 1 ? argv[1] : "y") >= 0) continue;
  return 1;
}
