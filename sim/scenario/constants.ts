// Numbers of the kernel's headers under their names, by family (x86-64, which core's data speaks everywhere).

import { errnoNumbers } from '../../core/errno.ts'
import { moreNumbers, netlinkNumbers, socketNumbers } from './netlink-names.ts'
import { threadNumbers } from './thread-names.ts'

/** Names and their numbers; a family of flags has bits, one of choices whole numbers. */
export interface Family {
  readonly kind: 'flags' | 'choice'
  readonly names: Readonly<Record<string, number>>
}

function family(kind: Family['kind'], prefix: string, names: Readonly<Record<string, number>>): Family {
  return { kind, names: Object.fromEntries(Object.entries(names).map(([name, value]) => [prefix + name, value])) }
}

const numbered = (prefix: string, words: string, first = 0): Family =>
  family('choice', prefix, Object.fromEntries(words.split(' ').map((word, index) => [word, first + index])))

const signalWords =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU ' +
  'XFSZ VTALRM PROF WINCH IO PWR SYS'

const capabilityWords =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'

export const families = {
  open: family('flags', 'O_', {
    TMPFILE: 0o20200000,
    SYNC: 0o4010000,
    ...{
      WRONLY: 1,
      RDWR: 2,
      CREAT: 0o100,
      EXCL: 0o200,
      NOCTTY: 0o400,
      TRUNC: 0o1000,
      APPEND: 0o2000,
      NONBLOCK: 0o4000,
    },
    ...{
      DSYNC: 0o10000,
      ASYNC: 0o20000,
      DIRECT: 0o40000,
      LARGEFILE: 0o100000,
      DIRECTORY: 0o200000,
      NOFOLLOW: 0o400000,
    },
    ...{ NOATIME: 0o1000000, CLOEXEC: 0o2000000, PATH: 0o10000000 },
  }),
  openAccess: family('choice', 'O_', { RDONLY: 0, ACCMODE: 3 }),
  resolve: family('flags', 'RESOLVE_', {
    ...{ NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16, CACHED: 32 },
  }),
  directory: family('choice', 'AT_', { FDCWD: -100 }),
  at: family('flags', 'AT_', {
    ...{ SYMLINK_NOFOLLOW: 0x100, SYMLINK_FOLLOW: 0x400, NO_AUTOMOUNT: 0x800, EMPTY_PATH: 0x1000 },
    ...{ STATX_FORCE_SYNC: 0x2000, STATX_DONT_SYNC: 0x4000, RECURSIVE: 0x8000 },
  }),
  unlink: family('flags', 'AT_', { REMOVEDIR: 0x200 }),
  access: family('flags', 'AT_', { EACCESS: 0x200, SYMLINK_NOFOLLOW: 0x100, EMPTY_PATH: 0x1000 }),
  accessMode: family('flags', '', { R_OK: 4, W_OK: 2, X_OK: 1 }),
  fileKind: family('choice', 'S_', {
    ...{ IFSOCK: 0o140000, IFLNK: 0o120000, IFREG: 0o100000, IFBLK: 0o060000, IFDIR: 0o040000, IFCHR: 0o020000 },
    ...{ IFIFO: 0o010000 },
  }),
  modeBits: family('flags', 'S_', { ISUID: 0o4000, ISGID: 0o2000, ISVTX: 0o1000 }),
  rename: family('flags', 'RENAME_', { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 }),
  seek: numbered('SEEK_', 'SET CUR END DATA HOLE'),
  clone: family('flags', 'CLONE_', {
    ...{ NEWTIME: 0x80, VM: 0x100, FS: 0x200, FILES: 0x400, SIGHAND: 0x800, PIDFD: 0x1000, PTRACE: 0x2000 },
    ...{ VFORK: 0x4000, PARENT: 0x8000, THREAD: 0x10000, NEWNS: 0x20000, SYSVSEM: 0x40000, SETTLS: 0x80000 },
    ...{ PARENT_SETTID: 0x100000, CHILD_CLEARTID: 0x200000, DETACHED: 0x400000, UNTRACED: 0x800000 },
    ...{ CHILD_SETTID: 0x1000000, NEWCGROUP: 0x2000000, NEWUTS: 0x4000000, NEWIPC: 0x8000000, NEWUSER: 0x10000000 },
    ...{ NEWPID: 0x20000000, NEWNET: 0x40000000, IO: 0x80000000, CLEAR_SIGHAND: 2 ** 32, INTO_CGROUP: 2 ** 33 },
  }),
  mount: family('flags', 'MS_', {
    ...{ RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, SYNCHRONOUS: 16, REMOUNT: 32, MANDLOCK: 64, DIRSYNC: 128 },
    ...{ NOSYMFOLLOW: 256, NOATIME: 1024, NODIRATIME: 2048, BIND: 4096, MOVE: 8192, REC: 16384, SILENT: 32768 },
    ...{ POSIXACL: 2 ** 16, UNBINDABLE: 2 ** 17, PRIVATE: 2 ** 18, SLAVE: 2 ** 19, SHARED: 2 ** 20, RELATIME: 2 ** 21 },
    ...{ KERNMOUNT: 2 ** 22, I_VERSION: 2 ** 23, STRICTATIME: 2 ** 24, LAZYTIME: 2 ** 25, MGC_VAL: 0xc0ed0000 },
  }),
  umount: family('flags', '', { MNT_FORCE: 1, MNT_DETACH: 2, MNT_EXPIRE: 4, UMOUNT_NOFOLLOW: 8 }),
  mountAttribute: family('flags', 'MOUNT_ATTR_', {
    ...{ RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, _ATIME: 0x70, NOATIME: 0x10, STRICTATIME: 0x20 },
    ...{ NODIRATIME: 0x80, IDMAP: 0x100000, NOSYMFOLLOW: 0x200000, RELATIME: 0 },
  }),
  openTree: family('flags', '', { OPEN_TREE_CLONE: 1, OPEN_TREE_CLOEXEC: 0o2000000 }),
  moveMount: family('flags', 'MOVE_MOUNT_', {
    ...{ F_SYMLINKS: 1, F_AUTOMOUNTS: 2, F_EMPTY_PATH: 4, T_SYMLINKS: 0x10, T_AUTOMOUNTS: 0x20, T_EMPTY_PATH: 0x40 },
    ...{ SET_GROUP: 0x100, BENEATH: 0x200 },
  }),
  fsopen: family('flags', '', { FSOPEN_CLOEXEC: 1 }),
  fspick: family('flags', 'FSPICK_', { CLOEXEC: 1, SYMLINK_NOFOLLOW: 2, NO_AUTOMOUNT: 4, EMPTY_PATH: 8 }),
  fsmount: family('flags', '', { FSMOUNT_CLOEXEC: 1 }),
  fsconfig: numbered(
    'FSCONFIG_',
    'SET_FLAG SET_STRING SET_BINARY SET_PATH SET_PATH_EMPTY SET_FD CMD_CREATE CMD_RECONFIGURE CMD_CREATE_EXCL',
  ),
  signal: numbered('SIG', signalWords, 1),
  signalHow: numbered('SIG_', 'BLOCK UNBLOCK SETMASK'),
  handler: numbered('SIG_', 'DFL IGN'),
  signalFlags: family('flags', 'SA_', {
    ...{ NOCLDSTOP: 1, NOCLDWAIT: 2, SIGINFO: 4, RESTORER: 0x4000000, ONSTACK: 0x8000000, RESTART: 0x10000000 },
    ...{ NODEFER: 0x40000000, RESETHAND: 0x80000000 },
  }),
  signalCode: family('choice', '', {
    ...{ SI_USER: 0, SI_KERNEL: 128, SI_QUEUE: -1, SI_TKILL: -6 },
    ...{ CLD_EXITED: 1, CLD_KILLED: 2, CLD_DUMPED: 3, CLD_TRAPPED: 4, CLD_STOPPED: 5, CLD_CONTINUED: 6 },
  }),
  wait: family('flags', '', {
    ...{ WNOHANG: 1, WUNTRACED: 2, WEXITED: 4, WCONTINUED: 8, WNOWAIT: 0x1000000, __WNOTHREAD: 0x20000000 },
    ...{ __WALL: 0x40000000, __WCLONE: 0x80000000 },
  }),
  /** WSTOPPED is another name for WUNTRACED. */
  waitAgain: family('flags', '', { WSTOPPED: 2 }),
  waitKind: numbered('P_', 'ALL PID PGID PIDFD'),
  pidfd: family('flags', 'PIDFD_', { NONBLOCK: 0o4000, THREAD: 0o200 }),
  pidfdSignal: family('flags', 'PIDFD_SIGNAL_', { THREAD: 1, THREAD_GROUP: 2, PROCESS_GROUP: 4 }),
  capability: numbered('CAP_', capabilityWords),
  prctl: family('choice', 'PR_', {
    ...{ SET_PDEATHSIG: 1, GET_PDEATHSIG: 2, GET_DUMPABLE: 3, SET_DUMPABLE: 4, GET_KEEPCAPS: 7, SET_KEEPCAPS: 8 },
    ...{ SET_NAME: 15, GET_NAME: 16, GET_SECCOMP: 21, SET_SECCOMP: 22, CAPBSET_READ: 23, CAPBSET_DROP: 24 },
    ...{ GET_SECUREBITS: 27, SET_SECUREBITS: 28, SET_TIMERSLACK: 29, GET_TIMERSLACK: 30, SET_MM: 35 },
    ...{ SET_CHILD_SUBREAPER: 36, GET_CHILD_SUBREAPER: 37, SET_NO_NEW_PRIVS: 38, GET_NO_NEW_PRIVS: 39 },
    ...{ SET_THP_DISABLE: 41, GET_THP_DISABLE: 42, CAP_AMBIENT: 47 },
  }),
  ambient: numbered('PR_CAP_AMBIENT_', 'IS_SET RAISE LOWER CLEAR_ALL', 1),
  securebits: family('flags', 'SECBIT_', {
    ...{ NOROOT: 1, NOROOT_LOCKED: 2, NO_SETUID_FIXUP: 4, NO_SETUID_FIXUP_LOCKED: 8, KEEP_CAPS: 16 },
    ...{ KEEP_CAPS_LOCKED: 32, NO_CAP_AMBIENT_RAISE: 64, NO_CAP_AMBIENT_RAISE_LOCKED: 128 },
  }),
  resource: numbered(
    'RLIMIT_',
    'CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME',
  ),
  fcntl: family('choice', 'F_', {
    ...{ DUPFD: 0, GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, GETLK: 5, SETLK: 6, SETLKW: 7, SETOWN: 8, GETOWN: 9 },
    ...{ DUPFD_CLOEXEC: 1030, SETPIPE_SZ: 1031, GETPIPE_SZ: 1032, ADD_SEALS: 1033, GET_SEALS: 1034 },
  }),
  descriptorFlags: family('flags', '', { FD_CLOEXEC: 1 }),
  seals: family('flags', 'F_SEAL_', { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 16, EXEC: 32 }),
  closeRange: family('flags', 'CLOSE_RANGE_', { UNSHARE: 2, CLOEXEC: 4 }),
  lock: family('flags', 'LOCK_', { SH: 1, EX: 2, NB: 4, UN: 8 }),
  memfd: family('flags', 'MFD_', { CLOEXEC: 1, ALLOW_SEALING: 2, HUGETLB: 4, NOEXEC_SEAL: 8, EXEC: 16 }),
  eventfd: family('flags', 'EFD_', { SEMAPHORE: 1, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 }),
  signalfd: family('flags', 'SFD_', { NONBLOCK: 0o4000, CLOEXEC: 0o2000000 }),
  epoll: family('flags', 'EPOLL_', { CLOEXEC: 0o2000000 }),
  epollControl: numbered('EPOLL_CTL_', 'ADD DEL MOD', 1),
  epollEvents: family('flags', 'EPOLL', {
    ...{ IN: 1, PRI: 2, OUT: 4, ERR: 8, HUP: 16, RDHUP: 0x2000, EXCLUSIVE: 2 ** 28, ONESHOT: 2 ** 30, ET: 2 ** 31 },
  }),
  poll: family('flags', 'POLL', {
    ...{ IN: 1, PRI: 2, OUT: 4, ERR: 8, HUP: 16, NVAL: 32, RDNORM: 64, RDBAND: 128, WRNORM: 256, RDHUP: 0x2000 },
  }),
  inotify: family('flags', 'IN_', {
    ...{ ACCESS: 1, MODIFY: 2, ATTRIB: 4, CLOSE_WRITE: 8, CLOSE_NOWRITE: 16, OPEN: 32, MOVED_FROM: 64, MOVED_TO: 128 },
    ...{ CREATE: 0x100, DELETE: 0x200, DELETE_SELF: 0x400, MOVE_SELF: 0x800, UNMOUNT: 0x2000, Q_OVERFLOW: 0x4000 },
    ...{ IGNORED: 0x8000, ONLYDIR: 2 ** 24, DONT_FOLLOW: 2 ** 25, MASK_ADD: 2 ** 29, ISDIR: 2 ** 30, ONESHOT: 2 ** 31 },
  }),
  inotifyFlags: family('flags', 'IN_', { NONBLOCK: 0o4000, CLOEXEC: 0o2000000 }),
  socketDomain: family('choice', 'AF_', { UNSPEC: 0, UNIX: 1, LOCAL: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 }),
  socketType: family('choice', 'SOCK_', { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5 }),
  socketFlags: family('flags', 'SOCK_', { NONBLOCK: 0o4000, CLOEXEC: 0o2000000 }),
  socketLevel: family('choice', 'SOL_', { SOCKET: 1, NETLINK: 270 }),
  socketOption: numbered(
    'SO_',
    'DEBUG REUSEADDR TYPE ERROR DONTROUTE BROADCAST SNDBUF RCVBUF KEEPALIVE OOBINLINE NO_CHECK PRIORITY LINGER ' +
      'BSDCOMPAT REUSEPORT PASSCRED PEERCRED RCVLOWAT SNDLOWAT',
    1,
  ),
  internetProtocol: family('choice', 'IPPROTO_', { IP: 0, ICMP: 1, TCP: 6, UDP: 17, IPV6: 41 }),
  netlink: family('choice', 'NETLINK_', { ROUTE: 0, NETFILTER: 12 }),
  shutdown: numbered('SHUT_', 'RD WR RDWR'),
  message: family('flags', 'MSG_', {
    ...{ OOB: 1, PEEK: 2, CTRUNC: 8, TRUNC: 0x20, DONTWAIT: 0x40, NOSIGNAL: 0x4000, CMSG_CLOEXEC: 0x40000000 },
  }),
  ioctl: family('choice', '', {
    ...{ NS_GET_USERNS: 0xb701, NS_GET_PARENT: 0xb702, NS_GET_NSTYPE: 0xb703, NS_GET_OWNER_UID: 0xb704 },
    ...{ TCGETS: 0x5401, TCSETS: 0x5402, TIOCSCTTY: 0x540e, TIOCGPGRP: 0x540f, TIOCSPGRP: 0x5410, TIOCGWINSZ: 0x5413 },
    ...{ TIOCSWINSZ: 0x5414, FIONREAD: 0x541b, TIOCNOTTY: 0x5422, TIOCGSID: 0x5429, TIOCGPTN: 0x80045430 },
    ...{ TIOCSPTLCK: 0x40045431, TIOCGPTPEER: 0x5441, SIOCGIFFLAGS: 0x8913, SIOCSIFFLAGS: 0x8914 },
    ...{ SIOCGIFNAME: 0x8910, SIOCGIFCONF: 0x8912, SIOCGIFADDR: 0x8915, SIOCSIFADDR: 0x8916, SIOCGIFNETMASK: 0x891b },
    ...{ SIOCSIFNETMASK: 0x891c, SIOCGIFMTU: 0x8921, SIOCSIFMTU: 0x8922, SIOCGIFHWADDR: 0x8927, SIOCGIFINDEX: 0x8933 },
    ...{ SIOCGIFTXQLEN: 0x8942, SIOCGSKNS: 0x894c, SIOCGIFBRDADDR: 0x8919 },
  }),
  seccomp: numbered('SECCOMP_', 'SET_MODE_STRICT SET_MODE_FILTER GET_ACTION_AVAIL GET_NOTIF_SIZES'),
  keyctl: family('choice', 'KEYCTL_', { GET_KEYRING_ID: 0, JOIN_SESSION_KEYRING: 1 }),
  ipcFlags: family('flags', 'IPC_', { CREAT: 0o1000, EXCL: 0o2000, NOWAIT: 0o4000 }),
  ipcControl: numbered('IPC_', 'RMID SET STAT'),
  semaphoreControl: numbered('', 'GETPID GETVAL GETALL GETNCNT GETZCNT SETVAL SETALL', 11),
  xattr: family('flags', 'XATTR_', { CREATE: 1, REPLACE: 2 }),
  reboot: family('choice', 'LINUX_REBOOT_', {
    ...{ MAGIC1: 0xfee1dead, MAGIC2: 672274793, CMD_RESTART: 0x01234567, CMD_HALT: 0xcdef0123, CMD_CAD_ON: 0x89abcdef },
    ...{ CMD_CAD_OFF: 0, CMD_POWER_OFF: 0x4321fedc, CMD_RESTART2: 0xa1b2c3d4, CMD_SW_SUSPEND: 0xd000fce2 },
  }),
  statxMask: family('flags', 'STATX_', {
    ...{ BASIC_STATS: 0x7ff, TYPE: 1, MODE: 2, NLINK: 4, UID: 8, GID: 16, ATIME: 32, MTIME: 64, CTIME: 128, INO: 256 },
    ...{ SIZE: 512, BLOCKS: 1024, BTIME: 2048, MNT_ID: 4096, DIOALIGN: 8192, MNT_ID_UNIQUE: 0x4000 },
  }),
  statxAttribute: family('flags', 'STATX_ATTR_', { IMMUTABLE: 16, APPEND: 32, MOUNT_ROOT: 0x2000 }),
  fileSystem: family('choice', '', {
    ...{ TMPFS_MAGIC: 0x01021994, PROC_SUPER_MAGIC: 0x9fa0, SYSFS_MAGIC: 0x62656572, CGROUP2_SUPER_MAGIC: 0x63677270 },
    ...{ CGROUP_SUPER_MAGIC: 0x27e0eb, OVERLAYFS_SUPER_MAGIC: 0x794c7630, NSFS_MAGIC: 0x6e736673 },
    ...{ DEVPTS_SUPER_MAGIC: 0x1cd1, MQUEUE_MAGIC: 0x19800202, PIPEFS_MAGIC: 0x50495045, EXT4_SUPER_MAGIC: 0xef53 },
  }),
  clock: numbered('CLOCK_', 'REALTIME MONOTONIC PROCESS_CPUTIME_ID THREAD_CPUTIME_ID MONOTONIC_RAW', 0),
  clockMore: family('choice', 'CLOCK_', { BOOTTIME: 7 }),
  timer: family('flags', 'TIMER_', { ABSTIME: 1 }),
  memoryProtection: family('flags', 'PROT_', { READ: 1, WRITE: 2, EXEC: 4 }),
  memoryMap: family('flags', 'MAP_', {
    ...{ SHARED: 1, PRIVATE: 2, FIXED: 16, ANONYMOUS: 32, GROWSDOWN: 0x100, DENYWRITE: 0x800, LOCKED: 0x2000 },
    ...{ NORESERVE: 0x4000, POPULATE: 0x8000, STACK: 0x20000, HUGETLB: 0x40000, FIXED_NOREPLACE: 0x100000 },
  }),
  advice: family('choice', 'MADV_', { NORMAL: 0, DONTNEED: 4, FREE: 8, POPULATE_READ: 22, POPULATE_WRITE: 23 }),
  random: family('flags', 'GRND_', { NONBLOCK: 1, RANDOM: 2 }),
  fileAdvice: numbered('POSIX_FADV_', 'NORMAL RANDOM SEQUENTIAL WILLNEED DONTNEED NOREUSE'),
  priority: numbered('PRIO_', 'PROCESS PGRP USER'),
  schedulingFlags: family('flags', 'SCHED_', { RESET_ON_FORK: 0x40000000 }),
  scheduling: family('choice', 'SCHED_', { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, IDLE: 5, DEADLINE: 6 }),
} as const satisfies Readonly<Record<string, Family>>

export type FamilyName = keyof typeof families

const flat: ReadonlyMap<string, bigint> = new Map([
  ['NULL', 0n],
  ['F_OK', 0n],
  ['RLIM_INFINITY', 2n ** 64n - 1n],
  ['RLIM64_INFINITY', 2n ** 64n - 1n],
  ['_LINUX_CAPABILITY_VERSION_3', 0x20080522n],
  ['UTIME_NOW', 2n ** 30n - 1n],
  ['UTIME_OMIT', 2n ** 30n - 2n],
  ['STDIN_FILENO', 0n],
  ['STDOUT_FILENO', 1n],
  ['STDERR_FILENO', 2n],
  ['SIGRTMIN', 32n],
  ['PF_UNIX', 1n],
  ['PF_NETLINK', 16n],
  ['SIGIOT', 6n],
  ['SIGPOLL', 29n],
  ['AT_STATX_SYNC_AS_STAT', 0n],
  ...[moreNumbers, netlinkNumbers, socketNumbers, errnoNumbers, threadNumbers].flatMap((names) =>
    Object.entries<number>(names).map(([name, value]) => [name, BigInt(value)] as const),
  ),
  ...Object.values(families).flatMap(({ names }) =>
    Object.entries<number>(names).map(([name, value]) => [name, BigInt(value)] as const),
  ),
])

/** The number of a name; undefined when it is not known here. */
export function constant(name: string): bigint | undefined {
  // The C library keeps two for itself; strace counts all.
  const realTime = /^SIGRT(?:(MIN\+)|_)(\d+)$/.exec(name)
  return realTime ? BigInt((realTime[1] ? 34 : 32) + Number(realTime[2])) : flat.get(name)
}

/** The name of a number in a family of choices. */
export function choiceName(family: FamilyName, value: number | bigint): string | undefined {
  return Object.entries<number>(families[family].names).find(([, number]) => BigInt(number) === BigInt(value))?.[0]
}

/** Bits by the names of some families, joined by bars; what has no name stays a number. */
export function flagNames(value: number | bigint, ...names: readonly FamilyName[]): string {
  let rest = BigInt.asUintN(64, BigInt(value))
  const words: string[] = []
  for (const [name, number] of names.flatMap((family) => Object.entries<number>(families[family].names))) {
    const bits = BigInt(number)
    if (bits === 0n || (rest & bits) !== bits) continue
    words.push(name)
    rest &= ~bits
  }
  if (rest !== 0n || words.length === 0) words.push(rest === 0n ? '0' : `0x${rest.toString(16)}`)
  return words.join('|')
}

export const signalName = (signal: number): string =>
  choiceName('signal', signal) ?? (signal === 32 ? 'SIGRTMIN' : `SIGRT_${signal - 32}`)
