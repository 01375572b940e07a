// Runs trees: lists, loops, conditions, pipelines, subshells, functions.
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shell.h"

enum unwinding unwinding;
int unwinding_levels, loops, status, substitution_status, line, shell_pid, function_line, subshells;

static int negate(struct node *node) {
  int answer = run(node->first, TESTED);
  return unwinding ? answer : !answer;
}

// After a round of a loop: whether it is over.
static int leaves(void) {
  if (unwinding == NOTHING) return 0;
  if (unwinding != BREAK && unwinding != CONTINUE) return 1;
  if (unwinding_levels > 1) return unwinding_levels--, 1;
  int over = unwinding == BREAK;
  unwinding = NOTHING;
  return over;
}

static int loop(struct node *node, int flags) {
  int answer = 0;
  loops++;
  for (;;) {
    int condition = run(node->first, TESTED);
    if (unwinding) {
      if (unwinding == RETURN || unwinding == EXIT) answer = condition;
      if (leaves()) break;
      continue;
    }
    if ((condition == 0) != (node->kind == WHILE)) break;
    answer = run(node->second, flags & TESTED);
    if (leaves()) break;
  }
  loops--;
  return answer;
}

static int for_loop(struct node *node, int flags) {
  struct mark mark = mark_of(&scratch);
  struct fields fields = {0};
  for (struct word *word = node->words; word && !unwinding; word = word->next) expand(word, SPLIT | GLOB, &fields);
  int answer = 0;
  loops++;
  for (int at = 0; at < fields.count && !unwinding; at++) {
    if (set_named(node->name, fields.list[at])) break;
    answer = run(node->first, flags & TESTED);
    if (leaves()) break;
  }
  loops--;
  release(&scratch, mark);
  return unwinding == FAIL ? status : answer;
}

static int case_command(struct node *node, int flags) {
  struct mark mark = mark_of(&scratch);
  char *subject = expand_text(node->words, 0);
  struct node *found = 0;
  for (struct node *item = node->first; item && !found && !unwinding; item = item->next)
    for (struct word *word = item->words; word && !found && !unwinding; word = word->next)
      if (fnmatch(expand_text(word, PATTERN), subject, 0) == 0) found = item;
  release(&scratch, mark);
  if (unwinding) return status;
  return found && found->first ? run(found->first, flags) : 0;
}

// What a forked copy of the shell does.
void become_child(struct node *node, int flags) {
  int answer = node ? run(node, LAST | flags) : 0;
  if (unwinding == FAIL || unwinding == EXIT) answer = status;
  finish(answer);
}

static int subshell(struct node *node, int flags) {
  struct kept *kept = 0;
  // Nothing follows: this process will do.
  if (flags & LAST && !has_traps() && !(flags & TESTED)) {
    subshells++;
    become_child(node->first, flags & TESTED);
  }
  struct job *job = new_job(node, 1);
  if (fork_job(job, 0) == 0) become_child(node->first, flags & TESTED);
  restore(kept);
  return wait_for(job);
}

static int background(struct node *node) {
  struct job *job = new_job(node->first, 1);
  int pid = fork_job(job, 1);
  if (pid == 0) become_child(node->first->kind == SUBSHELL ? node->first->first : node->first, 0);
  if (pid > 0) last_background = pid;
  if (interactive && pid > 0 && job_control) fprintf(stderr, "[%d] %d\n", job->number, pid);
  return 0;
}

static int pipeline(struct node *node, int flags) {
  int count = 0, before = -1;
  for (struct node *one = node->first; one; one = one->next) count++;
  struct job *job = new_job(node, count);
  for (struct node *one = node->first; one; one = one->next) {
    int ends[2] = {-1, -1};
    if (one->next && pipe(ends) < 0) {
      fail("Pipe call failed");
      break;
    }
    int pid = fork_job(job, 0);
    if (pid == 0) {
      if (before >= 0) dup2(before, 0), close(before);
      if (one->next) {
        close(ends[0]);
        if (ends[1] != 1) dup2(ends[1], 1), close(ends[1]);
      }
      become_child(one->kind == SUBSHELL ? one->first : one, flags & TESTED);
    }
    if (before >= 0) close(before);
    if (ends[1] >= 0) close(ends[1]);
    before = ends[0];
    if (pid < 0) break;
  }
  if (before >= 0 && unwinding) close(before);
  return job->count > 0 ? wait_for(job) : 2;
}

static int redirected(struct node *node, int flags, int *fails) {
  struct mark mark = mark_of(&scratch);
  struct kept *kept = 0;
  int answer = redirect(node->redirects, &kept);
  if (answer == 0) answer = run(node->first, flags & TESTED);
  else *fails = 1, status = answer;
  restore(kept);
  release(&scratch, mark);
  return answer;
}

// What a command writes, without the newlines at its end.
char *substitute(struct node *node) {
  int ends[2];
  if (!node) return substitution_status = 0, "";
  if (pipe(ends) < 0) return fail("Pipe call failed"), "";
  int control = job_control;
  job_control = 0;
  struct job *job = new_job(node, 1);
  int pid = fork_job(job, 0);
  if (pid == 0) {
    close(ends[0]);
    if (ends[1] != 1) dup2(ends[1], 1), close(ends[1]);
    become_child(node, 0);
  }
  close(ends[1]);
  struct text text = {.arena = &scratch};
  char *buffer = take(&scratch, 512);
  for (;;) {
    ssize_t got = read(ends[0], buffer, 512);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    for (ssize_t at = 0; at < got; at++)
      if (buffer[at]) add(&text, buffer[at]);
  }
  close(ends[0]);
  substitution_status = pid < 0 ? 2 : wait_for(job);
  job_control = control;
  while (text.length > 0 && text.start[text.length - 1] == '\n') text.length--;
  return ended(&text);
}

int run(struct node *node, int flags) {
  if (!node) return 0;
  if (trap_pending) run_traps();
  if (interrupted && interactive) unwinding = FAIL, status = 130;
  if (unwinding || OPTION('n')) return status;
  if (node->kind == SIMPLE || node->kind == FOR || node->kind == CASE || node->kind == SUBSHELL || node->kind == REDIRECTED) line = node->line;
  int answer = 0, checks = 0, inner = flags & (LAST | TESTED);
  switch (node->kind) {
    case SIMPLE: checks = 1, answer = run_simple(node, flags); break;
    case PIPELINE: checks = 1, answer = pipeline(node, flags); break;
    case SUBSHELL: checks = 1, answer = subshell(node, flags); break;
    case REDIRECTED: checks = node->first->kind == SUBSHELL, answer = redirected(node, flags, &checks); break;
    case NOT: answer = negate(node); break;
    case BACKGROUND: answer = background(node); break;
    case SEQUENCE:
      answer = run(node->first, flags & TESTED);
      if (!unwinding) answer = run(node->second, inner);
      break;
    case AND:
    case OR:
      answer = run(node->first, TESTED);
      if (!unwinding && (answer == 0) == (node->kind == AND)) answer = run(node->second, inner);
      break;
    case IF: {
      int condition = run(node->first, TESTED);
      if (unwinding) answer = condition;
      else answer = condition == 0 ? run(node->second, inner) : run(node->third, inner);
      break;
    }
    case WHILE:
    case UNTIL: answer = loop(node, flags); break;
    case FOR: answer = for_loop(node, flags); break;
    case CASE: answer = case_command(node, inner); break;
    case FUNCTION: define_function(node);
  }
  if (unwinding == FAIL || unwinding == EXIT) return status;
  status = answer;
  if (trap_pending) run_traps();
  if (checks && answer && OPTION('e') && !(flags & TESTED) && !unwinding) unwinding = EXIT;
  return status;
}

// At the end of what a terminal gives. Stopped jobs keep the shell once.
static int leaves_terminal(void) {
  static int warned;
  int stays = stopped_jobs() && !warned;
  fputs(stays ? "\nYou have stopped jobs.\n" : "\n", stderr);
  warned = stays;
  return !stays;
}

int run_input(int flags) {
  int answer = 0, at_end = 0;
  while (!at_end && !unwinding) {
    struct mark mark = mark_of(&scratch);
    struct arena *whole = new_arena();
    if (interactive && input->fd >= 0) show_changes(), prompt_kind = 1;
    struct node *node = parse_line(whole, &at_end);
    if (syntax_failed) status = answer = 2, unwinding = FAIL;
    else if (node) {
      answer = run(node, flags & LAST && input_is_over() ? flags : flags & TESTED);
      if (unwinding == FAIL || unwinding == EXIT) answer = status;
    }
    if (interrupted && input->terminal) unwinding = FAIL, status = 130;
    drop(whole);
    release(&scratch, mark);
    // A terminal gets its prompt again.
    if (input->fd >= 0 && interactive && unwinding == FAIL) {
      if (interrupted) fputc('\n', stderr);
      unwinding = NOTHING, interrupted = 0, at_end = input->over = 0;
      input->at = input->end, input->backs = 0;
      while (scopes()) pop_scope();
      loops = 0, function_line = 0, builtin_name = 0;
    }
    if (at_end && input->terminal && !unwinding) at_end = leaves_terminal(), input->over = at_end;
  }
  return answer;
}

int run_text(const char *text, int flags) {
  struct arena *outer = tree;
  push_text(text, strlen(text), 1, 0);
  struct input *own = input;
  int answer = run_input(flags);
  while (input != own) pop_input();
  pop_input();
  tree = outer;
  syntax_failed = 0;
  return answer;
}
