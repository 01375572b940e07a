// What is asked of a program before it may run: every instruction is known and reached, registers are written before they
// are read, the context is only read, and there is an end. A small part of kernel/bpf/verifier.c

import { type Denied, deny } from '../outcome.ts'
import { BPF_X, CLASS, classOf, type Instruction, JUMP, loadSizes, loadWide, operationOf } from './instruction.ts'

/** What a register may hold, a bit each: 0 to 9 a number, 16 to 25 the context. */
type Known = number
const number = (register: number): Known => 1 << register
const pointer = (register: number): Known => 1 << (register + 16)

const wrong = (errno: 'EINVAL' | 'EACCES', index: number, why: string): Denied =>
  deny(errno, 'bpf(2)', `bpf(2): instruction ${index}: ${why}`)

/**
 * Refuses what Linux refuses; also loops, calls, maps and the stack, which Linux takes.
 *
 * @param contextBytes - how much of the context there is to read
 */
export function verify(program: readonly Instruction[], contextBytes: number): Denied | undefined {
  const before: (Known | undefined)[] = Array(program.length).fill(undefined)
  before[0] = pointer(1)
  const reach = (index: number, known: Known): void => {
    if (index < program.length) before[index] = (before[index] ?? -1) & known
  }
  for (let index = 0; index < program.length; index++) {
    const known = before[index]
    if (known === undefined) return wrong('EINVAL', index, 'it is never reached')
    const step = checkOne(program, index, known, contextBytes)
    if (typeof step !== 'number') return step
    const { offset } = program[index]!
    const kind = classOf(program[index]!)
    const jumps = kind === CLASS.JMP || kind === CLASS.JMP32
    const operation = operationOf(program[index]!)
    if (jumps && operation === JUMP.EXIT) continue
    if (jumps) {
      if (offset < 0) return wrong('EINVAL', index, 'jumps back are not modelled')
      if (index + 1 + offset >= program.length) return wrong('EINVAL', index, 'it jumps out of the program')
      reach(index + 1 + offset, step)
      if (operation === JUMP.JA) continue
    }
    const wide = program[index]!.code === loadWide
    if (index + (wide ? 2 : 1) >= program.length) return wrong('EINVAL', index, 'the program goes on behind its end')
    reach(index + (wide ? 2 : 1), step)
    if (wide) index += 1
  }
  return undefined
}

/** What registers hold behind an instruction. */
function checkOne(program: readonly Instruction[], index: number, known: Known, contextBytes: number): Known | Denied {
  const instruction = program[index]!
  const { code, dst, src, offset, immediate } = instruction
  if (dst > 9 || src > 9) return wrong('EACCES', index, 'there are ten registers that a program may use so')
  const readable = (register: number) => (known & number(register)) !== 0
  const set = (what: Known): Known => (known & ~(number(dst) | pointer(dst))) | what
  switch (classOf(instruction)) {
    case CLASS.LDX: {
      const size = loadSizes[code]
      if (size === undefined) return wrong('EACCES', index, 'a load of this kind is not for the context')
      if (!(known & pointer(src))) return wrong('EACCES', index, `r${src} does not point to the context`)
      if (offset < 0 || offset + size > contextBytes || offset % size !== 0)
        return wrong('EACCES', index, 'it reads beside the context')
      return set(number(dst))
    }
    case CLASS.LD:
      if (code !== loadWide || src !== 0) return wrong('EINVAL', index, 'maps and packets are not modelled')
      return set(number(dst))
    case CLASS.ALU:
    case CLASS.ALU64: {
      const operation = operationOf(instruction)
      const fromRegister = (code & BPF_X) !== 0
      if (operation > 0xc0) return wrong('EINVAL', index, 'an unknown operation, or one that is not modelled')
      if (operation === 0xb0 && fromRegister && code === 0xbf && known & pointer(src)) return set(pointer(dst))
      if (fromRegister && !readable(src)) return wrong('EACCES', index, `r${src} holds no number`)
      if (operation !== 0xb0 && !readable(dst)) return wrong('EACCES', index, `r${dst} holds no number`)
      if (!fromRegister && immediate === 0 && (operation === 0x30 || operation === 0x90))
        return wrong('EINVAL', index, 'a division by zero')
      return set(number(dst))
    }
    case CLASS.JMP:
    case CLASS.JMP32: {
      const operation = operationOf(instruction)
      if (operation === JUMP.CALL || operation > JUMP.JSLE) return wrong('EINVAL', index, 'calls are not modelled')
      if (operation === JUMP.EXIT) return readable(0) ? known : wrong('EACCES', index, 'r0 holds no number at the end')
      if (operation === JUMP.JA) return known
      if (!readable(dst)) return wrong('EACCES', index, `r${dst} holds no number`)
      if (code & BPF_X && !readable(src)) return wrong('EACCES', index, `r${src} holds no number`)
      return known
    }
    default:
      return wrong('EACCES', index, 'the context is not written to, and the stack is not modelled')
  }
}
