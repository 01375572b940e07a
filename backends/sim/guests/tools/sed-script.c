// sed: reads a script.
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sed.h"
#include "shared.h"

struct command *commands;
int command_count, extended, quiet_by_script;
static const char *start, *at;
static int expression;

static void mistake(const char *what) {
  object("-e expression #%d, char %d: %s", expression, (int)(at - start), what);
  exit(1);
}

static void skip_blanks(void) {
  while (*at == ' ' || *at == '\t') at++;
}

// Up to a delimiter that is not escaped and, in a pattern, not in brackets. Its own escape and \n are undone.
static char *part(char delimiter, int pattern, const char *missing) {
  char *text = need(malloc(strlen(at) + 1)), *to = text;
  for (; *at != delimiter; at++) {
    if (!*at || (*at == '\n' && pattern)) mistake(missing);
    if (*at == '\\' && at[1]) {
      at++;
      if (*at == delimiter && delimiter != '&') *to++ = delimiter;
      else if (*at == 'n' && pattern) *to++ = '\n';
      else *to++ = '\\', *to++ = *at;
    } else if (*at == '[' && pattern) {
      // A bracket expression is taken as it is.
      const char *end = at + 1;
      if (*end == '^') end++;
      if (*end == ']') end++;
      while (*end && *end != ']') {
        const char *inner = *end == '[' && end[1] && strchr(":.=", end[1]) ? strchr(end + 2, end[1]) : 0;
        end = inner && inner[1] == ']' ? inner + 2 : end + 1;
      }
      if (!*end) mistake(missing);
      for (; at < end; at++)
        if (*at == '\\' && at[1] == 'n') *to++ = '\n', at++;
        else if (*at == '\\' && at[1] == 't') *to++ = '\t', at++;
        else *to++ = *at;
      *to++ = ']';
    } else *to++ = *at;
  }
  at++;
  *to = 0;
  return text;
}

static regex_t *compiled(char *text, int icase) {
  if (!*text) return 0;
  regex_t *pattern = need(malloc(sizeof *pattern));
  // \t and its kin are bytes here, which the library does not know.
  char *to = text;
  for (const char *from = text; *from;) {
    if (from[0] == '\\' && from[1] && strchr("tfvar", from[1])) from++, *to++ = (char)escaped(&from, 1);
    else if (from[0] == '\\' && from[1]) *to++ = *from++, *to++ = *from++;
    else *to++ = *from++;
  }
  *to = 0;
  int wrong = regcomp(pattern, text, (extended ? REG_EXTENDED : 0) | (icase ? REG_ICASE : 0));
  if (wrong) {
    char message[64];
    regerror(wrong, pattern, message, sizeof message);
    mistake(message);
  }
  return pattern;
}

static struct address address(void) {
  struct address result = {.kind = NO_ADDRESS};
  if (isdigit((unsigned char)*at)) {
    char *end;
    result.kind = LINE, result.number = strtol(at, &end, 10), at = end;
    skip_blanks();
    if (*at == '~') result.kind = STEP, result.step = strtol(at + 1, &end, 10), at = end;
  } else if (*at == '$') result.kind = LAST_LINE, at++;
  else if (*at == '/' || *at == '\\') {
    if (*at == '\\') at++;
    char delimiter = *at++;
    result.kind = PATTERN;
    char *text = part(delimiter, 1, "unterminated address regex");
    int icase = *at == 'I';
    at += icase;
    result.pattern = compiled(text, icase);
  }
  skip_blanks();
  return result;
}

// What an s command puts in: escapes become bytes, what is left are & \1 \& \\ and the cases \U \L \u \l \E.
static char *replacement(char *text) {
  char *to = text;
  for (const char *from = text; *from;) {
    if (from[0] != '\\') {
      *to++ = *from++;
      continue;
    }
    from++;
    if (*from == '\n' || *from == 'n') *to++ = '\n', from++;
    else if (*from && strchr("tfvar", *from)) *to++ = (char)escaped(&from, 1);
    else {
      *to++ = '\\';
      if (*from) *to++ = *from++;
    }
  }
  *to = 0;
  return text;
}

static char *rest_of_line(void) {
  skip_blanks();
  size_t length = strcspn(at, "\n");
  char *text = need(strndup(at, length));
  at += length;
  return text;
}

static char *label(void) {
  skip_blanks();
  size_t length = strcspn(at, ";\n}");
  while (length > 0 && isspace((unsigned char)at[length - 1])) length--;
  char *text = need(strndup(at, length));
  at += length;
  return text;
}

// The text of a i c: behind a backslash and a newline, or on the same line.
static char *lines(void) {
  skip_blanks();
  if (!*at) mistake("expected \\ after `a', `c' or `i'");
  if (*at == '\\') {
    const char *behind = ++at;
    skip_blanks();
    if (*at == '\n') at++;
    else at = behind;
  }
  char *text = need(malloc(strlen(at) + 2)), *to = text;
  for (; *at && *at != '\n'; at++) {
    if (*at == '\\' && at[1]) {
      const char *letter = strchr("abfnrtv", *++at);
      if (letter && to > text) {
        *to++ = (char)escaped(&at, 1), at--;
        continue;
      }
    }
    *to++ = *at;
  }
  *to++ = '\n', *to = 0;
  return text;
}

static FILE *output(char *path) {
  if (strcmp(path, "/dev/stdout") == 0) return stdout;
  if (strcmp(path, "/dev/stderr") == 0) return stderr;
  FILE *stream = fopen(path, "w");
  if (!stream) complain("couldn't open file %s", path), exit(4);
  return stream;
}

static void substitution(struct command *command) {
  char delimiter = *at++;
  if (!delimiter || delimiter == '\n' || delimiter == '\\') mistake("unterminated `s' command");
  char *pattern = part(delimiter, 1, "unterminated `s' command");
  command->text = replacement(part(delimiter, 0, "unterminated `s' command"));
  int icase = 0;
  command->number = 1;
  for (;; at++) {
    if (*at == 'g') command->global = 1;
    else if (*at == 'p') command->prints = 1;
    else if (*at == 'i' || *at == 'I') icase = 1;
    else if (isdigit((unsigned char)*at)) {
      char *end;
      command->number = strtol(at, &end, 10), at = end - 1;
      if (command->number == 0) mistake("number option to `s' command may not be zero");
    } else if (*at == 'w') {
      at++, command->file = output(rest_of_line());
      break;
    } else break;
  }
  command->pattern = compiled(pattern, icase);
  for (const char *digit = command->text; command->pattern && *digit; digit++)
    if (*digit == '\\' && *++digit >= '1' && *digit <= '9' && (unsigned)(*digit - '0') > command->pattern->re_nsub) {
      char text[64];
      snprintf(text, sizeof text, "invalid reference \\%c on `s' command's RHS", *digit);
      mistake(text);
    }
}

static void translation(struct command *command) {
  char delimiter = *at++;
  char *parts[2], *table = need(malloc(256));
  for (int side = 0; side < 2; side++) {
    parts[side] = part(delimiter, 0, "unterminated `y' command");
    char *to = parts[side];
    for (const char *from = parts[side]; *from;)
      if (from[0] == '\\' && from[1] == 'n') *to++ = '\n', from += 2;
      else if (from[0] == '\\' && from[1]) from++, *to++ = (char)escaped(&from, 1);
      else *to++ = *from++;
    *to = 0;
  }
  if (strlen(parts[0]) != strlen(parts[1])) mistake("strings for `y' command are different lengths");
  for (int c = 0; c < 256; c++) table[c] = (char)c;
  for (size_t place = 0; parts[0][place]; place++) table[(unsigned char)parts[0][place]] = parts[1][place];
  command->text = table;
}

static int open_blocks[32], depth;

void read_script(const char *text) {
  start = at = text;
  expression++;
  for (;;) {
    while (isspace((unsigned char)*at) || *at == ';') at++;
    if (!*at) return;
    if (*at == '#') {
      if (expression == 1 && at == start && at[1] == 'n' && (at[2] == '\n' || !at[2])) quiet_by_script = 1;
      at += strcspn(at, "\n");
      continue;
    }
    if (command_count % 16 == 0) commands = need(realloc(commands, (command_count + 16) * sizeof *commands));
    struct command *command = commands + command_count;
    *command = (struct command){.until = -1};
    command->from = address();
    if (*at == ',') {
      at++;
      skip_blanks();
      if (*at == '+' || *at == '~') {
        char *end;
        command->to.kind = *at == '+' ? RELATIVE : MULTIPLE;
        command->to.number = strtol(at + 1, &end, 10), at = end;
        skip_blanks();
      } else command->to = address();
      if (command->to.kind == NO_ADDRESS) mistake("unexpected `,'");
    }
    while (*at == '!' || *at == ' ') command->inverted |= *at++ == '!';
    char letter = command->letter = *at;
    if (!letter) mistake("missing command");
    at++;
    if (letter == '{') {
      if (depth < 32) open_blocks[depth++] = command_count;
      command_count++;
      continue;
    }
    if (letter == '}') {
      if (depth == 0) mistake("unexpected `}'");
      if (command->from.kind) mistake("} doesn't want any addresses");
      commands[open_blocks[--depth]].target = command_count;
    } else if (letter == 's') substitution(command);
    else if (letter == 'y') translation(command);
    else if (strchr("aic", letter)) command->text = lines();
    else if (letter == ':') {
      if (command->from.kind) mistake(": doesn't want any addresses");
      command->text = label();
      if (!*command->text) mistake("\":\" lacks a label");
    } else if (strchr("btT", letter)) command->text = label();
    else if (strchr("rR", letter)) command->text = rest_of_line();
    else if (strchr("wW", letter)) command->file = output(rest_of_line());
    else if (strchr("qQlL", letter)) {
      char *end;
      skip_blanks();
      command->number = strtol(at, &end, 10), at = end;
    } else if (!strchr("=dDgGhHnNpPxzF", letter)) {
      char unknown[32];
      snprintf(unknown, sizeof unknown, "unknown command: `%c'", letter);
      mistake(unknown);
    }
    command_count++;
    skip_blanks();
    if (*at && *at != ';' && *at != '\n' && *at != '}' && *at != '#') at++, mistake(letter == 's' ? "unknown option to `s'" : "extra characters after command");
  }
}

void finish_script(void) {
  if (depth > 0) {
    object("-e expression #%d, char 0: unmatched `{'", expression);
    exit(1);
  }
  for (int one = 0; one < command_count; one++) {
    if (!commands[one].letter || !strchr("btT", commands[one].letter)) continue;
    int to = *commands[one].text ? 0 : command_count;
    while (to < command_count && !(commands[to].letter == ':' && strcmp(commands[to].text, commands[one].text) == 0)) to++;
    if (to == command_count && *commands[one].text) {
      object("-e expression #%d, char %d: can't find label for jump to `%s'", expression, (int)(at - start), commands[one].text);
      exit(1);
    }
    commands[one].target = to;
  }
}
