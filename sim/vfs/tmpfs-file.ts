// An open regular file of tmpfs, and of memfd_create(2) with its seals.

import { pageBytes } from '../memory.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from './file.ts'
import { mayBeWritten } from './flags.ts'
import type { TmpfsInode } from './tmpfs.ts'

/** F_SEAL_*. fcntl(2) */
export const SEAL = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 0x10, EXEC: 0x20 } as const
const F_ADD_SEALS = 1033
const F_GET_SEALS = 1034
const KEEP_SIZE = 1
const PUNCH_HOLE = 2
const nothing = new Uint8Array(0)

export class TmpfsFile implements FileOperations {
  readonly #inode: TmpfsInode
  readonly #file: OpenFile
  readonly seekable = true

  constructor(inode: TmpfsInode, file: OpenFile) {
    this.#inode = inode
    this.#file = file
  }

  read(task: Task, count: number, offset: number): Reply {
    const left = Math.min(count, this.#inode.sizeBytes - offset)
    if (left <= 0) return { value: 0, data: nothing }
    const refusal = this.#inode.touched(task, offset, left)
    return refusal ?? { value: left, data: this.#inode.pages.read(offset, left) }
  }

  write(task: Task, bytes: Uint8Array, offset: number): Reply {
    const inode = this.#inode
    if (this.#sealed(SEAL.WRITE | SEAL.FUTURE_WRITE)) return refuse('write(2)', 'writing')
    if (offset + bytes.length > inode.sizeBytes && this.#sealed(SEAL.GROW)) return refuse('write(2)', 'growing')
    const refusal = inode.touched(task, offset, bytes.length)
    if (refusal) return refusal
    const written = inode.pages.write(offset, bytes, () => inode.ask(task))
    if (isDenied(written)) return written
    if (offset + written > inode.sizeBytes) inode.sizeBytes = offset + written
    inode.mtime = inode.ctime = task.kernel.now()
    return written
  }

  seekData(offset: number, data: boolean): number {
    return this.#inode.pages.seek(offset, this.#inode.sizeBytes, data)
  }

  truncate(task: Task, lengthBytes: number): Denied | number {
    return this.#inode.setAttributes(task, { sizeBytes: lengthBytes }) ?? 0
  }

  /** All pages are there afterwards, and paid for; or none more than before. */
  allocate(task: Task, offset: number, lengthBytes: number, mode: number): Denied | number {
    const inode = this.#inode
    const end = offset + lengthBytes
    if (mode & PUNCH_HOLE) {
      if (this.#sealed(SEAL.WRITE | SEAL.FUTURE_WRITE)) return refuse('fallocate(2)', 'writing')
      inode.pages.punch(offset, end, inode.gone)
      return 0
    }
    if (end > inode.sizeBytes && !(mode & KEEP_SIZE) && this.#sealed(SEAL.GROW))
      return refuse('fallocate(2)', 'growing')
    const made: number[] = []
    for (let index = Math.floor(offset / pageBytes); index * pageBytes < end; index++) {
      if (inode.pages.has(index)) continue
      const page = inode.pages.need(index, () => inode.ask(task))
      if (isDenied(page)) {
        for (const one of made) inode.pages.punch(one * pageBytes, (one + 1) * pageBytes, inode.gone)
        return page
      }
      made.push(index)
    }
    if (!(mode & KEEP_SIZE)) inode.sizeBytes = Math.max(inode.sizeBytes, end)
    return 0
  }

  fcntl(_task: Task, command: number, arg: number): Reply | undefined {
    const inode = this.#inode
    if (command === F_GET_SEALS) return inode.seals ?? deny('EINVAL', 'fcntl(2)', 'fcntl(2): the file takes no seals')
    if (command !== F_ADD_SEALS) return undefined
    if (!mayBeWritten(this.#file.flags))
      return deny('EPERM', 'fcntl(2)', 'fcntl(2): the descriptor is not open for writing')
    if (arg & ~0x3f || inode.seals === undefined)
      return deny('EINVAL', 'fcntl(2)', 'fcntl(2): there is no such seal, or the file takes none')
    if (inode.seals & SEAL.SEAL) return deny('EPERM', 'fcntl(2)', 'fcntl(2): the file is sealed against more seals')
    // Sealing against execution fixes the content of a program, too. mm/memfd.c
    const more = arg & SEAL.EXEC && inode.mode & 0o111 ? SEAL.SHRINK | SEAL.GROW | SEAL.WRITE | SEAL.FUTURE_WRITE : 0
    inode.seals |= arg | more
    return 0
  }

  #sealed(seals: number): boolean {
    return ((this.#inode.seals ?? 0) & seals) !== 0
  }
}

const refuse = (call: string, what: string): Denied => deny('EPERM', 'fcntl(2)', `${call}: a seal forbids ${what}`)
