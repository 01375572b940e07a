// An open regular file of tmpfs, and of memfd_create(2).

import { pageBytes } from '../memory.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations } from './file.ts'
import type { TmpfsInode } from './tmpfs.ts'

const nothing = new Uint8Array(0)

export class TmpfsFile implements FileOperations {
  readonly #inode: TmpfsInode
  readonly seekable = true

  constructor(inode: TmpfsInode) {
    this.#inode = inode
  }

  read(_task: Task, count: number, offset: number): Reply {
    const left = Math.min(count, this.#inode.sizeBytes - offset)
    if (left <= 0) return { value: 0, data: nothing }
    return { value: left, data: this.#inode.pages.read(offset, left) }
  }

  write(task: Task, bytes: Uint8Array, offset: number): Reply {
    const inode = this.#inode
    const written = inode.pages.write(offset, bytes, () => inode.ask(task))
    if (isDenied(written)) return written
    if (offset + written > inode.sizeBytes) inode.sizeBytes = offset + written
    inode.mtime = inode.ctime = task.kernel.now()
    return written
  }

  truncate(task: Task, lengthBytes: number): Denied | number {
    return this.#inode.resize(task, lengthBytes) ?? 0
  }

  /** fallocate(2): each page is paid for now; all or none. */
  allocate(task: Task, offset: number, count: number, keepSize: boolean): Denied | number {
    const inode = this.#inode
    const made: number[] = []
    for (let index = Math.floor(offset / pageBytes); index * pageBytes < offset + count; index++) {
      if (inode.pages.has(index)) continue
      const page = inode.pages.need(index, () => inode.ask(task))
      if (isDenied(page)) {
        for (const one of made) inode.pages.punch(one * pageBytes, (one + 1) * pageBytes, inode.gone)
        return page
      }
      made.push(index)
    }
    if (!keepSize) inode.sizeBytes = Math.max(inode.sizeBytes, offset + count)
    return 0
  }

  punch(offset: number, count: number): Denied | number {
    const inode = this.#inode
    inode.pages.punch(offset, offset + count, inode.gone)
    return 0
  }
}

export const sealed = (inode: TmpfsInode, seal: number): boolean => ((inode.seals ?? 0) & seal) !== 0

export const refuseSealed = (call: string): Denied =>
  deny('EPERM', 'fcntl(2)', `${call}: a seal of the file forbids it`)
