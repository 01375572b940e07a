// awk: the streams that a program names: > a (>>) | to write to, < and r (command | getline) to read from.
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "awk.h"
#include "shared.h"

struct opened {
  char *name;
  char kind;
  FILE *stream;
  pid_t child;
  struct opened *next;
};
static struct opened *opened;

static FILE *command(const char *text, int reads, pid_t *child) {
  int ends[2];
  fflush(0);
  if (pipe(ends) < 0) return 0;
  *child = fork();
  if (*child == 0) {
    char *const argv[] = {"sh", "-c", (char *)text, 0};
    dup2(ends[reads], reads), close(ends[0]), close(ends[1]);
    for (struct opened *one = opened; one; one = one->next) close(fileno(one->stream));
    execv("/bin/sh", argv);
    _exit(127);
  }
  close(ends[reads]);
  return fdopen(ends[!reads], reads ? "r" : "w");
}

FILE *stream_named(const char *name, char kind) {
  for (struct opened *one = opened; one; one = one->next)
    if (strcmp(one->name, name) == 0 && (one->kind == kind || (one->kind != 'r' && one->kind != '<' && kind != 'r' && kind != '<'))) return one->stream;
  struct opened *new = need(calloc(1, sizeof *new));
  if (kind == '|' || kind == 'r') new->stream = command(name, kind == 'r', &new->child);
  else if (strcmp(name, "/dev/stdout") == 0 && kind != '<') new->stream = stdout;
  else if (strcmp(name, "/dev/stderr") == 0 && kind != '<') new->stream = stderr;
  else if (strcmp(name, "-") == 0) new->stream = kind == '<' ? stdin : stdout;
  else new->stream = fopen(name, kind == '<' ? "re" : kind == 'a' ? "ae" : "we");
  if (!new->stream && kind != '<') {
    object("cannot open \"%s\" for output", name);
    exit(2);
  }
  if (!new->stream) return free(new), NULL;
  new->name = need(strdup(name)), new->kind = kind, new->next = opened;
  opened = new;
  return new->stream;
}

int close_stream(const char *name) {
  int answer = -1;
  for (struct opened **at = &opened; *at;) {
    struct opened *one = *at;
    if (name && strcmp(one->name, name)) {
      at = &one->next;
      continue;
    }
    *at = one->next;
    answer = 0;
    if (one->stream == stdout || one->stream == stderr || one->stream == stdin) fflush(one->stream);
    else fclose(one->stream);
    int ending;
    if (one->child && waitpid(one->child, &ending, 0) >= 0) answer = WIFEXITED(ending) ? WEXITSTATUS(ending) : 256 + WTERMSIG(ending);
    free(one->name), free(one);
  }
  return answer;
}
