// IPC namespaces: System V objects and POSIX message queues. ipc_namespaces(7)

import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

export class IpcNamespace extends Namespace {
  readonly kind = 'ipc'
  readonly #creator: KUid | undefined

  constructor(counters: Counters, owner: UserNamespace, creator: KUid | undefined) {
    super(counters, owner, creator === undefined ? 4026531839 : undefined)
    this.#creator = creator
  }

  protected end(): void {
    if (this.#creator !== undefined) this.owner.uncharge('ipc', this.#creator)
  }
}
