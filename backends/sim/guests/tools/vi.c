// vi(1), small: insert, append, open, change, delete, yank, put, one undo, search, :w :q :wq, arrows.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "system.h"

// The text is one string of lines, each with its newline; `at` is where the cursor stands.
static char *text, *undo_text, *yanked, *file_name;
static size_t at, top, undo_at;
static int changed, rows, columns_count, yanked_lines, inserting;
static char message[256], pattern[128];

static size_t line_start(size_t from) {
  while (from > 0 && text[from - 1] != '\n') from--;
  return from;
}
static size_t line_end(size_t from) { return from + strcspn(text + from, "\n"); }
static size_t next_line(size_t from) {
  size_t end = line_end(from);
  return text[end] && text[end + 1] ? end + 1 : line_start(from);
}
static size_t previous_line(size_t from) {
  size_t start = line_start(from);
  return start ? line_start(start - 1) : 0;
}
static size_t in_line(size_t start, size_t column) {
  size_t length = line_end(start) - start;
  if (!inserting && length) length--;
  return start + (column < length ? column : length);
}

static void remember(void) {
  free(undo_text);
  undo_text = need(strdup(text)), undo_at = at, changed = 1;
}

static void insert(size_t where, const char *from, size_t bytes) {
  size_t length = strlen(text);
  text = need(realloc(text, length + bytes + 1));
  memmove(text + where + bytes, text + where, length - where + 1);
  memcpy(text + where, from, bytes);
}

static void cut(size_t from, size_t to, int lines) {
  free(yanked);
  yanked = need(strndup(text + from, to - from)), yanked_lines = lines;
}

static void erase(size_t from, size_t to) {
  memmove(text + from, text + to, strlen(text + to) + 1);
  if (!*text) insert(0, "\n", 1);
  at = from > 0 && !text[from] ? line_start(from - 1) : from;
}

static void draw(void) {
  size_t start = line_start(at), shown = top, line = 0;
  if (start < top) top = start;
  for (shown = top; shown < start && line < (size_t)rows; line++) shown = line_end(shown) + 1;
  for (; line >= (size_t)rows - 1; line--) top = line_end(top) + 1;
  printf("\33[?25l\33[H");
  shown = top;
  int cursor_row = 0;
  for (int row = 0; row < rows - 1; row++) {
    if (text[shown]) {
      size_t length = line_end(shown) - shown;
      if (shown == start) cursor_row = row;
      printf("%.*s\33[K\r\n", (int)(length < (size_t)columns_count ? length : (size_t)columns_count - 1), text + shown);
      shown = line_end(shown), shown += text[shown] != 0;
    } else printf("~\33[K\r\n");
  }
  printf("%s\33[K\33[%d;%dH\33[?25h", message, cursor_row + 1, (int)(at - start) + 1);
  fflush(stdout);
}

// A key; arrows as the letters that move there.
static int key(void) {
  static unsigned char behind;
  unsigned char letter = behind;
  behind = 0;
  if (!letter && read(0, &letter, 1) < 1) return -1;
  if (letter != 27) return letter;
  // A terminal sends what stands for an arrow at once.
  struct pollfd more = {0, POLLIN, 0};
  if (poll(&more, 1, 20) <= 0) return 27;
  if (read(0, &letter, 1) < 1) return 27;
  if (letter != '[' && letter != 'O') return behind = letter, 27;
  if (read(0, &letter, 1) < 1) return 27;
  static const char from[] = "ABCDHF", to[] = "kjlh0$";
  const char *found = strchr(from, letter);
  return found ? 256 + to[found - from] : 27;
}

static int save(const char *name) {
  if (!name || !*name) return snprintf(message, sizeof message, "No current filename"), 0;
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0 || write_all(fd, text, strlen(text)) < 0) return snprintf(message, sizeof message, "'%s' %s", name, strerror(errno)), 0;
  close(fd);
  int lines = 0;
  for (char *each = text; *each; each++) lines += *each == '\n';
  snprintf(message, sizeof message, "'%s' %dL, %uC", name, lines, (unsigned)strlen(text));
  return changed = 0, 1;
}

// What is typed below the text; 0 when it was given up.
static int ask(char first, char *to, int room) {
  int length = 0;
  for (;;) {
    printf("\33[%d;1H%c%.*s\33[K", rows, first, length, to);
    fflush(stdout);
    int letter = key();
    if (letter == 27 || letter < 0 || ((letter == 127 || letter == 8) && !length)) return 0;
    if (letter == '\r' || letter == '\n') return to[length] = 0, 1;
    if (letter == 127 || letter == 8) length--;
    else if (letter < 256 && length < room - 1) to[length++] = (char)letter;
  }
}

static void search(int backwards) {
  char *found = 0;
  if (backwards) {
    for (char *each = text; (each = strstr(each, pattern)) && each < text + at; each++) found = each;
  } else if (!(found = text[at] ? strstr(text + at + 1, pattern) : 0)) found = strstr(text, pattern);
  if (found && *pattern) at = found - text;
  else snprintf(message, sizeof message, "Pattern not found: %s", pattern);
}

// Answers whether the editor ends.
static int command(void) {
  char line[128];
  if (!ask(':', line, sizeof line)) return 0;
  if (*line >= '0' && *line <= '9') {
    at = 0;
    for (int number = atoi(line); number > 1; number--) at = next_line(at);
    return 0;
  }
  if (*line == '$') return at = strlen(text) - 1, at = line_start(at), 0;
  int writes = *line == 'w' || *line == 'x', quits = strchr(line, 'q') != 0 || *line == 'x', forced = strchr(line, '!') != 0;
  char *name = strchr(line, ' ');
  if (!writes && *line != 'q') return snprintf(message, sizeof message, "Not an editor command: %.100s", line), 0;
  if (writes && !save(name ? name + 1 : file_name)) return 0;
  if (quits && changed && !forced) return snprintf(message, sizeof message, "No write since last change (:quit! overrides)"), 0;
  return quits;
}

static void insert_keys(void) {
  inserting = 1;
  for (int letter; draw(), (letter = key()) >= 0 && letter != 27;) {
    char one = letter == '\r' ? '\n' : (char)letter;
    if (letter >= 256) {
      size_t column = at - line_start(at);
      if (letter == 256 + 'h' && at > line_start(at)) at--;
      if (letter == 256 + 'l' && at < line_end(at)) at++;
      if (letter == 256 + 'j') at = in_line(next_line(at), column);
      if (letter == 256 + 'k') at = in_line(previous_line(at), column);
    } else if (letter == 127 || letter == 8) {
      if (at > 0) at--, erase(at, at + 1);
    } else insert(at, &one, 1), at++;
  }
  inserting = 0;
  if (at > line_start(at)) at--;
}

static int is_word(char letter) { return letter == '_' || isalnum((unsigned char)letter); }
static size_t word_behind(size_t from) {
  while (is_word(text[from])) from++;
  while (text[from] && !is_word(text[from]) && text[from + 1]) from++;
  return from;
}

// Where a motion leads from here; `lines` tells that it is about whole lines.
static size_t motion(int letter, int *lines) {
  size_t start = line_start(at), column = at - start;
  *lines = letter == 'j' || letter == 'k' || letter == 'G';
  switch (letter) {
    case 'h': return at > start ? at - 1 : at;
    case 'l': case ' ': return text[at] != '\n' ? at + 1 : at;
    case '0': case '^': return start;
    case '$': return line_end(at);
    case 'j': case '\r': return in_line(next_line(at), column);
    case 'k': return in_line(previous_line(at), column);
    case 'w': return word_behind(at);
    case 'b': {
      size_t to = at;
      while (to > 0 && !is_word(text[to - 1])) to--;
      while (to > 0 && is_word(text[to - 1])) to--;
      return to;
    }
    case 'e': {
      size_t to = at + 1;
      while (text[to] && !is_word(text[to])) to++;
      while (is_word(text[to])) to++;
      return to;
    }
    case 'G': return line_start(strlen(text) - 1);
  }
  return (size_t)-1;
}

// d, y and c with what they are about.
static void operate(int letter) {
  int other = key(), lines;
  size_t from = at, to;
  if (other == letter) from = line_start(at), to = line_end(at) + 1, lines = 1;
  else if ((to = motion(other & 255, &lines)) == (size_t)-1) return;
  if (lines && other != letter) {
    size_t first = line_start(at < to ? at : to), last = line_end(at < to ? to : at) + 1;
    from = first, to = last;
  }
  if (to < from) from = to, to = at;
  if (other == 'e' && letter == 'c' && text[to] == '\n') lines = 0;
  cut(from, to, lines);
  if (letter == 'y') return;
  remember();
  if (letter == 'c' && lines) to--;
  erase(from, to);
  if (letter == 'c') insert_keys();
}

static int normal(int letter) {
  int lines;
  if (letter >= 256) letter -= 256;
  size_t to = motion(letter, &lines);
  if (to != (size_t)-1) at = to;
  else if (strchr("iaIAoO", letter)) {
    remember();
    if (letter == 'a' && text[at] != '\n') at++;
    if (letter == 'I' || letter == 'O') at = line_start(at);
    if (letter == 'A' || letter == 'o') at = line_end(at);
    if (letter == 'o' || letter == 'O') insert(at, "\n", 1), at += letter == 'o';
    insert_keys();
  } else if (letter == 'x' && text[at] != '\n') remember(), cut(at, at + 1, 0), erase(at, at + 1);
  else if (letter == 'D' || letter == 'C') {
    remember(), cut(at, line_end(at), 0), erase(at, line_end(at));
    if (letter == 'C') insert_keys();
  } else if (strchr("dyc", letter)) operate(letter);
  else if (letter == 'r') remember(), text[at] = (char)key();
  else if (letter == 'J' && text[line_end(at)] && text[line_end(at) + 1]) remember(), at = line_end(at), text[at] = ' ';
  else if ((letter == 'p' || letter == 'P') && yanked) {
    remember();
    if (yanked_lines) at = letter == 'p' ? line_end(at) + 1 : line_start(at);
    else if (letter == 'p' && text[at] != '\n') at++;
    insert(at, yanked, strlen(yanked));
  } else if (letter == 'u' && undo_text) {
    char *now = text;
    size_t was = at;
    text = undo_text, at = undo_at, undo_text = now, undo_at = was;
  } else if (letter == 'g' && key() == 'g') at = 0;
  else if (letter == '/' && ask('/', pattern, sizeof pattern)) search(0);
  else if (letter == 'n' || letter == 'N') search(letter == 'N');
  else if (letter == 'Z' && key() == 'Z') return save(file_name);
  else if (letter == ':') return command();
  return 0;
}

TOOL(vi) {
  struct termios was;
  if (tcgetattr(0, &was) < 0) return object("standard input is no terminal");
  file_name = argc > 1 ? argv[1] : 0;
  size_t bytes = 0;
  text = file_name ? file_text(file_name, &bytes) : 0;
  if (file_name) snprintf(message, sizeof message, text ? "'%s' %uC" : "'%s' [New File]", file_name, (unsigned)bytes);
  if (!text) text = need(strdup(""));
  if (!*text || text[strlen(text) - 1] != '\n') insert(strlen(text), "\n", 1);
  struct winsize size;
  int known = ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_row > 2;
  rows = known ? size.ws_row : 24, columns_count = known ? size.ws_col : 80;
  struct termios raw = was;
  raw.c_lflag &= ~(unsigned)(ICANON | ECHO | ISIG | IEXTEN), raw.c_iflag &= ~(unsigned)(ICRNL | IXON);
  tcsetattr(0, TCSANOW, &raw);
  printf("\33[?1049h");
  for (;;) {
    at = in_line(line_start(at), at - line_start(at));
    draw();
    *message = 0;
    int letter = key();
    if (letter < 0 || normal(letter)) break;
  }
  printf("\33[?1049l");
  fflush(stdout);
  tcsetattr(0, TCSANOW, &was);
  return 0;
}
