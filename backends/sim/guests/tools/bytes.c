// Tools for bytes: cmp dd od hexdump split
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

TOOL(cmp) {
  int silent = 0, all = 0, differs = 0;
  long long most = -1;
  for (int letter; (letter = getopt(argc, argv, "sln:")) != -1;) {
    if (letter == '?') return 2;
    if (letter == 's') silent = 1;
    if (letter == 'l') all = 1;
    if (letter == 'n') most = atoll(optarg);
  }
  if (argc - optind < 1) return object("missing operand after '%s'", argv[0]), 2;
  const char *names[2] = {argv[optind], argc - optind > 1 ? argv[optind + 1] : "-"};
  FILE *streams[2];
  for (int side = 0; side < 2; side++)
    if (!(streams[side] = open_input(names[side]))) return 2;
  long long place = 1, line = 1;
  for (; most < 0 || place <= most; place++) {
    int a = getc(streams[0]), b = getc(streams[1]);
    if (a == EOF && b == EOF) break;
    if (a == EOF || b == EOF) {
      const char *name = names[a != EOF];
      fflush(stdout);
      if (!silent && place == 1) fprintf(stderr, "cmp: EOF on %s which is empty\n", name);
      else if (!silent && all) fprintf(stderr, "cmp: EOF on %s after byte %lld\n", name, place - 1);
      else if (!silent) fprintf(stderr, "cmp: EOF on %s after byte %lld, in line %lld\n", name, place - 1, line);
      return 1;
    }
    if (a != b) {
      differs = 1;
      if (silent) break;
      if (!all) return printf("%s %s differ: byte %lld, line %lld\n", names[0], names[1], place, line), 1;
      printf("%lld %3o %3o\n", place, a, b);
    }
    line += a == '\n';
  }
  return differs;
}

TOOL(dd) {
  const char *from = 0, *to = 0;
  long long block = 512, count = -1, skip = 0, seek = 0, full[2] = {0, 0}, part[2] = {0, 0}, bytes = 0;
  int keeps = 0, quiet = 0, appends = 0, whole = 0;
  for (int at = 1; at < argc; at++) {
    char *value = strchr(argv[at], '=');
    if (!value) return object("unrecognized operand '%s'", argv[at]);
    *value++ = 0;
    long long *number = strcmp(argv[at], "bs") == 0 || strcmp(argv[at], "ibs") == 0 || strcmp(argv[at], "obs") == 0 ? &block : strcmp(argv[at], "count") == 0 ? &count : strcmp(argv[at], "skip") == 0 ? &skip : strcmp(argv[at], "seek") == 0 ? &seek : 0;
    if (number) {
      if (!size_of(value, number)) return object("invalid number: '%s'", value);
    } else if (strcmp(argv[at], "if") == 0) from = value;
    else if (strcmp(argv[at], "of") == 0) to = value;
    else if (strcmp(argv[at], "conv") == 0) keeps = strstr(value, "notrunc") != 0;
    else if (strcmp(argv[at], "iflag") == 0) whole = strstr(value, "fullblock") != 0;
    else if (strcmp(argv[at], "oflag") == 0) appends = strstr(value, "append") != 0;
    else if (strcmp(argv[at], "status") == 0) quiet = *value == 'n' && value[2] == 'n' ? 2 : strcmp(value, "noxfer") == 0;
    else return value[-1] = '=', object("unrecognized operand '%s'", argv[at]);
  }
  int in = from ? open(from, O_RDONLY) : 0;
  if (in < 0) return complain("failed to open '%s'", from);
  int out = to ? open(to, O_WRONLY | O_CREAT | (keeps || seek || appends ? 0 : O_TRUNC) | (appends ? O_APPEND : 0), 0666) : 1;
  if (out < 0) return complain("failed to open '%s'", to);
  if (to && seek && !keeps) ftruncate(out, seek * block);
  char *buffer = malloc(block);
  if (!buffer) return object("memory exhausted by input buffer of size %lld bytes", block);
  if (skip && lseek(in, skip * block, SEEK_CUR) < 0)
    for (long long left = skip; left > 0 && read(in, buffer, block) > 0; left--) continue;
  if (seek) lseek(out, seek * block, SEEK_CUR);
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  int status = 0;
  for (long long turn = 0; count < 0 || turn < count; turn++) {
    ssize_t got = read(in, buffer, block);
    for (ssize_t more; whole && got > 0 && got < block && (more = read(in, buffer + got, block - got)) > 0;) got += more;
    if (got < 0) status = complain("error reading '%s'", from ? from : "standard input");
    if (got <= 0) break;
    got == block ? full[0]++ : part[0]++;
    if (write_all(out, buffer, got) < 0) {
      status = complain("error writing '%s'", to ? to : "standard output");
      break;
    }
    got == block ? full[1]++ : part[1]++;
    bytes += got;
  }
  if (quiet == 2) return status;
  fprintf(stderr, "%lld+%lld records in\n%lld+%lld records out\n", full[0], part[0], full[1], part[1]);
  if (quiet) return status;
  clock_gettime(CLOCK_MONOTONIC, &now);
  double seconds = now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) / 1e9, rate = seconds > 0 ? bytes / seconds : 0;
  fprintf(stderr, "%lld byte%s", bytes, bytes == 1 ? "" : "s");
  // Of more than three digits also in thousands, and in 1024s.
  double scaled = bytes;
  int power = 0;
  for (; scaled >= 1000; scaled /= 1000) power++;
  double binary = bytes;
  int binary_power = 0;
  for (; binary >= 1024; binary /= 1024) binary_power++;
  if (power) fprintf(stderr, scaled < 9.95 ? " (%.1f %cB" : " (%.0f %cB", scaled, " kMGTP"[power]);
  if (binary_power) fprintf(stderr, binary < 9.95 ? ", %.1f %ciB" : ", %.0f %ciB", binary, " KMGTP"[binary_power]);
  int rate_power = 0;
  for (; rate >= 1000; rate /= 1000) rate_power++;
  fprintf(stderr, rate < 9.95 ? "%s copied, %g s, %.1f %sB/s\n" : "%s copied, %g s, %.0f %sB/s\n", power ? ")" : "", seconds, rate, rate_power ? (char[]){" kMGTP"[rate_power], 0} : "");
  return status;
}

struct view {
  int bytes;
  char kind;
};

static void od_line(const unsigned char *line, int length, struct view view, int wide) {
  static const char letters[] = "\a\b\t\n\v\f\r", names[] = "abtnvfr";
  char text[32];
  for (int at = 0; at < length; at += view.bytes) {
    unsigned long long value = 0;
    for (int byte = view.bytes - 1; byte >= 0; byte--) value = value << 8 | (at + byte < length ? line[at + byte] : 0);
    if (view.kind == 'c' || view.kind == 'a') {
      const char *found = value ? memchr(letters, (int)value, 7) : 0;
      if (value == 0) strcpy(text, "\\0");
      else if (found) snprintf(text, sizeof text, "\\%c", names[found - letters]);
      else if (isprint((int)value)) text[0] = (char)value, text[1] = 0;
      else snprintf(text, sizeof text, "%03llo", value);
    } else if (view.kind == 'd') {
      int shift = 64 - 8 * view.bytes;
      snprintf(text, sizeof text, "%lld", (long long)(value << shift) >> shift);
    } else if (view.kind == 'u') snprintf(text, sizeof text, "%llu", value);
    else if (view.kind == 'x') snprintf(text, sizeof text, "%0*llx", 2 * view.bytes, value);
    else snprintf(text, sizeof text, "%0*llo", (8 * view.bytes + 2) / 3, value);
    printf("%*s", wide, text);
  }
  putchar('\n');
}

static int od_width(struct view view) {
  static const char decimal[] = {0, 5, 7, 0, 12, 0, 0, 0, 21}, unsign[] = {0, 4, 6, 0, 11, 0, 0, 0, 21};
  return view.kind == 'c' || view.kind == 'a' ? 4 : view.kind == 'd' ? decimal[view.bytes] : view.kind == 'u' ? unsign[view.bytes] : view.kind == 'x' ? 2 * view.bytes + 1 : (8 * view.bytes + 2) / 3 + 1;
}

TOOL(od) {
  struct view views[8];
  int count = 0, base = 'o', all = 0, per_line = 16, same = 0;
  long long most = -1, skip = 0, place = 0;
  for (int letter; (letter = getopt(argc, argv, "A:t:N:j:vw:abcdiloxsbX")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'A') base = *optarg;
    else if (letter == 'v') all = 1;
    else if (letter == 'N') size_of(optarg, &most);
    else if (letter == 'j') size_of(optarg, &skip);
    else if (letter == 'w') per_line = atoi(optarg);
    else for (const char *type = letter == 't' ? optarg : letter == 'c' ? "c" : letter == 'x' ? "x2" : letter == 'b' ? "o1" : letter == 'd' ? "u2" : letter == 's' ? "d2" : letter == 'i' ? "d4" : letter == 'l' ? "d8" : letter == 'X' ? "x4" : "o2"; *type && count < 8;) {
        struct view *view = views + count++;
        view->kind = *type++, view->bytes = view->kind == 'c' || view->kind == 'a' ? 1 : 4;
        if (isdigit((unsigned char)*type)) view->bytes = *type++ - '0';
        if (view->bytes != 1 && view->bytes != 2 && view->bytes != 8) view->bytes = 4;
        while (*type == 'z') type++;
      }
  }
  if (!count) views[count++] = (struct view){2, 'o'};
  int widest = 0, biggest = 1;
  for (int at = 0; at < count; at++) biggest = views[at].bytes > biggest ? views[at].bytes : biggest;
  for (int at = 0; at < count; at++) {
    int whole = od_width(views[at]) * (biggest / views[at].bytes);
    widest = whole > widest ? whole : widest;
  }
  char *standard[] = {"-", 0}, **names = optind < argc ? argv + optind : standard;
  unsigned char *line = need(malloc(2 * per_line)), *before = line + per_line;
  FILE *stream = 0;
  int length = 0, status = 0, had = 0;
  for (;;) {
    int c = EOF;
    while ((most < 0 || place - skip + length < most) && (stream || *names)) {
      if (!stream && !(stream = open_input(*names++))) {
        status = 1;
        continue;
      }
      if ((c = getc(stream)) != EOF) break;
      close_input(stream), stream = 0;
    }
    if (c != EOF && place < skip) {
      place++;
      continue;
    }
    if (c != EOF) line[length++] = (unsigned char)c;
    if (length == per_line || (c == EOF && length)) {
      int repeated = had && !all && length == per_line && memcmp(line, before, per_line) == 0;
      if (repeated && !same) puts("*");
      same = repeated, had = 1;
      for (int at = 0; at < count && !repeated; at++) {
        if (at == 0 && base != 'n') printf(base == 'x' ? "%06llx" : base == 'd' ? "%07lld" : "%07llo", place);
        else if (base != 'n') printf("%*s", base == 'x' ? 6 : 7, "");
        od_line(line, length, views[at], widest / (biggest / views[at].bytes));
      }
      memcpy(before, line, per_line), place += length, length = 0;
    }
    if (c == EOF) break;
  }
  if (base != 'n') printf(base == 'x' ? "%06llx\n" : base == 'd' ? "%07lld\n" : "%07llo\n", place);
  return status;
}

TOOL(hexdump) {
  int canonical = 0, all = 0, same = 0, had = 0;
  long long most = -1, skip = 0, place = 0;
  for (int letter; (letter = getopt(argc, argv, "Cvn:s:")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'C') canonical = 1;
    if (letter == 'v') all = 1;
    if (letter == 'n') size_of(optarg, &most);
    if (letter == 's') size_of(optarg, &skip);
  }
  FILE *stream = optind < argc ? open_input(argv[optind]) : stdin;
  if (!stream) return 1;
  for (; place < skip && getc(stream) != EOF;) place++;
  unsigned char line[16], before[16];
  for (;;) {
    int length = 0;
    for (int c; length < 16 && (most < 0 || place - skip + length < most) && (c = getc(stream)) != EOF;) line[length++] = (unsigned char)c;
    if (length == 0) break;
    int repeated = had && !all && length == 16 && memcmp(line, before, 16) == 0;
    if (repeated && !same) puts("*");
    same = repeated, had = 1, memcpy(before, line, 16);
    if (!repeated && canonical) {
      printf("%08llx ", place);
      for (int at = 0; at < 16; at++) {
        if (at % 8 == 0) putchar(' ');
        at < length ? printf("%02x ", line[at]) : printf("   ");
      }
      fputs(" |", stdout);
      for (int at = 0; at < length; at++) putchar(isprint(line[at]) ? line[at] : '.');
      puts("|");
    } else if (!repeated) {
      printf("%07llx", place);
      for (int at = 0; at < 16; at += 2) at < length ? printf(" %04x", line[at] | (at + 1 < length ? line[at + 1] << 8 : 0)) : printf("     ");
      putchar('\n');
    }
    place += length;
  }
  if (place > skip) printf(canonical ? "%08llx\n" : "%07llx\n", place);
  return 0;
}

TOOL(split) {
  long long lines = 1000, bytes = 0;
  int letters = 2, digits = 0, number = 0;
  for (int letter; (letter = getopt(argc, argv, "l:b:a:d")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'l') lines = atoll(optarg);
    if (letter == 'b' && !size_of(optarg, &bytes)) return object("invalid number of bytes: '%s'", optarg);
    if (letter == 'a') letters = atoi(optarg);
    if (letter == 'd') digits = 1;
  }
  FILE *from = optind < argc ? open_input(argv[optind]) : stdin, *to = 0;
  if (!from) return 1;
  const char *prefix = optind + 1 < argc ? argv[optind + 1] : "x";
  char *path = need(malloc(strlen(prefix) + letters + 1));
  long long left = 0;
  for (int c; (c = getc(from)) != EOF;) {
    if (left == 0) {
      size_t length = strlen(strcpy(path, prefix));
      int rest = number++, base = digits ? 10 : 26;
      for (int at = letters - 1; at >= 0; at--, rest /= base) path[length + at] = (char)((digits ? '0' : 'a') + rest % base);
      if (rest) return object("output file suffixes exhausted");
      path[length + letters] = 0;
      if (to) fclose(to);
      if (!(to = fopen(path, "w"))) return complain("%s", path);
      left = bytes ? bytes : lines;
    }
    putc(c, to);
    left -= bytes || c == '\n';
  }
  return to ? fclose(to) != 0 : 0;
}
