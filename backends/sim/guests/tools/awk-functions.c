// awk: the functions that are there already.
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "awk.h"
#include "shared.h"

enum { F_LENGTH, F_SUBSTR, F_INDEX, F_SPLIT, F_SUB, F_GSUB, F_MATCH, F_SPRINTF, F_SIN, F_COS, F_ATAN2, F_EXP, F_LOG, F_SQRT, F_INT, F_RAND, F_SRAND, F_TOLOWER, F_TOUPPER, F_SYSTEM, F_CLOSE, F_FFLUSH };

struct buffer {
  char *start;
  size_t length, room;
};

static void add_bytes(struct buffer *to, const char *from, size_t length) {
  if (to->length + length + 1 > to->room) to->start = need(realloc(to->start, to->room = 2 * (to->length + length) + 64));
  memcpy(to->start + to->length, from, length);
  to->length += length, to->start[to->length] = 0;
}

// sprintf: the format, then what it is about.
struct value formatted(struct node *arguments) {
  if (!arguments) awk_mistake("no arguments in call to printf%s", "");
  struct value format = evaluate(arguments);
  struct buffer built = {0, 0, 0};
  add_bytes(&built, "", 0);
  arguments = arguments->next;
  for (const char *at = text_from(&format, 0); *at;) {
    size_t plain = strcspn(at, "%");
    add_bytes(&built, at, plain), at += plain;
    if (!*at) break;
    if (at[1] == '%') {
      add_bytes(&built, "%", 1), at += 2;
      continue;
    }
    char part[64];
    size_t length = 0;
    part[length++] = *at++;
    while (*at && length < 40 && strchr("-+ #0123456789.*", *at)) {
      if (*at == '*') {
        struct value width = arguments ? evaluate(arguments) : number_value(0);
        length += snprintf(part + length, 12, "%d", (int)number_from(&width));
        dropped(width), at++;
        if (arguments) arguments = arguments->next;
      } else part[length++] = *at++;
    }
    while (*at == 'l' || *at == 'h') at++;
    char kind = *at ? *at++ : 0;
    if (!kind || !strchr("diouxXcseEfFgG", kind)) {
      add_bytes(&built, part, length), add_bytes(&built, &kind, kind != 0);
      continue;
    }
    if (!arguments) awk_mistake("not enough arguments passed to sprintf(\"%s\")", text_from(&format, 0));
    struct value value = evaluate(arguments);
    arguments = arguments->next;
    char letter[2] = {kind, 0};
    const char *text = 0;
    double number = number_from(&value);
    if (kind == 's') text = text_from(&value, text_of_global(V_CONVFMT));
    else if (kind == 'c' && value.kind == A_NUMBER) letter[0] = (char)(int)number, text = letter, kind = 's';
    else if (kind == 'c') letter[0] = *text_from(&value, 0), text = letter, kind = 's';
    if (strchr("diouxX", kind)) part[length++] = 'l', part[length++] = 'l';
    part[length++] = kind, part[length] = 0;
    char *whole;
    int size = text ? asprintf(&whole, part, text) : strchr("diouxX", kind) ? asprintf(&whole, part, (long long)number) : asprintf(&whole, part, number);
    if (size > 0) add_bytes(&built, whole, size);
    if (size >= 0) free(whole);
    dropped(value);
  }
  dropped(format);
  struct value result = {A_TEXT, 0, new_text(built.start, built.length)};
  free(built.start);
  return result;
}

static regex_t *pattern_from(struct node *node) {
  if (node->kind == N_LIST && node->operation && node->parts[0]->kind == N_REGEX) node = node->parts[0];
  if (node->kind == N_REGEX) return node->pattern;
  struct value value = evaluate(node);
  regex_t *pattern = compiled_pattern(text_from(&value, 0));
  dropped(value);
  return pattern;
}

static struct value substituted(struct node *arguments, int all) {
  regex_t *pattern = pattern_from(arguments);
  struct value put = evaluate(arguments->next);
  struct node zero = {.kind = N_NUMBER}, whole = {.kind = N_FIELD, .parts = {&zero}}, *target = arguments->next->next ? arguments->next->next : &whole;
  struct value value = evaluate(target);
  const char *text = text_from(&value, text_of_global(V_CONVFMT)), *with = text_from(&put, text_of_global(V_CONVFMT));
  size_t length = strlen(text), from = 0, copied = 0, behind = (size_t)-1;
  struct buffer built = {0, 0, 0};
  int count = 0;
  regmatch_t found[1];
  while (from <= length) {
    found[0] = (regmatch_t){from, length};
    if (regexec(pattern, text, 1, found, REG_STARTEND)) break;
    size_t start = found[0].rm_so, end = found[0].rm_eo;
    add_bytes(&built, text + copied, start - copied);
    if (start < end || start != behind) {
      count++;
      for (const char *at = with; *at; at++)
        if (*at == '\\' && (at[1] == '&' || at[1] == '\\')) add_bytes(&built, ++at, 1);
        else if (*at == '&') add_bytes(&built, text + start, end - start);
        else add_bytes(&built, at, 1);
    }
    copied = behind = end, from = end;
    if (start == end) {
      if (end < length) add_bytes(&built, text + end, 1);
      from = end + 1, copied = from < length ? from : length;
    }
    if (!all) break;
  }
  if (count) {
    add_bytes(&built, text + copied, length - copied);
    assign_to(target, (struct value){A_TEXT, 0, new_text(built.start, built.length)});
  }
  free(built.start);
  dropped(put), dropped(value);
  return number_value(count);
}

static struct value part_of(struct value *text, double from, double length, int has_length) {
  const char *start = text_from(text, text_of_global(V_CONVFMT));
  double size = strlen(start), first = nearbyint(from), last = has_length ? nearbyint(from + length) : size + 1;
  if (first < 1) first = 1;
  if (last > size + 1) last = size + 1;
  if (!(last > first)) return text_value("");
  return (struct value){A_TEXT, 0, new_text(start + (size_t)first - 1, (size_t)(last - first))};
}

static struct value run_shell(const char *text) {
  char *argv[] = {"sh", "-c", (char *)text, 0};
  return number_value(run_program(argv));
}

struct value call_builtin(struct node *node) {
  static double seed;
  struct node *first = node->parts[0], *second = first ? first->next : 0, *third = second ? second->next : 0;
  switch (node->operation) {
    case F_SPLIT: {
      struct value text = evaluate(first);
      struct cell *cell = second->kind == N_LOCAL || second->kind == N_GLOBAL ? variable_cell(second) : 0;
      if (!cell) awk_mistake("split needs an array%s", "");
      empty_array(array_of(cell));
      struct value separator = third && third->kind != N_REGEX ? evaluate(third) : kept(globals[V_FS].value);
      int count = split_into(text_from(&text, 0), array_of(cell), text_from(&separator, 0), third && third->kind == N_REGEX ? third->pattern : 0);
      dropped(text), dropped(separator);
      return number_value(count);
    }
    case F_SUB:
    case F_GSUB: return substituted(first, node->operation == F_GSUB);
    case F_SPRINTF: return formatted(first);
    case F_MATCH: {
      struct value text = evaluate(first);
      regmatch_t found[1];
      int fits = regexec(pattern_from(second), text_from(&text, text_of_global(V_CONVFMT)), 1, found, 0) == 0;
      dropped(text);
      set_cell(globals + V_RSTART, number_value(fits ? found[0].rm_so + 1 : 0));
      set_cell(globals + V_RLENGTH, number_value(fits ? found[0].rm_eo - found[0].rm_so : -1));
      return number_value(fits ? found[0].rm_so + 1 : 0);
    }
    case F_LENGTH:
      if (!first) return number_value(strlen(text_from(&field(0)->value, 0)));
      if ((first->kind == N_LOCAL || first->kind == N_GLOBAL) && variable_cell(first)->array) return number_value(variable_cell(first)->array->count);
      break;
    case F_RAND: return number_value(rand() / 2147483648.0);
  }
  struct value one = first ? evaluate(first) : number_value(0), two = second ? evaluate(second) : number_value(0), result = number_value(0);
  double x = number_from(&one);
  switch (node->operation) {
    case F_LENGTH: result.number = strlen(text_from(&one, text_of_global(V_CONVFMT))); break;
    case F_SUBSTR: {
      struct value length = third ? evaluate(third) : number_value(0);
      result = part_of(&one, number_from(&two), number_from(&length), third != 0);
      dropped(length);
      break;
    }
    case F_INDEX: {
      const char *text = text_from(&one, text_of_global(V_CONVFMT)), *found = strstr(text, text_from(&two, text_of_global(V_CONVFMT)));
      result.number = found ? found - text + 1 : 0;
      break;
    }
    case F_SIN: result.number = sin(x); break;
    case F_COS: result.number = cos(x); break;
    case F_ATAN2: result.number = atan2(x, number_from(&two)); break;
    case F_EXP: result.number = exp(x); break;
    case F_LOG: result.number = log(x); break;
    case F_SQRT: result.number = sqrt(x); break;
    case F_INT: result.number = trunc(x); break;
    case F_SRAND: {
      result.number = seed;
      seed = first ? x : (double)time(0);
      srand((unsigned)(long long)seed);
      break;
    }
    case F_TOLOWER:
    case F_TOUPPER:
      result = text_value(text_from(&one, 0));
      for (char *at = result.text; *at; at++) *at = (char)(node->operation == F_TOLOWER ? tolower((unsigned char)*at) : toupper((unsigned char)*at));
      break;
    case F_SYSTEM: result = run_shell(text_from(&one, 0)); break;
    case F_CLOSE: result.number = close_stream(text_from(&one, 0)); break;
    case F_FFLUSH: fflush(0);
  }
  dropped(one), dropped(two);
  return result;
}
