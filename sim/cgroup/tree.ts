// Growing and cutting the tree of cgroups, and its counters: members, descendants, what is removed but still needed.
// kernel/cgroup/cgroup.c

import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Cgroup, type Held, type Owner } from './cgroup.ts'
import type { Controller } from './controller.ts'

/** A live task more. */
export function addMember(cgroup: Cgroup, task: Task): void {
  cgroup.tasks.add(task)
  if (cgroup.tasks.size === 1) populationChanged(cgroup, 1)
}

/** A live task less. */
export function removeMember(cgroup: Cgroup, task: Task): void {
  if (cgroup.tasks.delete(task) && cgroup.tasks.size === 0) populationChanged(cgroup, -1)
}

/** The first task has come, or the last has gone: tells upward as far as that makes a difference (CG-010). */
function populationChanged(cgroup: Cgroup, by: 1 | -1): void {
  // With the cgroup's own tasks left out, was anything alive in it?
  if (cgroup.populatedDomainChildren > 0 || cgroup.populatedThreadedChildren > 0) return
  for (let at: Cgroup = cgroup; ; ) {
    changed(at, 'cgroup.events')
    const { parent } = at
    if (parent === undefined) return
    const before = parent.populated
    if (at.isThreaded) parent.populatedThreadedChildren += by
    else parent.populatedDomainChildren += by
    if (before === parent.populated) return
    at = parent
  }
}

/** A file of a cgroup tells something else from now on. */
export function changed(cgroup: Cgroup, file: string): void {
  cgroup.directory?.fileChanged(file)
}

/** Whether limits of depth and number, here and above, leave room for a child (CG-009). */
export function roomForChild(parent: Cgroup): Denied | undefined {
  let level = 0
  for (let at: Cgroup | undefined = parent; at; at = at.parent, level++) {
    if (at.maxDescendants !== undefined && at.descendants >= at.maxDescendants)
      return deny('EAGAIN', 'CG-009', `cgroup-v2.rst: cgroup.max.descendants, here or above, allows no more`)
    if (at.maxDepth !== undefined && level >= at.maxDepth)
      return deny('EAGAIN', 'CG-009', `cgroup-v2.rst: cgroup.max.depth, here or above, allows none so deep`)
  }
  return undefined
}

/** A child, with the controllers that the parent gives to its children; frozen when the parent is. */
export function makeChild(parent: Cgroup, name: string, owner: Owner, id: number): Cgroup {
  const cgroup = new Cgroup(parent.hierarchy, id, name, parent, owner)
  parent.children.set(name, cgroup)
  for (let at: Cgroup | undefined = parent; at; at = at.parent) at.descendants += 1
  cgroup.cloneChildren = parent.cloneChildren
  cgroup.notifyOnRelease = parent.notifyOnRelease
  cgroup.frozen = parent.frozen
  cgroup.frozenSinceNs = parent.hierarchy.superblock!.kernel.clock.nowNs
  for (const controller of parent.hierarchy.controllers)
    if (hasController(cgroup, controller)) bringOnline(cgroup, controller, owner)
  return cgroup
}

/** Whether a cgroup is to have a controller: its parent enables it, and it is not threaded where that is not for it. */
export function hasController(cgroup: Cgroup, controller: Controller): boolean {
  if (cgroup.parent === undefined || cgroup.hierarchy.version === 1 || controller.implicit) return true
  if (cgroup.isThreaded && !controller.threaded) return false
  return cgroup.parent.subtreeControl.has(controller.name)
}

/** The cgroup has the controller from now on; those above have it already. */
export function bringOnline(cgroup: Cgroup, controller: Controller, owner: Owner): void {
  const above = nearestHeld(cgroup.parent!, controller)
  const state = controller.online(cgroup, above.state)
  cgroup.held.set(controller.name, { controller, state, owner, descendants: 0 })
  eachHeldAbove(cgroup, controller, (held) => {
    held.descendants += 1
  })
}

/** The cgroup has the controller no longer; those below have it not either. */
export function takeOffline(cgroup: Cgroup, controller: Controller): void {
  const held = cgroup.held.get(controller.name)!
  cgroup.held.delete(controller.name)
  eachHeldAbove(cgroup, controller, (above) => {
    above.descendants -= 1
  })
  controller.offline?.(held.state)
}

function eachHeldAbove(cgroup: Cgroup, { name }: Controller, act: (held: Held) => void): void {
  for (let at = cgroup.parent; at; at = at.parent) {
    const held = at.held.get(name)
    if (held) act(held)
  }
}

function nearestHeld(cgroup: Cgroup, { name }: Controller): Held {
  for (let at = cgroup; ; at = at.parent!) {
    const held = at.held.get(name)
    if (held) return held
  }
}

/**
 * Removes a cgroup. What is left of it (charges, zombies) keeps it dying until the last pin has gone.
 *
 * @errors EBUSY while there are live tasks or children (CG-007)
 */
export function removeCgroup(cgroup: Cgroup): Denied | undefined {
  if (cgroup.tasks.size > 0 || (cgroup.hierarchy.version === 2 && cgroup.populated))
    return deny('EBUSY', 'CG-007', 'rmdir(2): there are live processes in the cgroup')
  if (cgroup.children.size > 0) return deny('EBUSY', 'CG-007', 'rmdir(2): there are cgroups below')
  const parent = cgroup.parent!
  for (const { controller } of [...cgroup.held.values()].reverse()) takeOffline(cgroup, controller)
  cgroup.dead = true
  parent.children.delete(cgroup.name)
  if (cgroup.isThreaded) parent.threadedChildren -= 1
  for (let at: Cgroup | undefined = parent; at; at = at.parent) {
    at.descendants -= 1
    if (cgroup.pins > 0) at.dyingDescendants += 1
  }
  return undefined
}

/** Something depends on a cgroup, even when it is removed. */
export function pin(cgroup: Cgroup): void {
  cgroup.pins += 1
}

export function unpin(cgroup: Cgroup): void {
  cgroup.pins -= 1
  if (cgroup.pins > 0 || !cgroup.dead) return
  for (let at = cgroup.parent; at; at = at.parent) at.dyingDescendants -= 1
}
