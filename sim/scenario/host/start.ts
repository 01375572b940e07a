// The first task of a log as it was when the log began: who it was, where it stood, what its first descriptors were, and
// which processes were above it.

import type { Syscall } from '../../../core/syscall.ts'
import { commitCredentials } from '../../commit-credentials.ts'
import { allCapabilities } from '../../credentials.ts'
import type { KGid, KUid } from '../../ids.ts'
import type { Kernel } from '../../kernel.ts'
import type { Outcome } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import { capabilitySet, nameOfBytes, numberIn } from '../number.ts'
import type { CallLine, Line } from '../scenario.ts'
import type { Value } from '../value.ts'
import type { HostFiles } from './files.ts'
import { statTells } from './told.ts'

const AT_FDCWD = -100
const far = 4000

/** Who made a log, where it does not say: what is tried in turn. */
export interface Assumption {
  readonly uid: number
}

/** Lines of the first task, in order. */
function firstTask(lines: readonly Line[]): CallLine[] {
  const first = lines.find((line) => line.kind === 'call' || line.kind === 'begin')
  const found: CallLine[] = []
  for (const line of lines) {
    if (found.length > far) break
    if (line.kind === 'call' && first && 'task' in first && line.task === first.task) found.push(line)
  }
  return found
}

const resultOf = (line: CallLine | undefined): number | undefined =>
  line?.expected.kind === 'value' ? Number(line.expected.value) : undefined

const changesIds = /^(set(re|res|fs)?[ug]id|setgroups|capset|unshare|setns)$/

/** Whether the lines say whose they are. */
export function saysWho(lines: readonly Line[]): boolean {
  return ids(firstTask(lines)).uid !== undefined
}

function ids(lines: readonly CallLine[]): {
  uid?: number
  gid?: number
  groups?: readonly number[]
  bounding?: bigint
} {
  const end = lines.findIndex(({ name }) => changesIds.test(name))
  const early = end < 0 ? lines : lines.slice(0, end)
  const result = (...names: readonly string[]) => resultOf(early.find(({ name }) => names.includes(name)))
  const three = (name: string): number | undefined => {
    const list = early.find((line) => line.name === name)?.args[0]
    const number = list && numberIn(list)
    return number === undefined ? undefined : Number(number)
  }
  const list = early.find(
    (line) => line.name === 'getgroups' && (resultOf(line) ?? 0) > 0 && line.args[1]?.kind === 'list',
  )
  const items = list?.args[1]
  const groups = items?.kind === 'list' ? items.items.map((item) => Number(numberIn(item) ?? 0n)) : undefined
  const uid = result('geteuid', 'getuid') ?? three('getresuid')
  const gid = result('getegid', 'getgid') ?? three('getresgid')
  const dropped = early.filter(
    (line) => line.name === 'prctl' && numberIn(line.args[0] ?? nothing) === 23n && resultOf(line) === 0,
  )
  const bounding = dropped.reduce(
    (set, line) => set & ~(1n << (numberIn(line.args[1] ?? nothing) ?? 63n)),
    allCapabilities,
  )
  return {
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(groups && { groups }),
    ...(dropped.length > 0 && { bounding }),
  }
}

const nothing: Value = { kind: 'anything' }

/** Makes the first task, two generations below process 1: a session and the program that started it stand between. */
export function firstOf(kernel: Kernel, lines: readonly Line[]): Task {
  const own = firstTask(lines)
  const result = (name: string, pid?: bigint) =>
    resultOf(own.find((line) => line.name === name && (pid === undefined || numberIn(line.args[0] ?? nothing) === pid)))
  const fork = (parent: Task): Task => {
    kernel.call(parent, { name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } })
    return kernel.lastBorn ?? parent
  }
  const session = fork(kernel.init)
  kernel.call(session, { name: 'setsid' })
  const starter = fork(session)
  const [parent, group, leader] = [result('getppid'), result('getpgrp') ?? result('getpgid', 0n), result('getsid', 0n)]
  const top = parent !== undefined && parent === leader ? session : starter
  if (group !== undefined && group === parent && top === starter)
    kernel.call(starter, { name: 'setpgid', pid: 0, pgid: 0 })
  const task = fork(top)
  const self = lines.find((line) => 'task' in line && line.task !== undefined)
  if (group !== undefined && self && 'task' in self && group === self.task)
    kernel.call(task, { name: 'setpgid', pid: 0, pgid: 0 })
  kernel.call(task, { name: 'rt_sigaction', signum: 17, act: { handler: 0 }, oldact: 0, sigsetsize: 8 })
  return task
}

/** Puts the first task where the log finds it. */
export function settle(task: Task, lines: readonly Line[], files: HostFiles, assumed: Assumption): void {
  const own = firstTask(lines)
  mergeUsr(task, lines, files)
  for (const fd of [0, 1, 2, ...inherited(lines)]) descriptor(task, fd, lines)
  const all = lines.filter((line): line is CallLine => line.kind === 'call')
  const moved = all.findIndex(
    ({ name, expected }) => /^(chdir|fchdir|chroot|pivot_root|setns)$/.test(name) && expected.kind === 'value',
  )
  const still = moved < 0 ? all : all.slice(0, moved)
  const told = still.find((line) => line.name === 'getcwd' && resultOf(line) !== undefined)?.args[0]
  const seen = still.flatMap(({ text }) => /AT_FDCWD<(\/[^>]*)>/.exec(text)?.[1] ?? [])[0]
  const directory = told?.kind === 'string' && !told.cut ? nameOfBytes(told.bytes) : seen
  if (directory !== undefined) {
    files.ensure(task, AT_FDCWD, directory, true, { kind: 'directory' })
    task.kernel.call(task, { name: 'chdir', path: directory })
  }
  become(task, own, lines, assumed)
}

/** Most machines have /bin, /sbin and /lib below /usr; a log may say otherwise. */
function mergeUsr(task: Task, lines: readonly Line[], files: HostFiles): void {
  for (const name of ['bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32']) {
    const path = `/${name}`
    const apart = lines.some(
      (line) =>
        line.kind === 'call' &&
        line.args.some((arg) => arg.kind === 'string' && nameOfBytes(arg.bytes) === path) &&
        (line.expected.kind === 'errno'
          ? /^(ENOENT|EINVAL)$/.test(line.expected.errno)
          : /^mkdir/.test(line.name) || (/^lstat|NOFOLLOW/.test(line.text) && line.text.includes('S_IFDIR'))),
    )
    if (!apart) files.ensure(task, AT_FDCWD, path, false, { kind: 'symlink', target: `usr/${name}` })
  }
}

/** What capget(2) says before anybody has changed anything. */
function capabilitiesOf(lines: readonly Line[]) {
  for (const line of lines) {
    if (line.kind !== 'call') continue
    const { name, args, expected } = line
    const isDrop = name === 'prctl' && /PR_CAPBSET_DROP/.test(line.text)
    const isOther = /^set(re|res)?uid$/.test(name) && args.some((arg) => (numberIn(arg) ?? 0n) > 0n)
    if (isDrop || isOther || name === 'capset' || /CLONE_NEWUSER/.test(line.text)) return undefined
    const sets = args[1]
    if (name !== 'capget' || expected.kind !== 'value' || sets?.kind !== 'struct') continue
    const set = (field: string): bigint | undefined => {
      const found = sets.fields.find((one) => one.name === field)?.value
      return found && capabilitySet(found)
    }
    const [effective, permitted, inheritable] = [set('effective'), set('permitted'), set('inheritable')]
    if (effective === undefined || permitted === undefined) continue
    return { effective, permitted, inheritable: inheritable ?? 0n }
  }
  return undefined
}

function become(task: Task, own: readonly CallLine[], lines: readonly Line[], assumed: Assumption): void {
  const { uid = assumed.uid, gid = assumed.uid, groups = [], bounding = allCapabilities } = ids(own)
  const told = capabilitiesOf(lines)
  const [user, group] = [uid as KUid, gid as KGid]
  const held = told?.permitted ?? (uid === 0 ? bounding : 0n)
  task.credentials.namespace.retain()
  commitCredentials(task, {
    ...task.credentials,
    ...{ uid: user, euid: user, suid: user, fsuid: user, gid: group, egid: group, sgid: group, fsgid: group },
    groups: groups as readonly KGid[],
    ...{ effective: told?.effective ?? held, permitted: held, inheritable: told?.inheritable ?? 0n },
    bounding: told && uid === 0 ? bounding & held : bounding,
  })
  task.process.dumpable = true
}

/** A descriptor that the program came with: what it is shows when it is first asked for. */
function descriptor(task: Task, fd: number, lines: readonly Line[]): void {
  const { kernel } = task
  const value = (call: Syscall): number => {
    const outcome: Outcome | undefined = kernel.call(task, call)
    return outcome && 'value' in outcome ? outcome.value : -1
  }
  const main = lines.find((line) => line.kind === 'call')
  const mine = usesOf(
    lines.filter((line) => line.kind === 'call' && main?.kind === 'call' && line.task === main.task),
    BigInt(fd),
  )
  const uses = mine.length > 0 ? mine : usesOf(lines, BigInt(fd))
  const asked = uses.find(
    (line) => line.name === 'fcntl' && /^F_GETFL$/.test(word(line.args[1])) && resultOf(line) !== undefined,
  )
  const flags = resultOf(asked)
  const stat = uses.find(
    (line) =>
      line.name === 'fstat' ||
      ((line.name === 'newfstatat' || line.name === 'statx') &&
        line.args[1]?.kind === 'string' &&
        line.args[1].bytes.length === 0),
  )
  const facts = statTells(stat?.args[stat.name === 'fstat' ? 1 : stat.name === 'statx' ? 4 : 2])
  const isTerminal =
    facts.device?.[0] === 136 ||
    uses.some((line) => line.name === 'ioctl' && /^TCGETS/.test(word(line.args[1])) && resultOf(line) === 0)
  const cannotSeek = uses.some(
    (line) => line.name === 'lseek' && line.expected.kind === 'errno' && line.expected.errno === 'ESPIPE',
  )
  const put = (from: number) => {
    if (from < 0) return
    if (from !== fd) {
      value({ name: 'dup3', oldfd: from, newfd: fd, flags: 0 })
      value({ name: 'close', fd: from })
    }
  }
  value({ name: 'close', fd })
  if (isTerminal) put(terminal(value, kernel, task))
  else if (facts.kind === 'fifo' || (facts.kind === undefined && cannotSeek && !((flags ?? 0) & 0x8000)))
    put(pipeEnd(task, fd))
  else if (facts.kind === 'file') {
    const path = `/.descriptor-${fd}`
    put(
      value({
        name: 'openat',
        dirfd: AT_FDCWD,
        pathname: path,
        flags: 0o100 | (flags === undefined ? 2 : flags & 0o2003),
        mode: facts.mode ?? 0o644,
      }),
    )
    if (facts.sizeBytes) value({ name: 'ftruncate', fd, length: facts.sizeBytes })
    value({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: path, flags: 0 })
  } else if (facts.kind === 'socket') put(socketEnd(task, fd))
  else
    put(
      value({
        name: 'openat',
        dirfd: AT_FDCWD,
        pathname: '/dev/null',
        flags: flags === undefined ? 2 : flags & 0o2003,
        mode: 0,
      }),
    )
}

const opens =
  /^(open.*|creat|dup.*|socket|accept4?|pidfd_.*|fsopen|fspick|fsmount|open_tree|eventfd2?|epoll_create1?|inotify_init1?|memfd_create|signalfd4?|timerfd_create|fcntl|bpf|.*_fd)$/
const uses = /^(close|fcntl|fstat|newfstatat|read|write|dup|dup2|dup3|ioctl|lseek)$/

/** Descriptors above the usual three that the first program came with: they are used, and nothing has opened them. */
function inherited(lines: readonly Line[]): readonly number[] {
  const opened = new Set<bigint>()
  const found = new Set<number>()
  for (const line of lines) {
    if (line.kind !== 'call' || line.expected.kind !== 'value') continue
    const { name, args, expected } = line
    const first = numberIn(args[0] ?? nothing)
    if (
      uses.test(name) &&
      first !== undefined &&
      first > 2n &&
      first < 1024n &&
      !opened.has(first) &&
      expected.value >= 0n
    )
      found.add(Number(first))
    if (opens.test(name)) opened.add(expected.value)
    for (const arg of args)
      if (/^(pipe2?|socketpair)$/.test(name) && arg.kind === 'list')
        for (const item of arg.items) opened.add(numberIn(item) ?? -1n)
    // Descriptors come by messages, too.
    if (/^recvm?msg/.test(name)) for (const [, fd] of line.text.matchAll(/cmsg_data=\[(\d+)/g)) opened.add(BigInt(fd!))
  }
  return [...found].filter((fd) => !opened.has(BigInt(fd)) || found.size < 64)
}

/** Calls on a descriptor by tasks that still have what the first one came with. */
function usesOf(lines: readonly Line[], fd: bigint): readonly CallLine[] {
  const replaced = new Set<number | undefined>()
  const uses: CallLine[] = []
  for (const line of lines) {
    if (line.kind !== 'call' || replaced.has(line.task)) continue
    const [first, second] = line.args.slice(0, 2).map((value) => numberIn(value))
    const { expected } = line
    if (/^dup[23]$/.test(line.name) ? second === fd : line.name === 'close' && first === fd) replaced.add(line.task)
    else if (first === fd) uses.push(line)
    if (uses.length > far) break
    if (/^(clone3?|v?fork)$/.test(line.name) && expected.kind === 'value' && replaced.has(line.task))
      replaced.add(Number(expected.value))
  }
  return uses
}

const word = (value: Value | undefined): string => (value?.kind === 'name' ? value.name : '')

function pair(task: Task, call: Syscall): readonly [number, number] | undefined {
  const outcome = task.kernel.call(task, call)
  if (!outcome || !('value' in outcome) || !outcome.data) return undefined
  const view = new DataView(outcome.data.buffer, outcome.data.byteOffset)
  return [view.getInt32(0, true), view.getInt32(4, true)]
}

/** The other end is kept by the task that started it. */
function keep(task: Task, fd: number): void {
  const slot = task.files.get(fd)
  const parent = task.process.parent?.leader
  if (slot && parent) parent.files.add(slot.file, false, 1024, 10)
  task.kernel.call(task, { name: 'close', fd })
}

function pipeEnd(task: Task, fd: number): number {
  const ends = pair(task, { name: 'pipe2', pipefd: 8, flags: 0 })
  if (!ends) return -1
  keep(task, fd === 0 ? ends[1] : ends[0])
  return fd === 0 ? ends[0] : ends[1]
}

function socketEnd(task: Task, _fd: number): number {
  const ends = pair(task, { name: 'socketpair', domain: 1, type: 1, protocol: 0, sv: 8 })
  if (!ends) return -1
  keep(task, ends[1])
  return ends[0]
}

function terminal(value: (call: Syscall) => number, kernel: Kernel, task: Task): number {
  const master = value({ name: 'openat', dirfd: AT_FDCWD, pathname: '/dev/ptmx', flags: 2, mode: 0 })
  value({ name: 'ioctl', fd: master, request: 0x40045431, arg: new Uint8Array(4) })
  const asked = kernel.call(task, { name: 'ioctl', fd: master, request: 0x80045430, arg: new Uint8Array(4) })
  const number =
    asked && 'value' in asked && asked.data
      ? new DataView(asked.data.buffer, asked.data.byteOffset).getUint32(0, true)
      : 0
  const slave = value({ name: 'openat', dirfd: AT_FDCWD, pathname: `/dev/pts/${number}`, flags: 0o402, mode: 0 })
  keep(task, master)
  return slave
}
