// An instance of proc: it shows the processes of one pid namespace, to some. proc(5)

import { type KGid, rootGid } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import type { PidNamespace } from '../ns/pid.ts'
import type { UserNamespace } from '../ns/user.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Dentry } from '../vfs/dentry.ts'
import { rootOf } from '../vfs/pseudo.ts'
import type { Statfs, Superblock } from '../vfs/superblock.ts'
import { type FileSystemType, type MountOption, numberOption } from '../vfs/types.ts'
import { ProcRoot } from './root.ts'

/** proc(5) hidepid=. */
export type HidePid = 'off' | 'noaccess' | 'invisible' | 'ptraceable'
const hidePidNames: Readonly<Record<string, HidePid>> = {
  0: 'off',
  off: 'off',
  1: 'noaccess',
  noaccess: 'noaccess',
  2: 'invisible',
  invisible: 'invisible',
  4: 'ptraceable',
  ptraceable: 'ptraceable',
}

export class ProcSuperblock implements Superblock {
  readonly type = 'proc'
  readonly statBlockBytes = 1024
  /** Nothing is stacked on it: it says that it is as high as anything may be. */
  readonly stackDepth = 2
  readonly kernel: Kernel
  readonly device: readonly [number, number]
  readonly source: string
  readonly owner: UserNamespace
  /** Whose processes it shows: that of the mounter at that time (PID-020). */
  readonly namespace: PidNamespace
  readonly root: Dentry
  hidePid: HidePid = 'off'
  /** Whom hidepid does not concern. */
  exempt: KGid = rootGid
  /** subset=pid: nothing but processes. */
  onlyProcesses = false
  flags = 0
  writers = 0
  mounts = 0

  constructor(kernel: Kernel, namespace: PidNamespace, owner: UserNamespace, source: string) {
    this.kernel = kernel
    this.namespace = namespace
    this.owner = owner
    this.source = source
    this.device = [0, kernel.counters.devices.take()]
    namespace.retain()
    owner.retain()
    this.root = rootOf(this, new ProcRoot(this))
  }

  readonly options = (): string => {
    const parts: string[] = []
    if (this.exempt !== rootGid) parts.push(`gid=${this.owner.shownGid(this.exempt)}`)
    if (this.hidePid !== 'off') parts.push(`hidepid=${this.hidePid}`)
    if (this.onlyProcesses) parts.push('subset=pid')
    return parts.join(',')
  }

  readonly statfs = (): Statfs => ({
    type: 0x9fa0,
    blockBytes: 4096,
    ...{ blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameLengthMax: 255 },
  })

  readonly end = (): void => {
    this.namespace.release()
    this.owner.release()
    this.kernel.counters.devices.giveBack(this.device[1])
  }
}

const bad = ([key, value]: MountOption): Denied =>
  deny('EINVAL', 'proc(5)', `mount(2): ${typeof value === 'string' ? value : 'nothing'} is no ${key} of proc`)

function check(task: Task, option: MountOption): Denied | 'unknown' | undefined {
  const [key, value] = option
  switch (key) {
    case 'hidepid':
      return typeof value === 'string' && Object.hasOwn(hidePidNames, value) ? undefined : bad(option)
    case 'subset':
      return value === 'pid' ? undefined : bad(option)
    case 'gid': {
      const gid = numberOption(option)
      if (isDenied(gid)) return gid
      return task.credentials.namespace.kgid(gid) === undefined ? bad(option) : undefined
    }
    default:
      return 'unknown'
  }
}

function apply(task: Task, superblock: ProcSuperblock, options: readonly MountOption[]): undefined {
  for (const [key, value] of options) {
    if (key === 'hidepid') superblock.hidePid = hidePidNames[value as string]!
    if (key === 'subset') superblock.onlyProcesses = true
    if (key === 'gid') superblock.exempt = task.credentials.namespace.kgid(Number(value))!
  }
  return undefined
}

export const proc: FileSystemType = {
  name: 'proc',
  inUserNamespaces: true,
  revealing: true,
  owner: (task) => task.pidNamespace.owner,
  check,
  make(task, { source, options, flags, owner }) {
    const superblock = new ProcSuperblock(task.kernel, task.pidNamespace, owner, source ?? 'none')
    superblock.flags = flags
    apply(task, superblock, options)
    return superblock
  },
  remount: (task, superblock, options) => apply(task, superblock as ProcSuperblock, options),
}
