// string(3)
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// These become instructions of their own.
void *memcpy(void *to, const void *from, size_t bytes) { return __builtin_memmove(to, from, bytes); }
void *memmove(void *to, const void *from, size_t bytes) { return __builtin_memmove(to, from, bytes); }
void *memset(void *at, int byte, size_t bytes) { return __builtin_memset(at, byte, bytes); }

int memcmp(const void *one, const void *other, size_t bytes) {
  const unsigned char *a = one, *b = other;
  for (; bytes > 0; bytes--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

void *memchr(const void *at, int byte, size_t bytes) {
  const unsigned char *here = at;
  for (; bytes > 0; bytes--, here++)
    if (*here == (unsigned char)byte) return (void *)here;
  return 0;
}

void *memmem(const void *at, size_t bytes, const void *part, size_t part_bytes) {
  const char *here = at;
  for (; bytes >= part_bytes; bytes--, here++)
    if (memcmp(here, part, part_bytes) == 0) return (void *)here;
  return 0;
}

size_t strlen(const char *text) {
  const char *end = text;
  while (*end) end++;
  return end - text;
}

size_t strnlen(const char *text, size_t most) {
  size_t length = 0;
  while (length < most && text[length]) length++;
  return length;
}

char *stpcpy(char *to, const char *from) {
  while ((*to = *from)) to++, from++;
  return to;
}

char *strcpy(char *to, const char *from) { return stpcpy(to, from), to; }
char *strcat(char *to, const char *from) { return stpcpy(to + strlen(to), from), to; }

char *strncpy(char *to, const char *from, size_t bytes) {
  size_t length = strnlen(from, bytes);
  memcpy(to, from, length);
  memset(to + length, 0, bytes - length);
  return to;
}

int strcmp(const char *one, const char *other) {
  while (*one && *one == *other) one++, other++;
  return (unsigned char)*one - (unsigned char)*other;
}

int strncmp(const char *one, const char *other, size_t most) {
  while (most > 0 && *one && *one == *other) one++, other++, most--;
  return most == 0 ? 0 : (unsigned char)*one - (unsigned char)*other;
}

int strncasecmp(const char *one, const char *other, size_t most) {
  while (most > 0 && *one && tolower(*one) == tolower(*other)) one++, other++, most--;
  return most == 0 ? 0 : tolower((unsigned char)*one) - tolower((unsigned char)*other);
}

int strcasecmp(const char *one, const char *other) { return strncasecmp(one, other, SIZE_MAX); }

char *strchr(const char *text, int character) {
  for (;; text++) {
    if (*text == (char)character) return (char *)text;
    if (!*text) return 0;
  }
}

char *strrchr(const char *text, int character) {
  const char *found = 0;
  for (;; text++) {
    if (*text == (char)character) found = text;
    if (!*text) return (char *)found;
  }
}

char *strstr(const char *text, const char *part) {
  size_t length = strlen(part);
  for (;; text++) {
    if (strncmp(text, part, length) == 0) return (char *)text;
    if (!*text) return 0;
  }
}

size_t strspn(const char *text, const char *set) {
  size_t length = 0;
  while (text[length] && strchr(set, text[length])) length++;
  return length;
}

size_t strcspn(const char *text, const char *set) {
  size_t length = 0;
  while (text[length] && !strchr(set, text[length])) length++;
  return length;
}

char *strpbrk(const char *text, const char *set) {
  text += strcspn(text, set);
  return *text ? (char *)text : 0;
}

char *strtok_r(char *text, const char *separators, char **rest) {
  if (!text) text = *rest;
  text += strspn(text, separators);
  if (!*text) return *rest = text, (char *)0;
  char *end = text + strcspn(text, separators);
  *rest = *end ? end + 1 : end;
  *end = 0;
  return text;
}

char *strndup(const char *text, size_t most) {
  size_t length = strnlen(text, most);
  char *copy = malloc(length + 1);
  if (!copy) return 0;
  memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

char *strdup(const char *text) { return strndup(text, SIZE_MAX); }
