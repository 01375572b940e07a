// Tasks of a simulated machine as tests want them: other users, other threads, other mounts, without the calls for it.

import { allCapabilities, type Credentials } from '../../sim/credentials.ts'
import type { Gid, KGid, KUid } from '../../sim/ids.ts'
import type { IdRange } from '../../sim/ns/id-map.ts'
import { PidEntry } from '../../sim/ns/pid.ts'
import { UserNamespace } from '../../sim/ns/user.ts'
import { isDenied } from '../../sim/outcome.ts'
import { Task } from '../../sim/task.ts'
import type { Mount } from '../../sim/vfs/mount.ts'
import { attach, newMount } from '../../sim/vfs/mounting.ts'
import type { Path } from '../../sim/vfs/path.ts'
import { Tmpfs, type TmpfsOptions } from '../../sim/vfs/tmpfs.ts'
import { AT_FDCWD, walk } from '../../sim/vfs/walk.ts'

interface Who {
  readonly uid: number
  readonly gid?: number
  readonly groups?: readonly number[]
  /** None when absent. */
  readonly capabilities?: bigint
}

/** The task is somebody else from now on, with no capabilities but those given. */
export function become(task: Task, { uid, gid = uid, groups = [], capabilities = 0n }: Who): void {
  const [u, g] = [uid as KUid, gid as KGid]
  task.credentials = {
    ...task.credentials,
    ...{ uid: u, euid: u, suid: u, fsuid: u, gid: g, egid: g, sgid: g, fsgid: g },
    groups: groups as KGid[],
    ...{ effective: capabilities, permitted: capabilities },
  }
}

/** The task is root, with all capabilities, of a new user namespace with such maps. */
export function enterUserNamespace(task: Task, map: readonly IdRange[]): Credentials {
  const { credentials, kernel } = task
  const creator = { uid: credentials.euid, gid: credentials.egid }
  const namespace = new UserNamespace(kernel.counters, credentials.namespace, creator)
  namespace.uidMap = map
  namespace.gidMap = map
  const u = namespace.kuid(0) ?? (65534 as KUid)
  const g = namespace.kgid(0 as Gid) ?? (65534 as KGid)
  task.credentials = {
    ...credentials,
    ...{ uid: u, euid: u, suid: u, fsuid: u, gid: g, egid: g, sgid: g, fsgid: g, groups: [] },
    ...{ effective: allCapabilities, permitted: allCapabilities, bounding: allCapabilities },
    namespace,
  }
  return task.credentials
}

/** Another thread of the same process: it shares descriptors, root and working directory. */
export function thread(task: Task): Task {
  const { kernel, process, credentials, namespaces, fs, files } = task
  const entry = new PidEntry(task.pidNamespace, [++task.pidNamespace.last as PidEntry['numbers'][number]])
  const other = new Task(kernel, { entry, process, credentials, namespaces, fs, files, comm: 'thread' })
  process.tasks.add(other)
  for (const [hierarchy, cgroup] of task.cgroups) {
    other.cgroups.set(hierarchy, cgroup)
    cgroup.tasks.add(other)
  }
  return other
}

export function pathOf(task: Task, pathname: string): Path {
  const path = walk(task, AT_FDCWD, pathname)
  if (isDenied(path)) throw new Error(`${pathname}: ${path.errno}`)
  return path
}

/** A new tmpfs on a directory. */
export function mountTmpfs(task: Task, pathname: string, options: TmpfsOptions = {}): Mount {
  const { kernel, namespaces } = task
  const superblock = new Tmpfs(kernel, task.credentials.namespace, { mode: 0o755, ...options })
  const mount = newMount(kernel, superblock, superblock.root)
  attach(mount, pathOf(task, pathname), namespaces.mnt)
  return mount
}

/** What one directory shows, at another. */
export function bind(task: Task, from: string, to: string): Mount {
  const source = pathOf(task, from)
  const mount = newMount(task.kernel, source.mount.superblock, source.dentry)
  attach(mount, pathOf(task, to), task.namespaces.mnt)
  return mount
}
