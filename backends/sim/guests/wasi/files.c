// The files of wasi_snapshot_preview1 as system calls. https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
#include <string.h>
#include "calls-of-wasi.h"

enum { WORKING_DIRECTORY = -100, RIGHT_READ = 2, RIGHT_WRITE = 64, SYMLINK_FOLLOW = 1, NOFOLLOW = 0x100, REMOVEDIR = 0x200 };
struct vector { char *start; uint32_t bytes; };

static const unsigned char errnos[] = {0,  63, 44, 71, 27, 29, 60, 1,  45, 8,  12, 6,  48, 2,  21, 29, 10, 20, 75, 43, 54,
                                       31, 28, 41, 33, 59, 74, 22, 51, 70, 69, 34, 64, 18, 68, 16, 37, 46, 52, 55, 32};

int32_t wasi_errno(long long answer) {
  if (answer >= 0) return 0;
  return -answer < (long long)sizeof errnos ? errnos[-answer] : 29;
}

static int root = -1;

int kernel_descriptor(int32_t descriptor) {
  if (root < 0) root = sys_openat(WORKING_DIRECTORY, "/", 0x90000, 0);
  return descriptor == 3 ? root : descriptor == root ? 3 : descriptor;
}

// A path is not ended by a zero, and one below the root may be empty.
static const char *text(int32_t start, int32_t bytes) {
  static char rooms[2][4097];
  static int turn;
  if (bytes > 4096) bytes = 4096;
  char *room = rooms[turn ^= 1];
  memcpy(room, (const char *)start, bytes);
  room[bytes] = 0;
  if (bytes == 0) strcpy(room, ".");
  return room;
}

int32_t PREVIEW1(fd_prestat_get)(int32_t fd, int32_t into) {
  if (fd != 3) return 8;
  ((uint32_t *)into)[0] = 0, ((uint32_t *)into)[1] = 1;
  return 0;
}

int32_t PREVIEW1(fd_prestat_dir_name)(int32_t fd, int32_t into, int32_t bytes) {
  if (fd != 3 || bytes < 1) return 8;
  *(char *)into = '/';
  return 0;
}

int32_t PREVIEW1(fd_close)(int32_t fd) { return wasi_errno(sys_close(kernel_descriptor(fd))); }

int32_t PREVIEW1(fd_renumber)(int32_t fd, int32_t into) {
  long long answer = sys_dup3(kernel_descriptor(fd), kernel_descriptor(into), 0);
  if (answer >= 0) sys_close(kernel_descriptor(fd));
  return wasi_errno(answer);
}

int32_t PREVIEW1(fd_sync)(int32_t fd) { return wasi_errno(sys_fsync(kernel_descriptor(fd))); }

static int32_t type_of(uint32_t mode) {
  switch (mode >> 12) {
    case 2: return 2;
    case 4: return 3;
    case 6: return 1;
    case 8: return 4;
    case 10: return 7;
    case 12: return 6;
    default: return 0;
  }
}

static void filestat(const unsigned char *stat, int32_t into) {
  const uint64_t *wide = (const uint64_t *)stat;
  uint64_t *out = (uint64_t *)into;
  out[0] = wide[0], out[1] = wide[1], out[2] = type_of(*(const uint32_t *)(stat + 24)), out[3] = wide[2], out[4] = wide[6];
  for (int at = 0; at < 3; at++) out[5 + at] = wide[9 + 2 * at] * 1000000000 + wide[10 + 2 * at];
}

int32_t PREVIEW1(fd_filestat_get)(int32_t fd, int32_t into) {
  _Alignas(8) unsigned char stat[144];
  long long answer = sys_fstat(kernel_descriptor(fd), stat, sizeof stat);
  if (answer >= 0) filestat(stat, into);
  return wasi_errno(answer);
}

int32_t PREVIEW1(path_filestat_get)(int32_t fd, int32_t follows, int32_t path, int32_t bytes, int32_t into) {
  _Alignas(8) unsigned char stat[144];
  int flags = follows & SYMLINK_FOLLOW ? 0 : NOFOLLOW;
  long long answer = sys_newfstatat(kernel_descriptor(fd), text(path, bytes), stat, sizeof stat, flags);
  if (answer >= 0) filestat(stat, into);
  return wasi_errno(answer);
}

int32_t PREVIEW1(fd_fdstat_get)(int32_t fd, int32_t into) {
  _Alignas(8) unsigned char stat[144];
  long long answer = sys_fstat(kernel_descriptor(fd), stat, sizeof stat);
  if (answer < 0) return wasi_errno(answer);
  memset((void *)into, 0, 24);
  long long flags = sys_fcntl(kernel_descriptor(fd), 3, 0);
  ((uint8_t *)into)[0] = type_of(*(const uint32_t *)(stat + 24));
  ((uint16_t *)into)[1] = (flags & 0x400 ? 1 : 0) | (flags & 0x800 ? 4 : 0);
  // isatty(3) takes a character device that cannot seek for a terminal.
  uint64_t rights = ((uint8_t *)into)[0] == 2 ? ~(uint64_t)0x24 : ~(uint64_t)0;
  ((uint64_t *)into)[1] = rights, ((uint64_t *)into)[2] = ~(uint64_t)0;
  return 0;
}

int32_t PREVIEW1(fd_fdstat_set_flags)(int32_t fd, int32_t flags) {
  return wasi_errno(sys_fcntl(kernel_descriptor(fd), 4, (flags & 1 ? 0x400 : 0) | (flags & 4 ? 0x800 : 0)));
}

int32_t PREVIEW1(fd_filestat_set_size)(int32_t fd, int64_t bytes) {
  return wasi_errno(sys_ftruncate(kernel_descriptor(fd), bytes));
}

int32_t PREVIEW1(fd_seek)(int32_t fd, int64_t offset, int32_t whence, int32_t into) {
  long long answer = sys_lseek(kernel_descriptor(fd), offset, whence);
  if (answer >= 0) *(int64_t *)into = answer;
  return wasi_errno(answer);
}

static int32_t moved(int writes, int32_t fd, const struct vector *vectors, int32_t count, int32_t into) {
  long long total = 0;
  for (int32_t at = 0; at < count; at++) {
    if (vectors[at].bytes == 0) continue;
    int number = kernel_descriptor(fd);
    long long answer = writes ? sys_write(number, vectors[at].start, vectors[at].bytes)
                              : sys_read(number, vectors[at].start, vectors[at].bytes);
    if (answer < 0 && total == 0) return wasi_errno(answer);
    if (answer > 0) total += answer;
    if (answer < (long long)vectors[at].bytes) break;
  }
  *(uint32_t *)into = total;
  return 0;
}

int32_t PREVIEW1(fd_read)(int32_t fd, int32_t vectors, int32_t count, int32_t into) {
  return moved(0, fd, (const struct vector *)vectors, count, into);
}

int32_t PREVIEW1(fd_write)(int32_t fd, int32_t vectors, int32_t count, int32_t into) {
  return moved(1, fd, (const struct vector *)vectors, count, into);
}

int32_t PREVIEW1(path_open)(int32_t fd, int32_t follows, int32_t path, int32_t bytes, int32_t how, int64_t rights,
                            int64_t inherited, int32_t flags, int32_t into) {
  (void)inherited;
  int access = rights & RIGHT_WRITE ? (rights & RIGHT_READ ? 2 : 1) : 0;
  int made = (how & 1 ? 0x40 : 0) | (how & 2 ? 0x10000 : 0) | (how & 4 ? 0x80 : 0) | (how & 8 ? 0x200 : 0);
  int asked = (flags & 1 ? 0x400 : 0) | (flags & 4 ? 0x800 : 0) | (follows & SYMLINK_FOLLOW ? 0 : 0x20000);
  long long answer = sys_openat(kernel_descriptor(fd), text(path, bytes), access | made | asked, 0666);
  if (answer >= 0) *(int32_t *)into = answer == 3 ? root : answer;
  return wasi_errno(answer);
}

int32_t PREVIEW1(path_unlink_file)(int32_t fd, int32_t path, int32_t bytes) {
  return wasi_errno(sys_unlinkat(kernel_descriptor(fd), text(path, bytes), 0));
}

int32_t PREVIEW1(path_remove_directory)(int32_t fd, int32_t path, int32_t bytes) {
  return wasi_errno(sys_unlinkat(kernel_descriptor(fd), text(path, bytes), REMOVEDIR));
}

int32_t PREVIEW1(path_create_directory)(int32_t fd, int32_t path, int32_t bytes) {
  return wasi_errno(sys_mkdirat(kernel_descriptor(fd), text(path, bytes), 0777));
}

int32_t PREVIEW1(path_rename)(int32_t fd, int32_t path, int32_t bytes, int32_t into, int32_t name, int32_t name_bytes) {
  const char *old = text(path, bytes);
  return wasi_errno(sys_renameat2(kernel_descriptor(fd), old, kernel_descriptor(into), text(name, name_bytes), 0));
}
