// UTS namespaces: a host name and a domain name. uts_namespaces(7)

import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

export class UtsNamespace extends Namespace {
  readonly kind = 'uts'
  hostname: string
  domainname: string
  readonly #creator: KUid | undefined

  /** @param creator - whose count it was charged to; undefined for the initial one */
  constructor(
    counters: Counters,
    owner: UserNamespace,
    creator: KUid | undefined,
    from: Pick<UtsNamespace, 'hostname' | 'domainname'>,
  ) {
    super(counters, owner, creator === undefined ? 4026531838 : undefined)
    this.#creator = creator
    this.hostname = from.hostname
    this.domainname = from.domainname
  }

  protected end(): void {
    if (this.#creator !== undefined) this.owner.uncharge('uts', this.#creator)
  }
}
