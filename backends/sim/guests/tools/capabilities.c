// Capabilities: capsh(1), setpriv(1)
#include <calls.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "system.h"

static const char names[] =
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast "
    "net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice "
    "sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm "
    "block_suspend audit_read perfmon bpf checkpoint_restore ";
enum { last = 41 };
static const unsigned long long all = (1ull << last) - 1;

// What `cap_chown,net_raw` or `all` names; says what is none.
static int set_of(const char *text, unsigned long long *to) {
  *to = 0;
  for (; *text; text += strcspn(text, ","), text += *text == ',') {
    size_t length = strcspn(text, ",");
    const char *own = text;
    if (length == 3 && strncmp(own, "all", 3) == 0) *to = all;
    if (*to == all) continue;
    if (length > 4 && strncasecmp(own, "cap_", 4) == 0) own += 4, length -= 4;
    int number = 0, found = 0;
    for (const char *at = names; *at && !found; at = strchr(at, ' ') + 1, number++)
      if (strcspn(at, " ") == length && strncasecmp(at, own, length) == 0) *to |= 1ull << number, found = 1;
    if (!found) return object("unknown capability \"%.*s\"", (int)length, own), 0;
  }
  return 1;
}

static void print(unsigned long long set, const char *prefix) {
  int number = 0, some = 0;
  for (const char *at = names; *at; at = strchr(at, ' ') + 1, number++)
    if (set >> number & 1) printf("%s%s%.*s", some++ ? "," : "", prefix, (int)strcspn(at, " "), at);
}

static unsigned long long field(const char *name) {
  char *text = file_text("/proc/self/status", 0), *at = text ? strstr(text, name) : 0;
  unsigned long long value = at ? strtoull(at + strlen(name), 0, 16) : 0;
  free(text);
  return value;
}

static int failed(long long answer) {
  if (answer < 0) errno = (int)-answer;
  return answer < 0;
}

// PR_CAPBSET_DROP
static int drop(unsigned long long set) {
  for (int number = 0; number < last; number++)
    if (set >> number & 1 && failed(sys_prctl(24, number, 0, 0, 0))) return complain("failed to drop capability %d", number);
  return 0;
}

static void ids(void) {
  char user[32], group[32];
  printf("uid=%u(%s) euid=%u(%s)\ngid=%u(%s)\n", getuid(), user_name(getuid(), user), geteuid(), user_name(geteuid(), user), getgid(), group_name(getgid(), group));
}

TOOL(capsh) {
  for (int at = 1; at < argc; at++) {
    char *word = argv[at], *value = strchr(word, '=');
    unsigned long long set;
    if (strcmp(word, "--print") == 0) {
      unsigned long long effective = field("CapEff:"), permitted = field("CapPrm:"), inheritable = field("CapInh:");
      printf("Current: ");
      if (permitted == all && effective == all) printf("=ep");
      else if (permitted == 0) printf("=");
      else print(permitted, "cap_"), printf("%s%sp", permitted & effective ? "=e" : "=", inheritable & permitted ? "i" : "");
      printf("\nBounding set ="), print(field("CapBnd:"), "cap_");
      printf("\nAmbient set ="), print(field("CapAmb:"), "cap_");
      printf("\nSecurebits: 00/0x0/1'b0 (no-new-privs=%llu)\n", field("NoNewPrivs:"));
      ids();
    } else if (strncmp(word, "--drop=", 7) == 0) {
      if (!set_of(value + 1, &set)) return 1;
      if (drop(set)) return 1;
    } else if (strncmp(word, "--has-p=", 8) == 0) {
      if (!set_of(value + 1, &set)) return 1;
      if ((field("CapPrm:") & set) != set) return object("capability is not permitted");
    } else if (strncmp(word, "--decode=", 9) == 0) {
      set = strtoull(value + 1, 0, 16);
      printf("0x%016llx=", set), print(set, "cap_"), putchar('\n');
    } else if (strncmp(word, "--caps=", 7) == 0) {
      // Only what takes all away or gives all there are.
      set = strcmp(value + 1, "") && strcmp(value + 1, "=") ? field("CapPrm:") : 0;
      struct guest_capability_sets sets = {set, set, 0};
      if (failed(sys_capset(&sets))) return complain("Unable to set capabilities");
    } else if (strncmp(word, "--uid=", 6) == 0) {
      if (setuid(atoi(value + 1)) < 0) return complain("Failed to set uid=%s", value + 1);
    } else if (strncmp(word, "--gid=", 6) == 0) {
      if (setgid(atoi(value + 1)) < 0) return complain("Failed to set gid=%s", value + 1);
    } else if (strcmp(word, "--") == 0 || strcmp(word, "==") == 0) {
      argv[at] = "sh";
      return execute_program(argv + at);
    } else return object("unrecognized option '%s'", word);
  }
  return 0;
}

TOOL(setpriv) {
  int at = 1, no_groups = 0;
  for (; at < argc && strncmp(argv[at], "--", 2) == 0 && argv[at][2]; at++) {
    char *word = argv[at] + 2, *value = strchr(word, '=');
    int takes = !(strcmp(word, "dump") == 0 || strcmp(word, "no-new-privs") == 0 || strcmp(word, "clear-groups") == 0);
    if (takes && !value) value = at + 1 < argc ? argv[++at] : "";
    else if (value) value++;
    size_t length = strcspn(word, "=");
    unsigned long long set;
    if (strcmp(word, "dump") == 0) {
      printf("uid: %u\neuid: %u\ngid: %u\negid: %u\n", getuid(), geteuid(), getgid(), getegid());
      gid_t groups[64];
      int count = getgroups(64, groups);
      printf("Supplementary groups: ");
      for (int group = 0; group < count; group++) printf("%s%u", group ? "," : "", groups[group]);
      printf("%s\nno_new_privs: %llu\n", count > 0 ? "" : "[none]", field("NoNewPrivs:"));
      static const char *const rows[] = {"Inheritable capabilities", "CapInh:", "Ambient capabilities", "CapAmb:", "Capability bounding set", "CapBnd:"};
      for (int row = 0; row < 6; row += 2) {
        printf("%s: ", rows[row]);
        print(field(rows[row + 1]), "");
        puts(field(rows[row + 1]) ? "" : "[none]");
      }
      return 0;
    }
    if (strcmp(word, "no-new-privs") == 0) {
      if (failed(sys_prctl(38, 1, 0, 0, 0))) return complain("disallow granting new privileges failed");
    } else if (strcmp(word, "clear-groups") == 0) no_groups = 1;
    else if (strncmp(word, "bounding-set", length) == 0 || strncmp(word, "inh-caps", length) == 0) {
      if (*value != '-' || !set_of(value + 1, &set)) return object("bad capability string");
      if (*word == 'b' && drop(set)) return 1;
      if (*word == 'i') {
        struct guest_capability_sets sets = {field("CapEff:"), field("CapPrm:"), field("CapInh:") & ~set};
        if (failed(sys_capset(&sets))) return complain("apply capabilities");
      }
    } else if (no_groups && setgroups(0, 0) < 0) return complain("setgroups failed");
    else if (strncmp(word, "reuid", length) == 0) {
      if (failed(sys_setresuid(atoi(value), atoi(value), atoi(value)))) return complain("setresuid failed");
    } else if (strncmp(word, "regid", length) == 0) {
      if (failed(sys_setresgid(atoi(value), atoi(value), atoi(value)))) return complain("setresgid failed");
    } else return usage("unrecognized option '--%s'", word);
  }
  if (no_groups && setgroups(0, 0) < 0 && errno != EPERM) return complain("setgroups failed");
  if (at < argc && strcmp(argv[at], "--") == 0) at++;
  if (at >= argc) return usage("No program specified");
  return execute_program(argv + at);
}
