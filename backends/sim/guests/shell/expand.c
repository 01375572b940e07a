// From words as they are written to fields: parameters, commands, arithmetic, tilde, splitting, names of files.
#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shell.h"

// A field in the making. Quoted characters are marked by a byte 1 (pattern.c).
struct making {
  struct fields *to;
  struct text text;
  // There is a field, be it empty; a blank has just ended one.
  int open, blank, flags;
  const char *separators;
};

static void parts(struct making *making, struct part *part, int quoted, int inside);

static void put(struct making *making, char character, int quoted) {
  if (quoted ? !isalnum((unsigned char)character) : character == 1) add(&making->text, 1);
  add(&making->text, character);
  making->open = 1, making->blank = 0;
}

static void end_field(struct making *making) {
  char *field = ended(&making->text);
  making->text = (struct text){.arena = &scratch};
  making->open = 0;
  if (making->flags & GLOB && !OPTION('f') && has_pattern(field)) glob(field, making->to);
  else add_field(making->to, making->flags & PATTERN ? pattern_of(field) : plain_of(field));
}

// The value of an expansion, which is split where it is not quoted.
static void put_value(struct making *making, const char *value, int quoted) {
  if (quoted) making->open = 1, making->blank = 0;
  for (; *value; value++) {
    if (quoted || !(making->flags & SPLIT) || !strchr(making->separators, *value)) put(making, *value, quoted);
    else if (strchr(" \t\n", *value)) {
      if (making->open) end_field(making), making->blank = 1;
    } else {
      if (making->open || !making->blank) end_field(making);
      making->blank = 0;
    }
  }
}

static char *number_text(long long number) {
  char text[24];
  return take_text(&scratch, text, snprintf(text, sizeof text, "%lld", number));
}

// undefined: 0. The value of a parameter that is one text.
static char *value_of(const char *name) {
  if (isdigit((unsigned char)*name)) {
    int at = atoi(name);
    return at == 0 ? shell_name : at <= parameters.count ? parameters.list[at - 1] : 0;
  }
  switch (*name) {
    case '#': return number_text(parameters.count);
    case '?': return number_text(status);
    case '$': return number_text(shell_pid);
    case '!': return last_background ? number_text(last_background) : 0;
    case '-': {
      char letters[32];
      option_letters(letters);
      return take_text(&scratch, letters, strlen(letters));
    }
  }
  char *value = get(name);
  return value ? take_text(&scratch, value, strlen(value)) : 0;
}

static char *joined(char separator) {
  struct text text = {.arena = &scratch};
  for (int at = 0; at < parameters.count; at++) {
    if (at && separator) add(&text, separator);
    add_text(&text, parameters.list[at]);
  }
  return ended(&text);
}

// Each parameter is a field of its own.
static void put_all(struct making *making, int quoted, char name) {
  const char *ifs = get("IFS");
  char separator = ifs ? *ifs : ' ';
  if (!(making->flags & SPLIT)) put_value(making, joined(name == '@' ? ' ' : separator), quoted);
  else if (quoted && name == '*') put_value(making, joined(separator), 1);
  else
    for (int at = 0; at < parameters.count; at++) {
      if (at && making->open) end_field(making);
      put_value(making, parameters.list[at], quoted);
    }
}

static char *making_text(struct part *of, int quoted, int flags) {
  struct fields fields = {0};
  struct making making = {.to = &fields, .text = {.arena = &scratch}, .flags = flags, .separators = ""};
  parts(&making, of, quoted, 0);
  end_field(&making);
  return fields.list[0];
}

static void no_parameter(struct part *part, const char *message) {
  fail("%s: %s", part->text, *message ? message : part->colon ? "parameter not set or null" : "parameter not set");
}

static void parameter(struct making *making, struct part *part, int quoted) {
  char operation = part->operation;
  if (operation == 'B') {
    fail("Bad substitution");
    return;
  }
  int all = *part->text == '@' || *part->text == '*';
  const char *ifs = get("IFS");
  char *value = all ? (parameters.count ? joined(ifs ? *ifs : ' ') : 0) : value_of(part->text);
  int there = value && !(part->colon && !*value);
  if (strchr("-=+?", operation) && operation) {
    if (operation == '+' ? there : !there && operation == '-') {
      parts(making, part->inner, quoted, 1);
      return;
    }
    if (operation == '+') {
      if (quoted) making->open = 1;
      return;
    }
    if (!there && operation == '?') {
      no_parameter(part, making_text(part->inner, quoted, 0));
      return;
    }
    if (!there) {
      value = making_text(part->inner, quoted, 0);
      if (unwinding) return;
      if (name_length(part->text) == 0) {
        fail("%s: bad variable name", part->text);
        return;
      }
      if (set_named(part->text, value)) return;
      value = take_text(&scratch, value, strlen(value));
      put_value(making, value, quoted);
      return;
    }
  } else if (!value && OPTION('u') && !all) {
    fail("%s: parameter not set", part->text);
    return;
  }
  if (operation == 'L') {
    put_value(making, number_text(value ? (long)strlen(value) : 0), quoted);
    return;
  }
  if (all && operation != '#' && operation != '%' && operation != 'H' && operation != 'P') {
    put_all(making, quoted, *part->text);
    return;
  }
  if (!value) value = take_text(&scratch, "", 0);
  if (operation && strchr("#%HP", operation)) {
    char *pattern = making_text(part->inner, 0, PATTERN);
    if (unwinding) return;
    value = trim(take_text(&scratch, value, strlen(value)), pattern, operation);
  }
  put_value(making, value, quoted);
}

const char *home_of(const char *user) {
  if (!*user) return get("HOME");
  struct passwd *entry = getpwnam(user);
  return entry ? entry->pw_dir : 0;
}

// ~ and ~user at the beginning of a text. Answers what is behind it.
static const char *tilde(struct making *making, const char *text, int more) {
  size_t length = strcspn(text, making->flags & ASSIGNMENT ? "/:" : "/");
  if (!text[length] && more) return text;
  const char *home = home_of(take_text(&scratch, text + 1, length - 1));
  if (!home) return text;
  for (; *home; home++) put(making, *home, 1);
  making->open = 1;
  return text + length;
}

static void plain_text(struct making *making, struct part *part, int begins) {
  const char *text = part->text;
  if (begins && *text == '~') text = tilde(making, text, part->next != 0);
  int value = 0;
  for (; *text; text++) {
    put(making, *text, 0);
    if (!(making->flags & ASSIGNMENT) || text[1] != '~') continue;
    if (*text == ':' || (*text == '=' && !value)) {
      if (*text == '=') value = 1;
      text = tilde(making, text + 1, part->next != 0) - 1;
    }
  }
}

// `inside`: of what stands in braces, where text is split as well.
static void parts(struct making *making, struct part *part, int quoted, int inside) {
  int begins = 1;
  for (; part && !unwinding; part = part->next, begins = 0) {
    int q = part->quoted || quoted;
    switch (part->kind) {
      case TEXT:
        if (q) put_value(making, part->text, 1);
        else if (inside && *part->text != '~') put_value(making, part->text, 0);
        else plain_text(making, part, begins);
        break;
      case PARAMETER: parameter(making, part, q); break;
      case COMMAND: put_value(making, substitute(part->command), q); break;
      case ARITHMETIC: {
        char *expression = making_text(part->inner, 1, 0);
        if (!unwinding) {
          long long number = arithmetic(expression);
          if (!unwinding) put_value(making, number_text(number), q);
        }
      }
    }
  }
}

void expand(struct word *word, int flags, struct fields *to) {
  const char *separators = get("IFS");
  struct making making = {.to = to, .text = {.arena = &scratch}, .flags = flags, .separators = separators ? separators : " \t\n"};
  parts(&making, word->parts, 0, 0);
  if (making.open) end_field(&making);
}

// One text, which is not split.
char *expand_text(struct word *word, int flags) { return making_text(word->parts, 0, flags); }
char *expand_parts_text(struct part *of, int flags) { return making_text(of, 0, flags); }
