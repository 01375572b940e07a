// Netlink messages as strace decodes them, to bytes and compared with bytes: rtnetlink(7) of devices, addresses and routes.

import { internetAddress } from './addresses.ts'
import { actualFd, actualPid, type Names } from './names.ts'
import { numberIn } from './number.ts'
import type { Value } from './value.ts'

const nothing: Value = { kind: 'anything' }
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const IFLA = { IFNAME: 3, NET_NS_PID: 19, NET_NS_FD: 28 } as const

/** Members of the struct behind the header, with their bytes; `''` is room between them. */
type Layout = readonly (readonly [member: string, bytes: number])[]
const link: Layout = [
  ...([['ifi_family', 1] as const, ['', 1] as const, ['ifi_type', 2] as const] as const),
  ...([['ifi_index', 4] as const, ['ifi_flags', 4] as const, ['ifi_change', 4] as const] as const),
]
const address: Layout = [
  ...([['ifa_family', 1] as const, ['ifa_prefixlen', 1] as const, ['ifa_flags', 1] as const] as const),
  ...([['ifa_scope', 1] as const, ['ifa_index', 4] as const] as const),
]
const route: Layout = [
  ...['rtm_family', 'rtm_dst_len', 'rtm_src_len', 'rtm_tos', 'rtm_table', 'rtm_protocol', 'rtm_scope', 'rtm_type'].map(
    (member) => [member, 1] as const,
  ),
  ['rtm_flags', 4],
]
const header: Layout = [
  ...([['nlmsg_len', 4] as const, ['nlmsg_type', 2] as const, ['nlmsg_flags', 2] as const] as const),
  ...([['nlmsg_seq', 4] as const, ['nlmsg_pid', 4] as const] as const),
]

function layoutOf(type: number): Layout | undefined {
  if (type >= 16 && type < 20) return link
  if (type >= 20 && type < 24) return address
  return type >= 24 && type < 28 ? route : undefined
}

const isHeader = (value: Value | undefined): boolean =>
  value?.kind === 'struct' && value.fields.some(({ name }) => name === 'nlmsg_len' || name === 'nlmsg_type')

/** `[{nlmsg_len=32, ...}, {...}]`, or several of them in a list. */
export const isNetlink = (value: Value): boolean =>
  value.kind === 'list' &&
  (isHeader(value.items[0]) || (value.items[0]?.kind === 'list' && isHeader(value.items[0].items[0])))

/** Each message by itself. */
const messagesIn = (value: Value): readonly Value[] =>
  value.kind !== 'list' ? [] : isHeader(value.items[0]) ? [value] : value.items

function member(value: Value | undefined, name: string): Value {
  return (value?.kind === 'struct' ? value.fields.find((field) => field.name === name)?.value : undefined) ?? nothing
}

/** A number, or the index of a device by its name. */
function numberOf(value: Value, names: Names): bigint {
  if (value.kind === 'apply' && value.name === 'if_nametoindex' && value.args[0]?.kind === 'string') {
    const device = new TextDecoder().decode(value.args[0].bytes)
    return BigInt(names.links.get(device) ?? (device === 'lo' ? 1 : 0))
  }
  return numberIn(value) ?? 0n
}

function put(bytes: Uint8Array, at: number, width: number, number: bigint): void {
  for (let index = 0; index < width && at + index < bytes.length; index++)
    bytes[at + index] = Number((number >> BigInt(8 * index)) & 255n)
}

function get(bytes: Uint8Array, at: number, width: number): number {
  let number = 0
  for (let index = width - 1; index >= 0; index--) number = number * 256 + (bytes[at + index] ?? 0)
  return number
}

function structBytes(value: Value | undefined, layout: Layout, names: Names): number[] {
  const bytes: number[] = []
  for (const [name, width] of layout) {
    const number = name === '' ? 0n : numberOf(member(value, name), names)
    for (let index = 0; index < width; index++) bytes.push(Number((number >> BigInt(8 * index)) & 255n))
  }
  return bytes
}

/** All messages of a buffer, each as long as its header says. */
export function netlinkBytes(value: Value, names: Names): Uint8Array {
  const parts = messagesIn(value).map((message) => messageBytes(message, names))
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + ((length + 3) & ~3), 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += (part.length + 3) & ~3
  }
  return whole
}

function messageBytes(message: Value, names: Names): Uint8Array {
  const [head, body, ...rest] = message.kind === 'list' ? message.items : []
  const type = Number(numberOf(member(head, 'nlmsg_type'), names))
  const layout = layoutOf(type)
  const bytes = structBytes(head, header, names)
  if (body?.kind === 'string') bytes.push(...body.bytes)
  else if (layout && body) bytes.push(...structBytes(body, layout, names))
  else if (body) {
    const family = Number(numberOf(member(body, 'rtgen_family'), names))
    bytes.push(family, 0, 0, 0)
  }
  for (const attributes of rest) bytes.push(...attributesBytes(attributes, names))
  const length = Number(numberOf(member(head, 'nlmsg_len'), names))
  const whole = new Uint8Array(length || bytes.length)
  whole.set(bytes.slice(0, whole.length))
  put(whole, 0, 4, BigInt(whole.length))
  return whole
}

const isAttribute = (value: Value): boolean =>
  value.kind === 'list' && member(value.items[0], 'nla_type').kind !== 'anything'

/** `[{nla_len=8, nla_type=IFLA_MTU}, 1500]`, or a list of such. */
function attributesBytes(value: Value, names: Names): number[] {
  if (value.kind !== 'list') return []
  if (isAttribute(value)) return attributeBytes(value.items, names)
  return value.items.flatMap((item) => attributesBytes(item, names))
}

function attributeBytes([head, content]: readonly Value[], names: Names): number[] {
  const length = Number(numberOf(member(head, 'nla_len'), names))
  const type = Number(numberOf(member(head, 'nla_type'), names))
  const data = contentBytes(content ?? nothing, Math.max(0, length - 4), type, names)
  const whole = new Uint8Array((Math.max(length, 4 + (length ? 0 : data.length)) + 3) & ~3)
  put(whole, 0, 2, BigInt(length || 4 + data.length))
  put(whole, 2, 2, BigInt(type))
  whole.set(data.slice(0, whole.length - 4), 4)
  return [...whole]
}

function contentBytes(content: Value, length: number, type: number, names: Names): number[] {
  if (content.kind === 'string') return [...content.bytes]
  const written = content.kind === 'apply' ? internetAddress(content) : undefined
  if (written !== undefined && content.kind === 'apply' && content.name !== 'if_nametoindex') return written
  if (content.kind === 'list') {
    const [head, ...rest] = content.items
    // The peer of a veth: struct ifinfomsg, and attributes of its own.
    if (head?.kind === 'struct' && member(head, 'ifi_family').kind !== 'anything')
      return [...structBytes(head, link, names), ...rest.flatMap((item) => attributesBytes(item, names))]
    return attributesBytes(content, names)
  }
  let number = numberOf(content, names)
  if (type === IFLA.NET_NS_PID) number = actualPid(names, number)
  if (type === IFLA.NET_NS_FD) number = actualFd(names, number)
  return Array.from({ length }, (_, index) => Number((BigInt.asUintN(64, number) >> BigInt(8 * index)) & 255n))
}

/**
 * Whether messages that have come are those that are written: their types and sequence, errors, and the members behind the
 * header. What attributes there are depends on the kernel's age.
 */
export function sameNetlink(written: Value, bytes: Uint8Array, names: Names): boolean {
  learnLinks(bytes, names)
  let at = 0
  for (const message of messagesIn(written)) {
    if (message.kind !== 'list') return true
    const [head, body] = message.items
    if (at + 16 > bytes.length) return false
    if (!sameMember(head, 'nlmsg_type', get(bytes, at + 4, 2), names)) return false
    if (!sameMember(head, 'nlmsg_seq', get(bytes, at + 8, 4), names)) return false
    const type = get(bytes, at + 4, 2)
    if (type === NLMSG_ERROR && !sameMember(body, 'error', get(bytes, at + 16, 4), names)) return false
    if (type === NLMSG_DONE && body && numberIn(body) !== undefined && numberIn(body) !== 0n) return false
    if (!sameBody(body, layoutOf(type) ?? [], bytes, at + 16, names)) return false
    at += (get(bytes, at, 4) + 3) & ~3
  }
  return true
}

function sameMember(of: Value | undefined, name: string, actual: number, names: Names): boolean {
  const value = member(of, name)
  if (value.kind === 'anything') return true
  return BigInt.asUintN(32, numberOf(value, names)) === BigInt(actual)
}

/** Nobody knows which numbers devices get; families, lengths, flags and types are the same everywhere. */
function sameBody(body: Value | undefined, layout: Layout, bytes: Uint8Array, start: number, names: Names): boolean {
  let at = start
  for (const [name, width] of layout) {
    const value = member(body, name)
    if (name !== '' && !name.endsWith('_index') && numberIn(value) !== undefined)
      if (BigInt.asUintN(8 * width, numberOf(value, names)) !== BigInt(get(bytes, at, width))) return false
    at += width
  }
  return true
}

/** The same of what SIOCGIFINDEX has answered. */
export function learnLink(names: Names, answer: Value): void {
  const [name, index] = [member(answer, 'ifr_name'), numberIn(member(answer, 'ifr_ifindex'))]
  if (name.kind === 'string' && index !== undefined)
    names.links.set(new TextDecoder().decode(name.bytes), Number(index))
}

/** Remembers which number a device has, for those who name it. */
function learnLinks(bytes: Uint8Array, names: Names): void {
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = get(bytes, at, 4)
    if (length < 16) return
    if (get(bytes, at + 4, 2) === 16) {
      const device = attributeText(bytes.subarray(at, at + length), 32, IFLA.IFNAME)
      if (device !== undefined) names.links.set(device, get(bytes, at + 20, 4))
    }
    at += (length + 3) & ~3
  }
}

function attributeText(message: Uint8Array, start: number, type: number): string | undefined {
  for (let at = start; at + 4 <= message.length; ) {
    const length = get(message, at, 2)
    if (length < 4) return undefined
    if ((get(message, at + 2, 2) & 0x3fff) === type)
      return new TextDecoder().decode(message.subarray(at + 4, at + length)).replace(/\0.*$/, '')
    at += (length + 3) & ~3
  }
  return undefined
}
