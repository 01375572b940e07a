// Tasks, processes and their numbers: who is seen is seen from all pid namespaces above, families agree on both sides.

import { PidNamespace } from '../../sim/ns/pid.ts'
import type { Everything } from './invariants.ts'

export function taskFaults({ kernel, all }: Everything): string[] {
  const faults: string[] = []
  const processes = new Set(Array.from(kernel.tasks.values(), ({ process }) => process))
  for (const task of kernel.tasks.values()) {
    const { entry, process } = task
    const who = `task ${task.id} (${task.state})`
    if (entry.task !== task) faults.push(`${who}: its number stands for another task`)
    for (let at: PidNamespace | undefined = entry.namespace; at; at = at.parent)
      if (at.entries.get(entry.numbers[at.level]!) !== entry)
        faults.push(`${who}: not visible in the pid namespace of level ${at.level} with ${entry.numbers[at.level]}`)
    if (!process.tasks.has(task)) faults.push(`${who}: not among the threads of its process`)
    if ((task.blocked !== undefined) !== (task.state === 'waiting') && task.alive && task.state !== 'stopped')
      if (task.frozen === undefined) faults.push(`${who}: ${task.blocked ? 'waits' : 'waits for nothing'}`)
    if (!task.alive && task.blocked) faults.push(`${who}: waits though it has ended`)
  }
  for (const namespace of all(PidNamespace))
    for (const [number, entry] of namespace.entries) {
      const who = `number ${number} in pid:[${namespace.ino}]`
      if (!entry.namespace.isBelow(namespace)) faults.push(`${who}: not of a namespace below`)
      if (entry.numbers[namespace.level] !== number) faults.push(`${who}: is ${entry.numbers[namespace.level]} there`)
      if (!entry.task && entry.group.size === 0 && entry.session.size === 0) faults.push(`${who}: nobody bears it`)
      if (entry.task && kernel.tasks.get(entry.task.id) !== entry.task) faults.push(`${who}: of a task that is gone`)
    }
  for (const process of processes) {
    const who = `process of task ${process.leader.id}`
    const { parent } = process
    if (parent && !parent.children.has(process)) faults.push(`${who}: no child of its parent`)
    if (parent && !processes.has(parent)) faults.push(`${who}: its parent is gone`)
    if (!parent && process !== kernel.init.process) faults.push(`${who}: it has no parent`)
    for (const child of process.children) {
      if (child.parent !== process) faults.push(`${who}: one of its children has another parent`)
      if (!processes.has(child)) faults.push(`${who}: one of its children is gone`)
    }
    for (const child of process.news) if (!process.children.has(child)) faults.push(`${who}: news of no child`)
    if (!process.group.group.has(process)) faults.push(`${who}: not in its process group`)
    if (!process.session.session.has(process)) faults.push(`${who}: not in its session`)
    if (process.zombie && process.leader.state !== 'zombie') faults.push(`${who}: a zombie that lives`)
    for (const mate of process.group.group)
      if (mate.session !== process.session) faults.push(`${who}: its process group is in two sessions`)
  }
  return faults
}
