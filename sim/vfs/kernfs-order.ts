// The order of names in a directory of kernfs (cgroups): by a number that is computed from the name, which is the offset that
// getdents64(2) tells as well. fs/kernfs/dir.c

import type { DirectoryEntry } from './inode.ts'
import { encode } from './utf8.ts'

const golden = 0x61c8864680b583ebn
const last = 0x7fffffff

/** A number from 2 to 2^31 - 2: 0 and 1 are of `.` and `..`, and the last one is the end's. kernfs_name_hash() */
export function offsetOfName(name: string): number {
  let sum = 0n
  // partial_name_hash() and end_name_hash() in linux/stringhash.h.
  for (const byte of encode(name)) sum = BigInt.asUintN(64, (sum + BigInt((byte << 4) + (byte >> 4))) * 11n)
  const hash = Number(BigInt.asUintN(64, sum * golden) >> 32n) & last
  return hash < 2 ? hash + 2 : Math.min(hash, last - 1)
}

/** kernfs_sd_compare() */
export const inOrder = (entries: readonly DirectoryEntry[]): readonly DirectoryEntry[] =>
  entries
    .map((entry) => ({ ...entry, offset: offsetOfName(entry.name) }))
    .sort((a, b) => a.offset - b.offset || (a.name < b.name ? -1 : 1))
