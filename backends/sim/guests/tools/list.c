// ls
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

struct entry {
  char *name, *path, *target;
  struct stat about;
};

static char on[128];
static int status, headers, printed;

static int order(const void *first, const void *second) {
  const struct entry *one = first, *other = second;
  int result = 0;
  if (on['S'] && one->about.st_size != other->about.st_size) result = one->about.st_size < other->about.st_size ? 1 : -1;
  if (on['t']) {
    const struct timespec *a = on['c'] ? &one->about.st_ctim : on['u'] ? &one->about.st_atim : &one->about.st_mtim;
    const struct timespec *b = on['c'] ? &other->about.st_ctim : on['u'] ? &other->about.st_atim : &other->about.st_mtim;
    result = a->tv_sec != b->tv_sec ? (a->tv_sec < b->tv_sec ? 1 : -1) : (b->tv_nsec > a->tv_nsec) - (b->tv_nsec < a->tv_nsec);
  }
  if (result == 0) result = strcmp(one->name, other->name);
  return on['r'] ? -result : result;
}

static int add_entry(struct entry **list, int *count, const char *name, char *path, int given) {
  struct entry new = {.name = need(strdup(name)), .path = path};
  int follows = given && !on['l'] && !on['d'] && !on['F'];
  if ((on['L'] || follows || (given && on['H']) ? stat(path, &new.about) : -1) < 0 && lstat(path, &new.about) < 0) {
    complain("cannot access '%s'", path);
    status = given ? 2 : status ? status : 1;
    return 0;
  }
  if (S_ISLNK(new.about.st_mode) && (on['l'] || on['F'])) {
    new.target = need(calloc(1, 4096));
    if (readlink(path, new.target, 4095) < 0) *new.target = 0;
  }
  if (*count % 16 == 0) *list = need(realloc(*list, (*count + 16) * sizeof **list));
  (*list)[(*count)++] = new;
  return 1;
}

static char mark_of_kind(mode_t mode) {
  return S_ISDIR(mode)                   ? '/'
         : !on['F']                      ? 0
         : S_ISLNK(mode)                 ? '@'
         : S_ISFIFO(mode)                ? '|'
         : S_ISSOCK(mode)                ? '='
         : S_ISREG(mode) && mode & 00111 ? '*'
                                         : 0;
}

static int show_name(const struct entry *entry) {
  int length = printf("%s", entry->name);
  char mark = on['F'] || on['p'] ? mark_of_kind(entry->about.st_mode) : 0;
  if (entry->target && on['l']) {
    length += printf(" -> %s", entry->target);
    struct stat behind;
    mark = on['F'] && stat(entry->path, &behind) == 0 ? mark_of_kind(behind.st_mode) : 0;
  }
  if (mark) putchar(mark), length++;
  return length;
}

static void size_text(const struct entry *entry, char *to) {
  if (S_ISCHR(entry->about.st_mode) || S_ISBLK(entry->about.st_mode))
    snprintf(to, 32, "%u, %u", major(entry->about.st_rdev), minor(entry->about.st_rdev));
  else if (on['h']) human_size(entry->about.st_size, to);
  else snprintf(to, 32, "%lld", (long long)entry->about.st_size);
}

static void blocks_text(long long blocks, char *to) {
  if (on['h']) human_size(blocks * 512ull, to);
  else snprintf(to, 32, "%lld", (blocks + 1) / 2);
}

static void date_text(const struct entry *entry, char *to) {
  time_t at = on['c'] ? entry->about.st_ctime : on['u'] ? entry->about.st_atime : entry->about.st_mtime, now = time(0);
  int recent = at <= now && at > now - 31556952 / 2;
  strftime(to, 64, recent ? "%b %e %H:%M" : "%b %e  %Y", localtime(&at));
}

enum { INODE, BLOCKS, LINKS, OWNER, GROUP, SIZE, COLUMNS };

static void column(const struct entry *entry, int which, char *to) {
  const struct stat *about = &entry->about;
  if (which == INODE) snprintf(to, 32, "%llu", (unsigned long long)about->st_ino);
  else if (which == BLOCKS) blocks_text(about->st_blocks, to);
  else if (which == LINKS) snprintf(to, 32, "%llu", (unsigned long long)about->st_nlink);
  else if (which == OWNER && on['n']) snprintf(to, 32, "%u", about->st_uid);
  else if (which == OWNER) user_name(about->st_uid, to);
  else if (which == GROUP && on['n']) snprintf(to, 32, "%u", about->st_gid);
  else if (which == GROUP) group_name(about->st_gid, to);
  else size_text(entry, to);
}

static int line_of(const struct entry *entry, const int *widths) {
  char text[64], mode[12];
  int length = 0;
  for (int which = 0; which < COLUMNS; which++) {
    if (which == INODE && !on['i']) continue;
    if (which == BLOCKS && !on['s']) continue;
    if (which >= LINKS && !on['l']) break;
    if (which == LINKS) mode_letters(entry->about.st_mode, mode), length += printf("%s ", mode);
    if ((which == OWNER && on['g']) || (which == GROUP && on['o'])) continue;
    column(entry, which, text);
    length += printf((which == OWNER || which == GROUP) && !on['n'] ? "%-*s " : "%*s ", widths[which], text);
  }
  if (on['l']) date_text(entry, text), length += printf("%s ", text);
  return length + show_name(entry);
}

// Names in columns, from top to bottom, as many as fit.
static void in_columns(struct entry *list, int count, const int *widths) {
  struct winsize size = {0, 80, 0, 0};
  if (ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_col == 0) size.ws_col = 80;
  int *lengths = need(malloc(count * sizeof *lengths)), extra = (on['i'] ? widths[INODE] + 1 : 0) + (on['s'] ? widths[BLOCKS] + 1 : 0);
  for (int at = 0; at < count; at++)
    lengths[at] = strlen(list[at].name) + extra + (mark_of_kind(list[at].about.st_mode) && (on['F'] || on['p']));
  int rows = 1;
  for (; rows < count; rows++) {
    int whole = 0;
    for (int from = 0; from < count; from += rows) {
      int widest = 0;
      for (int at = from; at < from + rows && at < count; at++) widest = lengths[at] > widest ? lengths[at] : widest;
      whole += widest + (from + rows < count ? 2 : 0);
    }
    if (whole < size.ws_col) break;
  }
  for (int row = 0; row < rows; row++)
    for (int at = row; at < count; at += rows) {
      int widest = 0, from = at - row;
      for (int other = from; other < from + rows && other < count; other++) widest = lengths[other] > widest ? lengths[other] : widest;
      int length = line_of(list + at, widths);
      if (at + rows < count) printf("%*s", widest + 2 - length, "");
      else putchar('\n');
    }
  free(lengths);
}

static void show(struct entry *list, int count) {
  if (!on['U'] && !on['f']) qsort(list, count, sizeof *list, order);
  int widths[COLUMNS] = {0};
  char text[64];
  for (int at = 0; at < count; at++)
    for (int which = 0; which < COLUMNS; which++) {
      if ((which == OWNER || which == GROUP) && !on['l']) continue;
      column(list + at, which, text);
      if ((int)strlen(text) > widths[which]) widths[which] = strlen(text);
    }
  if (on['C'] && !on['l'] && !on['1'] && count) in_columns(list, count, widths);
  else for (int at = 0; at < count; at++) line_of(list + at, widths), putchar('\n');
  printed |= count > 0;
}

static void list_directory(const char *path, int given) {
  int count, kept = 0;
  char **names = names_in(path, &count), text[32];
  if (!names) {
    complain("cannot open directory '%s'", path);
    status = given ? 2 : status ? status : 1;
    return;
  }
  if (headers) printf("%s%s:\n", printed ? "\n" : "", path);
  printed = 1;
  struct entry *list = 0;
  if (on['a']) add_entry(&list, &kept, ".", path_join(path, "."), 0), add_entry(&list, &kept, "..", path_join(path, ".."), 0);
  for (int at = 0; at < count; at++)
    if (names[at][0] != '.' || on['a'] || on['A']) add_entry(&list, &kept, names[at], path_join(path, names[at]), 0);
  free_names(names, count);
  if (on['l'] || on['s']) {
    long long blocks = 0;
    for (int at = 0; at < kept; at++) blocks += list[at].about.st_blocks;
    blocks_text(blocks, text);
    printf("total %s\n", text);
  }
  show(list, kept);
  for (int at = 0; at < kept && on['R']; at++)
    if (S_ISDIR(list[at].about.st_mode) && strcmp(list[at].name, ".") && strcmp(list[at].name, "..")) list_directory(list[at].path, 0);
  for (int at = 0; at < kept; at++) free(list[at].name), free(list[at].path), free(list[at].target);
  free(list);
}

TOOL(ls) {
  static const struct option longs[] = {{"all", 0, 0, 'a'},       {"almost-all", 0, 0, 'A'}, {"directory", 0, 0, 'd'}, {"human-readable", 0, 0, 'h'},
                                        {"inode", 0, 0, 'i'},     {"reverse", 0, 0, 'r'},    {"recursive", 0, 0, 'R'}, {"size", 0, 0, 's'},
                                        {"classify", 2, 0, 'F'},  {"color", 2, 0, 0},        {"numeric-uid-gid", 0, 0, 'n'}, {0, 0, 0, 0}};
  on['C'] = isatty(1);
  for (int letter; (letter = getopt_long(argc, argv, "aAdhilnrRsStF1CpLHcugofUkN", longs, 0)) != -1;) {
    if (letter == '?') return 2;
    on[letter] = 1;
    if (letter == 'n' || letter == 'g' || letter == 'o') on['l'] = 1;
    if (letter == 'f') on['a'] = 1;
    if (letter == 'C') on['1'] = on['l'] = 0;
  }
  if ((on['c'] || on['u']) && !on['l']) on['t'] = 1;
  struct entry *files = 0, *folders = 0;
  int file_count = 0, folder_count = 0, none = optind == argc;
  char *here[] = {"."};
  char **given = none ? here : argv + optind;
  int count = none ? 1 : argc - optind;
  for (int at = 0; at < count; at++) {
    struct entry *one = 0;
    int found = 0;
    if (!add_entry(&one, &found, given[at], given[at], 1)) continue;
    int folder = S_ISDIR(one->about.st_mode) && !on['d'];
    struct entry **list = folder ? &folders : &files;
    int *counted = folder ? &folder_count : &file_count;
    if (*counted % 16 == 0) *list = need(realloc(*list, (*counted + 16) * sizeof **list));
    (*list)[(*counted)++] = *one;
  }
  headers = count > 1 || on['R'];
  show(files, file_count);
  if (!on['U'] && !on['f']) qsort(folders, folder_count, sizeof *folders, order);
  for (int at = 0; at < folder_count; at++) list_directory(folders[at].path, 1);
  return status;
}
