// environ(7), getopt(3)
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **find(const char *name, size_t length) {
  for (char **at = environ; at && *at; at++)
    if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') return at;
  return 0;
}

char *getenv(const char *name) {
  size_t length = strlen(name);
  char **found = find(name, length);
  return found ? *found + length + 1 : 0;
}

int putenv(char *assignment) {
  char **found = find(assignment, strcspn(assignment, "="));
  if (found) return *found = assignment, 0;
  size_t count = 0;
  while (environ && environ[count]) count++;
  char **larger = malloc((count + 2) * sizeof *larger);
  if (!larger) return -1;
  memcpy(larger, environ, count * sizeof *larger);
  larger[count] = assignment, larger[count + 1] = 0;
  environ = larger;
  return 0;
}

int setenv(const char *name, const char *value, int overwrite) {
  if (!overwrite && find(name, strlen(name))) return 0;
  char *assignment;
  return asprintf(&assignment, "%s=%s", name, value) < 0 ? -1 : putenv(assignment);
}

int unsetenv(const char *name) {
  char **found = find(name, strlen(name));
  if (!found) return 0;
  do found[0] = found[1];
  while (*found++);
  return 0;
}

char *optarg;
int optind = 1, opterr = 1, optopt;
static int inside;

static int complain(const char *program, const char *before, const char *what, const char *after) {
  if (opterr) fprintf(stderr, "%s: %s%s%s\n", program, before, what, after);
  return '?';
}

static int long_option(int argc, char *const argv[], const struct option *longs, int *index) {
  char *text = argv[optind++] + 2;
  size_t length = strcspn(text, "=");
  const struct option *found = 0;
  int several = 0;
  for (const struct option *at = longs; at->name; at++) {
    if (strncmp(at->name, text, length)) continue;
    several += found != 0, found = at;
    if (at->name[length] == 0) {
      several = 0;
      break;
    }
  }
  if (!found || several) return complain(argv[0], several ? "option '--" : "unrecognized option '--", text, several ? "' is ambiguous" : "'");
  optarg = text[length] ? text + length + 1 : 0;
  if (optarg && found->has_arg == no_argument) return complain(argv[0], "option '--", found->name, "' doesn't allow an argument");
  if (!optarg && found->has_arg == required_argument) {
    if (optind >= argc) return complain(argv[0], "option '--", found->name, "' requires an argument");
    optarg = argv[optind++];
  }
  if (index) *index = found - longs;
  if (!found->flag) return found->val;
  *found->flag = found->val;
  return 0;
}

// Moves what is no option behind the options, as glibc does, unless `options` begins with a plus.
int getopt_long(int argc, char *const given[], const char *options, const struct option *longs, int *index) {
  char **argv = (char **)given;
  int in_order = *options == '+';
  options += in_order;
  if (optind == 0) optind = 1, inside = 0;
  if (!inside) {
    int at = optind;
    while (at < argc && (argv[at][0] != '-' || argv[at][1] == 0)) {
      if (in_order) return -1;
      at++;
    }
    if (at >= argc) return -1;
    char *found = argv[at];
    memmove(argv + optind + 1, argv + optind, (at - optind) * sizeof *argv);
    argv[optind] = found;
    if (strcmp(found, "--") == 0) return optind++, -1;
    if (longs && found[1] == '-') {
      // Its argument stands behind what was passed over.
      char **behind = argv + at + 1;
      int count = at - optind, before = optind;
      char *next = at + 1 < argc ? *behind : 0;
      if (count > 0 && next && !strchr(found, '=')) {
        memmove(argv + optind + 2, argv + optind + 1, count * sizeof *argv);
        argv[optind + 1] = next;
        int answer = long_option(argc, argv, longs, index);
        if (optind == before + 1) {
          memmove(argv + optind, argv + optind + 1, count * sizeof *argv);
          argv[optind + count] = next;
        }
        return answer;
      }
      return long_option(argc, argv, longs, index);
    }
    inside = 1;
    // The same for the argument of a letter at the end.
    if (at > optind && found[1]) {
      const char *last = strchr(options, found[strlen(found) - 1]);
      if (last && last[1] == ':' && last[2] != ':' && at + 1 < argc) {
        char *next = argv[at + 1];
        memmove(argv + optind + 2, argv + optind + 1, (at - optind) * sizeof *argv);
        argv[optind + 1] = next;
      }
    }
  }
  char *text = argv[optind], letter[2] = {text[inside++], 0};
  const char *found = letter[0] == ':' ? 0 : strchr(options, letter[0]);
  optopt = letter[0];
  int last = text[inside] == 0;
  if (!found) {
    if (last) optind++, inside = 0;
    return complain(argv[0], "invalid option -- '", letter, "'");
  }
  optarg = 0;
  if (found[1] == ':') {
    if (!last) optarg = text + inside;
    else if (found[2] != ':') {
      if (optind + 1 >= argc) {
        optind++, inside = 0;
        return *options == ':' ? ':' : complain(argv[0], "option requires an argument -- '", letter, "'");
      }
      optarg = argv[++optind];
    }
    optind++, inside = 0;
  } else if (last) optind++, inside = 0;
  return letter[0];
}

int getopt(int argc, char *const argv[], const char *options) { return getopt_long(argc, argv, options, 0, 0); }
