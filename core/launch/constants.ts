// Linux's numbers for the flags that plans use, under Linux's names (the kernel's uapi headers,
// x86-64; where arm64 differs, in O_DIRECTORY and O_NOFOLLOW, its backend translates).

export const AT = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, EMPTY_PATH: 0x1000, RECURSIVE: 0x8000 } as const

/** open(2). */
export const O = {
  WRONLY: 1,
  RDWR: 2,
  PATH: 0o10000000,
  CREAT: 0o100,
  EXCL: 0o200,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOCTTY: 0o400,
  NONBLOCK: 0o4000,
  CLOEXEC: 0o2000000,
} as const

/** openat2(2). */
export const RESOLVE = { IN_ROOT: 0x10, NO_MAGICLINKS: 0x02, NO_SYMLINKS: 0x04 } as const

/** mknod(2). */
export const S_IF = { CHR: 0o020000, BLK: 0o060000, IFO: 0o010000 } as const

/** clone(2), unshare(2), setns(2). */
export const CLONE = {
  NEWTIME: 0x80,
  NEWNS: 0x00020000,
  NEWCGROUP: 0x02000000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  INTO_CGROUP: 0x200000000,
} as const

/** mount(2). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  REC: 16384,
  SILENT: 32768,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  I_VERSION: 1 << 23,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
} as const

/** mount_setattr(2). */
export const MOUNT_ATTR = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  _ATIME: 0x70,
  NODIRATIME: 0x80,
  IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000,
} as const

/** open_tree(2), move_mount(2), fsconfig(2), umount2(2). */
export const OPEN_TREE = { CLONE: 1, CLOEXEC: 0o2000000 } as const
export const MOVE_MOUNT = { F_EMPTY_PATH: 0x4, T_EMPTY_PATH: 0x40 } as const
export const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, CMD_CREATE: 6 } as const
export const FSOPEN_CLOEXEC = 1
export const FSMOUNT_CLOEXEC = 1
export const MNT_DETACH = 2

/** prctl(2). */
export const PR = {
  SET_DUMPABLE: 4,
  SET_KEEPCAPS: 8,
  CAPBSET_DROP: 24,
  SET_SECUREBITS: 28,
  SET_NO_NEW_PRIVS: 38,
  CAP_AMBIENT: 47,
} as const
export const SECBIT_NO_SETUID_FIXUP = 4
export const PR_CAP_AMBIENT = { RAISE: 2, CLEAR_ALL: 4 } as const

export const KEYCTL_JOIN_SESSION_KEYRING = 1
export const SECCOMP_SET_MODE_FILTER = 1
export const CLOSE_RANGE_CLOEXEC = 4
export const F_SETFD = 2
export const SIG_SETMASK = 2
export const SIGNAL = { SIGPIPE: 13, SIGCHLD: 17, SIGXFSZ: 25 } as const
export const PER_LINUX32 = 8

/** Sockets and terminals: socket(2), netdevice(7), ioctl_tty(2). */
export const AF_INET = 2
export const SOCK = { DGRAM: 2, CLOEXEC: 0o2000000 } as const
export const IOCTL = {
  SIOCSIFFLAGS: 0x8914,
  TIOCSCTTY: 0x540e,
  TIOCSWINSZ: 0x5414,
  TIOCSPTLCK: 0x40045431,
  TIOCGPTPEER: 0x5441,
} as const

/** mount(2) copies one page of data, and the last byte is the end. */
export const mountDataBytes = 4095
