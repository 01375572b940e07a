// Telling watchers that something happened to a file: to those of the file and to those of the directory it is in.
// inotify(7)

import type { Dentry } from './dentry.ts'
import type { Inode } from './inode.ts'

/** IN_*. linux/inotify.h */
export const IN = {
  ACCESS: 0x1,
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  UNMOUNT: 0x2000,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x01000000,
  DONT_FOLLOW: 0x02000000,
  EXCL_UNLINK: 0x04000000,
  MASK_CREATE: 0x10000000,
  MASK_ADD: 0x20000000,
  ISDIR: 0x40000000,
  ONESHOT: 0x80000000,
} as const

export interface Watcher {
  /** @param name - of the entry, when a directory is watched */
  happened(mask: number, name: string | undefined, cookie: number): void
  /** The inode is gone. */
  gone(): void
}

/** Something happened to a file that is known by a name. */
export function notify(dentry: Dentry, mask: number): void {
  const { inode, parent } = dentry
  const whole = inode.kind === 'directory' ? mask | IN.ISDIR : mask
  if (parent?.inode.watchers !== undefined) tell(parent.inode, whole, dentry.name, 0)
  if (inode.watchers !== undefined) tell(inode, whole, undefined, 0)
}

/** Something happened to an entry of a directory. */
export function notifyEntry(directory: Inode, mask: number, name: string, entry: Inode, cookie = 0): void {
  if (directory.watchers === undefined) return
  tell(directory, entry.kind === 'directory' ? mask | IN.ISDIR : mask, name, cookie)
}

/** Something happened to the inode itself, whatever its names. */
export function notifyInode(inode: Inode, mask: number): void {
  if (inode.watchers !== undefined) tell(inode, mask, undefined, 0)
}

/** Without a name and not open an inode is gone: its watches are told, and end. */
export function inodeGone(inode: Inode): void {
  if (inode.watchers === undefined || inode.linkCount > 0 || inode.opens > 0) return
  tell(inode, IN.DELETE_SELF, undefined, 0)
  for (const watcher of [...inode.watchers]) watcher.gone()
}

function tell(inode: Inode, mask: number, name: string | undefined, cookie: number): void {
  for (const watcher of [...inode.watchers!]) watcher.happened(mask, name, cookie)
}
