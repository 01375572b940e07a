// Random mounts, in several namespaces: whatever is asked for, what the parts say of each other agrees.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import type { Mount } from '../../../sim/vfs/mount.ts'
import { treeOf } from '../../../sim/vfs/mounting.ts'
import { call, isRefused } from '../../support/sim-mount-steps.ts'
import { inNewNamespace, MS, mkdir, playground, tmpfs } from '../../support/sim-mounts.ts'

const places = ['/w/a', '/w/b', '/w/a/x', '/w/b/x', '/w/a/x/x', '/w/b/y', '/w']
const place = fc.constantFrom(...places)
const step = fc.record({
  who: fc.nat(2),
  call: fc.oneof(
    place.map((target) => ({ kind: 'tmpfs', target }) as const),
    fc
      .tuple(place, place, fc.boolean())
      .map(([source, target, rec]) => ({ kind: 'bind', source, target, rec }) as const),
    fc.tuple(place, place).map(([source, target]) => ({ kind: 'move', source, target }) as const),
    fc
      .tuple(place, fc.constantFrom(MS.SHARED, MS.SLAVE, MS.PRIVATE, MS.UNBINDABLE), fc.boolean())
      .map(([target, type, rec]) => ({ kind: 'make', target, type, rec }) as const),
    fc.tuple(place, fc.constantFrom(0, 2)).map(([target, flags]) => ({ kind: 'umount', target, flags }) as const),
    fc.tuple(place, place).map(([source, target]) => ({ kind: 'clone', source, target }) as const),
    place.map((target) => ({ kind: 'remove', target }) as const),
    fc.constant({ kind: 'leave' } as const),
  ),
})

function check(tasks: readonly Task[]): void {
  const all = new Set<Mount>()
  for (const task of tasks) {
    const { mnt } = task.namespaces
    if (mnt.references === 0) continue
    const tree = treeOf(mnt.root)
    expect(new Set(tree)).toEqual(mnt.mounts)
    for (const mount of tree) {
      all.add(mount)
      expect(mount.namespace).toBe(mnt)
      if (mount !== mnt.root) {
        const { at } = mount
        expect(at!.mount.covers.get(at!.dentry)).toBe(mount)
        expect(at!.dentry.mountsOn!.has(mount)).toBe(true)
        expect(at!.dentry.isBelow(at!.mount.root)).toBe(true)
      }
      expect(mount.covers.size).toBe(mount.children.size)
      if (mount.group) expect([mount.group.members.has(mount), mount.unbindable]).toEqual([true, false])
      if (mount.master) expect(mount.master.slaves.has(mount)).toBe(true)
      for (const peer of mount.group?.members ?? []) expect(peer.master).toBe(mount.master)
      for (const slave of mount.group?.slaves ?? []) expect(slave.master).toBe(mount.group)
      for (const dentry of mount.covers.keys()) expect(dentry.mounts).toBe(dentry.mountsOn!.size)
    }
  }
  const ids = [...all].map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const groups = new Set([...all].flatMap(({ group }) => group ?? []))
  expect(new Set([...groups].map(({ id }) => id)).size).toBe(groups.size)
  for (const group of groups) for (const member of group.members) expect(all.has(member)).toBe(true)
  const counts = new Map<object, number>()
  // Others are kept by more than their mounts.
  for (const { superblock } of all)
    if (superblock.type === 'tmpfs') counts.set(superblock, (counts.get(superblock) ?? 0) + 1)
  for (const [superblock, count] of counts) expect((superblock as Mount['superblock']).mounts).toBe(count)
  agree(all)
}

/** Peers that show the same root, and got all they have by propagation, lie under the same names. */
function agree(all: ReadonlySet<Mount>): void {
  for (const { group, root } of all) {
    if (group === undefined) continue
    for (const member of group.members) expect(member.superblock).toBe(root.superblock)
  }
}

describe('trees of mounts', () => {
  it('end once when their directory goes, also what lies on a mount of the directory itself', () => {
    const first = playground()
    mkdir(first, '/w/a')
    mkdir(first, '/w/b')
    for (const at of ['/w/a', '/w/b']) tmpfs(first, at)
    mkdir(first, '/w/b/y')
    const tasks = [first, inNewNamespace(first)]
    call(tasks[1]!, { kind: 'clone', source: '/w/b/y', target: '/w/b/y' })
    call(tasks[1]!, { kind: 'bind', source: '/w/a', target: '/w/b/y', rec: false })
    call(first, { kind: 'remove', target: '/w/b/y' })
    check(tasks)
  })

  it('agree with themselves after whatever was asked for, and a refused call changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const first = playground()
        first.kernel.mountsMax = 60
        mkdir(first, '/w/a', '/w/b')
        for (const at of ['/w/a', '/w/b']) {
          tmpfs(first, at)
          mkdir(first, `${at}/x`, `${at}/y`, `${at}/x/x`)
        }
        const tasks = [first, inNewNamespace(first), inNewNamespace(first, true)]
        for (const { who, call: wish } of steps) {
          const task = tasks[who]!
          // The machine's first namespace has no end.
          if (task.namespaces.mnt.references === 0 || (who === 0 && wish.kind === 'leave')) continue
          const before = isRefused(task, tasks, wish)
          if (before) expect(before.after).toEqual(before.before)
          check(tasks)
        }
        // Root and working directory keep what they are on.
        for (const task of tasks.slice(1)) if (task.namespaces.mnt.references > 0) call(task, { kind: 'leave' })
        check(tasks)
      }),
    )
  })
})
