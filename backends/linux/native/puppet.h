/* A puppet: a task of the real kernel that makes the calls that are put into its mailbox, and nothing else. It has no libc
 * and no memory of its own that matters: control words, stack and buffers lie in a shared mapping at a fixed address, so
 * that tasks which share an address space, and programs that were executed anew, work alike. */
#ifndef PUPPET_H
#define PUPPET_H

#include "system.h"

#define BASE 0x2000000000ul
#define SLOTS 48
#define SLOT_BYTES 0x40000ul
#define STACK_OFFSET 0x1000ul
#define STACK_BYTES 0x7000ul
#define DATA_OFFSET 0x8000ul
#define DATA_BYTES (SLOT_BYTES - DATA_OFFSET)
/* The mapping's descriptor, which programs that are executed find again. */
#define MAILBOX_FD 200

enum { CALL_PLAIN = 0, CALL_CLONE3 = 1, CALL_CLONE = 2, CALL_SIGACTION = 3, CALL_COMPUTE = 4 };
enum { FREE = 0, ALIVE = 1 };

#define SIGNALS 64
struct slot {
	u32 request;  /* counts what was asked for; a futex */
	u32 response; /* and what was done */
	u32 state;
	u32 kind;
	u32 newslot;
	u32 signal_count;
	s64 nr;
	u64 args[6];
	s64 result;
	u32 tid; /* as the supervisor's /proc names it; the supervisor's own */
	u32 process;
	u32 signals[SIGNALS];
};

#if defined(__x86_64__)
enum { NR_futex = 202, NR_rt_sigreturn = 15, NR_clone = 56, NR_dup3 = 292 };
#define SA_RESTORER 0x04000000ul
#elif defined(__aarch64__)
enum { NR_futex = 98, NR_rt_sigreturn = 139, NR_clone = 220, NR_dup3 = 24 };
#define SA_RESTORER 0ul
#endif
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

static inline struct slot *slot_at(u64 index)
{
	return (struct slot *)(BASE + index * SLOT_BYTES);
}

/* Who runs here: the stack pointer lies in one slot. */
static inline u64 own_index(void)
{
	return ((u64)__builtin_frame_address(0) - BASE) / SLOT_BYTES;
}

static inline u32 load(u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void store(u32 *word, u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline void wake(u32 *word)
{
	sys6(NR_futex, (u64)word, FUTEX_WAKE, 0x7fffffff, 0, 0, 0);
}

static inline void wait_while(u32 *word, u32 value, u64 timespec)
{
	sys6(NR_futex, (u64)word, FUTEX_WAIT, value, timespec, 0, 0);
}

/* Every handler of a scenario is this one. */
static void on_signal(int number)
{
	struct slot *slot = slot_at(own_index());
	u32 at = slot->signal_count;
	if (at < SIGNALS) slot->signals[at] = number;
	store(&slot->signal_count, at + 1);
}

#if defined(__x86_64__)
/* arm64's kernel brings its own. */
__attribute__((naked, used)) static void restore(void)
{
	__asm__ volatile("mov $15, %eax\n\tsyscall");
}
#define RESTORER (u64)restore
#else
#define RESTORER 0
#endif

/* clone(2) whose child starts on another stack, in `run(argument)`. */
static s64 clone_onto_stack(u64 *args, u64 stack, void (*run)(void *), void *argument)
{
#if defined(__x86_64__)
	register void *r12 __asm__("r12") = (void *)run;
	register void *r13 __asm__("r13") = argument;
	register u64 r10 __asm__("r10") = args[3];
	register u64 r8 __asm__("r8") = args[4];
	s64 result;
	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"xor %%ebp, %%ebp\n\t"
		"and $-16, %%rsp\n\t"
		"mov %%r13, %%rdi\n\t"
		"call *%%r12\n\t"
		"hlt\n"
		"1:"
		: "=a"(result)
		: "a"((s64)NR_clone), "D"(args[0]), "S"(stack), "d"(args[2]), "r"(r10), "r"(r8), "r"(r12), "r"(r13)
		: "rcx", "r11", "memory", "cc");
	return result;
#else
	register u64 x8 __asm__("x8") = NR_clone;
	register u64 x0 __asm__("x0") = args[0];
	register u64 x1 __asm__("x1") = stack;
	register u64 x2 __asm__("x2") = args[2];
	/* arm64 has tls before the child's tid. */
	register u64 x3 __asm__("x3") = args[4];
	register u64 x4 __asm__("x4") = args[3];
	register void *x9 __asm__("x9") = (void *)run;
	register void *x10 __asm__("x10") = argument;
	__asm__ volatile(
		"svc 0\n\t"
		"cbnz x0, 1f\n\t"
		"mov x29, xzr\n\t"
		"mov x0, x10\n\t"
		"blr x9\n\t"
		"brk #1\n"
		"1:"
		: "+r"(x0)
		: "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), "r"(x10)
		: "memory", "x30");
	return x0;
#endif
}

static void serve(u64 index);

static void begin(void *argument)
{
	struct slot *slot = slot_at((u64)argument);
	/* The first one is a child of the supervisor, whose descriptors are not for scenarios. */
	if ((u64)argument == 1) {
		sys6(NR_dup3, 0, 2, 0, 0, 0, 0);
		for (u64 fd = MAILBOX_FD + 1; fd < MAILBOX_FD + 8; fd++) sys3(NR_close, fd, 0, 0);
	}
	store(&slot->state, ALIVE);
	wake(&slot->state);
	serve((u64)argument);
}

/* Makes one call for somebody whose mailbox this is. */
static s64 perform(struct slot *slot)
{
	u64 *args = slot->args;
	u64 stack = (u64)slot_at(slot->newslot) + STACK_OFFSET;
	if (slot->kind == CALL_CLONE3) {
		u64 *given = (u64 *)args[0];
		/* struct clone_args: the stack is at 40, its size at 48. */
		if (args[0] && args[1] >= 64 && args[1] <= 4096 && !given[5] && !given[6]) {
			given[5] = stack;
			given[6] = STACK_BYTES;
		}
		return clone3_onto_stack((void *)args[0], args[1], begin, (void *)(u64)slot->newslot);
	}
	if (slot->kind == CALL_CLONE)
		return clone_onto_stack(args, stack + STACK_BYTES, begin, (void *)(u64)slot->newslot);
	if (slot->kind == CALL_SIGACTION && args[1]) {
		/* The kernel's struct sigaction: handler, flags, restorer, mask. */
		u64 *action = (u64 *)args[1];
		if (action[0] > 1) {
			action[0] = (u64)on_signal;
			action[1] |= SA_RESTORER;
			action[2] = RESTORER;
		}
	}
	if (slot->kind == CALL_COMPUTE) {
		/* From one moment to another, so that those who compute begin together. */
		for (;;) {
			u64 time[2];
			sys3(NR_clock_gettime, 1, (u64)time, 0);
			u64 now = time[0] * 1000000000ul + time[1];
			if (now >= args[1]) return 0;
			if (now < args[0]) {
				u64 rest[2] = { (args[0] - now) / 1000000000ul, (args[0] - now) % 1000000000ul };
				wait_while(&slot->newslot, slot->newslot, (u64)rest);
			} else {
				for (volatile u32 i = 0; i < 10000; i++) {}
			}
		}
	}
	return sys6(slot->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static void answer(struct slot *slot, u32 request, s64 result)
{
	slot->result = result;
	store(&slot->response, request);
	wake(&slot->response);
}

static void serve(u64 index)
{
	struct slot *slot = slot_at(index);
	for (;;) {
		u32 request;
		while ((request = load(&slot->request)) == load(&slot->response)) wait_while(&slot->request, request, 0);
		answer(slot, request, perform(slot));
	}
}

/* Goes on as the puppet of a slot on that slot's stack. */
__attribute__((noreturn)) static void serve_on_stack(u64 index)
{
	u64 top = BASE + index * SLOT_BYTES + STACK_OFFSET + STACK_BYTES;
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tcall *%2\n\thlt"
		: : "d"(top), "D"(index), "a"(serve) : "memory");
#else
	__asm__ volatile("mov sp, %0\n\tmov x29, xzr\n\tmov x0, %1\n\tblr %2\n\tbrk #1"
		: : "r"(top), "r"(index), "r"(serve) : "memory", "x0", "x30");
#endif
	__builtin_unreachable();
}

#endif
