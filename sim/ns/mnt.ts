// Mount namespaces: a tree of mounts. mount_namespaces(7)

import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import type { Mount } from '../vfs/mount.ts'
import { WaitQueue } from '../wait.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

export class MountNamespace extends Namespace {
  readonly kind = 'mnt'
  /** Set right after it is made. */
  root!: Mount
  /** All mounts of the tree, in the order in which mountinfo lists them. */
  readonly mounts = new Set<Mount>()
  /** Later ones have higher numbers: a namespace's file is bound only in an earlier one (CLN-051). */
  readonly sequence: number
  /** Woken when the tree changes: poll(2) of mountinfo tells, to who has seen an earlier `event`. */
  readonly changes = new WaitQueue()
  event = 0
  readonly #creator: KUid | undefined
  readonly #dissolve: (namespace: MountNamespace) => void

  /** @param dissolve - takes the whole tree off when the last reference is gone (MNT-105) */
  constructor(
    counters: Counters,
    owner: UserNamespace,
    creator: KUid | undefined,
    dissolve: (namespace: MountNamespace) => void,
  ) {
    super(counters, owner, creator === undefined ? 4026531832 : undefined)
    this.sequence = counters.nextUnique()
    this.#creator = creator
    this.#dissolve = dissolve
  }

  /** The tree has changed. */
  touch(): void {
    this.event += 1
    this.changes.wake()
  }

  protected end(): void {
    if (this.#creator !== undefined) this.owner.uncharge('mnt', this.#creator)
    this.#dissolve(this)
  }
}
