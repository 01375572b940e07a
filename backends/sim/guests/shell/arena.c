// Memory that is given back all at once, and text that grows in it.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shell.h"

struct chunk {
  struct chunk *before;
  size_t used, room;
  _Alignas(8) char start[];
};

struct arena scratch;

void out_of_memory(void) {
  write(2, "sh: out of memory\n", 18);
  _exit(2);
}

void *take(struct arena *arena, size_t bytes) {
  struct chunk *chunk = arena->last;
  bytes = (bytes + 7) & ~(size_t)7;
  if (!chunk || chunk->used + bytes > chunk->room) {
    size_t room = bytes > 960 ? bytes : 960;
    chunk = malloc(sizeof *chunk + room);
    if (!chunk) out_of_memory();
    *chunk = (struct chunk){arena->last, 0, room};
    arena->last = chunk;
  }
  chunk->used += bytes;
  return chunk->start + chunk->used - bytes;
}

struct mark mark_of(const struct arena *arena) {
  return (struct mark){arena->last, arena->last ? arena->last->used : 0};
}

void release(struct arena *arena, struct mark mark) {
  while (arena->last != mark.chunk) {
    struct chunk *chunk = arena->last;
    arena->last = chunk->before;
    free(chunk);
  }
  if (arena->last) arena->last->used = mark.used;
}

struct arena *new_arena(void) {
  struct arena *arena = calloc(1, sizeof *arena);
  if (!arena) out_of_memory();
  arena->holders = 1;
  return arena;
}

void hold(struct arena *arena) { arena->holders++; }

void drop(struct arena *arena) {
  if (--arena->holders > 0) return;
  release(arena, (struct mark){0, 0});
  free(arena);
}

char *take_text(struct arena *arena, const char *start, size_t bytes) {
  char *copy = take(arena, bytes + 1);
  memcpy(copy, start, bytes);
  copy[bytes] = 0;
  return copy;
}

void add(struct text *text, char character) {
  if (text->length + 1 >= text->room) {
    size_t room = text->room ? 2 * text->room : 32;
    char *larger = take(text->arena, room);
    if (text->length) memcpy(larger, text->start, text->length);
    text->start = larger, text->room = room;
  }
  text->start[text->length++] = character;
}

void add_text(struct text *text, const char *more) {
  while (*more) add(text, *more++);
}

char *ended(struct text *text) {
  add(text, 0);
  text->length--;
  return text->start;
}

char *copied(const char *text) {
  char *copy = strdup(text);
  if (!copy) out_of_memory();
  return copy;
}
