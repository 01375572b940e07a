/* The tape interpreter: runs a flat list of system calls that TypeScript wrote. It holds no policy: it stops at the first
 * refusal that the tape does not tolerate. No libc, no allocation, no lock, so it may run in a CLONE_VM child. */
#ifndef INTERPRETER_H
#define INTERPRETER_H
#include "system.h"

/* entry.flags */
#define ARGUMENT_IS_RESULT(i) (1u << (i)) /* argument i is the index of an entry whose result is meant */
#define TOLERATE_ANY (1u << 8)
#define RESTART_EINTR (1u << 9)
/* entry.nr beyond the kernel's */
#define OP_STORE32 0xfff00001u /* *(u32 *)a0 = a1 */
#define OP_STORE64 0xfff00002u /* *(u64 *)a0 = a1 */
#define OP_RESULT 0xfff00004u  /* entries[a0].result = a1 */
#define OP_JUMP 0xfff00003u    /* does nothing; skip_success says how far to jump */

struct entry {
	u32 nr, flags;
	u64 arguments[6];
	s64 result;
	u16 skip_success; /* entries left out after a success */
	u16 skip_refused; /* entries left out after a tolerated refusal */
	u8 tolerate[4];   /* errnos */
};

struct tape {
	u32 count;
	u32 child;  /* index of the first entry that the child runs; those before it are the parent's */
	s32 failed; /* index of the entry that was refused, or -1 */
	s32 errno_; /* its errno */
	s32 report; /* descriptor that is told of a child's refusal, or -1 */
	u32 unused;
	struct entry entries[];
};

/* What the child tells through `report`; the end of file means that the program was executed. */
struct report {
	u32 kind; /* 1 waiting (written by the tape itself), 2 refused */
	u16 entry, errno_;
};

static s32 run_tape(struct tape *tape, u32 first, u32 end)
{
	tape->failed = -1;
	tape->errno_ = 0;
	for (u32 i = first; i < end; i++) {
		struct entry *entry = &tape->entries[i];
		u64 value[6];
		s64 result;
		for (u32 k = 0; k < 6; k++) {
			u64 argument = entry->arguments[k];
			value[k] = entry->flags & ARGUMENT_IS_RESULT(k) ? (u64)tape->entries[argument].result : argument;
		}
		switch (entry->nr) {
		case OP_STORE32: *(u32 *)value[0] = (u32)value[1]; result = 0; break;
		case OP_STORE64: *(u64 *)value[0] = value[1]; result = 0; break;
		case OP_RESULT: tape->entries[value[0]].result = (s64)value[1]; result = 0; break;
		case OP_JUMP: result = 0; break;
		default:
			do result = sys6(entry->nr, value[0], value[1], value[2], value[3], value[4], value[5]);
			while (result == -EINTR && entry->flags & RESTART_EINTR);
		}
		entry->result = result;
		if (!is_error(result)) {
			i += entry->skip_success;
			continue;
		}
		u32 refusal = (u32)-result, tolerated = entry->flags & TOLERATE_ANY;
		for (u32 k = 0; k < 4; k++) tolerated |= entry->tolerate[k] == refusal;
		if (!tolerated) {
			tape->failed = (s32)i;
			tape->errno_ = (s32)refusal;
			return (s32)i;
		}
		i += entry->skip_refused;
	}
	return -1;
}

/* The child's life: the tape, whose last entry executes the program, or a report of what was refused. */
static void run_child(void *argument)
{
	struct tape *tape = argument;
	if (run_tape(tape, tape->child, tape->count) >= 0 && tape->report >= 0) {
		struct report report = { 2, (u16)tape->failed, (u16)tape->errno_ };
		sys3(NR_write, (u64)tape->report, (u64)&report, sizeof report);
	}
	for (;;) sys3(NR_exit_group, 127, 0, 0);
}

#endif
