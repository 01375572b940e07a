// regcomp(3): a pattern becomes a small program. Basic and extended expressions of POSIX, with \w \W \s \S \b \< \> as GNU has them.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "regex-program.h"

// While a pattern is read.
struct reader {
  const char *at;
  struct regex_program *program;
  int extended, icase, groups, error, depth;
};

static int emit(struct reader *reader, unsigned char code, int first, int second) {
  struct regex_program *program = reader->program;
  if (program->count == program->room) {
    int room = program->room ? 2 * program->room : 32;
    struct regex_step *steps = room > 1 << 16 ? 0 : realloc(program->steps, room * sizeof *steps);
    if (!steps) return reader->error = REG_ESPACE, 0;
    program->steps = steps, program->room = room;
  }
  program->steps[program->count] = (struct regex_step){code, first, second};
  return program->count++;
}

// Room for `count` steps at a place; jumps that lead behind it go along.
static void make_room(struct reader *reader, int place, int count) {
  for (int made = 0; made < count && !reader->error; made++) emit(reader, R_JUMP, 0, 0);
  if (reader->error) return;
  struct regex_program *program = reader->program;
  memmove(program->steps + place + count, program->steps + place, (program->count - count - place) * sizeof *program->steps);
  for (int at = place + count; at < program->count; at++) {
    struct regex_step *step = program->steps + at;
    if (step->code != R_SPLIT && step->code != R_JUMP) continue;
    if (step->first >= place) step->first += count;
    if (step->code == R_SPLIT && step->second >= place) step->second += count;
  }
}

static void copy_part(struct reader *reader, int from, int to) {
  int shift = reader->program->count - from;
  for (int at = from; at < to && !reader->error; at++) {
    struct regex_step step = reader->program->steps[at];
    int jumps = step.code == R_SPLIT || step.code == R_JUMP;
    emit(reader, step.code, step.first + (jumps ? shift : 0), step.second + (step.code == R_SPLIT ? shift : 0));
  }
}

static void add(unsigned char *set, int character, int icase) {
  set[character >> 3] |= 1 << (character & 7);
  if (!icase) return;
  int other = isupper(character) ? tolower(character) : toupper(character);
  set[other >> 3] |= 1 << (other & 7);
}

static int in_class(const char *name, size_t length, int c) {
  static const char names[] = "alpha digit alnum upper lower space blank punct print graph cntrl xdigit ";
  int number = 0;
  for (const char *at = names; *at; at = strchr(at, ' ') + 1, number++)
    if (strncmp(at, name, length) == 0 && at[length] == ' ') switch (number) {
        case 0: return isalpha(c);
        case 1: return isdigit(c);
        case 2: return isalnum(c);
        case 3: return isupper(c);
        case 4: return islower(c);
        case 5: return isspace(c);
        case 6: return isblank(c);
        case 7: return ispunct(c);
        case 8: return isprint(c);
        case 9: return isgraph(c);
        case 10: return iscntrl(c);
        default: return isxdigit(c);
      }
  return -1;
}

static void emit_set(struct reader *reader, const unsigned char *set) {
  struct regex_program *program = reader->program;
  unsigned char *sets = realloc(program->sets, (program->set_count + 1) * 32);
  if (!sets) {
    reader->error = REG_ESPACE;
    return;
  }
  memcpy(sets + 32 * program->set_count, set, 32);
  program->sets = sets;
  emit(reader, R_SET, program->set_count++, 0);
}

static void read_set(struct reader *reader) {
  unsigned char set[32] = {0};
  int negated = *reader->at == '^', first = 1;
  reader->at += negated;
  for (; *reader->at != ']' || first; first = 0) {
    unsigned char from = *reader->at++;
    if (!from) {
      reader->error = REG_EBRACK;
      return;
    }
    if (from == '[' && (*reader->at == ':' || *reader->at == '.' || *reader->at == '=')) {
      char kind = *reader->at++;
      const char *name = reader->at, *end = strchr(name, kind);
      if (!end || end[1] != ']') {
        reader->error = REG_EBRACK;
        return;
      }
      reader->at = end + 2;
      if (kind == ':') {
        if (in_class(name, end - name, 'a') < 0) {
          reader->error = REG_ECTYPE;
          return;
        }
        for (int c = 0; c < 256; c++)
          if (in_class(name, end - name, c)) add(set, c, reader->icase);
        continue;
      }
      from = *name;
    }
    unsigned char to = from;
    if (*reader->at == '-' && reader->at[1] && reader->at[1] != ']') to = reader->at[1], reader->at += 2;
    if (to < from) {
      reader->error = REG_ERANGE;
      return;
    }
    for (int c = from; c <= to; c++) add(set, c, reader->icase);
  }
  reader->at++;
  if (negated)
    for (int at = 0; at < 32; at++) set[at] = ~set[at];
  if (negated && reader->program->newline) set['\n' >> 3] &= ~(1 << ('\n' & 7));
  emit_set(reader, set);
}

static void read_alternatives(struct reader *reader);

// A backslash and a letter; answers 0 where it stands for itself.
static int read_escape(struct reader *reader, int c) {
  if (isdigit(c) && c > '0') {
    if (c - '0' > reader->groups) reader->error = REG_ESUBREG;
    reader->program->refers = 1;
    emit(reader, R_REFER, c - '0', 0);
  } else if (c == '<') emit(reader, R_WORD_START, 0, 0);
  else if (c == '>') emit(reader, R_WORD_END, 0, 0);
  else if (c == 'b') emit(reader, R_WORD_EDGE, 0, 0);
  else if (strchr("wWsS", c)) {
    unsigned char set[32] = {0};
    for (int at = 0; at < 256; at++)
      if (((c | 32) == 'w' ? isalnum(at) || at == '_' : isspace(at)) == (c >= 'a')) add(set, at, 0);
    emit_set(reader, set);
  } else return 0;
  return 1;
}

static int is_marked(const struct reader *reader, char mark) {
  return reader->extended ? *reader->at == mark : reader->at[0] == '\\' && reader->at[1] == mark;
}

static int ends_branch(const struct reader *reader) {
  return !*reader->at || is_marked(reader, '|') || (reader->depth > 0 && is_marked(reader, ')'));
}

// Answers whether there was something that can be repeated.
static int read_atom(struct reader *reader, int first) {
  int mark = reader->extended ? 1 : 2;
  if (is_marked(reader, '(')) {
    int group = ++reader->groups;
    reader->at += mark;
    emit(reader, R_SAVE, 2 * group, 0);
    reader->depth++;
    read_alternatives(reader);
    reader->depth--;
    if (reader->error) return 0;
    if (!is_marked(reader, ')')) return reader->error = REG_EPAREN, 0;
    reader->at += mark;
    emit(reader, R_SAVE, 2 * group + 1, 0);
    return 1;
  }
  unsigned char c = *reader->at++;
  if (c == '\\') {
    c = *reader->at++;
    if (!c) return reader->error = REG_EESCAPE, 0;
    if (read_escape(reader, c)) return 1;
  } else if (c == '.') return emit(reader, R_ANY, 0, 0), 1;
  else if (c == '[') return read_set(reader), 1;
  else if (c == '^' && (reader->extended || first)) return emit(reader, R_LINE_START, 0, 0), reader->extended;
  else if (c == '$' && (reader->extended || ends_branch(reader))) return emit(reader, R_LINE_END, 0, 0), reader->extended;
  if (reader->icase && isalpha(c)) {
    unsigned char set[32] = {0};
    add(set, c, 1);
    emit_set(reader, set);
  } else emit(reader, R_CHARACTER, c, 0);
  return 1;
}

// {2} {2,} {2,5}
static int read_bounds(struct reader *reader, int *least, int *most) {
  char *end;
  *least = isdigit(*reader->at) ? strtol(reader->at, &end, 10) : (end = (char *)reader->at, 0);
  *most = *least;
  if (*end == ',') *most = isdigit(*++end) ? strtol(end, &end, 10) : -1;
  reader->at = end;
  if (!is_marked(reader, '}') || *least > 255 || *most > 255 || (*most >= 0 && *most < *least))
    return reader->error = REG_BADBR, 0;
  reader->at += reader->extended ? 1 : 2;
  return 1;
}

static void repeat(struct reader *reader, int start, int least, int most) {
  int length = reader->program->count - start;
  if (most == 0) {
    reader->program->count = start;
    return;
  }
  int end = start + length;
  for (int made = 1; made < least; made++) copy_part(reader, start, end);
  int last = least > 1 ? reader->program->count - length : start;
  if (most < 0 && least == 0) {
    make_room(reader, start, 1);
    emit(reader, R_JUMP, start, 0);
    if (!reader->error) reader->program->steps[start] = (struct regex_step){R_SPLIT, start + 1, reader->program->count};
  } else if (most < 0) emit(reader, R_SPLIT, last, reader->program->count + 1);
  else
    for (int made = least > 0 ? least : 0; made < most && !reader->error; made++) {
      int place = made == 0 ? start : reader->program->count;
      if (made == 0) make_room(reader, start, 1);
      else {
        int shift = least == 0;
        emit(reader, R_SPLIT, 0, 0);
        copy_part(reader, start + shift, end + shift);
      }
      if (!reader->error) reader->program->steps[place] = (struct regex_step){R_SPLIT, place + 1, reader->program->count};
    }
}

static void read_branch(struct reader *reader) {
  for (int first = 1; !reader->error && !ends_branch(reader); first = 0) {
    int start = reader->program->count;
    // A star at the beginning is a star.
    if (!read_atom(reader, first) && !reader->extended) {
      if (*reader->at == '*') reader->at++, emit(reader, R_CHARACTER, '*', 0);
      continue;
    }
    for (; !reader->error;) {
      if (*reader->at == '*' && (reader->extended || !first || reader->program->count > start))
        reader->at++, repeat(reader, start, 0, -1);
      else if (is_marked(reader, '+')) reader->at += 2 - reader->extended, repeat(reader, start, 1, -1);
      else if (is_marked(reader, '?')) reader->at += 2 - reader->extended, repeat(reader, start, 0, 1);
      else if (is_marked(reader, '{') && (!reader->extended || isdigit(reader->at[1]) || reader->at[1] == ',')) {
        int least, most;
        reader->at += 2 - reader->extended;
        if (read_bounds(reader, &least, &most)) repeat(reader, start, least, most);
      } else break;
    }
  }
}

static void read_alternatives(struct reader *reader) {
  int start = reader->program->count;
  read_branch(reader);
  if (reader->error || !is_marked(reader, '|')) return;
  reader->at += 2 - reader->extended;
  make_room(reader, start, 1);
  int jump = emit(reader, R_JUMP, 0, 0);
  int second = reader->program->count;
  read_alternatives(reader);
  if (reader->error) return;
  reader->program->steps[start] = (struct regex_step){R_SPLIT, start + 1, second};
  reader->program->steps[jump].first = reader->program->count;
}

int regcomp(regex_t *to, const char *pattern, int flags) {
  struct regex_program *program = calloc(1, sizeof *program);
  if (!program) return REG_ESPACE;
  struct reader reader = {pattern, program, (flags & REG_EXTENDED) != 0, (flags & REG_ICASE) != 0, 0, 0, 0};
  program->newline = (flags & REG_NEWLINE) != 0;
  program->icase = reader.icase;
  to->program = program;
  // A star first in a basic expression stands for itself.
  if (!reader.extended && *reader.at == '*') reader.at++, emit(&reader, R_CHARACTER, '*', 0);
  read_alternatives(&reader);
  if (!reader.error && *reader.at) reader.error = REG_EPAREN;
  emit(&reader, R_MATCH, 0, 0);
  to->re_nsub = program->groups = reader.groups;
  if (reader.error) regfree(to);
  return reader.error;
}

void regfree(regex_t *compiled) {
  if (!compiled->program) return;
  free(compiled->program->steps);
  free(compiled->program->sets);
  free(compiled->program);
  compiled->program = 0;
}

size_t regerror(int number, const regex_t *compiled, char *to, size_t room) {
  static const char *const texts[] = {
      "Success", "No match", "Invalid regular expression", "Invalid collation character", "Invalid character class name",
      "Trailing backslash", "Invalid back reference", "Unmatched [, [^, [:, [., or [=", "Unmatched ( or \\(", "Unmatched \\{",
      "Invalid content of \\{\\}", "Invalid range end", "Memory exhausted", "Invalid preceding regular expression"};
  (void)compiled;
  const char *text = number >= 0 && number < 14 ? texts[number] : "Unknown error";
  if (room) strncpy(to, text, room - 1)[room - 1] = 0;
  return strlen(text) + 1;
}
