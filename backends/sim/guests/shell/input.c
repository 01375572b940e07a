// Where commands come from: text, files, terminals, one on top of the other.
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "shell.h"

enum { buffer_bytes = 4080 };

struct input *input;
int prompt_kind;

static struct input *push(int fd) {
  struct input *new = calloc(1, sizeof *new);
  if (!new) out_of_memory();
  new->outer = input, new->fd = fd, new->line = 1;
  return input = new;
}

void push_text(const char *text, size_t bytes, int first_line, struct alias *alias) {
  struct input *new = push(-1);
  new->at = text, new->end = text + bytes, new->alias = alias, new->line = first_line;
}

void push_file(int fd, int terminal) { push(fd)->terminal = terminal; }

void pop_input(void) {
  struct input *old = input;
  input = old->outer;
  if (old->alias) old->alias->busy = 0;
  if (old->fd > 2) close(old->fd);
  free(old->buffer);
  free(old);
}

static int fill(void) {
  if (input->fd < 0 || input->over) return 0;
  const char *prompt = prompt_kind ? get(prompt_kind == 1 ? "PS1" : "PS2") : 0;
  if (prompt) prompt = expand_prompt(prompt);
  if (input->terminal) {
    free(input->buffer);
    input->buffer = edit_line(prompt ? prompt : "");
    prompt_kind = 2;
    input->over = !input->buffer;
    input->at = input->end = 0;
    if (input->over) return 0;
    input->at = input->buffer, input->end = input->at + strlen(input->at);
    return 1;
  }
  if (interactive && prompt) fprintf(stderr, "%s", prompt), prompt_kind = 2;
  if (!input->buffer && !(input->buffer = malloc(buffer_bytes))) out_of_memory();
  ssize_t got;
  do got = read(input->fd, input->buffer, buffer_bytes);
  while (got < 0 && errno == EINTR && !interrupted);
  input->at = input->buffer, input->end = input->at + (got > 0 ? got : 0);
  return got > 0;
}

static void show_line(void) {
  const char *end = memchr(input->at, '\n', input->end - input->at);
  fprintf(stderr, "%.*s", (int)((end ? end + 1 : input->end) - input->at), input->at);
}

int next_char(void) {
  for (;;) {
    if (input->backs > 0) return input->back[--input->backs];
    if (input->at >= input->end && !fill()) {
      if (!input->alias) return EOF;
      // The name behind an alias that ends in a blank may be one too.
      pop_input();
      continue;
    }
    if (OPTION('v') && input->fd >= 0 && (input->at == input->buffer || input->at[-1] == '\n')) show_line();
    int c = (unsigned char)*input->at++;
    if (c == '\n' && !input->alias) input->line++;
    if (c != 0) return c;
  }
}

void back_char(int character) {
  if (character != EOF) input->back[input->backs++] = character;
}

// Lines that end in a backslash go on.
int next_joined(void) {
  for (;;) {
    int c = next_char();
    if (c != '\\') return c;
    int behind = next_char();
    if (behind != '\n') {
      back_char(behind);
      return c;
    }
  }
}

int input_is_over(void) {
  if (input->fd >= 0 || input->backs) return 0;
  const char *at = input->at;
  while (at < input->end && isspace((unsigned char)*at)) at++;
  return at >= input->end;
}
