// A script of sed, as it is read (sed-script.c) and run (sed.c).
#ifndef SED_H
#define SED_H
#include <regex.h>
#include <stdio.h>

enum address_kind { NO_ADDRESS, LINE, LAST_LINE, PATTERN, STEP, RELATIVE, MULTIPLE };
struct address {
  enum address_kind kind;
  long number, step;
  // 0 stands for the last one that was used.
  regex_t *pattern;
};
struct command {
  struct address from, to;
  char letter, inverted, active, global, prints, evaluates;
  long until;
  // Which match of s is replaced.
  int number;
  regex_t *pattern;
  // Of a i c r w b t y : the text, label or path; of s what is put in.
  char *text;
  FILE *file;
  // Where { and b lead.
  int target;
};
extern struct command *commands;
extern int command_count, extended, quiet_by_script;
// Adds a script, or a part of one. Ends the tool when there is a mistake.
void read_script(const char *text);
void finish_script(void);
#endif
