// /etc/passwd and /etc/group: getpwnam(3), getgrnam(3). Also inet_aton(3), realpath(3), mkstemp(3)
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The fields of the line that has this name, or this number in its third field.
static char **find(const char *path, const char *name, unsigned number) {
  static char *line, *fields[7];
  static size_t room;
  FILE *stream = fopen(path, "r");
  if (!stream) return 0;
  int found = 0;
  while (!found && getline(&line, &room, stream) >= 0) {
    line[strcspn(line, "\n")] = 0;
    char *at = line;
    for (int field = 0; field < 7; field++) {
      fields[field] = at;
      at += strcspn(at, ":");
      if (*at) *at++ = 0;
    }
    found = name ? strcmp(fields[0], name) == 0 : *fields[2] && strtoul(fields[2], 0, 10) == number;
  }
  fclose(stream);
  return found ? fields : 0;
}

static struct passwd *passwd_of(const char *name, uid_t uid) {
  static struct passwd result;
  char **fields = find("/etc/passwd", name, uid);
  if (!fields) return 0;
  result = (struct passwd){fields[0], strtoul(fields[2], 0, 10), strtoul(fields[3], 0, 10), fields[5], fields[6]};
  return &result;
}
struct passwd *getpwnam(const char *name) { return passwd_of(name, 0); }
struct passwd *getpwuid(uid_t uid) { return passwd_of(0, uid); }

static struct group *group_of(const char *name, gid_t gid) {
  static struct group result;
  char **fields = find("/etc/group", name, gid);
  if (!fields) return 0;
  result = (struct group){fields[0], strtoul(fields[2], 0, 10)};
  return &result;
}
struct group *getgrnam(const char *name) { return group_of(name, 0); }
struct group *getgrgid(gid_t gid) { return group_of(0, gid); }

int inet_aton(const char *text, struct in_addr *to) {
  uint32_t address = 0;
  for (int part = 0; part < 4; part++) {
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || number > 255 || *end != (part < 3 ? '.' : 0)) return 0;
    address = address << 8 | number;
    text = end + 1;
  }
  to->s_addr = htonl(address);
  return 1;
}

char *inet_ntoa(struct in_addr address) {
  static char text[16];
  uint32_t number = ntohl(address.s_addr);
  snprintf(text, sizeof text, "%u.%u.%u.%u", number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255);
  return text;
}

// The kernel knows where a descriptor leads.
char *realpath(const char *path, char *to) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return 0;
  char link[32], *result = to ? to : malloc(4096);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, result, 4095);
  close(fd);
  if (length < 0) return 0;
  result[length] = 0;
  return result;
}

int mkstemp(char *pattern) {
  static unsigned count;
  char *place = pattern + strlen(pattern) - 6;
  for (int attempt = 0; attempt < 1000; attempt++) {
    unsigned number = (unsigned)getpid() * 7919 + count++;
    for (int at = 0; at < 6; at++, number /= 36) place[at] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
    int fd = open(pattern, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}
