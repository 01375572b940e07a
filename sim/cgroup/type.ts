// mount -t cgroup2 and mount -t cgroup: the hierarchy that is meant, seen from the root of the caller's cgroup namespace.
// cgroups(7), cgroup_namespaces(7)

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Dentry } from '../vfs/dentry.ts'
import type { Superblock } from '../vfs/superblock.ts'
import type { FileSystemType, MountOption } from '../vfs/types.ts'
import type { Hierarchy } from './cgroup.ts'
import { applyOptions, checkOption } from './options.ts'
import { type CgroupSuperblock, dentryOf, superblockOf } from './superblock.ts'

/** Fresh mounts show the cgroup namespace's root as theirs (CGN-002). */
function shownFrom(task: Task, superblock: Superblock): Dentry {
  const { hierarchy } = superblock as CgroupSuperblock
  return dentryOf(task.kernel, task.kernel.cgroups.rootFor(task.namespaces.cgroup, hierarchy))
}

const owner = (task: Task) => task.namespaces.cgroup.owner

const asMap = (options: readonly MountOption[]): ReadonlyMap<string, string | true> =>
  new Map(options.map(([key, value]) => [key, typeof value === 'string' ? value : true]))

export const cgroup2: FileSystemType = {
  name: 'cgroup2',
  inUserNamespaces: true,
  owner,
  check: (task, option) => checkOption(task.kernel, option),
  make(task, { options }) {
    const { kernel } = task
    const { unified } = kernel.cgroups
    const superblock = superblockOf(kernel, unified)
    unified.visible = true
    return applyOptions(kernel, unified, asMap(options), task) ?? superblock
  },
  remount: (task, superblock, options) =>
    applyOptions(task.kernel, (superblock as CgroupSuperblock).hierarchy, asMap(options), task),
  rootFor: shownFrom,
}

const plainWords: ReadonlySet<string> = new Set(['none', 'noprefix', 'clone_children', 'xattr', 'cpuset_v2_mode'])

export const cgroup: FileSystemType = {
  name: 'cgroup',
  inUserNamespaces: true,
  owner,
  check: () => undefined,
  make(task, { options }) {
    const { kernel } = task
    if (!capable(task.credentials, 'SYS_ADMIN', owner(task)))
      return deny('EPERM', 'USR-018', 'mount(2): a cgroup mount needs CAP_SYS_ADMIN over the cgroup namespace')
    const hierarchy = whichHierarchy(task, asMap(options))
    return isDenied(hierarchy) ? hierarchy : superblockOf(kernel, hierarchy)
  },
  remount: () => undefined,
  rootFor: shownFrom,
}

/**
 * The hierarchy of version 1 that options name.
 *
 * @errors EINVAL unknown words, or none at all; EBUSY another combination than there is
 */
function whichHierarchy(task: Task, options: ReadonlyMap<string, string | true>): Hierarchy | Denied {
  const { hierarchies, controllers, unified } = task.kernel.cgroups
  const wanted = new Set<string>()
  let title: string | undefined
  for (const [key, value] of options) {
    if (key === 'name' && typeof value === 'string') title = value
    else if (key === 'all') for (const each of controllers) wanted.add(each.legacyName ?? each.name)
    else if (controllers.some((each) => (each.legacyName ?? each.name) === key)) wanted.add(key)
    else if (!plainWords.has(key) && key !== 'release_agent')
      return deny('EINVAL', 'cgroups(7)', `mount(2): cgroup has no option and no controller ${key}`)
  }
  if (wanted.size === 0 && title === undefined)
    return deny('EINVAL', 'cgroups(7)', 'mount(2): a cgroup mount names controllers, or a hierarchy by name=')
  const namesOf = ({ controllers: ours }: Hierarchy) => new Set(ours.map((each) => each.legacyName ?? each.name))
  for (const hierarchy of hierarchies) {
    if (hierarchy === unified) continue
    const names = namesOf(hierarchy)
    const same = names.size === wanted.size && [...wanted].every((name) => names.has(name))
    if (title !== undefined && hierarchy.title === title) {
      if (wanted.size === 0 || same) return hierarchy
      return deny('EBUSY', 'cgroups(7)', `mount(2): the hierarchy name=${title} has other controllers`)
    }
    if (wanted.size > 0 && same && title === undefined) return hierarchy
  }
  if (title !== undefined && wanted.size === 0) return named(task, title)
  return deny('EBUSY', 'cgroups(7)', 'mount(2): a controller is in use by another hierarchy')
}

/** A hierarchy without controllers is made by mounting it, from the initial cgroup namespace alone. */
function named(task: Task, title: string): Hierarchy | Denied {
  const { kernel } = task
  if (task.namespaces.cgroup !== kernel.initial.cgroup)
    return deny('EPERM', 'cgroups(7)', 'mount(2): new hierarchies are made from the initial cgroup namespace')
  if (title === '' || /[^\w.-]/.test(title))
    return deny('EINVAL', 'cgroups(7)', 'mount(2): the name of a hierarchy has letters, digits, and . _ -')
  return kernel.cgroups.addNamed(title)
}
