/* Puppets as /proc shows them: whether they run, sleep or have ended, and who is new. */
#ifndef WATCH_H
#define WATCH_H

#include "corner.h"

static int proc = -1;

static u64 put_number(char *to, u64 number)
{
	char digits[20];
	u64 length = 0;
	do digits[length++] = '0' + number % 10; while (number /= 10);
	for (u64 i = 0; i < length; i++) to[i] = digits[length - 1 - i];
	return length;
}

static u64 put_text(char *to, const char *from)
{
	u64 length = 0;
	while ((to[length] = from[length])) length++;
	return length;
}

static s64 read_at(int directory, const char *path)
{
	s64 fd = sys6(NR_openat, directory, (u64)path, 0, 0, 0, 0);
	if (is_error(fd)) return fd;
	s64 got = sys3(NR_read, fd, (u64)text, sizeof text - 1);
	sys3(NR_close, fd, 0, 0);
	text[got > 0 ? got : 0] = 0;
	return got;
}

static int is_there(struct slot *slot)
{
	char path[64];
	u64 at = put_number(path, slot->process);
	at += put_text(path + at, "/task/");
	path[at + put_number(path + at, slot->tid)] = 0;
	s64 fd = sys6(NR_openat, proc, (u64)path, 0, 0, 0, 0);
	if (is_error(fd)) return 0;
	sys3(NR_close, fd, 0, 0);
	return 1;
}

/* The state letter of a puppet; X when it is not there. The exit code, when it can be seen, is the last number. */
static char state_of(struct slot *slot, s64 *exit_code)
{
	/* A thread that executes a program takes over the number of its process. */
	int executes = slot->nr == NR_execve || slot->nr == NR_execveat;
	if (slot->tid != slot->process && executes && !is_there(slot)) slot->tid = slot->process;
	char path[64];
	u64 at = put_number(path, slot->process);
	at += put_text(path + at, "/task/");
	at += put_number(path + at, slot->tid);
	put_text(path + at, "/stat");
	s64 got = slot->tid ? read_at(proc, path) : -1;
	if (got <= 0) return 'X';
	/* The name in parentheses may hold anything. */
	while (got > 0 && text[got] != ')') got--;
	if (exit_code) {
		s64 last = got;
		for (s64 i = got; text[i]; i++) if (text[i] == ' ') last = i + 1;
		*exit_code = 0;
		while (text[last] >= '0' && text[last] <= '9') *exit_code = *exit_code * 10 + text[last++] - '0';
	}
	return text[got + 2];
}

static int is_gone(struct slot *slot)
{
	char state = state_of(slot, 0);
	return state == 'X' || state == 'Z' || state == 'x';
}

struct entry { u64 ino; s64 off; u16 size; u8 type; char name[]; };

static u32 number_in(const char *name)
{
	u32 number = 0;
	for (; *name >= '0' && *name <= '9'; name++) number = number * 10 + *name - '0';
	return *name ? 0 : number;
}

static int is_known(u32 tid)
{
	for (u64 i = 0; i < SLOTS; i++) if (slot_at(i)->tid == tid) return 1;
	return 0;
}

/* Finds the task that no slot has yet: the newest puppet. */
static void find_newcomer(struct slot *slot)
{
	static char all[8192], threads[2048];
	s64 fd = sys6(NR_openat, proc, (u64)".", 0, 0, 0, 0);
	for (s64 got; (got = sys3(NR_getdents64, fd, (u64)all, sizeof all)) > 0;) {
		for (s64 at = 0; at < got; at += ((struct entry *)(all + at))->size) {
			u32 process = number_in(((struct entry *)(all + at))->name);
			if (!process) continue;
			char path[32];
			u64 length = put_number(path, process);
			put_text(path + length, "/task");
			s64 tasks = sys6(NR_openat, proc, (u64)path, 0, 0, 0, 0);
			if (is_error(tasks)) continue;
			s64 more = sys3(NR_getdents64, tasks, (u64)threads, sizeof threads);
			for (s64 in = 0; in < more; in += ((struct entry *)(threads + in))->size) {
				u32 tid = number_in(((struct entry *)(threads + in))->name);
				if (!tid || is_known(tid)) continue;
				slot->tid = tid;
				slot->process = process;
			}
			sys3(NR_close, tasks, 0, 0);
		}
	}
	sys3(NR_close, fd, 0, 0);
}

#endif
