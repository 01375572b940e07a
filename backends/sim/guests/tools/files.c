// Tools that make and remove what is in directories: rm rmdir mkdir ln touch mkfifo truncate
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

static int forced, asks, verbose, recursive, status;

static int asked(const char *what, const char *path) {
  fprintf(stderr, "%s: %s '%s'? ", tool, what, path);
  return agreed();
}

static void remove_path(const char *path) {
  struct stat about;
  if (lstat(path, &about) < 0) {
    if (!forced || (errno != ENOENT && errno != ENOTDIR)) status = complain("cannot remove '%s'", path);
    return;
  }
  if (!S_ISDIR(about.st_mode)) {
    const char *what = S_ISLNK(about.st_mode) ? "remove symbolic link" : !S_ISREG(about.st_mode) ? "remove special file" : about.st_size ? "remove regular file" : "remove regular empty file";
    if (asks && !asked(what, path)) return;
    if (unlink(path) < 0) status = complain("cannot remove '%s'", path);
    else if (verbose) printf("removed '%s'\n", path);
    return;
  }
  if (!recursive) {
    errno = EISDIR, status = complain("cannot remove '%s'", path);
    return;
  }
  int count;
  char **names = names_in(path, &count);
  if (!names) {
    status = complain("cannot remove '%s'", path);
    return;
  }
  if (count && asks && !asked("descend into directory", path)) return;
  for (int at = 0; at < count; at++) {
    char *below = path_join(path, names[at]);
    remove_path(below);
    free(below);
  }
  free_names(names, count);
  if (asks && !asked("remove directory", path)) return;
  if (rmdir(path) < 0) status = complain("cannot remove '%s'", path);
  else if (verbose) printf("removed directory '%s'\n", path);
}

TOOL(rm) {
  static const struct option longs[] = {{"force", 0, 0, 'f'}, {"recursive", 0, 0, 'r'}, {"verbose", 0, 0, 'v'}, {0, 0, 0, 0}};
  int empties = 0;
  for (int letter; (letter = getopt_long(argc, argv, "firRvdI", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'f') forced = 1, asks = 0;
    if (letter == 'i') asks = 1, forced = 0;
    if (letter == 'v') verbose = 1;
    if (letter == 'r' || letter == 'R') recursive = 1;
    if (letter == 'd') empties = 1;
  }
  if (optind == argc) return forced ? 0 : object("missing operand");
  for (; optind < argc; optind++) {
    char *name = last_name(argv[optind]);
    if (recursive && (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)) status = object("refusing to remove '.' or '..' directory: skipping '%s'", argv[optind]);
    else if (recursive && strcmp(name, "/") == 0) status = object("it is dangerous to operate recursively on '/'\n%s: use --no-preserve-root to override this failsafe", tool);
    else if (empties && !recursive && rmdir(argv[optind]) == 0) continue;
    else remove_path(argv[optind]);
    free(name);
  }
  return status;
}

TOOL(rmdir) {
  int parents = 0, ignores = 0;
  static const struct option longs[] = {{"parents", 0, 0, 'p'}, {"ignore-fail-on-non-empty", 0, 0, 'i'}, {"verbose", 0, 0, 'v'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "pv", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    letter == 'p' ? (parents = 1) : letter == 'i' ? (ignores = 1) : (verbose = 1);
  }
  if (optind == argc) return object("missing operand");
  for (; optind < argc; optind++) {
    char *path = need(strdup(argv[optind]));
    for (int first = 1;; first = 0) {
      if (verbose) printf("rmdir: removing directory, '%s'\n", path);
      if (rmdir(path) < 0) {
        if (!(ignores && errno == ENOTEMPTY)) status = complain(first ? "failed to remove '%s'" : "failed to remove directory '%s'", path);
        break;
      }
      char *slash = strrchr(path, '/');
      if (!parents || !slash || slash == path) break;
      *slash = 0;
    }
    free(path);
  }
  return status;
}

static int make_directory(char *path, int parents, long mode) {
  mode_t mask = umask(0);
  umask(mask);
  for (char *slash = path; parents && (slash = strchr(slash + 1, '/'));) {
    if (!slash[strspn(slash, "/")]) break;
    *slash = 0;
    if (mkdir(path, (0777 & ~mask) | 0300) < 0 && errno != EEXIST) {
      int answer = complain("cannot create directory '%s'", path);
      return *slash = '/', answer;
    } else if (verbose && errno != EEXIST) printf("mkdir: created directory '%s'\n", path);
    *slash = '/', errno = 0;
  }
  if (mkdir(path, 0777) < 0) {
    int number = errno;
    struct stat about;
    if (parents && number == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return 0;
    errno = number;
    return complain("cannot create directory '%s'", path);
  }
  if (verbose) printf("mkdir: created directory '%s'\n", path);
  return mode >= 0 && chmod(path, mode) < 0 ? complain("cannot change permissions of '%s'", path) : 0;
}

TOOL(mkdir) {
  int parents = 0;
  long mode = -1;
  static const struct option longs[] = {{"parents", 0, 0, 'p'}, {"mode", 1, 0, 'm'}, {"verbose", 0, 0, 'v'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "pm:v", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'p') parents = 1;
    if (letter == 'v') verbose = 1;
    if (letter == 'm' && (mode = changed_mode(optarg, S_IFDIR | 0777, 0)) < 0) return object("invalid mode '%s'", optarg);
  }
  if (optind == argc) return object("missing operand");
  for (; optind < argc; optind++) status |= make_directory(argv[optind], parents, mode);
  return status;
}

TOOL(mkfifo) {
  if (argc < 2) return object("missing operand");
  for (int at = 1; at < argc; at++)
    if (mkfifo(argv[at], 0666) < 0) status = complain("cannot create fifo '%s'", argv[at]);
  return status;
}

TOOL(ln) {
  int symbolic = 0, plain = 0, relative = 0;
  const char *folder = 0;
  static const struct option longs[] = {{"symbolic", 0, 0, 's'}, {"force", 0, 0, 'f'}, {"no-dereference", 0, 0, 'n'}, {"verbose", 0, 0, 'v'}, {"target-directory", 1, 0, 't'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "sfnvt:TrLPi", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 's') symbolic = 1;
    if (letter == 'f') forced = 1;
    if (letter == 'n') plain = 1;
    if (letter == 'T') plain = 2;
    if (letter == 'v') verbose = 1;
    if (letter == 'r') relative = 1;
    if (letter == 't') folder = optarg;
  }
  (void)relative;
  int count = argc - optind;
  if (count == 0) return object("missing file operand");
  struct stat about;
  if (!folder && count == 1) folder = ".";
  else if (!folder) {
    const char *last = argv[argc - 1];
    if (plain < 2 && (plain ? lstat(last, &about) : stat(last, &about)) == 0 && S_ISDIR(about.st_mode)) folder = last, count--;
    else if (count > 2) return errno = stat(last, &about) < 0 ? errno : ENOTDIR, complain("target '%s'", last);
  }
  for (int at = 0; at < (folder ? count : 1); at++) {
    const char *from = argv[optind + at];
    char *name = last_name(from), *to = folder ? path_join(strcmp(folder, ".") ? folder : "./", name) : need(strdup(argv[optind + 1]));
    if (folder && strcmp(folder, ".") == 0) memmove(to, to + 2, strlen(to) - 1);
    if (forced && lstat(to, &about) == 0 && !S_ISDIR(about.st_mode)) unlink(to);
    if (!symbolic && lstat(from, &about) == 0 && S_ISDIR(about.st_mode)) status = object("%s: hard link not allowed for directory", from);
    else if (!symbolic && lstat(from, &about) < 0) status = complain("failed to access '%s'", from);
    else if ((symbolic ? symlink(from, to) : link(from, to)) < 0) {
      if (symbolic || errno == EEXIST) status = complain(symbolic ? "failed to create symbolic link '%s'" : "failed to create hard link '%s'", to);
      else {
        status = complain("failed to create hard link '%s' => '%s'", to, from);
      }
    } else if (verbose) printf("'%s' %s '%s'\n", to, symbolic ? "->" : "=>", from);
    free(name), free(to);
  }
  return status;
}

// [[CC]YY]MMDDhhmm[.ss]
static int stamp(const char *text, struct timespec *to) {
  struct tm parts;
  time_t now = time(0);
  gmtime_r(&now, &parts);
  int numbers[7], count = 0, length = strcspn(text, ".");
  for (int at = 0; at < length; at += 2) {
    if (count == 6 || text[at] < '0' || text[at] > '9' || text[at + 1] < '0' || text[at + 1] > '9') return 0;
    numbers[count++] = (text[at] - '0') * 10 + text[at + 1] - '0';
  }
  if (count < 4) return 0;
  int *last = numbers + count - 4;
  if (count == 5) parts.tm_year = numbers[0] + (numbers[0] < 69 ? 100 : 0);
  if (count == 6) parts.tm_year = numbers[0] * 100 + numbers[1] - 1900;
  parts.tm_mon = last[0] - 1, parts.tm_mday = last[1], parts.tm_hour = last[2], parts.tm_min = last[3];
  parts.tm_sec = text[length] ? atoi(text + length + 1) : 0;
  *to = (struct timespec){timegm(&parts), 0};
  return 1;
}

TOOL(touch) {
  enum { NOW = (1 << 30) - 1, OMIT = (1 << 30) - 2 };
  int makes = 1, which = 0, plain = 0;
  struct timespec times[2] = {{0, NOW}, {0, NOW}};
  struct stat about;
  static const struct option longs[] = {{"no-create", 0, 0, 'c'}, {"date", 1, 0, 'd'}, {"reference", 1, 0, 'r'}, {"no-dereference", 0, 0, 'h'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "acd:fhmr:t:", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'c') makes = 0;
    if (letter == 'h') plain = AT_SYMLINK_NOFOLLOW, makes = 0;
    if (letter == 'a') which |= 1;
    if (letter == 'm') which |= 2;
    if (letter == 'd' && !date_of(optarg, times)) return object("invalid date format '%s'", optarg);
    if (letter == 't' && !stamp(optarg, times)) return object("invalid date format '%s'", optarg);
    if (letter == 'd' || letter == 't') times[1] = times[0];
    if (letter == 'r') {
      if (stat(optarg, &about) < 0) return complain("failed to get attributes of '%s'", optarg);
      times[0] = about.st_atim, times[1] = about.st_mtim;
    }
  }
  if (optind == argc) return object("missing file operand");
  if (which == 1) times[1].tv_nsec = OMIT;
  if (which == 2) times[0].tv_nsec = OMIT;
  for (; optind < argc; optind++) {
    const char *path = argv[optind];
    int fd = makes ? open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK, 0666) : -1, number = errno;
    if (fd >= 0) close(fd);
    if (utimensat(AT_FDCWD, path, times, plain) == 0 || (!makes && errno == ENOENT)) continue;
    if (fd < 0 && makes && number != EISDIR) errno = number;
    status = fd < 0 && makes ? complain("cannot touch '%s'", path) : complain("setting times of '%s'", path);
  }
  return status;
}

TOOL(truncate) {
  long long size = 0;
  int sign = 0, makes = 1, given = 0;
  for (int letter; (letter = getopt(argc, argv, "cs:")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'c') makes = 0;
    else {
      given = 1, sign = *optarg == '+' || *optarg == '-' ? *optarg : 0;
      if (!size_of(optarg + (sign != 0), &size)) return object("Invalid number: '%s'", optarg);
    }
  }
  if (!given) return object("you must specify either '--size' or '--reference'");
  if (optind == argc) return object("missing file operand");
  for (; optind < argc; optind++) {
    struct stat about;
    int fd = open(argv[optind], O_WRONLY | (makes ? O_CREAT : 0) | O_NONBLOCK, 0666);
    if (fd < 0) {
      if (makes || errno != ENOENT) status = complain("cannot open '%s' for writing", argv[optind]);
      continue;
    }
    fstat(fd, &about);
    long long wanted = sign == '+' ? about.st_size + size : sign == '-' ? (about.st_size > size ? about.st_size - size : 0) : size;
    if (ftruncate(fd, wanted) < 0) status = complain("failed to truncate '%s' at %lld bytes", argv[optind], wanted);
    close(fd);
  }
  return status;
}
