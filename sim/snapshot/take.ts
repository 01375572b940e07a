// Takes the state of a machine: all that can be reached from its kernel, as data.

import { type BytesType, type Cell, Ref, type Shape, type Taken, type Value } from './taken.ts'
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
  readonly shapes: Shape[]
}

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
  readonly refs = new Map<object, Ref>()
  readonly objects: object[] = []
  readonly cells: Cell[] = []
  /** Which cell has met each. */
  readonly from_: number[] = []
  readonly kinds = new Map<object | null, Kind>()
  readonly weakMaps: { readonly at: number; readonly map: WeakMap<object, unknown>; readonly values: Value[] }[] = []
  readonly weakKeys: object[] = []
  at = -1
  refused: string | undefined

  constructor(options: TakeOptions) {
    this.options = options
  }

  from(kernel: object): Taken | NotTaken {
    this.value(kernel)
    for (;;) {
      while (this.at + 1 < this.objects.length && this.refused === undefined) {
        this.at += 1
        this.cells.push(this.cell(this.objects[this.at]!))
      }
      if (this.refused !== undefined) return { refused: this.refused }
      if (!this.lookIntoWeakMaps()) return { cells: this.cells }
    }
  }

  value(value: unknown): Value {
    if (typeof value === 'object' ? value === null : typeof value !== 'function') {
      if (typeof value === 'symbol') this.refuse('a symbol')
      return value as Value
    }
    const known = this.refs.get(value as object)
    if (known) return known
    const ref = new Ref(this.objects.length)
    this.refs.set(value as object, ref)
    this.objects.push(value as object)
    this.from_.push(this.at)
    return ref
  }

  values(values: Iterable<unknown>): Value[] {
    const taken: Value[] = []
    for (const value of values) taken.push(this.value(value))
    return taken
  }

  cell(object: object): Cell {
    const fixed = this.options.fixed.names.get(object)
    if (fixed !== undefined) return { kind: 'fixed', name: fixed }
    const outside = this.options.outside.get(object)
    if (outside !== undefined) return { kind: 'outside', name: outside }
    if (typeof object === 'function') {
      const told = ask(object)
      if (told) return { kind: 'closure', place: told.place, values: this.values(told.caught) }
      return this.refuse(`the function ${(object as { name: string }).name || 'without a name'}`)
    }
    const prototype = Object.getPrototypeOf(object) as object | null
    const kind = this.kinds.get(prototype) ?? this.kindOf(prototype)
    if (kind.isWeakKey) this.weakKeys.push(object)
    switch (kind.is) {
      case 'object':
        return this.fields(object as Record<string, unknown>, kind)
      case 'array':
        return { kind: 'array', values: this.values(object as unknown[]) }
      case 'map': {
        const values: Value[] = []
        for (const [key, value] of object as Map<unknown, unknown>) values.push(this.value(key), this.value(value))
        return { kind: 'map', values }
      }
      case 'set':
        return { kind: 'set', values: this.values(object as Set<unknown>) }
      case 'weak map': {
        const values: Value[] = []
        this.weakMaps.push({ at: 0, map: object as WeakMap<object, unknown>, values })
        return { kind: 'weak map', values }
      }
      case 'bytes':
        return this.bytes(object as Uint8Array, kind.className as BytesType)
      case 'fresh':
        return { kind: 'fresh', className: kind.className }
      default:
        return this.refuse(Object.prototype.toString.call(object).slice(8, -1))
    }
  }

  fields(object: Record<string, unknown>, kind: Kind): Cell {
    const { without } = kind
    const keys = Object.keys(object)
    const shape = shapeOf(kind, without ? keys.filter((key) => !without.has(key)) : keys)
    const values: Value[] = []
    for (const key of shape.fields) values.push(this.value(object[key]))
    return { kind: 'object', shape, values }
  }

  bytes(object: Uint8Array, type: BytesType): Cell {
    const isShared = this.options.unchanging?.has(object) === true
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
    const { fixed, without = [], fresh = [], weakKeys = [] } = this.options
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
      ...{ is, className: bytes ?? className, shapes: [] },
      isWeakKey: weakKeys.some(inherits),
      without: left.size > 0 ? left : undefined,
    }
    this.kinds.set(prototype, kind)
    return kind
  }

  /** Answers whether something more was met. */
  lookIntoWeakMaps(): boolean {
    const before = this.objects.length
    for (const weak of this.weakMaps) {
      for (const key of this.weakKeys.slice(weak.at))
        if (weak.map.has(key)) weak.values.push(this.value(key), this.value(weak.map.get(key)))
      ;(weak as { at: number }).at = this.weakKeys.length
    }
    return this.objects.length > before
  }

  refuse(what: string): Cell {
    const way: string[] = []
    for (let child = this.at, at = this.from_[child]; at !== undefined && at >= 0; child = at, at = this.from_[at])
      way.unshift(this.stepTo(this.objects[at]!, at, this.objects[child]!))
    this.refused ??= `kernel${way.join('')} is ${what}`
    return { kind: 'fixed', name: '' }
  }

  stepTo(parent: object, at: number, child: object): string {
    const cell = this.cells[at]
    if (cell?.kind === 'object') {
      const field = cell.shape.fields.find((name) => (parent as Record<string, unknown>)[name] === child)
      return `.${field ?? '?'}`
    }
    return cell?.kind === 'closure' ? ` (caught at ${cell.place})` : '[]'
  }
}

/** As the build calls a private field. */
function plain(whose: Class, name: string): string {
  return name.startsWith('#') ? `$${whose.name.replace(/^_/, '')}$${name.slice(1)}` : name
}

function shapeOf({ shapes, className }: Kind, keys: string[]): Shape {
  search: for (const shape of shapes) {
    const { fields } = shape
    if (fields.length !== keys.length) continue
    for (let at = 0; at < keys.length; at++) if (fields[at] !== keys[at]) continue search
    return shape
  }
  const shape = { className, fields: keys }
  shapes.push(shape)
  return shape
}
