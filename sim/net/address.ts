// IP addresses as bytes: 4 of IPv4, 16 of IPv6. ip(7), ipv6(7)

export type Address = Uint8Array

export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const

export const loopback4 = Uint8Array.of(127, 0, 0, 1)
export const any4 = new Uint8Array(4)
export const any6 = new Uint8Array(16)
export const loopback6 = Uint8Array.of(...new Uint8Array(15), 1)

export const sameAddress = (a: Address, b: Address): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])

export const isAny = (address: Address): boolean => address.every((byte) => byte === 0)

/** Whether the first bits of two addresses are the same. */
export function inSubnet(address: Address, subnet: Address, prefixLength: number): boolean {
  if (address.length !== subnet.length) return false
  for (let at = 0; at < address.length; at++) {
    const bits = Math.min(8, Math.max(0, prefixLength - 8 * at))
    if (bits === 0) return true
    const mask = (0xff << (8 - bits)) & 0xff
    if ((address[at]! & mask) !== (subnet[at]! & mask)) return false
  }
  return true
}

/** The first address of a subnet. */
export const firstOf = (address: Address, prefixLength: number): Address =>
  address.map((byte, at) => byte & ((0xff << (8 - Math.min(8, Math.max(0, prefixLength - 8 * at)))) & 0xff))

export const isLoopback = (address: Address): boolean =>
  address.length === 4 ? address[0] === 127 : sameAddress(address, loopback6)

/** ::ffff:a.b.c.d, as sockets of IPv6 see peers of IPv4. */
export function unmapped(address: Address): Address {
  if (address.length !== 16 || address[10] !== 255 || address[11] !== 255) return address
  return address.subarray(0, 10).every((byte) => byte === 0) ? address.slice(12) : address
}

export const mapped = (address: Address): Address =>
  address.length === 16 ? address : Uint8Array.of(...new Uint8Array(10), 255, 255, ...address)

/** For keys of maps. */
export const addressKey = (address: Address): string => address.join('.')

/** 127.0.0.1 as /proc/net says it: 0100007F. */
export function hexWords(address: Address): string {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength)
  let words = ''
  for (let at = 0; at < address.length; at += 4)
    words += view.getUint32(at, true).toString(16).toUpperCase().padStart(8, '0')
  return words
}
