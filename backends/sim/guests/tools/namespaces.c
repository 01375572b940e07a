// Namespaces: unshare(1), nsenter(1), lsns(8)
#include <calls.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "system.h"

// In the order in which nsenter(1) enters them: the user namespace gives the rights for the others.
static const struct kind {
  const char *name;
  char letter;
  int flag;
} kinds[] = {{"user", 'U', CLONE_NEWUSER}, {"cgroup", 'C', CLONE_NEWCGROUP}, {"ipc", 'i', CLONE_NEWIPC}, {"uts", 'u', CLONE_NEWUTS},
             {"net", 'n', CLONE_NEWNET},   {"pid", 'p', CLONE_NEWPID},       {"mnt", 'm', CLONE_NEWNS},  {"time", 'T', CLONE_NEWTIME}};
enum { kind_count = 8 };

static const struct kind *kind_of(int letter) {
  for (int at = 0; at < kind_count; at++)
    if (kinds[at].letter == letter) return &kinds[at];
  return 0;
}

static int become(const char *user, const char *group) {
  if (group && (setgroups(0, 0) < 0 && errno != EPERM)) return complain("setgroups failed");
  if (group && setgid(atoi(group)) < 0) return complain("setgid failed");
  if (user && setuid(atoi(user)) < 0) return complain("setuid failed");
  return 0;
}

static int map(const char *path, unsigned inside, unsigned outside) {
  char text[40];
  snprintf(text, sizeof text, "%u %u 1", inside, outside);
  return write_text(path, text) < 0 ? complain("write failed %s", path) : 0;
}

TOOL(unshare) {
  int flags = 0, forks = 0, to_root = 0, to_self = 0, kill_signal = 0, propagation = MS_REC | MS_PRIVATE;
  const char *proc = 0, *root = 0, *directory = 0, *user = 0, *group = 0, *groups = 0, *map_user = 0, *map_group = 0;
  char offsets[64] = "";
  static const struct option longs[] = {
      {"mount", 2, 0, 'm'}, {"uts", 2, 0, 'u'}, {"ipc", 2, 0, 'i'}, {"net", 2, 0, 'n'}, {"pid", 2, 0, 'p'}, {"user", 2, 0, 'U'},
      {"cgroup", 2, 0, 'C'}, {"time", 2, 0, 'T'}, {"fork", 0, 0, 'f'}, {"map-root-user", 0, 0, 'r'}, {"map-current-user", 0, 0, 'c'},
      {"mount-proc", 2, 0, 1}, {"kill-child", 2, 0, 2}, {"propagation", 1, 0, 3}, {"setgroups", 1, 0, 4}, {"map-user", 1, 0, 5},
      {"map-group", 1, 0, 6}, {"monotonic", 1, 0, 7}, {"boottime", 1, 0, 8}, {"root", 1, 0, 'R'}, {"wd", 1, 0, 'w'},
      {"setuid", 1, 0, 'S'}, {"setgid", 1, 0, 'G'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "+muinpUCTfrcR:w:S:G:", longs, 0)) != -1;) switch (letter) {
      case 'f': forks = 1; break;
      case 'r': to_root = 1, flags |= CLONE_NEWUSER; break;
      case 'c': to_self = 1, flags |= CLONE_NEWUSER; break;
      case 1: proc = optarg ? optarg : "/proc", flags |= CLONE_NEWNS; break;
      case 2:
        kill_signal = optarg ? signal_number(optarg) : SIGKILL, forks = 1;
        if (kill_signal < 0) return object("unknown signal: %s", optarg);
        break;
      case 3:
        propagation = MS_REC | (strcmp(optarg, "slave") == 0    ? MS_SLAVE
                                : strcmp(optarg, "shared") == 0 ? MS_SHARED
                                                                : MS_PRIVATE);
        if (strcmp(optarg, "unchanged") == 0) propagation = 0;
        break;
      case 4: groups = optarg; break;
      case 5: map_user = optarg, flags |= CLONE_NEWUSER; break;
      case 6: map_group = optarg, flags |= CLONE_NEWUSER; break;
      case 7: case 8:
        snprintf(offsets + strlen(offsets), 32, "%s %s 0\n", letter == 7 ? "monotonic" : "boottime", optarg);
        flags |= CLONE_NEWTIME;
        break;
      case 'R': root = optarg; break;
      case 'w': directory = optarg; break;
      case 'S': user = optarg; break;
      case 'G': group = optarg; break;
      case '?': return fprintf(stderr, "Try 'unshare --help' for more information.\n"), 1;
      default:
        if (optarg) return object("namespaces are not kept by files here");
        flags |= kind_of(letter)->flag;
    }
  unsigned uid = geteuid(), gid = getegid();
  if (unshare(flags) < 0) return complain("unshare failed");
  if (*offsets && write_text("/proc/self/timens_offsets", offsets) < 0) return complain("failed to open /proc/self/timens_offsets");
  if (to_root || map_group || to_self) {
    if (write_text("/proc/self/setgroups", groups ? groups : "deny") < 0) return complain("write failed /proc/self/setgroups");
  } else if (groups && write_text("/proc/self/setgroups", groups) < 0) return complain("write failed /proc/self/setgroups");
  if ((to_root || to_self || map_user) && map("/proc/self/uid_map", map_user ? (unsigned)atoi(map_user) : to_root ? 0 : uid, uid)) return 1;
  if ((to_root || to_self || map_group) && map("/proc/self/gid_map", map_group ? (unsigned)atoi(map_group) : to_root ? 0 : gid, gid)) return 1;
  if (forks) {
    pid_t child = fork();
    if (child < 0) return complain("fork failed");
    if (child > 0) {
      signal(SIGINT, SIG_IGN), signal(SIGTERM, SIG_IGN);
      return status_of(child);
    }
    // PR_SET_PDEATHSIG
    if (kill_signal) sys_prctl(1, kill_signal, 0, 0, 0);
  }
  if (flags & CLONE_NEWNS && propagation && mount("none", "/", 0, propagation, 0) < 0) return complain("cannot change root filesystem propagation");
  if (root && chroot(root) < 0) return complain("cannot change root directory to '%s'", root);
  if (root && chdir("/") < 0) return complain("cannot chdir to '/'");
  if (directory && chdir(directory) < 0) return complain("cannot chdir to '%s'", directory);
  if (proc && ((!root && mount("none", proc, 0, MS_PRIVATE | MS_REC, 0) < 0 && errno != EINVAL) ||
               mount("proc", proc, "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, 0) < 0))
    return complain("mount %s failed", proc);
  if (become(user, group)) return 1;
  return execute_or_shell(argv + optind);
}

static int open_of(const char *pid, const char *name, const char *path) {
  char own[64];
  if (!path) {
    if (!pid) return object("neither filename nor target pid supplied for %s", name), -1;
    snprintf(own, sizeof own, "/proc/%s/%s", pid, name), path = own;
  }
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) complain("cannot open %s", path);
  return fd;
}

TOOL(nsenter) {
  const char *pid = 0, *files[kind_count] = {0}, *user = 0, *group = 0, *root = 0, *directory = 0;
  int wanted = 0, every = 0, with_root = 0, with_directory = 0, forks = -1, keeps = 0, fds[kind_count], root_fd = -1, directory_fd = -1;
  static const struct option longs[] = {
      {"all", 0, 0, 'a'}, {"target", 1, 0, 't'}, {"mount", 2, 0, 'm'}, {"uts", 2, 0, 'u'}, {"ipc", 2, 0, 'i'}, {"net", 2, 0, 'n'},
      {"pid", 2, 0, 'p'}, {"user", 2, 0, 'U'}, {"cgroup", 2, 0, 'C'}, {"time", 2, 0, 'T'}, {"setuid", 1, 0, 'S'}, {"setgid", 1, 0, 'G'},
      {"root", 2, 0, 'r'}, {"wd", 2, 0, 'w'}, {"no-fork", 0, 0, 'F'}, {"preserve-credentials", 0, 0, 1}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "+at:m::u::i::n::p::U::C::T::S:G:r::w::F", longs, 0)) != -1;) switch (letter) {
      case 'a': every = 1; break;
      case 't': pid = optarg; break;
      case 'S': user = optarg; break;
      case 'G': group = optarg; break;
      case 'r': with_root = 1, root = optarg; break;
      case 'w': with_directory = 1, directory = optarg; break;
      case 'F': forks = 0; break;
      case 1: keeps = 1; break;
      case '?': return fprintf(stderr, "Try 'nsenter --help' for more information.\n"), 1;
      default: {
        const struct kind *kind = kind_of(letter);
        wanted |= kind->flag, files[kind - kinds] = optarg;
      }
    }
  if (every && !pid) return object("no target PID specified for --all");
  for (int at = 0; at < kind_count; at++) {
    char name[16];
    snprintf(name, sizeof name, "ns/%s", kinds[at].name);
    // Into a namespace that one is in already, --all does not go: setns(2) would refuse it for users and is no use for others.
    if (every && !(wanted & kinds[at].flag) && namespace_of(atoi(pid), kinds[at].name) != namespace_of(getpid(), kinds[at].name)) wanted |= kinds[at].flag;
    fds[at] = wanted & kinds[at].flag ? open_of(pid, name, files[at]) : -1;
    if (fds[at] < 0 && wanted & kinds[at].flag) return 1;
  }
  if (with_root && (root_fd = open_of(pid, "root", root)) < 0) return 1;
  if (with_directory && (directory_fd = open_of(pid, "cwd", directory)) < 0) return 1;
  // Those of the user namespace come first, or, when one is left by it, last.
  for (int turn = 0; turn < 2; turn++)
    for (int at = 0; at < kind_count; at++) {
      if (fds[at] < 0) continue;
      if (setns(fds[at], kinds[at].flag) < 0) {
        if (at == 0 && turn == 0) continue;
        return complain("reassociate to namespace 'ns/%s' failed", kinds[at].name);
      }
      close(fds[at]), fds[at] = -1;
    }
  if (root_fd >= 0 && (fchdir(root_fd) < 0 || chroot(".") < 0)) return complain("chroot failed");
  if (root_fd >= 0 && directory_fd < 0 && chdir("/") < 0) return complain("change directory by root file descriptor failed");
  if (directory_fd >= 0 && fchdir(directory_fd) < 0) return complain("change directory by working directory file descriptor failed");
  if (forks < 0) forks = (wanted & CLONE_NEWPID) != 0;
  if (forks) {
    pid_t child = fork();
    if (child < 0) return complain("fork failed");
    if (child > 0) return status_of(child);
  }
  if (wanted & CLONE_NEWUSER && !keeps) {
    if (!user) user = "0";
    if (!group) group = "0";
  }
  return become(user, group) ? 1 : execute_or_shell(argv + optind);
}

static const char *const names[] = {"NS", "TYPE", "NPROCS", "PID", "USER", "COMMAND", "PPID", "UID", 0};
struct space {
  unsigned long long number;
  const char *type;
  int processes, first;
};

static int by_number(const void *one, const void *other) {
  unsigned long long a = ((const struct space *)one)->number, b = ((const struct space *)other)->number;
  return a < b ? -1 : a > b;
}

TOOL(lsns) {
  int columns[16] = {0, 1, 2, 3, 4, 5}, count = 6, without_head = 0, list = 0;
  const char *type = 0;
  pid_t pid = 0;
  static const struct option longs[] = {{"type", 1, 0, 't'}, {"task", 1, 0, 'p'}, {"noheadings", 0, 0, 'n'}, {"output", 1, 0, 'o'}, {"list", 0, 0, 'l'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "t:p:no:lruW", longs, 0)) != -1;) switch (letter) {
      case 't': type = optarg; break;
      case 'p': pid = atoi(optarg); break;
      case 'n': without_head = 1; break;
      case 'o':
        if ((count = chosen_columns(optarg, names, columns, count)) < 0) return 1;
        break;
      case 'l': case 'r': list = 1; break;
      case '?': return 1;
    }
  int processes_count, spaces_count = 0;
  struct process *processes = all_processes(&processes_count);
  struct space *spaces = need(malloc((processes_count + 1) * kind_count * sizeof *spaces));
  for (int at = 0; at < processes_count; at++)
    for (int kind = 0; kind < kind_count; kind++) {
      const char *name = kinds[kind].name;
      unsigned long long number = !type || strcmp(type, name) == 0 ? namespace_of(processes[at].pid, name) : 0;
      int found = 0;
      if (!number) continue;
      while (found < spaces_count && (spaces[found].number != number || spaces[found].type != name)) found++;
      if (found == spaces_count) spaces[spaces_count++] = (struct space){number, name, 0, at};
      spaces[found].processes++;
    }
  qsort(spaces, spaces_count, sizeof *spaces, by_number);
  struct table table = table_new(count);
  table.without_head = without_head;
  table_row(&table, -1);
  for (int at = 0; at < count; at++) {
    table_cell(&table, at, "%s", names[columns[at]]);
    if (0xcd >> columns[at] & 1) table.right |= 1u << at;
    if (columns[at] == 5 && !list) table.tree = at;
  }
  int *outlines = need(calloc(processes_count + 1, sizeof *outlines));
  for (int at = 0; at < spaces_count; at++) {
    struct space *space = &spaces[at];
    struct process *of = &processes[space->first];
    if (pid && namespace_of(pid, space->type) != space->number) continue;
    int parent = -1;
    for (int other = 0; other < processes_count; other++)
      if (processes[other].pid == of->ppid && outlines[other]) parent = outlines[other];
    outlines[space->first] = table.rows;
    table_row(&table, parent);
    for (int column = 0; column < count; column++) {
      char name[32], *command;
      switch (columns[column]) {
        case 0: table_cell(&table, column, "%llu", space->number); break;
        case 1: table_cell(&table, column, "%s", space->type); break;
        case 2: table_cell(&table, column, "%d", space->processes); break;
        case 3: table_cell(&table, column, "%d", of->pid); break;
        case 4: table_cell(&table, column, "%s", user_name(of->uid, name)); break;
        case 5:
          command = command_of(of);
          table_cell(&table, column, "%s", *command == '[' ? of->comm : command);
          free(command);
          break;
        case 6: table_cell(&table, column, "%d", of->ppid); break;
        case 7: table_cell(&table, column, "%u", of->uid); break;
      }
    }
  }
  if (table.rows > 1 || !pid) table_print(&table);
  return 0;
}
