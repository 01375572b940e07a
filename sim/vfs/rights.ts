// What making, naming and removing an entry of a directory asks for, in Linux's order. fs/namei.c may_create, may_delete

import { type KGid, rootGid, rootUid } from '../ids.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Dentry } from './dentry.ts'
import type { Inode, InodeKind, NewInode } from './inode.ts'
import type { Mount } from './mount.ts'
import type { Path } from './path.ts'
import {
  capableOver,
  checkPermission,
  groupOf,
  groupThrough,
  inGroup,
  mayExecute,
  mayWrite,
  ownerOf,
  ownerThrough,
} from './permission.ts'

export const setuid = 0o4000
export const setgid = 0o2000
export const sticky = 0o1000
const groupExecute = 0o010

/** In proc the lookup of a name that is missing refuses, before anybody asks whether it may be made. proc_lookup_de() */
export const mayBeMissing = ({ dentry }: Path, call: string): Denied | undefined =>
  dentry.superblock.type === 'proc' ? deny('ENOENT', call, `${call}: nothing is made in proc`) : undefined

/** Whether something may be made in a directory by this task. */
export function mayCreate(task: Task, directory: Path, call: string): Denied | undefined {
  const { mount, dentry } = directory
  if (dentry.deleted) return deny('ENOENT', 'MNT-029', `${call}: the directory has been removed`)
  const { fsuid, fsgid } = task.credentials
  if (ownerThrough(mount, fsuid) === undefined || groupThrough(mount, fsgid) === undefined)
    return deny('EOVERFLOW', 'mount_setattr(2)', `${call}: the idmapped mount has no id for what the caller makes`)
  const { owner } = dentry.superblock
  if (owner.level > 0 && (owner.uid(fsuid) === undefined || owner.gid(fsgid) === undefined))
    return deny('EOVERFLOW', 'user_namespaces(7)', `${call}: the file system has no id for what the caller makes`)
  return checkPermission(task.credentials, mount, dentry.inode, mayWrite | mayExecute, call)
}

/** Whether an entry may be taken out of a directory, as a directory or as anything else. */
export function mayDelete(
  task: Task,
  directory: Path,
  victim: Dentry,
  asDirectory: boolean,
  call: string,
): Denied | undefined {
  const { mount } = directory
  const { inode } = victim
  if (ownerOf(mount, inode) === undefined || groupOf(mount, inode) === undefined)
    return deny('EOVERFLOW', 'mount_setattr(2)', `${call}: the idmapped mount has no id for the owner of the file`)
  const { credentials } = task
  const refusal = checkPermission(credentials, mount, directory.dentry.inode, mayWrite | mayExecute, call)
  if (refusal) return refusal
  if (stickyForbids(task, mount, directory.dentry.inode, inode))
    return deny('EPERM', 'unlink(2)', `${call}: in a sticky directory only the owner of it or of the file removes`)
  const isDirectory = inode.kind === 'directory'
  if (asDirectory && !isDirectory) return deny('ENOTDIR', call, `${call}: it is not a directory`)
  if (!asDirectory && isDirectory) return deny('EISDIR', call, `${call}: it is a directory`)
  if (directory.dentry.deleted) return deny('ENOENT', call, `${call}: the directory has been removed`)
  return undefined
}

function stickyForbids(task: Task, mount: Mount, directory: Inode, inode: Inode): boolean {
  if (!(directory.mode & sticky)) return false
  const { fsuid } = task.credentials
  if (ownerOf(mount, inode) === fsuid || ownerOf(mount, directory) === fsuid) return false
  return !capableOver(task.credentials, 'FOWNER', mount, inode)
}

/** Owner, group and mode of something new: group and setgid come from a setgid directory. inode_init_owner() */
export function newAttributes(
  task: Task,
  directory: Path,
  kind: InodeKind,
  mode: number,
  more: Pick<NewInode, 'target' | 'device'> = {},
): NewInode {
  const { mount, dentry } = directory
  const { inode } = dentry
  const { credentials } = task
  const inherits = (inode.mode & setgid) !== 0
  let bits = mode
  if (inherits && kind === 'directory') bits |= setgid
  else if (inherits && (bits & (setgid | groupExecute)) === (setgid | groupExecute)) {
    const group = groupOf(mount, inode)
    if (!inGroup(credentials, group) && !capableOver(credentials, 'FSETID', mount, inode)) bits &= ~setgid
  }
  return {
    kind,
    mode: bits,
    uid: ownerThrough(mount, credentials.fsuid) ?? rootUid,
    gid: inherits ? inode.gid : (groupThrough(mount, credentials.fsgid) ?? (rootGid as KGid)),
    ...more,
  }
}

/** Writing, truncating and changing the owner take setuid and setgid away. setattr_should_drop_suidgid() in fs/attr.c */
export function privilegesDropped(task: Task, mount: Mount, inode: Inode): number {
  const { mode } = inode
  if (!(mode & (setuid | setgid)) || inode.kind !== 'file') return mode
  let lost = mode & setuid
  if ((mode & (setgid | groupExecute)) === (setgid | groupExecute)) lost |= setgid
  else if (mode & setgid && !inGroup(task.credentials, groupOf(mount, inode))) lost |= setgid
  if (lost === 0 || capableOver(task.credentials, 'FSETID', mount, inode)) return mode
  return mode & ~lost
}
