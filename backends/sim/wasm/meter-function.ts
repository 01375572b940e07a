// One function of a module, rewritten: it says what it costs before it runs, how deep it is, where it writes to, and asks before
// memory grows.

import { Writer } from './binary.ts'
import { Fuel } from './fuel.ts'
import { type Body, readBody, runsOf } from './function-body.ts'
import { bulk, type Instruction, op } from './instructions.ts'
import { Labels } from './labels.ts'
import { isBulk, type Mark, Marker, marksOf } from './marks.ts'
import { type Shape, uncertainResults } from './nan.ts'
import type { FunctionType } from './sections.ts'
import { isTailCall } from './tail-calls.ts'

/** What the added code refers to, by number. */
export interface Added {
  /** Functions: () -> (), (i32) -> i32, () -> (). */
  readonly pause: number
  readonly grow: number
  readonly overflow: number
  /** Globals of type i32. */
  readonly fuel: number
  readonly depth: number
  /** A global of type i64: where it has written to. */
  readonly dirty: number
  /** The number that a function has after others were imported. */
  readonly functionIndex: (index: number) => number
  /** Writes the type of a block with these results. */
  readonly blockType: (results: Uint8Array, out: Writer) => void
  /** Whether a tail call stays one; others are calls and returns, which count. */
  readonly staysTail: (call: Instruction) => boolean
}

/** Bytes of stack that a process may use. */
export const stackBytes = 256 * 1024

const types: Readonly<Record<Shape | 'i32' | 'i64', number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  f32x4: 0x7b,
  f64x2: 0x7b,
}

/** @param type - of the function, whose body is from `start` to `end` */
export function meterFunction(
  bytes: Uint8Array,
  [start, end]: [number, number],
  type: FunctionType,
  added: Added,
  out: Writer,
) {
  const body = readBody(bytes, start, end, type.parameters)
  const scratch = new Scratch(body.locals)
  const code = new Writer(2 * (end - start) + 64)
  writeCode(body, type, added, scratch, code)
  out.sized((part) => {
    scratch.declare(part, body)
    part.copy(code.bytes)
  })
}

function writeCode(body: Body, type: FunctionType, added: Added, scratch: Scratch, code: Writer): void {
  const { bytes, instructions } = body
  const runs = runsOf(instructions)
  const uncertain = uncertainResults(instructions)
  const calls = instructions.some(isCall)
  const frame = calls ? frameBytes(body) : 0
  const marks = marksOf(bytes, instructions, (at) => runs.behind.has(at) || isCall(instructions[at]!))
  const marker = new Marker(code, added.dirty, marksInLoop(instructions, marks) ? scratch.of(types.i64) : undefined)
  const turns = instructions.some(({ code: what }) => what === op.loop)
  const fuel = new Fuel(added, turns ? scratch.of(types.i32) : undefined, code, marker)

  if (frame > 0) sink(code, added, frame, scratch.of(types.i32, 'address'))
  fuel.begin(runs.first)
  if (calls) fuel.check()
  const labels = new Labels(code)
  code.byte(op.block)
  added.blockType(type.results, code)
  labels.open()
  for (const [at, instruction] of instructions.slice(0, -1).entries()) {
    const { code: what, index, number, start } = instruction
    const next = instructions[at + 1]!.start
    if (what === op.loop && !hasParameters(bytes, instruction)) {
      // Turned in the inner one, paused in the outer one: what is suspendable stays out of the way of what is not.
      code.copy(bytes, start, next)
      fuel.check()
      code.copy(bytes, start, next)
      labels.open({ twice: true })
    } else if (what === op.loop) {
      code.copy(bytes, start, next)
      labels.open()
      fuel.check()
    } else if (what === op.block || what === op.if) {
      code.copy(bytes, start, next)
      labels.open()
    } else if (what === op.end) labels.close()
    else if (what === op.return) code.byte(op.br).u32(labels.outermost)
    else if (what === op.br || what === op.brIf) {
      const { depth, pause } = labels.of(index)
      if (pause === undefined) code.byte(what).u32(depth)
      else if (what === op.br) {
        fuel.left()
        code.byte(op.brIf).u32(depth).byte(op.br).u32(pause)
      } else {
        code.byte(op.if, 0x40)
        fuel.left()
        code
          .byte(op.brIf)
          .u32(depth + 1)
          .byte(op.br)
          .u32(pause + 1)
          .byte(op.end)
      }
    } else if (what === op.brTable) labels.table(bytes, instruction)
    else if (what === op.call || what === op.callIndirect) {
      fuel.store()
      if (what === op.call) code.byte(op.call).u32(added.functionIndex(index))
      else code.copy(bytes, start, next)
      fuel.again()
    } else if (what === op.memoryGrow) {
      fuel.store()
      code.byte(op.call).u32(added.grow)
      fuel.again()
    } else if (isTailCall(instruction)) {
      const stays = added.staysTail(instruction)
      const isDirect = what === op.returnCall
      fuel.store()
      if (stays) rise(code, added, frame)
      code.byte(isDirect ? (stays ? op.returnCall : op.call) : stays ? op.returnCallIndirect : op.callIndirect)
      if (isDirect) code.u32(added.functionIndex(index))
      else code.copy(bytes, start + 1, next)
      if (stays) continue
      fuel.again()
      code.byte(op.br).u32(labels.outermost)
    } else if (what === op.refFunc) code.byte(op.refFunc).u32(added.functionIndex(index))
    // Dropped data would be one thing more to save. It stays.
    else if (what === op.more && number === bulk.dataDrop) code.byte(op.nop)
    else {
      const mark = marks.get(at)
      if (isBulk(instruction)) writeBulk(code, fuel, marker, scratch)
      if (mark?.under !== undefined) {
        const value = scratch.of(mark.under, 'value')
        code.byte(op.localSet).u32(value).byte(op.localTee).u32(scratch.of(types.i32, 'address'))
        code.byte(op.localGet).u32(value)
      }
      code.copy(bytes, start, next)
      if (mark) writeMark(code, mark, marker, scratch)
    }
    const shape = uncertain.get(at)
    if (shape) makeCanonical(code, shape, scratch.of(types[shape]))
    const cost = runs.behind.get(at)
    if (cost) fuel.take(cost)
  }
  code.byte(op.end)
  fuel.store()
  if (frame > 0) rise(code, added, frame)
  code.byte(op.end)
}

function writeMark(code: Writer, { address, local, offset, under }: Mark, marker: Marker, scratch: Scratch): void {
  if (address !== undefined) marker.at(address)
  else if (local !== undefined) marker.behind(local, offset)
  else {
    const known = scratch.of(types.i32, 'address')
    if (under === undefined) code.byte(op.localTee).u32(known)
    marker.behind(known, offset)
  }
}

/** Bytes that are copied or filled: their number is on the stack, under it what they are, and under that where they go. */
function writeBulk(code: Writer, fuel: Fuel, marker: Marker, scratch: Scratch): void {
  const [length, source, target] = ['length', 'source', 'address'].map((name) => scratch.of(types.i32, name))
  fuel.takeLength(length!)
  code.byte(op.localSet).u32(length!).byte(op.localSet).u32(source!).byte(op.localTee).u32(target!)
  marker.range(target!, length!)
  code.byte(op.localGet).u32(source!).byte(op.localGet).u32(length!)
}

/** Whether a loop writes. */
function marksInLoop(instructions: readonly Instruction[], marks: ReadonlyMap<number, Mark>): boolean {
  const open: boolean[] = []
  for (const [at, { code, number }] of instructions.entries()) {
    if (code === op.block || code === op.if) open.push(open.at(-1) ?? false)
    else if (code === op.loop) open.push(true)
    else if (code === op.end) open.pop()
    else if (open.at(-1) && (marks.has(at) || isBulk({ code, number }))) return true
  }
  return false
}

const isCall = ({ code }: Instruction) => code >= op.call && code <= op.returnCallIndirect

/** An estimate from above, before suspension adds its own: what engines keep for each call. */
const frameBytes = ({ locals, instructions }: Body) => 96 + 8 * locals + Math.min(2048, instructions.length >> 1)

/** A loop that takes values begins with what is on the stack: its type is the number of one of the module's. */
const hasParameters = (bytes: Uint8Array, { immediates }: Instruction) => (bytes[immediates]! & 0xc0) !== 0x40

function sink(code: Writer, { depth, overflow }: Added, frame: number, local: number): void {
  code.byte(op.globalGet).u32(depth).byte(op.i32Const).s32(frame).byte(op.i32Add, op.localTee).u32(local)
  code.byte(op.globalSet).u32(depth)
  code.byte(op.localGet).u32(local).byte(op.i32Const).s32(stackBytes).byte(op.i32GtU, op.if, 0x40)
  code.byte(op.call).u32(overflow).byte(op.end)
}

function rise(code: Writer, { depth }: Added, frame: number): void {
  code.byte(op.globalGet).u32(depth).byte(op.i32Const).s32(frame).byte(op.i32Sub, op.globalSet).u32(depth)
}

function makeCanonical(code: Writer, shape: Shape, local: number): void {
  const [width, equal] = ({ f32: [4, 0x5b], f64: [8, 0x61], f32x4: [4, 0x41], f64x2: [8, 0x47] } as const)[shape]
  const nan = width === 4 ? [0, 0, 0xc0, 0x7f] : [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]
  const scalar = shape === 'f32' || shape === 'f64'
  code.byte(op.localTee).u32(local)
  if (scalar) code.byte(width === 4 ? op.f32Const : op.f64Const, ...nan)
  else code.byte(op.vector, 12, ...nan, ...nan, ...(width === 4 ? [...nan, ...nan] : []))
  code.byte(op.localGet).u32(local).byte(op.localGet).u32(local)
  // select, and v128.bitselect
  if (scalar) code.byte(equal, 0x1b)
  else code.byte(op.vector).u32(equal).byte(op.vector).u32(0x52)
}

/** Local variables that the added code needs, behind the function's own. */
class Scratch {
  readonly #first: number
  readonly #types: number[] = []
  readonly #locals = new Map<string, number>()

  constructor(first: number) {
    this.#first = first
  }

  /** @param name - another one of the same type */
  of(type: number, name = ''): number {
    const key = `${type} ${name}`
    const known = this.#locals.get(key)
    if (known !== undefined) return known
    const local = this.#first + this.#types.push(type) - 1
    this.#locals.set(key, local)
    return local
  }

  declare(out: Writer, { groups, groupCount }: Body): void {
    out.u32(groupCount + this.#types.length).copy(groups)
    for (const type of this.#types) out.u32(1).byte(type)
  }
}
