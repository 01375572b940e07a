// Version 1: a hierarchy for each controller, beside version 2 on a hybrid machine. cgroups(7)

import { beforeEach, describe, expect, it } from 'vitest'
import { controllerTable, taskCgroups } from '../../../sim/cgroup/paths.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import {
  end,
  fork,
  groupOf,
  makeGroup,
  namesIn,
  newThread,
  pidOf,
  readFile,
  removeGroup,
  root,
  tryFork,
  writeFile,
} from '../../support/sim-cgroups.ts'
import { become, pathOf } from '../../support/sim-tasks.ts'

let init: Task

beforeEach(() => {
  init = boot({ cgroups: 'v1' }).init
})

const rename = (from: string, to: string) =>
  errno(call(init, { name: 'rename', oldpath: `${root}/${from}`, newpath: `${root}/${to}` })) ?? 'OK'
const mount = (data: string) => {
  value(init, { name: 'mkdir', pathname: '/tmp/c', mode: 0o755 })
  const outcome = call(init, {
    ...{ name: 'mount', source: 'none', target: '/tmp/c', filesystemtype: 'cgroup', mountflags: 0 },
    data,
  })
  return errno(outcome) ?? 'OK'
}
const pathIn = (task: Task, controller: string): string =>
  taskCgroups(task, init)
    .split('\n')
    .find((line) => line.split(':')[1]!.split(',').includes(controller))!
    .split(':')[2]!

describe('hierarchies', () => {
  it('V1-006: a process is in another place of each hierarchy, and inner cgroups have processes, too', () => {
    makeGroup(init, 'pids/a')
    makeGroup(init, 'pids/a/b')
    const child = fork(init)
    expect(writeFile(init, 'pids/a/b/cgroup.procs', `${pidOf(child)}`)).toBe('OK')
    expect(writeFile(init, 'pids/a/tasks', '1')).toBe('OK')
    expect([pathIn(child, 'pids'), pathIn(child, 'freezer'), pathIn(init, 'pids')]).toEqual(['/a/b', '/', '/a'])
    expect(pathIn(fork(child), 'pids')).toBe('/a/b')
  })

  it('V1-006: cgroups are renamed, within their directory', () => {
    for (const name of ['pids/a', 'pids/b', 'pids/a/c']) makeGroup(init, name)
    const child = fork(init)
    writeFile(init, 'pids/a/tasks', `${pidOf(child)}`)
    expect(rename('pids/a', 'pids/b')).toBe('EEXIST')
    expect(rename('pids/a/c', 'pids/c')).toBe('EIO')
    expect(rename('pids/a', 'pids/x')).toBe('OK')
    expect(pathIn(child, 'pids')).toBe('/x')
    expect(readFile(init, 'pids/x/tasks')).toBe(`${pidOf(child)}\n`)
    expect(readFile(init, 'pids/a/tasks')).toBe('ENOENT')
  })

  it('V1-011: every cgroup has tasks and notify_on_release; the root has the agent', () => {
    makeGroup(init, 'pids/a')
    expect(namesIn(init, 'pids/a')).toEqual([
      'cgroup.clone_children',
      'cgroup.procs',
      'notify_on_release',
      'pids.current',
      'pids.events',
      'pids.max',
      'pids.peak',
      'tasks',
    ])
    expect(namesIn(init, 'pids')).toContain('release_agent')
    expect(readFile(init, 'pids/a/notify_on_release')).toBe('0\n')
  })

  it('V1-011: tasks moves one thread, cgroup.procs the whole process', () => {
    makeGroup(init, 'pids/a')
    const child = fork(init)
    const thread = newThread(child)
    writeFile(init, 'pids/a/tasks', `${pidOf(thread)}`)
    expect(readFile(init, 'pids/a/tasks')).toBe(`${pidOf(thread)}\n`)
    writeFile(init, 'pids/a/cgroup.procs', `${pidOf(thread)}`)
    expect(readFile(init, 'pids/a/tasks')).toBe(`${pidOf(child)}\n${pidOf(thread)}\n`)
  })

  it('V1-011: clone_children is taken over by new cgroups', () => {
    makeGroup(init, 'pids/a')
    expect(writeFile(init, 'pids/a/cgroup.clone_children', '1')).toBe('OK')
    makeGroup(init, 'pids/a/b')
    expect(readFile(init, 'pids/a/b/cgroup.clone_children')).toBe('1\n')
  })

  it('V1-011: pids counts as on version 2', () => {
    makeGroup(init, 'pids/a')
    const child = fork(init)
    writeFile(init, 'pids/a/tasks', `${pidOf(child)}`)
    writeFile(init, 'pids/a/pids.max', '1')
    expect(errno(tryFork(child) as never)).toBe('EAGAIN')
    expect(readFile(init, 'pids/a/pids.events')).toBe('max 1\n')
  })

  it('cgroups(7): who is not root moves only own processes', () => {
    makeGroup(init, 'pids/a')
    value(init, { name: 'chmod', pathname: `${root}/pids/a/tasks`, mode: 0o666 })
    const user = fork(init)
    become(user, { uid: 1000 })
    expect(writeFile(user, 'pids/a/tasks', '1')).toBe('EACCES')
    expect(writeFile(user, 'pids/a/tasks', '0')).toBe('OK')
  })

  it('cgroups(7): a hierarchy is mounted by its controllers or its name, and a new one by a new name', () => {
    expect(mount('pids')).toBe('OK')
    expect(pathOf(init, '/tmp/c').dentry).toBe(pathOf(init, `${root}/pids`).dentry)
    init = boot({ cgroups: 'v1' }).init
    expect(mount('pids,freezer')).toBe('EBUSY')
    init = boot({ cgroups: 'v1' }).init
    expect(mount('nonsense')).toBe('EINVAL')
    init = boot({ cgroups: 'v1' }).init
    expect(mount('none,name=mine')).toBe('OK')
    expect(taskCgroups(init, init)).toContain(':name=mine:/\n')
  })

  it('CG-109: a zombie is in the root of every hierarchy, as far as it shows', () => {
    makeGroup(init, 'pids/a')
    const child = fork(init)
    writeFile(init, 'pids/a/tasks', `${pidOf(child)}`)
    end(child)
    expect(pathIn(child, 'pids')).toBe('/')
    expect(removeGroup(init, 'pids/a')).toBe('OK')
  })

  it('/proc/cgroups tells the hierarchy of each controller', () => {
    makeGroup(init, 'pids/a')
    expect(controllerTable(init.kernel)).toMatch(/^pids\t\d+\t2\t1$/m)
  })
})

describe('hybrid', () => {
  it('V1-105: what is mounted as version 1 is missing on version 2', () => {
    init = boot({ cgroups: 'hybrid' }).init
    expect(readFile(init, 'unified/cgroup.controllers')).not.toContain('pids')
    expect(writeFile(init, 'unified/cgroup.subtree_control', '+pids')).toBe('ENOENT')
    expect(taskCgroups(init, init)).toMatch(/0::\/\n$/)
    expect(pathOf(init, root).mount.superblock.type).toBe('tmpfs')
    expect(pathOf(init, `${root}/unified`).mount.superblock.type).toBe('cgroup2')
  })

  it('V1-105: where there is version 1 alone, nobody sees version 2 until it is mounted', () => {
    expect(taskCgroups(init, init)).not.toContain('0::')
  })
})

describe('cpuset', () => {
  it('V1-008: takes nobody before it has CPUs and memory', () => {
    makeGroup(init, 'cpuset/a')
    const child = fork(init)
    const enter = () => writeFile(init, 'cpuset/a/tasks', `${pidOf(child)}`)
    expect(enter()).toBe('ENOSPC')
    writeFile(init, 'cpuset/a/cpuset.cpus', '0')
    expect(enter()).toBe('ENOSPC')
    writeFile(init, 'cpuset/a/cpuset.mems', '0')
    expect(enter()).toBe('OK')
    makeGroup(init, 'cpuset/a/b')
    expect(writeFile(init, 'cpuset/a/b/cpuset.cpus', '1')).toBe('EACCES')
  })
})

describe('freezer', () => {
  const state = (name: string, text: string) => writeFile(init, `freezer/${name}/freezer.state`, text)

  beforeEach(() => {
    for (const name of ['freezer/a', 'freezer/a/b']) makeGroup(init, name)
  })

  it('V1-007: FROZEN and THAWED can be written; what is below is frozen as well', () => {
    const child = fork(init)
    writeFile(init, 'freezer/a/b/tasks', `${pidOf(child)}`)
    expect(readFile(init, 'freezer/a/freezer.state')).toBe('THAWED\n')
    expect(['junk', 'FREEZING', 'FROZEN'].map((text) => state('a', text))).toEqual(['EINVAL', 'EINVAL', 'OK'])
    expect(readFile(init, 'freezer/a/b/freezer.state')).toBe('FROZEN\n')
    expect(readFile(init, 'freezer/a/b/freezer.self_freezing')).toBe('0\n')
    expect(readFile(init, 'freezer/a/b/freezer.parent_freezing')).toBe('1\n')
    expect(child.frozen).toBe(1)
    state('a/b', 'THAWED')
    expect(child.frozen).toBe(1)
    state('a', 'THAWED')
    expect(child.frozen).toBeUndefined()
    expect(readFile(init, 'freezer/freezer.state')).toBe('ENOENT')
  })

  it('V1-007: even SIGKILL waits for the thaw', () => {
    const pid = value(init, { name: 'fork' })
    writeFile(init, 'freezer/a/tasks', `${pid}`)
    state('a', 'FROZEN')
    value(init, { name: 'kill', pid, sig: 9 })
    expect(readFile(init, 'freezer/a/tasks')).toBe(`${pid}\n`)
    state('a', 'THAWED')
    expect(readFile(init, 'freezer/a/tasks')).toBe('')
    expect(groupOf(init, 'freezer/a').tasks.size).toBe(0)
  })
})

describe('freezing on version 2', () => {
  it('CG-112: what ends a process reaches it while it is frozen, what it handles waits', () => {
    init = boot().init
    makeGroup(init, 'a')
    value(init, { name: 'rt_sigaction', signum: 15, act: { handler: 1 }, oldact: 0, sigsetsize: 8 } as never)
    const pids = [9, 10, 15].map((sig) => {
      const pid = value(init, { name: 'fork' })
      writeFile(init, 'a/cgroup.procs', `${pid}`)
      return [pid, sig] as const
    })
    writeFile(init, 'a/cgroup.freeze', '1')
    for (const [pid, sig] of pids) value(init, { name: 'kill', pid, sig })
    expect(readFile(init, 'a/cgroup.procs')).toBe(`${pids[2]![0]}\n`)
    expect(readFile(init, 'a/cgroup.events')).toContain('frozen 1')
  })
})
