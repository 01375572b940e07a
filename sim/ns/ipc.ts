// IPC namespaces: System V objects and POSIX message queues. ipc_namespaces(7)

import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import { defaultLimits } from '../ipc/limits.ts'
import { IpcTable } from '../ipc/objects.ts'
import type { MessageQueue } from '../ipc/queue.ts'
import type { Segment } from '../ipc/segment.ts'
import type { SemaphoreSet } from '../ipc/semaphores.ts'
import type { Mount } from '../vfs/mount.ts'
import { endWhenUnused } from '../vfs/mounting.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

export class IpcNamespace extends Namespace {
  readonly kind = 'ipc'
  readonly limits = defaultLimits()
  readonly segments = new IpcTable<Segment>()
  readonly semaphores = new IpcTable<SemaphoreSet>()
  readonly queues = new IpcTable<MessageQueue>()
  /** Keeps the file system of its POSIX queues, once there was one. */
  queueMount: Mount | undefined
  /** Pages of all segments; semaphores of all sets: what kernel.shmall and kernel.sem bound. */
  segmentPages = 0
  semaphoreCount = 0
  readonly #creator: KUid | undefined

  constructor(counters: Counters, owner: UserNamespace, creator: KUid | undefined) {
    super(counters, owner, creator === undefined ? 4026531839 : undefined)
    this.#creator = creator
  }

  /**
   * Everything in it goes, whoever made it (IPC-006); segments live on where they are attached (IPC-004), POSIX queues where
   * they are open.
   */
  protected end(): void {
    this.segments.clear()
    this.semaphores.clear()
    this.queues.clear()
    if (this.queueMount) endWhenUnused(this.queueMount)
    if (this.#creator !== undefined) this.owner.uncharge('ipc', this.#creator)
  }

  /** For the digest. */
  override hidden(): object {
    const queues = this.queueMount?.root.inode as { names?: ReadonlyMap<string, object> } | undefined
    return { ...super.hidden(), posixQueues: queues?.names }
  }
}
