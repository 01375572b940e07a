// What the tools for the network share: addresses, connections.
#ifndef NET_H
#define NET_H
#include <netinet/in.h>
// The address of a host by number, `localhost`, the machine's own name or /etc/hosts. Answers whether it is known.
int address_of(const char *host, struct in_addr *to);
// A stream to it: a descriptor, or -1 and errno; -2 when the name is not known.
int connect_to(const char *host, int port, int kind);
// A socket that listens there (streams), or is bound; -1 and errno.
int listen_at(const char *host, int port, int kind);
// As inet_ntop(3); `to` has 48 bytes. `bytes` is 4 or 16.
const char *address_text(const unsigned char *address, int bytes, char *to);
#endif
