// Labels of a function that is rewritten: where a branch goes once there are more blocks around it than there were.

import { ModuleError, Reader, type Writer } from './binary.ts'
import { type Instruction, op } from './instructions.ts'

interface Label {
  /** How many blocks are around its own. */
  readonly level: number
  /** A loop in a loop: to go round, one branches to the inner one, or to the outer one in order to pause. */
  readonly twice: boolean
}

/** What a suspended function goes back into costs as the square of these; compilers nest a few dozen. */
const loopsMax = 2000

export class Labels {
  readonly #code: Writer
  #loops = 0
  readonly #open: Label[] = []
  #level = 0

  constructor(code: Writer) {
    this.#code = code
  }

  /** The block that was just written, or the two. */
  open({ twice = false } = {}): void {
    this.#level += twice ? 2 : 1
    if (twice && ++this.#loops > loopsMax)
      throw new ModuleError(`a function of the module has ${loopsMax} loops in each other`)
    this.#open.push({ level: this.#level, twice })
  }

  close(): void {
    const label = this.#open.pop()
    if (!label) throw new ModuleError('a function of the module ends a block that it has not begun')
    const { twice } = label
    this.#code.byte(op.end)
    if (twice) this.#code.byte(op.end)
    if (twice) this.#loops -= 1
    this.#level -= twice ? 2 : 1
  }

  /** The block around all others. */
  get outermost(): number {
    return this.#level - 1
  }

  /** @param index - as the function had it */
  of(index: number): { depth: number; pause: number | undefined } {
    const label = this.#open.at(-1 - index)
    // What is nowhere stays so, and no engine takes it.
    if (!label) return { depth: this.#level + 1, pause: undefined }
    const depth = this.#level - label.level
    return { depth, pause: label.twice ? depth + 1 : undefined }
  }

  /** A table goes round by way of the pause. */
  table(bytes: Uint8Array, { immediates }: Instruction): void {
    const reader = new Reader(bytes, immediates)
    const count = reader.u32()
    this.#code.byte(op.brTable).u32(count)
    for (let at = 0; at <= count; at++) {
      const { depth, pause } = this.of(reader.u32())
      this.#code.u32(pause ?? depth)
    }
  }
}
