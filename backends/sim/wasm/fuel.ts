// The count of what is left to run, as a function sees it: where it turns in loops in a local variable, and whoever it calls finds
// it in a global; elsewhere in the global alone.

import type { Writer } from './binary.ts'
import { op } from './instructions.ts'
import type { Marker } from './marks.ts'
import type { Added } from './meter-function.ts'

export class Fuel {
  readonly #added: Added
  readonly #local: number | undefined
  readonly #code: Writer
  readonly #marker: Marker

  constructor(added: Added, local: number | undefined, code: Writer, marker: Marker) {
    this.#added = added
    this.#local = local
    this.#code = code
    this.#marker = marker
  }

  #get(): Writer {
    return this.#local === undefined
      ? this.#code.byte(op.globalGet).u32(this.#added.fuel)
      : this.#code.byte(op.localGet).u32(this.#local)
  }

  #set(): void {
    if (this.#local === undefined) this.#code.byte(op.globalSet).u32(this.#added.fuel)
    else this.#code.byte(op.localSet).u32(this.#local)
  }

  /** At the beginning of the function. */
  begin(cost: number): void {
    this.#code.byte(op.globalGet).u32(this.#added.fuel).byte(op.i32Const).s32(cost).byte(op.i32Sub)
    this.#set()
  }

  /** Before others run. */
  store(): void {
    this.#marker.flush()
    if (this.#local !== undefined)
      this.#code.byte(op.localGet).u32(this.#local).byte(op.globalSet).u32(this.#added.fuel)
  }

  /** They have run. */
  again(): void {
    if (this.#local !== undefined)
      this.#code.byte(op.globalGet).u32(this.#added.fuel).byte(op.localSet).u32(this.#local)
    this.#marker.begin()
  }

  take(cost: number): void {
    this.#get().byte(op.i32Const).s32(cost).byte(op.i32Sub)
    this.#set()
  }

  /** One for 64 bytes, whose number is on the stack and stays there. */
  takeLength(length: number): void {
    this.#code.byte(op.localTee).u32(length)
    this.#get().byte(op.localGet).u32(length).byte(op.i32Const, 6, op.i32ShrU, op.i32Sub)
    this.#set()
  }

  /** Whether there is any left. */
  left(): void {
    this.#get().byte(op.i32Const, 0, op.i32GeS)
  }

  /** Pauses when there is none left. */
  check(): void {
    this.#get().byte(op.i32Const, 0, op.i32LtS, op.if, 0x40)
    this.store()
    this.#code.byte(op.call).u32(this.#added.pause)
    this.again()
    this.#code.byte(op.end)
  }
}
