// Which tool runs: by the name that the program was called, or by its first argument.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shared.h"
#include "system.h"
#include "tools.h"

#define ALL(EACH) FILE_TOOLS(EACH) SYSTEM_TOOLS(EACH) EACH(sh) EACH(test)

#define DECLARE(name) TOOL(name);
ALL(DECLARE)

static const struct {
  const char *name;
  int (*run)(int, char **);
} tools[] = {
#define ENTRY(name) {#name, name##_main},
    ALL(ENTRY){"[", test_main}, {"egrep", grep_main}, {"fgrep", grep_main}};

const char *tool;

int complain(const char *format, ...) {
  int number = errno;
  va_list given;
  va_start(given, format);
  fflush(stdout);
  fprintf(stderr, "%s: ", tool);
  vfprintf(stderr, format, given);
  va_end(given);
  if (number) fprintf(stderr, ": %s", strerror(number));
  fputc('\n', stderr);
  return 1;
}

int main(int argc, char **argv) {
  for (int first = 0; first < 2 && first < argc; first++) {
    const char *slash = strrchr(argv[first], '/');
    tool = slash ? slash + 1 : argv[first];
    // A login shell, and the init of a container.
    if (strcmp(tool, "-sh") == 0) tool++;
    if (strcmp(tool, "vitrine-init") == 0) tool += 8;
    for (unsigned at = 0; at < sizeof tools / sizeof *tools; at++)
      if (strcmp(tools[at].name, tool) == 0) return errno = 0, tools[at].run(argc - first, argv + first);
  }
  for (unsigned at = 0; at < sizeof tools / sizeof *tools; at++) puts(tools[at].name);
  return argc > 1 ? 127 : 0;
}
