// What tests of resource controllers need: children in cgroups, memory that they touch, time that they compute.

import { isBlocked, type Outcome } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'
import { call, value } from './sim.ts'
import { makeGroup, pidOf, readFile, writeFile } from './sim-cgroups.ts'

export const MiB = 2 ** 20

/** A cgroup below the root with some files written. */
export function group(init: Task, name: string, files: Readonly<Record<string, string>> = {}): void {
  makeGroup(init, name)
  for (const [file, text] of Object.entries(files)) {
    const result = writeFile(init, `${name}/${file}`, text)
    if (result !== 'OK') throw new Error(`${name}/${file}: ${result}`)
  }
}

/** A file of keys and numbers, one pair a line. */
export const figures = (init: Task, path: string): Record<string, number> =>
  Object.fromEntries(
    readFile(init, path)
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]),
  )

/** What writing each text answers, and what the file says then. */
export const written = (init: Task, path: string, ...texts: readonly string[]): string[] =>
  texts.map((text) => `${writeFile(init, path, text)} ${readFile(init, path).trim()}`)

/** A child process, moved into a cgroup (of version 2, or of the hierarchies of version 1). */
export function childIn(init: Task, ...names: readonly string[]): Task {
  value(init, { name: 'fork' })
  const child = init.kernel.lastBorn!
  for (const name of names) {
    const result = writeFile(init, `${name}/cgroup.procs`, `${pidOf(child)}`)
    if (result !== 'OK') throw new Error(`${name}: ${result}`)
  }
  return child
}

/** Anonymous memory, private unless said otherwise. Answers its address. */
export const map = (task: Task, bytes: number, flags = 0x22): number =>
  value(task, { name: 'mmap', addr: 0, length: bytes, prot: 3, flags, fd: -1, offset: 0 })

/** MADV_POPULATE_WRITE */
export const touch = (task: Task, addr: number, bytes: number): Outcome =>
  call(task, { name: 'madvise', addr, length: bytes, advice: 23 })

/** Maps and touches; answers the address. */
export function use(task: Task, bytes: number): number {
  const address = map(task, bytes)
  touch(task, address, bytes)
  return address
}

/** How it ended: `sig9`; undefined while it lives. */
export const ending = ({ process }: Task): string | undefined =>
  process.ending && (process.ending.signal ? `sig${process.ending.signal}` : `exit${process.ending.code}`)

/** A task begins to compute. */
export function compute(task: Task, usec: number): void {
  const reply = task.kernel.cpu!.consume(task, usec)
  if (typeof reply === 'object' && isBlocked(reply)) task.kernel.scheduler.block(task, reply)
}

/** Children in these cgroups that compute for ever. */
export function busy(init: Task, ...names: readonly string[]): Task[] {
  const children = names.map((name) => childIn(init, name))
  for (const child of children) compute(child, 1e12)
  return children
}

/** Lets so much virtual time pass. */
export function pass(init: Task, usec: number): void {
  const { clock, scheduler } = init.kernel
  const untilNs = clock.nowNs + usec * 1000
  while ((clock.next() ?? Number.POSITIVE_INFINITY) <= untilNs) {
    clock.advance(untilNs)
    scheduler.settle()
  }
  clock.advance(untilNs)
  scheduler.settle()
}
