// The real kernel behind the door: calls through the native part, one crossing each.

import { errnoName } from '../../core/errno.ts'
import type { Kernel, Outcome } from '../../core/kernel.ts'
import { type EncodedCall, encodeCall } from '../../core/launch/encode.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import { reopenWaiting } from '../../core/launch/report.ts'
import { ENTRY_BYTES, TAPE_HEADER_BYTES, Tape } from '../../core/launch/tape.ts'
import type { Syscall, SyscallName } from '../../core/syscall.ts'
import { type Architecture, architecture, loadNative, type Native } from './ffi.ts'
import { launchInProcess, mayRunInProcess, type Written } from './launch.ts'
import { CALL_BYTES, type Memory, mapMemory } from './memory.ts'
import { launchMonitored } from './monitor.ts'
import { syscallNumber } from './numbers.ts'

/** What the parts of this backend share. */
export interface LinuxParts {
  readonly native: Native
  readonly arch: Architecture
  readonly memory: Memory
  readonly numberOf: (name: SyscallName) => number
  readonly call: (call: Syscall) => Outcome
  readonly wait: (call: Syscall) => Promise<Outcome>
  /** Plans written before, for as long as somebody holds the plan. */
  readonly written: WeakMap<LaunchPlan, Written>
}

const fixed = (register: EncodedCall['registers'][number] | undefined): number | bigint => {
  if (typeof register === 'object') throw new Error(`a call outside of a plan uses the result "${register.from}"`)
  return register ?? 0
}

/** The outcome of a call whose arguments lie at `bytes`; what the kernel wrote is copied out. */
export function outcomeOf(value: number, output: EncodedCall['output'], bytes: Uint8Array): Outcome {
  if (value < 0 && value > -4096) return { errno: errnoName(-value) }
  if (output === undefined) return { value }
  const length = output.cutToValue ? Math.min(value, output.byteCount) : output.byteCount
  return { value, data: bytes.slice(output.offset, output.offset + length) }
}

/** A write longer than a call can carry is cut: the caller sees how much was written, as with any write(2). */
function cut(call: Syscall): Syscall {
  if (call.name !== 'write' || typeof call.buf === 'string' || call.buf.length < CALL_BYTES) return call
  return { ...call, buf: call.buf.subarray(0, CALL_BYTES / 2) }
}

/** Opens the real kernel: loads the native part. Throws a UserError where there is none. */
export function openLinux(): Kernel {
  const native = loadNative()
  const arch = architecture()
  const memory = mapMemory(native, arch)
  const numberOf = (name: SyscallName) => syscallNumber(name, arch)
  const arena = memory.arenaOn(memory.call)

  const call = (given: Syscall): Outcome => {
    arena.at = 0
    const { registers: r, stores, output } = encodeCall(cut(given), arena)
    if (stores.length > 0) fixed(stores[0]!.result)
    const [a, b, c, d, e, f] = r
    const nr = numberOf(given.name)
    const value = native.syscall(nr, fixed(a), fixed(b), fixed(c), fixed(d), fixed(e), fixed(f))
    return outcomeOf(value, output, memory.call.bytes)
  }

  const wait = async (given: Syscall): Promise<Outcome> => {
    const region = memory.borrow()
    try {
      const { registers, output } = encodeCall(given, memory.arenaOn(region))
      return outcomeOf(await native.syscallLater(numberOf(given.name), registers.map(fixed)), output, region.bytes)
    } finally {
      memory.giveBack(region)
    }
  }

  const batch = (calls: readonly Syscall[]) => {
    const tape = new Tape({ arena: memory.arenaOn(memory.tapeArguments), numberOf, report: -1 })
    const entries = calls.map((one, index) => tape.call(one, index))
    memory.tape.bytes.set(tape.finish())
    const failed = native.run(memory.tape.address)
    const view = new DataView(memory.tape.bytes.buffer, memory.tape.bytes.byteOffset)
    const done = failed < 0 ? calls.length : (tape.stepOf(failed) ?? 0) + 1
    const outcomes = entries.slice(0, done).map((entry) => {
      const value = Number(view.getBigInt64(TAPE_HEADER_BYTES + entry * ENTRY_BYTES + 56, true))
      return outcomeOf(value, tape.outputOf(entry), memory.tapeArguments.bytes)
    })
    return failed < 0 ? { outcomes } : { outcomes, failed: done - 1 }
  }

  const parts: LinuxParts = { native, arch, memory, numberOf, call, wait, written: new WeakMap() }
  return {
    kind: 'linux',
    call,
    batch,
    wait,
    launch: (plan, monitor) =>
      monitor === undefined && mayRunInProcess(plan)
        ? launchInProcess(parts, plan)
        : launchMonitored(parts, plan, monitor),
    reopen: (directory) => reopenWaiting(parts, directory),
  }
}
