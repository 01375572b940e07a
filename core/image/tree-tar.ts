// From a tree of files to a tar archive: a layer with OCI's whiteouts, or a root file system as it is seen. OCI image spec
// 1.1, layer.md ("Representing Changes"). Equal trees give equal bytes.

import { ask, readLink, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, type Stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { EntryType } from './tar.ts'
import { plainMember, type TarMember, tarEnd, tarHeader, tarPadding } from './tar-writer.ts'
import { type TreeFile, type TreeOptions, walkTree } from './tree.ts'
import { archived } from './xattrs.ts'

export interface TreeTarOptions extends TreeOptions {
  /** For warnings: what is archived. */
  readonly title: string
  /** What an owner on this machine is in the archive. */
  readonly owner?: (stat: Stat) => { readonly uid: number; readonly gid: number }
  /** Files that are left out, by themselves: a directory's content is asked for too. */
  readonly skip?: (file: TreeFile) => boolean
  /** It is to be a layer, where some names have a meaning; of changes it always is. */
  readonly layer?: boolean
  /** Whole seconds unless asked for. */
  readonly nanoseconds?: boolean
  readonly warn: (sentence: string) => void
}

const chunkBytes = 256 * 1024
const types: Readonly<Record<number, EntryType>> = {
  [S_IFREG]: 'file',
  [S_IFDIR]: 'directory',
  [S_IFLNK]: 'symlink',
  [S_IFCHR]: 'character',
  [S_IFBLK]: 'block',
  [S_IFIFO]: 'fifo',
}

/**
 * The archive of a tree, as it is read. Only the names of files with several links are remembered, until all are met.
 * A file that is changed meanwhile keeps the size that it began with: what is missing is zeros.
 *
 * @param layers - directories, topmost first
 * @errors as `walkTree`
 */
export async function* treeTar(
  kernel: Kernel,
  layers: readonly string[],
  options: TreeTarOptions,
): AsyncGenerator<Uint8Array> {
  const left = new Map<string, { count: number; example: string }>()
  const leftOut = (kind: string, path: string) =>
    left.set(kind, { count: (left.get(kind)?.count ?? 0) + 1, example: left.get(kind)?.example ?? path })
  const links = new Map<string, { readonly path: string; left: number }>()
  const layer = options.layer ?? options.view === 'changes'
  for (const file of walkTree(kernel, layers, options)) {
    const { path, stat } = file
    if (options.skip?.(file)) continue
    const type = types[stat.mode & S_IFMT]
    if (layer && markName.test(path)) leftOut('names that mean whiteouts', path)
    else if (file.whiteout) yield tarHeader(mark(path.slice(0, path.length - file.name.length), file.name))
    else if (type === undefined) leftOut('sockets', path)
    else {
      const first = linkTo(links, file)
      const link = first ?? (type === 'symlink' ? targetOf(kernel, file) : '')
      if (link === undefined) continue
      yield tarHeader(memberOf(file, first === undefined ? type : 'hardlink', link, options))
      if (options.view === 'changes' && file.opaque) yield tarHeader(mark(`${path}/`, '.wh..opq'))
      if (first === undefined && type === 'file')
        yield* contentOf(kernel, file, () => leftOut('the ends of files that became shorter', path))
    }
  }
  yield tarEnd
  for (const [kind, { count, example }] of left)
    options.warn(`${options.title}: ${kind} left out (${count}, for example /${example})`)
}

/** In a layer such a name would hide something. */
const markName = /(^|\/)\.wh\./

/** `.wh.NAME` hides a name, `.wh..wh..opq` all that is below in the directory. */
function mark(directory: string, name: string): TarMember {
  return { ...plainMember(`${directory}.wh.${name}`, 'file'), mode: 0 }
}

/** The path under which a file with several names was met first. */
function linkTo(links: Map<string, { readonly path: string; left: number }>, { path, stat }: TreeFile) {
  if (stat.nlink < 2 || (stat.mode & S_IFMT) === S_IFDIR) return undefined
  const key = `${stat.devMajor}:${stat.devMinor}:${stat.ino}`
  const known = links.get(key)
  if (known === undefined) {
    links.set(key, { path, left: stat.nlink - 1 })
    return undefined
  }
  known.left -= 1
  if (known.left === 0) links.delete(key)
  return known.path
}

/** Undefined for a symbolic link that is gone. */
function targetOf(kernel: Kernel, { name, parent }: TreeFile): string | undefined {
  const read = readLink(kernel, name, parent)
  return refused(read) ? undefined : read.target
}

function memberOf(file: TreeFile, type: EntryType, link: string, options: TreeTarOptions): TarMember {
  const { path, stat } = file
  return {
    path: path === '' ? './' : path,
    type,
    mode: stat.mode & 0o7777,
    ...(options.owner?.(stat) ?? { uid: stat.uid, gid: stat.gid }),
    sizeBytes: type === 'file' ? stat.size : 0,
    mtimeSec: stat.mtimeSec,
    mtimeNsec: options.nanoseconds ? stat.mtimeNsec : 0,
    link,
    major: stat.rdevMajor,
    minor: stat.rdevMinor,
    xattrs: type === 'hardlink' ? new Map() : archived(file.xattrs),
  }
}

async function* contentOf(kernel: Kernel, { path, fd, stat }: TreeFile, onShort: () => void) {
  const { size } = stat
  let at = 0
  while (at < size) {
    const buf = Math.min(chunkBytes, size - at)
    const { value, data } = ask(kernel, { name: 'read', fd: fd!, buf }, `read /${path}`)
    if (value === 0) break
    yield data!
    at += value
  }
  if (at < size) onShort()
  for (; at < size; at += Math.min(chunkBytes, size - at)) yield new Uint8Array(Math.min(chunkBytes, size - at))
  yield tarPadding(size)
}
