// Applies the entries of a layer to a directory, by descriptor, so that no archive can reach outside of it. OCI image
// spec, layer.md ("Applying Changesets"); openat2(2) RESOLVE_IN_ROOT; whiteouts as overlayfs wants them.

import { UserError } from '../errors.ts'
import { ask, close, O, readText, S_IFBLK, S_IFCHR, S_IFIFO } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { mapsAllIds } from '../spec/id-maps.ts'
import { type Applier, type Attributes, setAttributes, setAttributesAt } from './attributes.ts'
import { directoryBelow } from './below.ts'
import { LayerTree, namesOf } from './layer-tree.ts'
import type { TarEntry } from './tar.ts'

/** Bounds against archives that grow without end; an honest layer is far below them. */
export interface LayerLimits {
  readonly sizeBytes: number
  readonly entries: number
}

/** What is kept of directories until the end, in memory: names and extended attributes. */
const directoriesMaxBytes = 256 << 20

export const layerLimits: LayerLimits = { sizeBytes: 64 * 2 ** 30, entries: 2_000_000 }

export interface AppliedLayer {
  /** The content of its files. */
  readonly sizeBytes: number
  readonly entries: number
  /** The layer hides everything below it: an opaque mark at the root, which overlayfs does not honour itself. */
  readonly opaque: boolean
  /** Directories that it needs but does not mention: lower layers say what they are like, see `inheritDirectories`. */
  readonly implied: readonly string[]
}

export interface ApplyOptions {
  /** For messages: what is applied. */
  readonly title: string
  readonly limits?: LayerLimits
  /** It is no layer: the directory may have something in it, which stays, and names are names, whiteouts too. */
  readonly merges?: boolean
  /** Files of WebAssembly may be executed, which images for its platform seldom say. */
  readonly executesModules?: boolean
  readonly warn: (sentence: string) => void
}

/**
 * Unpacks entries into a directory that exists, is empty, and that nobody else changes meanwhile.
 *
 * Whiteouts become character devices 0:0, opaque directories `trusted.overlay.opaque` (`user.overlay.opaque` when
 * rootless). Absolute names land inside; symbolic links in the middle of a name are followed within the layer.
 *
 * @errors UserError naming the entry, for `..`, damaged or impossible entries, limits, and refusals of the kernel; what
 *         was unpacked until then stays, and the caller throws it away
 */
export async function applyLayer(
  kernel: Kernel,
  directory: string,
  entries: AsyncIterable<TarEntry>,
  options: ApplyOptions,
): Promise<AppliedLayer> {
  const limits = options.limits ?? layerLimits
  const left = new Map<string, { count: number; example: string }>()
  const leftOut = (kind: string, path: string) => {
    left.set(kind, { count: (left.get(kind)?.count ?? 0) + 1, example: left.get(kind)?.example ?? path })
  }
  const applier = { ...applierOf(kernel, leftOut), executesModules: options.executesModules === true }
  const tree = new LayerTree(kernel, directory, applier.rootless)
  const directories = new Map<string, DirectoryAttributes>(options.merges ? [] : [['', { ...implied, path: './' }]])
  const guessed = new Set<string>()
  let sizeBytes = 0
  let count = 0
  let keptBytes = 0
  const bounded = () => {
    if (count + guessed.size > limits.entries)
      throw new UserError(`${options.title}: more than ${limits.entries} entries`)
    if (keptBytes > directoriesMaxBytes)
      throw new UserError(`${options.title}: more than ${directoriesMaxBytes} bytes of directories`)
  }
  try {
    for await (const entry of entries) {
      count += 1
      bounded()
      if (entry.sizeBytes > limits.sizeBytes - sizeBytes) {
        throw new UserError(`${options.title}: more than ${limits.sizeBytes} bytes`)
      }
      keptBytes += entry.type === 'directory' ? keptBytesOf(entry) : 0
      const imply = (made: readonly string[]) => {
        const path = made.join('/')
        keptBytes += path.length
        directories.set(path, { ...implied, path: entry.path })
        guessed.add(path)
      }
      sizeBytes += await naming(options.title, entry.path, () =>
        place(applier, tree, directories, entry, imply, !options.merges),
      )
    }
    tree.close()
    finishDirectories(applier, tree, directories, options.title)
  } finally {
    tree.end()
  }
  for (const [kind, { count, example }] of left) {
    options.warn(`${options.title}: ${kind} left out (${count}, for example ${example})`)
  }
  // A later entry may have said after all what such a directory is like.
  const still = [...guessed].filter((path) => directories.get(path)?.implied)
  return { sizeBytes, entries: count, opaque: tree.opaque, implied: still }
}

function applierOf(kernel: Kernel, leftOut: Applier['leftOut']): Applier {
  const uid = ask(kernel, { name: 'geteuid' }, 'geteuid').value
  const gid = ask(kernel, { name: 'getegid' }, 'getegid').value
  // Root of a user namespace is root over what the namespace maps only. user_namespaces(7)
  const map = readText(kernel, '/proc/self/uid_map')
  const initial = mapsAllIds(map)
  // One that maps its root alone has nobody to give anything to.
  const alone = /^\s*0\s+\d+\s+1\s*$/.test(map)
  return { kernel, uid, gid, rootless: uid !== 0 || !initial, gives: uid === 0 && !alone, leftOut }
}

/**
 * Gives the directories that a layer needs but does not mention what the layers below say of them: overlayfs shows the
 * attributes of the topmost layer that has a directory, so that one made up with 0755 would take /tmp its sticky bit.
 *
 * @param below - directories of the layers below, topmost first
 */
export function inheritDirectories(
  kernel: Kernel,
  directory: string,
  implied: readonly string[],
  below: readonly string[],
): void {
  if (implied.length === 0 || below.length === 0) return
  const applier = applierOf(kernel, () => {})
  const tree = new LayerTree(kernel, directory, applier.rootless)
  try {
    for (const path of [...implied].sort((a, b) => depth(b) - depth(a))) {
      const attributes = directoryBelow(kernel, below, path)
      const fd = attributes && tree.existing(path)
      if (attributes === undefined || fd === undefined) continue
      try {
        setAttributes(applier, fd, { path, xattrs: new Map(), ...attributes })
      } finally {
        close(kernel, fd)
      }
    }
  } finally {
    tree.end()
  }
}

/** Gives a refusal the name of the entry that met it. */
async function naming<T>(title: string, path: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(`${title}: entry ${JSON.stringify(path)}: ${error.message}`, error.exitCode)
  }
}

/** Makes one entry; answers how many bytes of content it has. */
async function place(
  applier: LayerApplier,
  tree: LayerTree,
  directories: Map<string, DirectoryAttributes>,
  entry: TarEntry,
  imply: (made: readonly string[]) => void,
  whiteouts: boolean,
): Promise<number> {
  const names = namesOf(entry.path)
  const name = names.pop()
  if (name === undefined) {
    if (entry.type !== 'directory') throw new UserError('the root of a layer must be a directory')
    directories.set('', attributesOf(entry))
    return 0
  }
  const parent = tree.directory(names, imply)
  if (whiteouts && name.startsWith('.wh.')) {
    tree.whiteout(parent, names, name)
    return 0
  }
  switch (entry.type) {
    case 'directory':
      tree.makeDirectory(parent, name)
      directories.set([...names, name].join('/'), attributesOf(entry))
      return 0
    case 'file':
      return writeFile(applier, tree, parent, name, entry)
    case 'hardlink':
      tree.makeLink(parent, name, entry.link)
      return 0
    case 'symlink':
      tree.make(parent, name, { name: 'symlinkat', target: entry.link, newdirfd: parent, linkpath: name })
      setAttributesAt(applier, parent, name, entry, true)
      return 0
    case 'fifo':
    case 'character':
    case 'block': {
      const kind = entry.type === 'fifo' ? S_IFIFO : entry.type === 'block' ? S_IFBLK : S_IFCHR
      const call = { name: 'mknodat', dirfd: parent, pathname: name, mode: kind | 0o600, dev: deviceOf(entry) } as const
      if (!tree.make(parent, name, call, kind !== S_IFIFO)) applier.leftOut('device nodes', entry.path)
      else setAttributesAt(applier, parent, name, entry, false)
      return 0
    }
    default:
      return unreachable(entry.type)
  }
}

function unreachable(type: never): never {
  throw new Error(`entry type ${String(type)}`)
}

const keptBytesOf = ({ path, xattrs }: TarEntry): number =>
  [...xattrs].reduce((sum, [name, value]) => sum + name.length + value.length, path.length)

type DirectoryAttributes = Attributes & { readonly implied?: true }

/** A directory that the archive does not mention but needs. */
const implied: DirectoryAttributes = { implied: true, path: '', mode: 0o755, uid: 0, gid: 0, xattrs: new Map() }

function attributesOf(entry: TarEntry): Attributes {
  const { path, mode, uid, gid, xattrs, mtimeSec, mtimeNsec } = entry
  return { path, mode, uid, gid, xattrs, mtimeSec, mtimeNsec }
}

/** The kernel's encoding of a device number. makedev(3), include/linux/kdev_t.h new_encode_dev. */
function deviceOf(entry: TarEntry): number {
  const { major, minor } = entry
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
    throw new UserError(`there is no device ${major}:${minor}`)
  }
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0
}

type LayerApplier = Applier & { readonly executesModules: boolean }

const isModule = (start: Uint8Array): boolean => [0, 0x61, 0x73, 0x6d].every((byte, at) => start[at] === byte)

async function writeFile(applier: LayerApplier, tree: LayerTree, parent: number, name: string, entry: TarEntry) {
  const { kernel } = applier
  const flags = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC
  const fd = tree.open(parent, name, { name: 'openat', dirfd: parent, pathname: name, flags, mode: 0o600 })
  try {
    let at = 0
    let written = 0
    let mode = entry.mode
    for await (const piece of entry.content()) {
      if (at === 0 && applier.executesModules && isModule(piece.bytes)) mode |= 0o111
      if (piece.offset !== at) ask(kernel, { name: 'lseek', fd, offset: piece.offset, whence: 0 }, 'seek over a hole')
      for (let rest = piece.bytes; rest.length > 0; ) {
        rest = rest.subarray(ask(kernel, { name: 'write', fd, buf: rest }, 'write its content').value)
      }
      at = piece.offset + piece.bytes.length
      written += piece.bytes.length
    }
    if (at !== entry.sizeBytes) ask(kernel, { name: 'ftruncate', fd, length: entry.sizeBytes }, 'end with a hole')
    setAttributes(applier, fd, { ...entry, mode })
    return written
  } finally {
    close(kernel, fd)
  }
}

/** Modes and times of directories come when nothing is made in them any more; the deepest first, as a mode may lock us out. */
function finishDirectories(
  applier: Applier,
  tree: LayerTree,
  directories: ReadonlyMap<string, Attributes>,
  title: string,
): void {
  const { kernel } = applier
  const deepestFirst = [...directories].sort(([a], [b]) => depth(b) - depth(a))
  for (const [path, attributes] of deepestFirst) {
    const fd = tree.existing(path)
    // A later entry of the same layer has replaced it.
    if (fd === undefined) continue
    try {
      setAttributes(applier, fd, attributes)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(`${title}: entry ${JSON.stringify(attributes.path)}: ${error.message}`)
    } finally {
      close(kernel, fd)
    }
  }
}

function depth(path: string): number {
  return path === '' ? 0 : path.split('/').length
}
