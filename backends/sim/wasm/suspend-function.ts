// One function of a module, rewritten: when a call in it comes back because everything stops, it keeps its variables and returns;
// when everything goes on, it takes them back and jumps to the same call. WebAssembly has no jump into the midst of a block: the
// code before each such call, and before each block with such calls in it, stands in a block of its own, at whose end one
// arrives. The operands that are on the stack there go by way of variables.

import { ModuleError, Reader, Writer } from './binary.ts'
import { readBody } from './function-body.ts'
import { type Instruction, op } from './instructions.ts'
import { liveLocals } from './liveness.ts'
import { type Around, apply, valueType } from './operands.ts'
import type { FunctionType, Module } from './sections.ts'
import { begins, type Parts, type Place, type Sites, sitesOf, typeOfCall } from './sites.ts'
import { type Frame, going, writeRewinding, writeUnwinding } from './suspend-frame.ts'
import { isTailCall, writeTopmost } from './tail-calls.ts'

/** What the added code refers to. */
export interface Suspension {
  readonly module: Module
  /** Globals of type i32: what is going on, and where frames are kept. */
  readonly state: number
  readonly frames: number
  /** The function that says that there is no room for frames. */
  readonly overflow: number | undefined
  /** Whether a call may come back because everything stops. */
  readonly suspends: (call: Instruction) => boolean
  readonly typeOf: (functionIndex: number) => FunctionType
  /** Of a function with tail calls: what calls in its place the one that it had called. Undefined where a module has none. */
  readonly goesOn: ((type: FunctionType) => number) | undefined
}

/** @param index - of the function, whose body is from `start` to `end` */
export function suspendFunction(
  [start, end]: readonly [number, number],
  index: number,
  suspension: Suspension,
  out: Writer,
): void {
  const { suspends, goesOn, typeOf } = suspension
  const { bytes } = suspension.module
  const type = typeOf(index)
  const body = readBody(bytes, start, end, type.parameters)
  const sites = sitesOf(body, (call) => !isTailCall(call) && suspends(call))
  const elsewhere = sites.instructions.some((call) => isTailCall(call) && suspends(call)) ? goesOn?.(type) : undefined
  if (sites.count > 0)
    new Rewriting(localTypes(bytes, start, type), sites, suspension, { index, type, elsewhere }).write(out)
  else if (elsewhere === undefined) out.u32(end - start).copy(bytes, start, end)
  else
    out.sized((part) => {
      const { instructions, groups, groupCount } = body
      part.u32(groupCount).copy(groups)
      part.byte(op.globalGet).u32(suspension.state).byte(op.i32Const, going.rewinding, 0x46, op.if, 0x40)
      part.byte(op.returnCall).u32(elsewhere).byte(op.end).copy(bytes, instructions[0]!.start, end)
    })
}

/** The function that is rewritten. */
interface Own {
  readonly index: number
  readonly type: FunctionType
  readonly elsewhere: number | undefined
}

function localTypes(bytes: Uint8Array, start: number, { parameterTypes }: FunctionType): number[] {
  const reader = new Reader(bytes, start)
  const locals = [...parameterTypes]
  for (let groups = reader.u32(); groups > 0; groups--) {
    const count = reader.u32()
    const type = reader.byte()
    for (let at = 0; at < count; at++) locals.push(type)
  }
  return locals
}

interface Block {
  /** How many blocks are around its code. */
  readonly level: number
  /** How many operands are below its own. */
  readonly base: number
  readonly parameters: Uint8Array
  readonly results: Uint8Array
  readonly parts: Parts | undefined
  /** Operands of the block around it that are in variables while it runs. */
  readonly below: number
}

const nothing = new Uint8Array(0)
const emptyBlock = 0x40
const more = { i32Eqz: 0x45, i32LeU: 0x4d, i32Or: 0x72, select: 0x1b }

class Rewriting {
  readonly #bytes: Uint8Array
  readonly #own: Own
  readonly #sites: Sites
  readonly #suspension: Suspension
  readonly #around: Around
  readonly #code = new Writer(4096)
  /** Types of all variables. */
  readonly #locals: number[]
  /** The number of the call that is jumped to, or 0. */
  readonly #resume: number
  /** Variables for operands, by place on the stack and type. */
  readonly #variables = new Map<number, number>()
  /** What a frame keeps. */
  readonly #kept: Set<number>
  readonly #stack: number[] = []
  readonly #open: Block[] = []
  /** Blocks around the code that is being written. */
  #level = 0

  constructor(locals: number[], sites: Sites, suspension: Suspension, own: Own) {
    const { bytes, globals, tables } = suspension.module
    this.#bytes = bytes
    this.#own = own
    this.#sites = sites
    this.#suspension = suspension
    this.#around = { locals: [...locals], globals, tables }
    this.#kept = liveLocals(bytes, sites, locals.length)
    this.#locals = locals
    this.#resume = locals.push(valueType.i32) - 1
  }

  write(out: Writer): void {
    const { instructions, ends, blocks } = this.#sites
    const { index, elsewhere } = this.#own
    const { results, parameters } = this.#own.type
    const place = this.#locals.push(valueType.i32) - 1
    const parts = blocks.get(-1)
    this.#open.push({ level: 0, base: 0, parameters: nothing, results, parts, below: 0 })
    // All calls that stop leave this block, with their number.
    this.#level = 1
    this.#code.byte(op.block, valueType.i32)
    this.#enter(parts!.main, 0)
    for (const [at, instruction] of instructions.entries()) this.#rewrite(at, instruction, ends[at]!)
    const { state, frames, overflow, goesOn } = this.#suspension
    const locals = [...this.#kept]
      .sort((one, other) => one - other)
      .map((local) => [local, this.#locals[local]!] as const)
    const named = goesOn && index
    const frame: Frame = { state, frames, overflow, resume: this.#resume, place, locals, named }
    out.sized((part) => {
      part.u32(this.#locals.length - parameters)
      for (const local of this.#locals.slice(parameters)) part.u32(1).byte(local)
      if (elsewhere !== undefined) {
        part.byte(op.globalGet).u32(state).byte(op.i32Const, going.rewinding, 0x46, op.if, 0x40)
        writeTopmost(frames, part)
        part.byte(op.i32Const).s32(index).byte(0x47, op.if, 0x40, op.returnCall).u32(elsewhere).byte(op.end, op.end)
      }
      writeRewinding(frame, part)
      part.copy(this.#code.bytes)
      writeUnwinding(frame, results, part)
      part.byte(op.end)
      // As much as engines take.
      if (part.length > 7_500_000 || this.#locals.length > 50_000 || this.#sites.count > 65_000)
        throw new ModuleError('a function of the module is too large to be suspended')
    })
  }

  #rewrite(at: number, instruction: Instruction, end: number): void {
    const { code, start } = instruction
    const site = this.#sites.calls.get(at)
    if (begins(code)) this.#begin(instruction, end, this.#sites.blocks.get(at))
    else if (code === op.else) this.#otherwise()
    else if (code === op.end) this.#end()
    else if (code === op.br || code === op.brIf) {
      if (code === op.brIf) this.#stack.pop()
      this.#code.byte(code).u32(this.#depth(instruction.index))
    } else if (code === op.brTable) this.#table(instruction)
    else if (site !== undefined) this.#callAt(site, instruction)
    else {
      this.#code.copy(this.#bytes, start, end)
      if (code >= op.call && code <= op.returnCallIndirect) this.#called(instruction)
      else if (code !== op.return && code !== op.unreachable) apply(instruction, this.#bytes, this.#stack, this.#around)
    }
  }

  #depth(index: number): number {
    return this.#level - this.#open.at(-1 - index)!.level
  }

  #table({ immediates }: Instruction): void {
    this.#stack.pop()
    const reader = new Reader(this.#bytes, immediates)
    const count = reader.u32()
    this.#code.byte(op.brTable).u32(count)
    for (let at = 0; at <= count; at++) this.#code.u32(this.#depth(reader.u32()))
  }

  #begin(instruction: Instruction, end: number, parts: Parts | undefined): void {
    const { code, start } = instruction
    const { parameters, results } = this.#blockType(instruction)
    const operands = parameters.length + (code === op.if ? 1 : 0)
    const below = parts ? this.#stack.length - this.#open.at(-1)!.base - operands : 0
    if (parts) {
      this.#arrive()
      this.#keep(below, operands)
      this.#take(operands)
      if (code === op.if) this.#condition(parts)
    }
    this.#code.copy(this.#bytes, start, end)
    this.#level += 1
    if (code === op.if) this.#stack.pop()
    const base = this.#stack.length - parameters.length
    this.#open.push({ level: this.#level, base, parameters, results, parts, below })
    this.#enter(parts?.main ?? [], parameters.length)
  }

  #blockType({ immediates }: Instruction): { parameters: Uint8Array; results: Uint8Array } {
    const byte = this.#bytes[immediates]!
    if (byte === emptyBlock) return { parameters: nothing, results: nothing }
    if ((byte & 0xc0) === 0x40)
      return { parameters: nothing, results: this.#bytes.subarray(immediates, immediates + 1) }
    const { parameterTypes, results } = this.#suspension.module.types[new Reader(this.#bytes, immediates).u32()]!
    return { parameters: parameterTypes, results }
  }

  /** Which branch of an `if`: the one where the call is that is jumped to, if any. */
  #condition({ main, other }: Parts): void {
    const code = this.#code
    const resume = () => code.byte(op.localGet).u32(this.#resume)
    if (other.length === 0) resume().byte(more.i32Or)
    else if (main.length === 0) {
      code.byte(more.i32Eqz)
      resume().byte(more.i32Or, more.i32Eqz)
    } else {
      resume().byte(op.i32Const).s32(main.at(-1)!.last).byte(more.i32LeU)
      resume().byte(more.i32Eqz, more.select)
    }
  }

  #otherwise(): void {
    const { base, parameters, parts } = this.#open.at(-1)!
    this.#code.byte(op.else)
    this.#stack.length = base
    this.#stack.push(...parameters)
    this.#enter(parts?.other ?? [], parameters.length)
  }

  #end(): void {
    const { base, results, below } = this.#open.pop()!
    if (this.#open.length === 0) this.#code.byte(op.return)
    this.#code.byte(op.end)
    this.#level -= 1
    this.#stack.length = base
    this.#stack.push(...results)
    if (below === 0) return
    this.#put(results.length)
    this.#take(below + results.length)
  }

  /** The beginning of a part: one block for each place in it, and the jump to the end of the one in question. */
  #enter(places: readonly Place[], parameters: number): void {
    if (places.length === 0) return
    this.#put(parameters)
    for (const _ of places) this.#code.byte(op.block, emptyBlock)
    this.#level += places.length
    if (places.length === 1) this.#code.byte(op.localGet).u32(this.#resume).byte(op.brIf, 0)
    else this.#choose(places)
    this.#take(parameters)
  }

  #choose(places: readonly Place[]): void {
    const { first } = places[0]!
    const { last } = places.at(-1)!
    this.#code.byte(op.block, emptyBlock)
    this.#code.byte(op.localGet).u32(this.#resume).byte(op.i32Const).s32(first).byte(op.i32Sub)
    this.#code.byte(op.brTable).u32(last - first + 1)
    for (const [at, place] of places.entries())
      for (let number = place.first; number <= place.last; number++) this.#code.u32(at + 1)
    this.#code.u32(0).byte(op.end)
  }

  /** The end of the block before a place: all operands of this part are in variables now. */
  #arrive(): void {
    this.#put(this.#stack.length - this.#open.at(-1)!.base)
    this.#code.byte(op.end)
    this.#level -= 1
  }

  #callAt(site: number, instruction: Instruction): void {
    const { code, start } = instruction
    const isIndirect = code === op.callIndirect
    const operands = this.#typeCalled(instruction).parameters + (isIndirect ? 1 : 0)
    const own = this.#stack.length - this.#open.at(-1)!.base
    this.#arrive()
    this.#code.byte(op.i32Const, 0, op.localSet).u32(this.#resume)
    // A function that goes on has its parameters in its frame; an import has none.
    const needed = isIndirect || instruction.index < this.#suspension.module.importedFunctions
    if (needed) this.#keep(own, 0)
    else this.#keep(own - operands, operands)
    this.#take(own)
    this.#code.byte(isIndirect ? op.callIndirect : op.call)
    this.#code.copy(this.#bytes, start + 1, this.#endOfCall(instruction))
    this.#called(instruction)
    this.#code.byte(op.i32Const).s32(site).byte(op.globalGet).u32(this.#suspension.state)
    this.#code
      .byte(op.brIf)
      .u32(this.#level - 1)
      .byte(op.drop)
  }

  #endOfCall({ code, immediates }: Instruction): number {
    const reader = new Reader(this.#bytes, immediates)
    reader.skipNumber()
    if (code === op.callIndirect || code === op.returnCallIndirect) reader.skipNumber()
    return reader.position
  }

  #typeCalled(instruction: Instruction): FunctionType {
    const { module, typeOf } = this.#suspension
    const isDirect = instruction.code === op.call || instruction.code === op.returnCall
    return isDirect ? typeOf(instruction.index) : module.types[typeOfCall(this.#bytes, instruction)]!
  }

  #called(instruction: Instruction): void {
    const { parameters, results } = this.#typeCalled(instruction)
    if (instruction.code === op.callIndirect || instruction.code === op.returnCallIndirect) this.#stack.pop()
    this.#stack.length -= parameters
    this.#stack.push(...results)
  }

  #variable(place: number): number {
    const type = this.#stack[place]!
    const key = place * 256 + type
    let local = this.#variables.get(key)
    if (local === undefined) {
      local = this.#locals.push(type) - 1
      this.#variables.set(key, local)
    }
    return local
  }

  /** The topmost operands into variables, and from them. */
  #put(count: number): void {
    for (let place = this.#stack.length - 1; place >= this.#stack.length - count; place--)
      this.#code.byte(op.localSet).u32(this.#variable(place))
  }

  #take(count: number): void {
    for (let place = this.#stack.length - count; place < this.#stack.length; place++)
      this.#code.byte(op.localGet).u32(this.#variable(place))
  }

  /** These operands, below so many others, have to be there when everything goes on. */
  #keep(count: number, above: number): void {
    for (let at = 1; at <= count; at++) this.#kept.add(this.#variable(this.#stack.length - above - at))
  }
}
