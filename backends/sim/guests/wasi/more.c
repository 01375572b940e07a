// What wasi-libc leaves out, and the contract has: commands, and files without a name.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "calls-of-wasi.h"

extern char **environ;

int system(const char *command) {
  if (!command) return 1;
  long long child = sys_fork();
  if (child < 0) return -1;
  if (child == 0) {
    const struct guest_text argv[] = {{"sh", 2}, {"-c", 2}, {command, strlen(command)}};
    struct guest_text envp[64];
    int count = 0;
    for (char **at = environ; at && *at && count < 64; at++) envp[count++] = (struct guest_text){*at, strlen(*at)};
    sys_execve("/bin/sh", argv, 3, envp, count);
    sys_exit_group(127);
  }
  int status = 0;
  while (sys_wait4(child, &status, 4, 0, 0) == -4) continue;
  return status;
}

FILE *tmpfile(void) {
  long long fd = sys_memfd_create("tmpfile", 0);
  if (fd >= 0) return fdopen(fd == kernel_descriptor(3) ? 3 : fd, "w+");
  errno = wasi_errno(fd);
  return 0;
}

// Nobody should: what it names may be there a moment later.
char *tmpnam(char *room) {
  (void)room;
  return 0;
}
