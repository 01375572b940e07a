// Arguments of system calls as strace(1) writes them: flags by name, strings in quotes, structs in braces.

import { capabilityNames, rlimitNames, signalName } from '../spec/names.ts'
import type { CapSets, CloneArgs, Fd, Kind, Kinds, MountAttr, OpenHow, Rlimit, Syscall } from '../syscall.ts'
import * as C from './constants.ts'

type Names = Readonly<Record<string, number>>

/** Flags by name, the highest value first removed from what is left; what has no name stays a number. */
function flags(value: number, names: Names, prefix: string): string {
  if (value === 0) return '0'
  let rest = BigInt(value)
  const words: string[] = []
  for (const [name, number] of Object.entries(names)) {
    const bits = BigInt(number)
    if (bits !== 0n && (rest & bits) === bits) {
      words.push(prefix + name)
      rest &= ~bits
    }
  }
  if (rest !== 0n) words.push(`0x${rest.toString(16)}`)
  return words.join('|')
}

function nameOf(value: number, names: Names, prefix: string): string {
  const found = Object.entries(names).find(([, number]) => number === value)
  return found === undefined ? String(value) : prefix + found[0]
}

const octal = (value: number) => (value === 0 ? '0' : `0${value.toString(8)}`)

function openFlags(value: number): string {
  const access = value & 3
  const word = access === 1 ? 'O_WRONLY' : access === 2 ? 'O_RDWR' : 'O_RDONLY'
  const { WRONLY: _, RDWR: __, ...others } = C.O
  const rest = flags(value & ~3, others, 'O_')
  if (rest === '0') return word
  return access === 0 && value & C.O.PATH ? rest : `${word}|${rest}`
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function descriptor(fd: Fd): string {
  if (typeof fd === 'object') return `<${fd.from}>`
  return fd === C.AT.FDCWD ? 'AT_FDCWD' : String(fd)
}

function mountAttr(attr: MountAttr): string {
  const parts: string[] = []
  const { _ATIME, ...rest } = C.MOUNT_ATTR
  const names = { ...rest, _ATIME }
  if (attr.attr_set !== undefined) parts.push(`attr_set=${flags(attr.attr_set, names, 'MOUNT_ATTR_')}`)
  if (attr.attr_clr !== undefined) parts.push(`attr_clr=${flags(attr.attr_clr, { _ATIME, ...rest }, 'MOUNT_ATTR_')}`)
  if (attr.propagation !== undefined) parts.push(`propagation=${flags(attr.propagation, C.MS, 'MS_')}`)
  if (attr.userns_fd !== undefined) parts.push(`userns_fd=${descriptor(attr.userns_fd)}`)
  return `{${parts.join(', ')}}`
}

function cloneArgs(args: CloneArgs): string {
  const parts = [`flags=${flags(args.flags, C.CLONE, 'CLONE_')}`, `exit_signal=${signalName(args.exit_signal ?? 17)}`]
  if (args.cgroup !== undefined) parts.push(`cgroup=${descriptor(args.cgroup)}`)
  return `{${parts.join(', ')}}`
}

function capabilities(set: bigint): string {
  const names: string[] = capabilityNames.filter((_, number) => (set >> BigInt(number)) % 2n === 1n)
  const unknown = set >> BigInt(capabilityNames.length)
  if (unknown !== 0n) names.push(`1<<${capabilityNames.length}...`)
  if (names.length === 0) return '0'
  return names.length > capabilityNames.length / 2 ? `0x${set.toString(16)}` : names.join('|')
}

function limit(value: bigint): string {
  return value === 2n ** 64n - 1n ? 'RLIM_INFINITY' : String(value)
}

/** Arguments whose number has a name of its own, by call and argument. */
const numbers: Readonly<Record<string, (value: number, call: Syscall) => string>> = {
  'openat flags': openFlags,
  'openat mode': octal,
  'mkdirat mode': octal,
  'fchmod mode': octal,
  'fchmodat mode': octal,
  'mknodat mode': (value) => `${nameOf(value & 0o170000, C.S_IF, 'S_IF')}|${octal(value & 0o7777)}`,
  'mknodat dev': (value) => `makedev(${(value >> 8) & 0xfff}, ${(value & 0xff) | ((value >>> 12) & 0xfff00)})`,
  'umask mask': octal,
  'mount mountflags': (value) => flags(value, C.MS, 'MS_'),
  'umount2 flags': (value) => flags(value, { MNT_DETACH: C.MNT_DETACH }, ''),
  'open_tree flags': (value) =>
    flags(value, { OPEN_TREE_CLONE: 1, OPEN_TREE_CLOEXEC: C.OPEN_TREE.CLOEXEC, ...prefixed(C.AT) }, ''),
  'move_mount flags': (value) => flags(value, C.MOVE_MOUNT, 'MOVE_MOUNT_'),
  'mount_setattr flags': (value) => flags(value, prefixed(C.AT), ''),
  'fchownat flags': (value) => flags(value, prefixed(C.AT), ''),
  'fsopen flags': (value) => flags(value, { FSOPEN_CLOEXEC: 1 }, ''),
  'fsmount flags': (value) => flags(value, { FSMOUNT_CLOEXEC: 1 }, ''),
  'fsmount attr_flags': (value) => flags(value, C.MOUNT_ATTR, 'MOUNT_ATTR_'),
  'fsconfig cmd': (value) => nameOf(value, C.FSCONFIG, 'FSCONFIG_'),
  'setns nstype': (value) => flags(value, C.CLONE, 'CLONE_'),
  'unshare flags': (value) => flags(value, C.CLONE, 'CLONE_'),
  'prctl option': (value) => nameOf(value, C.PR, 'PR_'),
  'prctl arg2': (value, call) => prctlArgument(value, call, 2),
  'prctl arg3': (value, call) => prctlArgument(value, call, 3),
  'keyctl operation': (value) => nameOf(value, { KEYCTL_JOIN_SESSION_KEYRING: C.KEYCTL_JOIN_SESSION_KEYRING }, ''),
  'seccomp operation': (value) => nameOf(value, { SECCOMP_SET_MODE_FILTER: C.SECCOMP_SET_MODE_FILTER }, ''),
  'rt_sigaction signum': (value) => signalName(value),
  'rt_sigprocmask how': (value) => nameOf(value, { SIG_SETMASK: C.SIG_SETMASK }, ''),
  'prlimit64 resource': (value) => rlimitNames[value] ?? String(value),
  'close_range last': (value) => (value === 0xffffffff ? '~0U' : String(value)),
  'close_range flags': (value) => flags(value, { CLOSE_RANGE_CLOEXEC: C.CLOSE_RANGE_CLOEXEC }, ''),
  'dup3 flags': (value) => flags(value, { O_CLOEXEC: C.O.CLOEXEC }, ''),
  'fcntl cmd': (value) => nameOf(value, { F_SETFD: C.F_SETFD }, ''),
  'socket domain': (value) => nameOf(value, { AF_INET: C.AF_INET }, ''),
  'socket type': (value) => flags(value, C.SOCK, 'SOCK_'),
  'ioctl request': (value) => nameOf(value, C.IOCTL, ''),
  'ioctl_int request': (value) => nameOf(value, C.IOCTL, ''),
  'ioctl_int arg': (value, call) =>
    call.name === 'ioctl_int' && call.request === C.IOCTL.TIOCGPTPEER ? openFlags(value) : String(value),
}

/** Arguments that a call always has and nobody learns from: left out of the text. */
const silent = new Set([
  'prctl arg4',
  'prctl arg5',
  'keyctl arg3',
  'keyctl arg4',
  'keyctl arg5',
  'rt_sigaction oldact',
  'rt_sigaction sigsetsize',
  'rt_sigprocmask oldset',
  'rt_sigprocmask sigsetsize',
  'prlimit64 old_limit',
])

function prefixed(names: Names): Names {
  return Object.fromEntries(Object.entries(names).map(([name, value]) => [`AT_${name}`, Math.max(value, 0)]))
}

function prctlArgument(value: number, call: Syscall, position: 2 | 3): string {
  if (call.name !== 'prctl') return String(value)
  const { option, arg2 } = call
  if (option === C.PR.CAP_AMBIENT) {
    if (position === 2) return nameOf(value, C.PR_CAP_AMBIENT, 'PR_CAP_AMBIENT_')
    return arg2 === C.PR_CAP_AMBIENT.RAISE ? (capabilityNames[value] ?? String(value)) : ''
  }
  if (position === 3) return ''
  if (option === C.PR.SET_SECUREBITS) return nameOf(value, { SECBIT_NO_SETUID_FIXUP: C.SECBIT_NO_SETUID_FIXUP }, '')
  return option === C.PR.CAPBSET_DROP ? (capabilityNames[value] ?? String(value)) : String(value)
}

/** One argument as text; undefined when strace would leave it out or nobody would miss it. */
export function printArgument(call: Syscall, name: string, kind: Kind, value: unknown): string | undefined {
  const where = `${call.name} ${name}`
  if (silent.has(where)) return undefined
  if (where === 'openat mode' && call.name === 'openat' && !(Number(call.flags) & C.O.CREAT)) return undefined
  switch (kind) {
    case 'fd':
      return descriptor(value as Fd)
    case 'int':
      if (typeof value === 'object') return descriptor(value as Fd)
      return (numbers[where]?.(Number(value), call) ?? String(value)) || undefined
    case 'path':
    case 'text':
      return value === null ? 'NULL' : quoted(value as string)
    case 'strings': {
      const list = value as readonly string[]
      if (name === 'envp') return `/* ${list.length} ${list.length === 1 ? 'variable' : 'variables'} */`
      return `[${list.map(quoted).join(', ')}]`
    }
    case 'bytes':
      return typeof value === 'string' ? quoted(value) : `/* ${(value as Uint8Array).length} bytes */`
    case 'in':
    case 'inout':
    case 'optional':
      return value === null ? 'NULL' : `/* ${(value as Uint8Array).length} bytes */`
    case 'out':
    case 'outonly':
    case 'ids':
    case 'iovec_out':
      return `${value}`
    case 'iovec_in': {
      const lengths = (value as Kinds['iovec_in']).map(({ length }) => `{iov_len=${length}}`)
      return `[${lengths.join(', ')}]`
    }
    case 'open_how': {
      const how = value as OpenHow
      const mode = how.mode === undefined ? '' : `, mode=${octal(how.mode)}`
      const resolve = how.resolve === undefined ? '' : `, resolve=${flags(how.resolve, C.RESOLVE, 'RESOLVE_')}`
      return `{flags=${openFlags(how.flags)}${mode}${resolve}}`
    }
    case 'mount_attr':
      return mountAttr(value as MountAttr)
    case 'clone_args':
      return cloneArgs(value as CloneArgs)
    case 'capsets': {
      const sets = value as CapSets
      const parts = (['effective', 'permitted', 'inheritable'] as const).map(
        (set) => `${set}=${capabilities(sets[set])}`,
      )
      return `{${parts.join(', ')}}`
    }
    case 'sock_fprog':
      return `{len=${(value as Uint8Array).length / 8}}`
    case 'sigset':
      return value === 0n ? '[]' : `0x${(value as bigint).toString(16)}`
    case 'sigaction':
      return value === null ? 'NULL' : (['SIG_DFL', 'SIG_IGN'][(value as { handler: number }).handler] ?? 'handler')
    case 'rlimit': {
      const { soft, hard } = value as Rlimit
      return `{rlim_cur=${limit(soft)}, rlim_max=${limit(hard)}}`
    }
    case 'gids':
      return `[${(value as readonly number[]).join(', ')}]`
    case 'pollfds':
    case 'message_out':
    case 'message_room':
    case 'bpf_attr':
      return '{...}'
    case 'timespec':
      return value === null ? 'NULL' : `${value}ns`
  }
}
