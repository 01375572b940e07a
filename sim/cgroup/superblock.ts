// The file system of a hierarchy: one superblock, however often and from wherever it is mounted (CG-102). cgroups(7)

import type { Kernel } from '../kernel.ts'
import type { UserNamespace } from '../ns/user.ts'
import type { Denied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from '../vfs/dentry.ts'
import type { Statfs, Superblock } from '../vfs/superblock.ts'
import { newDentry } from '../vfs/walk.ts'
import type { Cgroup, Hierarchy } from './cgroup.ts'
import type { CgroupFile, ControllerName } from './controller.ts'
import { coreFiles } from './core-files.ts'
import { directoryOf } from './directory.ts'
import { legacyCoreFiles } from './legacy-core-files.ts'
import { applyOptions, shownOptions } from './options.ts'
import { pathBetween } from './paths.ts'

const magic = { 1: 0x27e0eb, 2: 0x63677270 } as const

export interface KnownFile {
  readonly file: CgroupFile<unknown>
  readonly controller: ControllerName | undefined
}

export class CgroupSuperblock implements Superblock {
  readonly kernel: Kernel
  readonly hierarchy: Hierarchy
  readonly type: 'cgroup' | 'cgroup2'
  readonly device: readonly [number, number]
  readonly source: string
  readonly owner: UserNamespace
  readonly root: Dentry
  readonly files: ReadonlyMap<string, KnownFile>
  flags = 0
  writers = 0
  mounts = 0
  readonly xattrPrefixes = ['trusted.', 'security.', 'user.']
  #ino = 1

  constructor(kernel: Kernel, hierarchy: Hierarchy) {
    this.kernel = kernel
    this.hierarchy = hierarchy
    this.type = hierarchy.version === 2 ? 'cgroup2' : 'cgroup'
    this.source = this.type
    this.device = [0, kernel.counters.devices.take()]
    this.owner = kernel.initial.user
    this.files = filesOf(hierarchy)
    hierarchy.superblock = this
    this.root = new Dentry(this, directoryOf(hierarchy.root), '/', undefined)
  }

  /** Numbers of inodes; the root is 1. */
  nextIno(): number {
    return ++this.#ino
  }

  readonly options = (): string => shownOptions(this.hierarchy)

  readonly reconfigure = (options: ReadonlyMap<string, string | true>, task?: Task): Denied | undefined =>
    applyOptions(this.kernel, this.hierarchy, options, task)

  readonly shownRoot = (task: Task, root: Dentry): string => {
    const cgroup = (root.inode as unknown as { readonly cgroup: Cgroup }).cgroup
    return pathBetween(this.kernel.cgroups.rootFor(task.namespaces.cgroup, this.hierarchy), cgroup)
  }

  readonly statfs = (): Statfs => ({
    type: magic[this.hierarchy.version],
    blockBytes: 4096,
    ...{ blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameLengthMax: 255 },
  })
}

function filesOf({ version, controllers }: Hierarchy): ReadonlyMap<string, KnownFile> {
  const files = new Map<string, KnownFile>()
  for (const file of version === 2 ? coreFiles : legacyCoreFiles)
    files.set(file.name, { file: file as CgroupFile<unknown>, controller: undefined })
  for (const { name, files: ours, legacyFiles } of controllers)
    for (const file of (version === 2 ? ours : legacyFiles) ?? []) files.set(file.name, { file, controller: name })
  return files
}

/** The file system of a hierarchy. */
export function superblockOf(kernel: Kernel, hierarchy: Hierarchy): CgroupSuperblock {
  return hierarchy.superblock ?? new CgroupSuperblock(kernel, hierarchy)
}

/** The dentry of a cgroup, with all on the way to it. */
export function dentryOf(kernel: Kernel, cgroup: Cgroup): Dentry {
  if (cgroup.parent === undefined) return superblockOf(kernel, cgroup.hierarchy).root
  const above = dentryOf(kernel, cgroup.parent)
  return above.children.get(cgroup.name) ?? newDentry(above, cgroup.name, directoryOf(cgroup))
}
