// The spec's mounts: sources are taken while the host's files can be reached, and mounted when only the container's can.

import { UserError } from '../errors.ts'
import type { Mount, Spec } from '../spec/types.ts'
import { planCgroupSources, planCgroupV1 } from './cgroup-mount.ts'
import { AT, FSCONFIG, FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC, MOUNT_ATTR, MOVE_MOUNT, MS, OPEN_TREE } from './constants.ts'
import type { LaunchFacts } from './facts.ts'
import {
  type Attributes,
  type MountOptions,
  mountFlags,
  propagationOf,
  readMountOptions,
  refuseForBind,
} from './mount-options.ts'
import { isJoined, isNew, type Namespaces } from './namespaces.ts'
import { from, openHost, openInside, type PlanWriter } from './writer.ts'

/** A mount of the spec with its options read. */
export interface PlannedMount {
  readonly mount: Mount
  /** `mounts[3] /data`, for messages. */
  readonly where: string
  readonly destination: string
  readonly kind: 'bind' | 'cgroup' | 'remount' | 'fresh'
  readonly options: MountOptions
  /** The label of the detached mount, and of the place for it. */
  readonly tree: string
  readonly place: string
}

/** An absolute path without `//`, `.` and a `/` at its end; `..` is left, for the kernel to keep inside the root. */
export function cleanPath(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`
}

export function readMounts(spec: Spec): PlannedMount[] {
  return (spec.mounts ?? []).map((mount, i) => {
    const where = `mounts[${i}] ${mount.destination}`
    const options = readMountOptions(mount.options)
    const destination = cleanPath(mount.destination)
    if (destination === '/') throw new UserError(`${where}: nothing can be mounted on the root itself; use root.path`)
    const bind = options.bind !== undefined || mount.type === 'bind'
    const kind = options.remount ? 'remount' : bind ? 'bind' : mount.type === 'cgroup' ? 'cgroup' : 'fresh'
    if (bind && !options.remount) {
      refuseForBind(options, where)
      if (!mount.source?.startsWith('/')) throw new UserError(`${where}: a bind mount needs an absolute source`)
    } else if (options.idmap) throw new UserError(`${where}: ${options.idmap}: only bind mounts can be mapped`)
    if ((mount.uidMappings || mount.gidMappings) && !options.idmap)
      throw new UserError(`${where}: uidMappings and gidMappings need the option idmap or ridmap`)
    if (kind === 'fresh' && (!mount.type || mount.type === 'none'))
      throw new UserError(`${where}: needs a type such as tmpfs, or the option bind or rbind`)
    return { mount, where, destination, kind, options, tree: `mount ${i}`, place: `place ${i}` }
  })
}

/** Whether the source must be taken while it still hears of the host's mounts. */
function hearsHost(planned: PlannedMount, spec: Spec): boolean {
  const name = spec.linux?.rootfsPropagation
  const type = (planned.options.propagation ?? (name ? propagationOf(name) : undefined))?.type
  return type === MS.SLAVE || type === MS.SHARED
}

/** Sources of slave and shared binds: they keep their tie to the host's mounts, so they are taken before it is cut. */
export function planTiedSources(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  spec: Spec,
  facts: LaunchFacts,
): void {
  for (const planned of mounts) {
    if (planned.kind !== 'bind' || !hearsHost(planned, spec)) continue
    takeSource(writer, planned, facts, propagationOf(spec.linux?.rootfsPropagation ?? ''))
  }
}

/** Everything else that the mounts need of the host. */
export function planSources(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  spec: Spec,
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  for (const planned of mounts) {
    if (planned.kind === 'bind' && !hearsHost(planned, spec)) takeSource(writer, planned, facts)
    else if (planned.kind === 'cgroup' && facts.cgroup && !isNew(namespaces, 'cgroup'))
      planCgroupSources(writer, facts.cgroup)
    else if (needsWitness(planned, namespaces) && !isForeignProc(planned, namespaces)) makeDetached(writer, planned)
  }
}

/**
 * A new pid namespace is the parent's even when the child joins another user namespace; that one's root may not mount its
 * proc, so the child does it while it is still the caller's.
 */
export function planForeignProc(writer: PlanWriter, mounts: readonly PlannedMount[], namespaces: Namespaces): void {
  for (const planned of mounts) if (isForeignProc(planned, namespaces)) makeDetached(writer, planned)
}

function isForeignProc({ mount, kind }: PlannedMount, namespaces: Namespaces): boolean {
  return kind === 'fresh' && mount.type === 'proc' && isJoined(namespaces, 'user') && isNew(namespaces, 'pid')
}

/**
 * In a user namespace proc and sysfs can be mounted only while a mount of theirs can be seen whole: before the host's
 * are left. user_namespaces(7); fs/namespace.c, mount_too_revealing.
 */
function needsWitness({ mount, kind }: PlannedMount, namespaces: Namespaces): boolean {
  return kind === 'fresh' && namespaces.has('user') && (mount.type === 'proc' || mount.type === 'sysfs')
}

function takeSource(
  writer: PlanWriter,
  { mount, where, options, tree }: PlannedMount,
  facts: LaunchFacts,
  inherited?: MountOptions['propagation'],
): void {
  const source = mount.source!
  const recursive = options.bind !== 'bind'
  const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | (recursive ? AT.RECURSIVE : 0)
  writer.child({ name: 'open_tree', dirfd: AT.FDCWD, pathname: source, flags }, `take ${source} of the host`, {
    as: tree,
  })
  const propagation = options.propagation ?? inherited
  const tied = propagation && propagation.type !== MS.PRIVATE ? propagation : undefined
  const attributes = [
    { of: options.own, whole: false },
    { of: options.recursive, whole: true },
  ].filter(({ of }) => of.set !== 0 || of.clear !== 0)
  for (const { of, whole } of attributes) setAttributes(writer, tree, of, whole, mount)
  if (tied)
    writer.child(
      {
        name: 'mount_setattr',
        dirfd: from(tree),
        pathname: '',
        flags: AT.EMPTY_PATH | (tied.recursive ? AT.RECURSIVE : 0),
        attr: { propagation: tied.type },
      },
      tied.type === MS.SLAVE ? 'let mounts of the host appear in it' : 'set how its mounts propagate',
    )
  if (options.idmap) {
    const path = facts.idmapNamespaces?.[mount.destination]
    if (path === undefined) throw new UserError(`${where}: ${options.idmap}: no user namespace has the mapping`)
    writer.child(openHost(path, 0), 'open the user namespace that has the mapping', { as: `${tree} map` })
    writer.child(
      {
        name: 'mount_setattr',
        dirfd: from(tree),
        pathname: '',
        flags: AT.EMPTY_PATH | (options.idmap === 'ridmap' ? AT.RECURSIVE : 0),
        attr: { attr_set: MOUNT_ATTR.IDMAP, userns_fd: from(`${tree} map`) },
      },
      'show its files as owned by the mapped users',
    )
  }
}

function setAttributes(writer: PlanWriter, tree: string, of: Attributes, whole: boolean, { options }: Mount): void {
  const flags = AT.EMPTY_PATH | (whole ? AT.RECURSIVE : 0)
  const attr = { attr_set: of.set, ...(of.clear === 0 ? {} : { attr_clr: of.clear }) }
  writer.child(
    { name: 'mount_setattr', dirfd: from(tree), pathname: '', flags, attr },
    `apply its options: ${(options ?? []).join(',')}${whole ? ', to all below too' : ''}`,
  )
}

function makeDetached(writer: PlanWriter, { mount, options, tree }: PlannedMount): void {
  const context = `${tree} context`
  const type = mount.type!
  writer.child({ name: 'fsopen', fs_name: type, flags: FSOPEN_CLOEXEC }, `begin a ${type}`, { as: context })
  for (const option of options.data?.split(',') ?? []) {
    const at = option.indexOf('=')
    const [key, value] = at < 0 ? [option, null] : [option.slice(0, at), option.slice(at + 1)]
    const cmd = value === null ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING
    writer.child({ name: 'fsconfig', fd: from(context), cmd, key, value, aux: 0 }, `set its option ${option}`)
  }
  writer.child(
    { name: 'fsconfig', fd: from(context), cmd: FSCONFIG.CMD_CREATE, key: null, value: null, aux: 0 },
    `make the ${type} while the host's, which proves the right to one, is in sight`,
  )
  writer.child(
    {
      name: 'fsmount',
      fs_fd: from(context),
      flags: FSMOUNT_CLOEXEC,
      attr_flags: options.own.set | options.recursive.set,
    },
    'make it a mount',
    { as: tree },
  )
}

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
      writer.mounted(destination, false)
    } else if (needsWitness(planned, namespaces)) {
      writer.destination(destination, 'directory', place, false)
      attach(writer, tree, place, `mount ${mount.type} on ${destination}`)
      writer.mounted(destination, false)
    } else if (kind === 'cgroup') mountCgroup(writer, planned, facts, namespaces)
    else if (kind === 'remount') {
      writer.add(openInside(destination, place, `find ${destination}`))
      writer.child({ name: 'fchdir', fd: from(place) }, `stand in ${destination}`)
      freshMount(writer, planned, mountFlags(options) | MS.REMOUNT | (options.bind ? MS.BIND : 0))
    } else {
      refuseCopyUp(planned, facts)
      writer.destination(destination, 'directory', place, mount.type !== 'proc' && mount.type !== 'sysfs')
      writer.child({ name: 'fchdir', fd: from(place) }, `stand in ${destination}`)
      freshMount(writer, planned, mountFlags(options) & (mount.type === 'tmpfs' ? ~MS.RDONLY : ~0))
      writer.mounted(destination, mount.type === 'tmpfs')
    }
    if (kind !== 'bind' && kind !== 'remount') setPropagation(writer, planned)
  }
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
