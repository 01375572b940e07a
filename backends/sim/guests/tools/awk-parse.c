// awk: reads a program into a tree: its rules, its functions, their statements.
#include <stdlib.h>
#include <string.h>
#include "awk-parse.h"
#include "shared.h"

struct rule *rules;
static int depth;
static struct function *functions;

static struct node *statement(void);

static void end_statement(void) {
  if (token == ';' || token == '\n') pass_token(), skip_lines();
  else if (token != '}' && token != T_END) unexpected_token();
}

static struct node *block(void) {
  struct node *node = make_node(S_BLOCK, 0, 0, 0), **last = &node->parts[0];
  expect('{');
  for (;;) {
    while (token == ';' || token == '\n') pass_token();
    if (token == '}') break;
    *last = statement();
    while (*last) last = &(*last)->next;
  }
  pass_token();
  return node;
}

static struct node *body(void) {
  skip_lines();
  if (token == ';') return pass_token(), skip_lines(), make_node(S_BLOCK, 0, 0, 0);
  struct node *node = statement();
  while (token == '\n') pass_token();
  return node;
}

static struct node *print(enum node_kind kind) {
  struct node *node = make_node(kind, 0, 0, 0), **last = &node->parts[0];
  pass_token();
  int before = no_greater;
  no_greater = 1;
  while (token != ';' && token != '\n' && token != '}' && token != T_END && token != '>' && token != '|' && !two(">>")) {
    *last = expression();
    last = &(*last)->next;
    if (token != ',') break;
    pass_token(), skip_lines();
  }
  // print (a, b) > c
  struct node *only = node->parts[0];
  if (only && only->kind == N_LIST && !only->operation && !only->next) node->parts[0] = only->parts[0];
  if (token == '>' || token == '|' || two(">>")) {
    node->operation = token == T_TWO ? 'a' : token;
    pass_token();
    node->parts[1] = joined();
  }
  no_greater = before;
  end_statement();
  return node;
}

static struct node *simple(void) {
  if (at_word(W_DELETE)) {
    pass_token();
    if (token != T_NAME) unexpected_token();
    return make_node(S_DELETE, 0, target(), 0);
  }
  return make_node(S_VALUE, 0, expression(), 0);
}

static struct node *loop(void) {
  pass_token();
  expect('(');
  struct node *node = make_node(S_FOR, 0, 0, 0);
  if (token != ';') {
    no_in = 1;
    struct node *first = simple();
    no_in = 0;
    if (at_word(W_IN)) {
      pass_token();
      node->kind = S_EACH, node->parts[0] = first->parts[0], node->parts[1] = variable_node(word);
      expect(T_NAME), expect(')');
      node->parts[3] = body();
      return node;
    }
    node->parts[0] = first;
  }
  expect(';'), skip_lines();
  if (token != ';') node->parts[1] = expression();
  expect(';'), skip_lines();
  if (token != ')') node->parts[2] = simple();
  expect(')');
  node->parts[3] = body();
  return node;
}

static struct node *condition(void) {
  pass_token();
  expect('(');
  struct node *node = expression();
  skip_lines();
  expect(')');
  return node;
}

static struct node *statement(void) {
  struct node *node;
  if (++depth > 500) awk_mistake("program too deep", "");
  if (token == '{') node = block(), depth--;
  else if (token != T_WORD || detail == W_GETLINE || detail == W_DELETE) node = simple(), end_statement(), depth--;
  else {
    int which = detail;
    depth--;
    switch (which) {
      case W_IF: {
        node = make_node(S_IF, 0, condition(), 0);
        node->parts[1] = body();
        while (token == ';' || token == '\n') pass_token();
        if (at_word(W_ELSE)) pass_token(), node->parts[2] = body();
        break;
      }
      case W_WHILE:
        node = make_node(S_WHILE, 0, condition(), 0);
        node->parts[1] = body();
        break;
      case W_DO:
        pass_token();
        node = make_node(S_DO, 0, 0, body());
        while (token == ';' || token == '\n') pass_token();
        if (!at_word(W_WHILE)) unexpected_token();
        node->parts[0] = condition();
        end_statement();
        break;
      case W_FOR: node = loop(); break;
      case W_PRINT: node = print(S_PRINT); break;
      case W_PRINTF: node = print(S_PRINTF); break;
      case W_NEXT:
      case W_NEXTFILE:
      case W_BREAK:
      case W_CONTINUE:
      case W_EXIT:
      case W_RETURN:
        pass_token();
        node = make_node(which == W_BREAK ? S_BREAK : which == W_CONTINUE ? S_CONTINUE : which == W_EXIT ? S_EXIT : which == W_RETURN ? S_RETURN : S_NEXT, which == W_NEXTFILE, 0, 0);
        if ((which == W_EXIT || which == W_RETURN) && token != ';' && token != '\n' && token != '}' && token != T_END) node->parts[0] = expression();
        end_statement();
        break;
      default: unexpected_token();
    }
  }
  return node;
}

struct function *function_named(char *name) {
  for (struct function *one = functions; one; one = one->next)
    if (strcmp(one->name, name) == 0) return one;
  struct function *new = need(calloc(1, sizeof *new));
  new->name = name, new->next = functions;
  return functions = new;
}

static void read_function(void) {
  pass_token();
  struct function *function = function_named(word);
  if (token != T_CALL && token != T_NAME) unexpected_token();
  pass_token();
  expect('(');
  while (token == T_NAME && parameter_count < PARAMETERS_MOST) {
    parameter_names[parameter_count++] = word;
    pass_token();
    if (token == ',') pass_token(), skip_lines();
  }
  expect(')'), skip_lines();
  function->parameters = parameter_count;
  function->body = block();
  parameter_count = 0;
}

void parse_program(const char *text) {
  struct rule **last = &rules;
  at = text;
  pass_token();
  for (;;) {
    while (token == '\n' || token == ';') pass_token();
    if (token == T_END) break;
    if (at_word(W_FUNCTION)) {
      read_function();
      continue;
    }
    struct rule *rule = need(calloc(1, sizeof *rule));
    *last = rule, last = &rule->next;
    if (at_word(W_BEGIN) || at_word(W_END)) rule->kind = detail == W_BEGIN ? 'B' : 'E', pass_token(), skip_lines();
    else if (token != '{') {
      rule->from = expression();
      if (token == ',') pass_token(), skip_lines(), rule->to = expression();
    }
    if (token == '{') rule->body = block();
    else if (rule->kind) unexpected_token();
  }
  for (struct function *one = functions; one; one = one->next)
    if (!one->body) awk_mistake("function %s never defined", one->name);
}
