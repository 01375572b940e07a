// What a child tells on its report descriptor, and how another caller takes up a child that waits.

import type { Launched, Progress, Refusal } from '../../core/kernel.ts'
import { refused } from '../../core/kernel.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import { launchFailure } from './failure.ts'
import type { Job } from './job.ts'
import type { LinuxParts } from './kernel.ts'

const AT_FDCWD = -100
const O_RDWR = 2
const O_NONBLOCK = 0o4000
const O_CLOEXEC = 0o2000000
const POLLIN = 1
const waitingKind = 1
const REPORT_BYTES = 8
/** How long progress is awaited on the spot; set-up takes a few milliseconds, a thread's help a fraction of one. */
const patienceNsec = 20_000_000n

export type Report =
  | { readonly state: 'waiting'; readonly step: number }
  | { readonly state: 'executed' }
  | { readonly state: 'refused'; readonly entry: number; readonly errno: number }

/** Reads reports one by one; the end of file means that the program was executed (its copy was closed by execve). */
export function reportReader(parts: LinuxParts, fd: number): () => Promise<Report> {
  return async () => {
    for (;;) {
      const poll = {
        name: 'ppoll',
        fds: [{ fd, events: POLLIN }],
        tmo_p: patienceNsec,
        sigmask: 0,
        sigsetsize: 8,
      } as const
      const ready = parts.call(poll)
      if (!refused(ready) && ready.value === 0) await parts.wait({ ...poll, tmo_p: null })
      const answer = parts.call({ name: 'read', fd, buf: REPORT_BYTES })
      if (refused(answer)) {
        if (answer.errno === 'EAGAIN' || answer.errno === 'EINTR') continue
        throw new Error(`read a report: ${answer.errno}`)
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
  /** For each entry of the child from the wait on: its step and what that is for. */
  readonly entries: Readonly<Record<string, readonly [step: number, why: string]>>
}
const parkedFile = (directory: string) => `${directory}/waiting.json`

export function parkPlan(parts: LinuxParts, plan: LaunchPlan, job: Job, directory: string | undefined): void {
  if (directory === undefined) throw new Error('a child can be left waiting only with a directory')
  const entries: Record<string, readonly [number, string]> = {}
  const start = plan.steps.findLastIndex((step) => step.waits)
  for (let entry = job.tape.clone!.entry; entry < job.tape.count; entry++) {
    const step = job.tape.stepOf(entry)!
    if (step >= start) entries[entry] = [step, plan.steps[step]!.why]
  }
  const parked: Parked = { stepCount: plan.steps.length, entries }
  const path = parkedFile(directory)
  const opened = parts.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags: 0o1101 | O_CLOEXEC, mode: 0o600 })
  if (refused(opened)) throw new Error(`write ${path}: ${opened.errno}`)
  const written = parts.call({ name: 'write', fd: opened.value, buf: JSON.stringify(parked) })
  parts.call({ name: 'close', fd: opened.value })
  if (refused(written)) throw new Error(`write ${path}: ${written.errno}`)
}

function readParked(parts: LinuxParts, directory: string): Parked | Refusal {
  const pathname = parkedFile(directory)
  const opened = parts.call({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_CLOEXEC, mode: 0 })
  if (refused(opened)) return opened
  let text = ''
  for (;;) {
    const answer = parts.call({ name: 'read', fd: opened.value, buf: 65536 })
    if (refused(answer) || answer.value === 0) break
    text += new TextDecoder().decode(answer.data)
  }
  parts.call({ name: 'close', fd: opened.value })
  return JSON.parse(text) as Parked
}

/** Takes up a waiting child by the FIFOs in its directory. */
export function reopenWaiting(
  parts: LinuxParts,
  directory: string,
): Pick<Launched, 'progress' | 'release' | 'close'> | Refusal {
  const parked = readParked(parts, directory)
  if ('errno' in parked) return parked
  const report = parts.call({
    name: 'openat',
    dirfd: AT_FDCWD,
    pathname: `${directory}/report`,
    flags: O_NONBLOCK | O_CLOEXEC,
    mode: 0,
  })
  if (refused(report)) return report
  const start = parts.call({
    name: 'openat',
    dirfd: AT_FDCWD,
    pathname: `${directory}/start`,
    flags: O_RDWR | O_CLOEXEC,
    mode: 0,
  })
  if (refused(start)) {
    parts.call({ name: 'close', fd: report.value })
    return start
  }
  const next = reportReader(parts, report.value)
  return {
    progress: async (): Promise<Progress> => {
      const told = await next()
      if (told.state === 'waiting') return { state: 'waiting', at: '' }
      if (told.state === 'executed') return told
      const [step, why] = parked.entries[told.entry] ?? [0, 'start the container']
      return { state: 'refused', failure: launchFailure(why, step, parked.stepCount, told.errno) }
    },
    release: () => {
      parts.call({ name: 'write', fd: start.value, buf: 's' })
    },
    close: () => {
      parts.call({ name: 'close', fd: report.value })
      parts.call({ name: 'close', fd: start.value })
    },
  }
}
