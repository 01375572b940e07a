// awk: records and fields.
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "awk.h"
#include "shared.h"

static struct cell record, *fields;
static int count, room, is_split = 1, is_joined = 1;

struct compiled {
  char *text;
  regex_t pattern;
  struct compiled *next;
};

regex_t *compiled_pattern(const char *text) {
  static struct compiled *all;
  for (struct compiled *one = all; one; one = one->next)
    if (strcmp(one->text, text) == 0) return &one->pattern;
  struct compiled *new = need(malloc(sizeof *new));
  new->text = need(strdup(text));
  if (regcomp(&new->pattern, text, REG_EXTENDED)) awk_mistake("regular expression compile failed: %s", text);
  new->next = all, all = new;
  return &new->pattern;
}

static void make_fields(int wanted) {
  if (wanted >= room) {
    int more = wanted + 16;
    fields = need(realloc(fields, more * sizeof *fields));
    memset(fields + room, 0, (more - room) * sizeof *fields);
    room = more;
  }
}

// Calls for each part of a text: blanks, one character, or a pattern stand between them.
static int each_part(const char *text, const char *separator, regex_t *pattern, void (*take)(int, const char *, size_t)) {
  int number = 0;
  if (!pattern && strcmp(separator, " ") == 0) {
    for (;;) {
      while (isspace((unsigned char)*text)) text++;
      if (!*text) return number;
      size_t length = 0;
      while (text[length] && !isspace((unsigned char)text[length])) length++;
      take(++number, text, length);
      text += length;
    }
  }
  if (!*text) return 0;
  if (!pattern && !*separator) {
    for (; *text; text++) take(++number, text, 1);
    return number;
  }
  if (!pattern && separator[1] && !(separator[0] == '\\' && !separator[2])) pattern = compiled_pattern(separator);
  char mark = separator ? separator[0] == '\\' && separator[1] ? separator[1] : separator[0] : 0;
  int paragraph = !*text_of_global(V_RS);
  for (;;) {
    size_t length, skip = 1;
    regmatch_t found = {0, strlen(text)};
    if (!pattern) {
      char set[3] = {mark, paragraph ? '\n' : 0, 0};
      length = strcspn(text, set);
    } else {
      length = strlen(text);
      const char *from = text;
      while (regexec(pattern, from, 1, &found, from > text ? REG_NOTBOL : 0) == 0) {
        if (found.rm_eo > found.rm_so) {
          length = from - text + found.rm_so, skip = found.rm_eo - found.rm_so;
          break;
        }
        from += found.rm_eo + 1;
        if (from > text + strlen(text)) break;
      }
      const char *newline = paragraph ? memchr(text, '\n', length) : 0;
      if (newline) length = newline - text, skip = 1;
    }
    take(++number, text, length);
    if (!text[length]) return number;
    text += length + skip;
  }
}

static void take_field(int number, const char *text, size_t length) {
  make_fields(number);
  set_cell(fields + number, input_value(text, length));
}

static void split(void) {
  is_split = 1;
  struct value text = kept(record.value);
  count = each_part(text_from(&text, 0), text_of_global(V_FS), 0, take_field);
  dropped(text);
  set_cell(globals + V_NF, number_value(count));
}

static struct array *filled;
static void take_element(int number, const char *text, size_t length) {
  char key[16];
  snprintf(key, sizeof key, "%d", number);
  set_cell(element_of(filled, key, 1), input_value(text, length));
}
int split_into(const char *text, struct array *array, const char *separator, regex_t *pattern) {
  filled = array;
  return each_part(text, separator, pattern, take_element);
}

static void join(void) {
  is_joined = 1;
  const char *between = text_of_global(V_OFS);
  size_t length = 0, gap = strlen(between);
  for (int at = 1; at <= count; at++) length += strlen(text_from(&fields[at].value, text_of_global(V_CONVFMT))) + gap;
  char *whole = new_text(0, length), *to = whole;
  for (int at = 1; at <= count; at++) {
    if (at > 1) memcpy(to, between, gap), to += gap;
    const char *text = text_from(&fields[at].value, 0);
    memcpy(to, text, strlen(text)), to += strlen(text);
  }
  *to = 0;
  set_cell(&record, (struct value){A_TEXT, 0, whole});
}

int fields_count(void) {
  if (!is_split) split();
  return count;
}

struct cell *field(int number) {
  if (number == 0) {
    if (!is_joined) join();
    return &record;
  }
  if (number < 0) awk_mistake("attempt to access a negative field%s", "");
  if (!is_split) split();
  make_fields(number);
  if (number > count) set_cell(fields + number, (struct value){NOTHING_YET, 0, 0});
  return fields + number;
}

void set_fields_count(int wanted) {
  if (!is_split) split();
  make_fields(wanted);
  for (int at = count + 1; at <= wanted; at++) set_cell(fields + at, text_value(""));
  count = wanted, is_joined = 0;
  set_cell(globals + V_NF, number_value(count));
}

void set_field(int number, struct value value) {
  if (number == 0) {
    set_record(value);
    return;
  }
  if (!is_split) split();
  if (number > count) set_fields_count(number);
  field(number);
  set_cell(fields + number, value);
  is_joined = 0;
}

void set_record(struct value value) {
  set_cell(&record, value);
  is_split = 0, is_joined = 1;
}

// One record without what ends it. Answers 0 at the end, -1 when it cannot be read.
int read_record(FILE *stream, struct value *to) {
  static char *line;
  static size_t space;
  const char *separator = text_of_global(V_RS);
  ssize_t length;
  if (!*separator || separator[1]) {
    int paragraph = !*separator;
    regex_t *pattern = paragraph ? 0 : compiled_pattern(separator);
    // Paragraphs end at an empty line, others where the pattern fits; a longer fit may follow, so one more line is read.
    char *whole = 0, *piece = 0;
    size_t used = 0, piece_room = 0;
    regmatch_t found;
    int ended = 0;
    while (!ended) {
      length = getline(&piece, &piece_room, stream);
      if (length < 0) break;
      if (paragraph && *piece == '\n') {
        if (used) ended = 1;
        continue;
      }
      whole = need(realloc(whole, used + length + 1));
      memcpy(whole + used, piece, length + 1), used += length;
      if (!paragraph && regexec(pattern, whole, 1, &found, 0) == 0 && found.rm_eo > found.rm_so && (size_t)found.rm_eo < used) {
        // What stands behind goes back.
        for (size_t at = used; at > (size_t)found.rm_eo; at--) ungetc((unsigned char)whole[at - 1], stream);
        used = found.rm_so, ended = 2;
      }
    }
    free(piece);
    if (!whole) return ferror(stream) ? -1 : 0;
    if (!paragraph && ended != 2 && regexec(pattern, whole, 1, &found, 0) == 0 && (size_t)found.rm_eo == used && found.rm_eo > found.rm_so) used = found.rm_so;
    else if (ended != 2 && used && whole[used - 1] == '\n') used--;
    *to = input_value(whole, used);
    free(whole);
    return 1;
  }
  length = getdelim(&line, &space, (unsigned char)*separator, stream);
  if (length < 0) return ferror(stream) ? -1 : 0;
  if (line[length - 1] == *separator) length--;
  *to = input_value(line, length);
  return 1;
}

// name=value among the operands.
static int is_assignment(const char *text) {
  size_t length = 0;
  while (isalnum((unsigned char)text[length]) || text[length] == '_') length++;
  return length > 0 && !isdigit((unsigned char)*text) && text[length] == '=';
}

void assign_operand(const char *text) {
  char *name = need(strndup(text, strcspn(text, "="))), *value = need(strdup(text + strlen(name) + 1)), *to = value;
  for (const char *from = value; *from;)
    if (from[0] == '\\' && from[1]) from++, *to++ = (char)escaped(&from, 0);
    else *to++ = *from++;
  *to = 0;
  set_cell(globals + global_named(name), input_value(value, strlen(value)));
  free(name), free(value);
}

static FILE *input;
static int operand = 1, any_file;

// The next record of the operands into *to: 1, 0 at the end.
static int next_of_input(struct value *to) {
  for (;;) {
    while (!input) {
      char key[16];
      int all = (int)number_from(&globals[V_ARGC].value);
      if (operand >= all) {
        if (any_file) return 0;
        any_file = 1, input = stdin;
        break;
      }
      snprintf(key, sizeof key, "%d", operand++);
      struct cell *given = element_of(array_of(globals + V_ARGV), key, 0);
      const char *name = given ? text_from(&given->value, 0) : "";
      if (!*name) continue;
      if (is_assignment(name)) {
        assign_operand(name);
        continue;
      }
      any_file = 1;
      if (!(input = strcmp(name, "-") ? fopen(name, "r") : stdin)) {
        object("cannot open %s (%s)", name, strerror(errno));
        exit(2);
      }
      set_cell(globals + V_FILENAME, text_value(name)), set_cell(globals + V_FNR, number_value(0));
    }
    if (read_record(input, to) > 0) return 1;
    close_input(input);
    input = 0;
  }
}

void skip_file(void) {
  close_input(input);
  input = 0;
}

int next_record(void) {
  struct value value;
  if (!next_of_input(&value)) return 0;
  set_record(value);
  for (int which = V_NR; which <= V_FNR; which++) set_cell(globals + which, number_value(number_from(&globals[which].value) + 1));
  return 1;
}
