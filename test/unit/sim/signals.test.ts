// Signals of the simulated kernel: who may send them, what they do, and how calls that wait end.

import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { freezeTask, thawTask } from '../../../sim/cgroup/freeze.ts'
import { begin, boot, call, errno, value } from '../../support/sim.ts'
import {
  action,
  CLONE,
  child,
  clone,
  exit,
  kill,
  mask,
  pid,
  SIG,
  sibling,
  waited,
} from '../../support/sim-processes.ts'
import { become } from '../../support/sim-tasks.ts'

const pause: Syscall = { name: 'pause' }
const set = (...signals: number[]) => signals.reduce((bits, signal) => bits | (1n << BigInt(signal - 1)), 0n)
const timedWait = (bits: bigint, timeout: bigint | null): Syscall => ({
  ...{ name: 'rt_sigtimedwait', set: bits, info: 128, timeout, sigsetsize: 8 },
})

describe('sending', () => {
  it('PID-029: ESRCH, EPERM also for signal 0, EINVAL', () => {
    const { init } = boot()
    const user = child(init)
    become(user, { uid: 1000 })
    expect([0, SIG.KILL].map((signal) => errno(call(user, kill(1, signal))))).toEqual(['EPERM', 'EPERM'])
    expect(errno(call(init, kill(2, 65)))).toBe('EINVAL')
    const first = child(init, CLONE.NEWPID)
    expect(errno(call(first, kill(2, 0)))).toBe('ESRCH')
  })

  it('PID-102: real or effective uid has to be the real or saved one of the other', () => {
    const { init } = boot()
    const target = child(init)
    value(target, { name: 'setresuid', ruid: 1000, euid: 1001, suid: 1002 })
    const from = (uid: number) => {
      const sender = child(init)
      become(sender, { uid })
      return errno(call(sender, kill(pid(target), 0)))
    }
    expect([1000, 1001, 1002].map(from)).toEqual([undefined, 'EPERM', undefined])
  })

  it('PID-102: SIGCONT goes to everybody of the session', () => {
    const { init } = boot()
    const user = child(init)
    become(user, { uid: 1000 })
    expect(errno(call(user, kill(1, SIG.CONT)))).toBeUndefined()
    value(user, { name: 'setsid' })
    expect(errno(call(user, kill(1, SIG.CONT)))).toBe('EPERM')
  })

  it('PID-041: kill of a group that is not there is ESRCH', () => {
    const { init } = boot()
    expect(errno(call(init, kill(-77, SIG.TERM)))).toBe('ESRCH')
    expect(errno(call(init, kill(-0x80000000, SIG.TERM)))).toBe('ESRCH')
    expect(errno(call(init, kill(1, 0)))).toBeUndefined()
  })

  it('PID-017: kill(-1) reaches everybody in the namespace but process 1 and the caller', () => {
    const { init } = boot()
    const outside = child(init)
    const first = child(init, CLONE.NEWPID)
    expect(errno(call(first, kill(-1, SIG.KILL)))).toBe('ESRCH')
    const [one, two, caller] = [child(first), child(first), child(first)]
    value(caller, kill(-1, SIG.KILL))
    expect([one, two, caller, first, outside].map(({ alive }) => alive)).toEqual([false, false, true, true, true])
  })

  it('tgkill wants the thread to be one of the process', () => {
    const { init } = boot()
    const task = child(init)
    const thread = sibling(task)
    const tgkill = (tgid: number, tid: number): Syscall => ({ name: 'tgkill', tgid, tid, sig: SIG.USR1 })
    value(task, action(SIG.USR1, 2))
    value(init, tgkill(2, 3))
    expect([task.handled, thread.handled]).toEqual([[], [SIG.USR1]])
    expect(errno(call(init, tgkill(1, 3)))).toBe('ESRCH')
    expect(errno(call(init, tgkill(0, 3)))).toBe('EINVAL')
  })
})

describe('what signals do', () => {
  it('a signal that is blocked waits, old ones one of a kind, new ones each', () => {
    const { init } = boot()
    for (const signal of [SIG.USR1, 34]) value(init, action(signal, 2))
    value(init, mask(0, SIG.USR1, 34))
    for (const signal of [34, SIG.USR1, 34, SIG.USR1]) value(init, kill(1, signal))
    expect(init.handled).toEqual([])
    value(init, mask(1, SIG.USR1, 34))
    expect(init.handled).toEqual([SIG.USR1, 34, 34])
  })

  it('SIGKILL and SIGSTOP can neither be handled nor blocked', () => {
    const { init } = boot()
    expect([SIG.KILL, SIG.STOP].map((signal) => errno(call(init, action(signal, 1))))).toEqual(['EINVAL', 'EINVAL'])
    const task = child(init)
    value(task, mask(0, SIG.KILL))
    value(init, kill(2, SIG.KILL))
    expect(waited(init)).toBe('2 signal 9')
  })

  it('a thread that does not block a signal gets it', () => {
    const { init } = boot()
    const task = child(init)
    const thread = sibling(task)
    value(task, action(SIG.USR1, 2))
    value(task, mask(0, SIG.USR1))
    value(init, kill(2, SIG.USR1))
    expect([task.handled, thread.handled]).toEqual([[], [SIG.USR1]])
  })

  it('a stopped process takes SIGKILL and SIGCONT only; others wait', () => {
    const { init } = boot()
    const task = child(init)
    value(task, action(SIG.USR1, 2))
    value(init, kill(2, SIG.STOP))
    value(init, kill(2, SIG.USR1))
    expect([task.state, task.handled]).toEqual(['stopped', []])
    value(init, kill(2, SIG.CONT))
    expect([task.state, task.handled]).toEqual(['running', [SIG.USR1]])
    value(init, kill(2, SIG.STOP))
    value(init, kill(2, SIG.KILL))
    expect(waited(init)).toBe('2 signal 9')
  })

  it('SIGTSTP does not stop an orphaned group', () => {
    const { init } = boot()
    const task = child(init)
    value(task, { name: 'setsid' })
    value(init, kill(2, SIG.TSTP))
    expect(task.state).toBe('running')
  })

  it('what is fatal ends a frozen task of version 2, and none of version 1 before it thaws', () => {
    const { init } = boot()
    const [two, one] = [child(init), child(init)]
    value(two, action(SIG.USR1, 2))
    freezeTask(two, 2)
    freezeTask(one, 1)
    value(init, kill(2, SIG.USR1))
    value(init, kill(3, SIG.KILL))
    expect([two.handled, one.alive]).toEqual([[], true])
    thawTask(one)
    expect(waited(init)).toBe('3 signal 9')
    value(init, kill(2, SIG.TERM))
    expect(waited(init)).toBe('2 signal 15')
  })
})

describe('calls that wait', () => {
  it('pause ends with EINTR, even with SA_RESTART', () => {
    const { init, kernel } = boot()
    const task = child(init)
    value(task, action(SIG.USR1, 2, 0x10000000))
    begin(task, pause)
    value(init, kill(2, SIG.CHLD))
    expect(kernel.finish(task)).toBeUndefined()
    value(init, kill(2, SIG.USR1))
    expect(errno(kernel.finish(task)!)).toBe('EINTR')
  })

  it('rt_sigsuspend waits with another mask, and puts the old one back', () => {
    const { init } = boot()
    value(init, action(SIG.USR1, 2))
    value(init, mask(2, SIG.USR1))
    value(init, kill(1, SIG.USR1))
    expect(errno(call(init, { name: 'rt_sigsuspend', mask: 0n, sigsetsize: 8 }))).toBe('EINTR')
    expect([init.handled, init.signalMask]).toEqual([[SIG.USR1], set(SIG.USR1)])
  })

  it('rt_sigtimedwait takes a signal of its set, or gives up in time', () => {
    const { init, kernel } = boot()
    value(init, mask(0, SIG.USR1))
    expect(errno(call(init, timedWait(set(SIG.USR1), 5_000_000_000n)))).toBe('EAGAIN')
    expect(kernel.clock.nowNs).toBe(5e9)
    begin(init, timedWait(set(SIG.USR1), null))
    value(child(init), kill(1, SIG.USR1))
    expect(kernel.finish(init)).toMatchObject({ value: SIG.USR1 })
    expect(init.process.pending).toEqual([])
  })

  it('sleeps pass virtual time; while stopped nobody wakes', () => {
    const { init, kernel } = boot()
    const task = child(init)
    begin(task, { name: 'nanosleep', req: 2_000_000_000n, rem: 16 })
    value(init, kill(2, SIG.STOP))
    expect(errno(call(init, { name: 'nanosleep', req: 3_000_000_000n, rem: 16 }))).toBeUndefined()
    expect([kernel.clock.nowNs, task.finished]).toEqual([3e9, undefined])
    value(init, kill(2, SIG.CONT))
    expect(kernel.finish(task)).toEqual({ value: 0 })
  })

  it('alarm sends SIGALRM, which ends a sleep', () => {
    const { init, kernel } = boot()
    const task = child(init)
    value(task, action(SIG.ALRM, 2))
    value(task, { name: 'alarm', seconds: 1 })
    expect(errno(call(task, { name: 'nanosleep', req: 9_000_000_000n, rem: 16 }))).toBe('EINTR')
    expect(kernel.clock.nowNs).toBe(1e9)
    value(task, action(SIG.ALRM, 0))
    value(task, { name: 'alarm', seconds: 1 })
    expect(waited(init)).toBe('2 signal 14')
  })
})

describe('pidfds', () => {
  const open = (number: number, flags = 0): Syscall => ({ name: 'pidfd_open', pid: number, flags })
  const send = (pidfd: number, sig: number): Syscall => ({ name: 'pidfd_send_signal', pidfd, sig, info: 0, flags: 0 })
  const poll = (fd: number): Syscall => ({ name: 'poll', fds: [{ fd, events: 1 }], timeout: 0 })

  it('PID-024: flags, numbers, zombies, what was waited for, and namespaces', () => {
    const { init } = boot()
    const task = child(init)
    expect(errno(call(init, open(2, 1)))).toBe('EINVAL')
    expect(errno(call(init, open(0)))).toBe('EINVAL')
    expect(errno(call(init, open(77)))).toBe('ESRCH')
    const fd = value(init, open(2))
    const first = child(init, CLONE.NEWPID)
    expect(errno(call(first, send(fd, 0)))).toBe('EINVAL')
    exit(task)
    expect(errno(call(init, send(fd, SIG.TERM)))).toBeUndefined()
    waited(init)
    expect(errno(call(init, send(fd, SIG.TERM)))).toBe('ESRCH')
  })

  it('PID-025: threads are opened with PIDFD_THREAD', () => {
    const at = (version: [number, number]) => {
      const { init } = boot({ version })
      sibling(child(init))
      return [open(3), open(3, 0o200)].map((syscall) => errno(call(init, syscall)))
    }
    expect(at([6, 1])).toEqual(['EINVAL', 'EINVAL'])
    expect(at([6, 12])).toEqual(['EINVAL', undefined])
    expect(at([6, 18])).toEqual(['ENOENT', undefined])
  })

  it('CLN-055: close-on-exec; readable when the process has ended, hung up after it was waited for', () => {
    const { init } = boot()
    const outcome = call(init, clone(CLONE.PIDFD))
    const fd = 'data' in outcome ? outcome.data![0]! : -1
    expect(value(init, { name: 'fcntl', fd, cmd: 1, arg: 0 })).toBe(1)
    expect(value(init, poll(fd))).toBe(0)
    value(init, kill(2, SIG.KILL))
    expect(value(init, poll(fd))).toBe(1)
    waited(init)
    const after = call(init, poll(fd))
    expect('data' in after && after.data![6]).toBe(0x11)
  })

  it('PID-036: pidfd_getfd takes a descriptor from whom the caller may trace', () => {
    const { init } = boot()
    const task = child(init)
    const fd = value(init, open(2))
    const getfd = (targetfd: number): Syscall => ({ name: 'pidfd_getfd', pidfd: fd, targetfd, flags: 0 })
    expect(value(init, getfd(1))).toBe(4)
    expect(errno(call(init, getfd(99)))).toBe('EBADF')
    const user = child(init)
    become(user, { uid: 1000 })
    expect(errno(call(user, getfd(1)))).toBe('EPERM')
    exit(task)
    expect(errno(call(init, getfd(1)))).toBe('ESRCH')
  })
})
