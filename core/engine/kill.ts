// kill: a signal to a container's first process.

import { moved } from '../lifecycle/table.ts'
import { phaseOf } from '../store/record.ts'
import { signalProcess } from './foreground.ts'
import type { Host, Settings } from './host.ts'
import { withContainer } from './open.ts'
import { killPaused } from './pause.ts'
import type { Created, Verbs } from './types.ts'

const SIGKILL = 9

/**
 * Sends a signal. OCI runtime spec, runtime.md "Kill"; podman-kill(1). A paused container takes it when it goes on; SIGKILL
 * ends it at once.
 *
 * @errors UserError `cannot kill container web: it is stopped`
 */
export async function kill(host: Host, settings: Settings, container: string, signal: number): Promise<Created> {
  return withContainer(host, settings, container, (stored) => {
    const { record, state } = stored
    const phase = phaseOf(state)
    moved(phase, 'kill', record.name)
    signalProcess(host.kernel, state.process!, signal)
    if (phase === 'paused' && signal === SIGKILL) killPaused(host, stored)
    return { id: record.id, name: record.name }
  })
}

kill satisfies Verbs['kill']
