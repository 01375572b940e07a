// cp mv install
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

static char on[128];
static int status, moves;

static void keep_attributes(const char *to, const struct stat *about) {
  struct timespec times[2] = {about->st_atim, about->st_mtim};
  lchown(to, about->st_uid, about->st_gid);
  if (!S_ISLNK(about->st_mode)) chmod(to, about->st_mode & 07777);
  utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW);
}

static void copy(const char *from, const char *to, int given);

static void copy_directory(const char *from, const char *to, const struct stat *about) {
  struct stat there;
  int exists = stat(to, &there) == 0;
  if (exists && !S_ISDIR(there.st_mode)) {
    status = object("cannot overwrite non-directory '%s' with directory '%s'", to, from);
    return;
  }
  int count;
  char **names = names_in(from, &count);
  if (!names) {
    status = complain("cannot access '%s'", from);
    return;
  }
  if (!exists && mkdir(to, (about->st_mode & 0777) | 0700) < 0) {
    status = complain("cannot create directory '%s'", to);
    return;
  }
  if (!exists && on['v'] && !moves) printf("'%s' -> '%s'\n", from, to);
  for (int at = 0; at < count; at++) {
    char *one = path_join(from, names[at]), *other = path_join(to, names[at]);
    copy(one, other, 0);
    free(one), free(other);
  }
  free_names(names, count);
  if (on['p']) keep_attributes(to, about);
  else if (!exists) {
    mode_t mask = umask(0);
    umask(mask);
    chmod(to, about->st_mode & 0777 & ~mask);
  }
}

static void copy_file(const char *from, const char *to, const struct stat *about, int exists) {
  int source = open(from, O_RDONLY);
  if (source < 0) {
    status = complain("cannot open '%s' for reading", from);
    return;
  }
  int target = open(to, O_WRONLY | (exists ? O_TRUNC : O_CREAT | O_EXCL), about->st_mode & 0777);
  if (target < 0 && exists && on['f'] && unlink(to) == 0) target = open(to, O_WRONLY | O_CREAT | O_EXCL, about->st_mode & 0777);
  if (target < 0) status = complain("cannot create regular file '%s'", to);
  else {
    int answer = copy_bytes(source, target);
    if (answer == -1) status = complain("error reading '%s'", from);
    if (answer == -2) status = complain("error writing '%s'", to);
    close(target);
    if (on['p']) keep_attributes(to, about);
  }
  close(source);
}

static void copy(const char *from, const char *to, int given) {
  struct stat about, there;
  int follows = on['L'] || (!on['P'] && (!on['r'] || (given && on['H'])));
  if ((follows ? stat(from, &about) : lstat(from, &about)) < 0) {
    status = complain("cannot stat '%s'", from);
    return;
  }
  int exists = lstat(to, &there) == 0;
  if (S_ISDIR(about.st_mode)) {
    if (!on['r']) status = object("-r not specified; omitting directory '%s'", from);
    else copy_directory(from, to, &about);
    return;
  }
  if (exists) {
    struct stat behind;
    if (stat(to, &behind) == 0 && behind.st_ino == about.st_ino && behind.st_dev == about.st_dev) {
      if (!on['l']) status = object("'%s' and '%s' are the same file", from, to);
      return;
    }
    if (S_ISDIR(there.st_mode)) {
      status = object("cannot overwrite directory '%s' with non-directory", to);
      return;
    }
    if (on['n'] || (on['u'] && (there.st_mtim.tv_sec > about.st_mtim.tv_sec || (there.st_mtim.tv_sec == about.st_mtim.tv_sec && there.st_mtim.tv_nsec >= about.st_mtim.tv_nsec)))) return;
    if (on['i']) {
      fprintf(stderr, "%s: overwrite '%s'? ", tool, to);
      if (!agreed()) return;
    }
  }
  if (on['v'] && !moves) printf("'%s' -> '%s'\n", from, to);
  if (on['s'] || on['l']) {
    if (exists && on['f']) unlink(to);
    if ((on['s'] ? symlink(from, to) : link(from, to)) < 0) status = complain("cannot create %s '%s'", on['s'] ? "symbolic link" : "hard link", to);
  } else if (S_ISLNK(about.st_mode)) {
    char *target = need(calloc(1, 4096));
    if (exists) unlink(to);
    if (readlink(from, target, 4095) < 0 || symlink(target, to) < 0) status = complain("cannot create symbolic link '%s'", to);
    else if (on['p']) keep_attributes(to, &about);
    free(target);
  } else if (S_ISREG(about.st_mode) || !on['r']) copy_file(from, to, &about, exists);
  else {
    if (exists) unlink(to);
    if (mknod(to, about.st_mode, about.st_rdev) < 0) status = complain("cannot create special file '%s'", to);
    else if (on['p']) keep_attributes(to, &about);
  }
}

static void move(const char *from, const char *to) {
  struct stat about, there;
  if (lstat(from, &about) < 0) {
    status = complain("cannot stat '%s'", from);
    return;
  }
  if (lstat(to, &there) == 0) {
    if (about.st_ino == there.st_ino && about.st_dev == there.st_dev) {
      status = object("'%s' and '%s' are the same file", from, to);
      return;
    }
    if (S_ISDIR(there.st_mode) && !S_ISDIR(about.st_mode)) {
      status = object("cannot overwrite directory '%s' with non-directory", to);
      return;
    }
    if (!S_ISDIR(there.st_mode) && S_ISDIR(about.st_mode)) {
      status = object("cannot overwrite non-directory '%s' with directory '%s'", to, from);
      return;
    }
    if (on['n'] || (on['u'] && there.st_mtim.tv_sec >= about.st_mtim.tv_sec)) return;
    if (on['i']) {
      fprintf(stderr, "%s: overwrite '%s'? ", tool, to);
      if (!agreed()) return;
    }
  }
  if (rename(from, to) == 0) {
    if (on['v']) printf("renamed '%s' -> '%s'\n", from, to);
    return;
  }
  if (errno == EINVAL) status = object("cannot move '%s' to a subdirectory of itself, '%s'", from, to);
  else if (errno != EXDEV) status = complain("cannot move '%s' to '%s'", from, to);
  else {
    int before = status;
    status = 0;
    copy(from, to, 0);
    if (status == 0) {
      char *const argv[] = {"rm", "-rf", "--", (char *)from, 0};
      run_program((char **)argv);
      if (on['v']) printf("copied '%s' -> '%s'\n", from, to);
    }
    status |= before;
  }
}

static int both(int argc, char **argv, const char *options) {
  static const struct option longs[] = {{"recursive", 0, 0, 'r'}, {"archive", 0, 0, 'a'}, {"force", 0, 0, 'f'}, {"interactive", 0, 0, 'i'}, {"verbose", 0, 0, 'v'}, {"no-clobber", 0, 0, 'n'},
                                        {"preserve", 2, 0, 'p'}, {"update", 0, 0, 'u'}, {"target-directory", 1, 0, 't'}, {"no-target-directory", 0, 0, 'T'}, {0, 0, 0, 0}};
  const char *folder = 0;
  for (int letter; (letter = getopt_long(argc, argv, options, longs, 0)) != -1;) {
    if (letter == '?') return 1;
    on[letter] = 1;
    if (letter == 'R' || letter == 'a') on['r'] = 1;
    if (letter == 'a') on['p'] = on['P'] = 1;
    if (letter == 'd') on['P'] = 1;
    if (letter == 't') folder = optarg;
    if (letter == 'f') on['i'] = on['n'] = 0;
    if (letter == 'i') on['f'] = on['n'] = 0;
  }
  int count = argc - optind;
  struct stat about;
  if (count == 0) return object("missing file operand");
  if (count == 1 && !folder) return object("missing destination file operand after '%s'", argv[optind]);
  if (!folder && !on['T']) {
    const char *last = argv[argc - 1];
    int found = stat(last, &about);
    if (found == 0 && S_ISDIR(about.st_mode)) folder = last, count--;
    else if (count > 2) return found < 0 ? complain("target '%s'", last) : (errno = ENOTDIR, complain("target '%s'", last));
    else if (last[strlen(last) - 1] == '/' && !moves && stat(argv[optind], &about) == 0 && !S_ISDIR(about.st_mode)) return errno = found < 0 ? ENOTDIR : errno, complain("cannot create regular file '%s'", last);
  }
  if (!folder && count > 2) return object("extra operand '%s'", argv[optind + 2]);
  for (int at = 0; at < (folder ? count : 1); at++) {
    const char *from = argv[optind + at];
    char *name = last_name(from), *to = folder ? path_join(folder, strcmp(name, "..") ? name : ".") : need(strdup(argv[optind + 1]));
    size_t length = strlen(from);
    struct stat one, other;
    if (!moves && on['r'] && stat(from, &one) == 0 && S_ISDIR(one.st_mode) && ((strncmp(from, to, length) == 0 && to[length] == '/') || (folder && stat(folder, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev)))
      status = object("cannot copy a directory, '%s', into itself, '%s'", from, to);
    else if (moves) move(from, to);
    else copy(from, to, 1);
    free(name), free(to);
  }
  return status;
}

TOOL(cp) { return both(argc, argv, "aRrpfivTt:nudPLHls"); }
TOOL(mv) {
  moves = on['r'] = on['p'] = on['P'] = 1;
  return both(argc, argv, "fivTt:nu");
}
