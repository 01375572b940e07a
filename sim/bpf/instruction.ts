// eBPF instructions as bpf(2) takes them: struct bpf_insn, eight bytes each, little-endian. linux/bpf.h,
// Documentation/bpf/standardization/instruction-set.rst

export interface Instruction {
  readonly code: number
  readonly dst: number
  readonly src: number
  readonly offset: number
  readonly immediate: number
}

/** The lower three bits of a code. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const
/** The upper four, of arithmetic. */
export const ALU = {
  ...{ ADD: 0x00, SUB: 0x10, MUL: 0x20, DIV: 0x30, OR: 0x40, AND: 0x50, LSH: 0x60, RSH: 0x70, NEG: 0x80, MOD: 0x90 },
  ...{ XOR: 0xa0, MOV: 0xb0, ARSH: 0xc0 },
} as const
/** The upper four, of jumps. */
export const JUMP = {
  ...{
    JA: 0x00,
    JEQ: 0x10,
    JGT: 0x20,
    JGE: 0x30,
    JSET: 0x40,
    JNE: 0x50,
    JSGT: 0x60,
    JSGE: 0x70,
    CALL: 0x80,
    EXIT: 0x90,
  },
  ...{ JLT: 0xa0, JLE: 0xb0, JSLT: 0xc0, JSLE: 0xd0 },
} as const
/** The operand is a register, not the immediate. */
export const BPF_X = 0x08
/** A load of 64 bits of immediate takes two instructions. */
export const loadWide = 0x18
export const loadSizes: Readonly<Record<number, number>> = { 97: 4, 105: 2, 113: 1 }

export const classOf = ({ code }: Instruction): number => code & 7
export const operationOf = ({ code }: Instruction): number => code & 0xf0

export function decodeInstructions(bytes: Uint8Array): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, index) => {
    const at = index * 8
    const registers = view.getUint8(at + 1)
    return {
      code: view.getUint8(at),
      ...{ dst: registers & 15, src: registers >> 4 },
      offset: view.getInt16(at + 2, true),
      immediate: view.getInt32(at + 4, true),
    }
  })
}
