// Layers of an overlay: what hides what. Whiteouts, opaque directories, and the private attributes that say so.
// filesystems/overlayfs.rst

import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from './dentry.ts'
import type { Inode } from './inode.ts'
import type { Mount } from './mount.ts'
import { lookupIn } from './walk.ts'

/** One directory tree of the stack. The mount is private to the overlay: what lies on the tree elsewhere is not seen. */
export interface Layer {
  readonly mount: Mount
  readonly root: Dentry
  /** As st_dev of its files, where layers are on several file systems (OVL-011). */
  readonly device: readonly [number, number] | undefined
}

/** A name in one layer. */
export interface Real {
  readonly layer: Layer
  readonly dentry: Dentry
}

/** `trusted.overlay.`, or `user.overlay.` where trusted attributes cannot be had (userxattr). */
export type Prefix = 'trusted.overlay.' | 'user.overlay.'

const text = (inode: Inode, name: string): string | undefined => {
  const bytes = inode.xattrs.get(name)
  return bytes && String.fromCharCode(...bytes)
}

export const bytesOf = (value: string): Uint8Array => Uint8Array.from(value, (letter) => letter.charCodeAt(0))

/** A character device 0:0, or an empty file that is marked (OVL-004). */
export function isWhiteout(inode: Inode, prefix: Prefix): boolean {
  if (inode.kind === 'character') return inode.device[0] === 0 && inode.device[1] === 0
  return inode.kind === 'file' && inode.sizeBytes === 0 && inode.xattrs.has(`${prefix}whiteout`)
}

/** Nothing of the layers below shows in it (OVL-005, OVL-010). */
export const isOpaque = (inode: Inode, prefix: Prefix): boolean => text(inode, `${prefix}opaque`) === 'y'

export function markOpaque(inode: Inode, prefix: Prefix): void {
  inode.xattrs.set(`${prefix}opaque`, bytesOf('y'))
}

/**
 * What a name stands for: the first that is no directory, or directories from the top until something ends them (OVL-002).
 * Empty: nothing, or a whiteout.
 */
export function findIn(
  task: Task,
  stack: readonly Real[],
  asked: string,
  prefix: Prefix,
  lower: readonly Layer[] = [],
): readonly Real[] | Denied {
  const found: Real[] = []
  let name = asked
  let rest = stack
  while (rest.length > 0) {
    const [{ layer, dentry: directory }, ...behind] = rest as readonly [Real, ...Real[]]
    rest = behind
    const dentry = lookupIn(task, directory, name, 'overlayfs')
    if (dentry === undefined) continue
    if (isDenied(dentry)) return dentry
    const { inode } = dentry
    if (isWhiteout(inode, prefix)) break
    if (inode.kind !== 'directory') {
      if (found.length === 0) found.push({ layer, dentry })
      break
    }
    found.push({ layer, dentry })
    if (isOpaque(inode, prefix)) break
    const redirect = redirectIn(inode, prefix)
    if (redirect === undefined) continue
    // A name in the same directories, or a path from the roots of the layers.
    name = redirect.slice(redirect.lastIndexOf('/') + 1)
    if (redirect.startsWith('/')) rest = placesOf(task, redirect, lower.slice(lower.indexOf(layer) + 1))
  }
  return found
}

/** The directories in which a path's last name is looked for, one of each layer that has them. */
function placesOf(task: Task, path: string, layers: readonly Layer[]): Real[] {
  const parents = path.split('/').slice(1, -1)
  return layers.flatMap((layer) => {
    let dentry = layer.root
    for (const part of parents) {
      const next = lookupIn(task, dentry, part, 'overlayfs')
      if (next === undefined || isDenied(next) || next.inode.kind !== 'directory') return []
      dentry = next
    }
    return [{ layer, dentry }]
  })
}

/** What a directory that was renamed is called below. */
export const redirectIn = (inode: Inode, prefix: Prefix): string | undefined => text(inode, `${prefix}redirect`)

/** Says where the lower part of a renamed directory is found. ovl_set_redirect() */
export function markRedirect(inode: Inode, prefix: Prefix, target: string): void {
  inode.xattrs.set(`${prefix}redirect`, bytesOf(target))
}

/** Takes a name out of the upper layer, with what that layer itself knows of it. Whiteouts in a directory go with it. */
export function removeReal(task: Task, directory: Dentry, name: string): Denied | undefined {
  const dentry = lookupIn(task, directory, name, 'overlayfs')
  if (dentry === undefined || isDenied(dentry)) return dentry
  const { inode } = dentry
  if (inode.kind === 'directory')
    for (const entry of inode.entries?.(task) ?? []) {
      const refusal = removeReal(task, dentry, entry.name)
      if (refusal) return refusal
    }
  const parent = directory.inode
  const refusal = inode.kind === 'directory' ? parent.rmdir?.(task, name, inode) : parent.unlink?.(task, name, inode)
  if (refusal) return refusal
  directory.children.delete(name)
  dentry.deleted = true
  return undefined
}

export const noUpper = (call: string): Denied =>
  deny('EROFS', 'OVL-009', `${call}: an overlay without an upper layer is read-only`)

/** A dentry of the upper layer for what was made in it. */
export function realDentry(directory: Dentry, name: string, inode: Inode): Dentry {
  const known = directory.children.get(name)
  if (known?.inode === inode) return known
  const dentry = new Dentry(directory.superblock, inode, name, directory)
  directory.children.set(name, dentry)
  return dentry
}
