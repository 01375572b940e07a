// System calls as data: one table says every call's arguments, in Linux's spelling and order; types, the tape's encoding
// and the printed form all follow from it.

/** The result of an earlier step of the same plan, by its label (`as`). */
export interface Result {
  readonly from: string
}

export type Fd = number | Result

export interface OpenHow {
  readonly flags: number
  readonly mode?: number
  readonly resolve?: number
}

export interface MountAttr {
  readonly attr_set?: number
  readonly attr_clr?: number
  readonly propagation?: number
  readonly userns_fd?: Fd
}

/** struct clone_args without its pointers: the executor owns the stack and the place of the pidfd. */
export interface CloneArgs {
  /** CLONE_* bits; they do not fit 32 bits, so build them with `+` or BigInt, never with `|`. */
  readonly flags: number
  readonly exit_signal?: number
  readonly cgroup?: Fd
  /** Numbers for the child, from its innermost pid namespace outwards. */
  readonly set_tid?: readonly number[]
  /** Written only where a kernel is asked whether it takes them. */
  readonly stack?: number
  readonly stack_size?: number
  /** Bytes of the struct; 88 when absent. */
  readonly size?: number
  /** What stands behind the members that are known. */
  readonly tail?: Uint8Array
}

export interface CapSets {
  /** Bit sets of 64 capabilities; 0 in a header's pid means the caller. */
  readonly effective: bigint
  readonly permitted: bigint
  readonly inheritable: bigint
  /** Whose they are; the caller's when absent. */
  readonly pid?: number
}

export interface PollFd {
  readonly fd: number
  readonly events: number
}

export interface Sigaction {
  /** 0 is SIG_DFL, 1 is SIG_IGN; 2 is any handler, which only a simulated kernel can be told. */
  readonly handler: 0 | 1 | 2
  /** SA_* bits. */
  readonly flags?: number
  readonly mask?: bigint
}

export interface Rlimit {
  readonly soft: bigint
  readonly hard: bigint
}

/** What sendmsg(2) is given: struct msghdr without its pointers. */
export interface MessageOut {
  /** struct sockaddr; absent is NULL. */
  readonly to?: Uint8Array
  readonly iov: readonly (Uint8Array | string)[]
  /** Control messages, each a struct cmsghdr with its data. */
  readonly control?: Uint8Array
}

/** The room that recvmsg(2) has. What it fills comes back as `core/message.ts` says. */
export interface MessageRoom {
  readonly nameBytes: number
  /** Bytes of each buffer. */
  readonly iov: readonly number[]
  readonly controlBytes: number
}

/** bpf(2), the attributes of the commands that the runtime uses. */
export type BpfAttr =
  | { readonly prog_type: number; readonly insns: Uint8Array; readonly license: string; readonly prog_name?: string }
  | { readonly target_fd: Fd; readonly attach_bpf_fd: Fd; readonly attach_type: number; readonly attach_flags: number }
  | { readonly query_target_fd: Fd; readonly attach_type: number }

/** The kinds of arguments. The comment says how many registers each takes and what is passed in them. */
export interface Kinds {
  /** one: a descriptor, or AT_FDCWD */
  fd: Fd
  /** one: a number, or an earlier result */
  int: number | bigint | Result
  /** one: pointer to a NUL-terminated string; null is NULL */
  path: string | null
  /** one: like path, for text that is not a path */
  text: string | null
  /** one: NULL-terminated array of strings */
  strings: readonly string[]
  /** two: pointer and length */
  bytes: Uint8Array | string
  /** one: pointer to bytes that the kernel only reads */
  in: Uint8Array
  /** one: pointer to bytes that the kernel reads and may change; the outcome's data has them afterwards */
  inout: Uint8Array
  /** one: like inout; null is NULL */
  optional: Uint8Array | null
  /** two: an array of struct iovec over these buffers, which the kernel reads, and how many there are */
  iovec_in: readonly (Uint8Array | string)[]
  /** two: an array of one struct iovec for so many bytes that the kernel fills, and 1 */
  iovec_out: number
  /** two: pointer to a buffer of so many bytes that the kernel fills, and its length */
  out: number
  /** one: pointer to a buffer of so many bytes that the kernel fills */
  outonly: number
  /** three: pointers to the three 32-bit numbers of a buffer of so many bytes (12) that the kernel fills */
  ids: number
  /** one: pointer to struct msghdr, which the kernel reads */
  message_out: MessageOut
  /** one: pointer to struct msghdr, which the kernel fills with what its buffers */
  message_room: MessageRoom
  /** two: pointer and size (24) */
  open_how: OpenHow
  /** two: pointer and size (32) */
  mount_attr: MountAttr
  /** two: pointer and size (88) */
  clone_args: CloneArgs
  /** two: pointer to the header (the caller) and to the data */
  capsets: CapSets
  /** one: pointer to struct sock_fprog over these instructions (8 bytes each) */
  sock_fprog: Uint8Array
  /** one: pointer to 64 bits */
  sigset: bigint
  /** one: pointer to the kernel's struct sigaction; null is NULL */
  sigaction: Sigaction | null
  /** one: pointer; null is NULL */
  rlimit: Rlimit | null
  /** two: the length and a pointer to 32-bit ids, in the order of setgroups(2) */
  gids: readonly number[]
  /** two: pointer and count; the outcome's data has the structs afterwards */
  pollfds: readonly PollFd[]
  /** two: pointer and size */
  bpf_attr: BpfAttr
  /** one: pointer to struct timespec; null is NULL. Nanoseconds */
  timespec: bigint | null
}
export type Kind = keyof Kinds

/**
 * Every call that the runtime makes. No argument is called `name`, since that is the call's own. Arguments stand in Linux's order; a kind of two registers covers the length that
 * follows a pointer (`write(fd, bytes)` is write(2) with its count).
 */
// biome-ignore format: one call, one line
export const signatures = {
  accept4: [['sockfd', 'fd'], ['addr', 'optional'], ['addrlen', 'optional'], ['flags', 'int']],
  access: [['pathname', 'path'], ['mode', 'int']],
  acct: [['pathname', 'path']],
  alarm: [['seconds', 'int']],
  arch_prctl: [['code', 'int'], ['addr', 'int']],
  bind: [['sockfd', 'fd'], ['addr', 'bytes']],
  bpf: [['cmd', 'int'], ['attr', 'bpf_attr']],
  brk: [['addr', 'int']],
  capget: [['hdrp', 'in'], ['datap', 'outonly']],
  capset: [['sets', 'capsets']],
  chdir: [['path', 'path']],
  chmod: [['pathname', 'path'], ['mode', 'int']],
  chown: [['pathname', 'path'], ['owner', 'int'], ['group', 'int']],
  chroot: [['path', 'path']],
  clock_getres: [['clockid', 'int'], ['res', 'outonly']],
  clock_gettime: [['clockid', 'int'], ['tp', 'outonly']],
  clock_nanosleep: [['clockid', 'int'], ['flags', 'int'], ['request', 'timespec'], ['remain', 'outonly']],
  clock_settime: [['clockid', 'int'], ['tp', 'timespec']],
  clone: [['flags', 'int'], ['stack', 'int'], ['parent_tid', 'int'], ['child_tid', 'int'], ['tls', 'int']],
  clone3: [['cl_args', 'clone_args']],
  close: [['fd', 'fd']],
  close_range: [['first', 'int'], ['last', 'int'], ['flags', 'int']],
  connect: [['sockfd', 'fd'], ['addr', 'bytes']],
  copy_file_range: [['fd_in', 'fd'], ['off_in', 'int'], ['fd_out', 'fd'], ['off_out', 'int'], ['len', 'int'], ['flags', 'int']],
  creat: [['pathname', 'path'], ['mode', 'int']],
  delete_module: [['module', 'text'], ['flags', 'int']],
  dup: [['oldfd', 'fd']],
  dup2: [['oldfd', 'fd'], ['newfd', 'fd']],
  dup3: [['oldfd', 'fd'], ['newfd', 'fd'], ['flags', 'int']],
  epoll_create: [['size', 'int']],
  epoll_create1: [['flags', 'int']],
  epoll_ctl: [['epfd', 'fd'], ['op', 'int'], ['fd', 'fd'], ['event', 'optional']],
  epoll_pwait: [['epfd', 'fd'], ['events', 'outonly'], ['maxevents', 'int'], ['timeout', 'int'], ['sigmask', 'int'], ['sigsetsize', 'int']],
  epoll_wait: [['epfd', 'fd'], ['events', 'outonly'], ['maxevents', 'int'], ['timeout', 'int']],
  eventfd: [['initval', 'int']],
  eventfd2: [['initval', 'int'], ['flags', 'int']],
  execve: [['pathname', 'path'], ['argv', 'strings'], ['envp', 'strings']],
  execveat: [['dirfd', 'fd'], ['pathname', 'path'], ['argv', 'strings'], ['envp', 'strings'], ['flags', 'int']],
  exit: [['status', 'int']],
  exit_group: [['status', 'int']],
  faccessat: [['dirfd', 'fd'], ['pathname', 'path'], ['mode', 'int']],
  faccessat2: [['dirfd', 'fd'], ['pathname', 'path'], ['mode', 'int'], ['flags', 'int']],
  fadvise64: [['fd', 'fd'], ['offset', 'int'], ['len', 'int'], ['advice', 'int']],
  fallocate: [['fd', 'fd'], ['mode', 'int'], ['offset', 'int'], ['len', 'int']],
  fchdir: [['fd', 'fd']],
  fchmod: [['fd', 'fd'], ['mode', 'int']],
  fchmodat: [['dirfd', 'fd'], ['pathname', 'path'], ['mode', 'int']],
  fchmodat2: [['dirfd', 'fd'], ['pathname', 'path'], ['mode', 'int'], ['flags', 'int']],
  fchown: [['fd', 'fd'], ['owner', 'int'], ['group', 'int']],
  fchownat: [['dirfd', 'fd'], ['pathname', 'path'], ['owner', 'int'], ['group', 'int'], ['flags', 'int']],
  fcntl: [['fd', 'fd'], ['cmd', 'int'], ['arg', 'int']],
  fdatasync: [['fd', 'fd']],
  fgetxattr: [['fd', 'fd'], ['xattr', 'text'], ['value', 'out']],
  finit_module: [['fd', 'fd'], ['param_values', 'text'], ['flags', 'int']],
  flistxattr: [['fd', 'fd'], ['list', 'out']],
  flock: [['fd', 'fd'], ['operation', 'int']],
  fork: [],
  fremovexattr: [['fd', 'fd'], ['xattr', 'text']],
  fsconfig: [['fd', 'fd'], ['cmd', 'int'], ['key', 'text'], ['value', 'text'], ['aux', 'int']],
  fsmount: [['fs_fd', 'fd'], ['flags', 'int'], ['attr_flags', 'int']],
  fsopen: [['fs_name', 'text'], ['flags', 'int']],
  fspick: [['dirfd', 'fd'], ['pathname', 'path'], ['flags', 'int']],
  fstat: [['fd', 'fd'], ['statbuf', 'outonly']],
  fsync: [['fd', 'fd']],
  fsetxattr: [['fd', 'fd'], ['xattr', 'text'], ['value', 'bytes'], ['flags', 'int']],
  fstatfs: [['fd', 'fd'], ['buf', 'outonly']],
  ftruncate: [['fd', 'fd'], ['length', 'int']],
  futex: [['uaddr', 'int'], ['futex_op', 'int'], ['val', 'int'], ['timeout', 'timespec'], ['uaddr2', 'int'], ['val3', 'int']],
  get_mempolicy: [['mode', 'int'], ['nodemask', 'int'], ['maxnode', 'int'], ['addr', 'int'], ['flags', 'int']],
  getcpu: [['cpu', 'outonly'], ['node', 'int'], ['tcache', 'int']],
  getcwd: [['buf', 'out']],
  getdents64: [['fd', 'fd'], ['dirp', 'out']],
  getegid: [],
  geteuid: [],
  getgid: [],
  getgroups: [['size', 'int'], ['list', 'outonly']],
  getitimer: [['which', 'int'], ['curr_value', 'outonly']],
  getpeername: [['sockfd', 'fd'], ['addr', 'inout'], ['addrlen', 'inout']],
  getpgid: [['pid', 'int']],
  getpgrp: [],
  getpid: [],
  getppid: [],
  getpriority: [['which', 'int'], ['who', 'int']],
  getresgid: [['ids', 'ids']],
  getresuid: [['ids', 'ids']],
  getrlimit: [['resource', 'int'], ['rlim', 'outonly']],
  getrusage: [['who', 'int'], ['usage', 'outonly']],
  getsid: [['pid', 'int']],
  gettid: [],
  gettimeofday: [['tv', 'outonly'], ['tz', 'int']],
  getuid: [],
  getrandom: [['buf', 'out'], ['flags', 'int']],
  getsockname: [['sockfd', 'fd'], ['addr', 'inout'], ['addrlen', 'inout']],
  getsockopt: [['sockfd', 'fd'], ['level', 'int'], ['optname', 'int'], ['optval', 'inout'], ['optlen', 'inout']],
  getxattr: [['path', 'path'], ['xattr', 'text'], ['value', 'out']],
  init_module: [['module_image', 'int'], ['len', 'int'], ['param_values', 'text']],
  inotify_add_watch: [['fd', 'fd'], ['pathname', 'path'], ['mask', 'int']],
  inotify_init: [],
  inotify_init1: [['flags', 'int']],
  inotify_rm_watch: [['fd', 'fd'], ['wd', 'int']],
  ioprio_set: [['which', 'int'], ['who', 'int'], ['ioprio', 'int']],
  ioctl: [['fd', 'fd'], ['request', 'int'], ['arg', 'inout']],
  ioctl_int: [['fd', 'fd'], ['request', 'int'], ['arg', 'int']],
  keyctl: [['operation', 'int'], ['arg2', 'text'], ['arg3', 'int'], ['arg4', 'int'], ['arg5', 'int']],
  kill: [['pid', 'int'], ['sig', 'int']],
  lchown: [['pathname', 'path'], ['owner', 'int'], ['group', 'int']],
  lgetxattr: [['path', 'path'], ['xattr', 'text'], ['value', 'out']],
  link: [['oldpath', 'path'], ['newpath', 'path']],
  linkat: [['olddirfd', 'fd'], ['oldpath', 'path'], ['newdirfd', 'fd'], ['newpath', 'path'], ['flags', 'int']],
  listen: [['sockfd', 'fd'], ['backlog', 'int']],
  listmount: [['req', 'in'], ['mnt_ids', 'outonly'], ['nr_mnt_ids', 'int'], ['flags', 'int']],
  listxattr: [['path', 'path'], ['list', 'out']],
  llistxattr: [['path', 'path'], ['list', 'out']],
  lremovexattr: [['path', 'path'], ['xattr', 'text']],
  lseek: [['fd', 'fd'], ['offset', 'int'], ['whence', 'int']],
  lsetxattr: [['path', 'path'], ['xattr', 'text'], ['value', 'bytes'], ['flags', 'int']],
  lstat: [['pathname', 'path'], ['statbuf', 'outonly']],
  madvise: [['addr', 'int'], ['length', 'int'], ['advice', 'int']],
  membarrier: [['cmd', 'int'], ['flags', 'int'], ['cpu_id', 'int']],
  memfd_create: [['label', 'text'], ['flags', 'int']],
  mkdir: [['pathname', 'path'], ['mode', 'int']],
  mkdirat: [['dirfd', 'fd'], ['pathname', 'path'], ['mode', 'int']],
  mknod: [['pathname', 'path'], ['mode', 'int'], ['dev', 'int']],
  mknodat: [['dirfd', 'fd'], ['pathname', 'path'], ['mode', 'int'], ['dev', 'int']],
  mlock: [['addr', 'int'], ['len', 'int']],
  mlock2: [['addr', 'int'], ['len', 'int'], ['flags', 'int']],
  mlockall: [['flags', 'int']],
  mmap: [['addr', 'int'], ['length', 'int'], ['prot', 'int'], ['flags', 'int'], ['fd', 'fd'], ['offset', 'int']],
  mount: [['source', 'text'], ['target', 'path'], ['filesystemtype', 'text'], ['mountflags', 'int'], ['data', 'text']],
  mount_setattr: [['dirfd', 'fd'], ['pathname', 'path'], ['flags', 'int'], ['attr', 'mount_attr']],
  move_mount: [['from_dirfd', 'fd'], ['from_pathname', 'path'], ['to_dirfd', 'fd'], ['to_pathname', 'path'], ['flags', 'int']],
  mprotect: [['addr', 'int'], ['len', 'int'], ['prot', 'int']],
  mq_open: [['mq', 'text'], ['oflag', 'int'], ['mode', 'int'], ['attr', 'optional']],
  mq_timedreceive: [['mqdes', 'fd'], ['msg', 'out'], ['prio', 'int'], ['abs_timeout', 'timespec']],
  mq_timedsend: [['mqdes', 'fd'], ['msg', 'bytes'], ['prio', 'int'], ['abs_timeout', 'timespec']],
  mq_unlink: [['mq', 'text']],
  mremap: [['old_address', 'int'], ['old_size', 'int'], ['new_size', 'int'], ['flags', 'int'], ['new_address', 'int']],
  msgctl: [['msqid', 'int'], ['op', 'int'], ['buf', 'optional']],
  msgget: [['key', 'int'], ['msgflg', 'int']],
  msgrcv: [['msqid', 'int'], ['msgp', 'outonly'], ['msgsz', 'int'], ['msgtyp', 'int'], ['msgflg', 'int']],
  msgsnd: [['msqid', 'int'], ['msgp', 'in'], ['msgsz', 'int'], ['msgflg', 'int']],
  munlock: [['addr', 'int'], ['len', 'int']],
  munlockall: [],
  munmap: [['addr', 'int'], ['length', 'int']],
  nanosleep: [['req', 'timespec'], ['rem', 'outonly']],
  newfstatat: [['dirfd', 'fd'], ['pathname', 'path'], ['statbuf', 'outonly'], ['flags', 'int']],
  open: [['pathname', 'path'], ['flags', 'int'], ['mode', 'int']],
  open_tree: [['dirfd', 'fd'], ['pathname', 'path'], ['flags', 'int']],
  openat: [['dirfd', 'fd'], ['pathname', 'path'], ['flags', 'int'], ['mode', 'int']],
  openat2: [['dirfd', 'fd'], ['pathname', 'path'], ['how', 'open_how']],
  pause: [],
  personality: [['persona', 'int']],
  pidfd_getfd: [['pidfd', 'fd'], ['targetfd', 'int'], ['flags', 'int']],
  pidfd_open: [['pid', 'int'], ['flags', 'int']],
  pidfd_send_signal: [['pidfd', 'fd'], ['sig', 'int'], ['info', 'int'], ['flags', 'int']],
  pipe: [['pipefd', 'outonly']],
  pipe2: [['pipefd', 'outonly'], ['flags', 'int']],
  pivot_root: [['new_root', 'path'], ['put_old', 'path']],
  poll: [['fds', 'pollfds'], ['timeout', 'int']],
  ppoll: [['fds', 'pollfds'], ['tmo_p', 'timespec'], ['sigmask', 'int'], ['sigsetsize', 'int']],
  prctl: [['option', 'int'], ['arg2', 'int'], ['arg3', 'int'], ['arg4', 'int'], ['arg5', 'int']],
  prctl_get: [['option', 'int'], ['value', 'outonly']],
  prctl_name: [['option', 'int'], ['comm', 'text']],
  pread64: [['fd', 'fd'], ['buf', 'out'], ['offset', 'int']],
  prlimit64: [['pid', 'int'], ['resource', 'int'], ['new_limit', 'rlimit'], ['old_limit', 'int']],
  pselect6: [['nfds', 'int'], ['readfds', 'optional'], ['writefds', 'optional'], ['exceptfds', 'optional'], ['timeout', 'timespec'], ['sigmask', 'int']],
  ptrace: [['request', 'int'], ['pid', 'int'], ['addr', 'int'], ['data', 'int']],
  pwrite64: [['fd', 'fd'], ['buf', 'bytes'], ['offset', 'int']],
  read: [['fd', 'fd'], ['buf', 'out']],
  readlink: [['pathname', 'path'], ['buf', 'out']],
  readlinkat: [['dirfd', 'fd'], ['pathname', 'path'], ['buf', 'out']],
  readv: [['fd', 'fd'], ['iov', 'iovec_out']],
  reboot: [['magic', 'int'], ['magic2', 'int'], ['op', 'int'], ['arg', 'text']],
  recvfrom: [['sockfd', 'fd'], ['buf', 'out'], ['flags', 'int'], ['src_addr', 'int'], ['addrlen', 'int']],
  recvmsg: [['sockfd', 'fd'], ['msg', 'message_room'], ['flags', 'int']],
  removexattr: [['path', 'path'], ['xattr', 'text']],
  rename: [['oldpath', 'path'], ['newpath', 'path']],
  renameat: [['olddirfd', 'fd'], ['oldpath', 'path'], ['newdirfd', 'fd'], ['newpath', 'path']],
  renameat2: [['olddirfd', 'fd'], ['oldpath', 'path'], ['newdirfd', 'fd'], ['newpath', 'path'], ['flags', 'int']],
  rmdir: [['pathname', 'path']],
  rseq: [['rseq', 'int'], ['rseq_len', 'int'], ['flags', 'int'], ['sig', 'int']],
  rt_sigaction: [['signum', 'int'], ['act', 'sigaction'], ['oldact', 'int'], ['sigsetsize', 'int']],
  rt_sigpending: [['set', 'out']],
  rt_sigprocmask: [['how', 'int'], ['set', 'sigset'], ['oldset', 'int'], ['sigsetsize', 'int']],
  rt_sigqueueinfo: [['tgid', 'int'], ['sig', 'int'], ['info', 'inout']],
  rt_sigsuspend: [['mask', 'sigset'], ['sigsetsize', 'int']],
  rt_sigtimedwait: [['set', 'sigset'], ['info', 'outonly'], ['timeout', 'timespec'], ['sigsetsize', 'int']],
  sched_get_priority_max: [['policy', 'int']],
  sched_get_priority_min: [['policy', 'int']],
  sched_getaffinity: [['pid', 'int'], ['cpusetsize', 'int'], ['mask', 'outonly']],
  sched_getparam: [['pid', 'int'], ['param', 'outonly']],
  sched_getscheduler: [['pid', 'int']],
  sched_setaffinity: [['pid', 'int'], ['cpusetsize', 'int'], ['mask', 'inout']],
  sched_setattr: [['pid', 'int'], ['attr', 'inout'], ['flags', 'int']],
  sched_setparam: [['pid', 'int'], ['param', 'inout']],
  sched_setscheduler: [['pid', 'int'], ['policy', 'int'], ['param', 'inout']],
  sched_yield: [],
  seccomp: [['operation', 'int'], ['flags', 'int'], ['args', 'sock_fprog']],
  select: [['nfds', 'int'], ['readfds', 'optional'], ['writefds', 'optional'], ['exceptfds', 'optional'], ['timeout', 'optional']],
  semctl: [['semid', 'int'], ['semnum', 'int'], ['op', 'int'], ['arg', 'int']],
  semctl_buffer: [['semid', 'int'], ['semnum', 'int'], ['op', 'int'], ['arg', 'inout']],
  semget: [['key', 'int'], ['nsems', 'int'], ['semflg', 'int']],
  semop: [['semid', 'int'], ['sops', 'in'], ['nsops', 'int']],
  semtimedop: [['semid', 'int'], ['sops', 'in'], ['nsops', 'int'], ['timeout', 'timespec']],
  sendfile: [['out_fd', 'fd'], ['in_fd', 'fd'], ['offset', 'optional'], ['count', 'int']],
  sendmsg: [['sockfd', 'fd'], ['msg', 'message_out'], ['flags', 'int']],
  sendto: [['sockfd', 'fd'], ['buf', 'bytes'], ['flags', 'int'], ['dest_addr', 'bytes']],
  set_mempolicy: [['mode', 'int'], ['nodemask', 'optional'], ['maxnode', 'int']],
  set_robust_list: [['head', 'int'], ['size', 'int']],
  set_tid_address: [['tidptr', 'int']],
  setdomainname: [['domainname', 'bytes']],
  setfsgid: [['fsgid', 'int']],
  setfsuid: [['fsuid', 'int']],
  setgid: [['gid', 'int']],
  setgroups: [['list', 'gids']],
  sethostname: [['hostname', 'bytes']],
  setitimer: [['which', 'int'], ['new_value', 'inout'], ['old_value', 'int']],
  setns: [['fd', 'fd'], ['nstype', 'int']],
  setpgid: [['pid', 'int'], ['pgid', 'int']],
  setpriority: [['which', 'int'], ['who', 'int'], ['prio', 'int']],
  setregid: [['rgid', 'int'], ['egid', 'int']],
  setresgid: [['rgid', 'int'], ['egid', 'int'], ['sgid', 'int']],
  setresuid: [['ruid', 'int'], ['euid', 'int'], ['suid', 'int']],
  setreuid: [['ruid', 'int'], ['euid', 'int']],
  setrlimit: [['resource', 'int'], ['rlim', 'rlimit']],
  setsid: [],
  setsockopt: [['sockfd', 'fd'], ['level', 'int'], ['optname', 'int'], ['optval', 'bytes']],
  settimeofday: [['tv', 'int'], ['tz', 'int']],
  setuid: [['uid', 'int']],
  setxattr: [['path', 'path'], ['xattr', 'text'], ['value', 'bytes'], ['flags', 'int']],
  shmat: [['shmid', 'int'], ['shmaddr', 'int'], ['shmflg', 'int']],
  shmctl: [['shmid', 'int'], ['op', 'int'], ['buf', 'optional']],
  shmdt: [['shmaddr', 'int']],
  shmget: [['key', 'int'], ['size', 'int'], ['shmflg', 'int']],
  shutdown: [['sockfd', 'fd'], ['how', 'int']],
  sigaltstack: [['ss', 'int'], ['old_ss', 'int']],
  signalfd4: [['fd', 'fd'], ['mask', 'sigset'], ['sizemask', 'int'], ['flags', 'int']],
  socket: [['domain', 'int'], ['type', 'int'], ['protocol', 'int']],
  socketpair: [['domain', 'int'], ['type', 'int'], ['protocol', 'int'], ['sv', 'outonly']],
  stat: [['pathname', 'path'], ['statbuf', 'outonly']],
  statfs: [['path', 'path'], ['buf', 'outonly']],
  statmount: [['req', 'in'], ['buf', 'out'], ['flags', 'int']],
  statx: [['dirfd', 'fd'], ['pathname', 'path'], ['flags', 'int'], ['mask', 'int'], ['statxbuf', 'outonly']],
  swapoff: [['path', 'path']],
  swapon: [['path', 'path'], ['swapflags', 'int']],
  symlink: [['target', 'text'], ['linkpath', 'path']],
  symlinkat: [['target', 'text'], ['newdirfd', 'fd'], ['linkpath', 'path']],
  sync: [],
  syncfs: [['fd', 'fd']],
  sysinfo: [['info', 'outonly']],
  syslog: [['type', 'int'], ['buf', 'int'], ['len', 'int']],
  tgkill: [['tgid', 'int'], ['tid', 'int'], ['sig', 'int']],
  time: [['tloc', 'int']],
  timerfd_create: [['clockid', 'int'], ['flags', 'int']],
  timerfd_gettime: [['fd', 'fd'], ['curr_value', 'outonly']],
  timerfd_settime: [['fd', 'fd'], ['flags', 'int'], ['new_value', 'inout'], ['old_value', 'int']],
  times: [['buf', 'outonly']],
  tkill: [['tid', 'int'], ['sig', 'int']],
  truncate: [['path', 'path'], ['length', 'int']],
  umask: [['mask', 'int']],
  umount2: [['target', 'path'], ['flags', 'int']],
  uname: [['buf', 'outonly']],
  unlink: [['pathname', 'path']],
  unlinkat: [['dirfd', 'fd'], ['pathname', 'path'], ['flags', 'int']],
  unshare: [['flags', 'int']],
  utimensat: [['dirfd', 'fd'], ['pathname', 'path'], ['times', 'optional'], ['flags', 'int']],
  vfork: [],
  wait4: [['pid', 'int'], ['wstatus', 'outonly'], ['options', 'int'], ['rusage', 'int']],
  waitid: [['idtype', 'int'], ['id', 'int'], ['infop', 'outonly'], ['options', 'int'], ['rusage', 'int']],
  write: [['fd', 'fd'], ['buf', 'bytes']],
  writev: [['fd', 'fd'], ['iov', 'iovec_in']],
} as const satisfies Record<string, readonly (readonly [string, Kind])[]>

export type SyscallName = keyof typeof signatures

type Arguments<S extends readonly (readonly [string, Kind])[]> = {
  readonly [P in S[number] as P[0]]: Kinds[P[1]]
}

/** A call by name, for handlers: `SyscallOf<'mount'>`. */
export type SyscallOf<N extends SyscallName> = { readonly name: N } & Arguments<(typeof signatures)[N]>

/** Any call, as data. */
export type Syscall = { [N in SyscallName]: SyscallOf<N> }[SyscallName]
