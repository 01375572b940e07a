// sort
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "shared.h"

struct key {
  int from_field, from_character, to_field, to_character;
  char blank_from, blank_to;
  // Of bdfnhrgM, by letter - 'a'; M is z.
  unsigned orders;
};

#define ORDER(letter) (1u << ((letter) - 'a'))
static struct key keys[16], whole = {1, 1, 0, 0, 0, 0, 0};
static int key_count, separator = -1, unique, stable, line_end = '\n';

// Where a place of a key lies in a line.
static const char *place(const char *line, const char *end, int field, int character, int blanks, int is_end) {
  const char *at = line;
  for (int count = 1; count < field && at < end; count++) {
    if (separator >= 0) {
      const char *found = memchr(at, separator, end - at);
      at = found ? found + 1 : end;
    } else {
      while (at < end && isblank((unsigned char)*at)) at++;
      while (at < end && !isblank((unsigned char)*at)) at++;
    }
  }
  if (is_end && character == 0) {
    if (separator >= 0) {
      const char *found = memchr(at, separator, end - at);
      return found ? found : end;
    }
    while (at < end && isblank((unsigned char)*at)) at++;
    while (at < end && !isblank((unsigned char)*at)) at++;
    return at;
  }
  if (blanks) while (at < end && isblank((unsigned char)*at)) at++;
  at += character - !is_end;
  return at > end ? end : at;
}

static int sign_of(double number) { return (number > 0) - (number < 0); }

// Decimal numbers of any length, as -n compares them.
static int numeric(const char *one, const char *one_end, const char *other, const char *other_end) {
  const char *at[2] = {one, other}, *ends[2] = {one_end, other_end}, *starts[2];
  int negative[2], lengths[2], zero[2];
  for (int side = 0; side < 2; side++) {
    while (at[side] < ends[side] && isblank((unsigned char)*at[side])) at[side]++;
    negative[side] = at[side] < ends[side] && *at[side] == '-';
    at[side] += negative[side];
    while (at[side] < ends[side] && *at[side] == '0') at[side]++;
    starts[side] = at[side];
    while (at[side] < ends[side] && isdigit((unsigned char)*at[side])) at[side]++;
    lengths[side] = at[side] - starts[side];
    zero[side] = lengths[side] == 0;
    if (at[side] < ends[side] && *at[side] == '.') {
      const char *digit = ++at[side];
      for (; digit < ends[side] && isdigit((unsigned char)*digit); digit++) zero[side] &= *digit == '0';
    } else ends[side] = at[side];
    if (zero[side]) negative[side] = 0;
  }
  if (negative[0] != negative[1]) return negative[0] ? -1 : 1;
  int order = lengths[0] != lengths[1] ? (lengths[0] < lengths[1] ? -1 : 1) : memcmp(starts[0], starts[1], lengths[0]);
  for (int more = 1; order == 0 && more;) {
    int digits[2];
    more = 0;
    for (int side = 0; side < 2; side++) {
      int is = at[side] < ends[side] && isdigit((unsigned char)*at[side]);
      digits[side] = is ? *at[side]++ : '0';
      more |= is;
    }
    order = digits[0] - digits[1];
  }
  return negative[0] ? -order : order;
}

static int unit_of(const char *at, const char *end) {
  while (at < end && isblank((unsigned char)*at)) at++;
  int negative = at < end && *at == '-';
  at += negative;
  int any = 0;
  for (; at < end && (isdigit((unsigned char)*at) || *at == '.'); at++) any |= *at > '0';
  static const char units[] = "KMGTPEZY";
  const char *found = any && at < end && *at ? strchr(units, *at == 'k' ? 'K' : *at) : 0;
  int power = found ? (int)(found - units) + 1 : 0;
  return negative ? -power : power;
}

static int month_of(const char *at, const char *end) {
  static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
  while (at < end && isblank((unsigned char)*at)) at++;
  for (int month = 0; month < 12 && end - at >= 3; month++)
    if (strncasecmp(at, months + 3 * month, 3) == 0) return month + 1;
  return 0;
}

static int textual(const char *one, const char *one_end, const char *other, const char *other_end, unsigned orders) {
  for (;; one++, other++) {
    if (orders & ORDER('d')) {
      while (one < one_end && !isblank((unsigned char)*one) && !isalnum((unsigned char)*one)) one++;
      while (other < other_end && !isblank((unsigned char)*other) && !isalnum((unsigned char)*other)) other++;
    }
    if (orders & ORDER('i')) {
      while (one < one_end && !isprint((unsigned char)*one)) one++;
      while (other < other_end && !isprint((unsigned char)*other)) other++;
    }
    if (one >= one_end || other >= other_end) return (one < one_end) - (other < other_end);
    unsigned char a = *one, b = *other;
    if (orders & ORDER('f')) a = toupper(a), b = toupper(b);
    if (a != b) return a < b ? -1 : 1;
  }
}

static int version_order(const char *one, const char *one_end, const char *other, const char *other_end) {
  while (one < one_end || other < other_end) {
    while ((one < one_end && !isdigit((unsigned char)*one)) || (other < other_end && !isdigit((unsigned char)*other))) {
      int weights[2];
      const char *at[2] = {one, other}, *ends[2] = {one_end, other_end};
      for (int side = 0; side < 2; side++) {
        unsigned char c = at[side] < ends[side] ? *at[side] : 0;
        weights[side] = at[side] >= ends[side] || isdigit(c) ? 0 : c == '~' ? -1 : isalpha(c) ? c : c + 256;
      }
      if (weights[0] != weights[1]) return weights[0] - weights[1];
      one += one < one_end, other += other < other_end;
    }
    int order = 0;
    while (one < one_end && *one == '0') one++;
    while (other < other_end && *other == '0') other++;
    for (; one < one_end && other < other_end && isdigit((unsigned char)*one) && isdigit((unsigned char)*other); one++, other++)
      if (order == 0) order = *one - *other;
    if (one < one_end && isdigit((unsigned char)*one)) return 1;
    if (other < other_end && isdigit((unsigned char)*other)) return -1;
    if (order) return order;
  }
  return 0;
}

static int by_key(const struct key *key, const char *one, const char *other) {
  const char *from[2], *to[2], *lines[2] = {one, other};
  for (int side = 0; side < 2; side++) {
    const char *end = lines[side] + strlen(lines[side]);
    from[side] = place(lines[side], end, key->from_field, key->from_character, key->blank_from, 0);
    to[side] = key->to_field ? place(lines[side], end, key->to_field, key->to_character, key->blank_to, 1) : end;
    if (to[side] < from[side]) to[side] = from[side];
  }
  int order;
  if (key->orders & ORDER('n')) order = numeric(from[0], to[0], from[1], to[1]);
  else if (key->orders & ORDER('h')) {
    order = unit_of(from[0], to[0]) - unit_of(from[1], to[1]);
    if (order == 0) order = numeric(from[0], to[0], from[1], to[1]);
  } else if (key->orders & ORDER('g')) {
    char *ends[2];
    double a = strtod(from[0], &ends[0]), b = strtod(from[1], &ends[1]);
    int none = (ends[0] != from[0]) - (ends[1] != from[1]);
    order = none ? none : sign_of(a - b);
  } else if (key->orders & ORDER('z')) order = month_of(from[0], to[0]) - month_of(from[1], to[1]);
  else if (key->orders & ORDER('v')) order = version_order(from[0], to[0], from[1], to[1]);
  else order = textual(from[0], to[0], from[1], to[1], key->orders);
  return key->orders & ORDER('r') ? -order : order;
}

static int by_keys(const char *one, const char *other) {
  if (key_count == 0) return by_key(&whole, one, other);
  for (int at = 0; at < key_count; at++) {
    int order = by_key(keys + at, one, other);
    if (order) return order;
  }
  return 0;
}

static int compare(const char *one, const char *other) {
  int order = by_keys(one, other);
  if (order == 0 && !stable && !unique) {
    order = strcmp(one, other);
    if (whole.orders & ORDER('r')) order = -order;
  }
  return order;
}

// Merges; what is equal stays in its order.
static void merge_sort(char **lines, char **spare, size_t count) {
  if (count < 2) return;
  size_t half = count / 2, left = 0, right = half, at = 0;
  merge_sort(lines, spare, half), merge_sort(lines + half, spare, count - half);
  memcpy(spare, lines, count * sizeof *lines);
  while (left < half && right < count) lines[at++] = compare(spare[left], spare[right]) <= 0 ? spare[left++] : spare[right++];
  while (left < half) lines[at++] = spare[left++];
  while (right < count) lines[at++] = spare[right++];
}

static int set_order(struct key *key, char letter) {
  if (!strchr("bdfghiMnrRV", letter)) return 0;
  if (letter == 'b') key->blank_from = key->blank_to = 1;
  else key->orders |= ORDER(letter == 'M' ? 'z' : tolower(letter));
  return 1;
}

// F[.C][letters][,F[.C][letters]]
static int read_key(const char *text) {
  struct key *key = keys + key_count;
  char *at;
  if (key_count == 16) return object("too many keys");
  *key = (struct key){.from_character = 1};
  key->from_field = strtol(text, &at, 10);
  if (key->from_field < 1) return object(at == text ? "invalid number at field start: invalid count at start of '%s'" : "field number is zero: invalid field specification '%s'", text), 2;
  if (*at == '.') key->from_character = strtol(at + 1, &at, 10);
  for (; *at && *at != ','; at++) {
    if (*at == 'b') key->blank_from = 1;
    else if (!set_order(key, *at)) return object("stray character in field spec: invalid field specification '%s'", text), 2;
  }
  if (*at == ',') {
    key->to_field = strtol(at + 1, &at, 10);
    if (*at == '.') key->to_character = strtol(at + 1, &at, 10);
    for (; *at; at++) {
      if (*at == 'b') key->blank_to = 1;
      else if (!set_order(key, *at)) return object("stray character in field spec: invalid field specification '%s'", text), 2;
    }
  }
  key_count++;
  return 0;
}

TOOL(sort) {
  int check = 0, status = 0;
  const char *output = 0;
  static const struct option longs[] = {{"numeric-sort", 0, 0, 'n'}, {"reverse", 0, 0, 'r'}, {"unique", 0, 0, 'u'}, {"key", 1, 0, 'k'}, {"field-separator", 1, 0, 't'},
                                        {"stable", 0, 0, 's'}, {"output", 1, 0, 'o'}, {"ignore-case", 0, 0, 'f'}, {"human-numeric-sort", 0, 0, 'h'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "bcCdfghik:mMno:rsS:t:T:uVz", longs, 0)) != -1;) {
    if (letter == '?') return 2;
    if (letter == 'c' || letter == 'C') check = letter;
    else if (letter == 'u') unique = 1;
    else if (letter == 's') stable = 1;
    else if (letter == 'o') output = optarg;
    else if (letter == 'z') line_end = 0;
    else if (letter == 't') {
      separator = (unsigned char)*optarg;
      if (strcmp(optarg, "\\0") == 0) separator = 0;
      else if (!*optarg) return object("empty tab"), 2;
      else if (optarg[1]) return object("multi-character tab '%s'", optarg), 2;
    } else if (letter == 'k') {
      if (read_key(optarg)) return 2;
    } else set_order(&whole, letter);
  }
  for (int at = 0; at < key_count; at++)
    if (!keys[at].orders && !keys[at].blank_from && !keys[at].blank_to) {
      keys[at].orders = whole.orders, keys[at].blank_from = keys[at].blank_to = whole.blank_from;
    }
  char **lines = 0, *line = 0, *standard[] = {"-", 0};
  size_t count = 0, room = 0, space = 0;
  char **names = optind < argc ? argv + optind : standard;
  for (; *names; names++) {
    FILE *stream = strcmp(*names, "-") ? fopen(*names, "r") : stdin;
    if (!stream) return complain("cannot read: %s", *names), 2;
    for (ssize_t length; (length = getdelim(&line, &space, line_end, stream)) >= 0;) {
      if (length > 0 && line[length - 1] == line_end) line[length - 1] = 0;
      if (count == room) lines = need(realloc(lines, (room = room ? 2 * room : 64) * sizeof *lines));
      lines[count++] = need(strdup(line));
      int order = check && count > 1 ? compare(lines[count - 2], line) : -1;
      if (order > 0 || (order == 0 && unique)) {
        if (check == 'c') object("%s:%u: disorder: %s", *names, (unsigned)count, line);
        return 1;
      }
    }
    if (ferror(stream)) return complain("read failed: %s", *names), 2;
    close_input(stream);
  }
  if (check) return 0;
  merge_sort(lines, need(malloc(count * sizeof *lines + 1)), count);
  FILE *to = output ? fopen(output, "w") : stdout;
  if (!to) return complain("open failed: %s", output), 2;
  for (size_t at = 0; at < count; at++) {
    if (unique && at > 0 && by_keys(lines[at - 1], lines[at]) == 0) {
      lines[at] = lines[at - 1];
      continue;
    }
    fputs(lines[at], to), fputc(line_end, to);
  }
  if (output) fclose(to);
  return status;
}
