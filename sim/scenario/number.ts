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
  if (name === 'htons' || name === 'htonl' || name === 'ntohs') return first
  // dev_t as the kernel packs it for user space: sys/sysmacros.h
  if (name === 'makedev' && first !== undefined && second !== undefined)
    return ((first & 0xfffn) << 8n) | (second & 0xffn) | ((second & 0xfff00n) << 12n)
  return undefined
}

/** A 64-bit set of signals: `[TERM CHLD]`, `~[KILL]`. */
export function signalSet(value: Value): bigint | undefined {
  if (value.kind !== 'list') return numberIn(value) === 0n ? 0n : undefined
  let set = 0n
  for (const item of value.items) {
    const name = item.kind === 'name' ? item.name : ''
    const signal = constant(`SIG${name}`)
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

/** A socket's address: struct sockaddr_un, sockaddr_in, sockaddr_nl. */
export function socketAddress(value: Value): Uint8Array | undefined {
  if (value.kind !== 'struct') return undefined
  const field = (name: string) => value.fields.find((other) => other.name === name)?.value
  const domain = numberIn(field('sa_family') ?? { kind: 'anything' })
  if (domain === undefined) return undefined
  const head = [Number(domain) & 255, Number(domain) >> 8]
  const path = field('sun_path')
  if (path?.kind === 'string')
    return Uint8Array.from([...head, ...(path.abstract ? [0] : []), ...path.bytes, ...(path.abstract ? [] : [0])])
  if (domain === 1n) return Uint8Array.from(head)
  const word = (number: bigint, width: number) =>
    Array.from({ length: width }, (_, index) => Number((number >> BigInt(8 * index)) & 255n))
  if (domain === 16n)
    return Uint8Array.from([
      ...head,
      ...[0, 0],
      ...word(numberIn(field('nl_pid') ?? { kind: 'anything' }) ?? 0n, 4),
      ...word(numberIn(field('nl_groups') ?? { kind: 'anything' }) ?? 0n, 4),
    ])
  const port = numberIn(field('sin_port') ?? { kind: 'anything' })
  const address = field('sin_addr')
  const text = address?.kind === 'apply' && address.args[0]?.kind === 'string' ? address.args[0].bytes : undefined
  if (domain !== 2n || port === undefined || text === undefined) return undefined
  const numbers = new TextDecoder().decode(text).split('.').map(Number)
  return Uint8Array.from([...head, ...word(port, 2).reverse(), ...numbers, ...new Array<number>(8).fill(0)])
}
