// From characters to tokens: operators, redirections, and words (words.c).
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "shell.h"

struct arena *tree;
int syntax_failed;

static struct token peeked;
static int has_peeked;
static struct redirect *documents, **last_document = &documents;

void syntax_error(const char *format, ...) {
  if (syntax_failed) return;
  syntax_failed = 1;
  // The line was given up.
  if (interrupted) return;
  char message[128];
  va_list given;
  va_start(given, format);
  vsnprintf(message, sizeof message, format, given);
  va_end(given);
  line = peeked.line && has_peeked ? peeked.line : input->line;
  warn("Syntax error: %s", message);
}

// Its own tokens; those around it wait.
struct part *command_in_parentheses(void) {
  struct token outer = peeked;
  int had = has_peeked;
  struct redirect *outer_documents = documents, **outer_last = last_document;
  struct part *part = new_part(COMMAND, 0);
  has_peeked = 0, documents = 0, last_document = &documents;
  part->command = parse_inside();
  peeked = outer, has_peeked = had;
  documents = outer_documents, last_document = outer_documents ? outer_last : &documents;
  return part;
}

static void skip_blanks(void) {
  for (;;) {
    int c = next_joined();
    if (c == '#')
      do c = next_char();
      while (c != '\n' && c != EOF);
    if (c == ' ' || c == '\t') continue;
    back_char(c);
    return;
  }
}

static int one_of(const char *behind) {
  int c = next_joined();
  if (c != EOF && strchr(behind, c)) return c;
  back_char(c);
  return 0;
}

static void read_redirect(struct token *token, int c, int fd) {
  token->kind = REDIRECT;
  struct redirect *new = token->redirect = take(tree, sizeof *new);
  *new = (struct redirect){.fd = fd >= 0 ? fd : c == '>'};
  int more = one_of(c == '<' ? "<>&" : ">|&");
  new->direction = more == '&' ? (c == '<' ? SAME_FROM : SAME_TO)
                   : c == '<'  ? (more == '<' ? HERE : more == '>' ? BOTH : FROM)
                               : (more == '>' ? APPEND : more == '|' ? CLOBBER : TO);
  if (new->direction == HERE) new->strip = one_of("-") != 0;
  skip_blanks();
  int next = next_joined();
  back_char(next);
  if (next == EOF || strchr("\n;&|<>()", next)) {
    struct token behind = next_token();
    peeked = behind, has_peeked = 1;
    unexpected(0);
    return;
  }
  new->target = take(tree, sizeof *new->target);
  *new->target = (struct word){parts_until(BARE), 0};
  if (new->direction != HERE) return;
  struct text end = {.arena = tree};
  for (struct part *part = new->target->parts; part; part = part->next)
    if (part->text) add_text(&end, part->text), new->literal |= part->quoted;
  new->end = ended(&end);
  *last_document = new, last_document = &new->next_document;
}

static struct token read_token(void) {
  struct token token = {.kind = END};
  skip_blanks();
  token.line = input->line;
  int c = next_joined();
  if (c == EOF || syntax_failed) return token;
  switch (c) {
    case '\n':
      token.kind = NEWLINE;
      struct redirect *list = documents;
      documents = 0, last_document = &documents;
      for (; list; list = list->next_document) read_document(list);
      return token;
    case ';': return token.kind = one_of(";") ? DOUBLE_SEMICOLON : SEMICOLON, token;
    case '&': return token.kind = one_of("&") ? AND_IF : AMPERSAND, token;
    case '|': return token.kind = one_of("|") ? OR_IF : PIPE, token;
    case '(': return token.kind = OPEN, token;
    case ')': return token.kind = CLOSE, token;
    case '<':
    case '>': return read_redirect(&token, c, -1), token;
  }
  back_char(c);
  token.kind = WORD;
  token.parts = parts_until(BARE);
  struct part *only = token.parts;
  if (only && only->kind == TEXT && !only->next && !only->quoted) {
    token.text = only->text;
    int behind = next_joined();
    if ((behind == '<' || behind == '>') && isdigit(*token.text) && !token.text[1])
      read_redirect(&token, behind, *token.text - '0');
    else back_char(behind);
  }
  return token;
}

struct token *peek(void) {
  if (!has_peeked) {
    struct token token = read_token();
    peeked = token, has_peeked = 1;
  }
  if (syntax_failed) peeked.kind = END;
  return &peeked;
}

struct token next_token(void) {
  struct token token = *peek();
  has_peeked = 0;
  return token;
}

void forget_token(void) { has_peeked = 0, documents = 0, last_document = &documents; }

int is_word(const struct token *token, const char *text) {
  return token->kind == WORD && token->text && strcmp(token->text, text) == 0;
}

void unexpected(const char *expected) {
  static const char *const names[] = {"end of file", "newline", "word", "\"&&\"", "\"||\"", "\";;\"", "\";\"", "\"&\"", "\"|\"", "\"(\"", "\")\"", "redirection"};
  struct token *token = peek();
  char keyword[32];
  const char *name = names[token->kind];
  if (token->kind == WORD && token->text && is_keyword(token->text)) {
    snprintf(keyword, sizeof keyword, "\"%s\"", token->text);
    name = keyword;
  }
  if (expected && strcmp(expected, "word") == 0) syntax_error("%s unexpected (expecting word)", name);
  else if (expected) syntax_error("%s unexpected (expecting \"%s\")", name, expected);
  else syntax_error("%s unexpected", name);
}
