// The way of a packet: out of a socket, through devices, bridges and other namespaces, to where somebody may wait for it.
// ip(7), bridge(8), nft(8)

import type { NetNamespace } from '../ns/net.ts'
import { type Denied, deny } from '../outcome.ts'
import { type Address, isLoopback } from './address.ts'
import type { HookName, Packet } from './firewall.ts'
import { type Hop, type Link, passOver } from './link.ts'
import { findRoute, isLocal, localLink, sourceFor } from './route.ts'

export interface Sent {
  readonly from: NetNamespace
  /** What the socket is bound to; any address when it is not. */
  readonly source: Address | undefined
  readonly sourcePort: number
  readonly destination: Address
  readonly destinationPort: number
  readonly protocol: 6 | 17
}

/** Where it has come to, and what it looks like there: translation may have changed both ends. */
export interface Arrived {
  readonly namespace: NetNamespace
  readonly source: Address
  readonly destination: Address
  readonly destinationPort: number
  /** Which address the sender has, as it sees itself. */
  readonly ownAddress: Address
  /** The devices that it went through. */
  readonly way: readonly Hop[]
}

/**
 * no-route: ENETUNREACH at once. no-neighbour: nobody answers for the next hop, EHOSTUNREACH after three seconds (NET-105).
 * lost: dropped on the way, nobody tells.
 */
export type Failed = 'no-route' | 'no-neighbour' | 'lost'

/** Three requests of a neighbour, a second each; six retries of a SYN, each waiting twice as long. */
export const triedNs = (why: Failed): number => (why === 'no-neighbour' ? 3e9 : 127e9)

export const inProgress = (call: string): Denied =>
  deny('EINPROGRESS', call, `${call}: the socket does not wait, the connection is on its way`)

export const unreachable = (call: string): Denied =>
  deny('ENETUNREACH', 'NET-001', `${call}: there is no route to the address`)

const hopsMost = 64
/** Options of a SYN. */
const synBytes = 20

export function deliver(sent: Sent): Arrived | Failed {
  const { from, destination, destinationPort, sourcePort, protocol } = sent
  const source = sent.source ?? sourceFor(from, destination)
  if (source === undefined) return 'no-route'
  const packet: Packet = {
    ...{ source, destination, sourcePort, destinationPort, protocol },
    ...{ in: '', out: outName(from, destination), translated: false, masqueraded: false },
  }
  if (!filtered(from, 'output', packet)) return 'lost'
  let at = from
  let arrival: Link | undefined
  const way: Hop[] = []
  const pass = (...hop: Hop) => {
    passOver(hop, synBytes)
    way.push(hop)
  }
  for (let hops = 0; hops < hopsMost; hops++) {
    if (arrival) {
      packet.in = arrival.name
      packet.out = ''
      if (!filtered(at, 'prerouting', packet)) return 'lost'
    }
    if (isLocal(at, packet.destination)) {
      // What a namespace sends to itself goes through its loopback device, whichever device has the address.
      const loopback = arrival ? undefined : at.links.get(1)
      if (loopback?.up) pass(loopback, loopback)
      return arrived(at, from, arrival, packet, { ownAddress: source, way })
    }
    if (arrival && !forwards(at, packet)) return 'lost'
    const route = findRoute(at, packet.destination)
    if (route === undefined) return hops === 0 ? 'no-route' : 'lost'
    packet.out = route.link.name
    if (arrival && !filtered(at, 'forward', packet)) return 'lost'
    leave(at, packet, route.link)
    const next = neighbour(route.link, route.gateway ?? packet.destination)
    if (next === undefined) {
      // Where lo is down the report of the failure does not come back.
      return hops === 0 && at.links.get(1)?.up ? 'no-neighbour' : hops === 0 ? 'lost' : 'no-neighbour'
    }
    pass(route.link, next)
    at = next.namespace
    arrival = next
  }
  return 'lost'
}

const outName = (from: NetNamespace, destination: Address): string =>
  localLink(from, destination) ? 'lo' : (findRoute(from, destination)?.link.name ?? '')

function filtered(at: NetNamespace, hook: HookName, packet: Packet): boolean {
  return at.firewall?.pass(hook, packet, (address) => isLocal(at, address)) !== false
}

const forwards = (at: NetNamespace, { destination }: Packet): boolean =>
  at.sysctl(`ipv${destination.length === 4 ? 4 : 6}/conf/all/forwarding`) !== 0

/** Postrouting: the packet may get the address of the device that it leaves through. */
function leave(at: NetNamespace, packet: Packet, link: Link): void {
  packet.masqueraded = false
  filtered(at, 'postrouting', packet)
  if (!packet.masqueraded) return
  const own = link.addresses.find(({ address }) => address.length === packet.destination.length)
  if (own) packet.source = own.address
}

function arrived(
  at: NetNamespace,
  from: NetNamespace,
  arrival: Link | undefined,
  packet: Packet,
  known: Pick<Arrived, 'ownAddress' | 'way'>,
): Arrived | Failed {
  const { source, destination, destinationPort } = packet
  // What comes from outside for a loopback address is dropped (net.ipv4.conf.*.route_localnet).
  if (arrival && isLoopback(destination) && at.sysctl(`ipv4/conf/${arrival.name}/route_localnet`) === 0) return 'lost'
  if (!filtered(at, 'input', packet)) return 'lost'
  // The answer has to find back.
  if (at !== from && !isLocal(at, source) && findRoute(at, source) === undefined) return 'lost'
  return { namespace: at, source, destination, destinationPort, ...known }
}

/** The device, of whatever namespace, that answers for an address on the wire behind a device. arp(7) */
function neighbour(link: Link, address: Address): Link | undefined {
  for (const there of wire(link)) if (there.up && isLocal(there.namespace, address)) return there
  return undefined
}

/** All that are on the same wire, other ends of bridges among them. */
function* wire(link: Link): Generator<Link> {
  if (!link.carrier) return
  if (link.kind === 'bridge') {
    for (const port of link.ports) if (port.carrier && port.peer) yield* behind(port.peer, link)
    return
  }
  if (link.kind === 'veth' && link.peer) yield* behind(link.peer, undefined)
}

/** What a frame meets that comes out at a device. */
function* behind(end: Link, seen: Link | undefined): Generator<Link> {
  const { master } = end
  if (master === undefined) {
    yield end
    return
  }
  if (!master.up || master === seen) return
  yield master
  for (const port of master.ports)
    if ((port !== end || port.hairpin) && port.carrier && port.peer) yield* behind(port.peer, master)
}
