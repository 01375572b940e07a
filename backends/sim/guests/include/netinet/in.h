// ip(7)
#ifndef NETINET_IN_H
#define NETINET_IN_H
#include <stdint.h>
#include <sys/socket.h>
struct in_addr {
  uint32_t s_addr;
};
struct sockaddr_in {
  unsigned short sin_family;
  uint16_t sin_port;
  struct in_addr sin_addr;
  char sin_zero[8];
};
#define INADDR_ANY 0u
#define INADDR_LOOPBACK 0x7f000001u
static inline uint16_t htons(uint16_t n) { return (uint16_t)(n << 8 | n >> 8); }
static inline uint16_t ntohs(uint16_t n) { return htons(n); }
static inline uint32_t htonl(uint32_t n) { return __builtin_bswap32(n); }
static inline uint32_t ntohl(uint32_t n) { return __builtin_bswap32(n); }
#endif
