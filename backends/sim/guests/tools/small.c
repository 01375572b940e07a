// Tools of a few lines: echo true false sleep seq yes env basename dirname pwd mktemp tty sync clear which nproc
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

TOOL(true) { return 0; }
TOOL(false) { return 1; }

TOOL(echo) {
  int line = 1, escapes = 0, at = 1;
  for (; at < argc && argv[at][0] == '-' && argv[at][1] && strspn(argv[at] + 1, "neE") == strlen(argv[at]) - 1; at++)
    for (const char *letter = argv[at] + 1; *letter; letter++) *letter == 'n' ? (line = 0) : (escapes = *letter == 'e');
  for (int first = at; at < argc; at++) {
    if (at > first) putchar(' ');
    for (const char *text = argv[at]; *text;) {
      if (*text != '\\' || !escapes) {
        putchar(*text++);
        continue;
      }
      text++;
      int c = escaped(&text, 1);
      if (c < 0) return 0;
      putchar(c);
    }
  }
  if (line) putchar('\n');
  return 0;
}

TOOL(sleep) {
  double seconds = 0;
  if (argc < 2) return object("missing operand");
  for (int at = 1; at < argc; at++) {
    char *end;
    double part = strtod(argv[at], &end);
    int unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
    if (end == argv[at] || part < 0 || (*end && (!strchr("smhd", *end) || end[1]))) return object("invalid time interval '%s'", argv[at]);
    seconds += part * unit;
  }
  if (seconds > 9e9) seconds = 9e9;
  struct timespec wanted = {(time_t)seconds, (long long)((seconds - (double)(time_t)seconds) * 1e9)};
  return nanosleep(&wanted, 0) < 0;
}

static int places_of(const char *text) {
  const char *point = strchr(text, '.');
  return point ? (int)strspn(point + 1, "0123456789") : 0;
}

TOOL(seq) {
  const char *between = "\n", *format = 0;
  int same = 0, at = 1, places = 0, width = 0;
  for (; at < argc && argv[at][0] == '-' && argv[at][1] && !isdigit((unsigned char)argv[at][1]) && argv[at][1] != '.'; at++) {
    if (strcmp(argv[at], "-w") == 0) same = 1;
    else if (argv[at][1] == 's' || argv[at][1] == 'f') {
      char letter = argv[at][1];
      const char *text = argv[at][2] ? argv[at] + 2 : argv[++at];
      if (!text) return object("option requires an argument -- '%c'", letter);
      letter == 's' ? (between = text) : (format = text);
    } else return object("invalid option -- '%c'", argv[at][1]);
  }
  int count = argc - at;
  if (count < 1) return object("missing operand");
  if (count > 3) return object("extra operand '%s'", argv[at + 3]);
  double numbers[3] = {1, 1, 0};
  for (int one = 0; one < count; one++) {
    char *end;
    int slot = one == count - 1 ? 2 : one == 0 ? 0 : 1;
    numbers[slot] = strtod(argv[at + one], &end);
    if (end == argv[at + one] || *end) return object("invalid floating point argument: '%s'", argv[at + one]);
    if (slot < 2 && places_of(argv[at + one]) > places) places = places_of(argv[at + one]);
  }
  if (numbers[1] == 0) return object("invalid Zero increment value: '%s'", argv[at + 1]);
  char text[2][64], pattern[24];
  snprintf(text[0], 64, "%.*f", places, numbers[0]);
  snprintf(text[1], 64, "%.*f", places, numbers[2]);
  for (int side = 0; side < 2 && same; side++)
    if ((int)strlen(text[side]) > width) width = strlen(text[side]);
  snprintf(pattern, sizeof pattern, "%%0%d.%df", width, places);
  double first = numbers[0], step = numbers[1], last = numbers[2] + (step > 0 ? 1e-9 : -1e-9) * (step < 0 ? -step : step);
  int any = 0;
  for (long long turn = 0; step > 0 ? first + turn * step <= last : first + turn * step >= last; turn++, any = 1) {
    if (any) fputs(between, stdout);
    printf(format ? format : pattern, first + turn * step);
  }
  if (any) putchar('\n');
  return 0;
}

TOOL(yes) {
  for (;;)
    for (int at = 1; at < argc || at == 1; at++)
      if (printf("%s%c", argc > 1 ? argv[at] : "y", at + 1 < argc ? ' ' : '\n') < 0) return complain("standard output");
}

TOOL(env) {
  int end = '\n';
  static const struct option longs[] = {{"ignore-environment", 0, 0, 'i'}, {"unset", 1, 0, 'u'}, {"null", 0, 0, '0'}, {"chdir", 1, 0, 'C'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "+iu:0C:", longs, 0)) != -1;) {
    if (letter == '?') return 125;
    if (letter == 'i') environ = need(calloc(1, sizeof *environ));
    if (letter == 'u') unsetenv(optarg);
    if (letter == '0') end = 0;
    if (letter == 'C' && chdir(optarg) < 0) return complain("cannot change directory to '%s'", optarg), 125;
  }
  if (optind < argc && strcmp(argv[optind], "-") == 0) optind++, environ = need(calloc(1, sizeof *environ));
  for (; optind < argc && strchr(argv[optind], '='); optind++) putenv(argv[optind]);
  if (optind < argc) {
    execvp(argv[optind], argv + optind);
    int status = errno == ENOENT ? 127 : 126;
    return complain("'%s'", argv[optind]), status;
  }
  for (char **at = environ; *at; at++) fputs(*at, stdout), putchar(end);
  return 0;
}

TOOL(printenv) {
  int status = 0;
  for (int at = 1; at < argc; at++) getenv(argv[at]) ? puts(getenv(argv[at])) : (status = 1);
  for (char **at = environ; argc < 2 && *at; at++) puts(*at);
  return status;
}

TOOL(basename) {
  const char *suffix = 0;
  int several = 0;
  for (int letter; (letter = getopt(argc, argv, "+as:z")) != -1;) {
    if (letter == '?') return 1;
    several = 1;
    if (letter == 's') suffix = optarg;
  }
  int count = argc - optind;
  if (count == 0) return object("missing operand");
  if (!several && count > 2) return object("extra operand '%s'", argv[optind + 2]);
  if (!several && count == 2) suffix = argv[optind + 1], count = 1;
  for (int at = 0; at < count; at++) {
    char *name = last_name(argv[optind + at]);
    size_t length = strlen(name), end = suffix ? strlen(suffix) : 0;
    if (end && length > end && strcmp(name + length - end, suffix) == 0) name[length - end] = 0;
    puts(name);
  }
  return 0;
}

TOOL(dirname) {
  int at = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
  if (at >= argc) return object("missing operand");
  for (; at < argc; at++) {
    char *path = argv[at];
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    while (end > 0 && path[end - 1] != '/') end--;
    while (end > 1 && path[end - 1] == '/') end--;
    end ? printf("%.*s\n", (int)end, path) : puts(".");
  }
  return 0;
}

TOOL(pwd) {
  char *here = need(malloc(4096)), *said = getenv("PWD");
  struct stat one, other;
  if (argc > 1 && strcmp(argv[1], "-L") == 0 && said && *said == '/' && stat(said, &one) == 0 && stat(".", &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev) return puts(said), 0;
  if (!getcwd(here, 4096)) return complain("cannot get the current directory");
  puts(here);
  return 0;
}

TOOL(mktemp) {
  int folder = 0, dry = 0, inside = 0;
  const char *place = 0;
  static const struct option longs[] = {{"directory", 0, 0, 'd'}, {"dry-run", 0, 0, 'u'}, {"tmpdir", 2, 0, 'p'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "dup:tq", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'd') folder = 1;
    if (letter == 'u') dry = 1;
    if (letter == 'p' || letter == 't') inside = 1;
    if (letter == 'p') place = optarg;
  }
  const char *given = optind < argc ? argv[optind] : "tmp.XXXXXXXXXX";
  if (optind == argc || inside) {
    if (!place) place = getenv("TMPDIR");
    given = path_join(place && *place ? place : "/tmp", given);
  }
  char *path = need(strdup(given));
  size_t end = strlen(path), start = end;
  while (start > 0 && path[start - 1] == 'X') start--;
  if (end - start < 3) return object("too few X's in template '%s'", optind < argc ? argv[optind] : given);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  unsigned long long chance = now.tv_nsec + now.tv_sec * 1000000007ull + getpid() * 7919ull;
  for (int attempt = 0; attempt < 100; attempt++) {
    for (size_t at = start; at < end; at++) {
      chance = chance * 6364136223846793005ull + 1442695040888963407ull;
      path[at] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[(chance >> 33) % 62];
    }
    int made = dry ? 0 : folder ? mkdir(path, 0700) : open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (made >= 0) return puts(path), 0;
    if (errno != EEXIST) break;
  }
  return complain(folder ? "failed to create directory via template '%s'" : "failed to create file via template '%s'", given);
}

TOOL(tty) {
  char *path = need(calloc(1, 4096));
  if (!isatty(0)) return argc > 1 ? 1 : (puts("not a tty"), 1);
  if (readlink("/proc/self/fd/0", path, 4095) < 0) return complain("/proc/self/fd/0");
  if (argc < 2) puts(path);
  return 0;
}

TOOL(sync) { return sync(), 0; }
TOOL(clear) { return fputs("\033[H\033[2J\033[3J", stdout), 0; }

TOOL(which) {
  int status = 0, all = 0, at = 1;
  for (; at < argc && strcmp(argv[at], "-a") == 0; at++) all = 1;
  for (; at < argc; at++) {
    int found = 0;
    char *places = need(strdup(strchr(argv[at], '/') ? "" : getenv("PATH") ? getenv("PATH") : "/bin")), *rest = places;
    for (char *place = places; place && (!found || all); place = rest) {
      rest = strchr(place, ':');
      if (rest) *rest++ = 0;
      char *path = *place ? path_join(place, argv[at]) : need(strdup(argv[at]));
      struct stat about;
      if (stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0) puts(path), found = 1;
      free(path);
    }
    status |= !found;
  }
  return status;
}
