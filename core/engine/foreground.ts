// A process that somebody is attached to: signals to it, and what happens when it ends.

import { close } from '../files.ts'
import { type Kernel, type Launched, refused } from '../kernel.ts'
import { isAlive } from '../store/alive.ts'
import { lockDirectory } from '../store/lock.ts'
import { type ProcessMark, readStored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import type { Running } from './launch.ts'
import { settle } from './settle.ts'
import type { Attachment, Started, StartedProcess } from './types.ts'

/** Sends a signal to exactly the process that was recorded; false when it is gone. pidfd_send_signal(2). */
export function signalProcess(kernel: Kernel, mark: ProcessMark, signal: number): boolean {
  const opened = kernel.call({ name: 'pidfd_open', pid: mark.pid, flags: 0 })
  if (refused(opened)) return false
  try {
    // Between the record and the opening the pid may have become another's: the descriptor now holds it still.
    if (!isAlive(kernel, mark)) return false
    return !refused(kernel.call({ name: 'pidfd_send_signal', pidfd: opened.value, sig: signal, info: 0, flags: 0 }))
  } finally {
    close(kernel, opened.value)
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
    signal: (signal) => {
      if (state.process !== undefined) signalProcess(host.kernel, state.process, signal)
    },
  }
  attachment.started?.(process)
  return { ...started, exitCode: ended(host, settings, stored.paths.directory, id, state.process, launched) }
}

/** Waits for the end and cleans up after it, unless another command has done so. */
async function ended(
  host: Host,
  settings: Settings,
  directory: string,
  id: string,
  mark: ProcessMark | undefined,
  launched: Launched,
): Promise<number> {
  const status = await launched.exited
  const lock = await lockDirectory(host.kernel, directory)
  try {
    const now = lock && readStored(host.kernel, settings, id)
    if (now?.state.process !== undefined && now.state.process.startTicks === mark?.startTicks)
      await settle(host, settings, now, {
        ending: {
          code: status.code,
          signal: status.signal,
          oomKilled: status.oomKilled ?? false,
          atMs: host.now(),
          ...(status.unknown ? { unknown: true } : {}),
        },
      })
  } finally {
    lock?.release()
    launched.cleaned()
    launched.close()
  }
  return status.code
}
