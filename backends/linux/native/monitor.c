/* The monitor: one small process per container, its parent and subreaper. It runs the tape, forwards and logs the
 * output, records how the container ended, and has cleaned up after it. No libc; its memory is a few pages. */
#include "log.h"

static s32 terminal = -1;
static s32 signals = -1;
#define OWN_NAME "vitrine-monitor"
static u32 parked; /* the child is left waiting for another caller */
static u32 awaited; /* the caller wants to know how a child ends that it may as well leave */
static u32 exited, status, recorded, oom, unstarted;
static u32 caller = 1; /* it is there */
static u64 left[3] = { ~0ul, ~0ul, ~0ul }; /* bytes that may still be read of both streams and the terminal */
static char buffer[8192];

/* 0 when the caller is not there any more. */
static int tell(u32 kind, u32 value, u32 oom)
{
	struct event event = { kind, value, oom };
	return !is_error(sys3(NR_write, (u64)job->events, (u64)&event, sizeof event));
}

/* Whether the kernel killed for memory: the oom_kill line of the cgroup's events. */
static u32 oom_killed(void)
{
	char text[1024];
	if (!job->oom_path) return 0;
	s64 fd = sys6(NR_openat, (u64)-100, (u64)job->oom_path, 02000000, 0, 0, 0);
	if (is_error(fd)) return 0;
	s64 n = sys3(NR_read, (u64)fd, (u64)text, sizeof text - 1);
	sys3(NR_close, (u64)fd, 0, 0);
	if (n <= 0) return 0;
	text[n] = 0;
	const char *name = "oom_kill ";
	for (char *line = text; *line; line++) {
		u64 k = 0;
		while (name[k] && line[k] == name[k]) k++;
		if (!name[k] && (line == text || line[-1] == '\n')) return line[k] != '0';
	}
	return 0;
}

/* `exit`: code, signal, seconds, nanoseconds, oom, and 1 for a child that never became the program; whole or not there at all, also after kill -9. */
static void write_exit(void)
{
	s64 now[2];
	char text[96], *end = text;
	u32 signal = status & 127;
	sys3(NR_clock_gettime, 0, (u64)now, 0);
	end = put_number(end, signal ? 128 + signal : status >> 8 & 255, 1), *end++ = ' ';
	end = put_number(end, signal, 1), *end++ = ' ';
	end = put_number(end, (u64)now[0], 1), *end++ = ' ';
	end = put_number(end, (u64)now[1], 1), *end++ = ' ';
	end = put_number(end, oom, 1);
	if (unstarted) *end++ = ' ', *end++ = '1';
	*end++ = '\n';
	s64 fd = sys6(NR_openat, (u64)job->directory, (u64)"exit.tmp", 02001101, 0600, 0, 0); /* O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC */
	if (is_error(fd)) return;
	int whole = write_all((s32)fd, text, (u64)(end - text));
	sys3(NR_close, (u64)fd, 0, 0);
	if (whole) sys6(NR_renameat2, (u64)job->directory, (u64)"exit.tmp", (u64)job->directory, (u64)"exit", 0, 0);
	else sys3(NR_unlinkat, (u64)job->directory, (u64)"exit.tmp", 0);
}

static void record_exit(void)
{
	if (recorded) return;
	recorded = 1;
	oom = oom_killed();
	if (job->directory >= 0) write_exit();
}

/* Takes the status of whoever has ended. Once it is the container: what it wrote lies in the pipes, and no more than that
 * is waited for, since a process that it left behind may go on writing for ever. */
static void reap(void)
{
	char info[128];
	while (sys3(NR_read, (u64)signals, (u64)info, sizeof info) > 0);
	s32 state;
	s64 pid;
	while ((pid = sys6(NR_wait4, (u64)-1, (u64)&state, 1, 0, 0, 0)) > 0) {
		if (pid != job->pid) continue;
		status = (u32)state, exited = 1;
		for (int stream = 0; stream < 2; stream++) {
			u32 bytes = 0;
			s64 asked = sys3(NR_ioctl, (u64)job->output[stream], 0x541b, (u64)&bytes); /* FIONREAD */
			left[stream] = is_error(asked) ? 0 : bytes;
		}
		left[2] = 1 << 17; /* more than a terminal holds */
	}
}

/* To the caller, as fast as its reader takes it. If nobody reads, the program waits as it would without us; its end is
 * recorded all the same, and a caller that is gone is not waited for. */
static void forward_output(int stream, const char *bytes, u64 count)
{
	while (count > 0 && job->forward[stream] >= 0) {
		struct pollfd polls[3] = { { job->forward[stream], 4, 0 }, { exited ? -1 : signals, 1, 0 }, { job->events, 0, 0 } };
		s64 ready = sys6(NR_ppoll, (u64)polls, 3, 0, 0, 8, 0);
		if (ready == -EINTR) continue;
		if (is_error(ready)) return;
		if (polls[2].revents) {
			caller = 0;
			return;
		}
		if (polls[1].revents) {
			reap();
			if (exited) record_exit();
		}
		if (!polls[0].revents) continue;
		/* What a pipe takes without waiting once poll(2) says that it takes something: PIPE_BUF. pipe(7) */
		s64 n = sys3(NR_write, (u64)job->forward[stream], (u64)bytes, count < 4096 ? count : 4096);
		if (n == -EINTR || n == -11) continue;
		if (is_error(n)) {
			job->forward[stream] = -1;
			return;
		}
		bytes += n;
		count -= (u64)n;
	}
}

/* Until execve(2) the child has our name. proc_pid_comm(5) */
static int waits_still(void)
{
	char path[32] = "/proc/", *end = put_number(path + 6, (u64)job->pid, 1), name[16];
	for (const char *rest = "/comm"; *rest;) *end++ = *rest++;
	*end = 0;
	s64 fd = sys6(NR_openat, (u64)-100, (u64)path, 02000000, 0, 0, 0);
	if (is_error(fd)) return 0;
	s64 n = sys3(NR_read, (u64)fd, (u64)name, sizeof name);
	sys3(NR_close, (u64)fd, 0, 0);
	int same = n == sizeof OWN_NAME;
	for (u64 i = 0; same && i < sizeof OWN_NAME - 1; i++) same = name[i] == OWN_NAME[i];
	return same;
}

/* The caller is gone: its terminal is somebody else's now, and whoever reads from its pipes may know that no more comes. A
 * child that waits for it would wait for ever. */
static void leave_caller(void)
{
	if (job->control < 0) return;
	sys3(NR_close, (u64)job->control, 0, 0);
	job->control = -1;
	if (!exited && !parked && waits_still()) {
		unstarted = 1;
		sys3(NR_kill, (u64)job->pid, 9, 0);
	}
	for (int stream = 0; stream < 2; stream++) {
		if (job->forward[stream] >= 0) sys3(NR_close, (u64)job->forward[stream], 0, 0);
		job->forward[stream] = -1;
	}
}

/* Moves what is there on one stream; 0 when it has ended. */
static int pump(int stream, s32 from, u64 *limit)
{
	s64 n = sys3(NR_read, (u64)from, (u64)buffer, *limit < sizeof buffer ? *limit : sizeof buffer);
	if (n == -EINTR || n == -11) return 1;
	if (n <= 0) return 0;
	if (*limit != ~0ul) *limit -= (u64)n; /* before the program can end over what follows */
	if (job->log >= 0) log_output(stream, buffer, (u64)n);
	forward_output(stream, buffer, (u64)n);
	return 1;
}

/* The job is forty kilobytes, of which a container's whole life needs one page: that is kept, at the same address. Should
 * there be no memory for the copy, all stays as it is. */
static void shed(void)
{
	u64 size = job->size, kept = job->kept;
	s64 copy = sys6(NR_mmap, 0, kept, 3, 0x22, (u64)-1, 0); /* PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS */
	if (is_error(copy)) return;
	for (u64 i = 0; i < kept / 8; i++) ((u64 *)copy)[i] = ((u64 *)JOB_ADDRESS)[i];
	sys3(NR_munmap, JOB_ADDRESS, size, 0);
	sys6(NR_mremap, (u64)copy, kept, kept, 3, JOB_ADDRESS, 0); /* MREMAP_MAYMOVE|MREMAP_FIXED */
}

/* The caller has said 'C' (cleaned) or is gone; 0 as long as neither is so. */
static int ask_caller(void)
{
	char command;
	for (;;) {
		s64 n = sys3(NR_read, (u64)job->control, (u64)&command, 1);
		if (n == -EINTR) continue;
		if (n == -11) return 0;
		if (n <= 0) return -1;
		if (command == 'C') return 'C';
		if (command == 'P') parked = 1;
		if (command == 'W') awaited = 1;
		if (command == 'P' && job->flags & JOB_LEAVES) sys3(NR_exit_group, 0, 0, 0);
		if (command == 'T') {
			s64 fd = sys3(NR_pidfd_getfd, (u64)job->pidfd, job->terminal_master, 0);
			if (!is_error(fd)) terminal = (s32)fd;
			tell(3, is_error(fd) ? (u32)-fd : 0, 0);
		}
	}
}

/* The command begins as any does: no signal blocked or waiting, and out of reach of the terminal that was the caller's. */
static void clean_up(void)
{
	u64 all = ~0ul, none = 0;
	s64 now[2] = { 0, 0 };
	if (job->cleanup_argv) {
		sys3(NR_setsid, 0, 0, 0);
		while (sys6(NR_rt_sigtimedwait, (u64)&all, 0, (u64)now, 8, 0, 0) > 0);
		sys6(NR_rt_sigprocmask, 2, (u64)&none, 0, 8, 0, 0);
		sys3(NR_execve, (u64)job->cleanup_argv[0], (u64)job->cleanup_argv, (u64)job->cleanup_env);
	}
	sys3(NR_exit_group, 0, 0, 0);
}

/* There is no container. The caller undoes what was done for it; if it is gone, the cleanup command does. */
__attribute__((noreturn)) static void refuse(u32 entry, u32 refusal)
{
	if (!tell(2, entry << 16 | refusal, 0)) clean_up();
	for (;;) sys3(NR_exit_group, 125, 0, 0);
}

static void watch(void)
{
	struct pollfd polls[6];
	int cleaned = 0, detached = job->flags & JOB_DETACHED;
	for (;;) {
		/* Who ends before he is left is taken up by whoever adopts him: his status is not for us. */
		polls[0].fd = job->flags & JOB_LEAVES && caller && !awaited ? -1 : signals;
		for (int stream = 0; stream < 2; stream++) polls[1 + stream].fd = left[stream] ? job->output[stream] : -1;
		polls[3].fd = caller ? job->control : -1, polls[4].fd = caller ? job->events : -1;
		/* A caller in the foreground reads the terminal itself. */
		polls[5].fd = (caller && !detached) || !left[2] ? -1 : terminal;
		for (int i = 0; i < 6; i++) polls[i].events = i == 4 ? 0 : 1, polls[i].revents = 0;
		s64 timeout[2] = { 0, 0 };
		s64 n = sys6(NR_ppoll, (u64)polls, 6, exited ? (u64)timeout : 0, 0, 8, 0);
		if (n == -EINTR) continue;
		if (exited && n <= 0) break; /* drained what was left */
		int moved = 0;
		for (int stream = 0; stream < 2; stream++) {
			if (!polls[1 + stream].revents) continue;
			moved = 1;
			if (pump(stream, job->output[stream], &left[stream])) continue;
			sys3(NR_close, (u64)job->output[stream], 0, 0);
			job->output[stream] = -1;
		}
		if (polls[5].revents) {
			moved = 1;
			if (!pump(0, terminal, &left[2])) terminal = -1;
		}
		if (polls[3].revents) {
			int answer = ask_caller();
			if (answer < 0) caller = 0;
			if (answer == 'C') cleaned = 1;
		}
		if (polls[4].revents) caller = 0;
		if (!caller) leave_caller();
		if (polls[0].revents) reap();
		else if (exited && !moved) break;
	}
	record_exit();
	tell(4, status, oom);
	while (caller && !detached && !cleaned) { /* the caller cleans up; should it die over that, we do */
		polls[0].fd = job->control, polls[0].events = 1;
		polls[1].fd = job->events, polls[1].events = 0;
		polls[0].revents = polls[1].revents = 0;
		sys6(NR_ppoll, (u64)polls, 2, 0, 0, 8, 0);
		int answer = ask_caller();
		if (answer == 'C') cleaned = 1;
		else if (answer < 0 || polls[1].revents) caller = 0;
	}
	if (!cleaned) clean_up();
	sys3(NR_exit_group, 0, 0, 0);
}

/* The plan may have chosen a pid or time namespace for the child; the cleanup must be born in our own: a program whose
 * children would be born elsewhere cannot even start a thread (clone(2), EINVAL). */
static void stay_in_namespace(const char *path, u64 type)
{
	s64 own = sys6(NR_openat, (u64)-100, (u64)path, 02000000, 0, 0, 0);
	if (is_error(own)) return;
	sys3(NR_setns, (u64)own, type, 0);
	sys3(NR_close, (u64)own, 0, 0);
}

__attribute__((noreturn, used)) static void monitor(u64 *stack)
{
	(void)stack;
	u64 all = ~0ul, child_signal = 1ul << 16; /* SIGCHLD */
	u64 size;
	sys3(NR_prctl, 15, (u64)OWN_NAME, 0); /* PR_SET_NAME: the memfd's number would stand there */
	sys6(NR_pread64, JOB_DESCRIPTOR, (u64)&size, 8, 0, 0, 0);
	s64 at = sys6(NR_mmap, JOB_ADDRESS, size, 3, 0x100001, JOB_DESCRIPTOR, 0); /* MAP_SHARED|MAP_FIXED_NOREPLACE */
	if (at != (s64)JOB_ADDRESS) sys3(NR_exit_group, 125, 0, 0);
	sys6(NR_close_range, 3, ~0u, 4, 0, 0, 0); /* CLOSE_RANGE_CLOEXEC: nothing of ours reaches the container or the cleanup */
	sys6(NR_rt_sigprocmask, 0, (u64)&all, 0, 8, 0, 0);
	sys6(NR_prctl, 36, 1, 0, 0, 0, 0); /* PR_SET_CHILD_SUBREAPER */
	signals = (s32)sys6(NR_signalfd4, (u64)-1, (u64)&child_signal, 8, 02004000, 0, 0);
	if (signals < 0) refuse(0, (u32)-signals); /* the end of the container would never be noticed */
	s32 failed = run_tape(job->tape, 0, job->tape->child);
	if (failed >= 0) refuse((u32)failed, (u32)job->tape->errno_);
	/* From here on the job is each one's own: whoever gets hold of the child's memory does not have ours. */
	at = sys6(NR_mmap, JOB_ADDRESS, size, 3, 0x12, JOB_DESCRIPTOR, 0); /* MAP_PRIVATE|MAP_FIXED */
	sys3(NR_close, JOB_DESCRIPTOR, 0, 0);
	s64 pid = is_error(at) ? at : sys3(NR_clone3, (u64)job->clone_args, 88, 0);
	if (pid == 0) run_child(job->tape);
	if (is_error(pid)) refuse(job->tape->child, (u32)-pid);
	job->pid = (s32)pid;
	stay_in_namespace("/proc/self/ns/pid", 0x20000000); /* CLONE_NEWPID */
	stay_in_namespace("/proc/self/ns/time", 0x80); /* CLONE_NEWTIME */
	for (int i = 0; i < 7; i++)
		if (job->close_after[i] >= 0) sys3(NR_close, (u64)job->close_after[i], 0, 0);
	if (job->log >= 0) {
		s64 end = sys3(NR_lseek, (u64)job->log, 0, 2);
		log_bytes = end > 0 ? (u64)end : 0;
	}
	shed();
	tell(1, (u32)pid, 0);
	watch();
	for (;;) sys3(NR_exit_group, 0, 0, 0);
}

START(monitor)
