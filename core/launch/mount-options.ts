// The OCI spec's mount options (config.md, "Linux mount options") as the kernel's flags, for fresh mounts and for binds.

import { UserError } from '../errors.ts'
import { MOUNT_ATTR, MS } from './constants.ts'

/** Attributes to set and to clear. mount_setattr(2). */
export interface Attributes {
  readonly set: number
  readonly clear: number
}

export interface MountOptions {
  readonly bind?: 'bind' | 'rbind'
  readonly remount: boolean
  /** MS_* flags of the file system itself: MS_SYNCHRONOUS and the like. mount(2). */
  readonly superFlags: number
  /** Attributes of the mount alone, and of all mounts below it too. */
  readonly own: Attributes
  readonly recursive: Attributes
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE. mount_namespaces(7). */
  readonly propagation?: { readonly type: number; readonly recursive: boolean }
  readonly idmap?: 'idmap' | 'ridmap'
  readonly copyUp: boolean
  /** What is left for the file system, comma-separated, or null. */
  readonly data: string | null
}

/** Option: attribute, and whether it is cleared. The same names with `r` in front mean the whole tree. */
const attributes: Readonly<Record<string, readonly [number, 'set' | 'clear']>> = {
  ro: [MOUNT_ATTR.RDONLY, 'set'],
  rw: [MOUNT_ATTR.RDONLY, 'clear'],
  nosuid: [MOUNT_ATTR.NOSUID, 'set'],
  suid: [MOUNT_ATTR.NOSUID, 'clear'],
  nodev: [MOUNT_ATTR.NODEV, 'set'],
  dev: [MOUNT_ATTR.NODEV, 'clear'],
  noexec: [MOUNT_ATTR.NOEXEC, 'set'],
  exec: [MOUNT_ATTR.NOEXEC, 'clear'],
  nodiratime: [MOUNT_ATTR.NODIRATIME, 'set'],
  diratime: [MOUNT_ATTR.NODIRATIME, 'clear'],
  nosymfollow: [MOUNT_ATTR.NOSYMFOLLOW, 'set'],
  symfollow: [MOUNT_ATTR.NOSYMFOLLOW, 'clear'],
}

/** The three ways to keep access times exclude each other: each clears the field first. relatime is 0. */
const accessTimes: Readonly<Record<string, number>> = {
  noatime: MOUNT_ATTR.NOATIME,
  strictatime: MOUNT_ATTR.STRICTATIME,
  relatime: 0,
  atime: 0,
  norelatime: MOUNT_ATTR.STRICTATIME,
  nostrictatime: 0,
}

const superOptions: Readonly<Record<string, readonly [number, 'set' | 'clear']>> = {
  sync: [MS.SYNCHRONOUS, 'set'],
  async: [MS.SYNCHRONOUS, 'clear'],
  dirsync: [MS.DIRSYNC, 'set'],
  mand: [MS.MANDLOCK, 'set'],
  nomand: [MS.MANDLOCK, 'clear'],
  silent: [MS.SILENT, 'set'],
  loud: [MS.SILENT, 'clear'],
  iversion: [MS.I_VERSION, 'set'],
  noiversion: [MS.I_VERSION, 'clear'],
  lazytime: [MS.LAZYTIME, 'set'],
  nolazytime: [MS.LAZYTIME, 'clear'],
}

const propagations: Readonly<Record<string, number>> = {
  shared: MS.SHARED,
  slave: MS.SLAVE,
  private: MS.PRIVATE,
  unbindable: MS.UNBINDABLE,
}

/** All options that are understood; others are the file system's own. */
export function mountOptionNames(): string[] {
  const once = ['bind', 'rbind', 'remount', 'defaults', 'idmap', 'ridmap', 'tmpcopyup', ...Object.keys(superOptions)]
  const twice = [...Object.keys(attributes), ...Object.keys(accessTimes), ...Object.keys(propagations)]
  return [...once, ...twice, ...twice.map((name) => `r${name}`)].sort()
}

/** A propagation's name, with or without `r`. */
export function propagationOf(name: string): { type: number; recursive: boolean } | undefined {
  const type = propagations[name]
  if (type !== undefined) return { type, recursive: false }
  const whole = name.startsWith('r') ? propagations[name.slice(1)] : undefined
  return whole === undefined ? undefined : { type: whole, recursive: true }
}

/** Reads a mount's options in their order; of two that contradict each other the later counts, as for mount(8). */
export function readMountOptions(options: readonly string[] | undefined): MountOptions {
  let bind: MountOptions['bind']
  let remount = false
  let superFlags = 0
  const own = { set: 0, clear: 0 }
  const recursive = { set: 0, clear: 0 }
  let propagation: MountOptions['propagation']
  let idmap: MountOptions['idmap']
  let copyUp = false
  let data: string | null = null
  for (const option of options ?? []) {
    if (option === 'bind' || option === 'rbind') bind = option
    else if (option === 'remount') remount = true
    else if (option === 'defaults') continue
    else if (option === 'idmap' || option === 'ridmap') idmap = option
    else if (option === 'tmpcopyup') copyUp = true
    else if (superOptions[option] !== undefined) {
      const [flag, way] = superOptions[option]
      superFlags = way === 'set' ? superFlags | flag : superFlags & ~flag
    } else if (!setAttribute(own, option) && !(option[0] === 'r' && setAttribute(recursive, option.slice(1)))) {
      const found = propagationOf(option)
      if (found !== undefined) propagation = found
      else data = data === null ? option : `${data},${option}`
    }
  }
  return { bind, remount, superFlags, own, recursive, propagation, idmap, copyUp, data }
}

function setAttribute(to: { set: number; clear: number }, option: string): boolean {
  const attribute = attributes[option]
  if (attribute !== undefined) {
    const [bit, way] = attribute
    to.set = way === 'set' ? to.set | bit : to.set & ~bit
    to.clear = way === 'clear' ? to.clear | bit : to.clear & ~bit
    return true
  }
  const times = accessTimes[option]
  if (times === undefined) return false
  to.set = (to.set & ~MOUNT_ATTR._ATIME) | times
  to.clear |= MOUNT_ATTR._ATIME
  return true
}

/** Attributes as the flags of mount(2), for a file system that is mounted anew. */
export function mountFlags(options: MountOptions): number {
  const set = options.own.set | options.recursive.set
  let flags = options.superFlags
  if (set & MOUNT_ATTR.RDONLY) flags |= MS.RDONLY
  if (set & MOUNT_ATTR.NOSUID) flags |= MS.NOSUID
  if (set & MOUNT_ATTR.NODEV) flags |= MS.NODEV
  if (set & MOUNT_ATTR.NOEXEC) flags |= MS.NOEXEC
  if (set & MOUNT_ATTR.NOATIME) flags |= MS.NOATIME
  if (set & MOUNT_ATTR.STRICTATIME) flags |= MS.STRICTATIME
  if (set & MOUNT_ATTR.NODIRATIME) flags |= MS.NODIRATIME
  if (set & MOUNT_ATTR.NOSYMFOLLOW) flags |= MS.NOSYMFOLLOW
  return flags
}

/** A bind shows a file system that others have mounted: options of the file system itself cannot be given there. */
export function refuseForBind(options: MountOptions, where: string): void {
  if (options.superFlags !== 0 || options.data !== null) {
    const what = options.data ?? 'an option of the file system such as sync'
    throw new UserError(`${where}: ${what}: a bind mount cannot change the file system's own options; leave it out`)
  }
}
