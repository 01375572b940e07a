// Time namespaces: offsets of the monotonic and the boot clock. time_namespaces(7)

import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

export class TimeNamespace extends Namespace {
  readonly kind = 'time'
  monotonicOffsetNs = 0
  boottimeOffsetNs = 0
  /** A task has entered: the offsets are fixed from then on (TIM-003 and its kin). */
  fixed = false
  readonly #creator: KUid | undefined

  constructor(
    counters: Counters,
    owner: UserNamespace,
    creator: KUid | undefined,
    from?: Pick<TimeNamespace, 'monotonicOffsetNs' | 'boottimeOffsetNs'>,
  ) {
    super(counters, owner, creator === undefined ? 4026531834 : undefined)
    this.#creator = creator
    if (creator === undefined) this.fixed = true
    if (from === undefined) return
    this.monotonicOffsetNs = from.monotonicOffsetNs
    this.boottimeOffsetNs = from.boottimeOffsetNs
  }

  protected end(): void {
    if (this.#creator !== undefined) this.owner.uncharge('time', this.#creator)
  }
}
