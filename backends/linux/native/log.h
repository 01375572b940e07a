/* The monitor's log: k8s-file lines with the time, begun anew when they are too many. Included by monitor.c alone. */
#ifndef LOG_H
#define LOG_H
#include "job.h"

#define ENOENT 2

static struct job *const job = (struct job *)JOB_ADDRESS;
static u64 log_bytes;
static u8 log_cut; /* the last line lacks its end */

struct pollfd {
	s32 fd;
	u16 events, revents;
};

/* 0 when not all could be written: no space, or nobody who reads. */
static int write_all(s32 fd, const char *bytes, u64 count)
{
	while (count > 0) {
		s64 n = sys3(NR_write, (u64)fd, (u64)bytes, count);
		if (n == -EINTR) continue;
		if (n == -11) { /* EAGAIN: a terminal or pipe that somebody made non-blocking */
			struct pollfd poll = { fd, 4, 0 };
			sys6(NR_ppoll, (u64)&poll, 1, 0, 0, 8, 0);
			continue;
		}
		if (is_error(n)) return 0;
		bytes += n;
		count -= (u64)n;
	}
	return 1;
}

static char *put_number(char *to, u64 value, int digits)
{
	char reversed[20];
	int n = 0;
	do reversed[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (digits-- > n) *to++ = '0';
	while (n) *to++ = reversed[--n];
	return to;
}

/* RFC 3339 in UTC with nanoseconds; the calendar is Howard Hinnant's days-from-civil, turned around. */
static char *put_time(char *to)
{
	s64 now[2];
	sys3(NR_clock_gettime, 0, (u64)now, 0);
	u64 days = (u64)now[0] / 86400, second = (u64)now[0] % 86400;
	u64 z = days + 719468, era = z / 146097, doe = z % 146097;
	u64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	u64 mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
	to = put_number(to, yoe + era * 400 + (month <= 2), 4), *to++ = '-';
	to = put_number(to, month, 2), *to++ = '-';
	to = put_number(to, doy - (153 * mp + 2) / 5 + 1, 2), *to++ = 'T';
	to = put_number(to, second / 3600, 2), *to++ = ':';
	to = put_number(to, second / 60 % 60, 2), *to++ = ':';
	to = put_number(to, second % 60, 2), *to++ = '.';
	to = put_number(to, (u64)now[1], 9);
	for (const char *zone = "+00:00"; *zone;) *to++ = *zone++;
	return to;
}

/* A full log becomes the old log, and a new one is begun: at most twice the limit is kept. */
static void rotate_log(void)
{
	s64 moved = sys6(NR_renameat2, (u64)-100, (u64)job->log_path, (u64)-100, (u64)job->old_log_path, 0, 0);
	if (is_error(moved) && moved != -ENOENT) return; /* ENOENT: moved before, and there was no descriptor or space then */
	s64 fresh = sys6(NR_openat, (u64)-100, (u64)job->log_path, 02002101, 0600, 0, 0); /* O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC */
	if (is_error(fresh)) return;
	sys3(NR_close, (u64)job->log, 0, 0);
	job->log = (s32)fresh;
	log_bytes = 0;
}

/* One k8s-file line for each line of output: time, stream, F (full) or P (partial), text. */
static void log_output(int stream, const char *bytes, u64 count)
{
	while (count > 0) {
		u64 n = 0;
		while (n < count && bytes[n] != '\n') n++;
		u8 full = n < count;
		char head[64], *end = put_time(head);
		for (const char *name = stream ? " stderr " : " stdout "; *name;) *end++ = *name++;
		*end++ = full ? 'F' : 'P';
		*end++ = ' ';
		u64 size = (u64)(end - head) + n + 1;
		if (job->log_max_bytes && log_bytes && log_bytes + size > job->log_max_bytes) rotate_log();
		if (log_cut && !write_all(job->log, "\n", 1)) return; /* a full disk: what comes is lost, not mixed up */
		log_cut = !write_all(job->log, head, (u64)(end - head)) || !write_all(job->log, bytes, n) || !write_all(job->log, "\n", 1);
		log_bytes += size;
		bytes += n + full;
		count -= n + full;
	}
}

#endif
