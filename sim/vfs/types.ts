// File system types: what mount(2) and fsopen(2) find by name, what options each takes, how an instance is made.
// filesystems(5)

import type { Kernel } from '../kernel.ts'
import type { UserNamespace } from '../ns/user.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Dentry } from './dentry.ts'
import type { OpenFile } from './file.ts'
import type { Superblock } from './superblock.ts'

/** `true` is an option without a value; a file comes of FSCONFIG_SET_FD. */
export type OptionValue = string | true | OpenFile

/** In the order given; a key may come more than once. */
export type MountOption = readonly [key: string, value: OptionValue]

/** What a new instance is asked to be. */
export interface NewSuperblock {
  /** Undefined: none was given; shown as `none`. */
  readonly source: string | undefined
  readonly options: readonly MountOption[]
  /** SB_* bits. */
  readonly flags: number
  /** Owner of the superblock: `type.owner` of the task that asked. */
  readonly owner: UserNamespace
}

export interface FileSystemType {
  readonly name: string
  /** FS_USERNS_MOUNT: root of a user namespace may mount it (USR-017). */
  readonly inUserNamespaces?: boolean
  /** FS_REQUIRES_DEV: the source is a block device; `nodev` in /proc/filesystems is its absence. */
  readonly needsDevice?: boolean
  /** SB_I_USERNS_VISIBLE: a new instance may show no more than one that is seen already (USR-019). */
  readonly revealing?: boolean
  /** FS_ALLOW_IDMAP. mount_setattr(2) */
  readonly idmappable?: boolean
  /** A remount by mount(2) looks at no options of its own. */
  readonly remountsAsItIs?: boolean
  /** Kernels before this one do not know it. */
  readonly since?: readonly [major: number, minor: number]
  /** Whose CAP_SYS_ADMIN counts and who owns the instance (USR-018); absent: the user namespace of the task. */
  owner?(task: Task): UserNamespace
  /**
   * Takes or refuses one option, as it is given. `source` and those of all file systems (`ro`, `sync`) never come here.
   * Answers 'unknown' for what it does not know; absent: it knows none.
   */
  check?(task: Task, option: MountOption): Denied | 'unknown' | undefined
  /** Another instance, or the one there is for the task's namespaces; its `mounts` tells which. All options passed `check`. */
  make(task: Task, wish: NewSuperblock): Superblock | Denied
  /** What a new mount by this task shows of the instance; absent: all of it. */
  rootFor?(task: Task, superblock: Superblock): Dentry
  /** The instance as it was meant for a remount; absent: `superblock.reconfigure` with the options, or nothing to change. */
  remount?(task: Task, superblock: Superblock, options: readonly MountOption[], flags: number): Denied | undefined
}

/** The type of a name; undefined when the kernel has none such (ENODEV). */
export function findType(kernel: Kernel, name: string): FileSystemType | undefined {
  const type = kernel.fileSystems.get(name)
  if (type?.since !== undefined && !kernel.since(...type.since)) return undefined
  return type
}

/** What a new mount by a task shows of an instance. */
export const shownRoot = (task: Task, superblock: Superblock): Dentry =>
  task.kernel.fileSystems.get(superblock.type)?.rootFor?.(task, superblock) ?? superblock.root

/** An option that a type checks for itself is a number; EINVAL when it is not. */
export function numberOption([key, value]: MountOption, base: 8 | 10 = 10): number | Denied {
  const pattern = base === 8 ? /^[0-7]{1,11}$/ : /^[0-9]{1,20}$/
  if (typeof value === 'string' && pattern.test(value)) return Number.parseInt(value, base)
  return deny('EINVAL', 'MNT-033', `mount(2): the option ${key} wants a number`)
}
