// Reads a tar archive from a stream: ustar, PAX and GNU headers, binary extended attributes, sparse files. tar(5).
// Pure, so that the same reader serves every kernel; it touches no file and believes nothing about names.

import { UserError } from '../errors.ts'
import { nameOfBytes } from '../file-name.ts'
import { ByteReader } from './bytes.ts'
import { type SparseMap, sparseMap, sparsePieces } from './sparse.ts'
import {
  blockBytes,
  checksumHolds,
  numberOf,
  type PaxRecord,
  paxNumber,
  paxRecords,
  paxTime,
  untilNul,
} from './tar-header.ts'

export type EntryType = 'file' | 'hardlink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo'

/** Content at a place of the file; between pieces are holes. */
export interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

export interface TarEntry {
  /** As the archive has it: hostile until checked. */
  readonly path: string
  readonly type: EntryType
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** The file's size, holes included. */
  readonly sizeBytes: number
  readonly mtimeSec: number
  readonly mtimeNsec: number
  /** Target of a symbolic or hard link, as the archive has it. */
  readonly link: string
  readonly major: number
  readonly minor: number
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  /** Where its content starts in the archive; undefined for a sparse file, whose pieces lie apart. */
  readonly startBytes: number | undefined
  /** To be read before the next entry is asked for, or not at all. */
  readonly content: () => AsyncIterable<Piece>
}

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
}

/** Names and PAX headers are kept in memory; an honest one is far below this. */
const headerLimitBytes = 1 << 20
/** Each entry goes through all of them. */
const globalsMax = 1000

/**
 * The entries of an archive, in its order.
 *
 * @errors UserError when the archive is damaged or has a kind of entry that is not known
 */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source)
  try {
    yield* entriesOf(reader)
    await reader.drain()
  } finally {
    await reader.end()
  }
}

async function* entriesOf(reader: ByteReader): AsyncGenerator<TarEntry> {
  let globals: readonly PaxRecord[] = []
  let locals: readonly PaxRecord[] = []
  let longName: Uint8Array | undefined
  let longLink: Uint8Array | undefined
  for (;;) {
    const block = await reader.exactly(blockBytes, true)
    if (block === undefined || block.every((byte) => byte === 0)) return
    if (!checksumHolds(block)) throw new UserError('tar header: its checksum is wrong, the archive is damaged')
    const flag = String.fromCharCode(block[156]!)
    const sizeBytes = numberOf(block.subarray(124, 136), 'size')
    if (flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K') {
      if (sizeBytes < 0 || sizeBytes > headerLimitBytes) {
        throw new UserError(`tar header: ${sizeBytes} bytes of names and attributes are more than ${headerLimitBytes}`)
      }
      const body = (await reader.exactly(sizeBytes))!
      await reader.skip(padding(sizeBytes))
      if (flag === 'x') locals = paxRecords(body)
      else if (flag === 'g') globals = merged(globals, paxRecords(body))
      else if (flag === 'L') longName = untilNul(body)
      else longLink = untilNul(body)
      continue
    }
    const entry = await describe(reader, block, flag, { pax: [...globals, ...locals], longName, longLink })
    locals = []
    longName = undefined
    longLink = undefined
    yield entry
    await reader.skip(reader.leftBytes)
  }
}

/** Global records hold for all entries that follow; they are bounded as a whole, as each archive may have many. */
function merged(old: readonly PaxRecord[], more: readonly PaxRecord[]): PaxRecord[] {
  const all = [...old, ...more]
  const bytes = all.reduce((sum, record) => sum + record.key.length + record.value.length, 0)
  if (bytes > headerLimitBytes) throw new UserError(`tar header: more than ${headerLimitBytes} bytes for all entries`)
  if (all.length > globalsMax) throw new UserError(`tar header: more than ${globalsMax} records for all entries`)
  return all
}

function padding(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}

interface Extras {
  readonly pax: readonly PaxRecord[]
  readonly longName: Uint8Array | undefined
  readonly longLink: Uint8Array | undefined
}

async function describe(reader: ByteReader, block: Uint8Array, flag: string, extras: Extras): Promise<TarEntry> {
  const pax = new Map(extras.pax.map((record) => [record.key, record.value]))
  const given = (key: string) => (pax.get(key)?.length ? pax.get(key) : undefined)
  const posix = block[262] === 0 && nameOfBytes(block.subarray(257, 262)) === 'ustar'
  const prefix = posix ? untilNul(block.subarray(345, 500)) : new Uint8Array()
  const short = nameOfBytes(untilNul(block.subarray(0, 100)))
  const path = given('GNU.sparse.name') ?? given('path') ?? extras.longName
  const name = path ? nameOfBytes(path) : prefix.length > 0 ? `${nameOfBytes(prefix)}/${short}` : short
  const link = nameOfBytes(given('linkpath') ?? extras.longLink ?? untilNul(block.subarray(157, 257)))
  if (name.includes('\0') || link.includes('\0')) throw new UserError('tar header: a name contains a NUL byte')

  const known = types[flag]
  if (known === undefined) throw new UserError(`tar entry ${name}: its kind ${JSON.stringify(flag)} is not known`)
  // Before ustar, a directory was a file whose name ends in a slash.
  const type = known === 'file' && name.endsWith('/') ? 'directory' : known

  const number = (key: string, from: number, to: number) => {
    const record = given(key)
    return record ? paxNumber(record, key) : numberOf(block.subarray(from, to), key)
  }
  const storedBytes = number('size', 124, 136)
  if (storedBytes < 0) throw new UserError(`tar entry ${name}: its size is negative`)
  const time = given('mtime')
  const mtime = time ? paxTime(time, 'mtime') : { sec: numberOf(block.subarray(136, 148), 'mtime'), nsec: 0 }

  // Only files carry content; a size in other headers means nothing. (Directories of old tars carry a quota there.)
  reader.leftBytes = type === 'file' ? storedBytes + padding(storedBytes) : 0
  const sparse = type === 'file' ? await sparseMap(reader, block, flag, extras.pax, storedBytes) : undefined
  const contentBytes = sparse?.storedBytes ?? storedBytes
  const device = type === 'character' || type === 'block'
  return {
    path: name,
    type,
    mode: numberOf(block.subarray(100, 108), 'mode') & 0o7777,
    uid: idOf(number('uid', 108, 116), 'uid', name),
    gid: idOf(number('gid', 116, 124), 'gid', name),
    sizeBytes: type === 'file' ? (sparse?.sizeBytes ?? storedBytes) : 0,
    mtimeSec: mtime.sec,
    mtimeNsec: mtime.nsec,
    link,
    major: device ? numberOf(block.subarray(329, 337), 'major') : 0,
    minor: device ? numberOf(block.subarray(337, 345), 'minor') : 0,
    xattrs: xattrsOf(pax),
    startBytes: sparse ? undefined : reader.positionBytes,
    content: () => (type === 'file' ? contentOf(reader, contentBytes, sparse) : none()),
  }
}

/** An id of 32 bits; old tars have those of the upper half as negative numbers. The last one stands for none. chown(2) */
function idOf(id: number, key: string, name: string): number {
  if (id >= -(2 ** 31) && id < 2 ** 32 - 1 && id !== -1) return id >>> 0
  throw new UserError(`tar entry ${name}: its ${key} ${id} is none`)
}

async function* none(): AsyncGenerator<Piece> {}

async function* contentOf(reader: ByteReader, sizeBytes: number, sparse?: SparseMap): AsyncGenerator<Piece> {
  if (sparse) return yield* sparsePieces(reader, sparse)
  for (let offset = 0; offset < sizeBytes; ) {
    const bytes = await reader.upTo(sizeBytes - offset)
    yield { offset, bytes }
    offset += bytes.length
  }
}

/** star's records, which GNU tar, umoci, Go and BuildKit write too; the values are raw bytes. */
function xattrsOf(pax: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>()
  for (const [key, value] of pax) {
    if (key.startsWith('SCHILY.xattr.')) xattrs.set(key.slice('SCHILY.xattr.'.length), value)
  }
  return xattrs
}
