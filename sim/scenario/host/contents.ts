// What the log shows of the content of its host's files: bytes that were read, names that were listed, sizes, kinds.

import type { Syscall } from '../../../core/syscall.ts'
import { isDenied } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import type { OpenFile } from '../../vfs/file.ts'
import type { Inode, InodeKind } from '../../vfs/inode.ts'
import type { Output } from '../data.ts'
import { numberIn } from '../number.ts'
import type { CallLine, Expected, Line } from '../scenario.ts'
import type { Value } from '../value.ts'
import type { Facts, HostFiles } from './files.ts'
import { namesTold, statTells } from './told.ts'

/** So many lines behind an open are looked at for what was opened. */
const farthest = 2000
const nothing: Value = { kind: 'anything' }

export class Contents {
  readonly #files: HostFiles
  readonly #lines: readonly Line[]
  /** Ranges of files that are known. */
  readonly #known = new WeakMap<Inode, [start: number, end: number][]>()

  constructor(files: HostFiles, lines: readonly Line[]) {
    this.#files = files
    this.#lines = lines
  }

  before(task: Task, call: Syscall, expected: Expected, outputs: readonly Output[], index: number): void {
    if (expected.kind !== 'value' || !('fd' in call || 'in_fd' in call || 'fd_in' in call || 'dirfd' in call)) return
    const fd =
      'fd' in call
        ? call.fd
        : 'in_fd' in call
          ? call.in_fd
          : 'fd_in' in call
            ? call.fd_in
            : (call as { dirfd: number }).dirfd
    const file = task.files.get(Number(fd))?.file
    const settled = file && this.#files.settledOf(file.inode)
    if (file === undefined || settled === undefined) return
    const { inode } = file
    const count = Number(expected.value)
    switch (call.name) {
      case 'read':
      case 'pread64':
      case 'readv': {
        const offset = call.name === 'pread64' ? Number(call.offset) : file.offset
        const wanted = call.name === 'readv' ? Number.POSITIVE_INFINITY : call.buf
        if (inode.kind === 'file') this.#read(inode, offset, wanted, count, outputs[0]?.written)
        break
      }
      case 'sendfile':
      case 'copy_file_range':
        if (inode.kind === 'file' && !settled.size && inode.sizeBytes < file.offset + count)
          this.#files.amend(inode, { sizeBytes: file.offset + count })
        break
      case 'write':
      case 'pwrite64':
      case 'writev':
        // The end that it was appended to is known when it is asked for.
        if (!(file.flags & 0o2000)) settled.size = true
        this.#know(
          inode,
          call.name === 'pwrite64' ? Number(call.offset) : file.flags & 0o2000 ? inode.sizeBytes : file.offset,
          count,
        )
        break
      case 'ftruncate':
        settled.size = true
        break
      case 'fchmod':
        settled.mode = true
        break
      case 'fchown':
        settled.owner = true
        break
      case 'lseek':
        if (Number(call.whence) === 2 && inode.kind === 'file')
          this.#files.amend(inode, { sizeBytes: count - Number(call.offset) })
        break
      case 'fstat':
        this.#files.amend(inode, statTells(outputs[0]?.written))
        break
      case 'newfstatat':
      case 'statx':
        if (call.pathname === '') this.#files.amend(inode, statTells(outputs[0]?.written))
        break
      case 'getdents64':
        this.#list(task, file, index)
    }
  }

  /** What the lines behind an open say of what was opened. */
  openedTells(index: number): Facts {
    const opened = this.#lines[index]
    if (opened === undefined || (opened.kind !== 'call' && opened.kind !== 'begin')) return {}
    const whole = opened.kind === 'begin' ? (this.#lines[opened.end ?? index] as Line) : opened
    if (whole.kind !== 'call' || whole.expected.kind !== 'value') return {}
    const fd = whole.expected.value
    const from = opened.kind === 'begin' ? (opened.end ?? index) : index
    for (let at = from + 1; at < Math.min(this.#lines.length, from + farthest); at++) {
      const line = this.#lines[at]!
      if (line.kind !== 'call' || line.task !== whole.task || line.args[0] === undefined) continue
      if (
        /^(open|execve)/.test(line.name) &&
        line.expected.kind === 'value' &&
        (line.expected.value === fd || line.name.startsWith('exec'))
      )
        return {}
      const behind = line.text.includes(`/proc/self/fd/${fd}`) ? usedByPath(line, `/proc/self/fd/${fd}`) : undefined
      if (behind) return behind
      if (numberIn(line.args[0]) !== fd) continue
      const facts = used(line)
      if (facts === 'ended') return {}
      if (facts) return facts
    }
    return {}
  }

  #read(inode: Inode, offset: number, wanted: number, count: number, value: Value | undefined): void {
    const settled = this.#files.settledOf(inode)!
    const bytes = value?.kind === 'string' ? value.bytes.subarray(0, Math.max(0, count)) : new Uint8Array(0)
    if (!settled.content) {
      let at = offset
      const end = offset + bytes.length
      const ranges = (this.#known.get(inode) ?? []).filter((range) => range[1] > offset && range[0] < end)
      for (const [from, to] of [...ranges.sort((a, b) => a[0] - b[0]), [end, end] as const]) {
        if (from > at) this.#files.fill(inode, at, bytes.subarray(at - offset, from - offset))
        at = Math.max(at, to)
      }
      this.#know(inode, offset, bytes.length)
    }
    const isEnd = count < wanted && Number.isFinite(wanted)
    if (!settled.size && (isEnd ? inode.sizeBytes !== offset + count : inode.sizeBytes < offset + count)) {
      this.#files.amend(inode, { sizeBytes: Math.max(0, offset + count) })
      settled.size = isEnd
    }
  }

  #know(inode: Inode, offset: number, count: number): void {
    if (count <= 0) return
    const ranges = this.#known.get(inode) ?? []
    const last = ranges.at(-1)
    if (last && last[1] === offset) last[1] = offset + count
    else ranges.push([offset, offset + count])
    this.#known.set(inode, ranges)
  }

  /** All names, when the log has them; a listing may take several calls. */
  #list(task: Task, file: OpenFile, index: number): void {
    if (file.listing !== undefined || file.inode.kind !== 'directory') return
    const names: (readonly [string, InodeKind])[] = []
    const first = this.#lines[index]
    if (first === undefined || (first.kind !== 'call' && first.kind !== 'begin')) return
    const fd = numberIn(first.args[0] ?? nothing)
    for (let at = index; at < Math.min(this.#lines.length, index + farthest); at++) {
      const line = this.#lines[at]!
      if (line.kind !== 'call' || line.task !== first.task || numberIn(line.args[0] ?? nothing) !== fd) continue
      if (line.name !== 'getdents64') break
      const told = namesTold(line.args[1])
      if (told === undefined) return
      names.push(...told)
      if (line.expected.kind === 'value' && line.expected.value === 0n) break
    }
    this.#files.list(task, file.inode, names)
  }
}

/** What is said of a descriptor by its path in /proc. */
function usedByPath(line: CallLine, path: string): Facts | undefined {
  const words = line.args.map((arg) => (arg.kind === 'string' ? new TextDecoder().decode(arg.bytes) : ''))
  if (words.some((word) => word.startsWith(`${path}/`))) return { kind: 'directory' }
  const fine = line.expected.kind === 'value' && line.expected.value >= 0n
  if (
    line.name === 'mount' &&
    fine &&
    words[1] === path &&
    !/MS_(BIND|MOVE|REMOUNT|PRIVATE|SHARED|SLAVE)/.test(line.text)
  )
    return { kind: 'directory' }
  return undefined
}

/** What one use of a descriptor says of its file. */
function used(line: CallLine): Facts | 'ended' | undefined {
  const fine = line.expected.kind === 'value' && line.expected.value >= 0n
  const errno = line.expected.kind === 'errno' ? line.expected.errno : undefined
  switch (line.name) {
    case 'close':
      return 'ended'
    case 'fstat':
      return fine ? statTells(line.args[1]) : undefined
    case 'newfstatat':
    case 'statx': {
      const path = line.args[1]
      if (path?.kind === 'string' && path.bytes.length > 0) return { kind: 'directory' }
      return fine ? statTells(line.args[line.name === 'statx' ? 4 : 2]) : undefined
    }
    case 'read':
    case 'pread64':
      return errno === 'EISDIR' ? { kind: 'directory' } : fine ? { kind: 'file' } : undefined
    case 'getdents64':
    case 'fchdir':
      return fine ? { kind: 'directory' } : undefined
    default:
      // Another path from there on.
      if (
        /at2?$/.test(line.name) &&
        line.args[1]?.kind === 'string' &&
        line.args[1].bytes.length > 0 &&
        line.args[1].bytes[0] !== 47
      )
        return { kind: 'directory' }
      return undefined
  }
}

export { isDenied }
