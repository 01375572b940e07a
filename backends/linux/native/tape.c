/* The shared object that Node loads: a raw system call, a tape run in the caller, a tape run in a clone3 child that
 * shares the caller's memory. Linked -z nodelete: a child may still run in it when Node exits. */
#include "interpreter.h"
#define EXPORT __attribute__((visibility("default")))

EXPORT s64 vitrine_syscall(s64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	return sys6(nr, a, b, c, d, e, f);
}

/* Runs the parent's part of a tape in the calling thread; the index of the refused entry, or -1. */
EXPORT s32 vitrine_run(struct tape *tape)
{
	return run_tape(tape, 0, tape->child);
}

/* clone3 with these arguments, the child's part of the tape in the child; the child's pid, or -errno. The signals of this thread are masked
 * around the clone: no handler of Node's may run in the child, on memory that both share. */
EXPORT s64 vitrine_spawn(void *clone_args, u64 size, struct tape *tape)
{
	u64 all = ~0ul, before;
	sys6(NR_rt_sigprocmask, 2, (u64)&all, (u64)&before, 8, 0, 0);
	s64 pid = clone3_onto_stack(clone_args, size, run_child, tape);
	sys6(NR_rt_sigprocmask, 2, (u64)&before, 0, 8, 0, 0);
	return pid;
}
