// Fields with quoted characters marked by a byte 1 before them: as patterns, as text, as names of files.
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "shell.h"

void add_field(struct fields *to, char *text) {
  if (to->count + 1 >= to->room) {
    int room = to->room ? 2 * to->room : 8;
    char **larger = take(&scratch, room * sizeof *larger);
    if (to->count) memcpy(larger, to->list, to->count * sizeof *larger);
    to->list = larger, to->room = room;
  }
  to->list[to->count++] = text;
  to->list[to->count] = 0;
}

int has_pattern(const char *field) {
  for (; *field; field++) {
    if (*field == 1) field++;
    else if (strchr("*?[", *field)) return 1;
  }
  return 0;
}

// As fnmatch(3) wants it.
char *pattern_of(const char *field) {
  struct text text = {.arena = &scratch};
  for (; *field; field++) add(&text, *field == 1 ? '\\' : *field), *field == 1 ? add(&text, *++field) : (void)0;
  return ended(&text);
}

// Without the marks, in place.
char *plain_of(char *field) {
  char *to = field;
  for (char *at = field; *at; at++) {
    if (*at == 1) at++;
    *to++ = *at;
  }
  *to = 0;
  return field;
}

static void walk(struct text *path, const char *pattern, struct fields *to) {
  size_t before = path->length;
  while (*pattern == '/') add(path, *pattern++);
  size_t length = 0;
  while (pattern[length] && pattern[length] != '/') length++;
  char *part = take_text(&scratch, pattern, length);
  const char *rest = pattern + length;
  if (!has_pattern(part)) {
    add_text(path, plain_of(part));
    if (*rest) walk(path, rest, to);
    else {
      struct stat about;
      if (lstat(ended(path), &about) == 0) add_field(to, take_text(&scratch, path->start, path->length));
    }
    path->length = before;
    return;
  }
  char *wanted = pattern_of(part);
  size_t prefix = path->length;
  DIR *directory = opendir(prefix ? ended(path) : ".");
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    if (fnmatch(wanted, entry->d_name, FNM_PERIOD) != 0) continue;
    add_text(path, entry->d_name);
    if (!*rest) add_field(to, take_text(&scratch, ended(path), path->length));
    else walk(path, rest, to);
    path->length = prefix;
  }
  if (directory) closedir(directory);
  path->length = before;
}

// The files whose names fit; when none does, what was written.
void glob(const char *field, struct fields *to) {
  int first = to->count;
  struct text path = {.arena = &scratch};
  walk(&path, field, to);
  if (to->count > first) qsort(to->list + first, to->count - first, sizeof *to->list, compare_texts);
  else add_field(to, plain_of(take_text(&scratch, field, strlen(field))));
}

// Without the shortest or longest beginning or end that fits.
char *trim(char *value, const char *pattern, char operation) {
  size_t length = strlen(value);
  int front = operation == '#' || operation == 'H', longest = operation == 'H' || operation == 'P';
  for (size_t step = 0; step <= length; step++) {
    size_t some = longest ? length - step : step;
    if (front) {
      char held = value[some];
      value[some] = 0;
      int fits = fnmatch(pattern, value, 0) == 0;
      value[some] = held;
      if (fits) return value + some;
    } else if (fnmatch(pattern, value + length - some, 0) == 0) return value[length - some] = 0, value;
  }
  return value;
}
