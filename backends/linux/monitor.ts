// A plan run by the monitor: a small native process, executed from a sealed memfd, that is the container's parent.

import { readFileSync } from 'node:fs'
import { errnoName } from '../../core/errno.ts'
import { RefusedError, UserError } from '../../core/errors.ts'
import type { Launched, LaunchFailure, MonitorOptions, Outcome } from '../../core/kernel.ts'
import { refused } from '../../core/kernel.ts'
import {
  closeAll,
  type MonitorDescriptors,
  monitorFds,
  openDescriptors,
  reportFd,
} from '../../core/launch/descriptors.ts'
import { planFailure, undo } from '../../core/launch/failure.ts'
import { eventKinds, launched, nextEvent } from '../../core/launch/launched.ts'
import { type LaunchPlan, preservedFd } from '../../core/launch/plan.ts'
import { ENTRY_BYTES, TAPE_HEADER_BYTES, Tape } from '../../core/launch/tape.ts'
import type { Syscall } from '../../core/syscall.ts'
import { nativeFile } from './ffi.ts'
import { type Job, writeJob } from './job.ts'
import type { LinuxParts } from './kernel.ts'
import { CLONE_CLEAR_SIGHAND } from './launch.ts'

const AT_FDCWD = -100
const AT_EMPTY_PATH = 0x1000
const MFD_CLOEXEC_SEALABLE = 3
const MFD_NOEXEC_SEAL = 8
const MFD_EXEC = 0x10
const F_DUPFD = 0
const F_ADD_SEALS = 1033
const F_SEAL_ALL = 0xf
const CLOSE_RANGE_CLOEXEC = 4
const CLONE_VM_VFORK = 0x4100
/** Descriptors are first copied to here and up, so that none is overwritten before it has been copied. */
const highFd = 200
const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

/** The call's value; a refusal here is the machine's fault (no memory, no descriptors) and is thrown. */
function value(outcome: Outcome, tried: string): number {
  if (refused(outcome)) throw new RefusedError(tried, outcome.errno)
  return outcome.value
}

function memfd(parts: LinuxParts, label: string, content: Uint8Array, program: boolean): number {
  // Said since Linux 6.3: with sysctl vm.memfd_noexec what does not ask to be executed cannot be. Before, it is EINVAL.
  const flags = MFD_CLOEXEC_SEALABLE + (program ? MFD_EXEC : MFD_NOEXEC_SEAL)
  let made = parts.call({ name: 'memfd_create', label, flags })
  if (refused(made) && made.errno === 'EINVAL')
    made = parts.call({ name: 'memfd_create', label, flags: MFD_CLOEXEC_SEALABLE })
  const fd = value(made, 'memfd_create')
  for (let rest = content; rest.length > 0; )
    rest = rest.subarray(value(parts.call({ name: 'write', fd, buf: rest }), `write the ${label}`))
  if (program) value(parts.call({ name: 'fcntl', fd, cmd: F_ADD_SEALS, arg: F_SEAL_ALL }), `seal the ${label}`)
  return fd
}

function monitorImage(): Uint8Array {
  const path = nativeFile('monitor')
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UserError(`read ${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** Starts the monitor program with its descriptors in place; gives its pid. */
function spawnMonitor(
  parts: LinuxParts,
  job: number,
  fds: MonitorDescriptors,
  options: MonitorOptions,
  waited: boolean,
): number {
  const program = memfd(parts, 'vitrine-monitor', monitorImage(), true)
  const arena = parts.memory.arenaOn(parts.memory.tapeArguments)
  const tape = new Tape({ arena, numberOf: parts.numberOf, report: -1 })
  const child: Syscall[] = []
  // Whoever ends the caller's process group as a whole (timeout(1), a terminal that closes) does not end the monitor.
  child.push({ name: 'setsid' }, { name: 'chdir', path: '/' })
  // A program that the caller waits for is left to nobody: when it asks for that, it goes with the monitor.
  if (waited) child.push({ name: 'prctl', option: PR_SET_PDEATHSIG, arg2: SIGKILL, arg3: 0, arg4: 0, arg5: 0 })
  tape.step(
    { in: 'parent', why: '', call: { name: 'clone3', cl_args: { flags: CLONE_VM_VFORK + CLONE_CLEAR_SIGHAND } } },
    0,
  )
  const high = (fd: number | { from: string }, label: string, least = highFd) =>
    tape.step({ in: 'child', why: '', as: label, call: { name: 'fcntl', fd, cmd: F_DUPFD, arg: least } }, 0)
  // So high that it is refused here, where that can be told, when the child could not have its report descriptor.
  high(job, 'job', reportFd)
  high(program, 'program')
  for (const [name, fd] of fds.monitor) high(fd, name)
  const preserved = options.inherit?.preserveFds ?? 0
  for (let i = 0; i < preserved; i++) high(3 + i, `preserved ${i}`, preservedFd + preserved)
  tape.step(
    {
      in: 'child',
      why: '',
      as: 'null',
      call: { name: 'openat', dirfd: AT_FDCWD, pathname: '/dev/null', flags: 2, mode: 0 },
    },
    0,
  )
  tape.call({ name: 'close_range', first: 3, last: 0xffffffff, flags: CLOSE_RANGE_CLOEXEC }, 0)
  const place = (label: string, newfd: number) =>
    tape.step({ in: 'child', why: '', call: { name: 'dup3', oldfd: { from: label }, newfd, flags: 0 } }, 0)
  for (const newfd of [0, 1, 2]) place('null', newfd)
  place('job', monitorFds.job)
  for (const [name] of fds.monitor) place(name, monitorFds[name])
  for (let i = 0; i < preserved; i++) place(`preserved ${i}`, preservedFd + i)
  for (const call of child) tape.call(call, 0)
  const argv = [options.title]
  tape.step(
    {
      in: 'child',
      why: '',
      call: { name: 'execveat', dirfd: { from: 'program' }, pathname: '', argv, envp: [], flags: AT_EMPTY_PATH },
    },
    0,
  )
  const args = new DataView(arena.bytes.buffer, arena.bytes.byteOffset + tape.clone!.argsOffset)
  args.setBigUint64(40, BigInt(parts.memory.stack.address), true)
  args.setBigUint64(48, BigInt(parts.memory.stack.bytes.length), true)
  const { tape: place0 } = parts.memory
  place0.bytes.set(tape.finish())
  const pid = parts.native.spawn(arena.address(tape.clone!.argsOffset), 88, place0.address)
  parts.call({ name: 'close', fd: program })
  if (pid < 0) throw new RefusedError('clone3 of the monitor', errnoName(-pid))
  const failed = new DataView(place0.bytes.buffer, place0.bytes.byteOffset).getInt32(8, true)
  if (failed >= 0) {
    parts.call({ name: 'wait4', pid, wstatus: 4, options: 0, rusage: 0 })
    const errno = new DataView(place0.bytes.buffer, place0.bytes.byteOffset).getInt32(12, true)
    throw new RefusedError(
      `start the monitor (it needs ${reportFd + 1} descriptors, see \`ulimit -n\`)`,
      errnoName(errno),
    )
  }
  return pid
}

/**
 * Walks a plan in a monitor; comes back when the container's first process is there or was refused. Without options the
 * process shares the caller's standard streams.
 */
export function launchMonitored(
  parts: LinuxParts,
  plan: LaunchPlan,
  given: MonitorOptions | undefined,
): Launched | LaunchFailure {
  const options = given ?? { detached: false, title: 'vitrine-launch' }
  const fds = openDescriptors(parts, options, given === undefined || given.inherit !== undefined)
  const job = writeJob(parts, plan, options, (name) => name === 'job' || fds.monitor.has(name))
  let jobFd = -1
  let monitorPid: number
  try {
    jobFd = memfd(parts, 'vitrine-job', job.image, false)
    monitorPid = spawnMonitor(parts, jobFd, fds, options, given === undefined)
  } catch (error) {
    closeAll(parts, [...fds.caller.values(), ...(jobFd < 0 ? [] : [jobFd])])
    throw error
  } finally {
    closeAll(parts, fds.monitorOnly)
  }
  const events = fds.caller.get('events')!
  const first = nextEvent(parts, events)
  if (first?.kind !== eventKinds.started) {
    const entry = first === undefined ? job.tape.clone!.entry : first.value >>> 16
    const step = entry === job.tape.clone!.entry ? job.tape.clone!.step : (job.tape.stepOf(entry) ?? 0)
    undo(parts, plan, resultsIn(parts, jobFd, job))
    closeAll(parts, [...fds.caller.values(), jobFd])
    parts.call({ name: 'wait4', pid: monitorPid, wstatus: 4, options: 0, rusage: 0 })
    return planFailure(plan, step, first === undefined ? 5 : first.value & 0xffff)
  }
  const { clone, count } = job.tape
  const entries = Array.from({ length: count - clone!.entry }, (_, at) => clone!.entry + at)
  return launched(parts, plan, options, {
    ...{ fds, monitorPid, pid: first.value },
    succeeded: resultsIn(parts, jobFd, job),
    entries: entries.map((entry) => [entry, job.tape.stepOf(entry)!]),
    closed: () => void parts.call({ name: 'close', fd: jobFd }),
  })
}

/** Which steps of the parent succeeded, read back from the job that the monitor ran. */
function resultsIn(parts: LinuxParts, jobFd: number, job: Job): (step: number) => boolean {
  const read = (entry: number) => {
    const offset = job.tapeOffset + TAPE_HEADER_BYTES + entry * ENTRY_BYTES + 56
    const answer = parts.call({ name: 'pread64', fd: jobFd, buf: 8, offset })
    return !refused(answer) && new DataView(answer.data!.buffer).getBigInt64(0, true) >= 0n
  }
  return (step) => read(job.entries.get(step)!)
}
