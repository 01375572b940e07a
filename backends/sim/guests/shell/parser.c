// From tokens to trees.
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "shell.h"

static const char *const closing[] = {"then", "else", "elif", "fi", "do", "done", "esac", "}", 0};
static const char *const opening[] = {"if", "while", "until", "for", "case", "{", "!", "in", 0};

static struct node *command(void);
static struct node *list(int one_line);

static int is_in(const char *const *words, const char *text) {
  for (; *words; words++)
    if (strcmp(*words, text) == 0) return 1;
  return 0;
}
int is_keyword(const char *text) { return is_in(closing, text) || is_in(opening, text); }

size_t name_length(const char *text) {
  size_t length = 0;
  while (text[length] == '_' || isalpha((unsigned char)text[length]) || (length && isdigit((unsigned char)text[length]))) length++;
  return length;
}

static struct node *new_node(enum node_kind kind, struct node *first, struct node *second) {
  struct node *node = take(tree, sizeof *node);
  *node = (struct node){.kind = kind, .line = peek()->line, .first = first, .second = second, .tree = tree};
  return node;
}

static void skip_newlines(void) {
  while (peek()->kind == NEWLINE) next_token();
}

static int accept(const char *keyword) {
  if (!is_word(peek(), keyword)) return 0;
  next_token();
  return 1;
}
static void expect(const char *keyword) {
  if (!accept(keyword)) unexpected(keyword);
}
static void expect_close(void) {
  if (peek()->kind == CLOSE) next_token();
  else unexpected(")");
}

static int starts_command(void) {
  struct token *token = peek();
  if (token->kind == WORD) return !token->text || !is_in(closing, token->text);
  return token->kind == OPEN || token->kind == REDIRECT;
}

static struct node *some(void) {
  struct node *node = list(0);
  // The end of everything is told by who expects more.
  if (!node && peek()->kind != END) unexpected(0);
  return node;
}

static struct word *word_of(struct token token) {
  struct word *word = take(tree, sizeof *word);
  *word = (struct word){token.parts, 0};
  return word;
}

static struct node *if_command(void) {
  struct node *node = new_node(IF, some(), 0);
  expect("then");
  node->second = some();
  if (accept("elif")) return node->third = if_command(), node;
  if (accept("else")) node->third = some();
  expect("fi");
  return node;
}

static struct node *body(void) {
  expect("do");
  struct node *node = some();
  expect("done");
  return node;
}

static struct node *for_command(void) {
  struct node *node = new_node(FOR, 0, 0);
  struct token name = next_token();
  if (name.kind != WORD || !name.text || name_length(name.text) != strlen(name.text)) {
    syntax_error("Bad for loop variable");
    return node;
  }
  node->name = name.text;
  skip_newlines();
  if (accept("in")) {
    struct word **last = &node->words;
    while (peek()->kind == WORD) *last = word_of(next_token()), last = &(*last)->next;
    if (peek()->kind == SEMICOLON || peek()->kind == NEWLINE) next_token();
    else unexpected(0);
  } else {
    // The parameters, which no word stands for.
    static struct part all = {.kind = PARAMETER, .quoted = 1, .text = "@"};
    static struct word parameters_word = {&all, 0};
    node->words = &parameters_word;
    if (peek()->kind == SEMICOLON) next_token();
  }
  skip_newlines();
  node->first = body();
  return node;
}

static struct node *case_command(void) {
  struct node *node = new_node(CASE, 0, 0), **last = &node->first;
  if (peek()->kind != WORD) unexpected("word");
  node->words = word_of(next_token());
  skip_newlines();
  expect("in");
  for (;;) {
    skip_newlines();
    if (is_word(peek(), "esac")) break;
    if (peek()->kind == END) return unexpected(")"), node;
    struct node *item = *last = new_node(CASE, 0, 0);
    last = &item->next;
    if (peek()->kind == OPEN) next_token();
    struct word **word = &item->words;
    for (;;) {
      if (peek()->kind != WORD) {
        unexpected(0);
        break;
      }
      *word = word_of(next_token()), word = &(*word)->next;
      if (peek()->kind != PIPE) break;
      next_token();
    }
    expect_close();
    item->first = list(0);
    skip_newlines();
    if (peek()->kind != DOUBLE_SEMICOLON) {
      if (!is_word(peek(), "esac")) unexpected(";;");
      break;
    }
    next_token();
  }
  expect("esac");
  return node;
}

static void expand_alias(void) {
  while (peek()->kind == WORD && peek()->text) {
    struct alias *alias = find_alias(peek()->text);
    if (!alias || alias->busy) return;
    next_token();
    alias->busy = 1;
    push_text(alias->value, strlen(alias->value), input->line, alias);
  }
}

static void add_redirect(struct redirect ***last) {
  struct redirect *redirect = next_token().redirect;
  **last = redirect, *last = &redirect->next;
}

static int is_assignment(const struct part *part) {
  if (!part || part->kind != TEXT || part->quoted) return 0;
  size_t length = name_length(part->text);
  return length > 0 && part->text[length] == '=';
}

static struct node *function(struct token name) {
  next_token();
  // No keywords here.
  peek()->text = 0;
  expect_close();
  if (!name.text || name_length(name.text) != strlen(name.text)) syntax_error("Bad function name");
  struct node *node = new_node(FUNCTION, 0, 0);
  node->name = name.text, node->line = name.line;
  skip_newlines();
  node->first = command();
  return node;
}

static struct node *simple(void) {
  struct node *node = new_node(SIMPLE, 0, 0);
  struct word **word = &node->words, **assignment = &node->assignments;
  struct redirect **redirect = &node->redirects;
  int alias_next = 0;
  for (;;) {
    if (!node->words || alias_next) expand_alias();
    alias_next = 0;
    struct token *token = peek();
    if (token->kind == REDIRECT) {
      add_redirect(&redirect);
      continue;
    }
    if (token->kind == OPEN && node->words && !node->words->next && !node->assignments && !node->redirects) {
      struct part *only = node->words->parts;
      struct token name = {.line = node->line, .text = only && only->kind == TEXT && !only->quoted && !only->next ? only->text : 0};
      return function(name);
    }
    if (token->kind != WORD) break;
    int assigns = !node->words && is_assignment(token->parts);
    struct word ***last = assigns ? &assignment : &word;
    **last = word_of(next_token()), *last = &(**last)->next;
    // Behind an alias that ends in a blank.
    alias_next = input->alias && strchr(" \t", input->end[-1]) && input->at + strspn(input->at, " \t") == input->end;
  }
  if (!node->words && !node->assignments && !node->redirects) unexpected(0);
  return node;
}

static struct node *compound(void) {
  if (peek()->kind == OPEN) {
    int first_line = peek()->line;
    next_token();
    struct node *node = new_node(SUBSHELL, some(), 0);
    node->line = first_line;
    expect_close();
    return node;
  }
  int first_line = peek()->line;
  struct node *node = 0;
  if (accept("if")) node = if_command();
  else if (is_word(peek(), "while") || is_word(peek(), "until")) {
    node = new_node(is_word(peek(), "while") ? WHILE : UNTIL, 0, 0);
    next_token();
    node->first = some();
    node->second = body();
  } else if (accept("for")) node = for_command();
  else if (accept("case")) node = case_command();
  else if (accept("{")) {
    node = some();
    expect("}");
    return node;
  }
  if (node) node->line = first_line;
  return node;
}

static struct node *command(void) {
  expand_alias();
  int first_line = peek()->line;
  struct node *node = compound();
  if (!node) return simple();
  if (peek()->kind != REDIRECT) return node;
  struct node *whole = new_node(REDIRECTED, node, 0);
  whole->line = first_line;
  struct redirect **last = &whole->redirects;
  while (peek()->kind == REDIRECT) add_redirect(&last);
  return whole;
}

static struct node *pipeline(void) {
  int negated = 0;
  while (accept("!")) negated ^= 1;
  struct node *node = command();
  if (peek()->kind == PIPE) {
    node = new_node(PIPELINE, node, 0);
    for (struct node *last = node->first; peek()->kind == PIPE; last = last->next) {
      next_token();
      skip_newlines();
      // What it negates is the whole pipeline.
      if (is_word(peek(), "!")) unexpected(0);
      last->next = command();
    }
  }
  return negated ? new_node(NOT, node, 0) : node;
}

static struct node *and_or(void) {
  struct node *node = pipeline();
  while (peek()->kind == AND_IF || peek()->kind == OR_IF) {
    enum node_kind kind = next_token().kind == AND_IF ? AND : OR;
    skip_newlines();
    node = new_node(kind, node, 0);
    node->second = pipeline();
  }
  return node;
}

static struct node *list(int one_line) {
  struct node *all = 0;
  for (;;) {
    if (!one_line) skip_newlines();
    if (!starts_command()) {
      enum token_kind next = peek()->kind;
      if (next != END && next != CLOSE && next != DOUBLE_SEMICOLON && next != WORD && !one_line) unexpected(0);
      return all;
    }
    struct node *one = and_or();
    enum token_kind kind = peek()->kind;
    if (kind == AMPERSAND) one = new_node(BACKGROUND, one, 0);
    all = all ? new_node(SEQUENCE, all, one) : one;
    if (kind == AMPERSAND || kind == SEMICOLON) next_token();
    else if (kind != NEWLINE || one_line) return all;
  }
}

// Between $( and ), or the whole of a text that stood in backquotes.
struct node *parse_inside(void) {
  struct node *node = list(0);
  if (peek()->kind == CLOSE) next_token();
  else if (peek()->kind != END || input->fd >= 0 || !input->outer) unexpected(")");
  forget_token();
  return node;
}

struct node *parse_line(struct arena *into, int *at_end) {
  tree = into;
  syntax_failed = 0;
  forget_token();
  struct node *node = list(1);
  struct token *token = peek();
  if (token->kind == END) *at_end = 1;
  else if (token->kind != NEWLINE) unexpected(0);
  return node;
}
