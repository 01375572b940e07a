// BPF programs that judge uses of devices by the members of a cgroup and of all below it: how version 2 does what the
// devices controller does on version 1. kernel/bpf/cgroup.c

import { decodeInstructions, type Instruction } from '../bpf/instruction.ts'
import { run } from '../bpf/run.ts'
import { verify } from '../bpf/verify.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Cgroup } from './cgroup.ts'
import type { DeviceUse } from './device-access.ts'

/** BPF_F_*. linux/bpf.h */
export const attachFlags = { ALLOW_OVERRIDE: 1, ALLOW_MULTI: 2, REPLACE: 4 } as const
const programsMax = 64
/** struct bpf_cgroup_dev_ctx. */
const contextBytes = 12

export interface DeviceProgram {
  readonly id: number
  readonly instructions: readonly Instruction[]
}

/** Of one cgroup. All were attached with the same flags. */
export interface AttachedPrograms {
  readonly flags: number
  readonly programs: DeviceProgram[]
}

/** @errors EINVAL, EACCES what the verifier refuses */
export function makeProgram(id: number, bytes: Uint8Array): DeviceProgram | Denied {
  const instructions = decodeInstructions(bytes)
  return verify(instructions, contextBytes) ?? { id, instructions }
}

/**
 * Attaches a program to a cgroup.
 *
 * @errors EINVAL flags that exclude each other, or the same program again; EPERM what is there, here or above, was attached
 *         with other rights; E2BIG 64 are there
 */
export function attachProgram(cgroup: Cgroup, program: DeviceProgram, flags: number): Denied | undefined {
  const { ALLOW_OVERRIDE, ALLOW_MULTI, REPLACE } = attachFlags
  const no = (errno: 'EINVAL' | 'EPERM' | 'E2BIG', why: string) =>
    deny(errno, 'bpf(2)', `bpf(2): BPF_PROG_ATTACH: ${why}`)
  const kept = flags & (ALLOW_OVERRIDE | ALLOW_MULTI)
  if (kept === (ALLOW_OVERRIDE | ALLOW_MULTI) || (flags & REPLACE && !(flags & ALLOW_MULTI)))
    return no('EINVAL', 'the flags exclude each other')
  if (flags & REPLACE) return no('EINVAL', 'BPF_F_REPLACE is not modelled')
  if (!mayAttachBelow(cgroup)) return no('EPERM', 'a cgroup above has a program that is not to be overridden')
  const there = cgroup.devicePrograms
  if (there && there.programs.length > 0 && there.flags !== kept)
    return no('EPERM', 'the cgroup has programs with other flags')
  if (there === undefined || there.programs.length === 0 || !(kept & ALLOW_MULTI)) {
    cgroup.devicePrograms = { flags: kept, programs: [program] }
    return undefined
  }
  if (there.programs.includes(program)) return no('EINVAL', 'the program is attached already')
  if (there.programs.length >= programsMax) return no('E2BIG', `a cgroup has at most ${programsMax} programs`)
  there.programs.push(program)
  return undefined
}

/** hierarchy_allows_attach() */
function mayAttachBelow(cgroup: Cgroup): boolean {
  for (let at = cgroup.parent; at; at = at.parent) {
    const above = at.devicePrograms
    if (above === undefined) continue
    if (above.flags & attachFlags.ALLOW_MULTI) return true
    if (above.programs.length > 0) return (above.flags & attachFlags.ALLOW_OVERRIDE) !== 0
  }
  return true
}

/** @errors ENOENT it is not attached */
export function detachProgram(cgroup: Cgroup, program: DeviceProgram | undefined): Denied | undefined {
  const there = cgroup.devicePrograms
  const multi = there && there.flags & attachFlags.ALLOW_MULTI
  const at = there === undefined ? -1 : multi ? there.programs.indexOf(program!) : there.programs.length - 1
  if (multi && program === undefined)
    return deny('EINVAL', 'bpf(2)', 'bpf(2): BPF_PROG_DETACH: of several programs one has to be named')
  if (at < 0) return deny('ENOENT', 'bpf(2)', 'bpf(2): BPF_PROG_DETACH: the program is not attached here')
  there!.programs.splice(at, 1)
  if (there!.programs.length === 0) cgroup.devicePrograms = undefined
  return undefined
}

/** Those of the nearest cgroup that has any, and those above that were attached with BPF_F_ALLOW_MULTI: all have to agree. */
export function judgeByPrograms(task: Task, use: DeviceUse): Denied | undefined {
  let context: Uint8Array | undefined
  let seen = false
  for (let at = task.cgroups.get(task.kernel.cgroups.unified); at; at = at.parent) {
    const attached = at.devicePrograms
    if (attached === undefined || (seen && !(attached.flags & attachFlags.ALLOW_MULTI))) continue
    seen = true
    context ??= contextOf(use)
    for (const { instructions } of attached.programs)
      if ((run(instructions, context) & 1) === 0)
        return deny(
          'EPERM',
          'V1-009',
          `bpf(2): a program of the cgroup forbids ${use.kind} device ${use.major}:${use.minor}`,
        )
  }
  return undefined
}

function contextOf({ kind, major, minor, access }: DeviceUse): Uint8Array {
  const bytes = new Uint8Array(contextBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, (access << 16) | (kind === 'block' ? 1 : 2), true)
  view.setUint32(4, major, true)
  view.setUint32(8, minor, true)
  return bytes
}
