// Capabilities of a file: the bytes of security.capability, and in which user namespaces they count. capabilities(7)

import { capable } from './credentials.ts'
import type { KUid } from './ids.ts'
import type { UserNamespace } from './ns/user.ts'
import { type Denied, deny } from './outcome.ts'
import type { Task } from './task.ts'
import type { Path } from './vfs/path.ts'
import { capableOver, ownerOf, ownerThrough } from './vfs/permission.ts'

export const capabilityXattr = 'security.capability'

const revisionMask = 0xff000000
const revision1 = 0x01000000
const revision2 = 0x02000000
const revision3 = 0x03000000
const bytesOf1 = 12
const bytesOf2 = 20
const bytesOf3 = 24
const bytesOfRevision = new Map([
  [revision1, bytesOf1],
  [revision2, bytesOf2],
  [revision3, bytesOf3],
])
const effectiveFlag = 1

export interface FileCapabilities {
  readonly permitted: bigint
  readonly inheritable: bigint
  readonly effective: boolean
  /** Revision 3: the root of the user namespace in which they count, as the file system's namespace says it; otherwise 0. */
  readonly rootId: number
}

/** Undefined: the bytes are no struct vfs_cap_data (EINVAL). linux/capability.h */
export function readCapabilities(bytes: Uint8Array): FileCapabilities | undefined {
  if (bytes.length < 4) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint32(0, true)
  const revision = (magic & revisionMask) >>> 0
  if (bytes.length !== bytesOfRevision.get(revision)) return undefined
  const word = (at: number): bigint => BigInt(view.getUint32(at, true))
  let permitted = word(4)
  let inheritable = word(8)
  if (revision !== revision1) {
    permitted |= word(12) << 32n
    inheritable |= word(16) << 32n
  }
  const rootId = revision === revision3 ? view.getUint32(20, true) : 0
  return { permitted, inheritable, effective: (magic & effectiveFlag) !== 0, rootId }
}

/**
 * Whether capabilities of a file whose root id is such count in a user namespace: the id is root there or above (USR-111).
 * rootid_owns_currentns() in security/commoncap.c
 */
export function countIn(namespace: UserNamespace, rootUid: KUid): boolean {
  for (let at: UserNamespace | undefined = namespace; at; at = at.parent) if (at.uid(rootUid) === 0) return true
  return false
}

/**
 * What is stored when a task sets the attribute: revision 2 stays only for who may set it for everybody; else it becomes 3
 * with the root of the task's user namespace (USR-111). cap_convert_nscap() in security/commoncap.c
 *
 * @errors EINVAL it is neither revision 2 nor 3, or its root has no id; EPERM no CAP_SETFCAP over the file
 */
export function storedCapabilities(task: Task, { mount, dentry }: Path, bytes: Uint8Array): Uint8Array | Denied {
  const call = 'setxattr(2)'
  const given = bytes.length === bytesOf1 ? undefined : readCapabilities(bytes)
  if (given === undefined) return deny('EINVAL', 'capabilities(7)', `${call}: these are no capabilities of a file`)
  const { credentials } = task
  if (!capableOver(credentials, 'SETFCAP', mount, dentry.inode))
    return deny('EPERM', 'USR-111', `${call}: capabilities of a file are set with CAP_SETFCAP over it`)
  const { owner } = dentry.superblock
  if (bytes.length === bytesOf2 && mount.idMapping === undefined && capable(credentials, 'SETFCAP', owner)) return bytes
  const root = credentials.namespace.kuid(given.rootId)
  const onDisk = root === undefined ? undefined : ownerThrough(mount, root)
  const rootId = onDisk === undefined ? undefined : owner.uid(onDisk)
  if (rootId === undefined)
    return deny('EINVAL', 'USR-111', `${call}: the root of the capabilities has no id on the file`)
  return withRevision(bytes, revision3, rootId)
}

/**
 * The attribute as a reader sees it: revision 2 where its root is the reader's own or above, 3 with the id of another root.
 * cap_inode_getsecurity() in security/commoncap.c
 */
export function shownCapabilities(task: Task, { mount, dentry }: Path, stored: Uint8Array): Uint8Array | Denied {
  const call = 'getxattr(2)'
  const capabilities = readCapabilities(stored)
  if (capabilities === undefined)
    return deny('EINVAL', 'capabilities(7)', `${call}: what is stored are no capabilities of a file`)
  const { namespace } = task.credentials
  const root = dentry.superblock.owner.kuid(capabilities.rootId)
  const seen = root === undefined ? undefined : ownerOf(mount, { uid: root })
  const rootId = seen === undefined ? undefined : namespace.uid(seen)
  if (rootId !== undefined && rootId !== 0) return withRevision(stored, revision3, rootId)
  if (seen === undefined || !countIn(namespace, seen))
    return deny(
      'EOVERFLOW',
      'USR-111',
      `${call}: the capabilities are for a user namespace that the reader does not see`,
    )
  return withRevision(stored, revision2)
}

function withRevision(bytes: Uint8Array, revision: number, rootId?: number): Uint8Array {
  const made = new Uint8Array(rootId === undefined ? bytesOf2 : bytesOf3)
  made.set(bytes.subarray(0, bytesOf2))
  const view = new DataView(made.buffer)
  view.setUint32(0, (view.getUint32(0, true) & effectiveFlag) | revision, true)
  if (rootId !== undefined) view.setUint32(bytesOf2, rootId, true)
  return made
}
