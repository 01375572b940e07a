// The state of a machine as data: one cell for each object, in the order in which they were met from the kernel on. A cell holds no
// object of the machine, so that it stays as it is while the machine goes on.

/** The object that another cell is about. */
export class Ref {
  readonly at: number

  constructor(at: number) {
    this.at = at
  }
}

/** A value of an object: a primitive, or which object it is. */
export type Value = undefined | null | boolean | number | string | bigint | Ref

/** An object of a class, or a plain one: its class (by its fixed name, '' for a plain object), and the names of its fields. */
export interface Shape {
  readonly className: string
  readonly fields: readonly string[]
}

export type Cell =
  | { readonly kind: 'object'; readonly shape: Shape; readonly values: readonly Value[] }
  | { readonly kind: 'array'; readonly values: readonly Value[] }
  /** Keys and values in turn; of a WeakMap those whose keys are reached otherwise. */
  | { readonly kind: 'map' | 'weak map'; readonly values: readonly Value[] }
  | { readonly kind: 'set'; readonly values: readonly Value[] }
  | { readonly kind: 'closure'; readonly place: string; readonly values: readonly Value[] }
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
}
