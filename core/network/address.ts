// IPv4 and IPv6 addresses and subnets as bytes: parsing, printing (RFC 5952), overlap, and MAC addresses made from them.

/** 4 or 16 bytes, in the network's order. */
export type Address = Uint8Array

export interface Subnet {
  readonly address: Address
  readonly prefixLength: number
}

/** An address from text, or undefined when it is none. IPv6 in any of RFC 4291's forms, without a zone. */
export function parseAddress(text: string): Address | undefined {
  return text.includes(':') ? parse6(text) : parse4(text)
}

/** An address from text that the runtime itself has written. */
export function addressOf(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new TypeError(`not an IP address: ${text}`)
  return address
}

function parse4(text: string): Address | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return Uint8Array.from(parts.map(Number))
}

function parse6(text: string): Address | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : groupsOf(half)))
  const [head, tail] = groups
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const all = [...head, ...Array<number>(halves.length === 2 ? missing : 0).fill(0), ...(tail ?? [])]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

/** The 16-bit groups of one side of `::`; the last may be an IPv4 address, which counts as two. */
function groupsOf(half: string): number[] | undefined {
  const parts = half.split(':')
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else {
      const four = index === parts.length - 1 ? parse4(part) : undefined
      if (four === undefined) return undefined
      groups.push((four[0]! << 8) | four[1]!, (four[2]! << 8) | four[3]!)
    }
  }
  return groups
}

/** Text of an address: IPv6 in lower case with the longest run of zero groups as `::`, the first of equals (RFC 5952). */
export function formatAddress(address: Address): string {
  if (address.length === 4) return address.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => (address[2 * index]! << 8) | address[2 * index + 1]!)
  let from = 0
  let length = 0
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groups[end] === 0) end++
    if (end - start > length) [from, length] = [start, end - start]
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (length < 2) return hex(groups)
  return `${hex(groups.slice(0, from))}::${hex(groups.slice(from + length))}`
}

export function formatSubnet({ address, prefixLength }: Subnet): string {
  return `${formatAddress(address)}/${prefixLength}`
}

/** The address at a place in a subnet: 1 is the first after the network's own. */
export function hostAddress(subnet: Subnet, place: number): Address {
  const address = Uint8Array.from(subnet.address)
  let rest = place
  for (let at = address.length - 1; rest > 0; at--) {
    rest += address[at]!
    address[at] = rest & 0xff
    rest = Math.floor(rest / 256)
  }
  return address
}

/** Whether one of two subnets contains the other; an IPv4 and an IPv6 one never meet. */
export function overlap(one: Subnet, other: Subnet): boolean {
  if (one.address.length !== other.address.length) return false
  const bits = Math.min(one.prefixLength, other.prefixLength)
  return sameBits(one.address, other.address, bits)
}

function sameBits(one: Address, other: Address, bits: number): boolean {
  for (let at = 0; at < Math.ceil(bits / 8); at++) {
    const mask = bits - 8 * at >= 8 ? 0xff : (0xff00 >> (bits - 8 * at)) & 0xff
    if (((one[at]! ^ other[at]!) & mask) !== 0) return false
  }
  return true
}

export function isUnspecified(address: Address): boolean {
  return address.every((byte) => byte === 0)
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: Address): boolean {
  return address.length === 4 ? address[0] === 127 : address.every((byte, at) => byte === (at === 15 ? 1 : 0))
}

/** A MAC address that is locally administered, unicast, and as unique as the IPv4 address in it (IEEE 802: bit 1 of the first byte). */
export function macOf(address: Address): Uint8Array {
  return Uint8Array.of(0x02, 0x76, ...address.subarray(0, 4))
}

export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}
