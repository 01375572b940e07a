// create: a container that is complete but for its program, which waits for `start`. runtime.md, "Create".

import { killAll, removeCgroups } from '../cgroup/remove.ts'
import { fileSystemOf, launchError } from '../engine/failure.ts'
import type { Host } from '../engine/host.ts'
import { writeMappings } from '../engine/rootless.ts'
import { afterRefusal } from '../engine/settle.ts'
import { UserError } from '../errors.ts'
import { removeTree, writeAtomically } from '../files.ts'
import type { Kernel, Launched } from '../kernel.ts'
import { readBundle } from './bundle.ts'
import { handOverTerminal, takeTerminal } from './console.ts'
import { copyIntoTmpfs } from './copy.ts'
import { runHooks } from './hooks.ts'
import { moveNetworkDevices } from './network-devices.ts'
import { insideContainer } from './place.ts'
import { type CreateOptions, cgroupPathOf, type PreparedContainer, prepare } from './prepare.ts'
import {
  claim,
  markMade,
  type OciContainer,
  type OciRecord,
  type OciSettings,
  writeRecord,
  writeState,
} from './record.ts'
import { joinResctrl, leaveResctrl } from './resctrl.ts'
import { documentOf } from './state.ts'

/**
 * Makes a container and leaves it to whoever starts it.
 *
 * @param bundle - absolute
 * @errors UserError for a bundle that is none, an id that is taken, and whatever the kernel refuses; nothing is left then
 */
export async function create(
  host: Host,
  settings: OciSettings,
  id: string,
  bundle: string,
  options: CreateOptions,
): Promise<OciContainer> {
  return await createAnd(host, settings, id, bundle, options, (container, launched) => {
    launched.park()
    launched.close()
    return container
  })
}

/**
 * Makes a container and does something with it before anybody else can; when that fails, it is unmade.
 *
 * @errors UserError as `create`
 */
export async function createAnd<T>(
  host: Host,
  settings: OciSettings,
  id: string,
  bundle: string,
  options: CreateOptions,
  act: (container: OciContainer, launched: Launched) => T | Promise<T>,
): Promise<T> {
  const { kernel } = host
  const read = readBundle(kernel, bundle, options.config)
  const planned = options.systemdCgroup ? await (await import('./scope.ts')).planScope(host, id, read.spec) : undefined
  const path = planned?.path ?? cgroupPathOf(read.spec, id)
  const prepared = await prepare(host, read, path, options)
  const { directory, lock } = claim(kernel, settings, id)
  const record: OciRecord = {
    version: 1,
    id,
    bundle,
    createdMs: host.now(),
    owner: host.environment.userName ?? (host.environment.uid === 0 ? 'root' : String(host.environment.uid)),
    spec: read.spec,
    cgroups: prepared.cgroup?.paths ?? null,
    ...(planned && { unit: planned.scope.unit }),
  }
  const container: OciContainer = { record, directory }
  try {
    writeRecord(kernel, directory, record)
    const launch = () => begin(kernel, container, prepared, options)
    const begun = planned === undefined ? launch() : await planned.within(prepared.cgroup!.paths, launch)
    const { made, launched } = await make(host, container, prepared, begun, options)
    try {
      return await act(made, launched)
    } catch (error) {
      launched.close()
      throw error
    }
  } catch (error) {
    await afterRefusal(host, () => discard(host, container))
    throw error
  } finally {
    lock.release()
  }
}

/** Ends what is left of a container's processes, and removes its scope, its cgroups and its directory. Safe to repeat. */
export async function discard(host: Host, { record, directory }: OciContainer): Promise<void> {
  const { kernel, sleep } = host
  if (record.cgroups !== null) {
    await killAll(kernel, record.cgroups, sleep)
    if (record.unit !== undefined) await (await import('../systemd/scope.ts')).stopScope(host, record.unit)
    await removeCgroups(kernel, record.cgroups, sleep, '/vitrine-oci')
  }
  leaveResctrl(kernel, directory)
  removeTree(kernel, directory)
}

function begin(
  kernel: Kernel,
  { record, directory }: OciContainer,
  { plan }: PreparedContainer,
  { preserveFds }: CreateOptions,
): Launched {
  const title = `vitrine-oci ${record.id}`
  const launched = kernel.launch(plan, { detached: false, directory, inherit: { preserveFds }, title })
  if ('step' in launched) throw launchError(plan, launched)
  return launched
}

async function make(
  host: Host,
  container: OciContainer,
  prepared: PreparedContainer,
  launched: Launched,
  options: CreateOptions,
): Promise<{ readonly made: OciContainer; readonly launched: Launched }> {
  const { kernel } = host
  const { directory } = container
  try {
    const { resctrl, spec } = prepared
    if (resctrl !== undefined)
      joinResctrl(kernel, resctrl, spec.linux!.intelRdt!, { id: container.record.id, pid: launched.pid, directory })
    await follow(host, container, prepared, launched, options)
    const process = markMade(kernel, launched.pid)
    const state = writeState(kernel, directory, 'starting', process)
    if (options.pidFile !== undefined) writeAtomically(kernel, options.pidFile, String(launched.pid), 0o644)
    return { made: { ...container, state }, launched }
  } catch (error) {
    launched.close()
    throw error
  }
}

/** From clone3 to the wait for `start`: answers each wait of the child. */
async function follow(
  host: Host,
  container: OciContainer,
  { plan, spec, mappings }: PreparedContainer,
  launched: Launched,
  { consoleSocket, terminal }: CreateOptions,
): Promise<void> {
  const { kernel } = host
  const { pid } = launched
  for (;;) {
    const progress = await launched.progress()
    if (progress.state === 'refused') throw launchError(plan, progress.failure, (path) => fileSystemOf(kernel, path))
    if (progress.state === 'executed') throw new UserError('the program began before it was started')
    if (progress.at === 'start') {
      await copyIntoTmpfs(host, spec, pid)
      break
    }
    if (progress.at === 'maps') await writeMappings(host, pid, mappings!)
    else {
      moveNetworkDevices(kernel, spec, pid)
      const document = documentOf(container, 'creating', pid)
      await runHooks(host, 'prestart', spec.hooks?.prestart, document)
      await runHooks(host, 'createRuntime', spec.hooks?.createRuntime, document)
      await runHooks(host, 'createContainer', spec.hooks?.createContainer, document, insideContainer(spec, pid))
    }
    launched.release()
  }
  if (consoleSocket !== undefined) handOverTerminal(kernel, launched, consoleSocket)
  else if (terminal !== undefined) terminal(takeTerminal(launched))
}
