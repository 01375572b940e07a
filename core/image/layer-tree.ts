// The directory of a layer while it is unpacked: every name is resolved beneath one descriptor. openat2(2), overlayfs(5).

import { RefusedError, UserError } from '../errors.ts'
import { ask, close, O, open, removeTree, S_IFCHR, S_IFDIR, S_IFMT, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Syscall } from '../syscall.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10

/** The names that a path of an archive goes through. A leading `/` means the layer's root; `..` is refused. */
export function namesOf(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  if (names.includes('..')) throw new UserError('its path leads upwards with ..')
  return names
}

/** Owns the descriptors of one layer's directory; ended by `end`. */
export class LayerTree {
  readonly #kernel: Kernel
  readonly #rootless: boolean
  readonly #root: number
  /** The directory of the last entry: neighbours in an archive mostly share it. */
  #last: { readonly path: string; readonly fd: number } | undefined
  /** Whether an opaque mark at the root was met. */
  opaque = false

  constructor(kernel: Kernel, directory: string, rootless: boolean) {
    this.#kernel = kernel
    this.#rootless = rootless
    this.#root = open(kernel, directory, O.RDONLY | O.DIRECTORY | O.NOFOLLOW)
  }

  /** Closes the remembered directory, also because it may have been replaced. */
  close(): void {
    if (this.#last) close(this.#kernel, this.#last.fd)
    this.#last = undefined
  }

  end(): void {
    this.close()
    close(this.#kernel, this.#root)
  }

  /** A descriptor of a directory in the layer, made when missing; valid until the next call on this tree. */
  directory(names: readonly string[], made: (names: readonly string[]) => void): number {
    if (names.length === 0) return this.#root
    const path = names.join('/')
    if (this.#last?.path === path) return this.#last.fd
    let opened = this.#open(path, O.RDONLY | O.DIRECTORY)
    if (opened === undefined) {
      const name = names.at(-1)!
      const parent = this.directory(names.slice(0, -1), made)
      const mkdir = this.#kernel.call({ name: 'mkdirat', dirfd: parent, pathname: name, mode: 0o700 })
      if (refused(mkdir)) {
        if (mkdir.errno !== 'EEXIST') throw new RefusedError(`mkdir ${path}`, mkdir.errno)
        throw new UserError(`it goes through the symbolic link ${path}, which leads nowhere in its layer`)
      }
      made(names)
      opened = this.#open(path, O.RDONLY | O.DIRECTORY)
      if (opened === undefined) throw new RefusedError(`open ${path}`, 'ENOENT')
    }
    this.close()
    this.#last = { path, fd: opened }
    return opened
  }

  /** A directory that an earlier entry made and that is still one, to be closed by the caller. */
  existing(path: string): number | undefined {
    const found = this.#open(path === '' ? '.' : path, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, ['ENOTDIR', 'ELOOP'])
    return found
  }

  #open(path: string, flags: number, absent: readonly string[] = []): number | undefined {
    const how = { flags: flags | O.CLOEXEC, mode: 0, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
    for (let attempt = 0; ; attempt++) {
      const opened = this.#kernel.call({ name: 'openat2', dirfd: this.#root, pathname: path, how })
      if (!refused(opened)) return opened.value
      if (opened.errno === 'ENOENT' || absent.includes(opened.errno)) return undefined
      // A rename anywhere on the machine makes the kernel unsure about a `..` in a link: "the caller should retry".
      if (opened.errno === 'EAGAIN' && attempt < 1000) continue
      throw new RefusedError(`open ${path}`, opened.errno)
    }
  }

  /** Makes something new at a name, replacing what an earlier entry put there. Answers false for a tolerated EPERM. */
  make(parent: number, name: string, call: Syscall, mayLackRight = false): boolean {
    let made = this.#kernel.call(call)
    if (refused(made) && made.errno === 'EEXIST') {
      this.#remove(parent, name)
      made = this.#kernel.call(call)
    }
    if (!refused(made)) return true
    if (mayLackRight && made.errno === 'EPERM') return false
    throw new RefusedError(call.name, made.errno)
  }

  /** Like `make`, for a call that answers a descriptor. */
  open(parent: number, name: string, call: Syscall): number {
    const first = this.#kernel.call(call)
    if (!refused(first)) return first.value
    if (first.errno !== 'EEXIST') throw new RefusedError('create it', first.errno)
    this.#remove(parent, name)
    return ask(this.#kernel, call, 'create it').value
  }

  /** A directory keeps what is in it when an entry names it again; a whiteout that it replaces makes it opaque. */
  makeDirectory(parent: number, name: string): void {
    const call = { name: 'mkdirat', dirfd: parent, pathname: name, mode: 0o700 } as const
    const made = this.#kernel.call(call)
    if (!refused(made)) return
    if (made.errno !== 'EEXIST') throw new RefusedError('mkdir', made.errno)
    const found = stat(this.#kernel, name, { dirfd: parent, follow: false })
    if (found && (found.mode & S_IFMT) === S_IFDIR) return
    const whiteout = found && (found.mode & S_IFMT) === S_IFCHR && found.rdevMajor === 0 && found.rdevMinor === 0
    this.#remove(parent, name)
    ask(this.#kernel, call, 'mkdir')
    if (whiteout) this.#markOpaque(parent, name)
  }

  /** A hard link to an earlier entry. linkat(2) does not follow a link at the end of the old path. */
  makeLink(parent: number, name: string, target: string): void {
    const names = namesOf(target)
    const last = names.pop()
    if (last === undefined) throw new UserError('it is a hard link to the root of its layer')
    // `directory` remembers one descriptor only, and the new name's directory is that one.
    const from = this.#open(names.length === 0 ? '.' : names.join('/'), O.PATH | O.DIRECTORY)
    if (from === undefined) throw new UserError(`it is a hard link to ${target}, which is not in its layer`)
    const call = { name: 'linkat', olddirfd: from, oldpath: last, newdirfd: parent, newpath: name, flags: 0 } as const
    try {
      let linked = this.#kernel.call(call)
      if (refused(linked) && linked.errno === 'EEXIST') {
        if (this.#same(from, last, parent, name)) return
        this.#remove(parent, name)
        linked = this.#kernel.call(call)
      }
      if (!refused(linked)) return
      if (linked.errno === 'ENOENT') throw new UserError(`it is a hard link to ${target}, which is not in its layer`)
      throw new RefusedError(`link it to ${target}`, linked.errno)
    } finally {
      close(this.#kernel, from)
    }
  }

  /** `.wh.NAME` hides a name of lower layers, `.wh..wh..opq` all of them; other `.wh..wh.` names are AUFS's own records. */
  whiteout(parent: number, names: readonly string[], mark: string): void {
    if (mark === '.wh..wh..opq') {
      if (names.length === 0) this.opaque = true
      else this.#markOpaque(parent, '.')
      return
    }
    if (mark.startsWith('.wh..wh.')) return
    const name = mark.slice('.wh.'.length)
    if (name === '' || name === '.' || name === '..') throw new UserError('it hides no name')
    const found = stat(this.#kernel, name, { dirfd: parent, follow: false })
    // A whiteout concerns lower layers only: what this layer has under the name stays, and hides them by itself.
    if (found && (found.mode & S_IFMT) === S_IFDIR) this.#markOpaque(parent, name)
    if (found) return
    ask(this.#kernel, { name: 'mknodat', dirfd: parent, pathname: name, mode: S_IFCHR, dev: 0 }, 'make a whiteout')
  }

  #markOpaque(parent: number, name: string): void {
    const xattr = this.#rootless ? 'user.overlay.opaque' : 'trusted.overlay.opaque'
    const fd = open(this.#kernel, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0, parent)
    try {
      ask(this.#kernel, { name: 'fsetxattr', fd, xattr, value: 'y', flags: 0 }, 'mark its directory opaque')
    } finally {
      close(this.#kernel, fd)
    }
  }

  #same(fromDirectory: number, from: string, toDirectory: number, to: string): boolean {
    const one = stat(this.#kernel, from, { dirfd: fromDirectory, follow: false })
    const other = stat(this.#kernel, to, { dirfd: toDirectory, follow: false })
    return (
      one !== undefined && one.ino === other?.ino && one.devMajor === other.devMajor && one.devMinor === other.devMinor
    )
  }

  #remove(parent: number, name: string): void {
    // The remembered directory may lie in what is removed, unless it is the very one that contains it.
    if (this.#last?.fd !== parent) this.close()
    removeTree(this.#kernel, name, parent)
  }
}
