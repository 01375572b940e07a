// Numbers as the files of cgroups take them. kstrtoint() in lib/kstrtox.c

import { type Denied, deny } from '../outcome.ts'

/**
 * A whole text as an integer: `0x` and `0` are hexadecimal and octal, one sign, one newline at the end.
 *
 * @errors EINVAL no number; ERANGE outside of the range
 */
export function parseInteger(
  text: string,
  range: { readonly min: bigint; readonly max: bigint } = intRange,
): number | Denied {
  const found = /^([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)\n?$/.exec(text)
  const no = () => deny('EINVAL', 'kstrtoint', `${JSON.stringify(text)} is not a number`)
  if (!found || (found[1] === '-' && range.min >= 0n)) return no()
  const digits = found[2]!
  const octal = /^0[0-9]/.test(digits)
  if (octal && /[89]/.test(digits)) return no()
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits) * (found[1] === '-' ? -1n : 1n)
  if (value < range.min || value > range.max)
    return deny('ERANGE', 'kstrtoint', `${digits} does not fit: ${range.min} to ${range.max}`)
  return Number(value)
}

export const intRange = { min: -(2n ** 31n), max: 2n ** 31n - 1n } as const
export const longLongRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const
export const unsignedRange = { min: 0n, max: 2n ** 64n - 1n } as const

/** Blanks and newlines on both ends taken off, and no others. strstrip() */
export const strip = (text: string): string => text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')

/** `max` for undefined. */
export const shown = (limit: number | undefined): string => (limit === undefined ? 'max' : String(limit))
