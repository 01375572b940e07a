// fnmatch(3)
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

static int fold(int c, int flags) { return flags & FNM_CASEFOLD ? tolower(c) : c; }

// Whether a character is in the set that begins behind a bracket; `pattern` goes behind it. -1: this is no set.
static int in_set(const char **pattern, int c, int flags) {
  const char *at = *pattern;
  int negated = *at == '!' || *at == '^', found = 0, first = 1;
  at += negated;
  for (; *at != ']' || first; first = 0) {
    if (!*at) return -1;
    if (*at == '[' && at[1] == ':') {
      const char *end = strstr(at + 2, ":]");
      if (!end) return -1;
      const char *name = at + 2;
      found |= !strncmp(name, "alpha:", 6)   ? isalpha(c)
               : !strncmp(name, "digit:", 6) ? isdigit(c)
               : !strncmp(name, "alnum:", 6) ? isalnum(c)
               : !strncmp(name, "upper:", 6) ? isupper(c)
               : !strncmp(name, "lower:", 6) ? islower(c)
               : !strncmp(name, "space:", 6) ? isspace(c)
               : !strncmp(name, "punct:", 6) ? ispunct(c)
                                             : 0;
      at = end + 2;
      continue;
    }
    if (*at == '\\' && at[1] && !(flags & FNM_NOESCAPE)) at++;
    int from = fold((unsigned char)*at++, flags), to = from;
    if (*at == '-' && at[1] && at[1] != ']') to = fold((unsigned char)at[1], flags), at += 2;
    found |= fold(c, flags) >= from && fold(c, flags) <= to;
  }
  *pattern = at + 1;
  return found != negated;
}

int fnmatch(const char *pattern, const char *text, int flags) {
  const char *begin = text, *star = 0, *behind = 0;
  for (;;) {
    unsigned char c = *text;
    int hidden = c == '.' && (flags & FNM_PERIOD) && (text == begin || ((flags & FNM_PATHNAME) && text[-1] == '/'));
    int slash = c == '/' && (flags & FNM_PATHNAME);
    const char *at = pattern;
    int fits = 0;
    if (*at == '*' && !hidden) {
      star = ++pattern, behind = text;
      continue;
    }
    if (*at == '?') fits = c && !slash && !hidden, at++;
    else if (*at == '[') {
      at++;
      int answer = c && !slash && !hidden ? in_set(&at, c, flags) : 0;
      fits = answer < 0 ? c == '[' : answer;
      if (answer < 0) at = pattern + 1;
    } else {
      if (*at == '\\' && at[1] && !(flags & FNM_NOESCAPE)) at++;
      fits = fold((unsigned char)*at, flags) == fold(c, flags);
      if (!*at && !c) return 0;
      at++;
    }
    if (fits && c) {
      pattern = at, text++;
      continue;
    }
    // The last star takes one more.
    if (!star || !*behind || (*behind == '/' && (flags & FNM_PATHNAME))) return FNM_NOMATCH;
    text = ++behind, pattern = star;
  }
}
