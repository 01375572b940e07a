// The live instances of a program: so many at a time, whatever the number of its processes. Who has not run for the longest
// time is put away as an image. Instances whose process has ended serve the next.

import type { GuestImage } from './image.ts'
import { Instance } from './instance.ts'
import type { GuestProgram } from './program.ts'

export interface Holder {
  /** It has ended: what its instance holds is of no use any more. */
  readonly isOver: boolean
  /** It gives its instance back, having kept an image of it where it has not ended. */
  putAway(): void
}

/** Engines reserve addresses for each memory, gigabytes of them. */
const liveMostByDefault = 64
const sparesMost = 8

export class Instances {
  readonly #program: GuestProgram
  readonly #liveMost: number
  /** In the order in which they ran last. */
  readonly #live = new Map<Holder, Instance>()
  readonly #spares: Instance[] = []
  /** How an instance is at the beginning. */
  #first: GuestImage | undefined

  constructor(program: GuestProgram, liveMost = liveMostByDefault) {
    this.#program = program
    this.#liveMost = Math.max(1, liveMost)
  }

  /** Bytes of memory that every process begins with. */
  get firstBytes(): number {
    if (!this.#first) {
      const instance = this.#make()
      this.#first = instance.save()
      this.#spares.push(instance)
    }
    return this.#first.memory.length * 65536
  }

  /** How many processes have an instance. */
  get size(): number {
    return this.#live.size
  }

  /** An instance for a process, as an image has it; without one as at the beginning. */
  take(holder: Holder, image: GuestImage | undefined): Instance {
    for (const other of this.#live.keys()) {
      if (this.#live.size < this.#liveMost && !other.isOver) break
      other.putAway()
    }
    const spare = this.#spareOf((image ?? this.#first)?.memory.length)
    const instance = spare ?? this.#make()
    this.#first ??= instance.save()
    // All are the same at the beginning.
    if (!spare) instance.isLike(this.#first)
    if (image || spare) instance.restore(image ?? this.#first)
    this.#live.set(holder, instance)
    return instance
  }

  /** A process goes on. */
  use(holder: Holder, instance: Instance): void {
    this.#live.delete(holder)
    this.#live.set(holder, instance)
  }

  /** @param unknown - something was thrown through it: it may be in the midst of anything */
  giveBack(holder: Holder, instance: Instance, { unknown = false } = {}): void {
    this.#live.delete(holder)
    instance.owner = undefined
    if (unknown || !instance.isPlain) return
    this.#spares.push(instance)
    if (this.#spares.length > sparesMost) this.#spares.shift()
  }

  /** One with so many chunks of memory, which never shrinks. */
  #spareOf(chunks: number | undefined): Instance | undefined {
    const index = this.#spares.findLastIndex(({ bytes }) => bytes.length / 65536 === chunks)
    return index < 0 ? undefined : this.#spares.splice(index, 1)[0]
  }

  #make(): Instance {
    try {
      return new Instance(this.#program)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      // No room for another memory: there may be without those of others.
      for (const other of [...this.#live.keys()]) other.putAway()
      return new Instance(this.#program)
    }
  }
}
