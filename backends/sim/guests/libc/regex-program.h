// What a regular expression is compiled to.
#ifndef REGEX_PROGRAM_H
#define REGEX_PROGRAM_H
#include <regex.h>

enum { R_CHARACTER, R_ANY, R_SET, R_SPLIT, R_JUMP, R_SAVE, R_LINE_START, R_LINE_END, R_WORD_START, R_WORD_END, R_WORD_EDGE, R_REFER, R_MATCH };

struct regex_step {
  unsigned char code;
  // A character, a set, a place in the program, or a slot; the second place of R_SPLIT.
  int first, second;
};

struct regex_program {
  struct regex_step *steps;
  int count, room;
  // Of 32 bytes each.
  unsigned char *sets;
  int set_count, groups, newline, icase, refers;
};
#endif
