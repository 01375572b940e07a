// The monitor's job as bytes: struct job of native/job.h, then the arena, then the tape, for one fixed address.

import type { MonitorOptions } from '../../core/kernel.ts'
import { Arena } from '../../core/launch/arena.ts'
import { childOnly, type MonitorFd, monitorFds, reportFd } from '../../core/launch/descriptors.ts'
import { type LaunchPlan, startFd, terminalMaster } from '../../core/launch/plan.ts'
import { Tape } from '../../core/launch/tape.ts'
import type { LinuxParts } from './kernel.ts'
import { CLONE_CLEAR_SIGHAND, CLONE_PIDFD, writeTape } from './launch.ts'

const JOB_ADDRESS = 0x10000000
const JOB_BYTES = 160
const PAGE_BYTES = 4096
const JOB_DETACHED = 1
const JOB_LEAVES = 2

const FD_CLOEXEC = 0o2000000

export interface Job {
  readonly image: Uint8Array
  readonly tape: Tape
  readonly tapeOffset: number
  readonly entries: Map<number, number>
}

/** @param has - which of the monitor's descriptors there are */
export function writeJob(
  parts: LinuxParts,
  plan: LaunchPlan,
  options: MonitorOptions,
  has: (fd: MonitorFd) => boolean,
): Job {
  const arena = new Arena(new Uint8Array(32768), JOB_ADDRESS, JOB_BYTES, false, parts.memory.openFlags)
  const { log, oomFile, cleanup } = options
  const logPath = log === undefined ? 0 : arena.text(log.path)
  const oldLogPath = log === undefined ? 0 : arena.text(`${log.path}.1`)
  const oomPath = oomFile === undefined ? 0 : arena.text(oomFile)
  const argv = cleanup === undefined ? 0 : arena.strings(cleanup.argv)
  const env = cleanup === undefined ? 0 : arena.strings(cleanup.env)
  // What the monitor needs for good comes first; the rest it lets go once the child is there.
  const keptBytes = Math.ceil(arena.at / PAGE_BYTES) * PAGE_BYTES
  arena.at = keptBytes
  const tape = new Tape({ arena, numberOf: parts.numberOf, report: reportFd })
  const entries = writeTape(tape, plan, () => {
    const dup = (from: MonitorFd, newfd: number, flags: number) =>
      tape.call({ name: 'dup3', oldfd: monitorFds[from], newfd, flags }, tape.clone!.step)
    // The report comes first: what is refused after it can be told.
    dup('report', reportFd, FD_CLOEXEC)
    if (has('stdin')) dup('stdin', 0, 0)
    if (has('childStdout')) dup('childStdout', 1, 0)
    if (has('childStderr')) dup('childStderr', 2, 0)
    dup('start', startFd, FD_CLOEXEC)
  })
  const address = (offset: number) => arena.address(offset)
  const args = tape.clone!.argsOffset
  const view = () => new DataView(arena.bytes.buffer)
  view().setBigUint64(args, view().getBigUint64(args, true) + BigInt(CLONE_PIDFD + CLONE_CLEAR_SIGHAND), true)
  view().setBigUint64(args + 8, BigInt(address(24)), true)

  const tapeOffset = arena.reserve(0)
  const taped = tape.finish()
  const size = tapeOffset + taped.length
  const image = new Uint8Array(size)
  image.set(arena.bytes.subarray(0, tapeOffset))
  image.set(taped, tapeOffset)
  const job = new DataView(image.buffer)
  const u64 = (offset: number, value: number) => job.setBigUint64(offset, BigInt(value), true)
  const fd = (offset: number, name: MonitorFd) => job.setInt32(offset, has(name) ? monitorFds[name] : -1, true)
  u64(0, size)
  u64(8, address(tapeOffset))
  u64(16, address(args))
  job.setUint32(32, (options.detached ? JOB_DETACHED : 0) | (options.inherit ? JOB_LEAVES : 0), true)
  fd(36, 'events')
  fd(40, 'control')
  fd(44, 'stdout')
  fd(48, 'stderr')
  fd(52, 'forwardStdout')
  fd(56, 'forwardStderr')
  fd(60, 'directory')
  fd(64, 'log')
  for (let i = 0; i < 7; i++) {
    const name = childOnly[i]
    job.setInt32(68 + 4 * i, name !== undefined && has(name) ? monitorFds[name] : -1, true)
  }
  u64(96, log?.maxBytes ?? 0)
  u64(104, logPath)
  u64(112, oldLogPath)
  u64(120, oomPath)
  u64(128, argv)
  u64(136, env)
  u64(144, terminalMaster)
  u64(152, keptBytes)
  return { image, tape, tapeOffset, entries }
}
