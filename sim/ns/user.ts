// User namespaces: maps of ids, who owns them, how deep they are and how many each user has made. user_namespaces(7)

import type { Counters } from '../counters.ts'
import { type Gid, type KGid, type KUid, overflowId, rootGid, rootUid, type Uid } from '../ids.ts'
import { type IdRange, inward, outward } from './id-map.ts'
import { Namespace, type NamespaceKind } from './namespace.ts'

const noId = 4294967295
const everyId: readonly IdRange[] = [{ inside: 0, outside: 0, count: noId }]
/** What Linux computes from the memory of the machine; one of 16 GB has about so many. fork_init() in kernel/fork.c */
const initialLimit = 63_000
const noLimit = 2_147_483_647

export interface UserNamespaceCreator {
  readonly uid: KUid
  readonly gid: KGid
  readonly couldSetFileCapabilities?: boolean
}

export class UserNamespace extends Namespace {
  readonly kind = 'user'
  readonly parent: UserNamespace | undefined
  /** 0 for the initial one. */
  readonly level: number
  /** The effective ids of its creator: that user has all capabilities in it (USR-105). */
  readonly ownerUid: KUid
  readonly ownerGid: KGid
  /**
   * Undefined until they are written, and never changed after that. Outside ids are the kernel's, not the parent's: a lookup
   * asks this namespace alone. The initial one maps every id to itself.
   */
  uidMap: readonly IdRange[] | undefined
  gidMap: readonly IdRange[] | undefined
  projidMap: readonly IdRange[] | undefined
  setgroups: 'allow' | 'deny'
  /** Its creator had CAP_SETFCAP: then the parent's 0 may be mapped from inside (USR-035). */
  readonly couldSetFileCapabilities: boolean
  /** What was written to /proc/sys/user/max_KIND_namespaces here; `limit` knows the rest. */
  readonly limits = new Map<NamespaceKind, number>()
  /** Tasks and bytes of message queues by real uid, those of namespaces below counted for who made them. ucounts */
  readonly counted = { tasks: new Map<KUid, number>(), queueBytes: new Map<KUid, number>() }
  /** RLIMIT_NPROC and RLIMIT_MSGQUEUE of its creator: so much is for all in it. */
  readonly most: { tasks?: number | undefined; queueBytes?: number | undefined } = {}
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
    this.projidMap = everyId
    this.retain()
  }

  isBelow(other: UserNamespace): boolean {
    for (let at: UserNamespace | undefined = this; at; at = at.parent) if (at === other) return true
    return false
  }

  /** The kernel's id of what a task in this namespace calls so; undefined when it is not mapped. */
  kuid(uid: Uid | number): KUid | undefined {
    return this.#toKernel(this.uidMap, uid) as KUid | undefined
  }

  kgid(gid: Gid | number): KGid | undefined {
    return this.#toKernel(this.gidMap, gid) as KGid | undefined
  }

  /** How a task in this namespace sees an id; undefined when it is not mapped. */
  uid(kuid: KUid): Uid | undefined {
    return this.#fromKernel(this.uidMap, kuid) as Uid | undefined
  }

  gid(kgid: KGid): Gid | undefined {
    return this.#fromKernel(this.gidMap, kgid) as Gid | undefined
  }

  /** What is shown for an id: 65534 when it is not mapped. */
  shownUid(kuid: KUid): Uid {
    return this.uid(kuid) ?? (overflowId as Uid)
  }

  shownGid(kgid: KGid): Gid {
    return this.gid(kgid) ?? (overflowId as Gid)
  }

  /** The first id of a range of a map, as this namespace says it. */
  shownRange(map: 'uidMap' | 'gidMap' | 'projidMap', id: number): number | undefined {
    return this.#fromKernel(this[map], id)
  }

  #toKernel(map: readonly IdRange[] | undefined, id: number): number | undefined {
    if (this.parent === undefined) return id >= 0 && id < noId ? id : undefined
    return map && outward(map, id)
  }

  #fromKernel(map: readonly IdRange[] | undefined, id: number): number | undefined {
    if (this.parent === undefined) return id
    return map && inward(map, id)
  }

  /** /proc/sys/user/max_KIND_namespaces of this namespace. */
  limit(kind: NamespaceKind): number {
    return this.limits.get(kind) ?? (this.parent ? noLimit : initialLimit)
  }

  /** Counts one namespace more; answers false, and counts nothing, when a limit here or above forbids it. */
  charge(kind: NamespaceKind, creator: KUid): boolean {
    const charged: UserNamespace[] = []
    let user = creator
    for (let ns: UserNamespace | undefined = this; ns; user = ns.ownerUid, ns = ns.parent) {
      const key = `${kind} ${user}`
      const count = ns.#counts.get(key) ?? 0
      if (count >= ns.limit(kind)) {
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

  /** For the digest. */
  override hidden(): object {
    return { ...super.hidden(), counts: this.#counts }
  }
}
