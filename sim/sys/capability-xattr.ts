// security.capability on its way to the file and back: whose root it counts for. capabilities(7), namespaced file
// capabilities (USR-111)

import { capable } from '../credentials.ts'
import { asRevision2, countIn, readCapabilities, storedCapabilities } from '../file-capabilities.ts'
import type { KUid } from '../ids.ts'
import { outward } from '../ns/id-map.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Path } from '../vfs/path.ts'
import { ownerThrough } from '../vfs/permission.ts'

const rule = 'USR-111'

/** cap_convert_nscap() in security/commoncap.c. */
export function toStore(task: Task, { mount, dentry }: Path, bytes: Uint8Array): Uint8Array | Denied {
  const { credentials } = task
  const { owner } = dentry.superblock
  const capabilities = readCapabilities(bytes)
  const no = (why: string) => deny('EINVAL', rule, `setxattr(2): ${why}`)
  if (capabilities === undefined || bytes.length === 12) return no('it is no struct vfs_cap_data of revision 2 or 3')
  if (bytes.length === 20 && mount.idMapping === undefined && capable(credentials, 'SETFCAP', owner)) return bytes
  const root = credentials.namespace.kuid(capabilities.rootId)
  const through = root === undefined ? undefined : ownerThrough(mount, root)
  const onFile = through === undefined ? undefined : owner.uid(through)
  if (onFile === undefined) return no('the root that it is to count for has no id on the file system')
  return storedCapabilities(bytes, onFile) ?? no('it is no struct vfs_cap_data of revision 2 or 3')
}

/** cap_inode_getsecurity() in security/commoncap.c. */
export function toShow(task: Task, { mount, dentry }: Path, stored: Uint8Array): Uint8Array | Denied {
  const capabilities = readCapabilities(stored)
  const overflow = () => deny('EOVERFLOW', rule, 'getxattr(2): the capabilities count for a root that has no id here')
  if (capabilities === undefined) return deny('EINVAL', rule, 'getxattr(2): it is no struct vfs_cap_data')
  const onFile = dentry.superblock.owner.kuid(capabilities.rootId)
  if (onFile === undefined) return overflow()
  const root = (mount.idMapping ? outward(mount.idMapping.uid, onFile) : onFile) as KUid | undefined
  if (root === undefined) return overflow()
  const { namespace } = task.credentials
  const seen = namespace.uid(root)
  if (seen !== undefined && seen !== 0) return storedCapabilities(stored, seen) ?? overflow()
  return countIn(namespace, root) ? asRevision2(stored) : overflow()
}
