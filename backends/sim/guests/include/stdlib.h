// Memory, numbers, the environment, sorting
#ifndef STDLIB_H
#define STDLIB_H
#include <stddef.h>
#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *old, size_t bytes);
void free(void *at);
_Noreturn void exit(int status);
_Noreturn void _exit(int status);
_Noreturn void abort(void);
int atexit(void (*act)(void));
int atoi(const char *text);
long atol(const char *text);
long long atoll(const char *text);
double atof(const char *text);
long strtol(const char *text, char **end, int base);
unsigned long strtoul(const char *text, char **end, int base);
long long strtoll(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
double strtod(const char *text, char **end);
int abs(int number);
char *getenv(const char *name);
int setenv(const char *name, const char *value, int overwrite);
int unsetenv(const char *name);
int putenv(char *assignment);
void qsort(void *items, size_t count, size_t bytes, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *items, size_t count, size_t bytes, int (*compare)(const void *, const void *));
int rand(void);
void srand(unsigned seed);
char *realpath(const char *path, char *to);
int mkstemp(char *pattern);
#endif
