// Copies of mounts and of trees of them. clone_mnt(), copy_tree() in fs/namespace.c

import type { Dentry } from './dentry.ts'
import type { Mount } from './mount.ts'
import { attach, newMount } from './mounting.ts'
import { follow, invent, join } from './propagation.ts'

/**
 * What a copy is to its original. `like`: a peer if the original is shared, a slave of the same master. `down`: the same,
 * but of a shared one the slave, for a less privileged namespace (USR-021).
 */
export type Kinship = 'like' | 'down' | 'peer' | 'slave' | 'slave and shared'

export interface CopyOptions {
  /** Of a whole namespace: also unbindable mounts. */
  readonly unbindable?: boolean
  /** A recursive bind keeps files of mount namespaces, all others skip them. */
  readonly namespaceFiles?: boolean
  /** Told of each copy. */
  readonly copied?: (original: Mount, copy: Mount) => void
}

export function copyMount(original: Mount, root: Dentry, kinship: Kinship): Mount {
  const flags = { ...original.flags }
  const copy = newMount(original, original.superblock, root, flags, original.source)
  copy.locked = original.locked
  copy.idMapping = original.idMapping
  copy.unbindable = original.unbindable
  const { group, master } = original
  if (kinship === 'slave' || kinship === 'slave and shared' || (kinship === 'down' && group)) {
    follow(copy, group ?? master)
    if (kinship === 'slave and shared') invent(copy)
  } else {
    if (group) join(copy, group)
    else if (kinship === 'peer') invent(copy)
    follow(copy, master)
  }
  if (copy.group) copy.unbindable = false
  return copy
}

/** Whether a mount shows the file of a mount namespace, which would keep that namespace alive from within. */
export const showsMountNamespace = ({ root }: Mount): boolean => root.inode.namespace?.kind === 'mnt'

/**
 * A copy of a mount from one of its directories on, with all that lies below that; unbindable mounts and what they bear are
 * left out. Undefined: one of these is locked, so that leaving it out would show what it hides (EPERM).
 */
export function copyTree(
  original: Mount,
  root: Dentry,
  kinship: Kinship,
  options: CopyOptions = {},
): Mount | undefined {
  // Looked at as a whole before anything is made.
  const kept = new Map<Mount, readonly Mount[]>()
  const look = (mount: Mount, top: Dentry): boolean => {
    const children: Mount[] = []
    kept.set(mount, children)
    for (const child of mount.children) {
      if (top !== mount.root && !child.at!.dentry.isBelow(top)) continue
      if (child.unbindable && !options.unbindable) {
        if (child.locked) return false
        continue
      }
      if (!options.namespaceFiles && showsMountNamespace(child)) continue
      children.push(child)
      if (!look(child, child.root)) return false
    }
    return true
  }
  const copy = (mount: Mount, top: Dentry): Mount => {
    const made = copyMount(mount, top, kinship)
    options.copied?.(mount, made)
    for (const child of kept.get(mount)!)
      attach(copy(child, child.root), { mount: made, dentry: child.at!.dentry }, undefined)
    return made
  }
  return look(original, root) ? copy(original, root) : undefined
}
