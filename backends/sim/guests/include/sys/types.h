// The sizes that Linux's structs have on 64 bits
#ifndef SYS_TYPES_H
#define SYS_TYPES_H
#include <stddef.h>
#include <stdint.h>
typedef int pid_t;
typedef unsigned uid_t, gid_t, mode_t;
typedef long long off_t, time_t, blkcnt_t;
typedef unsigned long long dev_t, ino_t, nlink_t;
typedef long ssize_t;
#define major(device) ((unsigned)((device) >> 8 & 0xfff) | (unsigned)((device) >> 32 & ~0xfffu))
#define minor(device) ((unsigned)((device) & 0xff) | (unsigned)((device) >> 12 & ~0xffu))
#define makedev(major, minor) ((dev_t)((major) & 0xfff) << 8 | (dev_t)((major) & ~0xfffu) << 32 | ((minor) & 0xff) | (dev_t)((minor) & ~0xffu) << 12)
#endif
