// Open descriptions begin and end here: they keep their mount busy and their inode's content, and count as writers.

import type { FileTable } from '../file-table.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { type FileOperations, OpenFile } from './file.ts'
import { mayBeWritten, O } from './flags.ts'
import type { Inode } from './inode.ts'
import { IN, inodeGone, notify } from './notify.ts'
import { hold, letGo, type Path } from './path.ts'
import { superblockReadonly } from './permission.ts'
import { type FifoOpening, openFifo } from './pipe-file.ts'

/** An open that is complete, or a fifo's that waits for the other end. */
export interface Opening {
  readonly file: OpenFile
  readonly wait?: FifoOpening['wait']
}

/** EROFS when nothing may be changed through a mount: it or the whole file system is read-only (MNT-020). */
export function wantWrite({ mount }: Path, call: string): Denied | undefined {
  if (mount.flags.readonly) return deny('EROFS', 'MNT-020', `${call}: the mount is read-only`)
  if (mount.superblock.flags & superblockReadonly)
    return deny('EROFS', 'MNT-020', `${call}: the file system is mounted read-only`)
  return undefined
}

/** Opens what is at a path; rights have been asked. do_dentry_open() in fs/open.c */
export function openInode(task: Task, path: Path, flags: number, call: string): Opening | Denied {
  const { inode } = path.dentry
  const file = new OpenFile(inode, path, flags & ~(O.CREAT | O.EXCL | O.NOCTTY | O.TRUNC | O.CLOEXEC), task.credentials)
  if (flags & O.PATH) return { file: begun(file) }
  file.keepsTerminal = (flags & O.NOCTTY) !== 0
  const writes = mayBeWritten(flags) && inode.kind === 'file'
  if (writes) {
    if (inode.executions > 0) return deny('ETXTBSY', 'open(2)', `${call}: a program runs from the file`)
    const refusal = wantWrite(path, call)
    if (refusal) return refusal
  }
  let wait: FifoOpening['wait']
  if (inode.kind === 'fifo') {
    const fifo = openFifo(inode, file)
    if (isDenied(fifo)) return fifo
    file.operations = fifo.operations
    wait = fifo.wait
  } else {
    const operations = operationsOf(task, inode, file, call)
    if (isDenied(operations)) return operations
    file.operations = operations
  }
  begun(file)
  notify(path.dentry, IN.OPEN)
  return { file, wait }
}

function operationsOf(task: Task, inode: Inode, file: OpenFile, call: string): FileOperations | Denied {
  switch (inode.kind) {
    case 'character':
    case 'block': {
      const device = task.kernel.devices.find(inode.kind, inode.device)
      if (device) return device.open(task, file)
      return deny('ENXIO', 'open(2)', `${call}: no device has the numbers ${inode.device.join(':')}`)
    }
    case 'socket':
      return deny('ENXIO', 'open(2)', `${call}: a socket is connected to, not opened`)
    case 'symlink':
      return deny('ELOOP', 'open(2)', `${call}: a symbolic link has no content to open`)
    default:
      return inode.open(task, file)
  }
}

/** The description counts from now on; `release` takes that back. */
export function begun(file: OpenFile): OpenFile {
  hold(file.path)
  file.inode.opens += 1
  file.inode.pinned?.()
  if (countsAsWriter(file)) {
    file.inode.writers += 1
    file.path.mount.writers += 1
    file.inode.superblock.writers += 1
  }
  return file
}

/** One reference to a description less (a descriptor, a message in flight); with the last one it ends. */
export function release(file: OpenFile): void {
  file.references -= 1
  if (file.references <= 0) endFile(file)
}

/** Ends a description that no descriptor stands for. */
export function endFile(file: OpenFile): void {
  if (file.atEnd) for (const end of [...file.atEnd]) end.ended(file)
  file.operations?.release?.()
  const { inode, path } = file
  if (!(file.flags & O.PATH)) notify(path.dentry, mayBeWritten(file.flags) ? IN.CLOSE_WRITE : IN.CLOSE_NOWRITE)
  if (countsAsWriter(file)) {
    inode.writers -= 1
    path.mount.writers -= 1
    inode.superblock.writers -= 1
  }
  inode.opens -= 1
  inode.unpinned?.()
  if (inode.opens === 0 && inode.linkCount === 0) {
    inodeGone(inode)
    if (inode.orphan) inode.superblock.orphans! -= 1
    inode.end?.()
  }
  letGo(path)
}

/** A task leaves its descriptors: the table ends with the last one that shares it. */
export function leaveTable(table: FileTable): void {
  table.users -= 1
  if (table.users > 0) return
  for (const [fd] of table.entries()) release(table.take(fd)!)
}

const countsAsWriter = ({ flags, inode, isNoWriter }: OpenFile): boolean =>
  mayBeWritten(flags) && inode.kind === 'file' && !isNoWriter
