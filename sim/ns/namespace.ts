// What all kinds of namespaces have in common: a number, an owner, and a life that ends with the last reference.
// namespaces(7)

import type { Counters } from '../counters.ts'
import type { Dentry } from '../vfs/dentry.ts'
import type { UserNamespace } from './user.ts'

export type NamespaceKind = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts'

/** CLONE_NEW* of each kind. clone(2) */
export const namespaceFlags: Readonly<Record<NamespaceKind, number>> = {
  time: 0x00000080,
  mnt: 0x00020000,
  cgroup: 0x02000000,
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  net: 0x40000000,
}

/**
 * One namespace. It lives while a task is in it, a descriptor or a mount of its file is open, or an object depends on it
 * (CLN-050): each of them retains it and releases it once.
 */
export abstract class Namespace {
  abstract readonly kind: NamespaceKind
  /** The number that `readlink /proc/PID/ns/KIND` shows: `uts:[4026531838]`. */
  readonly ino: number
  /** Whose capabilities count over it; the initial user namespace owns itself. */
  readonly owner: UserNamespace
  /** Its file, once somebody has asked for it: one for all. It keeps nothing by itself. */
  file: Dentry | undefined
  #references = 0

  constructor(counters: Counters, owner: UserNamespace | undefined, ino = counters.nextNamespace()) {
    this.ino = ino
    this.owner = owner ?? (this as unknown as UserNamespace)
    if (owner) owner.retain()
  }

  get references(): number {
    return this.#references
  }

  retain(): this {
    this.#references += 1
    return this
  }

  release(): void {
    this.#references -= 1
    if (this.#references > 0) return
    if (this.#references < 0) throw new Error(`namespace ${this.kind}:[${this.ino}] released too often`)
    this.end()
    if (this.owner !== (this as unknown)) this.owner.release()
  }

  /** Lets go of what the namespace holds; called once. */
  protected abstract end(): void

  /** For the digest. */
  hidden(): object {
    return { references: this.#references }
  }
}
