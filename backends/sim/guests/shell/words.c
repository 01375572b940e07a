// Words with what is to be expanded in them, as parts; here-documents too.
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "shell.h"

// Parts in the making: text that is quoted alike is one part.
struct parts {
  struct part *first, **last;
  struct text text;
  int quoted;
};

static void flush(struct parts *to) {
  if (!to->text.start) return;
  struct part *part = take(tree, sizeof *part);
  *part = (struct part){.kind = TEXT, .quoted = to->quoted, .text = ended(&to->text)};
  to->text = (struct text){.arena = tree};
  *to->last = part, to->last = &part->next;
}

static void put(struct parts *to, int character, int quoted) {
  if (to->text.start && to->quoted != quoted) flush(to);
  to->quoted = quoted;
  add(&to->text, character);
}

static void put_part(struct parts *to, struct part *part) {
  flush(to);
  *to->last = part;
  while (*to->last) to->last = &(*to->last)->next;
}

static void put_nothing(struct parts *to) {
  flush(to);
  to->quoted = 1;
  ended(&to->text);
  flush(to);
}

struct part *new_part(enum part_kind kind, int quoted) {
  struct part *part = take(tree, sizeof *part);
  *part = (struct part){.kind = kind, .quoted = quoted};
  return part;
}

static struct part *backquoted(int in_quotes) {
  struct text text = {.arena = tree};
  int first_line = input->line;
  for (;;) {
    int c = next_char();
    if (c == '`') break;
    if (c == '\\') {
      c = next_char();
      if (c == '\n') continue;
      if (c != '\\' && c != '`' && c != '$' && !(c == '"' && in_quotes)) add(&text, '\\');
    }
    if (c == EOF) syntax_error("EOF in backquote substitution");
    if (c == EOF) break;
    add(&text, c);
  }
  char *whole = ended(&text);
  push_text(whole, text.length, first_line, 0);
  // The end of the text stands for the parenthesis.
  struct part *part = command_in_parentheses();
  while (input->alias) pop_input();
  pop_input();
  return part;
}

static int is_special(int c) { return c != EOF && c != 0 && strchr("@*#?-$!", c) != 0; }
static int is_name(int c) { return c == '_' || isalnum(c); }

static void read_name(struct part *part, int c) {
  struct text name = {.arena = tree};
  add(&name, c);
  if (is_name(c)) {
    int digits = isdigit(c);
    while (c = next_joined(), digits ? isdigit(c) : is_name(c)) add(&name, c);
    back_char(c);
  }
  part->text = ended(&name);
}

static struct part *braced(int quoted) {
  struct part *part = new_part(PARAMETER, quoted);
  int c = next_joined();
  if (c == '#') {
    int behind = next_joined();
    if (is_name(behind) || is_special(behind)) {
      read_name(part, behind);
      c = next_joined();
      if (c == '}') return part->operation = 'L', part;
      // It was $# with an operation: `behind` is that.
      if (!is_name(behind)) {
        back_char(c);
        part->text = "#";
        c = behind;
      } else part->operation = 'B';
    } else {
      part->text = "#", c = behind;
      int after = c == '}' ? EOF : next_joined();
      if (after == '}') part->operation = 'B';
      back_char(after);
    }
  } else if (is_name(c) || is_special(c)) {
    read_name(part, c);
    c = next_joined();
  } else part->operation = 'B';
  if (c == '}' && !part->operation) return part;
  if (c == ':' && !part->operation) part->colon = 1, c = next_joined();
  if (part->operation || c == EOF || !strchr(part->colon ? "-=+?" : "-=+?#%", c)) {
    part->operation = 'B';
    back_char(c);
  } else {
    part->operation = c;
    if (c == '#' || c == '%') {
      int again = next_joined();
      if (again == c) part->operation = c == '#' ? 'H' : 'P';
      else back_char(again);
    }
  }
  part->inner = parts_until(quoted && strchr("-=+?", part->operation) ? BRACED_QUOTED : BRACED);
  return part;
}

static void dollar(struct parts *to, int quoted) {
  int c = next_joined();
  struct part *part;
  if (c == '(') {
    c = next_joined();
    if (c == '(') {
      part = new_part(ARITHMETIC, quoted);
      part->inner = parts_until(COUNTED);
    } else {
      back_char(c);
      part = command_in_parentheses();
    }
  } else if (c == '{') part = braced(quoted);
  else if (is_name(c) || is_special(c)) {
    part = new_part(PARAMETER, quoted);
    // One digit alone.
    if (isdigit(c)) part->text = take_text(tree, (char[]){c}, 1);
    else read_name(part, c);
  } else {
    back_char(c);
    put(to, '$', quoted);
    return;
  }
  part->quoted = quoted;
  put_part(to, part);
}

struct part *parts_until(enum mode mode) {
  struct parts all = {.text = {.arena = tree}};
  all.last = &all.first;
  int quoted = mode == QUOTED || mode == BRACED_QUOTED || mode == COUNTED || mode == DOCUMENT, depth = 0;
  int first_line = input->line;
  for (;;) {
    int c = next_char();
    if (c == EOF || (mode == BARE && strchr(" \t\n;&|<>()", c))) {
      if (c == EOF && mode == QUOTED) line = first_line, syntax_error("Unterminated quoted string");
      if (c == EOF && (mode == BRACED || mode == BRACED_QUOTED || mode == COUNTED))
        syntax_error(mode == COUNTED ? "Missing '))'" : "Missing '}'");
      back_char(c);
      break;
    }
    if (c == '\\') {
      c = next_char();
      if (c == '\n') continue;
      int escaped = !quoted || (c != EOF && strchr(mode == DOCUMENT ? "$`\\" : "$`\"\\", c)) || (mode == BRACED_QUOTED && c == '}');
      if (c == EOF || !escaped) put(&all, '\\', 1);
      if (c == EOF) continue;
      if (escaped) put(&all, c, 1);
      else back_char(c);
    } else if (c == '\'' && !quoted) {
      put_nothing(&all);
      while ((c = next_char()) != '\'') {
        if (c == EOF) syntax_error("Unterminated quoted string");
        if (c == EOF) break;
        put(&all, c, 1);
      }
    } else if (c == '"' && mode == QUOTED) break;
    else if (c == '"' && mode != DOCUMENT && mode != COUNTED) {
      struct part *inside = parts_until(QUOTED);
      inside ? put_part(&all, inside) : put_nothing(&all);
    } else if (c == '}' && (mode == BRACED || mode == BRACED_QUOTED)) break;
    else if (c == '$') dollar(&all, quoted);
    else if (c == '`') {
      struct part *part = backquoted(mode == QUOTED || mode == BRACED_QUOTED);
      part->quoted = quoted;
      put_part(&all, part);
    } else if (mode == COUNTED && c == ')' && depth == 0) {
      c = next_joined();
      if (c == ')') break;
      back_char(c);
      put(&all, ')', 1);
    } else {
      if (c == '(') depth++;
      if (c == ')') depth--;
      put(&all, c, quoted);
    }
    if (syntax_failed) break;
  }
  flush(&all);
  return all.first;
}

// The prompts are expanded as documents are.
char *expand_prompt(const char *text) {
  push_text(text, strlen(text), line, 0);
  struct part *parts = parts_until(DOCUMENT);
  pop_input();
  return expand_parts_text(parts, 0);
}

// The lines up to the one that ends it.
void read_document(struct redirect *of) {
  struct text all = {.arena = tree};
  int first_line = input->line, joined = 0;
  for (;;) {
    struct text one = {.arena = tree};
    int c = next_char();
    if (of->strip)
      while (c == '\t') c = next_char();
    if (c == EOF) break;
    int backslashes = 0;
    for (; c != EOF && c != '\n'; c = next_char()) {
      add(&one, c);
      backslashes = c == '\\' ? backslashes + 1 : 0;
    }
    if (strcmp(ended(&one), of->end) == 0 && !joined) break;
    add_text(&all, one.start);
    if (c == EOF) break;
    add(&all, '\n');
    joined = !of->literal && backslashes % 2;
  }
  char *whole = ended(&all);
  of->target = take(tree, sizeof *of->target);
  of->target->next = 0;
  if (of->literal) {
    of->target->parts = new_part(TEXT, 1);
    of->target->parts->text = whole;
    return;
  }
  push_text(whole, all.length, first_line, 0);
  of->target->parts = parts_until(DOCUMENT);
  pop_input();
}
