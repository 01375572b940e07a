// From a call as data to registers: what each kind of argument looks like to the kernel (64-bit, little-endian).

import { messageHeaderBytes, messagePlaces } from '../message.ts'
import { type BpfAttr, type Kind, type Kinds, type Result, type Syscall, signatures } from '../syscall.ts'
import type { Arena } from './arena.ts'

/** A register: a value, or the result of an earlier step. */
export type Register = number | bigint | Result

/** Where a struct in memory needs an earlier result: stored there just before the call. */
export interface Store {
  readonly offset: number
  readonly bits: 32 | 64
  readonly result: Result
}

export interface EncodedCall {
  readonly registers: Register[]
  readonly stores: Store[]
  /** Where the kernel's answer lies, for the outcome's data. */
  readonly output?: { readonly offset: number; readonly byteCount: number; readonly cutToValue: boolean }
}

type Output = EncodedCall['output']
const encoder = new TextEncoder()
const bytesOf = (value: Uint8Array | string) => (typeof value === 'string' ? encoder.encode(value) : value)

/** Lays a call's arguments into the arena and gives its registers. */
export function encodeCall(call: Syscall, arena: Arena): EncodedCall {
  const registers: Register[] = []
  const stores: Store[] = []
  let output: Output
  const given = call as unknown as Record<string, unknown>
  const struct = (byteCount: number) => {
    const offset = arena.reserve(byteCount)
    registers.push(arena.address(offset))
    return offset
  }
  const field = (offset: number, bits: 32 | 64, value: Register | undefined) => {
    if (value === undefined) return
    if (typeof value === 'object') stores.push({ offset, bits, result: value })
    else if (bits === 64) arena.u64(offset, value)
    else arena.u32(offset, Number(value))
  }
  for (const [name, kind] of signatures[call.name] as readonly (readonly [string, Kind])[]) {
    const value = given[name]
    switch (kind) {
      case 'fd':
      case 'int':
        registers.push(
          name === 'flags' && call.name === 'openat' ? arena.openFlags(Number(value)) : (value as Register),
        )
        break
      case 'path':
      case 'text':
        registers.push(value === null ? 0 : arena.text(value as string))
        break
      case 'strings':
        registers.push(arena.strings(value as Kinds['strings']))
        break
      case 'bytes': {
        const bytes = bytesOf(value as Kinds['bytes'])
        registers.push(bytes.length === 0 ? 0 : arena.put(bytes), bytes.length)
        break
      }
      case 'inout':
      case 'optional': {
        if (value === null) {
          registers.push(0)
          break
        }
        const bytes = value as Uint8Array
        const offset = struct(bytes.length)
        arena.bytes.set(bytes, offset)
        output ??= { offset, byteCount: bytes.length, cutToValue: false }
        break
      }
      case 'in': {
        const bytes = value as Uint8Array
        arena.bytes.set(bytes, struct(bytes.length))
        break
      }
      case 'ids': {
        const offset = struct(12)
        registers.push(arena.address(offset + 4), arena.address(offset + 8))
        output ??= { offset, byteCount: 12, cutToValue: false }
        break
      }
      case 'out':
      case 'outonly': {
        const byteCount = value as number
        const offset = struct(byteCount)
        if (kind === 'out') registers.push(byteCount)
        output ??= { offset, byteCount, cutToValue: kind === 'out' }
        break
      }
      case 'iovec_in': {
        const buffers = (value as Kinds['iovec_in']).map(bytesOf)
        const places = buffers.map((bytes) => (bytes.length === 0 ? 0 : arena.put(bytes)))
        const offset = struct(16 * buffers.length)
        registers.push(buffers.length)
        for (const [index, bytes] of buffers.entries()) {
          arena.u64(offset + 16 * index, places[index]!)
          arena.u64(offset + 16 * index + 8, bytes.length)
        }
        break
      }
      case 'iovec_out': {
        const byteCount = value as number
        const offset = arena.reserve(byteCount)
        const vector = struct(16)
        registers.push(1)
        arena.u64(vector, arena.address(offset))
        arena.u64(vector + 8, byteCount)
        output ??= { offset, byteCount, cutToValue: true }
        break
      }
      case 'message_out': {
        const message = value as Kinds['message_out']
        const buffers = message.iov.map(bytesOf)
        const places = buffers.map((bytes) => (bytes.length === 0 ? 0 : arena.put(bytes)))
        const vectors = arena.reserve(16 * buffers.length)
        for (const [index, bytes] of buffers.entries()) {
          arena.u64(vectors + 16 * index, places[index]!)
          arena.u64(vectors + 16 * index + 8, bytes.length)
        }
        const part = (bytes: Uint8Array | undefined) => (bytes?.length ? arena.put(bytes) : 0)
        const [to, control] = [part(message.to), part(message.control)]
        const offset = struct(messageHeaderBytes)
        arena.u64(offset, to)
        arena.u32(offset + 8, message.to?.length ?? 0)
        arena.u64(offset + 16, arena.address(vectors))
        arena.u64(offset + 24, buffers.length)
        arena.u64(offset + 32, control)
        arena.u64(offset + 40, message.control?.length ?? 0)
        break
      }
      case 'message_room': {
        const room = value as Kinds['message_room']
        const places = messagePlaces(room)
        const offset = struct(places.end)
        const vectors = arena.reserve(16 * room.iov.length)
        let at = offset + places.bytes
        for (const [index, byteCount] of room.iov.entries()) {
          arena.u64(vectors + 16 * index, arena.address(at))
          arena.u64(vectors + 16 * index + 8, byteCount)
          at += byteCount
        }
        arena.u64(offset, room.nameBytes === 0 ? 0 : arena.address(offset + places.name))
        arena.u32(offset + 8, room.nameBytes)
        arena.u64(offset + 16, arena.address(vectors))
        arena.u64(offset + 24, room.iov.length)
        arena.u64(offset + 32, room.controlBytes === 0 ? 0 : arena.address(offset + places.control))
        arena.u64(offset + 40, room.controlBytes)
        output ??= { offset, byteCount: places.end, cutToValue: false }
        break
      }
      case 'open_how': {
        const how = value as Kinds['open_how']
        const offset = struct(24)
        registers.push(24)
        arena.u64(offset, arena.openFlags(how.flags))
        arena.u64(offset + 8, how.mode ?? 0)
        arena.u64(offset + 16, how.resolve ?? 0)
        break
      }
      case 'mount_attr': {
        const attr = value as Kinds['mount_attr']
        const offset = struct(32)
        registers.push(32)
        arena.u64(offset, attr.attr_set ?? 0)
        arena.u64(offset + 8, attr.attr_clr ?? 0)
        arena.u64(offset + 16, attr.propagation ?? 0)
        field(offset + 24, 64, attr.userns_fd)
        break
      }
      case 'clone_args': {
        const args = value as Kinds['clone_args']
        const offset = struct(Math.max(88, args.size ?? 0))
        registers.push(args.size ?? 88)
        arena.u64(offset, args.flags)
        arena.u64(offset + 32, args.exit_signal ?? 17)
        arena.u64(offset + 40, args.stack ?? 0)
        arena.u64(offset + 48, args.stack_size ?? 0)
        if (args.tail) arena.bytes.set(args.tail.subarray(0, Math.max(0, (args.size ?? 88) - 88)), offset + 88)
        if (args.set_tid) {
          const numbers = arena.reserve(4 * args.set_tid.length)
          for (const [index, tid] of args.set_tid.entries()) arena.u32(numbers + 4 * index, tid)
          arena.u64(offset + 64, arena.address(numbers))
          arena.u64(offset + 72, args.set_tid.length)
        }
        field(offset + 80, 64, args.cgroup)
        break
      }
      case 'capsets': {
        const sets = value as Kinds['capsets']
        const header = struct(8)
        arena.u32(header, 0x20080522) // _LINUX_CAPABILITY_VERSION_3
        arena.u32(header + 4, sets.pid ?? 0)
        const data = struct(24)
        for (const half of [0, 1]) {
          const part = (set: bigint) => Number((set >> BigInt(32 * half)) & 0xffffffffn)
          arena.u32(data + 12 * half, part(sets.effective))
          arena.u32(data + 12 * half + 4, part(sets.permitted))
          arena.u32(data + 12 * half + 8, part(sets.inheritable))
        }
        break
      }
      case 'sock_fprog': {
        const program = value as Uint8Array
        const filter = arena.put(program)
        const offset = struct(16)
        arena.u32(offset, program.length / 8)
        arena.u64(offset + 8, filter)
        break
      }
      case 'sigset':
        arena.u64(struct(8), value as bigint)
        break
      case 'sigaction': {
        const action = value as Kinds['sigaction']
        if (action === null) registers.push(0)
        else {
          const offset = struct(32)
          arena.u64(offset, action.handler)
          arena.u64(offset + 8, action.flags ?? 0)
          arena.u64(offset + 24, action.mask ?? 0n)
        }
        break
      }
      case 'rlimit': {
        const limit = value as Kinds['rlimit']
        if (limit === null) registers.push(0)
        else {
          const offset = struct(16)
          arena.u64(offset, limit.soft)
          arena.u64(offset + 8, limit.hard)
        }
        break
      }
      case 'gids': {
        const ids = value as Kinds['gids']
        registers.push(ids.length)
        const offset = struct(4 * ids.length)
        for (let i = 0; i < ids.length; i++) arena.u32(offset + 4 * i, ids[i]!)
        break
      }
      case 'pollfds': {
        const fds = value as Kinds['pollfds']
        const offset = struct(8 * fds.length)
        registers.push(fds.length)
        for (let i = 0; i < fds.length; i++) {
          arena.u32(offset + 8 * i, fds[i]!.fd)
          arena.u32(offset + 8 * i + 4, fds[i]!.events)
        }
        output = { offset, byteCount: 8 * fds.length, cutToValue: false }
        break
      }
      case 'bpf_attr':
        encodeBpf(value as BpfAttr, arena, struct(128), field)
        registers.push(128)
        break
      case 'timespec': {
        if (value === null) registers.push(0)
        else {
          const offset = struct(16)
          arena.u64(offset, (value as bigint) / 1_000_000_000n)
          arena.u64(offset + 8, (value as bigint) % 1_000_000_000n)
        }
        break
      }
      default:
        unreachable(kind)
    }
  }
  return { registers, stores, output }
}

/** union bpf_attr, the fields of the commands in use. linux/bpf.h. */
function encodeBpf(
  attr: BpfAttr,
  arena: Arena,
  at: number,
  field: (offset: number, bits: 32 | 64, value: Register | undefined) => void,
): void {
  if ('insns' in attr) {
    arena.u32(at, attr.prog_type)
    arena.u32(at + 4, attr.insns.length / 8)
    arena.u64(at + 8, arena.put(attr.insns))
    arena.u64(at + 16, arena.text(attr.license))
    if (attr.prog_name) arena.bytes.set(encoder.encode(attr.prog_name.slice(0, 15)), at + 48)
  } else if ('target_fd' in attr) {
    field(at, 32, attr.target_fd)
    field(at + 4, 32, attr.attach_bpf_fd)
    arena.u32(at + 8, attr.attach_type)
    arena.u32(at + 12, attr.attach_flags)
  } else {
    field(at, 32, attr.query_target_fd)
    arena.u32(at + 4, attr.attach_type)
  }
}

function unreachable(kind: never): never {
  throw new Error(`an argument of unknown kind ${String(kind)}`)
}
