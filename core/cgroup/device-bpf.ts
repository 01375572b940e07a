// Device rules as an eBPF program for BPF_CGROUP_DEVICE, which takes the place of v1's devices controller on v2.

import type { DeviceRule } from './devices.ts'

/** bpf(2), linux/bpf.h. */
export const BPF = {
  PROG_LOAD: 5,
  PROG_ATTACH: 8,
  PROG_TYPE_CGROUP_DEVICE: 15,
  CGROUP_DEVICE: 6,
  F_ALLOW_MULTI: 2,
} as const

/** Instruction codes: class, operation and source in one byte. linux/bpf.h, linux/bpf_common.h. */
const op = {
  loadWord: 0x61, // dst = *(u32 *)(src + off)
  move: 0xb7, // dst = imm
  and32: 0x54, // (u32) dst &= imm
  shiftRight32: 0x74, // (u32) dst >>= imm
  jumpIfNot: 0x55, // if dst != imm, skip off instructions
  jump: 0x05, // skip off instructions
  jumpIfSet: 0x45, // if dst & imm, skip off instructions
  exit: 0x95,
} as const

/** Registers: 0 is the answer, 1 comes in as the context. */
const answer = 0
const context = 1
const type = 2
const wanted = 3
const major = 4
const minor = 5

interface Instruction {
  readonly code: number
  readonly dst?: number
  readonly src?: number
  readonly off?: number
  readonly imm?: number
}

/** BPF_DEVCG_ACC_*; the type is BPF_DEVCG_DEV_*. */
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 }
const allAccess = 7
const typeNumbers = { b: 1, c: 2 } as const

/** struct bpf_cgroup_dev_ctx: access_type (access << 16 | type), major, minor. */
const prologue: readonly Instruction[] = [
  { code: op.loadWord, dst: type, src: context, off: 0 },
  { code: op.and32, dst: type, imm: 0xffff },
  { code: op.loadWord, dst: wanted, src: context, off: 0 },
  { code: op.shiftRight32, dst: wanted, imm: 16 },
  { code: op.loadWord, dst: major, src: context, off: 4 },
  { code: op.loadWord, dst: minor, src: context, off: 8 },
]

/**
 * The program: 1 allows, 0 denies. Every wanted kind of access (r, w, m) is judged for itself by the last rule that
 * names it and matches; the whole is allowed when every kind is; what no rule matches is denied. So the rules are gone
 * through from the last to the first: an allowing rule takes its access off what is still wanted, until nothing is left;
 * a denying rule that names something still wanted ends it.
 */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const program: Instruction[] = [...prologue]
  for (const rule of rules.toReversed()) {
    const block = ruleBlock(rule)
    program.push(...block)
    // nothing is reached behind a rule without conditions, and the verifier refuses what is not reached
    if (rule.type === 'a') return encode(program)
  }
  return encode([...program, ...answerWith(0)])
}

function answerWith(value: 0 | 1): Instruction[] {
  return [{ code: op.move, dst: answer, imm: value }, { code: op.exit }]
}

function ruleBlock(rule: DeviceRule): Instruction[] {
  const answered = answerWith(rule.allow ? 1 : 0)
  if (rule.type === 'a') return answered
  const bits = [...rule.access].reduce((sum, letter) => sum | accessBits[letter]!, 0)
  const decision: Instruction[] = rule.allow
    ? bits === allAccess
      ? answered
      : [
          { code: op.and32, dst: wanted, imm: allAccess & ~bits },
          { code: op.jumpIfNot, dst: wanted, imm: 0, off: answered.length },
          ...answered,
        ]
    : [
        { code: op.jumpIfSet, dst: wanted, imm: bits, off: 1 },
        // not about what is wanted: on to the next rule
        { code: op.jump, off: answered.length },
        ...answered,
      ]
  const conditions: Instruction[] = [
    { code: op.jumpIfNot, dst: type, imm: typeNumbers[rule.type] },
    ...(rule.major === null ? [] : [{ code: op.jumpIfNot, dst: major, imm: rule.major }]),
    ...(rule.minor === null ? [] : [{ code: op.jumpIfNot, dst: minor, imm: rule.minor }]),
  ]
  const length = conditions.length + decision.length
  return [...conditions.map((each, index) => ({ ...each, off: length - index - 1 })), ...decision]
}

/** struct bpf_insn: code, dst and src of four bits, off of 16, imm of 32; little-endian, as x86-64 and arm64 are. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8)
  const view = new DataView(bytes.buffer)
  program.forEach(({ code, dst = 0, src = 0, off = 0, imm = 0 }, index) => {
    view.setUint8(index * 8, code)
    view.setUint8(index * 8 + 1, dst | (src << 4))
    view.setInt16(index * 8 + 2, off, true)
    view.setInt32(index * 8 + 4, imm, true)
  })
  return bytes
}
