// awk: runs the tree of a program.
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "awk.h"
#include "shared.h"

enum course { GO_ON, BREAKS, CONTINUES, NEXT, EXITS, RETURNS };
static struct cell *frame;
static struct value returned;
static int exit_status, depth;

struct cell *variable_cell(struct node *node) { return node->kind == N_LOCAL ? frame + node->operation : globals + node->operation; }

// The key of an element: its parts with SUBSEP between them.
static struct value key_of(struct node *keys) {
  struct value key = evaluate(keys);
  text_from(&key, text_of_global(V_CONVFMT));
  for (keys = keys->next; keys; keys = keys->next) {
    struct value more = evaluate(keys);
    const char *text = text_from(&more, text_of_global(V_CONVFMT)), *between = text_of_global(V_SUBSEP);
    char *whole = new_text(0, strlen(key.text ? key.text : "") + strlen(between) + strlen(text));
    strcpy(whole, key.text ? key.text : ""), strcat(whole, between), strcat(whole, text);
    dropped(key), dropped(more);
    key = (struct value){A_TEXT, 0, whole};
  }
  return key;
}

static int field_number(struct node *node) {
  struct value value = evaluate(node->parts[0]);
  int number = (int)number_from(&value);
  dropped(value);
  return number;
}

void assign_to(struct node *target, struct value value) {
  if (target->kind == N_FIELD) {
    int number = field_number(target);
    if (value.kind == A_NUMBER) text_from(&value, text_of_global(V_CONVFMT));
    set_field(number, value);
  } else if (target->kind == N_ELEMENT) {
    struct value key = key_of(target->parts[1]);
    set_cell(element_of(array_of(variable_cell(target->parts[0])), text_from(&key, 0), 1), value);
    dropped(key);
  } else if (target->kind == N_GLOBAL && target->operation == V_NF) {
    set_fields_count((int)number_from(&value));
    dropped(value);
  } else set_cell(variable_cell(target), value);
}

static struct value arithmetic(int operation, struct value one, struct value other) {
  double a = number_from(&one), b = number_from(&other);
  dropped(one), dropped(other);
  switch (operation) {
    case '+': return number_value(a + b);
    case '-': return number_value(a - b);
    case '*': return number_value(a * b);
    case '/': return b == 0 ? (awk_mistake("division by zero%s", ""), returned) : number_value(a / b);
    case '%':
      if (b == 0) awk_mistake("division by zero in %%%s", "");
      return number_value(fmod(a, b));
  }
  return number_value(pow(a, b));
}

// Numbers only when both are, or could be.
static int ordered(int operation, struct value one, struct value other) {
  double order;
  if (one.kind != A_TEXT && other.kind != A_TEXT) order = one.number - other.number;
  else order = strcmp(text_from(&one, text_of_global(V_CONVFMT)), text_from(&other, text_of_global(V_CONVFMT)));
  dropped(one), dropped(other);
  switch (operation) {
    case '<': return order < 0;
    case '>': return order > 0;
    case 'l': return order <= 0;
    case 'g': return order >= 0;
    case '=': return order == 0;
  }
  return order != 0;
}

static int truth(struct node *node) {
  struct value value = evaluate(node);
  int answer = is_true(&value);
  dropped(value);
  return answer;
}

static enum course run(struct node *node);

static struct value call_function(struct node *node) {
  struct function *function = node->function;
  if (++depth > 200) awk_mistake("function call nesting too deep%s", "");
  struct cell *cells = need(calloc(function->parameters + 1, sizeof *cells));
  int slot = 0;
  for (struct node *given = node->parts[0]; given; given = given->next, slot++) {
    if (slot >= function->parameters) awk_mistake("too many arguments in call to %s", function->name);
    struct cell *cell = given->kind == N_LOCAL || given->kind == N_GLOBAL ? variable_cell(given) : 0;
    if (cell && cell->array) cells[slot].array = cell->array;
    else if (cell && cell->value.kind == NOTHING_YET && !(given->kind == N_GLOBAL && given->operation == V_NF)) cells[slot].origin = cell;
    else cells[slot].value = evaluate(given);
  }
  struct cell *before = frame;
  frame = cells;
  returned = (struct value){NOTHING_YET, 0, 0};
  enum course course = run(function->body);
  struct value result = returned;
  returned = (struct value){NOTHING_YET, 0, 0};
  frame = before, depth--;
  for (int at = 0; at < function->parameters; at++) {
    dropped(cells[at].value);
    if (at >= slot && cells[at].array) empty_array(cells[at].array), free(cells[at].array->slots), free(cells[at].array);
  }
  free(cells);
  if (course == EXITS) close_stream(0), fflush(0), exit(exit_status);
  return result;
}

static struct value read_line(struct node *node) {
  struct value value;
  int got;
  if (node->operation == 0) {
    if (!node->parts[0]) return number_value(next_record());
    // The variable gets what the record would have been.
    struct value held = kept(field(0)->value);
    int any = next_record();
    if (any) value = kept(field(0)->value), set_record(held), assign_to(node->parts[0], value);
    else dropped(held);
    return number_value(any);
  }
  struct value name = evaluate(node->parts[1]);
  FILE *stream = stream_named(text_from(&name, 0), node->operation == '|' ? 'r' : '<');
  dropped(name);
  if (!stream) return number_value(-1);
  got = read_record(stream, &value);
  if (got > 0) {
    if (node->operation == '|') set_cell(globals + V_NR, number_value(number_from(&globals[V_NR].value) + 1));
    if (node->parts[0]) assign_to(node->parts[0], value);
    else set_record(value);
  }
  return number_value(got);
}

static struct value matched(struct node *text_node, struct node *pattern_node, int inverted) {
  struct value text = text_node ? evaluate(text_node) : kept(field(0)->value);
  regex_t *pattern = pattern_node->pattern;
  if (pattern_node->kind != N_REGEX) {
    struct value value = evaluate(pattern_node);
    pattern = compiled_pattern(text_from(&value, text_of_global(V_CONVFMT)));
    dropped(value);
  }
  int fits = regexec(pattern, text_from(&text, text_of_global(V_CONVFMT)), 0, 0, 0) == 0;
  dropped(text);
  return number_value(fits != inverted);
}

static struct value stepped(struct node *node) {
  struct value old = evaluate(node->parts[0]);
  double before = number_from(&old), after = before + (node->operation == '+' ? 1 : -1);
  dropped(old);
  assign_to(node->parts[0], number_value(after));
  return number_value(node->kind == N_BEFORE ? after : before);
}

struct value evaluate(struct node *node) {
  struct node *one = node->parts[0], *other = node->parts[1];
  switch (node->kind) {
    case N_NUMBER: return number_value(node->number);
    case N_TEXT: return kept((struct value){A_TEXT, 0, node->text});
    case N_REGEX: return matched(0, node, 0);
    case N_GLOBAL:
      if (node->operation == V_NF) fields_count();
      return kept(globals[node->operation].value);
    case N_LOCAL: return kept(frame[node->operation].value);
    case N_FIELD: return kept(field(field_number(node))->value);
    case N_ELEMENT: {
      struct value key = key_of(other);
      struct cell *cell = element_of(array_of(variable_cell(one)), text_from(&key, 0), 1);
      dropped(key);
      return kept(cell->value);
    }
    case N_ASSIGN: {
      struct value value = evaluate(other);
      if (node->operation != '=') value = arithmetic(node->operation, evaluate(one), value);
      assign_to(one, kept(value));
      return value;
    }
    case N_CHOICE: return evaluate(truth(one) ? other : node->parts[2]);
    case N_OR: return number_value(truth(one) || truth(other));
    case N_AND: return number_value(truth(one) && truth(other));
    case N_IN: {
      struct value key = key_of(one);
      int found = element_of(array_of(variable_cell(other)), text_from(&key, 0), 0) != 0;
      dropped(key);
      return number_value(found);
    }
    case N_MATCH: return matched(one, other, node->operation);
    case N_COMPARE: {
      struct value left = evaluate(one);
      return number_value(ordered(node->operation, left, evaluate(other)));
    }
    case N_JOIN: {
      struct value left = evaluate(one), right = evaluate(other);
      const char *a = text_from(&left, text_of_global(V_CONVFMT)), *b = text_from(&right, text_of_global(V_CONVFMT));
      size_t length = strlen(a);
      char *whole = new_text(a, length + strlen(b));
      strcpy(whole + length, b);
      dropped(left), dropped(right);
      return (struct value){A_TEXT, 0, whole};
    }
    case N_BINARY: {
      struct value left = evaluate(one);
      return arithmetic(node->operation, left, evaluate(other));
    }
    case N_NOT: return number_value(!truth(one));
    case N_NEGATIVE:
    case N_POSITIVE: {
      struct value value = evaluate(one);
      double number = number_from(&value);
      dropped(value);
      return number_value(node->kind == N_NEGATIVE ? -number : number);
    }
    case N_BEFORE:
    case N_AFTER: return stepped(node);
    case N_CALL: return call_function(node);
    case N_BUILTIN: return call_builtin(node);
    case N_GETLINE: return read_line(node);
    case N_LIST: return node->operation ? evaluate(one) : key_of(one);
    default: return number_value(0);
  }
}

static void print(struct node *node) {
  FILE *to = stdout;
  struct value text = {NOTHING_YET, 0, 0};
  if (node->kind == S_PRINTF) text = formatted(node->parts[0]);
  // What is printed is worked out first: it may print itself.
  struct value name = node->parts[1] ? evaluate(node->parts[1]) : text_value("");
  if (node->parts[1]) to = stream_named(text_from(&name, 0), (char)node->operation);
  dropped(name);
  if (node->kind == S_PRINTF) fputs(text_from(&text, 0), to);
  else if (!node->parts[0]) fputs(text_from(&field(0)->value, 0), to);
  else for (struct node *at = node->parts[0]; at; at = at->next) {
      struct value value = evaluate(at);
      fputs(text_from(&value, text_of_global(V_OFMT)), to);
      if (at->next) fputs(text_of_global(V_OFS), to);
      dropped(value);
    }
  if (node->kind == S_PRINT) fputs(text_of_global(V_ORS), to);
  if (to == stdout && node->parts[1]) fflush(to);
  dropped(text);
}

static enum course run_loop(struct node *node) {
  if (node->kind == S_FOR && node->parts[0]) run(node->parts[0]);
  int first = node->kind == S_DO;
  struct node *condition = node->kind == S_FOR ? node->parts[1] : node->parts[0], *body = node->parts[node->kind == S_FOR ? 3 : 1];
  while (first || !condition || truth(condition)) {
    first = 0;
    enum course course = run(body);
    if (course == BREAKS) break;
    if (course > CONTINUES) return course;
    if (node->kind == S_FOR && node->parts[2]) run(node->parts[2]);
  }
  return GO_ON;
}

static enum course run_each(struct node *node) {
  struct array *array = array_of(variable_cell(node->parts[1]));
  int count = array->count;
  char **keys = need(malloc((count + 1) * sizeof *keys));
  struct element *one = array->first;
  for (int at = 0; at < count; at++, one = one->later) keys[at] = need(strdup(one->key));
  enum course course = GO_ON;
  for (int at = 0; at < count; at++) {
    if ((course == GO_ON || course == CONTINUES) && element_of(array, keys[at], 0)) {
      assign_to(node->parts[0], input_value(keys[at], strlen(keys[at])));
      course = run(node->parts[3]);
    }
    free(keys[at]);
  }
  free(keys);
  return course > CONTINUES ? course : GO_ON;
}

static enum course run(struct node *node) {
  for (; node; node = node->next) {
    enum course course = GO_ON;
    struct node *one = node->parts[0];
    switch (node->kind) {
      case S_BLOCK: course = run(one); break;
      case S_VALUE: dropped(evaluate(one)); break;
      case S_PRINT:
      case S_PRINTF: print(node); break;
      case S_IF: course = truth(one) ? run(node->parts[1]) : run(node->parts[2]); break;
      case S_WHILE:
      case S_DO:
      case S_FOR: course = run_loop(node); break;
      case S_EACH: course = run_each(node); break;
      case S_NEXT:
        if (node->operation) skip_file();
        return NEXT;
      case S_BREAK: return BREAKS;
      case S_CONTINUE: return CONTINUES;
      case S_EXIT:
      case S_RETURN: {
        struct value value = one ? evaluate(one) : (struct value){NOTHING_YET, 0, 0};
        if (node->kind == S_RETURN) return returned = value, RETURNS;
        if (one) exit_status = (int)number_from(&value);
        return EXITS;
      }
      case S_DELETE:
        if (one->kind == N_ELEMENT) {
          struct value key = key_of(one->parts[1]);
          remove_element(array_of(variable_cell(one->parts[0])), text_from(&key, 0));
          dropped(key);
        } else empty_array(array_of(variable_cell(one)));
        break;
      default: break;
    }
    if (course) return course;
  }
  return GO_ON;
}

static int applies(struct rule *rule) {
  if (!rule->from) return 1;
  if (!rule->to) return truth(rule->from);
  if (!rule->inside && !truth(rule->from)) return 0;
  rule->inside = !truth(rule->to);
  return 1;
}

// The rules of a kind. Answers whether the program goes on.
static int run_rules(char kind) {
  static struct node whole = {.kind = S_PRINT};
  for (struct rule *rule = rules; rule; rule = rule->next) {
    if (rule->kind != kind || (!kind && !applies(rule))) continue;
    enum course course = run(rule->body ? rule->body : &whole);
    if (course == EXITS) return 0;
    if (course == NEXT) break;
  }
  return 1;
}

TOOL(awk) {
  static const char *const names[] = {"NF", "NR", "FNR", "FS", "OFS", "RS", "ORS", "FILENAME", "SUBSEP", "RSTART", "RLENGTH", "CONVFMT", "OFMT", "ENVIRON", "ARGC", "ARGV"};
  static const char *const values[] = {0, 0, 0, " ", " ", "\n", "\n", "", "\034", 0, 0, "%.6g", "%.6g"};
  for (int at = 0; at <= V_ARGV; at++) {
    global_named(names[at]);
    if (at < V_ENVIRON) globals[at].value = values[at] ? text_value(values[at]) : number_value(0);
  }
  char *program = 0;
  for (int letter; (letter = getopt(argc, argv, "+F:v:f:W:")) != -1;) {
    if (letter == '?') return 2;
    if (letter == 'F') {
      char *text = need(malloc(strlen(optarg) + 4));
      strcpy(text, "FS="), strcat(text, optarg);
      assign_operand(text);
    } else if (letter == 'v') assign_operand(optarg);
    else if (letter == 'f') {
      FILE *stream = open_input(optarg);
      if (!stream) return 2;
      size_t length = program ? strlen(program) : 0;
      for (int c; (c = getc(stream)) != EOF;) program = need(realloc(program, length + 2)), program[length++] = (char)c, program[length] = 0;
      close_input(stream);
    }
  }
  if (!program) {
    if (optind >= argc) return fputs("usage: awk [-F value][-v var=value][--][program text][file ...]\n", stderr), 2;
    program = argv[optind++];
  }
  struct array *given = array_of(globals + V_ARGV), *environment = array_of(globals + V_ENVIRON);
  for (int at = optind - 1; at < argc; at++) {
    char key[16];
    snprintf(key, sizeof key, "%d", at - optind + 1);
    const char *text = at < optind ? "awk" : argv[at];
    set_cell(element_of(given, key, 1), input_value(text, strlen(text)));
  }
  set_cell(globals + V_ARGC, number_value(argc - optind + 1));
  for (char **at = environ; *at; at++) {
    size_t length = strcspn(*at, "=");
    if (!(*at)[length]) continue;
    char *name = need(strndup(*at, length));
    set_cell(element_of(environment, name, 1), input_value(*at + length + 1, strlen(*at + length + 1)));
    free(name);
  }
  parse_program(program);
  int reads = 0;
  for (struct rule *rule = rules; rule; rule = rule->next) reads |= rule->kind != 'B';
  int goes = run_rules('B');
  while (goes && reads && next_record()) goes = run_rules(0);
  run_rules('E');
  close_stream(0);
  return exit_status;
}
