// What a child tells on its report descriptor, and how another caller takes up a child that waits.

import { RefusedError } from '../errors.ts'
import { type Kernel, type Launched, type Outcome, type Progress, type Refusal, refused } from '../kernel.ts'
import type { Syscall } from '../syscall.ts'
import { launchFailure } from './failure.ts'
import type { LaunchPlan } from './plan.ts'

const AT_FDCWD = -100
const O_WRONLY = 1
const O_RDWR = 2
const O_CREAT = 0o100
const O_TRUNC = 0o1000
const O_NONBLOCK = 0o4000
const O_CLOEXEC = 0o2000000
const POLLIN = 1
const REPORT_BYTES = 8
const [waitingKind, refusedKind] = [1, 2]
/** How long progress is awaited on the spot; set-up takes a few milliseconds, a thread's help a fraction of one. */
const patienceNsec = 20_000_000n

type Caller = Pick<Kernel, 'call' | 'wait'>

export type Report =
  | { readonly state: 'waiting'; readonly step: number }
  | { readonly state: 'executed' }
  | { readonly state: 'refused'; readonly entry: number; readonly errno: number }

/** A call that a signal may come into: it is made again. signal(7) */
export function uninterrupted(kernel: Pick<Kernel, 'call'>, call: Syscall): Outcome {
  for (;;) {
    const outcome = kernel.call(call)
    if (!refused(outcome) || outcome.errno !== 'EINTR') return outcome
  }
}

/** A report as it is written, struct report of native/interpreter.h. */
export function reportBytes(report: Exclude<Report, { readonly state: 'executed' }>): Uint8Array {
  const view = new DataView(new ArrayBuffer(REPORT_BYTES))
  view.setUint32(0, report.state === 'waiting' ? waitingKind : refusedKind, true)
  if (report.state === 'waiting') view.setUint32(4, report.step, true)
  else {
    view.setUint16(4, report.entry, true)
    view.setUint16(6, report.errno, true)
  }
  return new Uint8Array(view.buffer)
}

/** Reads reports one by one; the end of file means that the program was executed (its copy was closed by execve). */
export function reportReader(kernel: Caller, fd: number): () => Promise<Report> {
  return async () => {
    for (;;) {
      const poll = {
        name: 'ppoll',
        fds: [{ fd, events: POLLIN }],
        tmo_p: patienceNsec,
        sigmask: 0,
        sigsetsize: 8,
      } as const
      const ready = kernel.call(poll)
      if (!refused(ready) && ready.value === 0) await kernel.wait({ ...poll, tmo_p: null })
      const answer = kernel.call({ name: 'read', fd, buf: REPORT_BYTES })
      if (refused(answer)) {
        if (answer.errno === 'EAGAIN' || answer.errno === 'EINTR') continue
        throw new RefusedError("read what the container's process reports", answer.errno)
      }
      if (answer.value < REPORT_BYTES) return { state: 'executed' }
      const view = new DataView(answer.data!.buffer)
      if (view.getUint32(0, true) === waitingKind) return { state: 'waiting', step: view.getUint32(4, true) }
      return { state: 'refused', entry: view.getUint16(4, true), errno: view.getUint16(6, true) }
    }
  }
}

/** What `reopen` needs to put a later report into words. */
interface Parked {
  readonly stepCount: number
  readonly program: string
  /** For each entry of the child from the wait on: its step, what that is for, and whether it executes the program. */
  readonly entries: Readonly<Record<string, readonly [step: number, why: string, executes: boolean]>>
  /** What the child waits for at a step. */
  readonly waits: Readonly<Record<string, string>>
}
const parkedFile = (directory: string) => `${directory}/waiting.json`

/**
 * Writes down for `reopenWaiting` what a child may still tell.
 *
 * @param entries - numbers that its reports use, and the steps of the plan that they belong to
 */
export function parkPlan(
  kernel: Caller,
  plan: LaunchPlan,
  entries: Iterable<readonly [entry: number, step: number]>,
  directory: string,
): void {
  const start = plan.steps.findIndex(({ waits, as }) => waits && as === 'start')
  const waits = [...plan.steps.entries()].flatMap(([index, step]) => (step.waits ? [[index, step.as ?? '']] : []))
  const later = [...entries].filter(([, step]) => step >= start)
  const words = later.map(([entry, step]) => {
    const { why, call } = plan.steps[step]!
    return [entry, [step, why, call.name === 'execve']]
  })
  const parked: Parked = {
    stepCount: plan.steps.length,
    program: plan.program,
    entries: Object.fromEntries(words),
    waits: Object.fromEntries(waits),
  }
  const path = parkedFile(directory)
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags, mode: 0o600 })
  if (refused(opened)) throw new RefusedError(`write ${path}`, opened.errno)
  const written = kernel.call({ name: 'write', fd: opened.value, buf: JSON.stringify(parked) })
  kernel.call({ name: 'close', fd: opened.value })
  if (refused(written)) throw new RefusedError(`write ${path}`, written.errno)
}

function readParked(kernel: Caller, directory: string): Parked | Refusal {
  const pathname = parkedFile(directory)
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_CLOEXEC, mode: 0 })
  if (refused(opened)) return opened
  let text = ''
  for (;;) {
    const answer = kernel.call({ name: 'read', fd: opened.value, buf: 65536 })
    if (refused(answer) || answer.value === 0) break
    text += new TextDecoder().decode(answer.data)
  }
  kernel.call({ name: 'close', fd: opened.value })
  return JSON.parse(text) as Parked
}

/** Takes up a waiting child by the FIFOs in its directory. */
export function reopenWaiting(
  kernel: Caller,
  directory: string,
): Pick<Launched, 'progress' | 'release' | 'close'> | Refusal {
  const parked = readParked(kernel, directory)
  if ('errno' in parked) return parked
  const report = kernel.call({
    name: 'openat',
    dirfd: AT_FDCWD,
    pathname: `${directory}/report`,
    flags: O_NONBLOCK | O_CLOEXEC,
    mode: 0,
  })
  if (refused(report)) return report
  const start = kernel.call({
    name: 'openat',
    dirfd: AT_FDCWD,
    pathname: `${directory}/start`,
    flags: O_RDWR | O_CLOEXEC,
    mode: 0,
  })
  if (refused(start)) {
    kernel.call({ name: 'close', fd: report.value })
    return start
  }
  const next = reportReader(kernel, report.value)
  return {
    progress: async (): Promise<Progress> => {
      const told = await next()
      if (told.state === 'waiting') return { state: 'waiting', at: parked.waits[told.step] ?? '' }
      if (told.state === 'executed') return told
      const [step, why, executes] = parked.entries[told.entry] ?? [0, 'start the container', false]
      const failure = launchFailure(why, step, parked.stepCount, told.errno)
      return { state: 'refused', failure: executes ? { ...failure, program: parked.program } : failure }
    },
    release: () => void uninterrupted(kernel, { name: 'write', fd: start.value, buf: 's' }),
    close: () => {
      kernel.call({ name: 'close', fd: report.value })
      kernel.call({ name: 'close', fd: start.value })
    },
  }
}
