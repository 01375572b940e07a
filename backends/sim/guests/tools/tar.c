// tar: archives as POSIX has them (ustar).
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

struct header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], kind, link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], unused[12];
};
static struct header header;
static int verbose, status, archive, to_stdout, stripped;
static char **wanted;
static long long archived;

static unsigned checksum(void) {
  unsigned sum = 0;
  for (unsigned at = 0; at < sizeof header; at++) sum += at >= 148 && at < 156 ? ' ' : ((unsigned char *)&header)[at];
  return sum;
}

static void put_block(const void *from) {
  if (write_all(archive, from, 512) < 0) complain("write error"), exit(2);
  archived += 512;
}

static void show(const char *name, const struct stat *about, const char *link) {
  FILE *to = archive == 1 ? stderr : stdout;
  if (verbose > 1) {
    char mode[12], when[32], owner[80];
    mode_letters(about->st_mode, mode);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", gmtime(&about->st_mtime));
    snprintf(owner, sizeof owner, "%s/%s", header.user, header.group);
    if (!*header.user) snprintf(owner, sizeof owner, "%u/%u", about->st_uid, about->st_gid);
    fprintf(to, "%s %s %*lld %s ", mode, owner, 18 - (int)strlen(owner), (long long)about->st_size, when);
  }
  fputs(name, to);
  if (verbose > 1 && header.kind == '2') fprintf(to, " -> %s", link);
  if (verbose > 1 && header.kind == '1') fprintf(to, " link to %s", link);
  putc('\n', to);
}

static void add(const char *path) {
  struct stat about;
  if (lstat(path, &about) < 0) {
    status = 2, complain("%s: Cannot stat", path);
    return;
  }
  memset(&header, 0, sizeof header);
  const char *name = path;
  while (*name == '/') {
    if (!stripped++) object("Removing leading `/' from member names");
    name++;
  }
  char *whole = path_join(*name ? name : ".", ""), *link = need(calloc(1, 4096));
  size_t length = strlen(whole);
  if (!S_ISDIR(about.st_mode)) whole[--length] = 0;
  char *cut = length > 100 ? memchr(whole + length - 101, '/', 100) : 0;
  if (length > 100 && (!cut || cut - whole > 155)) {
    status = 2, object("%s: file name is too long (cannot be split); not dumped", whole);
    return;
  }
  if (cut) memcpy(header.prefix, whole, cut - whole), strncpy(header.name, cut + 1, 100);
  else memcpy(header.name, whole, length);
  header.kind = S_ISDIR(about.st_mode) ? '5' : S_ISLNK(about.st_mode) ? '2' : S_ISFIFO(about.st_mode) ? '6' : S_ISCHR(about.st_mode) ? '3' : S_ISBLK(about.st_mode) ? '4' : '0';
  if (header.kind == '2' && readlink(path, link, 100) > 0) memcpy(header.link, link, strlen(link));
  if (header.kind != '0') about.st_size = 0;
  snprintf(header.mode, 8, "%07o", about.st_mode & 07777);
  snprintf(header.uid, 8, "%07o", about.st_uid), snprintf(header.gid, 8, "%07o", about.st_gid);
  snprintf(header.size, 12, "%011llo", (unsigned long long)about.st_size), snprintf(header.mtime, 12, "%011llo", (unsigned long long)about.st_mtime);
  memcpy(header.magic, "ustar", 6), memcpy(header.version, "00", 2);
  user_name(about.st_uid, header.user), group_name(about.st_gid, header.group);
  snprintf(header.major, 8, "%07o", major(about.st_rdev)), snprintf(header.minor, 8, "%07o", minor(about.st_rdev));
  snprintf(header.sum, 8, "%06o", checksum()), header.sum[7] = ' ';
  int fd = header.kind == '0' ? open(path, O_RDONLY) : -1;
  if (header.kind == '0' && fd < 0) {
    status = 2, complain("%s: Cannot open", path);
    return;
  }
  if (verbose) show(whole, &about, link);
  put_block(&header);
  char block[512];
  for (long long left = about.st_size; left > 0; left -= 512) {
    memset(block, 0, sizeof block);
    if (read(fd, block, left < 512 ? left : 512) < 0) status = 2, complain("%s: Read error", path);
    put_block(block);
  }
  if (fd >= 0) close(fd);
  free(whole), free(link);
  int count = 0;
  char **names = S_ISDIR(about.st_mode) ? names_in(path, &count) : 0;
  if (S_ISDIR(about.st_mode) && !names) status = 2, complain("%s: Cannot open", path);
  for (int at = 0; at < count; at++) {
    char *below = path_join(path, names[at]);
    add(below);
    free(below);
  }
  if (names) free_names(names, count);
}

static int take_block(void *to) {
  for (int have = 0; have < 512;) {
    ssize_t got = read(archive, (char *)to + have, 512 - have);
    if (got <= 0) return 0;
    have += got;
  }
  return 1;
}

static int is_wanted(const char *name) {
  if (!*wanted) return 1;
  for (char **at = wanted; *at; at++) {
    size_t length = strlen(*at);
    while (length > 1 && (*at)[length - 1] == '/') length--;
    if (strncmp(*at, name, length) == 0 && (!name[length] || name[length] == '/')) return 1;
  }
  return 0;
}

static int unpack(const char *name, const char *target, const struct stat *about) {
  for (char *slash = (char *)name; (slash = strchr(slash + 1, '/')) && slash[1];) {
    *slash = 0, mkdir(name, 0777), *slash = '/';
  }
  if (header.kind == '5') return mkdir(name, 0777) < 0 && errno != EEXIST ? -2 : -1;
  unlink(name);
  if (header.kind == '2') return symlink(target, name) < 0 ? -2 : -1;
  if (header.kind == '1') return link(target, name) < 0 ? -2 : -1;
  if (strchr("346", header.kind) && header.kind) return mknod(name, about->st_mode, about->st_rdev) < 0 ? -2 : -1;
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, about->st_mode & 0777);
  return fd < 0 ? -2 : fd;
}

static void read_archive(int extracts) {
  char block[512], link[101], *long_name = 0;
  while (take_block(&header) && *header.name) {
    struct stat about = {.st_mode = strtoul(header.mode, 0, 8), .st_uid = strtoul(header.uid, 0, 8), .st_gid = strtoul(header.gid, 0, 8)};
    about.st_size = strtoull(header.size, 0, 8), about.st_mtim.tv_sec = strtoull(header.mtime, 0, 8);
    about.st_rdev = makedev(strtoul(header.major, 0, 8), strtoul(header.minor, 0, 8));
    if (strtoul(header.sum, 0, 8) != checksum()) object("This does not look like a tar archive\ntar: Exiting with failure status due to previous errors"), exit(2);
    about.st_mode |= header.kind == '5' ? S_IFDIR : header.kind == '2' ? S_IFLNK : header.kind == '3' ? S_IFCHR : header.kind == '4' ? S_IFBLK : header.kind == '6' ? S_IFIFO : S_IFREG;
    char *whole = need(calloc(1, 300));
    if (*header.prefix && memcmp(header.magic, "ustar\0", 6) == 0) snprintf(whole, 300, "%.155s/%.100s", header.prefix, header.name);
    else snprintf(whole, 300, "%.100s", header.name);
    snprintf(link, sizeof link, "%.100s", header.link);
    if (long_name) free(whole), whole = long_name, long_name = 0;
    // GNU's long names, and POSIX's headers, which are passed over.
    int longer = header.kind == 'L', special = longer || header.kind == 'K' || header.kind == 'x' || header.kind == 'g';
    char *name = whole;
    while (*name == '/') name++;
    int takes = !special && is_wanted(whole) && !strstr(name, "../"), fd = -1;
    if (longer) long_name = need(calloc(1, about.st_size + 513));
    if (takes && (verbose || !extracts)) show(whole, &about, link);
    if (takes && extracts && *name) fd = to_stdout ? (about.st_size ? 1 : -1) : unpack(name, link, &about);
    if (fd == -2) status = 2, complain("%s: Cannot create", name);
    for (long long left = about.st_size; left > 0; left -= 512) {
      if (!take_block(block)) object("Unexpected EOF in archive\ntar: Error is not recoverable: exiting now"), exit(2);
      if (longer) memcpy(long_name + about.st_size - left, block, 512);
      if (fd >= 0 && write_all(fd, block, left < 512 ? left : 512) < 0) status = 2, complain("%s: Cannot write", name);
    }
    if (longer) long_name[about.st_size] = 0;
    if (fd > 1) close(fd);
    if (takes && extracts && fd != -2 && !to_stdout && *name && header.kind != '1') {
      struct timespec times[2] = {about.st_mtim, about.st_mtim};
      if (geteuid() == 0) lchown(name, about.st_uid, about.st_gid);
      if (header.kind != '2') chmod(name, about.st_mode & 07777);
      utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW);
    }
    free(whole);
  }
}

TOOL(tar) {
  const char *path = 0, *folder = 0;
  int act = 0, at = 1;
  for (; at < argc && (at == 1 || *argv[at] == '-'); at++) {
    char *letters = argv[at] + (*argv[at] == '-');
    if (strcmp(argv[at], "--") == 0) {
      at++;
      break;
    }
    for (char *letter = letters; *letter; letter++) {
      if (strchr("cxt", *letter)) act = *letter;
      else if (*letter == 'v') verbose++;
      else if (*letter == 'O') to_stdout = 1;
      else if (*letter == 'f' || *letter == 'C') {
        char which = *letter, *value = *argv[at] == '-' && letter[1] ? letter + 1 : 0;
        if (!value && at + 1 < argc) {
          // The value stands behind; its place is passed.
          value = argv[at + 1];
          memmove(argv + at + 1, argv + at + 2, (argc - at - 1) * sizeof *argv), argc--;
        } else if (!value) return object("option requires an argument -- '%c'", which), 64;
        which == 'f' ? (path = value) : (folder = value);
        if (value == letter + 1) break;
      } else if (*letter == 'z' || *letter == 'j' || *letter == 'J') return object("compressed archives are not supported"), 2;
      else if (!strchr("pmoS", *letter)) return object("invalid option -- '%c'", *letter), 64;
    }
  }
  if (!act) return object("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options"), 2;
  wanted = argv + at;
  int standard = !path || strcmp(path, "-") == 0;
  archive = standard ? act == 'c' : act == 'c' ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : open(path, O_RDONLY);
  if (archive < 0) return complain("%s: Cannot open", path), object("Error is not recoverable: exiting now"), 2;
  if (folder && chdir(folder) < 0) return complain("%s: Cannot open", folder), object("Error is not recoverable: exiting now"), 2;
  if (act != 'c') {
    if (act == 't') verbose += verbose > 0;
    else if (verbose > 1) verbose = 2;
    read_archive(act == 'x');
  } else {
    if (!*wanted) return object("Cowardly refusing to create an empty archive"), 2;
    for (; *wanted; wanted++) add(*wanted);
    // The end: two empty blocks, and the record is filled.
    char *empty = need(calloc(1, 512));
    do put_block(empty);
    while (archived % 10240 || archived < 1024);
  }
  if (status) object("Exiting with failure status due to previous errors");
  return status;
}
