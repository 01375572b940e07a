// Routes: which device a packet leaves through, and which addresses are the namespace's own. rtnetlink(7), ip(7)

import type { NetNamespace } from '../ns/net.ts'
import { type Address, inSubnet, isAny, sameAddress } from './address.ts'
import type { Link } from './link.ts'

export interface Route {
  readonly destination: Address
  readonly prefixLength: number
  readonly gateway: Address | undefined
  readonly link: Link
  /** RTPROT_* */
  readonly protocol: number
  readonly metric: number
}

const RTPROT_KERNEL = 2

/** Those that come of addresses of devices that are up, and those that were added. */
export function* routesOf(namespace: NetNamespace): Generator<Route> {
  for (const link of namespace.links.values()) {
    if (!link.up || link.kind === 'loopback') continue
    for (const { address, prefixLength } of link.addresses) {
      if (prefixLength === address.length * 8) continue
      yield { destination: address, prefixLength, gateway: undefined, link, protocol: RTPROT_KERNEL, metric: 0 }
    }
  }
  yield* namespace.routes
}

/** The longest prefix wins, and of equals the lower metric. Undefined: the network is unreachable. */
export function findRoute(namespace: NetNamespace, destination: Address): Route | undefined {
  let best: Route | undefined
  for (const route of routesOf(namespace)) {
    if (!inSubnet(destination, route.destination, route.prefixLength)) continue
    if (best === undefined || route.prefixLength > best.prefixLength) best = route
    else if (route.prefixLength === best.prefixLength && route.metric < best.metric) best = route
  }
  return best
}

/** An address of a device that is up; all of 127/8 is loopback's (NET-002). */
export function isLocal(namespace: NetNamespace, address: Address): boolean {
  return localLink(namespace, address) !== undefined
}

export function localLink(namespace: NetNamespace, address: Address): Link | undefined {
  for (const link of namespace.links.values()) {
    if (!link.up) continue
    for (const own of link.addresses) {
      if (sameAddress(own.address, address)) return link
      if (link.kind === 'loopback' && address.length === 4 && inSubnet(address, own.address, own.prefixLength))
        return link
    }
  }
  return undefined
}

/** The address that a packet to a destination bears as its source. */
export function sourceFor(namespace: NetNamespace, destination: Address): Address | undefined {
  if (isLocal(namespace, destination)) return destination
  const route = findRoute(namespace, destination)
  if (route === undefined) return undefined
  const via = route.gateway ?? destination
  const own = route.link.addresses.filter(({ address }) => address.length === destination.length)
  const near = own.find(({ address, prefixLength }) => inSubnet(via, address, prefixLength)) ?? own[0]
  if (near) return near.address
  for (const link of namespace.links.values())
    for (const { address } of link.addresses)
      if (link.up && address.length === destination.length && link.kind !== 'loopback') return address
  return undefined
}

/** Whether bind(2) takes an address: in a namespace that never had an address all are taken (NET-003). */
export const mayBind = (namespace: NetNamespace, address: Address): boolean =>
  isAny(address) || !namespace.hasTables || isLocal(namespace, address) || (address.length === 4 && address[0]! >= 224)
