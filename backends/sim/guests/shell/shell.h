// What the files of the shell share.
#ifndef SHELL_H
#define SHELL_H
#include <stddef.h>

// Memory that is given back all at once (arena.c).
struct arena {
  struct chunk *last;
  int holders;
};
struct mark {
  struct chunk *chunk;
  size_t used;
};
struct text {
  struct arena *arena;
  char *start;
  size_t length, room;
};
// What the command that runs needs until it has ended.
extern struct arena scratch;
void *take(struct arena *arena, size_t bytes);
char *take_text(struct arena *arena, const char *start, size_t bytes);
struct mark mark_of(const struct arena *arena);
void release(struct arena *arena, struct mark mark);
struct arena *new_arena(void);
void hold(struct arena *arena);
void drop(struct arena *arena);
void add(struct text *text, char character);
void add_text(struct text *text, const char *more);
char *ended(struct text *text);
char *copied(const char *text);
void out_of_memory(void);

// Words as they are written (words.c). A part is text, or what is put in its place.
enum part_kind { TEXT, PARAMETER, COMMAND, ARITHMETIC };
struct part {
  enum part_kind kind;
  // Of a parameter: - = + ? # % and P (%%) H (##) L (length) B (bad), or 0; with a colon before it.
  char operation, colon, quoted;
  char *text;
  struct part *inner, *next;
  struct node *command;
};
struct word {
  struct part *parts;
  struct word *next;
};
enum token_kind { END, NEWLINE, WORD, AND_IF, OR_IF, DOUBLE_SEMICOLON, SEMICOLON, AMPERSAND, PIPE, OPEN, CLOSE, REDIRECT };
enum direction { FROM, TO, APPEND, CLOBBER, BOTH, HERE, SAME_FROM, SAME_TO };
struct redirect {
  enum direction direction;
  int fd;
  struct word *target;
  struct redirect *next;
  // Of a document that is still to be read.
  char *end;
  int strip, literal;
  struct redirect *next_document;
};
struct token {
  enum token_kind kind;
  int line;
  struct part *parts;
  // Of a word that is text without quotes.
  char *text;
  struct redirect *redirect;
};
struct token *peek(void);
struct token next_token(void);
void unexpected(const char *expected);
void syntax_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void forget_token(void);
int is_word(const struct token *token, const char *text);
struct part *command_in_parentheses(void);
// How far a word goes, and what is special in it.
enum mode { BARE, QUOTED, BRACED, BRACED_QUOTED, COUNTED, DOCUMENT };
struct part *parts_until(enum mode mode);
struct part *new_part(enum part_kind kind, int quoted);
void read_document(struct redirect *of);
char *expand_prompt(const char *text);
extern struct arena *tree;
extern int syntax_failed;

// Commands as trees (parser.c).
enum node_kind { SIMPLE, PIPELINE, AND, OR, SEQUENCE, BACKGROUND, NOT, SUBSHELL, REDIRECTED, IF, WHILE, UNTIL, FOR, CASE, FUNCTION };
struct node {
  enum node_kind kind;
  int line;
  struct node *first, *second, *third, *next;
  struct word *words, *assignments;
  struct redirect *redirects;
  char *name;
  struct arena *tree;
};
struct node *parse_line(struct arena *into, int *at_end);
struct node *parse_inside(void);
int is_keyword(const char *text);
size_t name_length(const char *text);

// Where commands come from (input.c).
struct input {
  struct input *outer;
  const char *at, *end;
  char *buffer;
  int fd, line, back[4], backs, terminal, over;
  struct alias *alias;
};
extern struct input *input;
// 1: a command begins, 2: one goes on.
extern int prompt_kind;
void push_text(const char *text, size_t bytes, int line, struct alias *alias);
void push_file(int fd, int terminal);
void pop_input(void);
int next_char(void);
int next_joined(void);
void back_char(int character);
int input_is_over(void);

struct alias {
  struct alias *next;
  char *name, *value;
  int busy;
};
struct alias *find_alias(const char *name);

// Variables (variables.c).
enum { EXPORTED = 1, READ_ONLY = 2 };
struct variable {
  struct variable *next;
  char *name, *value;
  int flags;
};
char *get(const char *name);
struct variable *variable(const char *name, size_t length);
int set(const char *name, size_t length, const char *value, int flags);
int set_named(const char *name, const char *value);
int assign(const char *assignment, int flags);
int unset(const char *name);
void make_local(const char *name, size_t length);
void local_options(void);
void push_scope(void);
void pop_scope(void);
int scopes(void);
char **environment(void);
int compare_texts(const void *one, const void *other);
int list_variables(const char *prefix, int flags);
void print_quoted(const char *text);
struct parameters {
  char **list;
  int count, owned;
  // Where getopts goes on: a parameter from 1 on, and a letter in the one before it.
  int option, letter;
};
extern struct parameters parameters;
void set_parameters(int count, char **list);

// Options: their letters in the order of $- (options.c).
extern char option_values[128];
#define OPTION(letter) option_values[letter]
int set_options(int argc, char **argv, int *at, int outside);
void option_letters(char *to);
int option_restore(const char *saved);

// Expansion (expand.c, pattern.c, arithmetic.c).
struct fields {
  char **list;
  int count, room;
};
enum { SPLIT = 1, GLOB = 2, ASSIGNMENT = 4, PATTERN = 8 };
void expand(struct word *word, int flags, struct fields *to);
char *expand_text(struct word *word, int flags);
char *expand_parts_text(struct part *parts, int flags);
void add_field(struct fields *to, char *text);
int has_pattern(const char *field);
char *pattern_of(const char *field);
char *plain_of(char *field);
void glob(const char *field, struct fields *to);
char *trim(char *value, const char *pattern, char operation);
long long arithmetic(const char *text);
const char *home_of(const char *user);

// Running (execute.c, command.c, main.c).
enum unwinding { NOTHING, BREAK, CONTINUE, RETURN, EXIT, FAIL };
enum { LAST = 1, TESTED = 2 };
extern enum unwinding unwinding;
extern int unwinding_levels, loops, status, substitution_status, line, interactive, shell_pid, function_line, subshells, interrupted;
// `builtin_name`: which messages begin with.
extern char *shell_name;
extern const char *builtin_name;
int run(struct node *node, int flags);
int run_input(int flags);
int run_text(const char *text, int flags);
int run_simple(struct node *node, int flags);
char *substitute(struct node *node);
void become_child(struct node *node, int flags) __attribute__((noreturn));
void finish(int status) __attribute__((noreturn));
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void define_function(struct node *node);
struct function *find_function(const char *name);
int unset_function(const char *name);
char *find_program(const char *name);
int execute(char **argv, char **envp);
void print_value(const char *value);

// Redirection (redirect.c).
struct kept {
  struct kept *next;
  int fd, copy;
};
int redirect(struct redirect *list, struct kept **kept);
void restore(struct kept *kept);
void forget_kept(struct kept *kept);
int move_up(int fd);

// Jobs (jobs.c).
struct process {
  int pid, status;
};
enum job_state { RUNNING, STOPPED, DONE };
struct job {
  struct job *next;
  int number, count, changed, controlled, waited;
  enum job_state state;
  struct process *processes;
  char *text;
};
extern int job_control, last_background;
struct job *new_job(struct node *node, int count);
int fork_job(struct job *job, int background);
int wait_for(struct job *job);
void free_job(struct job *job);
void forget_jobs(void);
void set_job_control(int on);
void show_changes(void);
int stopped_jobs(void);
int group_of_job(const char *text);
char *text_of(struct node *node);

// Traps (trap.c).
extern int trap_pending;
void run_traps(void);
void run_exit_trap(void);
void reset_traps(void);
void interactive_signals(void);
int has_traps(void);
int pending_signal(void);

// Builtins (builtins.c).
enum { SPECIAL = 1, ASSIGNS = 2 };
struct builtin {
  const char *name;
  int (*run)(int argc, char **argv);
  int flags;
};
const struct builtin *find_builtin(const char *name);
const struct builtin *builtin_at(int at);
int describe(const char *name, int verbose);
int print_escaped(const char **text, int zero);

// Lines of a terminal (edit.c, complete.c).
char *edit_line(const char *prompt);
void complete(const char *line, int at, struct text *more, struct fields *found);
#endif
