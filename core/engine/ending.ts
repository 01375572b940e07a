// Waiting for a process that is not our child: its pidfd becomes readable when it ends. pidfd_open(2).

import { close, must } from '../files.ts'
import { refused } from '../kernel.ts'
import { isAlive } from '../store/alive.ts'
import type { ProcessMark } from '../store/record.ts'
import type { Host } from './host.ts'

const POLLIN = 1
/** One wait of a thread: a program that is told to end does not hang in it for longer. */
const sliceNs = 500_000_000n

/**
 * Waits until a process is gone, or so many milliseconds; false when it is still there.
 *
 * @errors UserError when it cannot be watched
 */
export async function waitForEnd(host: Host, mark: ProcessMark, timeoutMs?: number): Promise<boolean> {
  const { kernel } = host
  const opened = kernel.call({ name: 'pidfd_open', pid: mark.pid, flags: 0 })
  if (refused(opened) && opened.errno === 'ESRCH') return true
  const pidfd = must(opened, `wait for the end of process ${mark.pid}`).value
  const deadline = timeoutMs === undefined ? undefined : host.monotonicNs() + BigInt(Math.ceil(timeoutMs * 1e6))
  try {
    while (isAlive(kernel, mark)) {
      const left = deadline === undefined ? sliceNs : deadline - host.monotonicNs()
      if (left <= 0n) return false
      await kernel.wait({
        name: 'ppoll',
        fds: [{ fd: pidfd, events: POLLIN }],
        tmo_p: left < sliceNs ? left : sliceNs,
        sigmask: 0,
        sigsetsize: 8,
      })
    }
    return true
  } finally {
    close(kernel, pidfd)
  }
}
