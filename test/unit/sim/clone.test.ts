// New tasks of the simulated kernel: which flags go together, in what order calls are refused, what a child gets.

import { describe, expect, it } from 'vitest'
import { begin, boot, call, errno, value } from '../../support/sim.ts'
import { makeGroup, writeFile } from '../../support/sim-cgroups.ts'
import {
  CLONE,
  child,
  clone,
  execve,
  exit,
  kill,
  pid,
  SIG,
  sibling,
  waited,
  write,
} from '../../support/sim-processes.ts'
import { become } from '../../support/sim-tasks.ts'

const flagsAlone = (...flags: (keyof typeof CLONE)[]) => flags.reduce((sum, flag) => sum + CLONE[flag], 0)

describe('flags of clone3', () => {
  const refused: readonly (readonly [string, number])[] = [
    ['CLN-001: refuses CLONE_NEWNS with CLONE_FS', flagsAlone('NEWNS', 'FS')],
    ['CLN-002: refuses CLONE_NEWUSER with CLONE_FS', flagsAlone('NEWUSER', 'FS')],
    ['CLN-003: refuses CLONE_THREAD without CLONE_SIGHAND', flagsAlone('THREAD', 'VM')],
    ['CLN-004: refuses CLONE_SIGHAND without CLONE_VM', flagsAlone('SIGHAND')],
    ['CLN-005: refuses CLONE_NEWIPC with CLONE_SYSVSEM', flagsAlone('NEWIPC', 'SYSVSEM')],
    ['CLN-006: refuses a thread with a new pid namespace', flagsAlone('THREAD', 'SIGHAND', 'VM', 'NEWPID')],
    ['CLN-006: refuses a thread with a new user namespace', flagsAlone('THREAD', 'SIGHAND', 'VM', 'NEWUSER')],
    ['CLN-009: refuses CLONE_DETACHED', flagsAlone('DETACHED')],
    ['CLN-013: refuses CLONE_CLEAR_SIGHAND with CLONE_SIGHAND', flagsAlone('SIGHAND', 'VM', 'CLEAR_SIGHAND')],
    ['CLN-014: refuses bits that it does not know', 2 ** 40],
  ]
  for (const [name, flags] of refused)
    it(name, () => {
      const { init } = boot()
      const task = child(init)
      expect(errno(call(task, clone(flags)))).toBe('EINVAL')
      expect(waited(task)).toBe('ECHILD')
    })

  it('CLN-007: takes CLONE_PARENT with new pid and user namespaces; the child is a sibling', () => {
    const { init } = boot()
    const task = child(init)
    for (const flags of [flagsAlone('NEWPID', 'PARENT'), flagsAlone('NEWUSER', 'PARENT')]) {
      const born = child(task, flags)
      expect(waited(task)).toBe('ECHILD')
      exit(born, 5)
      expect(waited(init)).toMatch(/exit 5$/)
    }
  })

  it('CLN-008: refuses CLONE_PARENT by process 1 of a pid namespace', () => {
    const { init } = boot()
    expect(errno(call(init, clone(CLONE.PARENT)))).toBe('EINVAL')
    expect(errno(call(child(init, CLONE.NEWPID), clone(CLONE.PARENT)))).toBe('EINVAL')
  })

  it('CLN-009, CLN-014, CLN-019, CLN-056: clone(2) ignores what it does not know, and keeps the low byte for the signal', () => {
    const { init, kernel } = boot()
    const legacy = (flags: number) =>
      call(init, { name: 'clone', flags, stack: 0, parent_tid: 0, child_tid: 0, tls: 0 })
    expect(errno(legacy(CLONE.DETACHED + SIG.CHLD))).toBeUndefined()
    expect(errno(legacy(CLONE.DETACHED + CLONE.PIDFD))).toBe('EINVAL')
    expect(errno(legacy(CLONE.PIDFD + CLONE.PARENT_SETTID))).toBe('EINVAL')
    legacy(CLONE.NEWTIME + SIG.CHLD)
    expect(kernel.lastBorn!.namespaces.time).toBe(init.namespaces.time)
  })

  it('CLN-064: opens a pidfd of a thread since Linux 6.9', () => {
    const flags = flagsAlone('PIDFD', 'THREAD', 'SIGHAND', 'VM')
    expect(errno(call(boot({ version: [6, 8] }).init, clone(flags)))).toBe('EINVAL')
    expect(errno(call(boot({ version: [6, 9] }).init, clone(flags)))).toBeUndefined()
  })

  it('CLN-010: takes structs from 64 bytes to a page', () => {
    const { init } = boot()
    const sized = (size: number) => errno(call(init, clone(0, { size })))
    expect([63, 64, 80, 88, 4096, 4097].map(sized)).toEqual([
      'EINVAL',
      undefined,
      undefined,
      undefined,
      undefined,
      'E2BIG',
    ])
  })

  it('CLN-011: takes a signal as exit_signal, and none for threads and siblings', () => {
    const task = child(boot().init)
    expect(errno(call(task, clone(0, { exit_signal: 65 })))).toBe('EINVAL')
    expect(errno(call(task, clone(0, { exit_signal: 64 })))).toBeUndefined()
    expect(errno(call(task, clone(CLONE.PARENT, { exit_signal: 17 })))).toBe('EINVAL')
  })

  it('CLN-012: takes a stack and its size together', () => {
    const { init } = boot()
    expect(errno(call(init, clone(0, { stack: 4096 })))).toBe('EINVAL')
    expect(errno(call(init, clone(0, { stack_size: 4096 })))).toBe('EINVAL')
    expect(errno(call(init, clone(0, { stack: 4096, stack_size: 4096 })))).toBeUndefined()
  })

  it('CLN-016: wants a directory of cgroup2 for CLONE_INTO_CGROUP', () => {
    const { init } = boot()
    const into = (cgroup: number) => errno(call(init, clone(2 ** 33, { cgroup })))
    expect(into(77)).toBe('EBADF')
    expect(into(0)).toBe('EBADF')
    expect(into(2 ** 31)).toBe('EINVAL')
    expect(errno(call(init, clone(0, { cgroup: 77 })))).toBeUndefined()
  })

  it('CLN-020: puts the child into a new time namespace', () => {
    const { init } = boot()
    expect(child(init, CLONE.NEWTIME).namespaces.time).not.toBe(init.namespaces.time)
  })
})

describe('set_tid', () => {
  it('CLN-015: gives the numbers that are asked for, from the inside out', () => {
    const { init } = boot()
    const task = child(init, CLONE.NEWPID, { set_tid: [1, 77] })
    expect(task.entry.numbers).toEqual([77, 1])
    expect(pid(child(init))).toBe(2)
  })

  it('CLN-015: refuses numbers that are taken, impossible, too many, or not for the caller', () => {
    const { init } = boot()
    const wanted = (flags: number, ...set_tid: number[]) => errno(call(init, clone(flags, { set_tid })))
    expect(wanted(0, 1)).toBe('EEXIST')
    expect(wanted(0, 0)).toBe('EINVAL')
    expect(wanted(0, 4_194_304)).toBe('EINVAL')
    expect(wanted(0, 5, 6)).toBe('EINVAL')
    expect(wanted(CLONE.NEWPID, 2)).toBe('EINVAL')
    const user = child(init)
    become(user, { uid: 1000 })
    expect(errno(call(user, clone(0, { set_tid: [99] })))).toBe('EPERM')
  })
})

describe('the order of refusals', () => {
  it('CLN-101: flags come before rights, rights before the other namespaces', () => {
    const { init } = boot()
    const user = child(init)
    become(user, { uid: 1000 })
    expect(errno(call(user, clone(flagsAlone('NEWNS', 'FS'))))).toBe('EINVAL')
    expect(errno(call(user, clone(flagsAlone('NEWIPC', 'SYSVSEM'))))).toBe('EPERM')
    expect(errno(call(user, clone(flagsAlone('NEWUSER', 'NEWIPC', 'SYSVSEM'))))).toBe('EINVAL')
  })

  it('CLN-102: counts processes by user, and lets root pass', () => {
    const { init } = boot()
    const limit = { name: 'prlimit64', pid: 0, resource: 6, new_limit: { soft: 1n, hard: 1n }, old_limit: 0 } as const
    const user = child(init)
    value(user, { name: 'setresuid', ruid: 4321, euid: 4321, suid: 4321 })
    value(user, limit)
    expect(errno(call(user, clone(0)))).toBe('EAGAIN')
    value(init, limit)
    expect(errno(call(init, clone(0)))).toBeUndefined()
  })

  it('CLN-102: the creator of a user namespace pays for all in it', () => {
    const { init } = boot()
    const user = child(init)
    value(user, { name: 'setresuid', ruid: 4321, euid: 4321, suid: 4321 })
    value(user, { name: 'setrlimit', resource: 6, rlim: { soft: 3n, hard: 3n } })
    const inner = child(user, CLONE.NEWUSER)
    const another = child(inner)
    expect(errno(call(inner, clone(0)))).toBe('EAGAIN')
    exit(another)
    waited(inner)
    expect(errno(call(inner, clone(0)))).toBeUndefined()
  })

  it('CLN-102: setuid does not fail for the number of processes, but execve after it', () => {
    const { init } = boot()
    write(init, '/bin/true', '#!sim outside\n')
    const limited = () => {
      const task = child(init)
      value(task, { name: 'setrlimit', resource: 6, rlim: { soft: 1n, hard: 1n } })
      value(task, { name: 'setresuid', ruid: 77, euid: 77, suid: 77 })
      return task
    }
    // The task itself is not counted when it becomes that user.
    const outcomes = [limited(), limited(), limited()].map((task) => errno(call(task, execve('/bin/true'))))
    expect(outcomes).toEqual([undefined, undefined, 'EAGAIN'])
  })

  it('CLN-103: burns no number before one was taken, and leaves nothing behind', () => {
    const { init, kernel } = boot()
    const user = child(init)
    become(user, { uid: 1000 })
    const before = kernel.tasks.size
    call(user, clone(CLONE.NEWUTS))
    call(user, clone(flagsAlone('NEWNS', 'FS')))
    expect(kernel.tasks.size).toBe(before)
    expect(pid(child(init))).toBe(3)
  })

  it('CLN-103: three forks that pids.max refuses burn three numbers', () => {
    const { init } = boot()
    writeFile(init, 'cgroup.subtree_control', '+pids')
    makeGroup(init, 'a')
    writeFile(init, 'a/pids.max', '1')
    const task = child(init)
    writeFile(init, 'a/cgroup.procs', '2')
    for (let count = 3; count > 0; count--) expect(errno(call(task, clone(CLONE.NEWUTS)))).toBe('EAGAIN')
    expect(pid(child(init))).toBe(6)
  })

  it('CLN-103: the first birth into a pid namespace fails, and there is no second', () => {
    const { init } = boot()
    const task = child(init)
    writeFile(init, 'cgroup.subtree_control', '+pids')
    makeGroup(init, 'a')
    writeFile(init, 'a/pids.max', '1')
    writeFile(init, 'a/cgroup.procs', '2')
    value(task, { name: 'unshare', flags: CLONE.NEWPID })
    expect(errno(call(task, clone(0)))).toBe('EAGAIN')
    writeFile(init, 'a/pids.max', 'max')
    expect(errno(call(task, clone(0)))).toBe('ENOMEM')
  })

  it('CLN-103: burns a number when there is no descriptor for the pidfd', () => {
    const { init } = boot()
    value(init, { name: 'setrlimit', resource: 7, rlim: { soft: 3n, hard: 3n } })
    expect(errno(call(init, clone(CLONE.PIDFD)))).toBe('EMFILE')
    expect(pid(child(init))).toBe(3)
  })

  it('CLN-063: makes no thread while children belong to another pid namespace', () => {
    const { init } = boot()
    const task = child(init)
    value(task, { name: 'unshare', flags: CLONE.NEWPID })
    expect(errno(call(task, clone(flagsAlone('VM', 'SIGHAND', 'THREAD'))))).toBe('EINVAL')
    expect(pid(child(task))).toBe(1)
  })
})

describe('vfork', () => {
  it('CLN-057: waits until the child ends; only what is fatal disturbs it', () => {
    const { init, kernel } = boot()
    const parent = child(init)
    begin(parent, { name: 'vfork' })
    const born = kernel.lastBorn!
    value(init, kill(pid(parent), SIG.CHLD))
    expect(kernel.finish(parent)).toBeUndefined()
    exit(born)
    expect(kernel.finish(parent)).toEqual({ value: 3 })
    begin(parent, { name: 'vfork' })
    value(init, kill(pid(parent), SIG.TERM))
    expect(waited(init)).toBe('2 signal 15')
  })
})

it('getpid of a thread is that of its process, gettid its own', () => {
  const { init } = boot()
  const task = child(init)
  const thread = sibling(task)
  expect([pid(thread), value(thread, { name: 'gettid' }), value(thread, { name: 'getppid' })]).toEqual([2, 3, 1])
})
