// Cgroup namespaces: which cgroup of each hierarchy looks like the root. cgroup_namespaces(7)

import type { Cgroup } from '../cgroup/cgroup.ts'
import { pin, unpin } from '../cgroup/tree.ts'
import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

export class CgroupNamespace extends Namespace {
  readonly kind = 'cgroup'
  /** By the number of the hierarchy, some of which may be missing. They stay as long as the namespace, removed or not (CGN-103). */
  readonly roots: readonly Cgroup[]
  readonly #creator: KUid | undefined

  constructor(counters: Counters, owner: UserNamespace, creator: KUid | undefined, roots: readonly Cgroup[]) {
    super(counters, owner, creator === undefined ? 4026531835 : undefined)
    this.#creator = creator
    this.roots = roots
    // Unlike a loop, it leaves out those that are missing.
    roots.forEach((root) => {
      pin(root)
    })
  }

  protected end(): void {
    this.roots.forEach((root) => {
      unpin(root)
    })
    if (this.#creator !== undefined) this.owner.uncharge('cgroup', this.#creator)
  }
}
