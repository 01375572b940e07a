// cat head tail
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shared.h"

static char *line;
static size_t room;

static void show_byte(int c, int tabs) {
  if (c == '\n' || (c == '\t' && !tabs)) {
    putchar(c);
    return;
  }
  if (c >= 128) fputs("M-", stdout), c -= 128;
  if (c < 32) putchar('^'), putchar(c + 64);
  else if (c == 127) fputs("^?", stdout);
  else putchar(c);
}

TOOL(cat) {
  int number = 0, filled = 0, ends = 0, tabs = 0, visible = 0, squeeze = 0, status = 0, count = 0, blank = 0, fresh = 1;
  static const struct option longs[] = {{"number", 0, 0, 'n'}, {"number-nonblank", 0, 0, 'b'}, {"show-all", 0, 0, 'A'}, {"show-ends", 0, 0, 'E'},
                                        {"show-tabs", 0, 0, 'T'}, {"squeeze-blank", 0, 0, 's'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "nbEsTveAtu", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'n') number = 1;
    if (letter == 'b') number = filled = 1;
    if (letter == 's') squeeze = 1;
    if (letter == 'E' || letter == 'e' || letter == 'A') ends = 1;
    if (letter == 'T' || letter == 't' || letter == 'A') tabs = 1;
    if (strchr("veAt", letter)) visible = 1;
  }
  for (char **at = input_names(argc, argv); *at; at++) {
    int fd = strcmp(*at, "-") ? open(*at, O_RDONLY) : 0;
    if (fd < 0) {
      status = complain("%s", *at);
      continue;
    }
    if (!(number | ends | tabs | visible | squeeze)) {
      int answer = copy_bytes(fd, 1);
      if (answer < 0) {
        status = answer == -2 ? complain("write error") : complain("%s", *at);
        if (answer == -2) return 1;
      }
      if (fd > 0) close(fd);
      continue;
    }
    FILE *stream = fd ? fdopen(fd, "r") : stdin;
    for (int c; (c = getc(stream)) != EOF;) {
      if (fresh) {
        blank = c == '\n' ? blank + 1 : 0;
        if (squeeze && blank > 1) continue;
        if (number && !(filled && c == '\n')) printf("%6d\t", ++count);
      }
      fresh = c == '\n';
      if (fresh && ends) putchar('$');
      if (visible) show_byte(c, tabs);
      else if (tabs && c == '\t') fputs("^I", stdout);
      else putchar(c);
    }
    if (ferror(stream)) errno = EISDIR, status = complain("%s", *at);
    close_input(stream);
  }
  return status;
}

static void title(const char *path, int *shown) {
  printf("%s==> %s <==\n", (*shown)++ ? "\n" : "", strcmp(path, "-") ? path : "standard input");
}

// -5 is -n 5.
static void old_count(int argc, char **argv) {
  if (argc < 2 || argv[1][0] != '-' || !isdigit((unsigned char)argv[1][1])) return;
  char *text = need(malloc(strlen(argv[1]) + 4));
  strcpy(text, "-n"), strcat(text, argv[1] + 1);
  argv[1] = text;
}

static void head_all_but(FILE *stream, long long count, int bytes) {
  // A ring of what may be the end.
  char **kept = need(calloc(count + 1, sizeof *kept));
  size_t *lengths = need(calloc(count + 1, sizeof *lengths));
  long long at = 0, held = 0;
  for (;;) {
    char *piece = 0;
    size_t space = 0;
    ssize_t length;
    if (bytes) {
      int c = getc(stream);
      length = c == EOF ? -1 : 1;
      if (c != EOF) piece = need(malloc(2)), *piece = (char)c;
    } else length = getline(&piece, &space, stream);
    if (length < 0) break;
    if (held == count) {
      if (count == 0) fwrite(piece, 1, length, stdout), free(piece);
      else fwrite(kept[at], 1, lengths[at], stdout), free(kept[at]);
    } else held++;
    if (count) kept[at] = piece, lengths[at] = length, at = (at + 1) % count;
  }
}

TOOL(head) {
  long long count = 10;
  int bytes = 0, quiet = 0, loud = 0, from_end = 0, status = 0, shown = 0, end = '\n';
  static const struct option longs[] = {{"lines", 1, 0, 'n'}, {"bytes", 1, 0, 'c'}, {"quiet", 0, 0, 'q'}, {"silent", 0, 0, 'q'}, {"verbose", 0, 0, 'v'}, {0, 0, 0, 0}};
  old_count(argc, argv);
  for (int letter; (letter = getopt_long(argc, argv, "n:c:qvz", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'q') quiet = 1;
    if (letter == 'v') loud = 1;
    if (letter == 'z') end = 0;
    if (letter == 'n' || letter == 'c') {
      bytes = letter == 'c', from_end = *optarg == '-';
      if (!size_of(optarg + from_end, &count)) return object("invalid number of %s: '%s'", bytes ? "bytes" : "lines", optarg);
    }
  }
  for (char **at = input_names(argc, argv); *at; at++) {
    FILE *stream = strcmp(*at, "-") ? fopen(*at, "r") : stdin;
    if (!stream) {
      status = complain("cannot open '%s' for reading", *at);
      continue;
    }
    if (loud || (!quiet && argc - optind > 1)) title(*at, &shown);
    if (from_end) head_all_but(stream, count, bytes);
    else if (bytes) for (int c; count > 0 && shown >= 0; ) {
        for (long long left = count; left > 0 && (c = getc(stream)) != EOF; left--) putchar(c);
        break;
      }
    else for (long long left = count; left > 0; left--) {
        ssize_t length = getdelim(&line, &room, end, stream);
        if (length < 0) break;
        fwrite(line, 1, length, stdout);
      }
    if (ferror(stream)) status = complain("error reading '%s'", *at);
    if (stream == stdin) fflush(stdin);
    close_input(stream);
  }
  return status;
}

struct tail {
  long long count;
  int bytes, from_start;
};

static void tail_of(FILE *stream, const struct tail *want) {
  char *all = 0;
  size_t length = 0, space = 0;
  if (want->from_start) {
    for (long long skip = want->count - 1; skip > 0; skip--)
      if (want->bytes ? getc(stream) == EOF : getline(&line, &room, stream) < 0) break;
    for (int c; (c = getc(stream)) != EOF;) putchar(c);
    return;
  }
  // Of a long file only the end is looked at, where it can be sought.
  struct stat about;
  if (fstat(fileno(stream), &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 1 << 20 && want->bytes)
    lseek(fileno(stream), want->count < about.st_size ? -(off_t)want->count : 0, want->count < about.st_size ? SEEK_END : SEEK_SET);
  for (;;) {
    if (length == space) all = need(realloc(all, space = space ? 2 * space : 8192));
    size_t got = fread(all + length, 1, space - length, stream);
    if (got == 0) break;
    length += got;
  }
  size_t from = length;
  if (want->bytes) from = (unsigned long long)want->count < length ? length - want->count : 0;
  else {
    long long left = want->count;
    if (left == 0) from = length;
    else for (from = 0; length > 0 && left > 0;) {
        size_t at = length - 1;
        for (; at > 0; at--)
          if (all[at - 1] == '\n' && --left == 0) break;
        from = at;
        break;
      }
  }
  fwrite(all + from, 1, length - from, stdout);
  free(all);
}

TOOL(tail) {
  struct tail want = {10, 0, 0};
  int quiet = 0, loud = 0, follow = 0, status = 0, shown = 0;
  double pause = 1;
  static const struct option longs[] = {{"lines", 1, 0, 'n'}, {"bytes", 1, 0, 'c'}, {"quiet", 0, 0, 'q'}, {"follow", 2, 0, 'f'}, {"verbose", 0, 0, 'v'}, {0, 0, 0, 0}};
  old_count(argc, argv);
  for (int letter; (letter = getopt_long(argc, argv, "n:c:qvfFs:", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'q') quiet = 1;
    if (letter == 'v') loud = 1;
    if (letter == 'f' || letter == 'F') follow = 1;
    if (letter == 's') pause = atof(optarg);
    if (letter == 'n' || letter == 'c') {
      want.bytes = letter == 'c', want.from_start = *optarg == '+';
      if (!size_of(optarg + (*optarg == '-'), &want.count)) return object("invalid number of %s: '%s'", want.bytes ? "bytes" : "lines", optarg);
    }
  }
  int several = argc - optind > 1, last = -1;
  char **names = input_names(argc, argv);
  FILE **streams = need(calloc(argc + 1, sizeof *streams));
  for (int at = 0; names[at]; at++) {
    streams[at] = strcmp(names[at], "-") ? fopen(names[at], "r") : stdin;
    if (!streams[at]) {
      status = complain("cannot open '%s' for reading", names[at]);
      continue;
    }
    if (loud || (!quiet && several)) title(names[at], &shown);
    tail_of(streams[at], &want);
    if (ferror(streams[at])) status = complain("error reading '%s'", names[at]);
    last = at;
    if (!follow) close_input(streams[at]);
  }
  while (follow && last >= 0) {
    fflush(stdout);
    usleep((unsigned)(pause * 1e6));
    for (int at = 0; names[at]; at++) {
      struct stat about;
      if (!streams[at]) continue;
      int fd = fileno(streams[at]);
      off_t place = lseek(fd, 0, SEEK_CUR);
      if (place >= 0 && fstat(fd, &about) == 0 && about.st_size < place) {
        object("%s: file truncated", names[at]);
        lseek(fd, 0, SEEK_SET);
      }
      clearerr(streams[at]);
      for (int c; (c = getc(streams[at])) != EOF; putchar(c))
        if (last != at) {
          if (several && !quiet) title(names[at], &shown);
          last = at;
        }
    }
  }
  return status;
}
