// Structs that calls read, from the way in which strace writes them to bytes: capabilities, messages and semaphores of System
// V, timers, filters of seccomp. capget(2), msgop(2), semop(2), setitimer(2), timerfd_create(2), seccomp(2)

import { actualPid, type Names } from './names.ts'
import { numberIn } from './number.ts'
import type { Value } from './value.ts'

const nothing: Value = { kind: 'anything' }

type Fields = ReadonlyMap<string, Value>

function fieldsOf(value: Value | undefined): Fields {
  if (value?.kind === 'change') return fieldsOf(value.before)
  return value?.kind === 'struct' ? new Map(value.fields.map((field) => [field.name, field.value])) : new Map()
}

const count = (value: Value | undefined): bigint => numberIn(value ?? nothing) ?? 0n

/** 64-bit words, one after the other. */
function words(...numbers: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(numbers.map((number) => BigInt.asIntN(64, number))).buffer)
}

/** The members of a struct by name, or by place where strace left the names out. */
function members(value: Value, names: readonly string[]): bigint[] {
  if (value.kind !== 'struct') return names.map(() => 0n)
  const fields = fieldsOf(value)
  return names.map((name, index) =>
    count(fields.get(name) ?? (value.fields[index]?.name === '' ? value.fields[index].value : undefined)),
  )
}

/** struct itimerval and itimerspec. */
function timer(value: Value, part: 'tv_usec' | 'tv_nsec', shift: bigint): Uint8Array {
  const fields = fieldsOf(value)
  const [interval, first] = [fieldsOf(fields.get('it_interval')), fieldsOf(fields.get('it_value'))]
  const isSet = count(first.get('tv_sec')) !== 0n || count(first.get(part)) !== 0n
  const seconds = count(first.get('tv_sec')) + (isSet ? shift : 0n)
  return words(count(interval.get('tv_sec')), count(interval.get(part)), seconds, count(first.get(part)))
}

function semaphoreOperations(value: Value): Uint8Array | undefined {
  if (value.kind !== 'list') return undefined
  const halves = value.items.flatMap((item) => members(item, ['sem_num', 'sem_op', 'sem_flg']))
  return new Uint8Array(Uint16Array.from(halves.map((half) => Number(BigInt.asUintN(16, half)))).buffer)
}

/** `{1, "hello"}` or `{mtype=1, mtext="hello"}`: the type, and as many bytes as the call says. */
function queueMessage(value: Value, length: bigint): Uint8Array | undefined {
  if (value.kind !== 'struct') return undefined
  const bytes = new Uint8Array(8 + Number(length))
  bytes.set(words(count(value.fields[0]?.value)))
  const text = value.fields.find((field) => field.value.kind === 'string')?.value
  if (text?.kind === 'string') bytes.set(text.bytes.subarray(0, Number(length)), 8)
  return bytes
}

/** struct shmid64_ds, msqid64_ds and semid64_ds: what IPC_SET changes, and room for IPC_STAT. */
function ipcObject(value: Value): Uint8Array | undefined {
  if (value.kind !== 'struct') return undefined
  const bytes = new Uint8Array(120)
  const view = new DataView(bytes.buffer)
  const permissions = fieldsOf(value.fields.find(({ name }) => name.endsWith('_perm'))?.value)
  view.setUint32(4, Number(BigInt.asUintN(32, count(permissions.get('uid')))), true)
  view.setUint32(8, Number(BigInt.asUintN(32, count(permissions.get('gid')))), true)
  view.setUint32(20, Number(count(permissions.get('mode'))), true)
  view.setBigUint64(88, count(fieldsOf(value).get('msg_qbytes')), true)
  return bytes
}

/** Room for a socket's address or option, as large as the argument behind it says; null is NULL. */
function room(value: Value, least: number, size: Value | undefined): Uint8Array | null {
  if (numberIn(value) === 0n && value.kind !== 'list') return null
  const item = size?.kind === 'list' ? size.items[0] : size
  const known =
    item?.kind === 'string' ? BigInt(item.bytes[0] ?? 0) : count(item?.kind === 'change' ? item.before : item)
  return new Uint8Array(Math.max(least, Math.min(Math.max(0, Number(known)), 4096)))
}

const allow = 0x7fff0000n
const returns = 6n

/** struct sock_fprog: the instructions that `strace -v` shows, and as many that allow everything where they are left out. */
function filter(value: Value): Uint8Array | undefined {
  if (value.kind !== 'struct') return undefined
  const fields = fieldsOf(value)
  const instructions = fields.get('filter')
  const shown = instructions?.kind === 'list' ? instructions.items : []
  const length = Math.max(shown.length, Number(count(fields.get('len'))))
  const view = new DataView(new ArrayBuffer(8 * length))
  for (let at = 0; at < length; at++) {
    const item = shown[at]
    const [code = returns, k = allow, yes = 0n, no = 0n] = item?.kind === 'apply' ? item.args.map(count) : []
    view.setUint16(8 * at, Number(code), true)
    view.setUint8(8 * at + 2, Number(yes))
    view.setUint8(8 * at + 3, Number(no))
    view.setUint32(8 * at + 4, Number(BigInt.asUintN(32, k)), true)
  }
  return new Uint8Array(view.buffer)
}

/** `{events=EPOLLIN, data={u32=5, u64=5}}`, packed as on x86-64. epoll_ctl(2) */
function epollEvent(value: Value): Uint8Array | undefined {
  if (value.kind !== 'struct') return undefined
  const fields = fieldsOf(value)
  const data = fieldsOf(fields.get('data'))
  const view = new DataView(new ArrayBuffer(12))
  view.setUint32(0, Number(count(fields.get('events'))), true)
  view.setBigUint64(4, BigInt.asUintN(64, count(data.get('u64') ?? data.get('u32'))), true)
  return new Uint8Array(view.buffer)
}

/** By how much a clock of the kernel differs from the one that was written about; 0 until it was read. */
export const clockShift = (names: Names, clock: bigint): bigint => names.clocks.get(clockFamily(Number(clock))) ?? 0n

/** Clocks that go alike: CLOCK_MONOTONIC and _RAW and _COARSE, CLOCK_BOOTTIME and _ALARM, CLOCK_REALTIME's. */
export function clockFamily(clock: number): number {
  if (clock === 4 || clock === 6) return 1
  if (clock === 9) return 7
  return clock === 5 || clock === 8 ? 0 : clock
}

/**
 * A struct as bytes; undefined where the argument is none that this file knows.
 *
 * @param args - all arguments, of which this one stands before `next`
 */
export function structIn(
  where: string,
  value: Value,
  args: readonly Value[],
  next: number,
  names: Names,
): Uint8Array | null | undefined {
  switch (where) {
    case 'capget hdrp': {
      if (value.kind !== 'struct') return undefined
      const [version = 0n, pid = 0n] = members(value, ['version', 'pid'])
      return new Uint8Array(Int32Array.of(Number(version), Number(actualPid(names, pid))).buffer)
    }
    case 'msgsnd msgp':
      return queueMessage(value, count(args[next]))
    case 'semop sops':
    case 'semtimedop sops':
      return semaphoreOperations(value)
    case 'setitimer new_value':
      return value.kind === 'struct' ? timer(value, 'tv_usec', 0n) : undefined
    case 'timerfd_settime new_value':
      return value.kind === 'struct'
        ? timer(value, 'tv_nsec', count(args[1]) & 1n ? clockShift(names, 1n) : 0n)
        : undefined
    case 'mq_open attr':
      if (value.kind !== 'struct') return undefined
      return words(...members(value, ['mq_flags', 'mq_maxmsg', 'mq_msgsize', 'mq_curmsgs']), 0n, 0n, 0n, 0n)
    case 'shmctl buf':
    case 'msgctl buf':
    case 'semctl_buffer arg':
      return ipcObject(value)
    case 'seccomp args':
      return filter(value)
    case 'epoll_ctl event':
      return epollEvent(value)
    case 'getsockopt optval':
      return room(value, 0, args[next])
    case 'accept4 addr':
    case 'getsockname addr':
    case 'getpeername addr':
      return room(value, 128, args[next])
  }
  return undefined
}
