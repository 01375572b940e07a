// devpts: each mount an instance with terminals of its own. pts(4), Documentation/filesystems/devpts.rst

import { type KGid, type KUid, rootGid, rootUid } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import type { UserNamespace } from '../ns/user.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from '../vfs/dentry.ts'
import type { Device } from '../vfs/devices.ts'
import type { FileOperations } from '../vfs/file.ts'
import { type DirectoryEntry, Inode } from '../vfs/inode.ts'
import { topmost } from '../vfs/mounting.ts'
import type { Path } from '../vfs/path.ts'
import type { Statfs, Superblock } from '../vfs/superblock.ts'
import { type FileSystemType, type MountOption, numberOption } from '../vfs/types.ts'
import { newDentry } from '../vfs/walk.ts'
import { masterSide, slaveSide } from './sides.ts'
import { Terminal } from './terminal.ts'

interface Options {
  uid: KUid | undefined
  gid: KGid | undefined
  mode: number
  ptmxmode: number
  max: number
}

class Node extends Inode {
  open(): Denied {
    return deny('ENXIO', 'pts(4)', 'open(2): there is no terminal behind it')
  }

  override blocks512(): number {
    return 0
  }
}

class Directory extends Node {
  override readonly volatile = true

  override open(): never {
    return { seekable: true } as never
  }

  override lookup(_task: Task, name: string): Inode | undefined {
    return (this.superblock as Devpts).node(name)
  }

  override entries(): readonly DirectoryEntry[] {
    return (this.superblock as Devpts).list()
  }
}

export class Devpts implements Superblock {
  readonly type = 'devpts'
  readonly statBlockBytes = 1024
  readonly kernel: Kernel
  readonly device: readonly [number, number]
  readonly source: string
  readonly owner: UserNamespace
  readonly root: Dentry
  readonly wishes: Options = { uid: undefined, gid: undefined, mode: 0o600, ptmxmode: 0, max: 1_048_576 }
  readonly terminals = new Map<number, { readonly terminal: Terminal; readonly inode: Inode }>()
  readonly ptmx: Inode
  flags = 0
  writers = 0
  mounts = 0

  constructor(kernel: Kernel, owner: UserNamespace, source: string, creator: Task['credentials']) {
    this.kernel = kernel
    this.owner = owner
    this.source = source
    this.device = [0, kernel.counters.devices.take()]
    const made = { uid: rootUid, gid: rootGid }
    const directory = new Directory(this, 1, { kind: 'directory', mode: 0o755, ...made })
    directory.linkCount = 2
    const { fsuid: uid, fsgid: gid } = creator
    this.ptmx = new Node(this, 2, { kind: 'character', mode: 0, uid, gid, device: [5, 2] })
    for (const inode of [directory, this.ptmx]) inode.atime = inode.mtime = inode.ctime = kernel.now()
    this.root = new Dentry(this, directory, '/', undefined)
  }

  node(name: string): Inode | undefined {
    if (name === 'ptmx') return this.ptmx
    return /^(0|[1-9]\d*)$/.test(name) ? this.terminals.get(Number(name))?.inode : undefined
  }

  list(): readonly DirectoryEntry[] {
    const all: [string, Inode][] = [['ptmx', this.ptmx]]
    for (const [number, { inode }] of this.terminals) all.push([String(number), inode])
    return all.map(([name, { ino, kind }]) => ({ name, ino, kind }))
  }

  /** A new terminal, with the lowest number that is free. */
  make(task: Task): Terminal | Denied {
    let number = 0
    while (this.terminals.has(number)) number++
    if (number >= this.wishes.max)
      return deny('ENOSPC', 'pts(4)', 'open(2): the instance has as many terminals as max=')
    const { uid, gid, mode } = this.wishes
    const owner = { uid: uid ?? task.credentials.fsuid, gid: gid ?? task.credentials.fsgid }
    const made = { kind: 'character', mode, ...owner, device: [136, number] } as const
    const inode = new Node(this, number + 3, made)
    inode.atime = inode.mtime = inode.ctime = this.kernel.now()
    const terminal = new Terminal(number)
    this.terminals.set(number, { terminal, inode })
    return terminal
  }

  readonly options = (): string => {
    const { uid, gid, mode, ptmxmode, max } = this.wishes
    const octal = (bits: number) => bits.toString(8).padStart(3, '0')
    return [
      uid !== undefined && `uid=${this.owner.shownUid(uid)}`,
      gid !== undefined && `gid=${this.owner.shownGid(gid)}`,
      `mode=${octal(mode)}`,
      `ptmxmode=${octal(ptmxmode)}`,
      max < 1_048_576 && `max=${max}`,
    ]
      .filter((word) => word !== false)
      .join(',')
  }

  readonly statfs = (): Statfs => ({
    type: 0x1cd1,
    blockBytes: 4096,
    ...{ blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameLengthMax: 255 },
  })

  readonly end = (): void => this.kernel.counters.devices.giveBack(this.device[1])
}

function check(task: Task, option: MountOption): Denied | 'unknown' | undefined {
  const [key] = option
  if (key === 'newinstance') return undefined
  if (!['uid', 'gid', 'mode', 'ptmxmode', 'max'].includes(key)) return 'unknown'
  const value = numberOption(option, key.endsWith('mode') ? 8 : 10)
  if (isDenied(value)) return value
  const { namespace } = task.credentials
  const id = key === 'uid' ? namespace.kuid(value) : key === 'gid' ? namespace.kgid(value) : 0
  return id === undefined ? deny('EINVAL', 'pts(4)', `mount(2): the ${key} is not mapped`) : undefined
}

function apply(task: Task, superblock: Devpts, options: readonly MountOption[]): undefined {
  const { wishes } = superblock
  const { namespace } = task.credentials
  for (const option of options) {
    const [key] = option
    if (key === 'newinstance') continue
    const value = numberOption(option, key.endsWith('mode') ? 8 : 10) as number
    if (key === 'uid') wishes.uid = namespace.kuid(value)
    else if (key === 'gid') wishes.gid = namespace.kgid(value)
    else if (key === 'max') wishes.max = value
    else wishes[key as 'mode' | 'ptmxmode'] = value & 0o777
  }
  superblock.ptmx.mode = wishes.ptmxmode
  return undefined
}

export const devpts: FileSystemType = {
  name: 'devpts',
  inUserNamespaces: true,
  check,
  make(task, { source, options, flags, owner }) {
    const superblock = new Devpts(task.kernel, owner, source ?? 'none', task.credentials)
    superblock.flags = flags
    apply(task, superblock, options)
    return superblock
  },
  remount: (task, superblock, options) => apply(task, superblock as Devpts, options),
}

/** The instance whose ptmx it is: that of the node itself, or the one mounted on `pts` beside it. devpts_mntget() */
function instanceOf({ mount, dentry }: Path): Path | undefined {
  if (mount.superblock instanceof Devpts) return { mount, dentry: mount.superblock.root }
  const beside = dentry.parent?.children.get('pts')
  const path = beside && topmost({ mount, dentry: beside })
  return path?.mount.superblock instanceof Devpts ? path : undefined
}

const slaves: Device = {
  name: 'pts',
  open(task, file): FileOperations | Denied {
    const { superblock } = file.path.dentry
    const found = superblock instanceof Devpts ? superblock.terminals.get(file.inode.device![1]) : undefined
    if (found === undefined || found.inode !== file.inode)
      return deny('EIO', 'pts(4)', 'open(2): there is no terminal of this number in the instance')
    const side = slaveSide(file, found.terminal)
    if (!isDenied(side) && !file.keepsTerminal) takes(task, found.terminal)
    return side
  },
}

export function addTerminals({ devices }: Kernel): void {
  devices.add('character', 5, 2, {
    name: 'ptmx',
    open(task, file): FileOperations | Denied {
      const path = instanceOf(file.path)
      if (path === undefined) return deny('ENODEV', 'pts(4)', 'open(2): there is no devpts beside ptmx')
      const instance = path.mount.superblock as Devpts
      const terminal = instance.make(task)
      if (isDenied(terminal)) return terminal
      const { number } = terminal
      const slave = (): Path => {
        const known = instance.root.children.get(String(number))
        const { inode } = instance.terminals.get(number)!
        const dentry = known?.inode === inode ? known : newDentry(instance.root, String(number), inode)
        return { mount: path.mount, dentry }
      }
      return masterSide(file, terminal, slave, () => instance.terminals.delete(number))
    },
  })
  devices.add('character', 5, 0, {
    name: 'tty',
    open({ process: { terminal } }, file): FileOperations | Denied {
      if (terminal instanceof Terminal) return slaveSide(file, terminal, true)
      return deny('ENXIO', 'tty(4)', 'tty(4): the process has no controlling terminal')
    },
  })
  for (let minor = 0; minor < 256; minor++) devices.add('character', 136, minor, slaves)
}

/** The leader of a session without a terminal gets the first that it opens. */
function takes(task: Task, terminal: Terminal): void {
  const { process } = task
  if (process.session === process.leader.entry && !process.terminal && !terminal.session) terminal.control(task)
}
