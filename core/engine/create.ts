// create: a container that is ready to be started.

import { snapshotOf } from '../lifecycle/table.ts'
import type { ContainerRequest } from '../spec/request.ts'
import { writeState } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { makeContainer } from './make.ts'
import { prepare } from './prepare.ts'
import { discard } from './settle.ts'
import type { Created, Verbs } from './types.ts'
import { volumePlaces } from './volumes.ts'

/** Makes a container and leaves it as `created`; what it asks for is checked against this host now. podman-create(1). */
export async function create(host: Host, settings: Settings, request: ContainerRequest): Promise<Created> {
  const { stored, lock } = await makeContainer(host, settings, request, 'creating')
  try {
    await prepare(host, settings, stored, await volumePlaces(host, settings, stored))
    writeState(host.kernel, stored.paths, { ...stored.state, lifecycle: snapshotOf('created') })
    return { id: stored.record.id, name: stored.record.name }
  } catch (error) {
    await discard(host, settings, stored)
    throw error
  } finally {
    lock.release()
  }
}

create satisfies Verbs['create']
