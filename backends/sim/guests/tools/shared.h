// What the tools for files and text share.
#ifndef SHARED_H
#define SHARED_H
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "tools.h"

#define FILE_TOOLS(EACH)                                                                                                   \
  EACH(awk) EACH(basename) EACH(cat) EACH(chgrp) EACH(chmod) EACH(chown) EACH(clear) EACH(cmp) EACH(comm) EACH(cp) EACH(cut) \
  EACH(date) EACH(dd) EACH(diff) EACH(dirname) EACH(du) EACH(echo) EACH(env) EACH(expand) EACH(expr) EACH(false) EACH(find) EACH(fold)  \
  EACH(grep) EACH(head) EACH(hexdump) EACH(id) EACH(ln) EACH(ls) EACH(mkdir) EACH(mkfifo) EACH(mktemp) EACH(mv) EACH(nl)     \
  EACH(od) EACH(paste) EACH(printenv) EACH(printf) EACH(pwd) EACH(readlink) EACH(realpath) EACH(rev) EACH(rm) EACH(rmdir)    \
  EACH(sed) EACH(seq) EACH(sha256sum) EACH(sleep) EACH(sort) EACH(split) EACH(stat) EACH(sync) EACH(tac) EACH(tail) EACH(tar) \
  EACH(tee) EACH(touch) EACH(tr) EACH(true) EACH(truncate) EACH(tty) EACH(uname) EACH(uniq) EACH(wc) EACH(which)             \
  EACH(whoami) EACH(xargs) EACH(yes)

// Says `NAME: text` on stderr, whatever errno is. Answers 1.
int object(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Ends the tool when there is no memory.
void *need(void *at);
char *path_join(const char *directory, const char *name);
// What stands behind the last slash, without slashes at the end.
char *last_name(const char *path);
// The names in a directory but . and .., in order; 0 and errno when it cannot be read.
char **names_in(const char *path, int *count);
void free_names(char **names, int count);
// rwxr-xr-x with the letter of the kind in front: 10 characters and an end.
void mode_letters(mode_t mode, char *to);
// As `ls -h` shows a size. Answers `to`, which has 16 bytes.
char *human_size(unsigned long long bytes, char *to);
const char *user_name(uid_t uid, char *to);
const char *group_name(gid_t gid, char *to);
// The mode that text like u+x,go-w or 644 makes of one; -1 when it is none.
long changed_mode(const char *text, mode_t mode, mode_t mask);
// `10`, `10K`, `1M`, `2kB`; answers 0 when it is no number.
int size_of(const char *text, long long *to);
// The files that are named behind the options, or -.
char **input_names(int argc, char **argv);
// A text with every mark in it replaced; of its own.
char *with_item(const char *from, const char *mark, const char *item);
// A stream to read from; - is the standard input. Complains itself.
FILE *open_input(const char *path);
void close_input(FILE *stream);
// Bytes that a backslash and what follows stand for; moves `at`. -1 is \c. Letters as echo(1), printf(1), tr(1) have them.
int escaped(const char **at, int octal_needs_zero);
// All bytes, written in full.
int write_all(int fd, const char *from, size_t bytes);
int copy_bytes(int from, int to);
// Runs a program and waits: its status as a shell has it.
int run_program(char **argv);
// Asks on stderr; answers whether the line begins with y.
int agreed(void);
// A date as date -d and touch -d take it. Answers 0 when it is none.
int date_of(const char *text, struct timespec *to);
#endif
