// Files of namespaces bound to a place: how long they keep a namespace, and which may be bound where.

import { describe, expect, it } from 'vitest'
import { namespacePath } from '../../../sim/ns/file.ts'
import type { Namespace } from '../../../sim/ns/namespace.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { child, NEW, namespaceFd } from '../../support/sim-namespaces.ts'

/** Binds a namespace's file as `mount --bind /proc/PID/ns/KIND TARGET` does, by a descriptor. */
function bind(task: Task, namespace: Namespace, target: string) {
  const fd = namespaceFd(task, namespace)
  if (errno(call(task, { name: 'access', pathname: target, mode: 0 })))
    value(task, { name: 'close', fd: value(task, { name: 'creat', pathname: target, mode: 0o600 }) })
  const tree = call(task, { name: 'open_tree', dirfd: fd, pathname: '', flags: 0x1000 | 1 | 0o2000000 })
  value(task, { name: 'close', fd })
  if ('errno' in tree) return tree.errno
  const moved = call(task, {
    name: 'move_mount',
    ...{ from_dirfd: tree.value, from_pathname: '', to_dirfd: -100, to_pathname: target, flags: 4 },
  })
  value(task, { name: 'close', fd: tree.value })
  return errno(moved) ?? 'OK'
}

describe('a bound namespace', () => {
  it('CLN-050: lives until it is unmounted', () => {
    const { init } = boot()
    const user = init.credentials.namespace
    user.limits.set('uts', 1)
    const inside = child(init, NEW.UTS)
    const { uts } = inside.namespaces
    expect(bind(init, uts, '/tmp/uts')).toBe('OK')
    value(inside, { name: 'exit_group', status: 0 })
    expect(errno(call(init, { name: 'unshare', flags: NEW.UTS }))).toBe('ENOSPC')
    const fd = value(init, { name: 'open', pathname: '/tmp/uts', flags: 0, mode: 0 })
    const joined = child(init)
    expect(value(joined, { name: 'setns', fd, nstype: NEW.UTS })).toBe(0)
    expect(joined.namespaces.uts).toBe(uts)
    value(joined, { name: 'exit_group', status: 0 })
    value(init, { name: 'close', fd })
    value(init, { name: 'umount2', target: '/tmp/uts', flags: 0 })
    expect(uts.references).toBe(0)
    expect(errno(call(init, { name: 'unshare', flags: NEW.UTS }))).toBeUndefined()
  })

  it('CLN-051: of mounts is bound only in an earlier one', () => {
    const { init } = boot()
    const inside = child(init, NEW.NS)
    // mount(2) with MS_BIND says EINVAL.
    expect(bind(inside, inside.namespaces.mnt, '/tmp/mnt')).toBe('ELOOP')
    expect(bind(inside, init.namespaces.mnt, '/tmp/mnt')).toBe('ELOOP')
    const later = child(inside, NEW.NS)
    expect(bind(inside, later.namespaces.mnt, '/tmp/mnt')).toBe('OK')
  })

  it('is the same file wherever it is asked for', () => {
    const { init, kernel } = boot()
    const path = namespacePath(kernel, init.namespaces.net)
    expect(namespacePath(kernel, init.namespaces.net).dentry.inode).toBe(path.dentry.inode)
  })
})
