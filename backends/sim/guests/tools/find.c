// find
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <pwd.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shared.h"

enum test { AND, OR, NOT, COMMA, TRUE, FALSE, NAME, PATH, TYPE, NEWER, SIZE, PERM, USER, GROUP, EMPTY, EXEC, PRINT, PRINT0, PRINTF, DELETE, PRUNE, QUIT, MTIME, MMIN, LINKS, LINK_NAME };
struct condition {
  enum test test;
  struct condition *one, *other;
  const char *text;
  // + - or 0 in front of a number; i of a name; / of a mode.
  char sign, folds;
  long long number, unit;
  char **command, **kept;
  int words, count, collects, space;
  struct timespec when;
};

static char **at, **end;
static int least, most = 1 << 30, depth_first, status, acts, follows, pruned, quits, level;
static time_t now;
static struct condition *collectors[16];
static int collector_count;
static struct stat about;

static struct condition *list(void);

static struct condition *make(enum test test, struct condition *one, struct condition *other) {
  struct condition *new = need(calloc(1, sizeof *new));
  new->test = test, new->one = one, new->other = other;
  return new;
}

static const char *argument(const char *name) {
  if (at == end) object("missing argument to `%s'", name), exit(1);
  return *at++;
}

static long long number_of(struct condition *condition, const char *name, const char *text) {
  char *rest;
  if (*text == '+' || *text == '-') condition->sign = *text++;
  condition->number = strtoll(text, &rest, 10);
  condition->unit = *rest == 'c' ? 1 : *rest == 'k' ? 1024 : *rest == 'M' ? 1 << 20 : *rest == 'G' ? 1 << 30 : *rest == 'w' ? 2 : 512;
  if (rest == text || (*rest && (strcmp(name, "-size") || rest[1]))) object("invalid argument `%s' to `%s'", text, name), exit(1);
  return condition->number;
}

static struct condition *command(const char *name) {
  struct condition *new = make(EXEC, 0, 0);
  new->command = at;
  while (at < end && strcmp(*at, ";") && !(strcmp(*at, "+") == 0 && at > new->command && strcmp(at[-1], "{}") == 0)) at++;
  if (at == end || at == new->command) object("missing argument to `%s'", name), exit(1);
  new->collects = **at == '+';
  new->words = at - new->command - new->collects;
  at++, acts = 1;
  if (new->collects && collector_count < 16) collectors[collector_count++] = new;
  return new;
}

static struct condition *primary(void) {
  const char *name = *at++;
  if (strcmp(name, "!") == 0 || strcmp(name, "-not") == 0) {
    if (at == end) object("expected an expression after '%s'", name), exit(1);
    return make(NOT, primary(), 0);
  }
  if (strcmp(name, "(") == 0) {
    if (at < end && strcmp(*at, ")") == 0) object("invalid expression; empty parentheses are not allowed."), exit(1);
    struct condition *inner = list();
    if (at == end || strcmp(*at, ")")) object("invalid expression; I was expecting to find a ')' somewhere but did not see one."), exit(1);
    return at++, inner;
  }
  static const char names[] = "-true -false -name -iname -path -ipath -wholename -type -newer -size -perm -user -group -empty -exec -ok -print -print0 -printf -delete -prune -quit -mtime -mmin -links -lname -maxdepth -mindepth -depth -xdev -mount ";
  int which = 0;
  const char *known = names;
  for (; *known; known = strchr(known, ' ') + 1, which++)
    if (strncmp(known, name, strlen(name)) == 0 && known[strlen(name)] == ' ') break;
  struct condition *new = make(TRUE, 0, 0);
  switch (*known ? which : -1) {
    case 0: return new;
    case 1: return new->test = FALSE, new;
    case 2: case 3: return new->test = NAME, new->folds = which == 3, new->text = argument(name), new;
    case 4: case 5: case 6: return new->test = PATH, new->folds = which == 5, new->text = argument(name), new;
    case 7:
      new->test = TYPE, new->text = argument(name);
      for (const char *letter = new->text; *letter; letter += letter[1] == ',' ? 2 : 1)
        if (!strchr("bcdpfls", *letter)) object("Unknown argument to -type: %c", *letter), exit(1);
      return new;
    case 8: {
      struct stat other;
      new->test = NEWER, new->text = argument(name);
      if (stat(new->text, &other) < 0) complain("'%s'", new->text), exit(1);
      return new->when = other.st_mtim, new;
    }
    case 9: return new->test = SIZE, number_of(new, name, argument(name)), new;
    case 10: {
      new->test = PERM, new->text = argument(name);
      if (*new->text == '-' || *new->text == '/') new->sign = *new->text++;
      long mode = changed_mode(new->text, 0, 0);
      if (mode < 0) object("invalid mode '%s'", new->text), exit(1);
      return new->number = mode, new;
    }
    case 11: case 12: {
      new->test = which == 11 ? USER : GROUP, new->text = argument(name);
      struct passwd *user = which == 11 ? getpwnam(new->text) : 0;
      struct group *group = which == 12 ? getgrnam(new->text) : 0;
      char *rest;
      new->number = user ? (long long)user->pw_uid : group ? (long long)group->gr_gid : strtoll(new->text, &rest, 10);
      if (!user && !group && (*rest || !*new->text)) object(which == 11 ? "invalid user name or UID argument to -user: '%s'" : "invalid group name or GID argument to -group: '%s'", new->text), exit(1);
      return new;
    }
    case 13: return new->test = EMPTY, new;
    case 14: case 15: return command(name);
    case 16: return acts = 1, new->test = PRINT, new;
    case 17: return acts = 1, new->test = PRINT0, new;
    case 18: return acts = 1, new->test = PRINTF, new->text = argument(name), new;
    case 19: return acts = depth_first = 1, new->test = DELETE, new;
    case 20: return new->test = PRUNE, new;
    case 21: return acts = 1, new->test = QUIT, new;
    case 22: case 23: case 24: return new->test = which == 22 ? MTIME : which == 23 ? MMIN : LINKS, number_of(new, name, argument(name)), new;
    case 25: return new->test = LINK_NAME, new->text = argument(name), new;
    case 26: return most = atoi(argument(name)), new;
    case 27: return least = atoi(argument(name)), new;
    case 28: return depth_first = 1, new;
    case 29: case 30: return new;
  }
  if (*name == '-') object("unknown predicate `%s'", name);
  else object("paths must precede expression: `%s'", name);
  exit(1);
}

static int ends(void) { return at == end || strcmp(*at, ")") == 0 || strcmp(*at, "-o") == 0 || strcmp(*at, "-or") == 0 || strcmp(*at, ",") == 0; }

static struct condition *both(void) {
  if (ends()) object("invalid expression; you have used a binary operator '%s' with nothing before it.", at == end ? "-o" : *at), exit(1);
  struct condition *one = primary();
  while (!ends()) {
    if (strcmp(*at, "-a") == 0 || strcmp(*at, "-and") == 0) at++;
    if (at == end) object("expected an expression after '-a'"), exit(1);
    one = make(AND, one, primary());
  }
  return one;
}

static struct condition *either(void) {
  struct condition *one = both();
  while (at < end && (strcmp(*at, "-o") == 0 || strcmp(*at, "-or") == 0)) {
    if (++at == end) object("expected an expression after '-o'"), exit(1);
    one = make(OR, one, both());
  }
  return one;
}

static struct condition *list(void) {
  struct condition *one = either();
  while (at < end && strcmp(*at, ",") == 0) at++, one = make(COMMA, one, either());
  return one;
}

static int compared(const struct condition *condition, long long number) {
  return condition->sign == '+' ? number > condition->number : condition->sign == '-' ? number < condition->number : number == condition->number;
}

static void run_collected(struct condition *collector) {
  if (!collector->count) return;
  char **argv = need(malloc((collector->words + collector->count + 1) * sizeof *argv));
  memcpy(argv, collector->command, collector->words * sizeof *argv);
  memcpy(argv + collector->words, collector->kept, collector->count * sizeof *argv);
  argv[collector->words + collector->count] = 0;
  if (run_program(argv)) status = 1;
  for (int one = 0; one < collector->count; one++) free(collector->kept[one]);
  collector->count = 0;
  free(argv);
}

static int execute(struct condition *condition, const char *path) {
  if (condition->collects) {
    if (condition->count % 64 == 0) condition->kept = need(realloc(condition->kept, (condition->count + 64) * sizeof *condition->kept));
    condition->kept[condition->count++] = need(strdup(path));
    if (condition->count == 4096) run_collected(condition);
    return 1;
  }
  char **argv = need(malloc((condition->words + 1) * sizeof *argv));
  for (int word = 0; word < condition->words; word++) {
    argv[word] = with_item(condition->command[word], "{}", path);
  }
  argv[condition->words] = 0;
  int answer = run_program(argv) == 0;
  free_names(argv, condition->words);
  return answer;
}

static void print_formatted(const char *format, const char *path) {
  char text[64];
  const char *slash = strrchr(path, '/'), *name = slash && slash[1] ? slash + 1 : path;
  while (*format) {
    if (*format == '\\') {
      format++;
      int c = escaped(&format, 0);
      if (c < 0) return;
      putchar(c);
      continue;
    }
    if (*format != '%') {
      putchar(*format++);
      continue;
    }
    char width[16] = "%", kind;
    format++;
    size_t length = strspn(format, "-0123456789");
    strncpy(width + 1, format, length < 10 ? length : 10)[length < 10 ? length : 10] = 0;
    strcat(width, "s");
    format += length, kind = *format ? *format++ : '%';
    const char *shown = text;
    if (kind == 'p') shown = path;
    else if (kind == 'f') shown = name;
    else if (kind == 'P') shown = level ? path + (strlen(path) - strlen(name)) : "";
    else if (kind == 'h') snprintf(text, sizeof text, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    else if (kind == 's') snprintf(text, sizeof text, "%lld", (long long)about.st_size);
    else if (kind == 'm') snprintf(text, sizeof text, "%o", about.st_mode & 07777);
    else if (kind == 'M') mode_letters(about.st_mode, text);
    else if (kind == 'y') mode_letters(about.st_mode, text), text[0] = text[0] == '-' ? 'f' : text[0], text[1] = 0;
    else if (kind == 'u') user_name(about.st_uid, text);
    else if (kind == 'g') group_name(about.st_gid, text);
    else if (kind == 'U' || kind == 'G') snprintf(text, sizeof text, "%u", kind == 'U' ? about.st_uid : about.st_gid);
    else if (kind == 'i' || kind == 'n') snprintf(text, sizeof text, "%llu", (unsigned long long)(kind == 'i' ? about.st_ino : about.st_nlink));
    else if (kind == 'd') snprintf(text, sizeof text, "%d", level);
    else if (kind == 'T' && *format == '@') format++, snprintf(text, sizeof text, "%lld.%09lld0", (long long)about.st_mtim.tv_sec, (long long)about.st_mtim.tv_nsec);
    else if (kind == 'l') {
      shown = "";
      if (S_ISLNK(about.st_mode)) {
        char *link = need(calloc(1, 4096));
        readlink(path, link, 4095) < 0 ? 0 : printf(width, link);
        free(link);
        continue;
      }
    } else snprintf(text, sizeof text, "%c", kind);
    printf(width, shown);
  }
}

static int is_empty(const char *path) {
  if (S_ISREG(about.st_mode)) return about.st_size == 0;
  if (!S_ISDIR(about.st_mode)) return 0;
  int count;
  char **names = names_in(path, &count);
  if (names) free_names(names, count);
  return names && count == 0;
}

static int holds(struct condition *condition, const char *path) {
  switch (condition->test) {
    case AND: return holds(condition->one, path) && holds(condition->other, path);
    case OR: return holds(condition->one, path) || holds(condition->other, path);
    case NOT: return !holds(condition->one, path);
    case COMMA: return holds(condition->one, path), holds(condition->other, path);
    case TRUE: return 1;
    case FALSE: return 0;
    case NAME: {
      char *name = last_name(path);
      int answer = fnmatch(condition->text, name, condition->folds ? FNM_CASEFOLD : 0) == 0;
      return free(name), answer;
    }
    case PATH: return fnmatch(condition->text, path, condition->folds ? FNM_CASEFOLD : 0) == 0;
    case TYPE: {
      char letters[12];
      mode_letters(about.st_mode, letters);
      return strchr(condition->text, letters[0] == '-' ? 'f' : letters[0]) != 0;
    }
    case NEWER: return about.st_mtim.tv_sec > condition->when.tv_sec || (about.st_mtim.tv_sec == condition->when.tv_sec && about.st_mtim.tv_nsec > condition->when.tv_nsec);
    case SIZE: return compared(condition, (about.st_size + condition->unit - 1) / condition->unit);
    case PERM: {
      long long bits = about.st_mode & 07777;
      return condition->sign == '-' ? (bits & condition->number) == condition->number : condition->sign == '/' ? !condition->number || bits & condition->number : bits == condition->number;
    }
    case USER: return about.st_uid == condition->number;
    case GROUP: return about.st_gid == condition->number;
    case LINKS: return compared(condition, about.st_nlink);
    case MTIME: return compared(condition, (now - about.st_mtime) / 86400);
    case MMIN: return compared(condition, (now - about.st_mtime + 59) / 60);
    case EMPTY: return is_empty(path);
    case EXEC: return execute(condition, path);
    case PRINT: return puts(path), 1;
    case PRINT0: return fputs(path, stdout), putchar(0), 1;
    case PRINTF: return print_formatted(condition->text, path), 1;
    case PRUNE: return pruned = 1;
    case QUIT: return quits = 1;
    case LINK_NAME: {
      char *link = need(calloc(1, 4096));
      int answer = readlink(path, link, 4095) >= 0 && fnmatch(condition->text, link, 0) == 0;
      return free(link), answer;
    }
    case DELETE:
      if (strcmp(path, ".") == 0) return 1;
      if ((S_ISDIR(about.st_mode) ? rmdir(path) : unlink(path)) == 0) return 1;
      status = complain("cannot delete '%s'", path);
      return 0;
  }
  return 0;
}

static void visit(struct condition *condition, const char *path, int depth) {
  if ((follows ? stat(path, &about) : -1) < 0 && lstat(path, &about) < 0) {
    status = complain("'%s'", path);
    return;
  }
  struct stat here = about;
  pruned = 0, level = depth;
  if (!depth_first && depth >= least) holds(condition, path);
  if (S_ISDIR(here.st_mode) && !(pruned && !depth_first) && depth < most && !quits) {
    int count;
    char **names = names_in(path, &count);
    if (!names) status = complain("'%s'", path);
    for (int one = 0; one < count && !quits; one++) {
      char *below = path_join(path, names[one]);
      visit(condition, below, depth + 1);
      free(below);
    }
    if (names) free_names(names, count);
  }
  about = here, level = depth;
  if (depth_first && depth >= least && !quits) holds(condition, path);
}

TOOL(find) {
  int first = 1;
  for (; first < argc && (strcmp(argv[first], "-L") == 0 || strcmp(argv[first], "-P") == 0 || strcmp(argv[first], "-H") == 0); first++) follows = argv[first][1] == 'L';
  int last = first;
  while (last < argc && argv[last][0] != '-' && strcmp(argv[last], "!") && strcmp(argv[last], "(")) last++;
  at = argv + last, end = argv + argc;
  now = time(0);
  struct condition *condition = at < end ? list() : make(TRUE, 0, 0);
  if (at < end) return object("invalid expression; you have too many ')'");
  if (!acts) condition = make(AND, condition, make(PRINT, 0, 0));
  if (first == last) visit(condition, ".", 0);
  for (; first < last && !quits; first++) visit(condition, argv[first], 0);
  for (int one = 0; one < collector_count; one++) run_collected(collectors[one]);
  return status;
}
