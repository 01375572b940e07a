// test, [: conditions about files, texts and numbers.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <tools.h>

static char **at, **end;
static int failed;

static int either(void);

static int wrong(const char *text, const char *what) {
  if (!failed) errno = 0, text ? complain("%s: %s", text, what) : complain("%s", what);
  return failed = 1, 0;
}

static long long number_of(const char *text) {
  char *behind;
  errno = 0;
  long long number = strtoll(text, &behind, 10);
  while (isspace((unsigned char)*behind)) behind++;
  if (behind == text || *behind) {
    if (!failed) errno = 0, complain("Illegal number: %s", text);
    failed = 1;
  }
  return number;
}

static int about_file(char letter, const char *path) {
  struct stat about;
  if (letter == 'r' || letter == 'w' || letter == 'x') return access(path, letter == 'r' ? 4 : letter == 'w' ? 2 : 1) == 0;
  if (letter == 'h' || letter == 'L') return lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
  if (stat(path, &about) < 0) return 0;
  switch (letter) {
    case 'd': return S_ISDIR(about.st_mode);
    case 'f': return S_ISREG(about.st_mode);
    case 'b': return S_ISBLK(about.st_mode);
    case 'c': return S_ISCHR(about.st_mode);
    case 'p': return S_ISFIFO(about.st_mode);
    case 'S': return S_ISSOCK(about.st_mode);
    case 's': return about.st_size > 0;
    case 'u': return (about.st_mode & S_ISUID) != 0;
    case 'g': return (about.st_mode & S_ISGID) != 0;
    case 'k': return (about.st_mode & S_ISVTX) != 0;
    case 'O': return about.st_uid == geteuid();
    case 'G': return about.st_gid == getegid();
  }
  return 1;
}

static int unary(char letter, const char *text) {
  if (letter == 'n') return *text != 0;
  if (letter == 'z') return *text == 0;
  if (letter == 't') return isatty((int)number_of(text));
  return about_file(letter, text);
}

static int is_unary(const char *text) { return text[0] == '-' && text[1] && !text[2] && strchr("nztrwxhLdfbcpSsugkOGe", text[1]); }

static const char *const binaries[] = {"=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", 0};
static int binary_of(const char *text) {
  for (int one = 0; binaries[one]; one++)
    if (strcmp(binaries[one], text) == 0) return one;
  return -1;
}

static int newer(const char *one, const char *other) {
  struct stat a, b;
  if (stat(one, &a) < 0) return 0;
  if (stat(other, &b) < 0) return 1;
  return a.st_mtim.tv_sec != b.st_mtim.tv_sec ? a.st_mtim.tv_sec > b.st_mtim.tv_sec : a.st_mtim.tv_nsec > b.st_mtim.tv_nsec;
}

static int binary(const char *one, int operator, const char *other) {
  if (operator < 5) {
    int order = strcmp(one, other);
    return operator <= 1 ? order == 0 : operator == 2 ? order != 0 : operator == 3 ? order < 0 : order > 0;
  }
  if (operator == 11) return newer(one, other);
  if (operator == 12) return newer(other, one);
  if (operator == 13) {
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
  }
  long long a = number_of(one), b = failed ? 0 : number_of(other);
  switch (operator) {
    case 5: return a == b;
    case 6: return a != b;
    case 7: return a < b;
    case 8: return a <= b;
    case 9: return a > b;
  }
  return a >= b;
}

static int primary(void) {
  if (at >= end) return wrong(0, "argument expected");
  char *one = *at;
  if (end - at >= 3 && binary_of(at[1]) >= 0) {
    at += 3;
    return binary(one, binary_of(at[-2]), at[-1]);
  }
  if (strcmp(one, "!") == 0 && end - at > 1) return at++, !primary();
  if (strcmp(one, "(") == 0 && end - at > 1) {
    at++;
    int answer = either();
    if (at >= end || strcmp(*at, ")")) return wrong(0, "closing paren expected");
    return at++, answer;
  }
  if (is_unary(one) && end - at > 1) {
    at += 2;
    return unary(one[1], at[-1]);
  }
  if (is_unary(one) && end - at == 1) return at++, 1;
  return at++, *one != 0;
}

static int both(void) {
  int answer = primary();
  while (at < end && strcmp(*at, "-a") == 0 && !failed) at++, answer &= primary();
  return answer;
}

static int either(void) {
  int answer = both();
  while (at < end && strcmp(*at, "-o") == 0 && !failed) at++, answer |= both();
  return answer;
}

__attribute__((weak)) TOOL(test) {
  const char *name = strrchr(argv[0], '/');
  if (strcmp(name ? name + 1 : argv[0], "[") == 0) {
    if (strcmp(argv[argc - 1], "]") || argc < 2) return failed = 0, wrong(0, "missing ]"), 2;
    argc--;
  }
  at = argv + 1, end = argv + argc, failed = 0;
  if (at == end) return 1;
  int answer;
  // By their number, as POSIX has it.
  if (argc == 4 && binary_of(at[1]) < 0 && strcmp(at[0], "(") == 0 && strcmp(at[2], ")") == 0) answer = *at[1] != 0, at = end;
  else if (argc == 3 && strcmp(at[0], "!") == 0) answer = *at[1] == 0, at = end;
  else answer = either();
  if (at < end && !failed) wrong(at[-1], "unexpected operator");
  return failed ? 2 : !answer;
}
