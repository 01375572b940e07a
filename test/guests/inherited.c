// A module of WASI 0.1 that takes connections from the socket that is its standard input, as inetd(8) gives it one.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  char room[64];
  setvbuf(stdout, 0, _IONBF, 0);
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
