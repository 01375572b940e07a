// A program of awk: its tree (awk-parse.h), its values (awk-value.c), what runs it (awk.c, awk-input.c, awk-streams.c, awk-functions.c).
#ifndef AWK_H
#define AWK_H
#include <regex.h>
#include <stdio.h>

enum value_kind { NOTHING_YET, A_NUMBER, A_TEXT, LOOKS_LIKE_NUMBER };
// The text is counted and shared; 0 until it is asked for.
struct value {
  enum value_kind kind;
  double number;
  char *text;
};
struct array;
// A variable. One that a function got and nobody has set yet leads to where it came from.
struct cell {
  struct value value;
  struct array *array;
  struct cell *origin;
};
struct element {
  char *key;
  struct cell cell;
  struct element *next, *later;
};
struct array {
  struct element **slots, *first, **end;
  int size, count;
};

enum node_kind {
  N_NUMBER, N_TEXT, N_REGEX, N_GLOBAL, N_LOCAL, N_FIELD, N_ELEMENT, N_ASSIGN, N_CHOICE, N_OR, N_AND, N_IN, N_MATCH, N_COMPARE,
  N_JOIN, N_BINARY, N_NOT, N_NEGATIVE, N_POSITIVE, N_BEFORE, N_AFTER, N_CALL, N_BUILTIN, N_GETLINE, N_LIST,
  S_BLOCK, S_VALUE, S_PRINT, S_PRINTF, S_IF, S_WHILE, S_DO, S_FOR, S_EACH, S_NEXT, S_EXIT, S_RETURN, S_BREAK, S_CONTINUE, S_DELETE
};
struct node {
  enum node_kind kind;
  // An operator, a slot, a number of a built-in function; of a redirection > a (>>) |.
  int operation;
  struct node *parts[4], *next;
  double number;
  char *text;
  regex_t *pattern;
  struct function *function;
};
struct function {
  char *name;
  int parameters;
  struct node *body;
  struct function *next;
};
struct rule {
  // B, E, or 0.
  char kind, inside;
  struct node *from, *to, *body;
  struct rule *next;
};

extern struct rule *rules;
void parse_program(const char *text);
_Noreturn void awk_mistake(const char *format, const char *about);

// Values.
char *new_text(const char *from, size_t length);
struct value number_value(double number);
struct value text_value(const char *text);
struct value input_value(const char *from, size_t length);
struct value kept(struct value value);
void dropped(struct value value);
double number_from(const struct value *value);
// The text lives as long as the value.
const char *text_from(struct value *value, const char *format);
int is_true(struct value *value);
void set_cell(struct cell *cell, struct value value);
struct array *array_of(struct cell *cell);
struct cell *element_of(struct array *array, const char *key, int make);
void remove_element(struct array *array, const char *key);
void empty_array(struct array *array);

// Variables by name; the first ones are the program's own.
enum { V_NF, V_NR, V_FNR, V_FS, V_OFS, V_RS, V_ORS, V_FILENAME, V_SUBSEP, V_RSTART, V_RLENGTH, V_CONVFMT, V_OFMT, V_ENVIRON, V_ARGC, V_ARGV };
extern struct cell *globals;
int global_named(const char *name);
const char *text_of_global(int which);

// Fields and records.
struct cell *field(int number);
void set_field(int number, struct value value);
void set_fields_count(int count);
int fields_count(void);
void set_record(struct value value);
int next_record(void);
int read_record(FILE *stream, struct value *to);
int split_into(const char *text, struct array *array, const char *separator, regex_t *pattern);
FILE *stream_named(const char *name, char kind);
int close_stream(const char *name);
regex_t *compiled_pattern(const char *text);

void assign_operand(const char *text);
void skip_file(void);
struct cell *variable_cell(struct node *node);
struct value evaluate(struct node *node);
struct value call_builtin(struct node *node);
struct value formatted(struct node *arguments);
void assign_to(struct node *target, struct value value);
#endif
