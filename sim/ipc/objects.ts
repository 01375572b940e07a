// What all System V objects have in common: an id, a key, owners and a mode; and the table of one kind of them in an IPC
// namespace. sysvipc(7), ipc/util.c

import { type Credentials, capable } from '../credentials.ts'
import type { KGid, KUid } from '../ids.ts'
import type { UserNamespace } from '../ns/user.ts'
import { type Denied, deny } from '../outcome.ts'

export const IPC_PRIVATE = 0
export const IPC_CREAT = 0o1000
export const IPC_EXCL = 0o2000
export const IPC_NOWAIT = 0o4000
/** Bits of modes that are read and written. */
export const mayReadObject = 0o444
export const mayWriteObject = 0o222

export abstract class IpcObject {
  readonly id: number
  /** 0 when no key leads to it. */
  key: number
  uid: KUid
  gid: KGid
  readonly cuid: KUid
  readonly cgid: KGid
  /** Permission bits. */
  mode: number
  removed = false

  constructor(id: number, key: number, creator: Credentials, mode: number) {
    this.id = id
    this.key = key
    this.uid = this.cuid = creator.euid
    this.gid = this.cgid = creator.egid
    this.mode = mode & 0o777
  }

  /** It is gone: who waits for it is told (EIDRM). */
  abstract end(): void
}

const indexBits = 15
/** So many are numbered before the first number comes again. ipc_min_cycle */
const cycleMin = 64

/** The objects of one kind. An id is an index and how often indexes began anew, so that an old id finds nothing. */
export class IpcTable<T extends IpcObject> {
  readonly #byIndex = new Map<number, T>()
  readonly #byKey = new Map<number, T>()
  #lastIndex = -1
  #sequence = 0

  get size(): number {
    return this.#byIndex.size
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#byIndex.values()
  }

  withKey(key: number): T | undefined {
    return key === IPC_PRIVATE ? undefined : this.#byKey.get(key)
  }

  /** The id that the next object has. ipc_idr_alloc() */
  nextId(): number {
    const most = Math.max(Math.floor((this.size * 3) / 2) + 1, cycleMin)
    let index = this.#lastIndex + 1
    if (index >= most) index = 0
    while (this.#byIndex.has(index)) index = index + 1 >= most ? 0 : index + 1
    if (index <= this.#lastIndex) this.#sequence = (this.#sequence + 1) & 0xffff
    this.#lastIndex = index
    return (this.#sequence << indexBits) | index
  }

  add(object: T): void {
    this.#byIndex.set(object.id & ((1 << indexBits) - 1), object)
    if (object.key !== IPC_PRIVATE) this.#byKey.set(object.key, object)
  }

  /** EINVAL: no such id; EIDRM: the object that had it is gone, another has its place. */
  find(id: number, call: string): T | Denied {
    const object = id < 0 ? undefined : this.#byIndex.get(id & ((1 << indexBits) - 1))
    if (object === undefined)
      return deny('EINVAL', 'IPC-002', `${call}: this IPC namespace has nothing with the id ${id}`)
    if (object.id !== id) return deny('EIDRM', 'sysvipc(7)', `${call}: what had the id ${id} has been removed`)
    return object
  }

  forgetKey(object: T): void {
    this.#byKey.delete(object.key)
    object.key = IPC_PRIVATE
  }

  remove(object: T): void {
    if (object.removed) return
    object.removed = true
    this.#byIndex.delete(object.id & ((1 << indexBits) - 1))
    if (this.#byKey.get(object.key) === object) this.#byKey.delete(object.key)
    object.end()
  }

  /** The namespace ends (IPC-006). */
  clear(): void {
    for (const object of [...this.#byIndex.values()]) this.remove(object)
  }

  /** For the digest. */
  hidden(): object {
    return { byIndex: this.#byIndex, byKey: this.#byKey, lastIndex: this.#lastIndex, sequence: this.#sequence }
  }
}

/** Whether credentials have some access to an object (IPC-008). ipcperms() in ipc/util.c */
export function mayUse(who: Credentials, object: IpcObject, wanted: number, owner: UserNamespace): boolean {
  const requested = (wanted >> 6) | (wanted >> 3) | wanted
  const inGroup = (gid: KGid): boolean => who.egid === gid || who.fsgid === gid || who.groups.includes(gid)
  let granted = object.mode
  if (who.euid === object.cuid || who.euid === object.uid) granted >>= 6
  else if (inGroup(object.cgid) || inGroup(object.gid)) granted >>= 3
  return (requested & ~granted & 7) === 0 || capable(who, 'IPC_OWNER', owner)
}

/** Undefined: it may remove or change the object. ipcctl_obtain_check() */
export function mayControl(
  who: Credentials,
  object: IpcObject,
  owner: UserNamespace,
  call: string,
): Denied | undefined {
  if (who.euid === object.cuid || who.euid === object.uid || capable(who, 'SYS_ADMIN', owner)) return undefined
  return deny('EPERM', 'IPC-008', `${call}: only owner and creator remove and change it, or CAP_SYS_ADMIN`)
}

export const noAccess = (call: string): Denied =>
  deny('EACCES', 'IPC-008', `${call}: its mode does not allow this, and CAP_IPC_OWNER is missing`)

interface Getting<T extends IpcObject> {
  readonly key: number
  readonly flags: number
  readonly call: string
  /** Another check of one that is there already. */
  fits(object: T): Denied | undefined
  make(): T | Denied
}

/** shmget(2), semget(2), msgget(2): the object of a key, or a new one. ipcget() in ipc/util.c */
export function getObject<T extends IpcObject>(
  table: IpcTable<T>,
  who: Credentials,
  owner: UserNamespace,
  { key, flags, call, fits, make }: Getting<T>,
): number | Denied {
  const there = table.withKey(key)
  if (there === undefined) {
    if (key !== IPC_PRIVATE && !(flags & IPC_CREAT))
      return deny('ENOENT', 'IPC-001', `${call}: this IPC namespace has nothing with the key ${key}`)
    const made = make()
    if (!(made instanceof IpcObject)) return made
    table.add(made)
    return made.id
  }
  if (flags & IPC_CREAT && flags & IPC_EXCL)
    return deny('EEXIST', 'IPC-001', `${call}: there is something with the key ${key}`)
  const refusal = fits(there)
  if (refusal) return refusal
  return mayUse(who, there, flags & 0o777, owner) ? there.id : noAccess(call)
}
