// Makes a machine from its state as data: another object for each cell, with all that they have caught.

import { keepBytes } from '../kept-bytes.ts'
import { type BytesType, type Cell, Ref, type Taken, type Value } from './taken.ts'
import { type Fixed, makeClosure } from './telling.ts'

export interface RestoreOptions {
  readonly fixed: Fixed
  /** What is no part of the machine, by the names that it was taken with. */
  readonly outside: ReadonlyMap<string, object>
}

/** @errors Error for a state that another build has taken, or that lacks something outside */
export function restore({ cells, values, ends, weak }: Taken, { fixed, outside }: RestoreOptions): object {
  const objects: (object | undefined)[] = new Array(cells.length).fill(undefined)
  const must = (found: object | undefined, what: string): object => {
    if (found === undefined) throw new Error(`a snapshot has ${what}, which is not there`)
    return found
  }
  const valueIn = (value: Value): unknown => (value instanceof Ref ? objectAt(value.at) : value)
  const valuesOf = (at: number) => values.slice(ends[at - 1] ?? 0, ends[at])
  const objectAt = (at: number): object => {
    const there = objects[at]
    if (there) return there
    const made = begin(at)
    objects[at] = made
    return made
  }
  const begin = (at: number): object => {
    const cell = must(cells[at], `an object ${at}`) as Cell
    switch (cell.kind) {
      case 'object':
        return cell.shape.className === ''
          ? {}
          : Object.create(must(fixed.prototypes.get(cell.shape.className), cell.shape.className))
      case 'array':
        return []
      case 'map':
        return new Map()
      case 'weak map':
        return new WeakMap()
      case 'set':
        return new Set()
      case 'closure':
        return makeClosure({ place: cell.place, caught: valuesOf(at).map(valueIn) })
      case 'bytes':
        if (cell.isShared) keepBytes(cell.bytes)
        return cell.isShared ? cell.bytes : bytesOf(cell.type, cell.bytes.slice())
      case 'fixed':
        return must(fixed.values.get(cell.name), cell.name)
      case 'outside':
        return must(outside.get(cell.name), cell.name)
      case 'fresh': {
        const Class = must(fixed.values.get(cell.className), cell.className) as new () => object
        return new Class()
      }
    }
  }
  for (let at = 0, next = 0; at < cells.length; at++) {
    const object = objectAt(at)
    const cell = cells[at]!
    const end = ends[at]!
    if (cell.kind === 'object')
      for (const field of cell.shape.fields) (object as Record<string, unknown>)[field] = valueIn(values[next++])
    else if (cell.kind === 'array') while (next < end) (object as unknown[]).push(valueIn(values[next++]))
    else if (cell.kind === 'set') while (next < end) (object as Set<unknown>).add(valueIn(values[next++]))
    else if (cell.kind === 'map')
      while (next < end) (object as Map<unknown, unknown>).set(valueIn(values[next++]), valueIn(values[next++]))
    next = end
  }
  for (let next = 0; next < weak.length; next += 3) {
    const [map, key, value] = weak.slice(next, next + 3).map(valueIn)
    ;(map as WeakMap<object, unknown>).set(key as object, value)
  }
  return objectAt(0)
}

function bytesOf(type: BytesType, bytes: Uint8Array): object {
  const { buffer } = bytes
  switch (type) {
    case 'Uint8Array':
      return bytes
    case 'Uint16Array':
      return new Uint16Array(buffer)
    case 'Uint32Array':
      return new Uint32Array(buffer)
    case 'Int32Array':
      return new Int32Array(buffer)
    case 'Float64Array':
      return new Float64Array(buffer)
    case 'DataView':
      return new DataView(buffer)
    case 'ArrayBuffer':
      return buffer
  }
}
