// What a written value is as a number, a string, a set of signals.

import { constant, families } from './constants.ts'
import type { Value } from './value.ts'

/** The number that a value stands for; undefined when it stands for none that is known here. */
export function numberIn(value: Value): bigint | undefined {
  switch (value.kind) {
    case 'number':
      return value.number
    case 'name':
      return constant(value.name)
    case 'join': {
      const parts = value.parts.map(numberIn)
      if (parts.includes(undefined)) return undefined
      return joined(value.operator, parts as bigint[])
    }
    case 'apply':
      return applied(
        value.name,
        value.args.map((arg) => numberIn(arg)),
      )
    case 'named':
      return numberIn(value.value)
    case 'list':
      // `[7]`: what a pointer to a number points at.
      return value.items.length === 1 && !value.others ? numberIn(value.items[0]!) : undefined
    default:
      return undefined
  }
}

function joined(operator: string, parts: readonly bigint[]): bigint | undefined {
  switch (operator) {
    case '|':
      return parts.reduce((all, part) => all | part, 0n)
    case '<<':
      return parts.reduce((all, part) => all << part)
    case '*':
      return parts.reduce((all, part) => all * part, 1n)
    default:
      return undefined
  }
}

function applied(name: string, args: readonly (bigint | undefined)[]): bigint | undefined {
  const [first, second] = args
  if (name === '-' && first !== undefined) return -first
  if (name === 'htons' || name === 'htonl' || name === 'ntohs' || name === 'ntohl') return first
  // dev_t as the kernel packs it for user space: sys/sysmacros.h
  if (name === 'makedev' && first !== undefined && second !== undefined)
    return ((first & 0xfffn) << 8n) | (second & 0xffn) | ((second & 0xfff00n) << 12n)
  return undefined
}

/** A set of capabilities: `1<<CAP_KILL|1<<CAP_CHOWN`, or with `strace -X raw` its two halves, `0xfeffffff|0x1ff`. */
export function capabilitySet(value: Value): bigint | undefined {
  if (value.kind !== 'join' || value.operator !== '|') return numberIn(value)
  const [low, high] = value.parts
  if (value.parts.length !== 2 || low?.kind !== 'number' || high?.kind !== 'number') return numberIn(value)
  return low.number | (high.number << 32n)
}

/** A 64-bit set of signals: `[TERM CHLD]`, `~[KILL]`. */
export function signalSet(value: Value): bigint | undefined {
  if (value.kind !== 'list') return numberIn(value) === 0n ? 0n : undefined
  let set = 0n
  for (const item of value.items) {
    const name = item.kind === 'name' ? item.name : ''
    const signal = item.kind === 'number' ? item.number : constant(`SIG${name}`)
    if (signal === undefined) return undefined
    set |= 1n << (signal - 1n)
  }
  return value.others ? BigInt.asUintN(64, ~set) : set
}

/** The inverse: fewer words of the two ways. */
export function signalSetText(set: bigint): string {
  const words = (bits: bigint) =>
    Object.entries<number>(families.signal.names)
      .filter(([, signal]) => (bits >> BigInt(signal - 1)) & 1n)
      .map(([name]) => name.slice(3))
  const [inside, outside] = [words(set), words(~set)]
  return set > 2n ** 33n && outside.length < inside.length ? `~[${outside.join(' ')}]` : `[${inside.join(' ')}]`
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A name as core's calls have it: a byte that is no UTF-8 is the lone surrogate U+DC80 to U+DCFF. */
export function nameOfBytes(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  const name = end < 0 ? bytes : bytes.subarray(0, end)
  try {
    return strict.decode(name)
  } catch {
    return Array.from(name, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('')
  }
}
