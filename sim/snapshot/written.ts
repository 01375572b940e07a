// A taken state as text and bytes, to be kept, and back. Bytes that are part of a file which whoever reads it has as well are named
// by their place in it.

import { type BytesType, type Cell, Ref, refTo, type Shape, type Taken, type Value } from './taken.ts'

export interface Written {
  readonly text: string
  readonly bytes: Uint8Array
}

/** Strings begin with a quote, numbers that JSON does not have with `#`, bigints with `n`; a reference is a list of one. */
type Word = null | boolean | number | string | readonly [number]
type Line = readonly (Word | string)[]

const kinds = ['array', 'map', 'weak map', 'set'] as const
const pageBytes = 4096

/** @param known - files that whoever reads it has, in the same order */
export function write({ cells, values, ends, weak }: Taken, known: readonly Uint8Array[]): Written {
  const shapes = new Map<Shape, number>()
  const parts: Uint8Array[] = []
  let length = 0
  const pages = pagesOf(known)
  const lines = cells.map((cell, at): Line => {
    const words = values.slice(ends[at - 1] ?? 0, ends[at]).map(wordOf)
    switch (cell.kind) {
      case 'object': {
        const number = shapes.get(cell.shape) ?? shapes.size
        shapes.set(cell.shape, number)
        return [number, ...words]
      }
      case 'closure':
        return ['closure', cell.place, ...words]
      case 'bytes': {
        const { bytes, type, isShared } = cell
        const place = pages(bytes)
        if (place) return ['known', type, isShared, ...place, bytes.length]
        parts.push(bytes)
        length += bytes.length
        return ['bytes', type, isShared, length - bytes.length, bytes.length]
      }
      case 'fixed':
      case 'outside':
        return [cell.kind, cell.name]
      case 'fresh':
        return [cell.kind, cell.className]
      default:
        return [cell.kind, ...words]
    }
  })
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return { text: JSON.stringify({ shapes: [...shapes.keys()], lines, weak: weak.map(wordOf) }), bytes }
}

/** @errors Error for what `write` has not written */
export function read({ text, bytes }: Written, known: readonly Uint8Array[]): Taken {
  const { shapes, lines, weak } = JSON.parse(text) as { shapes: Shape[]; lines: Line[]; weak: Word[] }
  const objects = shapes.map((shape): Cell => ({ kind: 'object', shape }))
  const values: Value[] = []
  const ends: number[] = []
  const cellOf = (line: Line): Cell => {
    const [kind, ...rest] = line
    const has = (words: readonly Word[]) => {
      for (const word of words) values.push(valueIn(word))
    }
    if (typeof kind === 'number') {
      has(rest)
      return objects[kind]!
    }
    const one = kinds.find((name) => name === kind)
    if (one) {
      has(rest)
      return { kind: one }
    }
    const [name, ...more] = rest as [string, ...Word[]]
    if (kind === 'fixed' || kind === 'outside') return { kind, name }
    if (kind === 'fresh') return { kind, className: name }
    if (kind === 'closure') {
      has(more)
      return { kind, place: name }
    }
    const [isShared, ...place] = more as [boolean, ...number[]]
    const [file, offset, count] = kind === 'known' ? [known[place[0]!]!, place[1]!, place[2]!] : [bytes, ...place]
    const part = file.slice(offset, offset! + count!)
    if (part.length !== count) throw new Error('a state lacks bytes')
    return { kind: 'bytes', type: name as BytesType, bytes: part, isShared }
  }
  const cells = lines.map((line) => {
    const cell = cellOf(line)
    ends.push(values.length)
    return cell
  })
  return { cells, values, ends, weak: weak.map(valueIn) }
}

function wordOf(value: Value): Word {
  if (value instanceof Ref) return [value.at]
  if (typeof value === 'string') return `'${value}`
  if (typeof value === 'bigint') return `n${value}`
  if (value === undefined) return '#undefined'
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return Object.is(value, -0) ? '#-0' : `#${value}`
  return value
}

function valueIn(word: Word): Value {
  if (typeof word === 'object') return word === null ? null : refTo(word[0])
  if (typeof word !== 'string') return word
  const rest = word.slice(1)
  if (word.startsWith("'")) return rest
  if (word.startsWith('n')) return BigInt(rest)
  return rest === 'undefined' ? undefined : Number(rest)
}

/** Finds whole pages, and runs of them, in files: which, and where. */
function pagesOf(known: readonly Uint8Array[]): (bytes: Uint8Array) => readonly [number, number] | undefined {
  const places = new Map<number, (readonly [number, number])[]>()
  const sumAt = (bytes: Uint8Array, start: number): number => {
    let sum = 0
    for (let at = 0; at < pageBytes; at += 61) sum = Math.imul(sum, 31) + bytes[start + at]!
    return sum
  }
  for (const [file, bytes] of known.entries())
    for (let start = 0; start + pageBytes <= bytes.length; start += pageBytes) {
      const sum = sumAt(bytes, start)
      places.set(sum, [...(places.get(sum) ?? []), [file, start]])
    }
  const isAt = ([file, start]: readonly [number, number], bytes: Uint8Array): boolean => {
    const whole = known[file]!
    if (start + bytes.length > whole.length) return false
    for (let at = 0; at < bytes.length; at++) if (bytes[at] !== whole[start + at]) return false
    return true
  }
  return (bytes) =>
    bytes.length < pageBytes ? undefined : places.get(sumAt(bytes, 0))?.find((place) => isAt(place, bytes))
}
