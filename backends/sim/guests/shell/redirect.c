// Redirections: what was there is kept above 9, and comes back.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shell.h"

enum { pipe_bytes = 4096 };

int move_up(int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  if (copy >= 0) close(fd);
  return copy;
}

static void write_all(int fd, const char *from, size_t bytes) {
  while (bytes > 0) {
    ssize_t written = write(fd, from, bytes);
    if (written <= 0) return;
    from += written, bytes -= written;
  }
}

// A pipe that holds the text, or that a copy of the shell writes it to.
static int document(struct redirect *of) {
  char *text = expand_text(of->target, 0);
  size_t bytes = strlen(text);
  int ends[2];
  if (unwinding) return -1;
  if (pipe(ends) < 0) return fail("Pipe call failed"), -1;
  if (bytes <= pipe_bytes) write_all(ends[1], text, bytes);
  else if (fork() == 0) {
    close(ends[0]);
    write_all(ends[1], text, bytes);
    _exit(0);
  }
  close(ends[1]);
  return ends[0];
}

static const char *reason(int creates) {
  if (errno == ENOENT || errno == ENOTDIR) return creates ? "Directory nonexistent" : "No such file";
  return strerror(errno);
}

static int opened(struct redirect *of, const char *name) {
  int flags = of->direction == FROM     ? O_RDONLY
              : of->direction == BOTH   ? O_RDWR | O_CREAT
              : of->direction == APPEND ? O_WRONLY | O_CREAT | O_APPEND
                                        : O_WRONLY | O_CREAT | O_TRUNC;
  struct stat about;
  if (of->direction == TO && OPTION('C')) {
    if (stat(name, &about) < 0) flags |= O_EXCL;
    else if (S_ISREG(about.st_mode)) return errno = EEXIST, -1;
  }
  return open(name, flags, 0666);
}

static void keep(int fd, struct kept **list) {
  for (struct kept *at = *list; at; at = at->next)
    if (at->fd == fd) return;
  struct kept *new = malloc(sizeof *new);
  if (!new) out_of_memory();
  *new = (struct kept){*list, fd, fcntl(fd, F_DUPFD_CLOEXEC, 10)};
  *list = new;
}

// Answers 0, or the status of what fails.
int redirect(struct redirect *list, struct kept **kept) {
  for (struct redirect *of = list; of; of = of->next) {
    int fd;
    if (of->direction == HERE) {
      fd = document(of);
      // What goes wrong in its text fails like a file that cannot be opened.
      if (unwinding == FAIL && !interrupted) unwinding = NOTHING;
    }
    else {
      char *name = expand_text(of->target, 0);
      if (unwinding) return status;
      if (of->direction == SAME_FROM || of->direction == SAME_TO) {
        if (strcmp(name, "-") == 0) {
          keep(of->fd, kept);
          close(of->fd);
          continue;
        }
        if (!isdigit((unsigned char)*name) || name[1]) return fail("Syntax error: Bad fd number");
        keep(of->fd, kept);
        int from = *name - '0';
        if (from != of->fd && dup2(from, of->fd) < 0) return warn("%d: %s", from, strerror(errno)), 2;
        continue;
      }
      fd = opened(of, name);
      if (fd < 0) {
        int creates = of->direction != FROM;
        return warn("cannot %s %s: %s", creates ? "create" : "open", name, reason(creates)), 2;
      }
    }
    if (fd < 0) return status;
    if (fd == of->fd) {
      // It was closed before.
      struct kept *new = malloc(sizeof *new);
      if (!new) out_of_memory();
      *new = (struct kept){*kept, fd, -1};
      *kept = new;
      continue;
    }
    keep(of->fd, kept);
    dup2(fd, of->fd);
    close(fd);
  }
  return 0;
}

void restore(struct kept *kept) {
  while (kept) {
    struct kept *next = kept->next;
    if (kept->copy < 0) close(kept->fd);
    else dup2(kept->copy, kept->fd), close(kept->copy);
    free(kept);
    kept = next;
  }
}

// `exec` with redirections: they stay.
void forget_kept(struct kept *kept) {
  while (kept) {
    struct kept *next = kept->next;
    if (kept->copy >= 0) close(kept->copy);
    free(kept);
    kept = next;
  }
}
