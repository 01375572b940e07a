// What a call that succeeded does to the numbers of a scenario: new descriptors and processes are bound, closed ones forgotten.

import type { Syscall } from '../../core/syscall.ts'
import { families } from './constants.ts'
import { Bindings, type Names } from './names.ts'
import { numberIn } from './number.ts'
import type { Expected } from './scenario.ts'
import type { Value } from './value.ts'

const { CLONE_FILES, CLONE_NEWPID } = families.clone.names as { CLONE_FILES: number; CLONE_NEWPID: number }

/** Calls whose result is a descriptor. */
const givesFd = new Set([
  ...['open', 'openat', 'openat2', 'creat', 'dup', 'dup2', 'dup3', 'socket', 'accept', 'accept4', 'pidfd_open'],
  ...[
    'pidfd_getfd',
    'fsopen',
    'fspick',
    'fsmount',
    'open_tree',
    'eventfd',
    'eventfd2',
    'epoll_create',
    'epoll_create1',
  ],
  ...['inotify_init', 'inotify_init1', 'memfd_create', 'signalfd4', 'timerfd_create'],
])
/** Calls whose result is a process, thread, group or session. */
const givesPid = new Set([
  ...['clone', 'clone3', 'fork', 'vfork', 'wait4', 'getpid', 'gettid', 'getppid', 'setsid', 'getsid', 'getpgid'],
  ...['getpgrp', 'set_tid_address'],
])
const givesAddress = new Set(['mmap', 'mremap', 'brk', 'shmat'])
export const makesTask = new Set(['clone', 'clone3', 'fork', 'vfork'])

/** Calls that this file does not play, whose result is a descriptor. */
const othersGiveFd =
  /^(bpf|io_uring_setup|perf_event_open|userfaultfd|landlock_create_ruleset|fanotify_init|memfd_secret|open_by_handle_at|open_tree_attr)$/

/** Whether the result of a call of this name is a descriptor when it succeeds. */
export const givesDescriptor = (name: string): boolean => givesFd.has(name) || othersGiveFd.test(name)

export type ResultKind = 'fd' | 'pid' | 'address' | 'number'

/** What the result of a call stands for. */
export function resultKind(call: Syscall): ResultKind {
  const name: string = call.name
  if (givesFd.has(name)) return 'fd'
  if (givesPid.has(name)) return 'pid'
  if (givesAddress.has(name)) return 'address'
  if (call.name === 'fcntl') return [0, 1030].includes(Number(call.cmd)) ? 'fd' : 'number'
  if (call.name === 'ioctl_int') return [0xb701, 0xb702, 0x5441].includes(Number(call.request)) ? 'fd' : 'number'
  return 'number'
}

const flagsOf = (call: Syscall): number => {
  const { flags, cl_args } = call as { flags?: number; cl_args?: { flags: number } }
  return Number(cl_args?.flags ?? flags ?? 0)
}

const has = (flags: number, flag: number): boolean => (BigInt(flags) & BigInt(flag)) !== 0n

/** The names of a new task. */
export function childNames(names: Names, call: Syscall): Names {
  const flags = makesTask.has(call.name) ? flagsOf(call) : 0
  const pids = has(flags, CLONE_NEWPID) ? new Bindings(true) : names.childPids
  return { ...names, files: has(flags, CLONE_FILES) ? names.files : names.files.copy(), pids, childPids: pids }
}

/**
 * Notes what a call has done to its task's numbers.
 *
 * @param args - as they were written, whose numbers are the scenario's
 * @param result - written and actual value
 * @param pidsOf - the pid namespace of another task, by its number
 */
export function note(
  names: Names,
  call: Syscall,
  args: readonly Value[],
  result: { readonly written: bigint; readonly actual: bigint },
  pidsOf: (task: number) => Bindings | undefined,
): void {
  const { files } = names
  if (resultKind(call) === 'fd') {
    files.numbers.bind(result.written, result.actual)
    const source = 'oldfd' in call ? files.paths.get(numberIn(args[0] ?? { kind: 'anything' }) ?? -1n) : pathIn(call)
    if (source === undefined) files.paths.delete(result.written)
    else files.paths.set(result.written, source)
  }
  if (resultKind(call) === 'address') names.addresses.bind(result.written, result.actual)
  const first = numberIn(args[0] ?? { kind: 'anything' })
  switch (call.name as string) {
    case 'close':
      if (first !== undefined) files.numbers.forget(first)
      return
    case 'execve':
    case 'execveat':
      names.files = files.copy()
      return
    case 'unshare':
      if (has(flagsOf(call), CLONE_FILES)) names.files = files.copy()
      if (has(flagsOf(call), CLONE_NEWPID)) names.childPids = new Bindings(true)
      return
    case 'setns':
      entered(names, call, first, pidsOf)
  }
}

/** setns(2): by the path of the descriptor, when it was opened by one. */
function entered(
  names: Names,
  call: Syscall,
  fd: bigint | undefined,
  pidsOf: (task: number) => Bindings | undefined,
): void {
  const path = fd === undefined ? undefined : names.files.paths.get(fd)
  const kind = Number('nstype' in call ? call.nstype : 0)
  const isPid = path === undefined ? has(kind, CLONE_NEWPID) : /\/ns\/pid(_for_children)?$/.test(path)
  if (!isPid) return
  const task = /^\/proc\/(\d+)\//.exec(path ?? '')?.[1]
  names.childPids = (task === undefined ? undefined : pidsOf(Number(task))) ?? new Bindings(true)
}

const pathIn = (call: Syscall): string | undefined => {
  const { pathname, path } = call as { pathname?: string | null; path?: string | null }
  return pathname ?? path ?? undefined
}

/** Both ends of a pipe, or of a pair of sockets. */
export function notePair(names: Names, written: Value, actual: Value): void {
  if (written.kind !== 'list' || actual.kind !== 'list') return
  for (const [index, item] of written.items.entries()) {
    const [wanted, got] = [numberIn(item), numberIn(actual.items[index] ?? { kind: 'anything' })]
    if (wanted === undefined || got === undefined) continue
    names.files.numbers.bind(wanted, got)
    names.files.paths.delete(wanted)
  }
}

/** CLONE_PIDFD: `{...} => {pidfd=[5]}` of clone3(2), `parent_tid=[5]` of clone(2). */
export function notePidfd(names: Names, call: Syscall, args: readonly Value[], data: Uint8Array | undefined): void {
  if (!makesTask.has(call.name) || !has(flagsOf(call), families.clone.names.CLONE_PIDFD!) || !data || data.length < 4)
    return
  const [first] = args
  const after = first?.kind === 'change' && first.after.kind === 'struct' ? first.after.fields : args
  const found = after.find((item) => 'name' in item && /^(pidfd|parent_tid)$/.test(item.name)) as
    | { readonly value: Value }
    | undefined
  const written = numberIn(found?.value ?? { kind: 'anything' })
  if (written === undefined) return
  names.files.numbers.bind(written, BigInt(new DataView(data.buffer, data.byteOffset).getInt32(0, true)))
  names.files.paths.delete(written)
}

const stopSignals = [19, 20, 21, 22]

/** Whether a call that does not come back may have stopped its own caller: kill(2) and its kin with SIGSTOP. */
export const stopsItself = (call: Syscall): boolean =>
  (call.name === 'kill' || call.name === 'tgkill' || call.name === 'tkill') && stopSignals.includes(Number(call.sig))

/** A wait for any child, in a log: which of several ended first was chance, and is what the log says. */
export function waitsFor(call: Syscall, expected: Expected, { pids }: Names): Syscall {
  if (call.name !== 'wait4' || Number(call.pid) !== -1 || expected.kind !== 'value' || expected.value <= 0n) return call
  const child = pids.actual(expected.value)
  return child === undefined ? call : { ...call, pid: Number(child) }
}
