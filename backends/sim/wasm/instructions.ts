// The instructions of WebAssembly 2.0 and their immediates, as far as a pass over the code has to know them; and which proposals
// are refused, each by its name, since they are not the same everywhere or would be state that cannot be saved.

import { ModuleError, type Reader } from './binary.ts'

export const op = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  drop: 0x1a,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32LtS: 0x48,
  i32GeS: 0x4e,
  i32GtU: 0x4b,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32ShrU: 0x76,
  i64Or: 0x84,
  i64Shl: 0x86,
  i64ExtendI32U: 0xad,
  refFunc: 0xd2,
  /** Followed by a number: bulk memory, tables, conversions that do not trap. */
  more: 0xfc,
  /** Followed by a number: vectors of 128 bits. */
  vector: 0xfd,
} as const

/** Behind `op.more`. */
export const bulk = { memoryInit: 8, dataDrop: 9, memoryCopy: 10, memoryFill: 11 } as const

/** Instructions that would leave something behind that is not in memory or a global. */
const tableChanges = new Map([
  [12, 'table.init'],
  [13, 'elem.drop'],
  [14, 'table.copy'],
  [15, 'table.grow'],
  [17, 'table.fill'],
])

const refuse = (what: string): never => {
  throw new ModuleError(`the module uses ${what}, which processes of the simulated kernel do not have`)
}

/** What one instruction is: its code, the number behind a prefix, and where its immediates are. */
export interface Instruction {
  code: number
  /** Behind op.more and op.vector; 0 for others. */
  number: number
  /** Where it begins, and where its immediates do. */
  start: number
  immediates: number
  /** The function that it names, or the label. */
  index: number
}

/** Reads one instruction into `into`. @errors ModuleError for what is refused, and for what is no instruction */
export function readInstruction(reader: Reader, into: Instruction): void {
  into.start = reader.position
  const code = reader.byte()
  into.code = code
  into.number = 0
  into.index = 0
  into.immediates = reader.position
  if (code <= 0x24) readControl(reader, into)
  else if (code === 0x25 || code === op.i32Const || code === op.i64Const || code === 0xd0) reader.skipNumber()
  else if (code === 0x26) refuse('table.set')
  else if (code >= 0x28 && code <= 0x3e) skipMemory(reader)
  else if (code === 0x3f || code === op.memoryGrow) firstMemory(reader)
  else if (code === op.f32Const || code === op.f64Const) reader.skip(code === op.f32Const ? 4 : 8)
  else if (code === op.refFunc) into.index = reader.u32()
  else if (code === op.more) readMore(reader, into)
  else if (code === op.vector) readVector(reader, into)
  else if (code === 0xfe) refuse('threads')
  else if (code === 0xfb) refuse('garbage collected types')
  else if (code === 0x27 || (code > 0xc4 && code !== 0xd1)) unknown(`0x${code.toString(16)}`)
}

function unknown(what: string): never {
  throw new ModuleError(`the module has an instruction ${what}, which WebAssembly 2.0 does not know`)
}

function readControl(reader: Reader, into: Instruction): void {
  switch (into.code) {
    case op.unreachable:
    case op.nop:
    case op.else:
    case op.end:
    case op.return:
    case op.drop:
    case 0x1b:
      break
    case op.block:
    case op.loop:
    case op.if:
      reader.skipNumber()
      break
    case op.brTable:
      for (let count = reader.u32(); count >= 0; count--) reader.skipNumber()
      break
    case op.callIndirect:
    case op.returnCallIndirect:
      reader.skipNumber()
      reader.skipNumber()
      break
    case 0x1c:
      reader.skip(reader.u32())
      break
    case op.br:
    case op.brIf:
    case op.call:
    case op.returnCall:
    case op.localGet:
    case op.localSet:
    case op.localTee:
    case op.globalGet:
    case op.globalSet:
      into.index = reader.u32()
      break
    case 0x14:
    case 0x15:
      refuse('typed references of functions')
      break
    default:
      if (exceptions.has(into.code)) refuse('exceptions')
      unknown(`0x${into.code.toString(16)}`)
  }
}

const exceptions = new Set([0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f])

function firstMemory(reader: Reader): void {
  if (reader.byte() !== 0) refuse('several memories')
}

/** Alignment and offset. */
function skipMemory(reader: Reader): void {
  if (reader.u32() >= 0x40) refuse('several memories')
  reader.skipNumber()
}

function readMore(reader: Reader, into: Instruction): void {
  const number = reader.u32()
  into.number = number
  const change = tableChanges.get(number)
  if (change) refuse(change)
  if (number < 8) return
  if (number === bulk.memoryInit || number === bulk.dataDrop || number === 16) reader.skipNumber()
  else if (number === bulk.memoryCopy) firstMemory(reader)
  else if (number !== bulk.memoryFill) unknown(`0xfc ${number}`)
  if (number !== bulk.dataDrop && number !== 16) firstMemory(reader)
}

function readVector(reader: Reader, into: Instruction): void {
  const number = reader.u32()
  into.number = number
  if (number >= 0x100) refuse('relaxed vectors, whose results differ from one processor to another')
  if (number <= 11 || number === 92 || number === 93) skipMemory(reader)
  else if (number === 12 || number === 13) reader.skip(16)
  else if (number >= 21 && number <= 34) reader.skip(1)
  else if (number >= 84 && number <= 91) {
    skipMemory(reader)
    reader.skip(1)
  }
}
