// Mounting an overlay: its options, and what layers have to be (OVL-009). fs/overlayfs/params.c, super.c

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Dentry } from './dentry.ts'
import { plainFlags } from './mount.ts'
import { MS } from './mount-flags.ts'
import { hidesByLock } from './mount-locks.ts'
import { foreign } from './mount-tree.ts'
import { newMount } from './mounting.ts'
import { Overlay } from './overlay.ts'
import { type Layer, type Prefix, realDentry, removeReal } from './overlay-layers.ts'
import type { Path } from './path.ts'
import { checkPermission, mayExecute, mayWrite, superblockReadonly } from './permission.ts'
import { mayCreate } from './rights.ts'
import type { Superblock } from './superblock.ts'
import type { FileSystemType, MountOption, NewSuperblock } from './types.ts'
import { AT_FDCWD, lookupIn, walk } from './walk.ts'

const call = 'mount(2)'
const layersMax = 500
/** FILESYSTEM_MAX_STACK_DEPTH */
const stackDepthMax = 2

const no = (why: string): Denied => deny('EINVAL', 'OVL-009', `overlayfs: ${why}`)

/** A colon in the name of a layer has a backslash before it. */
const split = (value: string): string[] => value.split(/(?<!\\):/).map((part) => part.replace(/\\(.)/g, '$1'))

function directory(task: Task, pathname: string, option: string): Path | Denied {
  if (pathname === '') return no(`an empty ${option}`)
  const path = walk(task, AT_FDCWD, pathname.replace(/\\(.)/g, '$1'), { call })
  if (isDenied(path)) return path
  return path.dentry.inode.kind === 'directory' ? path : no(`${option} ${pathname} is no directory`)
}

const switches: Readonly<Record<string, readonly string[]>> = {
  redirect_dir: ['on', 'off', 'nofollow', 'follow'],
  index: ['on', 'off'],
  metacopy: ['off'],
  nfs_export: ['off'],
  xino: ['on', 'off', 'auto'],
  uuid: ['null', 'off', 'auto', 'on'],
  verity: ['off'],
}

function check(task: Task, [key, value]: MountOption): Denied | 'unknown' | undefined {
  switch (key) {
    case 'lowerdir':
    case 'lowerdir+':
    case 'upperdir':
    case 'workdir': {
      if (typeof value !== 'string') return no(`${key} is a path`)
      if (key === 'lowerdir' && value === '') return undefined
      for (const pathname of key === 'lowerdir' ? split(value) : [value]) {
        const path = directory(task, pathname, key)
        if (isDenied(path)) return path
        if (key === 'upperdir' && isReadonly(path)) return no(`${pathname} is on a read-only file system`)
      }
      return undefined
    }
    case 'default_permissions':
    case 'userxattr':
    case 'volatile':
      return value === true ? undefined : no(`${key} takes no value`)
  }
  const allowed = switches[key]
  if (allowed === undefined) return 'unknown'
  if (key === 'redirect_dir' && value === 'on' && !capable(task.credentials, 'SYS_ADMIN', task.kernel.initial.user))
    return deny('EPERM', 'OVL-102', 'overlayfs: redirect_dir=on is for CAP_SYS_ADMIN of the machine')
  return allowed.includes(value as string) ? undefined : no(`${key}=${String(value)} is not modelled, or is nothing`)
}

const isReadonly = ({ mount }: Path): boolean =>
  mount.flags.readonly || (mount.superblock.flags & superblockReadonly) !== 0

interface Wish {
  readonly lower: readonly Path[]
  readonly upper: Path | undefined
  readonly work: Path | undefined
  readonly shown: string
  readonly last: (key: string) => string | true | undefined
}

/** As mountinfo has them: in a fixed order, and only what is not as it is by default. ovl_show_options() */
function shownOptions(task: Task, options: readonly MountOption[], hasUpper: boolean): string {
  const given = (keys: readonly string[]) =>
    options
      .filter(([key]) => keys.includes(key))
      .map(([key, value]) => (value === true ? key : `${key}=${String(value)}`))
  return [
    ...given(['lowerdir', 'lowerdir+']),
    ...(hasUpper ? [...given(['upperdir']), ...given(['workdir'])] : []),
    ...given(['default_permissions']),
    ...given(['redirect_dir']).filter((text) => text === 'redirect_dir=on' || text === 'redirect_dir=nofollow'),
    ...given(['index']).filter((text) => text !== 'index=off'),
    ...(hasUpper && task.kernel.since(6, 6) ? ['uuid=on'] : []),
    ...given(['volatile']),
    ...given(['userxattr']),
  ].join(',')
}

/** Options as a whole; paths are walked again, as they stand now. */
function wishOf(task: Task, options: readonly MountOption[]): Wish | Denied {
  const last = (key: string) => options.findLast(([other]) => other === key)?.[1] as string | true | undefined
  const lowerOption = last('lowerdir')
  const names = typeof lowerOption === 'string' && lowerOption !== '' ? split(lowerOption) : []
  for (const [key, value] of options) if (key === 'lowerdir+') names.push(value as string)
  const at = (key: string) => (last(key) === undefined ? undefined : directory(task, last(key) as string, key))
  const upper = at('upperdir')
  const work = upper && at('workdir')
  if (isDenied(upper)) return upper
  if (isDenied(work)) return work
  const lower: Path[] = []
  for (const name of names) {
    const path = directory(task, name, 'lowerdir')
    if (isDenied(path)) return path
    lower.push(path)
  }
  return { lower, upper, work, shown: shownOptions(task, options, upper !== undefined), last }
}

/** What ovl_fill_super() refuses, in its order. */
function checkLayers(task: Task, { lower, upper, work, last }: Wish): Denied | undefined {
  if (upper && !work) return no('an upperdir wants a workdir')
  if (lower.length === 0) return no('there is no lowerdir')
  if (lower.length > layersMax) return no(`there are more than ${layersMax} lower layers`)
  if (!upper && lower.length === 1) return no('without an upperdir there are at least two lower layers')
  if (upper && work) {
    if (isReadonly(upper)) return no('the upperdir is on a read-only file system')
    const refusal = unfit(task, upper)
    if (refusal) return refusal
    if (upper.mount !== work.mount) return no('upperdir and workdir are on different mounts')
    if (upper.dentry.isBelow(work.dentry) || work.dentry.isBelow(upper.dentry))
      return no('upperdir and workdir are not to lie one in the other')
    if (last('index') === 'on' && (upper.dentry.inode.overlays || work.dentry.inode.overlays))
      return deny('EBUSY', 'OVL-008', 'overlayfs: the upperdir or workdir is in use by another overlay, and index=on')
  }
  const depth = Math.max(
    ...[...lower, ...(upper ? [upper] : [])].map(({ dentry }) => dentry.superblock.stackDepth ?? 0),
  )
  if (depth >= stackDepthMax) return no('too many file systems would lie one on the other')
  return overlapping(task, lower, upper, work)
}

/** Each layer becomes a private mount of its own. clone_private_mount() in fs/namespace.c */
function unfit(task: Task, { mount, dentry }: Path): Denied | undefined {
  if (mount.unbindable) return deny('EINVAL', 'MNT-005', 'overlayfs: the mount of a layer is unbindable')
  const isDetached = mount.namespace === undefined && task.kernel.since(6, 15)
  const refusal = isDetached ? undefined : foreign(mount, task.namespaces.mnt, call)
  if (refusal) return refusal
  return hidesByLock(mount, dentry)
    ? deny('EINVAL', 'USR-020', 'overlayfs: a layer would show what is hidden by a mount below it')
    : undefined
}

/** A lower layer is neither another layer nor in one. ovl_check_overlapping_layers() */
function overlapping(
  task: Task,
  lower: readonly Path[],
  upper: Path | undefined,
  work: Path | undefined,
): Denied | undefined {
  const roots = new Set<Dentry>()
  for (const layer of [upper, work]) if (layer) roots.add(layer.dentry)
  const loop = () => deny('ELOOP', 'OVL-009', 'overlayfs: a lower layer is another layer, or lies in one')
  for (const layer of lower) {
    if (roots.has(layer.dentry)) return loop()
    const refusal = unfit(task, layer)
    if (refusal) return refusal
    roots.add(layer.dentry)
  }
  for (const { dentry } of lower) for (let at = dentry.parent; at; at = at.parent) if (roots.has(at)) return loop()
  return undefined
}

/** The directory `work` in the work directory, empty; with volatile also what forbids another mount after a crash. */
function prepareWork(task: Task, place: Path, isVolatile: boolean): Denied | 'cannot' | undefined {
  const work = place.dentry
  const old = lookupIn(task, work, 'work', 'overlayfs')
  if (isDenied(old)) return old
  if (old && old.inode.kind === 'directory' && old.children.get('incompat') === undefined) {
    const incompatible = old.inode.lookup?.(task, 'incompat')
    if (incompatible !== undefined && !isDenied(incompatible))
      return no('the last mount was volatile: delete the workdir')
  } else if (old?.children.has('incompat')) return no('the last mount was volatile: delete the workdir')
  // Who may not make it gets a file system for reading. ovl_workdir_create() in fs/overlayfs/super.c
  if (mayCreate(task, place, call)) return 'cannot'
  const removed = removeReal(task, work, 'work')
  if (removed) return removed
  const made = makeDirectory(task, work, 'work')
  if (isDenied(made)) return made
  // Its mode is 0, and something is made in it as a test: that takes power over who has it. ovl_check_rename_whiteout()
  const refusal = checkPermission(task.credentials, undefined, made.inode, mayWrite | mayExecute, call)
  if (refusal || !isVolatile) return refusal
  const incompatible = makeDirectory(task, made, 'incompat')
  if (isDenied(incompatible)) return incompatible
  const mark = makeDirectory(task, incompatible, 'volatile')
  return isDenied(mark) ? mark : undefined
}

/** Its owner is who mounts. */
function makeDirectory(task: Task, parent: Dentry, name: string): Dentry | Denied {
  const { fsuid: uid, fsgid: gid } = task.credentials
  const inode = parent.inode.create!(task, name, { kind: 'directory', mode: 0, uid, gid })
  return isDenied(inode) ? inode : realDentry(parent, name, inode)
}

function make(task: Task, wish: NewSuperblock): Superblock | Denied {
  const found = wishOf(task, wish.options)
  if (isDenied(found)) return found
  const refusal = checkLayers(task, found)
  if (refusal) return refusal
  const { lower, upper, work, last, shown } = found
  const prepared = work && prepareWork(task, work, last('volatile') === true)
  if (isDenied(prepared)) return prepared
  const { kernel } = task
  const { devices } = kernel.counters
  const all = [...(upper ? [upper] : []), ...lower]
  const systems = new Set(all.map(({ dentry }) => dentry.superblock))
  const oneFileSystem = systems.size === 1 || last('xino') === 'on'
  const pseudo = new Map<Superblock, number>()
  const device = devices.take()
  if (!oneFileSystem) for (const system of systems) pseudo.set(system, devices.take())
  const layer = ({ mount, dentry }: Path): Layer => {
    const own = newMount(kernel, mount.superblock, dentry, { ...plainFlags(), atime: 'noatime' })
    own.idMapping = mount.idMapping
    const number = pseudo.get(dentry.superblock)
    return { mount: own, root: dentry, device: number === undefined ? undefined : [0, number] }
  }
  for (const path of [upper, work]) if (path) path.dentry.inode.overlays = (path.dentry.inode.overlays ?? 0) + 1
  const prefix: Prefix = last('userxattr') === true ? 'user.overlay.' : 'trusted.overlay.'
  const layers = {
    upper: upper && layer(upper),
    work: work && layer(work),
    isWritable: upper !== undefined && prepared !== 'cannot',
    lower: lower.map(layer),
    ...{ prefix, oneFileSystem, shown },
    index: last('index') === 'on',
    redirect: last('redirect_dir') === 'on',
  }
  const flags = layers.isWritable ? wish.flags : wish.flags | MS.RDONLY
  return new Overlay(kernel, { ...wish, flags }, layers, device, [...pseudo.values()])
}

export const overlay: FileSystemType = {
  name: 'overlay',
  inUserNamespaces: true,
  remountsAsItIs: true,
  check,
  make,
  remount(_task, superblock, _options, flags) {
    if (flags & MS.RDONLY || (superblock as Overlay).isWritable) return undefined
    return deny('EROFS', 'OVL-009', 'overlayfs: without an upper layer and a work directory it stays read-only')
  },
}
