// What a container's mounts need of the host, taken while the host's files can be reached. open_tree(2), mount_setattr(2).

import { UserError } from '../errors.ts'
import type { Mount, Spec } from '../spec/types.ts'
import { planCgroupSources } from './cgroup-mount.ts'
import {
  AT,
  CLONE,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR,
  MS,
  O,
  OPEN_TREE,
  RESOLVE,
} from './constants.ts'
import type { LaunchFacts } from './facts.ts'
import { type Attributes, type MountOptions, propagationOf } from './mount-options.ts'
import { isJoined, isNew, type Namespaces } from './namespaces.ts'
import type { Step } from './plan.ts'
import type { PlannedMount } from './planned-mount.ts'
import { from, openHost, type PlanWriter } from './writer.ts'

/** Whether the source must be taken while it still hears of the host's mounts. */
function hearsHost(planned: PlannedMount, spec: Spec): boolean {
  const name = spec.linux?.rootfsPropagation
  const type = (planned.options.propagation ?? (name ? propagationOf(name) : undefined))?.type
  return type === MS.SLAVE || type === MS.SHARED
}

/**
 * Only who has rights over the file system itself may map its owners (mount_setattr(2), EPERM): in another user namespace
 * the child has none, so its parent takes these sources, and the child inherits the descriptors.
 */
export function planMappedSources(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  for (const planned of mounts)
    if (isTakenByParent(planned, namespaces, facts)) takeSource(writer, planned, facts, 'parent')
}

function isTakenByParent({ kind, options }: PlannedMount, namespaces: Namespaces, facts: LaunchFacts): boolean {
  return kind === 'bind' && options.idmap !== undefined && namespaces.has('user') && facts.userNamespace === undefined
}

/** Sources of slave and shared binds: they keep their tie to the host's mounts, so they are taken before it is cut. */
export function planTiedSources(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  spec: Spec,
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  for (const planned of mounts) {
    if (planned.kind !== 'bind' || !hearsHost(planned, spec) || isTakenByParent(planned, namespaces, facts)) continue
    takeSource(writer, planned, facts, 'child', propagationOf(spec.linux?.rootfsPropagation ?? ''))
  }
}

/** Everything else that the mounts need of the host's files. */
export function planSources(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  spec: Spec,
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  for (const planned of mounts) {
    if (isTakenByParent(planned, namespaces, facts)) continue
    if (planned.kind === 'bind' && !hearsHost(planned, spec)) takeSource(writer, planned, facts, 'child')
    else if (planned.kind === 'cgroup' && facts.cgroup && !isNew(namespaces, 'cgroup'))
      planCgroupSources(writer, facts.cgroup)
  }
}

/** File systems that are made while the host's can be seen, in the user namespace that has the rights over them. */
export function planWitnessed(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  for (const planned of mounts)
    if (needsWitness(planned, facts, namespaces) && !isForeign(planned, facts, namespaces))
      makeDetached(writer, planned, true)
}

/**
 * File systems that show a namespace whose user namespace is not the one that the child enters, where nobody may mount
 * them: the child does it while it is still the caller's. A new pid namespace is the parent's; one that is joined by the
 * host's root may be anybody's, and one that the container does without is the host's.
 */
export function planForeign(
  writer: PlanWriter,
  mounts: readonly PlannedMount[],
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  for (const planned of mounts) if (isForeign(planned, facts, namespaces)) makeDetached(writer, planned, true)
}

function isForeign({ mount, kind }: PlannedMount, facts: LaunchFacts, namespaces: Namespaces): boolean {
  if (kind !== 'fresh' || !isJoined(namespaces, 'user')) return false
  const shown = mount.type === 'proc' ? 'pid' : mount.type === 'sysfs' ? 'network' : 'ipc'
  if (mount.type === 'proc' && isNew(namespaces, 'pid')) return true
  if (mount.type !== 'proc' && mount.type !== 'sysfs' && mount.type !== 'mqueue') return false
  return facts.userNamespace !== undefined && !isNew(namespaces, shown)
}

/** Made detached, before the root filesystem is entered. */
export function isMadeBefore(planned: PlannedMount, facts: LaunchFacts, namespaces: Namespaces): boolean {
  return needsWitness(planned, facts, namespaces) || isForeign(planned, facts, namespaces)
}

/**
 * In a user namespace proc and sysfs can be mounted only while a mount of theirs can be seen whole: before the host's
 * are left. user_namespaces(7); fs/namespace.c, mount_too_revealing.
 */
function needsWitness({ mount, kind }: PlannedMount, facts: LaunchFacts, namespaces: Namespaces): boolean {
  const inUserNamespace = namespaces.has('user') || facts.callerInUserNamespace === true
  return kind === 'fresh' && inUserNamespace && (mount.type === 'proc' || mount.type === 'sysfs')
}

function takeSource(
  writer: PlanWriter,
  { mount, where, options, tree }: PlannedMount,
  facts: LaunchFacts,
  side: Step['in'],
  inherited?: MountOptions['propagation'],
): void {
  const source = mount.source!
  const recursive = options.bind !== 'bind'
  const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | (recursive ? AT.RECURSIVE : 0)
  const elsewhere = /^\/proc\/(\d+)\/root(\/.+)$/.exec(source)
  if (elsewhere) takeElsewhere(writer, side, { tree, pid: elsewhere[1]!, path: elsewhere[2]!, flags })
  else
    writer[side]({ name: 'open_tree', dirfd: AT.FDCWD, pathname: source, flags }, `take ${source} of the host`, {
      as: tree,
    })
  const propagation = options.propagation ?? inherited
  const tied = propagation && propagation.type !== MS.PRIVATE ? propagation : undefined
  const attributes = [
    { of: options.own, whole: false },
    { of: options.recursive, whole: true },
  ].filter(({ of }) => of.set !== 0 || of.clear !== 0)
  for (const { of, whole } of attributes) setAttributes(writer, side, tree, of, whole, mount)
  if (tied)
    writer[side](
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
    writer[side](openHost(path, 0), 'open the user namespace that has the mapping', { as: `${tree} map` })
    writer[side](
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

/**
 * A source in another mount namespace can be taken only there (open_tree(2), EINVAL), and without following links: they are
 * the other container's, and would be followed from the host's root.
 */
function takeElsewhere(
  writer: PlanWriter,
  side: Step['in'],
  { tree, pid, path, flags }: { tree: string; pid: string; path: string; flags: number },
): void {
  const [own, other, top, there] = ['own', 'other', 'top', 'there'].map((word) => `${tree} ${word}`) as [
    string,
    string,
    string,
    string,
  ]
  writer[side](openHost('/proc/self/ns/mnt', 0), 'open our own mount namespace, to come back', { as: own })
  writer[side](openHost(`/proc/${pid}/ns/mnt`, 0), `open that of process ${pid}`, { as: other })
  writer[side]({ name: 'setns', fd: from(other), nstype: CLONE.NEWNS }, `look at files as process ${pid} does`)
  writer[side](openHost('/', O.PATH | O.DIRECTORY), 'open the root there', { as: top })
  const how = { flags: O.PATH | O.CLOEXEC, resolve: RESOLVE.IN_ROOT | RESOLVE.NO_SYMLINKS }
  writer[side]({ name: 'openat2', dirfd: from(top), pathname: path, how }, `find ${path} there, by no link`, {
    as: there,
  })
  writer[side](
    { name: 'open_tree', dirfd: from(there), pathname: '', flags: flags | AT.EMPTY_PATH },
    `take ${path} of process ${pid}`,
    { as: tree },
  )
  writer[side]({ name: 'setns', fd: from(own), nstype: CLONE.NEWNS }, 'come back')
}

function setAttributes(
  writer: PlanWriter,
  side: Step['in'],
  tree: string,
  of: Attributes,
  whole: boolean,
  { options }: Mount,
): void {
  const flags = AT.EMPTY_PATH | (whole ? AT.RECURSIVE : 0)
  const attr = { attr_set: of.set, ...(of.clear === 0 ? {} : { attr_clr: of.clear }) }
  writer[side](
    { name: 'mount_setattr', dirfd: from(tree), pathname: '', flags, attr },
    `apply its options: ${(options ?? []).join(',')}${whole ? ', to all below too' : ''}`,
  )
}

/** A file system that is mounted nowhere yet; its label is the tree of the planned mount. fsopen(2), fsmount(2). */
export function makeDetached(writer: PlanWriter, { mount, options, tree }: PlannedMount, witness = false): void {
  const context = `${tree} context`
  const type = mount.type!
  writer.child({ name: 'fsopen', fs_name: type, flags: FSOPEN_CLOEXEC }, `begin a ${type}`, { as: context })
  writer.child(
    {
      name: 'fsconfig',
      fd: from(context),
      cmd: FSCONFIG.SET_STRING,
      key: 'source',
      value: mount.source ?? type,
      aux: 0,
    },
    'name its source, as mount(8) shows it',
  )
  for (const option of options.data?.split(',') ?? []) {
    const at = option.indexOf('=')
    const [key, value] = at < 0 ? [option, null] : [option.slice(0, at), option.slice(at + 1)]
    const cmd = value === null ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING
    writer.child({ name: 'fsconfig', fd: from(context), cmd, key, value, aux: 0 }, `set its option ${option}`)
  }
  writer.child(
    { name: 'fsconfig', fd: from(context), cmd: FSCONFIG.CMD_CREATE, key: null, value: null, aux: 0 },
    witness ? `make the ${type} while the host's, which proves the right to one, is in sight` : `make the ${type}`,
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
