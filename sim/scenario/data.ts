// From the text of a call to the call as data: each kind of argument has its own way to be written.

import { type Kind, type Syscall, type SyscallName, signatures } from '../../core/syscall.ts'
import { bytesOf } from '../cpu/mask.ts'
import { addressBytes } from './addresses.ts'
import { deviceRequest } from './devices.ts'
import { modern } from './legacy.ts'
import { messageOut, messageRoom, optionBytes } from './messages.ts'
import { actualFd, actualPath, actualPid, actualPidText, holdsPids, type Names } from './names.ts'
import { isNetlink, netlinkBytes } from './netlink.ts'
import { nameOfBytes, numberIn, signalSet } from './number.ts'
import { clockShift, structIn } from './structs.ts'
import type { Value } from './value.ts'

/** An output argument as it is written, to be compared with what the kernel gives. */
export interface Output {
  readonly argument: string
  readonly written: Value
}

export type Translated =
  | { readonly call: Syscall; readonly outputs: readonly Output[] }
  /** Why it cannot be played. */
  | { readonly unknown: string }

class Unknown extends Error {}

/** What is written to timens_offsets, which strace cuts behind 32 characters. */
const offsetLine = /^(monotonic|boottime|1|7) -?\d+ \d+\n(monotonic|boottime|1|7) -?\d+$/

/** Bytes of outputs that a call has no length for. */
const outputBytes: Readonly<Record<string, number>> = {
  ...{ statx: 256, stat: 144, lstat: 144, fstat: 144, newfstatat: 144, statfs: 120, fstatfs: 120, uname: 390 },
  ...{ wait4: 4, waitid: 128, pipe: 8, pipe2: 8, sysinfo: 112, getgroups: 65536, timerfd_gettime: 32 },
  ...{ prctl_get: 16, epoll_wait: 12 * 64, epoll_pwait: 12 * 64, clock_gettime: 16, times: 32, getrusage: 144 },
}

/** Arguments that are numbers of processes or groups, whatever the call; `waitid id` with P_PIDFD is a descriptor. */
const pidArguments = new Set(['pid', 'pgid', 'tgid', 'tid'])

/** Translates a call of a task; the names are those of that task just before it. */
export function translate(name: string, args: readonly Value[], names: Names): Translated {
  try {
    const same = modern(name, args, (other) => Object.hasOwn(signatures, other))
    if (same === undefined) return { unknown: `the call ${name} is in no table` }
    return new Translation(same.name as SyscallName, same.args, names).done()
  } catch (error) {
    if (error instanceof Unknown) return { unknown: `${name}: ${error.message}` }
    throw error
  }
}

class Translation {
  readonly #name: SyscallName
  readonly #args: readonly Value[]
  readonly #names: Names
  readonly #outputs: Output[] = []
  readonly #call: Record<string, unknown> = {}
  #at = 0

  constructor(name: SyscallName, args: readonly Value[], names: Names) {
    this.#name = name
    this.#args = args
    this.#names = names
  }

  done(): Translated {
    for (const [argument, kind] of signatures[this.#name] as readonly (readonly [string, Kind])[])
      this.#call[argument] = this.#argument(argument, kind)
    return { call: { name: this.#name, ...this.#call } as unknown as Syscall, outputs: this.#outputs }
  }

  #next(): Value {
    return this.#args[this.#at++] ?? { kind: 'number', number: 0n }
  }

  #argument(argument: string, kind: Kind): unknown {
    switch (kind) {
      case 'fd':
        return Number(actualFd(this.#names, BigInt.asIntN(32, this.#number(this.#next(), argument))))
      case 'int':
        return this.#int(argument)
      case 'path':
      case 'text':
        return this.#text(this.#next(), argument, kind)
      case 'strings':
        return this.#strings(this.#next())
      case 'bytes':
        return this.#bytes(argument)
      case 'inout':
      case 'optional':
        return this.#inout(argument, kind)
      case 'out': {
        this.#outputs.push({ argument, written: this.#next() })
        // A call that never ended was not written to its end.
        if (this.#at >= this.#args.length) return 4096
        return Math.min(Number(this.#number(this.#next(), 'length')), 2 ** 20)
      }
      case 'outonly':
        this.#outputs.push({ argument, written: this.#next() })
        return outputBytes[this.#name] ?? 256
      case 'ids': {
        const items = [this.#next(), this.#next(), this.#next()].map(
          (value): Value => (value.kind === 'list' ? value.items[0]! : { kind: 'anything' }),
        )
        this.#outputs.push({ argument, written: { kind: 'list', items, others: false, open: false } })
        return 12
      }
      case 'iovec_in':
        return this.#vectors().map((value) => this.#content(value, undefined))
      case 'iovec_out': {
        const sizes = this.#args[this.#at]
        const vectors = this.#vectors()
        this.#outputs.push({ argument, written: vectors[0] ?? { kind: 'anything' } })
        const size = sizes?.kind === 'list' ? this.#fields(sizes.items[0]!).get('iov_len') : undefined
        return Number(numberIn(size ?? { kind: 'anything' }) ?? 65536n)
      }
      case 'message_out':
        return messageOut(this.#next(), this.#names)
      case 'message_room':
        this.#outputs.push({ argument, written: this.#args[this.#at]! })
        return messageRoom(this.#next())
      case 'open_how':
        return this.#struct(2, ['flags', 'mode', 'resolve'], { flags: 0 })
      case 'mount_attr':
        return this.#struct(2, ['attr_set', 'attr_clr', 'propagation', 'userns_fd'], {})
      case 'clone_args':
        return this.#cloneArgs()
      case 'capsets': {
        const header = this.#fields(this.#next())
        const sets = this.#fields(this.#next())
        const set = (name: string) => this.#number(sets.get(name) ?? { kind: 'number', number: 0n }, name)
        const pid = Number(actualPid(this.#names, numberIn(header.get('pid') ?? { kind: 'anything' }) ?? 0n))
        return {
          ...{ effective: set('effective'), permitted: set('permitted'), inheritable: set('inheritable') },
          ...(pid !== 0 && { pid }),
        }
      }
      case 'sigset': {
        const set = signalSet(this.#next())
        if (set === undefined) throw new Unknown(`${argument}: no set of signals`)
        return set
      }
      case 'sigaction':
        return this.#sigaction()
      case 'rlimit': {
        const value = this.#next()
        if (numberIn(value) === 0n) return null
        const limits = this.#fields(value)
        return { soft: this.#field(limits, 'rlim_cur'), hard: this.#field(limits, 'rlim_max') }
      }
      case 'gids': {
        this.#next()
        const list = this.#next()
        return list.kind === 'list' ? list.items.map((item) => Number(this.#number(item, argument))) : []
      }
      case 'in':
      case 'sock_fprog': {
        const value = this.#next()
        if (value.kind === 'string') return value.bytes
        const struct = structIn(`${this.#name} ${argument}`, value, this.#args, this.#at, this.#names)
        if (!struct) throw new Unknown(`${argument}: ${describe(value)} cannot be written yet`)
        return struct
      }
      case 'pollfds': {
        const list = this.#next()
        this.#next()
        if (list.kind !== 'list') return []
        return list.items.map((item) => {
          const fields = this.#fields(item)
          const fd = Number(actualFd(this.#names, BigInt.asIntN(32, this.#field(fields, 'fd'))))
          return { fd, events: Number(numberIn(fields.get('events') ?? { kind: 'anything' }) ?? 0n) }
        })
      }
      case 'timespec': {
        const value = this.#next()
        if (numberIn(value) === 0n) return null
        const fields = this.#fields(value)
        const isAbsolute = this.#name === 'clock_nanosleep' && (Number(this.#call.flags) & 1) !== 0
        const shift = isAbsolute ? clockShift(this.#names, BigInt(Number(this.#call.clockid))) : 0n
        const seconds = this.#field(fields, 'tv_sec')
        return (seconds + (seconds + shift < 0n ? -seconds : shift)) * 1_000_000_000n + this.#field(fields, 'tv_nsec')
      }
      default:
        throw new Unknown(`${argument}: arguments of the kind ${kind} cannot be written yet`)
    }
  }

  #number(value: Value, what: string): bigint {
    const number = numberIn(value)
    if (number === undefined) throw new Unknown(`${what}: ${describe(value)} is no number that is known`)
    return number
  }

  #int(argument: string): number | bigint {
    const value = this.#next()
    if (argument === 'old_limit') this.#outputs.push({ argument, written: value })
    // A pointer to something that calls as data have no word for: what the kernel had to say besides.
    if (['struct', 'list', 'string', 'anything', 'raw', 'change'].includes(value.kind) && numberIn(value) === undefined)
      return 0
    if (argument === 'prio' && this.#name === 'mq_timedreceive') return 0
    const number = this.#number(value, argument)
    const isPidfd = this.#name === 'waitid' && this.#call.idtype === 3
    if (argument === 'id') return Number((isPidfd ? actualFd : actualPid)(this.#names, number))
    if (pidArguments.has(argument)) return Number(actualPid(this.#names, BigInt.asIntN(32, number)))
    if (/^(addr|shmaddr|old_address)$/.test(argument)) return this.#names.addresses.actual(number) ?? number
    return number >= -(2n ** 53n) && number <= 2n ** 53n ? Number(number) : number
  }

  #text(value: Value, argument: string, kind: 'path' | 'text'): string | null {
    if (value.kind !== 'string') {
      if (numberIn(value) === 0n) return null
      // What nobody reads may point anywhere: the type and data of a bind mount.
      if (this.#name === 'mount' && numberIn(value) !== undefined && kind === 'text') return null
      throw new Unknown(`${argument}: ${describe(value)} is no string`)
    }
    if (value.cut) throw new Unknown(`${argument}: the end of the string is left out`)
    const text = nameOfBytes(value.bytes)
    // The source of a bind mount is a path.
    if (kind === 'text') return argument === 'source' ? actualPath(this.#names, text) : text
    const dirfd = this.#call.dirfd ?? this.#call.olddirfd
    const below = typeof dirfd === 'number' && dirfd >= 0 && this.#pathOf(dirfd) === '/proc'
    return below ? actualPath(this.#names, `/proc/${text}`).slice(6) : actualPath(this.#names, text)
  }

  #strings(value: Value): string[] {
    if (value.kind !== 'list') return []
    // A program does not see what strace has left out of its words, and neither does anybody here.
    return value.items.flatMap((item) => (item.kind === 'string' ? nameOfBytes(item.bytes) : []))
  }

  #bytes(argument: string): Uint8Array {
    const value = this.#next()
    const size = this.#next()
    if (argument === 'optval' && value.kind !== 'string') {
      const option = optionBytes(value, Number(numberIn(size) ?? 4n))
      if (option !== undefined) return option
    }
    if (value.kind === 'struct') return this.#sized(addressBytes(value, this.#names), numberIn(size), argument)
    if (isNetlink(value)) return this.#sized(netlinkBytes(value, this.#names), numberIn(size), argument)
    const given = Number(BigInt.asIntN(32, this.#number(size, 'length')))
    // A negative one is more than there may be.
    const length = given < 0 ? 65536 : given
    const path = typeof this.#call.fd === 'number' ? this.#pathOf(this.#call.fd) : undefined
    return this.#content(value, length, holdsPids(path))
  }

  #sized(bytes: Uint8Array | undefined, size: bigint | undefined, argument: string): Uint8Array {
    if (bytes === undefined) throw new Unknown(`${argument}: this struct cannot be written yet`)
    const sized = new Uint8Array(Number(size ?? BigInt(bytes.length)))
    sized.set(bytes.subarray(0, sized.length))
    return sized
  }

  /** Bytes of a string; what strace has left out of it is zeros. */
  #content(value: Value, length: number | undefined, pids = false): Uint8Array {
    if (value.kind !== 'string') {
      if (numberIn(value) === undefined) throw new Unknown(`${describe(value)} is no string`)
      return new Uint8Array(length ?? 0)
    }
    if (pids) return new TextEncoder().encode(actualPidText(this.#names, nameOfBytes(value.bytes)))
    const bytes = new Uint8Array(length ?? value.bytes.length)
    // Lines of numbers end in zeros as text: `boottime 86400 0`.
    if (value.cut && offsetLine.test(nameOfBytes(value.bytes)))
      bytes.set(new TextEncoder().encode(' 0'), bytes.length - 2)
    bytes.set(value.bytes.subarray(0, bytes.length))
    return bytes
  }

  #pathOf(actual: number): string | undefined {
    const written = this.#names.files.numbers.written(BigInt(actual))
    return written === undefined ? undefined : this.#names.files.paths.get(written)
  }

  /** `[1]` is four bytes, a string its bytes, `[{...}, {...}]` of utimensat(2) two times. */
  #inout(argument: string, kind: 'inout' | 'optional'): Uint8Array | null {
    const value = this.#next()
    this.#outputs.push({ argument, written: value })
    const struct = structIn(`${this.#name} ${argument}`, value, this.#args, this.#at, this.#names)
    if (struct !== undefined) return struct
    const request = deviceRequest(value, this.#names)
    if (request !== undefined) return request
    if (value.kind === 'string') return value.bytes
    if (argument === 'mask' && value.kind === 'list') return bytesOf(this.#bits(value.items), 16)
    if (value.kind === 'list' && value.items[0]?.kind === 'struct') return this.#times(value.items)
    const number = numberIn(value.kind === 'list' && value.items[0]?.kind === 'change' ? value.items[0].before : value)
    if (number === 0n && value.kind !== 'list' && kind === 'optional') return null
    const known = number ?? 0n
    const bytes = new Uint8Array(known >= 2n ** 32n ? 8 : 4)
    for (let at = 0; at < bytes.length; at++) bytes[at] = Number((known >> BigInt(8 * at)) & 255n)
    return bytes
  }

  /** `[0 1]` of sched_setaffinity(2). */
  #bits(items: readonly Value[]): bigint {
    return items.reduce((mask, item) => mask | (1n << this.#number(item, 'a processor')), 0n)
  }

  #times(items: readonly Value[]): Uint8Array {
    const bytes = new Uint8Array(16 * items.length)
    const view = new DataView(bytes.buffer)
    for (const [index, item] of items.entries()) {
      const fields = this.#fields(item)
      view.setBigInt64(16 * index, numberIn(fields.get('tv_sec') ?? { kind: 'anything' }) ?? 0n, true)
      view.setBigInt64(16 * index + 8, numberIn(fields.get('tv_nsec') ?? item) ?? 0n, true)
    }
    return bytes
  }

  #vectors(): Value[] {
    const list = this.#next()
    this.#next()
    if (list.kind !== 'list') throw new Unknown('no array of buffers')
    return list.items.map((item) => this.#fields(item).get('iov_base') ?? { kind: 'anything' })
  }

  #fields(value: Value): ReadonlyMap<string, Value> {
    if (value.kind === 'change') return this.#fields(value.before)
    if (value.kind !== 'struct') return new Map()
    return new Map(value.fields.map((field) => [field.name, field.value]))
  }

  #field(fields: ReadonlyMap<string, Value>, name: string): bigint {
    return this.#number(fields.get(name) ?? { kind: 'anything' }, name)
  }

  /** A struct of numbers; a member whose name ends in fd is a descriptor. */
  #struct(width: number, members: readonly string[], defaults: object): object {
    const fields = this.#fields(this.#next())
    for (let more = 1; more < width; more++) this.#next()
    const found = members.flatMap((name) => {
      const value = fields.get(name)
      if (value === undefined) return []
      const number = this.#number(value, name)
      return [[name, Number(/fd$|^cgroup$/.test(name) ? actualFd(this.#names, number) : number)]] as const
    })
    return { ...defaults, ...Object.fromEntries(found) }
  }

  /** Members that are pointers, but for the stack, are not data; set_tid is a list of numbers. */
  #cloneArgs(): object {
    const value = this.#next()
    const size = this.#next()
    const fields = this.#fields(value)
    const args: Record<string, unknown> = { flags: 0, exit_signal: 0 }
    for (const [name, field] of fields) {
      if (name === '' && field.kind === 'string') args.tail = field.bytes
      if (['parent_tid', 'child_tid', 'tls', 'pidfd', ''].includes(name)) continue
      if (name === 'set_tid' && field.kind === 'list')
        args.set_tid = field.items.map((item) => Number(this.#number(item, name)))
      else if (name === 'set_tid_size') continue
      else if (name === 'cgroup') args.cgroup = Number(actualFd(this.#names, this.#number(field, name)))
      else if (numberIn(field) !== 0n || name === 'flags') args[name] = Number(this.#number(field, name))
    }
    // A stack that strace shows is a program's own; ours come with whoever plays.
    if (args.stack !== undefined && args.stack_size !== undefined) {
      delete args.stack
      delete args.stack_size
    }
    const bytes = numberIn(size)
    if (bytes !== undefined && this.#at <= this.#args.length && ![64n, 80n, 88n].includes(bytes))
      args.size = Number(bytes)
    return args
  }

  /** A handler of the program's own is any other address. */
  #sigaction(): unknown {
    const value = this.#next()
    if (value.kind !== 'struct') return null
    const fields = this.#fields(value)
    const handler = this.#field(fields, 'sa_handler')
    const flags = Number(numberIn(fields.get('sa_flags') ?? { kind: 'anything' }) ?? 0n)
    const mask = signalSet(fields.get('sa_mask') ?? { kind: 'list', items: [], others: false, open: false }) ?? 0n
    return { handler: handler > 1n ? 2 : Number(handler), flags, mask }
  }
}

function describe(value: Value): string {
  if (value.kind === 'name') return value.name
  if (value.kind === 'join') return value.parts.map(describe).join(value.operator)
  if (value.kind === 'raw') return value.text
  return value.kind === 'anything' ? 'what is left out' : `a ${value.kind}`
}
