// Clocks and calendars; UTC is the only time zone.
#ifndef TIME_H
#define TIME_H
#include <sys/types.h>
struct timespec {
  time_t tv_sec;
  long long tv_nsec;
};
struct tm {
  int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst;
};
enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_BOOTTIME = 7 };
time_t time(time_t *to);
int clock_gettime(int clock, struct timespec *to);
int nanosleep(const struct timespec *wanted, struct timespec *left);
struct tm *gmtime_r(const time_t *time, struct tm *to);
struct tm *gmtime(const time_t *time);
struct tm *localtime(const time_t *time);
time_t timegm(struct tm *time);
time_t mktime(struct tm *time);
size_t strftime(char *to, size_t room, const char *format, const struct tm *time);
#endif
