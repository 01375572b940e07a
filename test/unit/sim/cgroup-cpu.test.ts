// Time of processors: shared by weight, cut by quota, counted up the tree. cgroup-v2.rst, CPU; sched-bwc.rst

import { beforeEach, describe, expect, it } from 'vitest'
import type { Run } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { pidOf, readFile, writeFile } from '../../support/sim-cgroups.ts'
import { childIn, compute, group, pass } from '../../support/sim-resources.ts'
import { become } from '../../support/sim-tasks.ts'

let init: Task

const start = (cpus = 1, version: readonly [number, number] = [6, 12]) => {
  init = boot({ cpus, version }).init
  writeFile(init, 'cgroup.subtree_control', '+cpu +cpuset')
}
const set = (name: string, ...texts: string[]) =>
  texts.map((text) => `${writeFile(init, name, text)} ${readFile(init, name).trim()}`)
const stat = (name: string): Record<string, number> =>
  Object.fromEntries(
    readFile(init, `${name}/cpu.stat`)
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]),
  )
const usage = (name: string) => stat(name).usage_usec!
const second = 1_000_000
/** Children that compute for ever. */
const busy = (...names: string[]) => {
  const children = names.map((name) => childIn(init, name))
  for (const child of children) compute(child, 1e12)
  return children
}

beforeEach(() => start())

describe('files', () => {
  it('CPU-001: defaults', () => {
    group(init, 'a')
    const names = ['weight', 'weight.nice', 'max', 'max.burst', 'idle', 'uclamp.min', 'uclamp.max']
    expect(names.map((name) => readFile(init, `a/cpu.${name}`).trim())).toEqual([
      '100',
      '0',
      'max 100000',
      '0',
      '0',
      '0.00',
      'max',
    ])
    expect(readFile(init, 'cpu.weight')).toBe('ENOENT')
  })

  it('CPU-002: cpu.weight is 1 to 10000, cpu.weight.nice -20 to 19, and each is shown as the other', () => {
    group(init, 'a')
    expect(set('a/cpu.weight', '1', '10000', '0', '10001', '-1', 'abc', '100\n', ' 50 ', '1.5', 'max')).toEqual([
      'OK 1',
      'OK 10000',
      'ERANGE 10000',
      'ERANGE 10000',
      'EINVAL 10000',
      'EINVAL 10000',
      'OK 100',
      'EINVAL 100',
      'EINVAL 100',
      'EINVAL 100',
    ])
    expect(set('a/cpu.weight.nice', '-20', '19', '0', '20', '-21', 'x')).toEqual([
      'OK -20',
      'OK 19',
      'OK 0',
      'ERANGE 0',
      'ERANGE 0',
      'EINVAL 0',
    ])
    const weights = ['5', '0', '-20', '19'].map((nice) => {
      writeFile(init, 'a/cpu.weight.nice', nice)
      return readFile(init, 'a/cpu.weight').trim()
    })
    expect(weights).toEqual(['33', '100', '8668', '1'])
    writeFile(init, 'a/cpu.weight', '300')
    expect(readFile(init, 'a/cpu.weight.nice')).toBe('-5\n')
  })

  it('CPU-003: cpu.max is a quota and a period; what is no number behind is not looked at', () => {
    group(init, 'a')
    const texts = [
      '50000',
      '150000 100000',
      'max',
      'max 50000',
      '25000',
      '999',
      '1000 1000',
      '1000 999',
      '10000 1000000',
      '10000 1000001',
      'abc',
      '50000 abc',
      'max max',
      '-1',
      '0',
      '50000 100000 5',
      '100000\n',
      '  20000   40000  ',
      '999999999999999999',
    ]
    expect(set('a/cpu.max', ...texts)).toEqual([
      'OK 50000 100000',
      'OK 150000 100000',
      'OK max 100000',
      'OK max 50000',
      'OK 25000 50000',
      'EINVAL 25000 50000',
      'OK 1000 1000',
      'EINVAL 1000 1000',
      'OK 10000 1000000',
      'EINVAL 10000 1000000',
      'EINVAL 10000 1000000',
      'OK 50000 1000000',
      'OK max 1000000',
      'EINVAL max 1000000',
      'EINVAL max 1000000',
      'OK 50000 100000',
      'OK 100000 100000',
      'OK 20000 40000',
      'EINVAL 20000 40000',
    ])
  })

  it('CPU-004: cpu.max.burst is never above the quota', () => {
    group(init, 'a', { 'cpu.max': '50000 100000' })
    expect(set('a/cpu.max.burst', '10000', '50000', '50001', '100000', '0', 'x', '-1', 'max')).toEqual([
      'OK 10000',
      'OK 50000',
      'EINVAL 50000',
      'EINVAL 50000',
      'OK 0',
      'EINVAL 0',
      'EINVAL 0',
      'EINVAL 0',
    ])
    writeFile(init, 'a/cpu.max.burst', '30000')
    expect(set('a/cpu.max', '20000')).toEqual(['EINVAL 50000 100000'])
  })

  it('CPU-005: a child may have a larger quota than its parent; the smaller one counts', () => {
    group(init, 'a', { 'cpu.max': '20000 100000' })
    writeFile(init, 'a/cgroup.subtree_control', '+cpu')
    group(init, 'a/b', { 'cpu.max': '90000 100000' })
    busy('a/b')
    pass(init, second)
    expect(usage('a/b')).toBe(200_000)
  })

  it('CPU-008: cpu.stat is in every cgroup, with the controller or without', () => {
    group(init, 'a')
    group(init, 'a/b')
    expect(Object.keys(stat('a/b')).join(' ')).toBe(
      'usage_usec user_usec system_usec nice_usec nr_periods nr_throttled throttled_usec nr_bursts burst_usec',
    )
    busy('a/b')
    pass(init, second)
    expect([usage('a/b'), usage('a'), usage('')]).toEqual([second, second, second])
  })

  it('CPU-009: an idle cgroup has no weight to write', () => {
    group(init, 'a', { 'cpu.idle': '1' })
    expect([
      readFile(init, 'a/cpu.weight'),
      writeFile(init, 'a/cpu.weight', '5'),
      writeFile(init, 'a/cpu.weight.nice', '5'),
    ]).toEqual(['1\n', 'EINVAL', 'EINVAL'])
    expect(set('a/cpu.idle', '2', '0')).toEqual(['EINVAL 1', 'OK 0'])
    start(1, [6, 1])
    group(init, 'a', { 'cpu.idle': '1' })
    expect(readFile(init, 'a/cpu.weight')).toBe('0\n')
  })
})

describe('sharing', () => {
  it('CPU-007: siblings of weights 100 and 300 share a processor 1 to 3, however many tasks each has', () => {
    group(init, 'a', { 'cpu.weight': '100' })
    group(init, 'b', { 'cpu.weight': '300' })
    busy('a', 'a', 'b')
    pass(init, 4 * second)
    expect([usage('a'), usage('b')]).toEqual([second, 3 * second])
  })

  it('CPU-007, CPU-104: what a sibling does not use is given to the others; alone, any weight has all', () => {
    group(init, 'a', { 'cpu.weight': '1' })
    group(init, 'b')
    const child = childIn(init, 'b')
    compute(child, 500_000)
    pass(init, second)
    busy('a')
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([second, 500_000])
  })

  it('CPU-007: nested weights are parts of their parents’ part', () => {
    for (const name of ['a', 'b']) group(init, name)
    writeFile(init, 'a/cgroup.subtree_control', '+cpu')
    group(init, 'a/x', { 'cpu.weight': '100' })
    group(init, 'a/y', { 'cpu.weight': '300' })
    busy('a/x', 'a/y', 'b')
    pass(init, 8 * second)
    expect(['a', 'b', 'a/x', 'a/y'].map(usage)).toEqual([4, 4, 1, 3].map((part) => part * second))
  })

  it('nobody has more than one processor, and the rest goes to the others', () => {
    start(2)
    group(init, 'a', { 'cpu.weight': '900' })
    group(init, 'b', { 'cpu.weight': '100' })
    busy('a', 'b', 'b')
    pass(init, second)
    expect([usage('a'), usage('b')]).toEqual([second, second])
  })

  it('three tasks have two thirds of two processors each', () => {
    start(2)
    group(init, 'a')
    const children = busy('a', 'a', 'a')
    pass(init, 3 * second)
    init.kernel.cpu!.update()
    expect(children.map(({ cpuNs }) => Math.round(cpuNs / 1e6))).toEqual([2000, 2000, 2000])
  })

  it('CPU-009: an idle cgroup has next to nothing while others compute', () => {
    group(init, 'a', { 'cpu.idle': '1' })
    group(init, 'b')
    busy('a', 'b')
    pass(init, second)
    expect(usage('a')).toBe(Math.round((second * 3) / 1027))
  })

  it('a nice value weighs among the tasks of a cgroup, and is counted apart', () => {
    group(init, 'a')
    const [one, other] = busy('a', 'a')
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
    busy('a', 'a')
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
    busy('a', 'a')
    pass(init, second)
    expect(usage('a')).toBe(1_500_000)
  })

  it('CPU-006: the quota is that of all below together', () => {
    start(4)
    group(init, 'a', { 'cpu.max': '50000 100000' })
    writeFile(init, 'a/cgroup.subtree_control', '+cpu')
    for (const name of ['a/x', 'a/y']) group(init, name)
    busy('a/x', 'a/y')
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
    const [child] = busy('a', 'b')
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
    const [child] = busy('a')
    pass(init, second)
    writeFile(init, 'b/cgroup.procs', `${pidOf(child!)}`)
    pass(init, 2 * second)
    expect([usage('a'), usage('b')]).toEqual([second, 2 * second])
  })

  it('tasks of one processor share it, and leave the others to the rest', () => {
    start(2)
    group(init, 'a', { 'cpuset.cpus': '0' })
    group(init, 'b')
    busy('a', 'a', 'b')
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
      busy('a', 'b', 'b', 'c')
      pass(init, second)
      return ['a', 'b', 'c'].map(usage)
    }
    expect(play()).toEqual(play())
  })
})
