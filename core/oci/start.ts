// start: the program of a container that was created. runtime.md, "Start".

import { programError } from '../engine/failure.ts'
import type { Host } from '../engine/host.ts'
import { RefusedError, UserError } from '../errors.ts'
import type { Launched } from '../kernel.ts'
import { listenerWait } from '../launch/plan.ts'
import { moved } from '../lifecycle/table.ts'
import { runHooks, runHooksLeniently } from './hooks.ts'
import { handOverListener } from './listener.ts'
import { insideContainer } from './place.ts'
import { find, type OciContainer, type OciSettings, phaseOf, withLock, writeState } from './record.ts'
import { documentOf } from './state.ts'

/**
 * @errors UserError when it is not waiting, or its program cannot be executed (126, 127): it has ended then
 */
export async function start(host: Host, settings: OciSettings, id: string): Promise<void> {
  const { kernel } = host
  const started = await withLock(host, settings, id, async (directory) => {
    const container = find(kernel, settings, id)
    moved(phaseOf(kernel, container), 'execute', id)
    const child = kernel.reopen(directory)
    if ('errno' in child) throw new RefusedError(`take up container ${id}, which waits in ${directory}`, child.errno)
    try {
      return await release(host, container, child)
    } finally {
      child.close()
    }
  })
  await afterStart(host, started)
}

/** Hooks that are told of the start; not under the container's lock, since they may ask for it. */
export async function afterStart(host: Host, container: OciContainer): Promise<void> {
  const document = documentOf(container, 'running', container.state?.process.pid)
  await runHooksLeniently(host, 'poststart', container.record.spec.hooks?.poststart, document)
}

/** Lets a child that waits become its program. The caller holds the container's lock. */
export async function release(
  host: Host,
  container: OciContainer,
  child: Pick<Launched, 'progress' | 'release'>,
): Promise<OciContainer> {
  const { kernel } = host
  const { record, directory } = container
  const { id, spec } = record
  const to = moved('starting', 'execute', id)
  const { process } = container.state!
  const document = documentOf(container, 'created', process.pid)
  await runHooks(host, 'startContainer', spec.hooks?.startContainer, document, insideContainer(spec, process.pid))
  child.release()
  for (;;) {
    const progress = await child.progress()
    if (progress.state === 'executed') break
    if (progress.state === 'waiting' && progress.at === listenerWait) {
      handOverListener(kernel, { pid: process.pid, seccomp: spec.linux?.seccomp, state: document })
      child.release()
    }
    if (progress.state === 'refused') {
      const { program, message } = progress.failure
      throw program === undefined ? new UserError(message) : programError(program, progress.failure)
    }
  }
  return { ...container, state: writeState(kernel, directory, to, process) }
}
