// Namespaces of a simulated machine as tests want them: children in new ones, descriptors for them, maps of ids.

import type { Errno } from '../../core/errno.ts'
import type { Credentials } from '../../sim/credentials.ts'
import { namespacePath } from '../../sim/ns/file.ts'
import { type IdKind, writeIdMap, writeSetgroups } from '../../sim/ns/id-map-file.ts'
import type { Namespace } from '../../sim/ns/namespace.ts'
import type { UserNamespace } from '../../sim/ns/user.ts'
import { isDenied } from '../../sim/outcome.ts'
import { descriptorsMax } from '../../sim/sys/arguments.ts'
import type { Task } from '../../sim/task.ts'
import { openInode } from '../../sim/vfs/open.ts'
import { encode } from '../../sim/vfs/utf8.ts'
import { value } from './sim.ts'

export const NEW = {
  TIME: 0x80,
  NS: 0x20000,
  CGROUP: 0x2000000,
  UTS: 0x4000000,
  IPC: 0x8000000,
  USER: 0x10000000,
  PID: 0x20000000,
  NET: 0x40000000,
} as const

const CLONE_THREAD = 0x10000

/** A child of a task; without flags it is fork(2). */
export function child(task: Task, flags = 0): Task {
  const pid = value(task, { name: 'clone3', cl_args: { flags, exit_signal: flags & CLONE_THREAD ? 0 : 17 } })
  return task.pidNamespace.find(pid)!.task!
}

/** A descriptor of a namespace's file, as open(2) of /proc/PID/ns/KIND gives it. */
export function namespaceFd(task: Task, namespace: Namespace): number {
  const opening = openInode(task, namespacePath(task.kernel, namespace), 0, 'open(2)')
  if (isDenied(opening)) throw new Error(opening.sentence)
  return task.files.add(opening.file, true, descriptorsMax(task))!
}

const answer = (reply: number | { readonly errno: Errno }): Errno | 'OK' =>
  typeof reply === 'number' ? 'OK' : reply.errno

/** Writes a map of a task's user namespace. */
export function writeMap(
  by: Task,
  of: Task | UserNamespace,
  kind: IdKind,
  text: string,
  { offset = 0, opener = by.credentials }: { offset?: number; opener?: Credentials } = {},
): Errno | 'OK' {
  const namespace = 'credentials' in of ? of.credentials.namespace : of
  return answer(writeIdMap(by, namespace, kind, encode(text), offset, opener))
}

export const writeSetgroupsOf = (of: Task, text: string): Errno | 'OK' =>
  answer(writeSetgroups(of.credentials.namespace, encode(text), 0))

/** Root becomes an ordinary user, as a login makes it: no capabilities are left. */
export function login(task: Task, id: number): void {
  value(task, { name: 'setgroups', list: [] })
  value(task, { name: 'setresgid', rgid: id, egid: id, sgid: id })
  value(task, { name: 'setresuid', ruid: id, euid: id, suid: id })
}
