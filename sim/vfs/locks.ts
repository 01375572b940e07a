// Advisory locks on whole files, held by open descriptions. flock(2)

import { WaitQueue } from '../wait.ts'
import type { OpenFile } from './file.ts'
import type { Inode } from './inode.ts'

export class FileLocks {
  readonly holders = new Map<OpenFile, 'shared' | 'exclusive'>()
  readonly changes = new WaitQueue()

  /** Takes or converts a lock; false when another description's lock is in the way (one that it had is lost then). */
  take(file: OpenFile, kind: 'shared' | 'exclusive'): boolean {
    if (this.holders.get(file) === kind) return true
    this.giveBack(file)
    for (const other of this.holders.values()) if (kind === 'exclusive' || other === 'exclusive') return false
    this.holders.set(file, kind)
    file.tellAtEnd(this)
    return true
  }

  giveBack(file: OpenFile): void {
    if (!this.holders.delete(file)) return
    file.atEnd?.delete(this)
    this.changes.wake()
  }

  ended(file: OpenFile): void {
    this.giveBack(file)
  }
}

export function locksOf(inode: Inode): FileLocks {
  inode.locks ??= new FileLocks()
  return inode.locks
}
