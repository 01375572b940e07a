// Capabilities of a file: the bytes of security.capability, and in which user namespaces they count. capabilities(7)

import type { KUid } from './ids.ts'
import type { UserNamespace } from './ns/user.ts'

export const capabilityXattr = 'security.capability'

const revisionMask = 0xff000000
const revisions: Readonly<Record<number, { readonly bytes: number; readonly words: number }>> = {
  16777216: { bytes: 12, words: 1 },
  33554432: { bytes: 20, words: 2 },
  50331648: { bytes: 24, words: 2 },
}
const revision3 = 0x03000000
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
  const shape = revisions[revision]
  if (shape === undefined || bytes.length !== shape.bytes) return undefined
  const word = (at: number): bigint => BigInt(view.getUint32(at, true))
  let permitted = word(4)
  let inheritable = word(8)
  if (shape.words === 2) {
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

const bytesOf3 = 24

/**
 * What is stored when a task of a user namespace sets the attribute: revision 2 becomes 3 with the namespace's root, unless
 * the file system belongs to the same namespace. Undefined: EINVAL. cap_convert_nscap() in security/commoncap.c
 *
 * @param shown - the id that the task's 0 has on the file system: through its namespace, its mount and the file system's
 */
export function storedCapabilities(bytes: Uint8Array, shown: number): Uint8Array | undefined {
  const capabilities = readCapabilities(bytes)
  if (capabilities === undefined || bytes.length === 12) return undefined
  const stored = new Uint8Array(bytesOf3)
  stored.set(bytes.subarray(0, 20))
  const view = new DataView(stored.buffer)
  view.setUint32(0, (view.getUint32(0, true) & effectiveFlag) | revision3, true)
  view.setUint32(20, shown, true)
  return stored
}

/** The same read back where its root is the reader's own: revision 2, 20 bytes (USR-111). cap_inode_getsecurity() */
export function asRevision2(bytes: Uint8Array): Uint8Array {
  const shown = bytes.slice(0, 20)
  const view = new DataView(shown.buffer)
  view.setUint32(0, (view.getUint32(0, true) & effectiveFlag) | 0x02000000, true)
  return shown
}
