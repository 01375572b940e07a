// The list of mounts, mount options, findmnt(8), df(1)
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>
#include "mounts.h"
#include "system.h"

// \040 is a blank.
static char *plain(char *text) {
  char *to = text;
  for (char *at = text; *at; at++)
    if (*at == '\\' && at[1] >= '0' && at[1] < '4') *to++ = (at[1] - '0') * 64 + (at[2] - '0') * 8 + at[3] - '0', at += 3;
    else *to++ = *at;
  *to = 0;
  return text;
}

struct mounted *mounts_of(const char *pid, int *count) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/mountinfo", pid);
  char *text = file_text(path, 0), *lines = text, *line;
  struct mounted *found = need(malloc(sizeof *found));
  *count = 0;
  if (!text) return complain("%s", path), found;
  while ((line = strtok_r(lines, "\n", &lines))) {
    found = need(realloc(found, (*count + 1) * sizeof *found));
    struct mounted *to = &found[(*count)++];
    char *rest = strstr(line, " - ");
    *rest = 0, rest += 3;
    to->id = strtol(line, &line, 10), to->parent = strtol(line, &line, 10);
    to->device = strtok_r(line, " ", &line);
    to->root = plain(strtok_r(line, " ", &line));
    to->target = plain(strtok_r(line, " ", &line));
    to->options = strtok_r(line, " ", &line);
    to->propagation = line;
    to->type = strtok_r(rest, " ", &rest);
    to->source = plain(strtok_r(rest, " ", &rest));
    to->super = rest;
  }
  return found;
}

char *all_options(const struct mounted *of) {
  const char *super = of->super;
  int read_only = strncmp(of->options, "ro", 2) == 0 || strncmp(super, "ro", 2) == 0;
  if (strncmp(super, "rw", 2) == 0 || strncmp(super, "ro", 2) == 0) super += 2;
  char *text;
  asprintf(&text, "%s%s%s%s", read_only ? "ro" : "rw", of->options + 2, *super && *super != ',' ? "," : "", super);
  return text;
}

static const struct {
  const char *name;
  unsigned set, clear;
} known[] = {
    {"defaults", 0, 0},      {"rw", 0, MS_RDONLY},      {"ro", MS_RDONLY, 0},       {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},  {"nodev", MS_NODEV, 0},    {"dev", 0, MS_NODEV},       {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},  {"sync", MS_SYNCHRONOUS, 0}, {"async", 0, MS_SYNCHRONOUS}, {"remount", MS_REMOUNT, 0},
    {"bind", MS_BIND, 0},    {"rbind", MS_BIND | MS_REC, 0}, {"move", MS_MOVE, 0},   {"noatime", MS_NOATIME, 0},
    {"atime", 0, MS_NOATIME}, {"nodiratime", MS_NODIRATIME, 0}, {"relatime", MS_RELATIME, 0},
    {"strictatime", MS_STRICTATIME, 0}, {"private", MS_PRIVATE, 0}, {"rprivate", MS_PRIVATE | MS_REC, 0},
    {"slave", MS_SLAVE, 0},  {"rslave", MS_SLAVE | MS_REC, 0}, {"shared", MS_SHARED, 0}, {"rshared", MS_SHARED | MS_REC, 0},
    {"unbindable", MS_UNBINDABLE, 0}, {"runbindable", MS_UNBINDABLE | MS_REC, 0}, {"silent", 1 << 15, 0},
    {"auto", 0, 0},          {"noauto", 0, 0},          {"nofail", 0, 0},           {"user", 0, 0}};

unsigned long mount_flags(const char *text, char *data) {
  unsigned long flags = 0;
  *data = 0;
  while (*text) {
    size_t length = strcspn(text, ","), at = 0, end = sizeof known / sizeof *known;
    while (at < end && (strncmp(known[at].name, text, length) || known[at].name[length])) at++;
    if (at < end) flags = (flags | known[at].set) & ~known[at].clear;
    else sprintf(data + strlen(data), "%s%.*s", *data ? "," : "", (int)length, text);
    text += length + (text[length] == ',');
  }
  return flags;
}

static const char *const names[] = {"TARGET", "SOURCE", "FSTYPE", "OPTIONS", "PROPAGATION", "MAJ:MIN", "FSROOT", "ID",
                                    "PARENT", "VFS-OPTIONS", "FS-OPTIONS", "OPT-FIELDS", 0};

static void propagation(const struct mounted *of, char *to) {
  strcpy(to, strstr(of->propagation, "shared:") ? "shared" : "private");
  if (strstr(of->propagation, "master:")) strcpy(to, strstr(of->propagation, "shared:") ? "shared,slave" : "private,slave");
  if (strstr(of->propagation, "unbindable")) strcpy(to, "private,unbindable");
}

static void cell(struct table *to, int at, int column, const struct mounted *of) {
  char text[32], *options;
  switch (column) {
    case 0: table_cell(to, at, "%s", of->target); break;
    case 1: table_cell(to, at, strcmp(of->root, "/") ? "%s[%s]" : "%s", of->source, of->root); break;
    case 2: table_cell(to, at, "%s", of->type); break;
    case 3:
      options = all_options(of);
      table_cell(to, at, "%s", options);
      free(options);
      break;
    case 4:
      propagation(of, text);
      table_cell(to, at, "%s", text);
      break;
    case 5: table_cell(to, at, "%s", of->device); break;
    case 6: table_cell(to, at, "%s", of->root); break;
    case 7: table_cell(to, at, "%d", of->id); break;
    case 8: table_cell(to, at, "%d", of->parent); break;
    case 9: table_cell(to, at, "%s", of->options); break;
    case 10: table_cell(to, at, "%s", of->super); break;
    case 11: table_cell(to, at, "%s", of->propagation); break;
  }
}

TOOL(findmnt) {
  int columns[32] = {0, 1, 2, 3}, count = 4, without_head = 0, list = 0, submounts = 0, first = 0;
  const char *type = 0, *pid = "self", *inside = 0;
  static const struct option longs[] = {{"noheadings", 0, 0, 'n'}, {"output", 1, 0, 'o'}, {"list", 0, 0, 'l'}, {"types", 1, 0, 't'},
                                        {"submounts", 0, 0, 'R'},  {"task", 1, 0, 'N'},   {"target", 1, 0, 'T'},
                                        {"mountpoint", 1, 0, 'M'}, {"first-only", 0, 0, 'f'}, {"kernel", 0, 0, 'k'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "no:lt:RN:T:M:fkr", longs, 0)) != -1;) switch (letter) {
      case 'n': without_head = 1; break;
      case 'o':
        if ((count = chosen_columns(optarg, names, columns, count)) < 0) return 1;
        break;
      case 'l': case 'r': list = 1; break;
      case 't': type = optarg; break;
      case 'R': submounts = 1; break;
      case 'N': pid = optarg; break;
      case 'T': inside = optarg; break;
      case 'M': argv[--optind] = optarg; break;
      case 'f': first = 1; break;
      case 'k': break;
      default: return 1;
    }
  int all;
  struct mounted *mounts = mounts_of(pid, &all);
  const char *wanted = argv[optind];
  struct table table = table_new(count);
  table.without_head = without_head;
  for (int at = 0; at < count; at++) {
    if (columns[at] == 0 && table.tree < 0 && !list && !type && (!wanted || submounts)) table.tree = at;
    if (columns[at] == 7 || columns[at] == 8) table.right |= 1u << at;
  }
  table_row(&table, -1);
  for (int at = 0; at < count; at++) table_cell(&table, at, "%s", names[columns[at]]);
  int *rows = need(calloc(all + 1, sizeof *rows)), best = -1;
  if (inside)
    for (int at = 0; at < all; at++) {
      size_t length = strlen(mounts[at].target);
      if (length == 1) length = 0;
      if (strncmp(mounts[at].target, inside, length) == 0 && (inside[length] == '/' || !inside[length] || !length) &&
          (best < 0 || length >= strlen(mounts[best].target) || strlen(mounts[best].target) == 1)) best = at;
    }
  for (int at = 0; at < all; at++) {
    int above = -1;
    for (int other = 0; other < all; other++)
      if (mounts[other].id == mounts[at].parent && other != at && rows[other]) above = rows[other];
    int own = inside ? at == best : !wanted || strcmp(mounts[at].target, wanted) == 0 || strcmp(mounts[at].source, wanted) == 0;
    if (type && !(strstr(type, mounts[at].type) && strlen(type) >= strlen(mounts[at].type))) own = 0;
    if (!own && !(submounts && above >= 0)) continue;
    if (first && table.rows > 1) break;
    rows[at] = table.rows;
    table_row(&table, above);
    for (int column = 0; column < count; column++) cell(&table, column, columns[column], &mounts[at]);
  }
  if (table.rows < 2) return 1;
  table_print(&table);
  return 0;
}

// What df -h calls a size: rounded up.
static void size(char *to, long long bytes, int human, long long unit) {
  if (human) human_size(bytes, to);
  else snprintf(to, 24, "%lld", (bytes + unit - 1) / unit);
}

TOOL(df) {
  int human = 0, with_type = 0, every = 0;
  long long unit = 1024;
  const char *only = 0;
  for (int letter; (letter = getopt(argc, argv, "hTakmt:P")) != -1;) switch (letter) {
      case 'h': human = 1; break;
      case 'T': with_type = 1; break;
      case 'a': every = 1; break;
      case 'm': unit = 1024 * 1024; break;
      case 't': only = optarg; break;
      case '?': return usage("invalid option");
    }
  int count, status = 0, shown = 0;
  struct mounted *mounts = mounts_of("self", &count);
  struct table table = table_new(6 + with_type);
  table.right = with_type ? 0x3c : 0x1e;
  table_row(&table, -1);
  const char *heads[] = {"Filesystem", "Type", human ? "Size" : unit == 1024 ? "1K-blocks" : "1M-blocks", "Used",
                         human ? "Avail" : "Available", "Use%", "Mounted on"};
  for (int at = 0, column = 0; at < 7; at++)
    if (at != 1 || with_type)
      table_cell(&table, column++, at == 0 ? "%-14s" : at >= 2 && at <= 4 ? (human ? "%5s" : "%8s") : "%s", heads[at]);
  for (int at = 0; at < (argv[optind] ? argc - optind : count); at++) {
    struct mounted *of = &mounts[at];
    if (argv[optind]) {
      char where[4096];
      if (!realpath(argv[optind + at], where)) {
        status = complain("%s", argv[optind + at]);
        continue;
      }
      of = mounts;
      for (int other = 0; other < count; other++) {
        size_t length = strlen(mounts[other].target);
        if (length == 1 || (strncmp(mounts[other].target, where, length) == 0 && (where[length] == '/' || !where[length])))
          if (length >= strlen(of->target)) of = &mounts[other];
      }
    }
    struct statfs figures;
    if (statfs(of->target, &figures) < 0 || (only && strcmp(only, of->type))) continue;
    if (figures.f_blocks == 0 && !every && !argv[optind]) continue;
    char total[24], used[24], left[24];
    long long taken = figures.f_blocks - figures.f_bfree, sum = taken + figures.f_bavail;
    size(total, figures.f_blocks * figures.f_bsize, human, unit), size(used, taken * figures.f_bsize, human, unit);
    size(left, figures.f_bavail * figures.f_bsize, human, unit);
    int column = 0;
    shown = 1;
    table_row(&table, -1);
    table_cell(&table, column++, "%s", of->source);
    if (with_type) table_cell(&table, column++, "%s", of->type);
    table_cell(&table, column++, "%s", total), table_cell(&table, column++, "%s", used), table_cell(&table, column++, "%s", left);
    if (sum) table_cell(&table, column++, "%lld%%", (taken * 100 + sum - 1) / sum);
    else table_cell(&table, column++, "-");
    table_cell(&table, column++, "%s", of->target);
  }
  if (shown) table_print(&table);
  return status || (!shown && object("no file systems processed"));
}
