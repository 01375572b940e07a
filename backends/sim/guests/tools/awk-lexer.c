// awk: divides a program into words.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "awk-parse.h"
#include "shared.h"

const char *at;
int token, detail;
char *word;
double number;
static int line_number = 1;

static const char words[] = "BEGIN END function func if else while for do break continue next exit return delete in getline print printf nextfile ";
static const char builtins[] = "length substr index split sub gsub match sprintf sin cos atan2 exp log sqrt int rand srand tolower toupper system close fflush ";

static int place_in(const char *list, const char *name) {
  size_t length = strlen(name);
  int place = 0;
  for (; *list; list = strchr(list, ' ') + 1, place++)
    if (strncmp(list, name, length) == 0 && list[length] == ' ') return place;
  return -1;
}

void awk_mistake(const char *format, const char *about) {
  char text[128];
  snprintf(text, sizeof text, format, about);
  object("line %d: %s", line_number, text);
  exit(2);
}

_Noreturn void unexpected_token(void) {
  char text[3] = {(char)token, 0, 0};
  if (token == T_TWO) text[0] = (char)(detail >> 8), text[1] = (char)detail;
  awk_mistake("syntax error at or near %s", token == T_END ? "end of file" : token == '\n' ? "end of line" : token == T_NAME || token == T_TEXT || token == T_WORD ? word : text);
}

char *quoted(char end) {
  char *text = need(malloc(strlen(at) + 1)), *to = text;
  while (*at != end) {
    if (!*at || *at == '\n') awk_mistake(end == '/' ? "regular expression compile failed (missing '/')" : "runaway string constant", "");
    if (*at != '\\') {
      *to++ = *at++;
      continue;
    }
    at++;
    if (*at == '\n') at++, line_number++;
    else if (*at == end || (*at == '/' && end == '"')) *to++ = *at++;
    else if (end == '/' && !(*at && strchr("abfnrtv", *at))) {
      *to++ = '\\';
      if (*at) *to++ = *at++;
    } else if (end == '/' && (*at == 'b')) *to++ = '\\', *to++ = *at++;
    else *to++ = (char)escaped(&at, 0);
  }
  at++;
  *to = 0;
  return text;
}

int two(const char *pair) { return token == T_TWO && detail == (pair[0] << 8 | pair[1]); }

void pass_token(void) {
  for (;; at++) {
    if (*at == '\\' && at[1] == '\n') at++, line_number++;
    else if (*at == '\\' && at[1] == '\r' && at[2] == '\n') at += 2, line_number++;
    else if (*at == '#') at += strcspn(at, "\n") - 1;
    else if (*at != ' ' && *at != '\t' && *at != '\r') break;
  }
  unsigned char c = *at;
  if (!c) token = T_END;
  else if (c == '\n') at++, line_number++, token = c;
  else if (isdigit(c) || (c == '.' && isdigit((unsigned char)at[1]))) {
    char *end;
    number = strtod(at, &end), at = end, token = T_NUMBER;
  } else if (isalpha(c) || c == '_') {
    size_t length = 1;
    while (isalnum((unsigned char)at[length]) || at[length] == '_') length++;
    word = need(strndup(at, length)), at += length;
    if ((detail = place_in(words, word)) >= 0) token = T_WORD, detail = detail == W_FUNC ? W_FUNCTION : detail;
    else if ((detail = place_in(builtins, word)) >= 0) token = T_BUILTIN;
    else token = *at == '(' ? T_CALL : T_NAME;
  } else if (c == '"') at++, word = quoted('"'), token = T_TEXT;
  else {
    token = c, at++;
    static const char pairs[] = "&&||==!=<=>=+=-=*=/=%=^=++--!~>>**";
    for (const char *pair = pairs; *pair; pair += 2)
      if (pair[0] == c && pair[1] == *at) {
        token = T_TWO, detail = c << 8 | *at++;
        if (two("**")) {
          token = '^';
          if (*at == '=') at++, token = T_TWO, detail = '^' << 8 | '=';
        }
        break;
      }
  }
}

void expect(int wanted) {
  if (token != wanted) unexpected_token();
  pass_token();
}
int at_word(int which) { return token == T_WORD && detail == which; }
void skip_lines(void) {
  while (token == '\n') pass_token();
}
