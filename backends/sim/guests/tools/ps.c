// ps(1): a line for each process, in columns of fixed width as procps prints them.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "system.h"

// `names`: what -o calls it; `head` after the slash is what only -f and aux write above it.
static const struct column {
  const char *names, *head;
  short width;
  char right, kind;
} columns[] = {
    {"pid,tgid", "PID", 5, 1, 'p'},      {"ppid", "PPID", 5, 1, 'P'},        {"pgid,pgrp", "PGID", 5, 1, 'g'},
    {"sid,sess,session", "SID", 5, 1, 's'}, {"tty,tt,tname", "TT", 8, 0, 't'}, {"time,cputime", "TIME", 8, 1, 'T'},
    {"comm,ucmd,ucomm", "COMMAND", 15, 0, 'c'}, {"args,cmd,command", "COMMAND", 27, 0, 'a'},
    {"user,euser,uname", "USER", 8, 0, 'u'}, {"uid,euid", "UID", 5, 1, 'U'},  {"ruid", "RUID", 5, 1, 'R'},
    {"gid,egid", "GID", 5, 1, 'G'},      {"group,egroup", "GROUP", 8, 0, 'o'}, {"%cpu,pcpu", "%CPU", 4, 1, '%'},
    {"%mem,pmem", "%MEM", 4, 1, 'm'},    {"vsz,vsize", "VSZ", 6, 1, 'v'},    {"rss,rssize", "RSS", 5, 1, 'r'},
    {"stat", "STAT", 4, 0, 'S'},         {"s,state", "S", 1, 0, '1'},        {"start,bsdstart", "START", 5, 1, 'b'},
    {"stime,start_time", "STIME", 5, 1, 'b'}, {"etime", "ELAPSED", 11, 1, 'e'}, {"etimes", "ELAPSED", 7, 1, 'E'},
    {"ni,nice", "NI", 3, 1, 'n'},        {"pri", "PRI", 3, 1, 'i'},          {"nlwp,thcount", "NLWP", 4, 1, 'l'},
    {"c", "C", 2, 1, 'C'},               {"bsdtime", "TIME", 6, 1, 'B'},     {"cgroup", "CGROUP", 27, 0, 'h'},
    {"cgroupns", "CGROUPNS", 10, 1, 'N'}, {"ipcns", "IPCNS", 10, 1, 'N'},    {"mntns", "MNTNS", 10, 1, 'N'},
    {"netns", "NETNS", 10, 1, 'N'},      {"pidns", "PIDNS", 10, 1, 'N'},     {"timens", "TIMENS", 10, 1, 'N'},
    {"userns", "USERNS", 10, 1, 'N'},    {"utsns", "UTSNS", 10, 1, 'N'},     {"tpgid", "TPGID", 5, 1, '+'}};
enum { known = sizeof columns / sizeof *columns };

static struct {
  int column;
  const char *head;
} shown[64];
static int shown_count, without_head, pid_width, screen_width = 8192;
static double up;
static unsigned long long total_kib;
static time_t now;
static struct process *all;
static int all_count;
static int *depths;

static int in_list(const char *list, const char *word, size_t length) {
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == length && strncasecmp(at, word, length) == 0) return 1;
  return 0;
}

static int find_column(const char *name, size_t length) {
  for (int at = 0; at < known; at++)
    if (in_list(columns[at].names, name, length)) return at;
  return -1;
}

// `pid,ppid,comm=NAME`: a head of its own takes the rest of the text.
static int choose(const char *text) {
  while (*text) {
    size_t length = strcspn(text, ", =");
    int column = find_column(text, length);
    if (column < 0) {
      fprintf(stderr, "error: unknown user-defined format specifier \"%.*s\"\n", (int)length, text);
      return 0;
    }
    const char *head = columns[column].head, *name = text;
    if (strncmp(name, "cmd", length) == 0 && length == 3) head = "CMD";
    if (strncmp(name, "ucmd", length) == 0 && length == 4) head = "CMD";
    text += length;
    if (*text == '=') head = text + 1, text += strlen(text);
    if (shown_count < 64) shown[shown_count].column = column, shown[shown_count++].head = head;
    text += strspn(text, ", ");
  }
  return 1;
}

static const char *own_name(const char *name, char *to) {
  if (strlen(name) > 8) snprintf(to, 32, "%.7s+", name);
  return strlen(name) > 8 ? to : name;
}

static void cell(const struct process *of, const struct column *as, char *to, size_t room) {
  unsigned long long started = of->start_ticks / 100, seconds = of->cpu_ticks / 100;
  double alive = up - of->start_ticks / 100.0, busy = alive > 0 ? of->cpu_ticks / alive : 0;
  char name[48], other[32];
  switch (as->kind) {
    case 'p': snprintf(to, room, "%d", of->pid); return;
    case 'P': snprintf(to, room, "%d", of->ppid); return;
    case 'g': snprintf(to, room, "%d", of->pgid); return;
    case 's': snprintf(to, room, "%d", of->sid); return;
    case '+': snprintf(to, room, "%d", of->tpgid); return;
    case 't': snprintf(to, room, "%s", terminal_name(of->tty, name)); return;
    case 'T':
      if (seconds >= 86400) snprintf(to, room, "%llu-%02llu:%02llu:%02llu", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
      else snprintf(to, room, "%02llu:%02llu:%02llu", seconds / 3600, seconds / 60 % 60, seconds % 60);
      return;
    case 'B': snprintf(to, room, "%llu:%02llu", seconds / 60, seconds % 60); return;
    case 'c': snprintf(to, room, of->state == 'Z' ? "%s <defunct>" : "%s", of->comm); return;
    case 'u': snprintf(to, room, "%s", own_name(user_name(of->euid, name), other)); return;
    case 'o': snprintf(to, room, "%s", own_name(group_name(of->egid, name), other)); return;
    case 'U': snprintf(to, room, "%u", of->euid); return;
    case 'R': snprintf(to, room, "%u", of->uid); return;
    case 'G': snprintf(to, room, "%u", of->egid); return;
    case '%': snprintf(to, room, busy > 99.9 ? "%.0f" : "%.1f", busy); return;
    case 'C': snprintf(to, room, "%d", busy > 99 ? 99 : (int)busy); return;
    case 'm': snprintf(to, room, "%.1f", total_kib ? 100.0 * of->resident_kib / total_kib : 0); return;
    case 'v': snprintf(to, room, "%llu", of->virtual_bytes / 1024); return;
    case 'r': snprintf(to, room, "%llu", of->resident_kib); return;
    case '1': snprintf(to, room, "%c", of->state); return;
    case 'n': snprintf(to, room, "%d", of->nice); return;
    case 'i': snprintf(to, room, "%d", 39 - of->priority); return;
    case 'l': snprintf(to, room, "%d", of->threads); return;
    case 'E': snprintf(to, room, "%lld", (long long)alive); return;
    case 'S':
      snprintf(to, room, "%c%s%s%s%s", of->state, of->nice < 0 ? "<" : of->nice > 0 ? "N" : "",
               of->sid == of->pid ? "s" : "", of->threads > 1 ? "l" : "", of->tpgid == of->pgid ? "+" : "");
      return;
    case 'e': {
      long long t = (long long)alive;
      if (t >= 86400) snprintf(to, room, "%lld-%02lld:%02lld:%02lld", t / 86400, t / 3600 % 24, t / 60 % 60, t % 60);
      else if (t >= 3600) snprintf(to, room, "%02lld:%02lld:%02lld", t / 3600, t / 60 % 60, t % 60);
      else snprintf(to, room, "%02lld:%02lld", t / 60, t % 60);
      return;
    }
    case 'b': {
      time_t at = now - (time_t)up + (time_t)started;
      struct tm then = *gmtime(&at), today = *gmtime(&now);
      strftime(to, room, then.tm_year != today.tm_year ? "%Y" : then.tm_yday != today.tm_yday ? "%b%d" : "%H:%M", &then);
      return;
    }
    case 'N': {
      snprintf(name, strlen(as->names) - 1, "%s", as->names);
      unsigned long long number = namespace_of(of->pid, name);
      snprintf(to, room, number ? "%llu" : "-", number);
      return;
    }
    case 'h': {
      char *text = process_text(of->pid, "cgroup", 0);
      for (char *at = text; at && (at = strchr(at, '\n'));) *at = at[1] ? ',' : 0;
      snprintf(to, room, "%s", text && *text ? text : "-");
      free(text);
      return;
    }
    case 'a': {
      char *command = command_of(of);
      int depth = depths ? depths[of - all] : 0;
      if (depth > 0) snprintf(to, room, "%*s\\_ %s", depth * 4 - 3, "", command);
      else snprintf(to, room, "%s", command);
      free(command);
      return;
    }
  }
}

static void line(const struct process *of) {
  static char text[4096], whole[8192];
  int pending = 0;
  char *end = whole;
  for (int at = 0; at < shown_count; at++) {
    const struct column *as = &columns[shown[at].column];
    int width = strchr("pPgs+", as->kind) ? pid_width : as->width;
    if ((int)strlen(shown[at].head) > width) width = strlen(shown[at].head);
    *text = 0;
    if (of) cell(of, as, text, sizeof text);
    else snprintf(text, sizeof text, "%s", shown[at].head);
    if (at) pending++;
    int blanks = width - (int)strlen(text);
    if (as->right && blanks > 0) pending += blanks;
    end += snprintf(end, whole + sizeof whole - end, "%*s%s", pending, "", text);
    if (end > whole + sizeof whole / 2) break;
    pending = !as->right && blanks > 0 ? blanks : 0;
  }
  printf("%.*s\n", screen_width, whole);
}

// Parents before their children.
static void forest(pid_t parent, int depth, int *order, int *count, const char *wanted) {
  for (int at = 0; at < all_count; at++) {
    if (all[at].ppid != parent || !wanted[at] || depths[at] >= 0) continue;
    depths[at] = depth;
    order[(*count)++] = at;
    forest(all[at].pid, depth + 1, order, count, wanted);
  }
}

static int sort_kind, sort_down;
static int by_key(const void *one, const void *other) {
  const struct process *a = one, *b = other;
  double difference = sort_kind == '%' || sort_kind == 'T'   ? (double)a->cpu_ticks - b->cpu_ticks
                      : sort_kind == 'm' || sort_kind == 'r' ? (double)a->resident_kib - b->resident_kib
                      : sort_kind == 'v'                     ? (double)a->virtual_bytes - b->virtual_bytes
                      : sort_kind == 'b'                     ? (double)a->start_ticks - b->start_ticks
                      : sort_kind == 'P'                     ? a->ppid - b->ppid
                      : sort_kind == 'u'                     ? (double)a->euid - b->euid
                                                             : 0;
  if (sort_kind == 'c') difference = strcmp(a->comm, b->comm);
  if (difference == 0) return a->pid - b->pid;
  return (difference < 0) != sort_down ? -1 : 1;
}

static int listed(const char *list, const char *name, long number) {
  char text[16];
  snprintf(text, sizeof text, "%ld", number);
  for (const char *at = list; *at; at += strcspn(at, ", "), at += strspn(at, ", ")) {
    size_t length = strcspn(at, ", ");
    if ((strlen(text) == length && strncmp(at, text, length) == 0) ||
        (name && strlen(name) == length && strncmp(at, name, length) == 0)) return 1;
  }
  return 0;
}

static int improper(const char *why) {
  fprintf(stderr, "error: %s\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n"
                  "  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n", why);
  return 1;
}

TOOL(ps) {
  // Which processes: every one; those with a terminal; those of the caller; by lists.
  int every = 0, with_terminal = 0, own = 0, all_but_leaders = 0, tree = 0, full = 0, chosen = 0, wide = 0;
  const char *format = 0, *pids = 0, *parents = 0, *users = 0, *names = 0;
  for (int at = 1; at < argc; at++) {
    char *word = argv[at], *value = strchr(word, '=');
    int dashed = *word == '-';
    if (strncmp(word, "--", 2) == 0) {
      if (strcmp(word, "--forest") == 0) tree = 1;
      else if (strncmp(word, "--no-head", 9) == 0) without_head = 1;
      else if (strcmp(word, "--headers") == 0) continue;
      else if (strncmp(word, "--sort", 6) == 0) {
        if (!value && at + 1 < argc) value = argv[++at] - 1;
        if (!value) return improper("option --sort requires an argument");
        sort_down = value[1] == '-';
        value += 1 + (value[1] == '-' || value[1] == '+');
        int column = find_column(value, strcspn(value, ","));
        if (column < 0) return improper("unknown sort specifier");
        sort_kind = columns[column].kind;
      } else if (value && strncmp(word, "--pid", 5) == 0) pids = value + 1;
      else if (value && strncmp(word, "--ppid", 6) == 0) parents = value + 1;
      else if (value && strncmp(word, "--format", 8) == 0) chosen |= choose(value + 1);
      else if (strcmp(word, "--ppid") == 0 && at + 1 < argc) parents = argv[++at];
      else if (strcmp(word, "--pid") == 0 && at + 1 < argc) pids = argv[++at];
      else return improper("unknown gnu long option");
      continue;
    }
    if (isdigit((unsigned char)word[dashed])) {
      pids = word + dashed;
      continue;
    }
    for (char *letter = word + dashed; *letter; letter++) {
      char *rest = letter[1] ? letter + 1 : at + 1 < argc ? argv[at + 1] : 0;
      int takes = strchr(dashed ? "opCuUqt" : "opOUq", *letter) != 0;
      if (takes && !rest) return improper(*letter == 'o' ? "format specification must follow -o" : "list of process IDs must follow -p");
      if (*letter == 'o') {
        if (!choose(rest)) return improper("user-defined format is wrong");
        chosen = 1;
      } else if (*letter == 'p' || *letter == 'q') pids = rest;
      else if (dashed && *letter == 'C') names = rest;
      else if (takes) users = rest;
      else if (dashed && (*letter == 'e' || *letter == 'A')) every = 1;
      else if (*letter == 'a') dashed ? (all_but_leaders = 1) : (with_terminal = 1);
      else if (dashed && *letter == 'd') all_but_leaders = 1;
      else if (*letter == 'x' && !dashed) own = 1;
      else if (*letter == 'u' && !dashed) format = "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,bsdtime,args";
      else if (*letter == 'f' && dashed) full = 1;
      else if ((*letter == 'f' && !dashed) || *letter == 'H') tree = 1;
      else if (*letter == 'l') format = "s,uid,pid,ppid,c,pri,ni,vsz,tty,time,comm";
      else if (*letter == 'j') format = dashed ? "pid,pgid,sid,tty,time,comm" : "ppid,pid,pgid,sid,tty,tpgid,stat,uid,bsdtime,args";
      else if (*letter == 'h' && !dashed) without_head = 1;
      else if (*letter == 'w') wide = 1;
      else if (!strchr("FLMyv", *letter)) return improper(dashed ? "unsupported SysV option" : "unsupported option (BSD syntax)");
      if (takes) {
        if (rest != letter + 1) at++;
        break;
      }
    }
    // Letters without a dash are BSD's: another default.
    if (!dashed && !format && !chosen) format = "pid,tty,stat,bsdtime,args";
  }
  if (full && !format) format = "user,pid,ppid,c,stime,tty,time,args";
  int bsd = with_terminal || own || (format && strstr(format, "bsdtime"));
  if (!chosen) {
    choose(format ? format : "pid,tty,time,comm");
    for (int at = 0; at < shown_count; at++) {
      char kind = columns[shown[at].column].kind;
      if (kind == 't') shown[at].head = "TTY";
      if ((kind == 'c' || kind == 'a') && !(bsd && kind == 'a')) shown[at].head = "CMD";
      if (kind == 'u' && full && !bsd) shown[at].head = "UID";
    }
  }
  if (with_terminal && own) every = 1;
  char *text = file_text("/proc/sys/kernel/pid_max", 0);
  long largest = text ? atol(text) - 1 : 32767;
  free(text);
  for (pid_width = 0; largest > 0; largest /= 10) pid_width++;
  if (pid_width < 5) pid_width = 5;
  if ((text = file_text("/proc/meminfo", 0))) total_kib = number_behind(text, "MemTotal:");
  free(text);
  struct winsize screen;
  if (!wide && ioctl(1, TIOCGWINSZ, &screen) == 0 && screen.ws_col > 0) screen_width = screen.ws_col;
  up = uptime_seconds(), now = time(0);
  all = all_processes(&all_count);
  struct process self;
  read_process(getpid(), &self);
  char *wanted = need(calloc(all_count + 1, 1));
  int *order = need(malloc((all_count + 1) * sizeof *order)), count = 0;
  if (sort_kind) qsort(all, all_count, sizeof *all, by_key);
  for (int at = 0; at < all_count; at++) {
    struct process *it = &all[at];
    char name[32];
    if (every) wanted[at] = 1;
    else if (pids || parents || users || names)
      wanted[at] = (pids && listed(pids, 0, it->pid)) || (parents && listed(parents, 0, it->ppid)) ||
                   (users && listed(users, user_name(it->euid, name), it->euid)) || (names && listed(names, it->comm, -1));
    else if (all_but_leaders) wanted[at] = it->sid != it->pid && it->tty;
    else if (with_terminal) wanted[at] = it->tty != 0;
    else if (own) wanted[at] = it->euid == self.euid;
    else wanted[at] = it->euid == self.euid && it->tty == self.tty;
  }
  int some = 0;
  for (int at = 0; at < all_count; at++) some |= wanted[at];
  if (tree) {
    depths = need(malloc((all_count + 1) * sizeof *depths));
    for (int at = 0; at < all_count; at++) depths[at] = -1;
    for (int at = 0; at < all_count; at++) {
      int has_parent = 0;
      for (int other = 0; other < all_count; other++) has_parent |= wanted[other] && all[other].pid == all[at].ppid;
      if (!wanted[at] || has_parent || depths[at] >= 0) continue;
      depths[at] = 0, order[count++] = at;
      forest(all[at].pid, 1, order, &count, wanted);
    }
  } else
    for (int at = 0; at < all_count; at++)
      if (wanted[at]) order[count++] = at;
  int heads = 0;
  for (int at = 0; at < shown_count; at++) heads |= *shown[at].head != 0;
  if (heads && !without_head) line(0);
  for (int at = 0; at < count; at++) line(&all[order[at]]);
  return !some;
}
