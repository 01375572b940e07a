// What looks at lines in order: uniq comm
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "shared.h"

static int skip_fields, skip_characters, most_characters = -1, fold_case;

static const char *compared(const char *line) {
  for (int field = 0; field < skip_fields; field++) {
    while (isblank((unsigned char)*line)) line++;
    while (*line && !isblank((unsigned char)*line)) line++;
  }
  for (int skip = skip_characters; skip > 0 && *line; skip--) line++;
  return line;
}

static int differ(const char *one, const char *other) {
  one = compared(one), other = compared(other);
  if (most_characters >= 0) return fold_case ? strncasecmp(one, other, most_characters) : strncmp(one, other, most_characters);
  return fold_case ? strcasecmp(one, other) : strcmp(one, other);
}

TOOL(uniq) {
  int counted = 0, repeated = 0, single = 0, every = 0;
  static const struct option longs[] = {{"count", 0, 0, 'c'}, {"repeated", 0, 0, 'd'}, {"unique", 0, 0, 'u'}, {"ignore-case", 0, 0, 'i'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "cdDuif:s:w:z", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'c') counted = 1;
    if (letter == 'd') repeated = 1;
    if (letter == 'D') every = 1;
    if (letter == 'u') single = 1;
    if (letter == 'i') fold_case = 1;
    if (letter == 'f') skip_fields = atoi(optarg);
    if (letter == 's') skip_characters = atoi(optarg);
    if (letter == 'w') most_characters = atoi(optarg);
  }
  FILE *from = optind < argc ? open_input(argv[optind]) : stdin;
  if (!from) return 1;
  if (optind + 1 < argc && !(stdout = fopen(argv[optind + 1], "w"))) return complain("%s", argv[optind + 1]);
  char *line = 0, *before = 0;
  size_t space = 0;
  long long count = 0;
  for (;;) {
    ssize_t length = getline(&line, &space, from);
    if (length > 0 && line[length - 1] == '\n') line[length - 1] = 0;
    int same = before && length >= 0 && !differ(before, line);
    if (before && every && (same || count > 1)) puts(before);
    if (before && !same && !every && !(repeated && count == 1) && !(single && count > 1)) {
      if (counted) printf("%7lld ", count);
      puts(before);
    }
    if (length < 0) break;
    count = same ? count + 1 : 1;
    if (!same || every) free(before), before = need(strdup(line));
  }
  return 0;
}

TOOL(comm) {
  int hidden[3] = {0};
  for (int letter; (letter = getopt(argc, argv, "123")) != -1;) {
    if (letter == '?') return 1;
    hidden[letter - '1'] = 1;
  }
  if (argc - optind < 2) return object(optind == argc ? "missing operand" : "missing operand after '%s'", argv[argc - 1]);
  FILE *streams[2] = {open_input(argv[optind]), open_input(argv[optind + 1])};
  if (!streams[0] || !streams[1]) return 1;
  char *lines[2] = {0, 0};
  size_t space[2] = {0, 0};
  ssize_t lengths[2];
  for (int side = 0; side < 2; side++) lengths[side] = getline(&lines[side], &space[side], streams[side]);
  while (lengths[0] >= 0 || lengths[1] >= 0) {
    int order = lengths[0] < 0 ? 1 : lengths[1] < 0 ? -1 : 0;
    for (int side = 0; side < 2; side++)
      if (lengths[side] > 0 && lines[side][lengths[side] - 1] == '\n') lines[side][lengths[side] - 1] = 0;
    if (order == 0) order = strcmp(lines[0], lines[1]);
    int which = order < 0 ? 0 : order > 0 ? 1 : 2;
    if (!hidden[which]) {
      for (int before = 0; before < which; before++)
        if (!hidden[before]) putchar('\t');
      puts(lines[order > 0]);
    }
    for (int side = 0; side < 2; side++)
      if (side ? order >= 0 : order <= 0) lengths[side] = getline(&lines[side], &space[side], streams[side]);
  }
  return 0;
}
