// Links, addresses and routes as rtnetlink requests, and what the kernel lists of them (rtnetlink(7), uapi/linux/if_link.h).

import type { Address, Subnet } from './address.ts'
import {
  attribute,
  concatenate,
  decodeAttributes,
  decodeText,
  decodeU32,
  type Message,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  nested,
  type Request,
  text,
  u32,
} from './netlink.ts'

const RTM = { NEWLINK: 16, DELLINK: 17, GETLINK: 18, SETLINK: 19, NEWADDR: 20, GETADDR: 22, NEWROUTE: 24, GETROUTE: 26 }
const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  MASTER: 10,
  LINKINFO: 18,
  IFALIAS: 20,
  GROUP: 27,
  NET_NS_FD: 28,
  NET_NS_PID: 19,
}
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_KIND = 4
const IFLA_INFO_SLAVE_DATA = 5
const IFLA_BRPORT_MODE = 4
const VETH_INFO_PEER = 1
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8 }
const IFA_F_NODAD = 2
const RTA = { DST: 1, OIF: 4, GATEWAY: 5 }
const IFF_UP = 1
const RT_TABLE_MAIN = 254
const RTPROT_BOOT = 3
const RTN_UNICAST = 1
const AF_INET = 2
const AF_INET6 = 10

export interface Link {
  readonly index: number
  readonly name: string
  readonly alias: string
  readonly up: boolean
  readonly kind: string
  readonly mtuBytes: number
  /** Index of the bridge that it is a port of. */
  readonly master?: number
}

const familyOf = (address: Address): number => (address.length === 4 ? AF_INET : AF_INET6)

/** struct ifinfomsg: family, type, index, flags, and which flags change. */
function linkHeader(index: number, up: boolean): Uint8Array {
  return concatenate([u32(0), u32(index), u32(up ? IFF_UP : 0), u32(up ? IFF_UP : 0)])
}

function linkRequest(
  type: number,
  flags: number,
  what: string,
  index: number,
  up: boolean,
  attributes: Uint8Array[],
): Request {
  return { type, flags, what, body: concatenate([linkHeader(index, up), ...attributes]) }
}

/** @errors EEXIST a link of this name is there; EOPNOTSUPP the kernel has no bridges; EPERM no CAP_NET_ADMIN */
export function makeBridge(name: string, options: { readonly mac: Uint8Array; readonly group: number }): Request {
  return linkRequest(RTM.NEWLINK, NLM_F_CREATE | NLM_F_EXCL, `make the bridge ${name}`, 0, false, [
    attribute(IFLA.IFNAME, text(name)),
    attribute(IFLA.ADDRESS, options.mac),
    attribute(IFLA.GROUP, u32(options.group)),
    nested(IFLA.LINKINFO, [attribute(IFLA_INFO_KIND, text('bridge'))]),
  ])
}

/**
 * A pair of links: one here, up and a port of the bridge at once, the other born in another network namespace. veth(4).
 *
 * @param peer - `netns` is a descriptor of the namespace in which the other end appears
 */
export function makeVeth(options: {
  readonly name: string
  readonly master: number
  readonly group: number
  readonly mtuBytes: number
  readonly peer: {
    readonly name: string
    readonly mac: Uint8Array
    readonly netns: { readonly pid: number } | { readonly fd: number }
  }
}): Request {
  const { name, master, group, mtuBytes, peer } = options
  const netns =
    'pid' in peer.netns
      ? attribute(IFLA.NET_NS_PID, u32(peer.netns.pid))
      : attribute(IFLA.NET_NS_FD, u32(peer.netns.fd))
  const other = concatenate([
    linkHeader(0, false),
    attribute(IFLA.IFNAME, text(peer.name)),
    attribute(IFLA.ADDRESS, peer.mac),
    attribute(IFLA.MTU, u32(mtuBytes)),
    netns,
  ])
  return linkRequest(RTM.NEWLINK, NLM_F_CREATE | NLM_F_EXCL, `make the link ${name}`, 0, true, [
    attribute(IFLA.IFNAME, text(name)),
    attribute(IFLA.MTU, u32(mtuBytes)),
    attribute(IFLA.MASTER, u32(master)),
    attribute(IFLA.GROUP, u32(group)),
    nested(IFLA.LINKINFO, [
      attribute(IFLA_INFO_KIND, text('veth')),
      nested(IFLA_INFO_DATA, [attribute(VETH_INFO_PEER, other)]),
    ]),
  ])
}

/** Lets a bridge send a packet back through the port it came from: a container that calls its own published port. */
export function setHairpin(name: string): Request {
  return linkRequest(RTM.NEWLINK, 0, `set hairpin mode of ${name}`, 0, false, [
    attribute(IFLA.IFNAME, text(name)),
    nested(IFLA.LINKINFO, [
      attribute(IFLA_INFO_SLAVE_KIND, text('bridge')),
      nested(IFLA_INFO_SLAVE_DATA, [attribute(IFLA_BRPORT_MODE, Uint8Array.of(1))]),
    ]),
  ])
}

export function setLinkUp(index: number, name: string): Request {
  return linkRequest(RTM.SETLINK, 0, `set ${name} up`, index, true, [])
}

/**
 * Moves a link to another network namespace and names it there, at once.
 *
 * @param netns - a descriptor of the namespace
 * @errors EEXIST a link of this name is there; EINVAL it belongs to its namespace, as loopback does
 */
export function moveLink(index: number, newName: string, netns: number, what: string): Request {
  return linkRequest(RTM.NEWLINK, 0, what, index, false, [
    attribute(IFLA.IFNAME, text(newName)),
    attribute(IFLA.NET_NS_FD, u32(netns)),
  ])
}

/** Sets the text that `ip link` shows as alias; at most 255 bytes. */
export function setLinkAlias(name: string, alias: string): Request {
  return linkRequest(RTM.SETLINK, 0, `set the alias of ${name}`, 0, false, [
    attribute(IFLA.IFNAME, text(name)),
    attribute(IFLA.IFALIAS, text(alias)),
  ])
}

/** @errors ENODEV there is no such link */
export function removeLink(name: string): Request {
  return linkRequest(RTM.DELLINK, 0, `remove the link ${name}`, 0, false, [attribute(IFLA.IFNAME, text(name))])
}

/** Removes all links of a group at once: one wait of the kernel for its readers instead of one for each link. */
export function removeGroup(group: number): Request {
  return linkRequest(RTM.DELLINK, 0, 'remove the bridge and its links', 0, false, [attribute(IFLA.GROUP, u32(group))])
}

/** @errors ENODEV there is no such link */
export function getLink(name: string): Request {
  return linkRequest(RTM.GETLINK, 0, `look at the link ${name}`, 0, false, [attribute(IFLA.IFNAME, text(name))])
}

export function listLinks(): Request {
  return linkRequest(RTM.GETLINK, NLM_F_DUMP, 'list links', 0, false, [])
}

export function decodeLink({ body }: Message): Link {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const attributes = decodeAttributes(body.subarray(16))
  const words = (type: number) => decodeText(attributes.get(type) ?? new Uint8Array())
  const info = decodeAttributes(attributes.get(IFLA.LINKINFO) ?? new Uint8Array())
  const master = attributes.get(IFLA.MASTER)
  const mtu = attributes.get(IFLA.MTU)
  return {
    index: view.getInt32(4, true),
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    name: words(IFLA.IFNAME),
    alias: words(IFLA.IFALIAS),
    kind: decodeText(info.get(IFLA_INFO_KIND) ?? new Uint8Array()),
    mtuBytes: mtu === undefined ? 0 : decodeU32(mtu),
    ...(master === undefined ? {} : { master: decodeU32(master) }),
  }
}

/** Gives a link an address. IPv6 without duplicate address detection: the runtime itself leases them, so they work at once. */
export function addAddress(index: number, { address, prefixLength }: Subnet, what: string): Request {
  const header = Uint8Array.of(familyOf(address), prefixLength, 0, 0, ...u32(index))
  // A network of one or two addresses has none for all. RFC 3021
  const toAll = prefixLength < 31 ? [attribute(IFA.BROADCAST, broadcast(address, prefixLength))] : []
  const rest = address.length === 4 ? toAll : [attribute(IFA.FLAGS, u32(IFA_F_NODAD))]
  const body = concatenate([header, attribute(IFA.LOCAL, address), attribute(IFA.ADDRESS, address), ...rest])
  return { type: RTM.NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, what, body }
}

function broadcast(address: Address, prefixLength: number): Address {
  return address.map((byte, at) => byte | (0xff >> Math.min(8, Math.max(0, prefixLength - 8 * at))))
}

/** The default route of the main table through a gateway. */
export function addDefaultRoute(index: number, gateway: Address, what: string): Request {
  const header = Uint8Array.of(familyOf(gateway), 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST, 0, 0, 0, 0)
  const body = concatenate([header, attribute(RTA.GATEWAY, gateway), attribute(RTA.OIF, u32(index))])
  return { type: RTM.NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL, what, body }
}

export function listRoutes(): Request {
  return { type: RTM.GETROUTE, flags: NLM_F_DUMP, what: 'list routes', body: new Uint8Array(12) }
}

/** A unicast route of the main table: where to, and through which link. */
export interface Route {
  readonly destination: Subnet
  readonly link?: number
}

/** A route from a list; undefined for other tables and for local, broadcast and multicast ones. */
export function decodeRoute({ body }: Message): Route | undefined {
  const [family, prefixLength, , , table, , , type] = body
  if (table !== RT_TABLE_MAIN || type !== RTN_UNICAST || (family !== AF_INET && family !== AF_INET6)) return undefined
  const attributes = decodeAttributes(body.subarray(12))
  const address = attributes.get(RTA.DST) ?? new Uint8Array(family === AF_INET ? 4 : 16)
  const link = attributes.get(RTA.OIF)
  return {
    destination: { address, prefixLength: prefixLength! },
    ...(link === undefined ? {} : { link: decodeU32(link) }),
  }
}

export function listAddresses(): Request {
  return { type: RTM.GETADDR, flags: NLM_F_DUMP, what: 'list addresses', body: new Uint8Array(8) }
}

export function decodeAddress({ body }: Message): Address | undefined {
  const attributes = decodeAttributes(body.subarray(8))
  return attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS)
}

/** An address with the link that has it, IFA_F_* and RT_SCOPE_*. */
export interface LinkAddress extends Subnet {
  readonly link: number
  readonly flags: number
  readonly scope: number
}

export function decodeLinkAddress(message: Message): LinkAddress | undefined {
  const address = decodeAddress(message)
  const { body } = message
  if (address === undefined || body.length < 8) return undefined
  const wide = decodeAttributes(body.subarray(8)).get(IFA.FLAGS)
  return {
    address,
    prefixLength: body[1]!,
    flags: wide === undefined ? body[2]! : decodeU32(wide),
    scope: body[3]!,
    link: decodeU32(body.subarray(4)),
  }
}
