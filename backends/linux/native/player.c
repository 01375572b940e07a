/* player [CGROUP.PROCS...]: plays calls on the real kernel for a test, which sends them one by one on standard input (see
 * backends/player/stage.ts for the other side). It makes a corner of its own first: pid, mount, uts, ipc, net and cgroup
 * namespaces, a file system in memory as root. Process 1 of it is the supervisor: it hands calls to puppets through their
 * mailboxes, looks at them through /proc, and takes everything along when it ends. */
#include "corner.h"
#include "watch.h"

/* One request and its answer; data follow each. */
struct request {
	u32 what;
	u32 slot;
	u32 newslot;
	u32 timeout_ms;
	u32 kind;
	u32 may_wait;
	s64 nr;
	u64 args[6];
	u32 data_bytes;
	u32 out_offset; /* within the data, of what comes back */
	u32 out_bytes;
	u32 unused;
};
enum { CALL = 1, COLLECT = 2, ENDED = 3, RECEIVED = 4, WAITING = 5 };
struct reply {
	u32 status;
	u32 born; /* the new task's number, as seen from here */
	s64 result;
	u32 bytes;
	u32 unused;
};
enum { DONE = 0, WAITS = 1, GONE = 2 };

static void read_whole(void *to, u64 bytes)
{
	for (u64 done = 0; done < bytes;) {
		s64 got = sys3(NR_read, IN_FD, (u64)to + done, bytes - done);
		if (got == -EINTR) continue;
		/* Whoever asks is gone. */
		if (got <= 0) leave(0);
		done += got;
	}
}

static void write_whole(const void *from, u64 bytes)
{
	for (u64 done = 0; done < bytes;) {
		s64 got = sys3(NR_write, OUT_FD, (u64)from + done, bytes - done);
		if (got == -EINTR) continue;
		if (got <= 0) leave(0);
		done += got;
	}
}

static u64 now(void)
{
	u64 time[2];
	sys3(NR_clock_gettime_, 1, (u64)time, 0);
	return time[0] * 1000000000ul + time[1];
}

static void nap(u32 *word, u32 value, u64 nanoseconds)
{
	u64 time[2] = { 0, nanoseconds };
	wait_while(word, value, (u64)time);
}

/* Waits until a puppet has answered. With `may_wait`, a puppet that sleeps in its call three times in a row does wait. */
static u32 await(struct slot *slot, u32 timeout_ms, u32 may_wait)
{
	u64 end = now() + timeout_ms * MILLISECOND;
	u64 asleep = 0;
	for (u64 round = 0;; round++) {
		u32 request = load(&slot->request), response = load(&slot->response);
		if (request == response) return DONE;
		nap(&slot->response, response, round < 4 ? MILLISECOND / 2 : 2 * MILLISECOND);
		if (load(&slot->response) == request) return DONE;
		if (round < 2) continue;
		char state = state_of(slot, 0);
		if (state == 'X' || state == 'Z' || state == 'x') return load(&slot->response) == request ? DONE : GONE;
		asleep = state == 'R' ? 0 : asleep + 1;
		if ((may_wait && asleep >= 3) || now() > end) return WAITS;
	}
}

/* Lets what a call has set going come to rest: puppets that were woken by it sleep again, or are gone. */
static void settle(void)
{
	u64 end = now() + 100 * MILLISECOND;
	for (u64 i = 1; i < SLOTS; i++) {
		struct slot *slot = slot_at(i);
		if (slot->state == ALIVE && slot->tid)
			while (state_of(slot, 0) == 'R' && now() < end) sys3(NR_sched_yield, 0, 0, 0);
	}
}

static u32 is_born(struct request *request)
{
	if (!request->newslot) return 0;
	struct slot *child = slot_at(request->newslot);
	if (load(&child->state) != ALIVE) return 0;
	if (!child->tid) find_newcomer(child);
	return child->tid;
}

static struct reply call(struct request *request)
{
	struct slot *slot = slot_at(request->slot);
	slot->kind = request->kind;
	slot->newslot = request->newslot;
	slot->nr = request->nr;
	memcpy(slot->args, request->args, sizeof slot->args);
	if (request->newslot) {
		struct slot *child = slot_at(request->newslot);
		memset(child, 0, sizeof *child);
	}
	struct reply reply = { 0 };
	if (request->slot == 0) {
		reply.result = perform(slot);
	} else {
		store(&slot->request, load(&slot->request) + 1);
		wake(&slot->request);
		reply.status = await(slot, request->timeout_ms, request->may_wait);
		reply.result = slot->result;
	}
	u64 end = now() + 2000 * MILLISECOND;
	/* vfork(2) waits, and has a child nevertheless. */
	if (request->newslot && (reply.status == WAITS || (reply.status == DONE && reply.result > 0)))
		while (!is_born(request) && now() < end) nap(&slot_at(request->newslot)->state, FREE, MILLISECOND);
	reply.born = is_born(request);
	if (request->kind != CALL_COMPUTE) settle();
	return reply;
}

static struct reply ended(struct request *request)
{
	struct slot *slot = slot_at(request->slot);
	u64 end = now() + request->timeout_ms * MILLISECOND;
	struct reply reply = { .status = WAITS };
	while (!is_gone(slot) && now() < end) nap(&slot->response, load(&slot->response), MILLISECOND);
	s64 code = 0;
	char state = state_of(slot, &code);
	if (state == 'Z') reply = (struct reply){ .status = DONE, .result = code };
	else if (state == 'X') reply.status = GONE;
	return reply;
}

static void serve_requests(void)
{
	for (;;) {
		struct request request;
		read_whole(&request, sizeof request);
		struct slot *slot = slot_at(request.slot);
		char *data = (char *)slot + DATA_OFFSET;
		if (request.slot >= SLOTS || request.newslot >= SLOTS || request.data_bytes > DATA_BYTES) leave(2);
		read_whole(data, request.data_bytes);
		struct reply reply = { 0 };
		const void *out = data + request.out_offset;
		if (request.what == CALL) reply = call(&request);
		else if (request.what == ENDED) reply = ended(&request);
		else if (request.what == RECEIVED) {
			settle();
			out = slot->signals;
			u32 count = load(&slot->signal_count);
			request.out_bytes = 4 * (count < SIGNALS ? count : SIGNALS);
		} else {
			reply.status = await(slot, request.timeout_ms, request.what == WAITING);
			reply.result = slot->result;
		}
		reply.bytes = reply.status == DONE && (request.what == RECEIVED || !is_error(reply.result)) ? request.out_bytes : 0;
		if (request.what == ENDED) reply.bytes = 0;
		write_whole(&reply, sizeof reply);
		write_whole(out, reply.bytes);
	}
}

/* Process 1 of the corner. */
static void supervise(void *argument)
{
	sys6(NR_prctl, 1, 9, 0, 0, 0, 0);
	/* Alone in its cgroups, which become the roots that it sees. */
	for (char **path = (char **)argument + 1; *path; path++) {
		s64 fd = need(*path, sys6(NR_openat, AT_FDCWD, (u64)*path, 1, 0, 0, 0));
		need(*path, sys3(NR_write, fd, (u64)"0", 1));
		sys3(NR_close, fd, 0, 0);
	}
	/* Without any it sees the machine's own roots. */
	if (((char **)argument)[1]) need("unshare", sys3(NR_unshare, 0x02000000, 0, 0));
	make_root();
	copy_program(PROGRAM_FD);
	/* Close on exec, and above what a scenario gets. */
	proc = need("open /proc", sys6(NR_openat, AT_FDCWD, (u64)"/proc", 02200000, 0, 0, 0));
	sys3(NR_dup3, proc, PROC_FD, 02000000);
	sys3(NR_close, proc, 0, 0);
	proc = PROC_FD;
	s64 null = need("open /dev/null", sys6(NR_openat, AT_FDCWD, (u64)"/dev/null", 2, 0, 0, 0));
	for (u64 fd = 0; fd < 2; fd++) sys3(NR_dup3, null, fd, 0);
	sys3(NR_close, null, 0, 0);
	slot_at(0)->tid = slot_at(0)->process = 1;
	char ready[4] = "go\n";
	write_whole(ready, 4);
	serve_requests();
}

static void attach(u64 index)
{
	if (is_error(sys6(NR_mmap, BASE, SLOTS * SLOT_BYTES, 3, 1 | 0x10, MAILBOX_FD, 0))) leave(126);
	struct slot *slot = slot_at(index);
	answer(slot, load(&slot->request), 0);
	serve_on_stack(index);
}

__attribute__((used)) void run(u64 *stack)
{
	u64 argc = stack[0];
	char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
	for (; *envp; envp++)
		if ((*envp)[0] == 'P' && (*envp)[1] == 'U' && (*envp)[2] == 'P' && (*envp)[3] == '=')
			attach(number_in(*envp + 4));
	/* Whatever whoever started this has left open. */
	sys3(NR_close_range, 3, ~0u, 0);
	s64 program = need("open the program", sys6(NR_openat, AT_FDCWD, (u64)"/proc/self/exe", 0, 0, 0, 0));
	need("dup", sys3(NR_dup3, program, PROGRAM_FD, 02000000));
	need("dup", sys3(NR_dup3, 0, IN_FD, 02000000));
	need("dup", sys3(NR_dup3, 1, OUT_FD, 02000000));
	s64 memory = need("memfd_create", sys3(NR_memfd_create, (u64)"mailboxes", 0, 0));
	need("ftruncate", sys3(NR_ftruncate, memory, SLOTS * SLOT_BYTES, 0));
	need("dup", sys3(NR_dup3, memory, MAILBOX_FD, 0));
	sys3(NR_close, memory, 0, 0);
	sys3(NR_close, program, 0, 0);
	/* Here already, and not charged to a scenario's cgroups: control words and stacks are touched by their users. */
	need("mmap", sys6(NR_mmap, BASE, SLOTS * SLOT_BYTES, 3, 1 | 0x10, MAILBOX_FD, 0));
	for (u64 i = 0; i < SLOTS; i++)
		for (u64 at = 0; at < 3 * DATA_OFFSET; at += 4096) ((volatile char *)slot_at(i))[at] = 0;
	/* mnt, uts, ipc, pid, net. */
	u64 args[11] = { 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000, [4] = 17 };
	args[5] = (u64)slot_at(0) + STACK_OFFSET;
	args[6] = STACK_BYTES;
	s64 child = need("clone3", clone3_onto_stack(args, sizeof args, supervise, (void *)argv));
	sys3(NR_close, 0, 0, 0);
	sys3(NR_close, IN_FD, 0, 0);
	s32 status = 0;
	while (sys6(NR_wait4, child, (u64)&status, 0x40000000, 0, 0, 0) == -EINTR) {}
	leave(status >> 8 & 0xff);
}

START(run)
