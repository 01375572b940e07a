// From a path to what it names: components, `..`, mounts, symbolic and magic links, rights. path_resolution(7), openat2(2)

import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from './dentry.ts'
import type { Inode } from './inode.ts'
import type { Mount } from './mount.ts'
import { topmost } from './mounting.ts'
import type { Path } from './path.ts'
import { checkPermission, mayExecute, permitted } from './permission.ts'
import { longerThan } from './utf8.ts'

export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_EMPTY_PATH = 0x1000

/** How openat2(2) confines a walk. linux/openat2.h */
export const RESOLVE = {
  NO_XDEV: 0x01,
  NO_MAGICLINKS: 0x02,
  NO_SYMLINKS: 0x04,
  BENEATH: 0x08,
  IN_ROOT: 0x10,
  CACHED: 0x20,
} as const

const linksMax = 40
const pathBytesMax = 4095
const nameBytesMax = 255

export interface WalkOptions {
  /** Whether a symbolic link at the end is followed; so it is when absent. */
  readonly follow?: boolean
  /** AT_EMPTY_PATH: an empty path is the descriptor itself. */
  readonly emptyPath?: boolean
  /** RESOLVE_* bits. */
  readonly resolve?: number
  /** Set by walkToCreate: a symbolic link that is the last component is followed, if links are. */
  readonly creates?: boolean
  /** The walk is no use of the mount that it ends on (MNT_EXPIRE). */
  readonly keepsMark?: boolean
  /** Call, as it stands in refusals: `mount(2)`. */
  readonly call?: string
}

/** Where a name is or would be. */
export interface Place {
  readonly parent: Path
  /** `.`, `..` or `/` (nothing but slashes) when `special`. */
  readonly name: string
  readonly special: boolean
  /** It ends with a slash: only a directory may be there, or be made. */
  readonly slash: boolean
}

/** What a path names. */
export function walk(task: Task, dirfd: number, pathname: string | null, options: WalkOptions = {}): Path | Denied {
  return new Walker(task, options).run(dirfd, pathname, false) as Path | Denied
}

/** Where the last component of a path is looked up, which itself is not looked at. */
export function walkParent(
  task: Task,
  dirfd: number,
  pathname: string | null,
  options: WalkOptions = {},
): Place | Denied {
  return new Walker(task, options).run(dirfd, pathname, true) as Place | Denied
}

/** The same for open(2) with O_CREAT: behind symbolic links; a magic link leads to a file at once. */
export function walkToCreate(
  task: Task,
  dirfd: number,
  pathname: string | null,
  options: WalkOptions = {},
): Place | Path | Denied {
  return new Walker(task, { ...options, creates: true }).run(dirfd, pathname, true)
}

/** The dentry of a name in a directory, before any mount on it; undefined when there is nothing. Rights are not asked. */
export function lookupIn(task: Task, directory: Dentry, name: string, call = 'lookup'): Dentry | undefined | Denied {
  const known = directory.children.get(name)
  const { inode } = directory
  if (known !== undefined && inode.volatile !== true) return known
  if (directory.deleted) return undefined
  if (longerThan(name, nameBytesMax))
    return deny('ENAMETOOLONG', 'path_resolution(7)', `${call}: a name has at most 255 bytes`)
  const found = inode.lookup?.(task, name)
  if (known !== undefined && known.inode === found) return known
  if (known !== undefined) {
    known.deleted = true
    directory.children.delete(name)
  }
  if (found === undefined || isDenied(found)) return found
  return newDentry(directory, name, found)
}

/** Enters an inode under a name. */
export function newDentry(directory: Dentry, name: string, inode: Inode): Dentry {
  const dentry = new Dentry(directory.superblock, inode, name, directory)
  directory.children.set(name, dentry)
  return dentry
}

class Walker {
  readonly #task: Task
  readonly #follow: boolean
  readonly #resolve: number
  readonly #call: string
  readonly #emptyPath: boolean
  readonly #creates: boolean
  readonly #keepsMark: boolean
  #root: Path
  #mount!: Mount
  #dentry!: Dentry
  #links = 0

  constructor(task: Task, options: WalkOptions) {
    this.#task = task
    this.#follow = options.follow !== false
    this.#resolve = options.resolve ?? 0
    this.#call = options.call ?? 'path walk'
    this.#emptyPath = options.emptyPath === true
    this.#creates = options.creates === true
    this.#keepsMark = options.keepsMark === true
    this.#root = task.fs.root
  }

  run(dirfd: number, pathname: string | null, parentOnly: boolean): Path | Place | Denied {
    const refusal = this.#begin(dirfd, pathname)
    if (refusal !== undefined) return refusal
    let rest = pathname as string
    let at = 0
    for (;;) {
      while (rest.charCodeAt(at) === slash) at++
      let end = rest.indexOf('/', at)
      const name = end < 0 ? rest.slice(at) : rest.slice(at, end)
      if (end < 0) end = rest.length
      let next = end
      while (rest.charCodeAt(next) === slash) next++
      const last = next >= rest.length
      if (name === '') {
        if (!parentOnly) return this.#here()
        return { parent: this.#here(), name: '/', special: true, slash: true }
      }
      const { inode } = this.#dentry
      if (inode.kind !== 'directory') return this.#notDirectory()
      if (!permitted(this.#task.credentials, this.#mount, inode, mayExecute) && !inode.admits?.(this.#task))
        return checkPermission(this.#task.credentials, this.#mount, inode, mayExecute, this.#call)!
      const special = name === '.' || name === '..'
      const trailing = end < rest.length
      if (last && parentOnly) {
        if (!this.#creates || special || trailing || !this.#leadsOn(name))
          return { parent: this.#here(), name, special, slash: trailing }
      }
      at = next
      if (special) {
        const refused = name === '..' ? this.#up() : undefined
        if (refused !== undefined) return refused
        if (last) return this.#here()
        continue
      }
      const target = this.#into(name, !last || trailing || this.#follow, last)
      if (typeof target === 'string') {
        rest = last && !trailing ? target : `${target}/${rest.slice(next)}`
        at = 0
        continue
      }
      if (target !== undefined) return target
      if (!last) continue
      if (trailing && this.#dentry.inode.kind !== 'directory') return this.#notDirectory()
      return this.#here()
    }
  }

  #begin(dirfd: number, pathname: string | null): Denied | undefined {
    if (pathname === null) return deny('EFAULT', this.#call, `${this.#call}: the path is no pointer`)
    if (pathname === '' && !this.#emptyPath)
      return deny('ENOENT', 'path_resolution(7)', `${this.#call}: an empty path names nothing`)
    if (longerThan(pathname, pathBytesMax))
      return deny('ENAMETOOLONG', 'path_resolution(7)', `${this.#call}: a path has at most 4095 bytes`)
    const scoped = (this.#resolve & (RESOLVE.BENEATH | RESOLVE.IN_ROOT)) !== 0
    const absolute = pathname.charCodeAt(0) === slash
    if (absolute && this.#resolve & RESOLVE.BENEATH) return this.#outside()
    if (absolute && !scoped) {
      this.#mount = this.#root.mount
      this.#dentry = this.#root.dentry
      return undefined
    }
    let start: Path = this.#task.fs.cwd
    if (dirfd !== AT_FDCWD) {
      const file = this.#task.files.get(dirfd)?.file
      if (file === undefined) return deny('EBADF', this.#call, `${this.#call}: descriptor ${dirfd} is not open`)
      if (pathname !== '' && file.inode.kind !== 'directory') return this.#notDirectory()
      start = file.path
    }
    this.#mount = start.mount
    this.#dentry = start.dentry
    if (scoped) this.#root = start
    return undefined
  }

  /** One name further. A text is that of a symbolic link that is to be followed, its beginning already gone to. */
  #into(name: string, follow: boolean, last: boolean): string | undefined | Denied {
    const found = lookupIn(this.#task, this.#dentry, name, this.#call)
    if (found === undefined)
      return deny('ENOENT', 'path_resolution(7)', `${this.#call}: there is nothing called ${name}`)
    if (!(found instanceof Dentry)) return found
    const before = this.#mount
    let mount = before
    let dentry = found
    if (found.mounts > 0) ({ mount, dentry } = topmost({ mount, dentry }))
    if (mount !== before && this.#resolve & RESOLVE.NO_XDEV) return this.#crossing()
    if (dentry.inode.kind !== 'symlink' || !follow) {
      if (!this.#keepsMark) mount.expiring = false
      this.#mount = mount
      this.#dentry = dentry
      return undefined
    }
    if (last && this.#task.kernel.sysctls.get('protected_symlinks')) {
      const refusal = this.#protected(dentry.inode)
      if (refusal) return refusal
    }
    return this.#link(mount, dentry.inode)
  }

  /** Whether a name is a symbolic link that is to be followed. */
  #leadsOn(name: string): boolean {
    const found = this.#follow ? lookupIn(this.#task, this.#dentry, name, this.#call) : undefined
    return found instanceof Dentry && found.mounts === 0 && found.inode.kind === 'symlink'
  }

  /** fs.protected_symlinks: in a sticky directory for all only links of one's own, or of its owner, are followed. */
  #protected(link: Inode): Denied | undefined {
    const directory = this.#dentry.inode
    if ((directory.mode & 0o1002) !== 0o1002) return undefined
    if (link.uid === this.#task.credentials.fsuid || link.uid === directory.uid) return undefined
    return deny('EACCES', 'proc_sys_fs(5)', `${this.#call}: a link of another user in a sticky directory`)
  }

  #link(mount: Mount, inode: Inode): string | undefined | Denied {
    this.#links += 1
    if (this.#links > linksMax)
      return deny('ELOOP', 'path_resolution(7)', `${this.#call}: more than 40 symbolic links on the way`)
    if (this.#resolve & RESOLVE.NO_SYMLINKS)
      return deny('ELOOP', 'openat2(2)', `${this.#call}: RESOLVE_NO_SYMLINKS, and there is a symbolic link`)
    if (mount.flags.nosymfollow)
      return deny('ELOOP', 'mount(2)', `${this.#call}: the mount follows no symbolic links (nosymfollow)`)
    if (inode.jump !== undefined) return this.#jump(inode)
    const target = inode.readlink!(this.#task)
    if (typeof target !== 'string') return target
    if (target.charCodeAt(0) !== slash) return target
    if (this.#resolve & RESOLVE.BENEATH) return this.#outside()
    if (this.#resolve & RESOLVE.NO_XDEV && this.#mount !== this.#root.mount) return this.#crossing()
    this.#mount = this.#root.mount
    this.#dentry = this.#root.dentry
    return target
  }

  #jump(inode: Inode): undefined | Denied {
    if (this.#resolve & RESOLVE.NO_MAGICLINKS)
      return deny('ELOOP', 'openat2(2)', `${this.#call}: RESOLVE_NO_MAGICLINKS, and there is a magic link`)
    const path = inode.jump!(this.#task)
    if (isDenied(path)) return path
    if (this.#resolve & RESOLVE.NO_XDEV && path.mount !== this.#mount) return this.#crossing()
    if (this.#resolve & (RESOLVE.BENEATH | RESOLVE.IN_ROOT)) return this.#outside()
    this.#mount = path.mount
    this.#dentry = path.dentry
    return undefined
  }

  #up(): Denied | undefined {
    let mount = this.#mount
    let dentry = this.#dentry
    for (;;) {
      if (dentry === this.#root.dentry && mount === this.#root.mount) {
        if (this.#resolve & RESOLVE.BENEATH) return this.#outside()
        break
      }
      if (dentry !== mount.root) {
        const { parent } = dentry
        if (parent === undefined) break
        // A directory that was moved out of what the mount shows has no way up. path_connected() in fs/namei.c
        if (mount.root !== mount.superblock.root && !parent.isBelow(mount.root))
          return deny('ENOENT', 'path_resolution(7)', `${this.#call}: .. leads out of what the mount shows`)
        dentry = parent
        break
      }
      if (mount.at === undefined) break
      if (this.#resolve & RESOLVE.NO_XDEV) return this.#crossing()
      ;({ mount, dentry } = mount.at)
    }
    if (dentry.mounts > 0) ({ mount, dentry } = topmost({ mount, dentry }))
    if (mount !== this.#mount && this.#resolve & RESOLVE.NO_XDEV) return this.#crossing()
    this.#mount = mount
    this.#dentry = dentry
    if (!this.#keepsMark) mount.expiring = false
    return undefined
  }

  #here(): Path {
    if (!this.#keepsMark) this.#mount.expiring = false
    return { mount: this.#mount, dentry: this.#dentry }
  }

  #notDirectory(): Denied {
    return deny('ENOTDIR', 'path_resolution(7)', `${this.#call}: a component of the path is not a directory`)
  }

  #outside(): Denied {
    return deny('EXDEV', 'openat2(2)', `${this.#call}: the path leads out of where it has to stay`)
  }

  #crossing(): Denied {
    return deny('EXDEV', 'openat2(2)', `${this.#call}: RESOLVE_NO_XDEV, and the path crosses a mount`)
  }
}

const slash = 47
