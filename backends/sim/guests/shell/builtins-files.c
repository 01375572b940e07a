// Builtins about files and text: cd, pwd, echo, read, getopts, umask, ulimit, times.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shell.h"

// `path` seen from `from`, without . and .. , in scratch memory.
static char *normal(const char *from, const char *path) {
  struct text text = {.arena = &scratch};
  if (*path != '/') add_text(&text, from);
  for (;;) {
    while (*path == '/') path++;
    size_t length = strcspn(path, "/");
    if (length == 0) break;
    if (length == 2 && path[0] == '.' && path[1] == '.') {
      while (text.length > 0 && text.start[--text.length] != '/') continue;
    } else if (length != 1 || *path != '.') {
      if (text.length == 0 || text.start[text.length - 1] != '/') add(&text, '/');
      for (size_t at = 0; at < length; at++) add(&text, path[at]);
    }
    path += length;
  }
  if (text.length == 0) add(&text, '/');
  return ended(&text);
}

static char *physical(void) {
  char *place = take(&scratch, 4096);
  return getcwd(place, 4096);
}

int cd_builtin(int argc, char **argv) {
  int at = 1, follows = 0, tells = 0;
  for (; at < argc && *argv[at] == '-' && argv[at][1]; at++) follows = argv[at][1] == 'P';
  const char *to = at < argc ? argv[at] : get("HOME");
  if (!to) return 0;
  if (strcmp(to, "-") == 0) {
    to = get("OLDPWD"), tells = 1;
    if (!to) return fail("OLDPWD not set");
  }
  const char *here = get("PWD");
  if (!here) here = physical();
  if (!here) here = "/";
  if (*to != '/' && *to != '.') {
    for (const char *path = get("CDPATH"); path && *path;) {
      size_t length = strcspn(path, ":");
      struct text text = {.arena = &scratch};
      for (size_t done = 0; done < length; done++) add(&text, path[done]);
      if (length) add(&text, '/');
      add_text(&text, to);
      struct stat about;
      if (stat(ended(&text), &about) == 0 && S_ISDIR(about.st_mode)) {
        tells |= length > 0, to = text.start;
        break;
      }
      path += length + (path[length] != 0);
    }
  }
  char *wanted = *to ? normal(here, to) : take_text(&scratch, here, strlen(here));
  if (chdir(follows ? to : wanted) < 0) return fail("can't cd to %s", at < argc ? argv[at] : to);
  set("OLDPWD", 6, here, EXPORTED);
  set("PWD", 3, follows ? physical() : wanted, EXPORTED);
  if (tells) puts(get("PWD"));
  return 0;
}

int pwd_builtin(int argc, char **argv) {
  const char *here = argc > 1 && strcmp(argv[1], "-P") == 0 ? physical() : get("PWD");
  if (!here) here = physical();
  return here ? puts(here), 0 : fail("%s", strerror(errno));
}

int echo_builtin(int argc, char **argv) {
  int at = 1, newline = 1;
  if (at < argc && strcmp(argv[at], "-n") == 0) at++, newline = 0;
  for (int first = at; at < argc; at++) {
    if (at > first) putchar(' ');
    for (const char *text = argv[at]; *text;) {
      if (*text != '\\') putchar(*text++);
      else if (text++, !print_escaped(&text, 1)) return 0;
    }
  }
  if (newline) putchar('\n');
  return 0;
}

// Splits the line: a separator that a backslash stood before is marked by a byte 1.
static int share_out(char *all, int count, char **names) {
  const char *separators = get("IFS");
  if (!separators) separators = " \t\n";
  char blanks[4] = {0}, *to = blanks;
  for (const char *blank = " \t\n"; *blank; blank++)
    if (strchr(separators, *blank)) *to++ = *blank;
  all += strspn(all, blanks);
  for (int at = 0; at < count; at++) {
    char *begin = all, *end = all;
    for (; *end && (*end == 1 || !strchr(separators, *end)); end++)
      if (*end == 1) end++;
    char *behind = end + strspn(end, blanks);
    if (*behind && strchr(separators, *behind) && !strchr(blanks, *behind)) behind++, behind += strspn(behind, blanks);
    if (at + 1 == count && *behind) {
      // The last gets the rest, without blanks at its end.
      end = begin + strlen(begin);
      while (end > begin && strchr(blanks, end[-1]) && (end - 1 == begin || end[-2] != 1)) end--;
      behind = end;
    }
    char *value = plain_of(take_text(&scratch, begin, end - begin));
    if (set_named(names[at], value)) return status;
    all = behind;
  }
  return 0;
}

int read_builtin(int argc, char **argv) {
  int at = 1, raw = 0;
  for (; at < argc && *argv[at] == '-' && argv[at][1]; at++) {
    if (strcmp(argv[at], "--") == 0) {
      at++;
      break;
    }
    if (argv[at][1] == 'r') raw = 1;
    else if (argv[at][1] == 'p' && at + 1 < argc) fprintf(stderr, "%s", argv[++at]);
    else return fail("Illegal option %s", argv[at]);
  }
  if (at >= argc) return fail("arg count");
  struct text text = {.arena = &scratch};
  int answer = 0;
  for (int after = 0;;) {
    char c;
    ssize_t got = read(0, &c, 1);
    if (got < 0 && errno == EINTR && !trap_pending && !interrupted) continue;
    if (got <= 0) {
      answer = 1;
      break;
    }
    if (c == 0) continue;
    if (after) {
      after = 0;
      if (c == '\n') continue;
      add(&text, 1), add(&text, c);
      continue;
    }
    if (c == '\\' && !raw) {
      after = 1;
      continue;
    }
    if (c == '\n') break;
    if (c == 1) add(&text, 1);
    add(&text, c);
  }
  int shared = share_out(ended(&text), argc - at, argv + at);
  return shared ? shared : answer;
}

int getopts_builtin(int argc, char **argv) {
  if (argc < 3) return fail("Usage: getopts optstring var [arg...]");
  const char *options = argv[1];
  char **list = argc > 3 ? argv + 3 : parameters.list, letter[2] = {0}, number[16];
  int count = argc > 3 ? argc - 3 : parameters.count, at = parameters.option, quiet = *options == ':', inside = parameters.letter;
  if (at < 1 || at > count + 1) at = 1, inside = 0;
  int answer = 0;
  const char *argument = "", *value = letter;
  if (inside && (at < 2 || inside >= (int)strlen(list[at - 2]) + 1 || !list[at - 2][inside])) inside = 0;
  if (!inside) {
    if (at > count || list[at - 1][0] != '-' || !list[at - 1][1]) answer = 1;
    else if (strcmp(list[at - 1], "--") == 0) at++, answer = 1;
    else inside = 1, at++;
  }
  if (answer) value = "?", inside = 0;
  else {
    const char *text = list[at - 2];
    letter[0] = text[inside++];
    const char *found = *letter == ':' ? 0 : strchr(options + quiet, *letter);
    if (!found) {
      if (quiet) argument = take_text(&scratch, letter, 1);
      else fprintf(stderr, "Illegal option -%s\n", letter), argument = 0;
      *letter = '?';
    } else if (found[1] == ':') {
      if (text[inside]) argument = text + inside;
      else if (at <= count) argument = list[at++ - 1];
      else if (quiet) argument = take_text(&scratch, letter, 1), *letter = ':';
      else fprintf(stderr, "No arg for -%s option\n", letter), *letter = '?', argument = 0;
      inside = 0;
    }
    if (inside && !text[inside]) inside = 0;
  }
  snprintf(number, sizeof number, "%d", at);
  if (answer) argument = get("OPTARG");
  if (argument) set_named("OPTARG", argument);
  else unset("OPTARG");
  if (set_named("OPTIND", number) || set_named(argv[2], value)) return status;
  parameters.option = at, parameters.letter = inside;
  return answer;
}

// The permissions that u, g or o have in words.
static mode_t symbolic(const char *text, mode_t mask) {
  mode_t allowed = ~mask & 0777;
  while (*text) {
    mode_t who = 0, what = 0;
    for (; *text && strchr("ugoa", *text); text++) who |= *text == 'u' ? 0700 : *text == 'g' ? 0070 : *text == 'o' ? 0007 : 0777;
    if (!who) who = 0777;
    char operation = *text ? *text++ : 0;
    if (!operation || !strchr("+-=", operation)) return fail("Illegal mode: %s", text), mask;
    for (; *text && strchr("rwx", *text); text++) what |= *text == 'r' ? 0444 : *text == 'w' ? 0222 : 0111;
    what &= who;
    allowed = operation == '+' ? allowed | what : operation == '-' ? allowed & ~what : (allowed & ~who) | what;
    if (*text == ',') text++;
    else if (*text) return fail("Illegal mode: %s", text), mask;
  }
  return ~allowed & 0777;
}

int umask_builtin(int argc, char **argv) {
  int words = argc > 1 && strcmp(argv[1], "-S") == 0, at = 1 + words;
  mode_t mask = umask(0);
  umask(mask);
  if (at < argc) {
    mode_t new = 0;
    if (!isdigit((unsigned char)*argv[at])) new = symbolic(argv[at], mask);
    else
      for (const char *digit = argv[at]; *digit; digit++) {
        if (*digit < '0' || *digit > '7') return fail("Illegal number: %s", argv[at]);
        new = new * 8 + *digit - '0';
      }
    if (unwinding) return status;
    return umask(new), 0;
  }
  if (!words) return printf("%04o\n", mask), 0;
  for (int shift = 6; shift >= 0; shift -= 3) {
    mode_t allowed = ~mask >> shift;
    printf("%c=%s%s%s%c", "ogu"[shift / 3], allowed & 4 ? "r" : "", allowed & 2 ? "w" : "", allowed & 1 ? "x" : "", shift ? ',' : '\n');
  }
  return 0;
}

static const struct {
  char letter, resource;
  short unit;
  const char *name;
} limits[] = {{'t', 0, 1, "time(seconds)"},     {'f', 1, 512, "file(blocks)"}, {'d', 2, 1024, "data(kbytes)"},
              {'s', 3, 1024, "stack(kbytes)"},  {'c', 4, 512, "coredump(blocks)"}, {'m', 5, 1024, "memory(kbytes)"},
              {'l', 8, 1024, "locked memory(kbytes)"}, {'p', 6, 1, "process"},  {'n', 7, 1, "nofiles"},
              {'v', 9, 1024, "vmemory(kbytes)"}, {'w', 10, 1, "locks"},        {'r', 14, 1, "rtprio"}};
enum { limit_count = sizeof limits / sizeof *limits };

static void show_limit(int at, int hard) {
  struct rlimit limit;
  getrlimit(limits[at].resource, &limit);
  unsigned long long value = hard ? limit.rlim_max : limit.rlim_cur;
  if (value == ~0ull) puts("unlimited");
  else printf("%llu\n", value / limits[at].unit);
}

int ulimit_builtin(int argc, char **argv) {
  int at = 1, hard = 0, soft = 0, all = 0;
  char letter = 'f';
  for (; at < argc && *argv[at] == '-'; at++)
    for (const char *option = argv[at] + 1; *option; option++) {
      if (*option == 'H') hard = 1;
      else if (*option == 'S') soft = 1;
      else if (*option == 'a') all = 1;
      else letter = *option;
    }
  if (all) {
    for (int one = 0; one < limit_count; one++) printf("%-20s ", limits[one].name), show_limit(one, hard && !soft);
    return 0;
  }
  int one = 0;
  while (one < limit_count && limits[one].letter != letter) one++;
  if (one == limit_count) return fail("Illegal option -%c", letter);
  if (at >= argc) return show_limit(one, hard && !soft), 0;
  struct rlimit limit;
  getrlimit(limits[one].resource, &limit);
  unsigned long long value = ~0ull;
  if (strcmp(argv[at], "unlimited")) {
    if (strspn(argv[at], "0123456789") != strlen(argv[at]) || !*argv[at]) return fail("bad number");
    value = strtoull(argv[at], 0, 10) * limits[one].unit;
  }
  if (!soft || hard) limit.rlim_max = value;
  if (!hard || soft) limit.rlim_cur = value;
  if (setrlimit(limits[one].resource, &limit) < 0) return fail("error setting limit (%s)", strerror(errno));
  return 0;
}

int times_builtin(int argc, char **argv) {
  (void)argc, (void)argv;
  for (int who = 0; who >= -1; who--) {
    struct rusage used;
    memset(&used, 0, sizeof used);
    getrusage(who, &used);
    long long user = used.ru_utime.tv_sec, system = used.ru_stime.tv_sec;
    printf("%lldm%lld.%06llds %lldm%lld.%06llds\n", user / 60, user % 60, (long long)used.ru_utime.tv_usec, system / 60, system % 60, (long long)used.ru_stime.tv_usec);
  }
  return 0;
}
