// filtered FILE PROGRAM [ARGUMENT...]: installs the seccomp filter in FILE and becomes PROGRAM.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  static struct sock_filter filter[4097];
  if (argc < 3) return 125;
  FILE *file = fopen(argv[1], "rb");
  if (!file) return 125;
  struct sock_fprog program = {(unsigned short)fread(filter, sizeof *filter, 4097, file), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    fprintf(stderr, "filter of %d instructions: %s\n", program.len, strerror(errno));
    return 125;
  }
  execvp(argv[2], argv + 2);
  return 127;
}
