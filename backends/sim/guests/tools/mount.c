// mount(8), umount(8): with util-linux's options, messages and exit statuses.
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "mounts.h"
#include "system.h"

static int list(const char *type) {
  int count;
  struct mounted *mounts = mounts_of("self", &count);
  for (int at = 0; at < count; at++) {
    if (type && strcmp(type, mounts[at].type)) continue;
    char *options = all_options(&mounts[at]);
    printf("%s on %s type %s (%s)\n", mounts[at].source, mounts[at].target, mounts[at].type, options);
    free(options);
  }
  return 0;
}

// Why mount(2) has refused, as libmount guesses it.
static int refused(const char *source, const char *target, const char *type, unsigned long flags) {
  int number = errno;
  struct stat found;
  int there = stat(target, &found) == 0;
  unsigned long propagation = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
  fprintf(stderr, "mount: %s: ", target);
  if (number == EPERM && geteuid() != 0) fputs("must be superuser to use mount", stderr);
  else if (number == EPERM) fputs(there && S_ISDIR(found.st_mode) ? "permission denied" : "mount point is not a directory", stderr);
  else if (number == ENOENT && !there) fputs("mount point does not exist", stderr);
  else if (number == ENOENT && source && !(flags & MS_REMOUNT)) fprintf(stderr, "special device %s does not exist", source);
  else if (number == ENOTDIR && !(there && S_ISDIR(found.st_mode) && source)) fputs("mount point is not a directory", stderr);
  else if (number == ENOTDIR) fprintf(stderr, "special device %s does not exist (a path prefix is not a directory)", source);
  else if (number == EINVAL && flags & MS_REMOUNT) fputs("mount point not mounted or bad option", stderr);
  else if (number == EINVAL && flags & propagation) fputs("not mount point or bad option", stderr);
  else if (number == EINVAL && flags & MS_MOVE) fprintf(stderr, "bad option; moving a mount residing under a shared mount is unsupported");
  else if (number == EINVAL)
    fprintf(stderr, "wrong fs type, bad option, bad superblock on %s, missing codepage or helper program, or other error", source);
  else if (number == EBUSY && !(flags & MS_REMOUNT)) fprintf(stderr, "%s already mounted or mount point busy", source);
  else if (number == EBUSY) fputs("mount point is busy", stderr);
  else if (number == ENOTBLK) fprintf(stderr, "%s is not a block device", source);
  else if (number == ENODEV) fprintf(stderr, "unknown filesystem type '%s'", type);
  else fprintf(stderr, "mount(2) system call failed: %s", strerror(number));
  fputs(".\n       dmesg(1) may have more information after failed mount system call.\n", stderr);
  return 32;
}

static unsigned long propagations[8];
static int propagation_count;

TOOL(mount) {
  const char *type = 0;
  char *options = "";
  unsigned long more = 0;
  static const struct option longs[] = {
      {"types", 1, 0, 't'}, {"options", 1, 0, 'o'}, {"bind", 0, 0, 'B'}, {"rbind", 0, 0, 'R'}, {"move", 0, 0, 'M'},
      {"read-only", 0, 0, 'r'}, {"rw", 0, 0, 'w'}, {"make-private", 0, 0, 1}, {"make-rprivate", 0, 0, 2}, {"make-slave", 0, 0, 3},
      {"make-rslave", 0, 0, 4}, {"make-shared", 0, 0, 5}, {"make-rshared", 0, 0, 6}, {"make-unbindable", 0, 0, 7},
      {"make-runbindable", 0, 0, 8}, {"verbose", 0, 0, 'v'}, {"mkdir", 2, 0, 'm'}, {0}};
  int verbose = 0, make = 0;
  for (int letter; (letter = getopt_long(argc, argv, "t:o:BRMrwvnlm", longs, 0)) != -1;) switch (letter) {
      case 't': type = optarg; break;
      case 'o':
        if (*options) asprintf(&options, "%s,%s", options, optarg);
        else options = optarg;
        break;
      case 'B': more |= MS_BIND; break;
      case 'R': more |= MS_BIND | MS_REC; break;
      case 'M': more |= MS_MOVE; break;
      case 'r': more |= MS_RDONLY; break;
      case 'v': verbose = 1; break;
      case 'm': make = 1; break;
      case 'w': case 'n': case 'l': break;
      case '?': return usage("bad usage");
      default: {
        static const unsigned long kinds[] = {MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE};
        if (propagation_count < 8)
          propagations[propagation_count++] = kinds[(letter - 1) / 2] | (letter % 2 ? 0 : MS_REC);
      }
    }
  char *data = need(malloc(strlen(options) + 2));
  unsigned long flags = mount_flags(options, data) | more, kinds = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
  const char *source = argv[optind], *target = source ? argv[optind + 1] : 0;
  if (!source && !flags && !propagation_count) return list(type);
  if (!source || (target && argv[optind + 2])) return usage("bad usage");
  if (flags & kinds && propagation_count < 8) {
    propagations[propagation_count++] = flags & (kinds | MS_REC);
    flags &= ~kinds;
    if (!(flags & MS_BIND)) flags &= ~(unsigned long)MS_REC;
  }
  if (!target) {
    target = source;
    if (!(flags & (MS_REMOUNT | MS_MOVE)) && !propagation_count) {
      fprintf(stderr, "mount: %s: can't find in /etc/fstab.\n", source);
      return 1;
    }
    source = "none";
  }
  if (make && mkdir(target, 0755) < 0 && errno != EEXIST) return complain("%s: mkdir failed", target);
  if (flags & ~0u || *data || type || argv[optind + 1]) {
    // A bind mount takes its own flags by a second call.
    unsigned long own = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_STRICTATIME | MS_RELATIME);
    int binds = flags & MS_BIND && !(flags & MS_REMOUNT);
    char *real = binds || flags & MS_MOVE ? realpath(source, 0) : 0;
    if (!type && !(flags & (MS_BIND | MS_MOVE | MS_REMOUNT))) {
      // Which type a source without one has, only a block device could tell.
      struct stat found;
      fprintf(stderr, stat(source, &found) == 0 ? "mount: %s: %s is not a block device.\n" : "mount: %s: special device %s does not exist.\n", target, source);
      if (stat(source, &found) < 0) fputs("       dmesg(1) may have more information after failed mount system call.\n", stderr);
      return 32;
    }
    if (mount(real ? real : source, target, type ? type : "none", binds ? flags & (MS_BIND | MS_REC) : flags, *data ? data : 0) < 0)
      return refused(source, target, type ? type : "none", flags);
    if (binds && own && mount("none", target, 0, MS_REMOUNT | MS_BIND | own, 0) < 0) return refused(source, target, "none", flags | MS_REMOUNT);
    if (verbose) printf(binds ? "mount: %s bound on %s.\n" : "mount: %s mounted on %s.\n", source, target);
  }
  for (int at = 0; at < propagation_count; at++)
    if (mount("none", target, 0, propagations[at], 0) < 0) return refused(source, target, "none", propagations[at]);
  return 0;
}

static int unmount(const char *target, int flags) {
  if (umount2(target, flags) == 0) return 0;
  int number = errno;
  fprintf(stderr, "umount: %s: ", target);
  if (number == EPERM) fputs("must be superuser to unmount", stderr);
  else if (number == EBUSY) fputs("target is busy", stderr);
  else if (number == EINVAL) fputs("not mounted", stderr);
  else if (number == ENOENT) fputs("no mount point specified", stderr);
  else fprintf(stderr, "umount(2) failed: %s", strerror(number));
  fputs(".\n", stderr);
  return 32;
}

TOOL(umount) {
  int flags = 0, recursive = 0, every = 0, status = 0;
  const char *type = 0;
  static const struct option longs[] = {{"lazy", 0, 0, 'l'}, {"force", 0, 0, 'f'}, {"recursive", 0, 0, 'R'}, {"all", 0, 0, 'a'}, {"types", 1, 0, 't'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "lfRnat:vrq", longs, 0)) != -1;) switch (letter) {
      case 'l': flags |= MNT_DETACH; break;
      case 'f': flags |= MNT_FORCE; break;
      case 'R': recursive = 1; break;
      case 'a': every = 1; break;
      case 't': type = optarg; break;
      case '?': return usage("bad usage");
    }
  if (!argv[optind] && !every) return usage("bad usage");
  for (int at = optind; argv[at] || every; at++) {
    int count;
    struct mounted *mounts = mounts_of("self", &count);
    if (every) {
      for (int other = count - 1; other >= 0; other--)
        if (type ? strcmp(type, mounts[other].type) == 0 : strcmp(mounts[other].type, "proc") && strcmp(mounts[other].target, "/"))
          status |= unmount(mounts[other].target, flags);
      return status;
    }
    char *target = realpath(argv[at], 0);
    if (!target) {
      status = unmount(argv[at], flags);
      continue;
    }
    // A source stands for where it is mounted.
    int is_target = 0;
    for (int other = 0; other < count; other++) is_target |= strcmp(mounts[other].target, target) == 0;
    for (int other = count - 1; !is_target && other >= 0; other--)
      if (strcmp(mounts[other].source, argv[at]) == 0) target = mounts[other].target, is_target = 1;
    if (!recursive) {
      status |= unmount(target, flags);
      continue;
    }
    size_t length = strlen(target);
    if (!is_target) fprintf(stderr, "umount: %s: not mounted\n", argv[at]), status = 1;
    for (int other = count - 1; other >= 0; other--)
      if (strncmp(mounts[other].target, target, length) == 0 && (!mounts[other].target[length] || mounts[other].target[length] == '/'))
        status |= unmount(mounts[other].target, flags);
  }
  return status;
}
