// A file system is put together step by step: fsopen(2), fsconfig(2), fsmount(2), fspick(2). fs/fsopen.c

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { anonymousFile } from '../vfs/anonymous.ts'
import type { FileOperations } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { plainFlags } from '../vfs/mount.ts'
import {
  dropSuperblock,
  giveOption,
  MountContext,
  makeSuperblock,
  mayMake,
  ownerOf,
  reconfigure,
} from '../vfs/mount-context.ts'
import { atimeOf, changedFlags, fsmountAttributes } from '../vfs/mount-flags.ts'
import { revealingFlags } from '../vfs/mount-locks.ts'
import { newMount } from '../vfs/mounting.ts'
import { findType, type OptionValue, shownRoot } from '../vfs/types.ts'
import { walk } from '../vfs/walk.ts'
import { descriptorsMax, fdNumber, fileOf, int, uint } from './arguments.ts'
import { isMountRoot, mayMount } from './mount.ts'
import { giveDescriptor, holdTree } from './move-mount.ts'

type Phase = 'parameters' | 'made' | 'mounted' | 'reconfiguring' | 'failed'

/** What the descriptor of fsopen(2) and fspick(2) stands for. */
class ContextFile implements FileOperations {
  readonly seekable = false
  readonly context: MountContext
  phase: Phase
  /** Whether the instance was made here, and is kept by this until it is mounted. */
  keeps = false

  constructor(context: MountContext, phase: Phase) {
    this.context = context
    this.phase = phase
  }

  read(): Denied {
    return deny('ENODATA', 'fsopen(2)', 'read(2): the file system has nothing to say')
  }

  release(): void {
    const { superblock } = this.context
    if (superblock === undefined || !this.keeps) return
    superblock.mounts = superblock.mounts! - 1
    dropSuperblock(superblock)
  }

  keep(): void {
    const superblock = this.context.superblock!
    superblock.mounts = (superblock.mounts ?? 0) + 1
    this.keeps = true
  }
}

function contextDescriptor(task: Task, file: ContextFile, closeOnExec: boolean, call: string): number | Denied {
  if (task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
  const open = anonymousFile(task, '[fscontext]', O.RDWR)
  open.operations = file
  return giveDescriptor(task, open, closeOnExec, call)
}

function fsopen(task: Task, name: string | null, flags: number): number | Denied {
  const call = 'fsopen(2)'
  const refusal = mayMount(task, call)
  if (refusal) return refusal
  if (flags & ~1) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (name === null) return deny('EFAULT', call, `${call}: the name is no pointer`)
  const type = findType(task.kernel, name)
  if (type === undefined) return deny('ENODEV', 'MNT-032', `${call}: the kernel has no file system ${name}`)
  const context = new MountContext(type, 'fsconfig(2)')
  context.owner = ownerOf(task, context)
  const file = new ContextFile(context, 'parameters')
  return contextDescriptor(task, file, (flags & 1) !== 0, call)
}

function fspick(task: Task, dirfd: number, pathname: string | null, flags: number): number | Denied {
  const call = 'fspick(2)'
  const refusal = mayMount(task, call)
  if (refusal) return refusal
  if (flags & ~15) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const path = walk(task, dirfd, pathname, { follow: (flags & 2) === 0, emptyPath: (flags & 8) !== 0, call })
  if (isDenied(path)) return path
  if (!isMountRoot(path)) return deny('EINVAL', call, `${call}: the path is not what is mounted`)
  const { superblock } = path.mount
  const type = findType(task.kernel, superblock.type) ?? { name: superblock.type, make: () => superblock }
  const context = new MountContext(type, 'fsconfig(2)')
  context.superblock = superblock
  const file = new ContextFile(context, 'reconfiguring')
  file.keep()
  const fd = contextDescriptor(task, file, (flags & 1) !== 0, call)
  if (isDenied(fd)) file.release()
  return fd
}

const CONFIG = { FLAG: 0, STRING: 1, BINARY: 2, PATH: 3, PATH_EMPTY: 4, FD: 5, CREATE: 6, RECONFIGURE: 7, EXCLUSIVE: 8 }

interface Configuring {
  readonly fd: number
  readonly cmd: number
  readonly key: string | null
  readonly value: string | null
  readonly aux: number
}

/** Whether the arguments fit the command. */
function fits({ cmd, key, value, aux }: Configuring): boolean | undefined {
  switch (cmd) {
    case CONFIG.FLAG:
      return key !== null && value === null && aux === 0
    case CONFIG.STRING:
      return key !== null && value !== null && aux === 0
    case CONFIG.BINARY:
      return key !== null && value !== null && aux > 0 && aux <= 1_048_576
    case CONFIG.PATH:
    case CONFIG.PATH_EMPTY:
      return key !== null && value !== null && (aux >= 0 || aux === -100)
    case CONFIG.FD:
      return key !== null && value === null && aux >= 0
    case CONFIG.CREATE:
    case CONFIG.EXCLUSIVE:
    case CONFIG.RECONFIGURE:
      return key === null && value === null && aux === 0
    default:
      return undefined
  }
}

function contextOf(task: Task, fd: number, call: string): ContextFile | Denied {
  const file = fileOf(task, fd as never, call)
  if (isDenied(file)) return file
  const { operations } = file
  return operations instanceof ContextFile
    ? operations
    : deny('EINVAL', call, `${call}: the descriptor is not one of fsopen(2)`)
}

function fsconfig(task: Task, wish: Configuring): Reply {
  const call = 'fsconfig(2)'
  const { fd, cmd } = wish
  if (fd < 0) return deny('EINVAL', call, `${call}: the descriptor is negative`)
  const fit = fits(wish)
  if (fit === undefined) return deny('EOPNOTSUPP', call, `${call}: there is no command ${cmd}`)
  if (!fit) return deny('EINVAL', call, `${call}: the arguments do not belong to the command`)
  const file = contextOf(task, fd, call)
  if (isDenied(file)) return file
  if (file.phase === 'mounted') file.phase = 'reconfiguring'
  if (cmd === CONFIG.CREATE || cmd === CONFIG.EXCLUSIVE) return create(task, file, cmd === CONFIG.EXCLUSIVE)
  if (cmd === CONFIG.RECONFIGURE) return change(task, file)
  if (file.phase !== 'parameters' && file.phase !== 'reconfiguring') return wrongPhase(call)
  const value = valueGiven(task, wish, call)
  if (isDenied(value)) return value
  return giveOption(task, file.context, [wish.key!, value]) ?? 0
}

const wrongPhase = (call: string): Denied =>
  deny('EBUSY', 'fsconfig(2)', `${call}: the file system is not at the point where this is asked for`)

function valueGiven(task: Task, { cmd, value, aux }: Configuring, call: string): OptionValue | Denied {
  if (cmd === CONFIG.FLAG) return true
  return cmd === CONFIG.FD ? fileOf(task, aux as never, call) : value!
}

function create(task: Task, file: ContextFile, exclusive: boolean): number | Denied {
  const { context } = file
  if (file.phase !== 'parameters') return wrongPhase('fsconfig(2)')
  const refusal = mayMake(task, context)
  if (refusal) return refusal
  const superblock = makeSuperblock(task, context)
  if (isDenied(superblock)) {
    file.phase = 'failed'
    return superblock
  }
  if (exclusive && superblock.mounts) {
    file.phase = 'failed'
    return deny('EBUSY', 'fsconfig(2)', 'fsconfig(2): there is such an instance already')
  }
  context.superblock = superblock
  file.keep()
  file.phase = 'made'
  return 0
}

function change(task: Task, file: ContextFile): number | Denied {
  const { context } = file
  if (file.phase !== 'reconfiguring') return wrongPhase('fsconfig(2)')
  const superblock = context.superblock!
  const refusal = capable(task.credentials, 'SYS_ADMIN', superblock.owner)
    ? reconfigure(task, superblock, context)
    : deny('EPERM', 'fsconfig(2)', 'fsconfig(2): needs CAP_SYS_ADMIN over the file system')
  if (refusal) {
    file.phase = 'failed'
    return refusal
  }
  context.options.length = 0
  context.mask = 0
  return 0
}

function fsmount(task: Task, fd: number, flags: number, attributes: number): number | Denied {
  const call = 'fsmount(2)'
  const refusal = mayMount(task, call)
  if (refusal) return refusal
  if (flags & ~1) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (attributes & ~fsmountAttributes || atimeOf(attributes) === undefined)
    return deny('EINVAL', call, `${call}: there are unknown attributes`)
  const file = contextOf(task, fd, call)
  if (isDenied(file)) return file
  const { superblock, source } = file.context
  if (superblock === undefined)
    return deny('EINVAL', 'MNT-032', `${call}: the file system has not been made yet (FSCONFIG_CMD_CREATE)`)
  const wished = changedFlags(plainFlags(), attributes, 0x70)
  const kept = revealingFlags(task.kernel, task.namespaces.mnt, superblock, wished, call)
  if (isDenied(kept)) return kept
  if (file.phase !== 'made') return deny('EBUSY', call, `${call}: it has been mounted already`)
  if (task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
  const tree = newMount(task.kernel, superblock, shownRoot(task, superblock), kept, source ?? 'none')
  file.phase = 'mounted'
  file.context.options.length = 0
  file.context.mask = 0
  return giveDescriptor(task, holdTree(task, tree), (flags & 1) !== 0, call)
}

export const calls: Calls = {
  fsopen: partial('read(2) of the descriptor tells no messages', (task, { fs_name, flags }) =>
    fsopen(task, fs_name, uint(flags)),
  ),
  fspick: full((task, { dirfd, pathname, flags }) => fspick(task, fdNumber(dirfd), pathname, uint(flags))),
  fsconfig: full((task, { fd, cmd, key, value, aux }) =>
    fsconfig(task, { fd: fdNumber(fd), cmd: uint(cmd), key, value, aux: int(aux) }),
  ),
  fsmount: full((task, { fs_fd, flags, attr_flags }) => fsmount(task, fdNumber(fs_fd), uint(flags), uint(attr_flags))),
}
