// How answers of standard interfaces stand in the memory of a component: sizes, alignment, and the writing of values of a type.
// Component Model, CanonicalABI.md

/** A type of WIT; `code` and `stream` are the errors of files and of streams, `network` those of sockets. */
export type Type =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'string'
  | 'bytes'
  | 'code'
  | 'network'
  | 'stream'
  | { readonly list: Type }
  | { readonly record: readonly Type[] }
  | { readonly option: Type }
  | { readonly variant: readonly (Type | null)[] }
  | { readonly result: readonly [Type | null, Type | null] }

/** Cases of a variant are written `[index, value]`; options as the value or undefined; results as the value or `{ refused }`. */
export interface Refused {
  readonly refused: unknown
}

/** Where values go. */
export interface Target {
  readonly view: () => DataView
  readonly allocate: (align: number, bytes: number) => number
}

const scalars: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, code: 1, network: 1 }
const encoder = new TextEncoder()
const streamError: Type = { variant: ['u32', null] }

/** `[bytes, alignment]` */
export function sizeOf(type: Type | null): readonly [number, number] {
  if (type === null) return [0, 1]
  if (type === 'string' || type === 'bytes') return [8, 4]
  if (type === 'stream') return sizeOf(streamError)
  if (typeof type === 'string') return [scalars[type]!, scalars[type]!]
  if ('list' in type) return [8, 4]
  if ('record' in type) {
    const { end, align } = fieldsOf(type.record)
    return [upTo(end, align), align]
  }
  const cases = casesOf(type).map(sizeOf)
  const align = Math.max(1, ...cases.map(([, one]) => one))
  return [upTo(align + Math.max(0, ...cases.map(([bytes]) => bytes)), align), align]
}

const upTo = (value: number, align: number) => Math.ceil(value / align) * align

type Choice = Exclude<Type, string | { list: Type } | { record: readonly Type[] }>

function casesOf(type: Choice): readonly (Type | null)[] {
  if ('option' in type) return [null, type.option]
  return 'result' in type ? type.result : type.variant
}

function fieldsOf(fields: readonly Type[]): { places: number[]; end: number; align: number } {
  const places: number[] = []
  let end = 0
  let align = 1
  for (const field of fields) {
    const [bytes, one] = sizeOf(field)
    places.push(upTo(end, one))
    end = upTo(end, one) + bytes
    align = Math.max(align, one)
  }
  return { places, end, align }
}

/** Writes a value of a type; memory may grow and move meanwhile. */
export function store(target: Target, type: Type, value: unknown, at: number): void {
  if (typeof type === 'string') storeScalar(target, type, value, at)
  else if ('list' in type) {
    const items = value as readonly unknown[]
    const [bytes, align] = sizeOf(type.list)
    const start = items.length > 0 ? target.allocate(align, items.length * bytes) : align
    storePair(target, at, start, items.length)
    for (const [index, item] of items.entries()) store(target, type.list, item, start + index * bytes)
  } else if ('record' in type) {
    const { places } = fieldsOf(type.record)
    for (const [index, field] of type.record.entries())
      store(target, field, (value as readonly unknown[])[index], at + places[index]!)
  } else {
    const [index, inner] = chosen(type, value)
    const payload = casesOf(type)[index]!
    target.view().setUint8(at, index)
    const align = sizeOf(type)[1]
    if (payload !== null) store(target, payload, inner, at + align)
  }
}

function chosen(type: Choice, value: unknown): readonly [number, unknown] {
  if ('option' in type) return [value === undefined ? 0 : 1, value]
  if ('variant' in type) return value as [number, unknown]
  const isRefused = typeof value === 'object' && value !== null && 'refused' in value
  return isRefused ? [1, (value as Refused).refused] : [0, value]
}

function storeScalar(target: Target, type: Type & string, value: unknown, at: number): void {
  if (type === 'string' || type === 'bytes') {
    const data = type === 'string' ? encoder.encode(value as string) : (value as Uint8Array)
    const start = data.length > 0 ? target.allocate(1, data.length) : 1
    storePair(target, at, start, data.length)
    new Uint8Array(target.view().buffer).set(data, start)
  } else if (type === 'stream') store(target, streamError, value, at)
  else if (type === 'u64') target.view().setBigUint64(at, BigInt.asUintN(64, BigInt(value as number | bigint)), true)
  else if (type === 'u32') target.view().setUint32(at, Number(value), true)
  else if (type === 'u16') target.view().setUint16(at, Number(value), true)
  else target.view().setUint8(at, Number(value))
}

function storePair({ view }: Target, at: number, first: number, second: number): void {
  view().setUint32(at, first, true)
  view().setUint32(at + 4, second, true)
}
