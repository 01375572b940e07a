// mount_setattr(2): flags, propagation and ids of a mount, or of a whole tree, all or nothing.

import type { Fd, MountAttr } from '../../core/syscall.ts'
import { capable } from '../credentials.ts'
import type { IdMapping, IdRange } from '../ns/id-map.ts'
import { UserNamespace } from '../ns/user.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { Mount } from '../vfs/mount.ts'
import { mayBeReadonly } from '../vfs/mount-context.ts'
import { ATTR, atimeOf, changedFlags, fsmountAttributes, MS } from '../vfs/mount-flags.ts'
import { keepsLocks } from '../vfs/mount-locks.ts'
import { treeOf } from '../vfs/mounting.ts'
import { type Propagation, setPropagation } from '../vfs/propagation.ts'
import { findType } from '../vfs/types.ts'
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, walk } from '../vfs/walk.ts'
import { fdNumber, fileOf, uint } from './arguments.ts'
import { isMountRoot, mayMount } from './mount.ts'
import { AT_RECURSIVE } from './move-mount.ts'

const call = 'mount_setattr(2)'
const AT_NO_AUTOMOUNT = 0x800
const known = fsmountAttributes | ATTR.IDMAP

interface Change {
  readonly set: number
  readonly clear: number
  readonly propagation: Propagation | undefined
  readonly mapping: UserNamespace | undefined
}

const types = new Map<number, Propagation>([
  [MS.SHARED, 'shared'],
  [MS.PRIVATE, 'private'],
  [MS.SLAVE, 'slave'],
  [MS.UNBINDABLE, 'unbindable'],
])

const no = (why: string): Denied => deny('EINVAL', 'MNT-030', `${call}: ${why}`)

function setAttributes(
  task: Task,
  dirfd: number,
  pathname: string | null,
  { flags, attr }: { readonly flags: number; readonly attr: MountAttr },
): number | Denied {
  if (flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
    return no('there are unknown flags')
  const refusal = mayMount(task, call)
  if (refusal) return refusal
  const { attr_set = 0, attr_clr = 0, propagation = 0 } = attr
  if (attr_set === 0 && attr_clr === 0 && propagation === 0) return 0
  const change = changeOf(task, attr)
  if (isDenied(change)) return change
  const path = walk(task, dirfd, pathname, {
    follow: (flags & AT_SYMLINK_NOFOLLOW) === 0,
    emptyPath: (flags & AT_EMPTY_PATH) !== 0,
    call,
  })
  if (isDenied(path)) return path
  if (!isMountRoot(path)) return no('the path is not what is mounted')
  const { mount } = path
  if (mount.at ? mount.namespace !== task.namespaces.mnt : mount.tree?.root !== mount)
    return no('the mount is neither one of the own mount namespace nor a tree that is attached nowhere')
  const mounts = flags & AT_RECURSIVE ? treeOf(mount) : [mount]
  for (const one of mounts) {
    const denied = mayChange(task, one, change)
    if (denied) return denied
  }
  for (const one of mounts) apply(one, change)
  mount.namespace?.touch()
  return 0
}

/** What is asked for, when it makes sense. build_mount_kattr() */
function changeOf(task: Task, attr: MountAttr): Change | Denied {
  const { attr_set: set = 0, attr_clr: clear = 0, propagation = 0, userns_fd } = attr
  const type = types.get(propagation)
  if (propagation !== 0 && type === undefined) return no('it is no single type of propagation')
  if ((set | clear) & ~known || set < 0 || clear < 0 || set > 0xffffffff || clear > 0xffffffff)
    return no('there are unknown attributes')
  if (clear & ATTR.ATIME) {
    if ((clear & ATTR.ATIME) !== ATTR.ATIME) return no('atime is cleared as a whole')
    if (atimeOf(set) === undefined) return no('there are two settings of atime')
  } else if (set & ATTR.ATIME) return no('a setting of atime goes only with clearing the old one')
  const mapping = (set | clear) & ATTR.IDMAP ? mappingOf(task, clear, userns_fd) : undefined
  if (isDenied(mapping)) return mapping
  return { set, clear, propagation: type, mapping }
}

/** The user namespace of an idmapped mount. build_mount_idmapped() */
function mappingOf(task: Task, clear: number, fd: Fd | undefined): UserNamespace | Denied {
  if (clear & ATTR.IDMAP) return no('ids that are mapped stay so')
  const file = fileOf(task, fd ?? (0 as Fd), call)
  if (isDenied(file)) return file
  const { namespace } = file.inode
  if (!(namespace instanceof UserNamespace)) return no('ids are mapped as a user namespace does')
  if (namespace.parent === undefined)
    return deny('EPERM', 'mount_setattr(2)', `${call}: the initial user namespace maps nothing`)
  if (capable(task.credentials, 'SYS_ADMIN', namespace)) return namespace
  return deny('EPERM', 'mount_setattr(2)', `${call}: needs CAP_SYS_ADMIN over the user namespace of the mapping`)
}

/** mount_setattr_prepare() */
function mayChange(task: Task, mount: Mount, { set, clear, mapping }: Change): Denied | undefined {
  const flags = changedFlags(mount.flags, set, clear)
  if (!keepsLocks(mount, flags))
    return deny('EPERM', 'USR-020', `${call}: flags that a more privileged namespace set are not taken off`)
  const refusal = mapping && mayMap(task, mount, mapping)
  if (refusal) return refusal
  return flags.readonly ? mayBeReadonly(mount, call) : undefined
}

/** can_idmap_mount() */
function mayMap(task: Task, mount: Mount, mapping: UserNamespace): Denied | undefined {
  const { superblock } = mount
  if (mapping === superblock.owner) return no('the file system has these ids already')
  if (mount.idMapping) return deny('EPERM', 'mount_setattr(2)', `${call}: the ids of the mount are mapped already`)
  if (!findType(task.kernel, superblock.type)?.idmappable) return no(`${superblock.type} has no idmapped mounts`)
  if (!capable(task.credentials, 'SYS_ADMIN', superblock.owner))
    return deny('EPERM', 'mount_setattr(2)', `${call}: needs CAP_SYS_ADMIN over the file system`)
  return mount.tree ? undefined : no('ids are mapped only before the mount is attached')
}

function apply(mount: Mount, { set, clear, propagation, mapping }: Change): void {
  mount.flags = changedFlags(mount.flags, set, clear)
  if (mapping) mount.idMapping = idMappingOf(mapping)
  if (propagation) setPropagation(mount, propagation)
}

/** From the ids of files to those that are shown, in ids of the machine. */
function idMappingOf(namespace: UserNamespace): IdMapping {
  const ranges = (map: readonly IdRange[] | undefined, parent: (id: number) => number | undefined): IdRange[] =>
    (map ?? []).map(({ inside, outside, count }) => ({ inside, outside: parent(outside) ?? outside, count }))
  const { parent } = namespace
  return {
    uid: ranges(namespace.uidMap, (id) => parent?.kuid(id)),
    gid: ranges(namespace.gidMap, (id) => parent?.kgid(id)),
  }
}

export const calls: Calls = {
  mount_setattr: full((task, { dirfd, pathname, flags, attr }) =>
    setAttributes(task, fdNumber(dirfd), pathname, { flags: uint(flags), attr }),
  ),
}
