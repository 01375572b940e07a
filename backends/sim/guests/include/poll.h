// poll(2)
#ifndef POLL_H
#define POLL_H
enum { POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32 };
struct pollfd {
  int fd;
  short events, revents;
};
int poll(struct pollfd *fds, unsigned long count, int milliseconds);
#endif
