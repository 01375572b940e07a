// awk: reads a program into a tree.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "awk.h"
#include "shared.h"

struct rule *rules;
static const char *at;
static int line_number = 1;
enum token { T_END = 256, T_NUMBER, T_TEXT, T_NAME, T_CALL, T_BUILTIN, T_WORD, T_TWO };
static int token;
// Of T_WORD the word's place in `words`; of T_TWO the two characters; of T_BUILTIN its number.
static int detail;
static char *word;
static double number;
static struct function *functions;
static char *parameters[32];
static int parameter_count, depth, no_in, no_greater;

static const char words[] = "BEGIN END function func if else while for do break continue next exit return delete in getline print printf nextfile ";
enum { W_BEGIN, W_END, W_FUNCTION, W_FUNC, W_IF, W_ELSE, W_WHILE, W_FOR, W_DO, W_BREAK, W_CONTINUE, W_NEXT, W_EXIT, W_RETURN, W_DELETE, W_IN, W_GETLINE, W_PRINT, W_PRINTF, W_NEXTFILE };
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

static _Noreturn void unexpected(void) {
  char text[3] = {(char)token, 0, 0};
  if (token == T_TWO) text[0] = (char)(detail >> 8), text[1] = (char)detail;
  awk_mistake("syntax error at or near %s", token == T_END ? "end of file" : token == '\n' ? "end of line" : token == T_NAME || token == T_TEXT || token == T_WORD ? word : text);
}

static char *quoted(char end) {
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

static int two(const char *pair) { return token == T_TWO && detail == (pair[0] << 8 | pair[1]); }

static void next_token(void) {
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

static void expect(int wanted) {
  if (token != wanted) unexpected();
  next_token();
}
static int is_word(int which) { return token == T_WORD && detail == which; }
static void skip_lines(void) {
  while (token == '\n') next_token();
}

static struct node *make(enum node_kind kind, int operation, struct node *one, struct node *other) {
  struct node *node = need(calloc(1, sizeof *node));
  node->kind = kind, node->operation = operation, node->parts[0] = one, node->parts[1] = other;
  return node;
}

static struct node *expression(void);
static struct node *choice(void);
static struct node *unary(void);

static struct node *variable(char *name) {
  for (int slot = 0; slot < parameter_count; slot++)
    if (strcmp(parameters[slot], name) == 0) return make(N_LOCAL, slot, 0, 0);
  return make(N_GLOBAL, global_named(name), 0, 0);
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
    if (token == ',') next_token(), skip_lines();
    else if (token != end) unexpected();
  }
  no_in = in, no_greater = greater;
  next_token();
  return first;
}

static int is_target(const struct node *node) {
  return node->kind == N_GLOBAL || node->kind == N_LOCAL || node->kind == N_FIELD || node->kind == N_ELEMENT;
}

static struct node *target(void);

static struct function *function_named(char *name) {
  for (struct function *one = functions; one; one = one->next)
    if (strcmp(one->name, name) == 0) return one;
  struct function *new = need(calloc(1, sizeof *new));
  new->name = name, new->next = functions;
  return functions = new;
}

static struct node *primary(void) {
  struct node *node;
  if (token == T_NUMBER) node = make(N_NUMBER, 0, 0, 0), node->number = number, next_token();
  else if (token == T_TEXT) node = make(N_TEXT, 0, 0, 0), node->text = new_text(word, strlen(word)), next_token();
  else if (token == '/' || two("/=")) {
    if (token == T_TWO) at--;
    char *text = quoted('/');
    node = make(N_REGEX, 0, 0, 0), node->pattern = compiled_pattern(text);
    next_token();
  } else if (token == '(') {
    next_token();
    node = list(')');
    if (!node) unexpected();
    if (node->next) {
      if (!is_word(W_IN) && !no_greater) unexpected();
      node = make(N_LIST, 0, node, 0);
    } else {
      struct node *grouped = make(N_LIST, 1, node, 0);
      node = is_target(node) ? node : grouped;
    }
  } else if (token == '$') {
    next_token();
    if (two("++") || two("--")) node = make(N_FIELD, 0, unary(), 0);
    else node = make(N_FIELD, 0, token == '-' ? unary() : primary(), 0);
  } else if (token == T_BUILTIN) {
    node = make(N_BUILTIN, detail, 0, 0);
    next_token();
    if (token == '(') next_token(), node->parts[0] = list(')');
    else if (node->operation != 0) unexpected();
  } else if (token == T_CALL) {
    node = make(N_CALL, 0, 0, 0), node->function = function_named(word);
    next_token(), next_token();
    node->parts[0] = list(')');
  } else if (is_word(W_GETLINE)) {
    next_token();
    node = make(N_GETLINE, 0, 0, 0);
    if (token == T_NAME || token == '$') node->parts[0] = target();
    if (token == '<') {
      next_token();
      node->operation = '<', node->parts[1] = primary();
    }
  } else if (token == T_NAME) node = target();
  else unexpected();
  return node;
}

static struct node *target(void) {
  if (token == '$') return primary();
  struct node *node = variable(word);
  next_token();
  if (token != '[') return node;
  next_token();
  return make(N_ELEMENT, 0, node, list(']'));
}

static struct node *postfix(void) {
  if (two("++") || two("--")) {
    int operation = detail & 255;
    next_token();
    struct node *node = primary();
    if (!is_target(node)) unexpected();
    return make(N_BEFORE, operation, node, 0);
  }
  struct node *node = primary();
  if ((two("++") || two("--")) && is_target(node)) node = make(N_AFTER, detail & 255, node, 0), next_token();
  return node;
}

static struct node *power(void) {
  struct node *node = postfix();
  if (token != '^') return node;
  next_token();
  return make(N_BINARY, '^', node, token == '-' || token == '+' || token == '!' ? unary() : power());
}

static struct node *unary(void) {
  int which = token;
  if (which != '!' && which != '-' && which != '+') return power();
  next_token();
  return make(which == '!' ? N_NOT : which == '-' ? N_NEGATIVE : N_POSITIVE, 0, unary(), 0);
}

static struct node *product(void) {
  struct node *node = unary();
  while (token == '*' || token == '/' || token == '%') {
    int operation = token;
    next_token();
    node = make(N_BINARY, operation, node, unary());
  }
  return node;
}

static struct node *sum(void) {
  struct node *node = product();
  while (token == '+' || token == '-') {
    int operation = token;
    next_token();
    node = make(N_BINARY, operation, node, product());
  }
  return node;
}

static int begins_operand(void) {
  return token == T_NUMBER || token == T_TEXT || token == T_NAME || token == T_CALL || token == T_BUILTIN || token == '$' || token == '!' || token == '(' ||
         token == '-' || token == '+' || two("++") || two("--");
}

static struct node *joined(void) {
  struct node *node = sum();
  while (begins_operand() && !is_word(W_IN)) node = make(N_JOIN, 0, node, sum());
  return node;
}

static struct node *comparison(void) {
  struct node *node = joined();
  for (;;) {
    if (token == '|' && !no_greater) {
      next_token();
      if (!is_word(W_GETLINE)) unexpected();
    } else if (token == '|') {
      // print x | "command", or "command" | getline.
      const char *ahead = at;
      while (*ahead == ' ' || *ahead == '\t') ahead++;
      if (strncmp(ahead, "getline", 7)) return node;
      next_token();
    } else break;
    next_token();
    struct node *source = node;
    node = make(N_GETLINE, '|', 0, source);
    if (token == T_NAME || token == '$') node->parts[0] = target();
  }
  int operation = token == '<' || (token == '>' && !no_greater) ? token : two("==") ? '=' : two("!=") ? '!' : two("<=") ? 'l' : two(">=") ? 'g' : 0;
  if (!operation) return node;
  next_token();
  return make(N_COMPARE, operation, node, joined());
}

static struct node *match(void) {
  struct node *node = comparison();
  while (token == '~' || two("!~")) {
    int inverted = token == T_TWO;
    next_token();
    node = make(N_MATCH, inverted, node, comparison());
  }
  return node;
}

static struct node *membership(void) {
  struct node *node = match();
  while (is_word(W_IN) && !no_in) {
    next_token();
    if (token != T_NAME) unexpected();
    struct node *keys = node->kind == N_LIST && !node->operation ? node->parts[0] : node;
    node = make(N_IN, 0, keys, variable(word));
    next_token();
  }
  return node;
}

static struct node *logical(const char *pair, enum node_kind kind, struct node *(*below)(void)) {
  struct node *node = below();
  while (two(pair)) {
    next_token(), skip_lines();
    node = make(kind, 0, node, below());
  }
  return node;
}
static struct node *both(void) { return logical("&&", N_AND, membership); }
static struct node *either(void) { return logical("||", N_OR, both); }

static struct node *choice(void) {
  struct node *node = either();
  if (token != '?') return node;
  next_token(), skip_lines();
  node = make(N_CHOICE, 0, node, choice());
  skip_lines();
  expect(':');
  skip_lines();
  node->parts[2] = expression();
  return node;
}

static struct node *expression(void) {
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
    else unexpected();
  }
  next_token(), skip_lines();
  *place = make(N_ASSIGN, operation, *place, expression());
  return node;
}

static struct node *statement(void);

static void end_statement(void) {
  if (token == ';' || token == '\n') next_token(), skip_lines();
  else if (token != '}' && token != T_END) unexpected();
}

static struct node *block(void) {
  struct node *node = make(S_BLOCK, 0, 0, 0), **last = &node->parts[0];
  expect('{');
  for (;;) {
    while (token == ';' || token == '\n') next_token();
    if (token == '}') break;
    *last = statement();
    while (*last) last = &(*last)->next;
  }
  next_token();
  return node;
}

static struct node *body(void) {
  skip_lines();
  if (token == ';') return next_token(), skip_lines(), make(S_BLOCK, 0, 0, 0);
  struct node *node = statement();
  while (token == '\n') next_token();
  return node;
}

static struct node *print(enum node_kind kind) {
  struct node *node = make(kind, 0, 0, 0), **last = &node->parts[0];
  next_token();
  int before = no_greater;
  no_greater = 1;
  while (token != ';' && token != '\n' && token != '}' && token != T_END && token != '>' && token != '|' && !two(">>")) {
    *last = expression();
    last = &(*last)->next;
    if (token != ',') break;
    next_token(), skip_lines();
  }
  // print (a, b) > c
  struct node *only = node->parts[0];
  if (only && only->kind == N_LIST && !only->operation && !only->next) node->parts[0] = only->parts[0];
  if (token == '>' || token == '|' || two(">>")) {
    node->operation = token == T_TWO ? 'a' : token;
    next_token();
    node->parts[1] = joined();
  }
  no_greater = before;
  end_statement();
  return node;
}

static struct node *simple(void) {
  if (is_word(W_DELETE)) {
    next_token();
    if (token != T_NAME) unexpected();
    return make(S_DELETE, 0, target(), 0);
  }
  return make(S_VALUE, 0, expression(), 0);
}

static struct node *loop(void) {
  next_token();
  expect('(');
  struct node *node = make(S_FOR, 0, 0, 0);
  if (token != ';') {
    no_in = 1;
    struct node *first = simple();
    no_in = 0;
    if (is_word(W_IN)) {
      next_token();
      node->kind = S_EACH, node->parts[0] = first->parts[0], node->parts[1] = variable(word);
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
  next_token();
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
        node = make(S_IF, 0, condition(), 0);
        node->parts[1] = body();
        while (token == ';' || token == '\n') next_token();
        if (is_word(W_ELSE)) next_token(), node->parts[2] = body();
        break;
      }
      case W_WHILE:
        node = make(S_WHILE, 0, condition(), 0);
        node->parts[1] = body();
        break;
      case W_DO:
        next_token();
        node = make(S_DO, 0, 0, body());
        while (token == ';' || token == '\n') next_token();
        if (!is_word(W_WHILE)) unexpected();
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
        next_token();
        node = make(which == W_BREAK ? S_BREAK : which == W_CONTINUE ? S_CONTINUE : which == W_EXIT ? S_EXIT : which == W_RETURN ? S_RETURN : S_NEXT, which == W_NEXTFILE, 0, 0);
        if ((which == W_EXIT || which == W_RETURN) && token != ';' && token != '\n' && token != '}' && token != T_END) node->parts[0] = expression();
        end_statement();
        break;
      default: unexpected();
    }
  }
  return node;
}

static void read_function(void) {
  next_token();
  struct function *function = function_named(word);
  if (token != T_CALL && token != T_NAME) unexpected();
  next_token();
  expect('(');
  while (token == T_NAME && parameter_count < 32) {
    parameters[parameter_count++] = word;
    next_token();
    if (token == ',') next_token(), skip_lines();
  }
  expect(')'), skip_lines();
  function->parameters = parameter_count;
  function->body = block();
  parameter_count = 0;
}

void parse_program(const char *text) {
  struct rule **last = &rules;
  at = text;
  next_token();
  for (;;) {
    while (token == '\n' || token == ';') next_token();
    if (token == T_END) break;
    if (is_word(W_FUNCTION)) {
      read_function();
      continue;
    }
    struct rule *rule = need(calloc(1, sizeof *rule));
    *last = rule, last = &rule->next;
    if (is_word(W_BEGIN) || is_word(W_END)) rule->kind = detail == W_BEGIN ? 'B' : 'E', next_token(), skip_lines();
    else if (token != '{') {
      rule->from = expression();
      if (token == ',') next_token(), skip_lines(), rule->to = expression();
    }
    if (token == '{') rule->body = block();
    else if (rule->kind) unexpected();
  }
  for (struct function *one = functions; one; one = one->next)
    if (!one->body) awk_mistake("function %s never defined", one->name);
}
