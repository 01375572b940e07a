// regexec(3): every way through the program is tried, each place of it at each character once; the longest match counts.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "regex-program.h"

enum { SLOTS = 20 };

// To go on with another way: at a step and a character, or to put back what a slot held.
struct pending {
  int step, at, slot, held;
};

struct match {
  const struct regex_program *program;
  const char *text;
  int length, flags;
  struct pending *stack;
  int count, room;
  // One bit for each step at each character; absent where what was matched before matters.
  unsigned char *seen;
  // Where it is absent: the character at which this way came by each step last, so that nothing is repeated for nothing.
  int *passed;
  int slots[SLOTS], best[SLOTS];
};

static int push(struct match *match, struct pending pending) {
  if (match->count == match->room) {
    int room = match->room ? 2 * match->room : 64;
    struct pending *stack = realloc(match->stack, room * sizeof *stack);
    if (!stack) return 0;
    match->stack = stack, match->room = room;
  }
  match->stack[match->count++] = pending;
  return 1;
}

static int is_word(const struct match *match, int at) {
  unsigned char c = at >= 0 && at < match->length ? match->text[at] : 0;
  return isalnum(c) || c == '_';
}

static int holds(const struct match *match, int code, int at) {
  int newline = match->program->newline;
  switch (code) {
    case R_LINE_START: return at == 0 ? !(match->flags & REG_NOTBOL) : newline && match->text[at - 1] == '\n';
    case R_LINE_END: return at == match->length ? !(match->flags & REG_NOTEOL) : newline && match->text[at] == '\n';
    case R_WORD_START: return !is_word(match, at - 1) && is_word(match, at);
    case R_WORD_END: return is_word(match, at - 1) && !is_word(match, at);
    default: return is_word(match, at - 1) != is_word(match, at);
  }
}

// Characters that a step takes; -1 when it does not fit.
static int taken(const struct match *match, const struct regex_step *step, int at) {
  unsigned char c = at < match->length ? match->text[at] : 0;
  if (step->code == R_REFER) {
    int from = match->slots[2 * step->first], to = match->slots[2 * step->first + 1];
    if (from < 0 || to < 0 || to - from > match->length - at) return -1;
    int differs = match->program->icase ? strncasecmp(match->text + from, match->text + at, to - from)
                                        : memcmp(match->text + from, match->text + at, to - from);
    return differs ? -1 : to - from;
  }
  if (at >= match->length) return -1;
  if (step->code == R_CHARACTER) return c == step->first ? 1 : -1;
  if (step->code == R_ANY) return match->program->newline && c == '\n' ? -1 : 1;
  return match->program->sets[32 * step->first + (c >> 3)] >> (c & 7) & 1 ? 1 : -1;
}

// Goes one way to its end; puts other ways on the stack.
static int follow(struct match *match, int at_step, int at) {
  const struct regex_program *program = match->program;
  for (;;) {
    const struct regex_step *step = program->steps + at_step;
    if (match->seen) {
      long bit = (long)at * program->count + at_step;
      if (match->seen[bit >> 3] >> (bit & 7) & 1) return 1;
      match->seen[bit >> 3] |= 1 << (bit & 7);
    }
    switch (step->code) {
      case R_MATCH:
        if (at > match->best[1]) memcpy(match->best, match->slots, sizeof match->best), match->best[1] = at;
        return 1;
      case R_JUMP: at_step = step->first; continue;
      case R_SPLIT:
        if (match->passed) {
          if (match->passed[at_step] == at) return 1;
          if (!push(match, (struct pending){0, 0, SLOTS + at_step, match->passed[at_step]})) return 0;
          match->passed[at_step] = at;
        }
        if (!push(match, (struct pending){step->second, at, -1, 0})) return 0;
        at_step = step->first;
        continue;
      case R_SAVE:
        if (step->first < SLOTS) {
          if (!push(match, (struct pending){0, 0, step->first, match->slots[step->first]})) return 0;
          match->slots[step->first] = at;
        }
        at_step++;
        continue;
      case R_CHARACTER:
      case R_ANY:
      case R_SET:
      case R_REFER: {
        int count = taken(match, step, at);
        if (count < 0) return 1;
        at += count, at_step++;
        continue;
      }
      default:
        if (!holds(match, step->code, at)) return 1;
        at_step++;
    }
  }
}

static int match_at(struct match *match, int start) {
  for (int slot = 0; slot < SLOTS; slot++) match->slots[slot] = match->best[slot] = -1;
  match->slots[0] = start;
  match->count = 0;
  if (!push(match, (struct pending){0, start, -1, 0})) return REG_ESPACE;
  while (match->count > 0) {
    struct pending next = match->stack[--match->count];
    if (next.slot >= SLOTS) match->passed[next.slot - SLOTS] = next.held;
    else if (next.slot >= 0) match->slots[next.slot] = next.held;
    else if (!follow(match, next.step, next.at)) return REG_ESPACE;
  }
  return match->best[1] >= 0 ? 0 : REG_NOMATCH;
}

int regexec(const regex_t *compiled, const char *text, size_t count, regmatch_t *matches, int flags) {
  // With REG_STARTEND a part of the text counts, and what stands before it is still there.
  int within = (flags & REG_STARTEND) != 0, begin = within ? matches[0].rm_so : 0;
  struct match match = {.program = compiled->program, .text = text, .flags = flags};
  match.length = within ? matches[0].rm_eo : (int)strlen(text);
  const struct regex_step *first = match.program->steps;
  // What led nowhere from one start leads nowhere from the next.
  if (!match.program->refers) match.seen = calloc(1, ((long)(match.length + 1) * match.program->count >> 3) + 1);
  else if ((match.passed = malloc(match.program->count * sizeof(int)))) memset(match.passed, -1, match.program->count * sizeof(int));
  int answer = REG_NOMATCH;
  for (int start = begin; start <= match.length && answer == REG_NOMATCH; start++) {
    // Most places can be passed over at once.
    if (first->code == R_CHARACTER && (start == match.length || (unsigned char)text[start] != first->first)) continue;
    answer = match_at(&match, start);
    if (first->code == R_LINE_START && !match.program->newline) break;
  }
  for (size_t group = 0; answer == 0 && group < count; group++) {
    int known = 2 * group + 1 < SLOTS && group <= (size_t)match.program->groups && match.best[2 * group + 1] >= 0;
    matches[group] = known ? (regmatch_t){match.best[2 * group], match.best[2 * group + 1]} : (regmatch_t){-1, -1};
  }
  free(match.stack);
  free(match.seen);
  free(match.passed);
  return answer;
}
