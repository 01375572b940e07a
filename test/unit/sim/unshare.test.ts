// New namespaces: flags that imply others, rights, limits, and that a refusal leaves nothing behind.

import { describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { child, login, NEW, namespaceFd, writeMap, writeSetgroupsOf } from '../../support/sim-namespaces.ts'

const unshare = (task: Task, flags: number) => errno(call(task, { name: 'unshare', flags })) ?? 'OK'
const other = [NEW.NS, NEW.UTS, NEW.IPC, NEW.PID, NEW.CGROUP, NEW.NET, NEW.TIME]
const thread = (task: Task): Task => child(task, 0x10000 | 0x800 | 0x100 | 0x200)

describe('unshare', () => {
  it('CLN-030: takes nothing but namespaces and what is shared; 0 does nothing', () => {
    const { init } = boot()
    const before = init.namespaces
    expect(unshare(init, 0)).toBe('OK')
    expect(init.namespaces).toEqual(before)
    expect(unshare(init, 0x1000)).toBe('EINVAL')
    expect(unshare(init, 0x80000000)).toBe('EINVAL')
  })

  it('CLN-031: pretends to part threads, handlers and memory of who shares them with nobody', () => {
    const task = child(boot().init)
    for (const flags of [0x10000, 0x800, 0x100]) expect(unshare(task, flags)).toBe('OK')
    const shares = child(task, 0x100)
    expect(unshare(shares, 0x100)).toBe('EINVAL')
  })

  it('CLN-032: parts a thread in all but user namespace, threads, handlers and memory', () => {
    const task = child(boot().init)
    const second = thread(task)
    for (const flags of [0x10000, 0x800, 0x100, NEW.USER]) expect(unshare(second, flags), String(flags)).toBe('EINVAL')
    for (const flags of [...other, 0x200, 0x400]) expect(unshare(second, flags), String(flags)).toBe('OK')
  })

  it('CLN-052: changes the namespaces of one thread alone', () => {
    const task = child(boot().init)
    const second = thread(task)
    unshare(second, NEW.UTS)
    expect(second.namespaces.uts).not.toBe(task.namespaces.uts)
  })

  it('CLN-108: a new user namespace parts root and working directory from others', () => {
    const task = child(boot().init)
    const sharing = child(task, 0x200)
    expect(sharing.fs).toBe(task.fs)
    expect(unshare(sharing, NEW.USER)).toBe('OK')
    expect(sharing.fs).not.toBe(task.fs)
  })

  it('CLN-033: makes no second pid namespace while the first waits for children', () => {
    const task = child(boot().init)
    expect(unshare(task, NEW.PID)).toBe('OK')
    expect(unshare(task, NEW.PID)).toBe('EINVAL')
  })

  it('CLN-034: leaves the caller in its pid namespace; only children are in the new one', () => {
    const task = child(boot().init)
    const pid = value(task, { name: 'getpid' })
    unshare(task, NEW.PID)
    expect(value(task, { name: 'getpid' })).toBe(pid)
    expect(value(child(task), { name: 'getpid' })).toBe(1)
  })

  it('CLN-040: every kind but user needs CAP_SYS_ADMIN', () => {
    const task = child(boot().init)
    login(task, 1000)
    for (const flags of other) expect(unshare(task, flags), String(flags)).toBe('EPERM')
    expect(unshare(task, NEW.USER)).toBe('OK')
  })

  it('CLN-059: together with a user namespace anybody makes the others, which it owns', () => {
    const task = child(boot().init)
    login(task, 1000)
    const all = other.reduce<number>((sum, flag) => sum + flag, NEW.USER)
    expect(unshare(task, all)).toBe('OK')
    const { namespaces, credentials } = task
    for (const kind of ['mnt', 'uts', 'ipc', 'pidForChildren', 'cgroup', 'net', 'timeForChildren'] as const)
      expect(namespaces[kind].owner).toBe(credentials.namespace)
  })

  it('CLN-041, CLN-042: counts what still exists, also the one that is left by the call', () => {
    const { init, kernel } = boot()
    const { user } = kernel.initial
    user.limits.set('uts', 1)
    const task = child(init)
    expect(unshare(task, NEW.UTS)).toBe('OK')
    expect(unshare(task, NEW.UTS)).toBe('ENOSPC')
    value(task, { name: 'exit_group', status: 0 })
    expect(unshare(child(init), NEW.UTS)).toBe('OK')
  })

  it('CLN-041: asks limits of every level above', () => {
    const { init, kernel } = boot()
    kernel.initial.user.limits.set('net', 0)
    const task = child(init)
    login(task, 1000)
    expect(unshare(task, NEW.USER)).toBe('OK')
    expect(unshare(task, NEW.NET)).toBe('ENOSPC')
  })

  it('CLN-043: 33 user namespaces nest, the next is refused', () => {
    const task = child(boot().init)
    for (let level = 1; level <= 33; level++) {
      expect(unshare(task, NEW.USER), String(level)).toBe('OK')
      expect(writeMap(task, task, 'uid', '0 0 1')).toBe('OK')
      writeSetgroupsOf(task, 'deny')
      expect(writeMap(task, task, 'gid', '0 0 1')).toBe('OK')
    }
    expect(unshare(task, NEW.USER)).toBe('ENOSPC')
  })

  it('CLN-044: 32 pid namespaces nest, the next is refused', () => {
    let task = child(boot().init)
    for (let level = 1; level <= 32; level++) {
      expect(unshare(task, NEW.PID), String(level)).toBe('OK')
      task = child(task)
    }
    expect(unshare(task, NEW.PID)).toBe('ENOSPC')
  })

  it('CLN-045: makes no user namespace in a chroot', () => {
    const task = child(boot().init)
    value(task, { name: 'chroot', path: '/tmp' })
    expect(unshare(task, NEW.USER)).toBe('EPERM')
  })

  it('CLN-046: makes none for who has no id in its own', () => {
    const task = child(boot().init)
    expect(unshare(task, NEW.USER)).toBe('OK')
    expect(unshare(task, NEW.USER)).toBe('EPERM')
  })

  it('CLN-109: a limit comes before the chroot, the chroot before the ids', () => {
    const { init, kernel } = boot()
    const task = child(init)
    value(task, { name: 'chroot', path: '/tmp' })
    kernel.initial.user.limits.set('user', 0)
    expect(unshare(task, NEW.USER)).toBe('ENOSPC')
    kernel.initial.user.limits.delete('user')
    expect(call(task, { name: 'unshare', flags: NEW.USER })).toMatchObject({ rule: 'CLN-045' })
  })

  it('CLN-110: moves root and working directory to the copied mounts', () => {
    const task = child(boot().init)
    const before = task.fs.root.mount
    unshare(task, NEW.NS)
    expect(task.fs.root.mount).not.toBe(before)
    expect(task.fs.root.mount.namespace).toBe(task.namespaces.mnt)
    expect(task.fs.root.dentry).toBe(before.root)
  })

  it('leaves nothing behind when a late kind is refused', () => {
    const { init, kernel } = boot()
    const { user } = kernel.initial
    const task = child(init)
    user.limits.set('net', 0)
    const before = task.namespaces
    expect(unshare(task, NEW.UTS + NEW.IPC + NEW.NET)).toBe('ENOSPC')
    expect(task.namespaces).toBe(before)
    user.limits.set('uts', 1)
    expect(unshare(task, NEW.UTS)).toBe('OK')
  })
})

describe('a namespace', () => {
  it('CLN-050: lives while a descriptor of its file is open, and ends with the last', () => {
    const { init, kernel } = boot()
    kernel.initial.user.limits.set('uts', 1)
    const task = child(init)
    unshare(task, NEW.UTS)
    const fd = namespaceFd(init, task.namespaces.uts)
    value(task, { name: 'exit_group', status: 0 })
    const next = child(init)
    expect(unshare(next, NEW.UTS)).toBe('ENOSPC')
    value(next, { name: 'close', fd })
    value(init, { name: 'close', fd })
    expect(unshare(child(init), NEW.UTS)).toBe('OK')
  })

  it('CLN-050: lives while another is in it that it owns', () => {
    const { init, kernel } = boot()
    kernel.initial.user.limits.set('user', 1)
    const task = child(init)
    unshare(task, NEW.USER + NEW.UTS)
    const fd = namespaceFd(init, task.namespaces.uts)
    value(task, { name: 'exit_group', status: 0 })
    value(init, { name: 'wait4', pid: -1, wstatus: 4, options: 0, rusage: 0 })
    expect(unshare(child(init), NEW.USER)).toBe('ENOSPC')
    value(init, { name: 'close', fd })
  })
})
