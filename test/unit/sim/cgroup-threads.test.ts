// Threaded cgroups. cgroup-v2.rst "Threads"

import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { boot } from '../../support/sim.ts'
import { fork, groupOf, makeGroup, newThread, pidOf, readFile, writeFile } from '../../support/sim-cgroups.ts'

let init: Task

beforeEach(() => {
  init = boot().init
  for (const name of ['p', 'p/a', 'p/b']) makeGroup(init, name)
})

const type = (name: string) => readFile(init, `${name}/cgroup.type`).trim()
const turn = (name: string, text = 'threaded') => writeFile(init, `${name}/cgroup.type`, text)

describe('cgroup.type', () => {
  it('CG-014: one threaded child makes its parent a thread root and its siblings invalid; there is no way back', () => {
    expect(turn('p/a')).toBe('OK')
    expect([type('p'), type('p/a'), type('p/b')]).toEqual(['domain threaded', 'threaded', 'domain invalid'])
    expect(turn('p/a', 'domain')).toBe('EINVAL')
    expect(turn('p/a', 'junk')).toBe('EINVAL')
    expect(turn('p/a')).toBe('OK')
    makeGroup(init, 'p/a/c')
    expect(type('p/a/c')).toBe('domain invalid')
  })

  it('CG-014: processes enter a threaded cgroup and are listed at the thread root', () => {
    turn('p/a')
    const child = fork(init)
    expect(writeFile(init, 'p/b/cgroup.procs', `${pidOf(child)}`)).toBe('EOPNOTSUPP')
    expect(writeFile(init, 'p/a/cgroup.procs', `${pidOf(child)}`)).toBe('OK')
    expect(readFile(init, 'p/a/cgroup.procs')).toBe('EOPNOTSUPP')
    expect(readFile(init, 'p/a/cgroup.threads')).toBe(`${pidOf(child)}\n`)
    expect(readFile(init, 'p/cgroup.procs')).toBe(`${pidOf(child)}\n`)
    expect(readFile(init, 'p/b/cgroup.procs')).toBe('')
    expect(writeFile(init, 'p/a/cgroup.kill', '1')).toBe('EOPNOTSUPP')
  })

  it('CG-016: a thread moves within its domain alone', () => {
    turn('p/a')
    const child = fork(init, groupOf(init, 'p'))
    const thread = newThread(child)
    expect(writeFile(init, 'p/a/cgroup.threads', `${pidOf(thread)}`)).toBe('OK')
    expect(readFile(init, 'p/cgroup.threads')).toBe(`${pidOf(child)}\n`)
    expect(readFile(init, 'p/cgroup.procs')).toBe(`${pidOf(child)}\n`)
    expect(writeFile(init, 'cgroup.threads', `${pidOf(thread)}`)).toBe('EOPNOTSUPP')
  })

  it('CG-014: domain controllers are not for thread roots', () => {
    writeFile(init, 'cgroup.subtree_control', '+memory')
    turn('p/a')
    expect(writeFile(init, 'p/cgroup.subtree_control', '+memory')).toBe('EOPNOTSUPP')
  })

  it('CG-015: a cgroup with processes does not become threaded; processes in the parent do not matter', () => {
    fork(init, groupOf(init, 'p'))
    fork(init, groupOf(init, 'p/b'))
    expect(turn('p/b')).toBe('EOPNOTSUPP')
    expect(turn('p/a')).toBe('EOPNOTSUPP')
    makeGroup(init, 'q')
    makeGroup(init, 'q/a')
    fork(init, groupOf(init, 'q'))
    expect(turn('q/a')).toBe('OK')
  })

  it('CG-015: nor does it below or with domain controllers, or below an invalid domain', () => {
    writeFile(init, 'cgroup.subtree_control', '+memory')
    writeFile(init, 'p/cgroup.subtree_control', '+memory')
    expect(turn('p/a')).toBe('EOPNOTSUPP')
    writeFile(init, 'p/cgroup.subtree_control', '-memory')
    expect(turn('p/a')).toBe('OK')
    makeGroup(init, 'p/b/c')
    expect(turn('p/b/c')).toBe('EOPNOTSUPP')
  })

  it('CG-005: threaded controllers go into threaded cgroups', () => {
    writeFile(init, 'cgroup.subtree_control', '+pids +memory')
    turn('p/a')
    writeFile(init, 'p/cgroup.subtree_control', '+pids')
    expect(readFile(init, 'p/a/cgroup.controllers')).toBe('pids\n')
    expect(readFile(init, 'p/a/pids.max')).toBe('max\n')
  })
})
