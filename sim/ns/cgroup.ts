// Cgroup namespaces: which cgroup of each hierarchy looks like the root. cgroup_namespaces(7)

import type { Cgroup } from '../cgroup/cgroup.ts'
import { pin, unpin } from '../cgroup/tree.ts'
import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

export class CgroupNamespace extends Namespace {
  readonly kind = 'cgroup'
  /** By hierarchy, in the order of the kernel's list. They stay as long as the namespace, removed or not (CGN-103). */
  readonly roots: readonly Cgroup[]
  readonly #creator: KUid | undefined

  constructor(counters: Counters, owner: UserNamespace, creator: KUid | undefined, roots: readonly Cgroup[]) {
    super(counters, owner, creator === undefined ? 4026531835 : undefined)
    this.#creator = creator
    this.roots = roots
    for (const root of roots) pin(root)
  }

  protected end(): void {
    for (const root of this.roots) unpin(root)
    if (this.#creator !== undefined) this.owner.uncharge('cgroup', this.#creator)
  }
}
