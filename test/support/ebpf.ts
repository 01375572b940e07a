// A tiny interpreter of the eBPF instructions that device programs use, written from the instruction set's document.

/** Runs a program on a context (bytes, little-endian); gives r0. Throws on what the kernel's verifier would refuse. */
export function runEbpf(program: Uint8Array, context: Uint8Array): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const memory = new DataView(context.buffer, context.byteOffset, context.byteLength)
  const registers: (bigint | 'context' | undefined)[] = [undefined, 'context']
  const value = (register: number): bigint => {
    const held = registers[register]
    if (typeof held !== 'bigint') throw new Error(`register ${register} holds no number`)
    return held
  }
  for (let at = 0, steps = 0; ; at++, steps++) {
    if (at < 0 || at * 8 >= program.length) throw new Error(`runs past the end at instruction ${at}`)
    if (steps > program.length) throw new Error('runs in circles')
    const opcode = code.getUint8(at * 8)
    const dst = code.getUint8(at * 8 + 1) & 0xf
    const src = code.getUint8(at * 8 + 1) >> 4
    const off = code.getInt16(at * 8 + 2, true)
    const imm = BigInt(code.getInt32(at * 8 + 4, true))
    const imm64 = BigInt.asUintN(64, imm)
    switch (opcode) {
      case 0x61:
        if (registers[src] !== 'context') throw new Error(`load from register ${src}, which is not the context`)
        registers[dst] = BigInt(memory.getUint32(off, true))
        break
      case 0xb7:
        registers[dst] = imm64
        break
      case 0x54:
        registers[dst] = BigInt.asUintN(32, value(dst)) & BigInt.asUintN(32, imm)
        break
      case 0x74:
        registers[dst] = BigInt.asUintN(32, value(dst)) >> imm
        break
      case 0x05:
        at += off
        break
      case 0x55:
        if (value(dst) !== imm64) at += off
        break
      case 0x45:
        if ((value(dst) & imm64) !== 0n) at += off
        break
      case 0x95:
        return Number(value(0))
      default:
        throw new Error(`unknown instruction 0x${opcode.toString(16)}`)
    }
  }
}
