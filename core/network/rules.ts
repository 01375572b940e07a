// What vitrine says to nf_tables: one table per bridge, in it the rules of the subnets and three chains per container with ports.

import {
  type Address,
  addressOf,
  formatAddress,
  isLoopback,
  isUnspecified,
  parseAddress,
  type Subnet,
} from './address.ts'
import type { Request } from './netlink.ts'
import {
  addChain,
  addRule,
  addressIn,
  addTable,
  decide,
  type Expression,
  flushChain,
  jump,
  masquerade,
  removeChain,
  sameFamily,
  throughLink,
  toLocalAddress,
  toPort,
  translateDestination,
  translated,
} from './nftables.ts'
import type { PortMapping } from './ports.ts'

const raw = -300
const destinationNat = -100
const sourceNat = 100
const loopback4: Address = Uint8Array.of(127, 0, 0, 0)
const loopback6 = addressOf('::1')

const chainsOf = (containerId: string) => {
  const short = containerId.slice(0, 12)
  return { ports: `ports-${short}`, prerouting: `prerouting-${short}`, output: `output-${short}` }
}

/** The rules of the bridge's subnets, for a table that is not there yet. */
export function subnetRules(table: string, bridge: string, subnets: readonly Subnet[]): Request[] {
  return [
    addTable(table),
    addChain(table, 'martians', { type: 'filter', at: 'prerouting', priority: raw }),
    addChain(table, 'masquerade', { type: 'nat', at: 'postrouting', priority: sourceNat }),
    // The bridge routes 127.0.0.0/8 (route_localnet), so that the host reaches published ports through 127.0.0.1. Nobody
    // on the bridge may reach the host's loopback services that way.
    addRule(table, 'martians', [
      ...throughLink('in', bridge),
      ...sameFamily(loopback4),
      ...addressIn('destination', loopback4, { prefixLength: 8 }),
      ...decide('drop'),
    ]),
    // An answer to 127.0.0.1 would stay in the container.
    addRule(table, 'masquerade', [
      ...throughLink('out', bridge),
      ...sameFamily(loopback4),
      ...addressIn('source', loopback4, { prefixLength: 8 }),
      ...masquerade(),
    ]),
    ...subnets.flatMap(({ address, prefixLength }) => [
      addRule(table, 'masquerade', [
        ...sameFamily(address),
        ...addressIn('source', address, { prefixLength }),
        ...throughLink('out', bridge),
        // From one container to another through a published port: the answer must come back through the translation.
        ...translated(),
        ...masquerade(),
      ]),
      addRule(table, 'masquerade', [
        ...sameFamily(address),
        ...addressIn('source', address, { prefixLength }),
        ...addressIn('destination', address, { prefixLength, not: true }),
        // Multicast and broadcast do not leave the subnet.
        ...addressIn('destination', multicast(address), { prefixLength: 8, not: true }),
        ...masquerade(),
      ]),
    ]),
  ]
}

/** 224.0.0.0/8 has the link-local and well-known groups; ff00::/8 all of IPv6's. */
function multicast(address: Address): Address {
  return address.length === 4 ? Uint8Array.of(224, 0, 0, 0) : addressOf('ff00::')
}

export interface Publication {
  readonly table: string
  readonly containerId: string
  readonly ports: readonly PortMapping[]
  /** The container's addresses: IPv4, and IPv6 where the host has it. */
  readonly addresses: readonly Address[]
  /** Addresses of the host now, for a kernel that cannot tell them by itself (no `fib` expression). */
  readonly localAddresses?: readonly Address[]
}

/**
 * The rules that publish a container's ports, in chains of its own. Connections from elsewhere pass `prerouting`, the
 * host's own pass `output`; both jump to `ports`.
 */
export function publishingRules({ table, containerId, ports, addresses, localAddresses }: Publication): Request[] {
  const chains = chainsOf(containerId)
  const local: Expression[][] =
    localAddresses === undefined
      ? [toLocalAddress()]
      : localAddresses
          .filter((address) => !isLoopback(address))
          .map((address) => [...sameFamily(address), ...addressIn('destination', address)])
  return [
    addChain(table, chains.ports),
    ...ports.flatMap((port) => addresses.flatMap((address) => translation(table, chains.ports, port, address))),
    addChain(table, chains.prerouting, { type: 'nat', at: 'prerouting', priority: destinationNat }),
    // A neighbour that sends to 127.0.0.1 shall meet the kernel's martian check, and not what is published there.
    addRule(table, chains.prerouting, [
      ...sameFamily(loopback4),
      ...addressIn('destination', loopback4, { prefixLength: 8 }),
      ...decide('accept'),
    ]),
    ...local.map((match) => addRule(table, chains.prerouting, [...match, ...jump(chains.ports)])),
    addChain(table, chains.output, { type: 'nat', at: 'output', priority: destinationNat }),
    // Linux routes no packet whose source is ::1 out of the machine: better refused at once than never answered.
    addRule(table, chains.output, [
      ...sameFamily(loopback6),
      ...addressIn('destination', loopback6),
      ...decide('accept'),
    ]),
    // What goes to any address of the machine itself goes through `lo`.
    addRule(table, chains.output, [...throughLink('out', 'lo'), ...jump(chains.ports)]),
  ]
}

function translation(table: string, chain: string, port: PortMapping, address: Address): Request[] {
  const host = port.hostIp === '' ? undefined : parseAddress(port.hostIp)
  if (host !== undefined && host.length !== address.length) return []
  const only = host === undefined || isUnspecified(host) ? [] : addressIn('destination', host)
  const rule = addRule(table, chain, [
    ...sameFamily(address),
    ...only,
    ...toPort(port.protocol, port.hostPort),
    ...translateDestination(address, port.containerPort),
  ])
  return [{ ...rule, what: `publish port ${port.hostPort}/${port.protocol} to ${formatAddress(address)}` }]
}

/** Takes a container's chains away. @errors ENOENT they are gone; all of them, since they were made in one transaction */
export function withdrawalRules(table: string, containerId: string): Request[] {
  const { ports, prerouting, output } = chainsOf(containerId)
  return [
    ...[prerouting, output, ports].map((chain) => flushChain(table, chain)),
    ...[prerouting, output, ports].map((chain) => removeChain(table, chain)),
  ]
}
