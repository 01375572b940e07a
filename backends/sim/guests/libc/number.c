// Numbers from text, sorting, chance
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The digits of a number and its sign; `limit` is the largest that may come out, twice as much for unsigned ones.
static unsigned long long parse(const char *text, char **end, int base, unsigned long long most, unsigned long long least) {
  const char *at = text;
  while (isspace(*at)) at++;
  int negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  if ((base == 0 || base == 16) && at[0] == '0' && (at[1] | 32) == 'x' && isxdigit(at[2])) base = 16, at += 2;
  else if (base == 0) base = *at == '0' ? 8 : 10;
  const char *first = at;
  unsigned long long number = 0, limit = negative ? least : most;
  int over = 0;
  for (;; at++) {
    int digit = isdigit(*at) ? *at - '0' : isalpha(*at) ? (*at | 32) - 'a' + 10 : 99;
    if (digit >= base) break;
    if (number > (limit - digit) / base) over = 1;
    else number = number * base + digit;
  }
  if (end) *end = (char *)(at == first ? text : at);
  if (over) errno = ERANGE, number = limit;
  return negative ? -number : number;
}

long long strtoll(const char *text, char **end, int base) {
  return parse(text, end, base, LLONG_MAX, (unsigned long long)LLONG_MAX + 1);
}
unsigned long long strtoull(const char *text, char **end, int base) { return parse(text, end, base, ULLONG_MAX, ULLONG_MAX); }
long strtol(const char *text, char **end, int base) { return parse(text, end, base, LONG_MAX, (unsigned long)LONG_MAX + 1); }
unsigned long strtoul(const char *text, char **end, int base) { return parse(text, end, base, ULONG_MAX, ULONG_MAX); }
int atoi(const char *text) { return strtol(text, 0, 10); }
long atol(const char *text) { return strtol(text, 0, 10); }
long long atoll(const char *text) { return strtoll(text, 0, 10); }
int abs(int number) { return number < 0 ? -number : number; }

// Nearest for up to 19 digits and small exponents, within a bit or two beyond.
double strtod(const char *text, char **end) {
  const char *at = text;
  while (isspace(*at)) at++;
  int negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  double sign = negative ? -1 : 1;
  if (strncasecmp(at, "inf", 3) == 0 || strncasecmp(at, "nan", 3) == 0) {
    int nan = (*at | 32) == 'n';
    at += strncasecmp(at, "infinity", 8) == 0 ? 8 : 3;
    if (end) *end = (char *)at;
    return nan ? __builtin_nan("") : sign * __builtin_inf();
  }
  uint64_t digits = 0;
  int count = 0, power = 0, any = 0, point = 0;
  for (;; at++) {
    if (*at == '.' && !point) {
      point = 1;
      continue;
    }
    if (!isdigit(*at)) break;
    any = 1;
    if (count < 19) digits = digits * 10 + *at - '0', count += digits > 0, power -= point;
    else power += !point;
  }
  if (!any) {
    if (end) *end = (char *)text;
    return 0;
  }
  if ((*at | 32) == 'e' && (isdigit(at[1]) || ((at[1] == '-' || at[1] == '+') && isdigit(at[2])))) {
    char *behind;
    long exponent = strtol(at + 1, &behind, 10);
    power += exponent > 9999 ? 9999 : exponent < -9999 ? -9999 : exponent;
    at = behind;
  }
  if (end) *end = (char *)at;
  double number = digits, scale = 1, ten = 10;
  int steps = power < 0 ? -power : power;
  if (digits == 0) return sign * 0.0;
  if (steps > 400) return sign * (power < 0 ? 0.0 : __builtin_inf());
  // In two halves, so that the scale itself does not leave the range.
  for (int rest = steps > 300 ? 300 : steps; rest > 0; rest >>= 1, ten *= ten)
    if (rest & 1) scale *= ten;
  number = power < 0 ? number / scale : number * scale;
  for (int rest = steps - 300; rest > 0; rest--) number = power < 0 ? number / 10 : number * 10;
  return sign * number;
}
double atof(const char *text) { return strtod(text, 0); }

static void swap(char *one, char *other, size_t bytes) {
  for (; bytes > 0; bytes--, one++, other++) {
    char held = *one;
    *one = *other, *other = held;
  }
}

// A heap: no memory, no bad case.
static void sift(char *items, size_t at, size_t count, size_t bytes, int (*compare)(const void *, const void *)) {
  for (;;) {
    size_t below = 2 * at + 1;
    if (below >= count) return;
    if (below + 1 < count && compare(items + below * bytes, items + (below + 1) * bytes) < 0) below++;
    if (compare(items + at * bytes, items + below * bytes) >= 0) return;
    swap(items + at * bytes, items + below * bytes, bytes);
    at = below;
  }
}

void qsort(void *list, size_t count, size_t bytes, int (*compare)(const void *, const void *)) {
  char *items = list;
  for (size_t at = count / 2; at > 0; at--) sift(items, at - 1, count, bytes, compare);
  for (size_t left = count; left > 1; left--) {
    swap(items, items + (left - 1) * bytes, bytes);
    sift(items, 0, left - 1, bytes, compare);
  }
}

void *bsearch(const void *key, const void *items, size_t count, size_t bytes, int (*compare)(const void *, const void *)) {
  for (const char *from = items; count > 0;) {
    const char *middle = from + count / 2 * bytes;
    int order = compare(key, middle);
    if (order == 0) return (void *)middle;
    if (order > 0) from = middle + bytes, count -= count / 2 + 1;
    else count /= 2;
  }
  return 0;
}

static uint64_t chance = 1;
void srand(unsigned seed) { chance = seed; }
int rand(void) {
  chance = chance * 6364136223846793005ull + 1442695040888963407ull;
  return chance >> 33;
}
