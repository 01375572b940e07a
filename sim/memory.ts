// Who pays for pages: what tmpfs, pipes and others ask before they take memory. The memory controller answers.

import { type Denied, isDenied } from './outcome.ts'
import type { Task } from './task.ts'

export type PageKind = 'shmem' | 'file' | 'pipe' | 'anon' | 'kernel' | 'stack' | 'pagetables' | 'sock'

/** Whoever was charged; opaque to those who hold it. The memory controller makes it (a cgroup). */
export interface Payer {
  readonly charged: true
}

/** What the memory controller gives to the rest of the kernel, as `kernel.memory`. */
export interface MemoryAccount {
  /** Charges pages of 4096 bytes to the cgroup of a task, reclaiming or killing as it must. ENOMEM when there is no room. */
  charge(task: Task, kind: PageKind, pages: number): Payer | Denied
  uncharge(payer: Payer, kind: PageKind, pages: number): void
}

export const pageBytes = 4096

/** Undefined: taken, and nobody counts. */
export function chargePages(task: Task, kind: PageKind, pages: number): Payer | undefined | Denied {
  return task.kernel.memory?.charge(task, kind, pages)
}

/** What one holder (an inode, a pipe) has been charged for, by payer: given back payer by payer. */
export class Charges {
  readonly #kind: PageKind
  readonly #pages = new Map<Payer, number>()
  #account: MemoryAccount | undefined

  constructor(kind: PageKind) {
    this.#kind = kind
  }

  /** Answers the payer, to be remembered by page; undefined when nobody counts. */
  take(task: Task, pages: number): Payer | undefined | Denied {
    const payer = chargePages(task, this.#kind, pages)
    if (payer === undefined || isDenied(payer)) return payer
    this.#account = task.kernel.memory
    this.#pages.set(payer, (this.#pages.get(payer) ?? 0) + pages)
    return payer
  }

  giveBack(payer: Payer | undefined, pages: number): void {
    if (payer === undefined || pages === 0) return
    this.#pages.set(payer, this.#pages.get(payer)! - pages)
    this.#account!.uncharge(payer, this.#kind, pages)
  }

  giveBackAll(): void {
    for (const [payer, pages] of this.#pages) if (pages > 0) this.#account!.uncharge(payer, this.#kind, pages)
    this.#pages.clear()
  }

  /** For the digest. */
  hidden(): object {
    return { kind: this.#kind, pages: this.#pages }
  }
}
