// UTS, IPC and time namespaces: names, System V objects, clocks.

import { describe, expect, it } from 'vitest'
import { inTime } from '../../../sim/ns/ladder.ts'
import { readOffsets, writeOffsets } from '../../../sim/ns/timens-offsets.ts'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import { decode, encode } from '../../../sim/vfs/utf8.ts'
import { begin, boot, call, data, errno, value } from '../../support/sim.ts'
import { child, login, NEW, namespaceFd } from '../../support/sim-namespaces.ts'

const fresh = (): Task => child(boot().init)
const IPC = { CREAT: 0o1000, EXCL: 0o2000, NOWAIT: 0o4000, RMID: 0, SET: 1, STAT: 2 }

describe('UTS namespaces', () => {
  const names = (task: Task) => {
    const bytes = data(task, { name: 'uname', buf: 390 })
    return Array.from({ length: 6 }, (_, at) => decode(bytes.subarray(65 * at, 65 * (at + 1))).replace(/\0.*/s, ''))
  }

  it('UTS-001, UTS-004: begin as a copy and go their own ways; what the system is stays the same', () => {
    const task = fresh()
    value(task, { name: 'sethostname', hostname: 'web' })
    const inside = child(task, NEW.UTS)
    expect(names(inside)).toEqual(names(task))
    value(inside, { name: 'sethostname', hostname: 'inner' })
    value(inside, { name: 'setdomainname', domainname: 'example.org' })
    expect(names(task)[1]).toBe('web')
    expect(names(inside)).toEqual(names(task).with(1, 'inner').with(5, 'example.org'))
  })

  it('UTS-002: take up to 64 bytes', () => {
    const task = fresh()
    for (const length of [0, 64]) expect(value(task, { name: 'sethostname', hostname: 'x'.repeat(length) })).toBe(0)
    expect(errno(call(task, { name: 'sethostname', hostname: 'x'.repeat(65) }))).toBe('EINVAL')
    expect(errno(call(task, { name: 'setdomainname', domainname: 'x'.repeat(65) }))).toBe('EINVAL')
  })

  it('UTS-003: are named by who has CAP_SYS_ADMIN over them', () => {
    const task = fresh()
    login(task, 1000)
    expect(errno(call(task, { name: 'sethostname', hostname: 'web' }))).toBe('EPERM')
  })
})

describe('IPC namespaces', () => {
  const shmget = (task: Task, key: number, flags = 0, size = 4096) =>
    call(task, { name: 'shmget', key, size, shmflg: flags })
  const create = (task: Task, key = 7) => value(task, { name: 'shmget', key, size: 4096, shmflg: IPC.CREAT | 0o600 })

  it('IPC-001: begin empty, and have keys of their own', () => {
    const task = fresh()
    create(task)
    const inside = child(task, NEW.IPC)
    expect(errno(shmget(inside, 7))).toBe('ENOENT')
    expect(errno(shmget(inside, 7, IPC.CREAT | IPC.EXCL))).toBeUndefined()
    expect(errno(shmget(task, 7, IPC.CREAT | IPC.EXCL))).toBe('EEXIST')
    expect(errno(shmget(task, 7, 0, 8192))).toBe('EINVAL')
  })

  it('IPC-002: do not know the ids of others', () => {
    const task = fresh()
    const shmid = create(task)
    const inside = child(task, NEW.IPC)
    expect(errno(call(inside, { name: 'shmat', shmid, shmaddr: 0, shmflg: 0 }))).toBe('EINVAL')
  })

  it('IPC-003: begin with default limits, not with those of their creator', () => {
    const task = fresh()
    task.namespaces.ipc.limits.msgmni = 0
    expect(errno(call(task, { name: 'msgget', key: 1, msgflg: IPC.CREAT }))).toBe('ENOSPC')
    expect(errno(call(child(task, NEW.IPC), { name: 'msgget', key: 1, msgflg: IPC.CREAT }))).toBeUndefined()
    expect(String(child(task, NEW.IPC).namespaces.ipc.limits.shmmax)).toBe('18446744073692774399')
  })

  it('IPC-004: what is attached stays attached, and can be detached, from another namespace', () => {
    const task = fresh()
    const shmid = create(task)
    const shmaddr = value(task, { name: 'shmat', shmid, shmaddr: 0, shmflg: 0 })
    value(task, { name: 'unshare', flags: NEW.IPC })
    expect(value(task, { name: 'shmdt', shmaddr })).toBe(0)
    expect(errno(call(task, { name: 'shmdt', shmaddr }))).toBe('EINVAL')
  })

  it('IPC-006: all objects go with the namespace, which an open file keeps', () => {
    const { init } = boot()
    const inside = child(init, NEW.IPC)
    value(inside, { name: 'msgget', key: 5, msgflg: IPC.CREAT })
    const { ipc } = inside.namespaces
    const fd = namespaceFd(init, ipc)
    value(inside, { name: 'exit_group', status: 0 })
    const joined = child(init)
    value(joined, { name: 'setns', fd, nstype: NEW.IPC })
    expect(errno(call(joined, { name: 'msgget', key: 5, msgflg: 0 }))).toBeUndefined()
    for (const task of [joined, init]) value(task, { name: 'close', fd })
    value(joined, { name: 'exit_group', status: 0 })
    expect(ipc.queues.size).toBe(0)
  })

  it('IPC-007: do not part files in /dev/shm, which is a file system', () => {
    const task = fresh()
    value(task, { name: 'close', fd: value(task, { name: 'creat', pathname: '/dev/shared', mode: 0o600 }) })
    expect(value(child(task, NEW.IPC), { name: 'access', pathname: '/dev/shared', mode: 0 })).toBe(0)
  })

  it('IPC-008: mode bits say who uses an object; owner and creator remove it', () => {
    const task = fresh()
    const shmid = create(task)
    const other = child(task)
    login(other, 1000)
    expect(errno(call(other, { name: 'shmat', shmid, shmaddr: 0, shmflg: 0 }))).toBe('EACCES')
    expect(errno(call(other, { name: 'shmctl', shmid, op: IPC.RMID, buf: null }))).toBe('EPERM')
    expect(errno(shmget(other, 7, 0o400))).toBe('EACCES')
    expect(value(task, { name: 'shmctl', shmid, op: IPC.RMID, buf: null })).toBe(0)
    expect(errno(call(task, { name: 'shmctl', shmid, op: IPC.RMID, buf: null }))).toBe('EINVAL')
  })

  it('a segment that is removed goes with its last attachment; fork and exit count', () => {
    const task = fresh()
    const shmid = create(task)
    value(task, { name: 'shmat', shmid, shmaddr: 0, shmflg: 0 })
    const other = child(task)
    const attached = () => {
      const bytes = data(task, { name: 'shmctl', shmid, op: IPC.STAT, buf: new Uint8Array(112) })
      return Number(new DataView(bytes.buffer).getBigUint64(88, true))
    }
    expect(attached()).toBe(2)
    value(task, { name: 'shmctl', shmid, op: IPC.RMID, buf: null })
    expect(errno(shmget(task, 7))).toBe('ENOENT')
    value(other, { name: 'exit_group', status: 0 })
    expect(attached()).toBe(1)
    value(task, { name: 'exit_group', status: 0 })
    expect(task.kernel.initial.ipc.segments.size).toBe(0)
  })
})

describe('semaphores and messages', () => {
  const operation = (number: number, change: number, flags = 0) =>
    new Uint8Array(new Int16Array([number, change, flags]).buffer)
  const semop = (semid: number, ...parts: [number, number, number?]) =>
    ({ name: 'semop', semid, sops: operation(...parts), nsops: 1 }) as const
  const semaphores = (task: Task) => value(task, { name: 'semget', key: 3, nsems: 2, semflg: IPC.CREAT | 0o600 })
  const worth = (task: Task, semid: number) => value(task, { name: 'semctl', semid, semnum: 0, op: 12, arg: 0 })

  it('semop waits until it can take, or says EAGAIN', () => {
    const task = fresh()
    const other = child(task)
    const semid = semaphores(task)
    expect(errno(call(task, semop(semid, 0, -1, IPC.NOWAIT)))).toBe('EAGAIN')
    expect(errno(call(task, semop(semid, 2, 1)))).toBe('EFBIG')
    begin(task, semop(semid, 0, -2))
    value(other, semop(semid, 0, 1))
    expect(task.blocked).toBeDefined()
    value(other, semop(semid, 0, 1))
    expect(task.kernel.finish(task)).toMatchObject({ value: 0 })
    expect(worth(task, semid)).toBe(0)
  })

  it('semop ends with EIDRM when the set is removed', () => {
    const task = fresh()
    const semid = semaphores(task)
    begin(task, semop(semid, 0, -1))
    value(child(task.kernel.init), { name: 'semctl', semid, semnum: 0, op: IPC.RMID, arg: 0 })
    expect(task.kernel.finish(task)).toMatchObject({ errno: 'EIDRM' })
  })

  it('IPC-101: SEM_UNDO is undone at the end, and when the IPC namespace is left', () => {
    const task = fresh()
    const semid = semaphores(task)
    for (const leave of [
      { name: 'unshare', flags: NEW.IPC },
      { name: 'exit_group', status: 0 },
    ] as const) {
      const other = child(task)
      value(other, semop(semid, 0, 3, 0x1000))
      expect(worth(task, semid)).toBe(3)
      value(other, leave)
      expect(worth(task, semid), leave.name).toBe(0)
    }
  })

  it('messages are taken by their type', () => {
    const task = fresh()
    const msqid = value(task, { name: 'msgget', key: 0, msgflg: 0o600 })
    const send = (type: number, text: string) => {
      const msgp = new Uint8Array(8 + text.length)
      new DataView(msgp.buffer).setBigInt64(0, BigInt(type), true)
      msgp.set(encode(text), 8)
      return call(task, { name: 'msgsnd', msqid, msgp, msgsz: text.length, msgflg: IPC.NOWAIT })
    }
    const receive = (type: number, flags = IPC.NOWAIT) => {
      const outcome = call(task, { name: 'msgrcv', msqid, msgp: 100, msgsz: 20, msgtyp: type, msgflg: flags })
      return isDenied(outcome) ? outcome.errno : decode(outcome.data!.subarray(8))
    }
    for (const [type, text] of [
      [3, 'three'],
      [1, 'one'],
      [2, 'two'],
    ] as const)
      send(type, text)
    expect(receive(2)).toBe('two')
    expect(receive(-3)).toBe('one')
    expect(receive(9)).toBe('ENOMSG')
    expect(receive(0)).toBe('three')
    expect(errno(send(0, 'x'))).toBe('EINVAL')
    expect(errno(send(1, 'x'.repeat(8193)))).toBe('EINVAL')
    for (let sent = 0; sent < 2; sent++) expect(errno(send(1, 'x'.repeat(8192)))).toBeUndefined()
    expect(errno(send(1, 'x'))).toBe('EAGAIN')
    expect(receive(0)).toBe('E2BIG')
  })
})

describe('time namespaces', () => {
  const now = (task: Task, clockid: number) =>
    Number(new DataView(data(task, { name: 'clock_gettime', clockid, tp: 16 }).buffer).getBigInt64(0, true))
  const write = (task: Task, text: string, by = task) => {
    const reply = writeOffsets(task.kernel, task.namespaces.timeForChildren, encode(text), 0, by.credentials)
    return typeof reply === 'number' ? 'OK' : reply.errno
  }

  it('TIM-001, TIM-003: shift the monotonic and the boot clock of children, not the wall clock, not the caller', () => {
    const task = fresh()
    value(task, { name: 'unshare', flags: NEW.TIME })
    expect(task.namespaces.time).not.toBe(task.namespaces.timeForChildren)
    expect(write(task, 'monotonic 86400 0\nboottime 604800 0\n')).toBe('OK')
    expect(readOffsets(task.namespaces.timeForChildren)).toBe(
      'monotonic       86400         0\nboottime       604800         0\n',
    )
    const before = [0, 1, 7].map((clock) => now(task, clock))
    const inside = child(task)
    expect([0, 1, 7].map((clock) => now(inside, clock))).toEqual([before[0], before[1]! + 86400, before[2]! + 604800])
    expect([4, 6, 9].map((clock) => now(inside, clock))).toEqual([86400, 86400, 604800])
    expect([0, 1, 7].map((clock) => now(task, clock))).toEqual(before)
  })

  it('TIM-002, TIM-101: offsets are refused by form, by range, and once somebody is inside', () => {
    const task = fresh()
    expect(write(task, 'monotonic 1 0')).toBe('EACCES')
    value(task, { name: 'unshare', flags: NEW.TIME })
    for (const text of ['realtime 1 0', 'monotonic 1', 'monotonic 1 1000000000', 'junk', '', '15 0', '15 0 0'])
      expect(write(task, text), text).toBe('EINVAL')
    for (const text of ['monotonic -1 0', 'boottime 9223372037 0', '1 4611686019 0'])
      expect(write(task, text), text).toBe('ERANGE')
    const user = child(task.kernel.init)
    login(user, 1000)
    expect(write(task, 'monotonic 5 0', user)).toBe('EPERM')
    expect(write(task, '7 5 999999999')).toBe('OK')
    child(task)
    expect(write(task, 'monotonic 5 0')).toBe('EACCES')
  })

  it('TIM-005: execve enters the time namespace that waits for children', () => {
    const task = fresh()
    value(task, { name: 'unshare', flags: NEW.TIME })
    const { timeForChildren } = task.namespaces
    task.namespaces = inTime(task.namespaces)
    expect(task.namespaces.time).toBe(timeForChildren)
    expect(write(task, 'monotonic 5 0')).toBe('EACCES')
  })

  it('TIM-006: root of a user namespace makes one and sets its offsets', () => {
    const task = fresh()
    login(task, 1000)
    value(task, { name: 'unshare', flags: NEW.USER + NEW.TIME })
    expect(write(task, 'monotonic 50000 0')).toBe('OK')
    expect(now(child(task), 1)).toBe(50000)
  })

  it('a child that shares memory stays in the time namespace of its parent', () => {
    const task = fresh()
    value(task, { name: 'unshare', flags: NEW.TIME })
    expect(child(task, 0x100).namespaces.time).toBe(task.namespaces.time)
  })

  it('the wall clock is the machine’s', () => {
    const task = fresh()
    expect(errno(call(task, { name: 'clock_gettime', clockid: 77, tp: 16 }))).toBe('EINVAL')
    expect(value(task, { name: 'time', tloc: 0 })).toBe(now(task, 0))
    login(task, 1000)
    expect(errno(call(task, { name: 'clock_settime', clockid: 0, tp: 1n }))).toBe('EPERM')
  })
})

describe('keyctl', () => {
  it('gives a session keyring of one’s own, which children share', () => {
    const task = fresh()
    const join = (who: Task, arg2: string) =>
      value(who, { name: 'keyctl', operation: 1, arg2, arg3: 0, arg4: 0, arg5: 0 })
    const first = join(task, '_ses.web')
    expect(join(task, '_ses.web')).toBe(first)
    expect(child(task).keyring).toBe(task.keyring)
    expect(join(task, '_ses.db')).not.toBe(first)
    for (const [arg2, why] of [
      ['', 'EINVAL'],
      ['.dot', 'EPERM'],
    ] as const)
      expect(errno(call(task, { name: 'keyctl', operation: 1, arg2, arg3: 0, arg4: 0, arg5: 0 }))).toBe(why)
  })
})
