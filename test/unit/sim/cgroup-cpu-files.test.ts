// Files of the cpu controller: what they take, refuse and show. cgroup-v2.rst, CPU

import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { boot } from '../../support/sim.ts'
import { readFile, writeFile } from '../../support/sim-cgroups.ts'
import { busy, figures, group, pass, written } from '../../support/sim-resources.ts'

let init: Task

const start = (cpus = 1, version: readonly [number, number] = [6, 12]) => {
  init = boot({ cpus, version }).init
  writeFile(init, 'cgroup.subtree_control', '+cpu +cpuset')
}
const set = (name: string, ...texts: string[]) => written(init, name, ...texts)
const stat = (name: string) => figures(init, `${name}/cpu.stat`)
const usage = (name: string) => stat(name).usage_usec!
const second = 1_000_000

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
    busy(init, 'a/b')
    pass(init, second)
    expect(usage('a/b')).toBe(200_000)
  })

  it('CPU-008: cpu.stat is in every cgroup, with the controller or without', () => {
    group(init, 'a')
    group(init, 'a/b')
    expect(Object.keys(stat('a/b')).join(' ')).toBe(
      'usage_usec user_usec system_usec nice_usec nr_periods nr_throttled throttled_usec nr_bursts burst_usec',
    )
    busy(init, 'a/b')
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
