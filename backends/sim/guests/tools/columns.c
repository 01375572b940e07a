// Tools for parts of lines and characters: cut paste tr
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shared.h"

struct range {
  int from, to;
};

static int read_ranges(char *text, struct range *ranges, int most) {
  int count = 0;
  char *rest;
  for (char *part = strtok_r(text, ", ", &rest); part; part = strtok_r(0, ", ", &rest)) {
    if (count == most) return -1;
    char *at = part;
    struct range *range = ranges + count++;
    range->from = *at == '-' ? 1 : strtol(at, &at, 10);
    range->to = range->from;
    if (*at == '-') range->to = at[1] ? strtol(at + 1, &at, 10) : (at++, INT_MAX);
    if (*at || range->from < 1 || range->to < range->from || strcmp(part, "-") == 0) return -1;
  }
  return count;
}

static int chosen(const struct range *ranges, int count, int number, int inverted) {
  for (int at = 0; at < count; at++)
    if (number >= ranges[at].from && number <= ranges[at].to) return !inverted;
  return inverted;
}

static void cut_line(const char *line, size_t length, const struct range *ranges, int count, int inverted, int separator, const char *between) {
  int field = 1, shown = 0;
  if (separator < 0) {
    for (size_t at = 0; at < length; at++) {
      int take = chosen(ranges, count, at + 1, inverted);
      if (take && between && shown && !chosen(ranges, count, at, inverted)) fputs(between, stdout);
      if (take) putchar(line[at]), shown = 1;
    }
  } else for (const char *end, *at = line;; at = end + 1, field++) {
      end = memchr(at, separator, line + length - at);
      if (chosen(ranges, count, field, inverted)) {
        if (shown++) between ? fputs(between, stdout) : putchar(separator);
        fwrite(at, 1, end ? (size_t)(end - at) : (size_t)(line + length - at), stdout);
      }
      if (!end) break;
    }
  putchar('\n');
}

TOOL(cut) {
  static const struct option longs[] = {{"fields", 1, 0, 'f'}, {"characters", 1, 0, 'c'}, {"bytes", 1, 0, 'b'}, {"delimiter", 1, 0, 'd'}, {"only-delimited", 0, 0, 's'},
                                        {"complement", 0, 0, 'n'}, {"output-delimiter", 1, 0, 'o'}, {0, 0, 0, 0}};
  struct range *ranges = need(malloc(64 * sizeof *ranges));
  int count = 0, kind = 0, separator = '\t', only = 0, inverted = 0, status = 0;
  const char *between = 0;
  for (int letter; (letter = getopt_long(argc, argv, "f:c:b:d:s", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'd' && optarg[0] && optarg[1]) return object("the delimiter must be a single character");
    if (letter == 'd') separator = (unsigned char)*optarg;
    else if (letter == 's') only = 1;
    else if (letter == 'n') inverted = 1;
    else if (letter == 'o') between = optarg;
    else {
      if (kind) return object("only one list may be specified");
      kind = letter;
      char *text = need(strdup(optarg));
      count = read_ranges(text, ranges, 64);
      if (count < 1) return object(kind == 'f' ? "invalid field range" : "invalid byte or character range");
    }
  }
  if (!kind) return object("you must specify a list of bytes, characters, or fields");
  char *line = 0, *standard[] = {"-", 0};
  size_t room = 0;
  for (char **name = optind < argc ? argv + optind : standard; *name; name++) {
    FILE *stream = open_input(*name);
    status |= !stream;
    for (ssize_t length; stream && (length = getline(&line, &room, stream)) >= 0;) {
      if (line[length - 1] == '\n') length--;
      if (kind == 'f' && !memchr(line, separator, length)) {
        if (!only) fwrite(line, 1, length, stdout), putchar('\n');
      } else cut_line(line, length, ranges, count, inverted, kind == 'f' ? separator : -1, between);
    }
    close_input(stream);
  }
  return status;
}

TOOL(paste) {
  const char *between = "\t";
  int serial = 0;
  for (int letter; (letter = getopt(argc, argv, "d:s")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'd') between = optarg;
    else serial = 1;
  }
  // Delimiters: \0 is none.
  int *marks = need(malloc((strlen(between) + 1) * sizeof *marks)), mark_count = 0;
  for (const char *at = between; *at; mark_count++) {
    char c = *at++;
    marks[mark_count] = c != '\\' ? c : *at == '0' ? (at++, -1) : escaped(&at, 0);
  }
  if (mark_count == 0) marks[mark_count++] = -1;
  char *standard[] = {"-", 0}, **names = optind < argc ? argv + optind : standard, *line = 0;
  size_t room = 0;
  int count = 0;
  FILE **streams = need(malloc((argc + 1) * sizeof *streams));
  for (; names[count]; count++)
    if (!(streams[count] = open_input(names[count]))) return 1;
  if (serial) {
    for (int at = 0; at < count; at++) {
      ssize_t length;
      for (int turn = 0; (length = getline(&line, &room, streams[at])) >= 0; turn++) {
        if (turn > 0 && marks[(turn - 1) % mark_count] >= 0) putchar(marks[(turn - 1) % mark_count]);
        fwrite(line, 1, length - (line[length - 1] == '\n'), stdout);
      }
      putchar('\n');
    }
    return 0;
  }
  for (;;) {
    // Empty fields are only written once it is known that some file has a line.
    int owed = 0, any = 0;
    for (int at = 0; at < count; at++) {
      ssize_t length = streams[at] ? getline(&line, &room, streams[at]) : -1;
      if (length < 0) {
        owed++;
        continue;
      }
      for (int before = any ? at - owed : 0; before < at; before++)
        if (marks[before % mark_count] >= 0 && before + 1 <= at) putchar(marks[before % mark_count]);
      any = 1, owed = 1;
      fwrite(line, 1, length - (line[length - 1] == '\n'), stdout);
    }
    if (!any) return 0;
    for (int before = count - owed; before < count - 1; before++)
      if (marks[before % mark_count] >= 0) putchar(marks[before % mark_count]);
    putchar('\n');
  }
}

struct set {
  short *items;
  int count, room, fill;
};

static void put(struct set *set, int c) {
  if (set->count == set->room) set->items = need(realloc(set->items, (set->room = set->room ? 2 * set->room : 256) * sizeof *set->items));
  set->items[set->count++] = c;
}

static int in_class(const char *name, size_t length, int c) {
  static int (*const tests[])(int) = {isalnum, isalpha, isblank, iscntrl, isdigit, isgraph, islower, isprint, ispunct, isspace, isupper, isxdigit};
  static const char names[] = "alnum alpha blank cntrl digit graph lower print punct space upper xdigit ";
  for (int at = 0; at < 12; at++)
    if (length == (at == 11 ? 6u : 5u) && strncmp(names + 6 * at, name, length) == 0) return tests[at](c) != 0;
  return -1;
}

static int one_of(const char **at) {
  unsigned char c = *(*at)++;
  if (c != '\\' || !**at) return c;
  const char *before = *at;
  int found = escaped(at, 0);
  // What has no meaning stands for itself, without the backslash.
  if (found == '\\' && *before != '\\') found = (unsigned char)*(*at)++;
  return found;
}

// A set as tr writes them. Answers 0 after a complaint.
static int read_set(const char *at, struct set *set, int second) {
  while (*at) {
    const char *end;
    if (at[0] == '[' && at[1] == ':' && (end = strstr(at + 2, ":]"))) {
      if (in_class(at + 2, end - at - 2, 'a') < 0) return object("invalid character class '%.*s'", (int)(end - at - 2), at + 2), 0;
      for (int c = 0; c < 256; c++)
        if (in_class(at + 2, end - at - 2, c)) put(set, c);
      at = end + 2;
      continue;
    }
    if (at[0] == '[' && at[1] == '=' && at[2] && at[3] == '=' && at[4] == ']') {
      put(set, (unsigned char)at[2]), at += 5;
      continue;
    }
    if (second && at[0] == '[' && at[1]) {
      const char *behind = at + 1;
      int c = one_of(&behind);
      char *digits;
      if (*behind == '*') {
        long count = strtol(behind + 1, &digits, behind[1] == '0' ? 8 : 10);
        if (*digits == ']') {
          if (count == 0) set->fill = c + 1;
          for (; count > 0; count--) put(set, c);
          at = digits + 1;
          continue;
        }
      }
    }
    int from = one_of(&at), to = from;
    if (at[0] == '-' && at[1]) {
      at++, to = one_of(&at);
      if (to < from) return object("range-endpoints of '%c-%c' are in reverse collating sequence order", from, to), 0;
    }
    for (; from <= to; from++) put(set, from);
  }
  return 1;
}

TOOL(tr) {
  int deletes = 0, squeezes = 0, inverted = 0, cuts = 0, last = -1;
  for (int letter; (letter = getopt(argc, argv, "+cCdst")) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'd') deletes = 1;
    else if (letter == 's') squeezes = 1;
    else if (letter == 't') cuts = 1;
    else inverted = 1;
  }
  int count = argc - optind;
  if (count == 0) return object("missing operand");
  if (count == 1 && deletes == squeezes) return object("missing operand after '%s'", argv[optind]);
  if (count > 2 || (count == 2 && deletes && !squeezes)) return object("extra operand '%s'", argv[optind + (count > 2 ? 2 : 1)]);
  struct set sets[2] = {{0}, {0}};
  for (int at = 0; at < count; at++)
    if (!read_set(argv[optind + at], sets + at, at)) return 1;
  unsigned char *table = need(malloc(3 * 256)), *removed = table + 256, *squeezed = removed + 256;
  memset(removed, 0, 256), memset(squeezed, 0, 256);
  if (inverted) {
    unsigned char *has = need(calloc(1, 256));
    for (int at = 0; at < sets[0].count; at++) has[sets[0].items[at]] = 1;
    sets[0].count = 0;
    for (int c = 0; c < 256; c++)
      if (!has[c]) put(sets, c);
  }
  for (int c = 0; c < 256; c++) table[c] = c;
  for (int at = 0; deletes && at < sets[0].count; at++) removed[sets[0].items[at]] = 1;
  if (!deletes && count == 2) {
    if (sets[1].fill) while (sets[1].count < sets[0].count) put(sets + 1, sets[1].fill - 1);
    if (sets[1].count == 0 && !cuts) return object("when not truncating set1, string2 must be non-empty");
    for (int at = 0; at < sets[0].count; at++) {
      if (at >= sets[1].count && cuts) break;
      table[sets[0].items[at]] = sets[1].items[at < sets[1].count ? at : sets[1].count - 1];
    }
  }
  for (int at = 0; squeezes && at < sets[count - 1].count; at++) squeezed[sets[count - 1].items[at]] = 1;
  for (int c; (c = getchar()) != EOF;) {
    if (removed[c]) continue;
    c = table[c];
    if (squeezed[c] && c == last) continue;
    putchar(last = c);
  }
  return 0;
}
