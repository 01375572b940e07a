// Ownership, mode, extended attributes and times of one file of a layer, in the order in which they survive each other.

import type { Errno } from '../errno.ts'
import { RefusedError, UserError } from '../errors.ts'
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, ask, close, O, open } from '../files.ts'
import { type Kernel, type Outcome, refused } from '../kernel.ts'
import type { TarEntry } from './tar.ts'

export type Attributes = Pick<TarEntry, 'path' | 'mode' | 'uid' | 'gid' | 'xattrs'> & {
  readonly mtimeSec?: number
  readonly mtimeNsec?: number
}

/** Who applies a layer, and whom to tell what could not be kept. */
export interface Applier {
  readonly kernel: Kernel
  readonly uid: number
  readonly gid: number
  /** Not root of the machine: devices and privileged attributes cannot be made and are left out with a warning. */
  readonly rootless: boolean
  /** Files can be given to others: by root, and by root of a user namespace to those that it maps. */
  readonly gives: boolean
  /** Counts what was left out, by kind: `device nodes`. */
  readonly leftOut: (kind: string, path: string) => void
}

const notHere: readonly Errno[] = ['EOPNOTSUPP', 'EPERM']

/** An open file or directory. fchown(2) clears setuid bits and capabilities, so it comes first; the times come last. */
export function setAttributes(applier: Applier, fd: number, file: Attributes): void {
  const { kernel } = applier
  if (owns(applier, file)) {
    give(applier, file, kernel.call({ name: 'fchown', fd, owner: file.uid, group: file.gid }))
  }
  ask(kernel, { name: 'fchmod', fd, mode: file.mode }, `chmod to ${file.mode.toString(8)}`)
  for (const [xattr, value] of keptXattrs(applier, file)) {
    const set = kernel.call({ name: 'fsetxattr', fd, xattr, value, flags: 0 })
    judgeXattr(applier, set, xattr, file)
  }
  if (file.mtimeSec === undefined) return
  ask(kernel, { name: 'utimensat', dirfd: fd, pathname: null, times: timesOf(file), flags: 0 }, 'set its times')
}

/** What cannot be opened: a symbolic link, a device, a FIFO, named in its directory. */
export function setAttributesAt(applier: Applier, dirfd: number, name: string, file: Attributes, link: boolean): void {
  const { kernel } = applier
  const flags = AT_SYMLINK_NOFOLLOW
  if (owns(applier, file)) {
    const call = { name: 'fchownat', dirfd, pathname: name, owner: file.uid, group: file.gid, flags } as const
    give(applier, file, kernel.call(call))
  }
  // The mode of a symbolic link means nothing.
  if (!link) setModeAt(kernel, dirfd, name, file.mode)
  for (const [xattr, value] of keptXattrs(applier, file)) {
    const path = `/proc/self/fd/${dirfd}/${name}`
    judgeXattr(applier, kernel.call({ name: 'lsetxattr', path, xattr, value, flags: 0 }), xattr, file)
  }
  if (file.mtimeSec === undefined) return
  ask(kernel, { name: 'utimensat', dirfd, pathname: name, times: timesOf(file), flags }, 'set its times')
}

/** fchmodat(2) would follow a link that somebody who shares the directory has put in its place; a descriptor does not. */
function setModeAt(kernel: Kernel, dirfd: number, name: string, mode: number): void {
  const fd = open(kernel, name, O.PATH | O.NOFOLLOW, 0, dirfd)
  try {
    const pathname = `/proc/self/fd/${fd}`
    ask(kernel, { name: 'fchmodat', dirfd: AT_FDCWD, pathname, mode }, `chmod to ${mode.toString(8)}`)
  } finally {
    close(kernel, fd)
  }
}

function owns(applier: Applier, file: Attributes): boolean {
  if (file.uid === applier.uid && file.gid === applier.gid) return false
  if (applier.gives) return true
  // Root of the image is mapped to the caller, so that only other owners are a loss.
  if (file.uid !== 0 || file.gid !== 0) applier.leftOut('owners other than root', file.path)
  return false
}

function give(applier: Applier, { uid, gid }: Attributes, outcome: Outcome): void {
  if (!refused(outcome)) return
  // user_namespaces(7): an id that the namespace does not map is no id.
  if (outcome.errno === 'EINVAL' && applier.rootless)
    throw new UserError(
      `chown to ${uid}:${gid}: the ids that are lent to you do not reach so far: lend more in /etc/subuid and /etc/subgid`,
    )
  throw new RefusedError(`chown to ${uid}:${gid}`, outcome.errno)
}

/** overlayfs(5) keeps its own marks in these; an archive that sets them would forge whiteouts and redirects. */
const overlayMark = /^(trusted|user)\.overlay\./

function keptXattrs(applier: Applier, file: Attributes): [string, Uint8Array][] {
  return [...file.xattrs].filter(([name]) => {
    if (!overlayMark.test(name)) return true
    applier.leftOut('overlayfs attributes', file.path)
    return false
  })
}

function judgeXattr(applier: Applier, outcome: Outcome, name: string, file: Attributes): void {
  if (!refused(outcome)) return
  if (!notHere.includes(outcome.errno)) throw new RefusedError(`set the extended attribute ${name}`, outcome.errno)
  // Without its capabilities a program of the image would fail later, far from the cause.
  if (name === 'security.capability' && applier.gives) {
    throw new RefusedError('set its file capabilities', outcome.errno)
  }
  applier.leftOut(`extended attributes ${name}`, file.path)
}

/** Two struct timespec: access and modification get the same time. utimensat(2). */
function timesOf(file: Attributes): Uint8Array {
  const sec = file.mtimeSec ?? 0
  if (!Number.isSafeInteger(sec)) throw new UserError(`its time ${sec} is out of range`)
  const times = new DataView(new ArrayBuffer(32))
  for (const at of [0, 16]) {
    times.setBigInt64(at, BigInt(sec), true)
    times.setBigInt64(at + 8, BigInt(file.mtimeNsec ?? 0), true)
  }
  return new Uint8Array(times.buffer)
}
