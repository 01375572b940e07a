// cgroup.controllers and cgroup.subtree_control: which controllers children get, all or nothing, and what appears and goes
// with that. cgroup-v2.rst "Enabling and Disabling"

import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { type Cgroup, effectiveState, type Owner, preOrder } from './cgroup.ts'
import type { Controller, ControllerName } from './controller.ts'
import { enableRefusal, threadedRefusal } from './domain.ts'
import { bringOnline, changed, hasController, takeOffline } from './tree.ts'

/** What may be enabled for the children of a cgroup. cgroup_control() */
export function available(cgroup: Cgroup): readonly Controller[] {
  const listed = cgroup.hierarchy.controllers.filter((each) => !each.implicit)
  const { parent } = cgroup
  return parent
    ? listed.filter(({ name, threaded }) => parent.subtreeControl.has(name) && (!cgroup.isThreaded || threaded))
    : listed
}

/** `+memory -io`: the last mention of a name counts. */
export function parseControl(
  cgroup: Cgroup,
  text: string,
): { readonly enable: Set<ControllerName>; readonly disable: Set<ControllerName> } | Denied {
  const enable = new Set<ControllerName>()
  const disable = new Set<ControllerName>()
  for (const token of text.trim().split(' ')) {
    if (token === '') continue
    // perf_event and those of a version 1 hierarchy are known, but not available (CG-003).
    const name = token.slice(1) as ControllerName
    const known = cgroup.hierarchy.controllers.find((each) => each.name === name)
    if ((!known && !elsewhere.has(name)) || (token[0] !== '+' && token[0] !== '-'))
      return deny('EINVAL', 'CG-003', `cgroup.subtree_control: ${token} is not + or - and a controller`)
    const [to, from] = token[0] === '+' ? [enable, disable] : [disable, enable]
    to.add(name)
    from.delete(name)
  }
  return { enable, disable }
}

/** Controllers that version 2 has, whether this machine's version 2 hierarchy has them or a version 1 one. */
const elsewhere: ReadonlySet<ControllerName> = new Set([
  'cpuset',
  'cpu',
  'io',
  'memory',
  'hugetlb',
  'pids',
  'rdma',
  'misc',
])

/**
 * Writes cgroup.subtree_control.
 *
 * @errors EINVAL, ENOENT not available here, EBUSY a child hands it on or processes are here, EOPNOTSUPP in threaded mode
 */
export function writeControl(cgroup: Cgroup, text: string, task: Task): Denied | undefined {
  const parsed = parseControl(cgroup, text)
  if ('errno' in parsed) return parsed
  const { enable, disable } = parsed
  const may = new Set(available(cgroup).map(({ name }) => name))
  for (const { name } of cgroup.hierarchy.controllers) {
    if (enable.has(name)) {
      if (cgroup.subtreeControl.has(name)) enable.delete(name)
      else if (!may.has(name))
        return deny('ENOENT', 'CG-003', `cgroup.subtree_control: ${name} is not in cgroup.controllers`)
    } else if (disable.has(name)) {
      if (!cgroup.subtreeControl.has(name)) disable.delete(name)
      else
        for (const child of cgroup.children.values())
          if (child.subtreeControl.has(name))
            return deny('EBUSY', 'CG-003', `cgroup.subtree_control: a child gives ${name} to its own children`)
    }
  }
  if (enable.size === 0 && disable.size === 0) return undefined
  for (const name of enable)
    if (!may.has(name)) return deny('ENOENT', 'CG-003', `cgroup.subtree_control: ${name} is not in cgroup.controllers`)
  const refusal = enableRefusal(cgroup, [...enable])
  if (refusal) return refusal
  const names = new Set(cgroup.subtreeControl)
  for (const name of enable) names.add(name)
  for (const name of disable) names.delete(name)
  cgroup.subtreeControl = names
  const owner = { uid: task.credentials.fsuid, gid: task.credentials.fsgid }
  for (const child of cgroup.children.values()) applyControl(child, owner)
  return undefined
}

/** Writes cgroup.type: a cgroup joins the thread domain of its parent (CG-014). */
export function makeThreaded(cgroup: Cgroup, task: Task): Denied | undefined {
  const refusal = threadedRefusal(cgroup)
  if (refusal || cgroup.isThreaded) return refusal
  const { domain } = cgroup.parent!
  for (const below of preOrder(cgroup)) if (below === cgroup || below.isThreaded) below.domain = domain
  cgroup.parent!.threadedChildren += 1
  applyControl(cgroup, { uid: task.credentials.fsuid, gid: task.credentials.fsgid })
  return undefined
}

/** Gives a subtree the controllers that it is to have now, and takes the others; tasks inside count where they now do. */
function applyControl(top: Cgroup, owner: Owner): void {
  const { controllers } = top.hierarchy
  for (const cgroup of preOrder(top))
    for (const controller of controllers) {
      const has = cgroup.held.has(controller.name)
      if (has || !hasController(cgroup, controller)) continue
      const from = effectiveState(cgroup, controller)
      bringOnline(cgroup, controller, owner)
      recount(cgroup, controller, from)
    }
  for (const cgroup of [...preOrder(top)].reverse())
    for (const controller of controllers.toReversed()) {
      const held = cgroup.held.get(controller.name)
      if (!held || hasController(cgroup, controller)) continue
      const to = effectiveState(cgroup.parent!, controller)
      if (cgroup.tasks.size > 0) controller.attach?.(held.state, to, [...cgroup.tasks])
      takeOffline(cgroup, controller)
      for (const file of controller.files ?? []) changed(cgroup, file.name)
    }
}

function recount(cgroup: Cgroup, controller: Controller, from: unknown): void {
  if (cgroup.tasks.size > 0) controller.attach?.(from, effectiveState(cgroup, controller), [...cgroup.tasks])
}
