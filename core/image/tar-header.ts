// The blocks of a tar archive: numbers, checksums, PAX records. tar(5), POSIX pax, "Basic Tar Format" of the GNU tar manual.

import { UserError } from '../errors.ts'
import { nameOfBytes } from '../file-name.ts'

export const blockBytes = 512

const lenient = new TextDecoder()

/** The bytes of a field up to its first NUL. */
export function untilNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0)
  return end < 0 ? field : field.subarray(0, end)
}

/** A number: octal digits between spaces and NULs, or GNU's base-256 (first bit set; two's complement). */
export function numberOf(field: Uint8Array, what: string): number {
  const first = field[0]!
  if (first & 0x80) {
    let value = first & 0x40 ? BigInt.asIntN(8, BigInt(first)) : BigInt(first & 0x3f)
    for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte)
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw new UserError(`tar header: its ${what} ${value} is too large`)
    return number
  }
  const text = lenient.decode(field).replace(/\0.*$/s, '').trim()
  if (text === '') return 0
  if (!/^[0-7]+$/.test(text)) throw new UserError(`tar header: its ${what} ${JSON.stringify(text)} is no octal number`)
  return Number.parseInt(text, 8)
}

/** Whether a block's checksum is right; old tars summed signed bytes. */
export function checksumHolds(block: Uint8Array): boolean {
  let unsigned = 0
  let signed = 0
  for (let at = 0; at < blockBytes; at++) {
    const byte = at >= 148 && at < 156 ? 32 : block[at]!
    unsigned += byte
    signed += byte < 128 ? byte : byte - 256
  }
  const sum = numberOf(block.subarray(148, 156), 'checksum')
  return sum === unsigned || sum === signed
}

/** One PAX record; the value stays bytes, as extended attributes are. */
export interface PaxRecord {
  readonly key: string
  readonly value: Uint8Array
}

/** The records of a PAX header, in order: `LENGTH KEY=VALUE\n`, the length counting all of it. */
export function paxRecords(bytes: Uint8Array): PaxRecord[] {
  const records: PaxRecord[] = []
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at)
    const digits = space < 0 ? '' : lenient.decode(bytes.subarray(at, space))
    const end = at + Number(digits)
    const equals = bytes.indexOf(61, space)
    const wellFormed = /^[1-9][0-9]{0,9}$/.test(digits) && end <= bytes.length && bytes[end - 1] === 10
    if (!wellFormed || equals < 0 || equals >= end) throw new UserError('tar header: a PAX record is malformed')
    const key = nameOfBytes(bytes.subarray(space + 1, equals))
    records.push({ key, value: bytes.subarray(equals + 1, end - 1) })
    at = end
  }
  return records
}

/** A PAX number or time: decimal digits, a sign and a fraction allowed. Nanoseconds are cut off below. */
export function paxTime(value: Uint8Array, key: string): { readonly sec: number; readonly nsec: number } {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(lenient.decode(value))
  if (!match) throw new UserError(`tar header: PAX ${key} ${JSON.stringify(lenient.decode(value))} is no time`)
  const sec = Number(match[2])
  const nsec = Number((match[3] ?? '').padEnd(9, '0').slice(0, 9))
  if (match[1] !== '-') return { sec, nsec }
  // timespec counts nanoseconds forward, also before 1970
  return nsec === 0 ? { sec: -sec, nsec } : { sec: -sec - 1, nsec: 1e9 - nsec }
}

export function paxNumber(value: Uint8Array, key: string): number {
  const text = lenient.decode(value)
  if (!/^\d{1,15}$/.test(text)) throw new UserError(`tar header: PAX ${key} ${JSON.stringify(text)} is no number`)
  return Number(text)
}
