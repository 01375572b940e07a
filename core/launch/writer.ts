// A plan being written: the steps so far, and which directories of the container they have open.

import type { Syscall } from '../syscall.ts'
import { AT, O, RESOLVE } from './constants.ts'
import type { Step } from './plan.ts'

type More = Omit<Step, 'in' | 'call' | 'why'>

export const from = (label: string) => ({ from: label })

export function childStep(call: Syscall, why: string, more?: More): Step {
  return more === undefined ? { in: 'child', call, why } : { in: 'child', call, why, ...more }
}

/** Links are followed inside the container only, and the magic ones of /proc, which lead out of it, not at all. openat2(2). */
const inside = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS
/** NO_SYMLINKS covers the magic ones. */
const insideWithoutLinks = RESOLVE.IN_ROOT | RESOLVE.NO_SYMLINKS

/** The label of the container's root directory. */
export const root = 'root'

/** Opens a path inside the container, whatever is there. */
export function openInside(path: string, as: string, why: string, options: OpenInside = {}): Step {
  const { flags = O.PATH, links = true, way, ...more } = options
  return childStep(
    {
      name: 'openat2',
      dirfd: from(way?.from ?? root),
      pathname: way?.pathname ?? path,
      how: { flags: flags | O.CLOEXEC, resolve: links ? inside : insideWithoutLinks },
    },
    why,
    { as, ...more },
  )
}

export interface OpenInside extends Omit<More, 'as'> {
  readonly flags?: number
  /** Whether symbolic links of the image are followed; false refuses them. */
  readonly links?: boolean
  /** Where it is looked for, when not along its path from the container's root. */
  readonly way?: Way
}

/** An open directory, and a path from there. */
export interface Way {
  readonly from: string
  readonly pathname: string
}

export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** `/a/b` as `/a`, `/a/b`. */
function prefixes(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '')
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)
}

export class PlanWriter {
  readonly steps: Step[] = []
  /** Directories that are empty file systems made by this plan, with what was made in them since. */
  readonly #fresh = new Map<string, Set<string>>()
  readonly #opened = new Map<string, string>([['/', root]])
  /** Where something is mounted, so that it is there. */
  readonly #mounted = new Set<string>()
  /** The mounts that are open by themselves, whatever becomes of the path to them. */
  readonly #trees = new Map<string, string>()

  parent(call: Syscall, why: string, more?: More): void {
    this.steps.push(more === undefined ? { in: 'parent', call, why } : { in: 'parent', call, why, ...more })
  }

  child(call: Syscall, why: string, more?: More): void {
    this.steps.push(childStep(call, why, more))
  }

  add(step: Step): void {
    this.steps.push(step)
  }

  /**
   * Something is mounted on a path: what was known about it and below it is known no more.
   * @param tree - the label of the mount itself, when it is open
   */
  mounted(path: string, emptyFileSystem: boolean, tree?: string): void {
    const covered = (other: string) => other === path || other.startsWith(`${path}/`)
    for (const known of this.#opened.keys()) if (covered(known)) this.#opened.delete(known)
    for (const known of this.#fresh.keys()) if (covered(known)) this.#fresh.delete(known)
    for (const known of this.#trees.keys()) if (covered(known)) this.#trees.delete(known)
    this.#mounted.add(path)
    if (tree !== undefined) this.#trees.set(path, tree)
    if (emptyFileSystem) this.#fresh.set(path, new Set())
  }

  /** The way to a path without links from the innermost mount above it that is open; undefined: along the path. */
  way(path: string): Way | undefined {
    const above = [path, ...prefixes(path).reverse()].find((each) => this.#trees.has(each))
    if (above === undefined) return undefined
    return { from: this.#trees.get(above)!, pathname: path.slice(above.length + 1) || '.' }
  }

  isFresh(path: string): boolean {
    return this.#fresh.has(path)
  }

  /** The label of a directory inside the container, opened (and made, when the image lacks it) at its first use. */
  directory(path: string): string {
    const known = this.#opened.get(path)
    if (known !== undefined) return known
    if (this.#mounted.has(path)) this.add(openInside(path, path, `open ${path}`, { flags: O.PATH | O.DIRECTORY }))
    else this.destination(path, 'directory', path)
    this.#opened.set(path, path)
    return path
  }

  /**
   * Opens where something is to be mounted, and makes it, component by component, when the image does not have it.
   * @param kind - what a missing one becomes: a directory, or an empty file for a file to be mounted on
   */
  destination(path: string, kind: 'directory' | 'file', as: string, links = true): void {
    const flags = O.PATH | (kind === 'directory' ? O.DIRECTORY : 0)
    const names = this.#fresh.get(dirname(path))
    if (names !== undefined && !names.has(basename(path))) {
      names.add(basename(path))
      const parent = this.directory(dirname(path))
      this.add(made(parent, path, kind))
      this.add(openInside(path, as, `find ${path}`, { flags, links }))
      return
    }
    const otherwise: Step[] = []
    let parent = root
    const ancestors = prefixes(dirname(path))
    const there = ancestors.findLastIndex((above) => this.#mounted.has(above))
    for (const [i, above] of ancestors.entries()) {
      if (i < there) continue
      const label = `${as} ${above}`
      if (i === there) otherwise.push(openInside(above, label, `find ${above}`, { flags: O.PATH | O.DIRECTORY }))
      else
        otherwise.push(
          openInside(above, label, `find ${above}`, {
            flags: O.PATH | O.DIRECTORY,
            tolerate: ['ENOENT'],
            otherwise: [madeInImage(parent, above, 'directory'), openInside(above, label, `find ${above}`)],
          }),
        )
      parent = label
    }
    otherwise.push(madeInImage(parent, path, kind), openInside(path, as, `find ${path}`, { flags, links }))
    this.add(openInside(path, as, `find ${path}`, { flags, links, tolerate: ['ENOENT'], otherwise }))
  }
}

/** Makes the last component of a path in a parent that is open and certainly has nothing of that name. */
function made(parent: string, path: string, kind: 'directory' | 'file'): Step {
  const pathname = basename(path)
  if (kind === 'directory')
    return childStep({ name: 'mkdirat', dirfd: from(parent), pathname, mode: 0o755 }, `make ${path}`)
  const flags = O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC
  return childStep(
    { name: 'openat', dirfd: from(parent), pathname, flags, mode: 0o644 },
    `make the empty file ${path} to mount on`,
  )
}

/**
 * Makes a path that openat2 did not find. When something of that name is there all the same it is a link of the image that
 * leads nowhere, as /etc/resolv.conf often does: a file is made where it points, if that is possible; otherwise the link
 * has to go.
 */
function madeInImage(parent: string, path: string, kind: 'directory' | 'file'): Step {
  const fresh = made(parent, path, kind)
  const remove = childStep(
    { name: 'unlinkat', dirfd: from(parent), pathname: basename(path), flags: 0 },
    'remove a link that leads nowhere',
    // A directory: another container with the same root filesystem, or that was started with this one, has made it meanwhile.
    { tolerate: ['ENOENT', 'EISDIR', 'EBUSY'] },
  )
  if (kind === 'directory')
    return { ...fresh, tolerate: ['EEXIST'], otherwise: [remove, { ...fresh, tolerate: ['EEXIST'] }] }
  return childStep(
    {
      name: 'openat2',
      dirfd: from(root),
      pathname: path,
      // Not to wait for the other end of a pipe that somebody has put there meanwhile.
      how: { flags: O.CREAT | O.NONBLOCK | O.CLOEXEC, mode: 0o644, resolve: inside },
    },
    `make the empty file ${path} to mount on`,
    { tolerate: ['ENOENT'], otherwise: [remove, fresh] },
  )
}

/** A call that opens the host's path in the child, before the host's files are left. */
export function openHost(pathname: string, flags: number): Syscall {
  return { name: 'openat', dirfd: AT.FDCWD, pathname, flags: flags | O.CLOEXEC, mode: 0 }
}
