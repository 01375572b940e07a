// Joining namespaces: by the file of one, by a pidfd several at once; and what the files of namespaces answer.

import { describe, expect, it } from 'vitest'
import { namespaceName, namespacePath } from '../../../sim/ns/file.ts'
import type { Namespace } from '../../../sim/ns/namespace.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, data, errno, value } from '../../support/sim.ts'
import { child, login, NEW, namespaceFd } from '../../support/sim-namespaces.ts'

const setns = (task: Task, fd: number, nstype = 0) => errno(call(task, { name: 'setns', fd, nstype })) ?? 'OK'
const join = (task: Task, namespace: Namespace, nstype = 0) => setns(task, namespaceFd(task, namespace), nstype)
const pidfd = (task: Task, of: Task) =>
  value(task, { name: 'pidfd_open', pid: of.entry.in(task.pidNamespace)!, flags: 0 })
const thread = (task: Task): Task => child(task, 0x10000 | 0x800 | 0x100 | 0x200)

describe('setns by file', () => {
  it('CLN-036: wants an open namespace, of the kind that is named', () => {
    const task = child(boot().init)
    expect(setns(task, 99)).toBe('EBADF')
    expect(setns(task, 0)).toBe('EINVAL')
    expect(join(task, task.namespaces.uts, NEW.IPC)).toBe('EINVAL')
    expect(join(task, task.namespaces.uts, NEW.UTS)).toBe('OK')
    expect(join(task, task.namespaces.uts)).toBe('OK')
  })

  it('joins each kind', () => {
    const task = child(boot().init)
    const other = child(task, NEW.NS + NEW.UTS + NEW.IPC + NEW.CGROUP + NEW.NET + NEW.TIME)
    for (const kind of ['mnt', 'uts', 'ipc', 'cgroup', 'net', 'time'] as const) {
      expect(join(task, other.namespaces[kind]), kind).toBe('OK')
      expect(task.namespaces[kind]).toBe(other.namespaces[kind])
    }
  })

  it('CLN-035: goes to the own pid namespace and below, never up or aside', () => {
    const task = child(boot().init)
    const inside = child(task, NEW.PID)
    const beside = child(task, NEW.PID)
    expect(join(task, inside.pidNamespace)).toBe('OK')
    expect(join(task, task.pidNamespace)).toBe('OK')
    expect(join(inside, task.pidNamespace)).toBe('EINVAL')
    expect(join(inside, beside.pidNamespace)).toBe('EINVAL')
  })

  it('CLN-112: to a pid namespace only children go', () => {
    const task = child(boot().init)
    const inside = child(task, NEW.PID)
    join(task, inside.pidNamespace)
    expect(task.pidNamespace).not.toBe(inside.pidNamespace)
    expect(value(child(task), { name: 'getpid' })).toBe(2)
  })

  it('CLN-037: never to the own user namespace', () => {
    const task = child(boot().init)
    expect(join(task, task.credentials.namespace)).toBe('EINVAL')
  })

  it('CLN-038, CLN-062: to user and mount namespaces goes who shares threads, root and directory with nobody', () => {
    const task = child(boot().init)
    const other = child(task, NEW.USER + NEW.NS + NEW.PID + NEW.NET)
    const second = thread(task)
    expect(join(second, other.credentials.namespace)).toBe('EINVAL')
    expect(join(second, other.namespaces.mnt)).toBe('EINVAL')
    expect(join(second, other.namespaces.pidForChildren)).toBe('OK')
    expect(join(second, other.namespaces.net)).toBe('OK')
    const sharing = child(task, 0x200)
    expect(join(sharing, other.credentials.namespace)).toBe('EINVAL')
  })

  it('CLN-038: to a user namespace goes who has CAP_SYS_ADMIN in it', () => {
    const task = child(boot().init)
    const other = child(task, NEW.USER)
    const user = child(task)
    login(user, 1000)
    expect(join(user, other.credentials.namespace)).toBe('EPERM')
    expect(join(task, other.credentials.namespace)).toBe('OK')
  })

  it('CLN-060: to others goes who has CAP_SYS_ADMIN over them and at home', () => {
    const task = child(boot().init)
    const inside = child(task, NEW.USER)
    for (const kind of ['uts', 'ipc', 'net', 'cgroup', 'pidForChildren', 'time', 'mnt'] as const)
      expect(join(inside, task.namespaces[kind]), kind).toBe('EPERM')
    const user = child(task)
    login(user, 1000)
    expect(join(user, task.namespaces.uts)).toBe('EPERM')
  })

  it('USR-022: joining a user namespace gives all capabilities in it; there is no way back up', () => {
    const user = child(boot().init)
    login(user, 1000)
    const inside = child(user, NEW.USER)
    const outer = user.credentials.namespace
    expect(join(user, inside.credentials.namespace)).toBe('OK')
    expect(user.credentials.effective).toBe(user.credentials.bounding)
    expect(join(user, outer)).toBe('EPERM')
  })

  it('USR-023: the creator of a user namespace joins that first, then what it owns', () => {
    const user = child(boot().init)
    login(user, 1000)
    const inside = child(user, NEW.USER + NEW.UTS)
    expect(join(user, inside.namespaces.uts)).toBe('EPERM')
    expect(join(user, inside.credentials.namespace)).toBe('OK')
    expect(join(user, inside.namespaces.uts)).toBe('OK')
  })

  it('CLN-061, CLN-111: a mount namespace brings its root, and wants CAP_SYS_CHROOT at home', () => {
    const task = child(boot().init)
    const other = child(task, NEW.NS)
    value(task, { name: 'chdir', path: '/tmp' })
    expect(join(task, other.namespaces.mnt)).toBe('OK')
    expect(task.fs.root.mount.namespace).toBe(other.namespaces.mnt)
    expect(value(task, { name: 'getcwd', buf: 100 })).toBe(2)
    const chroot = 1n << 18n
    const left = task.credentials.effective & ~chroot
    value(task, { name: 'capset', sets: { effective: left, permitted: left, inheritable: 0n } })
    expect(call(task, { name: 'setns', fd: namespaceFd(task, other.namespaces.mnt), nstype: 0 })).toMatchObject({
      errno: 'EPERM',
      rule: 'CLN-111',
    })
  })

  it('CLN-112, TIM-004: a time namespace is entered at once, by who has one thread', () => {
    const task = child(boot().init)
    value(task, { name: 'unshare', flags: NEW.TIME })
    const { timeForChildren } = task.namespaces
    expect(task.namespaces.time).not.toBe(timeForChildren)
    expect(join(task, timeForChildren)).toBe('OK')
    expect(task.namespaces.time).toBe(timeForChildren)
    const second = thread(child(task))
    expect(join(second, task.namespaces.time)).toBe('EUSERS')
  })
})

describe('setns by pidfd', () => {
  it('CLN-039: takes a mask of kinds, not none and nothing else', () => {
    const task = child(boot().init)
    const other = child(task, NEW.UTS + NEW.IPC)
    const fd = pidfd(task, other)
    expect(setns(task, fd)).toBe('EINVAL')
    expect(setns(task, fd, NEW.UTS | 0x100)).toBe('EINVAL')
    expect(setns(task, fd, NEW.UTS | NEW.IPC)).toBe('OK')
    expect(task.namespaces.uts).toBe(other.namespaces.uts)
    expect(task.namespaces.ipc).toBe(other.namespaces.ipc)
  })

  it('CLN-039: joins all or none, the user namespace first', () => {
    const user = child(boot().init)
    login(user, 1000)
    user.process.dumpable = true
    const inside = child(user, NEW.USER + NEW.UTS)
    const before = user.namespaces
    expect(setns(user, pidfd(user, inside), NEW.UTS)).toBe('EPERM')
    expect(setns(user, pidfd(user, inside), NEW.UTS + NEW.NET + NEW.USER)).toBe('EPERM')
    expect(user.namespaces).toBe(before)
    expect(setns(user, pidfd(user, inside), NEW.UTS + NEW.USER)).toBe('OK')
    expect(user.namespaces.uts).toBe(inside.namespaces.uts)
    expect(user.credentials.namespace).toBe(inside.credentials.namespace)
  })

  it('CLN-039: wants a living process, and the right to look into it', () => {
    const task = child(boot().init)
    const other = child(task, NEW.UTS)
    const fd = pidfd(task, other)
    const user = child(task)
    login(user, 1000)
    expect(setns(user, pidfd(user, other), NEW.UTS)).toBe('EPERM')
    value(other, { name: 'exit_group', status: 0 })
    expect(setns(task, fd, NEW.UTS)).toBe('ESRCH')
  })
})

describe('the file of a namespace', () => {
  const NS = { USERNS: 0xb701, PARENT: 0xb702, NSTYPE: 0xb703, OWNER_UID: 0xb704 }
  const ask = (task: Task, namespace: Namespace, request: number) =>
    call(task, { name: 'ioctl_int', fd: namespaceFd(task, namespace), request, arg: 0 })

  it('CLN-047: has fixed numbers on the initial ones, and is one for all', () => {
    const { init, kernel } = boot()
    const { namespaces, credentials } = init
    const names = [namespaces.cgroup, namespaces.pidForChildren, credentials.namespace, namespaces.uts, namespaces.ipc]
    expect(names.map(namespaceName)).toEqual([
      'cgroup:[4026531835]',
      'pid:[4026531836]',
      'user:[4026531837]',
      'uts:[4026531838]',
      'ipc:[4026531839]',
    ])
    expect(namespaceName(namespaces.time)).toBe('time:[4026531834]')
    const path = namespacePath(kernel, namespaces.uts)
    expect(path.dentry).toBe(namespacePath(kernel, namespaces.uts).dentry)
    expect(path.dentry.inode.ino).toBe(4026531838)
  })

  it('CLN-048: tells its kind; parents of pid and user namespaces; an owner’s uid of user namespaces', () => {
    const task = child(boot().init)
    const other = child(task, NEW.USER + NEW.PID + NEW.UTS)
    expect(ask(task, other.namespaces.uts, NS.NSTYPE)).toMatchObject({ value: NEW.UTS })
    expect(errno(ask(task, other.namespaces.uts, NS.PARENT))).toBe('EINVAL')
    expect(errno(ask(task, other.namespaces.uts, NS.OWNER_UID))).toBe('EINVAL')
    expect(errno(ask(task, other.namespaces.uts, 0xb7ff))).toBe('ENOTTY')
    const fd = namespaceFd(task, other.credentials.namespace)
    expect([...data(task, { name: 'ioctl', fd, request: NS.OWNER_UID, arg: new Uint8Array(4) })]).toEqual([0, 0, 0, 0])
    const parent = value(task, { name: 'ioctl_int', fd, request: NS.PARENT, arg: 0 })
    expect(value(task, { name: 'ioctl_int', fd: parent, request: NS.NSTYPE, arg: 0 })).toBe(NEW.USER)
    expect(task.files.get(parent)!.file.inode.ino).toBe(task.credentials.namespace.ino)
    expect(task.files.get(parent)!.closeOnExec).toBe(true)
  })

  it('CLN-049: does not tell what lies outside of the caller’s own', () => {
    const task = child(boot().init)
    const other = child(task, NEW.USER + NEW.PID + NEW.UTS)
    expect(errno(ask(other, task.namespaces.uts, NS.USERNS))).toBe('EPERM')
    expect(errno(ask(other, other.pidNamespace, NS.PARENT))).toBe('EPERM')
    expect(errno(ask(other, other.credentials.namespace, NS.PARENT))).toBe('EPERM')
    expect(errno(ask(task, task.credentials.namespace, NS.PARENT))).toBe('EPERM')
    expect(errno(ask(task, task.pidNamespace, NS.PARENT))).toBe('EPERM')
    expect(errno(ask(other, other.namespaces.uts, NS.USERNS))).toBeUndefined()
  })
})

describe('looking into processes', () => {
  it('wants the same ids and no less capabilities, or CAP_SYS_PTRACE over it', () => {
    const task = child(boot().init)
    const [one, two, another] = [child(task), child(task), child(task)]
    login(one, 1000)
    login(two, 1000)
    login(another, 1001)
    const reads = (who: Task, whom: Task) => setns(who, pidfd(who, whom), NEW.UTS)
    // A login is a change of identity: what changed it is not dumpable until it runs a program.
    two.process.dumpable = true
    another.process.dumpable = true
    expect(call(one, { name: 'setns', fd: pidfd(one, two), nstype: NEW.UTS })).toMatchObject({ rule: 'CLN-060' })
    expect(call(one, { name: 'setns', fd: pidfd(one, another), nstype: NEW.UTS })).toMatchObject({ rule: 'ptrace(2)' })
    expect(reads(task, another)).toBe('OK')
  })
})
