// Descriptors of a task: small numbers for open files; a table may be shared. open(2), clone(2) CLONE_FILES

import type { OpenFile } from './vfs/file.ts'

export interface Descriptor {
  readonly file: OpenFile
  closeOnExec: boolean
}

export class FileTable {
  readonly #slots: (Descriptor | undefined)[] = []
  /** Tasks that share it. */
  users = 1
  #lowestFree = 0

  get(fd: number): Descriptor | undefined {
    return this.#slots[fd]
  }

  /** The lowest free number from a start on. */
  lowest(from = 0): number {
    let fd = Math.max(from, this.#lowestFree)
    while (this.#slots[fd]) fd++
    if (from <= this.#lowestFree) this.#lowestFree = fd
    return fd
  }

  /** The lowest free number from a start on, below a limit; undefined when there is none (EMFILE). */
  add(file: OpenFile, closeOnExec: boolean, limit: number, from = 0): number | undefined {
    const fd = this.lowest(from)
    if (fd >= limit) return undefined
    if (from <= this.#lowestFree) this.#lowestFree = fd + 1
    this.#slots[fd] = { file, closeOnExec }
    file.references += 1
    return fd
  }

  /** Puts a file at a number; what was there is answered, for the caller to let go of. */
  put(fd: number, file: OpenFile, closeOnExec: boolean): OpenFile | undefined {
    const before = this.#slots[fd]?.file
    file.references += 1
    this.#slots[fd] = { file, closeOnExec }
    return before
  }

  /** Takes a descriptor out; the caller lets go of the file. */
  take(fd: number): OpenFile | undefined {
    const slot = this.#slots[fd]
    if (slot === undefined) return undefined
    this.#slots[fd] = undefined
    while (this.#slots.length > 0 && !this.#slots.at(-1)) this.#slots.pop()
    this.#lowestFree = Math.min(this.#lowestFree, fd)
    return slot.file
  }

  /** What is open now, by number, in order. */
  entries(): (readonly [number, Descriptor])[] {
    const open: (readonly [number, Descriptor])[] = []
    for (let fd = 0; fd < this.#slots.length; fd++) {
      const slot = this.#slots[fd]
      if (slot) open.push([fd, slot])
    }
    return open
  }

  copy(): FileTable {
    const table = new FileTable()
    for (const slot of this.#slots) {
      table.#slots.push(slot && { file: slot.file, closeOnExec: slot.closeOnExec })
      if (slot) slot.file.references += 1
    }
    table.#lowestFree = this.#lowestFree
    return table
  }

  /** For the digest. */
  hidden(): object {
    return { slots: this.#slots }
  }
}
