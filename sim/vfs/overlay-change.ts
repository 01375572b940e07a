// Names made, removed and renamed in a directory of an overlay: all happens in the upper layer, and whiteouts stand for what
// is gone of the lower ones. fs/overlayfs/dir.c

import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from './dentry.ts'
import type { Inode, NewInode } from './inode.ts'
import type { Mount } from './mount.ts'
import type { OverlayInode } from './overlay-inode.ts'
import {
  findIn,
  isWhiteout,
  markOpaque,
  markRedirect,
  noUpper,
  type Real,
  realDentry,
  redirectIn,
  removeReal,
} from './overlay-layers.ts'
import { groupThrough, ownerThrough } from './permission.ts'
import { lookupIn } from './walk.ts'

/** The directory in the upper layer, copied up when it is not there yet. */
function upperOf(task: Task, directory: OverlayInode): Dentry | Denied {
  if (directory.superblock.upper === undefined) return noUpper('overlayfs')
  return directory.toUpper(task) ?? directory.stack[0]!.dentry
}

/** Whether a layer below the upper one has the name (ovl_lower_positive()). */
function below(task: Task, directory: OverlayInode, name: string): boolean {
  const lower = directory.stack.slice(directory.inUpper ? 1 : 0)
  const found = findIn(task, lower, name, directory.superblock.prefix)
  return !isDenied(found) && found.length > 0
}

/** Takes a whiteout away to make room; answers whether there was one. */
function clear(task: Task, directory: OverlayInode, upper: Dentry, name: string): boolean | Denied {
  const there = lookupIn(task, upper, name, 'overlayfs')
  if (there === undefined || isDenied(there)) return there ?? false
  if (!isWhiteout(there.inode, directory.superblock.prefix)) return false
  return removeReal(task, upper, name) ?? true
}

function putWhiteout(task: Task, directory: OverlayInode, upper: Dentry, name: string): Denied | undefined {
  const { uid, gid } = directory.superblock.root.inode
  const made = upper.inode.create!(task, name, { kind: 'character', mode: 0, uid, gid, device: [0, 0] })
  if (isDenied(made)) return made
  realDentry(upper, name, made)
  return undefined
}

/** Ids as the upper layer is to have them. */
const throughMount = (mount: Mount, made: NewInode): NewInode => ({
  ...made,
  uid: ownerThrough(mount, made.uid) ?? made.uid,
  gid: groupThrough(mount, made.gid) ?? made.gid,
})

/** A file of the upper layer without a name, for O_TMPFILE; undefined where that one has none. ovl_tmpfile() */
export function createUnnamed(task: Task, directory: OverlayInode, made: NewInode): Real | Denied | undefined {
  const upper = upperOf(task, directory)
  if (isDenied(upper)) return upper
  const layer = directory.superblock.upper!
  const inode = upper.inode.createUnnamed?.(task, throughMount(layer.mount, made))
  if (inode === undefined || isDenied(inode)) return inode
  const dentry = new Dentry(upper.superblock, inode, `#${inode.ino}`, upper)
  dentry.deleted = true
  return { layer, dentry }
}

export function create(task: Task, directory: OverlayInode, name: string, made: NewInode): Inode | Denied {
  // Who could make one would hide what lies below. ovl_mknod()
  if (made.kind === 'character' && made.device?.[0] === 0 && made.device[1] === 0)
    return deny('EPERM', 'OVL-004', 'overlayfs: a whiteout is not made by mknod(2)')
  const upper = upperOf(task, directory)
  if (isDenied(upper)) return upper
  const { superblock } = directory
  const { mount } = superblock.upper!
  const hidden = clear(task, directory, upper, name)
  if (isDenied(hidden)) return hidden
  const inode = upper.inode.create!(task, name, throughMount(mount, made))
  if (isDenied(inode)) {
    if (hidden) putWhiteout(task, directory, upper, name)
    return inode
  }
  // What the lower layers have under this name stays hidden (OVL-005).
  if (made.kind === 'directory' && (hidden || directory.stack.length > 1)) markOpaque(inode, superblock.prefix)
  const dentry = realDentry(upper, name, inode)
  return superblock.inodeFor([{ layer: superblock.upper!, dentry }], directory, name)
}

/** A second name, in the upper layer. */
export function link(task: Task, directory: OverlayInode, name: string, inode: OverlayInode): Denied | undefined {
  const upper = inode.toUpper(task) ?? upperOf(task, directory)
  if (isDenied(upper)) return upper
  const hidden = clear(task, directory, upper, name)
  if (isDenied(hidden)) return hidden
  const refusal = upper.inode.link?.(task, name, inode.real)
  if (refusal) {
    if (hidden) putWhiteout(task, directory, upper, name)
    return refusal
  }
  realDentry(upper, name, inode.real)
  directory.known.set(name, inode)
  directory.superblock.linked(inode)
  return undefined
}

/** unlink(2) and rmdir(2): where a lower layer has the name, a whiteout stays (OVL-004, OVL-005). */
export function remove(task: Task, directory: OverlayInode, name: string, inode: OverlayInode): Denied | undefined {
  if (inode.kind === 'directory' && inode.entries(task).length > 0)
    return deny('ENOTEMPTY', 'rmdir(2)', 'rmdir(2): the directory is not empty')
  const upper = upperOf(task, directory)
  if (isDenied(upper)) return upper
  const needsWhiteout = below(task, directory, name)
  const { inUpper } = inode
  const belowAlone = inUpper && lookupIn(task, upper, name, 'overlayfs') === undefined
  const refusal = removeReal(task, upper, name)
  if (refusal) return refusal
  directory.known.delete(name)
  if (belowAlone) inode.namesBelow -= 1
  else inode.nameGone(inUpper)
  return needsWhiteout ? putWhiteout(task, directory, upper, name) : undefined
}

export interface Renaming {
  readonly from: OverlayInode
  readonly name: string
  readonly to: OverlayInode
  readonly newName: string
  readonly flags: number
}

const EXCHANGE = 2

/** A directory of which a lower layer has a part does not move: mv(1) copies it (OVL-007). */
const staysPut = (inode: OverlayInode): boolean =>
  inode.kind === 'directory' && (!inode.inUpper || inode.stack.length > 1)

export function rename(task: Task, { from, name, to, newName, flags }: Renaming): Denied | undefined {
  const moved = from.lookup(task, name) as OverlayInode
  const target = to.lookup(task, newName) as OverlayInode | undefined | Denied
  if (isDenied(target)) return target
  const exchange = (flags & EXCHANGE) !== 0
  const { superblock } = from
  const redirects = staysPut(moved) && superblock.redirect && !exchange
  if ((staysPut(moved) && !redirects) || (exchange && target && staysPut(target)))
    return deny(
      'EXDEV',
      'OVL-007',
      'rename(2): the directory is in a lower layer of the overlay, and redirect_dir is off',
    )
  if (!exchange && target?.kind === 'directory' && target.entries(task).length > 0)
    return deny('ENOTEMPTY', 'rename(2)', 'rename(2): the target is a directory that is not empty')
  const before = redirects ? redirectOf(moved, from, name, to) : undefined
  const source =
    moved.toUpper(task) ??
    (exchange ? target?.toUpper(task) : undefined) ??
    bringName(task, from, name, moved) ??
    upperOf(task, from)
  if (isDenied(source)) return source
  const place = upperOf(task, to)
  if (isDenied(place)) return place
  const targetInUpper = target?.inUpper
  const leavesWhiteout = !exchange && below(task, from, name)
  const covers = below(task, to, newName)
  if (!exchange) {
    const refusal = removeReal(task, place, newName)
    if (refusal) return refusal
  }
  const refusal = source.inode.rename!(task, name, place.inode, newName, flags & EXCHANGE)
  if (refusal) return refusal
  moveDentries(source, name, place, newName, exchange)
  if (before !== undefined) markRedirect(moved.real, superblock.prefix, before)
  else if (moved.kind === 'directory' && (covers || to.stack.length > 1)) markOpaque(moved.real, superblock.prefix)
  if (exchange && target?.kind === 'directory' && from.stack.length > 1) markOpaque(target.real, from.superblock.prefix)
  from.known.delete(name)
  renamed(moved, to, newName)
  if (exchange && target) renamed(target, from, name)
  else target?.nameGone(targetInUpper === true)
  return leavesWhiteout ? putWhiteout(task, from, source, name) : undefined
}

/** Where lower layers have a directory: a name in the same one, or the path from their roots. ovl_get_redirect() */
function redirectOf(moved: OverlayInode, from: OverlayInode, name: string, to: OverlayInode): string {
  const own = redirectIn(moved.real, from.superblock.prefix)
  if (from === to) return own ?? name
  let path = own ?? name
  for (let at: OverlayInode | undefined = from; at?.parent && !path.startsWith('/'); at = at.parent)
    path = `${redirectIn(at.real, from.superblock.prefix) ?? at.name}/${path}`
  return path.startsWith('/') ? path : `/${path}`
}

/** A name that only a lower layer has, of a file that is in the upper one already (index=on), becomes one there. */
function bringName(task: Task, directory: OverlayInode, name: string, inode: OverlayInode): Denied | undefined {
  if (!directory.superblock.index || !inode.inUpper || inode.kind === 'directory') return undefined
  const upper = upperOf(task, directory)
  if (isDenied(upper)) return upper
  if (lookupIn(task, upper, name, 'overlayfs') !== undefined) return undefined
  const refusal = upper.inode.link?.(task, name, inode.real)
  if (refusal) return refusal
  realDentry(upper, name, inode.real)
  inode.namesBelow -= 1
  return undefined
}

function renamed(inode: OverlayInode, parent: OverlayInode, name: string): void {
  inode.parent = parent
  inode.name = name
  parent.known.set(name, inode)
}

/** The upper layer's own names follow. */
function moveDentries(source: Dentry, name: string, place: Dentry, newName: string, exchange: boolean): void {
  const moved = source.children.get(name)
  const there = place.children.get(newName)
  source.children.delete(name)
  place.children.delete(newName)
  const put = (dentry: Dentry | undefined, directory: Dentry, as: string): void => {
    if (dentry === undefined) return
    dentry.name = as
    dentry.parent = directory
    directory.children.set(as, dentry)
  }
  put(moved, place, newName)
  if (exchange) put(there, source, name)
}
