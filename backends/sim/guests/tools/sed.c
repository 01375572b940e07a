// sed: runs a script over lines.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sed.h"
#include "shared.h"

struct text {
  char *start;
  size_t length, room;
};

static struct text space, held, built;
static FILE *input, *output_stream;
static char **names, *next_line;
static size_t next_room;
static ssize_t next_length = -2;
static long number;
// Whether the line that was read ended in a newline, and the output lacks one.
static int ended = 1, next_ended = 1, missing, quiet, separate, status, in_place;
static const char *suffix;
static char *new_path;
static regex_t *last_pattern;
static char *queue;
static size_t queued;

static void append(struct text *text, const char *from, size_t length) {
  if (text->length + length + 1 > text->room) text->start = need(realloc(text->start, text->room = 2 * (text->length + length) + 64));
  memcpy(text->start + text->length, from, length);
  text->length += length;
  text->start[text->length] = 0;
}

static void put(FILE *to, const char *text, size_t length, int newline) {
  if (to == output_stream && missing) putc('\n', to), missing = 0;
  fwrite(text, 1, length, to);
  if (newline) putc('\n', to);
  else if (to == output_stream) missing = 1;
  if (to != output_stream) fflush(to);
}

static void close_place(void) {
  if (output_stream == stdout) return;
  fclose(output_stream);
  char *path = names[-1];
  if (suffix && *suffix) {
    char *kept = need(malloc(strlen(path) + strlen(suffix) + 1));
    strcpy(kept, path), strcat(kept, suffix);
    rename(path, kept);
  }
  rename(new_path, path);
  output_stream = stdout, missing = 0;
}

static void open_next(void) {
  while (!input && *names) {
    char *path = *names++;
    input = strcmp(path, "-") ? fopen(path, "r") : stdin;
    struct stat about;
    if (!input) object("can't read %s: %s", path, strerror(errno)), status = 2;
    else if (fstat(fileno(input), &about) == 0 && S_ISDIR(about.st_mode)) {
      object(in_place ? "couldn't edit %s: not a regular file" : "read error on %s: Is a directory", path);
      fclose(input), input = 0, status = in_place ? 4 : 2;
    } else if (in_place) {
      new_path = need(malloc(strlen(path) + 8));
      strcpy(new_path, path), strcat(new_path, ".sedXXX");
      if (!(output_stream = fopen(new_path, "w"))) complain("couldn't open temporary file %s", new_path), exit(4);
      chmod(new_path, about.st_mode & 07777);
    }
    if (input && separate) number = 0;
  }
}

// Reads ahead, so that the last line is known.
static int look(int across) {
  while (next_length == -2) {
    if (!input) {
      if (!across) return 0;
      open_next();
    }
    if (!input) return next_length = -1, 0;
    next_length = getline(&next_line, &next_room, input);
    if (next_length >= 0) {
      next_ended = next_line[next_length - 1] == '\n';
      if (next_ended) next_length--;
      return 1;
    }
    if (!across) return next_length = -2, 0;
    close_input(input), input = 0;
    if (in_place) close_place();
    next_length = -2;
  }
  return next_length >= 0;
}

static int is_last(void) {
  if (separate) return !look(0);
  return !look(1);
}

static void flush_queue(void) {
  for (size_t at = 0; at < queued;) {
    char kind = queue[at];
    size_t length = strlen(queue + at + 1);
    if (kind == 'a') put(output_stream, queue + at + 1, length - 1, 1);
    else {
      FILE *stream = fopen(queue + at + 1, "r");
      if (stream && missing) putc('\n', output_stream), missing = 0;
      for (int c; stream && (c = getc(stream)) != EOF;) putc(c, output_stream);
      if (stream) fclose(stream);
    }
    at += length + 2;
  }
  queued = 0;
}

static void add_to_queue(char kind, const char *text) {
  size_t length = strlen(text) + 2;
  queue = need(realloc(queue, queued + length));
  queue[queued] = kind;
  strcpy(queue + queued + 1, text);
  queued += length;
}

static void end_cycle(void) {
  if (!quiet) put(output_stream, space.start, space.length, ended);
  flush_queue();
}

static int take_line(int joins) {
  if (!look(1)) return 0;
  if (joins) append(&space, "\n", 1);
  else space.length = 0;
  append(&space, next_line, next_length);
  ended = next_ended, next_length = -2, number++;
  return 1;
}

static int matches(regex_t *pattern, size_t from, regmatch_t *found, int count) {
  if (!pattern) pattern = last_pattern;
  if (!pattern) object("no previous regular expression"), exit(1);
  last_pattern = pattern;
  found[0] = (regmatch_t){from, space.length};
  return regexec(pattern, space.start, count, found, REG_STARTEND) == 0;
}

static int fits(const struct address *address) {
  regmatch_t found[1];
  switch (address->kind) {
    case LINE: return number == address->number;
    case LAST_LINE: return is_last();
    case PATTERN: return matches(address->pattern, 0, found, 1);
    case STEP: return address->step > 0 ? number >= address->number && (number - address->number) % address->step == 0 : number == address->number;
    default: return 1;
  }
}

static int selected(struct command *command) {
  if (command->to.kind == NO_ADDRESS) return fits(&command->from);
  const struct address *to = &command->to;
  if (command->active) {
    if (to->kind == PATTERN || to->kind == LAST_LINE) command->active = !fits(to);
    else {
      command->active = number < command->until;
      // A line that has passed already ends the range without it.
      if (number > command->until) return fits(&command->from) && command->from.kind != LINE;
    }
    return 1;
  }
  int zero = command->from.kind == LINE && command->from.number == 0 && number == 1;
  if (!zero && !fits(&command->from)) return 0;
  command->until = to->kind == LINE       ? to->number
                   : to->kind == RELATIVE ? number + to->number
                   : to->kind == MULTIPLE ? (to->number > 0 ? (number + to->number - 1) / to->number * to->number : number)
                                          : 0;
  command->active = to->kind == PATTERN ? !(zero && fits(to)) : to->kind == LAST_LINE ? !is_last() : command->until > number;
  return 1;
}

// Adds text in the case that \U \L \u \l ask for.
static void add_cased(const char *from, size_t length, int whole, int *next) {
  size_t start = built.length;
  append(&built, from, length);
  for (size_t at = start; at < built.length; at++) {
    int how = *next ? *next : whole;
    *next = 0;
    unsigned char c = built.start[at];
    built.start[at] = (char)(how == 'U' ? toupper(c) : how == 'L' ? tolower(c) : c);
  }
}

static void add_replacement(const char *at, const regmatch_t *found) {
  int whole = 0, next = 0;
  for (; *at; at++) {
    int group = *at == '&' ? 0 : -1;
    if (*at == '\\') {
      at++;
      if (*at >= '0' && *at <= '9') group = *at - '0';
      else if (*at == 'U' || *at == 'L' || *at == 'E') {
        whole = *at == 'E' ? 0 : *at;
        continue;
      } else if (*at == 'u' || *at == 'l') {
        next = toupper((unsigned char)*at);
        continue;
      }
      if (!*at) break;
    }
    if (group < 0) add_cased(at, 1, whole, &next);
    else if (found[group].rm_so >= 0) add_cased(space.start + found[group].rm_so, found[group].rm_eo - found[group].rm_so, whole, &next);
  }
}

static int substitute(struct command *command) {
  regmatch_t found[10];
  size_t from = 0, copied = 0, behind = (size_t)-1;
  int count = 0, done = 0;
  built.length = 0;
  append(&built, "", 0);
  while (from <= space.length && matches(command->pattern, from, found, 10)) {
    size_t start = found[0].rm_so, end = found[0].rm_eo;
    // An empty match right behind another one does not count.
    int counts = !(start == end && start == behind);
    count += counts, behind = end;
    append(&built, space.start + copied, start - copied);
    if (counts && (count == command->number || (command->global && count > command->number))) add_replacement(command->text, found), done = 1;
    else append(&built, space.start + start, end - start);
    copied = end;
    from = end;
    if (start == end) {
      if (end < space.length) append(&built, space.start + end, 1);
      copied = from = end + 1;
      if (end >= space.length) copied = space.length;
      if (end >= space.length) break;
    }
    if (done && !command->global) break;
  }
  if (!done) return 0;
  append(&built, space.start + copied, space.length - copied);
  struct text old = space;
  space = built, built = old;
  return 1;
}

static void show_all(int width) {
  int column = 0;
  char text[8];
  for (size_t at = 0; at < space.length; at++) {
    unsigned char c = space.start[at];
    static const char bytes[] = "\\\a\b\f\n\r\t\v", letters[] = "\\abfnrtv";
    const char *found = c ? strchr(bytes, c) : 0;
    int length = found ? snprintf(text, sizeof text, "\\%c", letters[found - bytes]) : snprintf(text, sizeof text, isprint(c) ? "%c" : "\\%03o", c);
    if (width > 1 && column + length > width - 1) fputs("\\\n", output_stream), column = 0;
    fputs(text, output_stream);
    column += length;
  }
  fputs("$\n", output_stream);
}

static void leave(int answer) {
  if (in_place && input) {
    // The rest stays as it is.
    if (next_length >= 0) put(output_stream, next_line, next_length, next_ended);
    for (int c; (c = getc(input)) != EOF;) putc(c, output_stream);
    close_place();
  }
  fflush(0);
  exit(answer);
}

// One line through the script. Answers whether a new one is read before the next.
static int cycle(void) {
  int substituted = 0;
  for (int at = 0; at < command_count; at++) {
    struct command *command = commands + at;
    if (command->letter == '}' || command->letter == ':') continue;
    if (selected(command) == command->inverted) {
      if (command->letter == '{') at = command->target;
      continue;
    }
    char *newline = memchr(space.start, '\n', space.length);
    switch (command->letter) {
      case 's':
        if (!substitute(command)) break;
        substituted = 1;
        if (command->prints) put(output_stream, space.start, space.length, ended);
        if (command->file) put(command->file == stdout ? output_stream : command->file, space.start, space.length, 1);
        break;
      case 'y':
        for (size_t place = 0; place < space.length; place++) space.start[place] = command->text[(unsigned char)space.start[place]];
        break;
      case 'p': put(output_stream, space.start, space.length, ended); break;
      case 'P': put(output_stream, space.start, newline ? (size_t)(newline - space.start) : space.length, newline ? 1 : ended); break;
      case 'd': return flush_queue(), 1;
      case 'D':
        if (!newline) return flush_queue(), 1;
        space.length -= newline + 1 - space.start;
        memmove(space.start, newline + 1, space.length + 1);
        flush_queue();
        return 0;
      case 'n':
        if (!look(1)) {
          if (!quiet) put(output_stream, space.start, space.length, ended);
          flush_queue(), leave(status);
        }
        end_cycle(), take_line(0);
        break;
      case 'N':
        flush_queue();
        if (!take_line(1)) {
          if (!quiet) put(output_stream, space.start, space.length, ended);
          leave(status);
        }
        break;
      case 'h': held.length = 0; // Falls through.
      case 'H':
        if (command->letter == 'H') append(&held, "\n", 1);
        append(&held, space.start, space.length);
        break;
      case 'g': space.length = 0; // Falls through.
      case 'G':
        if (command->letter == 'G') append(&space, "\n", 1);
        append(&space, held.start ? held.start : "", held.length);
        break;
      case 'x': {
        struct text old = space;
        space = held, held = old;
        append(&space, "", 0);
        break;
      }
      case 'z': space.length = 0, *space.start = 0; break;
      case '=': fprintf(output_stream, "%ld\n", number); break;
      case 'l': show_all(command->number ? command->number : 70); break;
      case 'F': fprintf(output_stream, "%s\n", names[-1]); break;
      case 'a': add_to_queue('a', command->text); break;
      case 'i': put(output_stream, command->text, strlen(command->text) - 1, 1); break;
      case 'c':
        if (!command->to.kind || !command->active || command->inverted) put(output_stream, command->text, strlen(command->text) - 1, 1);
        return flush_queue(), 1;
      case 'r': add_to_queue('r', command->text); break;
      case 'w': put(command->file == stdout ? output_stream : command->file, space.start, space.length, 1); break;
      case 'W': put(command->file, space.start, newline ? (size_t)(newline - space.start) : space.length, 1); break;
      case 'b': at = command->target - 1; break;
      case 't': if (substituted) substituted = 0, at = command->target - 1; break;
      case 'T': if (!substituted) at = command->target - 1; substituted = 0; break;
      case 'q': end_cycle(), leave(command->number); break;
      case 'Q': leave(command->number);
    }
  }
  end_cycle();
  return 1;
}

TOOL(sed) {
  static const struct option longs[] = {{"quiet", 0, 0, 'n'}, {"silent", 0, 0, 'n'}, {"expression", 1, 0, 'e'}, {"file", 1, 0, 'f'}, {"regexp-extended", 0, 0, 'E'},
                                        {"in-place", 2, 0, 'i'}, {"separate", 0, 0, 's'}, {0, 0, 0, 0}};
  struct text joined = {0, 0, 0};
  int any = 0;
  for (int letter; (letter = getopt_long(argc, argv, "ne:f:Eri::suz", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'n') quiet = 1;
    if (letter == 'E' || letter == 'r') extended = 1;
    if (letter == 's') separate = 1;
    if (letter == 'i') in_place = separate = 1, suffix = optarg;
    if (letter == 'e') {
      if (any) append(&joined, "\n", 1);
      append(&joined, optarg, strlen(optarg)), any = 1;
    }
    if (letter == 'f') {
      FILE *stream = strcmp(optarg, "-") ? fopen(optarg, "r") : stdin;
      if (!stream) return object("couldn't open file %s: %s", optarg, strerror(errno));
      if (any) append(&joined, "\n", 1);
      for (int c; (c = getc(stream)) != EOF;) append(&joined, &(char){(char)c}, 1);
      any = 1;
      if (joined.length && joined.start[joined.length - 1] == '\n') joined.start[--joined.length] = 0;
    }
  }
  if (!any) {
    if (optind >= argc) return fputs("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n", stderr), 1;
    append(&joined, argv[optind], strlen(argv[optind])), optind++;
  }
  append(&joined, "", 0);
  read_script(joined.start);
  finish_script();
  quiet |= quiet_by_script;
  static char *standard[] = {"-", 0};
  names = optind < argc ? argv + optind : standard;
  output_stream = stdout;
  append(&space, "", 0);
  for (int fresh = 1;;) {
    if (fresh && !take_line(0)) break;
    fresh = cycle();
  }
  return status;
}
