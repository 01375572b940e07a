// A System V shared memory segment. shmget(2), shmat(2)

import { SharedMemory } from '../address-space.ts'
import type { Credentials } from '../credentials.ts'
import type { Pid } from '../ids.ts'
import type { IpcNamespace } from '../ns/ipc.ts'
import { epoch, type Moment } from '../time.ts'
import { IpcObject } from './objects.ts'

/** Its pages outlive those who attached it. */
export class SegmentMemory extends SharedMemory {
  readonly segment: Segment

  constructor(segment: Segment) {
    super()
    this.segment = segment
  }

  override unused(): void {
    this.segment.detached()
  }
}

export class Segment extends IpcObject {
  readonly sizeBytes: number
  readonly memory: SegmentMemory
  readonly #namespace: IpcNamespace
  readonly creatorPid: Pid
  lastPid: Pid | 0 = 0
  attachedAt: Moment = epoch
  detachedAt: Moment = epoch
  changed: Moment
  /** IPC_RMID: it goes with the last attachment. */
  doomed = false
  locked = false

  constructor(
    base: { readonly id: number; readonly key: number; readonly creator: Credentials; readonly mode: number },
    namespace: IpcNamespace,
    sizeBytes: number,
    creatorPid: Pid,
    now: Moment,
  ) {
    super(base.id, base.key, base.creator, base.mode)
    this.sizeBytes = sizeBytes
    this.memory = new SegmentMemory(this)
    this.#namespace = namespace
    this.creatorPid = creatorPid
    this.changed = now
    namespace.segmentPages += this.pages
  }

  get pages(): number {
    return Math.ceil(this.sizeBytes / 4096)
  }

  /** How often it is attached, in all processes. */
  get attachments(): number {
    return this.memory.regions
  }

  /** IPC_RMID: the key is free at once, the memory when nobody has it attached any more. shm_destroy() in ipc/shm.c */
  doom(): void {
    this.doomed = true
    this.#namespace.segments.forgetKey(this)
    if (this.attachments === 0) this.#namespace.segments.remove(this)
  }

  /** The last attachment is gone. */
  detached(): void {
    if (this.removed) this.memory.charges.giveBackAll()
    else if (this.doomed || this.#namespace.limits.shmRmidForced) this.#namespace.segments.remove(this)
  }

  end(): void {
    this.#namespace.segmentPages -= this.pages
    if (this.attachments === 0) this.memory.charges.giveBackAll()
  }
}
