// Bytes as control files take and show them: memparse(), page_counter_memparse().

import { pageBytes } from '../memory.ts'
import { type Denied, deny } from '../outcome.ts'
import { strip } from './numbers.ts'

/** Counters of pages end here; what is as much or more is no limit. PAGE_COUNTER_MAX */
export const pagesMax = Number((2n ** 63n - 1n) / BigInt(pageBytes))

function inBase(digits: string): bigint {
  return /^0[0-9]/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits)
}

const suffixes = 'kmgtpe'

/** Bytes with an optional suffix, and what follows them. Numbers beyond 64 bits wrap. memparse() */
export function memoryParse(text: string): { readonly bytes: bigint; readonly rest: string } {
  const found = /^(?:0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)/i.exec(text)
  const digits = found?.[0] ?? ''
  let bytes = BigInt.asUintN(64, digits === '' ? 0n : inBase(digits))
  let rest = text.slice(digits.length)
  const power = rest === '' ? -1 : suffixes.indexOf(rest[0]!.toLowerCase())
  if (power >= 0) {
    bytes = BigInt.asUintN(64, bytes << BigInt(10 * (power + 1)))
    rest = rest.slice(1)
  }
  return { bytes, rest }
}

/**
 * Whole pages of bytes with a suffix, or the word for no limit: `max`, on version 1 `-1`. undefined is no limit.
 * page_counter_memparse()
 */
export function pagesOf(text: string, none: 'max' | '-1', rule: string, file: string): number | undefined | Denied {
  const stripped = strip(text)
  if (stripped === none) return undefined
  const { bytes, rest } = memoryParse(stripped)
  if (rest !== '') return deny('EINVAL', rule, `${file}: this is neither bytes nor ${none}`)
  const pages = Number(bytes / BigInt(pageBytes))
  return pages >= pagesMax ? undefined : pages
}

/** Pages in bytes, exact however many. */
export const bytesText = (pages: number): string =>
  pages < 2 ** 40 ? String(pages * pageBytes) : String(BigInt(pages) * BigInt(pageBytes))

/** A limit as files of version 2 show it. */
export const limitText = (pages: number | undefined): string => (pages === undefined ? 'max' : bytesText(pages))

/** As files of version 1 show it. */
export const legacyLimitText = (pages: number | undefined): string => bytesText(pages ?? pagesMax)
