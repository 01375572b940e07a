// printf(1), and the backslashes of echo.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tools.h>
#include "shell.h"

// What stands behind a backslash; `zero`: octal numbers may have a 0 before their three digits. 0: nothing more is printed.
int print_escaped(const char **text, int zero) {
  const char *at = *text;
  static const char letters[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
  char *letter = *at ? strchr(letters, *at) : 0;
  if (letter) return putchar(bytes[letter - letters]), *text = at + 1, 1;
  if (*at == 'c' && zero) return 0;
  if (*at < '0' || *at > '7') return putchar('\\'), 1;
  int byte = 0, most = *at == '0' && zero ? 4 : 3;
  for (int digits = 0; digits < most && *at >= '0' && *at <= '7'; digits++) byte = byte * 8 + *at++ - '0';
  putchar(byte);
  return *text = at, 1;
}

static char **given;
static int status_here;

static const char *next_text(void) { return *given ? *given++ : ""; }

// A number of C, or the character behind a quote.
static double number(int whole, long long *to) {
  const char *text = next_text();
  char *end = (char *)text + strlen(text);
  double real = 0;
  errno = 0;
  if (*text == '"' || *text == '\'') real = *to = (unsigned char)text[1];
  else if (whole) *to = *text == '-' ? strtoll(text, &end, 0) : (long long)strtoull(text, &end, 0);
  else real = strtod(text, &end);
  if (*end || (end == text && *text)) {
    errno = 0;
    complain(end == text ? "%s: expected numeric value" : "%s: not completely converted", text);
    status_here = 1;
  }
  return real;
}

// %b: its text has backslashes.
static int print_text(const char *text) {
  while (*text) {
    if (*text != '\\') putchar(*text++);
    else if (text++, !print_escaped(&text, 1)) return 0;
  }
  return 1;
}

// One conversion, behind its percent sign. Answers what is behind it; 0: nothing more.
static const char *convert(const char *at) {
  char format[40] = "%";
  int length = 1;
  for (; *at && strchr("#-+ 0123456789.*", *at); at++) {
    if (*at != '*') format[length < 16 ? length++ : 16] = *at;
    else {
      long long width = 0;
      number(1, &width);
      length += snprintf(format + length, 12, "%d", (int)width);
    }
    if (length > 20) length = 20;
  }
  char letter = *at ? *at++ : 0;
  if (letter == 'b') return print_text(next_text()) ? at : 0;
  if (letter == 's' || letter == 'c') {
    format[length] = letter, format[length + 1] = 0;
    if (letter == 's') printf(format, next_text());
    else printf(format, *next_text());
  } else if (letter && strchr("diouxX", letter)) {
    long long value = 0;
    number(1, &value);
    format[length] = format[length + 1] = 'l', format[length + 2] = letter, format[length + 3] = 0;
    printf(format, value);
  } else if (letter && strchr("eEfFgG", letter)) {
    format[length] = letter, format[length + 1] = 0;
    printf(format, number(0, &(long long){0}));
  } else {
    format[length] = letter, format[length + 1] = 0, errno = 0;
    complain("%s: invalid directive", format);
    return status_here = 2, (const char *)0;
  }
  return at;
}

__attribute__((weak)) TOOL(printf) {
  int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
  if (argc <= first) return errno = 0, complain("usage: printf format [arg ...]"), 2;
  given = argv + first + 1, status_here = 0;
  char **before;
  do {
    before = given;
    for (const char *at = argv[first]; *at;) {
      if (*at == '\\') {
        at++;
        print_escaped(&at, 0);
      } else if (*at != '%') putchar(*at++);
      else if (at[1] == '%') putchar('%'), at += 2;
      else if (!(at = convert(at + 1))) return status_here;
    }
  } while (*given && given != before);
  return status_here;
}
