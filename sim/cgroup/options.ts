// Options of cgroup file systems: they hold for the whole hierarchy, and count only from the initial cgroup namespace
// (CG-103).

import type { Kernel } from '../kernel.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { MountOption } from '../vfs/types.ts'
import type { Hierarchy } from './cgroup.ts'
import { coreFiles } from './core-files.ts'
import { hierarchyNames } from './paths.ts'

/** In the order in which mountinfo shows them; since which version there is one. */
const unifiedOptions: readonly (readonly [string, number, number])[] = [
  ['nsdelegate', 4, 13],
  ['favordynmods', 6, 0],
  ['memory_localevents', 5, 2],
  ['memory_recursiveprot', 5, 7],
  ['memory_hugetlb_accounting', 6, 7],
  ['pids_localevents', 6, 11],
]

/** /sys/kernel/cgroup/features. */
export const features = (kernel: Kernel): string =>
  unifiedOptions.flatMap(([name, ...version]) => (kernel.since(...version) ? [`${name}\n`] : [])).join('')

/** /sys/kernel/cgroup/delegate: files that are given away with a cgroup (CG-111). */
export function delegatableFiles({ cgroups }: Kernel): string {
  const { unified } = cgroups
  const files = [...coreFiles, ...unified.controllers.flatMap(({ files: ours }) => ours ?? [])]
  return files.flatMap(({ name, delegatable }) => (delegatable ? [`${name}\n`] : [])).join('')
}

/** As mountinfo shows them, without a comma in front. */
export function shownOptions(hierarchy: Hierarchy): string {
  const { version, options, root, releaseAgent } = hierarchy
  if (version === 2) return unifiedOptions.flatMap(([name]) => (options.has(name) ? [name] : [])).join(',')
  const words = [hierarchyNames(hierarchy)]
  if (options.has('xattr')) words.push('xattr')
  if (releaseAgent) words.push(`release_agent=${releaseAgent}`)
  if (root.cloneChildren) words.push('clone_children')
  const named = words[0]!.startsWith('name=')
  return (named ? [...words.slice(1), words[0]!] : words).join(',')
}

/** One option, as it is given. */
export function checkOption(kernel: Kernel, [name, value]: MountOption): Denied | 'unknown' | undefined {
  const known = unifiedOptions.find(([each, ...version]) => each === name && kernel.since(...version))
  if (!known) return 'unknown'
  return value === true ? undefined : deny('EINVAL', 'CG-103', `mount(2): the option ${name} has no value`)
}

/**
 * A mount or a remount of version 2 sets all options anew; from another cgroup namespace than the initial one it changes
 * none.
 *
 * @errors EINVAL unknown option
 */
export function applyOptions(
  kernel: Kernel,
  hierarchy: Hierarchy,
  options: ReadonlyMap<string, string | true>,
  task?: Task,
): Denied | undefined {
  if (hierarchy.version === 1) return undefined
  for (const [name, given] of options) {
    const known = unifiedOptions.find(([each, ...version]) => each === name && kernel.since(...version))
    if (!known || given !== true) return deny('EINVAL', 'CG-103', `mount(2): cgroup2 has no option ${name}`)
  }
  if (task && task.namespaces.cgroup !== kernel.initial.cgroup) return undefined
  hierarchy.options.clear()
  for (const name of options.keys()) hierarchy.options.add(name)
  return undefined
}
