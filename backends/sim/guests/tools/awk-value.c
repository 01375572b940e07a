// awk: values, variables and arrays.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "awk.h"
#include "shared.h"

// A count stands before each text.
char *new_text(const char *from, size_t length) {
  int *head = need(malloc(sizeof *head + length + 1));
  *head = 1;
  char *text = (char *)(head + 1);
  if (from) memcpy(text, from, length);
  text[length] = 0;
  return text;
}

struct value kept(struct value value) {
  if (value.text) ((int *)value.text)[-1]++;
  return value;
}

void dropped(struct value value) {
  if (value.text && --((int *)value.text)[-1] == 0) free((int *)value.text - 1);
}

struct value number_value(double number) { return (struct value){A_NUMBER, number, 0}; }
struct value text_value(const char *text) { return (struct value){A_TEXT, 0, new_text(text, strlen(text))}; }

// What comes from outside is also a number, when it looks like one.
struct value input_value(const char *from, size_t length) {
  struct value value = {A_TEXT, 0, new_text(from, length)};
  const char *at = value.text;
  while (isspace((unsigned char)*at)) at++;
  const char *digit = at + (*at == '-' || *at == '+');
  if (!isdigit((unsigned char)*digit) && *digit != '.') return value;
  char *end;
  double number = strtod(at, &end);
  if (end == at || (digit[0] == '0' && (digit[1] | 32) == 'x')) return value;
  while (isspace((unsigned char)*end)) end++;
  if (!*end) value.kind = LOOKS_LIKE_NUMBER, value.number = number;
  return value;
}

double number_from(const struct value *value) {
  if (value->kind != A_TEXT) return value->number;
  const char *at = value->text;
  while (isspace((unsigned char)*at)) at++;
  const char *digit = at + (*at == '-' || *at == '+');
  if (!isdigit((unsigned char)*digit) && *digit != '.') return 0;
  if (digit[0] == '0' && (digit[1] | 32) == 'x') return 0;
  return strtod(at, 0);
}

const char *text_from(struct value *value, const char *format) {
  if (value->text) return value->text;
  if (value->kind == NOTHING_YET) return "";
  char text[64];
  double number = value->number;
  if (number >= -9e18 && number <= 9e18 && number == (double)(long long)number) snprintf(text, sizeof text, "%lld", (long long)number);
  else snprintf(text, sizeof text, format ? format : "%.6g", number);
  return value->text = new_text(text, strlen(text));
}

int is_true(struct value *value) { return value->kind == A_TEXT ? *value->text != 0 : value->number != 0; }

void set_cell(struct cell *cell, struct value value) {
  // The text of a number may change with CONVFMT.
  if (value.kind == A_NUMBER && value.text) dropped(value), value.text = 0;
  dropped(cell->value);
  cell->value = value;
}

struct array *array_of(struct cell *cell) {
  if (cell->array) return cell->array;
  if (cell->origin) return cell->array = array_of(cell->origin);
  struct array *array = need(calloc(1, sizeof *array));
  array->size = 16, array->slots = need(calloc(array->size, sizeof *array->slots));
  array->end = &array->first;
  return cell->array = array;
}

static struct element **slot_of(struct array *array, const char *key) {
  unsigned hash = 2166136261u;
  for (const char *at = key; *at; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
  return array->slots + (hash & (array->size - 1));
}

static void grow(struct array *array) {
  free(array->slots);
  array->size *= 4;
  array->slots = need(calloc(array->size, sizeof *array->slots));
  for (struct element *one = array->first; one; one = one->later) {
    struct element **slot = slot_of(array, one->key);
    one->next = *slot, *slot = one;
  }
}

struct cell *element_of(struct array *array, const char *key, int make) {
  struct element **slot = slot_of(array, key);
  for (struct element *one = *slot; one; one = one->next)
    if (strcmp(one->key, key) == 0) return &one->cell;
  if (!make) return 0;
  struct element *new = need(calloc(1, sizeof *new));
  new->key = need(strdup(key)), new->next = *slot, *slot = new;
  *array->end = new, array->end = &new->later;
  if (++array->count > array->size) grow(array);
  return &new->cell;
}

void remove_element(struct array *array, const char *key) {
  for (struct element **slot = slot_of(array, key); *slot; slot = &(*slot)->next) {
    struct element *one = *slot;
    if (strcmp(one->key, key)) continue;
    *slot = one->next;
    struct element **at = &array->first;
    while (*at != one) at = &(*at)->later;
    *at = one->later;
    if (!*at) array->end = at;
    dropped(one->cell.value), free(one->key), free(one);
    array->count--;
    return;
  }
}

void empty_array(struct array *array) {
  for (struct element *one = array->first, *next; one; one = next) {
    next = one->later;
    dropped(one->cell.value), free(one->key), free(one);
  }
  memset(array->slots, 0, array->size * sizeof *array->slots);
  array->first = 0, array->end = &array->first, array->count = 0;
}

struct cell *globals;
static char **global_names;
static int global_count;

int global_named(const char *name) {
  for (int at = 0; at < global_count; at++)
    if (strcmp(global_names[at], name) == 0) return at;
  if (global_count % 32 == 0) {
    globals = need(realloc(globals, (global_count + 32) * sizeof *globals));
    global_names = need(realloc(global_names, (global_count + 32) * sizeof *global_names));
  }
  globals[global_count] = (struct cell){{NOTHING_YET, 0, 0}, 0, 0};
  global_names[global_count] = need(strdup(name));
  return global_count++;
}

const char *text_of_global(int which) { return text_from(&globals[which].value, 0); }
