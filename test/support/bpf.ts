// An interpreter of classic BPF as seccomp(2) runs it: the filter's answer to one system call.

export interface Call {
  /** AUDIT_ARCH_* */
  readonly audit: number
  readonly number: number
  readonly args?: readonly bigint[]
}

/** Runs a program of struct sock_filter (little-endian); throws where the kernel would have refused the program. */
export function runFilter(program: Uint8Array, call: Call): number {
  const data = new DataView(new ArrayBuffer(64))
  data.setUint32(0, call.number, true)
  data.setUint32(4, call.audit, true)
  for (const [index, value] of (call.args ?? []).entries()) data.setBigUint64(16 + 8 * index, value, true)
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength)
  let accumulator = 0
  for (let at = 0; at * 8 < program.length; at++) {
    const operand = code.getUint32(at * 8 + 4, true)
    const branch = (answer: boolean) => {
      at += code.getUint8(at * 8 + (answer ? 2 : 3))
    }
    switch (code.getUint16(at * 8, true)) {
      case 0x20:
        if (operand % 4 !== 0) throw new Error(`instruction ${at}: load from ${operand}`)
        accumulator = data.getUint32(operand, true)
        break
      case 0x54:
        accumulator = (accumulator & operand) >>> 0
        break
      case 0x05:
        at += operand
        break
      case 0x15:
        branch(accumulator === operand)
        break
      case 0x25:
        branch(accumulator > operand)
        break
      case 0x35:
        branch(accumulator >= operand)
        break
      case 0x06:
        return operand
      default:
        throw new Error(`instruction ${at}: code ${code.getUint16(at * 8, true)}`)
    }
  }
  throw new Error('the program ends without a return')
}
