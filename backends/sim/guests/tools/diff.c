// diff
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "diff.h"

static struct how how = {.context = -1};
// As they were given, for the line above each difference of a directory.
static char given[256];

// All that is in a file; 0 when it cannot be read.
static char *content_of(const char *path, size_t *length) {
  FILE *stream = strcmp(path, "-") ? fopen(path, "r") : stdin;
  if (!stream) return 0;
  size_t room = 4096, used = 0;
  char *bytes = need(malloc(room));
  for (size_t got; (got = fread(bytes + used, 1, room - used, stream)) > 0;) {
    used += got;
    if (used == room) bytes = need(realloc(bytes, room *= 2));
  }
  int failed = ferror(stream);
  if (stream != stdin) fclose(stream);
  *length = used;
  return failed ? free(bytes), (char *)0 : bytes;
}

static struct lines lines_of(const char *bytes, size_t length) {
  struct lines made = {0};
  for (size_t at = 0; at < length; at++) made.count += bytes[at] == '\n' || at + 1 == length;
  made.list = need(calloc(made.count + 1, sizeof *made.list));
  made.kinds = need(calloc(made.count + 1, sizeof *made.kinds));
  made.changed = need(calloc(made.count + 1, 1));
  const char *end = bytes + length;
  for (int at = 0; at < made.count; at++) {
    const char *newline = memchr(bytes, '\n', end - bytes);
    made.list[at] = (struct line){bytes, (newline ? newline : end) - bytes, !newline};
    bytes = newline + 1;
  }
  return made;
}

static void show_line(const char *before, const struct line *line) {
  fputs(before, stdout);
  fwrite(line->text, 1, line->length, stdout);
  putchar('\n');
  if (line->no_newline) puts("\\ No newline at end of file");
}

// A change: lines of one file in the place of lines of the other. Answers 0 behind the last one.
struct change {
  int start[2], end[2];
};
static int next_change(const struct lines *files, struct change *change) {
  int from = change->end[0], to = change->end[1];
  while (from < files[0].count && to < files[1].count && !files[0].changed[from] && !files[1].changed[to]) from++, to++;
  change->start[0] = from, change->start[1] = to;
  while (from < files[0].count && files[0].changed[from]) from++;
  while (to < files[1].count && files[1].changed[to]) to++;
  change->end[0] = from, change->end[1] = to;
  return from > change->start[0] || to > change->start[1];
}

static void show_range(int start, int end) {
  if (end > start + 1) printf("%d,%d", start + 1, end);
  else printf("%d", end > start ? end : start);
}

static void show_plain(const struct lines *files) {
  for (struct change change = {0}; next_change(files, &change);) {
    int gone = change.end[0] - change.start[0], come = change.end[1] - change.start[1];
    show_range(change.start[0], change.end[0]);
    putchar(gone && come ? 'c' : gone ? 'd' : 'a');
    show_range(change.start[1], change.end[1]);
    putchar('\n');
    for (int at = change.start[0]; at < change.end[0]; at++) show_line("< ", &files[0].list[at]);
    if (gone && come) puts("---");
    for (int at = change.start[1]; at < change.end[1]; at++) show_line("> ", &files[1].list[at]);
  }
}

static void show_hunk_range(char sign, int start, int end) {
  if (end == start + 1) printf(" %c%d", sign, end);
  else printf(" %c%d,%d", sign, end > start ? start + 1 : start, end - start);
}

static void show_unified(const struct lines *files, const char *const *paths, const struct stat *about) {
  for (int file = 0; file < 2; file++) {
    char when[64];
    struct tm *moment = gmtime(&about[file].st_mtim.tv_sec);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", moment);
    printf("%s ", file ? "+++" : "---");
    if (how.labels[file]) puts(how.labels[file]);
    else printf("%s\t%s.%09ld +0000\n", paths[file], when, (long)about[file].st_mtim.tv_nsec);
  }
  struct change first = {0};
  for (int more = next_change(files, &first); more;) {
    struct change last = first, next = first;
    // Those that are so near that what is shown around them meets.
    while ((more = next_change(files, &next)) && next.start[0] - last.end[0] <= 2 * how.context) last = next;
    int start = first.start[0] > how.context ? first.start[0] - how.context : 0;
    int end = last.end[0] + how.context < files[0].count ? last.end[0] + how.context : files[0].count;
    int to = first.start[1] - (first.start[0] - start);
    printf("@@");
    show_hunk_range('-', start, end);
    show_hunk_range('+', to, last.end[1] + (end - last.end[0]));
    puts(" @@");
    for (int from = start; from < end || (to < files[1].count && files[1].changed[to]);) {
      if (from < end && files[0].changed[from]) show_line("-", &files[0].list[from++]);
      else if (to < files[1].count && files[1].changed[to]) show_line("+", &files[1].list[to++]);
      else show_line(" ", &files[0].list[from++]), to++;
    }
    first = next;
  }
}

static int is_binary(const char *bytes, size_t length) { return !how.text && memchr(bytes, 0, length) != 0; }

// 0: they are the same; 1: they differ; 2: trouble.
static int compare_files(const char *const *paths, int inside) {
  struct stat about[2];
  char *bytes[2];
  size_t length[2];
  int status = 0;
  for (int file = 0; file < 2; file++) {
    memset(&about[file], 0, sizeof about[file]);
    int missing = (strcmp(paths[file], "-") ? stat(paths[file], &about[file]) : fstat(0, &about[file])) < 0;
    if (missing && errno == ENOENT && how.absent_is_empty) bytes[file] = need(malloc(1)), length[file] = 0;
    else if (missing || !(bytes[file] = content_of(paths[file], &length[file]))) bytes[file] = 0, complain("%s", paths[file]), status = 2;
  }
  int same = !status && length[0] == length[1] && memcmp(bytes[0], bytes[1], length[0]) == 0;
  if (!status && !same && (is_binary(bytes[0], length[0]) || is_binary(bytes[1], length[1]))) {
    printf(how.brief ? "Files %s and %s differ\n" : "Binary files %s and %s differ\n", paths[0], paths[1]);
    status = how.brief ? 1 : 2;
  } else if (!status && !same) {
    struct lines files[2] = {lines_of(bytes[0], length[0]), lines_of(bytes[1], length[1])};
    same = !compare_lines(files, &how);
    status = !same;
    if (!same && how.brief) printf("Files %s and %s differ\n", paths[0], paths[1]);
    else if (!same) {
      if (inside) printf("diff%s %s %s\n", given, paths[0], paths[1]);
      if (how.context >= 0) show_unified(files, paths, about);
      else show_plain(files);
    }
    for (int file = 0; file < 2; file++) free(files[file].list), free(files[file].kinds), free(files[file].changed);
  }
  if (same && how.identical) printf("Files %s and %s are identical\n", paths[0], paths[1]);
  free(bytes[0]), free(bytes[1]);
  return status;
}

static int is_directory(const char *path) {
  struct stat about;
  return strcmp(path, "-") && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int compare_directories(const char *const *paths) {
  int counts[2] = {0}, status = 0;
  char **names[2];
  for (int side = 0; side < 2; side++)
    if (!(names[side] = names_in(paths[side], &counts[side]))) {
      if (!how.absent_is_empty || errno != ENOENT) status = complain("%s", paths[side]) + 1;
      counts[side] = 0;
    }
  for (int left = 0, right = 0; left < counts[0] || right < counts[1];) {
    int order = left == counts[0] ? 1 : right == counts[1] ? -1 : strcmp(names[0][left], names[1][right]);
    const char *name = order > 0 ? names[1][right] : names[0][left];
    char *both[2] = {path_join(paths[0], name), path_join(paths[1], name)};
    int folders[2] = {is_directory(both[0]), is_directory(both[1])}, one = 0;
    if (order && !(how.absent_is_empty && (how.recursive || !folders[order > 0]))) {
      printf("Only in %s: %s\n", paths[order > 0], name);
      one = 1;
    } else if (folders[0] || folders[1]) {
      if (!order && folders[0] != folders[1]) {
        const char *kinds[] = {"regular file", "directory"};
        printf("File %s is a %s while file %s is a %s\n", both[0], kinds[folders[0]], both[1], kinds[folders[1]]);
        one = 1;
      } else if (how.recursive) one = compare_directories((const char *const *)both);
      else printf("Common subdirectories: %s and %s\n", both[0], both[1]);
    } else one = compare_files((const char *const *)both, 1);
    if (one > status) status = one;
    left += order <= 0, right += order >= 0;
    free(both[0]), free(both[1]);
  }
  for (int side = 0; side < 2; side++)
    if (names[side]) free_names(names[side], counts[side]);
  return status;
}

TOOL(diff) {
  static const struct option longs[] = {{"unified", 2, 0, 'U'}, {"brief", 0, 0, 'q'}, {"report-identical-files", 0, 0, 's'}, {"recursive", 0, 0, 'r'}, {"new-file", 0, 0, 'N'}, {"ignore-case", 0, 0, 'i'}, {"ignore-space-change", 0, 0, 'b'}, {"ignore-all-space", 0, 0, 'w'}, {"text", 0, 0, 'a'}, {"minimal", 0, 0, 'd'}, {"label", 1, 0, 'L'}, {"normal", 0, 0, 'n'}, {0, 0, 0, 0}};
  int labels = 0;
  for (int letter; (letter = getopt_long(argc, argv, "uU:qsrNibwadL:", longs, 0)) != -1;) switch (letter) {
      case 'u': how.context = how.context < 0 ? 3 : how.context; break;
      case 'U': how.context = optarg ? atoi(optarg) : 3; break;
      case 'q': how.brief = 1; break;
      case 's': how.identical = 1; break;
      case 'r': how.recursive = 1; break;
      case 'N': how.absent_is_empty = 1; break;
      case 'i': how.no_case = 1; break;
      case 'b': how.blanks = 1; break;
      case 'w': how.no_blanks = 1; break;
      case 'a': how.text = 1; break;
      case 'd': how.minimal = 1; break;
      case 'n': how.context = -1; break;
      case 'L': if (labels < 2) how.labels[labels++] = optarg; break;
      default: return 2;
    }
  errno = 0;
  if (argc - optind < 2) return object("missing operand after '%s'", argv[argc - 1]) + 1;
  if (argc - optind > 2) return object("extra operand '%s'", argv[optind + 2]) + 1;
  for (int at = 1; at < optind; at++) {
    size_t used = strlen(given);
    snprintf(given + used, sizeof given - used, " %s", argv[at]);
  }
  const char *paths[2] = {argv[optind], argv[optind + 1]};
  int folders[2] = {is_directory(paths[0]), is_directory(paths[1])};
  if (folders[0] && folders[1]) return compare_directories(paths);
  if (folders[0]) paths[0] = path_join(paths[0], last_name(paths[1]));
  if (folders[1]) paths[1] = path_join(paths[1], last_name(paths[0]));
  return compare_files(paths, 0);
}
