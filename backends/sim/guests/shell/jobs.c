// Processes that the shell has started: waiting for them, telling of them, giving them the terminal.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "jobs.h"

int job_control, last_background;
struct job *jobs;
static int terminal = -1, own_group;

struct job *new_job(struct node *node, int count) {
  struct job *job = calloc(1, sizeof *job), **last = &jobs;
  if (!job || !(job->processes = calloc(count, sizeof *job->processes))) out_of_memory();
  job->number = 1;
  for (; *last; last = &(*last)->next) job->number = (*last)->number + 1;
  *last = job;
  job->controlled = job_control;
  if (job_control) job->text = text_of(node);
  return job;
}

void free_job(struct job *job) {
  for (struct job **at = &jobs; *at; at = &(*at)->next)
    if (*at == job) {
      *at = job->next;
      free(job->text), free(job->processes), free(job);
      return;
    }
}

// In a copy of the shell: they are its parent's.
void forget_jobs(void) {
  while (jobs) free_job(jobs);
  job_control = 0;
}

static void in_child(struct job *job, int background) {
  int controlled = job->controlled;
  subshells++;
  if (controlled) {
    int group = job->count > 0 ? job->processes[0].pid : getpid();
    setpgid(0, group);
    if (!background) tcsetpgrp(terminal, group);
    signal(SIGTSTP, SIG_DFL), signal(SIGTTOU, SIG_DFL), signal(SIGTTIN, SIG_DFL);
  }
  reset_traps();
  if (background && !controlled) {
    signal(SIGINT, SIG_IGN), signal(SIGQUIT, SIG_IGN);
    int null = job->count == 0 ? open("/dev/null", O_RDONLY) : -1;
    if (null > 0) dup2(null, 0), close(null);
  }
  forget_jobs();
}

// Answers as fork(2), and keeps the process in the job.
int fork_job(struct job *job, int background) {
  fflush(stdout);
  int pid = fork();
  if (pid < 0) {
    free_job(job);
    return fail("Cannot fork"), -1;
  }
  if (pid == 0) return in_child(job, background), 0;
  if (job->controlled) setpgid(pid, job->count > 0 ? job->processes[0].pid : pid);
  job->processes[job->count++] = (struct process){pid, -1};
  return pid;
}

static enum job_state state_of(const struct job *job) {
  enum job_state state = DONE;
  for (int at = 0; at < job->count; at++) {
    if (job->processes[at].status == -1) return RUNNING;
    if (WIFSTOPPED(job->processes[at].status)) state = STOPPED;
  }
  return state;
}

// Waits for any. Answers its job, or 0; errno tells why.
struct job *wait_any(int options) {
  int how, pid = waitpid(-1, &how, options | (job_control ? WUNTRACED : 0));
  if (pid == 0) errno = EAGAIN;
  if (pid <= 0) return 0;
  for (struct job *job = jobs; job; job = job->next)
    for (int at = 0; at < job->count; at++) {
      if (job->processes[at].pid != pid || (job->processes[at].status != -1 && !WIFSTOPPED(job->processes[at].status))) continue;
      job->processes[at].status = how;
      enum job_state state = state_of(job);
      if (state != job->state) job->state = state, job->changed = 1;
      return job;
    }
  return wait_any(options);
}

int job_status(const struct job *job) {
  int how = job->processes[job->count - 1].status;
  return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + (WIFSTOPPED(how) ? WSTOPSIG(how) : WTERMSIG(how));
}

// Until it has ended or stands still; tells of signals.
int wait_for(struct job *job) {
  if (unwinding == FAIL && job->count == 0) return 2;
  while (job->state == RUNNING)
    if (!wait_any(0) && errno == ECHILD) break;
  if (job->controlled && interactive) tcsetpgrp(terminal, own_group);
  if (job->state == RUNNING) return free_job(job), 127;
  int how = job->processes[job->count - 1].status, answer = job_status(job);
  if (job->state == STOPPED) {
    fputc('\n', stderr);
    show_job(job, stderr, 0);
    job->changed = 0;
    return answer;
  }
  int number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
  free_job(job);
  if (number == SIGINT && interactive) interrupted = 1;
  else if (number && number != SIGPIPE && number != SIGINT) fprintf(stderr, "%s%s\n", strsignal(number), how & 0x80 ? " (core dumped)" : "");
  return answer;
}

// A stopped job goes on, before or behind the terminal.
int go_on(struct job *job, int foreground) {
  if (job->state == DONE) return fail("job has terminated"), 2;
  for (int at = 0; at < job->count; at++)
    if (job->processes[at].status != -1 && WIFSTOPPED(job->processes[at].status)) job->processes[at].status = -1;
  job->state = RUNNING, job->changed = 0;
  if (foreground) tcsetpgrp(terminal, job->processes[0].pid);
  kill(-job->processes[0].pid, SIGCONT);
  return foreground ? wait_for(job) : 0;
}

struct job *current_job(int before) {
  struct job *found = 0, *previous = 0;
  for (int pass = 0; pass < 2; pass++)
    for (struct job *job = jobs; job; job = job->next)
      if ((job->state == STOPPED) == pass) previous = found, found = job;
  return before ? previous : found;
}

// [1] + Running                    sleep 10
void show_job(struct job *job, FILE *to, int ids) {
  char text[64];
  int how = job->processes[job->count - 1].status;
  char sign = job == current_job(0) ? '+' : job == current_job(1) ? '-' : ' ';
  int column = snprintf(text, sizeof text, "[%d] %c ", job->number, sign);
  if (ids) column += snprintf(text + column, sizeof text - column, "%d ", job->processes[0].pid);
  int code = WEXITSTATUS(how);
  if (job->state == RUNNING) snprintf(text + column, sizeof text - column, "Running");
  else if (job->state == STOPPED) snprintf(text + column, sizeof text - column, "%s", strsignal(WSTOPSIG(how)));
  else if (WIFSIGNALED(how)) snprintf(text + column, sizeof text - column, "%s", strsignal(WTERMSIG(how)));
  else if (code) snprintf(text + column, sizeof text - column, "Done(%d)", code);
  else snprintf(text + column, sizeof text - column, "Done");
  fprintf(to, "%-32s %s\n", text, job->text ? job->text : "");
}

void reap(void) {
  while (wait_any(WNOHANG)) continue;
}

// Before a prompt: what has changed.
void show_changes(void) {
  reap();
  for (struct job *job = jobs, *next; job; job = next) {
    next = job->next;
    if (!job->changed) continue;
    job->changed = 0;
    if (job_control) show_job(job, stderr, 0);
    if (job->state == DONE) free_job(job);
  }
}

int stopped_jobs(void) {
  for (struct job *job = jobs; job; job = job->next)
    if (job->state == STOPPED) return 1;
  return 0;
}

struct job *job_of(const char *text) {
  if (text && *text != '%') {
    for (struct job *job = jobs; job; job = job->next)
      if (job->count && job->processes[job->count - 1].pid == atoi(text)) return job;
    return 0;
  }
  if (!text || !text[1] || strcmp(text, "%%") == 0 || strcmp(text, "%+") == 0) return current_job(0);
  if (strcmp(text, "%-") == 0) return current_job(1);
  int number = atoi(text + 1);
  for (struct job *job = jobs; job; job = job->next)
    if (number ? job->number == number : job->text && (text[1] == '?' ? strstr(job->text, text + 2) != 0 : strncmp(job->text, text + 1, strlen(text + 1)) == 0)) return job;
  return 0;
}

int group_of_job(const char *text) {
  struct job *job = job_of(text);
  return job && job->count ? (job->controlled ? -job->processes[0].pid : job->processes[0].pid) : 0;
}

// The shell gets a process group of its own, in front of the terminal.
void set_job_control(int on) {
  if (on == job_control) return;
  if (on) {
    int fd = open("/dev/tty", O_RDWR);
    for (int at = 2; fd < 0 && at >= 0; at--)
      if (isatty(at)) fd = dup(at);
    if (fd < 0 || (terminal = move_up(fd)) < 0 || tcgetpgrp(terminal) < 0) {
      warn("can't access tty; job control turned off");
      OPTION('m') = 0;
      return;
    }
    while (tcgetpgrp(terminal) != getpgrp()) kill(0, SIGTTIN);
    signal(SIGTSTP, SIG_IGN), signal(SIGTTOU, SIG_IGN), signal(SIGTTIN, SIG_DFL);
    own_group = getpid();
    setpgid(0, own_group);
    tcsetpgrp(terminal, own_group);
  } else signal(SIGTSTP, SIG_DFL), signal(SIGTTOU, SIG_DFL);
  job_control = on;
}
