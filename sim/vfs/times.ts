// When reading changes the access time: as mount(2) MS_RELATIME and its kin say.

import type { Task } from '../task.ts'
import type { Moment } from '../time.ts'
import type { Inode } from './inode.ts'
import type { Path } from './path.ts'
import { superblockReadonly } from './permission.ts'

const daySeconds = 86_400

const noLater = (a: Moment, b: Moment): boolean =>
  a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds <= b.nanoseconds)

/** Marks an inode as read. touch_atime() in fs/inode.c */
export function touch(task: Task, { mount }: Path, inode: Inode): void {
  const { flags } = mount
  if (flags.atime === 'noatime' || flags.readonly || mount.superblock.flags & superblockReadonly) return
  if (flags.nodiratime && inode.kind === 'directory') return
  const now = task.kernel.now()
  const { atime } = inode
  if (atime === now) return
  if (flags.atime === 'relatime') {
    const stale = now.seconds - atime.seconds >= daySeconds
    if (!noLater(atime, inode.mtime) && !noLater(atime, inode.ctime) && !stale) return
  }
  inode.atime = now
}
