// Tools for what is known about a file: stat chmod chown chgrp du readlink realpath
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

static int status, recursive, verbose, quiet;

static const char *kind_of(const struct stat *about) {
  return S_ISDIR(about->st_mode)    ? "directory"
         : S_ISLNK(about->st_mode)  ? "symbolic link"
         : S_ISCHR(about->st_mode)  ? "character special file"
         : S_ISBLK(about->st_mode)  ? "block special file"
         : S_ISFIFO(about->st_mode) ? "fifo"
         : S_ISSOCK(about->st_mode) ? "socket"
         : about->st_size           ? "regular file"
                                    : "regular empty file";
}

static char *link_of(const char *path) {
  char *link = need(calloc(1, 4096));
  if (readlink(path, link, 4095) >= 0) return link;
  free(link);
  return 0;
}

static void time_text(const struct timespec *at, char *to) {
  size_t length = strftime(to, 64, "%Y-%m-%d %H:%M:%S", gmtime(&at->tv_sec));
  snprintf(to + length, 32, ".%09lld +0000", (long long)at->tv_nsec);
}

static void show_stat(const char *format, const char *path, const struct stat *about, int escapes) {
  char text[96];
  while (*format) {
    if (*format == '\\' && escapes) {
      format++;
      putchar(escaped(&format, 0));
      continue;
    }
    if (*format != '%') {
      putchar(*format++);
      continue;
    }
    char pattern[24] = "%";
    size_t length = strspn(++format, "-0#+ 123456789.");
    if (length > 12) length = 12;
    memcpy(pattern + 1, format, length), pattern[length + 1] = 0;
    format += length;
    char kind = *format ? *format++ : '%';
    int device = (kind == 'H' || kind == 'L') && (*format == 'd' || *format == 'r') ? *format++ : 0;
    dev_t number = device == 'd' ? about->st_dev : about->st_rdev;
    const struct timespec *when = strchr("xX", kind) ? &about->st_atim : strchr("yYwW", kind) ? &about->st_mtim : &about->st_ctim;
    const char *shown = 0;
    unsigned long long value = 0;
    char letter = 'u';
    switch (kind) {
      case 'n': shown = path; break;
      case 'N':
        printf("'%s'", path);
        if (S_ISLNK(about->st_mode)) printf(" -> '%s'", link_of(path));
        continue;
      case 's': value = about->st_size; break;
      case 'b': value = about->st_blocks; break;
      case 'B': value = 512; break;
      case 'o': value = about->st_blksize; break;
      case 'f': value = about->st_mode, letter = 'x'; break;
      case 'a': value = about->st_mode & 07777, letter = 'o'; break;
      case 'A': mode_letters(about->st_mode, text), shown = text; break;
      case 'F': shown = kind_of(about); break;
      case 'i': value = about->st_ino; break;
      case 'h': value = about->st_nlink; break;
      case 'u': value = about->st_uid; break;
      case 'g': value = about->st_gid; break;
      case 'U': shown = getpwuid(about->st_uid) ? user_name(about->st_uid, text) : "UNKNOWN"; break;
      case 'G': shown = getgrgid(about->st_gid) ? group_name(about->st_gid, text) : "UNKNOWN"; break;
      case 'd': value = about->st_dev; break;
      case 'D': value = about->st_dev, letter = 'x'; break;
      case 'H': value = major(number); break;
      case 'L': value = minor(number); break;
      case 't': value = major(about->st_rdev), letter = 'x'; break;
      case 'T': value = minor(about->st_rdev), letter = 'x'; break;
      case 'x': case 'y': case 'z': time_text(when, text), shown = text; break;
      case 'X': case 'Y': case 'Z': value = when->tv_sec; break;
      case 'w': shown = "-"; break;
      case 'W': break;
      default: snprintf(text, sizeof text, "%c", kind), shown = text;
    }
    if (shown) strcat(pattern, "s"), printf(pattern, shown);
    else {
      char whole[4] = {'l', 'l', letter, 0};
      strcat(pattern, whole), printf(pattern, value);
    }
  }
}

TOOL(stat) {
  int follows = 0, escapes = 0;
  const char *format = 0;
  static const struct option longs[] = {{"format", 1, 0, 'c'}, {"printf", 1, 0, 'p'}, {"dereference", 0, 0, 'L'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "c:Lt", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'L') follows = 1;
    if (letter == 'c' || letter == 'p') format = optarg, escapes = letter == 'p';
  }
  if (optind == argc) return object("missing operand");
  for (; optind < argc; optind++) {
    struct stat about;
    const char *path = argv[optind];
    if ((follows ? stat(path, &about) : lstat(path, &about)) < 0) {
      status = complain("cannot statx '%s'", path);
      continue;
    }
    if (format) show_stat(format, path, &about, escapes);
    else {
      int device = S_ISCHR(about.st_mode) || S_ISBLK(about.st_mode);
      printf("  File: %s", path);
      if (S_ISLNK(about.st_mode)) printf(" -> %s", link_of(path));
      show_stat(device ? "\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Hd,%Ld\tInode: %-11i Links: %-5h Device type: %Hr,%Lr\n" : "\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Hd,%Ld\tInode: %-11i Links: %h\n", path, &about, 0);
      show_stat("Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z\n Birth: %w", path, &about, 0);
    }
    if (!escapes) putchar('\n');
  }
  return status;
}

// What is done to a file, and to what is below it.
static void each(const char *path, void (*act)(const char *, const struct stat *), int follows) {
  struct stat about;
  if ((follows ? stat(path, &about) : lstat(path, &about)) < 0) {
    status = 1;
    if (!quiet) complain("cannot access '%s'", path);
    return;
  }
  act(path, &about);
  if (!recursive || !S_ISDIR(about.st_mode)) return;
  int count;
  char **names = names_in(path, &count);
  if (!names && !quiet) complain("cannot read directory '%s'", path);
  if (!names) status = 1;
  for (int at = 0; at < count; at++) {
    char *below = path_join(path, names[at]);
    struct stat link;
    if (lstat(below, &link) == 0 && !(S_ISLNK(link.st_mode) && follows)) each(below, act, follows);
    free(below);
  }
  if (names) free_names(names, count);
}

static const char *wanted_mode;
static void change_mode(const char *path, const struct stat *about) {
  mode_t mask = umask(0);
  umask(mask);
  long mode = changed_mode(wanted_mode, about->st_mode, mask);
  char before[12], after[12];
  mode_letters(about->st_mode, before), mode_letters((about->st_mode & S_IFMT) | mode, after);
  if (chmod(path, mode) < 0) {
    status = 1;
    if (!quiet) complain("changing permissions of '%s'", path);
  } else if (verbose && (mode_t)mode != (about->st_mode & 07777)) printf("mode of '%s' changed from %04o (%s) to %04lo (%s)\n", path, about->st_mode & 07777, before + 1, mode, after + 1);
  else if (verbose == 1) printf("mode of '%s' retained as %04lo (%s)\n", path, mode, after + 1);
}

TOOL(chmod) {
  int first = 1;
  // -x is a mode as well as it looks like an option.
  for (; first < argc && argv[first][0] == '-' && argv[first][1] && strspn(argv[first] + 1, "Rvfc") == strlen(argv[first]) - 1; first++) {
    if (strcmp(argv[first], "--") == 0) break;
    recursive |= strchr(argv[first], 'R') != 0, quiet |= strchr(argv[first], 'f') != 0;
    if (strchr(argv[first], 'v')) verbose = 1;
    if (strchr(argv[first], 'c')) verbose = 2;
  }
  if (first < argc && strcmp(argv[first], "--recursive") == 0) recursive = 1, first++;
  if (first < argc && strcmp(argv[first], "--") == 0) first++;
  if (first >= argc) return object("missing operand");
  wanted_mode = argv[first++];
  if (first >= argc) return object("missing operand after '%s'", wanted_mode);
  if (changed_mode(wanted_mode, 0, 0) < 0) return object("invalid mode: '%s'", wanted_mode);
  for (; first < argc; first++) each(argv[first], change_mode, 1);
  return status;
}

static long owner = -1, group = -1;
static int plain;
static void change_owner(const char *path, const struct stat *about) {
  if ((plain || (recursive && S_ISLNK(about->st_mode)) ? lchown(path, owner, group) : chown(path, owner, group)) == 0) return;
  status = 1;
  if (!quiet) complain(owner >= 0 ? "changing ownership of '%s'" : "changing group of '%s'", path);
}

static int read_group(const char *text) {
  struct group *found = getgrnam(text);
  char *end;
  group = found ? (long)found->gr_gid : strtol(text, &end, 10);
  return found || (!*end && *text) ? 0 : object("invalid group: '%s'", text);
}

static int owners(int argc, char **argv, int groups) {
  for (int letter; (letter = getopt(argc, argv, "RhfvcHLP")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'R') recursive = 1;
    if (letter == 'h') plain = 1;
    if (letter == 'f') quiet = 1;
  }
  if (optind == argc) return object("missing operand");
  char *text = argv[optind++];
  if (optind == argc) return object("missing operand after '%s'", text);
  if (groups) {
    if (read_group(text)) return 1;
  } else {
    char *colon = strpbrk(text, ":."), *end;
    char *name = need(strndup(text, colon ? (size_t)(colon - text) : strlen(text)));
    struct passwd *found = *name ? getpwnam(name) : 0;
    if (*name) {
      owner = found ? (long)found->pw_uid : strtol(name, &end, 10);
      if (!found && *end) return object("invalid user: '%s'", text);
    }
    if (colon && colon[1] && read_group(colon + 1)) return 1;
  }
  for (; optind < argc; optind++) each(argv[optind], change_owner, !plain && !recursive);
  return status;
}

TOOL(chown) { return owners(argc, argv, 0); }
TOOL(chgrp) { return owners(argc, argv, 1); }

static struct {
  int all, summary, human, bytes, most, total;
  unsigned long long unit;
} du = {.most = 1 << 30, .unit = 1024};
static struct {
  dev_t device;
  ino_t inode;
} *counted;
static int counted_count;

static void show_usage(unsigned long long bytes, const char *path) {
  char text[16];
  if (du.human) printf("%s\t%s\n", human_size(bytes, text), path);
  else printf("%llu\t%s\n", (bytes + du.unit - 1) / du.unit, path);
}

static unsigned long long usage_of(const char *path, int depth) {
  struct stat about;
  if (lstat(path, &about) < 0) return status = complain("cannot access '%s'", path), 0;
  if (about.st_nlink > 1 && !S_ISDIR(about.st_mode)) {
    // A file with several names counts once.
    for (int at = 0; at < counted_count; at++)
      if (counted[at].inode == about.st_ino && counted[at].device == about.st_dev) return 0;
    counted = need(realloc(counted, (counted_count + 1) * sizeof *counted));
    counted[counted_count].device = about.st_dev, counted[counted_count++].inode = about.st_ino;
  }
  unsigned long long sum = du.bytes ? (unsigned long long)about.st_size : about.st_blocks * 512ull;
  int count = 0;
  char **names = S_ISDIR(about.st_mode) ? names_in(path, &count) : 0;
  if (S_ISDIR(about.st_mode) && !names) status = complain("cannot read directory '%s'", path);
  for (int at = 0; at < count; at++) {
    char *below = path_join(path, names[at]);
    sum += usage_of(below, depth + 1);
    free(below);
  }
  if (names) free_names(names, count);
  if (depth == 0 || ((S_ISDIR(about.st_mode) || du.all) && !du.summary && depth <= du.most)) show_usage(sum, path);
  return sum;
}

TOOL(du) {
  static const struct option longs[] = {{"all", 0, 0, 'a'}, {"summarize", 0, 0, 's'}, {"human-readable", 0, 0, 'h'}, {"bytes", 0, 0, 'b'}, {"max-depth", 1, 0, 'd'}, {"total", 0, 0, 'c'}, {"apparent-size", 0, 0, 1}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "ashbkmd:cx", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'a') du.all = 1;
    if (letter == 's') du.summary = 1;
    if (letter == 'h') du.human = 1;
    if (letter == 'b' || letter == 1) du.bytes = 1;
    if (letter == 'b') du.unit = 1;
    if (letter == 'm') du.unit = 1 << 20;
    if (letter == 'd') du.most = atoi(optarg);
    if (letter == 'c') du.total = 1;
  }
  unsigned long long sum = 0;
  if (optind == argc) sum = usage_of(".", 0);
  for (; optind < argc; optind++) sum += usage_of(argv[optind], 0);
  if (du.total) show_usage(sum, "total");
  return status;
}

// The path without links and dots. All of it exists, or all but the end (2), or what there is (1).
static char *resolved(const char *path, int missing) {
  char *whole = realpath(path, 0);
  if (whole || !missing || errno != ENOENT) return whole;
  char *name = last_name(path), *folder = need(strdup(path)), *link = link_of(path), *slash = strrchr(folder, '/');
  if (slash && !slash[1]) *slash = 0, slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = 0;
  char *above = resolved(slash ? (*folder ? folder : "/") : ".", missing == 1);
  if (!above) return 0;
  if (link) return resolved(*link == '/' ? link : path_join(above, link), missing);
  return path_join(above, name);
}

TOOL(realpath) {
  int missing = 2, silent = 0, end = '\n';
  for (int letter; (letter = getopt(argc, argv, "emqsz")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'e') missing = 0;
    if (letter == 'm') missing = 1;
    if (letter == 'q') silent = 1;
    if (letter == 'z') end = 0;
  }
  if (optind == argc) return object("missing operand");
  for (; optind < argc; optind++) {
    char *whole = resolved(argv[optind], missing);
    if (whole) fputs(whole, stdout), putchar(end);
    else if (status = 1, !silent) complain("%s", argv[optind]);
  }
  return status;
}

TOOL(readlink) {
  int missing = -1, line = 1;
  static const struct option longs[] = {{"canonicalize", 0, 0, 'f'}, {"canonicalize-existing", 0, 0, 'e'}, {"no-newline", 0, 0, 'n'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "femnqsvz", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'f') missing = 2;
    if (letter == 'e') missing = 0;
    if (letter == 'm') missing = 1;
    if (letter == 'n') line = 0;
  }
  if (optind == argc) return object("missing operand");
  for (; optind < argc; optind++) {
    char *text = missing < 0 ? link_of(argv[optind]) : resolved(argv[optind], missing);
    if (!text) status = 1;
    else fputs(text, stdout), line ? putchar('\n') : 0;
  }
  return status;
}
