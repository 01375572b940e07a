// awk: reads expressions, a function for each level of the grammar.
#include <stdlib.h>
#include <string.h>
#include "awk-parse.h"
#include "shared.h"

char *parameter_names[PARAMETERS_MOST];
int parameter_count, no_in, no_greater;

struct node *make_node(enum node_kind kind, int operation, struct node *one, struct node *other) {
  struct node *node = need(calloc(1, sizeof *node));
  node->kind = kind, node->operation = operation, node->parts[0] = one, node->parts[1] = other;
  return node;
}

static struct node *unary(void);

struct node *variable_node(char *name) {
  for (int slot = 0; slot < parameter_count; slot++)
    if (strcmp(parameter_names[slot], name) == 0) return make_node(N_LOCAL, slot, 0, 0);
  return make_node(N_GLOBAL, global_named(name), 0, 0);
}

// Up to a closing bracket, which is passed.
static struct node *list(int end) {
  struct node *first = 0, **last = &first;
  int in = no_in, greater = no_greater;
  no_in = no_greater = 0;
  skip_lines();
  while (token != end) {
    *last = expression();
    last = &(*last)->next;
    skip_lines();
    if (token == ',') pass_token(), skip_lines();
    else if (token != end) unexpected_token();
  }
  no_in = in, no_greater = greater;
  pass_token();
  return first;
}

static int is_target(const struct node *node) {
  return node->kind == N_GLOBAL || node->kind == N_LOCAL || node->kind == N_FIELD || node->kind == N_ELEMENT;
}

static struct node *primary(void) {
  struct node *node;
  if (token == T_NUMBER) node = make_node(N_NUMBER, 0, 0, 0), node->number = number, pass_token();
  else if (token == T_TEXT) node = make_node(N_TEXT, 0, 0, 0), node->text = new_text(word, strlen(word)), pass_token();
  else if (token == '/' || two("/=")) {
    if (token == T_TWO) at--;
    char *text = quoted('/');
    node = make_node(N_REGEX, 0, 0, 0), node->pattern = compiled_pattern(text);
    pass_token();
  } else if (token == '(') {
    pass_token();
    node = list(')');
    if (!node) unexpected_token();
    if (node->next) {
      if (!at_word(W_IN) && !no_greater) unexpected_token();
      node = make_node(N_LIST, 0, node, 0);
    } else {
      struct node *grouped = make_node(N_LIST, 1, node, 0);
      node = is_target(node) ? node : grouped;
    }
  } else if (token == '$') {
    pass_token();
    if (two("++") || two("--")) node = make_node(N_FIELD, 0, unary(), 0);
    else node = make_node(N_FIELD, 0, token == '-' ? unary() : primary(), 0);
  } else if (token == T_BUILTIN) {
    node = make_node(N_BUILTIN, detail, 0, 0);
    pass_token();
    if (token == '(') pass_token(), node->parts[0] = list(')');
    else if (node->operation != 0) unexpected_token();
  } else if (token == T_CALL) {
    node = make_node(N_CALL, 0, 0, 0), node->function = function_named(word);
    pass_token(), pass_token();
    node->parts[0] = list(')');
  } else if (at_word(W_GETLINE)) {
    pass_token();
    node = make_node(N_GETLINE, 0, 0, 0);
    if (token == T_NAME || token == '$') node->parts[0] = target();
    if (token == '<') {
      pass_token();
      node->operation = '<', node->parts[1] = primary();
    }
  } else if (token == T_NAME) node = target();
  else unexpected_token();
  return node;
}

struct node *target(void) {
  if (token == '$') return primary();
  struct node *node = variable_node(word);
  pass_token();
  if (token != '[') return node;
  pass_token();
  return make_node(N_ELEMENT, 0, node, list(']'));
}

static struct node *postfix(void) {
  if (two("++") || two("--")) {
    int operation = detail & 255;
    pass_token();
    struct node *node = primary();
    if (!is_target(node)) unexpected_token();
    return make_node(N_BEFORE, operation, node, 0);
  }
  struct node *node = primary();
  if ((two("++") || two("--")) && is_target(node)) node = make_node(N_AFTER, detail & 255, node, 0), pass_token();
  return node;
}

static struct node *power(void) {
  struct node *node = postfix();
  if (token != '^') return node;
  pass_token();
  return make_node(N_BINARY, '^', node, token == '-' || token == '+' || token == '!' ? unary() : power());
}

static struct node *unary(void) {
  int which = token;
  if (which != '!' && which != '-' && which != '+') return power();
  pass_token();
  return make_node(which == '!' ? N_NOT : which == '-' ? N_NEGATIVE : N_POSITIVE, 0, unary(), 0);
}

static struct node *product(void) {
  struct node *node = unary();
  while (token == '*' || token == '/' || token == '%') {
    int operation = token;
    pass_token();
    node = make_node(N_BINARY, operation, node, unary());
  }
  return node;
}

static struct node *sum(void) {
  struct node *node = product();
  while (token == '+' || token == '-') {
    int operation = token;
    pass_token();
    node = make_node(N_BINARY, operation, node, product());
  }
  return node;
}

static int begins_operand(void) {
  return token == T_NUMBER || token == T_TEXT || token == T_NAME || token == T_CALL || token == T_BUILTIN || token == '$' || token == '!' || token == '(' ||
         token == '-' || token == '+' || two("++") || two("--");
}

struct node *joined(void) {
  struct node *node = sum();
  while (begins_operand() && !at_word(W_IN)) node = make_node(N_JOIN, 0, node, sum());
  return node;
}

static struct node *comparison(void) {
  struct node *node = joined();
  for (;;) {
    if (token == '|' && !no_greater) {
      pass_token();
      if (!at_word(W_GETLINE)) unexpected_token();
    } else if (token == '|') {
      // print x | "command", or "command" | getline.
      const char *ahead = at;
      while (*ahead == ' ' || *ahead == '\t') ahead++;
      if (strncmp(ahead, "getline", 7)) return node;
      pass_token();
    } else break;
    pass_token();
    struct node *source = node;
    node = make_node(N_GETLINE, '|', 0, source);
    if (token == T_NAME || token == '$') node->parts[0] = target();
  }
  int operation = token == '<' || (token == '>' && !no_greater) ? token : two("==") ? '=' : two("!=") ? '!' : two("<=") ? 'l' : two(">=") ? 'g' : 0;
  if (!operation) return node;
  pass_token();
  return make_node(N_COMPARE, operation, node, joined());
}

static struct node *match(void) {
  struct node *node = comparison();
  while (token == '~' || two("!~")) {
    int inverted = token == T_TWO;
    pass_token();
    node = make_node(N_MATCH, inverted, node, comparison());
  }
  return node;
}

static struct node *membership(void) {
  struct node *node = match();
  while (at_word(W_IN) && !no_in) {
    pass_token();
    if (token != T_NAME) unexpected_token();
    struct node *keys = node->kind == N_LIST && !node->operation ? node->parts[0] : node;
    node = make_node(N_IN, 0, keys, variable_node(word));
    pass_token();
  }
  return node;
}

static struct node *logical(const char *pair, enum node_kind kind, struct node *(*below)(void)) {
  struct node *node = below();
  while (two(pair)) {
    pass_token(), skip_lines();
    node = make_node(kind, 0, node, below());
  }
  return node;
}
static struct node *both(void) { return logical("&&", N_AND, membership); }
static struct node *either(void) { return logical("||", N_OR, both); }

static struct node *choice(void) {
  struct node *node = either();
  if (token != '?') return node;
  pass_token(), skip_lines();
  node = make_node(N_CHOICE, 0, node, choice());
  skip_lines();
  expect(':');
  skip_lines();
  node->parts[2] = expression();
  return node;
}

struct node *expression(void) {
  struct node *node = choice();
  // $1 = 2 behind ! or && is an assignment of what stands last; only plain targets are taken here.
  int operation = token == '=' ? '=' : token == T_TWO && (detail & 255) == '=' && strchr("+-*/%^", detail >> 8) ? detail >> 8 : 0;
  if (!operation) return node;
  struct node **place = &node;
  while (!is_target(*place)) {
    enum node_kind kind = (*place)->kind;
    if (kind == N_AND || kind == N_OR || kind == N_COMPARE || kind == N_MATCH || kind == N_JOIN) place = &(*place)->parts[1];
    else if (kind == N_NOT) place = &(*place)->parts[0];
    else if (kind == N_CHOICE) place = &(*place)->parts[2];
    else unexpected_token();
  }
  pass_token(), skip_lines();
  *place = make_node(N_ASSIGN, operation, *place, expression());
  return node;
}
