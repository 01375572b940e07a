// date, and times as people write them.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "shared.h"

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec", units[] = "secminhouday";

static int number_at(const char **at, int most) {
  int number = 0;
  for (; most > 0 && isdigit((unsigned char)**at); most--) number = number * 10 + *(*at)++ - '0';
  return number;
}

static int is_day(const char *text) {
  static const char days[] = "sunmontuewedthufrisat";
  for (const char *day = days; *day; day += 3)
    if (strncasecmp(day, text, 3) == 0) return 1;
  return 0;
}

// @N, YYYY-MM-DD, HH:MM[:SS[.F]], D Mon YYYY, now, today, yesterday, tomorrow, [+-]N UNIT [ago], Z, UTC, in any order.
int date_of(const char *text, struct timespec *to) {
  clock_gettime(CLOCK_REALTIME, to);
  const char *at = text;
  struct tm parts;
  if (*at == '@') {
    char *end;
    to->tv_sec = strtoll(at + 1, &end, 10), to->tv_nsec = 0;
    if (end == at + 1) return 0;
    if (*end == '.') {
      long long scale = 100000000;
      for (end++; isdigit((unsigned char)*end); end++, scale /= 10) to->tv_nsec += (*end - '0') * scale;
    }
    return !*end;
  }
  gmtime_r(&to->tv_sec, &parts);
  long long nanoseconds = to->tv_nsec, more = 0;
  int clock = 0, date = 0;
  while (*at) {
    while (*at == ' ' || *at == ',' || *at == '\t') at++;
    if (!*at) break;
    if ((*at == 'T' || *at == 't') && date && isdigit((unsigned char)at[1])) at++;
    const char *start = at;
    size_t letters = 0;
    while (isalpha((unsigned char)at[letters])) letters++;
    int sign = *at == '-' ? -1 : 1, signs = (*at == '-' || *at == '+') && (isdigit((unsigned char)at[1]) || at[1] == ' ');
    if (isdigit((unsigned char)*at) || signs) {
      at += signs;
      while (signs && *at == ' ') at++;
      int number = number_at(&at, 9), length = at - start;
      if (!signs && *at == '-' && isdigit((unsigned char)at[1]) && length == 4) {
        at++, parts.tm_year = number - 1900, parts.tm_mon = number_at(&at, 2) - 1;
        if (*at++ != '-') return 0;
        parts.tm_mday = number_at(&at, 2), date = 1;
      } else if (!signs && *at == ':') {
        at++, parts.tm_hour = number, parts.tm_min = number_at(&at, 2), parts.tm_sec = 0, nanoseconds = 0, clock = 1;
        if (*at == ':') at++, parts.tm_sec = number_at(&at, 2);
        if (*at == '.' || *at == ',') {
          long long scale = 100000000;
          for (at++; isdigit((unsigned char)*at); at++, scale /= 10) nanoseconds += (*at - '0') * scale;
        }
        if (parts.tm_hour > 24 || parts.tm_min > 59 || parts.tm_sec > 60) return 0;
        if ((*at == '+' || *at == '-') && isdigit((unsigned char)at[1])) {
          int east = *at++ == '-' ? 1 : -1, zone = number_at(&at, 2);
          if (*at == ':') at++;
          more += east * (zone * 3600 + number_at(&at, 2) * 60);
        }
      } else if (!signs && length == 8) parts.tm_year = number / 10000 - 1900, parts.tm_mon = number / 100 % 100 - 1, parts.tm_mday = number % 100, date = 1;
      else if (!signs && length == 4 && date == 2) parts.tm_year = number - 1900, date = 1;
      else {
        while (*at == ' ' || *at == '-') at++;
        for (letters = 0; isalpha((unsigned char)at[letters]); letters++) continue;
        int month = 0;
        while (month < 12 && strncasecmp(months + 3 * month, at, 3)) month++;
        if (letters >= 3 && month < 12 && strncasecmp(at, "month", 5)) {
          parts.tm_mday = number, parts.tm_mon = month, date = 2, at += letters;
          if (*at == '-') at++;
          continue;
        }
        const char *rest = at + letters;
        while (*rest == ' ') rest++;
        if (strncasecmp(rest, "ago", 3) == 0) sign = -sign, rest += 3;
        if (letters == 0) return 0;
        if (strncasecmp(at, "week", 4) == 0) parts.tm_mday += 7 * sign * number;
        else if (strncasecmp(at, "day", 3) == 0) parts.tm_mday += sign * number;
        else if (strncasecmp(at, "month", 5) == 0) parts.tm_mon += sign * number;
        else if (strncasecmp(at, "year", 4) == 0) parts.tm_year += sign * number;
        else if (strncasecmp(at, units, 3) == 0) more += sign * (long long)number;
        else if (strncasecmp(at, units + 3, 3) == 0) more += sign * (long long)number * 60;
        else if (strncasecmp(at, units + 6, 3) == 0) more += sign * (long long)number * 3600;
        else return 0;
        at = rest;
        clock |= 2;
      }
      continue;
    }
    if (!letters) return 0;
    at += letters;
    int month = 0;
    while (month < 12 && strncasecmp(months + 3 * month, start, 3)) month++;
    if (strncasecmp(start, "now", letters) == 0 || strncasecmp(start, "today", letters) == 0) clock |= 2;
    else if (strncasecmp(start, "yesterday", letters) == 0) parts.tm_mday--, clock |= 2;
    else if (strncasecmp(start, "tomorrow", letters) == 0) parts.tm_mday++, clock |= 2;
    else if (month < 12 && letters >= 3) {
      while (*at == ' ') at++;
      parts.tm_mon = month, parts.tm_mday = number_at(&at, 2), date = 2;
    } else if (strncasecmp(start, "next", letters) == 0 || strncasecmp(start, "last", letters) == 0) {
      int by = (*start | 32) == 'n' ? 1 : -1;
      while (*at == ' ') at++;
      if (strncasecmp(at, "week", 4) == 0) parts.tm_mday += 7 * by, at += 4;
      else if (strncasecmp(at, "day", 3) == 0) parts.tm_mday += by, at += 3;
      else if (strncasecmp(at, "month", 5) == 0) parts.tm_mon += by, at += 5;
      else if (strncasecmp(at, "year", 4) == 0) parts.tm_year += by, at += 4;
      else return 0;
      clock |= 2;
    } else if (letters >= 3 && is_day(start)) continue;
    else if (strncasecmp(start, "utc", 3) && strncasecmp(start, "gmt", 3) && strncasecmp(start, "z", letters)) return 0;
  }
  // A date alone means its beginning.
  if ((date || !clock) && !(clock & 1)) parts.tm_hour = parts.tm_min = parts.tm_sec = 0, nanoseconds = 0;
  struct tm wanted = parts;
  to->tv_sec = timegm(&parts) + more, to->tv_nsec = nanoseconds;
  // A day that the month does not have is only right when it was counted to.
  return !date || clock & 2 || (wanted.tm_mday == parts.tm_mday && wanted.tm_mon == parts.tm_mon);
}

// strftime with %N, and with what GNU puts behind the percent sign.
static void show_date(const char *format, const struct timespec *at) {
  char part[16], text[128];
  struct tm parts;
  time_t seconds = at->tv_sec;
  gmtime_r(&seconds, &parts);
  while (*format) {
    if (*format != '%' || !format[1]) {
      putchar(*format++);
      continue;
    }
    format++;
    char flag = strchr("-_0^#", *format) ? *format++ : 0;
    int width = 0;
    while (isdigit((unsigned char)*format)) width = width * 10 + *format++ - '0';
    int colons = 0;
    while (*format == ':') colons++, format++;
    char kind = *format ? *format++ : '%';
    if (kind == 'N') {
      snprintf(text, sizeof text, "%09lld", (long long)at->tv_nsec);
      if (width && width < 9) text[width] = 0;
      width = 0;
    } else if (kind == 'P') strcpy(text, parts.tm_hour < 12 ? "am" : "pm");
    else if (kind == 'z' && colons) strcpy(text, colons == 1 ? "+00:00" : "+00:00:00");
    else if (kind == 'k' || kind == 'l') snprintf(text, sizeof text, "%2d", kind == 'k' ? parts.tm_hour : (parts.tm_hour + 11) % 12 + 1);
    else if (kind == 'q') snprintf(text, sizeof text, "%d", parts.tm_mon / 3 + 1);
    else if (kind == 'U' || kind == 'W') snprintf(text, sizeof text, "%02d", (parts.tm_yday + 7 - (parts.tm_wday + (kind == 'W' ? 6 : 0)) % 7) / 7);
    else if (kind == 'V' || kind == 'G' || kind == 'g') {
      // The week that the Thursday lies in.
      time_t thursday = seconds + (3 - (parts.tm_wday + 6) % 7) * 86400ll;
      struct tm week;
      gmtime_r(&thursday, &week);
      snprintf(text, sizeof text, kind == 'G' ? "%d" : "%02d", kind == 'V' ? week.tm_yday / 7 + 1 : kind == 'G' ? week.tm_year + 1900 : week.tm_year % 100);
    } else {
      snprintf(part, sizeof part, "%%%c", kind);
      strftime(text, sizeof text, part, &parts);
    }
    char *shown = text;
    if (flag == '-') while ((*shown == '0' || *shown == ' ') && shown[1]) shown++;
    if (flag == '_') for (char *zero = text; *zero == '0' && zero[1]; zero++) *zero = ' ';
    if (flag == '^' || flag == '#') for (char *letter = text; *letter; letter++) *letter = (char)toupper((unsigned char)*letter);
    for (int length = strlen(shown); length < width; length++) putchar(flag == '_' || isalpha((unsigned char)*shown) ? ' ' : '0');
    fputs(shown, stdout);
  }
  putchar('\n');
}

TOOL(date) {
  struct timespec at;
  const char *format = "%a %b %e %H:%M:%S UTC %Y", *given = 0;
  static const struct option longs[] = {{"date", 1, 0, 'd'}, {"utc", 0, 0, 'u'}, {"iso-8601", 2, 0, 'I'}, {"rfc-email", 0, 0, 'R'}, {"reference", 1, 0, 'r'}, {"rfc-3339", 1, 0, '3'}, {0, 0, 0, 0}};
  clock_gettime(CLOCK_REALTIME, &at);
  for (int letter; (letter = getopt_long(argc, argv, "d:uI::Rr:s:", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'd') given = optarg;
    if (letter == 'I') format = !optarg || *optarg == 'd' ? "%Y-%m-%d" : *optarg == 's' ? "%Y-%m-%dT%H:%M:%S+00:00" : *optarg == 'm' ? "%Y-%m-%dT%H:%M+00:00" : *optarg == 'n' ? "%Y-%m-%dT%H:%M:%S,%N+00:00" : "%Y-%m-%dT%H+00:00";
    if (letter == '3') format = *optarg == 'd' ? "%Y-%m-%d" : *optarg == 's' ? "%Y-%m-%d %H:%M:%S+00:00" : "%Y-%m-%d %H:%M:%S.%N+00:00";
    if (letter == 'R') format = "%a, %d %b %Y %H:%M:%S +0000";
    if (letter == 's') return errno = EPERM, complain("cannot set date");
    if (letter == 'r') {
      struct stat about;
      if (stat(optarg, &about) < 0) return complain("%s", optarg);
      at = about.st_mtim;
    }
  }
  if (given && !date_of(given, &at)) return object("invalid date '%s'", given);
  if (optind < argc) {
    if (*argv[optind] != '+') return object("invalid date '%s'", argv[optind]);
    format = argv[optind] + 1;
  }
  show_date(format, &at);
  return 0;
}
