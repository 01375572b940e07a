// getrlimit(2), getrusage(2)
#ifndef SYS_RESOURCE_H
#define SYS_RESOURCE_H
typedef unsigned long long rlim_t;
struct rlimit {
  rlim_t rlim_cur, rlim_max;
};
struct rusage {
  struct {
    long long tv_sec, tv_usec;
  } ru_utime, ru_stime;
  long long ru_maxrss, ru_unused[13];
};
enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1 };
int getrlimit(int resource, struct rlimit *to);
int setrlimit(int resource, const struct rlimit *from);
int getrusage(int who, struct rusage *to);
#endif
