// $((...)): numbers of 64 bits, the operators of C, assignments.
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "shell.h"

static const char *whole, *at;
// Behind && || ?: what is passed over.
static int skipped;

static long long assignment(void);

static long long complain_about(const char *what) {
  if (!unwinding) fail("arithmetic expression: %s: \"%s\"", what, whole);
  at += strlen(at);
  return 0;
}

static void blanks(void) {
  while (isspace((unsigned char)*at)) at++;
}

static int accept(const char *operator) {
  blanks();
  size_t length = strlen(operator);
  if (strncmp(at, operator, length)) return 0;
  at += length;
  return 1;
}

static long long variable_number(const char *name) {
  char *value = get(name), *end;
  if (!value) return 0;
  errno = 0;
  long long number = strtoll(value, &end, 0);
  while (isspace((unsigned char)*end)) end++;
  if (*end) fail("Illegal number: %s", value), at += strlen(at);
  return number;
}

static long long primary(void) {
  if (accept("(")) {
    long long number = assignment();
    if (!accept(")")) return complain_about("expecting ')'");
    return number;
  }
  if (accept("!")) return !primary();
  if (accept("~")) return ~primary();
  if (accept("-")) return (long long)-(unsigned long long)primary();
  if (accept("+")) return primary();
  if (isdigit((unsigned char)*at)) {
    char *end;
    long long number = strtoll(at, &end, 0);
    at = end;
    return number;
  }
  size_t length = name_length(at);
  if (length == 0) return complain_about("expecting primary");
  char *name = take_text(&scratch, at, length);
  at += length;
  return skipped ? 0 : variable_number(name);
}

static const struct operator {
  char name[3];
  char rank;
} operators[] = {{"||", 1}, {"&&", 2}, {"<<", 8}, {">>", 8}, {"<=", 7}, {">=", 7}, {"==", 6}, {"!=", 6}, {"|", 3}, {"^", 4},
                 {"&", 5},  {"<", 7},  {">", 7},  {"+", 9},  {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10}, {"", 0}};

static const struct operator*operator_here(void) {
  blanks();
  const struct operator*found = operators;
  while (*found->name && strncmp(at, found->name, strlen(found->name))) found++;
  return found;
}

static long long calculate(const char *name, long long one, long long other) {
  unsigned long long a = one, b = other;
  switch (name[0] | (name[1] ? name[1] << 8 : 0)) {
    case '<' | '<' << 8: return a << (b & 63);
    case '>' | '>' << 8: return one >> (b & 63);
    case '<' | '=' << 8: return one <= other;
    case '>' | '=' << 8: return one >= other;
    case '=' | '=' << 8: return one == other;
    case '!' | '=' << 8: return one != other;
    case '|': return one | other;
    case '^': return one ^ other;
    case '&': return one & other;
    case '<': return one < other;
    case '>': return one > other;
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
  }
  if (skipped) return 0;
  if (other == 0) return complain_about("division by zero");
  if (other == -1) return *name == '/' ? (long long)-a : 0;
  return *name == '/' ? one / other : one % other;
}

static long long binary(int least) {
  long long left = primary();
  for (;;) {
    const struct operator*operator= operator_here();
    if (operator->rank<least || operator->rank == 0) return left;
    at += strlen(operator->name);
    int lazy = operator->rank <= 2, decided = lazy && (operator->rank == 1 ? left != 0 : left == 0);
    skipped += decided;
    long long right = binary(operator->rank + 1);
    skipped -= decided;
    left = lazy ? (operator->rank == 1 ? left || right : left && right) : calculate(operator->name, left, right);
  }
}

static long long conditional(void) {
  long long condition = binary(1);
  if (!accept("?")) return condition;
  skipped += !condition;
  long long one = assignment();
  skipped -= !condition;
  if (!accept(":")) return complain_about("expecting ':'");
  skipped += condition != 0;
  long long other = conditional();
  skipped -= condition != 0;
  return condition ? one : other;
}

static long long assignment(void) {
  blanks();
  size_t length = name_length(at);
  const char *behind = at + length;
  while (isspace((unsigned char)*behind)) behind++;
  const struct operator*operator= operators;
  if (length && *behind != '=')
    for (; *operator->name; operator++)
      if (operator->rank != 1 && operator->rank != 2 && operator->rank != 6 && operator->rank != 7 &&
          strncmp(behind, operator->name, strlen(operator->name)) == 0 && behind[strlen(operator->name)] == '=')
        break;
  int plain = length && *behind == '=' && behind[1] != '=';
  if (!length || (!plain && (*behind == '=' || !*operator->name))) return conditional();
  char *name = take_text(&scratch, at, length);
  at = behind + 1 + (plain ? 0 : strlen(operator->name));
  long long number = assignment();
  if (skipped || unwinding) return number;
  if (!plain) number = calculate(operator->name, variable_number(name), number);
  if (unwinding) return 0;
  struct text text = {.arena = &scratch};
  unsigned long long digits = number < 0 ? -(unsigned long long)number : (unsigned long long)number;
  char reversed[24];
  int count = 0;
  do reversed[count++] = '0' + digits % 10;
  while (digits /= 10);
  if (number < 0) add(&text, '-');
  while (count) add(&text, reversed[--count]);
  set_named(name, ended(&text));
  return number;
}

long long arithmetic(const char *text) {
  const char *outer = whole, *outer_at = at;
  whole = at = text, skipped = 0;
  blanks();
  long long number = assignment();
  blanks();
  if (*at && !unwinding) complain_about("expecting EOF");
  whole = outer, at = outer_at;
  return number;
}
