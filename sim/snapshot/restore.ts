// Makes a machine from its state as data: another object for each cell, with all that they have caught.

import { type BytesType, type Cell, Ref, type Taken, type Value } from './taken.ts'
import { type Fixed, makeClosure } from './telling.ts'

export interface RestoreOptions {
  readonly fixed: Fixed
  /** What is no part of the machine, by the names that it was taken with. */
  readonly outside: ReadonlyMap<string, object>
}

/** @errors Error for a state that another build has taken, or that lacks something outside */
export function restore({ cells }: Taken, { fixed, outside }: RestoreOptions): object {
  const objects: (object | undefined)[] = new Array(cells.length).fill(undefined)
  const must = (found: object | undefined, what: string): object => {
    if (found === undefined) throw new Error(`a snapshot has ${what}, which is not there`)
    return found
  }
  const valueIn = (value: Value): unknown => (value instanceof Ref ? objectAt(value.at) : value)
  const objectAt = (at: number): object => {
    const there = objects[at]
    if (there) return there
    const made = begin(must(cells[at], `an object ${at}`) as Cell)
    objects[at] = made
    return made
  }
  const begin = (cell: Cell): object => {
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
        return makeClosure({ place: cell.place, caught: cell.values.map(valueIn) })
      case 'bytes':
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
  for (const [at, cell] of cells.entries()) {
    const object = objectAt(at)
    switch (cell.kind) {
      case 'object': {
        const { fields } = cell.shape
        for (let index = 0; index < fields.length; index++)
          (object as Record<string, unknown>)[fields[index]!] = valueIn(cell.values[index])
        break
      }
      case 'array':
        for (const value of cell.values) (object as unknown[]).push(valueIn(value))
        break
      case 'set':
        for (const value of cell.values) (object as Set<unknown>).add(valueIn(value))
        break
      case 'map':
      case 'weak map':
        for (let index = 0; index < cell.values.length; index += 2)
          (object as Map<unknown, unknown>).set(valueIn(cell.values[index]), valueIn(cell.values[index + 1]))
    }
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
