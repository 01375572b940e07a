// Two files as diff(1) sees them.
#ifndef DIFF_H
#define DIFF_H
#include <stddef.h>
#include "shared.h"

struct line {
  const char *text;
  size_t length;
  // The last one, which does not end in a newline.
  int no_newline;
};
struct lines {
  struct line *list;
  int count;
  // Equal lines of both files have the same number.
  int *kinds;
  char *changed;
};
struct how {
  int brief, identical, recursive, absent_is_empty, no_case, blanks, no_blanks, text, minimal;
  // Of a unified diff; -1: none is wanted.
  int context;
  const char *labels[2];
};

// Marks what has changed. Answers whether anything has.
int compare_lines(struct lines *files, const struct how *how);
#endif
