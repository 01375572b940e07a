// The bridge and what belongs to it in the host's network namespace: gateway addresses, forwarding, the nf_tables table.

import { close } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { formatAddress, macOf } from './address.ts'
import { converse, type Denial, denialError, hear, inquire, NETLINK_NETFILTER, openNetlink } from './conversation.ts'
import { applySettings, hostHasIpv6, noteOf, planForwarding, readNote, type Setting } from './forwarding.ts'
import { addressesAt, chooseNetwork, gatewayPlace, type Network } from './leases.ts'
import { type Message, NLM_F_ACK, type Request } from './netlink.ts'
import { getTable, removeTable, transaction } from './nftables.ts'
import {
  addAddress,
  decodeAddress,
  decodeLink,
  decodeRoute,
  getLink,
  type Link,
  listAddresses,
  listLinks,
  listRoutes,
  makeBridge,
  removeGroup,
  removeLink,
  setLinkAlias,
  setLinkUp,
} from './rtnetlink.ts'
import { type Publication, publishingRules, subnetRules, withdrawalRules } from './rules.ts'

function listed(kernel: Kernel, route: number, request: Request): Message[] {
  const found = inquire(kernel, route, request)
  if (!Array.isArray(found)) throw denialError(found)
  return found
}

/** Looks at the host and chooses the bridge's name, subnets and MTU: that of the default route, so that nothing is cut on the way. */
export function connectHost(kernel: Kernel, route: number): Network {
  const links = listed(kernel, route, listLinks()).map(decodeLink)
  const routes = listed(kernel, route, listRoutes())
    .map(decodeRoute)
    .filter((found) => found !== undefined)
  const outside = routes.find(({ destination }) => destination.prefixLength === 0)?.link
  const ipv6 = hostHasIpv6(kernel)
  return chooseNetwork({
    links: links.map(({ name }) => name),
    routes: routes.map(({ destination }) => destination),
    mtuBytes: links.find(({ index }) => index === outside)?.mtuBytes ?? 1500,
    ipv6,
    note: noteOf(planForwarding(kernel, ipv6).former),
  })
}

/** The bridge's index; made with all that belongs to it when it is not there. */
export function makeBridgeThere(kernel: Kernel, route: number, network: Network): number {
  const { bridge } = network
  const there = look(kernel, route, bridge)
  if (there !== undefined) return there.index
  const { wanted } = planForwarding(kernel, network.subnet6 !== undefined)
  const gateways = addressesAt(network, gatewayPlace).map(({ own }) => own)
  const denial = converse(kernel, route, [
    makeBridge(bridge, { mac: macOf(gateways[0]!.address), group: network.group }),
    setLinkAlias(bridge, network.note),
  ])
  if (denial !== undefined) throw denialError(denial)
  const { index } = look(kernel, route, bridge)!
  applySettings(kernel, [
    ...wanted,
    { key: `ipv4/conf/${bridge}/route_localnet`, value: '1' },
    ...(network.subnet6 === undefined ? [] : ipv6Settings(bridge)),
  ])
  const wrong = converse(kernel, route, [
    ...gateways.map((gateway) => addAddress(index, gateway, `add ${formatAddress(gateway.address)} to ${bridge}`)),
    setLinkUp(index, bridge),
  ])
  if (wrong !== undefined) throw denialError(wrong)
  return index
}

/** What must be set before the bridge is up. */
function ipv6Settings(bridge: string): Setting[] {
  return [
    // A container must not tell the host where to send its packets.
    { key: `ipv6/conf/${bridge}/accept_ra`, value: '0' },
    // While the link-local address is being checked for duplicates, the bridge does not ask for neighbours when it
    // forwards: the first connections would wait a second or two.
    { key: `ipv6/conf/${bridge}/accept_dad`, value: '0' },
  ]
}

function look(kernel: Kernel, route: number, name: string): Link | undefined {
  const found = inquire(kernel, route, getLink(name))
  if (Array.isArray(found)) return decodeLink(found[0]!)
  if (found.errno === 'ENODEV') return undefined
  throw denialError(found)
}

/** All of these rules or none. */
function transact(kernel: Kernel, nft: number, requests: readonly Request[]): Denial | undefined {
  const all = transaction(requests)
  // The last request between the borders is acknowledged, after the commit; a refused beginning ends it all.
  const last = all.length - 2
  const asked = all.map((request, index) =>
    index === last ? { ...request, flags: (request.flags ?? 0) | NLM_F_ACK } : request,
  )
  return hear(kernel, nft, asked, last, 0)
}

/** Writes the container's rules when it publishes ports, and the bridge's when nobody has yet, or somebody flushed them. */
export function writeRules(kernel: Kernel, route: number, network: Network, publication: Publication): void {
  const nft = openNetlink(kernel, NETLINK_NETFILTER)
  try {
    const table = inquire(kernel, nft, getTable(network.bridge))
    if (!Array.isArray(table) && table.errno !== 'ENOENT') throw denialError(table)
    const subnets = addressesAt(network, gatewayPlace).map((at) => at.network)
    const shared = Array.isArray(table) ? [] : subnetRules(network.bridge, network.bridge, subnets)
    const published = publication.ports.length > 0
    const rules = [...shared, ...(published ? publishingRules(publication) : [])]
    const denial = rules.length === 0 ? undefined : transact(kernel, nft, rules)
    if (denial === undefined) return
    // A kernel without the expression `fib` does not know it by name.
    if (!published || denial.errno !== 'ENOENT') throw denialError(denial)
    const localAddresses = listed(kernel, route, listAddresses())
      .map(decodeAddress)
      .filter((address) => address !== undefined)
    const again = transact(kernel, nft, [...shared, ...publishingRules({ ...publication, localAddresses })])
    if (again !== undefined) throw denialError(again)
  } finally {
    close(kernel, nft)
  }
}

/**
 * Does what follows after these rules have been taken away; they may be gone. The socket stays open meanwhile: closing it
 * waits until the kernel has freed them, which it does while the links go.
 */
function withoutRules(kernel: Kernel, requests: readonly Request[], then: () => void): void {
  const nft = openNetlink(kernel, NETLINK_NETFILTER)
  try {
    const denial = transact(kernel, nft, requests)
    if (denial !== undefined && denial.errno !== 'ENOENT' && denial.errno !== 'EOPNOTSUPP') throw denialError(denial)
    then()
  } finally {
    close(kernel, nft)
  }
}

function removed(kernel: Kernel, route: number, request: Request): void {
  const denial = converse(kernel, route, [request])
  if (denial !== undefined && denial.errno !== 'ENODEV') throw denialError(denial)
}

/** Takes a container's chains and its link away. */
export function disconnect(kernel: Kernel, route: number, table: string, containerId: string, link: string): void {
  withoutRules(kernel, withdrawalRules(table, containerId), () => removed(kernel, route, removeLink(link)))
}

/** Removes the bridge with all links on it and its table, and gives the host's forwarding back unless another bridge needs it. */
export function removeBridge(kernel: Kernel, route: number, network: Network): void {
  withoutRules(kernel, [removeTable(network.bridge)], () => {
    const links = listed(kernel, route, listLinks()).map(decodeLink)
    // The alias knows also what other bridges have handed over; the copy is for a bridge that somebody else has removed.
    const there = links.find(({ name }) => name === network.bridge)
    const note = readNote(there?.alias ?? network.note) ?? []
    const heir = links.find(({ name, alias }) => name !== network.bridge && readNote(alias) !== undefined)
    if (heir === undefined) applySettings(kernel, note, true)
    else if (note.length > 0) {
      const denial = converse(kernel, route, [setLinkAlias(heir.name, noteOf([...readNote(heir.alias)!, ...note]))])
      if (denial !== undefined) throw denialError(denial)
    }
    removed(kernel, route, removeGroup(network.group))
  })
}
