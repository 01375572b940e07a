// Writes the headers of a tar archive: ustar where an entry fits, PAX records where it does not. tar(5); POSIX pax,
// "ustar Interchange Format" and "pax Header Block". The same entry gives the same bytes.

import { bytesOfName } from '../file-name.ts'
import type { EntryType, TarEntry } from './tar.ts'
import { blockBytes } from './tar-header.ts'

/** What an archive says of an entry; a path's bytes that are no UTF-8 are escaped (core/file-name.ts) and written as they are. */
export type TarMember = Omit<TarEntry, 'startBytes' | 'content'>

const flags: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

const encoder = new TextEncoder()
const nameBytes = 100
const prefixBytes = 155
/** Octal digits of the fields. */
const idMax = 0o7777777
const sizeMax = 0o77777777777

/** The end of an archive. */
export const tarEnd = new Uint8Array(2 * blockBytes)

/** The zeros that follow content of so many bytes. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return tarEnd.subarray(0, (blockBytes - (sizeBytes % blockBytes)) % blockBytes)
}

/** A plain file or directory of root's, as the members of image archives are. */
export function plainMember(path: string, type: EntryType, sizeBytes = 0): TarMember {
  return {
    path,
    type,
    mode: type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes,
    mtimeSec: 0,
    mtimeNsec: 0,
    link: '',
    major: 0,
    minor: 0,
    xattrs: new Map(),
  }
}

/** The header of an entry, its PAX header before it when it needs one; content of `sizeBytes`, padded, is to follow. */
export function tarHeader(member: TarMember): Uint8Array {
  const path = bytesOfName(member.type === 'directory' && !member.path.endsWith('/') ? `${member.path}/` : member.path)
  const link = bytesOfName(member.link)
  const sizeBytes = member.type === 'file' ? member.sizeBytes : 0
  const split = splitPath(path)
  const records = new Map<string, Uint8Array>()
  const number = (key: string, value: number, max: number): number => {
    if (value >= 0 && value <= max) return value
    records.set(key, encoder.encode(String(value)))
    return 0
  }
  const uid = number('uid', member.uid, idMax)
  const gid = number('gid', member.gid, idMax)
  const size = number('size', sizeBytes, sizeMax)
  let mtime = number('mtime', member.mtimeSec, sizeMax)
  if (member.mtimeNsec !== 0) {
    records.set('mtime', encoder.encode(paxTimeOf(member.mtimeSec, member.mtimeNsec)))
    mtime = Math.max(0, mtime)
  }
  if (split === undefined || isForeign(member.path)) records.set('path', path)
  if (link.length > nameBytes || isForeign(member.link)) records.set('linkpath', link)
  for (const [name, value] of member.xattrs) records.set(`SCHILY.xattr.${name}`, value)
  // Values that are no UTF-8 must be announced.
  const raw =
    (records.has('path') && !member.path.isWellFormed()) || (records.has('linkpath') && !member.link.isWellFormed())
  if (raw) records.set('hdrcharset', encoder.encode('BINARY'))
  const device = member.type === 'character' || member.type === 'block'
  const block = headerBlock({
    name: split?.name ?? path,
    prefix: split?.prefix ?? new Uint8Array(),
    mode: member.mode,
    uid,
    gid,
    size,
    mtime,
    flag: flags[member.type],
    link,
    major: device ? member.major : 0,
    minor: device ? member.minor : 0,
  })
  return records.size === 0 ? block : joined([paxHeader(records, split?.name ?? path), block])
}

/** Text that ASCII does not hold is said in PAX, which is UTF-8; bytes that are no text stay where they are if they fit. */
function isForeign(text: string): boolean {
  return text.isWellFormed() && /[^\x00-\x7f]/.test(text)
}

/** ustar keeps a long path in two fields, parted at a slash; undefined when there is no such slash. */
function splitPath(path: Uint8Array): { readonly name: Uint8Array; readonly prefix: Uint8Array } | undefined {
  if (path.length <= nameBytes) return { name: path, prefix: new Uint8Array() }
  // The slash at a directory's end parts nothing.
  const slash = path.lastIndexOf(47, Math.min(prefixBytes, path.length - 2))
  if (slash <= 0 || path.length - slash - 1 > nameBytes) return undefined
  return { name: path.subarray(slash + 1), prefix: path.subarray(0, slash) }
}

function paxTimeOf(sec: number, nsec: number): string {
  const [sign, whole, part] = sec < 0 ? ['-', -sec - 1, 1e9 - nsec] : ['', sec, nsec]
  return `${sign}${whole}.${String(part).padStart(9, '0').replace(/0+$/, '')}`
}

function paxHeader(records: ReadonlyMap<string, Uint8Array>, name: Uint8Array): Uint8Array {
  const sorted = [...records].sort(([a], [b]) => (a < b ? -1 : 1))
  const body = joined(sorted.map(([key, value]) => paxRecord(key, value)))
  const block = headerBlock({
    // For readers that do not know PAX and make it a file.
    name: joined([encoder.encode('PaxHeaders/'), name]).subarray(0, nameBytes),
    prefix: new Uint8Array(),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    mtime: 0,
    flag: 'x',
    link: new Uint8Array(),
    major: 0,
    minor: 0,
  })
  return joined([block, body, tarPadding(body.length)])
}

/** `LENGTH KEY=VALUE\n`; the length counts its own digits. */
function paxRecord(key: string, value: Uint8Array): Uint8Array {
  const rest = joined([encoder.encode(` ${key}=`), value, encoder.encode('\n')])
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return joined([encoder.encode(String(length)), rest])
}

interface Fields {
  readonly name: Uint8Array
  readonly prefix: Uint8Array
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly flag: string
  readonly link: Uint8Array
  readonly major: number
  readonly minor: number
}

function headerBlock(fields: Fields): Uint8Array {
  const block = new Uint8Array(blockBytes)
  const octal = (value: number, at: number, digits: number) =>
    encoder.encodeInto(value.toString(8).padStart(digits, '0'), block.subarray(at))
  block.set(fields.name.subarray(0, nameBytes), 0)
  octal(fields.mode & 0o7777, 100, 7)
  octal(fields.uid, 108, 7)
  octal(fields.gid, 116, 7)
  octal(fields.size, 124, 11)
  octal(fields.mtime, 136, 11)
  // The checksum counts its own field as spaces.
  block.fill(32, 148, 156)
  block[156] = fields.flag.charCodeAt(0)
  block.set(fields.link.subarray(0, nameBytes), 157)
  encoder.encodeInto('ustar\u000000', block.subarray(257))
  octal(fields.major, 329, 7)
  octal(fields.minor, 337, 7)
  block.set(fields.prefix, 345)
  let sum = 0
  for (const byte of block) sum += byte
  octal(sum, 148, 6)
  block[154] = 0
  return block
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
