// User namespaces: maps of ids and who may write them, setgroups, and what capabilities in them are worth.

import { describe, expect, it } from 'vitest'
import { allCapabilities, CAP, capable } from '../../../sim/credentials.ts'
import type { KUid } from '../../../sim/ids.ts'
import { readIdMap } from '../../../sim/ns/id-map-file.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { child, login, NEW, writeMap, writeSetgroupsOf } from '../../support/sim-namespaces.ts'

/** Root outside, and a child of it in a user namespace whose maps are not written yet. */
function pair(flags = 0): { root: Task; inside: Task } {
  const root = child(boot().init)
  const inside = child(root, NEW.USER + flags)
  return { root, inside }
}

/** An ordinary user, and a child of it in a user namespace. */
function unprivileged(): { user: Task; inside: Task } {
  const user = child(boot().init)
  login(user, 1000)
  return { user, inside: child(user, NEW.USER) }
}

const without = (...capabilities: number[]): bigint =>
  capabilities.reduce((set, capability) => set & ~(1n << BigInt(capability)), allCapabilities)

function drop(task: Task, ...capabilities: number[]): void {
  const left = without(...capabilities)
  value(task, { name: 'capset', sets: { effective: left, permitted: left, inheritable: 0n } })
}

describe('a fresh user namespace', () => {
  it('USR-001: has no maps: ids are 65534; every capability, nothing inheritable, a full bounding set', () => {
    const { inside } = pair()
    for (const name of ['getuid', 'geteuid', 'getgid', 'getegid'] as const) expect(value(inside, { name })).toBe(65534)
    const { effective, permitted, bounding, inheritable, ambient, securebits } = inside.credentials
    expect([effective, permitted, bounding]).toEqual([allCapabilities, allCapabilities, allCapabilities])
    expect([inheritable, ambient, securebits]).toEqual([0n, 0n, 0])
  })

  it('USR-032: shows ids that are not mapped as 65534', () => {
    const { root, inside } = pair()
    writeMap(root, inside, 'uid', '5 0 1')
    expect(value(inside, { name: 'getuid' })).toBe(5)
    expect(inside.credentials.namespace.shownUid(7 as KUid)).toBe(65534)
  })
})

describe('uid_map', () => {
  const refused = [
    ['0 0', 'a field is missing'],
    ['0 0 1 1', 'there is one too many'],
    ['a 0 1', 'junk'],
    ['0x0 0 1', 'hexadecimal'],
    ['-1 0 1', 'negative'],
    ['0 0 0', 'no ids'],
    ['4294967295 0 1', 'no id'],
    ['0 4294967295 1', 'no id outside'],
    ['1 0 4294967295', 'it goes beyond the last id'],
    ['0 0 1\n\n1 1 1\n', 'a blank line'],
    ['', 'nothing'],
    ['0 0 10\n5 100 10\n', 'they overlap inside'],
    ['0 0 10\n100 5 10\n', 'they overlap outside'],
  ] as const
  for (const [text, why] of refused)
    it(`USR-005: refuses ${JSON.stringify(text)}: ${why}`, () => {
      const { root, inside } = pair()
      expect(writeMap(root, inside, 'uid', text)).toBe('EINVAL')
      expect(inside.credentials.namespace.uidMap).toBeUndefined()
    })

  for (const text of ['0 0 1', '0 0 1\n', '  0\t0  1 \n', '0 0 10\n10 100 5\n', '0 0 4294967295'])
    it(`USR-005: takes ${JSON.stringify(text)}`, () => {
      const { root, inside } = pair()
      expect(writeMap(root, inside, 'uid', text)).toBe('OK')
    })

  it('USR-006: is written once; the initial one never', () => {
    const { root, inside } = pair()
    expect(writeMap(root, inside, 'uid', '0 0 1')).toBe('OK')
    expect(writeMap(root, inside, 'uid', '0 0 1')).toBe('EPERM')
    expect(writeMap(root, root, 'uid', '0 0 1')).toBe('EPERM')
  })

  it('USR-007: has at most 340 lines', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, at) => `${at} ${at} 1\n`).join('')
    expect(writeMap(pair().root, pair().inside, 'uid', lines(341))).toBe('EPERM')
    const { root, inside } = pair()
    expect(writeMap(root, inside, 'uid', lines(341))).toBe('EINVAL')
    expect(writeMap(root, inside, 'uid', lines(340))).toBe('OK')
  })

  it('USR-007b: comes in one write at the start, shorter than a page', () => {
    const { root, inside } = pair()
    const padded = (bytes: number) => '0 0 1'.padEnd(bytes)
    expect(writeMap(root, inside, 'uid', padded(4096))).toBe('EINVAL')
    expect(writeMap(root, inside, 'uid', '0 0 1', { offset: 3 })).toBe('EINVAL')
    expect(writeMap(root, inside, 'uid', padded(4095))).toBe('OK')
  })

  it('USR-009: without privilege maps the creator’s own id, in one line of one id', () => {
    const { user, inside } = unprivileged()
    for (const text of ['0 1000 2', '0 1001 1', '0 0 1', '0 1000 1\n1 1001 1'])
      expect(writeMap(inside, inside, 'uid', text), text).toBe('EPERM')
    expect(writeMap(inside, inside, 'uid', '0 1000 1')).toBe('OK')
    const other = child(user, NEW.USER)
    expect(writeMap(user, other, 'uid', '5 1000 1')).toBe('OK')
  })

  it('USR-009b: without privilege gid_map wants `deny` in setgroups first', () => {
    const { inside } = unprivileged()
    expect(writeMap(inside, inside, 'gid', '0 1000 1')).toBe('EPERM')
    expect(writeSetgroupsOf(inside, 'deny')).toBe('OK')
    expect(writeMap(inside, inside, 'gid', '0 1000 1')).toBe('OK')
  })

  it('USR-101: is written from inside or from the parent only, with privilege inside', () => {
    const { root, inside } = pair()
    writeMap(root, inside, 'uid', '0 0 10')
    writeMap(root, inside, 'gid', '0 0 10')
    const deeper = child(inside, NEW.USER)
    expect(writeMap(root, deeper, 'uid', '0 0 1')).toBe('EPERM')
    const stranger = child(root)
    login(stranger, 1000)
    const sibling = child(root, NEW.USER)
    expect(writeMap(stranger, sibling, 'uid', '0 1000 1')).toBe('EPERM')
  })

  it('USR-102: asks who opened it, too', () => {
    const { root, inside } = pair()
    const user = child(root)
    login(user, 1000)
    expect(writeMap(root, inside, 'uid', '0 0 10', { opener: user.credentials })).toBe('EPERM')
    const { inside: other } = pair()
    expect(writeMap(user, other, 'uid', '0 0 10', { opener: root.credentials })).toBe('EPERM')
  })

  it('USR-031: maps only what the parent has mapped', () => {
    const { root, inside } = pair()
    writeMap(root, inside, 'uid', '0 100000 10')
    writeMap(root, inside, 'gid', '0 100000 10')
    value(inside, { name: 'setresuid', ruid: 0, euid: 0, suid: 0 })
    value(inside, { name: 'setresgid', rgid: 0, egid: 0, sgid: 0 })
    const deeper = child(inside, NEW.USER)
    expect(writeMap(inside, deeper, 'uid', '0 5 6')).toBe('EPERM')
    expect(writeMap(inside, deeper, 'uid', '0 5 5')).toBe('OK')
    expect(deeper.credentials.namespace.kuid(0)).toBe(100005)
  })

  it('USR-035: mapping the parent’s 0 wants CAP_SETFCAP there, or that the creator had it', () => {
    const root = child(boot().init)
    drop(root, CAP.SETFCAP)
    const inside = child(root, NEW.USER)
    expect(writeMap(root, inside, 'uid', '0 0 1')).toBe('EPERM')
    expect(writeMap(inside, inside, 'uid', '0 0 1')).toBe('EPERM')
    expect(writeMap(root, inside, 'uid', '0 5 1')).toBe('OK')
    const { inside: other } = pair()
    expect(writeMap(other, other, 'uid', '0 0 1')).toBe('OK')
  })

  it('USR-035: did not before Linux 5.12', () => {
    const root = child(boot({ version: [5, 10] }).init)
    drop(root, CAP.SETFCAP)
    expect(writeMap(root, child(root, NEW.USER), 'uid', '0 0 1')).toBe('OK')
  })

  it('USR-030: reads as the reader’s namespace says the ids, the parent’s when that is the namespace itself', () => {
    const { root, inside } = pair()
    writeMap(root, inside, 'uid', '0 100000 10')
    writeMap(root, inside, 'gid', '0 100000 10')
    value(inside, { name: 'setresuid', ruid: 0, euid: 0, suid: 0 })
    value(inside, { name: 'setresgid', rgid: 0, egid: 0, sgid: 0 })
    const deeper = child(inside, NEW.USER)
    writeMap(inside, deeper, 'uid', '5 2 3')
    const seen = (by: Task, of: Task) =>
      readIdMap(of.credentials.namespace, 'uid', by.credentials).trim().split(/\s+/).map(Number)
    expect(seen(inside, inside)).toEqual([0, 100000, 10])
    expect(seen(inside, deeper)).toEqual([5, 2, 3])
    expect(seen(deeper, deeper)).toEqual([5, 2, 3])
    expect(seen(root, deeper)).toEqual([5, 100002, 3])
    expect(seen(deeper, inside)).toEqual([0, 4294967295, 10])
    expect(readIdMap(inside.credentials.namespace, 'uid', root.credentials)).toBe('         0     100000         10\n')
  })
})

describe('setgroups', () => {
  it('USR-010: is denied once and for all, before gid_map is written', () => {
    const { root, inside } = pair()
    expect(writeSetgroupsOf(inside, 'junk')).toBe('EINVAL')
    expect(writeSetgroupsOf(inside, 'denyx')).toBe('EINVAL')
    expect(writeSetgroupsOf(inside, 'deny\n')).toBe('OK')
    expect(writeSetgroupsOf(inside, 'allow')).toBe('EPERM')
    writeMap(root, inside, 'gid', '0 0 10')
    expect(writeSetgroupsOf(inside, 'deny')).toBe('EPERM')
    expect(call(inside, { name: 'setgroups', list: [] })).toMatchObject({ errno: 'EPERM', rule: 'USR-010' })
  })

  it('USR-011: setgroups(2) waits for gid_map', () => {
    const { root, inside } = pair()
    expect(writeSetgroupsOf(inside, 'allow')).toBe('OK')
    expect(call(inside, { name: 'setgroups', list: [0] })).toMatchObject({ errno: 'EPERM', rule: 'USR-011' })
    writeMap(root, inside, 'gid', '0 0 10')
    expect(value(inside, { name: 'setgroups', list: [3, 1] })).toBe(0)
    expect(value(inside, { name: 'getgroups', size: 0, list: 0 })).toBe(2)
    expect(errno(call(inside, { name: 'setgroups', list: [11] }))).toBe('EINVAL')
  })

  it('USR-012: what is denied is denied below, too', () => {
    const { inside } = unprivileged()
    writeSetgroupsOf(inside, 'deny')
    writeMap(inside, inside, 'uid', '0 1000 1')
    writeMap(inside, inside, 'gid', '0 1000 1')
    const deeper = child(inside, NEW.USER)
    expect(deeper.credentials.namespace.setgroups).toBe('deny')
    expect(writeSetgroupsOf(deeper, 'allow')).toBe('EPERM')
  })
})

describe('ids and capabilities in a user namespace', () => {
  it('USR-013: an id without a mapping is no id', () => {
    const { root, inside } = pair()
    writeMap(root, inside, 'uid', '0 0 10')
    expect(errno(call(inside, { name: 'setuid', uid: 10 }))).toBe('EINVAL')
    expect(errno(call(inside, { name: 'setresuid', ruid: -1, euid: 11, suid: -1 }))).toBe('EINVAL')
    expect(value(inside, { name: 'setuid', uid: 9 })).toBe(0)
  })

  it('USR-015, USR-016: its root sets the host name of its own UTS namespace, not of one above', () => {
    const { inside } = pair()
    expect(errno(call(inside, { name: 'sethostname', hostname: 'web' }))).toBe('EPERM')
    value(inside, { name: 'unshare', flags: NEW.UTS })
    expect(value(inside, { name: 'sethostname', hostname: 'web' })).toBe(0)
    expect(errno(call(inside, { name: 'clock_settime', clockid: 0, tp: 1n }))).toBe('EPERM')
  })

  it('USR-105: the creator has all capabilities below its child, not above or beside', () => {
    const { user, inside } = unprivileged()
    writeSetgroupsOf(inside, 'deny')
    writeMap(inside, inside, 'uid', '0 1000 1')
    writeMap(inside, inside, 'gid', '0 1000 1')
    const deeper = child(inside, NEW.USER)
    const { namespace } = inside.credentials
    expect(capable(user.credentials, 'SYS_ADMIN', namespace)).toBe(true)
    expect(capable(inside.credentials, 'SYS_ADMIN', namespace)).toBe(true)
    expect(capable(inside.credentials, 'SYS_ADMIN', user.credentials.namespace)).toBe(false)
    const sibling = child(user, NEW.USER)
    expect(capable(sibling.credentials, 'SYS_ADMIN', namespace)).toBe(false)
    expect(capable(deeper.credentials, 'SYS_ADMIN', namespace)).toBe(false)
  })

  it('USR-106: a namespace is owned by the user namespace of its creator', () => {
    const { root, inside } = pair()
    const deeper = child(inside, NEW.UTS)
    expect(deeper.namespaces.uts.owner).toBe(inside.credentials.namespace)
    expect(deeper.namespaces.ipc.owner).toBe(root.credentials.namespace)
    expect(inside.credentials.namespace.parent).toBe(root.credentials.namespace)
  })

  it('USR-033: its root has no power over processes outside', () => {
    const { root, inside } = pair()
    const other = child(root)
    login(other, 77)
    const pid = other.entry.numbers[0]!
    expect(errno(call(inside, { name: 'kill', pid, sig: 0 }))).toBe('EPERM')
    expect(value(root, { name: 'kill', pid, sig: 0 })).toBe(0)
  })
})
