// O_* of open(2) as x86-64 counts them. asm-generic/fcntl.h

export const O = {
  ACCMODE: 0o3,
  WRONLY: 0o1,
  RDWR: 0o2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  ASYNC: 0o20000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  SYNC: 0o4010000,
  PATH: 0o10000000,
  /** Without the O_DIRECTORY that O_TMPFILE has beside it. */
  TMPFILE: 0o20000000,
} as const

/** Access mode 3 asks for the rights to both and gives neither: such descriptors are for ioctl(2). open(2) */
export const mayBeRead = (flags: number): boolean =>
  ((flags & O.ACCMODE) === 0 || (flags & O.ACCMODE) === O.RDWR) && (flags & O.PATH) === 0
export const mayBeWritten = (flags: number): boolean =>
  ((flags & O.ACCMODE) === O.WRONLY || (flags & O.ACCMODE) === O.RDWR) && (flags & O.PATH) === 0
