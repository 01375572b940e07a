// Lines of a terminal: editing keys, history, completion.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "shell.h"

enum { history_lines = 100, line_bytes = 4096 };
// Keys that are several bytes.
enum { UP = 256, DOWN, LEFT, RIGHT, HOME, LAST_PLACE, DELETE, WORD_LEFT, WORD_RIGHT, NO_KEY };
#define CONTROL(letter) ((letter) & 31)

static char *history[history_lines];
static int history_count;

// The line, where the cursor stands, and the row of the screen, from the prompt on, in which it is.
static char *text;
static int length, at, row;
static const char *prompt;
static struct text screen;

static void show(const char *bytes) { add_text(&screen, bytes); }

static void flush_screen(void) {
  if (screen.length) write(2, screen.start, screen.length);
  screen = (struct text){.arena = &scratch};
}

static int is_inside(char byte) { return (byte & 0xc0) == 0x80; }

static int width(const char *bytes, int count) {
  int columns = 0;
  for (int place = 0; place < count; place++) columns += !is_inside(bytes[place]);
  return columns;
}

static void move(int count, char direction) {
  char code[16];
  if (count <= 0) return;
  snprintf(code, sizeof code, "\033[%d%c", count, direction);
  show(code);
}

static int columns(void) {
  struct winsize size = {0};
  return ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void redraw(void) {
  int wide = columns(), before = width(prompt, (int)strlen(prompt));
  int all = before + width(text, length), here = before + width(text, at);
  move(row, 'A');
  show("\r"), show(prompt);
  text[length] = 0;
  show(text), show("\033[J");
  if (all > 0 && all % wide == 0) show("\n");
  row = here / wide;
  move(all / wide - row, 'A');
  show("\r");
  move(here % wide, 'C');
  flush_screen();
}

static void insert(const char *bytes, int count) {
  if (length + count >= line_bytes) return;
  memmove(text + at + count, text + at, length - at);
  memcpy(text + at, bytes, count);
  length += count, at += count;
}

static void erase(int from, int to) {
  memmove(text + from, text + to, length - to);
  length -= to - from, at = from;
}

static int before(int place) {
  do place--;
  while (place > 0 && is_inside(text[place]));
  return place < 0 ? 0 : place;
}
static int behind(int place) {
  do place++;
  while (place < length && is_inside(text[place]));
  return place > length ? length : place;
}
static int word_before(int place) {
  while (place > 0 && text[place - 1] == ' ') place--;
  while (place > 0 && text[place - 1] != ' ') place--;
  return place;
}
static int word_behind(int place) {
  while (place < length && text[place] == ' ') place++;
  while (place < length && text[place] != ' ') place++;
  return place;
}

// -1: the end, or Ctrl-C. Other signals have their traps run when the line is whole.
static int read_byte(void) {
  unsigned char byte;
  ssize_t got;
  do got = read(0, &byte, 1);
  while (got < 0 && errno == EINTR && !interrupted);
  return got == 1 ? byte : -1;
}

static int read_key(void) {
  int byte = read_byte();
  if (byte != 27) return byte;
  byte = read_byte();
  if (byte == 'b') return WORD_LEFT;
  if (byte == 'f') return WORD_RIGHT;
  if (byte != '[' && byte != 'O') return NO_KEY;
  int number = 0;
  while ((byte = read_byte()) >= '0' && byte <= '9') number = number * 10 + byte - '0';
  static const char letters[] = "ABDCHF";
  const char *letter = byte > 0 ? strchr(letters, byte) : 0;
  if (letter) return UP + (int)(letter - letters);
  if (byte != '~') return NO_KEY;
  return number == 3 ? DELETE : number == 1 || number == 7 ? HOME : number == 4 || number == 8 ? LAST_PLACE : NO_KEY;
}

static void replace(const char *by) {
  length = (int)strnlen(by, line_bytes - 1);
  memcpy(text, by, length);
  at = length;
}

// Through the lines before; the one that is being written stands behind the last.
static int recall(int place, int to, char **kept) {
  if (to < 0 || to > history_count) return place;
  text[length] = 0;
  if (place == history_count) free(*kept), *kept = copied(text);
  replace(to == history_count ? *kept : history[to]);
  return to;
}

static void remember(void) {
  if (length == 0 || (history_count && strcmp(history[history_count - 1], text) == 0)) return;
  if (history_count == history_lines) {
    free(history[0]);
    memmove(history, history + 1, --history_count * sizeof *history);
  }
  history[history_count++] = copied(text);
}

static void tab(int again) {
  struct mark mark = mark_of(&scratch);
  struct fields found = {0};
  struct text more = {.arena = &scratch};
  text[length] = 0;
  complete(text, at, &more, &found);
  screen = (struct text){.arena = &scratch};
  if (more.length) insert(more.start, (int)more.length);
  else if (again && found.count > 1) {
    show("\n");
    for (int one = 0; one < found.count; one++) show(found.list[one]), show(one + 1 < found.count ? "  " : "\n");
    row = 0;
  } else show("\a");
  redraw();
  release(&scratch, mark);
}

// Answers 0 while the line goes on, 1 when it is whole, -1 for an end or an interruption.
static int act(int key, int *place, char **kept, int before_key) {
  char byte = (char)key;
  switch (key) {
    case -1: return -1;
    case '\r':
    case '\n': return 1;
    case CONTROL('c'): return interrupted = 1, show("^C"), flush_screen(), -1;
    case CONTROL('d'):
      if (length == 0) return -1;
      // fall through
    case DELETE:
      if (at < length) erase(at, behind(at));
      break;
    case 8:
    case 127:
      if (at > 0) erase(before(at), at);
      break;
    case CONTROL('a'):
    case HOME: at = 0; break;
    case CONTROL('e'):
    case LAST_PLACE: at = length; break;
    case CONTROL('b'):
    case LEFT: at = before(at); break;
    case CONTROL('f'):
    case RIGHT: at = behind(at); break;
    case WORD_LEFT: at = word_before(at); break;
    case WORD_RIGHT: at = word_behind(at); break;
    case CONTROL('k'): length = at; break;
    case CONTROL('u'): erase(0, at); break;
    case CONTROL('w'): erase(word_before(at), at); break;
    case CONTROL('l'): show("\033[H\033[2J"), row = 0; break;
    case CONTROL('p'):
    case UP: *place = recall(*place, *place - 1, kept); break;
    case CONTROL('n'):
    case DOWN: *place = recall(*place, *place + 1, kept); break;
    case '\t': return tab(before_key == '\t'), 0;
    default:
      if (key < 32 || key > 255) return 0;
      insert(&byte, 1);
      // At the end of a row the screen is drawn again; otherwise the character alone.
      if (at == length && (width(prompt, (int)strlen(prompt)) + width(text, at)) % columns()) return write(2, &byte, 1), 0;
  }
  redraw();
  return 0;
}

// A line with its newline, which the caller frees; 0 at the end.
char *edit_line(const char *with) {
  static struct termios usual;
  static int known;
  if (!known) known = tcgetattr(0, &usual) == 0;
  struct termios raw = usual;
  raw.c_lflag &= ~(unsigned)(ICANON | ECHO | ISIG);
  raw.c_iflag &= ~(unsigned)ICRNL;
  raw.c_cc[VMIN] = 1, raw.c_cc[VTIME] = 0;
  tcsetattr(0, TCSADRAIN, &raw);
  struct mark mark = mark_of(&scratch);
  screen = (struct text){.arena = &scratch};
  if (!(text = malloc(line_bytes + 2))) out_of_memory();
  prompt = with, length = at = row = 0;
  show(prompt), flush_screen();
  int place = history_count, done = 0, key = 0;
  char *kept = 0;
  while (!done) {
    int before_key = key;
    key = read_key();
    done = act(key, &place, &kept, before_key);
  }
  if (done > 0 && at != length) at = length, redraw();
  if (done > 0) show("\n"), flush_screen();
  tcsetattr(0, TCSADRAIN, &usual);
  free(kept);
  release(&scratch, mark);
  text[length] = 0;
  if (done > 0) remember();
  text[length] = '\n', text[length + 1] = 0;
  if (done < 0) free(text);
  return done < 0 ? 0 : text;
}
