// socket(2)
#ifndef SYS_SOCKET_H
#define SYS_SOCKET_H
#include <sys/types.h>
typedef unsigned socklen_t;
enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16, SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3 };
enum { SOCK_NONBLOCK = 04000, SOCK_CLOEXEC = 02000000, SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_ERROR = 4 };
enum { SHUT_RD, SHUT_WR, SHUT_RDWR };
struct sockaddr {
  unsigned short sa_family;
  char sa_data[14];
};
int socket(int domain, int type, int protocol);
int bind(int fd, const void *address, socklen_t bytes);
int listen(int fd, int backlog);
int accept(int fd, void *address, socklen_t *bytes);
int connect(int fd, const void *address, socklen_t bytes);
int getsockname(int fd, void *address, socklen_t *bytes);
int getpeername(int fd, void *address, socklen_t *bytes);
int setsockopt(int fd, int level, int option, const void *value, socklen_t bytes);
int getsockopt(int fd, int level, int option, void *value, socklen_t *bytes);
int shutdown(int fd, int how);
ssize_t send(int fd, const void *from, size_t bytes, int flags);
ssize_t recv(int fd, void *to, size_t bytes, int flags);
ssize_t sendto(int fd, const void *from, size_t bytes, int flags, const void *address, socklen_t address_bytes);
#endif
