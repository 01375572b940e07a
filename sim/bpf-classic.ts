// Classic BPF as seccomp(2) takes it: which programs are allowed, and running one on a system call. net/core/filter.c

/** struct sock_filter, two words for each: code with jt and jf above it, and k. */
export type Program = Uint32Array

export const instructionsMost = 4096
/** struct seccomp_data. */
const dataBytes = 64

const LD_W_ABS = 0x20
const RET_K = 0x06
const RET_A = 0x16
const JMP = 0x05
const JA = 0x05
const conditional: ReadonlySet<number> = new Set([0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d])
const others: ReadonlySet<number> = new Set([
  ...[0x80, 0x81, 0x00, 0x01, 0x60, 0x61, 0x02, 0x03, 0x07, 0x87],
  ...[0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0xa4, 0xac],
])
const scratchWords = 16
const scratch: ReadonlySet<number> = new Set([0x60, 0x61, 0x02, 0x03])

/** Undefined: seccomp(2) refuses such a program (EINVAL). bpf_check_classic(), seccomp_check_filter() */
export function readProgram(bytes: Uint8Array): Program | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = Math.floor(bytes.length / 8)
  const program = new Uint32Array(count * 2)
  for (let at = 0; at < count; at++) {
    const word = view.getUint32(at * 8, true)
    const k = view.getUint32(at * 8 + 4, true)
    if (!isAllowed(word, k, count - at - 1)) return undefined
    program[at * 2] = word
    program[at * 2 + 1] = k
  }
  const last = codeOf(program.at(-2) ?? 0)
  return last === RET_K || last === RET_A ? program : undefined
}

const codeOf = (word: number): number => word & 0xffff
const jumpTrue = (word: number): number => (word >>> 16) & 0xff
const jumpFalse = (word: number): number => word >>> 24

/** @param left - how many instructions come behind it */
function isAllowed(word: number, k: number, left: number): boolean {
  const code = codeOf(word)
  if (code === LD_W_ABS) return k % 4 === 0 && k < dataBytes
  if (code === JA) return k < left
  if (conditional.has(code)) return jumpTrue(word) < left && jumpFalse(word) < left
  if (scratch.has(code)) return k < scratchWords
  if (code === 0x34 && k === 0) return false
  if ((code === 0x64 || code === 0x74) && k >= 32) return false
  return code === RET_K || code === RET_A || others.has(code)
}

/** The answer of a program that `readProgram` has let pass. */
export function runProgram(program: Program, data: DataView): number {
  const memory = new Uint32Array(scratchWords)
  let a = 0
  let x = 0
  for (let at = 0; ; at++) {
    const word = program[at * 2]!
    const k = program[at * 2 + 1]!
    const code = codeOf(word)
    if (code === LD_W_ABS) a = data.getUint32(k, true)
    else if (code === RET_K) return k
    else if (code === RET_A) return a
    else if (code === JA) at += k
    else if ((code & 7) === JMP) at += holds(code, a, code & 8 ? x : k) ? jumpTrue(word) : jumpFalse(word)
    else if ((code & 7) === 4) a = calculate(code, a, code & 8 ? x : k)
    else if (code === 0x80) a = dataBytes
    else if (code === 0x81) x = dataBytes
    else if (code === 0x00) a = k
    else if (code === 0x01) x = k
    else if (code === 0x60) a = memory[k]!
    else if (code === 0x61) x = memory[k]!
    else if (code === 0x02) memory[k] = a
    else if (code === 0x03) memory[k] = x
    else if (code === 0x07) x = a
    else a = x
  }
}

function holds(code: number, a: number, operand: number): boolean {
  switch (code & 0xf0) {
    case 0x10:
      return a === operand
    case 0x20:
      return a > operand
    case 0x30:
      return a >= operand
    default:
      return (a & operand) !== 0
  }
}

/** On 32 bits, unsigned; a division by zero answers 0, as Linux ends the program with 0 then. */
function calculate(code: number, a: number, operand: number): number {
  switch (code & 0xf0) {
    case 0x00:
      return (a + operand) >>> 0
    case 0x10:
      return (a - operand) >>> 0
    case 0x20:
      return Math.imul(a, operand) >>> 0
    case 0x30:
      return operand === 0 ? 0 : Math.floor(a / operand)
    case 0x40:
      return (a | operand) >>> 0
    case 0x50:
      return (a & operand) >>> 0
    case 0x60:
      return (a << operand) >>> 0
    case 0x70:
      return a >>> operand
    case 0x80:
      return -a >>> 0
    default:
      return (a ^ operand) >>> 0
  }
}
