// What the tools for processes, mounts and namespaces share: files of /proc, tables, signals, running programs.
#ifndef SYSTEM_H
#define SYSTEM_H
#include <stdio.h>
#include <sys/types.h>
#include "shared.h"

#define SYSTEM_TOOLS(EACH)                                                                                             \
  EACH(capsh) EACH(chroot) EACH(curl) EACH(df) EACH(findmnt) EACH(flock) EACH(free) EACH(hostname) EACH(httpd) EACH(init) EACH(ip) \
  EACH(kill) EACH(lsns) EACH(mount) EACH(nc) EACH(nice) EACH(nohup) EACH(nsenter) EACH(pgrep) EACH(ping) EACH(pivot_root) \
  EACH(pkill) EACH(ps) EACH(pstree) EACH(renice) EACH(setpriv) EACH(setsid) EACH(ss) EACH(stress) EACH(taskset)        \
  EACH(timeout) EACH(top) EACH(umount) EACH(unshare) EACH(uptime) EACH(vi) EACH(watch)

// All of a file, with a zero byte behind it; 0 and errno when it cannot be read. To be freed.
char *file_text(const char *path, size_t *bytes);
// The same for /proc/PID/NAME.
char *process_text(pid_t pid, const char *name, size_t *bytes);
// Writes text to a file at once. Answers 0, or -1 and errno.
int write_text(const char *path, const char *text);
// The number behind a word at the beginning of a line, as in /proc/meminfo; 0 when there is none.
unsigned long long number_behind(const char *text, const char *word);

struct process {
  pid_t pid, ppid, pgid, sid, tpgid;
  int tty, nice, priority, threads;
  char state, comm[64];
  unsigned long long cpu_ticks, start_ticks, virtual_bytes, resident_kib;
  uid_t uid, euid;
  gid_t gid, egid;
};
// Answers whether there is such a process.
int read_process(pid_t pid, struct process *to);
// All of them, by number. To be freed.
struct process *all_processes(int *count);
// The arguments with blanks between them, or [comm]. To be freed.
char *command_of(const struct process *of);
// pts/3 or ?
const char *terminal_name(int device, char *to);
// Since the machine was switched on.
double uptime_seconds(void);
// The number of the namespace of this kind, as ns/KIND tells it; 0 when it may not be known.
unsigned long long namespace_of(pid_t pid, const char *kind);

// TERM, SIGTERM or 15; -1 for others.
int signal_number(const char *text);
// Without SIG; 0 for numbers that have none.
const char *signal_name(int number);

// A table as util-linux prints it: every column as wide as it has to be, the last one open.
struct table {
  int columns, rows;
  // Row by row; the first row is the head. Its parts are freed with the table.
  char **cells;
  // Of each row, -1 for none: with it the column `tree` is drawn as a tree.
  int *parents;
  int tree;
  // Bit by column: numbers.
  unsigned right;
  int without_head;
};
struct table table_new(int columns);
// Adds a row, whose cells are copied as table_cell() is called, from left to right.
void table_row(struct table *to, int parent);
void table_cell(struct table *to, int column, const char *format, ...) __attribute__((format(printf, 3, 4)));
void table_print(struct table *of);
// Whether the locale is one of UTF-8.
int speaks_utf8(void);
// The columns that `text`, with commas, names, among `names`: how many, -1 after a complaint. +NAME adds to those in `to`.
int chosen_columns(const char *text, const char *const *names, int *to, int count);

// Executes a program in this process: answers only when that fails, with 127 or 126, and has said so as util-linux does.
int execute_program(char **argv);
// A shell, when there is no program.
int execute_or_shell(char **argv);
// `NAME: text` and where to read more. Answers 1.
int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Waits for a child: its status as a shell has it; dies of the signal that it died of.
int status_of(pid_t child);
// How many processors there are.
int processors(void);
#endif
