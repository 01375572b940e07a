// Sessions, process groups, limits and what a process says of itself, in the simulated kernel.

import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { boot, call, data, errno, value } from '../../support/sim.ts'
import { CLONE, child, exit, pid, sibling, waited } from '../../support/sim-processes.ts'
import { become } from '../../support/sim-tasks.ts'

const setpgid = (number: number, pgid: number): Syscall => ({ name: 'setpgid', pid: number, pgid })
const prctl = (option: number, arg2 = 0): Syscall => ({ name: 'prctl', option, arg2, arg3: 0, arg4: 0, arg5: 0 })
const prlimit = (number: number, resource: number, soft: bigint, hard = soft): Syscall => ({
  ...{ name: 'prlimit64', pid: number, resource, new_limit: { soft, hard }, old_limit: 0 },
})

describe('sessions and groups', () => {
  it('setsid is for who leads no group; its session and group have its number', () => {
    const task = child(boot().init)
    expect(value(task, { name: 'setsid' })).toBe(2)
    expect([value(task, { name: 'getsid', pid: 0 }), value(task, { name: 'getpgid', pid: 0 })]).toEqual([2, 2])
    expect(errno(call(task, { name: 'setsid' }))).toBe('EPERM')
    const leader = child(task)
    value(leader, setpgid(0, 0))
    expect(errno(call(leader, { name: 'setsid' }))).toBe('EPERM')
  })

  it('setpgid: oneself or a child, into a group of the same session', () => {
    const { init } = boot()
    const task = child(init)
    value(task, { name: 'setsid' })
    const [one, two] = [child(task), child(task)]
    const other = child(init)
    const ask = (number: number, pgid: number) => errno(call(task, setpgid(number, pgid)))
    expect(ask(0, -1)).toBe('EINVAL')
    expect(ask(99, 0)).toBe('ESRCH')
    expect(ask(pid(other), 0)).toBe('ESRCH')
    expect(ask(0, 0)).toBe('EPERM')
    expect(ask(pid(one), pid(two))).toBe('EPERM')
    expect(ask(pid(two), 0)).toBeUndefined()
    expect(ask(pid(one), pid(two))).toBeUndefined()
    expect(ask(pid(one), 1)).toBe('EPERM')
    value(one, setpgid(0, 2))
    value(one, { name: 'setsid' })
    expect(ask(pid(one), 0)).toBe('EPERM')
    const thread = sibling(two)
    expect(ask(value(thread, { name: 'gettid' }), 0)).toBe('EINVAL')
  })

  it('a number is not given again while a group or session bears it', () => {
    const { init } = boot({ version: [6, 14] })
    const leader = child(init)
    value(leader, { name: 'setsid' })
    const member = child(leader)
    exit(leader)
    expect(waited(init)).toBe('2 exit 0')
    expect(init.pidNamespace.find(2)?.group.size).toBe(1)
    exit(member)
    waited(init)
    expect(init.pidNamespace.entries.size).toBe(1)
  })
})

describe('limits', () => {
  it('USR-107: only CAP_SYS_RESOURCE of the initial user namespace raises a hard limit', () => {
    const { init } = boot()
    const task = child(init)
    value(task, prlimit(0, 7, 100n))
    expect(errno(call(task, prlimit(0, 7, 200n)))).toBeUndefined()
    const inner = child(task, CLONE.NEWUSER)
    expect(errno(call(inner, prlimit(0, 7, 300n)))).toBe('EPERM')
    expect(errno(call(inner, prlimit(0, 7, 150n, 200n)))).toBeUndefined()
  })

  it('the soft limit is not above the hard one, and there are sixteen resources', () => {
    const { init } = boot()
    expect(errno(call(init, prlimit(0, 7, 20n, 10n)))).toBe('EINVAL')
    expect(errno(call(init, prlimit(0, 16, 20n)))).toBe('EINVAL')
    expect(errno(call(init, prlimit(0, 7, 2_000_000n)))).toBe('EPERM')
    expect(errno(call(init, prlimit(99, 7, 20n)))).toBe('ESRCH')
  })

  it('limits of another user need CAP_SYS_RESOURCE over it', () => {
    const { init } = boot()
    const user = child(init)
    become(user, { uid: 1000 })
    expect(errno(call(user, prlimit(1, 7, 20n)))).toBe('EPERM')
    expect(errno(call(init, prlimit(2, 7, 20n)))).toBeUndefined()
    expect(user.process.limits.get(7)?.soft).toBe(20)
    expect(init.process.limits.get(7)?.soft).toBe(1024)
  })
})

describe('prctl', () => {
  it('names have at most 15 bytes', () => {
    const { init } = boot()
    value(init, { name: 'prctl_name', option: 15, comm: 'a name that is too long' })
    expect(new TextDecoder().decode(data(init, prctl(16)))).toBe('a name that is \0')
  })

  it('PDEATHSIG wants a signal, dumpable 0 or 1', () => {
    const { init } = boot()
    expect([errno(call(init, prctl(1, 65))), errno(call(init, prctl(4, 2)))]).toEqual(['EINVAL', 'EINVAL'])
    value(init, prctl(4, 0))
    expect(value(init, prctl(3))).toBe(0)
    expect(errno(call(init, prctl(9999)))).toBe('EINVAL')
  })

  it('personality remembers what was asked for', () => {
    const { init } = boot()
    value(init, { name: 'personality', persona: 0x40000 })
    expect(value(init, { name: 'personality', persona: 0xffffffff })).toBe(0x40000)
  })
})

it('ptrace only refuses', () => {
  const { init } = boot()
  const user = child(init)
  become(user, { uid: 1000 })
  const attach = (task: typeof init, number: number) =>
    errno(call(task, { name: 'ptrace', request: 16, pid: number, addr: 0, data: 0 }))
  expect([attach(user, 1), attach(user, 99), attach(user, 2), attach(init, 2)]).toEqual([
    'EPERM',
    'ESRCH',
    'EPERM',
    'ENOSYS',
  ])
})
