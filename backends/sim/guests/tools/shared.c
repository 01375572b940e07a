// What the tools for files and text share: names, modes, sizes, copying, running.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shared.h"

int object(const char *format, ...) {
  va_list given;
  va_start(given, format);
  fflush(stdout);
  fprintf(stderr, "%s: ", tool);
  vfprintf(stderr, format, given);
  va_end(given);
  fputc('\n', stderr);
  return 1;
}

void *need(void *at) {
  if (at) return at;
  object("memory exhausted");
  exit(1);
}

char *path_join(const char *directory, const char *name) {
  size_t length = strlen(directory);
  char *path = need(malloc(length + strlen(name) + 2));
  strcpy(path, directory);
  if (length > 0 && path[length - 1] != '/') path[length++] = '/';
  strcpy(path + length, name);
  return path;
}

char *last_name(const char *path) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') end--;
  size_t start = end;
  while (start > 0 && path[start - 1] != '/') start--;
  if (start == end && end > 0) start--;
  return need(strndup(path + start, end - start));
}

static int by_name(const void *one, const void *other) { return strcmp(*(char *const *)one, *(char *const *)other); }

char **names_in(const char *path, int *count) {
  DIR *directory = opendir(path);
  *count = 0;
  if (!directory) return 0;
  char **names = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (*count % 16 == 0) names = need(realloc(names, (*count + 16) * sizeof *names));
    names[(*count)++] = need(strdup(entry->d_name));
  }
  closedir(directory);
  if (!names) names = need(malloc(sizeof *names));
  qsort(names, *count, sizeof *names, by_name);
  return names;
}

void free_names(char **names, int count) {
  for (int at = 0; at < count; at++) free(names[at]);
  free(names);
}

void mode_letters(mode_t mode, char *to) {
  *to++ = S_ISDIR(mode)    ? 'd'
          : S_ISLNK(mode)  ? 'l'
          : S_ISCHR(mode)  ? 'c'
          : S_ISBLK(mode)  ? 'b'
          : S_ISFIFO(mode) ? 'p'
          : S_ISSOCK(mode) ? 's'
                           : '-';
  for (int bit = 8; bit >= 0; bit--) *to++ = mode >> bit & 1 ? "xwr"[bit % 3] : '-';
  static const char special[] = "tss";
  for (int who = 0; who < 3; who++)
    if (mode & (01000 << who)) to[-1 - 3 * who] = to[-1 - 3 * who] == 'x' ? special[who] : special[who] - 32;
  *to = 0;
}

char *human_size(unsigned long long bytes, char *to) {
  int power = 0;
  unsigned long long unit = 1;
  while (power < 6 && bytes / unit >= 1024) unit *= 1024, power++;
  if (power == 0) return snprintf(to, 16, "%llu", bytes), to;
  // Rounded up, with one place behind the point below ten.
  unsigned long long whole = bytes / unit, rest = bytes % unit;
  unsigned long long tenths = whole * 10 + (rest * 10 + unit - 1) / unit;
  if (tenths < 100) snprintf(to, 16, "%llu.%llu%c", tenths / 10, tenths % 10, " KMGTPE"[power]);
  else {
    whole += rest > 0;
    if (whole >= 1024 && power < 6) snprintf(to, 16, "1.0%c", " KMGTPE"[power + 1]);
    else snprintf(to, 16, "%llu%c", whole, " KMGTPE"[power]);
  }
  return to;
}

const char *user_name(uid_t uid, char *to) {
  struct passwd *found = getpwuid(uid);
  snprintf(to, 32, found ? "%s" : "%.0s%u", found ? found->pw_name : "", uid);
  return to;
}

const char *group_name(gid_t gid, char *to) {
  struct group *found = getgrgid(gid);
  snprintf(to, 32, found ? "%s" : "%.0s%u", found ? found->gr_name : "", gid);
  return to;
}

long changed_mode(const char *at, mode_t mode, mode_t mask) {
  mode_t now = mode & 07777;
  if (isdigit((unsigned char)*at)) {
    char *end;
    unsigned long number = strtoul(at, &end, 8);
    return *end || number > 07777 ? -1 : (long)(number | (S_ISDIR(mode) && strlen(at) < 5 ? now & 06000 : 0));
  }
  for (;; at++) {
    mode_t who = 0;
    for (; *at && strchr("ugoa", *at); at++) who |= *at == 'u' ? 04700 : *at == 'g' ? 02070 : *at == 'o' ? 01007 : 07777;
    mode_t allowed = who ? who : ~mask & 07777;
    if (!who) who = 07777;
    if (!*at || !strchr("+-=", *at)) return -1;
    while (*at && strchr("+-=", *at)) {
      char what = *at++;
      mode_t bits = 0;
      if (*at && strchr("ugo", *at)) {
        int shift = *at == 'u' ? 6 : *at == 'g' ? 3 : 0;
        bits = (now >> shift & 7) * 0111, at++;
      } else for (; *at && strchr("rwxXst", *at); at++)
          bits |= *at == 'r'   ? 0444
                  : *at == 'w' ? 0222
                  : *at == 'x' ? 0111
                  : *at == 'X' ? (S_ISDIR(mode) || now & 0111 ? 0111 : 0)
                  : *at == 's' ? 06000
                               : 01000;
      bits &= allowed;
      if (what == '+') now |= bits;
      else if (what == '-') now &= ~bits;
      else now = (now & ~(who & (S_ISDIR(mode) ? 01777 : 07777))) | bits;
    }
    if (!*at) return now;
    if (*at != ',') return -1;
  }
}

int size_of(const char *text, long long *to) {
  char *end;
  *to = strtoll(text, &end, 10);
  if (end == text) return 0;
  if (!*end) return 1;
  if (*end == 'b' && !end[1]) return *to *= 512, 1;
  static const char units[] = "KMGTPE";
  const char *unit = strchr(units, toupper((unsigned char)*end));
  if (!unit) return 0;
  int thousand = end[1] == 'B';
  if (end[1] && strcmp(end + 1, "B") && strcmp(end + 1, "iB")) return 0;
  for (const char *at = units; at <= unit; at++) *to *= thousand ? 1000 : 1024;
  return 1;
}

FILE *open_input(const char *path) {
  if (strcmp(path, "-") == 0) return stdin;
  FILE *stream = fopen(path, "r");
  if (!stream) complain("%s", path);
  return stream;
}

void close_input(FILE *stream) {
  if (stream && stream != stdin) fclose(stream);
}

static int digits(const char **at, int base, int most) {
  int number = 0;
  for (; most > 0 && isxdigit((unsigned char)**at) && (base == 16 || (**at >= '0' && **at < '8')); most--, ++*at)
    number = number * base + (isdigit((unsigned char)**at) ? **at - '0' : (**at | 32) - 'a' + 10);
  return number & 255;
}

int escaped(const char **at, int octal_needs_zero) {
  char c = *(*at)++;
  static const char letters[] = "abefnrtv\\", bytes[] = "\a\b\033\f\n\r\t\v\\";
  const char *found = c ? strchr(letters, c) : 0;
  if (found) return (unsigned char)bytes[found - letters];
  if (c == 'c') return -1;
  if (c == 'x' && isxdigit((unsigned char)**at)) return digits(at, 16, 2);
  if (c == '0' && octal_needs_zero) return digits(at, 8, 3);
  if (c >= '0' && c < '8' && !octal_needs_zero) return --*at, digits(at, 8, 3);
  // Stands for itself, with its backslash.
  --*at;
  return '\\';
}

int write_all(int fd, const char *from, size_t bytes) {
  while (bytes > 0) {
    ssize_t some = write(fd, from, bytes);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) return -1;
    from += some, bytes -= some;
  }
  return 0;
}

int copy_bytes(int from, int to) {
  static char *buffer;
  if (!buffer) buffer = need(malloc(32768 - 8));
  for (;;) {
    ssize_t got = read(from, buffer, 32768 - 8);
    if (got <= 0) return (int)got;
    if (write_all(to, buffer, got) < 0) return -2;
  }
}

int run_program(char **argv) {
  fflush(0);
  pid_t child = fork();
  if (child == 0) {
    execvp(argv[0], argv);
    int status = errno == ENOENT ? 127 : 126;
    complain(strcmp(tool, "find") ? "%s" : "'%s'", argv[0]);
    _exit(status);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0) return complain("%s", argv[0]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int agreed(void) {
  int first = getchar(), at = first;
  while (at != '\n' && at != EOF) at = getchar();
  return first == 'y' || first == 'Y';
}

char **input_names(int argc, char **argv) {
  static char *standard[] = {"-", 0};
  (void)argc;
  return argv[optind] ? argv + optind : standard;
}

// A word with something in place of a mark, each time.
char *with_item(const char *from, const char *mark, const char *item) {
  char *to = need(calloc(1, 1)), *found;
  do {
    found = strstr(from, mark);
    size_t plain = found ? (size_t)(found - from) : strlen(from), length = strlen(to);
    to = need(realloc(to, length + plain + strlen(item) + 1));
    memcpy(to + length, from, plain), to[length + plain] = 0;
    if (found) strcat(to, item), from = found + strlen(mark);
  } while (found);
  return to;
}
