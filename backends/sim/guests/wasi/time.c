// Clocks, chance and waiting of wasi_snapshot_preview1.
#include <string.h>
#include "calls-of-wasi.h"

int32_t PREVIEW1(clock_time_get)(int32_t id, int64_t precision, int32_t into) {
  (void)precision;
  int64_t time[2];
  // 0 is the real one, 1 the monotonic one, 2 that of the process, 3 that of the thread, as on Linux.
  long long answer = sys_clock_gettime(id, time, sizeof time);
  if (answer >= 0) *(int64_t *)into = time[0] * 1000000000 + time[1];
  return wasi_errno(answer);
}

int32_t PREVIEW1(clock_res_get)(int32_t id, int32_t into) {
  (void)id;
  *(int64_t *)into = 1;
  return 0;
}

int32_t PREVIEW1(random_get)(int32_t into, int32_t bytes) { return wasi_errno(sys_getrandom((void *)into, bytes, 0)); }
int32_t PREVIEW1(sched_yield)(void) { return wasi_errno(sys_sched_yield()); }

struct subscription {
  uint64_t userdata;
  uint32_t type;
  uint32_t padding;
  uint32_t descriptor;
  uint32_t padding_of_time;
  uint64_t time, precision;
  uint16_t flags;
};

struct event {
  uint64_t userdata;
  uint16_t error, type;
  uint64_t bytes;
  uint16_t flags;
};

enum { CLOCK = 0, READ = 1, ABSOLUTE = 1, MOST = 64 };

// Relative: the time itself; absolute: what is left of it.
static int64_t left(const struct subscription *asked) {
  int64_t now = 0;
  if (!(asked->flags & ABSOLUTE)) return asked->time;
  PREVIEW1(clock_time_get)(asked->descriptor, 0, (int32_t)&now);
  return (int64_t)asked->time > now ? (int64_t)asked->time - now : 0;
}

int32_t PREVIEW1(poll_oneoff)(int32_t in, int32_t out, int32_t count, int32_t into) {
  const struct subscription *asked = (const struct subscription *)in;
  struct event *events = (struct event *)out;
  struct { int fd; short events, revents; } fds[MOST];
  int waiting = 0, ready = 0;
  long long least = -1;
  for (int32_t at = 0; at < count; at++) {
    if (asked[at].type == CLOCK) {
      long long time = left(&asked[at]);
      if (least < 0 || time < least) least = time;
    } else if (waiting < MOST) {
      fds[waiting].fd = kernel_descriptor(asked[at].descriptor);
      fds[waiting++].events = asked[at].type == READ ? 1 : 4;
    }
  }
  long long answer = sys_ppoll(fds, waiting, least < 0 ? 0 : &least, 0, 8);
  if (answer < 0) return wasi_errno(answer);
  for (int32_t at = 0, fd = 0; at < count; at++) {
    int isClock = asked[at].type == CLOCK;
    if (isClock ? answer != 0 || left(&asked[at]) > least : fd >= waiting || fds[fd++].revents == 0) continue;
    events[ready++] = (struct event){asked[at].userdata, 0, asked[at].type, isClock ? 0 : 1, 0};
  }
  *(uint32_t *)into = ready;
  return 0;
}
