// Members of an image layout, by path, from a directory or from a tar file that is read where it lies.

import { UserError } from '../errors.ts'
import { ask, close, O, open, openNamed, S_IFDIR, S_IFMT, S_IFREG, statOpen, writeAll } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { layerLimits } from './apply.ts'
import { type Archive, compressionOf, type ImageHost } from './archive.ts'
import { type Seekable, startingWith } from './bytes.ts'
import { inputBytes } from './input.ts'
import { draftsDirectory } from './store.ts'
import { tarEntries } from './tar.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_BENEATH = 0x08
const chunkBytes = 65536
const membersMax = 100_000
/** They are kept in memory; honest ones are a hundredth of it. */
const namesMaxBytes = 64 << 20

/** Where blobs come from; closed by whoever opened it. */
export interface Layout {
  /** For messages: the path that the user gave. */
  readonly title: string
  has(path: string): boolean
  /** A small member as a whole. @errors UserError when it is absent or larger */
  read(path: string, limitBytes: number): Promise<Uint8Array>
  stream(path: string): AsyncIterable<Uint8Array>
  close(): void
}

/** Opens a directory, a tar file, or a compressed one or a pipe, which are copied to a file without a name first. */
export async function openLayout(host: ImageHost, archive: Archive, path: string): Promise<Layout> {
  const { kernel } = host
  let fd = openNamed(kernel, path, O.RDONLY)
  try {
    const kind = statOpen(kernel, fd).mode & S_IFMT
    if (kind === S_IFDIR) return directoryLayout(kernel, path, fd)
    const seekable = kind === S_IFREG && compressionOf(firstBytes(kernel, fd)) === 'none'
    if (!seekable) {
      const copy = await spool(host, archive, path, fd)
      close(kernel, fd)
      fd = copy
    }
    return await tarLayout(kernel, path, fd)
  } catch (error) {
    close(kernel, fd)
    throw error
  }
}

function firstBytes(kernel: Kernel, fd: number): Uint8Array {
  return ask(kernel, { name: 'pread64', fd, buf: 4, offset: 0 }, 'read its start').data!
}

function directoryLayout(kernel: Kernel, title: string, root: number): Layout {
  const how = { flags: O.RDONLY | O.NONBLOCK | O.CLOEXEC, mode: 0, resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS }
  const openMember = (path: string): number => {
    const fd = ask(kernel, { name: 'openat2', dirfd: root, pathname: path, how }, `open ${title}/${path}`).value
    try {
      if ((statOpen(kernel, fd).mode & S_IFMT) === S_IFREG) return fd
      throw new UserError(`open ${title}/${path}: it is no regular file`)
    } catch (error) {
      close(kernel, fd)
      throw error
    }
  }
  async function* stream(path: string): AsyncGenerator<Uint8Array> {
    const fd = openMember(path)
    try {
      yield* pieces(kernel, fd, 0, Number.MAX_SAFE_INTEGER)
    } finally {
      close(kernel, fd)
    }
  }
  return {
    title,
    has: (path) => {
      const opened = kernel.call({ name: 'openat2', dirfd: root, pathname: path, how })
      if (refused(opened)) return false
      close(kernel, opened.value)
      return true
    },
    read: (path, limitBytes) => collect(stream(path), limitBytes, `${title}/${path}`),
    stream,
    close: () => close(kernel, root),
  }
}

interface Member {
  readonly startBytes: number
  readonly sizeBytes: number
  /** For symbolic and hard links in the archive: the member meant. */
  readonly target?: string
}

async function tarLayout(kernel: Kernel, title: string, fd: number): Promise<Layout> {
  const members = await indexOf(kernel, title, fd)
  const find = (path: string): Member | undefined => {
    let member = members.get(path)
    for (let hops = 0; member?.target !== undefined && hops < 8; hops++) member = members.get(member.target)
    return member?.target === undefined ? member : undefined
  }
  const demand = (path: string): Member => {
    const member = find(path)
    if (!member) throw new UserError(`${title}: ${path} is not in the archive`)
    return member
  }
  async function* stream(path: string): AsyncGenerator<Uint8Array> {
    const { startBytes, sizeBytes } = demand(path)
    let left = sizeBytes
    for await (const bytes of pieces(kernel, fd, startBytes, sizeBytes)) {
      left -= bytes.length
      yield bytes
    }
    if (left > 0) throw new UserError(`${title}: ${path} is cut off`)
  }
  return {
    title,
    has: (path) => find(path) !== undefined,
    read: async (path, limitBytes) => collect(stream(path), limitBytes, `${path} in ${title}`),
    stream,
    close: () => close(kernel, fd),
  }
}

/** Where each member lies; of a path that occurs twice the last counts, as tar extracts. */
async function indexOf(kernel: Kernel, title: string, fd: number): Promise<Map<string, Member>> {
  const members = new Map<string, Member>()
  let namesBytes = 0
  try {
    for await (const entry of tarEntries(seekable(kernel, fd))) {
      if (members.size >= membersMax) throw new UserError(`more than ${membersMax} members`)
      namesBytes += entry.path.length + entry.link.length
      if (namesBytes > namesMaxBytes) throw new UserError(`names of more than ${namesMaxBytes} bytes`)
      const path = resolved('', entry.path)
      const { startBytes, sizeBytes } = entry
      if (entry.type === 'file' && startBytes !== undefined) members.set(path, { startBytes, sizeBytes })
      if (entry.type === 'hardlink') members.set(path, { startBytes: 0, sizeBytes, target: resolved('', entry.link) })
      if (entry.type === 'symlink') members.set(path, { startBytes: 0, sizeBytes, target: resolved(path, entry.link) })
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(`${title}: it is no image archive: ${error.message}`)
  }
  return members
}

/** A link's target as a member's path; only a lookup in the archive comes of it. */
function resolved(link: string, target: string): string {
  const names = target.startsWith('/') ? [] : link.split('/').slice(0, -1)
  for (const name of target.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names.join('/')
}

/** A file's bytes from a place on, so many at most. */
export async function* pieces(kernel: Kernel, fd: number, start: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    const buf = Math.min(chunkBytes, size - at)
    const { value, data } = ask(kernel, { name: 'pread64', fd, buf, offset: start + at }, 'read the image')
    if (value === 0) return
    yield data!
    at += value
  }
}

function seekable(kernel: Kernel, fd: number): Seekable {
  let at = 0
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { value, data } = ask(kernel, { name: 'pread64', fd, buf: 4096, offset: at }, 'read the image')
      if (value === 0) return
      at += value
      yield data!
    }
  }
  const advance = (count: number) => {
    at += count
  }
  return { [Symbol.asyncIterator]: chunks, advance }
}

async function collect(bytes: AsyncIterable<Uint8Array>, limitBytes: number, what: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of bytes) {
    length += part.length
    if (length > limitBytes) throw new UserError(`${what}: more than ${limitBytes} bytes`)
    parts.push(part)
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Copies what cannot be read twice into a file that vanishes with its descriptor. open(2) O_TMPFILE. */
async function spool(host: ImageHost, archive: Archive, title: string, fd: number): Promise<number> {
  const { kernel } = host
  const O_TMPFILE = 0o20000000 | O.DIRECTORY
  const file = open(kernel, draftsDirectory(host.root), O.RDWR | O_TMPFILE, 0o600)
  try {
    const source = inputBytes(kernel, fd, title)
    const first = await source.next()
    if (first.done) throw new UserError(`${title}: it is empty`)
    let length = 0
    for await (const bytes of archive.decompress(startingWith(first.value, source), compressionOf(first.value))) {
      length += bytes.length
      if (length > layerLimits.sizeBytes) throw new UserError(`${title}: more than ${layerLimits.sizeBytes} bytes`)
      writeAll(kernel, file, bytes, `a copy of ${title}`)
    }
    return file
  } catch (error) {
    close(kernel, file)
    throw error
  }
}
