// Copy-up: a file of a lower layer becomes one of the upper, whole, with the directories above it (OVL-003).
// fs/overlayfs/copy_up.c

import { type Denied, deny, isBlocked, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { OpenFile } from './file.ts'
import { O } from './flags.ts'
import type { Inode } from './inode.ts'
import type { OverlayInode } from './overlay-inode.ts'
import { bytesOf, type Prefix, type Real, realDentry, removeReal } from './overlay-layers.ts'
import { groupThrough, ownerThrough } from './permission.ts'

const chunkBytes = 65_536

/** The inode number that a copy had below, as the copy remembers it: st_ino stays what it was. */
export function originOf(inode: Inode, prefix: Prefix): number | undefined {
  const bytes = inode.xattrs.get(`${prefix}origin`)
  return bytes && Number(String.fromCharCode(...bytes))
}

export function copyUp(task: Task, inode: OverlayInode): Denied | undefined {
  const { parent, superblock, name, real, kind } = inode
  const upper = superblock.upper!
  if (parent === undefined) return undefined
  const refusal = parent.toUpper(task)
  if (refusal) return refusal
  const directory = parent.stack[0]!.dentry
  const { mtime, ctime } = directory.inode
  const target = kind === 'symlink' ? real.readlink!(task) : undefined
  if (isDenied(target)) return target
  const { mount } = upper
  const made = directory.inode.create!(task, name, {
    kind,
    mode: real.mode,
    uid: ownerThrough(mount, inode.uid) ?? inode.uid,
    gid: groupThrough(mount, inode.gid) ?? inode.gid,
    device: real.device,
    ...(target !== undefined && { target }),
  })
  if (isDenied(made)) return made
  const dentry = realDentry(directory, name, made)
  const failed = kind === 'file' ? copyData(task, inode.stack[0]!, { layer: upper, dentry }) : undefined
  if (failed) {
    removeReal(task, directory, name)
    return failed
  }
  for (const [attribute, value] of real.xattrs)
    if (!attribute.startsWith(superblock.prefix)) made.xattrs.set(attribute, value)
  made.xattrs.set(`${superblock.prefix}origin`, bytesOf(String(real.ino)))
  made.atime = real.atime
  made.mtime = real.mtime
  directory.inode.mtime = mtime
  directory.inode.ctime = ctime
  inode.rise(task, { layer: upper, dentry })
  return undefined
}

/** Holes stay holes. */
function copyData(task: Task, from: Real, to: Real): Denied | undefined {
  const { inode: source } = from.dentry
  const { inode: target } = to.dentry
  const reading = open(task, from, 0)
  const writing = open(task, to, O.RDWR)
  if (isDenied(reading)) return reading
  if (isDenied(writing)) return writing
  const size = source.sizeBytes
  for (let at = 0; at < size; at += chunkBytes) {
    const reply = reading.read!(task, Math.min(chunkBytes, size - at), at)
    if (typeof reply === 'number' || isBlocked(reply)) break
    if (isDenied(reply)) return reply
    const data = reply.data!
    if (data.every((byte) => byte === 0)) continue
    for (let done = 0; done < data.length; ) {
      const written = writing.write!(task, done === 0 ? data : data.subarray(done), at + done)
      if (isDenied(written)) return written
      if (typeof written !== 'number' || written === 0)
        return deny('ENOSPC', 'OVL-003', 'overlayfs: the upper layer has no room for the copy')
      done += written
    }
  }
  return target.setAttributes?.(task, { sizeBytes: size })
}

function open(task: Task, { layer, dentry }: Real, flags: number) {
  const file = new OpenFile(dentry.inode, { mount: layer.mount, dentry }, flags, task.credentials)
  return dentry.inode.open(task, file)
}
