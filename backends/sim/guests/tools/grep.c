// grep
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shared.h"

static char on[128];
static regex_t *patterns;
static int pattern_count, kind, before, after, status = 1, named;
static long most = -1;
static const char *include_only, *exclude;

static int add_pattern(const char *start, size_t length) {
  char *text = need(malloc(2 * length + 1)), *to = text;
  for (size_t at = 0; at < length; at++) {
    if (kind == 'F' && strchr("\\.[*^$", start[at])) *to++ = '\\';
    *to++ = start[at];
  }
  *to = 0;
  patterns = need(realloc(patterns, (pattern_count + 1) * sizeof *patterns));
  int wrong = regcomp(patterns + pattern_count++, text, (kind == 'E' ? REG_EXTENDED : 0) | (on['i'] ? REG_ICASE : 0));
  free(text);
  if (!wrong) return 0;
  char message[64];
  regerror(wrong, patterns, message, sizeof message);
  return object("%s", message);
}

static int add_patterns(const char *text) {
  for (;;) {
    const char *end = strchr(text, '\n');
    if (add_pattern(text, end ? (size_t)(end - text) : strlen(text))) return 1;
    if (!end) return 0;
    text = end + 1;
  }
}

static int is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

static int matches_at(const regex_t *pattern, const char *line, int from, int to, regmatch_t *found) {
  *found = (regmatch_t){from, to};
  return regexec(pattern, line, 1, found, REG_STARTEND) == 0;
}

// The first place from `from` on where one pattern fits, and of several the longest.
static int find(const char *line, int from, int length, regmatch_t *best) {
  int any = 0;
  for (int at = 0; at < pattern_count; at++) {
    regmatch_t found;
    for (int start = from; start <= length; start++) {
      int end = length, fits = matches_at(patterns + at, line, start, end, &found);
      if (!fits) break;
      if (on['w'])
        for (start = found.rm_so; fits;) {
          int whole = (found.rm_so == 0 || !is_word(line[found.rm_so - 1])) && (found.rm_eo == length || !is_word(line[found.rm_eo]));
          if (whole) break;
          // A shorter one from the same place may do.
          end = found.rm_eo - 1;
          fits = end > start && matches_at(patterns + at, line, start, end, &found) && found.rm_so == start;
        }
      if (on['x'] && (found.rm_so > 0 || found.rm_eo < length)) break;
      if (!fits) continue;
      if (!any || found.rm_so < best->rm_so || (found.rm_so == best->rm_so && found.rm_eo > best->rm_eo)) *best = found;
      any = 1;
      break;
    }
  }
  return any;
}

static void prefix(const char *name, long number, char mark) {
  if (named) printf("%s%c", name, mark);
  if (on['n']) printf("%ld%c", number, mark);
}

static void show_line(const char *name, const char *line, int length, long number, char mark) {
  if (!on['o']) {
    prefix(name, number, mark);
    fwrite(line, 1, length, stdout), putchar('\n');
    return;
  }
  regmatch_t found;
  for (int from = 0; mark == ':' && from <= length && find(line, from, length, &found);) {
    if (found.rm_eo > found.rm_so) {
      prefix(name, number, mark);
      printf("%.*s\n", (int)(found.rm_eo - found.rm_so), line + found.rm_so);
    }
    from = found.rm_eo > found.rm_so ? found.rm_eo : found.rm_so + 1;
  }
}

static void search(FILE *stream, const char *name) {
  static char *line;
  static size_t room;
  static int separated;
  char **held = before ? need(calloc(before, sizeof *held)) : 0;
  long number = 0, count = 0, shown = 0, left = 0;
  int quiet = on['q'] || on['l'] || on['L'] || on['c'], binary = 0;
  for (ssize_t length; (most < 0 || count < most || left > 0) && (length = getline(&line, &room, stream)) >= 0;) {
    number++;
    if (line[length - 1] == '\n') line[--length] = 0;
    if (!on['a'] && memchr(line, 0, length)) binary = 1;
    regmatch_t found;
    int fits = (most < 0 || count < most) && find(line, 0, length, &found) != on['v'];
    if (fits) {
      count++;
      if (on['q'] || on['l'] || on['L']) break;
      if (quiet) continue;
      if (binary) {
        printf("%s: %s: binary file matches\n", tool, name);
        break;
      }
      long first = number - before;
      if (first <= shown) first = shown + 1;
      if (first < 1) first = 1;
      if ((before || after) && separated && (first > shown + 1 || shown == 0) && !on['o']) puts("--");
      for (; first < number; first++) show_line(name, held[first % before], strlen(held[first % before]), first, '-');
      show_line(name, line, length, number, ':');
      shown = number, left = after, separated = 1;
    } else if (left > 0 && !quiet) show_line(name, line, length, number, '-'), shown = number, left--;
    if (before) free(held[number % before]), held[number % before] = need(strdup(line));
  }
  for (int at = 0; at < before; at++) free(held[at]);
  free(held);
  if (ferror(stream) && !on['s']) complain("%s", name);
  if (ferror(stream)) status = 2;
  if (on['c'] && !on['q']) {
    if (named) printf("%s:", name);
    printf("%ld\n", count);
  }
  if ((on['l'] && count) || (on['L'] && !count)) puts(name);
  if ((on['L'] ? !count : count > 0) && status == 1) status = 0;
}

static void search_path(const char *path, int given) {
  struct stat about;
  const char *shown = strncmp(path, "./", 2) == 0 && given < 0 ? path + 2 : path;
  if (strcmp(path, "-") == 0) return search(stdin, "(standard input)");
  if ((given > 0 ? stat(path, &about) : lstat(path, &about)) == 0 && S_ISDIR(about.st_mode)) {
    if (!on['r']) {
      if (!on['s']) object("%s: Is a directory", path);
      return;
    }
    int count;
    char **names = names_in(path, &count);
    if (!names && !on['s']) complain("%s", shown);
    if (!names) status = 2;
    for (int at = 0; at < count; at++) {
      char *below = path_join(path, names[at]);
      search_path(below, given > 0 ? 0 : given);
      free(below);
    }
    if (names) free_names(names, count);
    return;
  }
  if (given <= 0 && !S_ISREG(about.st_mode)) return;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  if ((include_only && fnmatch(include_only, name, 0)) || (exclude && fnmatch(exclude, name, 0) == 0)) return;
  FILE *stream = fopen(path, "r");
  if (!stream) {
    if (!on['s']) complain("%s", shown);
    status = 2;
    return;
  }
  search(stream, shown);
  fclose(stream);
}

TOOL(grep) {
  static const struct option longs[] = {{"ignore-case", 0, 0, 'i'}, {"invert-match", 0, 0, 'v'}, {"line-number", 0, 0, 'n'}, {"count", 0, 0, 'c'},
                                        {"files-with-matches", 0, 0, 'l'}, {"files-without-match", 0, 0, 'L'}, {"only-matching", 0, 0, 'o'},
                                        {"word-regexp", 0, 0, 'w'}, {"line-regexp", 0, 0, 'x'}, {"extended-regexp", 0, 0, 'E'}, {"fixed-strings", 0, 0, 'F'},
                                        {"quiet", 0, 0, 'q'}, {"silent", 0, 0, 'q'}, {"recursive", 0, 0, 'r'}, {"regexp", 1, 0, 'e'}, {"file", 1, 0, 'f'},
                                        {"max-count", 1, 0, 'm'}, {"color", 2, 0, 0}, {"include", 1, 0, 1}, {"exclude", 1, 0, 2}, {"text", 0, 0, 'a'},
                                        {"with-filename", 0, 0, 'H'}, {"no-filename", 0, 0, 'h'}, {"no-messages", 0, 0, 's'}, {0, 0, 0, 0}};
  char **given = need(malloc(argc * sizeof *given)), *from = need(malloc(argc));
  int given_count = 0;
  if (strcmp(tool, "egrep") == 0) kind = 'E';
  if (strcmp(tool, "fgrep") == 0) kind = 'F';
  if (argc > 1 && argv[1][0] == '-' && isdigit((unsigned char)argv[1][1])) before = after = atoi(argv[1] + 1), argv[1] = "-G";
  for (int letter; (letter = getopt_long(argc, argv, "ivncloLwxEFGqrRsaA:B:C:e:f:m:hHy", longs, 0)) != -1;) {
    if (letter == '?') return 2;
    on[letter] = 1;
    if (letter == 'E' || letter == 'F' || letter == 'G') kind = letter;
    if (letter == 'y') on['i'] = 1;
    if (letter == 'R') on['r'] = 1;
    if (letter == 'A' || letter == 'C') after = atoi(optarg);
    if (letter == 'B' || letter == 'C') before = atoi(optarg);
    if (letter == 'm') most = atol(optarg);
    if (letter == 1) include_only = optarg;
    if (letter == 2) exclude = optarg;
    if (letter == 'e' || letter == 'f') from[given_count] = letter, given[given_count++] = optarg;
  }
  if (given_count == 0) {
    if (optind >= argc) return fputs("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n", stderr), 2;
    from[0] = 'e', given[given_count++] = argv[optind++];
  }
  for (int at = 0; at < given_count; at++) {
    if (from[at] == 'e') {
      if (add_patterns(given[at])) return 2;
      continue;
    }
    char *line = 0;
    size_t room = 0;
    FILE *stream = open_input(given[at]);
    if (!stream) return 2;
    for (ssize_t length; (length = getline(&line, &room, stream)) >= 0;)
      if (add_pattern(line, length - (line[length - 1] == '\n'))) return 2;
    close_input(stream);
  }
  int count = argc - optind;
  named = on['H'] || (!on['h'] && (count > 1 || (on['r'] && (count == 0 || 1))));
  if (on['r'] && count == 1 && !on['H']) {
    struct stat about;
    named = !on['h'] && stat(argv[optind], &about) == 0 && S_ISDIR(about.st_mode);
  }
  if (count == 0) search_path(on['r'] ? "." : "-", on['r'] ? -1 : 1);
  for (int at = optind; at < argc; at++) {
    search_path(argv[at], 1);
    if (on['q'] && status == 0) break;
  }
  return on['q'] && status == 0 ? 0 : status;
}
