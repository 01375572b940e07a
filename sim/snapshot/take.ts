// Takes the state of a machine: all that can be reached from its kernel, as data.

import { keepBytes } from '../kept-bytes.ts'
import { type BytesType, type Cell, refTo, type Shape, type Taken, type Value } from './taken.ts'
import { ask, type Fixed } from './telling.ts'

type Class = abstract new (...args: never[]) => object

export interface TakeOptions {
  readonly fixed: Fixed
  /** What is no part of the machine, and has to be there when it is restored. */
  readonly outside: ReadonlyMap<object, string>
  /** Bytes that nobody ever changes: they are shared. */
  readonly unchanging?: ReadonlySet<object>
  /** Fields that are left out, private ones with their `#`. */
  readonly without?: readonly (readonly [Class, readonly string[]])[]
  /** Hold no state, and are made anew without arguments. */
  readonly fresh?: readonly Class[]
  /** Whoever changes the bytes of such an object makes a copy of those that are kept. */
  readonly kept?: readonly (readonly [Class, (object: object) => Uint8Array])[]
  /** What weak maps go by. */
  readonly weakKeys?: readonly Class[]
}

/** What stands in the way: where it is, from the kernel on, and what it is. */
export interface NotTaken {
  readonly refused: string
}

/** The state of a machine; or why it cannot be taken now. The machine is not changed. */
export function take(kernel: object, options: TakeOptions): Taken | NotTaken {
  return new Taking(options).from(kernel)
}

/** What is known of all objects that have one prototype. */
interface Kind {
  readonly is: 'object' | 'array' | 'map' | 'set' | 'weak map' | 'bytes' | 'fresh' | 'strange'
  readonly className: string
  readonly isWeakKey: boolean
  readonly without: ReadonlySet<string> | undefined
  readonly kept: ((object: object) => Uint8Array) | undefined
  /** Some that have this prototype are no part of the machine. */
  readonly someNamed: boolean
  /** Those that were seen, the last one first. */
  readonly cells: { readonly kind: 'object'; readonly shape: Shape }[]
}

const alike = Object.freeze({
  array: { kind: 'array' },
  map: { kind: 'map' },
  set: { kind: 'set' },
  'weak map': { kind: 'weak map' },
} as const)

const bytesTypes = new Map<object, BytesType>([
  [Uint8Array.prototype, 'Uint8Array'],
  [Uint16Array.prototype, 'Uint16Array'],
  [Uint32Array.prototype, 'Uint32Array'],
  [Int32Array.prototype, 'Int32Array'],
  [Float64Array.prototype, 'Float64Array'],
  [DataView.prototype, 'DataView'],
  [ArrayBuffer.prototype, 'ArrayBuffer'],
])

class Taking {
  readonly options: TakeOptions
  readonly numbers = new Map<object, number>()
  readonly objects: object[] = []
  readonly cells: Cell[] = []
  readonly values: Value[] = []
  readonly ends: number[] = []
  readonly weak: Value[] = []
  readonly kinds = new Map<object | null, Kind>()
  readonly closures = new Map<string, Cell>()
  readonly weakMaps: { readonly map: WeakMap<object, unknown>; next: number }[] = []
  readonly weakKeys: object[] = []
  readonly keptBytes = new Set<object>()
  readonly namedKinds: ReadonlySet<object | null>
  at = -1
  refused: string | undefined

  constructor(options: TakeOptions) {
    this.options = options
    const outside = [...options.outside.keys()].map((object) => Object.getPrototypeOf(object) as object | null)
    this.namedKinds = new Set([...options.fixed.kinds, ...outside])
  }

  from(kernel: object): Taken | NotTaken {
    this.value(kernel)
    const { cells, values, ends, weak, objects } = this
    for (;;) {
      while (this.at + 1 < objects.length && this.refused === undefined) {
        this.at += 1
        cells.push(this.cell(objects[this.at]!))
        ends.push(values.length)
      }
      if (this.refused !== undefined) return { refused: this.refused }
      if (!this.lookIntoWeakMaps()) return { cells, values, ends, weak }
    }
  }

  value(value: unknown): Value {
    if (typeof value === 'object' ? value === null : typeof value !== 'function') {
      if (typeof value === 'symbol') this.refuse('a symbol')
      return value as Value
    }
    const known = this.numbers.get(value as object)
    if (known !== undefined) return refTo(known)
    const number = this.objects.length
    this.numbers.set(value as object, number)
    this.objects.push(value as object)
    return refTo(number)
  }

  cell(object: object): Cell {
    if (typeof object === 'function') return this.named(object) ?? this.closure(object)
    const prototype = Object.getPrototypeOf(object) as object | null
    const kind = this.kinds.get(prototype) ?? this.kindOf(prototype)
    const named = kind.someNamed ? this.named(object) : undefined
    if (named) return named
    if (kind.isWeakKey) this.weakKeys.push(object)
    const { values } = this
    switch (kind.is) {
      case 'object':
        return this.fields(object as Record<string, unknown>, kind)
      case 'array':
        for (const value of object as unknown[]) values.push(this.value(value))
        return alike.array
      case 'map':
        for (const [key, value] of object as Map<unknown, unknown>) values.push(this.value(key), this.value(value))
        return alike.map
      case 'set':
        for (const value of object as Set<unknown>) values.push(this.value(value))
        return alike.set
      case 'weak map':
        this.weakMaps.push({ map: object as WeakMap<object, unknown>, next: 0 })
        return alike['weak map']
      case 'bytes':
        return this.bytes(object as Uint8Array, kind.className as BytesType)
      case 'fresh':
        return { kind: 'fresh', className: kind.className }
      default:
        return this.refuse(Object.prototype.toString.call(object).slice(8, -1))
    }
  }

  /** One that is no part of the machine. */
  named(object: object): Cell | undefined {
    const fixed = this.options.fixed.names.get(object)
    if (fixed !== undefined) return { kind: 'fixed', name: fixed }
    const outside = this.options.outside.get(object)
    return outside === undefined ? undefined : { kind: 'outside', name: outside }
  }

  closure(object: object): Cell {
    const told = ask(object)
    if (!told) return this.refuse(`the function ${(object as { name: string }).name || 'without a name'}`)
    const { place, caught } = told
    for (const value of caught) this.values.push(this.value(value))
    let cell = this.closures.get(place)
    if (!cell) {
      cell = { kind: 'closure', place }
      this.closures.set(place, cell)
    }
    return cell
  }

  fields(object: Record<string, unknown>, kind: Kind): Cell {
    const { values } = this
    const { without, cells, kept } = kind
    const start = values.length
    if (kept) {
      const bytes = kept(object)
      keepBytes(bytes)
      this.keptBytes.add(bytes)
    }
    const likely = without ? undefined : cells[0]
    if (likely) {
      const { fields } = likely.shape
      let count = 0
      let isAlike = true
      // The classes' prototypes have nothing that is enumerable, and this is what engines are quickest at.
      for (const key in object) {
        if (fields[count] !== key) {
          isAlike = false
          break
        }
        values.push(this.value(object[key]))
        count += 1
      }
      if (isAlike && count === fields.length) return likely
      values.length = start
    }
    const keys = Object.keys(object)
    const cell = cellOf(kind, without ? keys.filter((key) => !without.has(key)) : keys)
    for (const key of cell.shape.fields) values.push(this.value(object[key]))
    return cell
  }

  bytes(object: Uint8Array, type: BytesType): Cell {
    const isShared = this.options.unchanging?.has(object) === true || this.keptBytes.has(object)
    if (isShared) return { kind: 'bytes', type, bytes: object, isShared }
    const bytes =
      type === 'Uint8Array'
        ? object.slice()
        : new Uint8Array(
            type === 'ArrayBuffer' ? (object as unknown as ArrayBuffer) : object.buffer,
            object.byteOffset ?? 0,
            object.byteLength,
          ).slice()
    return { kind: 'bytes', type, bytes, isShared }
  }

  kindOf(prototype: object | null): Kind {
    const { fixed, without = [], fresh = [], kept = [], weakKeys = [] } = this.options
    const className = (prototype && fixed.classes.get(prototype)) ?? ''
    const inherits = (one: Class) => prototype !== null && (prototype === one.prototype || prototype instanceof one)
    const left = new Set(
      without.flatMap(([whose, names]) => (inherits(whose) ? names.map((name) => plain(whose, name)) : [])),
    )
    const bytes = prototype && bytesTypes.get(prototype)
    const is =
      prototype === Object.prototype || prototype === null
        ? 'object'
        : prototype === Array.prototype
          ? 'array'
          : prototype === Map.prototype
            ? 'map'
            : prototype === Set.prototype
              ? 'set'
              : prototype === WeakMap.prototype
                ? 'weak map'
                : bytes
                  ? 'bytes'
                  : fresh.some(inherits)
                    ? 'fresh'
                    : className === ''
                      ? 'strange'
                      : 'object'
    const kind: Kind = {
      ...{ is, className: bytes ?? className, cells: [] },
      isWeakKey: weakKeys.some(inherits),
      without: left.size > 0 ? left : undefined,
      kept: kept.find(([whose]) => inherits(whose))?.[1],
      someNamed: this.namedKinds.has(prototype),
    }
    this.kinds.set(prototype, kind)
    return kind
  }

  /** Answers whether something more was met. */
  lookIntoWeakMaps(): boolean {
    const before = this.objects.length
    for (const weak of this.weakMaps) {
      for (; weak.next < this.weakKeys.length; weak.next++) {
        const key = this.weakKeys[weak.next]!
        if (weak.map.has(key)) this.weak.push(...[weak.map, key, weak.map.get(key)].map((one) => this.value(one)))
      }
    }
    return this.objects.length > before
  }

  refuse(what: string): Cell {
    const way: string[] = []
    for (let child = this.at; child > 0; ) {
      const ref = this.values.indexOf(refTo(child))
      const at = this.ends.findIndex((end) => end > ref)
      if (ref < 0 || at < 0) break
      way.unshift(this.stepTo(at, ref - (this.ends[at - 1] ?? 0)))
      child = at
    }
    this.refused ??= `kernel${way.join('')} is ${what}`
    return { kind: 'fixed', name: '' }
  }

  stepTo(at: number, index: number): string {
    const cell = this.cells[at]
    if (cell?.kind === 'object') return `.${cell.shape.fields[index]}`
    return cell?.kind === 'closure' ? ` (caught at ${cell.place})` : '[]'
  }
}

/** As the build calls a private field. */
function plain(whose: Class, name: string): string {
  return name.startsWith('#') ? `$${whose.name.replace(/^_/, '')}$${name.slice(1)}` : name
}

function cellOf({ cells, className }: Kind, keys: string[]): { readonly kind: 'object'; readonly shape: Shape } {
  search: for (const [at, cell] of cells.entries()) {
    const { fields } = cell.shape
    if (fields.length !== keys.length) continue
    for (let at = 0; at < keys.length; at++) if (fields[at] !== keys[at]) continue search
    cells[at] = cells[0]!
    cells[0] = cell
    return cell
  }
  const cell = { kind: 'object', shape: { className, fields: keys } } as const
  cells.unshift(cell)
  return cell
}
