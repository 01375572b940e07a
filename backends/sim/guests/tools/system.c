// What the tools for processes share: files of /proc, signals, running programs.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "system.h"

char *file_text(const char *path, size_t *bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  size_t have = 0, room = 1024;
  char *text = need(malloc(room));
  for (;;) {
    ssize_t got = read(fd, text + have, room - have - 1);
    if (got <= 0) {
      int number = errno;
      close(fd);
      text[have] = 0;
      if (bytes) *bytes = have;
      if (got == 0) return text;
      free(text), errno = number;
      return 0;
    }
    have += got;
    if (room - have < 512) text = need(realloc(text, room *= 2));
  }
}

char *process_text(pid_t pid, const char *name, size_t *bytes) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return file_text(path, bytes);
}

int write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int answer = write(fd, text, strlen(text)) < 0 ? -1 : 0, number = errno;
  close(fd);
  errno = number;
  return answer;
}

unsigned long long number_behind(const char *text, const char *word) {
  size_t length = strlen(word);
  for (const char *at = text; at; at = strchr(at, '\n'), at += at != 0)
    if (strncmp(at, word, length) == 0) return strtoull(at + length, 0, 10);
  return 0;
}

int read_process(pid_t pid, struct process *to) {
  char *stat = process_text(pid, "stat", 0), *status = stat ? process_text(pid, "status", 0) : 0;
  memset(to, 0, sizeof *to);
  char *name = stat ? strchr(stat, '(') : 0, *behind = name ? strrchr(name, ')') : 0;
  if (!behind || !status) return free(stat), free(status), 0;
  *behind = 0;
  to->pid = pid;
  snprintf(to->comm, sizeof to->comm, "%s", name + 1);
  to->state = behind[2];
  long long fields[50] = {0};
  char *at = behind + 3;
  for (int field = 4; field < 25; field++) fields[field] = strtoll(at, &at, 10);
  to->ppid = fields[4], to->pgid = fields[5], to->sid = fields[6], to->tty = fields[7], to->tpgid = fields[8];
  to->cpu_ticks = fields[14] + fields[15], to->priority = fields[18], to->nice = fields[19], to->threads = fields[20];
  to->start_ticks = fields[22], to->virtual_bytes = fields[23], to->resident_kib = fields[24] * 4;
  char *uids = strstr(status, "\nUid:"), *gids = strstr(status, "\nGid:");
  if (uids) to->uid = strtoul(uids + 5, &uids, 10), to->euid = strtoul(uids, 0, 10);
  if (gids) to->gid = strtoul(gids + 5, &gids, 10), to->egid = strtoul(gids, 0, 10);
  free(stat), free(status);
  return 1;
}

static int by_pid(const void *one, const void *other) {
  return ((const struct process *)one)->pid - ((const struct process *)other)->pid;
}

struct process *all_processes(int *count) {
  int names_count;
  char **names = names_in("/proc", &names_count);
  struct process *found = need(malloc((names_count + 1) * sizeof *found));
  *count = 0;
  for (int at = 0; at < names_count; at++)
    if (isdigit((unsigned char)*names[at])) *count += read_process(atoi(names[at]), &found[*count]);
  free_names(names, names_count);
  qsort(found, *count, sizeof *found, by_pid);
  return found;
}

char *command_of(const struct process *of) {
  size_t bytes = 0;
  char *text = process_text(of->pid, "cmdline", &bytes), *named;
  if (text && bytes > 0) {
    for (size_t at = 0; at + 1 < bytes; at++)
      if (text[at] == 0 || text[at] == '\n') text[at] = ' ';
    return text;
  }
  free(text);
  asprintf(&named, of->state == 'Z' ? "[%s] <defunct>" : "[%s]", of->comm);
  return need(named);
}

const char *terminal_name(int device, char *to) {
  if (device >> 8 == 136) snprintf(to, 16, "pts/%d", device & 0xff);
  else strcpy(to, device == 0x501 ? "console" : device >> 8 == 4 ? "tty" : "?");
  return to;
}

double uptime_seconds(void) {
  char *text = file_text("/proc/uptime", 0);
  double seconds = text ? atof(text) : 0;
  free(text);
  return seconds;
}

unsigned long long namespace_of(pid_t pid, const char *kind) {
  char path[64], target[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return 0;
  target[length] = 0;
  char *number = strchr(target, '[');
  return number ? strtoull(number + 1, 0, 10) : 0;
}

static const char *const signal_names[] = {
    0,      "HUP",  "INT",  "QUIT", "ILL",  "TRAP", "ABRT", "BUS",  "FPE",    "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS"};

const char *signal_name(int number) { return number > 0 && number < 32 ? signal_names[number] : 0; }

int signal_number(const char *text) {
  if (isdigit((unsigned char)*text)) {
    int number = atoi(text);
    return number < NSIG ? number : -1;
  }
  if (strncasecmp(text, "SIG", 3) == 0) text += 3;
  if (strcasecmp(text, "IO") == 0) return SIGIO;
  for (int number = 1; number < 32; number++)
    if (strcasecmp(text, signal_names[number]) == 0) return number;
  return -1;
}

int speaks_utf8(void) {
  const char *locale = getenv("LC_ALL");
  if (!locale || !*locale) locale = getenv("LC_CTYPE");
  if (!locale || !*locale) locale = getenv("LANG");
  return locale && (strstr(locale, "UTF-8") || strstr(locale, "utf8"));
}

int execute_program(char **argv) {
  fflush(0);
  execvp(argv[0], argv);
  int status = errno == ENOENT ? 127 : 126;
  complain("failed to execute %s", argv[0]);
  return status;
}

int execute_or_shell(char **argv) {
  if (argv[0]) return execute_program(argv);
  char *shell = getenv("SHELL");
  if (!shell || !*shell) shell = "/bin/sh";
  char *slash = strrchr(shell, '/'), *name;
  asprintf(&name, "-%s", slash ? slash + 1 : shell);
  fflush(0);
  execv(shell, (char *[]){name, 0});
  int status = errno == ENOENT ? 127 : 126;
  complain("failed to execute %s", shell);
  return status;
}

int usage(const char *format, ...) {
  va_list given;
  va_start(given, format);
  fprintf(stderr, "%s: ", tool);
  vfprintf(stderr, format, given);
  va_end(given);
  fprintf(stderr, "\nTry '%s --help' for more information.\n", tool);
  return 1;
}

int status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return complain("waitpid failed");
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  signal(WTERMSIG(status), SIG_DFL);
  kill(getpid(), WTERMSIG(status));
  return 128 + WTERMSIG(status);
}

int processors(void) {
  char *text = file_text("/proc/cpuinfo", 0);
  int count = 0;
  for (char *at = text; at && (at = strstr(at, "processor\t")); at++) count++;
  free(text);
  return count ? count : 1;
}
