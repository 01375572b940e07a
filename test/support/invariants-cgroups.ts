// Cgroups: every live task is in exactly one of each hierarchy; what each keeps of those below it is what is there.

import { type Cgroup, type Hierarchy, preOrder } from '../../sim/cgroup/cgroup.ts'
import type { Task } from '../../sim/task.ts'
import type { Everything } from './invariants.ts'

export function cgroupFaults({ kernel }: Everything): string[] {
  const { hierarchies } = kernel.cgroups
  return hierarchies.flatMap((hierarchy) => [
    ...memberFaults(hierarchy, [...kernel.tasks.values()]),
    ...Array.from(preOrder(hierarchy.root)).flatMap(treeFaults),
  ])
}

const nameOf = ({ hierarchy, name }: Cgroup) => `cgroup ${name || '/'} of hierarchy ${hierarchy.id}`

function memberFaults(hierarchy: Hierarchy, tasks: readonly Task[]): string[] {
  const faults: string[] = []
  const places = new Map<Task, Cgroup[]>()
  for (const cgroup of preOrder(hierarchy.root))
    for (const task of cgroup.tasks) places.set(task, [...(places.get(task) ?? []), cgroup])
  for (const task of tasks) {
    const found = places.get(task) ?? []
    const own = task.cgroups.get(hierarchy)
    places.delete(task)
    const who = `task ${task.id} (${task.state})`
    if (own === undefined) faults.push(`${who}: in no cgroup of hierarchy ${hierarchy.id}`)
    else if (!task.alive && found.length > 0) faults.push(`${who}: still a member of ${nameOf(own)}`)
    else if (task.alive && (found.length !== 1 || found[0] !== own))
      faults.push(`${who}: says ${nameOf(own)}, is in ${found.map(nameOf).join(', ') || 'none'}`)
    if (task.alive && own?.dead) faults.push(`${who}: in a cgroup that was removed`)
    if (task.alive && own && hierarchy.version === 2 && own.frozen !== (task.frozen === 2))
      faults.push(`${who}: ${task.frozen ? 'frozen' : 'not frozen'}, unlike its cgroup`)
  }
  for (const [task] of places) faults.push(`task ${task.id} (${task.state}) is gone, and in a cgroup`)
  return faults
}

function treeFaults(cgroup: Cgroup): string[] {
  const faults: string[] = []
  const children = [...cgroup.children.values()]
  const same = (what: string, kept: number, counted: number) => {
    if (kept !== counted) faults.push(`${nameOf(cgroup)}: ${what} is ${kept}, counted ${counted}`)
  }
  same('descendants', cgroup.descendants, [...preOrder(cgroup)].length - 1)
  same('threadedChildren', cgroup.threadedChildren, children.filter((child) => child.isThreaded).length)
  const populated = children.filter((child) => child.populated)
  same('populatedThreadedChildren', cgroup.populatedThreadedChildren, populated.filter((c) => c.isThreaded).length)
  same('populatedDomainChildren', cgroup.populatedDomainChildren, populated.filter((c) => !c.isThreaded).length)
  for (const [name, held] of cgroup.held) {
    const below = [...preOrder(cgroup)].filter((other) => other !== cgroup && other.held.has(name))
    same(`descendants with ${name}`, held.descendants, below.length)
  }
  if (cgroup.dead) faults.push(`${nameOf(cgroup)}: removed, and in the tree`)
  for (const child of children) {
    if (child.parent !== cgroup) faults.push(`${nameOf(child)}: its parent is another`)
    for (const name of child.held.keys())
      if (!cgroup.held.has(name)) faults.push(`${nameOf(child)}: has ${name}, its parent has not`)
    if (cgroup.frozen && !child.frozen) faults.push(`${nameOf(child)}: not frozen, unlike its parent`)
  }
  return faults
}
