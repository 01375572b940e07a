// Plays a log that was made elsewhere: before each call the simulated machine is told what the call reveals of that machine
// (files, limits, where memory lay), and afterwards is said which differences come from what nobody here can know.

import type { Syscall } from '../../../core/syscall.ts'
import { spaceOf } from '../../address-space.ts'
import type { Kernel } from '../../kernel.ts'
import { isDenied, type Outcome } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import type { Output } from '../data.ts'
import { numberIn } from '../number.ts'
import type { CallLine, Expected, Line } from '../scenario.ts'
import type { Value } from '../value.ts'
import { Contents } from './contents.ts'
import { excuse } from './excuse.ts'
import { type Facts, HostFiles } from './files.ts'
import { isFiltered, isSymbolicDirectory, targetOf } from './foreign.ts'
import { HostMemory } from './memory.ts'
import { HostMounts } from './mounts.ts'
import { exclusive, type Named, pathsOf } from './paths.ts'
import { linkTells, statTells } from './told.ts'

export type Guided =
  | { readonly call: Syscall }
  /** Why it is not made. */
  | { readonly skip: string }

const succeeded = (expected: Expected): boolean => expected.kind === 'value' && expected.value >= 0n
const failedWith = (expected: Expected): string | undefined => (expected.kind === 'errno' ? expected.errno : undefined)
/** Errnos that only come when the file is there. */
const provesFile = new Set([
  'EACCES',
  'EPERM',
  'EEXIST',
  'ENODATA',
  'EOPNOTSUPP',
  'ETXTBSY',
  'EBUSY',
  'ENXIO',
  'EROFS',
  'ENOEXEC',
])
const stats = new Set(['stat', 'lstat', 'newfstatat', 'fstat', 'statx'])

const O_TRUNC = 0o1000
const O_APPEND = 0o2000

const namespaceFlags = {
  ...{ mnt: 0x20000, cgroup: 0x2000000, uts: 0x4000000, ipc: 0x8000000, pid: 0x20000000, net: 0x40000000 },
} as const

export class Guide {
  readonly files: HostFiles
  readonly #memory: HostMemory
  readonly #mounts: HostMounts
  readonly #contents: Contents
  readonly #lines: readonly Line[]
  /** Limits that a process has set itself. */
  readonly #ownLimits = new WeakMap<object, Set<number>>()
  #nodename = false

  constructor(task: Task, lines: readonly Line[], files: HostFiles = new HostFiles(task.kernel)) {
    this.files = files
    this.#lines = lines
    this.#memory = new HostMemory()
    this.#mounts = new HostMounts(this.files)
    this.#contents = new Contents(files, lines)
  }

  /** A task is about to make the call of a line, and this is what came of it there. */
  before(task: Task, call: Syscall, expected: Expected, outputs: readonly Output[], index: number): Guided {
    if ((call.name === 'statfs' || call.name === 'fstatfs') && succeeded(expected))
      this.#fileSystem(task, call, outputs)
    if (call.name === 'futex' && failedWith(expected) === 'EAGAIN')
      return { skip: 'what lies at an address is not known' }
    this.#paths(task, call, expected, outputs, index)
    this.#mounts.before(task, call, expected)
    this.#contents.before(task, call, expected, outputs, index)
    this.#attributes(task, call, expected, outputs)
    return { call: this.#memory.before(task, call, expected) }
  }

  readonly #types = new WeakSet<object>()

  /** Which file system the host has where this machine has its own. */
  #fileSystem(task: Task, call: Extract<Syscall, { name: 'statfs' | 'fstatfs' }>, outputs: readonly Output[]): void {
    const inode =
      call.name === 'statfs'
        ? this.files.ensure(task, -100, call.path ?? '', true, { kind: 'directory', guessed: true })
        : task.files.get(Number(call.fd))?.file.inode
    const value = outputs[0]?.written
    const field = value?.kind === 'struct' ? value.fields.find(({ name }) => name === 'f_type')?.value : undefined
    const type = field && numberIn(field)
    if (!inode || type === undefined || !this.files.settledOf(inode) || this.#types.has(inode.superblock)) return
    const { superblock } = inode
    const before = superblock.statfs
    this.#types.add(superblock)
    if (before) Object.assign(superblock, { statfs: () => ({ ...before(), type: Number(type) }) })
  }

  /** In the namespaces of its own that the log enters by its number. */
  outsider(kernel: Kernel, pid: number): number {
    let flags = 0
    for (const { text } of this.#lines)
      for (const [, kind] of text.matchAll(new RegExp(`"/proc/${pid}/ns/(mnt|uts|ipc|net|pid|cgroup)"`, 'g')))
        flags |= namespaceFlags[kind as keyof typeof namespaceFlags]
    kernel.call(kernel.init, { name: 'clone3', cl_args: { flags: flags >>> 0, exit_signal: 17 } })
    return kernel.lastBorn?.entry.numbers[0] ?? pid
  }

  /** For a file system that this machine has no driver, no device or no options for. */
  standIn(_task: Task, call: Syscall, outcome: Outcome): Syscall | undefined {
    if (call.name !== 'mount' || !isDenied(outcome)) return undefined
    const ofDevices = /^(ENODEV|ENOTBLK|ENXIO)$/.test(outcome.errno)
    const ofOptions = call.filesystemtype === 'overlay' && outcome.errno === 'EINVAL'
    return ofDevices || ofOptions ? { ...call, filesystemtype: 'tmpfs', data: null } : undefined
  }

  stoodIn(task: Task, call: Syscall): void {
    this.#stoodIn = true
    if (call.name === 'mount' && call.target !== null) this.files.adopt(task, call.target)
  }

  /** After a refusal that the log does not know: rights that were only guessed are widened. Whether the call is worth another try. */
  widens(task: Task, call: Syscall, expected: Expected, outcome: Outcome): boolean {
    if (!isDenied(outcome) || !succeeded(expected) || !/^(EACCES|EPERM)$/.test(outcome.errno)) return false
    let changed = this.#mounts.widens(task, call)
    for (const { dirfd, path, follow, use } of pathsOf(call)) {
      const parts = path.split('/')
      for (let length = 1; length <= parts.length; length++) {
        const prefix = parts.slice(0, length).join('/') || '/'
        const inode = this.files.find(task, dirfd, prefix, length < parts.length || follow)
        const settled = inode && this.files.settledOf(inode)
        if (!inode || !settled) continue
        const last = length === parts.length || (use !== 'finds' && length === parts.length - 1)
        const mode = inode.mode | (inode.kind === 'directory' ? 0o555 : 0o444)
        if (!settled.mode && inode.mode !== mode) {
          this.files.amend(inode, { mode })
          settled.mode = false
          changed = true
        }
        if (last && !settled.owner && inode.uid !== task.credentials.fsuid) {
          this.files.amend(inode, {
            uid: task.credentials.fsuid,
            gid: task.credentials.fsgid,
            mode: settled.mode ? undefined : inode.mode | 0o600,
          })
          changed = true
        }
      }
    }
    return changed
  }

  /** Why a difference says nothing of the simulated kernel; undefined when it does. */
  excuse(
    task: Task,
    call: Syscall,
    expected: Expected,
    outputs: readonly Output[],
    outcome: Outcome | undefined,
  ): string | undefined {
    return (
      excuse(this.files, task, call, expected, outputs, outcome) ??
      (this.#stoodIn && /^(getdents64|rename.*|unlink.*|rmdir|openat2?|.*stat.*|l?[gs]etxattr|umount2)$/.test(call.name)
        ? 'a file system before is not modelled'
        : undefined) ??
      (isFiltered(this.#lines) && pathsOf(call).some(({ path }) => !path.startsWith('/'))
        ? 'the log has some calls only: where a path begins is not known'
        : undefined)
    )
  }

  #paths(task: Task, call: Syscall, expected: Expected, outputs: readonly Output[], index: number): void {
    const fine = succeeded(expected)
    const errno = failedWith(expected)
    if (!fine && errno === undefined) {
      if (/^execve/.test(call.name)) return
      if (expected.kind !== 'left out') return
      return
    }
    for (const named of pathsOf(call)) {
      const { dirfd, path, follow, use } = named
      if (errno === 'ENOTDIR') this.#notDirectory(task, named)
      else if (errno === 'ELOOP' && !follow)
        this.files.ensure(task, dirfd, path, false, { kind: 'symlink', target: '.' })
      else if (errno === 'EISDIR') this.files.ensure(task, dirfd, path, follow, { kind: 'directory' })
      else if (errno === 'EINVAL' && /^readlink/.test(call.name))
        this.files.ensure(task, dirfd, path, false, this.#likely(task, named, index))
      else if (errno === 'EACCES' && use === 'finds') this.#forbidden(task, call, named, index)
      else if (errno === 'ENOTEMPTY' && use === 'takes') {
        const inode = this.files.ensure(task, dirfd, path, false, { kind: 'directory' })
        if (inode && this.files.settledOf(inode) && inode.entries?.(task).length === 0)
          this.files.ensure(task, dirfd, `${path}/.there`, false, {})
      } else if (errno !== undefined && use === 'makes') {
        if (errno === 'EEXIST' && exclusive(call)) {
          const kind = /^mkdir/.test(call.name) ? 'directory' : this.#guess(task, named, index)
          this.files.ensure(task, dirfd, path, false, { kind })
        } else if (errno !== 'ENOENT') this.#parent(task, named)
      } else if (fine || (errno !== undefined && provesFile.has(errno)))
        this.#there(task, call, named, outputs, index, fine)
    }
  }

  #there(task: Task, call: Syscall, named: Named, outputs: readonly Output[], index: number, fine: boolean): void {
    const { dirfd, path, follow, use } = named
    if (use === 'makes') {
      this.#parent(task, named)
      if (fine) this.#opened(task, call, named, index)
      if (fine) this.files.touch(task, dirfd, path)
      return
    }
    // A link that is followed here and read elsewhere.
    const target = follow ? targetOf(this.#lines, path) : undefined
    if (target !== undefined) this.files.ensure(task, dirfd, path, false, { kind: 'symlink', target })
    const facts = this.#facts(task, call, named, fine ? outputs : [], index)
    if (call.name === 'mount' && facts.kind === undefined) this.#bind(task, call, named, index)
    else this.files.ensure(task, dirfd, path, follow, facts)
    if (use === 'takes' && fine) this.files.touch(task, dirfd, path)
  }

  /** O_CREAT of what may have been there: so it is when it is appended to, or has a size at once. */
  #opened(task: Task, call: Syscall, { dirfd, path }: Named, index: number): void {
    if (!/^open/.test(call.name) || exclusive(call)) return
    const flags = Number(call.name === 'openat2' ? call.how.flags : 'flags' in call ? call.flags : 0)
    if (flags & O_TRUNC || this.files.find(task, dirfd, path, true)) return
    const told = this.#contents.openedTells(index)
    if (flags & O_APPEND || (told.sizeBytes ?? 0) > 0)
      this.files.ensure(task, dirfd, path, true, {
        kind: 'file',
        uid: task.credentials.fsuid,
        gid: task.credentials.fsgid,
        ...told,
      })
  }

  #facts(task: Task, call: Syscall, named: Named, outputs: readonly Output[], index: number): Facts {
    if (stats.has(call.name)) {
      const told = statTells(outputs[0]?.written)
      if (told.kind === 'symlink') {
        const target = targetOf(this.#lines, named.path)
        return { ...told, ...(target !== undefined && { target }) }
      }
      return told.kind === undefined ? this.#likely(task, named, index) : told
    }
    if (/^readlink/.test(call.name)) return outputs.length === 0 ? {} : linkTells(outputs[0]?.written)
    if (/^execve/.test(call.name)) return { kind: 'file', program: true }
    if (named.kind !== undefined) return { kind: named.kind }
    if (/^open/.test(call.name)) {
      const told = this.#contents.openedTells(index)
      return told.kind === undefined ? { ...told, ...this.#likely(task, named, index) } : told
    }
    return call.name === 'mount' ? {} : this.#likely(task, named, index)
  }

  /** Something that is mounted on something of the same kind. */
  #bind(task: Task, call: Extract<Syscall, { name: 'mount' }>, named: Named, index: number): void {
    const { dirfd, path, follow } = named
    const other = path === call.source ? call.target : call.source
    const there = other === null ? undefined : this.files.find(task, -100, other, true)
    const kind = there?.kind === 'directory' ? 'directory' : 'file'
    const facts: Facts = there === undefined ? this.#likely(task, named, index, 'directory') : { kind }
    this.files.ensure(task, dirfd, path, follow, facts)
  }

  #likely(task: Task, named: Named, index: number, otherwise: 'file' | 'directory' = 'file'): Facts {
    return { kind: this.#guess(task, named, index, otherwise), guessed: true }
  }

  #guess(
    task: Task,
    { path, dirfd }: Named,
    index: number,
    otherwise: 'file' | 'directory' = 'file',
  ): 'file' | 'directory' {
    const known = this.files.find(task, dirfd, path, true)
    if (known !== undefined && this.files.settledOf(known)?.kind)
      return known.kind === 'directory' ? 'directory' : 'file'
    return isSymbolicDirectory(this.#lines, path, index) ? 'directory' : otherwise
  }

  #notDirectory(task: Task, { dirfd, path }: Named): void {
    const parent = path.replace(/\/+[^/]*\/*$/, '')
    if (parent !== '' && parent !== path) this.files.ensure(task, dirfd, parent, true, { kind: 'file' })
  }

  #parent(task: Task, { dirfd, path }: Named): void {
    const parent = path.replace(/\/*$/, '').replace(/[^/]*$/, '')
    if (parent !== '' && parent !== '/') this.files.ensure(task, dirfd, parent, true, { kind: 'directory' })
  }

  /** A directory on the way is not for this caller. */
  #closed(task: Task, { dirfd, path }: Named): void {
    const parent = path.replace(/\/+[^/]*\/*$/, '')
    if (parent === '' || parent === path) return
    const inode = this.files.ensure(task, dirfd, parent, true, { kind: 'directory' })
    const settled = inode && this.files.settledOf(inode)
    if (!inode || !settled || settled.mode) return
    this.files.amend(inode, { mode: inode.mode & 0o700 })
    settled.mode = false
  }

  /** It is there, and not for this caller. */
  #forbidden(task: Task, call: Syscall, named: Named, index: number): void {
    const { dirfd, path, follow } = named
    const kind = named.kind ?? this.#guess(task, named, index)
    if (!/^(open|access|faccess|exec)/.test(call.name)) {
      this.#closed(task, named)
      return
    }
    const inode = this.files.ensure(task, dirfd, path, follow, { kind })
    const settled = inode && this.files.settledOf(inode)
    if (!inode || !settled || settled.mode) return
    const runs = /^execve/.test(call.name) || (/access/.test(call.name) && 'mode' in call && Number(call.mode) & 1)
    this.files.amend(inode, { mode: runs && inode.kind === 'file' ? inode.mode & ~0o111 : inode.mode & 0o700 })
    settled.mode = false
  }

  #attributes(task: Task, call: Syscall, expected: Expected, outputs: readonly Output[]): void {
    if (!succeeded(expected)) return
    switch (call.name) {
      case 'prlimit64':
      case 'getrlimit':
      case 'setrlimit':
        this.#limit(task, call, outputs)
        break
      case 'umask':
        if (expected.kind === 'value' && !this.#settledMask.has(task.fs)) {
          task.fs.umask = Number(expected.value)
          this.#settledMask.add(task.fs)
        }
        break
      case 'uname': {
        const name = outputs[0]?.written
        const field = name?.kind === 'struct' ? name.fields.find((one) => one.name === 'nodename')?.value : undefined
        if (this.#nodename || field?.kind !== 'string') break
        if (task.namespaces.uts === task.kernel.initial.uts)
          task.namespaces.uts.hostname = new TextDecoder().decode(field.bytes)
        this.#nodename = true
        break
      }
      case 'sethostname':
        this.#nodename ||= task.namespaces.uts === task.kernel.initial.uts
    }
  }

  /** Some file system is another one here. */
  #stoodIn = false

  readonly #settledMask = new WeakSet<object>()

  #limit(task: Task, call: Syscall, outputs: readonly Output[]): void {
    const { process } = task
    const own = this.#ownLimits.get(process) ?? new Set<number>()
    this.#ownLimits.set(process, own)
    const resource = Number('resource' in call ? call.resource : -1)
    // What was raised had been low enough, or high enough.
    const wanted = call.name === 'setrlimit' ? call.rlim : call.name === 'prlimit64' ? call.new_limit : null
    if (wanted && !own.has(resource) && outputs.every(({ written }) => written.kind !== 'struct')) {
      const limit = (value: bigint) => (value === 2n ** 64n - 1n ? undefined : Number(value))
      process.limits = new Map(process.limits).set(resource, { soft: limit(wanted.soft), hard: limit(wanted.hard) })
    }
    if (call.name === 'setrlimit') own.add(resource)
    if (call.name !== 'setrlimit' && !own.has(resource)) {
      const value = outputs.find(({ argument }) => argument === 'old_limit' || argument === 'rlim')?.written
      const field = (name: string): bigint | undefined => {
        const found: Value | undefined =
          value?.kind === 'struct' ? value.fields.find((one) => one.name === name)?.value : undefined
        return found && numberIn(found)
      }
      const [soft, hard] = [field('rlim_cur'), field('rlim_max')]
      const infinity = 2n ** 64n - 1n
      if (soft !== undefined && hard !== undefined)
        process.limits = new Map(process.limits).set(resource, {
          soft: soft === infinity ? undefined : Number(soft),
          hard: hard === infinity ? undefined : Number(hard),
        })
      own.add(resource)
    }
    if (call.name === 'prlimit64' && call.new_limit !== null) own.add(resource)
  }
}

export type { CallLine }
export { spaceOf }
