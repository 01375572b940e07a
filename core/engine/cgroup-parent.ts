// Cgroups above a container's that `--cgroup-parent` named: those that this program made go with the last container in them.

import type { CgroupHost } from '../cgroup/detect.ts'
import { ancestors, type CgroupPaths, cgroupPaths } from '../cgroup/paths.ts'
import { AT_FDCWD, AT_REMOVEDIR, close, makeDirectories, O, open, removeFile, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Host, Settings } from './host.ts'

/** A file that says that a cgroup's directory was made by us; gone after a reboot, as the cgroup is. */
function markOf(settings: Settings, directory: string): string {
  return `${settings.runroot}/cgroups/${directory.replace(/[%:]/g, encodeURIComponent).replaceAll('/', ':')}`
}

/** Where a cgroup is in every hierarchy, once. */
function directoriesOf({ v1, unified }: CgroupPaths): string[] {
  return [...new Set([...Object.values(v1), ...(unified === undefined ? [] : [unified])])]
}

/** The directories of a cgroup above that of `paths`. */
function directoriesAbove(paths: CgroupPaths, above: string): string[] {
  return directoriesOf(paths).map((each) => each.slice(0, each.length - paths.path.length) + above)
}

/** Notes which cgroups above `path` will be made for it. The usual parent needs no note: it is always ours. */
export function noteParents(host: Host, settings: Settings, path: string, cgroups: CgroupHost): void {
  const { kernel } = host
  if (path.slice(0, path.lastIndexOf('/')) === settings.cgroupParent) return
  const paths = cgroupPaths(path, cgroups)
  const missing = ancestors(path)
    .flatMap((above) => directoriesAbove(paths, above))
    .filter((directory) => stat(kernel, directory) === undefined)
  if (missing.length > 0) makeDirectories(kernel, `${settings.runroot}/cgroups`, 0o700)
  for (const directory of missing) close(kernel, open(kernel, markOf(settings, directory), O.WRONLY | O.CREAT, 0o600))
}

/** Removes the noted cgroups above a removed one as far as they are empty. */
export function removeParents(kernel: Kernel, settings: Settings, paths: CgroupPaths): void {
  const { path } = paths
  if (path.slice(0, path.lastIndexOf('/')) === settings.cgroupParent) return
  const remove = (pathname: string) => kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname, flags: AT_REMOVEDIR })
  for (const above of ancestors(path).reverse()) {
    for (const directory of directoriesAbove(paths, above)) {
      const mark = markOf(settings, directory)
      if (above !== settings.cgroupParent && stat(kernel, mark) === undefined) continue
      const gone = remove(directory)
      if (!refused(gone) || gone.errno === 'ENOENT') removeFile(kernel, mark)
    }
  }
  // Goes when it is empty.
  remove(`${settings.runroot}/cgroups`)
}
