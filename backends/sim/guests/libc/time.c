// Calendars: gmtime(3), timegm(3), strftime(3)
#include <stdio.h>
#include <string.h>
#include <time.h>

// Days since 1970 of a date in the Gregorian calendar, with years that begin in March.
static long long days_of(long long year, int month, int day) {
  year -= month < 3;
  long long era = (year >= 0 ? year : year - 399) / 400;
  int of_era = (int)(year - era * 400), of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct tm *gmtime_r(const time_t *time, struct tm *to) {
  long long days = *time / 86400, rest = *time % 86400;
  if (rest < 0) rest += 86400, days--;
  to->tm_hour = rest / 3600, to->tm_min = rest / 60 % 60, to->tm_sec = rest % 60;
  to->tm_wday = (int)(((days + 4) % 7 + 7) % 7);
  long long shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  int of_era = (int)(shifted - era * 146097);
  int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int of_year = of_era - (365 * year + year / 4 - year / 100), part = (5 * of_year + 2) / 153;
  to->tm_mday = of_year - (153 * part + 2) / 5 + 1;
  int month = part + (part < 10 ? 3 : -9);
  long long whole = year + era * 400 + (month < 3);
  to->tm_mon = month - 1, to->tm_year = (int)(whole - 1900), to->tm_isdst = 0;
  to->tm_yday = (int)(days - days_of(whole, 1, 1));
  return to;
}

struct tm *gmtime(const time_t *time) {
  static struct tm result;
  return gmtime_r(time, &result);
}
struct tm *localtime(const time_t *time) { return gmtime(time); }

time_t timegm(struct tm *time) {
  long long year = time->tm_year + 1900ll + time->tm_mon / 12;
  int month = time->tm_mon % 12;
  if (month < 0) month += 12, year--;
  time_t result = (days_of(year, month + 1, 1) + time->tm_mday - 1) * 86400 + time->tm_hour * 3600ll + time->tm_min * 60 + time->tm_sec;
  gmtime_r(&result, time);
  return result;
}
time_t mktime(struct tm *time) { return timegm(time); }

static const char *const day_names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};

size_t strftime(char *to, size_t room, const char *format, const struct tm *time) {
  size_t length = 0;
  for (; *format; format++) {
    char part[64] = {*format, 0};
    if (*format == '%') {
      char kind = *++format;
      if (kind == '-') kind = *++format;
      int hour = time->tm_hour % 12 ? time->tm_hour % 12 : 12;
      struct tm copy = *time;
      const char *whole = kind == 'F'   ? "%Y-%m-%d"
                          : kind == 'T' || kind == 'X' ? "%H:%M:%S"
                          : kind == 'R' ? "%H:%M"
                          : kind == 'D' || kind == 'x' ? "%m/%d/%y"
                          : kind == 'c' ? "%a %b %e %H:%M:%S %Y"
                          : kind == 'r' ? "%I:%M:%S %p"
                                        : 0;
      if (whole) strftime(part, sizeof part, whole, time);
      else if (kind == 'Y') snprintf(part, sizeof part, "%d", time->tm_year + 1900);
      else if (kind == 'C') snprintf(part, sizeof part, "%02d", (time->tm_year + 1900) / 100);
      else if (kind == 'y') snprintf(part, sizeof part, "%02d", time->tm_year % 100);
      else if (kind == 'm') snprintf(part, sizeof part, "%02d", time->tm_mon + 1);
      else if (kind == 'd') snprintf(part, sizeof part, "%02d", time->tm_mday);
      else if (kind == 'e') snprintf(part, sizeof part, "%2d", time->tm_mday);
      else if (kind == 'j') snprintf(part, sizeof part, "%03d", time->tm_yday + 1);
      else if (kind == 'H') snprintf(part, sizeof part, "%02d", time->tm_hour);
      else if (kind == 'I') snprintf(part, sizeof part, "%02d", hour);
      else if (kind == 'M') snprintf(part, sizeof part, "%02d", time->tm_min);
      else if (kind == 'S') snprintf(part, sizeof part, "%02d", time->tm_sec);
      else if (kind == 'p') strcpy(part, time->tm_hour < 12 ? "AM" : "PM");
      else if (kind == 'u') snprintf(part, sizeof part, "%d", time->tm_wday ? time->tm_wday : 7);
      else if (kind == 'w') snprintf(part, sizeof part, "%d", time->tm_wday);
      else if (kind == 's') snprintf(part, sizeof part, "%lld", timegm(&copy));
      else if (kind == 'a' || kind == 'A') snprintf(part, sizeof part, kind == 'a' ? "%.3s" : "%s", day_names[time->tm_wday]);
      else if (kind == 'b' || kind == 'h' || kind == 'B') snprintf(part, sizeof part, kind == 'B' ? "%s" : "%.3s", month_names[time->tm_mon]);
      else if (kind == 'Z') strcpy(part, "UTC");
      else if (kind == 'z') strcpy(part, "+0000");
      else if (kind == 'n' || kind == 't') part[0] = kind == 'n' ? '\n' : '\t';
      else if (kind == '%') part[0] = '%';
      else if (kind == 0) break;
      else part[0] = '%', part[1] = kind, part[2] = 0;
    }
    size_t more = strlen(part);
    if (length + more >= room) return 0;
    memcpy(to + length, part, more);
    length += more;
  }
  if (room) to[length] = 0;
  return length;
}
