// User namespaces: maps of ids, who owns them, how deep they are and how many each user has made. user_namespaces(7)

import type { Counters } from '../counters.ts'
import { type Gid, type KGid, type KUid, overflowId, rootGid, rootUid, type Uid } from '../ids.ts'
import { type IdRange, inward, outward } from './id-map.ts'
import { Namespace, type NamespaceKind } from './namespace.ts'

const everyId: readonly IdRange[] = [{ inside: 0, outside: 0, count: 4294967295 }]

export interface UserNamespaceCreator {
  readonly uid: KUid
  readonly gid: KGid
  readonly couldSetFileCapabilities: boolean
}

export class UserNamespace extends Namespace {
  readonly kind = 'user'
  readonly parent: UserNamespace | undefined
  /** 0 for the initial one. */
  readonly level: number
  /** The effective ids of its creator: that user has all capabilities in it (USR-020 and its kin). */
  readonly ownerUid: KUid
  readonly ownerGid: KGid
  /** Undefined until they are written. In ids of the parent. */
  uidMap: readonly IdRange[] | undefined
  gidMap: readonly IdRange[] | undefined
  setgroups: 'allow' | 'deny'
  /** Its creator had CAP_SETFCAP: then the parent's 0 may be mapped from inside (USR-035). */
  readonly couldSetFileCapabilities: boolean
  /** What /proc/sys/user/max_KIND_namespaces says here. */
  readonly limits = new Map<NamespaceKind, number>()
  /** Namespaces made in this one, by kind and by the user who made them; every ancestor counts them too (CLN-041). */
  readonly #counts = new Map<string, number>()

  constructor(counters: Counters, parent?: UserNamespace, creator?: UserNamespaceCreator) {
    super(counters, parent, parent ? undefined : 4026531837)
    this.parent = parent
    this.level = parent ? parent.level + 1 : 0
    this.ownerUid = creator?.uid ?? rootUid
    this.ownerGid = creator?.gid ?? rootGid
    this.couldSetFileCapabilities = creator?.couldSetFileCapabilities ?? true
    this.setgroups = parent?.setgroups ?? 'allow'
    if (parent) return
    this.uidMap = everyId
    this.gidMap = everyId
    this.retain()
  }

  isBelow(other: UserNamespace): boolean {
    for (let at: UserNamespace | undefined = this; at; at = at.parent) if (at === other) return true
    return false
  }

  /** The kernel's id of what a task in this namespace calls so; undefined when it is not mapped. */
  kuid(uid: Uid | number): KUid | undefined {
    return this.#toKernel(uid, 'uidMap') as KUid | undefined
  }

  kgid(gid: Gid | number): KGid | undefined {
    return this.#toKernel(gid, 'gidMap') as KGid | undefined
  }

  /** How a task in this namespace sees an id; undefined when it is not mapped. */
  uid(kuid: KUid): Uid | undefined {
    return this.#fromKernel(kuid, 'uidMap') as Uid | undefined
  }

  gid(kgid: KGid): Gid | undefined {
    return this.#fromKernel(kgid, 'gidMap') as Gid | undefined
  }

  /** What is shown for an id: 65534 when it is not mapped. */
  shownUid(kuid: KUid): Uid {
    return this.uid(kuid) ?? (overflowId as Uid)
  }

  shownGid(kgid: KGid): Gid {
    return this.gid(kgid) ?? (overflowId as Gid)
  }

  #toKernel(id: number, map: 'uidMap' | 'gidMap'): number | undefined {
    let at: number | undefined = id
    for (let ns: UserNamespace | undefined = this; ns && at !== undefined; ns = ns.parent)
      at = outward(ns[map] ?? [], at)
    return at
  }

  #fromKernel(id: number, map: 'uidMap' | 'gidMap'): number | undefined {
    if (this.parent === undefined) return inward(this[map] ?? [], id)
    const above = this.parent.#fromKernel(id, map)
    return above === undefined ? undefined : inward(this[map] ?? [], above)
  }

  /** Counts one namespace more; answers false, and counts nothing, when a limit here or above forbids it. */
  charge(kind: NamespaceKind, creator: KUid): boolean {
    const charged: UserNamespace[] = []
    let user = creator
    for (let ns: UserNamespace | undefined = this; ns; user = ns.ownerUid, ns = ns.parent) {
      const key = `${kind} ${user}`
      const count = ns.#counts.get(key) ?? 0
      if (count >= (ns.limits.get(kind) ?? 63_000)) {
        this.#uncharge(kind, creator, charged.length)
        return false
      }
      ns.#counts.set(key, count + 1)
      charged.push(ns)
    }
    return true
  }

  uncharge(kind: NamespaceKind, creator: KUid): void {
    this.#uncharge(kind, creator, this.level + 1)
  }

  #uncharge(kind: NamespaceKind, creator: KUid, levels: number): void {
    let user = creator
    let left = levels
    for (let ns: UserNamespace | undefined = this; ns && left > 0; user = ns.ownerUid, ns = ns.parent, left--) {
      const key = `${kind} ${user}`
      const count = ns.#counts.get(key)! - 1
      if (count === 0) ns.#counts.delete(key)
      else ns.#counts.set(key, count)
    }
  }

  protected end(): void {
    this.parent?.uncharge('user', this.ownerUid)
  }
}
