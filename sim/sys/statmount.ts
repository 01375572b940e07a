// statmount(2), listmount(2): mounts as numbers, without the text of mountinfo.

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Outcome } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { Mount } from '../vfs/mount.ts'
import { ATTR, MS } from '../vfs/mount-flags.ts'
import { isReachable } from '../vfs/mount-tree.ts'
import { placeOf, shownRootOf } from '../vfs/mountinfo.ts'
import { encode } from '../vfs/utf8.ts'
import { long, uint } from './arguments.ts'

const MASK = { SB_BASIC: 1, MNT_BASIC: 2, MNT_ROOT: 8, MNT_POINT: 0x10, FS_TYPE: 0x20, NS_ID: 0x40 } as const
const structBytes = 512
/** MNT_UNIQUE_ID_OFFSET in fs/namespace.c */
const idsFrom = 2n ** 31n
const everything = 0xffffffffffffffffn

interface Request {
  readonly id: bigint
  readonly parameter: bigint
}

/** struct mnt_id_req. */
function requestOf(task: Task, req: Uint8Array, call: string): Request | Denied {
  if (!task.kernel.since(6, 8)) return deny('ENOSYS', call, `${call}: Linux has it since 6.8`)
  const view = new DataView(req.buffer, req.byteOffset, req.byteLength)
  if (req.byteLength < 24 || view.getUint32(0, true) < 24 || view.getUint32(4, true) !== 0)
    return deny('EINVAL', call, `${call}: the request has a size, zeros and two numbers`)
  const id = view.getBigUint64(8, true)
  if (task.kernel.since(6, 12) && id <= idsFrom)
    return deny('EINVAL', call, `${call}: numbers of mounts that are never used again are above 2^31`)
  return { id, parameter: view.getBigUint64(16, true) }
}

function find({ namespaces }: Task, id: bigint): Mount | undefined {
  for (const mount of namespaces.mnt.mounts) if (BigInt(mount.uniqueId) === id) return mount
  return undefined
}

/** Mounts outside of the own root are for who rules the namespace. */
function maySee(task: Task, mount: Mount, call: string): Denied | undefined {
  if (isReachable({ mount, dentry: mount.root }, task.fs.root)) return undefined
  if (capable(task.credentials, 'SYS_ADMIN', task.namespaces.mnt.owner)) return undefined
  return deny('EPERM', call, `${call}: the mount is not below the root of the caller`)
}

function attributesOf({ flags, idMapping }: Mount): number {
  const atime = { relatime: 0, noatime: 0x10, strictatime: 0x20 }[flags.atime]
  return (
    (flags.readonly ? ATTR.RDONLY : 0) |
    (flags.nosuid ? ATTR.NOSUID : 0) |
    (flags.nodev ? ATTR.NODEV : 0) |
    (flags.noexec ? ATTR.NOEXEC : 0) |
    (flags.nodiratime ? ATTR.NODIRATIME : 0) |
    (flags.nosymfollow ? ATTR.NOSYMFOLLOW : 0) |
    (idMapping ? ATTR.IDMAP : 0) |
    atime
  )
}

const propagationOf = ({ group, master, unbindable }: Mount): number =>
  (group ? MS.SHARED : 0) |
  (master ? MS.SLAVE : 0) |
  (unbindable ? MS.UNBINDABLE : 0) |
  (group || master || unbindable ? 0 : MS.PRIVATE)

function statmount(task: Task, req: Uint8Array, size: number, flags: number): Outcome {
  const call = 'statmount(2)'
  if (flags) return deny('EINVAL', call, `${call}: it has no flags`)
  const request = requestOf(task, req, call)
  if (isDenied(request)) return request
  const mount = find(task, request.id)
  if (mount === undefined) return deny('ENOENT', call, `${call}: the mount namespace has no such mount`)
  const refusal = maySee(task, mount, call)
  if (refusal) return refusal
  const wanted = Number(request.parameter & 0xffffffffn)
  const texts: readonly (readonly [mask: number, at: number, text: string])[] = [
    [MASK.FS_TYPE, 36, mount.superblock.type],
    [MASK.MNT_ROOT, 104, shownRootOf(task, mount)],
    [MASK.MNT_POINT, 108, placeOf(mount, task.fs.root) ?? ''],
  ]
  const strings = texts
    .filter(([mask]) => wanted & mask)
    .map(([mask, at, text]) => ({ mask, at, bytes: encode(`${text}\0`) }))
  const total = strings.reduce((sum, { bytes }) => sum + bytes.length, structBytes)
  if (strings.length > 0 && total > size)
    return deny('EOVERFLOW', call, `${call}: the buffer has no room for the texts asked for`)
  const data = new Uint8Array(total)
  const view = new DataView(data.buffer)
  let mask = fill(task, mount, view, wanted)
  let used = 0
  for (const { mask: bit, at, bytes } of strings) {
    mask |= bit
    view.setUint32(at, used, true)
    data.set(bytes, structBytes + used)
    used += bytes.length
  }
  view.setUint32(0, total, true)
  view.setBigUint64(8, BigInt(mask), true)
  return { value: 0, data: data.subarray(0, size) }
}

/** struct statmount, but for texts. Answers what of it was asked for. */
function fill(task: Task, mount: Mount, view: DataView, wanted: number): number {
  const { superblock } = mount
  const parent = mount.at?.mount ?? mount
  if (wanted & MASK.SB_BASIC) {
    view.setUint32(16, superblock.device[0], true)
    view.setUint32(20, superblock.device[1], true)
    view.setBigUint64(24, BigInt(superblock.statfs().type), true)
    view.setUint32(32, superblock.flags & (MS.RDONLY | MS.SYNCHRONOUS | MS.DIRSYNC | MS.LAZYTIME), true)
  }
  if (wanted & MASK.MNT_BASIC) {
    view.setBigUint64(40, BigInt(mount.uniqueId), true)
    view.setBigUint64(48, BigInt(parent.uniqueId), true)
    view.setUint32(56, mount.id, true)
    view.setUint32(60, parent.id, true)
    view.setBigUint64(64, BigInt(attributesOf(mount)), true)
    view.setBigUint64(72, BigInt(propagationOf(mount)), true)
    view.setBigUint64(80, BigInt(mount.group?.id ?? 0), true)
    view.setBigUint64(88, BigInt(mount.master?.id ?? 0), true)
  }
  const told = wanted & (MASK.SB_BASIC | MASK.MNT_BASIC)
  if (!(wanted & MASK.NS_ID) || !task.kernel.since(6, 11)) return told
  view.setBigUint64(112, BigInt(task.namespaces.mnt.sequence), true)
  return told | MASK.NS_ID
}

function listmount(task: Task, req: Uint8Array, count: number, flags: number): Outcome {
  const call = 'listmount(2)'
  const reverse = (flags & 1) !== 0
  if (flags & ~1 || (reverse && !task.kernel.since(6, 12)))
    return deny('EINVAL', call, `${call}: there are unknown flags`)
  const request = requestOf(task, req, call)
  if (isDenied(request)) return request
  if (task.kernel.since(6, 12) && request.parameter !== 0n && request.parameter <= idsFrom)
    return deny('EINVAL', call, `${call}: numbers of mounts that are never used again are above 2^31`)
  const { root } = task.fs
  const top = request.id === everything ? root.mount : find(task, request.id)
  if (top === undefined) return deny('ENOENT', call, `${call}: the mount namespace has no such mount`)
  const refusal = request.id === everything ? undefined : maySee(task, top, call)
  if (refusal) return refusal
  const from = request.id === everything ? root : { mount: top, dentry: top.root }
  const ids = [...task.namespaces.mnt.mounts]
    .filter((mount) => BigInt(mount.uniqueId) !== request.id && isReachable({ mount, dentry: mount.root }, from))
    .map(({ uniqueId }) => BigInt(uniqueId))
    .sort((a, b) => (a < b === reverse ? 1 : -1))
    .filter((id) => request.parameter === 0n || (reverse ? id < request.parameter : id > request.parameter))
    .slice(0, count)
  const data = new Uint8Array(ids.length * 8)
  const view = new DataView(data.buffer)
  ids.forEach((id, index) => {
    view.setBigUint64(index * 8, id, true)
  })
  return { value: ids.length, data }
}

export const calls: Calls = {
  statmount: partial('no options, sources and lists of ids', (task, { req, buf, flags }) =>
    statmount(task, req, buf, uint(flags)),
  ),
  listmount: full((task, { req, nr_mnt_ids, flags }) => listmount(task, req, long(nr_mnt_ids), uint(flags))),
}
