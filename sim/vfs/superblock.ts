// A superblock: one instance of a file system, which many mounts may show. mount(2), fsopen(2)

import type { UserNamespace } from '../ns/user.ts'
import type { Dentry } from './dentry.ts'

export interface Superblock {
  /** `tmpfs`, `proc`, `overlay`: as in /proc/filesystems. */
  readonly type: string
  /** st_dev: major and minor. */
  readonly device: readonly [number, number]
  /** What mountinfo shows as the source. */
  readonly source: string
  /** Whose ids its files have, and who may mount and change it. */
  readonly owner: UserNamespace
  readonly root: Dentry
  /** SB_RDONLY and its kin, changed by remount (MNT-020). */
  flags: number
  /** What follows `rw,` in mountinfo: `size=1024k`. */
  readonly options: () => string
  /** A remount with other options. Absent: it takes none. */
  readonly reconfigure?: (options: ReadonlyMap<string, string | true>) => import('../outcome.ts').Denied | undefined
  readonly statfs: () => Statfs
  /** Beginnings of the names of extended attributes that it keeps; absent: none (EOPNOTSUPP). */
  readonly xattrPrefixes?: readonly string[]
  /** st_blksize; absent is a page. */
  readonly statBlockBytes?: number
  /** The last mount and the last open file are gone. */
  readonly end?: () => void
  /** Mounts that show it, attached or not; kept by newMount and endMount. `end` is called when there are none any more. */
  mounts?: number
  /** File systems that lie below this one, one on the other; absent: none. s_stack_depth */
  readonly stackDepth?: number
  /** What of it a mount shows, for mountinfo, where that is not the path of the dentry (cgroup2, nsfs). */
  readonly shownRoot?: (reader: import('../task.ts').Task, root: Dentry) => string
  /** Open descriptions for writing; turning read-only waits for none (MNT-022). */
  writers: number
  /** Inodes that are open and have no name any more; they keep it writable, too. */
  orphans?: number
}

/** struct statfs. statfs(2) */
export interface Statfs {
  readonly type: number
  readonly blockBytes: number
  readonly blocks: number
  readonly blocksFree: number
  readonly files: number
  readonly filesFree: number
  readonly nameLengthMax: number
}
