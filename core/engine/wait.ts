// wait: until a container ends, or is in another state.

import { resolveId } from '../store/names.ts'
import { containerPaths } from '../store/paths.ts'
import { phaseOf, readEnding, readStored, type Stored } from '../store/record.ts'
import { waitForEnd } from './ending.ts'
import type { Host, Settings } from './host.ts'
import { look, noSuchContainer } from './open.ts'
import type { Verbs, WaitCondition } from './types.ts'

/** Between two looks at a container that waits for somebody to start or pause it. */
const patienceMs = 50
/** How long the monitor may take from the process's end to writing it down. */
const endingPatienceMs = 5000

function holds(stored: Stored, condition: WaitCondition): boolean {
  const phase = phaseOf(stored.state)
  if (condition === 'stopped' || condition === 'exited') return phase === 'stopped' && stored.state.ending !== undefined
  return phase === condition
}

/**
 * Waits for a condition. podman-wait(1).
 *
 * @returns the exit code of a container that has ended, -1 for the other conditions
 */
export async function wait(
  host: Host,
  settings: Settings,
  container: string,
  conditions: readonly WaitCondition[] = ['stopped'],
): Promise<number> {
  const id = resolveId(host.kernel, settings, container)
  const paths = containerPaths(settings, id)
  const endMeant = conditions.some((condition) => condition === 'stopped' || condition === 'exited')
  for (;;) {
    const seen = readStored(host.kernel, settings, id)
    const running = seen?.state.process
    if (endMeant && running !== undefined && !conditions.some((condition) => holds(seen!, condition))) {
      if (await waitForEnd(host, running, endMeant && conditions.length === 1 ? undefined : patienceMs)) {
        // Read at once: with --rm the record goes a moment after the process.
        for (let waited = 0; waited < endingPatienceMs; waited += 2) {
          const ending = readEnding(host.kernel, paths)
          if (ending !== undefined) return ending.code
          const now = readStored(host.kernel, settings, id)
          if (now === undefined || now.state.process === undefined) break
          await host.sleep(2)
        }
      }
    }
    const stored = await look(host, settings, id)
    if (stored === undefined) throw noSuchContainer(container)
    const held = conditions.find((condition) => holds(stored, condition))
    if (held !== undefined) return held === 'stopped' || held === 'exited' ? stored.state.ending!.code : -1
    if (stored.state.process === undefined || !endMeant) await host.sleep(patienceMs)
  }
}

wait satisfies Verbs['wait']
