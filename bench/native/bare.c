/* The limit to compare with: the namespaces and mounts of bench/support/bare-plan.ts made by C alone, in a process that
 * does nothing else. bare ROOTFS PROGRAM COUNT PAUSE_USEC prints one line of microseconds from clone to reaped each time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *root, *program;
static volatile int failed_line;
#define MUST(call) \
	do { \
		if ((call) < 0) { \
			failed_line = __LINE__; \
			_exit(127); \
		} \
	} while (0)

static const struct { const char *path; int major, minor; } nodes[] = {
	{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

__attribute__((noreturn, used)) static void child(void)
{
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mount(root, root, NULL, MS_BIND | MS_REC, NULL));
	MUST(chdir(root));
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	MUST(mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"));
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		MUST(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	MUST(sethostname("bench", 5));
	MUST(syscall(SYS_close_range, 3, ~0u, 4));
	char *argv[] = { (char *)program, NULL }, *envp[] = { "PATH=/bin", NULL };
	MUST(execve(program, argv, envp));
	_exit(127);
}

static uint64_t now_nsec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static long spawn(int *pidfd, char *stack, size_t size)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
			 CLONE_NEWCGROUP | CLONE_NEWNET,
		.pidfd = (uint64_t)pidfd, .exit_signal = SIGCHLD, .stack = (uint64_t)stack, .stack_size = size,
	};
#if defined(__x86_64__)
	long pid;
	__asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\tcall child\n1:"
		: "=a"(pid) : "a"(SYS_clone3), "D"(&args), "S"(sizeof args) : "rcx", "r11", "memory");
	return pid;
#else
	register long x8 __asm__("x8") = SYS_clone3, x0 __asm__("x0") = (long)&args, x1 __asm__("x1") = sizeof args;
	__asm__ volatile("svc 0\n\tcbnz x0, 1f\n\tbl child\n1:" : "+r"(x0) : "r"(x8), "r"(x1) : "memory", "x30");
	return x0;
#endif
}

int main(int argc, char **argv)
{
	if (argc != 5) return 2;
	root = argv[1], program = argv[2];
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0, count = atoi(argv[3]); i < count; i++) {
		int pidfd = -1;
		uint64_t start = now_nsec();
		long pid = spawn(&pidfd, stack, 65536);
		siginfo_t info = { 0 };
		if (pid < 0 || waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 || info.si_status != 0) {
			fprintf(stderr, "bare: line %d\n", failed_line);
			return 1;
		}
		printf("%.1f\n", (double)(now_nsec() - start) / 1000);
		close(pidfd);
		usleep((useconds_t)atoi(argv[4]));
	}
	return 0;
}
