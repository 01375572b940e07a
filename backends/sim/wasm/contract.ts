// The contract of guests: which system calls they may make, in which interface of the WIT world each stands, and the text of that
// world. It follows from the one table of calls.

import { type Kind, type SyscallName, signatures } from '../../../core/syscall.ts'
import { records, words } from './words.ts'

export const packageName = 'vitrine:kernel'
export const packageVersion = '0.1.0'

/** By interface: the calls in it. What is in none, no guest can make: those are about memory that guests do not have. */
export const interfaces = {
  process: [
    ...['fork', 'clone3', 'execve', 'execveat', 'exit_group', 'wait4', 'waitid', 'getpid', 'getppid', 'gettid'],
    ...['getpgid', 'getpgrp', 'setpgid', 'getsid', 'setsid', 'prctl', 'prctl_name', 'getpriority', 'setpriority'],
    ...['getrlimit', 'setrlimit', 'prlimit64', 'getrusage', 'times', 'sched_yield', 'sched_getaffinity'],
    ...['sched_setaffinity', 'pidfd_open', 'pidfd_getfd', 'pidfd_send_signal', 'personality', 'seccomp', 'sysinfo'],
    ...['uname', 'sethostname', 'setdomainname', 'getrandom', 'reboot'],
  ],
  signals: [
    ...['kill', 'tkill', 'tgkill', 'rt_sigaction', 'rt_sigprocmask', 'rt_sigpending', 'rt_sigsuspend'],
    ...['rt_sigtimedwait', 'rt_sigqueueinfo', 'pause', 'alarm', 'getitimer', 'setitimer', 'signalfd4'],
  ],
  credentials: [
    ...['getuid', 'geteuid', 'getgid', 'getegid', 'getresuid', 'getresgid', 'getgroups', 'setuid', 'setgid'],
    ...['setreuid', 'setregid', 'setresuid', 'setresgid', 'setgroups', 'setfsuid', 'setfsgid', 'capget', 'capset'],
    'umask',
  ],
  files: [
    ...['openat', 'openat2', 'close', 'close_range', 'read', 'write', 'readv', 'writev', 'pread64', 'pwrite64'],
    ...['lseek', 'dup', 'dup2', 'dup3', 'pipe2', 'fcntl', 'flock', 'ioctl', 'ioctl_int', 'fsync', 'fdatasync', 'sync'],
    ...['syncfs', 'truncate', 'ftruncate', 'fallocate', 'fadvise64', 'copy_file_range', 'sendfile', 'memfd_create'],
    ...['fstat', 'newfstatat', 'statx', 'statfs', 'fstatfs', 'faccessat2', 'getdents64', 'getcwd', 'chdir', 'fchdir'],
    ...['chroot', 'mkdirat', 'mknodat', 'unlinkat', 'linkat', 'symlinkat', 'readlinkat', 'renameat2', 'fchmod'],
    ...['fchmodat2', 'fchown', 'fchownat', 'utimensat', 'getxattr', 'lgetxattr', 'fgetxattr', 'setxattr'],
    ...['lsetxattr', 'fsetxattr', 'listxattr', 'llistxattr', 'flistxattr', 'removexattr', 'lremovexattr'],
    'fremovexattr',
  ],
  namespaces: [
    ...['unshare', 'setns', 'mount', 'umount2', 'pivot_root', 'mount_setattr', 'open_tree', 'move_mount', 'fsopen'],
    ...['fsconfig', 'fsmount', 'fspick', 'statmount', 'listmount'],
  ],
  events: [
    ...['poll', 'ppoll', 'pselect6', 'epoll_create1', 'epoll_ctl', 'epoll_pwait', 'eventfd2', 'inotify_init1'],
    ...['inotify_add_watch', 'inotify_rm_watch', 'timerfd_create', 'timerfd_settime', 'timerfd_gettime'],
  ],
  network: [
    ...['socket', 'socketpair', 'bind', 'listen', 'accept4', 'connect', 'getsockname', 'getpeername', 'sendto'],
    ...['recvfrom', 'getsockopt', 'setsockopt', 'shutdown'],
  ],
  time: ['clock_gettime', 'clock_getres', 'clock_nanosleep', 'nanosleep', 'gettimeofday', 'time'],
  ipc: [
    ...['msgget', 'msgsnd', 'msgrcv', 'msgctl', 'semget', 'semop', 'semtimedop', 'semctl', 'semctl_buffer'],
    ...['mq_open', 'mq_timedsend', 'mq_timedreceive', 'mq_unlink'],
  ],
} as const satisfies Readonly<Record<string, readonly SyscallName[]>>

export type InterfaceName = keyof typeof interfaces

/** One call of the contract. */
export interface GuestCall {
  readonly name: SyscallName
  readonly interface: InterfaceName
  readonly parameters: readonly (readonly [string, Kind])[]
  /** The answer has bytes beside its number. */
  readonly answers: boolean
}

export const guestCalls: readonly GuestCall[] = Object.entries(interfaces).flatMap(([interfaceName, names]) =>
  names.map((name: SyscallName) => ({
    name,
    interface: interfaceName as InterfaceName,
    parameters: signatures[name] as readonly (readonly [string, Kind])[],
    answers: signatures[name].some(([, kind]) => words[kind]?.answers),
  })),
)

/** A name as WIT spells it. */
export const witName = (name: string): string => name.toLowerCase().replaceAll('_', '-')

/** What execve(2) gave it, each string ending in a zero byte. */
const programText = `interface program {
  argv: func() -> list<u8>;
  envp: func() -> list<u8>;
}`

/** The whole world, as text. */
export function contractText(): string {
  const lines = [`package ${packageName}@${packageVersion};`, '', `interface types {${records}}`, '', programText]
  for (const interfaceName of Object.keys(interfaces)) {
    const calls = guestCalls.filter((call) => call.interface === interfaceName)
    const used = ['open-how', 'mount-attr', 'clone-args', 'capability-sets', 'sigaction', 'rlimit', 'poll-fd'].filter(
      (record) => calls.some(({ parameters }) => parameters.some(([, kind]) => words[kind]?.wit.includes(record))),
    )
    if (calls.some(({ answers }) => answers)) used.push('answer')
    lines.push('', `interface ${interfaceName} {`)
    if (used.length > 0) lines.push(`  use types.{${used.join(', ')}};`)
    for (const call of calls) lines.push(`  ${functionText(call)}`)
    lines.push('}')
  }
  lines.push('', 'world guest {', '  import program;')
  for (const interfaceName of Object.keys(interfaces)) lines.push(`  import ${interfaceName};`)
  lines.push('  export start: func() -> s32;')
  lines.push('  export deliver: func(signal: s32);', '}', '')
  return lines.join('\n')
}

function functionText({ name, parameters, answers }: GuestCall): string {
  const typed = parameters.flatMap(([parameter, kind]) => {
    const word = words[kind]
    if (!word) throw new Error(`${name} has an argument of kind ${kind}, which guests do not pass`)
    return word.wit === '' ? [] : [`%${witName(parameter)}: ${word.wit}`]
  })
  return `%${witName(name)}: func(${typed.join(', ')}) -> result<${answers ? 'answer' : 's64'}, u16>;`
}
