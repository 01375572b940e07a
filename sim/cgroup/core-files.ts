// The files of version 2 that every cgroup has, whatever its controllers. cgroup-v2.rst "Core Interface Files"

import { localStatText, statText } from '../cpu/stat.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { type Cgroup, preOrder } from './cgroup.ts'
import { available, makeThreaded, writeControl } from './control.ts'
import type { CgroupFile, ControllerName } from './controller.ts'
import { typeOf } from './domain.ts'
import { frozenNs, setFreeze } from './freeze.ts'
import { writeMembers } from './migrate.ts'
import { intRange, parseInteger, shown, strip } from './numbers.ts'
import { newerThan, pressure } from './pressure-files.ts'

const SIGKILL = 9

/** 0 or 1; other numbers are ERANGE (CG-011, CG-013). */
function parseSwitch(text: string, name: string, rule: string): boolean | Denied {
  const value = parseInteger(strip(text))
  if (isDenied(value)) return value.errno === 'ERANGE' ? value : deny('EINVAL', rule, `${name}: 0 or 1`)
  if (value !== 0 && value !== 1) return deny('ERANGE', rule, `${name}: 0 or 1`)
  return value === 1
}

/** `max`, or a number that is not negative (CG-009). */
function parseMax(text: string, name: string): number | undefined | Denied {
  const word = strip(text)
  if (word === 'max') return undefined
  const value = parseInteger(word, intRange)
  if (isDenied(value)) return deny(value.errno, 'CG-009', `${name}: max, or 0 to 2147483647`)
  if (value < 0) return deny('ERANGE', 'CG-009', `${name}: max, or 0 to 2147483647`)
  return value === Number(intRange.max) ? undefined : value
}

const numbersOf = (tasks: Iterable<Task>, reader: Task, whole: boolean): string => {
  const numbers = new Set<number>()
  const unseen: number[] = []
  for (const task of tasks) {
    const entry = whole ? task.process.leader.entry : task.entry
    const number = entry.in(reader.pidNamespace)
    if (number === undefined) unseen.push(0)
    else numbers.add(number)
  }
  return [...unseen, ...[...numbers].sort((a, b) => a - b)].map((number) => `${number}\n`).join('')
}

/** Processes of a cgroup, those of threaded cgroups at the root of their domain (CG-014). */
function* processTasks(cgroup: Cgroup): Generator<Task> {
  const seen = new Set<unknown>()
  const own = function* (at: Cgroup): Generator<Task> {
    for (const task of at.tasks)
      if (!seen.has(task.process)) {
        seen.add(task.process)
        yield task
      }
  }
  yield* own(cgroup)
  if (cgroup.threadedChildren > 0) for (const below of preOrder(cgroup)) if (below.domain === cgroup) yield* own(below)
}

export function members(cgroup: Cgroup, reader: Task): string {
  return numbersOf(processTasks(cgroup), reader, true)
}

export function threads(cgroup: Cgroup, reader: Task): string {
  return numbersOf(cgroup.tasks, reader, false)
}

/** SIGKILL to all; the first process of a pid namespace ignores it from inside (PID-103). __cgroup_kill() */
function kill(cgroup: Cgroup, by: Task): Denied | undefined {
  if (cgroup.isThreaded)
    return deny('EOPNOTSUPP', 'CG-014', 'cgroup.kill: a threaded cgroup holds threads, not processes')
  const victims = new Map<unknown, Task>()
  for (const below of preOrder(cgroup)) for (const task of below.tasks) victims.set(task.process, task)
  for (const task of victims.values()) task.kernel.sendSignal(task, SIGKILL, by)
  return undefined
}

function stat(cgroup: Cgroup, detailed: boolean): string {
  const lines = [`nr_descendants ${cgroup.descendants}`]
  const listed = cgroup.hierarchy.controllers.map(({ name }) => name)
  const inSubtree = (name: ControllerName): number => {
    const held = cgroup.held.get(name)
    return held === undefined ? 0 : held.descendants + 1
  }
  if (detailed) for (const name of listed) lines.push(`nr_subsys_${name} ${inSubtree(name)}`)
  lines.push(`nr_dying_descendants ${cgroup.dyingDescendants}`)
  // What a controller leaves behind is not counted apart from the cgroup that it belonged to.
  if (detailed) for (const name of listed) lines.push(`nr_dying_subsys_${name} 0`)
  return `${lines.join('\n')}\n`
}

export const coreFiles: readonly CgroupFile[] = [
  {
    name: 'cgroup.type',
    where: 'notRoot',
    read: ({ cgroup }) => `${typeOf(cgroup)}\n`,
    write: ({ cgroup, task }, text) =>
      strip(text) === 'threaded'
        ? makeThreaded(cgroup, task)
        : deny('EINVAL', 'CG-014', 'cgroup.type: only threaded can be written, and there is no way back'),
  },
  {
    name: 'cgroup.procs',
    delegatable: true,
    read: ({ cgroup, task }) =>
      cgroup.isThreaded
        ? deny('EOPNOTSUPP', 'CG-014', 'cgroup.procs: processes are listed at the root of the thread domain')
        : members(cgroup, task),
    write: ({ cgroup, task, opened }, text) => writeMembers(cgroup, text, task, opened, true),
  },
  {
    name: 'cgroup.threads',
    delegatable: true,
    read: ({ cgroup, task }) => threads(cgroup, task),
    write: ({ cgroup, task, opened }, text) => writeMembers(cgroup, text, task, opened, false),
  },
  {
    name: 'cgroup.controllers',
    read: ({ cgroup }) => list(available(cgroup).map(({ name }) => name)),
  },
  {
    name: 'cgroup.subtree_control',
    delegatable: true,
    read: ({ cgroup }) =>
      list(cgroup.hierarchy.controllers.map(({ name }) => name).filter((name) => cgroup.subtreeControl.has(name))),
    write: ({ cgroup, task }, text) => writeControl(cgroup, text, task),
  },
  {
    name: 'cgroup.events',
    where: 'notRoot',
    read: ({ cgroup }) => `populated ${cgroup.populated ? 1 : 0}\nfrozen ${cgroup.frozen ? 1 : 0}\n`,
  },
  {
    name: 'cgroup.max.descendants',
    read: ({ cgroup }) => `${shown(cgroup.maxDescendants)}\n`,
    write: ({ cgroup }, text) => {
      const max = parseMax(text, 'cgroup.max.descendants')
      if (isDenied(max)) return max
      cgroup.maxDescendants = max
      return undefined
    },
  },
  {
    name: 'cgroup.max.depth',
    read: ({ cgroup }) => `${shown(cgroup.maxDepth)}\n`,
    write: ({ cgroup }, text) => {
      const max = parseMax(text, 'cgroup.max.depth')
      if (isDenied(max)) return max
      cgroup.maxDepth = max
      return undefined
    },
  },
  { name: 'cgroup.stat', read: ({ cgroup }) => stat(cgroup, newerThan(cgroup, 6, 12)) },
  {
    name: 'cgroup.stat.local',
    where: 'notRoot',
    exists: (cgroup) => newerThan(cgroup, 6, 18),
    read: ({ cgroup, task }) => `frozen_usec ${Math.floor(frozenNs(cgroup, task.kernel.clock.nowNs) / 1000)}\n`,
  },
  {
    name: 'cgroup.freeze',
    where: 'notRoot',
    read: ({ cgroup }) => `${cgroup.freeze ? 1 : 0}\n`,
    write: ({ cgroup }, text) => {
      const freeze = parseSwitch(text, 'cgroup.freeze', 'CG-011')
      if (isDenied(freeze)) return freeze
      setFreeze(cgroup, freeze)
      return undefined
    },
  },
  {
    name: 'cgroup.kill',
    where: 'notRoot',
    write: ({ cgroup, task }, text) => {
      const value = parseSwitch(text, 'cgroup.kill', 'CG-013')
      if (isDenied(value)) return value
      return value ? kill(cgroup, task) : deny('ERANGE', 'CG-013', 'cgroup.kill: only 1 can be written')
    },
  },
  {
    name: 'cgroup.pressure',
    exists: (cgroup) => newerThan(cgroup, 6, 1),
    read: ({ cgroup }) => `${cgroup.pressure ? 1 : 0}\n`,
    write: ({ cgroup }, text) => {
      const value = parseSwitch(text, 'cgroup.pressure', 'cgroup-v2.rst')
      if (isDenied(value)) return value
      cgroup.pressure = value
      return undefined
    },
  },
  { name: 'cpu.stat', read: ({ cgroup, task }) => statText(task.kernel, cgroup) },
  { name: 'cpu.stat.local', exists: (cgroup) => newerThan(cgroup, 6, 6), read: ({ cgroup }) => localStatText(cgroup) },
  pressure('io.pressure'),
  pressure('memory.pressure'),
  pressure('cpu.pressure'),
]

/** Nothing at all when there is none. cgroup_print_ss_mask() */
const list = (names: readonly string[]): string => (names.length > 0 ? `${names.join(' ')}\n` : '')
