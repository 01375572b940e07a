// Parents and children of the simulated kernel: zombies, waiting, orphans, subreapers, job control.

import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import type { Task } from '../../../sim/task.ts'
import { begin, boot, call, data, errno, value } from '../../support/sim.ts'
import { action, CLONE, child, exit, kill, pid, SIG, sibling, wait4, waited } from '../../support/sim-processes.ts'

const W = { NOHANG: 1, UNTRACED: 2, EXITED: 4, CONTINUED: 8, NOWAIT: 0x01000000 }
const NOCLDWAIT = 2
const P_PIDFD = 3
const subreaper = (task: Task) => value(task, { name: 'prctl', option: 36, arg2: 1, arg3: 0, arg4: 0, arg5: 0 })
const waitid = (idtype: number, id: number, options: number): Syscall => ({
  ...{ name: 'waitid', idtype, id, infop: 128, options, rusage: 0 },
})
const parentOf = (task: Task) => value(task, { name: 'getppid' })

describe('the end', () => {
  it('PID-027: keeps the low eight bits of the status', () => {
    const { init } = boot()
    for (const status of [0x1ff, -1]) {
      exit(child(init), status)
      expect(waited(init)).toMatch(/exit 255$/)
    }
  })

  it('PID-015: a zombie takes any signal; after wait its number is free', () => {
    const { init } = boot()
    const zombie = child(init)
    exit(zombie, 4)
    expect(zombie.state).toBe('zombie')
    expect([0, SIG.KILL].map((signal) => errno(call(init, kill(2, signal))))).toEqual([undefined, undefined])
    expect(waited(init)).toBe('2 exit 4')
    expect(errno(call(init, kill(2, 0)))).toBe('ESRCH')
    expect(waited(init)).toBe('ECHILD')
  })

  it('PID-016: children are reaped by themselves when SIGCHLD is ignored; wait ends with ECHILD after the last', () => {
    for (const [handler, flags] of [
      [1, 0],
      [0, NOCLDWAIT],
    ] as const) {
      const { init, kernel } = boot()
      value(init, action(SIG.CHLD, handler, flags))
      const [one, two] = [child(init), child(init)]
      begin(init, wait4())
      exit(one)
      expect(kernel.finish(init)).toBeUndefined()
      exit(two)
      expect(errno(kernel.finish(init)!)).toBe('ECHILD')
      expect(kernel.tasks.size).toBe(1)
    }
  })

  it('PID-028: a leader that ends before its threads is a zombie that cannot be waited for yet', () => {
    const { init, kernel } = boot()
    const leader = child(init)
    const thread = sibling(leader)
    kernel.call(leader, { name: 'exit', status: 3 })
    expect(leader.state).toBe('zombie')
    expect(waited(init, 2, W.NOHANG)).toBe('0')
    exit(thread, 6)
    expect(waited(init)).toBe('2 exit 6')
    expect(kernel.tasks.size).toBe(1)
  })

  it('PID-105: one SIGCHLD may stand for several children', () => {
    const { init } = boot()
    value(init, { name: 'rt_sigprocmask', how: 0, set: 1n << 16n, oldset: 0, sigsetsize: 8 })
    for (const born of [child(init), child(init)]) exit(born)
    expect(init.process.pending.length).toBe(1)
    expect([waited(init), waited(init)]).toEqual(['2 exit 0', '3 exit 0'])
  })

  it('PID-106: the init of a namespace does not reap by itself', () => {
    const first = child(boot().init, CLONE.NEWPID)
    const parent = child(first)
    const orphan = child(parent)
    exit(parent)
    exit(orphan)
    expect(orphan.state).toBe('zombie')
    expect([waited(first), waited(first)]).toEqual(['2 exit 0', '3 exit 0'])
  })
})

describe('wait4 and waitid', () => {
  it('PID-030: ECHILD, nothing yet, unknown options', () => {
    const { init } = boot()
    const born = child(init)
    expect(waited(init, 77)).toBe('ECHILD')
    expect(waited(init, -77)).toBe('ECHILD')
    expect(waited(init, -1, W.NOHANG)).toBe('0')
    expect(waited(init, -1, W.EXITED)).toBe('EINVAL')
    expect(waited(child(born), 2)).toBe('ECHILD')
  })

  it('PID-030: stops and continuations are told when they are asked for, once', () => {
    const { init } = boot()
    child(init)
    value(init, kill(2, SIG.STOP))
    expect(waited(init, -1, W.NOHANG)).toBe('0')
    expect(waited(init, -1, W.UNTRACED)).toBe('2 stopped 19')
    expect(waited(init, -1, W.UNTRACED | W.NOHANG)).toBe('0')
    value(init, kill(2, SIG.CONT))
    expect(waited(init, -1, W.CONTINUED)).toBe('2 continued')
    expect(waited(init, -1, W.CONTINUED | W.NOHANG)).toBe('0')
  })

  it('looks at children in their order, whatever the order of their ends', () => {
    const { init } = boot()
    const all = Array.from({ length: 5 }, () => child(init))
    for (const at of [3, 1]) exit(all[at]!)
    expect([waited(init), waited(init)]).toEqual(['3 exit 0', '5 exit 0'])
  })

  it('waits for process groups', () => {
    const { init } = boot()
    const [one, two] = [child(init), child(init)]
    value(two, { name: 'setpgid', pid: 0, pgid: 0 })
    exit(one)
    exit(two)
    expect(waited(init, -3)).toBe('3 exit 0')
    expect(waited(init, 0)).toBe('2 exit 0')
  })

  it('WNOWAIT leaves the child as it is; the siginfo says what happened', () => {
    const { init } = boot()
    exit(child(init), 7)
    const info = data(init, waitid(1, 2, W.EXITED | W.NOWAIT))
    const view = new DataView(info.buffer, info.byteOffset)
    expect([0, 8, 16, 24].map((at) => view.getInt32(at, true))).toEqual([SIG.CHLD, 1, 2, 7])
    expect(waited(init)).toBe('2 exit 7')
  })

  it('PID-037: P_PIDFD wants a pidfd of a child, and one that does not wait answers EAGAIN', () => {
    const { init } = boot()
    const born = child(init)
    const grandchild = child(born)
    const open = (of: Task, flags = 0) => value(init, { name: 'pidfd_open', pid: pid(of), flags })
    expect(errno(call(init, waitid(P_PIDFD, 99, W.EXITED)))).toBe('EBADF')
    expect(errno(call(init, waitid(P_PIDFD, 0, W.EXITED)))).toBe('EBADF')
    expect(errno(call(init, waitid(P_PIDFD, open(grandchild), W.EXITED)))).toBe('ECHILD')
    const fd = open(born, 0o4000)
    expect(errno(call(init, waitid(P_PIDFD, fd, W.EXITED)))).toBe('EAGAIN')
    exit(born)
    expect(errno(call(init, waitid(P_PIDFD, fd, W.EXITED)))).toBeUndefined()
  })

  it('ends with EINTR for a handler, and goes on with SA_RESTART', () => {
    const { init, kernel } = boot()
    const born = child(init)
    value(init, action(SIG.USR1, 2))
    begin(init, wait4())
    value(born, kill(1, SIG.USR1))
    expect(errno(kernel.finish(init)!)).toBe('EINTR')
    value(init, action(SIG.USR1, 2, 0x10000000))
    begin(init, wait4())
    value(born, kill(1, SIG.USR1))
    expect(kernel.finish(init)).toBeUndefined()
    exit(born, 1)
    expect(kernel.finish(init)).toMatchObject({ value: 2 })
  })
})

describe('orphans', () => {
  it('PID-012: a thread of the parent keeps the child, then the nearest subreaper, else process 1', () => {
    const { init, kernel } = boot()
    const reaper = child(init)
    subreaper(reaper)
    const parent = child(child(reaper))
    const thread = sibling(parent)
    const born = child(thread)
    kernel.call(thread, { name: 'exit', status: 0 })
    expect(parentOf(born)).toBe(pid(parent))
    exit(parent)
    expect(parentOf(born)).toBe(pid(reaper))
    exit(reaper)
    expect(parentOf(born)).toBe(1)
  })

  it('PID-013: the mark of a subreaper is not inherited; it has to wait for what it takes over', () => {
    const { init } = boot()
    const reaper = child(init)
    subreaper(reaper)
    value(reaper, action(SIG.CHLD, 2))
    const middle = child(reaper)
    const parent = child(middle)
    exit(child(parent), 9)
    exit(parent)
    expect(waited(middle)).toBe(`${4} exit 0`)
    expect(waited(reaper)).toBe('5 exit 9')
    expect(reaper.handled).toEqual([SIG.CHLD])
  })

  it('PID-014: the adopter of one that was put into a namespace is looked for outside', () => {
    const { init } = boot()
    const first = child(init, CLONE.NEWPID)
    const helper = child(init)
    helper.namespaces = { ...helper.namespaces, pidForChildren: first.pidNamespace.retain() }
    const injected = child(helper)
    exit(helper)
    expect(parentOf(injected)).toBe(0)
    expect(injected.process.parent).toBe(init.process)
  })

  it('PID-026: PDEATHSIG comes when the thread that made the child ends', () => {
    const { init, kernel } = boot()
    const parent = child(init)
    const thread = sibling(parent)
    const born = child(thread)
    value(born, { name: 'prctl', option: 1, arg2: SIG.TERM, arg3: 0, arg4: 0, arg5: 0 })
    const grandchild = child(born)
    kernel.call(thread, { name: 'exit', status: 0 })
    expect(born.state).toBe('zombie')
    expect(grandchild.alive).toBe(true)
  })

  it('PID-026: a long line of processes ends with its first', () => {
    const { init, kernel } = boot()
    const first = child(init)
    let last = first
    for (let count = 0; count < 5000; count++) {
      last = child(last)
      value(last, { name: 'prctl', option: 1, arg2: SIG.KILL, arg3: 0, arg4: 0, arg5: 0 })
    }
    value(init, action(SIG.CHLD, 1))
    exit(first)
    expect(last.alive).toBe(false)
    expect(kernel.tasks.size).toBe(1)
  })

  it('PID-104: a stopped group that loses its last link to the session gets SIGHUP and SIGCONT', () => {
    const { init } = boot()
    const shell = child(init)
    value(shell, { name: 'setsid' })
    const job = child(shell)
    value(job, { name: 'setpgid', pid: 0, pgid: 0 })
    value(job, action(SIG.HUP, 2))
    value(job, action(SIG.CONT, 2))
    value(init, kill(pid(job), SIG.STOP))
    exit(shell)
    expect(job.state).toBe('running')
    expect(job.handled).toEqual([SIG.HUP, SIG.CONT])
  })
})
