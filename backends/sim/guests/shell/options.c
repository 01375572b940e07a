// `set -e` and its kin.
#include <stdio.h>
#include <string.h>
#include "shell.h"

char option_values[128];

// In the order of $-. Those with a capital N and D have no letter.
static const char letters[] = "efIimnsxvVECabupND";
static const char *const names[] = {"errexit", "noglob", "ignoreeof", "interactive", "monitor", "noexec", "stdin", "xtrace", "verbose", "vi", "emacs", "noclobber", "allexport", "notify", "nounset", "privileged", "nolog", "debug"};

void option_letters(char *to) {
  for (int at = sizeof letters - 4; at >= 0; at--)
    if (OPTION((int)letters[at])) *to++ = letters[at];
  *to = 0;
}

static void changed(void) {
  if (OPTION('m') != job_control) set_job_control(OPTION('m'));
}

int option_restore(const char *saved) {
  memcpy(option_values, saved, sizeof option_values);
  changed();
  return 0;
}

static int list(int as_commands) {
  if (!as_commands) puts("Current option settings");
  for (int at = 0; letters[at]; at++) {
    int on = OPTION((int)letters[at]);
    if (as_commands) printf("set %s %s\n", on ? "-o" : "+o", names[at]);
    else printf("%-16s%s\n", names[at], on ? "on" : "off");
  }
  return 0;
}

static int named(const char *name, int on) {
  for (int at = 0; letters[at]; at++)
    if (strcmp(names[at], name) == 0) return OPTION((int)letters[at]) = on, 0;
  return fail("Illegal option %co %s", on ? '-' : '+', name);
}

// The options at argv[*at] and behind; -c counts only outside of `set`. Answers 0, or the status of what fails.
int set_options(int argc, char **argv, int *at, int outside) {
  for (; *at < argc; ++*at) {
    char *text = argv[*at];
    int on = *text == '-';
    if ((!on && *text != '+') || (!on && !text[1])) break;
    if (strcmp(text, "-") == 0) {
      OPTION('x') = OPTION('v') = 0;
      ++*at;
      break;
    }
    if (strcmp(text, "--") == 0) {
      if (outside) ++*at;
      break;
    }
    for (text++; *text; text++) {
      if (*text == 'o') {
        if (*at + 1 >= argc) list(!on);
        else if (named(argv[++*at], on)) return status;
      } else if (outside && *text == 'c') OPTION('c') = on;
      else if (outside && *text == 'l') continue;
      else if (strchr(letters, *text) && *text != 'N' && *text != 'D') OPTION((int)*text) = on;
      else return fail("Illegal option %c%c", on ? '-' : '+', *text);
    }
  }
  if (!outside) changed();
  return 0;
}
