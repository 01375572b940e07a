/* The corner of the real kernel that a scenario is played in: a file system in memory as root, and what it takes to say
 * that something is wrong before there is anybody to ask. */
#ifndef CORNER_H
#define CORNER_H

#include "puppet.h"

#if defined(__x86_64__)
enum { NR_clock_gettime_ = 228, NR_memfd_create = 319, NR_ftruncate = 77, NR_unshare = 272, NR_mount = 165,
	NR_pivot_root = 155, NR_chdir = 80, NR_umount2 = 166, NR_mkdirat = 258, NR_mknodat = 259, NR_getdents64 = 217,
	NR_sched_yield = 24, NR_umask = 95 };
#else
enum { NR_clock_gettime_ = 113, NR_memfd_create = 279, NR_ftruncate = 46, NR_unshare = 97, NR_mount = 40,
	NR_pivot_root = 41, NR_chdir = 49, NR_umount2 = 39, NR_mkdirat = 34, NR_mknodat = 33, NR_getdents64 = 61,
	NR_sched_yield = 124, NR_umask = 166 };
#endif
#define IN_FD 201
#define OUT_FD 202
#define PROC_FD 203
#define PROGRAM_FD 204
#define AT_FDCWD (u64)-100
#define MILLISECOND 1000000ul


static char text[4096];

void *memset(void *to, int value, u64 bytes)
{
	for (u64 i = 0; i < bytes; i++) ((volatile char *)to)[i] = value;
	return to;
}

void *memcpy(void *to, const void *from, u64 bytes)
{
	for (u64 i = 0; i < bytes; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

__attribute__((noreturn)) static void leave(int status)
{
	for (;;) sys3(NR_exit_group, status, 0, 0);
}

static s64 need(const char *what, s64 result)
{
	if (!is_error(result)) return result;
	u64 length = 0;
	while (what[length]) length++;
	sys3(NR_write, 2, (u64)what, length);
	s64 errno = -result;
	char number[] = ": errno 000\n";
	for (int at = 10; errno && at > 7; at--, errno /= 10) number[at] = '0' + errno % 10;
	sys3(NR_write, 2, (u64)number, 12);
	leave(1);
}

static void copy_program(s64 from)
{
	s64 to = need("create /bin/puppet", sys6(NR_openat, AT_FDCWD, (u64)"/bin/puppet", 0101, 0755, 0, 0));
	for (s64 got; (got = sys3(NR_read, from, (u64)text, sizeof text)) > 0;) sys3(NR_write, to, (u64)text, got);
	sys3(NR_close, to, 0, 0);
	sys3(NR_close, from, 0, 0);
}

static void make_root(void)
{
	need("private mounts", sys6(NR_mount, (u64)"none", (u64)"/", 0, 1 << 18 | 1 << 14, 0, 0));
	need("mount a root", sys6(NR_mount, (u64)"/dev/root", (u64)"/tmp", (u64)"tmpfs", 0, (u64)"mode=755", 0));
	need("chdir", sys3(NR_chdir, (u64)"/tmp", 0, 0));
	sys3(NR_umask, 0, 0, 0);
	static const struct { const char *name; u32 mode; } directories[] = {
		{ "bin", 0755 }, { "etc", 0755 }, { "root", 0700 }, { "tmp", 01777 }, { "proc", 0555 }, { "sys", 0555 },
		{ "dev", 0755 }, { "run", 0755 }, { "var", 0755 }, { "home", 0755 }, { "old", 0700 },
	};
	for (u64 i = 0; i < sizeof directories / sizeof *directories; i++)
		need("mkdir", sys3(NR_mkdirat, AT_FDCWD, (u64)directories[i].name, directories[i].mode));
	need("pivot_root", sys3(NR_pivot_root, (u64)".", (u64)"old", 0));
	need("chdir", sys3(NR_chdir, (u64)"/", 0, 0));
	need("mount proc", sys6(NR_mount, (u64)"proc", (u64)"/proc", (u64)"proc", 14, 0, 0));
	need("umount the host", sys3(NR_umount2, (u64)"/old", 2, 0));
	sys3(NR_unlinkat, AT_FDCWD, (u64)"/old", 0x200);
	need("mknod", sys6(NR_mknodat, AT_FDCWD, (u64)"/dev/null", 020666, 1 << 8 | 3, 0, 0));
	sys3(NR_umask, 022, 0, 0);
}

#endif
