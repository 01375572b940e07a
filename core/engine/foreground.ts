// A process that somebody is attached to: signals to it, and what happens when it ends.

import { UserError } from '../errors.ts'
import { close, must } from '../files.ts'
import { type ExitStatus, type Kernel, type Launched, refused } from '../kernel.ts'
import { isAlive } from '../store/alive.ts'
import { lockDirectory } from '../store/lock.ts'
import { type Ending, type ProcessMark, phaseOf, readStored, type Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import type { Running } from './launch.ts'
import { afterRefusal, settle } from './settle.ts'
import type { Attachment, Started, StartedProcess } from './types.ts'

/**
 * Sends a signal to exactly the process that was recorded; false when it is gone. pidfd_send_signal(2).
 *
 * @errors UserError when it is there and cannot be sent to
 */
export function signalProcess(kernel: Kernel, mark: ProcessMark, signal: number): boolean {
  const tried = `send signal ${signal} to process ${mark.pid}`
  const opened = kernel.call({ name: 'pidfd_open', pid: mark.pid, flags: 0 })
  if (refused(opened) && opened.errno === 'ESRCH') return false
  const pidfd = must(opened, tried).value
  try {
    // Between the record and the opening the pid may have become another's: the descriptor now holds it still.
    if (!isAlive(kernel, mark)) return false
    const sent = kernel.call({ name: 'pidfd_send_signal', pidfd, sig: signal, info: 0, flags: 0 })
    if (refused(sent) && sent.errno === 'ESRCH') return false
    must(sent, tried)
    return true
  } finally {
    close(kernel, pidfd)
  }
}

/** Sends a signal that nobody waits for: that it could not be sent is a warning. */
export function passSignal(host: Host, mark: ProcessMark | undefined, signal: number): void {
  try {
    if (mark !== undefined) signalProcess(host.kernel, mark, signal)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    host.warn(error.message)
  }
}

/** What the verbs `run` and `start` answer: detached at once, attached with the exit code to come. */
export function startedOf(
  host: Host,
  settings: Settings,
  { stored, launched }: Running,
  attachment: Attachment | undefined,
): Started {
  const { record, state } = stored
  const { id, name } = record
  const started: Started = { id, name, pid: launched.pid }
  if (attachment === undefined) {
    launched.close()
    return started
  }
  const process: StartedProcess = {
    ...started,
    signal: (signal) => passSignal(host, state.process, signal),
  }
  attachment.started?.(process)
  return { ...started, exitCode: ended(host, settings, stored.paths.directory, id, state.process, launched) }
}

/** Waits for the end and cleans up after it, unless another command has done so. What fails is left to the monitor. */
async function ended(
  host: Host,
  settings: Settings,
  directory: string,
  id: string,
  mark: ProcessMark | undefined,
  launched: Launched,
): Promise<number> {
  const status = await launched.exited
  await afterRefusal(host, async () => {
    const lock = await lockDirectory(host.kernel, directory)
    try {
      const now = lock && readStored(host.kernel, settings, id)
      if (now !== undefined && isRun(now, mark)) await settle(host, settings, now, { ending: endingOf(host, status) })
      // Gone: somebody else has removed it, and whether all of it the monitor looks after.
      if (now !== undefined) launched.cleaned()
    } finally {
      lock?.release()
    }
  })
  launched.close()
  return status.code
}

/** Whether what is recorded as running is this run, and not a later one. */
function isRun({ state }: Stored, mark: ProcessMark | undefined): boolean {
  const over = ['creating', 'created', 'stopped', 'deleted'].includes(phaseOf(state))
  return !over && state.process?.startTicks === mark?.startTicks
}

const endingOf = (host: Host, { code, signal, oomKilled, unknown }: ExitStatus): Ending => ({
  code,
  signal,
  oomKilled: oomKilled ?? false,
  atMs: host.now(),
  ...(unknown ? { unknown: true } : {}),
})
