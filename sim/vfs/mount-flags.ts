// Flags of mounts and superblocks as the calls give them: MS_* of mount(2), MOUNT_ATTR_* of mount_setattr(2). linux/mount.h

import { type MountFlags, plainFlags } from './mount.ts'

export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  SILENT: 32768,
  POSIXACL: 1 << 16,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  I_VERSION: 1 << 23,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
  NOUSER: 0x80000000,
} as const

/** What of them is the superblock's. */
export const superblockFlags =
  MS.RDONLY | MS.SYNCHRONOUS | MS.MANDLOCK | MS.DIRSYNC | MS.SILENT | MS.POSIXACL | MS.I_VERSION | MS.LAZYTIME
/** And what a remount may change. MS_RMT_MASK */
export const remountable = MS.RDONLY | MS.SYNCHRONOUS | MS.MANDLOCK | MS.I_VERSION | MS.LAZYTIME

/** Options of every file system that set or take off a flag of the superblock. fs/fs_context.c */
export const commonOptions: ReadonlyMap<string, readonly [set: boolean, flag: number]> = new Map([
  ['dirsync', [true, MS.DIRSYNC]],
  ['lazytime', [true, MS.LAZYTIME]],
  ['mand', [true, MS.MANDLOCK]],
  ['ro', [true, MS.RDONLY]],
  ['sync', [true, MS.SYNCHRONOUS]],
  ['async', [false, MS.SYNCHRONOUS]],
  ['nolazytime', [false, MS.LAZYTIME]],
  ['nomand', [false, MS.MANDLOCK]],
  ['rw', [false, MS.RDONLY]],
])

const atimeBits = MS.NOATIME | MS.NODIRATIME | MS.RELATIME | MS.STRICTATIME

/** The whole set that a mount(2) asks for; a remount that says nothing of atime keeps what there is (MNT-024). */
export function flagsOfMount(bits: number, before: MountFlags): MountFlags {
  const keepsAtime = (bits & MS.REMOUNT) !== 0 && (bits & atimeBits) === 0
  const atime = bits & MS.STRICTATIME ? 'strictatime' : bits & MS.NOATIME ? 'noatime' : 'relatime'
  return {
    ...plainFlags(),
    readonly: (bits & MS.RDONLY) !== 0,
    nosuid: (bits & MS.NOSUID) !== 0,
    nodev: (bits & MS.NODEV) !== 0,
    noexec: (bits & MS.NOEXEC) !== 0,
    nosymfollow: (bits & MS.NOSYMFOLLOW) !== 0,
    atime: keepsAtime ? before.atime : atime,
    nodiratime: keepsAtime ? before.nodiratime : (bits & MS.NODIRATIME) !== 0,
  }
}

export const ATTR = {
  RDONLY: 0x01,
  NOSUID: 0x02,
  NODEV: 0x04,
  NOEXEC: 0x08,
  /** The bits of atime together; 0x00 relatime, 0x10 noatime, 0x20 strictatime. */
  ATIME: 0x70,
  NODIRATIME: 0x80,
  IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000,
} as const

export const fsmountAttributes =
  ATTR.RDONLY | ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC | ATTR.ATIME | ATTR.NODIRATIME | ATTR.NOSYMFOLLOW

/** Undefined for a combination of atime bits that means nothing. */
export function atimeOf(bits: number): MountFlags['atime'] | undefined {
  return ({ 0: 'relatime', 16: 'noatime', 32: 'strictatime' } as const)[(bits & ATTR.ATIME) as 0]
}

const singles = [
  ['readonly', ATTR.RDONLY],
  ['nosuid', ATTR.NOSUID],
  ['nodev', ATTR.NODEV],
  ['noexec', ATTR.NOEXEC],
  ['nodiratime', ATTR.NODIRATIME],
  ['nosymfollow', ATTR.NOSYMFOLLOW],
] as const

/** Flags after bits were cleared and then set; of one bit in both, set counts. */
export function changedFlags(before: MountFlags, set: number, clear: number): MountFlags {
  const after = { ...before }
  for (const [flag, bit] of singles) after[flag] = (set & bit) !== 0 || (before[flag] && (clear & bit) === 0)
  if (clear & ATTR.ATIME) after.atime = atimeOf(set) ?? before.atime
  return after
}
