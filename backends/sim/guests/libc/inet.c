// Names and options of sockets: getsockname(2), getpeername(2), setsockopt(2), getsockopt(2)
#include <calls.h>
#include <errno.h>
#include <sys/socket.h>

static int checked(long long answer) {
  if (answer >= 0) return (int)answer;
  errno = (int)-answer;
  return -1;
}

int getsockname(int fd, void *address, socklen_t *bytes) {
  return checked(sys_getsockname(fd, address, *bytes, bytes, sizeof *bytes)) < 0 ? -1 : 0;
}
int getpeername(int fd, void *address, socklen_t *bytes) {
  return checked(sys_getpeername(fd, address, *bytes, bytes, sizeof *bytes)) < 0 ? -1 : 0;
}
int setsockopt(int fd, int level, int option, const void *value, socklen_t bytes) {
  return checked(sys_setsockopt(fd, level, option, value, bytes));
}
int getsockopt(int fd, int level, int option, void *value, socklen_t *bytes) {
  return checked(sys_getsockopt(fd, level, option, value, *bytes, bytes, sizeof *bytes)) < 0 ? -1 : 0;
}
