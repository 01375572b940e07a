// Messages of sockets as strace writes them: struct msghdr, control messages, values of options. sendmsg(2), unix(7)

import { type Received, receivedMessage } from '../../core/message.ts'
import type { MessageOut, MessageRoom, Syscall } from '../../core/syscall.ts'
import { addressBytes, addressValue, plainAddress } from './addresses.ts'
import { agrees } from './compare.ts'
import { actualFd, actualPid, type Names } from './names.ts'
import { isNetlink, netlinkBytes, sameNetlink } from './netlink.ts'
import { numberIn } from './number.ts'
import type { Field, Value } from './value.ts'

const nothing: Value = { kind: 'anything' }
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const SCM_CREDENTIALS = 2
const MSG_CTRUNC = 8
/** Flags of the call that the kernel leaves in the message's. */
const bytesMost = 65536
const number = (value: number | bigint): Value => ({ kind: 'number', number: BigInt(value) })
const name = (text: string): Value => ({ kind: 'name', name: text })
const list = (items: readonly Value[]): Value => ({ kind: 'list', items, others: false, open: false })
const record = (fields: Readonly<Record<string, Value>>): Value => ({
  kind: 'struct',
  fields: Object.entries(fields).map(([field, value]) => ({ name: field, value })),
  open: false,
})

function fieldsOf(value: Value): ReadonlyMap<string, Value> {
  if (value.kind === 'change') return fieldsOf(value.before)
  return value.kind === 'struct' ? new Map(value.fields.map((field: Field) => [field.name, field.value])) : new Map()
}

const itemsOf = (value: Value | undefined): readonly Value[] => (value?.kind === 'list' ? value.items : [])
const before = (value: Value | undefined): bigint | undefined =>
  numberIn((value?.kind === 'change' ? value.before : value) ?? nothing)

/** Buffers of a message: what strace has left out is zeros. */
function bufferBytes(vector: Value, names: Names): Uint8Array {
  const fields = fieldsOf(vector)
  const base = fields.get('iov_base') ?? nothing
  const bytes = base.kind === 'string' ? base.bytes : isNetlink(base) ? netlinkBytes(base, names) : new Uint8Array(0)
  const whole = new Uint8Array(Number(before(fields.get('iov_len')) ?? BigInt(bytes.length)))
  whole.set(bytes.subarray(0, whole.length))
  return whole
}

/** struct msghdr of sendmsg(2). */
export function messageOut(value: Value, names: Names): MessageOut {
  const fields = fieldsOf(value)
  const address = addressBytes(fields.get('msg_name') ?? nothing, names)
  const size = before(fields.get('msg_namelen'))
  const control = controlBytes(itemsOf(fields.get('msg_control')), names)
  return {
    iov: itemsOf(fields.get('msg_iov')).map((vector) => bufferBytes(vector, names)),
    ...(address && { to: sized(address, size) }),
    ...(control.length > 0 && { control }),
  }
}

function sized(bytes: Uint8Array, size: bigint | undefined): Uint8Array {
  const whole = new Uint8Array(Number(size ?? BigInt(bytes.length)))
  whole.set(bytes.subarray(0, whole.length))
  return whole
}

const aligned = (length: number): number => (length + 7) & ~7

function controlBytes(items: readonly Value[], names: Names): Uint8Array {
  const parts = items.map((item) => {
    const fields = fieldsOf(item)
    const of = (field: string) => Number(numberIn(fields.get(field) ?? nothing) ?? 0n)
    const data = controlData(fields.get('cmsg_data'), of('cmsg_type'), names)
    const bytes = new Uint8Array(aligned(16 + data.length))
    const view = new DataView(bytes.buffer)
    view.setBigUint64(0, BigInt(of('cmsg_len') || 16 + data.length), true)
    view.setInt32(8, of('cmsg_level') || SOL_SOCKET, true)
    view.setInt32(12, of('cmsg_type'), true)
    bytes.set(data, 16)
    return bytes
  })
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function controlData(value: Value | undefined, kind: number, names: Names): Uint8Array {
  if (value === undefined) return new Uint8Array(0)
  if (value.kind === 'string') return value.bytes
  if (kind === SCM_RIGHTS) {
    const fds = itemsOf(value).map((item) => Number(actualFd(names, numberIn(item) ?? -1n)))
    return new Uint8Array(Int32Array.from(fds).buffer)
  }
  const fields = fieldsOf(value)
  const pid = Number(actualPid(names, numberIn(fields.get('pid') ?? nothing) ?? 0n))
  const id = (field: string) => Number(BigInt.asIntN(32, numberIn(fields.get(field) ?? nothing) ?? 0n))
  return new Uint8Array(Int32Array.of(pid, id('uid'), id('gid')).buffer)
}

/** Room for what is written to have come; a control buffer that was too small was as large as what is in it. */
export function messageRoom(value: Value): MessageRoom {
  const fields = fieldsOf(value)
  const size = before(fields.get('msg_namelen')) ?? 0n
  const named = fields.get('msg_name') !== undefined && numberIn(fields.get('msg_name')!) === 0n
  const cut = (Number(numberIn(fields.get('msg_flags') ?? nothing) ?? 0n) & MSG_CTRUNC) !== 0
  const iov = itemsOf(fields.get('msg_iov')).map((vector) => Number(before(fieldsOf(vector).get('iov_len')) ?? 0n))
  return {
    nameBytes: named ? 0 : Math.min(Math.max(0, Number(size)), 4096),
    iov: iov.length > 0 ? iov.map((length) => Math.min(length, bytesMost)) : [bytesMost],
    controlBytes: cut ? Number(numberIn(fields.get('msg_controllen') ?? nothing) ?? 0n) : 2048,
  }
}

/** Control messages as strace shows them. */
export function controlValue(control: Uint8Array): Value {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength)
  const items: Value[] = []
  for (let at = 0; at + 16 <= control.length; ) {
    const length = Number(view.getBigUint64(at, true))
    if (length < 16 || at + length > control.length) break
    const kind = view.getInt32(at + 12, true)
    const word = (index: number) => view.getInt32(at + 16 + 4 * index, true)
    const data: Readonly<Record<string, Value>> =
      kind === SCM_RIGHTS
        ? { cmsg_data: list(Array.from({ length: (length - 16) >> 2 }, (_, index) => number(word(index)))) }
        : kind === SCM_CREDENTIALS && length >= 28
          ? { cmsg_data: record({ pid: number(word(0)), uid: number(word(1) >>> 0), gid: number(word(2) >>> 0) }) }
          : {}
    const type = ({ [SCM_RIGHTS]: name('SCM_RIGHTS'), [SCM_CREDENTIALS]: name('SCM_CREDENTIALS') } as const)[kind]
    const head = { cmsg_len: number(length), cmsg_level: name('SOL_SOCKET'), cmsg_type: type ?? number(kind) }
    items.push(record({ ...head, ...data }))
    at += aligned(length)
  }
  return list(items)
}

/** Whether an answer of netlink is written here: how long these are depends on the kernel's age. */
export const isNetlinkAnswer = (written: Value | undefined): boolean =>
  written !== undefined &&
  (isNetlink(written) ||
    numberIn(fieldsOf(fieldsOf(written).get('msg_name') ?? nothing).get('sa_family') ?? nothing) === 16n)

/** A message that has come, as strace shows it. */
export function messageValue({ name: address, control, bytes, flags }: Received): Value {
  const from = addressValue(address)
  return record({
    ...(from && { msg_name: from }),
    msg_iov: list([record({ iov_base: { kind: 'string', bytes, cut: false } })]),
    ...(control.length > 0 && { msg_control: controlValue(control) }),
    msg_flags: number(flags),
  })
}

/** Whether a message is the one that is written; descriptors that came with it are bound. */
export function sameMessage(
  written: Value,
  call: Extract<Syscall, { name: 'recvmsg' }>,
  value: number,
  data: Uint8Array,
  names: Names,
): boolean {
  if (written.kind !== 'struct') return true
  const received = receivedMessage(call.msg, value, data)
  const fields = fieldsOf(written)
  const from = fields.get('msg_name')
  const address = addressValue(received.name)
  if (from?.kind === 'struct' && (address === undefined || !agrees(plainAddress(from), address, names))) return false
  const size = fields.get('msg_namelen')
  if (size?.kind === 'change' && numberIn(size.after) === 0n && received.name.length > 0) return false
  if (!sameBuffers(itemsOf(fields.get('msg_iov')), received.bytes, names)) return false
  const flags = numberIn(fields.get('msg_flags') ?? nothing)
  if (flags !== undefined && Number(flags) !== received.flags) return false
  const control = fields.get('msg_control')
  if (control !== undefined && control.kind !== 'list' && numberIn(control) !== 0n) return true
  if (control === undefined && written.open) return true
  return sameControl(itemsOf(control), itemsOf(controlValue(received.control)), names)
}

function sameBuffers(vectors: readonly Value[], bytes: Uint8Array, names: Names): boolean {
  let at = 0
  for (const vector of vectors) {
    const base = fieldsOf(vector).get('iov_base') ?? nothing
    if (isNetlink(base)) return sameNetlink(base, bytes, names)
    if (base.kind !== 'string') return true
    if (base.bytes.some((byte, index) => byte !== bytes[at + index])) return false
    at += base.bytes.length
    if (base.cut) return true
  }
  return at === bytes.length || vectors.length === 0
}

function sameControl(written: readonly Value[], actual: readonly Value[], names: Names): boolean {
  if (written.length !== actual.length) return false
  return written.every((item, index) => {
    const [wanted, got] = [fieldsOf(item), fieldsOf(actual[index]!)]
    for (const field of ['cmsg_len', 'cmsg_type'])
      if (wanted.has(field) && !agrees(wanted.get(field)!, got.get(field)!, names)) return false
    const [data, other] = [wanted.get('cmsg_data'), got.get('cmsg_data')]
    if (data === undefined || other === undefined) return true
    if (data.kind !== 'list' || other.kind !== 'list') return agrees(data, other, names)
    if (data.items.length !== other.items.length) return false
    for (const [place, fd] of data.items.entries()) {
      names.files.numbers.bind(numberIn(fd) ?? -1n, numberIn(other.items[place]!) ?? -1n)
      names.files.paths.delete(numberIn(fd) ?? -1n)
    }
    return true
  })
}

/** The value of an option that is no string: `[1]`, `{l_onoff=1, l_linger=2}`, `{tv_sec=1, tv_usec=0}`. */
export function optionBytes(value: Value, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.max(0, length))
  const numbers =
    value.kind === 'list'
      ? value.items.map((item) => numberIn(item))
      : value.kind === 'struct'
        ? value.fields.map((field) => numberIn(field.value))
        : []
  if (numbers.length === 0 || numbers.includes(undefined)) return undefined
  const width = Math.min(8, Math.trunc(bytes.length / numbers.length))
  for (const [index, part] of (numbers as bigint[]).entries())
    for (let at = 0; at < width; at++) bytes[width * index + at] = Number((part >> BigInt(8 * at)) & 255n)
  return bytes
}

const SO_ERROR = 4
const SO_PEERCRED = 17

/** What getsockopt(2) has said. */
export function optionValue(call: Extract<Syscall, { name: 'getsockopt' }>, data: Uint8Array): Value {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (call.level === SOL_SOCKET && call.optname === SO_PEERCRED && data.length >= 12)
    return record({
      pid: number(view.getInt32(0, true)),
      uid: number(view.getUint32(4, true)),
      gid: number(view.getUint32(8, true)),
    })
  if (call.level === SOL_SOCKET && call.optname === SO_ERROR && data.length >= 4)
    return list([number(view.getInt32(0, true))])
  if (data.length === 4) return list([number(view.getInt32(0, true))])
  return { kind: 'string', bytes: data, cut: false }
}
