// Running an eBPF program that has been verified: registers of 64 bits, a context to read, one number as the answer.

import { ALU, BPF_X, CLASS, classOf, type Instruction, JUMP, loadSizes, loadWide, operationOf } from './instruction.ts'

const bits64 = (value: bigint): bigint => BigInt.asUintN(64, value)
const bits32 = (value: bigint): bigint => BigInt.asUintN(32, value)

/** @returns r0 at the end, as the kernel's u32 */
export function run(program: readonly Instruction[], context: Uint8Array): number {
  const registers: bigint[] = Array(10).fill(0n)
  for (let at = 0; ; at++) {
    const instruction = program[at]!
    const { code, dst, src, offset, immediate } = instruction
    const operand = code & BPF_X ? registers[src]! : BigInt(immediate)
    switch (classOf(instruction)) {
      case CLASS.LDX:
        registers[dst] = BigInt(load(context, offset, loadSizes[code]!))
        break
      case CLASS.ALU:
        registers[dst] = bits32(compute(operationOf(instruction), bits32(registers[dst]!), bits32(operand), 32))
        break
      case CLASS.ALU64:
        registers[dst] = bits64(compute(operationOf(instruction), registers[dst]!, bits64(operand), 64))
        break
      case CLASS.JMP:
      case CLASS.JMP32: {
        const operation = operationOf(instruction)
        if (operation === JUMP.EXIT) return Number(bits32(registers[0]!))
        const wide = classOf(instruction) === CLASS.JMP ? 64 : 32
        const a = BigInt.asUintN(wide, registers[dst]!)
        if (operation === JUMP.JA || holds(operation, a, BigInt.asUintN(wide, operand), wide)) at += offset
        break
      }
      default:
        if (code === loadWide) {
          registers[dst] = bits32(BigInt(immediate)) | (bits32(BigInt(program[at + 1]!.immediate)) << 32n)
          at += 1
        }
    }
  }
}

function load(context: Uint8Array, offset: number, size: number): number {
  let value = 0
  for (let index = size - 1; index >= 0; index--) value = value * 256 + context[offset + index]!
  return value
}

function compute(operation: number, a: bigint, b: bigint, bits: 32 | 64): bigint {
  const shift = b & BigInt(bits - 1)
  switch (operation) {
    case ALU.ADD:
      return a + b
    case ALU.SUB:
      return a - b
    case ALU.MUL:
      return a * b
    case ALU.DIV:
      return b === 0n ? 0n : a / b
    case ALU.OR:
      return a | b
    case ALU.AND:
      return a & b
    case ALU.LSH:
      return a << shift
    case ALU.RSH:
      return a >> shift
    case ALU.NEG:
      return -a
    case ALU.MOD:
      return b === 0n ? a : a % b
    case ALU.XOR:
      return a ^ b
    case ALU.ARSH:
      return BigInt.asIntN(bits, a) >> shift
    default:
      return b
  }
}

function holds(operation: number, a: bigint, b: bigint, bits: 32 | 64): boolean {
  const signed = (value: bigint): bigint => BigInt.asIntN(bits, value)
  switch (operation) {
    case JUMP.JEQ:
      return a === b
    case JUMP.JGT:
      return a > b
    case JUMP.JGE:
      return a >= b
    case JUMP.JSET:
      return (a & b) !== 0n
    case JUMP.JNE:
      return a !== b
    case JUMP.JLT:
      return a < b
    case JUMP.JLE:
      return a <= b
    case JUMP.JSGT:
      return signed(a) > signed(b)
    case JUMP.JSGE:
      return signed(a) >= signed(b)
    case JUMP.JSLT:
      return signed(a) < signed(b)
    default:
      return signed(a) <= signed(b)
  }
}
