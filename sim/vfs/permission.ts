// Who may read, write and pass through a file: mode bits, and the capabilities that override them. path_resolution(7)

import { type Capability, type Credentials, capable } from '../credentials.ts'
import type { KGid, KUid } from '../ids.ts'
import { inward, outward } from '../ns/id-map.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Inode } from './inode.ts'
import type { Mount } from './mount.ts'

/** What is to be done. linux/fs.h */
export const mayExecute = 1
export const mayWrite = 2
export const mayRead = 4

/** SB_RDONLY. mount(2) */
export const superblockReadonly = 1

/** The owner as a mount shows it; undefined when an idmapped mount has no id for it. mount_setattr(2) */
export function ownerOf(mount: Mount | undefined, inode: Pick<Inode, 'uid'>): KUid | undefined {
  const mapping = mount?.idMapping
  return mapping === undefined ? inode.uid : (outward(mapping.uid, inode.uid) as KUid | undefined)
}

export function groupOf(mount: Mount | undefined, inode: Inode): KGid | undefined {
  const mapping = mount?.idMapping
  return mapping === undefined ? inode.gid : (outward(mapping.gid, inode.gid) as KGid | undefined)
}

/** The id that is written to the file system for one that a task means through a mount; undefined when there is none. */
export function ownerThrough(mount: Mount | undefined, uid: KUid): KUid | undefined {
  const mapping = mount?.idMapping
  return mapping === undefined ? uid : (inward(mapping.uid, uid) as KUid | undefined)
}

export function groupThrough(mount: Mount | undefined, gid: KGid): KGid | undefined {
  const mapping = mount?.idMapping
  return mapping === undefined ? gid : (inward(mapping.gid, gid) as KGid | undefined)
}

export const inGroup = (who: Credentials, gid: KGid | undefined): boolean =>
  gid === who.fsgid || (gid !== undefined && who.groups.includes(gid))

/**
 * A capability over an inode counts when the owner and the group of the inode have ids in the task's user namespace
 * (USR-036 and its kin). capable_wrt_inode_uidgid() in kernel/capability.c
 */
export function capableOver(who: Credentials, capability: Capability, mount: Mount | undefined, inode: Inode): boolean {
  if (!capable(who, capability, who.namespace)) return false
  if (who.namespace.level === 0 && mount?.idMapping === undefined) return true
  const owner = ownerOf(mount, inode)
  const group = groupOf(mount, inode)
  return (
    owner !== undefined &&
    group !== undefined &&
    who.namespace.uid(owner) !== undefined &&
    who.namespace.gid(group) !== undefined
  )
}

/** The owner, or whoever has CAP_FOWNER over the inode. inode_owner_or_capable() in fs/inode.c */
export function ownsOrCapable(who: Credentials, mount: Mount | undefined, inode: Inode): boolean {
  const owner = ownerOf(mount, inode)
  if (owner === who.fsuid) return true
  return owner !== undefined && who.namespace.uid(owner) !== undefined && capableOver(who, 'FOWNER', mount, inode)
}

/** Whether credentials have all of the bits asked for, by mode or by capability. generic_permission() in fs/namei.c */
export function permitted(who: Credentials, mount: Mount | undefined, inode: Inode, mask: number): boolean {
  const owner = ownerOf(mount, inode)
  let bits = inode.mode
  if (owner === who.fsuid) bits >>= 6
  else if (((bits >> 3) ^ bits) & 7 && inGroup(who, groupOf(mount, inode))) bits >>= 3
  if ((mask & ~bits & 7) === 0) return true
  if (inode.kind === 'directory') {
    if (!(mask & mayWrite) && capableOver(who, 'DAC_READ_SEARCH', mount, inode)) return true
    return capableOver(who, 'DAC_OVERRIDE', mount, inode)
  }
  if (mask === mayRead && capableOver(who, 'DAC_READ_SEARCH', mount, inode)) return true
  if (mask & mayExecute && !(inode.mode & 0o111)) return false
  return capableOver(who, 'DAC_OVERRIDE', mount, inode)
}

/**
 * The whole check on an inode as a mount shows it: file systems that are read-only as a whole, ids that an idmapped mount
 * cannot express, then rights. inode_permission() in fs/namei.c
 */
export function checkPermission(
  who: Credentials,
  mount: Mount | undefined,
  inode: Inode,
  mask: number,
  call: string,
): Denied | undefined {
  if (mask & mayWrite) {
    const { kind } = inode
    if (inode.superblock.type === 'nsfs')
      return deny('EPERM', 'namespaces(7)', `${call}: the file of a namespace cannot be changed`)
    if (inode.superblock.flags & superblockReadonly && (kind === 'file' || kind === 'directory' || kind === 'symlink'))
      return deny('EROFS', 'MNT-020', `${call}: the file system is mounted read-only`)
    if (mount?.idMapping && (ownerOf(mount, inode) === undefined || groupOf(mount, inode) === undefined))
      return deny('EACCES', call, `${call}: the idmapped mount has no id for the owner of the file`)
  }
  if (permitted(who, mount, inode, mask) && !(mask & mayWrite && inode.neverWritten)) return undefined
  const what = mask & mayWrite ? 'write' : mask & mayRead ? 'read' : inode.kind === 'directory' ? 'search' : 'execute'
  return deny('EACCES', 'path_resolution(7)', `${call}: no permission to ${what}: mode ${inode.mode.toString(8)}`)
}
