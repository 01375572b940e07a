// A plan run in-process: the child shares Node's memory until it executes (CLONE_VM|CLONE_VFORK), so nothing is copied.

import type { ExitStatus, Launched, LaunchFailure } from '../../core/kernel.ts'
import { planFailure, undo } from '../../core/launch/failure.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import { ENTRY_BYTES, TAPE_HEADER_BYTES, Tape } from '../../core/launch/tape.ts'
import type { LinuxParts } from './kernel.ts'

const CLONE_VM = 0x100
const CLONE_VFORK = 0x4000
export const CLONE_PIDFD = 0x1000
export const CLONE_CLEAR_SIGHAND = 0x100000000
const CLONE_NEWTIME = 0x80
const CLONE_NEWUSER = 0x10000000
const POLLIN = 1
const P_PIDFD = 3
const WEXITED = 4

/**
 * Whether a plan can be run while the parent stands still on shared memory: nobody need act in between, no user namespace
 * (setuid would make Node itself undumpable) and no time namespace (EUSERS on shared memory), and no namespace is joined
 * (a process in it could open /proc/PID/exe, which is Node; CVE-2019-5736). The same holds of the program itself: an image
 * whose program is a link to /proc/self/exe runs Node, so in-process is for root filesystems that the caller trusts.
 */
export function mayRunInProcess(plan: LaunchPlan): boolean {
  for (const { in: side, call, waits } of plan.steps) {
    if (waits || call.name === 'setns' || (side === 'parent' && call.name === 'prctl')) return false
    const flags = call.name === 'clone3' ? call.cl_args.flags : call.name === 'unshare' ? Number(call.flags) : 0
    if ((flags & (CLONE_NEWUSER | CLONE_NEWTIME)) !== 0) return false
  }
  return true
}

/** The tape of a whole plan; `prelude` adds the executor's own entries between clone3 and the child's first step. */
export function writeTape(tape: Tape, plan: LaunchPlan, prelude?: () => void): Map<number, number> {
  const entries = new Map<number, number>()
  for (let i = 0; i < plan.steps.length; i++) {
    const step = plan.steps[i]!
    entries.set(i, tape.step(step, i))
    if (step.call.name === 'clone3') prelude?.()
  }
  if (tape.clone === undefined) throw new Error('a plan has no clone3 step')
  return entries
}

/** Whether a step's call was made and not refused, read from the tape's memory. */
export function resultsOf(bytes: Uint8Array, entries: Map<number, number>): (step: number) => boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return (step) => view.getInt32(TAPE_HEADER_BYTES + entries.get(step)! * ENTRY_BYTES + 60, true) >= 0
}

/** siginfo_t of waitid(2): si_code at 8, si_status at 24. */
export function exitOf(info: Uint8Array): ExitStatus {
  const view = new DataView(info.buffer, info.byteOffset)
  const status = view.getInt32(24, true)
  return view.getInt32(8, true) === 1 ? { code: status, signal: 0 } : { code: 128 + status, signal: status }
}

/** A plan written for this kernel's own regions, whose addresses never change: good for every launch of that plan. */
export interface Written {
  readonly tape: Tape
  readonly entries: Map<number, number>
  readonly argsOffset: number
  readonly pidfdOffset: number
  readonly argumentBytes: Uint8Array
  readonly tapeBytes: Uint8Array
}

function write({ memory, numberOf }: LinuxParts, plan: LaunchPlan): Written {
  const arena = memory.arenaOn(memory.tapeArguments)
  const tape = new Tape({ arena, numberOf, report: -1 })
  const entries = writeTape(tape, plan)
  const { argsOffset } = tape.clone!
  const args = new DataView(arena.bytes.buffer, arena.bytes.byteOffset + argsOffset)
  const pidfdOffset = arena.reserve(8)
  const extra = CLONE_VM + CLONE_VFORK + CLONE_PIDFD + CLONE_CLEAR_SIGHAND
  args.setBigUint64(0, args.getBigUint64(0, true) + BigInt(extra), true)
  args.setBigUint64(8, BigInt(arena.address(pidfdOffset)), true)
  args.setBigUint64(40, BigInt(memory.stack.address), true)
  args.setBigUint64(48, BigInt(memory.stack.bytes.length), true)
  return {
    tape,
    entries,
    argsOffset,
    pidfdOffset,
    argumentBytes: arena.bytes.slice(0, arena.at),
    tapeBytes: tape.finish(),
  }
}

export function launchInProcess(parts: LinuxParts, plan: LaunchPlan): Launched | LaunchFailure {
  const { memory, native } = parts
  let written = parts.written.get(plan)
  if (written === undefined) {
    written = write(parts, plan)
    parts.written.set(plan, written)
  }
  const { tape, entries } = written
  memory.tapeArguments.bytes.set(written.argumentBytes)
  memory.tape.bytes.set(written.tapeBytes)
  const view = new DataView(memory.tape.bytes.buffer, memory.tape.bytes.byteOffset)
  const succeeded = resultsOf(memory.tape.bytes, entries)
  // The child has its own table of descriptors: what the plan opened for it is not ours to keep.
  const closeOpened = () => {
    const resultOf = (entry: number) => Number(view.getBigInt64(TAPE_HEADER_BYTES + entry * ENTRY_BYTES + 56, true))
    for (const fd of tape.leftOpen(resultOf)) parts.call({ name: 'close', fd })
  }
  const fail = (step: number, errno: number) => {
    undo(parts, plan, succeeded)
    return planFailure(plan, step, errno)
  }

  const refusedEntry = native.run(memory.tape.address)
  if (refusedEntry >= 0) closeOpened()
  if (refusedEntry >= 0) return fail(tape.stepOf(refusedEntry)!, view.getInt32(12, true))

  const pid = native.spawn(memory.tapeArguments.address + written.argsOffset, 88, memory.tape.address)
  closeOpened()
  if (pid < 0) return fail(tape.clone!.step, -pid)
  const { buffer, byteOffset } = memory.tapeArguments.bytes
  const pidfd = new DataView(buffer, byteOffset + written.pidfdOffset).getInt32(0, true)

  const close = () => parts.call({ name: 'close', fd: pidfd })
  const reap = (): ExitStatus => {
    const answer = parts.call({ name: 'waitid', idtype: P_PIDFD, id: pidfd, infop: 128, options: WEXITED, rusage: 0 })
    return 'errno' in answer ? { code: 255, signal: 0, unknown: true } : exitOf(answer.data!)
  }
  const childRefused = view.getInt32(8, true)
  if (childRefused >= 0) {
    reap()
    close()
    return fail(tape.stepOf(childRefused)!, view.getInt32(12, true))
  }
  let exited: Promise<ExitStatus> | undefined
  return {
    pid,
    progress: async () => ({ state: 'executed' }),
    release: () => {},
    park: () => {},
    cleaned: () => {},
    take: () => ({ errno: 'ESRCH' }),
    get exited() {
      exited ??= (async () => {
        await parts.wait({
          name: 'ppoll',
          fds: [{ fd: pidfd, events: POLLIN }],
          tmo_p: null,
          sigmask: 0,
          sigsetsize: 8,
        })
        return reap()
      })()
      return exited
    },
    close,
  }
}
