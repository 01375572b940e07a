// What reads a program of awk: its words (awk-lexer.c), expressions (awk-expressions.c), and the rest (awk-parse.c).
#ifndef AWK_PARSE_H
#define AWK_PARSE_H
#include "awk.h"

enum token { T_END = 256, T_NUMBER, T_TEXT, T_NAME, T_CALL, T_BUILTIN, T_WORD, T_TWO };
enum { W_BEGIN, W_END, W_FUNCTION, W_FUNC, W_IF, W_ELSE, W_WHILE, W_FOR, W_DO, W_BREAK, W_CONTINUE, W_NEXT, W_EXIT, W_RETURN, W_DELETE, W_IN, W_GETLINE, W_PRINT, W_PRINTF, W_NEXTFILE };

// What follows the token.
extern const char *at;
extern int token;
// Of T_WORD the word's place in `words`; of T_TWO the two characters; of T_BUILTIN its number.
extern int detail;
extern char *word;
extern double number;
void pass_token(void);
void expect(int wanted);
void skip_lines(void);
int two(const char *pair);
int at_word(int which);
// Up to a quote or slash, which is passed.
char *quoted(char end);
_Noreturn void unexpected_token(void);

// Those of the function that is being read.
enum { PARAMETERS_MOST = 32 };
extern char *parameter_names[PARAMETERS_MOST];
extern int parameter_count;
// Where `in` belongs to a loop, and > to a print.
extern int no_in, no_greater;
struct function *function_named(char *name);
struct node *make_node(enum node_kind kind, int operation, struct node *one, struct node *other);
struct node *variable_node(char *name);
struct node *target(void);
struct node *expression(void);
struct node *joined(void);
#endif
