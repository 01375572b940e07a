// stdio(3)
#ifndef STDIO_H
#define STDIO_H
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>
#define EOF (-1)
#define BUFSIZ 4096
enum { _IOFBF, _IOLBF, _IONBF };
typedef struct stream FILE;
extern FILE *stdin, *stdout, *stderr;
FILE *fopen(const char *path, const char *mode);
FILE *fdopen(int fd, const char *mode);
int fclose(FILE *stream);
int fflush(FILE *stream);
int fileno(FILE *stream);
int setvbuf(FILE *stream, char *buffer, int mode, size_t bytes);
size_t fread(void *to, size_t bytes, size_t count, FILE *stream);
size_t fwrite(const void *from, size_t bytes, size_t count, FILE *stream);
int fgetc(FILE *stream);
int getc(FILE *stream);
int getchar(void);
int ungetc(int character, FILE *stream);
char *fgets(char *to, int bytes, FILE *stream);
ssize_t getline(char **line, size_t *room, FILE *stream);
ssize_t getdelim(char **line, size_t *room, int delimiter, FILE *stream);
int fputc(int character, FILE *stream);
int putc(int character, FILE *stream);
int putchar(int character);
int fputs(const char *text, FILE *stream);
int puts(const char *text);
int feof(FILE *stream);
int ferror(FILE *stream);
void clearerr(FILE *stream);
int fseek(FILE *stream, long offset, int whence);
void perror(const char *text);
int remove(const char *path);
int rename(const char *from, const char *to);
#define FORMAT(at) __attribute__((format(printf, at, at + 1)))
int printf(const char *format, ...) FORMAT(1);
int fprintf(FILE *stream, const char *format, ...) FORMAT(2);
int dprintf(int fd, const char *format, ...) FORMAT(2);
int sprintf(char *to, const char *format, ...) FORMAT(2);
int snprintf(char *to, size_t room, const char *format, ...) FORMAT(3);
int asprintf(char **to, const char *format, ...) FORMAT(2);
int vprintf(const char *format, va_list given);
int vfprintf(FILE *stream, const char *format, va_list given);
int vsnprintf(char *to, size_t room, const char *format, va_list given);
#endif
