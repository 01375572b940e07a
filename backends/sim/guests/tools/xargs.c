// xargs: runs a command with what it reads.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shared.h"

static int show_commands, xargs_status;

static int run_items(char **argv, int count) {
  argv[count] = 0;
  if (show_commands) {
    for (int one = 0; one < count; one++) fprintf(stderr, "%s%s", one ? " " : "", argv[one]);
    fputc('\n', stderr);
  }
  int answer = run_program(argv);
  if (answer == 255) return object("%s: exited with status 255; aborting", argv[0]), xargs_status = 124, 0;
  if (answer >= 126 && answer <= 127) return xargs_status = answer, 0;
  if (answer > 128) return object("%s: terminated by signal %d", argv[0], answer - 128), xargs_status = 125, 0;
  if (answer) xargs_status = 123;
  return 1;
}

// The next word, or line, of the input; 0 at the end.
static char *next_item(int mark, int lines) {
  static char *text;
  static size_t room;
  size_t length = 0;
  int c, quote = 0, any = 0;
  while ((c = getchar()) != EOF) {
    if (length + 2 > room) text = need(realloc(text, room = 2 * room + 64));
    if (mark >= 0) {
      if (c == mark) return text[length] = 0, text;
    } else if (quote) {
      if (c == quote) {
        quote = 0;
        continue;
      }
      if (c == '\n') object("unmatched %s quote; by default quotes are special to xargs unless you use the -0 option", quote == '"' ? "double" : "single"), exit(1);
    } else if (c == '"' || c == '\'') {
      quote = c, any = 1;
      continue;
    } else if (c == '\\') {
      if ((c = getchar()) == EOF) break;
    } else if (c == '\n' || (!lines && (c == ' ' || c == '\t'))) {
      if (length || any) return text[length] = 0, text;
      continue;
    } else if (lines && length == 0 && (c == ' ' || c == '\t')) continue;
    text[length++] = (char)c, any = 1;
  }
  if (!length && !any) return 0;
  return text[length] = 0, text;
}

TOOL(xargs) {
  int each = 0, skips_none = 0, mark = -1, by_line = 0;
  const char *in_place = 0;
  static const struct option longs[] = {{"null", 0, 0, '0'}, {"max-args", 1, 0, 'n'}, {"no-run-if-empty", 0, 0, 'r'}, {"verbose", 0, 0, 't'}, {"max-procs", 1, 0, 'P'}, {"delimiter", 1, 0, 'd'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "+0n:I:rtP:d:L:s:x", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == '0') mark = 0;
    if (letter == 'd') mark = *optarg == '\\' && optarg[1] ? (optarg++, escaped((const char **)&optarg, 0)) : (unsigned char)*optarg;
    if (letter == 'n') each = atoi(optarg);
    if (letter == 'I') in_place = optarg;
    if (letter == 'r') skips_none = 1;
    if (letter == 't') show_commands = 1;
    if (letter == 'L') each = atoi(optarg), by_line = 1;
  }
  static char *standard[] = {"echo", 0};
  char **given = optind < argc ? argv + optind : standard, *item;
  int fixed = 0, count = 0, room = 256, runs = 0;
  while (given[fixed]) fixed++;
  char **items = need(malloc((fixed + room + 1) * sizeof *items));
  memcpy(items, given, fixed * sizeof *items);
  size_t bytes = 0;
  while ((item = next_item(mark, in_place != 0 || by_line))) {
    if (in_place) {
      char **words = need(malloc((fixed + 1) * sizeof *words));
      for (int word = 0; word < fixed; word++) {
        words[word] = with_item(given[word], in_place, item);
      }
      if (!run_items(words, fixed)) return xargs_status;
      free_names(words, fixed);
      continue;
    }
    items[fixed + count++] = need(strdup(item)), bytes += strlen(item) + 1;
    if (count == room) items = need(realloc(items, (fixed + (room *= 2) + 1) * sizeof *items));
    if ((each && count == each) || bytes > 100000) {
      if (!run_items(items, fixed + count)) return xargs_status;
      while (count > 0) free(items[fixed + --count]);
      bytes = 0, runs = 1;
    }
  }
  if (!in_place && (count || (!runs && !skips_none))) run_items(items, fixed + count);
  return xargs_status;
}
