// Calls that stand for others: older spellings, and names that strace gives to one call with several shapes.

import { numberIn } from './number.ts'
import type { Value } from './value.ts'

interface Spelled {
  readonly name: string
  readonly args: readonly Value[]
}

const name = (text: string): Value => ({ kind: 'name', name: text })
const number = (value: number | bigint): Value => ({ kind: 'number', number: BigInt(value) })
const here = name('AT_FDCWD')
const zero = number(0)

type Respell = (args: readonly Value[]) => Spelled
const to =
  (target: string, arrange: (args: readonly Value[]) => readonly Value[]): Respell =>
  (args) => ({ name: target, args: arrange(args) })

/** Where the call on the left has no entry of its own, the one on the right does the same. */
const respelled: Readonly<Record<string, Respell>> = {
  open: to('openat', (args) => [here, ...args]),
  creat: to('openat', ([path, mode]) => [here, path!, number(0o1101), mode!]),
  mkdir: to('mkdirat', (args) => [here, ...args]),
  rmdir: to('unlinkat', ([path]) => [here, path!, name('AT_REMOVEDIR')]),
  unlink: to('unlinkat', ([path]) => [here, path!, zero]),
  rename: to('renameat2', ([from, into]) => [here, from!, here, into!, zero]),
  renameat: to('renameat2', (args) => [...args, zero]),
  link: to('linkat', ([from, into]) => [here, from!, here, into!, zero]),
  symlink: to('symlinkat', ([target, path]) => [target!, here, path!]),
  readlink: to('readlinkat', (args) => [here, ...args]),
  chmod: to('fchmodat', (args) => [here, ...args]),
  chown: to('fchownat', (args) => [here, ...args, zero]),
  lchown: to('fchownat', (args) => [here, ...args, name('AT_SYMLINK_NOFOLLOW')]),
  mknod: to('mknodat', (args) => [here, ...args]),
  access: to('faccessat2', (args) => [here, ...args, zero]),
  faccessat: to('faccessat2', (args) => [...args, zero]),
  dup: to('fcntl', ([fd]) => [fd!, name('F_DUPFD'), zero]),
  dup2: to('dup3', (args) => [...args, zero]),
  pipe: to('pipe2', (args) => [...args, zero]),
  umount: to('umount2', ([path]) => [path!, zero]),
  waitpid: to('wait4', (args) => [...args, zero]),
  eventfd: to('eventfd2', (args) => [...args, zero]),
  epoll_create: to('epoll_create1', () => [zero]),
  inotify_init: to('inotify_init1', () => [zero]),
  signalfd: to('signalfd4', (args) => [...args, zero]),
  accept: to('accept4', (args) => [...args, zero]),
  getpgrp: to('getpgid', () => [zero]),
  exit: to('exit_group', (args) => args),
  pread: to('pread64', (args) => args),
  pwrite: to('pwrite64', (args) => args),
  send: to('sendto', (args) => args),
  recv: to('recvfrom', (args) => args),
  getrlimit: to('prlimit64', ([resource, limit]) => [zero, resource!, zero, limit!]),
  setrlimit: to('prlimit64', ([resource, limit]) => [zero, resource!, limit!, zero]),
  fork: to('clone3', () => [cloneArgs(0n, 17n), number(88)]),
  vfork: to('clone3', () => [cloneArgs(0x4100n, 17n), number(88)]),
  clone: to('clone3', (args) => {
    // The lowest byte is the signal at the end.
    const flags = numberIn(named(args, 'flags') ?? args[0] ?? zero) ?? 0n
    return [cloneArgs(flags & ~0xffn, flags & 0xffn), number(88)]
  }),
}

const cloneArgs = (flags: bigint, exitSignal: bigint): Value => ({
  kind: 'struct',
  open: false,
  fields: [
    { name: 'flags', value: number(flags) },
    { name: 'exit_signal', value: number(exitSignal) },
  ],
})

function named(args: readonly Value[], wanted: string): Value | undefined {
  const found = args.find((arg) => arg.kind === 'named' && arg.name === wanted)
  return found?.kind === 'named' ? found.value : undefined
}

function asMessage([fd, buffer, length, flags, address, size]: readonly Value[]): readonly Value[] {
  const vector: Value = struct({ iov_base: buffer!, iov_len: length! })
  const room = size?.kind === 'list' ? size.items[0]! : number(128)
  const message = struct({ msg_name: address!, msg_namelen: room, msg_iov: list(vector) }, true)
  return [fd!, message, flags!]
}

const list = (...items: readonly Value[]): Value => ({ kind: 'list', items, others: false, open: false })
const struct = (fields: Readonly<Record<string, Value>>, open = false): Value => ({
  kind: 'struct',
  fields: Object.entries(fields).map(([field, value]) => ({ name: field, value })),
  open,
})

/** Options of prctl(2) that fill what their argument points to: PR_GET_PDEATHSIG, PR_GET_NAME, PR_GET_CHILD_SUBREAPER. */
const getting = new Set([2n, 16n, 37n])

/** Calls whose shape depends on their arguments: the table's name for it, with its arguments. */
function shaped(call: string, args: readonly Value[]): Spelled {
  if (call === 'prctl') {
    const [option, value] = [numberIn(args[0] ?? zero), args[1]]
    if (getting.has(option ?? -1n) && value !== undefined && numberIn(value) !== 0n) return { name: 'prctl_get', args }
    if (getting.has(option ?? -1n) && value?.kind === 'list') return { name: 'prctl_get', args }
    if (value?.kind === 'string') return { name: 'prctl_name', args }
    // PR_SET_SECCOMP with SECCOMP_MODE_FILTER
    if (option === 22n && numberIn(value ?? zero) === 2n) return { name: 'seccomp', args: [number(1), zero, args[2]!] }
  }
  if (call === 'ioctl' && (args[2] === undefined || ['number', 'name', 'join'].includes(args[2].kind)))
    return { name: 'ioctl_int', args }
  // With the address of the sender, which recvfrom(2) has no room for as data.
  if (call === 'recvfrom' && args[4]?.kind === 'struct') return { name: 'recvmsg', args: asMessage(args) }
  // Without the second address where the operation has none: FUTEX_WAIT_BITSET.
  if (call === 'futex' && args.length === 5 && ((numberIn(args[1]!) ?? 0n) & 0x7fn) === 9n)
    return { name: call, args: [...args.slice(0, 4), zero, args[4]!] }
  // strace writes clone(2) with names; the order of the registers is that of the table.
  if (call === 'clone' && named(args, 'flags') !== undefined) {
    const value = (word: string) => named(args, word) ?? zero
    const tls = named(args, 'tls') ?? zero
    return { name: call, args: [value('flags'), zero, value('parent_tid'), value('child_tidptr'), tls] }
  }
  return { name: call, args }
}

/**
 * A call as the table knows it.
 *
 * @param known - whether the table has a call of this name
 * @returns undefined when there is none
 */
export function modern(call: string, args: readonly Value[], known: (name: string) => boolean): Spelled | undefined {
  const own = shaped(call, args)
  if (known(own.name)) return own
  const other = Object.hasOwn(respelled, call) ? respelled[call]!(args) : undefined
  return other && known(other.name) ? other : undefined
}
