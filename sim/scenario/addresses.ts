// Addresses of sockets as strace writes them: struct sockaddr_un, sockaddr_in, sockaddr_in6, sockaddr_nl. unix(7), ip(7)

import { actualPort, type Names } from './names.ts'
import { numberIn } from './number.ts'
import type { Value } from './value.ts'

const nothing: Value = { kind: 'anything' }
const word = (number: bigint, width: number): number[] =>
  Array.from({ length: width }, (_, index) => Number((number >> BigInt(8 * index)) & 255n))
const number = (value: number | bigint): Value => ({ kind: 'number', number: BigInt(value) })
const name = (text: string): Value => ({ kind: 'name', name: text })
const text = (value: string): Value => ({ kind: 'string', bytes: new TextEncoder().encode(value), cut: false })
const apply = (of: string, ...args: Value[]): Value => ({ kind: 'apply', name: of, args })
const stringIn = (value: Value | undefined): string | undefined =>
  value?.kind === 'string' ? new TextDecoder().decode(value.bytes) : undefined

/** Members that `strace -X raw` shows as bytes, as it shows them otherwise. */
export function plainAddress(value: Value): Value {
  if (value.kind !== 'struct') return value
  const fields = value.fields.map((field) => {
    if (field.value.kind !== 'string') return field
    const { bytes } = field.value
    if (/^sin6?_port$/.test(field.name) && bytes.length === 2)
      return { ...field, value: apply('htons', number((bytes[0]! << 8) | bytes[1]!)) }
    if (field.name === 'sin_addr' && bytes.length === 4)
      return { ...field, value: apply('inet_addr', text(bytes.join('.'))) }
    if (field.name !== 'sin6_addr' || bytes.length !== 16) return field
    const shown = text(colons(new DataView(Uint8Array.of(...new Uint8Array(8), ...bytes).buffer)))
    return { name: '', value: apply('inet_pton', name('AF_INET6'), shown, name('sin6_addr')) }
  })
  return { ...value, fields }
}

/** `inet_addr("10.0.0.1")`, `inet_pton(AF_INET6, "::1", ...)`, or either text alone. */
export function internetAddress(value: Value | undefined): number[] | undefined {
  if (value?.kind === 'apply') return internetAddress(value.args.find((arg) => arg.kind === 'string'))
  const written = stringIn(value)
  if (written === undefined) return undefined
  return written.includes(':') ? sixteenBytes(written) : written.split('.').map(Number)
}

function sixteenBytes(written: string): number[] {
  const [head = '', tail] = written.split('::')
  const part = (words: string): number[] =>
    words
      .split(':')
      .filter(Boolean)
      .flatMap((one) =>
        one.includes('.')
          ? one.split('.').map(Number)
          : [Number.parseInt(one, 16) >> 8, Number.parseInt(one, 16) & 255],
      )
  const [front, back] = [part(head), part(tail ?? '')]
  return [...front, ...new Array<number>(Math.max(0, 16 - front.length - back.length)).fill(0), ...back]
}

/** A struct as bytes, with the ports that the kernel has given for those that are written. */
export function addressBytes(written: Value, names: Names): Uint8Array | undefined {
  const value = plainAddress(written)
  if (value.kind !== 'struct') return undefined
  const field = (wanted: string) => value.fields.find((other) => other.name === wanted)?.value
  const count = (wanted: string) => numberIn(field(wanted) ?? nothing) ?? 0n
  const domain = numberIn(field('sa_family') ?? nothing)
  if (domain === undefined) return undefined
  const head = [Number(domain) & 255, Number(domain) >> 8]
  const path = field('sun_path')
  if (path?.kind === 'string')
    return Uint8Array.from([...head, ...(path.abstract ? [0] : []), ...path.bytes, ...(path.abstract ? [] : [0])])
  const data = field('sa_data')
  if (data?.kind === 'string') return Uint8Array.from([...head, ...data.bytes])
  if (domain === 16n)
    return Uint8Array.from([...head, 0, 0, ...word(count('nl_pid'), 4), ...word(count('nl_groups'), 4)])
  if (domain === 2n) {
    const address = internetAddress(field('sin_addr'))
    if (address === undefined) return undefined
    const port = word(actualPort(names, count('sin_port')), 2).reverse()
    return Uint8Array.from([...head, ...port, ...address, ...new Array<number>(8).fill(0)])
  }
  if (domain === 10n) {
    const address = internetAddress(field('sin6_addr') ?? field(''))
    if (address === undefined) return undefined
    const port = word(actualPort(names, count('sin6_port')), 2).reverse()
    return Uint8Array.from([...head, ...port, 0, 0, 0, 0, ...address, ...word(count('sin6_scope_id'), 4)])
  }
  return Uint8Array.from(head)
}

const struct = (...fields: readonly (readonly [string, Value])[]): Value => ({
  kind: 'struct',
  fields: fields.map(([field, value]) => ({ name: field, value })),
  open: false,
})

/** Bytes as a struct; zeros behind a name are room that was not used. Undefined: nothing was written. */
export function addressValue(bytes: Uint8Array): Value | undefined {
  if (bytes.length < 2 || (bytes[0] === 0 && bytes[1] === 0)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (view.getUint16(0, true)) {
    case 1:
      return unixAddress(bytes.subarray(2))
    case 2:
      return struct(
        ['sa_family', name('AF_INET')],
        ['sin_port', apply('htons', number(view.getUint16(2)))],
        ['sin_addr', apply('inet_addr', text(bytes.subarray(4, 8).join('.')))],
      )
    case 10:
      // Where there was room for the head alone.
      if (bytes.length < 24) return struct(['sa_family', name('AF_INET6')])
      return struct(
        ['sa_family', name('AF_INET6')],
        ['sin6_port', apply('htons', number(view.getUint16(2)))],
        ['', apply('inet_pton', name('AF_INET6'), text(colons(view)), name('sin6_addr'))],
      )
    case 16:
      if (bytes.length < 12) return struct(['sa_family', name('AF_NETLINK')])
      return struct(
        ['sa_family', name('AF_NETLINK')],
        ['nl_pid', number(view.getInt32(4, true))],
        ['nl_groups', number(view.getUint32(8, true))],
      )
    default:
      return struct(['sa_family', number(view.getUint16(0, true))])
  }
}

function unixAddress(path: Uint8Array): Value {
  const family = ['sa_family', name('AF_UNIX')] as const
  const end = path.findLastIndex((byte) => byte !== 0) + 1
  if (end === 0) return struct(family)
  const abstract = path[0] === 0
  const bytes = path.slice(abstract ? 1 : 0, end)
  return struct(family, ['sun_path', { kind: 'string', bytes, cut: false, ...(abstract && { abstract: true }) }])
}

/** The shortest way to write it. RFC 5952 */
function colons(view: DataView): string {
  const words = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + 2 * index).toString(16))
  const runs = words.join(':').match(/\b0(:0)+\b/g) ?? []
  const longest = runs.sort((a, b) => b.length - a.length)[0]
  if (longest === undefined) return words.join(':')
  return words.join(':').replace(new RegExp(`(^|:)${longest}(:|$)`), '::')
}
