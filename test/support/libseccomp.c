// Reads a description of a filter on stdin and writes the program that libseccomp makes of it to stdout.
// default ACTION | arch TOKEN | rule ACTION NAME COUNT then COUNT times INDEX OPERATOR A B. Numbers are decimal. A rule
// that libseccomp refuses is named on stderr.
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
int main(void) {
  scmp_filter_ctx filter = NULL;
  char word[32], name[64];
  while (scanf("%31s", word) == 1) {
    if (!strcmp(word, "default")) {
      uint32_t action;
      if (scanf("%" SCNu32, &action) != 1 || !(filter = seccomp_init(action))) return 2;
    } else if (!strcmp(word, "arch")) {
      uint32_t token;
      if (scanf("%" SCNu32, &token) != 1) return 2;
      int r = seccomp_arch_add(filter, token);
      if (r && r != -EEXIST) fprintf(stderr, "arch %u: %d\n", token, r);
    } else if (!strcmp(word, "rule")) {
      uint32_t action;
      unsigned count;
      struct scmp_arg_cmp args[6];
      if (scanf("%" SCNu32 " %63s %u", &action, name, &count) != 3 || count > 6) return 2;
      for (unsigned i = 0; i < count; i++) {
        unsigned op;
        if (scanf("%u %u %" SCNu64 " %" SCNu64, &args[i].arg, &op, &args[i].datum_a, &args[i].datum_b) != 4) return 2;
        args[i].op = op;
      }
      int number = seccomp_syscall_resolve_name(name);
      if (number == __NR_SCMP_ERROR) continue;
      int r = seccomp_rule_add_array(filter, action, number, count, args);
      if (r) fprintf(stderr, "rule %s: %d\n", name, r);
    } else return 2;
  }
  return seccomp_export_bpf(filter, 1) ? 3 : 0;
}
