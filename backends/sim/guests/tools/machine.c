// Tools that tell about the machine and who asks: id whoami uname and their kin.
#include <ctype.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "shared.h"

static void show_id(const char *kind, unsigned number, const char *name, const char *before) {
  printf("%s%s%u", before, kind, number);
  if (!isdigit((unsigned char)*name)) printf("(%s)", name);
}

TOOL(id) {
  int kind = 0, name = 0, real = 0;
  for (int letter; (letter = getopt(argc, argv, "ugGnrz")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'n') name = 1;
    else if (letter == 'r') real = 1;
    else kind = letter;
  }
  uid_t uid = real || !kind ? getuid() : geteuid();
  gid_t gid = real || !kind ? getgid() : getegid(), *groups = need(malloc(64 * sizeof *groups));
  int count = getgroups(64, groups);
  char text[32];
  if (optind < argc) {
    struct passwd *user = getpwnam(argv[optind]);
    if (!user && isdigit((unsigned char)*argv[optind])) user = getpwuid(strtoul(argv[optind], 0, 10));
    if (!user) return object("'%s': no such user", argv[optind]);
    uid = user->pw_uid, gid = user->pw_gid, count = 0;
  }
  if (kind == 'u' || kind == 'g') {
    if (name) puts(kind == 'u' ? user_name(uid, text) : group_name(gid, text));
    else printf("%u\n", kind == 'u' ? uid : gid);
    return 0;
  }
  if (!kind) {
    show_id("uid=", uid, user_name(uid, text), "");
    show_id("gid=", gid, group_name(gid, text), " ");
    if (optind == argc && geteuid() != uid) show_id("euid=", geteuid(), user_name(geteuid(), text), " ");
    if (optind == argc && getegid() != gid) show_id("egid=", getegid(), group_name(getegid(), text), " ");
  }
  for (int at = -1; at < count; at++) {
    gid_t one = at < 0 ? gid : groups[at];
    if (at >= 0 && one == gid) continue;
    group_name(one, text);
    if (!kind) show_id("", one, text, at < 0 ? " groups=" : ",");
    else if (at >= 0) putchar(' ');
    if (kind) name ? printf("%s", text) : printf("%u", one);
  }
  putchar('\n');
  return 0;
}

TOOL(whoami) {
  char text[32];
  if (!getpwuid(geteuid())) return object("cannot find name for user ID %u", geteuid());
  puts(user_name(geteuid(), text));
  return 0;
}

TOOL(uname) {
  static const char letters[] = "snrvmo";
  struct utsname names;
  int wanted = 0;
  for (int letter; (letter = getopt(argc, argv, "asnrvmpio")) != -1;) {
    if (letter == '?') return 1;
    const char *found = strchr(letters, letter);
    wanted |= letter == 'a' ? 63 : found ? 1 << (found - letters) : 0;
  }
  if (optind < argc) return object("extra operand '%s'", argv[optind]);
  uname(&names);
  const char *parts[] = {names.sysname, names.nodename, names.release, names.version, names.machine, "GNU/Linux"};
  if (!wanted) wanted = 1;
  for (int at = 0, any = 0; at < 6; at++)
    if (wanted >> at & 1) printf("%s%s", any++ ? " " : "", parts[at]);
  putchar('\n');
  return 0;
}
