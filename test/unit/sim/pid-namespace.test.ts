// Pid namespaces of the simulated kernel: numbers, process 1 and its protection, and the end of a namespace.

import { describe, expect, it } from 'vitest'
import { killProcess } from '../../../sim/signal/send.ts'
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

const ids = (task: Parameters<typeof pid>[0]) => [
  pid(task),
  value(task, { name: 'getppid' }),
  value(task, { name: 'getsid', pid: 0 }),
  value(task, { name: 'getpgrp' }),
]

describe('numbers', () => {
  it('PID-001, PID-034: the first process is 1, and what is outside is 0; setsid makes it 1', () => {
    const first = child(boot().init, CLONE.NEWPID)
    expect(ids(first)).toEqual([1, 0, 0, 0])
    expect(value(first, { name: 'setsid' })).toBe(1)
    expect(ids(first)).toEqual([1, 0, 1, 1])
  })

  it('PID-002: a process has a number in its namespace and in all above, and in no other', () => {
    const { init } = boot()
    const inner = child(child(init, CLONE.NEWPID), CLONE.NEWPID)
    const other = child(init, CLONE.NEWPID)
    expect(inner.entry.numbers).toEqual([3, 2, 1])
    expect(inner.entry.in(other.pidNamespace)).toBeUndefined()
    expect(other.entry.in(inner.pidNamespace)).toBeUndefined()
  })

  it('PID-018: numbers go up and are not used again at once', () => {
    const { init } = boot()
    exit(child(init))
    expect(waited(init)).toBe('2 exit 0')
    expect(pid(child(init))).toBe(3)
    init.pidNamespace.last = 777 as typeof init.pidNamespace.last
    expect(pid(child(init))).toBe(778)
  })

  it('PID-019, PID-101: after the highest number the search goes on at 300, and it can find none', () => {
    const { init } = boot({ version: [6, 14] })
    init.pidNamespace.pidMax = 302
    init.pidNamespace.last = 298 as typeof init.pidNamespace.last
    const numbers = Array.from({ length: 5 }, () => {
      const task = child(init)
      const number = pid(task)
      exit(task)
      waited(init)
      return number
    })
    expect(numbers).toEqual([299, 300, 301, 300, 301])
    for (let count = 2; count > 0; count--) child(init)
    expect(errno(call(init, clone(0)))).toBe('EAGAIN')
  })

  it('PID-039: the child of process 1 has parent 1, that of an outer process 0', () => {
    const { init } = boot()
    const first = child(init, CLONE.NEWPID)
    expect(value(child(first), { name: 'getppid' })).toBe(1)
    expect(value(first, { name: 'getppid' })).toBe(0)
  })
})

describe('process 1', () => {
  it('PID-003: from inside it gets only signals that it handles, and kill tells nothing of it', () => {
    const first = child(boot().init, CLONE.NEWPID)
    const inner = child(first)
    for (const signal of [SIG.TERM, SIG.KILL, SIG.STOP]) {
      value(inner, kill(1, signal))
      value(first, kill(1, signal))
    }
    expect(first.state).toBe('running')
    value(first, action(SIG.TERM, 2))
    value(inner, kill(1, SIG.TERM))
    expect(first.handled).toEqual([SIG.TERM])
  })

  it('PID-003: what was blocked meanwhile is dropped, too', () => {
    const first = child(boot().init, CLONE.NEWPID)
    value(first, mask(0, SIG.TERM))
    value(child(first), kill(1, SIG.TERM))
    value(first, mask(1, SIG.TERM))
    expect(first.alive).toBe(true)
  })

  it('PID-004, PID-005, PID-006: from above SIGKILL and SIGSTOP act, others only where they are handled', () => {
    const { init } = boot()
    const first = child(init, CLONE.NEWPID)
    value(init, kill(2, SIG.TERM))
    expect(first.state).toBe('running')
    value(first, action(SIG.TERM, 2))
    value(init, kill(2, SIG.TERM))
    expect(first.handled).toEqual([SIG.TERM])
    value(init, kill(2, SIG.STOP))
    expect(waited(init, 2, 2)).toBe('2 stopped 19')
    value(init, kill(2, SIG.KILL))
    expect(waited(init)).toBe('2 signal 9')
  })

  it('PID-103: the kernel itself kills it', () => {
    const { init } = boot()
    killProcess(child(init, CLONE.NEWPID).process)
    expect(waited(init)).toBe('2 signal 9')
  })

  it('PID-103: as the end of memory does, and cgroup.kill that is written outside; written inside it spares it', () => {
    const { init, kernel } = boot()
    const [first, second] = [child(init, CLONE.NEWPID), child(init, CLONE.NEWPID)]
    kernel.sendSignal(first, SIG.KILL, child(first))
    expect(pid(first)).toBe(1)
    kernel.sendSignal(first, SIG.KILL, init)
    expect(waited(init)).toBe('2 signal 9')
    kernel.sendSignal(second, SIG.KILL)
    expect(waited(init)).toBe('3 signal 9')
  })

  it('PID-009: takes everybody in it and below along, before it can be waited for', () => {
    const { init, kernel } = boot()
    const first = child(init, CLONE.NEWPID)
    const inner = child(child(first), CLONE.NEWPID)
    child(inner)
    exit(first, 3)
    expect(waited(init)).toBe('2 exit 3')
    expect(kernel.tasks.size).toBe(1)
    expect(init.pidNamespace.entries.size).toBe(1)
  })

  it('PID-010, PID-011: nobody is born into a namespace whose process 1 has ended', () => {
    const { init } = boot()
    const parent = child(init)
    value(parent, { name: 'unshare', flags: CLONE.NEWPID })
    exit(child(parent))
    expect(waited(parent)).toMatch(/exit 0$/)
    expect(errno(call(parent, clone(0)))).toBe('ENOMEM')
  })

  it('PID-023: reboot ends it as if by a signal', () => {
    const { init } = boot()
    const reboot = (op: number) => ({ name: 'reboot', magic: 0xfee1dead, magic2: 672274793, op, arg: null }) as const
    for (const [command, signal] of [
      [0x01234567, 1],
      [0x4321fedc, 2],
      [0xcdef0123, 2],
    ] as const) {
      const first = child(init, CLONE.NEWPID)
      call(child(first), reboot(command))
      expect(waited(init)).toMatch(new RegExp(`signal ${signal}$`))
    }
    const first = child(init, CLONE.NEWPID)
    expect(errno(call(first, reboot(0x89abcdef)))).toBe('EINVAL')
    become(first, { uid: 1000 })
    expect(errno(call(first, reboot(0x01234567)))).toBe('EPERM')
  })

  it('PID-031: a middle namespace kills an inner process 1 by the number that it has there', () => {
    const { init } = boot()
    const middle = child(init, CLONE.NEWPID)
    child(middle, CLONE.NEWPID)
    value(middle, kill(2, SIG.KILL))
    expect(waited(middle)).toBe('2 signal 9')
  })

  it('PID-033: it waits for members that others have to wait for', () => {
    const { init } = boot()
    const helper = child(init)
    const first = child(init, CLONE.NEWPID)
    helper.namespaces = { ...helper.namespaces, pidForChildren: first.pidNamespace.retain() }
    const injected = child(helper)
    expect(pid(injected)).toBe(2)
    exit(first)
    expect(injected.state).toBe('zombie')
    expect(waited(init, -1, 1)).toBe('0')
    expect(waited(helper)).toMatch(/signal 9$/)
    expect(waited(init)).toBe('3 exit 0')
  })

  it("PID-040: the protection is the process's, also of its threads", () => {
    const first = child(boot().init, CLONE.NEWPID)
    const thread = sibling(first)
    value(thread, kill(1, SIG.KILL))
    expect(thread.alive && first.alive).toBe(true)
  })

  it('PID-009: a thread of it that waits in vfork(2) ends as well', () => {
    const { init, kernel } = boot()
    const first = child(init, CLONE.NEWPID)
    const parent = child(first)
    begin(parent, { name: 'vfork' })
    exit(first)
    expect(kernel.tasks.size).toBe(2)
    expect(waited(init)).toBe('2 exit 0')
    expect(kernel.tasks.size).toBe(1)
  })
})
