// The end of a process that somebody else is the parent of: killed, and waited for until it is gone or a zombie.

import { waitForEnd } from '../engine/ending.ts'
import { signalProcess } from '../engine/foreground.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import type { ProcessMark } from '../store/record.ts'

const SIGKILL = 9
const patienceMs = 10_000

/** @errors UserError when it is still there ten seconds after SIGKILL */
export async function endRecorded(host: Host, mark: ProcessMark): Promise<void> {
  signalProcess(host.kernel, mark, SIGKILL)
  if (!(await waitForEnd(host, mark, patienceMs)))
    throw new UserError(`process ${mark.pid} is still there ${patienceMs / 1000} seconds after SIGKILL`)
}
