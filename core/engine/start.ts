// start: a container that was created, or that has stopped, runs.

import { UserError } from '../errors.ts'
import { moved } from '../lifecycle/table.ts'
import { phaseOf } from '../store/record.ts'
import { startedOf } from './foreground.ts'
import type { Host, Settings } from './host.ts'
import { launch } from './launch.ts'
import { withContainer } from './open.ts'
import type { Attachment, Started, Verbs } from './types.ts'

/**
 * Starts a container. OCI runtime spec, runtime.md "Start"; podman-start(1).
 *
 * @errors UserError `cannot start container web: it is running`; 126 or 127 when its program cannot be executed
 */
export async function start(
  host: Host,
  settings: Settings,
  container: string,
  attachment?: Attachment,
): Promise<Started> {
  return withContainer(host, settings, container, async (stored) => {
    moved(phaseOf(stored.state), 'start', stored.record.name)
    if (attachment?.terminal !== undefined && !stored.record.request.terminal)
      throw new UserError(`container ${stored.record.name} has no terminal: attach without one`)
    return startedOf(host, settings, await launch(host, settings, stored, attachment), attachment)
  })
}

start satisfies Verbs['start']
