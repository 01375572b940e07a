// A file system that is being put together: its type, what was said of it so far, the instance. mount(2) goes through one
// at once, fsopen(2) step by step. fs/fs_context.c

import { capable } from '../credentials.ts'
import type { UserNamespace } from '../ns/user.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Mount } from './mount.ts'
import { commonOptions, MS, remountable } from './mount-flags.ts'
import { superblockReadonly } from './permission.ts'
import type { Superblock } from './superblock.ts'
import type { FileSystemType, MountOption, OptionValue } from './types.ts'

export class MountContext {
  readonly type: FileSystemType
  readonly call: string
  source: string | undefined
  readonly options: MountOption[] = []
  /** SB_* bits, and which of them a reconfiguration is about. */
  flags: number
  mask: number
  /** Whose CAP_SYS_ADMIN counts, and who owns the instance: settled when the context is made. alloc_fs_context() */
  owner: UserNamespace | undefined
  /** Made, or to be reconfigured. */
  superblock: Superblock | undefined

  constructor(type: FileSystemType, call: string, flags = 0, mask = 0) {
    this.type = type
    this.call = call
    this.flags = flags
    this.mask = mask
  }
}

/** One option. vfs_parse_fs_param() */
export function giveOption(task: Task, context: MountContext, option: MountOption): Denied | undefined {
  const [key, value] = option
  const common = commonOptions.get(key)
  if (common) {
    const [set, flag] = common
    context.flags = set ? context.flags | flag : context.flags & ~flag
    context.mask |= flag
    return undefined
  }
  const { type, call } = context
  if (type.remountsAsItIs && context.superblock && task.kernel.since(6, 5))
    return deny('EINVAL', 'MNT-020', `${call}: ${type.name} takes no options once it is made`)
  const answer = key === 'source' ? 'unknown' : (type.check?.(task, option) ?? (type.check ? undefined : 'unknown'))
  if (answer !== 'unknown') {
    if (answer === undefined) context.options.push(option)
    return answer
  }
  if (key !== 'source') return deny('EINVAL', 'MNT-033', `${call}: ${type.name} has no option ${key}`)
  if (typeof value !== 'string') return deny('EINVAL', call, `${call}: a source is a text`)
  if (context.source !== undefined) return deny('EINVAL', call, `${call}: there is a source already`)
  context.source = value
  return undefined
}

/** Options as the last argument of mount(2) has them. A comma in a value of overlay has a backslash before it. */
export function giveAll(task: Task, context: MountContext, data: string | null): Denied | undefined {
  if (data === null) return undefined
  const escaped = context.type.name === 'overlay'
  const parts = escaped ? data.split(/(?<!\\),/) : data.split(',')
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    if (equals === 0) continue
    const key = equals < 0 ? part : part.slice(0, equals)
    const value: OptionValue = equals < 0 ? true : part.slice(equals + 1)
    const refusal = giveOption(task, context, [key, value])
    if (refusal) return refusal
  }
  return undefined
}

/** Whether a task may make an instance of a type (USR-017, USR-018). mount_capable() */
export function mayMake(task: Task, context: MountContext): Denied | undefined {
  const { type, call } = context
  const owner = type.inUserNamespaces ? ownerOf(task, context) : task.kernel.initial.user
  if (capable(task.credentials, 'SYS_ADMIN', owner)) return undefined
  if (!type.inUserNamespaces)
    return deny('EPERM', 'USR-017', `${call}: ${type.name} is mounted only with CAP_SYS_ADMIN over the whole machine`)
  const rule = type.owner ? 'USR-018' : 'USR-017'
  return deny('EPERM', rule, `${call}: ${type.name} needs CAP_SYS_ADMIN over the namespace that it shows`)
}

/** Makes the instance, or finds it. vfs_get_tree() */
export function makeSuperblock(task: Task, context: MountContext): Superblock | Denied {
  const { type, source, options, flags } = context
  return type.make(task, { source, options, flags: flags & ~MS.SILENT, owner: ownerOf(task, context) })
}

export const ownerOf = (task: Task, { type, owner }: Pick<MountContext, 'type' | 'owner'>): UserNamespace =>
  owner ?? type.owner?.(task) ?? (type.inUserNamespaces ? task.credentials.namespace : task.kernel.initial.user)

/** Lets go of an instance that was not mounted in the end. */
export function dropSuperblock(superblock: Superblock): void {
  if (!superblock.mounts) superblock.end?.()
}

/**
 * Changes an instance as it is, for all its mounts (MNT-020). reconfigure_super()
 *
 * @errors EBUSY it would become read-only, and a file is open for writing (MNT-022)
 */
export function reconfigure(task: Task, superblock: Superblock, context: MountContext): Denied | undefined {
  const { type, call, options } = context
  const flags = (superblock.flags & ~context.mask) | (context.flags & context.mask)
  if ((flags & ~superblock.flags & superblockReadonly) !== 0 && (superblock.writers > 0 || superblock.orphans))
    return deny('EBUSY', 'MNT-022', `${call}: a file of the file system is open for writing`)
  const refusal = type.remount
    ? type.remount(task, superblock, options, flags)
    : superblock.reconfigure?.(new Map(options.map(([key, value]) => [key, typeof value === 'string' ? value : true])))
  if (isDenied(refusal)) return refusal
  superblock.flags = flags
  return undefined
}

/** Of a remount by mount(2): what MS_* bits say is all there is. */
export const remountContext = (type: FileSystemType, bits: number): MountContext =>
  new MountContext(type, 'mount(2)', bits & remountable, remountable)

/** One mount becomes read-only, or not (MNT-022). */
export function mayBeReadonly(mount: Mount, call: string): Denied | undefined {
  if (mount.flags.readonly || mount.writers === 0) return undefined
  return deny('EBUSY', 'MNT-022', `${call}: a file is open for writing through the mount`)
}
