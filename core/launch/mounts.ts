// The spec's mounts, made inside the new root, where every path leads into the container. mount(2), move_mount(2).

import { UserError } from '../errors.ts'
import { planCgroupV1, planHostCgroup2 } from './cgroup-mount.ts'
import { AT, MOUNT_ATTR, MOVE_MOUNT, MS } from './constants.ts'
import type { LaunchFacts } from './facts.ts'
import { mountFlags } from './mount-options.ts'
import { isMadeBefore, makeDetached } from './mount-sources.ts'
import { isNew, type Namespaces } from './namespaces.ts'
import type { PlannedMount } from './planned-mount.ts'
import { from, openInside, type PlanWriter } from './writer.ts'

/** Inside the new root: every mount of the spec, in its order. */
export function planMounts(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  for (const planned of mounts) {
    const { mount, destination, kind, options, tree, place, where } = planned
    if (kind === 'bind') {
      const what = facts.sources[mount.source!]
      if (what === undefined) throw new UserError(`${where}: no such file or directory: ${mount.source}`)
      writer.destination(destination, what, place)
      attach(writer, tree, place, `mount ${mount.source} on ${destination}`)
      writer.mounted(destination, false, tree)
    } else if (isMadeBefore(planned, facts, namespaces) || showsKernel(planned)) {
      if (!isMadeBefore(planned, facts, namespaces)) makeDetached(writer, planned)
      writer.destination(destination, 'directory', place, false)
      attach(writer, tree, place, `mount ${mount.type} on ${destination}`)
      writer.mounted(destination, false, tree)
    } else if (kind === 'overlay') {
      writer.destination(destination, 'directory', place)
      attach(writer, tree, place, `mount the overlay on ${destination}`)
      writer.mounted(destination, false)
    } else if (kind === 'cgroup') mountCgroup(writer, planned, facts, namespaces)
    else if (kind === 'remount') {
      writer.add(openInside(destination, place, `find ${destination}`))
      writer.child({ name: 'fchdir', fd: from(place) }, `stand in ${destination}`)
      freshMount(writer, planned, mountFlags(options) | MS.REMOUNT | (options.bind ? MS.BIND : 0))
    } else {
      refuseCopyUp(planned, facts)
      writer.destination(destination, 'directory', place)
      writer.child({ name: 'fchdir', fd: from(place) }, `stand in ${destination}`)
      freshMount(writer, planned, mountFlags(options) & (mount.type === 'tmpfs' ? ~MS.RDONLY : ~0))
      writer.mounted(destination, mount.type === 'tmpfs')
    }
    if (kind !== 'bind' && kind !== 'remount') setPropagation(writer, planned)
  }
}

/**
 * What is hidden of proc and sysfs is looked for in the mount itself: by its path somebody who shares the root filesystem
 * could have moved it meanwhile, and what is not found is not hidden.
 */
function showsKernel({ mount, kind }: PlannedMount): boolean {
  return kind === 'fresh' && (mount.type === 'proc' || mount.type === 'sysfs')
}

function refuseCopyUp({ options, destination, where }: PlannedMount, facts: LaunchFacts): void {
  if (!options.copyUp || facts.emptyDestinations?.includes(destination)) return
  throw new UserError(
    `${where}: tmpcopyup: the image has files there, and copying them into a tmpfs is not supported; use a volume or leave tmpcopyup out`,
  )
}

function freshMount(writer: PlanWriter, { mount, destination, options }: PlannedMount, mountflags: number): void {
  const filesystemtype = mount.type ?? null
  const source = mount.source ?? mount.type ?? null
  const what = mountflags & MS.REMOUNT ? `change the mount on ${destination}` : `mount ${mount.type} on ${destination}`
  writer.child({ name: 'mount', source, target: '.', filesystemtype, mountflags, data: options.data }, what)
}

function attach(writer: PlanWriter, tree: string, place: string, why: string): void {
  const flags = MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH
  writer.child(
    { name: 'move_mount', from_dirfd: from(tree), from_pathname: '', to_dirfd: from(place), to_pathname: '', flags },
    why,
  )
}

function mountCgroup(writer: PlanWriter, planned: PlannedMount, facts: LaunchFacts, namespaces: Namespaces): void {
  const { destination, options, place, where } = planned
  if (!facts.cgroup?.view) throw new UserError(`${where}: the container has no cgroup of its own that could be shown`)
  const flags = mountFlags(options)
  const { view } = facts.cgroup
  if (view.version === 1) {
    planCgroupV1(writer, destination, view.hierarchies, flags, isNew(namespaces, 'cgroup'))
    return
  }
  writer.destination(destination, 'directory', place)
  if (!isNew(namespaces, 'cgroup')) {
    planHostCgroup2(writer, place, flags, destination)
    return
  }
  writer.child({ name: 'fchdir', fd: from(place) }, `stand in ${destination}`)
  writer.child(
    { name: 'mount', source: 'cgroup', target: '.', filesystemtype: 'cgroup2', mountflags: flags, data: options.data },
    `show the container its cgroup on ${destination}`,
  )
  writer.mounted(destination, false)
}

function setPropagation(writer: PlanWriter, { destination, options, place }: PlannedMount): void {
  const { propagation } = options
  if (propagation === undefined || (propagation.type !== MS.SHARED && propagation.type !== MS.UNBINDABLE)) return
  const label = `${place} mounted`
  writer.add(openInside(destination, label, `open what is mounted on ${destination}`))
  writer.child(
    {
      name: 'mount_setattr',
      dirfd: from(label),
      pathname: '',
      flags: AT.EMPTY_PATH,
      attr: { propagation: propagation.type },
    },
    'set how its mounts propagate',
  )
}

/** tmpfs mounts that are read-only become so when everything that belongs in them has been made. */
export function planReadonlyFileSystems(writer: PlanWriter, mounts: readonly PlannedMount[]): void {
  for (const { mount, kind, options, destination, place } of mounts) {
    if (kind !== 'fresh' || mount.type !== 'tmpfs' || !(mountFlags(options) & MS.RDONLY)) continue
    const label = `${place} whole`
    writer.add(openInside(destination, label, `open what is mounted on ${destination}`))
    writer.child(
      {
        name: 'mount_setattr',
        dirfd: from(label),
        pathname: '',
        flags: AT.EMPTY_PATH,
        attr: { attr_set: MOUNT_ATTR.RDONLY },
      },
      `make ${destination} read-only, now that it is complete`,
    )
  }
}
