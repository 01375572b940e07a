/* `--init`: PID 1 of a container whose program is no init. It starts the program, hands signals on to it, reaps what is
 * orphaned, and ends as the program ended. No libc. */
#include "system.h"

#define SIGCHLD 17
#define BLOCK 0
#define SET 2

__attribute__((noreturn)) static void leave(u32 code)
{
	for (;;) sys3(NR_exit_group, code, 0, 0);
}

static void complain(const char *text)
{
	u64 n = 0;
	while (text[n]) n++;
	sys3(NR_write, 2, (u64)text, n);
}

/* execvp(3) without a libc: a name without a slash is looked for along PATH. Gives the errno that says most. */
static s64 execute(char **argv, char **envp)
{
	static char path[4352];
	const char *name = argv[0], *list = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	u64 length = 0;
	for (; name[length]; length++)
		if (name[length] == '/') return sys3(NR_execve, (u64)name, (u64)argv, (u64)envp);
	for (char **each = envp; *each; each++)
		if ((*each)[0] == 'P' && (*each)[1] == 'A' && (*each)[2] == 'T' && (*each)[3] == 'H' && (*each)[4] == '=')
			list = *each + 5;
	s64 result = -2; /* ENOENT */
	for (;;) {
		u64 n = 0;
		for (; *list && *list != ':'; list++)
			if (n < sizeof path - 258) path[n++] = *list;
		if (n == 0) path[n++] = '.';
		path[n++] = '/';
		for (u64 i = 0; i <= length && n < sizeof path; i++) path[n++] = name[i];
		path[sizeof path - 1] = 0;
		s64 refused = sys3(NR_execve, (u64)path, (u64)argv, (u64)envp);
		if (refused != -2 && refused != -20) result = refused;
		if (!*list++) return result;
	}
}

/* The program's environment begins after its arguments: argc, argv[0..argc-1], NULL, envp. */
__attribute__((noreturn, used)) static void init(u64 *stack)
{
	u64 count = stack[0], all = ~0ul, before = 0;
	char **argv = (char **)(stack + 1), **envp = argv + count + 1;
	if (count > 1 && argv[1][0] == '-' && argv[1][1] == '-' && !argv[1][2]) argv++, count--;
	if (count < 2) {
		complain("vitrine-init: no program to run\n");
		leave(125);
	}
	sys6(NR_rt_sigprocmask, BLOCK, (u64)&all, (u64)&before, 8, 0, 0);
	s64 signals = sys6(NR_signalfd4, (u64)-1, (u64)&all, 8, 02000000, 0, 0); /* SFD_CLOEXEC */
	u64 clone_args[11] = { 0, 0, 0, 0, SIGCHLD };
	s64 child = sys3(NR_clone3, (u64)clone_args, sizeof clone_args, 0);
	if (child == 0) {
		/* A process group of its own, in the foreground of the terminal if there is one. */
		sys3(NR_setpgid, 0, 0, 0);
		u32 group = (u32)sys3(NR_getpid, 0, 0, 0);
		sys3(NR_ioctl, 0, 0x5410, (u64)&group); /* TIOCSPGRP; not a terminal is fine. SIGTTOU is still blocked */
		sys6(NR_rt_sigprocmask, SET, (u64)&before, 0, 8, 0, 0);
		s64 refused = execute(argv + 1, envp);
		complain("vitrine-init: cannot execute ");
		complain(argv[1]);
		complain("\n");
		leave(refused == -2 || refused == -20 ? 127 : 126);
	}
	if (is_error(child) || is_error(signals)) {
		complain("vitrine-init: no process or descriptor left\n");
		leave(125);
	}
	for (;;) {
		struct {
			u32 number;
			u8 rest[124];
		} info;
		if (sys3(NR_read, (u64)signals, (u64)&info, sizeof info) != sizeof info) continue;
		if (info.number != SIGCHLD) {
			sys3(NR_kill, (u64)child, info.number, 0);
			continue;
		}
		u32 status;
		for (;;) {
			s64 pid = sys6(NR_wait4, (u64)-1, (u64)&status, 1, 0, 0, 0); /* WNOHANG */
			if (pid <= 0) break;
			if (pid == child) leave(status & 127 ? 128 + (status & 127) : status >> 8 & 255);
		}
	}
}

START(init)
