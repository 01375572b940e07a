// A process that a monitor has made, as its caller sees it: events and reports come in, commands go out. native/monitor.c

import { UserError } from '../errors.ts'
import type { ExitStatus, Kernel, Launched, MonitorOptions, Progress } from '../kernel.ts'
import { refused } from '../kernel.ts'
import { closeAll, type MonitorDescriptors } from './descriptors.ts'
import { planFailure, undo } from './failure.ts'
import type { LaunchPlan } from './plan.ts'
import { parkPlan, reportReader, uninterrupted } from './report.ts'

const POLLIN = 1
const WNOHANG = 1
const EVENT_BYTES = 12

/** What events are about: struct event of native/job.h. */
export const eventKinds = { started: 1, refused: 2, terminal: 3, ended: 4 } as const

export interface MonitorEvent {
  readonly kind: number
  readonly value: number
  readonly oom: boolean
}

export interface StartedMonitor {
  readonly fds: MonitorDescriptors
  readonly monitorPid: number
  readonly pid: number
  /** Whether the call of the step at this index was made and not refused. */
  readonly succeeded: (step: number) => boolean
  /** The numbers that reports of the child use, each with the step of the plan that it belongs to. */
  readonly entries: readonly (readonly [entry: number, step: number])[]
  /** Called when the caller closes what it has. */
  readonly closed: () => void
}

/** Waits for the monitor's next word; undefined when it is gone. */
export function nextEvent(kernel: Pick<Kernel, 'call'>, events: number): MonitorEvent | undefined {
  const answer = uninterrupted(kernel, { name: 'read', fd: events, buf: EVENT_BYTES })
  if (refused(answer) || answer.value < EVENT_BYTES) return undefined
  const { buffer, byteOffset } = answer.data!
  const view = new DataView(buffer, byteOffset)
  return { kind: view.getUint32(0, true), value: view.getUint32(4, true), oom: view.getUint32(8, true) !== 0 }
}

/** An event as the monitor writes it. */
export function eventBytes({ kind, value, oom }: MonitorEvent): Uint8Array {
  return new Uint8Array(Uint32Array.of(kind, value, oom ? 1 : 0).buffer)
}

export function launched(
  kernel: Pick<Kernel, 'call' | 'wait'>,
  plan: LaunchPlan,
  options: MonitorOptions,
  started: StartedMonitor,
): Launched {
  const { fds, pid, monitorPid, entries } = started
  const control = fds.caller.get('control')!
  const events = fds.caller.get('events')!
  const nextReport = reportReader(kernel, fds.caller.get('report')!)
  const next = () => nextEvent(kernel, events)
  let exited: Promise<ExitStatus> | undefined

  /** To one who may be gone. */
  const say = (fd: number, word: string) => void uninterrupted(kernel, { name: 'write', fd, buf: word })

  const end = (): ExitStatus => {
    if (options.inherit !== undefined) say(control, 'W')
    for (;;) {
      const event = next()
      if (event === undefined) return { code: 255, signal: 0, unknown: true }
      if (event.kind !== eventKinds.ended) continue
      const signal = event.value & 127
      const code = signal === 0 ? (event.value >> 8) & 255 : 128 + signal
      return { code, signal, oomKilled: event.oom }
    }
  }
  const progress = async (): Promise<Progress> => {
    const report = await nextReport()
    if (report.state === 'waiting') {
      const at = plan.steps[report.step]!.as ?? ''
      if (at === 'start' && options.terminal) {
        say(control, 'T')
        const taken = next()
        if (taken?.kind !== eventKinds.terminal || taken.value !== 0)
          throw new UserError(`take the terminal: errno ${taken?.value}`)
      }
      return { state: 'waiting', at }
    }
    if (report.state === 'executed') return report
    end() // the child has said that it ends; its cgroup is empty only afterwards
    undo(kernel, plan, started.succeeded)
    const step = entries.find(([entry]) => entry === report.entry)?.[1] ?? 0
    return { state: 'refused', failure: planFailure(plan, step, report.errno) }
  }
  return {
    pid,
    monitorPid,
    progress,
    release: () => say(fds.caller.get('start')!, 's'),
    park: () => {
      if (options.directory !== undefined) parkPlan(kernel, plan, entries, options.directory)
      say(control, 'P')
    },
    cleaned: () => say(control, 'C'),
    take: (fd) => {
      const opened = kernel.call({ name: 'pidfd_open', pid, flags: 0 })
      if (refused(opened)) return opened
      const taken = kernel.call({ name: 'pidfd_getfd', pidfd: opened.value, targetfd: fd, flags: 0 })
      kernel.call({ name: 'close', fd: opened.value })
      return taken
    },
    get exited() {
      exited ??= (async () => {
        if (options.inherit !== undefined) say(control, 'W')
        await kernel.wait({
          name: 'ppoll',
          fds: [{ fd: events, events: POLLIN }],
          tmo_p: null,
          sigmask: 0,
          sigsetsize: 8,
        })
        return end()
      })()
      return exited
    },
    close: () => {
      closeAll(kernel, fds.caller.values())
      started.closed()
      kernel.call({ name: 'wait4', pid: monitorPid, wstatus: 4, options: WNOHANG, rusage: 0 })
    },
  }
}
