// A module of WASI 0.1 whose standard input is a socket, as inetd(8) gives one: connections are taken from it, or a datagram.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wasi/api.h>

static int datagram(void) {
  uint8_t one[3], two[3];
  __wasi_iovec_t parts[] = {{one, 3}, {two, 3}};
  __wasi_size_t got = 0;
  __wasi_roflags_t told = 0;
  for (int round = 0; round < 2; round++) {
    __wasi_errno_t error = __wasi_sock_recv(0, parts, 2, 0, &got, &told);
    printf("%d %.3s %.*s %d\n", error, one, (int)got - 3, two, told);
  }
  printf("%d %d\n", __wasi_sock_shutdown(0, 0) == __WASI_ERRNO_INVAL, __wasi_sock_shutdown(3, 1) == __WASI_ERRNO_NOTSOCK);
  return 0;
}

int main(int argc, char **argv) {
  char room[64];
  setvbuf(stdout, 0, _IONBF, 0);
  if (argc > 1 && strcmp(argv[1], "datagram") == 0) return datagram();
  int fd = accept(0, 0, 0);
  if (fd < 0) return perror("accept"), 1;
  ssize_t seen = recv(fd, room, 5, MSG_PEEK);
  printf("peeked %.*s\n", (int)seen, room);
  ssize_t got = recv(fd, room, sizeof room, 0);
  printf("got %.*s\n", (int)got, room);
  if (send(fd, room, got, 0) != got) return perror("send"), 1;
  if (shutdown(fd, SHUT_WR)) return perror("shutdown"), 1;
  if (send(fd, room, got, 0) < 0) perror("send");
  if (shutdown(1, SHUT_RD)) perror("shutdown");
  if (accept(1, 0, 0) < 0) perror("accept");
  close(fd);
  return 0;
}
