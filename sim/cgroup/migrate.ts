// Moving processes and threads from one cgroup to another: who may, where it is allowed, and what controllers say.
// cgroup-v2.rst "Processes", "Delegation Containment"; cgroup_attach_task() in kernel/cgroup/cgroup.c

import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { checkPermission, mayWrite } from '../vfs/permission.ts'
import { type Cgroup, commonAncestor, effectiveState } from './cgroup.ts'
import type { Opened } from './controller.ts'
import { directoryOf } from './directory.ts'
import { hostRefusal } from './domain.ts'
import { freezeTask, thawTask } from './freeze.ts'
import { parseInteger, strip } from './numbers.ts'
import { addMember, removeMember } from './tree.ts'

export interface Wish {
  readonly from: Cgroup
  readonly to: Cgroup
  readonly opened: Opened
  readonly wholeProcess: boolean
  /** CLONE_INTO_CGROUP: the target is opened, so to speak, by this call (CG-017). */
  readonly born?: boolean
}

/**
 * Who a pid in a file of members means, as the writer's pid namespace numbers them; 0 is the writer (CG-006).
 *
 * @errors EINVAL not one number; ESRCH nobody
 */
export function whoIsMeant(task: Task, text: string): Task | Denied {
  const pid = parseInteger(strip(text))
  if (isDenied(pid) || pid < 0) return deny('EINVAL', 'CG-006', 'cgroup.procs: one process number, or 0 for the writer')
  if (pid === 0) return task
  const found = task.pidNamespace.find(pid)?.task
  return found ?? deny('ESRCH', 'CG-006', `cgroup.procs: no process has the number ${pid}`)
}

/** Whether somebody may move tasks between two cgroups of version 2, and whether they could be there (CG-018, CG-019). */
export function attachRefusal({ from, to, opened, wholeProcess, born }: Wish): Denied | undefined {
  const forbidden = mayWriteMembers(commonAncestor(from, to), opened) ?? outsideNamespace(from, to, opened)
  const refusal = (born ? mayWriteMembers(to, opened) : undefined) ?? forbidden ?? hostRefusal(to)
  if (refusal) return refusal
  if (!wholeProcess && from.domain !== to.domain)
    return deny('EOPNOTSUPP', 'CG-016', 'cgroup.threads: a thread stays in the thread domain of its process')
  return undefined
}

function mayWriteMembers(cgroup: Cgroup, { credentials }: Opened): Denied | undefined {
  const inode = directoryOf(cgroup).file('cgroup.procs')!
  const refusal = checkPermission(credentials, undefined, inode, mayWrite, 'cgroup.procs')
  if (refusal?.errno !== 'EACCES') return refusal
  return deny('EACCES', 'CG-018', `cgroup.procs: no permission to write that of ${cgroup.name || 'the root'}`)
}

function outsideNamespace(from: Cgroup, to: Cgroup, { namespace }: Opened): Denied | undefined {
  if (!from.hierarchy.options.has('nsdelegate')) return undefined
  const root = namespace.roots[from.hierarchy.id] ?? from.hierarchy.root
  if (from.isBelow(root) && to.isBelow(root)) return undefined
  return deny('ENOENT', 'CG-019', 'cgroup.procs: nsdelegate, and one of the cgroups is outside of the cgroup namespace')
}

/**
 * Moves tasks of one process. Controllers are asked first; nothing has changed when one refuses.
 *
 * @errors what controllers say; limits of use never refuse (CG-110)
 */
export function move(tasks: readonly Task[], to: Cgroup): Denied | undefined {
  const { hierarchy } = to
  const moving = new Map<Cgroup, Task[]>()
  for (const task of tasks) {
    const from = task.cgroups.get(hierarchy)!
    if (from === to || !from.tasks.has(task)) continue
    const group = moving.get(from)
    if (group) group.push(task)
    else moving.set(from, [task])
  }
  for (const [from, group] of moving)
    for (const controller of hierarchy.controllers) {
      const [before, after] = [effectiveState(from, controller), effectiveState(to, controller)]
      const refusal = before === after ? undefined : controller.canAttach?.(before, after, group)
      if (refusal) return refusal
    }
  // What has been computed until now belongs to where they were.
  tasks[0]?.kernel.cpu?.update()
  for (const [from, group] of moving) {
    for (const task of group) {
      addMember(to, task)
      removeMember(from, task)
      task.cgroups.set(hierarchy, to)
    }
    for (const controller of hierarchy.controllers) {
      const [before, after] = [effectiveState(from, controller), effectiveState(to, controller)]
      if (before !== after) controller.attach?.(before, after, group)
    }
    for (const task of group)
      if (to.frozen) freezeTask(task, hierarchy.version)
      else if (from.frozen) thawTask(task)
  }
  return undefined
}

/** A write to cgroup.procs or cgroup.threads (version 2). */
export function writeMembers(
  cgroup: Cgroup,
  text: string,
  task: Task,
  opened: Opened,
  wholeProcess: boolean,
): Denied | undefined {
  const meant = whoIsMeant(task, text)
  if (isDenied(meant)) return meant
  const from = meant.cgroups.get(cgroup.hierarchy)!
  const refusal = attachRefusal({ from, to: cgroup, opened, wholeProcess })
  if (refusal) return refusal
  return move(wholeProcess ? [...meant.process.tasks] : [meant], cgroup)
}
