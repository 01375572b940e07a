// Extended attributes of a file, read; and which of them belong into an archive. xattr(7), listxattr(2).

import type { Errno } from '../errno.ts'
import { RefusedError } from '../errors.ts'
import { type Kernel, type Outcome, refused } from '../kernel.ts'

export type Xattrs = ReadonlyMap<string, Uint8Array>

const none: Xattrs = new Map()
/** What is tried first, and the most that the kernel gives. */
const sizesBytes = [4096, 65536] as const
const notHere: readonly Errno[] = ['EOPNOTSUPP', 'ENODATA', 'ENOENT']

/** Of an open file or directory. */
export function xattrsOf(kernel: Kernel, fd: number, path: string): Xattrs {
  const names = sized((list) => kernel.call({ name: 'flistxattr', fd, list }), path)
  return read(names, (xattr, value) => kernel.call({ name: 'fgetxattr', fd, xattr, value }), path)
}

/** Of what cannot be opened, by its directory and its name there. */
export function xattrsAt(kernel: Kernel, parent: number, name: string, path: string): Xattrs {
  const there = `/proc/self/fd/${parent}/${name}`
  const names = sized((list) => kernel.call({ name: 'llistxattr', path: there, list }), path)
  return read(names, (xattr, value) => kernel.call({ name: 'lgetxattr', path: there, xattr, value }), path)
}

/** One attribute of an open file, undefined when it has none such. */
export function xattrOf(kernel: Kernel, fd: number, xattr: string, path: string): Uint8Array | undefined {
  return sized((value) => kernel.call({ name: 'fgetxattr', fd, xattr, value }), path)
}

function read(names: Uint8Array | undefined, get: (name: string, size: number) => Outcome, path: string): Xattrs {
  if (names === undefined || names.length === 0) return none
  const found = new Map<string, Uint8Array>()
  for (const name of new TextDecoder().decode(names).split('\0')) {
    const value = name === '' ? undefined : sized((size) => get(name, size), path)
    if (value !== undefined) found.set(name, value)
  }
  return found
}

function sized(ask: (sizeBytes: number) => Outcome, path: string): Uint8Array | undefined {
  for (const size of sizesBytes) {
    const answer = ask(size)
    if (!refused(answer)) return answer.data ?? new Uint8Array()
    if (notHere.includes(answer.errno)) return undefined
    if (answer.errno !== 'ERANGE') throw new RefusedError(`read the extended attributes of ${path}`, answer.errno)
  }
  throw new RefusedError(`read the extended attributes of ${path}`, 'ERANGE')
}

const overlayMark = /^(trusted|user)\.overlay\./
/** Labels and seals (security.selinux, security.ima) are the machine's, and mean nothing on another. */
const kept = /^(user|trusted)\.|^security\.capability$|^system\.posix_acl_(access|default)$/

/**
 * What goes into an archive: not what overlayfs keeps for itself, and what the machine adds. File capabilities that hold
 * in one user namespace only (version 3) become those that hold wherever the archive is unpacked. capabilities(7)
 */
export function archived(xattrs: Xattrs): Xattrs {
  if (xattrs.size === 0) return xattrs
  const chosen = new Map<string, Uint8Array>()
  for (const [name, value] of xattrs) {
    // A PAX key ends at the first `=`.
    if (!kept.test(name) || overlayMark.test(name) || name.includes('=')) continue
    const versionThree = name === 'security.capability' && value.length === 24 && value[3] === 3
    if (versionThree) {
      const two = value.slice(0, 20)
      two[3] = 2
      chosen.set(name, two)
    } else chosen.set(name, value)
  }
  return chosen
}
