// inet(3)
#ifndef ARPA_INET_H
#define ARPA_INET_H
#include <netinet/in.h>
int inet_aton(const char *text, struct in_addr *to);
char *inet_ntoa(struct in_addr address);
#endif
