// expr
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include "shared.h"

// The words, and where it is.
static char **word;

static _Noreturn void wrong(const char *format, const char *about) {
  object(format, about);
  exit(2);
}

static int is_number(const char *text, long long *number) {
  char *end;
  *number = strtoll(text, &end, 10);
  return *text && !*end && !isspace((unsigned char)*text) && *text != '+';
}

static long long whole(const char *text) {
  long long number;
  if (!is_number(text, &number)) wrong("non-integer argument%s", "");
  return number;
}

static char *from_number(long long number) {
  char *text = need(malloc(24));
  snprintf(text, 24, "%lld", number);
  return text;
}

static int is(const char *text) { return *word && strcmp(*word, text) == 0; }
static char *any_of(int level);

static char *matched(const char *text, const char *pattern) {
  regex_t compiled;
  regmatch_t found[2];
  char *anchored = need(malloc(strlen(pattern) + 2));
  strcpy(anchored, *pattern == '^' ? "" : "^"), strcat(anchored, pattern);
  if (regcomp(&compiled, anchored, 0)) wrong("invalid regular expression%s", "");
  int fits = regexec(&compiled, text, 2, found, 0) == 0;
  if (!compiled.re_nsub) return from_number(fits ? found[0].rm_eo : 0);
  return fits && found[1].rm_so >= 0 ? need(strndup(text + found[1].rm_so, found[1].rm_eo - found[1].rm_so)) : "";
}

static char *single(void) {
  if (!*word) wrong("syntax error: missing argument after '%s'", word[-1]);
  if (is("(")) {
    word++;
    char *inner = any_of(0);
    if (!*word) wrong("syntax error: expecting ')' after '%s'", word[-1]);
    if (!is(")")) wrong("syntax error: expecting ')' instead of '%s'", *word);
    return word++, inner;
  }
  if (is(")")) wrong("syntax error: unexpected ')'%s", "");
  if (is("length")) return word++, from_number(strlen(single()));
  if (is("match")) {
    char *text = (word++, single());
    return matched(text, single());
  }
  if (is("index")) {
    char *text = (word++, single());
    size_t at = strcspn(text, single());
    return from_number(text[at] ? (long long)at + 1 : 0);
  }
  if (is("substr")) {
    char *text = (word++, single());
    long long from = whole(single()), length = whole(single()), size = strlen(text);
    if (from < 1 || length < 1 || from > size) return "";
    return need(strndup(text + from - 1, length));
  }
  if (is("+") && word[1]) word++;
  return *word++;
}

// By how strongly operators bind: | & comparisons sums products :
static char *any_of(int level) {
  if (level == 6) return single();
  char *left = any_of(level + 1);
  static const char *const operators[] = {"| ", "& ", "< <= = == != >= > ", "+ - ", "* / % ", ": "};
  for (;;) {
    const char *at = *word ? operators[level] : "";
    for (; *at; at = strchr(at, ' ') + 1)
      if (strncmp(at, *word, strlen(*word)) == 0 && at[strlen(*word)] == ' ' && **word) break;
    if (!*at) return left;
    char *operator = *word++, *right = any_of(level + 1);
    long long a, b;
    int numbers = is_number(left, &a) & is_number(right, &b);
    int left_null = !*left || (is_number(left, &a) && a == 0), right_null = !*right || (is_number(right, &b) && b == 0);
    if (level == 0) left = left_null ? (right_null ? "0" : right) : left;
    else if (level == 1) left = left_null || right_null ? "0" : left;
    else if (level == 5) left = matched(left, right);
    else if (level == 2) {
      int order = numbers ? (a > b) - (a < b) : strcmp(left, right);
      int answer = *operator == '<' ? (operator[1] ? order <= 0 : order < 0) : *operator == '>' ? (operator[1] ? order >= 0 : order > 0) : *operator == '=' ? order == 0 : order != 0;
      left = answer ? "1" : "0";
    } else {
      a = whole(left), b = whole(right);
      if ((*operator == '/' || *operator == '%') && b == 0) wrong("division by zero%s", "");
      left = from_number(*operator == '+' ? a + b : *operator == '-' ? a - b : *operator == '*' ? a * b : *operator == '/' ? a / b : a % b);
    }
  }
}

TOOL(expr) {
  word = argv + 1;
  if (*word && is("--")) word++;
  if (!*word) return object("missing operand"), 2;
  char *result = any_of(0);
  if (*word) wrong("syntax error: unexpected argument '%s'", *word);
  puts(result);
  long long number;
  return !*result || (is_number(result, &number) && number == 0);
}
