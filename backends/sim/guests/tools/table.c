// Tables and trees as util-linux prints them.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "system.h"

struct table table_new(int columns) { return (struct table){.columns = columns, .tree = -1}; }

void table_row(struct table *to, int parent) {
  if (to->rows % 16 == 0) {
    to->cells = need(realloc(to->cells, (to->rows + 16) * to->columns * sizeof *to->cells));
    to->parents = need(realloc(to->parents, (to->rows + 16) * sizeof *to->parents));
  }
  memset(to->cells + to->rows * to->columns, 0, to->columns * sizeof *to->cells);
  to->parents[to->rows++] = parent;
}

void table_cell(struct table *to, int column, const char *format, ...) {
  va_list given;
  va_start(given, format);
  char text[4096];
  vsnprintf(text, sizeof text, format, given);
  va_end(given);
  char **cell = &to->cells[(to->rows - 1) * to->columns + column];
  free(*cell);
  *cell = need(strdup(text));
}

// Characters, not bytes.
static int width_of(const char *text) {
  int width = 0;
  for (; text && *text; text++) width += (*text & 0xc0) != 0x80;
  return width;
}

// The rows below `parent`, in their order, behind it; draws their branches.
static void below(struct table *of, int parent, const char *before, int *order, int *count) {
  int last = -1, plain = parent < 0;
  for (int row = 1; row < of->rows; row++)
    if (of->parents[row] == parent) last = row;
  int utf8 = speaks_utf8();
  for (int row = 1; row <= last; row++) {
    if (of->parents[row] != parent) continue;
    order[(*count)++] = row;
    char **cell = &of->cells[row * of->columns + of->tree], *drawn, *next;
    const char *branch = plain ? "" : row == last ? (utf8 ? "└─" : "`-") : utf8 ? "├─" : "|-";
    asprintf(&drawn, "%s%s%s", before, branch, *cell ? *cell : "");
    asprintf(&next, "%s%s", before, plain ? "" : row == last ? "  " : utf8 ? "│ " : "| ");
    free(*cell);
    *cell = drawn;
    below(of, row, next, order, count);
    free(next);
  }
}

void table_print(struct table *of) {
  int *order = need(malloc((of->rows + 1) * sizeof *order)), count = 1;
  order[0] = 0;
  if (of->tree >= 0) below(of, -1, "", order, &count);
  else
    for (; count < of->rows; count++) order[count] = count;
  for (int at = of->without_head; at < count; at++) {
    for (int column = 0; column < of->columns; column++) {
      int width = 0;
      for (int row = of->without_head; row < of->rows; row++) {
        int other = width_of(of->cells[row * of->columns + column]);
        if (other > width) width = other;
      }
      const char *cell = of->cells[order[at] * of->columns + column];
      int blanks = width - width_of(cell);
      if (column) putchar(' ');
      if (of->right >> column & 1) printf("%*s", blanks, "");
      fputs(cell ? cell : "", stdout);
      if (!(of->right >> column & 1) && column + 1 < of->columns) printf("%*s", blanks, "");
    }
    putchar('\n');
  }
  for (int at = 0; at < of->rows * of->columns; at++) free(of->cells[at]);
  free(of->cells), free(of->parents), free(order);
}

int chosen_columns(const char *text, const char *const *names, int *to, int count) {
  if (*text == '+') text++;
  else count = 0;
  while (*text) {
    size_t length = strcspn(text, ",");
    int at = 0;
    while (names[at] && (strncasecmp(names[at], text, length) || names[at][length])) at++;
    if (!names[at]) return object("unknown column: %.*s", (int)length, text), -1;
    to[count++] = at;
    text += length + (text[length] == ',');
  }
  return count;
}
