// RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE of the main table. rtnetlink(7)

import type { NetNamespace } from '../ns/net.ts'
import { deny } from '../outcome.ts'
import { AF, firstOf, inSubnet, sameAddress } from './address.ts'
import type { Link } from './link.ts'
import { attribute, attributesOf, join, type NetlinkMessage, NLM_F, readU32, u32 } from './netlink-bytes.ts'
import type { Answer } from './netlink-socket.ts'
import { type Route, routesOf } from './route.ts'

const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, TABLE: 15 } as const
const RTM_NEWROUTE = 24
const RT_TABLE_MAIN = 254
const RTN_UNICAST = 1

export function changeRoute(namespace: NetNamespace, { body, flags }: NetlinkMessage, adds: boolean): Answer {
  if (body.length < 12) return deny('EINVAL', 'rtnetlink(7)', 'rtnetlink(7): there is no struct rtmsg')
  const family = body[0]!
  const length = family === AF.INET ? 4 : family === AF.INET6 ? 16 : 0
  if (length === 0) return deny('EOPNOTSUPP', 'rtnetlink(7)', 'rtnetlink(7): routes of this family are not known')
  if (body[7] !== RTN_UNICAST && body[7] !== 0)
    return deny('EOPNOTSUPP', 'rtnetlink(7)', 'rtnetlink(7): only unicast routes are modelled')
  const attributes = attributesOf(body.subarray(12))
  const prefixLength = body[1]!
  const destination = firstOf(attributes.get(RTA.DST)?.slice() ?? new Uint8Array(length), prefixLength)
  const gateway = attributes.get(RTA.GATEWAY)?.slice()
  const oif = attributes.get(RTA.OIF)
  const priority = attributes.get(RTA.PRIORITY)
  const metric = priority ? readU32(priority) : 0
  const same = (route: Route) =>
    route.prefixLength === prefixLength && sameAddress(firstOf(route.destination, prefixLength), destination)
  if (!adds) {
    const found = namespace.routes.find((route) => same(route) && (!oif || route.link.index === readU32(oif)))
    if (found === undefined) return deny('ESRCH', 'rtnetlink(7)', 'rtnetlink(7): there is no such route')
    namespace.routes = namespace.routes.filter((route) => route !== found)
    return undefined
  }
  const link = oif ? namespace.links.get(readU32(oif)) : gateway && through(namespace, gateway)
  if (oif && link === undefined)
    return deny('ENODEV', 'rtnetlink(7)', 'rtnetlink(7): there is no device of this number')
  if (link === undefined || (gateway && link.up && !reaches(link, gateway)))
    return deny('ENETUNREACH', 'rtnetlink(7)', 'rtnetlink(7): the gateway is in no subnet of a device')
  if (!link.up) return deny('ENETDOWN', 'rtnetlink(7)', `rtnetlink(7): ${link.name} is down`)
  const there = namespace.routes.find((route) => same(route) && route.metric === metric)
  if (there && flags & NLM_F.EXCL) return deny('EEXIST', 'rtnetlink(7)', 'rtnetlink(7): there is such a route')
  if (there && flags & NLM_F.REPLACE) namespace.routes = namespace.routes.filter((route) => route !== there)
  namespace.routes = [...namespace.routes, { destination, prefixLength, gateway, link, protocol: body[5]!, metric }]
  return undefined
}

const reaches = (link: Link, gateway: Uint8Array): boolean =>
  link.addresses.some(({ address, prefixLength }) => inSubnet(gateway, address, prefixLength))

function through(namespace: NetNamespace, gateway: Uint8Array): Link | undefined {
  for (const link of namespace.links.values()) if (link.up && reaches(link, gateway)) return link
  return undefined
}

export function listRoutes(namespace: NetNamespace, { body }: NetlinkMessage): Answer {
  const family = body[0] ?? 0
  const bodies: Uint8Array[] = []
  for (const route of [...routesOf(namespace)].sort(asListed))
    if (family === AF.UNSPEC || family === (route.destination.length === 4 ? AF.INET : AF.INET6))
      bodies.push(describe(route))
  return { type: RTM_NEWROUTE, bodies, dump: true }
}

/** By where they lead, as in Linux's trie: the default first; of one place the narrower before the wider, then by metric. */
function asListed(one: Route, other: Route): number {
  const length = one.destination.length - other.destination.length
  if (length !== 0) return length
  const [first, second] = [one, other].map(({ destination, prefixLength }) => firstOf(destination, prefixLength))
  for (const [at, byte] of first!.entries()) if (byte !== second![at]) return byte - second![at]!
  return other.prefixLength - one.prefixLength || one.metric - other.metric
}

function describe({ destination, prefixLength, gateway, link, protocol, metric }: Route): Uint8Array {
  const family = destination.length === 4 ? AF.INET : AF.INET6
  const scope = gateway ? 0 : 253
  const header = Uint8Array.of(family, prefixLength, 0, 0, RT_TABLE_MAIN, protocol, scope, RTN_UNICAST, 0, 0, 0, 0)
  const parts = [attribute(RTA.TABLE, u32(RT_TABLE_MAIN))]
  if (prefixLength > 0) parts.push(attribute(RTA.DST, firstOf(destination, prefixLength)))
  if (gateway) parts.push(attribute(RTA.GATEWAY, gateway))
  else {
    const own = link.addresses.find(({ address }) => address.length === destination.length)
    if (own && destination.length === 4) parts.push(attribute(RTA.PREFSRC, own.address))
  }
  if (metric) parts.push(attribute(RTA.PRIORITY, u32(metric)))
  parts.push(attribute(RTA.OIF, u32(link.index)))
  return join([header, ...parts])
}
