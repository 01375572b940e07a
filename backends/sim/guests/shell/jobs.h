// Jobs, for those files that work with them.
#ifndef JOBS_H
#define JOBS_H
#include <stdio.h>
#include "shell.h"
extern struct job *jobs;
struct job *wait_any(int options);
struct job *job_of(const char *text);
struct job *current_job(int before);
int job_status(const struct job *job);
int go_on(struct job *job, int foreground);
void show_job(struct job *job, FILE *to, int ids);
void reap(void);
#endif
