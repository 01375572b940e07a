// ip(8): devices, addresses and routes, over rtnetlink(7). Addresses that are given are of IPv4.
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "net.h"
#include "system.h"

// The request that is being made: a header of 16 bytes, a body, attributes.
static unsigned char request[1024];
static unsigned request_bytes;
static unsigned char *answer;
static unsigned answer_bytes;

static void put32(unsigned at, unsigned value) { memcpy(request + at, &value, 4); }

static void begin(int type, int flags, unsigned body_bytes) {
  memset(request, 0, sizeof request);
  request_bytes = 16 + body_bytes;
  request[4] = (unsigned char)type, request[6] = (unsigned char)flags, request[7] = (unsigned char)(flags >> 8);
  put32(8, 1);
}

static unsigned attribute(int type, const void *from, unsigned bytes) {
  unsigned at = request_bytes;
  request[at] = (unsigned char)(bytes + 4), request[at + 1] = (unsigned char)((bytes + 4) >> 8), request[at + 2] = (unsigned char)type;
  if (from) memcpy(request + at + 4, from, bytes);
  request_bytes = at + ((bytes + 7) & ~3u);
  return at;
}

// A nest is as long as what came behind it.
static void end_nest(unsigned at) {
  request[at] = (unsigned char)(request_bytes - at), request[at + 1] = (unsigned char)((request_bytes - at) >> 8);
}

// Sends it: what it answers is in `answer`. 0 or an errno.
static int ask(void) {
  static int fd = -1;
  if (fd < 0) fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  put32(0, request_bytes);
  answer_bytes = 0;
  if (fd < 0 || send(fd, request, request_bytes, 0) < 0) return errno;
  for (;;) {
    answer = need(realloc(answer, answer_bytes + 32768));
    ssize_t got = recv(fd, answer + answer_bytes, 32768, 0);
    if (got <= 0) return got < 0 ? errno : EIO;
    unsigned from = answer_bytes;
    for (unsigned length; from < answer_bytes + (unsigned)got; from += (length + 3) & ~3u) {
      memcpy(&length, answer + from, 4);
      if (length < 16) return EIO;
      if (answer[from + 4] == 3) return answer_bytes = from, 0;
      if (answer[from + 4] == 2) {
        int number;
        memcpy(&number, answer + from + 16, 4);
        return answer_bytes = from, -number;
      }
    }
    answer_bytes = from;
  }
}

// The part of a message behind `at` that has this type; its length in *bytes.
static unsigned char *find(unsigned char *message, unsigned body, int type, unsigned *bytes) {
  unsigned length;
  memcpy(&length, message, 4);
  for (unsigned at = 16 + body; at + 4 <= length;) {
    unsigned size = message[at] | message[at + 1] << 8;
    if (size < 4) return 0;
    if ((message[at + 2] | (message[at + 3] & 0x3f) << 8) == type) return *bytes = size - 4, message + at + 4;
    at += (size + 3) & ~3u;
  }
  return 0;
}

static unsigned number_in(unsigned char *message, unsigned body, int type) {
  unsigned bytes, number = 0;
  unsigned char *at = find(message, body, type, &bytes);
  if (at && bytes >= 4) memcpy(&number, at, 4);
  else if (at) number = *at;
  return number;
}

static unsigned word(const unsigned char *at) {
  unsigned number;
  memcpy(&number, at, 4);
  return number;
}

static unsigned char *links, *addresses;
static unsigned links_bytes, addresses_bytes;
#define EACH(message, all, bytes) \
  for (unsigned char *message = all; message < (all) + (bytes); message += (word(message) + 3) & ~3u)

static int dump(int type, unsigned char **to, unsigned *bytes) {
  begin(type, 0x301, type == 18 ? 16 : type == 22 ? 8 : 12);
  int number = ask();
  *to = answer, *bytes = answer_bytes, answer = 0;
  return number;
}

static const char *link_name(unsigned index) {
  unsigned bytes;
  EACH(message, links, links_bytes)
    if (word(message + 20) == index) return (const char *)find(message, 16, 3, &bytes);
  return "?";
}

static unsigned link_index(const char *name) {
  unsigned bytes;
  EACH(message, links, links_bytes) {
    unsigned char *own = find(message, 16, 3, &bytes);
    if (own && strcmp((char *)own, name) == 0) return word(message + 20);
  }
  return 0;
}

static int no_device(const char *name) { return fprintf(stderr, "Cannot find device \"%s\"\n", name), 1; }

static int done(int number) {
  if (!number) return 0;
  fprintf(stderr, "RTNETLINK answers: %s\n", strerror(number));
  return 2;
}

static void print_flags(unsigned flags, int no_carrier) {
  static const struct {
    unsigned bit;
    const char *name;
  } names[] = {{8, "LOOPBACK"}, {2, "BROADCAST"}, {16, "POINTOPOINT"}, {4096, "MULTICAST"}, {128, "NOARP"}, {1, "UP"}, {65536, "LOWER_UP"}};
  const char *comma = "";
  putchar('<');
  if (no_carrier) fputs("NO-CARRIER", stdout), comma = ",";
  for (unsigned at = 0; at < sizeof names / sizeof *names; at++)
    if (flags & names[at].bit) printf("%s%s", comma, names[at].name), comma = ",";
  putchar('>');
}

static void print_address(unsigned char *message, int brief) {
  unsigned bytes = 0;
  unsigned char *address = find(message, 8, 2, &bytes), *broadcast;
  if (!address) address = find(message, 8, 1, &bytes);
  char text[48];
  int four = message[16] == AF_INET;
  if (!address) return;
  address_text(address, four ? 4 : 16, text);
  if (brief) {
    printf("%s/%d ", text, message[17]);
    return;
  }
  printf("    inet%s %s/%d ", four ? "" : "6", text, message[17]);
  if ((broadcast = find(message, 8, 4, &bytes))) printf("brd %s ", address_text(broadcast, 4, text));
  int scope = message[19];
  printf("scope %s %s\n       valid_lft forever preferred_lft forever\n", scope == 254 ? "host" : scope == 253 ? "link" : "global", four ? link_name(word(message + 20)) : "");
}

static const char *const states[] = {"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"};

static int show_links(const char *only, int with_addresses, int brief, int family, int only_up) {
  if (only && !link_index(only)) return fprintf(stderr, "Device \"%s\" does not exist.\n", only), 1;
  EACH(message, links, links_bytes) {
    unsigned index = word(message + 20), flags = word(message + 24), bytes, other = number_in(message, 16, 5), master = number_in(message, 16, 10);
    const char *name = (char *)find(message, 16, 3, &bytes);
    if ((only && strcmp(only, name)) || (only_up && !(flags & 1))) continue;
    unsigned char *hardware = find(message, 16, 1, &bytes);
    unsigned state = number_in(message, 16, 16);
    char mac[24] = "", whole[40];
    for (unsigned at = 0; hardware && at < bytes && at < 6; at++) sprintf(mac + strlen(mac), "%s%02x", at ? ":" : "", hardware[at]);
    snprintf(whole, sizeof whole, other ? "%s@%s" : "%s", name, other ? link_name(other) : "");
    int loopback = flags & 8;
    if (brief) {
      printf("%-16s %-14s ", whole, states[state < 7 ? state : 0]);
      if (!with_addresses) printf("%s ", mac), print_flags(flags, 0), putchar(' ');
    } else {
      printf("%u: %s: ", index, whole);
      print_flags(flags, flags & 1 && !(flags & 65536));
      printf(" mtu %u qdisc %s ", number_in(message, 16, 4), flags & 1 ? "noqueue" : "noop");
      if (master) printf("master %s ", link_name(master));
      printf("state %s %sgroup default qlen %u\n    link/%s %s brd %s\n", states[state < 7 ? state : 0], with_addresses ? "" : "mode DEFAULT ", number_in(message, 16, 13),
             loopback ? "loopback" : "ether", mac, loopback ? "00:00:00:00:00:00" : "ff:ff:ff:ff:ff:ff");
    }
    for (int turn = 0; turn < 2 && with_addresses; turn++)
      EACH(address, addresses, addresses_bytes)
        if (word(address + 20) == index && (address[16] == AF_INET) == !turn && (!family || family == address[16])) print_address(address, brief);
    if (brief) putchar('\n');
  }
  return 0;
}

// 10.0.0.1/24 or default. Answers whether it is one.
static int prefix_of(const char *text, unsigned char *address, int *length, int whole) {
  char own[32];
  const char *slash = strchr(text, '/');
  snprintf(own, sizeof own, "%.*s", (int)strcspn(text, "/"), text);
  *length = slash ? atoi(slash + 1) : whole;
  if (strcmp(text, "default") == 0) return memset(address, 0, 4), *length = 0, 1;
  return inet_aton(own, (struct in_addr *)address);
}

static int wrong(const char *what, const char *text) {
  fprintf(stderr, "Error: %s prefix is expected rather than \"%s\".\n", what, text);
  return 1;
}

static int change_address(int type, char **words) {
  unsigned char address[4], broadcast[4];
  int length = 32;
  const char *text = *words, *device = 0;
  int wide = 0;
  for (char **at = words + (text != 0); text && *at; at++)
    if (strcmp(*at, "dev") == 0 && at[1]) device = *++at;
    else if ((strcmp(*at, "brd") == 0 || strcmp(*at, "broadcast") == 0) && at[1]) wide = inet_aton(strcmp(*++at, "+") ? *at : "0.0.0.0", (struct in_addr *)broadcast) ? 1 + !strcmp(*at, "+") : 0;
  if (!text || !prefix_of(text, address, &length, 32)) return wrong("inet", text ? text : "");
  if (!device) return fputs("Not enough information: \"dev\" argument is required.\n", stderr), 255;
  unsigned index = link_index(device);
  if (!index) return no_device(device);
  begin(type, type == 20 ? 0x605 : 5, 8);
  request[16] = AF_INET, request[17] = (unsigned char)length, request[19] = *address == 127 ? 254 : 0;
  put32(20, index);
  attribute(2, address, 4), attribute(1, address, 4);
  if (wide == 2)
    for (int at = 0; at < 32; at++) broadcast[at / 8] = (unsigned char)((at < length ? address[at / 8] : 0xff) & (0x80 >> at % 8)) | (at % 8 ? broadcast[at / 8] : 0);
  if (wide) attribute(4, broadcast, 4);
  return done(ask());
}

static int change_route(int type, char **words) {
  unsigned char destination[4], gateway[4], source[4];
  int length, has_gateway = 0, has_source = 0, metric = 0;
  const char *device = 0;
  if (!*words || !prefix_of(*words, destination, &length, 32)) return wrong("inet", *words ? *words : "");
  for (char **at = words + 1; *at && at[1]; at += 2)
    if (strcmp(*at, "via") == 0) has_gateway = inet_aton(at[1], (struct in_addr *)gateway);
    else if (strcmp(*at, "dev") == 0) device = at[1];
    else if (strcmp(*at, "metric") == 0) metric = atoi(at[1]);
    else if (strcmp(*at, "src") == 0) has_source = inet_aton(at[1], (struct in_addr *)source);
  unsigned index = device ? link_index(device) : 0;
  if (device && !index) return no_device(device);
  begin(type, type == 24 ? 0x605 : 5, 12);
  request[16] = AF_INET, request[17] = (unsigned char)length, request[20] = 254;
  request[21] = type == 24 ? 3 : 0, request[22] = type == 25 ? 255 : has_gateway ? 0 : 253, request[23] = type == 24;
  if (length) attribute(1, destination, 4);
  if (has_gateway) attribute(5, gateway, 4);
  if (index) attribute(4, &index, 4);
  if (has_source) attribute(7, source, 4);
  if (metric) attribute(6, &metric, 4);
  return done(ask());
}

static int show_routes(void) {
  unsigned char *routes;
  unsigned routes_bytes, bytes;
  int number = dump(26, &routes, &routes_bytes);
  if (number) return done(number);
  EACH(message, routes, routes_bytes) {
    char text[48];
    if (message[16] != AF_INET || message[20] != 254) continue;
    unsigned char *destination = find(message, 12, 1, &bytes), *gateway = find(message, 12, 5, &bytes), *source = find(message, 12, 7, &bytes);
    if (destination && message[17] < 32) printf("%s/%d ", address_text(destination, 4, text), message[17]);
    else printf("%s ", destination ? address_text(destination, 4, text) : "default");
    if (gateway) printf("via %s ", address_text(gateway, 4, text));
    printf("dev %s ", link_name(number_in(message, 12, 4)));
    if (message[21] == 2) printf("proto kernel ");
    if (message[21] == 4) printf("proto static ");
    if (message[22] == 253) printf("scope link ");
    if (source) printf("src %s ", address_text(source, 4, text));
    if (number_in(message, 12, 6)) printf("metric %u ", number_in(message, 12, 6));
    putchar('\n');
  }
  return 0;
}

// `netns` is a process here, as ip netns has no files.
static int netns(const char *text) {
  int pid = atoi(text);
  if (pid <= 0) return 0;
  attribute(19, &pid, 4);
  return 1;
}

static int change_link(int type, char **words) {
  const char *name = 0, *kind = 0, *peer = 0, *peer_netns = 0;
  unsigned flags = 0, change = 0;
  if (*words && (strcmp(*words, "dev") == 0 || strcmp(*words, "name") == 0)) words++;
  if (*words && strcmp(*words, "type")) name = *words++;
  unsigned index = name && type != 16 ? link_index(name) : 0;
  if (type != 16 && !index) return no_device(name ? name : "");
  begin(type == 19 ? 16 : type, type == 16 ? 0x605 : 5, 16);
  put32(20, index);
  if (type == 16 && name) attribute(3, name, strlen(name) + 1);
  for (; *words; words++) {
    const char *own = *words, *value = words[1];
    if (strcmp(own, "up") == 0) flags = change = 1;
    else if (strcmp(own, "down") == 0) flags = 0, change = 1;
    else if (strcmp(own, "nomaster") == 0) attribute(10, &flags, 4);
    else if (strcmp(own, "peer") == 0) continue;
    else if (!value) return fprintf(stderr, "Command line is not complete. Try option \"help\"\n"), 255;
    else if (words++, strcmp(own, "type") == 0) kind = value;
    else if (strcmp(own, "name") == 0 && kind) peer = value;
    else if (strcmp(own, "name") == 0) attribute(3, value, strlen(value) + 1);
    else if (strcmp(own, "netns") == 0 && peer) peer_netns = value;
    else if (strcmp(own, "netns") == 0) {
      if (!netns(value)) return fprintf(stderr, "Error: argument \"%s\" is wrong: Invalid \"netns\" value\n", value), 255;
    } else if (strcmp(own, "mtu") == 0) {
      unsigned mtu = (unsigned)atoi(value);
      attribute(4, &mtu, 4);
    } else if (strcmp(own, "master") == 0) {
      unsigned master = link_index(value);
      if (!master) return fprintf(stderr, "Error: argument \"%s\" is wrong: Device does not exist\n", value), 255;
      attribute(10, &master, 4);
    } else if (strcmp(own, "address") == 0) {
      unsigned char mac[6];
      for (int at = 0; at < 6; at++) mac[at] = (unsigned char)strtoul(value + 3 * at, 0, 16);
      attribute(1, mac, 6);
    } else return fprintf(stderr, "Error: either \"dev\" is duplicate, or \"%s\" is a garbage.\n", own), 255;
  }
  put32(24, flags), put32(28, change);
  if (type == 16 && !kind) return fputs("Not enough information: \"type\" argument is required\n", stderr), 255;
  if (kind) {
    unsigned info = attribute(18, 0, 0);
    attribute(1, kind, strlen(kind));
    if (peer) {
      unsigned data = attribute(2, 0, 0), inner = attribute(1, 0, 16);
      attribute(3, peer, strlen(peer) + 1);
      if (peer_netns) netns(peer_netns);
      end_nest(inner), end_nest(data);
    }
    end_nest(info);
  }
  int number = ask();
  if (number == EOPNOTSUPP && type == 16) return fputs("Error: Unknown device type.\n", stderr), 2;
  return done(number);
}

static int is(const char *text, const char *whole) { return text && *text && strncmp(text, whole, strlen(text)) == 0; }

TOOL(ip) {
  int brief = 0, family = 0, at = 1;
  for (; at < argc && *argv[at] == '-'; at++)
    if (is(argv[at], "-brief") && argv[at][1] == 'b') brief = 1;
    else if (strcmp(argv[at], "-4") == 0) family = AF_INET;
    else if (strcmp(argv[at], "-6") == 0) family = AF_INET6;
    else if (strcmp(argv[at], "-d") && strcmp(argv[at], "-o")) return fprintf(stderr, "Option \"%s\" is unknown, try \"ip -help\".\n", argv[at]), 255;
  const char *object_name = argv[at], *verb = object_name ? argv[at + 1] : 0;
  if (!object_name) return fputs("Usage: ip [ -4 | -6 | -br ] { link | address | route } { add | del | set | show }\n", stderr), 255;
  int kind = is(object_name, "link") ? 'l' : is(object_name, "address") ? 'a' : is(object_name, "route") ? 'r' : 0;
  if (!kind) return fprintf(stderr, "Object \"%s\" is unknown, try \"ip help\".\n", object_name), 1;
  int number = dump(18, &links, &links_bytes);
  if (!number && kind == 'a') number = dump(22, &addresses, &addresses_bytes);
  if (number) return done(number);
  char **words = argv + at + 1 + (verb != 0);
  if (!verb || is(verb, "show") || is(verb, "list") || is(verb, "lst")) {
    if (kind == 'r') return show_routes();
    int only_up = 0;
    for (; verb && *words && (strcmp(*words, "dev") == 0 || strcmp(*words, "up") == 0); words++) only_up |= **words == 'u';
    return show_links(verb ? *words : 0, kind == 'a', brief, family, only_up);
  }
  int adds = is(verb, "add"), removes = is(verb, "delete");
  if (kind == 'a' && (adds || removes)) return change_address(adds ? 20 : 21, words);
  if (kind == 'r' && (adds || removes)) return change_route(adds ? 24 : 25, words);
  if (kind == 'l' && (adds || removes || is(verb, "set"))) return change_link(adds ? 16 : removes ? 17 : 19, words);
  return fprintf(stderr, "Command \"%s\" is unknown, try \"ip %s help\".\n", verb, kind == 'l' ? "link" : kind == 'a' ? "address" : "route"), 255;
}
