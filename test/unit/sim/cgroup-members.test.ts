// Who is in a cgroup, and who may move whom: cgroup.procs, cgroup.threads, CLONE_INTO_CGROUP, delegation.
// cgroup-v2.rst "Processes", "Delegation"

import { beforeEach, describe, expect, it } from 'vitest'
import { taskCgroups } from '../../../sim/cgroup/paths.ts'
import { CgroupNamespace } from '../../../sim/ns/cgroup.ts'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import {
  end,
  fork,
  groupOf,
  makeGroup,
  newThread,
  pidOf,
  readFile,
  reap,
  removeGroup,
  root,
  writeFile,
} from '../../support/sim-cgroups.ts'
import { become } from '../../support/sim-tasks.ts'

let init: Task

beforeEach(() => {
  init = boot().init
})

const procs = (name: string, text: string, who = init) => writeFile(who, `${name}/cgroup.procs`, text)
const control = (name: string, text: string) => writeFile(init, `${name}/cgroup.subtree_control`, text)
const paths = (task: Task, reader = init) => taskCgroups(task, reader)
const chown = (name: string, uid: number) =>
  value(init, { name: 'chown', pathname: `${root}/${name}`, owner: uid, group: uid })

/** The task has a cgroup namespace whose root is its cgroup. */
function unshareCgroup(task: Task): void {
  const { kernel, credentials, namespaces, cgroups } = task
  const namespace = new CgroupNamespace(kernel.counters, credentials.namespace, credentials.euid, [...cgroups.values()])
  task.namespaces = { ...namespaces, cgroup: namespace.retain() }
}

describe('moving', () => {
  it('CG-020: a child is born where its parent is, and stays there when the parent moves on', () => {
    makeGroup(init, 'a')
    const parent = fork(init, groupOf(init, 'a'))
    const child = fork(parent)
    procs('', `${pidOf(parent)}`)
    expect(readFile(init, 'a/cgroup.procs')).toBe(`${pidOf(child)}\n`)
  })

  it('CG-006: takes one number, as C writes it, of a process in the pid namespace of the writer', () => {
    makeGroup(init, 'a')
    const child = fork(init)
    const pid = pidOf(child)
    for (const text of ['1 2', 'x', '-1', '2147483648', ' ', '\n', `${pid} x`]) expect(procs('a', text)).toBe('EINVAL')
    expect(procs('a', '99999')).toBe('ESRCH')
    for (const text of [`  ${pid}\n`, `0x${pid.toString(16)}`, `+${pid}`, '']) expect(procs('a', text)).toBe('OK')
    expect(readFile(init, 'a/cgroup.procs')).toBe(`${pid}\n`)
    expect(procs('a', '0')).toBe('OK')
    expect(readFile(init, 'a/cgroup.procs')).toBe(`1\n${pid}\n`)
  })

  it('CG-006: takes a zombie without moving anything', () => {
    makeGroup(init, 'a')
    const child = fork(init)
    end(child)
    expect(procs('a', `${pidOf(child)}`)).toBe('OK')
    expect(readFile(init, 'a/cgroup.events')).toContain('populated 0')
    reap(child)
    expect(procs('a', `${pidOf(child)}`)).toBe('ESRCH')
  })

  it('CG-016: any thread moves its whole process', () => {
    makeGroup(init, 'a')
    const child = fork(init)
    const other = newThread(child)
    procs('a', `${pidOf(other)}`)
    expect(readFile(init, 'a/cgroup.procs')).toBe(`${pidOf(child)}\n`)
    expect(readFile(init, 'a/cgroup.threads')).toBe(`${pidOf(child)}\n${pidOf(other)}\n`)
    expect(writeFile(init, 'cgroup.threads', `${pidOf(other)}`)).toBe('EOPNOTSUPP')
  })

  it('CG-109: a task sees its path, a zombie too; a removed cgroup is called deleted (CG-008)', () => {
    makeGroup(init, 'a')
    const child = fork(init, groupOf(init, 'a'))
    end(child)
    expect(paths(child)).toBe('0::/a\n')
    removeGroup(init, 'a')
    expect(paths(child)).toBe('0::/a (deleted)\n')
    expect(paths(init)).toBe('0::/\n')
  })
})

describe('no internal processes', () => {
  it('CG-004: a cgroup has processes, or children with domain controllers', () => {
    makeGroup(init, 'a')
    makeGroup(init, 'a/b')
    const name = groupOf(init, '').hierarchy.controllers.find(({ threaded }) => !threaded)!.name
    control('', `+${name}`)
    const child = fork(init, groupOf(init, 'a'))
    expect(control('a', `+${name}`)).toBe('EBUSY')
    procs('a/b', `${pidOf(child)}`)
    expect(control('a', `+${name}`)).toBe('OK')
    expect(procs('a', `${pidOf(child)}`)).toBe('EBUSY')
    const target = init.kernel.cgroups.target(
      init,
      init.files.get(value(init, { name: 'open', pathname: `${root}/a`, flags: 0, mode: 0 }))!.file,
    )
    expect(isDenied(target) && target.errno).toBe('EBUSY')
  })

  it('CG-005: threaded controllers go together with processes; then domain children are invalid', () => {
    makeGroup(init, 'a')
    makeGroup(init, 'a/b')
    control('', '+pids')
    const child = fork(init, groupOf(init, 'a'))
    expect(control('a', '+pids')).toBe('OK')
    expect(readFile(init, 'a/cgroup.type')).toBe('domain threaded\n')
    expect(readFile(init, 'a/b/cgroup.type')).toBe('domain invalid\n')
    expect(procs('a/b', `${pidOf(child)}`)).toBe('EOPNOTSUPP')
    procs('', `${pidOf(child)}`)
    expect(readFile(init, 'a/cgroup.type')).toBe('domain\n')
    expect(readFile(init, 'a/b/cgroup.type')).toBe('domain\n')
  })

  it('CG-005b: a process enters beside threaded controllers only while no domain child is populated', () => {
    makeGroup(init, 'a')
    makeGroup(init, 'a/b')
    control('', '+pids')
    control('a', '+pids')
    const inside = fork(init, groupOf(init, 'a/b'))
    const other = fork(init)
    expect(procs('a', `${pidOf(other)}`)).toBe('EBUSY')
    end(inside)
    expect(procs('a', `${pidOf(other)}`)).toBe('OK')
  })
})

describe('the order of refusals', () => {
  it('CG-108: an invalid domain comes before its controllers; who may be a thread root takes all', () => {
    for (const name of ['a', 'a/t', 'a/b', 'a/b/c']) makeGroup(init, name)
    control('', '+pids +memory')
    control('a', '+pids +memory')
    control('a/b', '+memory')
    const child = fork(init)
    expect(procs('a/b', `${pidOf(child)}`)).toBe('EBUSY')
    control('a/b', '-memory')
    control('a', '-memory')
    control('a/b', '+pids')
    writeFile(init, 'a/t/cgroup.type', 'threaded')
    expect(procs('a/b', `${pidOf(child)}`)).toBe('EOPNOTSUPP')
    expect(procs('a', `${pidOf(child)}`)).toBe('OK')
  })

  it('CG-110: limits never keep a process out', () => {
    makeGroup(init, 'a')
    control('', '+pids +memory +cpu')
    for (const [file, text] of [
      ['pids.max', '0'],
      ['memory.max', '0'],
      ['cpu.max', '1000 1000000'],
    ] as const)
      expect(writeFile(init, `a/${file}`, text)).toBe('OK')
    expect(procs('a', `${pidOf(fork(init))}`)).toBe('OK')
  })

  it('CG-006: what is written is read before rights are asked', () => {
    makeGroup(init, 'a')
    chown('a/cgroup.procs', 1000)
    const user = fork(init)
    become(user, { uid: 1000 })
    expect(procs('a', 'x', user)).toBe('EINVAL')
    expect(procs('a', '9999', user)).toBe('ESRCH')
    expect(procs('a', '1', user)).toBe('EACCES')
  })
})

describe('delegation', () => {
  it('CG-018: a delegatee moves anything within its subtree, and nothing in or out', () => {
    for (const name of ['a', 'a/x', 'a/y', 'b']) makeGroup(init, name)
    for (const name of ['a', 'a/cgroup.procs', 'a/x/cgroup.procs', 'a/y/cgroup.procs']) chown(name, 1000)
    const foreign = fork(init, groupOf(init, 'a/x'))
    const outside = fork(init)
    const user = fork(init, groupOf(init, 'a'))
    become(user, { uid: 1000 })
    expect(procs('a/y', `${pidOf(foreign)}`, user)).toBe('OK')
    expect(procs('a/y', `${pidOf(outside)}`, user)).toBe('EACCES')
    expect(procs('b', `${pidOf(user)}`, user)).toBe('EACCES')
    expect(makeGroup(user, 'a/mine')).toBe('OK')
    expect(procs('a/mine', '0', user)).toBe('OK')
    expect(makeGroup(user, 'b/mine')).toBe('EACCES')
  })

  it('CG-111: what a delegatee makes is its own; limits of what it was given are not', () => {
    makeGroup(init, 'a')
    chown('a', 1000)
    const user = fork(init)
    become(user, { uid: 1000 })
    makeGroup(user, 'a/b')
    expect(writeFile(user, 'a/b/cgroup.max.depth', '3')).toBe('OK')
    expect(writeFile(user, 'a/cgroup.max.depth', '3')).toBe('EACCES')
  })

  it('CG-022: it is who opened the file whose rights count', () => {
    for (const name of ['a', 'a/x']) makeGroup(init, name)
    chown('a/x/cgroup.procs', 1000)
    const user = fork(init)
    become(user, { uid: 1000 })
    const fd = value(user, { name: 'open', pathname: `${root}/a/x/cgroup.procs`, flags: 1, mode: 0 })
    user.credentials = init.credentials
    expect(errno(call(user, { name: 'write', fd, buf: '0' }))).toBe('EACCES')
    expect(procs('a/x', '0', user)).toBe('OK')
  })

  it('CG-019: with nsdelegate nobody leaves the cgroup namespace, nor changes the limits of its root', () => {
    for (const name of ['a', 'a/x', 'b']) makeGroup(init, name)
    groupOf(init, '').hierarchy.options.add('nsdelegate')
    const inside = fork(init, groupOf(init, 'a'))
    unshareCgroup(inside)
    expect(procs('b', '0', inside)).toBe('ENOENT')
    expect(procs('a/x', '0', inside)).toBe('OK')
    expect(procs('a', '0', inside)).toBe('OK')
    expect(writeFile(inside, 'a/cgroup.max.depth', '3')).toBe('EPERM')
    expect(writeFile(inside, 'a/cgroup.freeze', '0')).toBe('EPERM')
    expect(writeFile(inside, 'a/cgroup.kill', '1')).toBe('EPERM')
    expect(writeFile(inside, 'a/cgroup.subtree_control', '')).toBe('OK')
    expect(writeFile(inside, 'a/x/cgroup.max.depth', '3')).toBe('OK')
  })

  it('CG-019: a remount from another cgroup namespace changes no option', () => {
    makeGroup(init, 'a')
    const inside = fork(init, groupOf(init, 'a'))
    unshareCgroup(inside)
    value(init, { name: 'mkdir', pathname: '/tmp/c', mode: 0o755 })
    const mount = { name: 'mount', source: 'none', target: '/tmp/c', filesystemtype: 'cgroup2', mountflags: 0 } as const
    value(inside, { ...mount, data: 'nsdelegate' })
    expect(groupOf(init, '').hierarchy.options.size).toBe(0)
    value(init, { name: 'mkdir', pathname: '/tmp/d', mode: 0o755 })
    value(init, { ...mount, target: '/tmp/d', data: 'nsdelegate' })
    expect([...groupOf(init, '').hierarchy.options]).toEqual(['nsdelegate'])
  })
})

describe('CLONE_INTO_CGROUP', () => {
  const target = (task: Task, name: string, flags = 0) => {
    const fd = value(init, { name: 'open', pathname: `${root}/${name}`, flags, mode: 0 })
    const answer = task.kernel.cgroups.target(task, init.files.get(fd)!.file)
    return isDenied(answer) ? answer.errno : 'OK'
  }

  it('CG-017: has the rules of writing cgroup.procs', () => {
    for (const name of ['a', 'a/b', 'a/t']) makeGroup(init, name)
    expect(target(init, 'a')).toBe('OK')
    expect(target(init, 'a', 0o10200000)).toBe('OK')
    expect(target(init, 'a/cgroup.procs')).toBe('EBADF')
    expect(target(init, '../../../tmp')).toBe('EBADF')
    const user = fork(init)
    become(user, { uid: 1000 })
    expect(target(user, 'a')).toBe('EACCES')
    writeFile(init, 'a/t/cgroup.type', 'threaded')
    expect(target(init, 'a/b')).toBe('EOPNOTSUPP')
  })

  it('CG-017: a removed cgroup is not found', () => {
    makeGroup(init, 'a')
    const fd = value(init, { name: 'open', pathname: `${root}/a`, flags: 0, mode: 0 })
    removeGroup(init, 'a')
    const answer = init.kernel.cgroups.target(init, init.files.get(fd)!.file)
    expect(isDenied(answer) && answer.errno).toBe('ENOENT')
  })
})

describe('cgroup namespaces', () => {
  it('CGN-001, CGN-101: the cgroup of that moment is the root; what is outside is shown from there', () => {
    for (const name of ['a', 'a/leaf', 'out']) makeGroup(init, name)
    const inside = fork(init, groupOf(init, 'a'))
    unshareCgroup(inside)
    expect(paths(inside, inside)).toBe('0::/\n')
    procs('a/leaf', `${pidOf(inside)}`)
    expect(paths(inside, inside)).toBe('0::/leaf\n')
    expect(paths(inside, init)).toBe('0::/a/leaf\n')
    procs('out', `${pidOf(inside)}`)
    expect(paths(inside, inside)).toBe('0::/../out\n')
    expect(paths(init, inside)).toBe('0::/..\n')
  })

  it('CGN-002: an old mount begins above the root, a new one at it', () => {
    for (const name of ['a', 'a/leaf']) makeGroup(init, name)
    const inside = fork(init, groupOf(init, 'a'))
    unshareCgroup(inside)
    const { superblock } = groupOf(init, '').hierarchy
    expect(superblock!.shownRoot(inside, superblock!.root)).toBe('/..')
    value(init, { name: 'mkdir', pathname: '/tmp/c', mode: 0o755 })
    const mount = { source: 'none', target: '/tmp/c', filesystemtype: 'cgroup2', mountflags: 0, data: null }
    value(inside, { name: 'mount', ...mount })
    expect(errno(call(init, { name: 'access', pathname: '/tmp/c/leaf', mode: 0 }))).toBeUndefined()
  })

  it('CGN-003: its root is a cgroup like others', () => {
    makeGroup(init, 'a')
    const inside = fork(init, groupOf(init, 'a'))
    unshareCgroup(inside)
    expect(readFile(inside, 'a/cgroup.type')).toBe('domain\n')
  })

  it('CGN-102: without nsdelegate a namespace keeps nobody in', () => {
    for (const name of ['a', 'b']) makeGroup(init, name)
    const inside = fork(init, groupOf(init, 'a'))
    unshareCgroup(inside)
    expect(procs('b', '0', inside)).toBe('OK')
  })

  it('CGN-103: its root stays as long as the namespace, removed or not', () => {
    makeGroup(init, 'a')
    const inside = fork(init, groupOf(init, 'a'))
    unshareCgroup(inside)
    procs('', `${pidOf(inside)}`)
    removeGroup(init, 'a')
    expect(readFile(init, 'cgroup.stat')).toContain('nr_dying_descendants 1\n')
    inside.namespaces.cgroup.release()
    expect(readFile(init, 'cgroup.stat')).toContain('nr_dying_descendants 0\n')
  })
})

describe('CG-026: numbers in cgroup.procs', () => {
  it('are those of the pid namespace of the reader; 0 for who has none there', () => {
    makeGroup(init, 'a')
    const child = fork(init, groupOf(init, 'a'))
    const foreign = fork(init)
    Object.defineProperty(foreign, 'pidNamespace', { value: { isBelow: () => false } })
    expect(readFile(init, 'a/cgroup.procs')).toBe(`${pidOf(child)}\n`)
    expect(readFile(foreign, 'a/cgroup.procs')).toBe('0\n')
  })
})
