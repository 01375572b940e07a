// printf(3)
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Where formatted text goes: a stream, or a buffer that may be too small.
struct sink {
  FILE *stream;
  char *to;
  size_t room, length;
};

static void put(struct sink *sink, const char *text, size_t bytes) {
  if (sink->stream) fwrite(text, 1, bytes, sink->stream);
  else if (sink->length < sink->room)
    memcpy(sink->to + sink->length, text, bytes < sink->room - sink->length ? bytes : sink->room - sink->length);
  sink->length += bytes;
}

static void pad(struct sink *sink, char character, int count) {
  for (; count > 0; count--) put(sink, &character, 1);
}

// The decimal digits of a number that is not negative, exactly: in groups of nine, before the point and behind it.
struct decimal {
  uint32_t groups[130];
  int first, point, end;
};

static void expand(struct decimal *decimal, double number) {
  memset(decimal, 0, sizeof *decimal);
  union {
    double number;
    uint64_t bits;
  } parts = {number};
  int exponent = parts.bits >> 52 & 0x7ff;
  uint64_t mantissa = parts.bits & ((1ull << 52) - 1);
  if (exponent) mantissa |= 1ull << 52;
  else exponent = 1;
  exponent -= 1075;
  uint32_t *groups = decimal->groups;
  decimal->point = decimal->end = 40;
  groups[39] = mantissa % 1000000000, groups[38] = mantissa / 1000000000;
  decimal->first = 38;
  for (; exponent > 0; exponent--) {
    uint32_t carry = 0;
    for (int at = 39; at >= decimal->first; at--) {
      uint32_t twice = groups[at] * 2 + carry;
      groups[at] = twice % 1000000000, carry = twice / 1000000000;
    }
    if (carry) groups[--decimal->first] = carry;
  }
  for (; exponent < 0; exponent++) {
    uint32_t rest = 0;
    for (int at = decimal->first; at < decimal->end; at++) {
      uint64_t here = groups[at] + (uint64_t)rest * 1000000000;
      groups[at] = here / 2, rest = here % 2;
    }
    if (rest && decimal->end < 130) groups[decimal->end++] = 500000000;
  }
}

static int digit_at(const struct decimal *decimal, int place) {
  // Place 0 is the one before the point, 1 the first behind it.
  int index = place - 1;
  int group = decimal->point + (index >= 0 ? index / 9 : -(8 - index) / 9);
  if (group < decimal->first || group >= decimal->end) return 0;
  uint32_t value = decimal->groups[group];
  for (int after = 8 - ((index % 9) + 9) % 9; after > 0; after--) value /= 10;
  return value % 10;
}

// Digits from one place to another, rounded to even; answers one more place in front when the rounding carries that far.
static int digits_of(const struct decimal *decimal, int from, int to, char *digits) {
  int count = 0;
  for (int place = from; place <= to; place++) digits[count++] = '0' + digit_at(decimal, place);
  int next = digit_at(decimal, to + 1), more = next > 5;
  if (next == 5) {
    for (int place = to + 2; !more && place < (decimal->end - decimal->point) * 9 + 1; place++) more = digit_at(decimal, place) > 0;
    if (!more) more = count > 0 && (digits[count - 1] - '0') % 2;
  }
  if (!more) return 0;
  for (int at = count - 1; at >= 0; at--) {
    if (digits[at] != '9') return digits[at]++, 0;
    digits[at] = '0';
  }
  memmove(digits + 1, digits, count);
  digits[0] = '1';
  return 1;
}

static int leading_place(const struct decimal *decimal) {
  for (int group = decimal->first; group < decimal->end; group++)
    if (decimal->groups[group])
      for (int place = (group - decimal->point) * 9 + 1;; place++)
        if (digit_at(decimal, place)) return place;
  return 0;
}

// At most 400 places behind the point.
static int format_double(char *to, double number, char kind, int precision, int alternate) {
  static struct decimal decimal;
  static char digits[760];
  if (precision > 400) precision = 400;
  expand(&decimal, number);
  int length = 0, first = leading_place(&decimal), exponent = -first;
  if (kind == 'f') {
    int from = first < 0 ? first : 0;
    int carried = digits_of(&decimal, from, precision, digits);
    int before = 1 - from + carried;
    memcpy(to, digits, before), length = before;
    if (precision > 0 || alternate) to[length++] = '.';
    memcpy(to + length, digits + before, precision);
    return length + precision;
  }
  int general = kind == 'g';
  if (general) precision = precision ? precision - 1 : 0;
  if (digits_of(&decimal, first, first + precision, digits)) exponent++;
  if (number == 0) exponent = 0;
  if (general && exponent >= -4 && exponent <= precision) {
    length = format_double(to, number, 'f', precision - exponent, alternate);
    kind = 0;
  } else {
    to[length++] = digits[0];
    if (precision > 0 || alternate) to[length++] = '.';
    memcpy(to + length, digits + 1, precision), length += precision;
  }
  if (general && !alternate && memchr(to, '.', length)) {
    while (to[length - 1] == '0') length--;
    if (to[length - 1] == '.') length--;
  }
  if (kind) {
    to[length++] = 'e', to[length++] = exponent < 0 ? '-' : '+';
    if (exponent < 0) exponent = -exponent;
    if (exponent >= 100) to[length++] = '0' + exponent / 100;
    to[length++] = '0' + exponent / 10 % 10, to[length++] = '0' + exponent % 10;
  }
  return length;
}

struct field {
  int left, zero, plus, blank, alternate, width, precision;
};

// Sign or prefix, zeros, digits.
static void put_number(struct sink *sink, const struct field *field, const char *prefix, const char *digits, int count) {
  int front = strlen(prefix), zeros = field->precision > count ? field->precision - count : 0;
  int space = field->width - front - zeros - count;
  if (field->zero && !field->left && field->precision < 0 && space > 0) zeros += space, space = 0;
  if (!field->left) pad(sink, ' ', space);
  put(sink, prefix, front);
  pad(sink, '0', zeros);
  put(sink, digits, count);
  if (field->left) pad(sink, ' ', space);
}

static void put_integer(struct sink *sink, struct field *field, char kind, unsigned long long number, int negative) {
  char digits[24];
  int at = sizeof digits, base = kind == 'o' ? 8 : kind == 'x' || kind == 'X' ? 16 : 10;
  const char *set = kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  int zero = number == 0;
  for (; number > 0; number /= base) digits[--at] = set[number % base];
  if (zero && field->precision != 0) digits[--at] = '0';
  if (base == 8 && field->alternate && (at == sizeof digits || digits[at] != '0')) digits[--at] = '0';
  const char *prefix = negative                                 ? "-"
                       : (kind == 'd') && field->plus           ? "+"
                       : (kind == 'd') && field->blank          ? " "
                       : base == 16 && field->alternate && !zero ? (kind == 'X' ? "0X" : "0x")
                                                                : "";
  put_number(sink, field, prefix, digits + at, sizeof digits - at);
}

static void put_double(struct sink *sink, struct field *field, char kind, double number) {
  static char text[800];
  int negative = __builtin_signbit(number), upper = kind < 'a';
  const char *prefix = negative ? "-" : field->plus ? "+" : field->blank ? " " : "";
  if (negative) number = -number;
  int precision = field->precision < 0 ? 6 : field->precision, count;
  field->precision = -1;
  if (number != number || number == __builtin_inf()) {
    field->zero = 0;
    strcpy(text, number != number ? "nan" : "inf"), count = 3;
  } else count = format_double(text, number, upper ? kind + 32 : kind, precision, field->alternate);
  if (upper)
    for (int at = 0; at < count; at++)
      if (text[at] >= 'a') text[at] -= 32;
  put_number(sink, field, prefix, text, count);
}

static void format(struct sink *sink, const char *text, va_list given) {
  for (;;) {
    const char *end = strchr(text, '%');
    if (!end) break;
    put(sink, text, end - text);
    text = end + 1;
    struct field field = {.precision = -1};
    for (;; text++) {
      if (*text == '-') field.left = 1;
      else if (*text == '0') field.zero = 1;
      else if (*text == '+') field.plus = 1;
      else if (*text == ' ') field.blank = 1;
      else if (*text == '#') field.alternate = 1;
      else break;
    }
    if (*text == '*') {
      field.width = va_arg(given, int), text++;
      if (field.width < 0) field.left = 1, field.width = -field.width;
    } else while (*text >= '0' && *text <= '9') field.width = field.width * 10 + *text++ - '0';
    if (*text == '.') {
      field.precision = 0, text++;
      if (*text == '*') field.precision = va_arg(given, int), text++;
      else while (*text >= '0' && *text <= '9') field.precision = field.precision * 10 + *text++ - '0';
    }
    int longs = 0;
    for (;; text++) {
      if (*text == 'l') longs++;
      else if (*text == 'j') longs = 2;
      else if (*text != 'h' && *text != 'z' && *text != 't') break;
    }
    char kind = *text++;
    if (kind == 'd' || kind == 'i') {
      long long number = longs == 2 ? va_arg(given, long long) : va_arg(given, int);
      put_integer(sink, &field, 'd', number < 0 ? -(unsigned long long)number : (unsigned long long)number, number < 0);
    } else if (kind == 'u' || kind == 'x' || kind == 'X' || kind == 'o')
      put_integer(sink, &field, kind, longs == 2 ? va_arg(given, unsigned long long) : va_arg(given, unsigned), 0);
    else if (kind == 'p') field.alternate = 1, put_integer(sink, &field, 'x', (uintptr_t)va_arg(given, void *), 0);
    else if (kind == 'c') {
      char character = (char)va_arg(given, int);
      field.precision = -1, field.zero = 0;
      put_number(sink, &field, "", &character, 1);
    } else if (kind == 's') {
      const char *string = va_arg(given, const char *);
      if (!string) string = "(null)";
      int length = field.precision < 0 ? strlen(string) : strnlen(string, field.precision);
      field.precision = -1, field.zero = 0;
      put_number(sink, &field, "", string, length);
    } else if (kind == '%') put(sink, "%", 1);
    else if (kind == 0) return;
    else put_double(sink, &field, kind, va_arg(given, double));
  }
  put(sink, text, strlen(text));
}

int vfprintf(FILE *stream, const char *text, va_list given) {
  struct sink sink = {.stream = stream};
  format(&sink, text, given);
  return ferror(stream) ? -1 : (int)sink.length;
}
int vsnprintf(char *to, size_t room, const char *text, va_list given) {
  struct sink sink = {.to = to, .room = room ? room - 1 : 0};
  format(&sink, text, given);
  if (room) to[sink.length < room ? sink.length : room - 1] = 0;
  return sink.length;
}
int vprintf(const char *text, va_list given) { return vfprintf(stdout, text, given); }

#define WITH_LIST(call)    \
  va_list given;           \
  va_start(given, text);   \
  int length = call;       \
  va_end(given);           \
  return length

int printf(const char *text, ...) { WITH_LIST(vfprintf(stdout, text, given)); }
int fprintf(FILE *stream, const char *text, ...) { WITH_LIST(vfprintf(stream, text, given)); }
int snprintf(char *to, size_t room, const char *text, ...) { WITH_LIST(vsnprintf(to, room, text, given)); }
int sprintf(char *to, const char *text, ...) { WITH_LIST(vsnprintf(to, 1 << 30, text, given)); }

int asprintf(char **to, const char *text, ...) {
  va_list given;
  va_start(given, text);
  int length = vsnprintf(0, 0, text, given);
  va_end(given);
  *to = malloc(length + 1);
  if (!*to) return -1;
  va_start(given, text);
  vsnprintf(*to, length + 1, text, given);
  va_end(given);
  return length;
}

int dprintf(int fd, const char *text, ...) {
  char line[1024];
  va_list given;
  va_start(given, text);
  int length = vsnprintf(line, sizeof line, text, given);
  va_end(given);
  return write(fd, line, length < (int)sizeof line ? length : (int)sizeof line - 1);
}
