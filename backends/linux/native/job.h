/* What the monitor is told: one memory image, written by TypeScript into a sealed-size memfd and mapped at JOB_ADDRESS,
 * so that the pointers in it are right. */
#ifndef JOB_H
#define JOB_H
#include "interpreter.h"

#define JOB_ADDRESS 0x10000000ul
#define JOB_DESCRIPTOR 3
#define JOB_DETACHED 1u /* the caller will not stay: log a terminal, clean up without asking */
#define JOB_LEAVES 2u   /* once the caller leaves the child ('P') there is nothing to do: whoever adopts it watches it */

struct job {
	u64 size;              /* of the whole image */
	struct tape *tape;     /* first part run by the monitor, second by the container's first process */
	void *clone_args;      /* 88 bytes */
	s32 pidfd, pid;
	u32 flags;
	s32 events;            /* records for the caller; poll tells that it is gone */
	s32 control;           /* commands of the caller, bytes: 'T' take the terminal, 'P' leave it, 'W' wait for its end, 'C' cleaned up */
	s32 output[2];         /* read ends: standard output and error of the container, or -1 */
	s32 forward[2];        /* copies for the caller, or -1 */
	s32 directory;         /* where `exit` is written, or -1 */
	s32 log;               /* or -1 */
	s32 close_after[7];    /* what only the child needs, -1 for none */
	u64 log_max_bytes;     /* 0: no limit */
	const char *log_path, *old_log_path;
	const char *oom_path;   /* memory.events (v2) or memory.oom_control (v1): both have a line oom_kill */
	char **cleanup_argv, **cleanup_env;
	u64 terminal_master;   /* descriptor number in the child */
	u64 kept;              /* bytes from the start, whole pages: all that is needed once the child is there */
};

/* What the caller is told through `events`. */
struct event {
	u32 kind; /* 1 started (value: pid), 2 refused (value: entry << 16 | errno), 3 terminal taken (value: 0 or errno), 4 exited (value: wait status, oom: 0 or 1) */
	u32 value, oom;
};

#endif
