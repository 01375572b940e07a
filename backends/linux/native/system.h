/* Raw system calls without libc, for x86-64 and arm64: numbers, the call itself, and clone3. */
#ifndef SYSTEM_H
#define SYSTEM_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int s32;
typedef long s64;

#if defined(__x86_64__)
enum {
	NR_read = 0, NR_write = 1, NR_close = 3, NR_rt_sigprocmask = 14, NR_mmap = 9, NR_fsync = 74, NR_exit_group = 231,
	NR_wait4 = 61, NR_execve = 59, NR_kill = 62, NR_prctl = 157, NR_openat = 257, NR_renameat2 = 316, NR_ppoll = 271,
	NR_clone3 = 435, NR_clock_gettime = 228, NR_signalfd4 = 289, NR_close_range = 436, NR_pidfd_getfd = 438,
	NR_pread64 = 17, NR_munmap = 11, NR_mremap = 25, NR_getpid = 39, NR_setpgid = 109, NR_ioctl = 16, NR_lseek = 8, NR_setns = 308,
	NR_setsid = 112, NR_rt_sigtimedwait = 128, NR_unlinkat = 263, NR_execveat = 322,
};
static inline s64 sys6(s64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	s64 result;
	__asm__ volatile("syscall"
		: "=a"(result)
		: "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory");
	return result;
}
/* clone3 whose child starts on the stack of its arguments, in `run(argument)`, and never returns from there. */
static inline s64 clone3_onto_stack(void *args, u64 size, void (*run)(void *), void *argument)
{
	register void *r8 __asm__("r8") = (void *)run;
	register void *r9 __asm__("r9") = argument;
	s64 result;
	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"xor %%ebp, %%ebp\n\t"
		"and $-16, %%rsp\n\t"
		"mov %%r9, %%rdi\n\t"
		"call *%%r8\n\t"
		"hlt\n"
		"1:"
		: "=a"(result)
		: "a"((s64)NR_clone3), "D"(args), "S"(size), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory", "cc");
	return result;
}
#define START(function) \
	__attribute__((naked, noreturn)) void _start(void) \
	{ \
		__asm__ volatile("xor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall " #function "\n\thlt"); \
	}
#elif defined(__aarch64__)
enum {
	NR_read = 63, NR_write = 64, NR_close = 57, NR_rt_sigprocmask = 135, NR_mmap = 222, NR_fsync = 82, NR_exit_group = 94,
	NR_wait4 = 260, NR_execve = 221, NR_kill = 129, NR_prctl = 167, NR_openat = 56, NR_renameat2 = 276, NR_ppoll = 73,
	NR_clone3 = 435, NR_clock_gettime = 113, NR_signalfd4 = 74, NR_close_range = 436, NR_pidfd_getfd = 438,
	NR_pread64 = 67, NR_munmap = 215, NR_mremap = 216, NR_getpid = 172, NR_setpgid = 154, NR_ioctl = 29, NR_lseek = 62, NR_setns = 268,
	NR_setsid = 157, NR_rt_sigtimedwait = 137, NR_unlinkat = 35, NR_execveat = 281,
};
static inline s64 sys6(s64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 x8 __asm__("x8") = nr;
	register u64 x0 __asm__("x0") = a;
	register u64 x1 __asm__("x1") = b;
	register u64 x2 __asm__("x2") = c;
	register u64 x3 __asm__("x3") = d;
	register u64 x4 __asm__("x4") = e;
	register u64 x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
static inline s64 clone3_onto_stack(void *args, u64 size, void (*run)(void *), void *argument)
{
	register u64 x8 __asm__("x8") = NR_clone3;
	register u64 x0 __asm__("x0") = (u64)args;
	register u64 x1 __asm__("x1") = size;
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
		: "r"(x8), "r"(x1), "r"(x9), "r"(x10)
		: "memory", "x30");
	return x0;
}
#define START(function) \
	__attribute__((noreturn)) void _start(void); \
	__asm__(".globl _start\n_start:\n\tmov x29, xzr\n\tmov x0, sp\n\tbl " #function "\n\tbrk #1");
#else
#error "vitrine's native parts know x86-64 and arm64"
#endif

static inline s64 sys3(s64 nr, u64 a, u64 b, u64 c)
{
	return sys6(nr, a, b, c, 0, 0, 0);
}

#define EINTR 4
#define is_error(result) ((u64)(result) > -4096ul)

#endif
