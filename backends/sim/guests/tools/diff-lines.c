// Which lines of two files differ: the shortest way from one to the other, found from both ends at once (Myers, 1986).
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "diff.h"

enum { nowhere = 0x40000000 };

static const int *from, *to;
static char *gone, *come;
// How far one gets on each diagonal (a place in `from` less one in `to`) from the start, and from the end.
static int *forth, *back;

// A place on a shortest way, somewhere in its middle. Neither part is empty, and they differ at both ends.
static void middle(int from_start, int from_end, int to_start, int to_end, int *from_at, int *to_at) {
  int least = from_start - to_end, most = from_end - to_start;
  int forth_low = from_start - to_start, forth_high = forth_low, back_low = from_end - to_end, back_high = back_low;
  int odd = (forth_low - back_low) & 1;
  forth[forth_low] = from_start, back[back_low] = from_end;
  for (;;) {
    if (forth_low > least) forth[--forth_low - 1] = -1;
    else forth_low++;
    if (forth_high < most) forth[++forth_high + 1] = -1;
    else forth_high--;
    for (int diagonal = forth_high; diagonal >= forth_low; diagonal -= 2) {
      int low = forth[diagonal - 1], high = forth[diagonal + 1], at = low >= high ? low + 1 : high;
      while (at < from_end && at - diagonal < to_end && from[at] == to[at - diagonal]) at++;
      forth[diagonal] = at;
      if (!odd || diagonal < back_low || diagonal > back_high || back[diagonal] > at) continue;
      *from_at = at, *to_at = at - diagonal;
      return;
    }
    if (back_low > least) back[--back_low - 1] = nowhere;
    else back_low++;
    if (back_high < most) back[++back_high + 1] = nowhere;
    else back_high--;
    for (int diagonal = back_high; diagonal >= back_low; diagonal -= 2) {
      int low = back[diagonal - 1], high = back[diagonal + 1], at = low < high ? low : high - 1;
      while (at > from_start && at - diagonal > to_start && from[at - 1] == to[at - diagonal - 1]) at--;
      back[diagonal] = at;
      if (odd || diagonal < forth_low || diagonal > forth_high || at > forth[diagonal]) continue;
      *from_at = at, *to_at = at - diagonal;
      return;
    }
  }
}

static void mark(int from_start, int from_end, int to_start, int to_end) {
  while (from_start < from_end && to_start < to_end && from[from_start] == to[to_start]) from_start++, to_start++;
  while (from_start < from_end && to_start < to_end && from[from_end - 1] == to[to_end - 1]) from_end--, to_end--;
  if (from_start == from_end) memset(come + to_start, 1, to_end - to_start);
  else if (to_start == to_end) memset(gone + from_start, 1, from_end - from_start);
  else {
    int from_at, to_at;
    middle(from_start, from_end, to_start, to_end, &from_at, &to_at);
    mark(from_start, from_at, to_start, to_at);
    mark(from_at, from_end, to_at, to_end);
  }
}

// Where the lines behind a change are those that it begins with, it is as well told further down: there it meets others.
static void settle(struct lines *lines) {
  for (int start = 0; start < lines->count;) {
    if (!lines->changed[start]) {
      start++;
      continue;
    }
    int end = start;
    while (end < lines->count && lines->changed[end]) end++;
    while (end < lines->count && lines->kinds[start] == lines->kinds[end]) {
      lines->changed[start++] = 0, lines->changed[end++] = 1;
      while (end < lines->count && lines->changed[end]) end++;
    }
    start = end;
  }
}

// The next character that counts, or -1 at the end.
static int next_that_counts(const char *line, size_t length, size_t *at, const struct how *how) {
  if (how->no_blanks || how->blanks) {
    size_t place = *at;
    while (place < length && isspace((unsigned char)line[place])) place++;
    if (place == length) return -1;
    if (place > *at && !how->no_blanks) return *at = place, ' ';
    *at = place;
  }
  if (*at == length) return -1;
  int character = (unsigned char)line[(*at)++];
  return how->no_case ? tolower(character) : character;
}

static int is_same(const struct line *one, const struct line *other, const struct how *how) {
  for (size_t at = 0, place = 0;;) {
    int character = next_that_counts(one->text, one->length, &at, how);
    if (character != next_that_counts(other->text, other->length, &place, how)) return 0;
    if (character < 0) return one->no_newline == other->no_newline || how->blanks || how->no_blanks;
  }
}

// Equal lines of both files get the same number.
static void number_lines(struct lines *files, const struct how *how) {
  int size = 64, kinds = 0;
  while (size < 2 * (files[0].count + files[1].count)) size *= 2;
  struct line **known = need(calloc(size, sizeof *known));
  int *number = need(calloc(size, sizeof *number));
  for (int file = 0; file < 2; file++)
    for (int at = 0; at < files[file].count; at++) {
      struct line *line = &files[file].list[at];
      unsigned sum = 5381;
      size_t place = 0;
      for (int character; (character = next_that_counts(line->text, line->length, &place, how)) >= 0;) sum = sum * 33 + character;
      int slot = sum & (size - 1);
      while (known[slot] && !is_same(known[slot], line, how)) slot = (slot + 1) & (size - 1);
      if (!known[slot]) known[slot] = line, number[slot] = kinds++;
      files[file].kinds[at] = number[slot];
    }
  free(known), free(number);
}

int compare_lines(struct lines *files, const struct how *how) {
  number_lines(files, how);
  int diagonals = files[0].count + files[1].count + 3;
  int *room = need(malloc(2 * diagonals * sizeof *room));
  from = files[0].kinds, to = files[1].kinds, gone = files[0].changed, come = files[1].changed;
  forth = room + files[1].count + 1, back = forth + diagonals;
  mark(0, files[0].count, 0, files[1].count);
  free(room);
  int any = 0;
  for (int file = 0; file < 2; file++) {
    settle(&files[file]);
    for (int at = 0; at < files[file].count; at++) any |= files[file].changed[at];
  }
  return any;
}
