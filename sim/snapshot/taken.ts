// The state of a machine as data: one cell for each object, in the order in which they were met from the kernel on, and their values
// one behind another. Nothing in it is an object of the machine, so that it stays as it is while the machine goes on.

/** The object that another cell is about. */
export class Ref {
  readonly at: number

  constructor(at: number) {
    this.at = at
  }
}

const refs: Ref[] = []

/** The same one for the same number. */
export function refTo(at: number): Ref {
  for (let next = refs.length; next <= at; next++) refs.push(new Ref(next))
  return refs[at]!
}

/** A value of an object: a primitive, or which object it is. */
export type Value = undefined | null | boolean | number | string | bigint | Ref

/** An object of a class, or a plain one: its class (by its fixed name, '' for a plain object), and the names of its fields. */
export interface Shape {
  readonly className: string
  readonly fields: readonly string[]
}

/** What an object is. Those that are alike share one. */
export type Cell =
  | { readonly kind: 'object'; readonly shape: Shape }
  /** A map has keys and values in turn. */
  | { readonly kind: 'array' | 'map' | 'set' | 'weak map' }
  | { readonly kind: 'closure'; readonly place: string }
  /** `isShared`: nobody ever changes them. */
  | { readonly kind: 'bytes'; readonly type: BytesType; readonly bytes: Uint8Array; readonly isShared: boolean }
  /** The same in every machine. */
  | { readonly kind: 'fixed'; readonly name: string }
  /** Given by whoever restores it. */
  | { readonly kind: 'outside'; readonly name: string }
  /** Made anew: it holds no state. */
  | { readonly kind: 'fresh'; readonly className: string }

export type BytesType =
  | 'Uint8Array'
  | 'Uint16Array'
  | 'Uint32Array'
  | 'Int32Array'
  | 'Float64Array'
  | 'DataView'
  | 'ArrayBuffer'

export interface Taken {
  /** The first is the kernel. */
  readonly cells: readonly Cell[]
  readonly values: readonly Value[]
  /** Of each cell, where its values end; they begin where those of the one before it do. */
  readonly ends: readonly number[]
  /** What weak maps have for objects that are reached otherwise: map, key and value in turn. */
  readonly weak: readonly Value[]
}
