// regex(3)
#ifndef REGEX_H
#define REGEX_H
#include <stddef.h>
typedef int regoff_t;
typedef struct {
  size_t re_nsub;
  struct regex_program *program;
} regex_t;
typedef struct {
  regoff_t rm_so, rm_eo;
} regmatch_t;
enum { REG_EXTENDED = 1, REG_ICASE = 2, REG_NOSUB = 4, REG_NEWLINE = 8, REG_NOTBOL = 1, REG_NOTEOL = 2, REG_STARTEND = 4 };
enum { REG_NOMATCH = 1, REG_BADPAT, REG_ECOLLATE, REG_ECTYPE, REG_EESCAPE, REG_ESUBREG, REG_EBRACK, REG_EPAREN, REG_EBRACE, REG_BADBR, REG_ERANGE, REG_ESPACE, REG_BADRPT };
int regcomp(regex_t *to, const char *pattern, int flags);
int regexec(const regex_t *compiled, const char *text, size_t count, regmatch_t *matches, int flags);
size_t regerror(int number, const regex_t *compiled, char *to, size_t room);
void regfree(regex_t *compiled);
#endif
