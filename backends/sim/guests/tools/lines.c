// wc tee tac rev nl fold expand
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

enum { LINES, WORDS, CHARACTERS, BYTES, LONGEST, COUNTS };

static void show_counts(const unsigned long long *counts, const int *wanted, int width, const char *name) {
  int first = 1;
  for (int at = 0; at < COUNTS; at++)
    if (wanted[at]) printf("%s%*llu", first ? "" : " ", width, counts[at]), first = 0;
  if (name) printf(" %s", name);
  putchar('\n');
}

TOOL(wc) {
  int wanted[COUNTS] = {0}, any = 0, status = 0, width = 1, irregular = 0, kinds = 0;
  static const struct option longs[] = {{"lines", 0, 0, 'l'}, {"words", 0, 0, 'w'}, {"bytes", 0, 0, 'c'}, {"chars", 0, 0, 'm'}, {"max-line-length", 0, 0, 'L'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "lwcmL", longs, 0)) != -1; any = 1) {
    if (letter == '?') return 1;
    wanted[letter == 'l' ? LINES : letter == 'w' ? WORDS : letter == 'm' ? CHARACTERS : letter == 'c' ? BYTES : LONGEST] = 1;
  }
  if (!any) wanted[LINES] = wanted[WORDS] = wanted[BYTES] = 1;
  for (int at = 0; at < COUNTS; at++) kinds += wanted[at];
  unsigned long long total[COUNTS] = {0}, bytes = 0;
  int count = argc - optind;
  char **names = input_names(argc, argv);
  for (int at = 0; names[at]; at++) {
    struct stat about;
    if ((strcmp(names[at], "-") ? stat(names[at], &about) : fstat(0, &about)) < 0) continue;
    if (S_ISREG(about.st_mode)) bytes += about.st_size;
    else irregular = 1;
  }
  if (kinds > 1 || count > 1) {
    for (; bytes >= 10; bytes /= 10) width++;
    if (irregular && width < 7) width = 7;
  }
  for (int at = 0; names[at]; at++) {
    FILE *stream = open_input(names[at]);
    if (!stream) {
      status = 1;
      continue;
    }
    unsigned long long counts[COUNTS] = {0}, column = 0;
    int inside = 0;
    for (int c; (c = getc(stream)) != EOF;) {
      counts[BYTES]++;
      counts[CHARACTERS]++;
      if (c == '\n' || c == '\r' || c == '\f') {
        if (column > counts[LONGEST]) counts[LONGEST] = column;
        column = 0;
        counts[LINES] += c == '\n';
      } else if (c == '\t') column += 8 - column % 8;
      else column += isprint(c) != 0;
      if (isspace(c)) inside = 0;
      else if (!inside) inside = 1, counts[WORDS]++;
    }
    if (column > counts[LONGEST]) counts[LONGEST] = column;
    if (ferror(stream)) status = complain("%s", names[at]);
    close_input(stream);
    for (int kind = 0; kind < COUNTS; kind++)
      if (kind != LONGEST) total[kind] += counts[kind];
      else if (counts[kind] > total[kind]) total[kind] = counts[kind];
    show_counts(counts, wanted, width, count ? names[at] : 0);
  }
  if (count > 1) show_counts(total, wanted, width, "total");
  return status;
}

TOOL(tee) {
  int append = 0, status = 0;
  for (int letter; (letter = getopt(argc, argv, "ai")) != -1;) {
    if (letter == '?') return 1;
    append |= letter == 'a';
  }
  int *fds = need(malloc(argc * sizeof *fds)), count = 1;
  fds[0] = 1;
  for (; optind < argc; optind++) {
    int fd = open(argv[optind], O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0) status = complain("%s", argv[optind]);
    else fds[count++] = fd;
  }
  char *buffer = need(malloc(8000));
  for (ssize_t got; (got = read(0, buffer, 8000)) > 0;)
    for (int at = 0; at < count; at++)
      if (write_all(fds[at], buffer, got) < 0) status = complain("write error");
  return status;
}

TOOL(tac) {
  int status = 0;
  if (getopt(argc, argv, "") == '?') return 1;
  for (char **at = input_names(argc, argv); *at; at++) {
    FILE *stream = open_input(*at);
    if (!stream) {
      status = 1;
      continue;
    }
    char **lines = 0;
    int count = 0;
    for (; getline(&line, &room, stream) >= 0; lines[count++] = need(strdup(line)))
      if (count % 64 == 0) lines = need(realloc(lines, (count + 64) * sizeof *lines));
    while (count > 0) fputs(lines[--count], stdout), free(lines[count]);
    free(lines);
    close_input(stream);
  }
  return status;
}

TOOL(rev) {
  int status = 0;
  optind = 1;
  for (char **at = input_names(argc, argv); *at; at++) {
    FILE *stream = open_input(*at);
    status |= !stream;
    for (ssize_t length; stream && (length = getline(&line, &room, stream)) >= 0;) {
      int end = length > 0 && line[length - 1] == '\n';
      for (ssize_t from = length - end; from > 0; from--) putchar(line[from - 1]);
      if (end) putchar('\n');
    }
    close_input(stream);
  }
  return status;
}

TOOL(nl) {
  int all = 0, width = 6, status = 0, zeros = 0, left = 0, step = 1;
  long long number = 1;
  const char *between = "\t";
  for (int letter; (letter = getopt(argc, argv, "b:w:s:v:i:n:")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'b') all = *optarg == 'a' ? 1 : *optarg == 'n' ? -1 : 0;
    if (letter == 'w') width = atoi(optarg);
    if (letter == 's') between = optarg;
    if (letter == 'v') number = atoi(optarg);
    if (letter == 'i') step = atoi(optarg);
    if (letter == 'n') zeros = strcmp(optarg, "rz") == 0, left = strcmp(optarg, "ln") == 0;
  }
  for (char **at = input_names(argc, argv); *at; at++) {
    FILE *stream = open_input(*at);
    status |= !stream;
    while (stream && getline(&line, &room, stream) >= 0) {
      if (all < 0 || (!all && *line == '\n')) printf("%*s", width + (int)strlen(between), "");
      else printf(left ? "%-*lld" : zeros ? "%0*lld" : "%*lld", width, number), fputs(between, stdout), number += step;
      fputs(line, stdout);
      if (!strchr(line, '\n')) putchar('\n');
    }
    close_input(stream);
  }
  return status;
}

TOOL(fold) {
  int width = 80, spaces = 0, bytes = 0, status = 0;
  for (int letter; (letter = getopt(argc, argv, "w:sb")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'w') width = atoi(optarg);
    else letter == 's' ? (spaces = 1) : (bytes = 1);
  }
  for (char **at = input_names(argc, argv); *at; at++) {
    FILE *stream = open_input(*at);
    status |= !stream;
    for (ssize_t length; stream && (length = getline(&line, &room, stream)) >= 0;) {
      ssize_t from = 0, blank = -1;
      int column = 0;
      for (ssize_t here = 0; here < length; here++) {
        char c = line[here];
        if (c == '\n') break;
        int next = bytes ? column + 1 : c == '\t' ? column + 8 - column % 8 : c == '\b' ? column - (column > 0) : c == '\r' ? 0 : column + 1;
        if (next > width && here > from) {
          ssize_t end = spaces && blank >= from ? blank + 1 : here;
          fwrite(line + from, 1, end - from, stdout), putchar('\n');
          from = end, here = end - 1, column = 0, blank = -1;
          continue;
        }
        column = next;
        if (c == ' ' || c == '\t') blank = here;
      }
      fwrite(line + from, 1, length - from, stdout);
    }
    close_input(stream);
  }
  return status;
}

TOOL(expand) {
  int width = 8, first = 0, status = 0;
  for (int letter; (letter = getopt(argc, argv, "t:i")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 't') width = atoi(optarg);
    else first = 1;
  }
  for (char **at = input_names(argc, argv); *at; at++) {
    FILE *stream = open_input(*at);
    int column = 0, leading = 1;
    status |= !stream;
    for (int c; stream && (c = getc(stream)) != EOF;) {
      if (c == '\t' && (!first || leading)) do putchar(' '), column++;
        while (column % width);
      else {
        putchar(c), column = c == '\n' ? 0 : c == '\b' ? column - (column > 0) : c == '\t' ? column + width - column % width : column + 1;
        leading = c == '\n' || (leading && (c == ' ' || c == '\t'));
      }
    }
    close_input(stream);
  }
  return status;
}
