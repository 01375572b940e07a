// Propagation of mounts: what peers and slaves hear, and what becomes of each type. mount_namespaces(7)

import { describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { mountinfo } from '../../../sim/vfs/mountinfo.ts'
import { letGo } from '../../../sim/vfs/path.ts'
import {
  bind,
  inNewNamespace,
  MS,
  make,
  mkdir,
  mount,
  open,
  playground,
  propagationOf,
  tmpfs,
  umount,
} from '../../support/sim-mounts.ts'

const count = (task: Task, place: string): number =>
  mountinfo(task)
    .split('\n')
    .filter((line) => line.split(' ')[4] === place).length

type Kind = 'shared' | 'slave' | 'slave+shared' | 'private' | 'unbindable'
let made = 0

/** A mount of a kind, at a place of its own below /w. */
function mountOf(task: Task, kind: Kind): string {
  made += 1
  const place = `/w/m${made}`
  mkdir(task, place)
  if (kind === 'slave' || kind === 'slave+shared') {
    const master = `/w/master${made}`
    mkdir(task, master)
    tmpfs(task, master)
    make(task, master, MS.SHARED)
    bind(task, master, place)
    make(task, place, MS.SLAVE)
    if (kind === 'slave+shared') make(task, place, MS.SHARED)
    return place
  }
  tmpfs(task, place)
  if (kind === 'shared') make(task, place, MS.SHARED)
  if (kind === 'unbindable') make(task, place, MS.UNBINDABLE)
  return place
}

describe('types of propagation', () => {
  const kinds: readonly Kind[] = ['shared', 'slave', 'slave+shared', 'private', 'unbindable']
  const changes = [MS.SHARED, MS.SLAVE, MS.PRIVATE, MS.UNBINDABLE]
  const table: Record<Kind, string> = {
    shared: 'shared,slave,private,unbindable',
    slave: 'slave+shared,slave,private,unbindable',
    'slave+shared': 'slave+shared,slave,private,unbindable',
    private: 'shared,private,private,unbindable',
    unbindable: 'shared,unbindable,private,unbindable',
  }

  it('MNT-050: each type becomes another as the table says', () => {
    for (const kind of kinds) {
      const after = changes.map((change) => {
        const task = playground()
        const place = mountOf(task, kind)
        if (kind === 'shared') {
          mkdir(task, '/w/peer')
          bind(task, place, '/w/peer')
        }
        expect(make(task, place, change)).toBe('OK')
        return propagationOf(task, place)
      })
      expect(after.join()).toBe(table[kind])
    }
  })

  it('MNT-009: a lone shared mount that becomes a slave is private', () => {
    const task = playground()
    const place = mountOf(task, 'shared')
    make(task, place, MS.SLAVE)
    expect(propagationOf(task, place)).toBe('private')
  })

  it('MNT-008: refuses two types at once, and what is no mount', () => {
    const task = playground()
    mkdir(task, '/w/d')
    expect(make(task, '/w/d', MS.SHARED)).toBe('EINVAL')
    expect(make(task, '/w', MS.SHARED | MS.PRIVATE)).toBe('EINVAL')
    expect(make(task, '/w', MS.SHARED | MS.PRIVATE | MS.REC)).toBe('EINVAL')
    expect(make(task, '/w', MS.SHARED | MS.NOSUID)).toBe('EINVAL')
    expect(make(task, '/w', MS.SHARED | MS.REC | MS.SILENT)).toBe('OK')
  })

  it('MNT-010: MS_REC changes the whole tree', () => {
    const task = playground()
    mkdir(task, '/w/d')
    tmpfs(task, '/w/d')
    make(task, '/w', MS.SHARED | MS.REC)
    expect([propagationOf(task, '/w'), propagationOf(task, '/w/d')]).toEqual(['shared', 'shared'])
  })

  it('MNT-051: what a bind becomes', () => {
    const result = (shared: boolean) =>
      kinds.map((kind) => {
        const task = playground()
        const source = mountOf(task, kind)
        const parent = mountOf(task, shared ? 'shared' : 'private')
        mkdir(task, `${parent}/x`)
        const answer = bind(task, source, `${parent}/x`)
        return answer === 'OK' ? propagationOf(task, `${parent}/x`) : answer
      })
    expect(result(true)).toEqual(['shared', 'slave+shared', 'slave+shared', 'shared', 'EINVAL'])
    expect(result(false)).toEqual(['shared', 'slave', 'slave+shared', 'private', 'EINVAL'])
  })

  it('MNT-052: what a move becomes', () => {
    const result = (shared: boolean) =>
      kinds.map((kind) => {
        const task = playground()
        const source = mountOf(task, kind)
        const parent = mountOf(task, shared ? 'shared' : 'private')
        mkdir(task, `${parent}/x`)
        const answer = mount(task, source, `${parent}/x`, null, MS.MOVE)
        return answer === 'OK' ? propagationOf(task, `${parent}/x`) : answer
      })
    expect(result(true)).toEqual(['shared', 'slave+shared', 'slave+shared', 'shared', 'EINVAL'])
    expect(result(false)).toEqual(['shared', 'slave', 'slave+shared', 'private', 'unbindable'])
  })

  it('MNT-054: a new mount on a shared one is shared, on a private one private', () => {
    const task = playground()
    const shared = mountOf(task, 'shared')
    mkdir(task, `${shared}/x`, '/w/y')
    tmpfs(task, `${shared}/x`)
    tmpfs(task, '/w/y')
    expect(propagationOf(task, `${shared}/x`)).toBe('shared')
    expect(propagationOf(task, '/w/y')).toBe('private')
  })
})

describe('events', () => {
  /** A shared mount at /w/s with directory x, and another at /w/d that shows it. */
  function pair(task: Task): void {
    mkdir(task, '/w/s', '/w/d')
    tmpfs(task, '/w/s')
    make(task, '/w/s', MS.SHARED)
    mkdir(task, '/w/s/x')
    bind(task, '/w/s', '/w/d')
  }

  it('MNT-002: peers tell each other of mounts and unmounts, both ways', () => {
    const task = playground()
    pair(task)
    tmpfs(task, '/w/s/x')
    expect(count(task, '/w/d/x')).toBe(1)
    expect(umount(task, '/w/d/x')).toBe('OK')
    expect(count(task, '/w/s/x')).toBe(0)
  })

  it('MNT-003: a slave hears of its master, but not the other way; slave+shared tells on', () => {
    const task = playground()
    pair(task)
    make(task, '/w/d', MS.SLAVE)
    mkdir(task, '/w/e', '/w/s/y')
    tmpfs(task, '/w/s/x')
    expect(count(task, '/w/d/x')).toBe(1)
    tmpfs(task, '/w/d/y')
    expect(count(task, '/w/s/y')).toBe(0)
    make(task, '/w/d', MS.SHARED)
    bind(task, '/w/d', '/w/e')
    mkdir(task, '/w/s/z')
    tmpfs(task, '/w/s/z')
    expect([count(task, '/w/d/z'), count(task, '/w/e/z')]).toEqual([1, 1])
    expect(propagationOf(task, '/w/d/z')).toBe('slave+shared')
  })

  it('MNT-004, MNT-058: private neither tells nor hears', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/a/x', '/w/b', '/w/c')
    bind(task, '/w/a', '/w/b')
    tmpfs(task, '/w/a/x')
    expect(count(task, '/w/b/x')).toBe(0)
    tmpfs(task, '/w/a')
    bind(task, '/w', '/w/c', MS.REC)
    expect(count(task, '/w/c/a')).toBe(1)
  })

  it('MNT-005: unbindable is not bound, and left out of a recursive bind', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/b')
    tmpfs(task, '/w/a')
    mkdir(task, '/w/a/sub')
    tmpfs(task, '/w/a/sub')
    make(task, '/w/a/sub', MS.UNBINDABLE)
    expect(bind(task, '/w/a/sub', '/w/b')).toBe('EINVAL')
    expect(bind(task, '/w/a', '/w/b', MS.REC)).toBe('OK')
    expect(count(task, '/w/b/sub')).toBe(0)
  })

  it('MNT-006, MNT-007: what a move is refused for', () => {
    const task = playground()
    pair(task)
    mkdir(task, '/w/t')
    tmpfs(task, '/w/t')
    mkdir(task, '/w/t/u', '/w/t/v')
    tmpfs(task, '/w/t/u')
    make(task, '/w/t/u', MS.UNBINDABLE)
    const move = (from: string, to: string) => mount(task, from, to, null, MS.MOVE)
    expect(move('/w/t', '/w/s/x')).toBe('EINVAL')
    expect(move('/w/t', '/w/t/v')).toBe('ELOOP')
    expect(move('/w/t/v', '/w/t/u')).toBe('EINVAL')
    tmpfs(task, '/w/s/x')
    mkdir(task, '/w/q')
    expect(move('/w/s/x', '/w/q')).toBe('EINVAL')
    expect(move('/w/s', '/w/q')).toBe('OK')
    expect(move('/', '/w/t')).toBe('ELOOP')
  })

  it('MNT-042: a plain umount is refused while a copy is in use', () => {
    const task = playground()
    pair(task)
    tmpfs(task, '/w/s/x')
    open(task, '/w/d/x', 0o200000)
    expect(umount(task, '/w/s/x')).toBe('EBUSY')
    expect([count(task, '/w/s/x'), count(task, '/w/d/x')]).toEqual([1, 1])
  })

  it('MNT-053: a copy that bears mounts of its own stays', () => {
    const task = playground()
    pair(task)
    make(task, '/w/d', MS.SLAVE)
    tmpfs(task, '/w/s/x')
    make(task, '/w/d/x', MS.PRIVATE)
    mkdir(task, '/w/d/x/own')
    tmpfs(task, '/w/d/x/own')
    expect(umount(task, '/w/s/x')).toBe('OK')
    expect([count(task, '/w/s/x'), count(task, '/w/d/x')]).toEqual([0, 1])
  })

  it('a mount that comes by propagation goes below what lies there already', () => {
    const task = playground()
    pair(task)
    make(task, '/w/d', MS.SLAVE)
    tmpfs(task, '/w/d/x')
    mkdir(task, '/w/d/x/mine')
    tmpfs(task, '/w/s/x')
    expect(count(task, '/w/d/x')).toBe(2)
    expect(umount(task, '/w/s/x')).toBe('OK')
    expect(count(task, '/w/d/x')).toBe(1)
    expect(propagationOf(task, '/w/d/x')).toBe('private')
  })

  it('MNT-043, MNT-044: a copied namespace has peers of the old mounts, and what it mounts outlives it', () => {
    const task = playground()
    pair(task)
    const child = inNewNamespace(task)
    const idOf = (of: Task) =>
      mountinfo(of)
        .split('\n')
        .map((line) => line.split(' '))
        .find((f) => f[4] === '/w/s')!
    expect(idOf(child)[6]).toBe(idOf(task)[6])
    expect(idOf(child)[0]).not.toBe(idOf(task)[0])
    tmpfs(child, '/w/s/x')
    expect(count(task, '/w/s/x')).toBe(1)
    child.namespaces.mnt.release()
    expect(count(task, '/w/s/x')).toBe(1)
  })

  it('MNT-045: a recursive slave hears of the parent, and its mounts do not leak', () => {
    const task = playground()
    pair(task)
    const child = inNewNamespace(task)
    make(child, '/', MS.SLAVE | MS.REC)
    tmpfs(task, '/w/s/x')
    expect(count(child, '/w/s/x')).toBe(1)
    mkdir(child, '/w/s/y')
    tmpfs(child, '/w/s/y')
    expect(count(task, '/w/s/y')).toBe(0)
  })

  it('MNT-103: numbers of peer groups and mounts are used again', () => {
    const task = playground()
    mkdir(task, '/w/d')
    const line = () => mountinfo(task).trimEnd().split('\n').at(-1)!.split(' ')
    tmpfs(task, '/w/d')
    make(task, '/w/d', MS.SHARED)
    const first = line()
    umount(task, '/w/d')
    tmpfs(task, '/w/d')
    make(task, '/w/d', MS.SHARED)
    expect([line()[0], line()[6]]).toEqual([first[0], first[6]])
  })

  it('MNT-104: a machine starts with private mounts', () => {
    expect(mountinfo(playground())).not.toMatch(/shared:|master:/)
  })

  it('MNT-105: a namespace that ends unmounts its tree and tells nobody', () => {
    const task = playground()
    pair(task)
    tmpfs(task, '/w/s/x')
    const child = inNewNamespace(task)
    const seen = mountinfo(task)
    const [mount] = child.namespaces.mnt.mounts
    const { superblock } = mount!
    const before = superblock.mounts!
    for (const path of [child.fs.root, child.fs.cwd]) letGo(path)
    child.namespaces.mnt.release()
    expect(mountinfo(task)).toBe(seen)
    expect(child.namespaces.mnt.mounts.size).toBe(0)
    expect(superblock.mounts).toBe(before - 1)
  })
})
