// struct sockaddr_in, sockaddr_in6 and sockaddr_nl as bytes. ip(7), ipv6(7), netlink(7)

import { type Denied, deny } from '../outcome.ts'
import { type Address, AF, isAny, loopback4, loopback6, mapped, unmapped } from './address.ts'

export interface Endpoint {
  readonly address: Address
  readonly port: number
}

export const familyOf = (bytes: Uint8Array): number => (bytes.length < 2 ? -1 : bytes[0]! | (bytes[1]! << 8))

/** @errors EINVAL too short; EAFNOSUPPORT of another family */
export function endpointOf(bytes: Uint8Array, domain: number, call: string): Endpoint | Denied {
  const least = domain === AF.INET ? 16 : 24
  if (bytes.length < least) return deny('EINVAL', call, `${call}: the address is too short`)
  const family = familyOf(bytes)
  const any = domain === AF.INET && family === AF.UNSPEC && bytes.subarray(4, 8).every((byte) => byte === 0)
  if (family !== domain && !any) return deny('EAFNOSUPPORT', call, `${call}: the address is of another family`)
  const port = (bytes[2]! << 8) | bytes[3]!
  return { address: domain === AF.INET ? bytes.slice(4, 8) : bytes.slice(8, 24), port }
}

/** 0.0.0.0 as a destination is this host. */
export function destinationOf({ address, port }: Endpoint): Endpoint {
  const plain = unmapped(address)
  if (!isAny(plain)) return { address: plain, port }
  return { address: plain.length === 4 ? loopback4 : loopback6, port }
}

export function sockaddrOf(domain: number, { address, port }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(domain === AF.INET ? 16 : 28)
  bytes[0] = domain
  bytes[2] = port >> 8
  bytes[3] = port & 255
  if (domain === AF.INET) bytes.set(address.length === 4 ? address : address.subarray(12), 4)
  else bytes.set(mapped(address), 8)
  return bytes
}
