// Ids and capabilities of a task: what changes them, and what they become.

import { describe, expect, it } from 'vitest'
import { allCapabilities, CAP } from '../../../sim/credentials.ts'
import { isDenied } from '../../../sim/outcome.ts'
import { prctlCredentials } from '../../../sim/sys/prctl-credentials.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, data, errno, value } from '../../support/sim.ts'
import { child, login, NEW } from '../../support/sim-namespaces.ts'

const fresh = (): Task => child(boot().init)
const bit = (capability: number): bigint => 1n << BigInt(capability)
const ids = (task: Task, name: 'getresuid' | 'getresgid') => [...new Uint32Array(data(task, { name, ids: 12 }).buffer)]

function prctl(task: Task, option: number, ...args: number[]): string | number {
  const reply = prctlCredentials(task, option, [args[0] ?? 0, args[1] ?? 0, args[2] ?? 0, args[3] ?? 0])
  return typeof reply === 'number' ? reply : isDenied(reply) ? reply.errno : String(reply)
}

function setCapabilities(task: Task, sets: { effective?: bigint; permitted?: bigint; inheritable?: bigint }) {
  const { effective, permitted, inheritable } = task.credentials
  return errno(call(task, { name: 'capset', sets: { effective, permitted, inheritable, ...sets } })) ?? 'OK'
}

describe('user and group ids', () => {
  it('root takes any id, all three at once with setuid', () => {
    const task = fresh()
    value(task, { name: 'setgid', gid: 5 })
    value(task, { name: 'setuid', uid: 5 })
    expect(ids(task, 'getresuid')).toEqual([5, 5, 5])
    expect(ids(task, 'getresgid')).toEqual([5, 5, 5])
    expect(errno(call(task, { name: 'setuid', uid: 6 }))).toBe('EPERM')
    expect(errno(call(task, { name: 'setgid', gid: 6 }))).toBe('EPERM')
  })

  it('others change among the three that they have', () => {
    const task = fresh()
    value(task, { name: 'setresuid', ruid: 1, euid: 2, suid: 3 })
    expect(value(task, { name: 'setresuid', ruid: 3, euid: 1, suid: 2 })).toBe(0)
    expect(value(task, { name: 'setresuid', ruid: -1, euid: 3, suid: -1 })).toBe(0)
    expect(ids(task, 'getresuid')).toEqual([3, 3, 2])
    expect(errno(call(task, { name: 'setreuid', ruid: 9, euid: -1 }))).toBe('EPERM')
    expect(value(task, { name: 'setreuid', ruid: -1, euid: 2 })).toBe(0)
    expect(ids(task, 'getresuid')).toEqual([3, 2, 2])
  })

  it('setfsuid answers the id before, whether it takes effect or not', () => {
    const task = fresh()
    expect(value(task, { name: 'setfsuid', fsuid: 7 })).toBe(0)
    expect(value(task, { name: 'setfsuid', fsuid: 0 })).toBe(7)
    login(task, 5)
    expect(value(task, { name: 'setfsuid', fsuid: 8 })).toBe(5)
    expect(value(task, { name: 'setfsuid', fsuid: 5 })).toBe(5)
  })

  it('groups are kept in order; without room for all there is none', () => {
    const task = fresh()
    value(task, { name: 'setgroups', list: [30, 10, 20] })
    expect([...new Uint32Array(data(task, { name: 'getgroups', size: 3, list: 12 }).buffer)]).toEqual([10, 20, 30])
    expect(errno(call(task, { name: 'getgroups', size: 2, list: 8 }))).toBe('EINVAL')
    expect(value(task, { name: 'getgroups', size: 0, list: 0 })).toBe(3)
    login(task, 5)
    expect(errno(call(task, { name: 'setgroups', list: [] }))).toBe('EPERM')
  })

  it('a changed identity is not dumpable, and does not hear of its parent’s end', () => {
    const task = fresh()
    task.parentDeathSignal = 9
    login(task, 5)
    expect(task.process.dumpable).toBe(false)
    expect(task.parentDeathSignal).toBe(0)
  })
})

describe('capabilities', () => {
  it('USR-029: are lost with the last 0 among the ids; effective ones with euid 0, and come back', () => {
    const task = fresh()
    value(task, { name: 'setresuid', ruid: -1, euid: 5, suid: -1 })
    expect(task.credentials).toMatchObject({ effective: 0n, permitted: allCapabilities })
    value(task, { name: 'setresuid', ruid: -1, euid: 0, suid: -1 })
    expect(task.credentials.effective).toBe(allCapabilities)
    value(task, { name: 'setresuid', ruid: 5, euid: 5, suid: 5 })
    expect(task.credentials).toMatchObject({ effective: 0n, permitted: 0n })
  })

  it('USR-029: PR_SET_KEEPCAPS keeps the permitted ones', () => {
    const task = fresh()
    expect(prctl(task, 8, 2)).toBe('EINVAL')
    expect(prctl(task, 8, 1)).toBe(0)
    expect(prctl(task, 7)).toBe(1)
    value(task, { name: 'setuid', uid: 5 })
    expect(task.credentials).toMatchObject({ effective: 0n, permitted: allCapabilities })
  })

  it('capset only takes away, but for what may be inherited', () => {
    const task = fresh()
    const few = bit(CAP.CHOWN) | bit(CAP.SETUID)
    expect(setCapabilities(task, { effective: few, permitted: few, inheritable: few })).toBe('OK')
    expect(setCapabilities(task, { permitted: few | bit(CAP.KILL) })).toBe('EPERM')
    expect(setCapabilities(task, { permitted: bit(CAP.CHOWN), effective: few })).toBe('EPERM')
    expect(setCapabilities(task, { inheritable: bit(CAP.KILL) })).toBe('EPERM')
    expect(task.credentials).toMatchObject({ effective: few, permitted: few, inheritable: few })
  })

  it('capget tells the sets of any task; a wrong version is refused', () => {
    const task = fresh()
    const header = (version: number, pid: number) => new Uint8Array(new Uint32Array([version, pid]).buffer)
    const sets = data(task, { name: 'capget', hdrp: header(0x20080522, 1), datap: 24 })
    expect([...new Uint32Array(sets.buffer)]).toEqual([0xffffffff, 0xffffffff, 0, 0x1ff, 0x1ff, 0])
    expect(errno(call(task, { name: 'capget', hdrp: header(1, 0), datap: 24 }))).toBe('EINVAL')
    expect(errno(call(task, { name: 'capget', hdrp: header(0x20080522, 999), datap: 24 }))).toBe('ESRCH')
  })

  it('USR-027: the bounding set shrinks with CAP_SETPCAP, and what is effective stays; a new user namespace has all', () => {
    const task = fresh()
    expect(prctl(task, 24, 41)).toBe('EINVAL')
    expect(prctl(task, 24, CAP.SYS_ADMIN)).toBe(0)
    expect(prctl(task, 23, CAP.SYS_ADMIN)).toBe(0)
    expect(prctl(task, 23, 99)).toBe('EINVAL')
    expect(task.credentials.effective & bit(CAP.SYS_ADMIN)).not.toBe(0n)
    expect(prctl(child(task, NEW.USER), 23, CAP.SYS_ADMIN)).toBe(1)
    login(task, 5)
    expect(prctl(task, 24, CAP.CHOWN)).toBe('EPERM')
  })

  it('USR-028: ambient is what is permitted and inheritable; it goes with either, and with the last 0', () => {
    const task = fresh()
    const ambient = (operation: number, capability = 0) => prctl(task, 47, operation, capability)
    expect(ambient(2, CAP.CHOWN)).toBe('EPERM')
    setCapabilities(task, { inheritable: allCapabilities })
    expect(ambient(2, CAP.CHOWN)).toBe(0)
    expect(ambient(2, CAP.KILL)).toBe(0)
    expect(ambient(1, CAP.CHOWN)).toBe(1)
    setCapabilities(task, { inheritable: bit(CAP.KILL) })
    expect(task.credentials.ambient).toBe(bit(CAP.KILL))
    expect(ambient(9, CAP.CHOWN)).toBe('EINVAL')
    expect(ambient(4, 1)).toBe('EINVAL')
    prctl(task, 8, 1)
    value(task, { name: 'setuid', uid: 5 })
    expect(task.credentials.ambient).toBe(0n)
  })

  it('securebits: locks stay, and the rest wants CAP_SETPCAP', () => {
    const task = fresh()
    expect(prctl(task, 28, 0x0c)).toBe(0)
    expect(prctl(task, 28, 0x00)).toBe('EPERM')
    expect(prctl(task, 28, 0x1000)).toBe('EPERM')
    expect(prctl(task, 27)).toBe(0x0c)
    value(task, { name: 'setuid', uid: 5 })
    expect(task.credentials.permitted).toBe(allCapabilities)
  })

  it('USR-024: no_new_privs is set for ever, and for children', () => {
    const task = fresh()
    expect(prctl(task, 38, 0)).toBe('EINVAL')
    expect(prctl(task, 38, 1, 1)).toBe('EINVAL')
    expect(prctl(task, 38, 1)).toBe(0)
    expect(prctl(task, 38, 0)).toBe('EINVAL')
    expect(prctl(child(task), 39)).toBe(1)
  })
})
