// The files of version 1 that every cgroup has, whatever its controllers. cgroups(7), cgroup-v1/cgroups.rst

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Cgroup } from './cgroup.ts'
import type { CgroupFile, Opened } from './controller.ts'
import { members, threads } from './core-files.ts'
import { move, whoIsMeant } from './migrate.ts'
import { parseInteger, unsignedRange } from './numbers.ts'

/** Moving is for root, or for the task's own user; it is the opener who counts. cgroup1_procs_write() */
function writeMembers(cgroup: Cgroup, text: string, task: Task, opened: Opened, whole: boolean): Denied | undefined {
  const meant = whoIsMeant(task, text)
  if (isDenied(meant)) return meant
  const { euid } = opened.credentials
  const { uid, suid } = meant.credentials
  if (euid !== 0 && euid !== uid && euid !== suid)
    return deny('EACCES', 'cgroups(7)', "cgroup.procs: only root moves another user's process")
  return move(whole ? [...meant.process.tasks] : [meant], cgroup)
}

function parseFlag(text: string, name: string): boolean | Denied {
  const value = parseInteger(text.trim(), unsignedRange)
  return isDenied(value) ? deny('EINVAL', 'V1-011', `${name}: a number`) : value !== 0
}

export const legacyCoreFiles: readonly CgroupFile[] = [
  {
    name: 'cgroup.procs',
    read: ({ cgroup, task }) => members(cgroup, task),
    write: ({ cgroup, task, opened }, text) => writeMembers(cgroup, text, task, opened, true),
  },
  {
    name: 'tasks',
    read: ({ cgroup, task }) => threads(cgroup, task),
    write: ({ cgroup, task, opened }, text) => writeMembers(cgroup, text, task, opened, false),
  },
  {
    name: 'cgroup.clone_children',
    read: ({ cgroup }) => `${cgroup.cloneChildren ? 1 : 0}\n`,
    write: ({ cgroup }, text) => {
      const value = parseFlag(text, 'cgroup.clone_children')
      if (isDenied(value)) return value
      cgroup.cloneChildren = value
      return undefined
    },
  },
  { name: 'cgroup.sane_behavior', where: 'root', read: () => '0\n' },
  {
    name: 'notify_on_release',
    read: ({ cgroup }) => `${cgroup.notifyOnRelease ? 1 : 0}\n`,
    // Nobody is called at the release: a program of the kernel's own would have to run.
    write: ({ cgroup }, text) => {
      const value = parseFlag(text, 'notify_on_release')
      if (isDenied(value)) return value
      cgroup.notifyOnRelease = value
      return undefined
    },
  },
  {
    name: 'release_agent',
    where: 'root',
    read: ({ cgroup }) => `${cgroup.hierarchy.releaseAgent}\n`,
    write: ({ cgroup, opened, task }, text) => {
      if (
        task.namespaces.cgroup !== task.kernel.initial.cgroup ||
        !capable(opened.credentials, 'SYS_ADMIN', task.kernel.initial.user)
      )
        return deny('EPERM', 'V1-011', 'release_agent: for CAP_SYS_ADMIN of the machine')
      cgroup.hierarchy.releaseAgent = text.trim()
      return undefined
    },
  },
]
