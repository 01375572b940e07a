// Who gets a signal: kill(1), pgrep(1), pkill(1)
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "system.h"

static int list_signals(char **names) {
  if (!*names) {
    for (int number = 1; number < 32; number++) printf("%s%c", signal_name(number), number == 16 || number == 31 ? '\n' : ' ');
    return 0;
  }
  for (; *names; names++) {
    int number = signal_number(*names);
    // The status of a process that a signal has ended.
    if (number < 0 && isdigit((unsigned char)**names)) number = atoi(*names) & 127;
    if (number < 0) return object("unknown signal name %s", *names);
    if (isdigit((unsigned char)**names)) puts(signal_name(number & 127) ? signal_name(number & 127) : *names);
    else printf("%d\n", number);
  }
  return 0;
}

static int kill_usage(void) {
  fputs("\nUsage:\n kill [options] <pid> [...]\n\nOptions:\n <pid> [...]            send signal to every <pid> listed\n"
        " -<signal>, -s, --signal <signal>\n                        specify the <signal> to be sent\n"
        " -l, --list=[<signal>]  list all signal names, or convert one to a name\n\nFor more details see kill(1).\n", stderr);
  return 1;
}

TOOL(kill) {
  int number = SIGTERM, at = 1, status = 0;
  for (; at < argc && *argv[at] == '-' && argv[at][1]; at++) {
    char *word = argv[at] + 1;
    if (strcmp(word, "l") == 0 || strcmp(word, "-list") == 0 || strcmp(word, "L") == 0) return list_signals(argv + at + 1);
    if (strcmp(word, "-") == 0) {
      at++;
      break;
    }
    if (strcmp(word, "s") == 0 || strcmp(word, "n") == 0 || strcmp(word, "-signal") == 0) word = at + 1 < argc ? argv[++at] : "";
    else if (at > 1 && isdigit((unsigned char)*word)) break;
    number = signal_number(word);
    if (number < 0) return object("invalid argument %s", word), kill_usage();
  }
  if (at >= argc) return kill_usage();
  for (; at < argc; at++) {
    char *end;
    long pid = strtol(argv[at], &end, 10);
    if (*end || end == argv[at]) status = object("failed to parse argument: '%s'", argv[at]);
    else if (kill(pid, number) < 0) status = complain("(%ld)", pid);
  }
  return status;
}

static int in_list(const char *list, long number) {
  for (; *list; list += strcspn(list, ","), list += *list == ',')
    if (strtol(list, 0, 10) == number) return 1;
  return 0;
}

static int users_in(const char *list, uid_t uid) {
  char name[32];
  user_name(uid, name);
  for (; *list; list += strcspn(list, ","), list += *list == ',') {
    size_t length = strcspn(list, ",");
    if (isdigit((unsigned char)*list) ? strtoul(list, 0, 10) == uid : strlen(name) == length && strncmp(list, name, length) == 0) return 1;
  }
  return 0;
}

// Status 0: some; 1: none; 2: wrong usage.
static int search(int argc, char **argv, int kills) {
  int full = 0, exact = 0, counted = 0, newest = 0, oldest = 0, inverse = 0, named = 0, whole = 0, any_case = 0, echo = 0;
  int number = SIGTERM;
  const char *parents = 0, *users = 0, *real = 0, *groups = 0, *sessions = 0, *between = "\n";
  if (kills)
    for (int at = 1; at < argc; at++)
      if (*argv[at] == '-' && argv[at][1] && argv[at][1] != '-' && signal_number(argv[at] + 1) >= 0) {
        number = signal_number(argv[at] + 1);
        memmove(argv + at, argv + at + 1, (argc - at) * sizeof *argv), argc--;
        break;
      }
  static const struct option longs[] = {
      {"full", 0, 0, 'f'},   {"exact", 0, 0, 'x'},     {"parent", 1, 0, 'P'}, {"euid", 1, 0, 'u'},      {"uid", 1, 0, 'U'},
      {"count", 0, 0, 'c'},  {"newest", 0, 0, 'n'},    {"oldest", 0, 0, 'o'}, {"list-name", 0, 0, 'l'}, {"list-full", 0, 0, 'a'},
      {"signal", 1, 0, 's'}, {"delimiter", 1, 0, 'd'}, {"inverse", 0, 0, 'v'}, {"ignore-case", 0, 0, 'i'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "fxcnolaveid:P:u:U:g:s:", longs, 0)) != -1;) switch (letter) {
      case 'f': full = 1; break;
      case 'x': exact = 1; break;
      case 'c': counted = 1; break;
      case 'n': newest = 1; break;
      case 'o': oldest = 1; break;
      case 'l': named = 1; break;
      case 'a': whole = 1; break;
      case 'v': inverse = 1; break;
      case 'e': echo = 1; break;
      case 'i': any_case = 1; break;
      case 'd': between = optarg; break;
      case 'P': parents = optarg; break;
      case 'u': users = optarg; break;
      case 'U': real = optarg; break;
      case 'g': groups = optarg; break;
      case 's':
        if (kills && signal_number(optarg) >= 0) number = signal_number(optarg);
        else sessions = optarg;
        break;
      default: return 2;
    }
  if (!argv[optind] && !parents && !users && !real && !groups && !sessions)
    return object("no matching criteria specified"), fprintf(stderr, "Try `%s --help' for more information.\n", tool), 2;
  if (argv[optind] && argv[optind + 1])
    return object("only one pattern can be provided"), fprintf(stderr, "Try `%s --help' for more information.\n", tool), 2;
  regex_t compiled;
  char *pattern = 0;
  if (argv[optind]) {
    asprintf(&pattern, exact ? "^(%s)$" : "%s", argv[optind]);
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB | (any_case ? REG_ICASE : 0))) return object("regex error"), 2;
  }
  int count, found = 0;
  struct process *all = all_processes(&count), *best = 0;
  for (int turn = 0; turn < 1 + (newest || oldest); turn++)
    for (int at = 0; at < count; at++) {
      struct process *it = &all[at];
      if (it->pid == getpid()) continue;
      char *command = command_of(it);
      int matches = (!parents || in_list(parents, it->ppid)) && (!users || users_in(users, it->euid)) &&
                    (!real || users_in(real, it->uid)) && (!groups || in_list(groups, it->pgid)) &&
                    (!sessions || in_list(sessions, it->sid)) &&
                    (!pattern || regexec(&compiled, full ? command : it->comm, 0, 0, 0) == 0);
      matches = matches != inverse;
      if (matches && (newest || oldest) && turn == 0) {
        if (!best || (newest ? it->start_ticks >= best->start_ticks : it->start_ticks < best->start_ticks)) best = it;
      } else if (matches && (!(newest || oldest) || it == best)) {
        if (kills) {
          if (kill(it->pid, number) < 0) complain("killing pid %d failed", it->pid);
          else if (found++, echo) printf("%s killed (pid %d)\n", it->comm, it->pid);
        } else {
          if (!counted && found) fputs(between, stdout);
          found++;
          if (!counted) printf(whole ? "%d %s" : named ? "%d %s" : "%d", it->pid, whole ? command : it->comm);
        }
      }
      free(command);
    }
  if (counted) printf("%d\n", found);
  else if (!kills && found) putchar('\n');
  return found == 0;
}

TOOL(pgrep) { return search(argc, argv, 0); }
TOOL(pkill) { return search(argc, argv, 1); }
