// getopt_long(3)
#ifndef GETOPT_H
#define GETOPT_H
#include <unistd.h>
enum { no_argument, required_argument, optional_argument };
struct option {
  const char *name;
  int has_arg;
  int *flag;
  int val;
};
int getopt_long(int argc, char *const argv[], const char *options, const struct option *longs, int *index);
#endif
