// Cgroups of a simulated machine as tests want them: files read and written by name, tasks born and ended without a program.

import type { Cgroup } from '../../sim/cgroup/cgroup.ts'
import { CgroupDirectory } from '../../sim/cgroup/directory.ts'
import type { Pid } from '../../sim/ids.ts'
import { PidEntry } from '../../sim/ns/pid.ts'
import { type Denied, isDenied } from '../../sim/outcome.ts'
import { Process } from '../../sim/process.ts'
import { Task } from '../../sim/task.ts'
import { call, data, errno, value } from './sim.ts'
import { pathOf } from './sim-tasks.ts'

export const root = '/sys/fs/cgroup'

/** The text of a file below /sys/fs/cgroup, or the errno. */
export function readFile(task: Task, name: string): string {
  const opened = call(task, { name: 'open', pathname: `${root}/${name}`, flags: 0, mode: 0 })
  if (isDenied(opened)) return opened.errno
  const read = call(task, { name: 'read', fd: opened.value, buf: 4096 })
  value(task, { name: 'close', fd: opened.value })
  return isDenied(read) ? read.errno : new TextDecoder().decode(read.data)
}

/** Writes a text to a file below /sys/fs/cgroup; answers OK or the errno. */
export function writeFile(task: Task, name: string, text: string): string {
  const opened = call(task, { name: 'open', pathname: `${root}/${name}`, flags: 1, mode: 0 })
  if (isDenied(opened)) return opened.errno
  const written = call(task, { name: 'write', fd: opened.value, buf: text })
  value(task, { name: 'close', fd: opened.value })
  return errno(written) ?? 'OK'
}

export const makeGroup = (task: Task, name: string): string =>
  errno(call(task, { name: 'mkdir', pathname: `${root}/${name}`, mode: 0o755 })) ?? 'OK'

export const removeGroup = (task: Task, name: string): string =>
  errno(call(task, { name: 'rmdir', pathname: `${root}/${name}` })) ?? 'OK'

/** Names in a directory below /sys/fs/cgroup, in order. */
export function namesIn(task: Task, name: string): string[] {
  const { inode } = pathOf(task, `${root}/${name}`).dentry
  return inode.entries!(task)
    .map((entry) => entry.name)
    .sort()
}

export function groupOf(task: Task, name: string): Cgroup {
  const { inode } = pathOf(task, `${root}/${name}`).dentry
  if (!(inode instanceof CgroupDirectory)) throw new Error(`${name} is no cgroup`)
  return inode.cgroup
}

/** A child process; a refusal when cgroups forbid it. */
export function tryFork(parent: Task, target?: Cgroup): Task | Denied {
  const { kernel, credentials, namespaces, fs, files } = parent
  const refusal = kernel.cgroups.canFork(parent, target)
  if (refusal) return refusal
  const entry = nextNumber(parent)
  const process = new Process(17)
  process.image = parent.process.image
  process.actions = parent.process.actions
  const child = new Task(kernel, { entry, process, credentials, namespaces, fs, files, comm: 'child' })
  entry.task = child
  process.leader = child
  process.parent = parent.process
  process.group = parent.process.group
  process.session = parent.process.session
  process.tasks.add(child)
  kernel.tasks.set(child.id, child)
  kernel.cgroups.forked(parent, child, target)
  return child
}

export function fork(parent: Task, target?: Cgroup): Task {
  const child = tryFork(parent, target)
  if (isDenied(child)) throw new Error(child.sentence)
  return child
}

/** Another thread of the same process. */
export function newThread(task: Task): Task {
  const { kernel, process, credentials, namespaces, fs, files } = task
  const refusal = kernel.cgroups.canFork(task)
  if (refusal) throw new Error(refusal.sentence)
  const entry = nextNumber(task)
  const other = new Task(kernel, { entry, process, credentials, namespaces, fs, files, comm: 'thread' })
  entry.task = other
  process.tasks.add(other)
  kernel.tasks.set(other.id, other)
  kernel.cgroups.forked(task, other)
  return other
}

function nextNumber(task: Task): PidEntry {
  const namespace = task.namespaces.pidForChildren
  namespace.last = (namespace.last + 1) as Pid
  const entry = new PidEntry(namespace, [namespace.last])
  namespace.entries.set(namespace.last, entry)
  return entry
}

/** It has ended, and nobody has waited for it. */
export function end(task: Task): void {
  task.state = 'zombie'
  task.kernel.cgroups.exited(task)
}

/** Its parent has waited for it. */
export function reap(task: Task): void {
  task.state = 'dead'
  task.entry.task = undefined
  task.kernel.cgroups.released(task)
}

export const pidOf = (task: Task): number => task.entry.numbers[0]!

/** What poll(2) says of a descriptor: POLLPRI is 2. */
export function priority(task: Task, fd: number): boolean {
  const events = task.files.get(fd)!.file.operations!.poll!(task).events
  return (events & 2) !== 0
}

export const readDescriptor = (task: Task, fd: number): string => {
  value(task, { name: 'lseek', fd, offset: 0, whence: 0 })
  return new TextDecoder().decode(data(task, { name: 'read', fd, buf: 4096 }))
}
