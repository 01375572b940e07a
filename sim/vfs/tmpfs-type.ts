// Mounting tmpfs, and the file systems that are like it: ramfs, mqueue, and those of which only the root is modelled.
// tmpfs(5), mm/shmem.c

import { queuesOf } from '../ipc/posix-queue.ts'
import { pageBytes } from '../memory.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Superblock } from './superblock.ts'
import { Tmpfs } from './tmpfs.ts'
import { type FileSystemType, type MountOption, type NewSuperblock, numberOption } from './types.ts'

interface Parsed {
  /** 0 is no limit; absent: as it was, or the default of half the memory. */
  size?: number
  inodes?: number
  mode?: number
  uid?: number
  gid?: number
}

const bad = ([key, value]: MountOption): Denied =>
  deny('EINVAL', 'MNT-034', `tmpfs(5): ${typeof value === 'string' ? value : 'nothing'} is no ${key}`)

/** A count with k, m, g, t, p or e behind it. memparse() in lib/cmdline.c */
function amount(option: MountOption): number | Denied {
  const [, value] = option
  const parts = typeof value === 'string' ? /^(0x[0-9a-f]+|[0-9]+)([kmgtpe]?)$/i.exec(value) : null
  if (parts === null) return bad(option)
  const power = parts[2] === '' ? 0 : 'kmgtpe'.indexOf(parts[2]!.toLowerCase()) + 1
  return Number(parts[1]) * 1024 ** power
}

function sizeBytes(task: Task, option: MountOption): number | Denied {
  const [, value] = option
  const percent = typeof value === 'string' ? /^([0-9]+)%$/.exec(value) : null
  if (percent) return Math.floor((task.kernel.config.memoryBytes * Number(percent[1])) / 100)
  return amount(option)
}

function parseOne(task: Task, option: MountOption, into: Parsed): Denied | 'unknown' | undefined {
  const [key, value] = option
  const take = (name: keyof Parsed, answer: number | Denied): Denied | undefined => {
    if (isDenied(answer)) return answer
    into[name] = answer
    return undefined
  }
  switch (key) {
    case 'size':
      return take('size', sizeBytes(task, option))
    case 'nr_blocks': {
      const blocks = amount(option)
      return isDenied(blocks) ? blocks : take('size', blocks * pageBytes)
    }
    case 'nr_inodes':
      return take('inodes', amount(option))
    case 'mode': {
      const mode = numberOption(option, 8)
      return isDenied(mode) ? bad(option) : take('mode', mode & 0o7777)
    }
    case 'uid':
    case 'gid': {
      const id = numberOption(option)
      if (isDenied(id)) return bad(option)
      const { namespace } = task.credentials
      const mapped = key === 'uid' ? namespace.kuid(id) : namespace.kgid(id)
      return mapped === undefined ? bad(option) : take(key, mapped)
    }
    case 'huge':
      return ['never', 'always', 'within_size', 'advise'].includes(value as string) ? undefined : bad(option)
    case 'mpol':
      return typeof value === 'string' ? undefined : bad(option)
    case 'inode32':
    case 'inode64':
    case 'noswap':
      return undefined
    default:
      return 'unknown'
  }
}

function parse(task: Task, options: readonly MountOption[]): Parsed {
  const parsed: Parsed = {}
  for (const option of options) parseOne(task, option, parsed)
  return parsed
}

/** What follows `rw,` in mountinfo: only what is not as it is by default. shmem_show_options() */
function shown(superblock: Tmpfs): string {
  const { kernel, root, owner } = superblock
  const { inode } = root
  const defaultPages = Math.floor(kernel.config.memoryBytes / pageBytes / 2)
  const parts: string[] = []
  if (superblock.limitPages !== defaultPages) parts.push(`size=${(superblock.limitPages ?? 0) * (pageBytes / 1024)}k`)
  if (superblock.limitInodes !== defaultPages) parts.push(`nr_inodes=${superblock.limitInodes ?? 0}`)
  if (superblock.madeMode !== 0o1777) parts.push(`mode=${superblock.madeMode.toString(8).padStart(3, '0')}`)
  if (inode.uid !== 0) parts.push(`uid=${owner.shownUid(inode.uid)}`)
  if (inode.gid !== 0) parts.push(`gid=${owner.shownGid(inode.gid)}`)
  return parts.join(',')
}

function make(task: Task, wish: NewSuperblock, type: string): Superblock {
  const { kernel } = task
  const { size, inodes, mode, uid, gid } = parse(task, wish.options)
  const half = Math.floor(kernel.config.memoryBytes / pageBytes / 2)
  const superblock = new Tmpfs(kernel, wish.owner, {
    type,
    source: wish.source ?? 'none',
    mode: mode ?? 0o1777,
    uid: (uid ?? task.credentials.fsuid) as Tmpfs['root']['inode']['uid'],
    gid: (gid ?? task.credentials.fsgid) as Tmpfs['root']['inode']['gid'],
    ...limit('sizeBytes', size ?? half * pageBytes),
    ...limit('inodes', inodes ?? half),
  })
  superblock.flags = wish.flags
  superblock.shown = () => shown(superblock)
  return superblock
}

const limit = (name: 'sizeBytes' | 'inodes', value: number) => (value === 0 ? {} : { [name]: value })

/** Limits may only move as far as what is in use, and never from none to one. shmem_reconfigure() (MNT-035) */
function remount(task: Task, superblock: Tmpfs, options: readonly MountOption[]): Denied | undefined {
  const no = (why: string) => deny('EINVAL', 'MNT-035', `tmpfs(5): ${why}`)
  const { size, inodes } = parse(task, options)
  const pages = size === undefined ? undefined : Math.ceil(size / pageBytes)
  if (pages) {
    if (superblock.limitPages === undefined) return no('a size cannot be given to a file system without one')
    if (pages < superblock.usedPages) return no('more is in use than the new size')
  }
  if (inodes) {
    if (superblock.limitInodes === undefined) return no('nr_inodes cannot be given to a file system without it')
    if (inodes < superblock.usedInodes) return no('more files are in use than the new nr_inodes')
  }
  if (pages !== undefined) superblock.limitPages = pages || undefined
  if (inodes !== undefined) superblock.limitInodes = inodes || undefined
  return undefined
}

export const tmpfs: FileSystemType = {
  name: 'tmpfs',
  inUserNamespaces: true,
  idmappable: true,
  check: (task, option) => parseOne(task, option, {}),
  make: (task, wish) => make(task, wish, 'tmpfs'),
  remount: (task, superblock, options) => remount(task, superblock as Tmpfs, options),
}

/** No limits, and options that it does not know are nothing to it. fs/ramfs/inode.c */
export const ramfs: FileSystemType = {
  name: 'ramfs',
  inUserNamespaces: true,
  check: (_task, option) => (option[0] === 'mode' && isDenied(numberOption(option, 8)) ? bad(option) : undefined),
  make(task, wish) {
    const mode = wish.options.findLast(([key]) => key === 'mode')
    const bits = mode && numberOption(mode, 8)
    const superblock = new Tmpfs(task.kernel, wish.owner, {
      type: 'ramfs',
      source: wish.source ?? 'none',
      mode: typeof bits === 'number' ? bits & 0o7777 : 0o755,
      uid: task.credentials.fsuid,
      gid: task.credentials.fsgid,
    })
    superblock.flags = wish.flags
    if (typeof bits === 'number') superblock.shown = () => `mode=${bits.toString(8)}`
    return superblock
  },
}

/** File systems of which there is one on the machine, with nothing in it as far as it is modelled. */
export function single(name: string, mode: number, more: Partial<FileSystemType> = {}): FileSystemType {
  return {
    name,
    make(task, wish) {
      const { kernel } = task
      const known = kernel.singleSuperblocks.get(name)
      if (known) return known
      const superblock = new Tmpfs(kernel, kernel.initial.user, { type: name, source: wish.source ?? 'none', mode })
      // The kernel itself keeps it, mounted or not.
      superblock.mounts = 1
      kernel.singleSuperblocks.set(name, superblock)
      return superblock
    },
    ...more,
  }
}

/** Message queues of one ipc namespace. mq_overview(7) */
export const mqueue: FileSystemType = {
  name: 'mqueue',
  inUserNamespaces: true,
  owner: (task) => task.namespaces.ipc.owner,
  make(task) {
    return queuesOf(task.kernel, task.namespaces.ipc).superblock
  },
}
