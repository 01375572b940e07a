// Whatever tasks do with their memory: what a cgroup counts is the sum of what lives in it and below.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { MemoryGroup } from '../../../sim/cgroup/memory/group.ts'
import type { Extent } from '../../../sim/extent.ts'
import type { PageKind } from '../../../sim/memory.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call } from '../../support/sim.ts'
import { pidOf, writeFile } from '../../support/sim-cgroups.ts'
import { childIn, group } from '../../support/sim-resources.ts'

const places = ['a', 'b', 'b/c'] as const
const at = { who: fc.nat(7), page: fc.nat(60), pages: fc.integer({ min: 1, max: 40 }) }
const step = fc.oneof(
  fc.record({ act: fc.constant('touch' as const), ...at }),
  fc.record({ act: fc.constant('unmap' as const), ...at }),
  fc.record({ act: fc.constant('map' as const), ...at }),
  fc.record({ act: fc.constant('drop' as const), ...at }),
  fc.record({ act: fc.constantFrom('fork' as const, 'exit' as const), ...at }),
  fc.record({ act: fc.constantFrom('move' as const, 'limit' as const, 'reclaim' as const), ...at }),
)

const base = 0x10000000

function act(init: Task, tasks: Task[], one: { act: string; who: number; page: number; pages: number }): void {
  const task = tasks[one.who % tasks.length]!
  const addr = base + one.page * 4096
  const length = one.pages * 4096
  const place = places[one.page % places.length]!
  if (!task.alive) return
  if (one.act === 'map') call(task, { name: 'mmap', addr, length, prot: 3, flags: 0x32, fd: -1, offset: 0 })
  else if (one.act === 'unmap') call(task, { name: 'munmap', addr, length })
  else if (one.act === 'touch') call(task, { name: 'madvise', addr, length, advice: 23 })
  else if (one.act === 'drop') call(task, { name: 'madvise', addr, length, advice: 4 })
  else if (one.act === 'fork') {
    const before = init.kernel.lastBorn
    call(task, { name: 'fork' })
    if (init.kernel.lastBorn !== before) tasks.push(init.kernel.lastBorn!)
  } else if (one.act === 'exit') call(init, { name: 'kill', pid: pidOf(task), sig: 9 })
  else if (one.act === 'move') writeFile(init, `${place === 'b' ? 'a' : place}/cgroup.procs`, `${pidOf(task)}`)
  else if (one.act === 'limit')
    writeFile(init, `${place}/memory.max`, one.who % 2 ? 'max' : `${(one.pages + 20) * 4096}`)
  else writeFile(init, `${place}/memory.reclaim`, `${length}`)
}

function check(init: Task, tasks: readonly Task[]): void {
  const living = new Set<Extent>()
  for (const task of tasks)
    for (const { pieces } of task.process.image.space?.regions ?? [])
      for (const { extent } of pieces) living.add(extent)
  const walk = (one: MemoryGroup): void => {
    const kinds = Object.keys(one.total) as PageKind[]
    for (const kind of kinds) {
      let sum = one.own[kind]
      for (const child of one.children) sum += child.total[kind]
      expect(one.total[kind]).toBe(sum)
      expect(one.own[kind]).toBeGreaterThanOrEqual(0)
    }
    expect(one.usage).toBe(kinds.reduce((sum, kind) => sum + one.total[kind], 0))
    let swap = one.ownSwap
    for (const child of one.children) swap += child.swapUsage
    expect(one.swapUsage).toBe(swap)
    const held = [...living].filter(({ payer }) => payer === one)
    expect(one.ownSwap).toBe(held.reduce((sum, { swappedPages }) => sum + swappedPages, 0))
    expect(one.own.anon).toBe(held.reduce((sum, { livePages, swappedPages }) => sum + livePages - swappedPages, 0))
    for (const child of one.children) walk(child)
  }
  walk(init.kernel.memory!.root)
}

it('counts up the tree, in memory and in swap, exactly what is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, swap) => {
      const { init } = boot(swap ? { swapBytes: 200 * 4096 } : {})
      writeFile(init, 'cgroup.subtree_control', '+memory')
      for (const name of places) {
        if (name === 'b/c') writeFile(init, 'b/cgroup.subtree_control', '+memory')
        group(init, name)
      }
      const tasks = [childIn(init, 'a'), childIn(init, 'b/c')]
      for (const one of steps) {
        act(init, tasks, one)
        check(init, tasks)
      }
      for (const task of tasks) call(init, { name: 'kill', pid: pidOf(task), sig: 9 })
      expect([init.kernel.memory!.root.total.anon, init.kernel.memory!.root.swapUsage]).toEqual([0, 0])
    }),
    { numRuns: 150 },
  )
})
