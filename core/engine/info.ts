// info: the host and what is on it, as the engine sees them.

import { detectCgroups } from '../cgroup/detect.ts'
import { readText } from '../files.ts'
import { listImages } from '../image/store.ts'
import { phaseOf } from '../store/record.ts'
import { systemNames } from './caller.ts'
import type { Host, Settings } from './host.ts'
import { lookAtAll } from './open.ts'
import { hostMemory } from './stats.ts'
import type { Info, Verbs } from './types.ts'

export async function info(host: Host, settings: Settings): Promise<Info> {
  const { kernel, environment } = host
  const names = systemNames(kernel)
  const cgroups = detectCgroups(kernel)
  const memory = hostMemory(kernel)
  const phases = (await lookAtAll(host, settings)).map((stored) => phaseOf(stored.state))
  const count = (...of: string[]) => phases.filter((phase) => of.includes(phase)).length
  const controllers: Record<string, string> = {}
  for (const { mountPoint, controllers: list } of cgroups.hierarchies)
    for (const controller of list) controllers[controller] = mountPoint
  for (const controller of cgroups.unified?.controllers ?? []) controllers[controller] = cgroups.unified!.mountPoint
  return {
    kernel: kernel.kind,
    kernelVersion: names.release,
    hostname: names.hostname,
    architecture: environment.architecture,
    cpus: readText(kernel, '/proc/stat').match(/^cpu\d+ /gm)?.length ?? 1,
    memoryTotalBytes: memory.totalBytes,
    memoryFreeBytes: memory.freeBytes,
    cgroupMode: cgroups.mode,
    cgroupManager: settings.systemdCgroups === undefined ? 'cgroupfs' : 'systemd',
    cgroupControllers: controllers,
    rootless: environment.uid !== 0,
    root: settings.root,
    runroot: settings.runroot,
    containers: {
      total: phases.length,
      running: count('running'),
      paused: count('paused'),
      stopped: count('stopped', 'created'),
    },
    images: listImages({ kernel, root: settings.root }).length,
  }
}

info satisfies Verbs['info']
