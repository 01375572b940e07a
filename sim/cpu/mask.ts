// Sets of processors or memory nodes: as bits, as bytes of sched_setaffinity(2), and as lists such as `0-3,8`.

import { type Denied, deny } from '../outcome.ts'

/** Bit n is processor n. */
export type CpuMask = bigint

/** The first so many. */
export const firstCpus = (count: number): CpuMask => (1n << BigInt(count)) - 1n

export function* membersOf(mask: CpuMask): Generator<number> {
  for (let number = 0, left = mask; left > 0n; left >>= 1n, number++) if (left & 1n) yield number
}

export function weightOf(mask: CpuMask): number {
  let count = 0
  for (let left = mask; left > 0n; left &= left - 1n) count += 1
  return count
}

/** `0-3,8`; nothing for the empty set. bitmap_list_string() */
export function listText(mask: CpuMask): string {
  const parts: string[] = []
  let first: number | undefined
  let last = -2
  const flush = () => {
    if (first !== undefined) parts.push(first === last ? `${first}` : `${first}-${last}`)
  }
  for (const number of membersOf(mask)) {
    if (number !== last + 1) {
      flush()
      first = number
    }
    last = number
  }
  flush()
  return parts.join(',')
}

/**
 * A list as people write it: ranges, single numbers, groups of ranges (`0-7:1/2`), `all`, N for the last. bitmap_parselist()
 *
 * @param bits - how many there can be
 * @errors EINVAL junk, a reversed range; ERANGE a number beyond; EOVERFLOW one of more than 32 bits
 */
export function parseList(text: string, bits: number, rule: string, file: string): CpuMask | Denied {
  const invalid = () => deny('EINVAL', rule, `${file}: this is not a list such as 0-3,8`)
  let mask = 0n
  for (const part of text.trim().split(/[\s,]+/)) {
    if (part === '') continue
    const region = part.replace(/^all/, `0-${bits - 1}`).replace(/\bN\b/g, String(bits - 1))
    const found = /^([0-9]+)(?:-([0-9]+)(?::([0-9]+)\/([0-9]+))?)?$/.exec(region)
    if (!found) return invalid()
    const start = Number(found[1])
    const end = Number(found[2] ?? found[1])
    const [used, group] = found[3] === undefined ? [1, 1] : [Number(found[3]), Number(found[4])]
    if (end >= 2 ** 32) return deny('EOVERFLOW', rule, `${file}: a number has 32 bits`)
    if (start > end || group === 0 || used > group) return invalid()
    if (end >= bits) return deny('ERANGE', rule, `${file}: there is no number beyond ${bits - 1}`)
    for (let number = start; number <= end; number++) if ((number - start) % group < used) mask |= 1n << BigInt(number)
  }
  return mask
}

/** As bytes, the lowest first. */
export function maskOf(bytes: Uint8Array): CpuMask {
  let mask = 0n
  for (let at = bytes.length - 1; at >= 0; at--) mask = (mask << 8n) | BigInt(bytes[at]!)
  return mask
}

export function bytesOf(mask: CpuMask, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let left = mask
  for (let at = 0; at < length; at++, left >>= 8n) bytes[at] = Number(left & 0xffn)
  return bytes
}
