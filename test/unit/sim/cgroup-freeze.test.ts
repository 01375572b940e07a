// Freezing and killing cgroups as a whole. cgroup-v2.rst cgroup.freeze, cgroup.kill

import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { begin, boot, call, value } from '../../support/sim.ts'
import {
  end,
  fork,
  groupOf,
  makeGroup,
  pidOf,
  priority,
  readDescriptor,
  readFile,
  root,
  writeFile,
} from '../../support/sim-cgroups.ts'

let init: Task
/** Signals that the kernel has sent, by pid. */
let sent: [number, number][]

beforeEach(() => {
  init = boot().init
  sent = []
  init.kernel.sendSignal = (task, signal) => sent.push([pidOf(task), signal])
  makeGroup(init, 'a')
  makeGroup(init, 'a/b')
})

const freeze = (name: string, text: string) => writeFile(init, `${name}/cgroup.freeze`, text)
const frozen = (name: string) => readFile(init, `${name}/cgroup.events`).includes('frozen 1')

describe('cgroup.freeze', () => {
  it('CG-011: takes 0 or 1', () => {
    expect(['2', '-1', 'x', '', '1', '0'].map((text) => freeze('a', text))).toEqual([
      'ERANGE',
      'ERANGE',
      'EINVAL',
      'OK',
      'OK',
      'OK',
    ])
  })

  it('CG-011: holds for all below, which cannot thaw themselves; their own files keep what they say', () => {
    const child = fork(init, groupOf(init, 'a/b'))
    freeze('a', '1')
    expect(child.frozen).toBe(2)
    expect([readFile(init, 'a/b/cgroup.freeze'), frozen('a/b')]).toEqual(['0\n', true])
    freeze('a/b', '1')
    freeze('a/b', '0')
    expect([frozen('a/b'), child.frozen]).toEqual([true, 2])
    freeze('a/b', '1')
    freeze('a', '0')
    expect([frozen('a'), frozen('a/b'), child.frozen]).toEqual([false, true, 2])
    freeze('a/b', '0')
    expect([frozen('a/b'), child.frozen]).toEqual([false, undefined])
  })

  it('CG-011: whoever is moved in is frozen; CG-012: whoever is moved out is not', () => {
    const child = fork(init)
    freeze('a', '1')
    writeFile(init, 'a/cgroup.procs', `${pidOf(child)}`)
    expect(child.frozen).toBe(2)
    writeFile(init, 'cgroup.procs', `${pidOf(child)}`)
    expect(child.frozen).toBeUndefined()
  })

  it('CG-012: an empty cgroup is frozen at once; the root is never', () => {
    freeze('a', '1')
    expect(frozen('a')).toBe(true)
    expect(readFile(init, 'cgroup.freeze')).toBe('ENOENT')
    makeGroup(init, 'a/c')
    expect(frozen('a/c')).toBe(true)
  })

  it('CG-001: since 6.18 cgroup.stat.local tells for how long', () => {
    init = boot({ version: [6, 18] }).init
    makeGroup(init, 'a')
    const local = () => readFile(init, 'a/cgroup.stat.local')
    freeze('a', '1')
    init.kernel.clock.advance(5_000_000)
    expect(local()).toBe('frozen_usec 5000\n')
    freeze('a', '0')
    init.kernel.clock.advance(9_000_000)
    freeze('a', '1')
    init.kernel.clock.advance(10_000_000)
    expect(local()).toBe('frozen_usec 6000\n')
  })

  it('CG-012: a change is told, also when another above decides', () => {
    const fd = value(init, { name: 'open', pathname: `${root}/a/b/cgroup.events`, flags: 0, mode: 0 })
    readDescriptor(init, fd)
    freeze('a', '1')
    expect(priority(init, fd)).toBe(true)
    readDescriptor(init, fd)
    freeze('a/b', '1')
    expect(priority(init, fd)).toBe(true)
  })

  it('CG-025: a child born in a frozen cgroup stands still, and its calls wait until the thaw', () => {
    freeze('a', '1')
    const child = fork(init, groupOf(init, 'a'))
    expect(child.frozen).toBe(2)
    begin(child, { name: 'mkdir', pathname: '/tmp/x', mode: 0o755 })
    expect(child.kernel.finish(child)).toBeUndefined()
    expect(call(init, { name: 'rmdir', pathname: '/tmp/x' })).toMatchObject({ errno: 'ENOENT' })
    freeze('a', '0')
    expect(child.kernel.finish(child)).toEqual({ value: 0 })
    expect(value(init, { name: 'rmdir', pathname: '/tmp/x' })).toBe(0)
  })

  it('CG-011: who freezes itself does not come back from that call before the thaw', () => {
    const child = fork(init, groupOf(init, 'a'))
    const fd = value(child, { name: 'open', pathname: `${root}/a/cgroup.freeze`, flags: 1, mode: 0 })
    begin(child, { name: 'write', fd, buf: '1' })
    expect([child.frozen, child.kernel.finish(child)]).toEqual([2, undefined])
    freeze('a', '0')
    expect(child.kernel.finish(child)).toEqual({ value: 1 })
  })

  it('CG-011: a call that waits does not end while its task is frozen', () => {
    const child = fork(init, groupOf(init, 'a'))
    const pipe = value(init, { name: 'pipe2', pipefd: 8, flags: 0 })
    expect(pipe).toBe(0)
    begin(child, { name: 'read', fd: 3, buf: 10 })
    freeze('a', '1')
    value(init, { name: 'write', fd: 4, buf: 'x' })
    expect(child.finished).toBeUndefined()
    freeze('a', '0')
    expect(child.kernel.finish(child)).toMatchObject({ value: 1 })
  })
})

describe('cgroup.kill', () => {
  const kill = (name: string, text: string) => writeFile(init, `${name}/cgroup.kill`, text)

  it('CG-013: takes 1 alone, and cannot be read; the root has it not', () => {
    expect(['0', '2', 'x', '1'].map((text) => kill('a', text))).toEqual(['ERANGE', 'ERANGE', 'EINVAL', 'OK'])
    expect(readFile(init, 'a/cgroup.kill')).toBe('EINVAL')
    expect(readFile(init, 'cgroup.kill')).toBe('ENOENT')
  })

  it('CG-013: kills every process of the subtree once, frozen or not', () => {
    const first = fork(init, groupOf(init, 'a'))
    const second = fork(init, groupOf(init, 'a/b'))
    const ended = fork(init, groupOf(init, 'a/b'))
    end(ended)
    freeze('a/b', '1')
    kill('a', '1')
    expect(sent).toEqual([
      [pidOf(first), 9],
      [pidOf(second), 9],
    ])
  })
})
