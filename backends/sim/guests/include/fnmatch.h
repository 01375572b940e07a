// fnmatch(3)
#ifndef FNMATCH_H
#define FNMATCH_H
enum { FNM_NOMATCH = 1, FNM_PATHNAME = 1, FNM_NOESCAPE = 2, FNM_PERIOD = 4, FNM_CASEFOLD = 16 };
int fnmatch(const char *pattern, const char *text, int flags);
#endif
