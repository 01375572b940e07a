// Time of processors: shared by weight, cut by quota, counted up the tree. cgroup-v2.rst, CPU; sched-bwc.rst

import { beforeEach, describe, expect, it } from 'vitest'
import type { Run } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { pidOf, writeFile } from '../../support/sim-cgroups.ts'
import { busy, childIn, compute, figures, group, pass } from '../../support/sim-resources.ts'
import { become } from '../../support/sim-tasks.ts'

let init: Task

const start = (cpus = 1, version: readonly [number, number] = [6, 12]) => {
  init = boot({ cpus, version }).init
  writeFile(init, 'cgroup.subtree_control', '+cpu +cpuset')
}
const stat = (name: string) => figures(init, `${name}/cpu.stat`)
const usage = (name: string) => stat(name).usage_usec!
const second = 1_000_000

beforeEach(() => start())

describe('sharing', () => {
  it('CPU-007: siblings of weights 100 and 300 share a processor 1 to 3, however many tasks each has', () => {
    group(init, 'a', { 'cpu.weight': '100' })
    group(init, 'b', { 'cpu.weight': '300' })
    busy(init, 'a', 'a', 'b')
    pass(init, 4 * second)
    expect([usage('a'), usage('b')]).toEqual([second, 3 * second])
  })

  it('CPU-007, CPU-104: what a sibling does not use is given to the others; alone, any weight has all', () => {
    group(init, 'a', { 'cpu.weight': '1' })
    group(init, 'b')
    const child = childIn(init, 'b')
    compute(child, 500_000)
    pass(init, second)
    busy(init, 'a')
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([second, 500_000])
  })

  it('CPU-007: nested weights are parts of their parents’ part', () => {
    for (const name of ['a', 'b']) group(init, name)
    writeFile(init, 'a/cgroup.subtree_control', '+cpu')
    group(init, 'a/x', { 'cpu.weight': '100' })
    group(init, 'a/y', { 'cpu.weight': '300' })
    busy(init, 'a/x', 'a/y', 'b')
    pass(init, 8 * second)
    expect(['a', 'b', 'a/x', 'a/y'].map(usage)).toEqual([4, 4, 1, 3].map((part) => part * second))
  })

  it('nobody has more than one processor, and the rest goes to the others', () => {
    start(2)
    group(init, 'a', { 'cpu.weight': '900' })
    group(init, 'b', { 'cpu.weight': '100' })
    busy(init, 'a', 'b', 'b')
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([second, second])
  })

  it('three tasks have two thirds of two processors each', () => {
    start(2)
    group(init, 'a')
    const children = busy(init, 'a', 'a', 'a')
    pass(init, 3 * second)
    init.kernel.cpu!.update()
    expect(children.map(({ cpuNs }) => Math.round(cpuNs / 1e6))).toEqual([2000, 2000, 2000])
  })

  it('CPU-009: an idle cgroup has next to nothing while others compute', () => {
    group(init, 'a', { 'cpu.idle': '1' })
    group(init, 'b')
    busy(init, 'a', 'b')
    pass(init, second)
    expect(usage('a')).toBe(Math.round((second * 3) / 1027))
  })

  it('a nice value weighs among the tasks of a cgroup, and is counted apart', () => {
    group(init, 'a')
    const [one, other] = busy(init, 'a', 'a')
    value(other!, { name: 'setpriority', which: 0, who: 0, prio: 5 })
    pass(init, second)
    init.kernel.cpu!.update()
    expect((one!.cpuNs / other!.cpuNs).toFixed(3)).toBe((1024 / 335).toFixed(3))
    expect(Math.abs(stat('a').nice_usec! - other!.cpuNs / 1000)).toBeLessThan(1)
    expect(value(other!, { name: 'getpriority', which: 0, who: 0 })).toBe(15)
    become(other!, { uid: 1000 })
    const nice = (who: number, prio: number) => errno(call(other!, { name: 'setpriority', which: 0, who, prio }))
    expect([nice(0, 4), nice(0, 6), nice(1, 6), nice(99, 6)]).toEqual(['EACCES', undefined, 'EPERM', 'ESRCH'])
  })
})

describe('quota', () => {
  it('CPU-006: a fifth of a processor takes five times as long, to the microsecond', () => {
    group(init, 'a', { 'cpu.max': '20000 100000' })
    const child = childIn(init, 'a')
    compute(child, 200_000)
    expect(init.kernel.finish(child)).toEqual({ value: 0 })
    // Nine whole periods, and what is left in the tenth.
    expect(init.kernel.clock.nowNs).toBe(920e6)
    expect(stat('a')).toMatchObject({ usage_usec: 200_000, nr_periods: 9, nr_throttled: 9, throttled_usec: 720_000 })
  })

  it('CPU-101: several tasks use the quota up sooner and then all stand still; each processor counts', () => {
    start(2)
    group(init, 'a', { 'cpu.max': '20000 100000' })
    busy(init, 'a', 'a')
    pass(init, second)
    expect(stat('a')).toMatchObject({
      usage_usec: 200_000,
      nr_periods: 10,
      nr_throttled: 10,
      throttled_usec: 1_800_000,
    })
  })

  it('CPU-105: a quota above the period gives several processors', () => {
    start(2)
    group(init, 'a', { 'cpu.max': '150000 100000' })
    busy(init, 'a', 'a')
    pass(init, second)
    expect(usage('a')).toBe(1_500_000)
  })

  it('CPU-006: the quota is that of all below together', () => {
    start(4)
    group(init, 'a', { 'cpu.max': '50000 100000' })
    writeFile(init, 'a/cgroup.subtree_control', '+cpu')
    for (const name of ['a/x', 'a/y']) group(init, name)
    busy(init, 'a/x', 'a/y')
    pass(init, second)
    expect(['a', 'a/x', 'a/y'].map(usage)).toEqual([500_000, 250_000, 250_000])
  })

  it('CPU-004: unused quota is kept up to the burst', () => {
    group(init, 'a', { 'cpu.max': '20000 100000', 'cpu.max.burst': '20000' })
    const child = childIn(init, 'a')
    compute(child, 10_000)
    pass(init, 250_000)
    init.kernel.finish(child)
    compute(child, 40_000)
    init.kernel.finish(child)
    expect(stat('a')).toMatchObject({ usage_usec: 50_000, nr_throttled: 0 })
    pass(init, 100_000)
    expect(stat('a')).toMatchObject({ nr_bursts: 1, burst_usec: 20_000 })
  })

  it('CPU-006: lifting the quota ends the wait', () => {
    group(init, 'a', { 'cpu.max': '10000 1000000' })
    const child = childIn(init, 'a')
    compute(child, 50_000)
    pass(init, 100_000)
    writeFile(init, 'a/cpu.max', 'max')
    init.kernel.finish(child)
    expect(init.kernel.clock.nowNs).toBe(140e6)
  })
})

describe('tasks', () => {
  it('a stopped or frozen task gets no time, a killed one leaves it to others', () => {
    for (const name of ['a', 'b']) group(init, name)
    const [child] = busy(init, 'a', 'b')
    const pid = pidOf(child!)
    value(init, { name: 'kill', pid, sig: 19 })
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([0, second])
    value(init, { name: 'kill', pid, sig: 18 })
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([500_000, 1_500_000])
    writeFile(init, 'a/cgroup.freeze', '1')
    pass(init, second)
    writeFile(init, 'a/cgroup.freeze', '0')
    value(init, { name: 'kill', pid, sig: 9 })
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([500_000, 3_500_000])
  })

  it('a signal with a handler ends a computation before its time, and tells what is left', () => {
    group(init, 'a')
    const child = childIn(init, 'a')
    child.process.actions.set(10, { disposition: 'handler', flags: 0, mask: 0n })
    compute(child, 1000)
    pass(init, 400)
    value(init, { name: 'kill', pid: pidOf(child), sig: 10 })
    expect(child.finished).toEqual({ value: 600 })
  })

  it('time counts for the cgroup in which it was had', () => {
    for (const name of ['a', 'b']) group(init, name)
    const [child] = busy(init, 'a')
    pass(init, second)
    writeFile(init, 'b/cgroup.procs', `${pidOf(child!)}`)
    pass(init, 2 * second)
    expect([usage('a'), usage('b')]).toEqual([second, 2 * second])
  })

  it('tasks of one processor share it, and leave the others to the rest', () => {
    start(2)
    group(init, 'a', { 'cpuset.cpus': '0' })
    group(init, 'b')
    busy(init, 'a', 'a', 'b')
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([second, second])
  })

  it('CPU-102: cpu.max changes nothing about where a task may run', () => {
    start(2)
    group(init, 'a', { 'cpu.max': '10000 100000' })
    const outcome = call(childIn(init, 'a'), { name: 'sched_getaffinity', pid: 0, cpusetsize: 8, mask: 8 })
    expect('data' in outcome && outcome.data?.[0]).toBe(3)
  })

  it('a program computes between its calls', () => {
    group(init, 'a', { 'cpu.max': '50000 100000' })
    const child = childIn(init, 'a')
    const ended: number[] = []
    function* program(): Run {
      for (let turn = 0; turn < 3; turn++) {
        yield { computeUsec: 50_000 }
        ended.push(init.kernel.clock.nowNs / 1e6)
      }
      return 7
    }
    child.run = program()
    init.kernel.scheduler.runnable.add(child)
    runUntil(init.kernel, () => !child.alive)
    expect(ended).toEqual([50, 150, 250])
    expect(child.process.ending).toEqual({ code: 7, signal: 0 })
    value(init, { name: 'wait4', pid: -1, wstatus: 4, options: 0, rusage: 0 })
  })

  it('the same computations give the same times', () => {
    const play = () => {
      start(2)
      for (const name of ['a', 'b', 'c']) group(init, name, { 'cpu.weight': `${name.charCodeAt(0)}` })
      writeFile(init, 'c/cpu.max', '30000 100000')
      busy(init, 'a', 'b', 'b', 'c')
      pass(init, second)
      return ['a', 'b', 'c'].map(usage)
    }
    expect(play()).toEqual(play())
  })
})
