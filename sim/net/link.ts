// A network device: loopback, one end of a veth pair, a bridge, a dummy. netdevice(7), veth(4)

import type { NetNamespace } from '../ns/net.ts'
import type { Address } from './address.ts'

export type LinkKind = 'loopback' | 'veth' | 'bridge' | 'dummy'

export interface LinkAddress {
  readonly address: Address
  readonly prefixLength: number
  readonly broadcast: Address | undefined
}

export class Link {
  readonly kind: LinkKind
  /** Per namespace (NET-015). */
  index: number
  name: string
  namespace: NetNamespace
  mac: Uint8Array
  mtuBytes: number
  up = false
  alias = ''
  group = 0
  /** The bridge that it is a port of. */
  master: Link | undefined
  /** Of a bridge. */
  readonly ports = new Set<Link>()
  /** A frame may leave through the port that it came from. */
  hairpin = false
  /** The other end of a veth pair. */
  peer: Link | undefined
  addresses: LinkAddress[] = []
  receivedBytes = 0
  receivedPackets = 0
  sentBytes = 0
  sentPackets = 0

  constructor(kind: LinkKind, index: number, name: string, namespace: NetNamespace, mac: Uint8Array) {
    this.kind = kind
    this.index = index
    this.name = name
    this.namespace = namespace
    this.mac = mac
    this.mtuBytes = kind === 'loopback' ? 65536 : 1500
  }

  /** IFF_LOWER_UP: an end of a veth pair has it when both are up (NET-006), a bridge when one of its ports has. */
  get carrier(): boolean {
    if (!this.up) return false
    if (this.kind === 'veth') return this.peer?.up === true
    if (this.kind !== 'bridge') return true
    for (const port of this.ports) if (port.carrier) return true
    return false
  }
}

export const macText = (mac: Uint8Array): string =>
  Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':')

/** IFF_UP and its kin. */
export function linkFlags(link: Link): number {
  const base = link.kind === 'loopback' ? 0x8 : link.kind === 'dummy' ? 0x82 : 0x1002
  return base | (link.up ? 1 : 0) | (link.carrier ? 0x10040 : 0)
}

/** From one device to the next. */
export type Hop = readonly [from: Link, to: Link]

export const back = (way: readonly Hop[]): Hop[] => way.map(([from, to]) => [to, from])

/** Headers of a packet without options: IPv4 and TCP. */
const headerBytes = 40

/** Counts one packet. */
export function passOver([from, to]: Hop, contentBytes: number): void {
  const bytes = headerBytes + contentBytes
  from.sentPackets += 1
  from.sentBytes += bytes
  to.receivedPackets += 1
  to.receivedBytes += bytes
}
