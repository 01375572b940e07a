// What the output of a call tells of a file: stat(2) and its kin, readlink(2), getdents64(2).

import { type InodeKind, kindBits } from '../../vfs/inode.ts'
import { nameOfBytes, numberIn } from '../number.ts'
import type { Value } from '../value.ts'
import type { Facts } from './files.ts'

const kindOf = (mode: bigint): InodeKind | undefined =>
  (Object.keys(kindBits) as InodeKind[]).find(
    (kind) => BigInt(kindBits[kind]) === (mode & 0o170000n) && kind !== 'anonymous',
  )

/** A struct stat or statx as strace writes it. */
export function statTells(value: Value | undefined): Facts {
  if (value?.kind !== 'struct') return {}
  const number = (name: string): bigint | undefined => {
    const found = value.fields.find((field) => field.name === `st_${name}` || field.name === `stx_${name}`)
    return found && numberIn(found.value)
  }
  const [mode, uid, gid, size] = [number('mode'), number('uid'), number('gid'), number('size')]
  const major = number('rdev_major')
  const rdev = number('rdev')
  const kind = mode === undefined ? undefined : kindOf(mode)
  const device: readonly [number, number] | undefined =
    major !== undefined
      ? [Number(major), Number(number('rdev_minor') ?? 0n)]
      : rdev !== undefined
        ? [Number((rdev >> 8n) & 0xfffn), Number((rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n))]
        : undefined
  return {
    ...(kind && { kind }),
    ...(mode !== undefined && { mode: Number(mode & 0o7777n) }),
    ...(uid !== undefined && { uid: Number(uid) }),
    ...(gid !== undefined && { gid: Number(gid) }),
    ...(size !== undefined && (kind === 'file' || kind === 'symlink') && { sizeBytes: Number(size) }),
    ...((kind === 'character' || kind === 'block') && device && { device }),
  }
}

/** The target of a link; a fact only when it is whole. */
export function linkTells(value: Value | undefined): Facts {
  return value?.kind === 'string' ? { kind: 'symlink', target: nameOfBytes(value.bytes) } : { kind: 'symlink' }
}

const kinds: Readonly<Record<string, InodeKind>> = {
  ...{ DT_REG: 'file', DT_DIR: 'directory', DT_LNK: 'symlink', DT_CHR: 'character', DT_BLK: 'block' },
  ...{ DT_FIFO: 'fifo', DT_SOCK: 'socket' },
}
const numbers: Readonly<Record<string, string>> = {
  ...{ '8': 'DT_REG', '4': 'DT_DIR', '10': 'DT_LNK', '2': 'DT_CHR', '6': 'DT_BLK', '1': 'DT_FIFO', '12': 'DT_SOCK' },
}

/** Names of a listing (strace -v), without `.` and `..`; undefined where strace has left them out. */
export function namesTold(value: Value | undefined): readonly (readonly [string, InodeKind])[] | undefined {
  if (value?.kind !== 'list') return undefined
  const names: (readonly [string, InodeKind])[] = []
  for (const item of value.items) {
    if (item.kind !== 'struct') return undefined
    const field = (name: string) => item.fields.find((other) => other.name === name)?.value
    const name = field('d_name')
    const type = field('d_type')
    if (name?.kind !== 'string') return undefined
    const text = nameOfBytes(name.bytes)
    const word = type?.kind === 'name' ? type.name : numbers[String(type && numberIn(type))]
    if (text !== '.' && text !== '..') names.push([text, kinds[word ?? ''] ?? 'file'])
  }
  return names
}
