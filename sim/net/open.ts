// A socket as an open file. socket(2), sockfs

import { type Denied, deny } from '../outcome.ts'
import { descriptorsMax } from '../sys/arguments.ts'
import type { Task } from '../task.ts'
import { anonymousMount, newAnonymousInode } from '../vfs/anonymous.ts'
import { Dentry } from '../vfs/dentry.ts'
import { OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { begun, release } from '../vfs/open.ts'
import type { Socket } from './socket.ts'

const O_CLOEXEC = 0o2000000

/**
 * @param flags - SOCK_NONBLOCK and SOCK_CLOEXEC, which are spelt as O_NONBLOCK and O_CLOEXEC
 * @errors EMFILE; the socket has ended then
 */
export function openSocket(task: Task, socket: Socket, flags: number, call: string): number | Denied {
  const { kernel } = task
  const mount = anonymousMount(kernel, 'sockfs')
  const inode = newAnonymousInode(kernel, mount.superblock, 'socket', 0o777, task.credentials)
  const dentry = new Dentry(mount.superblock, inode, `socket:[${inode.ino}]`, undefined)
  const file = begun(new OpenFile(inode, { mount, dentry }, O.RDWR | (flags & O.NONBLOCK), task.credentials))
  file.operations = socket
  socket.file = file
  const fd = task.files.add(file, (flags & O_CLOEXEC) !== 0, descriptorsMax(task))
  if (fd !== undefined) return fd
  release(file)
  return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
}
