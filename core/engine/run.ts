// run: create and start in one pass, the way that must be fast; and what it would do, printed instead of done.

import type { LaunchPlan } from '../launch/plan.ts'
import { snapshotOf } from '../lifecycle/table.ts'
import type { ContainerRequest } from '../spec/request.ts'
import { newId } from '../store/ids.ts'
import { containerPaths } from '../store/paths.ts'
import { newState, phaseOf, readStored } from '../store/record.ts'
import { placeCgroup } from './cgroup-place.ts'
import { startedOf } from './foreground.ts'
import type { Host, Settings } from './host.ts'
import { launch } from './launch.ts'
import { choosesIds, imageFacts, makeContainer } from './make.ts'
import { prepare } from './prepare.ts'
import { afterRefusal, clearHost, discard } from './settle.ts'
import type { Attachment, Started, Verbs } from './types.ts'
import { volumePlaces, withVolumes } from './volumes.ts'

/**
 * Makes a container and starts it. When it cannot be started nothing of it stays. podman-run(1).
 *
 * @errors UserError; exit code 126 or 127 when the program cannot be executed
 */
export async function run(
  host: Host,
  settings: Settings,
  request: ContainerRequest,
  attachment?: Attachment,
): Promise<Started> {
  const { stored, lock } = await makeContainer(host, settings, request, 'creating')
  try {
    const created = { ...stored, state: { ...stored.state, lifecycle: snapshotOf('created') } }
    const running = await launch(host, settings, created, attachment)
    return startedOf(host, settings, running, attachment)
  } catch (error) {
    await afterRefusal(host, () => giveUp(host, settings, stored.record.id))
    throw error
  } finally {
    lock.release()
  }
}

/** Removes what is left of a container that could not be started; with --rm it is gone already. */
async function giveUp(host: Host, settings: Settings, id: string): Promise<void> {
  const left = readStored(host.kernel, settings, id)
  if (left === undefined) return
  // Not settled: the host may still have some of it.
  if (phaseOf(left.state) !== 'stopped') await clearHost(host, settings, left)
  await discard(host, settings, left)
}

/** The plan of `run`: everything is looked up, nothing is made. Volumes that are not there yet are shown at their place. */
export async function dryRun(host: Host, settings: Settings, request: ContainerRequest): Promise<LaunchPlan> {
  const id = newId(host.randomBytes)
  const paths = containerPaths(settings, id)
  const image = imageFacts(host, settings, request, paths)
  const record = {
    version: 1 as const,
    id,
    name: request.name ?? 'unnamed',
    createdMs: host.now(),
    request: await withVolumes(host, settings, request, image?.config),
    ...(image === undefined ? {} : { image }),
    ...(await placeCgroup(host, settings, request, id)),
    ...(choosesIds(host, request)
      ? { mappings: (await import('./user-ids.ts')).chooseIds(host, settings, request) }
      : {}),
  }
  const stored = { record, state: newState('creating'), paths }
  return (await prepare(host, settings, stored, await volumePlaces(host, settings, stored, true))).plan
}

run satisfies Verbs['run']
dryRun satisfies Verbs['dryRun']
