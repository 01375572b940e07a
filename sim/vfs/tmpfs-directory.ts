// An open directory of tmpfs: offsets that belong to names. simple_offset_dir_operations in fs/libfs.c

import { deny, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from './file.ts'

/** Of what comes behind the last entry; nothing is found there, whatever is made meanwhile. */
export const endOfDirectory = 0x7fffffff

export class TmpfsDirectory implements FileOperations {
  readonly seekable = true
  readonly listsByOffset = true
  readonly #file: OpenFile

  constructor(file: OpenFile) {
    this.#file = file
  }

  seek(_task: Task, offset: number, whence: number): Reply {
    const to = whence === 1 ? this.#file.offset + offset : offset
    if (whence > 1 || to < 0) return deny('EINVAL', 'lseek(2)', 'lseek(2): a directory of tmpfs has no end')
    if (to === 0) this.#file.listing = undefined
    this.#file.offset = to
    return to
  }
}
