// Files without a place in any tree: pipes, eventfds, epoll instances and the like. Their mounts are the kernel's own.

import { rootGid, rootUid } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from './dentry.ts'
import { OpenFile } from './file.ts'
import { Inode, type InodeKind, type NewInode } from './inode.ts'
import type { Mount } from './mount.ts'
import { internalMount } from './mounting.ts'
import { begun } from './open.ts'
import type { Statfs, Superblock } from './superblock.ts'

const magic: Readonly<Record<string, number>> = {
  pipefs: 0x50495045,
  sockfs: 0x534f434b,
  anon_inodefs: 0x09041934,
  nsfs: 0x6e736673,
  pidfs: 0x50494446,
}

/** An inode that is not opened by a path. */
export class AnonymousInode extends Inode {
  open(): Denied {
    return deny('ENXIO', 'open(2)', 'open(2): it cannot be opened a second time')
  }
}

/** The mount that all files of a kind are on: pipefs, sockfs, nsfs, pidfs, anon_inodefs. */
export function anonymousMount(kernel: Kernel, type: string): Mount {
  return internalMount(kernel, () => anonymousSuperblock(kernel, type), type)
}

function anonymousSuperblock(kernel: Kernel, type: string): Superblock {
  const statfs = (): Statfs => ({
    type: magic[type] ?? 0,
    blockBytes: 4096,
    blocks: 0,
    blocksFree: 0,
    files: 0,
    filesFree: 0,
    nameLengthMax: 255,
  })
  const superblock: { -readonly [K in keyof Superblock]: Superblock[K] } = {
    type,
    device: [0, kernel.counters.devices.take()],
    source: type,
    owner: kernel.initial.user,
    root: undefined as unknown as Dentry,
    flags: 0,
    options: () => '',
    statfs,
    writers: 0,
    ...(type === 'pidfs' && kernel.since(6, 17) && { xattrPrefixes: ['trusted.'] }),
  }
  superblock.root = new Dentry(superblock, newAnonymousInode(kernel, superblock, 'directory', 0o600), '/', undefined)
  return superblock
}

export function newAnonymousInode(
  kernel: Kernel,
  superblock: Superblock,
  kind: InodeKind,
  mode: number,
  owner?: Task['credentials'],
): AnonymousInode {
  const made: NewInode = { kind, mode, uid: owner?.fsuid ?? rootUid, gid: owner?.fsgid ?? rootGid }
  const inode = new AnonymousInode(superblock, kernel.counters.nextInode(), made)
  inode.atime = inode.mtime = inode.ctime = kernel.now()
  return inode
}

/**
 * An open file without an inode of its own (eventfd, epoll, timerfd, signalfd, inotify, fscontext): all share one.
 *
 * @param label - as /proc/PID/fd shows it: `[eventfd]`
 */
export function anonymousFile(task: Task, label: string, flags: number): OpenFile {
  const { kernel } = task
  const mount = anonymousMount(kernel, 'anon_inodefs')
  const { superblock } = mount
  const shared = superblock.root.children.get('shared')?.inode ?? makeShared(kernel, superblock)
  const dentry = new Dentry(superblock, shared, `anon_inode:${label}`, undefined)
  return begun(new OpenFile(shared, { mount, dentry }, flags, task.credentials))
}

function makeShared(kernel: Kernel, superblock: Superblock): Inode {
  const inode = newAnonymousInode(kernel, superblock, 'anonymous', 0o600)
  superblock.root.children.set('shared', new Dentry(superblock, inode, 'shared', superblock.root))
  return inode
}
