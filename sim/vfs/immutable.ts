// Files that nobody changes, whatever their rights: those of namespaces, and for a while of processes. fs/nsfs.c, fs/pidfs.c

import type { Kernel } from '../kernel.ts'
import type { Inode } from './inode.ts'

/** S_IMMUTABLE: changing its mode, owner, attributes or content is EPERM. */
export const isImmutable = (kernel: Kernel, { superblock: { type } }: Inode): boolean =>
  type === 'nsfs' || (type === 'pidfs' && !kernel.since(6, 17))
