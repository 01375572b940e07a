// The pids controller. cgroup-v2.rst "PID"

import { beforeEach, describe, expect, it } from 'vitest'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import { boot } from '../../support/sim.ts'
import {
  end,
  fork,
  groupOf,
  makeGroup,
  newThread,
  pidOf,
  readFile,
  reap,
  tryFork,
  writeFile,
} from '../../support/sim-cgroups.ts'

function prepare(version: readonly [number, number] = [6, 12]): Task {
  const { init } = boot({ version })
  writeFile(init, 'cgroup.subtree_control', '+pids')
  makeGroup(init, 'a')
  writeFile(init, 'a/cgroup.subtree_control', '+pids')
  makeGroup(init, 'a/b')
  return init
}

let init: Task

beforeEach(() => {
  init = prepare()
})

const max = (name: string, text: string) => writeFile(init, `${name}/pids.max`, text)
const current = (name: string) => Number(readFile(init, `${name}/pids.current`))
const forked = (parent: Task, target?: Parameters<typeof tryFork>[1]) => {
  const child = tryFork(parent, target)
  return isDenied(child) ? child.errno : 'OK'
}

describe('pids', () => {
  it('PDS-001: pids.max is max or a number up to 4194304, without a unit', () => {
    const seen: string[] = []
    for (const text of ['10', '0', 'max', '-1', 'abc', '5K', ' 7 ', '4194304', '4194305', '', '007', '0x10'])
      seen.push(`${max('a', text)} ${readFile(init, 'a/pids.max').trim()}`)
    expect(seen).toEqual([
      'OK 10',
      'OK 0',
      'OK max',
      'EINVAL max',
      'EINVAL max',
      'EINVAL max',
      'OK 7',
      'OK 4194304',
      'EINVAL 4194304',
      'OK 4194304',
      'OK 7',
      'OK 16',
    ])
    expect(readFile(init, 'pids.max')).toBe('ENOENT')
  })

  it('PDS-002: a fork beyond the limit of any ancestor is refused; threads count', () => {
    max('a', '3')
    const child = fork(init, groupOf(init, 'a/b'))
    newThread(child)
    expect(forked(child)).toBe('OK')
    expect([current('a'), current('a/b')]).toEqual([3, 3])
    expect(forked(child)).toBe('EAGAIN')
    expect([current('a'), current('a/b')]).toEqual([3, 3])
  })

  it('PDS-003: moving into a full cgroup, and lowering the limit, is not refused', () => {
    max('a', '1')
    for (const child of [fork(init), fork(init), fork(init)])
      expect(writeFile(init, 'a/cgroup.procs', `${pidOf(child)}`)).toBe('OK')
    expect(current('a')).toBe(3)
    expect(max('a', '2')).toBe('OK')
    expect(max('a', '0')).toBe('OK')
    expect(forked(init, groupOf(init, 'a'))).toBe('EAGAIN')
    expect(forked(init)).toBe('OK')
  })

  it('PDS-004: zombies count until they are reaped, even when the cgroup has gone', () => {
    const child = fork(init, groupOf(init, 'a/b'))
    end(child)
    expect([current('a'), current('a/b'), readFile(init, 'a/b/cgroup.procs')]).toEqual([1, 1, ''])
    writeFile(init, 'a/cgroup.subtree_control', '-pids')
    expect(current('a')).toBe(1)
    reap(child)
    expect(current('a')).toBe(0)
  })

  it('PDS-005: since 6.11 a refusal counts where the limit is and above', () => {
    max('a', '1')
    const child = fork(init, groupOf(init, 'a/b'))
    forked(child)
    expect(readFile(init, 'a/pids.events')).toBe('max 1\n')
    expect(readFile(init, 'a/pids.events.local')).toBe('max 1\n')
    expect(readFile(init, 'a/b/pids.events')).toBe('max 0\n')
    max('a/b', '1')
    forked(child)
    expect([readFile(init, 'a/pids.events'), readFile(init, 'a/b/pids.events')]).toEqual(['max 2\n', 'max 1\n'])
    expect(readFile(init, 'a/pids.events.local')).toBe('max 1\n')
  })

  it('PDS-005: before that it counted in the cgroup that forked', () => {
    init = prepare([6, 1])
    max('a', '1')
    const child = fork(init, groupOf(init, 'a/b'))
    forked(child)
    expect([readFile(init, 'a/pids.events'), readFile(init, 'a/b/pids.events')]).toEqual(['max 0\n', 'max 1\n'])
    expect(readFile(init, 'a/pids.events.local')).toBe('ENOENT')
  })

  it('PDS-101: pids.peak is the most there have been', () => {
    const child = fork(init, groupOf(init, 'a'))
    const other = fork(child)
    end(other)
    reap(other)
    expect([readFile(init, 'a/pids.peak'), current('a')]).toEqual(['2\n', 1])
  })

  it('CG-027: members count where the controller is now', () => {
    fork(init, groupOf(init, 'a/b'))
    writeFile(init, 'a/cgroup.subtree_control', '-pids')
    expect(current('a')).toBe(1)
    writeFile(init, 'a/cgroup.subtree_control', '+pids')
    expect([current('a'), current('a/b')]).toEqual([1, 1])
  })
})
