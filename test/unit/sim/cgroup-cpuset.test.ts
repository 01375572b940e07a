// Which processors a cgroup's tasks may use, and partitions of the machine. cgroup-v2.rst, Cpuset

import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { boot, call, data, errno } from '../../support/sim.ts'
import { fork, namesIn, pidOf, readFile, tryFork, writeFile } from '../../support/sim-cgroups.ts'
import { childIn, group } from '../../support/sim-resources.ts'
import { become } from '../../support/sim-tasks.ts'

let init: Task

const start = (cpus = 2, version: readonly [number, number] = [6, 12]) => {
  init = boot({ cpus, version }).init
  writeFile(init, 'cgroup.subtree_control', '+cpuset')
}
const read = (name: string) => readFile(init, name).trim()
const set = (name: string, ...texts: string[]) => texts.map((text) => `${writeFile(init, name, text)} ${read(name)}`)
const allowed = (task: Task) => data(task, { name: 'sched_getaffinity', pid: 0, cpusetsize: 8, mask: 8 })[0]
const pin = (task: Task, mask: number, pid = 0) =>
  errno(call(task, { name: 'sched_setaffinity', pid, cpusetsize: 1, mask: new Uint8Array([mask]) })) ?? 'OK'

beforeEach(() => start())

describe('cpuset.cpus', () => {
  it('CST-101, CST-110: nothing is asked for at first, and all of the parent is there; the root has only what is effective', () => {
    group(init, 'a')
    const names = [
      'cpus',
      'cpus.effective',
      'cpus.exclusive',
      'cpus.exclusive.effective',
      'cpus.partition',
      'mems',
      'mems.effective',
    ]
    expect(names.map((name) => read(`a/cpuset.${name}`))).toEqual(['', '0-1', '', '', 'member', '', '0'])
    expect(namesIn(init, '').filter((name) => name.startsWith('cpuset'))).toEqual([
      'cpuset.cpus.effective',
      'cpuset.cpus.isolated',
      'cpuset.mems.effective',
    ])
    expect(writeFile(init, 'cpuset.cpus', '0')).toBe('ENOENT')
    start(2, [6, 1])
    group(init, 'a')
    expect(readFile(init, 'a/cpuset.cpus.exclusive')).toBe('ENOENT')
  })

  it('CST-102: lists of numbers, ranges and groups; anything else is refused', () => {
    start(8)
    group(init, 'a')
    expect(set('a/cpuset.cpus', '0-1', ' 0,2 \n', 'all', '0-7:1/2', '1,2,3,7', '\n')).toEqual(
      ['OK 0-1', 'OK 0,2', 'OK 0-7', 'OK 0,2,4,6', 'OK 1-3,7', 'OK'].map((each) => (each === 'OK' ? 'OK ' : each)),
    )
    const refused = ['1-0', 'abc', '-1', '0-', '8', '0-8', '0.1']
    expect(refused.map((text) => writeFile(init, 'a/cpuset.cpus', text))).toEqual([
      'EINVAL',
      'EINVAL',
      'EINVAL',
      'EINVAL',
      'ERANGE',
      'ERANGE',
      'EINVAL',
    ])
    expect(['0', '1', '1024', 'x'].map((text) => writeFile(init, 'a/cpuset.mems', text))).toEqual([
      'OK',
      'EINVAL',
      'ERANGE',
      'EINVAL',
    ])
  })

  it('CST-103: effective is what is asked for and the parent has; when that is nothing, what the parent has', () => {
    start(4)
    group(init, 'a', { 'cpuset.cpus': '0-1' })
    writeFile(init, 'a/cgroup.subtree_control', '+cpuset')
    group(init, 'a/b', { 'cpuset.cpus': '1-2' })
    expect(read('a/b/cpuset.cpus.effective')).toBe('1')
    writeFile(init, 'a/b/cpuset.cpus', '3')
    expect([read('a/b/cpuset.cpus'), read('a/b/cpuset.cpus.effective')]).toEqual(['3', '0-1'])
    writeFile(init, 'a/cpuset.cpus', '2-3')
    expect(read('a/b/cpuset.cpus.effective')).toBe('3')
  })

  it('CST-104: affinity stays within the cpuset, and comes back when that is widened', () => {
    group(init, 'a')
    const child = childIn(init, 'a')
    expect(allowed(child)).toBe(3)
    writeFile(init, 'a/cpuset.cpus', '1')
    expect([allowed(child), pin(child, 1), pin(child, 3), allowed(child)]).toEqual([2, 'EINVAL', 'OK', 2])
    writeFile(init, 'a/cpuset.cpus', '0-1')
    expect(allowed(child)).toBe(3)
    expect([pin(child, 2), allowed(child), pin(child, 0), pin(child, 4)]).toEqual(['OK', 2, 'EINVAL', 'EINVAL'])
    call(child, { name: 'fork' })
    expect(allowed(init.kernel.lastBorn!)).toBe(2)
    become(child, { uid: 1000 })
    expect([pin(child, 2, 1), pin(child, 2, 99)]).toEqual(['EPERM', 'ESRCH'])
    expect(errno(call(child, { name: 'sched_getaffinity', pid: 0, cpusetsize: 4, mask: 4 }))).toBe('EINVAL')
  })

  it('CST-105: what was set cannot be cleared while there are tasks', () => {
    group(init, 'a', { 'cpuset.cpus': '0', 'cpuset.mems': '0' })
    childIn(init, 'a')
    expect(['cpus', 'mems'].map((name) => writeFile(init, `a/cpuset.${name}`, '\n'))).toEqual(['ENOSPC', 'ENOSPC'])
    group(init, 'b', { 'cpuset.cpus': '0' })
    expect(writeFile(init, 'b/cpuset.cpus', '\n')).toBe('OK')
  })

  it('CST-111: a cgroup with nothing set takes tasks', () => {
    group(init, 'a')
    expect(writeFile(init, 'a/cgroup.procs', `${pidOf(fork(init))}`)).toBe('OK')
  })
})

describe('partitions', () => {
  it('CST-106: takes three words; what cannot be had is written all the same, and says why', () => {
    group(init, 'a')
    expect(set('a/cpuset.cpus.partition', 'x', 'root')).toEqual([
      'EINVAL member',
      'OK root invalid (cpuset.cpus and cpuset.cpus.exclusive are empty)',
    ])
    writeFile(init, 'a/cpuset.cpus', '0-1')
    expect(read('a/cpuset.cpus.partition')).toBe('root invalid (Parent unable to distribute cpu downstream)')
    writeFile(init, 'a/cpuset.cpus', '1')
    expect(read('a/cpuset.cpus.partition')).toBe('root')
    expect(set('a/cpuset.cpus.partition', 'isolated', 'member')).toEqual(['OK isolated', 'OK member'])
  })

  it('CST-107: its processors are no longer the parent’s, nor the siblings’', () => {
    start(4)
    for (const name of ['a', 'b']) group(init, name)
    group(init, 'p', { 'cpuset.cpus': '2-3', 'cpuset.cpus.partition': 'isolated' })
    const names = [
      'p/cpuset.cpus.effective',
      'cpuset.cpus.effective',
      'a/cpuset.cpus.effective',
      'cpuset.cpus.isolated',
    ]
    expect(names.map(read)).toEqual(['2-3', '0-1', '0-1', '2-3'])
    expect([allowed(childIn(init, 'p')), allowed(childIn(init, 'a'))]).toEqual([0b1100, 0b0011])
    writeFile(init, 'p/cpuset.cpus.partition', 'member')
    expect([read('cpuset.cpus.effective'), read('a/cpuset.cpus.effective')]).toEqual(['0-3', '0-3'])
  })

  it('CST-107: a sibling that asks for the same processors ends a partition, and can be none itself', () => {
    start(4)
    group(init, 'b')
    group(init, 'p', { 'cpuset.cpus': '2-3', 'cpuset.cpus.partition': 'isolated' })
    const invalid = 'invalid (Cpu list in cpuset.cpus not exclusive)'
    expect(writeFile(init, 'b/cpuset.cpus', '3')).toBe('OK')
    expect(read('p/cpuset.cpus.partition')).toBe('isolated invalid')
    expect(set('b/cpuset.cpus.partition', 'root')).toEqual([`OK root ${invalid}`])
    writeFile(init, 'p/cpuset.cpus', '2')
    expect(read('p/cpuset.cpus.partition')).toBe('isolated')
  })

  it('CST-108: cpuset.cpus.exclusive is not shared with siblings; it makes partitions possible below members', () => {
    start(4)
    for (const name of ['a', 'b']) group(init, name)
    const exclusive = (name: string, text: string) => writeFile(init, `${name}/cpuset.cpus.exclusive`, text)
    expect([exclusive('a', '1'), exclusive('b', '1'), exclusive('b', '0')]).toEqual(['OK', 'EINVAL', 'OK'])
    expect(writeFile(init, 'b/cpuset.cpus', '1')).toBe('OK')
    writeFile(init, 'a/cgroup.subtree_control', '+cpuset')
    group(init, 'a/r', { 'cpuset.cpus.exclusive': '1', 'cpuset.cpus.partition': 'root' })
    expect([
      read('a/r/cpuset.cpus.partition'),
      read('a/r/cpuset.cpus.effective'),
      read('cpuset.cpus.effective'),
    ]).toEqual(['root', '1', '0,2-3'])
  })
})

describe('version 1', () => {
  beforeEach(() => {
    init = boot({ cpus: 2, cgroups: 'v1' }).init
  })

  it('V1-008: both lists come first, a child has a part of its parent, and nothing is cleared under tasks', () => {
    group(init, 'cpuset/a')
    const child = tryFork(init) as Task
    const attach = () => writeFile(init, 'cpuset/a/cgroup.procs', `${pidOf(child)}`)
    expect([read('cpuset/a/cpuset.cpus'), attach()]).toEqual(['', 'ENOSPC'])
    expect([
      writeFile(init, 'cpuset/a/cpuset.cpus', '0'),
      attach(),
      writeFile(init, 'cpuset/a/cpuset.mems', '0'),
      attach(),
    ]).toEqual(['OK', 'ENOSPC', 'OK', 'OK'])
    expect(allowed(child)).toBe(1)
    const cpus = (text: string) => writeFile(init, 'cpuset/a/cpuset.cpus', text)
    expect(['0-7', 'abc', '\n', '1-0', '0,1'].map(cpus)).toEqual(['ERANGE', 'EINVAL', 'ENOSPC', 'EINVAL', 'OK'])
    expect(read('cpuset/a/cpuset.cpus')).toBe('0-1')
    cpus('0')
    group(init, 'cpuset/a/b')
    expect(writeFile(init, 'cpuset/a/b/cpuset.cpus', '1')).toBe('EACCES')
    expect(writeFile(init, 'cpuset/a/b/cpuset.cpus', '0')).toBe('OK')
    expect(cpus('1')).toBe('EBUSY')
    expect(pin(child, 2)).toBe('EINVAL')
  })

  it('V1-008: siblings do not share what one has for itself; cgroup.clone_children copies the lists', () => {
    group(init, 'cpuset/a', { 'cpuset.cpus': '0', 'cpuset.cpu_exclusive': '1' })
    group(init, 'cpuset/b')
    expect(['0', '1'].map((text) => writeFile(init, 'cpuset/b/cpuset.cpus', text))).toEqual(['EINVAL', 'OK'])
    writeFile(init, 'cpuset/b/cgroup.clone_children', '1')
    group(init, 'cpuset/b/c')
    expect(read('cpuset/b/c/cpuset.cpus')).toBe('1')
  })
})
