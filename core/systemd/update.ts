// New limits for a container in a scope: in its cgroup's files and, the same, as properties of its unit.

import { detectCgroups } from '../cgroup/detect.ts'
import type { CgroupPaths } from '../cgroup/paths.ts'
import { limitsNow, updateCgroup } from '../cgroup/update.ts'
import type { Host } from '../engine/host.ts'
import { readTextIfThere } from '../files.ts'
import type { LinuxResources } from '../spec/types.ts'
import { limitsWithKeeper } from './keeper.ts'
import { type Property, propertiesOf, propertyFiles } from './properties.ts'
import { withManager } from './scope.ts'

/** The properties that are as the files are now. */
function propertiesNow({ kernel }: Pick<Host, 'kernel'>, unified: string): Property[] {
  const files = propertyFiles.flatMap((file) => {
    const content = readTextIfThere(kernel, `${unified}/${file}`)?.trim()
    return content ? [[file, content] as const] : []
  })
  return propertiesOf({ unified: Object.fromEntries(files) })
}

/**
 * Changes the limits of a container in a scope. The files are written first, so that the kernel may refuse before systemd is
 * asked, and once more at the end, since systemd writes into them what it has rounded.
 *
 * @param isKept - the cgroup is below that of the scope, in which a keeper is
 * @returns takes all back
 * @errors UserError as updateCgroup, and when systemd takes no property; nothing has changed then
 */
export async function updateScope(
  host: Host,
  unit: string,
  paths: CgroupPaths,
  resources: LinuxResources,
  isKept = false,
): Promise<() => Promise<void>> {
  const { kernel } = host
  const unified = paths.unified!
  const cgroups = detectCgroups(kernel, { path: paths.path, resources })
  const changed = propertiesOf(isKept ? limitsWithKeeper(resources) : resources, limitsNow(kernel, paths))
  const names = new Set(changed.map(([name]) => name))
  const before = propertiesNow(host, isKept ? unified.slice(0, unified.lastIndexOf('/')) : unified).filter(([name]) =>
    names.has(name),
  )
  const takeBack = updateCgroup(kernel, paths, resources, cgroups)
  try {
    if (changed.length > 0) await withManager(host, (manager) => manager.setProperties(unit, changed))
    updateCgroup(kernel, paths, resources, cgroups)
  } catch (error) {
    takeBack()
    throw error
  }
  return async () => {
    if (before.length > 0) await withManager(host, (manager) => manager.setProperties(unit, before))
    takeBack()
  }
}
