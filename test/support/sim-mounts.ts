// Mounts of simulated machines in tests: short words for calls, and mountinfo as a test reads it.

import type { Fd } from '../../core/syscall.ts'
import type { Credentials } from '../../sim/credentials.ts'
import { allCapabilities } from '../../sim/credentials.ts'
import type { KGid, KUid } from '../../sim/ids.ts'
import { UserNamespace } from '../../sim/ns/user.ts'
import { isDenied } from '../../sim/outcome.ts'
import { Task } from '../../sim/task.ts'
import { MS } from '../../sim/vfs/mount-flags.ts'
import { copyMountNamespace } from '../../sim/vfs/mount-namespace.ts'
import { hold } from '../../sim/vfs/path.ts'
import { walk } from '../../sim/vfs/walk.ts'
import { boot, call, errno, value } from './sim.ts'

export { MS }

/** The errno of a mount(2), or OK. */
export const mount = (
  task: Task,
  source: string | null,
  target: string,
  filesystemtype: string | null = null,
  mountflags = 0,
  data: string | null = null,
): string => errno(call(task, { name: 'mount', source, target, filesystemtype, mountflags, data })) ?? 'OK'

export const umount = (task: Task, target: string, flags = 0): string =>
  errno(call(task, { name: 'umount2', target, flags })) ?? 'OK'

export const bind = (task: Task, source: string, target: string, more = 0): string =>
  mount(task, source, target, null, MS.BIND | more)

export const tmpfs = (task: Task, target: string, data: string | null = null): string =>
  mount(task, 'tmpfs', target, 'tmpfs', 0, data)

export const make = (task: Task, target: string, type: number): string => mount(task, null, target, null, type)

export function mkdir(task: Task, ...paths: readonly string[]): void {
  for (const pathname of paths) value(task, { name: 'mkdir', pathname, mode: 0o755 })
}

export function touch(task: Task, pathname: string, content = ''): void {
  const fd = value(task, { name: 'open', pathname, flags: 0o101, mode: 0o644 }) as Fd
  if (content) value(task, { name: 'write', fd, buf: content })
  value(task, { name: 'close', fd })
}

export const exists = (task: Task, pathname: string): boolean =>
  !isDenied(call(task, { name: 'newfstatat', dirfd: -100 as Fd, pathname, statbuf: 144, flags: 0x100 }))

export const open = (task: Task, pathname: string, flags = 0): Fd =>
  value(task, { name: 'open', pathname, flags, mode: 0o644 }) as Fd

/** `private`, `shared`, `slave`, `slave+shared` or `unbindable`: of what is mounted at a path. */
export function propagationOf(task: Task, pathname: string): string {
  const path = walk(task, -100, pathname)
  if (isDenied(path)) throw new Error(path.sentence)
  const { mount } = path
  if (mount.unbindable) return 'unbindable'
  if (mount.master) return mount.group ? 'slave+shared' : 'slave'
  return mount.group ? 'shared' : 'private'
}

/** A task as clone(2) with CLONE_NEWNS would make it, in another user namespace when asked for. */
export function inNewNamespace(parent: Task, less = false): Task {
  const { kernel } = parent
  let { credentials } = parent
  if (less) {
    const namespace = new UserNamespace(kernel.counters, credentials.namespace, {
      uid: 0 as KUid,
      gid: 0 as KGid,
      couldSetFileCapabilities: true,
    })
    namespace.uidMap = namespace.gidMap = [{ inside: 0, outside: 0, count: 65536 }]
    credentials = { ...credentials, namespace: namespace.retain(), effective: allCapabilities } as Credentials
  }
  const fs = { root: hold(parent.fs.root), cwd: hold(parent.fs.cwd), umask: 0o022, users: 1 }
  const owner = credentials.namespace
  const mnt = copyMountNamespace(parent, parent.namespaces.mnt, owner, 0 as KUid, fs)
  mnt.retain()
  const task = new Task(kernel, {
    entry: parent.entry,
    process: parent.process,
    credentials,
    namespaces: { ...parent.namespaces, mnt },
    fs,
    files: parent.files.copy(),
    comm: 'child',
  })
  for (const [hierarchy, cgroup] of parent.cgroups) task.cgroups.set(hierarchy, cgroup)
  kernel.tasks.set(task.id, task)
  return task
}

/** A machine and its process 1, with a tmpfs of its own at /w to play in. */
export function playground(): Task {
  const { init } = boot()
  mkdir(init, '/w')
  tmpfs(init, '/w')
  return init
}
