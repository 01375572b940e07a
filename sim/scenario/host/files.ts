// Files of the machine on which a log was made: they are put onto the simulated one when the log first speaks of them. What
// the log's own calls have made or removed is left to these calls.

import type { KGid, KUid } from '../../ids.ts'
import type { Kernel } from '../../kernel.ts'
import { isDenied } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import type { Dentry } from '../../vfs/dentry.ts'
import { OpenFile } from '../../vfs/file.ts'
import type { Inode, InodeKind } from '../../vfs/inode.ts'
import { OverlayInode } from '../../vfs/overlay-inode.ts'
import type { Superblock } from '../../vfs/superblock.ts'
import { Tmpfs, TmpfsInode } from '../../vfs/tmpfs.ts'
import { utf8Length } from '../../vfs/utf8.ts'
import { AT_FDCWD, newDentry, walk, walkParent } from '../../vfs/walk.ts'

/** What is said of a file; absent is not known. */
export interface Facts {
  readonly kind?: InodeKind
  /** The kind is only likely. */
  readonly guessed?: true
  /** Permission bits. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly sizeBytes?: number
  readonly target?: string
  readonly device?: readonly [number, number]
  readonly content?: Uint8Array
  /** It is a program. */
  readonly program?: true
}

/** What is settled: the log, or a call of its, has said it. */
export interface Settled {
  kind: boolean
  mode: boolean
  owner: boolean
  size: boolean
  content: boolean
  entries: boolean
}

const machineCode = Uint8Array.from([0x7f, 0x45, 0x4c, 0x46])
const usualMode = { directory: 0o755, symlink: 0o777, file: 0o644 } as const

export class HostFiles {
  readonly #kernel: Kernel
  /** File systems that were there before the log began, and whose files nobody here knows. */
  readonly #host = new Set<Superblock>()
  readonly #settled = new Map<Inode, Settled>()
  /** Names in directories that calls of the log have made or removed. */
  readonly #own = new Map<Inode, Set<string>>()
  /** How many paths the log has told of. */
  count = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    for (const { superblock } of kernel.initial.mnt.mounts) {
      if (!(superblock instanceof Tmpfs)) continue
      this.#host.add(superblock)
      this.#begin(superblock.root.inode as TmpfsInode)
    }
  }

  #begin(inode: TmpfsInode): void {
    this.#settled.set(inode, unsettled(false))
    for (const child of inode.names.values()) this.#begin(child as TmpfsInode)
  }

  /** What is mounted there stands for a file system of the log's machine. */
  adopt(task: Task, pathname: string): void {
    const inode = this.find(task, AT_FDCWD, pathname, true)
    if (!(inode instanceof TmpfsInode)) return
    this.#host.add(inode.superblock)
    this.#settled.set(inode, unsettled(true))
  }

  isHost(inode: Inode): boolean {
    return this.#host.has(real(inode).superblock)
  }

  /** Undefined: the log's own, or of a file system that is no disk. */
  settledOf(inode: Inode): Settled | undefined {
    return this.#settled.get(real(inode))
  }

  /** What is at a path, with all rights; undefined when there is nothing. */
  find(task: Task, dirfd: number, pathname: string, follow: boolean): Inode | undefined {
    const found = this.asRoot(task, () => walk(task, dirfd, pathname, { follow, emptyPath: true }))
    return isDenied(found) ? undefined : found.dentry.inode
  }

  /** A path exists on the machine of the log, with these facts: it does here, too, unless the log's own calls have had to do with it. */
  ensure(task: Task, dirfd: number, pathname: string, follow: boolean, facts: Facts): Inode | undefined {
    return this.asRoot(task, () => this.#ensure(task, dirfd, pathname, follow, facts, 0))
  }

  /** A call of the log is about to make or remove a name. */
  touch(task: Task, dirfd: number, pathname: string): void {
    const place = this.asRoot(task, () => walkParent(task, dirfd, pathname, { follow: false }))
    if (isDenied(place) || place.special) return
    const directory = real(place.parent.dentry.inode)
    const names = this.#own.get(directory) ?? new Set()
    this.#own.set(directory, names.add(place.name))
  }

  /** Says more of a file, as far as nothing is settled. */
  amend(inode: Inode, facts: Facts): void {
    const settled = this.settledOf(inode)
    if (settled === undefined) return
    const file = real(inode)
    const set = (target: Inode) => {
      if (facts.mode !== undefined && !settled.mode) target.mode = facts.mode
      if (facts.uid !== undefined && !settled.owner) target.uid = facts.uid as KUid
      if (facts.gid !== undefined && !settled.owner) target.gid = facts.gid as KGid
    }
    set(file)
    if (inode !== file) set(inode)
    if (facts.mode !== undefined) settled.mode = true
    if (facts.uid !== undefined) settled.owner = true
    if (facts.target !== undefined && !settled.content && file.kind === 'symlink') {
      Object.assign(file, { target: facts.target, sizeBytes: utf8Length(facts.target) })
      settled.content = true
    }
    if (facts.content !== undefined && !settled.content) this.fill(file, 0, facts.content)
    if (facts.sizeBytes !== undefined && !settled.size && file.kind === 'file') {
      this.#operations(file)?.truncate?.(this.#kernel.init, facts.sizeBytes)
      settled.size = true
    }
  }

  /** Nothing that is said of a file later changes what is known of it from the start. */
  settleAll(inode: Inode, facts: Facts): void {
    const settled = this.settledOf(inode)
    if (settled === undefined) return
    settled.kind = true
    settled.mode ||= facts.mode !== undefined
    settled.owner ||= facts.uid !== undefined
    settled.size ||= facts.sizeBytes !== undefined
    settled.content ||= facts.content !== undefined || facts.target !== undefined
  }

  /** Bytes at an offset of a file. */
  fill(inode: Inode, offset: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#operations(real(inode))?.write?.(this.#kernel.init, bytes, offset)
  }

  /** Names in the order of a listing, which is complete. */
  list(task: Task, directory: Inode, names: readonly (readonly [name: string, kind: InodeKind])[]): void {
    const inode = real(directory)
    const settled = this.settledOf(directory)
    if (settled === undefined || settled.entries || !(inode instanceof TmpfsInode)) return
    settled.entries = true
    for (const [name, kind] of names)
      if (!inode.names.has(name) && !this.#own.get(inode)?.has(name)) this.#create(task, inode, name, { kind })
    const known = new Map(inode.names)
    inode.names.clear()
    for (const [name] of names) if (known.has(name)) inode.names.set(name, known.get(name)!)
    for (const [name, child] of known) if (!inode.names.has(name)) inode.names.set(name, child)
  }

  #ensure(task: Task, dirfd: number, path: string, follow: boolean, facts: Facts, depth: number): Inode | undefined {
    const found = walk(task, dirfd, path, { follow, emptyPath: true })
    if (!isDenied(found)) return this.#retold(task, found.dentry, facts)
    if (found.errno !== 'ENOENT' || depth > 20) return undefined
    const names = path.split('/').filter((name) => name !== '')
    let at = path.startsWith('/') ? '/' : ''
    for (const [index, name] of names.entries()) {
      const next = `${at}${at === '' || at === '/' ? '' : '/'}${name}`
      const last = index === names.length - 1
      if (!isDenied(walk(task, dirfd, next, { follow: !last || follow }))) {
        at = next
        continue
      }
      const link = walk(task, dirfd, next, { follow: false })
      if (!isDenied(link)) {
        const target = link.dentry.inode.readlink?.(task)
        if (typeof target !== 'string') return undefined
        const rest = [target, ...names.slice(index + 1)].join('/')
        const whole = target.startsWith('/') || at === '' ? rest : `${at}/${rest}`
        return this.#ensure(task, dirfd, whole, follow, facts, depth + 1)
      }
      const directory = walk(task, dirfd, at === '' ? '.' : at)
      if (isDenied(directory)) return undefined
      const made = this.#make(task, directory.dentry, name, last ? facts : { kind: 'directory' })
      if (!made) return undefined
      at = next
    }
    const there = walk(task, dirfd, path, { follow })
    return isDenied(there) ? undefined : there.dentry.inode
  }

  #make(task: Task, directory: Dentry, name: string, facts: Facts): boolean {
    const inode = real(directory.inode)
    // Cgroups that were there before.
    const isCgroup = /^cgroup2?$/.test(inode.superblock.type) && facts.kind === 'directory'
    if (!(isCgroup || this.#host.has(inode.superblock)) || directory.deleted || name === '.' || name === '..')
      return false
    if (this.#own.get(inode)?.has(name) || this.settledOf(inode)?.entries) return false
    const made = this.#create(task, inode, name, facts)
    if (made === undefined) return false
    if (inode === directory.inode) newDentry(directory, name, made)
    return true
  }

  #create(task: Task, directory: Inode, name: string, facts: Facts): Inode | undefined {
    const kind = facts.kind ?? (facts.target === undefined ? 'file' : 'symlink')
    const mode = facts.mode ?? (facts.program ? 0o755 : (usualMode[kind as 'file'] ?? 0o666))
    // Where a link leads that nobody has read: to a place of its own, as far away as its size says.
    const target =
      facts.target ??
      (kind === 'symlink' ? `/.${this.count.toString(36)}`.padStart(facts.sizeBytes ?? 0, '/') : undefined)
    const made = directory.create?.(task, name, {
      ...{ kind, mode, uid: (facts.uid ?? 0) as KUid, gid: (facts.gid ?? 0) as KGid },
      ...(target !== undefined && { target }),
      ...(facts.device && { device: facts.device }),
    })
    if (made === undefined || isDenied(made)) return undefined
    this.count += 1
    if (!this.#host.has(made.superblock)) {
      this.#likeParent(task, directory, made)
      return made
    }
    this.#settled.set(made, {
      ...unsettled(facts.kind !== undefined && !facts.guessed),
      content: facts.target !== undefined,
    })
    // Whatever it is, it may be run; its first bytes are overwritten when the log reads them.
    if (kind === 'file' && (mode & 0o111) !== 0) this.fill(made, 0, machineCode)
    this.amend(made, facts)
    return made
  }

  /** A cgroup of cpusets that others have made has processors and memory. */
  #likeParent(task: Task, parent: Inode, child: Inode): void {
    for (const name of ['cpuset.cpus', 'cpuset.mems']) {
      const [from, to] = [parent.lookup?.(task, name), child.lookup?.(task, name)]
      if (from === undefined || to === undefined || isDenied(from) || isDenied(to)) continue
      const read = this.#operations(from)?.read?.(this.#kernel.init, 4096, 0)
      if (typeof read === 'object' && 'data' in read && read.data)
        this.#operations(to)?.write?.(this.#kernel.init, read.data, 0)
    }
  }

  /** A file that is there: more of it is told; what was only guessed may have been wrong. */
  #retold(task: Task, dentry: Dentry, facts: Facts): Inode {
    const { inode, parent } = dentry
    const settled = this.settledOf(inode)
    if (settled === undefined || inode !== real(inode)) return inode
    const { kind } = facts
    const wrong = kind !== undefined && !facts.guessed && kind !== inode.kind && !settled.kind && parent !== undefined
    if (wrong && inode.opens === 0 && dentry.mounts === 0 && dentry.children.size === 0) {
      const directory = real(parent.inode)
      if (inode.kind === 'directory') directory.rmdir?.(task, dentry.name, inode)
      else directory.unlink?.(task, dentry.name, inode)
      parent.children.delete(dentry.name)
      const made = this.#create(task, directory, dentry.name, facts)
      if (made) return newDentry(parent, dentry.name, made).inode
    }
    if (kind !== undefined && !facts.guessed && kind === inode.kind) settled.kind = true
    if (facts.program && !settled.mode && (inode.mode & 0o111) === 0) inode.mode |= 0o111
    if (facts.program && !settled.content && inode.sizeBytes === 0) this.fill(inode, 0, machineCode)
    this.amend(inode, facts)
    return inode
  }

  #operations(inode: Inode) {
    const { init } = this.#kernel
    const file = new OpenFile(inode, init.fs.root, 2, init.credentials)
    const operations = inode.kind === 'file' ? inode.open(init, file) : undefined
    return isDenied(operations) ? undefined : operations
  }

  /** Does something for a task with all rights. */
  asRoot<T>(task: Task, act: () => T): T {
    const { credentials } = task
    task.credentials = this.#kernel.init.credentials
    try {
      return act()
    } finally {
      task.credentials = credentials
    }
  }
}

const unsettled = (kind: boolean): Settled => ({
  ...{ kind, mode: false, owner: false, size: false, content: false, entries: false },
})

/** Of a file of an overlay, that of the lowest layer: what the log has not made. */
function real(inode: Inode): Inode {
  let at = inode
  while (at instanceof OverlayInode) at = at.stack.at(-1)!.dentry.inode
  return at
}

export { AT_FDCWD }
