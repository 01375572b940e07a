// What the tools for the network share, and nc(1), ss(8), ping(8).
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "net.h"
#include "system.h"

int address_of(const char *host, struct in_addr *to) {
  if (inet_aton(host, to)) return 1;
  char *text = file_text("/etc/hosts", 0), *lines = text, *line, own[65];
  while (lines && (line = strtok_r(lines, "\n", &lines))) {
    char *words = line, *number = strtok_r(words, " \t", &words), *name;
    while (number && *number != '#' && (name = strtok_r(words, " \t", &words)))
      if (strcmp(name, host) == 0 && inet_aton(number, to)) return free(text), 1;
  }
  free(text);
  gethostname(own, sizeof own);
  to->s_addr = htonl(INADDR_LOOPBACK);
  return strcmp(host, "localhost") == 0 || strcmp(host, own) == 0;
}

static int at_address(const char *host, int port, int kind, int listens) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (host && !address_of(host, &address.sin_addr)) return -2;
  int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0), one = 1;
  if (fd < 0) return -1;
  if (listens) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  int answer = (listens ? bind : connect)(fd, &address, sizeof address);
  if (answer == 0 && listens && kind == SOCK_STREAM) answer = listen(fd, 128);
  if (answer == 0) return fd;
  int number = errno;
  close(fd);
  errno = number;
  return -1;
}

int connect_to(const char *host, int port, int kind) { return at_address(host, port, kind, 0); }
int listen_at(const char *host, int port, int kind) { return at_address(host, port, kind, 1); }

const char *address_text(const unsigned char *address, int bytes, char *to) {
  if (bytes == 4) return snprintf(to, 48, "%d.%d.%d.%d", address[0], address[1], address[2], address[3]), to;
  // The longest run of zeros is left out.
  int from = -1, length = 1, end = 0;
  for (int at = 0; at < 8; at++) {
    int run = 0;
    while (at + run < 8 && !address[2 * (at + run)] && !address[2 * (at + run) + 1]) run++;
    if (run > length) from = at, length = run;
  }
  for (int at = 0; at < 8; at++) {
    if (at == from) {
      end += sprintf(to + end, "::"), at += length - 1;
      continue;
    }
    end += sprintf(to + end, "%s%x", at && to[end - 1] != ':' ? ":" : "", address[2 * at] << 8 | address[2 * at + 1]);
  }
  to[end] = 0;
  return to;
}

static int unix_socket(const char *path, int listens) {
  struct {
    unsigned short family;
    char path[108];
  } address = {AF_UNIX, ""};
  snprintf(address.path, sizeof address.path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || (listens ? bind : connect)(fd, &address, 3 + (socklen_t)strlen(address.path)) < 0 || (listens && listen(fd, 5) < 0)) return -1;
  return fd;
}

TOOL(nc) {
  int listens = 0, only_looks = 0, kind = SOCK_STREAM, says = 0, is_unix = 0, keeps = 0, seconds = -1, closes = 0;
  const char *given = 0;
  for (int letter; (letter = getopt(argc, argv, "lp:zuvUkw:nNq:")) != -1;) switch (letter) {
      case 'l': listens = 1; break;
      case 'p': given = optarg; break;
      case 'z': only_looks = 1; break;
      case 'u': kind = SOCK_DGRAM; break;
      case 'v': says = 1; break;
      case 'U': is_unix = 1; break;
      case 'k': keeps = 1; break;
      case 'w': seconds = atoi(optarg); break;
      case 'q': case 'N': closes = 1; break;
      case '?': return 1;
    }
  const char *host = argv[optind], *port = host ? argv[optind + 1] : 0;
  if (listens && !is_unix && !port) port = host, host = 0;
  if (!port) port = given;
  if (is_unix ? !host : !port) {
    fputs("usage: nc [-klNnUuvz] [-p port] [-w timeout] [destination] [port]\n", stderr);
    return 1;
  }
  int fd, listener = -1;
  if (listens) {
    listener = is_unix ? unix_socket(host, 1) : listen_at(host, atoi(port), kind);
    if (listener < 0) return object("%s", strerror(errno));
    if (says && !is_unix) fprintf(stderr, "Listening on %s %s\n", host ? host : "0.0.0.0", port);
  }
  do {
    struct sockaddr_in from;
    socklen_t bytes = sizeof from;
    if (listens) fd = kind == SOCK_DGRAM ? dup(listener) : accept(listener, is_unix ? 0 : &from, &bytes);
    else fd = is_unix ? unix_socket(host, 0) : connect_to(host, atoi(port), kind);
    if (fd == -2) return object("getaddrinfo for host \"%s\" port %s: Name or service not known", host, port);
    if (fd < 0 && is_unix) return object("unix connect to %s failed: %s", host, strerror(errno));
    if (fd < 0 && (says || !only_looks)) {
      if (says) object("connect to %s port %s (%s) failed: %s", host, port, kind == SOCK_STREAM ? "tcp" : "udp", strerror(errno));
      return 1;
    }
    if (fd < 0) return 1;
    if (says && listens && !is_unix && kind == SOCK_STREAM) {
      char text[48];
      fprintf(stderr, "Connection received on %s %d\n", address_text((unsigned char *)&from.sin_addr, 4, text), ntohs(from.sin_port));
    } else if (says && !listens && !is_unix)
      fprintf(stderr, "Connection to %s %s port [%s/*] succeeded!\n", host, port, kind == SOCK_STREAM ? "tcp" : "udp");
    if (only_looks) return 0;
    struct pollfd both[2] = {{fd, POLLIN, 0}, {0, POLLIN, 0}};
    while (both[0].fd >= 0) {
      int ready = poll(both, 2, seconds < 0 ? -1 : seconds * 1000);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) break;
      static char buffer[8192];
      if (both[1].revents) {
        ssize_t got = read(0, buffer, sizeof buffer);
        if (got <= 0) {
          both[1].fd = -1;
          if (closes) shutdown(fd, SHUT_WR);
        } else if (write_all(fd, buffer, got) < 0) return complain("write failed");
      }
      if (both[0].revents) {
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got <= 0) break;
        write_all(1, buffer, got);
      }
    }
    close(fd);
  } while (keeps && listens);
  return 0;
}

// Columns of ss(8): how each is set off from the one before, and which are numbers.
static const char *const heads[] = {"Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process"};
static const char *const delimiters[] = {"", " ", " ", " ", " ", ":", " ", ":", ""};

// The processes that have a socket of this number open.
static void owners(unsigned long long number, char *to, size_t room) {
  int count;
  struct process *all = all_processes(&count);
  char wanted[40];
  snprintf(wanted, sizeof wanted, "socket:[%llu]", number);
  for (int at = 0; at < count; at++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%d/fd", all[at].pid);
    int fds;
    char **names = names_in(path, &fds);
    for (int fd = 0; fd < fds; fd++) {
      snprintf(path, sizeof path, "/proc/%d/fd/%s", all[at].pid, names[fd]);
      ssize_t length = readlink(path, target, sizeof target - 1);
      if (length < 0 || (target[length] = 0, strcmp(target, wanted))) continue;
      size_t end = strlen(to);
      snprintf(to + end, room - end, "%s(\"%s\",pid=%d,fd=%s)", *to ? "," : "users:(", all[at].comm, all[at].pid, names[fd]);
    }
    free_names(names, fds);
  }
  free(all);
  if (*to) strcat(to, ")");
}

static void side(struct table *to, int column, const char *text, int family) {
  unsigned char address[16];
  char words[48];
  int bytes = family == 4 ? 4 : 16, none = 1;
  const char *colon = strchr(text, ':');
  for (int at = 0; at < bytes; at++) {
    // Words of 32 bits, each in the order of the machine.
    char digits[3] = {text[2 * (at ^ 3)], text[2 * (at ^ 3) + 1], 0};
    address[at] = (unsigned char)strtoul(digits, 0, 16), none &= !address[at];
  }
  address_text(address, bytes, words);
  table_cell(to, column, family == 6 ? (none ? "[::]" : "[%s]") : "%s", words);
  int port = (int)strtoul(colon + 1, 0, 16);
  table_cell(to, column + 1, port ? "%d" : "*", port);
}

static void sockets_of(struct table *to, const char *file, int family, int listening, int established, int with_processes) {
  char path[40], state[4];
  snprintf(path, sizeof path, "/proc/net/%s", file);
  char *text = file_text(path, 0), *lines = text, *line = lines ? strtok_r(lines, "\n", &lines) : 0;
  int is_unix = *file == 'u' && file[1] == 'n';
  while (line && (line = strtok_r(lines, "\n", &lines))) {
    char *words[17], *rest = line;
    int count = 0;
    while (count < 17 && (words[count] = strtok_r(rest, " ", &rest))) count++;
    if (count < 7) continue;
    int waits = is_unix ? strtoul(words[3], 0, 16) == 0x10000 : strcmp(words[3], "0A") == 0 || strcmp(words[3], "07") == 0;
    if (!(waits ? listening : established)) continue;
    snprintf(state, sizeof state, "%s", words[3]);
    table_row(to, -1);
    table_cell(to, 0, "%s", is_unix ? (strcmp(words[4], "0002") ? "u_str" : "u_dgr") : *file == 't' ? "tcp" : "udp");
    unsigned long long number = strtoull(words[is_unix ? 6 : 9], 0, 10);
    if (is_unix) {
      table_cell(to, 1, waits ? "LISTEN" : "ESTAB");
      table_cell(to, 2, "0"), table_cell(to, 3, "0");
      table_cell(to, 4, "%s", count > 7 ? words[7] : "*"), table_cell(to, 5, "%llu", number);
      table_cell(to, 6, "*"), table_cell(to, 7, "0");
    } else {
      table_cell(to, 1, strcmp(state, "0A") == 0 ? "LISTEN" : strcmp(state, "01") == 0 ? "ESTAB" : "UNCONN");
      char *queues = words[4];
      table_cell(to, 2, "%lu", strtoul(queues + 9, 0, 16)), table_cell(to, 3, "%lu", strtoul(queues, 0, 16));
      side(to, 4, words[1], family), side(to, 6, words[2], family);
    }
    char process[512] = "";
    if (with_processes) owners(number, process, sizeof process);
    table_cell(to, 8, "%s", process);
  }
  free(text);
}

TOOL(ss) {
  int tcp = 0, udp = 0, others = 0, listening = 0, established = 1, processes = 0, four = 0, without_head = 0;
  for (int letter; (letter = getopt(argc, argv, "ltnuxpaieH4")) != -1;) switch (letter) {
      case 'l': listening = 1, established = 0; break;
      case 'a': listening = established = 1; break;
      case 't': tcp = 1; break;
      case 'u': udp = 1; break;
      case 'x': others = 1; break;
      case 'p': processes = 1; break;
      case '4': four = 1; break;
      case 'H': without_head = 1; break;
      case '?': return 255;
    }
  if (!tcp && !udp && !others) tcp = udp = others = 1;
  struct table table = table_new(9);
  table_row(&table, -1);
  for (int at = 0; at < 9; at++) table_cell(&table, at, "%s", heads[at]);
  if (others && !four) sockets_of(&table, "unix", 0, listening, established, processes);
  if (udp) sockets_of(&table, "udp", 4, listening, established, processes);
  if (udp && !four) sockets_of(&table, "udp6", 6, listening, established, processes);
  if (tcp) sockets_of(&table, "tcp", 4, listening, established, processes);
  if (tcp && !four) sockets_of(&table, "tcp6", 6, listening, established, processes);
  int first = tcp + udp + others > 1 ? 0 : 1;
  for (int row = without_head; row < table.rows; row++) {
    for (int column = first; column < 9; column++) {
      int width = 0;
      for (int other = 0; other < table.rows; other++) {
        int length = (int)strlen(table.cells[other * 9 + column]);
        if (length > width) width = length;
      }
      const char *cell = table.cells[row * 9 + column];
      if (column > first) fputs(delimiters[column], stdout);
      printf(column == 4 || column == 6 ? "%*s" : "%-*s", width, cell);
    }
    putchar('\n');
  }
  return 0;
}

TOOL(ping) {
  (void)argv;
  if (argc < 2) return object("usage error: Destination address required");
  object("ICMP carries nothing on this machine: try a port, as in `nc -zv ADDRESS PORT` or `curl http://ADDRESS/`");
  return 2;
}
