// Who has which address and which port of the host: RUNROOT/network/network.json, changed under the namespace's lock.

import { DamagedError, UserError } from '../errors.ts'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  makeDirectories,
  parseFile,
  readTextIfThere,
  removeFile,
  replaceLocked,
} from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { type Address, addressOf, formatAddress, hostAddress, isUnspecified, overlap, type Subnet } from './address.ts'
import { listeningAddresses, type PortMapping, portName } from './ports.ts'

export interface Lease {
  /** Place in both subnets: the container's addresses are the subnets' own plus this. */
  readonly place: number
  /** With the ports that the host chose. */
  readonly ports: readonly PortMapping[]
}

/** One bridge with its subnets, from its first container to its last. */
export interface Network {
  /** Name of the bridge, and of its nf_tables table. */
  readonly bridge: string
  readonly group: number
  readonly mtuBytes: number
  readonly subnet: string
  /** Absent where the host has no IPv6. */
  readonly subnet6?: string
  /** What the host gets back with the last container, as the bridge's alias says it (forwarding.ts). */
  readonly note: string
  readonly lastPlace: number
  readonly containers: Readonly<Record<string, Lease>>
}

/** The gateway's place, which is the bridge itself. */
export const gatewayPlace = 1
/** Interface group of the first bridge's links: "vit" and a number. */
const firstGroup = 0x76697400
const bridgesMax = 256

/** Subnets in the order of preference: podman's default first, so that a machine without podman looks familiar. */
const candidates: readonly string[] = [
  '10.88.0.0/16',
  ...Array.from({ length: 256 }, (_, third) => `10.89.${third}.0/24`),
  ...Array.from({ length: 256 }, (_, third) => `172.31.${third}.0/24`),
]

export function parseSubnet(text: string): Subnet {
  const [address, prefixLength] = text.split('/')
  return { address: addressOf(address!), prefixLength: Number(prefixLength) }
}

/**
 * A bridge name that is free and subnets that no route of the host meets. A default route meets nothing: it says where
 * everything else goes.
 *
 * @errors UserError when every candidate meets a route
 */
export function chooseNetwork(host: {
  readonly links: readonly string[]
  readonly routes: readonly Subnet[]
  readonly mtuBytes: number
  readonly ipv6: boolean
  readonly note: string
}): Network {
  const routes = host.routes.filter(({ prefixLength }) => prefixLength > 0)
  const free = (text: string) => !routes.some((route) => overlap(route, parseSubnet(text)))
  const number = Array.from({ length: bridgesMax }, (_, at) => at).find((at) => !host.links.includes(`vitrine${at}`))
  const subnet = candidates.find(free)
  if (number === undefined || subnet === undefined) {
    throw new UserError('no subnet is free for the bridge: the routes of the host meet all that were tried')
  }
  // A unique local prefix (RFC 4193) that spells the name: fd76:6974:7269:: and the bridge's number.
  const subnet6 = Array.from(
    { length: bridgesMax },
    (_, at) => `fd76:6974:7269:${(number + at).toString(16)}::/64`,
  ).find(free)
  return {
    bridge: `vitrine${number}`,
    group: firstGroup + number,
    mtuBytes: host.mtuBytes,
    subnet,
    ...(host.ipv6 && subnet6 !== undefined ? { subnet6 } : {}),
    note: host.note,
    lastPlace: gatewayPlace,
    containers: {},
  }
}

/**
 * Leases a place to a container: the one after the last leased, so that an address rests before it is used again.
 *
 * @errors UserError when all are leased
 */
export function leasePlace(network: Network, containerId: string): Network {
  const taken = new Set(Object.values(network.containers).map((lease) => lease.place))
  // Without the network's own address, the gateway and the broadcast address.
  const count = 2 ** (32 - parseSubnet(network.subnet).prefixLength) - 3
  for (let tried = 1; tried <= count; tried++) {
    const place = ((network.lastPlace - gatewayPlace - 1 + tried + count) % count) + gatewayPlace + 1
    if (taken.has(place)) continue
    return { ...network, lastPlace: place, containers: { ...network.containers, [containerId]: { place, ports: [] } } }
  }
  throw new UserError(`no address is free in ${network.subnet}: ${taken.size} containers have them all`)
}

export function releasePlace(network: Network, containerId: string): Network {
  const { [containerId]: _, ...containers } = network.containers
  return { ...network, containers }
}

/** @errors UserError when a container of the network has published the port at an address that meets this one */
export function refuseClaimed(network: Network, port: PortMapping, address: Address): void {
  const meets = (other: Address) =>
    other.length === address.length &&
    (isUnspecified(other) || isUnspecified(address) || formatAddress(other) === formatAddress(address))
  for (const [id, { ports }] of Object.entries(network.containers)) {
    const claimed = ports.some(
      (other) =>
        other.hostPort === port.hostPort &&
        other.protocol === port.protocol &&
        listeningAddresses(other, network.subnet6 !== undefined).some(meets),
    )
    if (claimed) throw new UserError(`${portName(port, address)} is taken by container ${id.slice(0, 12)}`)
  }
}

/** The addresses of a place: IPv4 first, IPv6 where there is a subnet. */
export function addressesAt(network: Network, place: number): { readonly own: Subnet; readonly network: Subnet }[] {
  const subnets = [network.subnet, ...(network.subnet6 === undefined ? [] : [network.subnet6])].map(parseSubnet)
  return subnets.map((subnet) => ({
    own: { address: hostAddress(subnet, place), prefixLength: subnet.prefixLength },
    network: subnet,
  }))
}

const directoryOf = (runroot: string) => `${runroot}/network`
const fileOf = (runroot: string) => `${directoryOf(runroot)}/network.json`

export function readNetwork(kernel: Kernel, runroot: string): Network | undefined {
  const text = readTextIfThere(kernel, fileOf(runroot))
  if (text === undefined) return undefined
  const network = parseFile<Network | null>(text, fileOf(runroot))
  if (typeof network?.containers !== 'object' || network.containers === null)
    throw new DamagedError(fileOf(runroot), 'these are not the leases of a network')
  return network
}

/** Keeps a network; without containers it is gone, and so is its file. */
export function writeNetwork(kernel: Kernel, runroot: string, network: Network): void {
  if (Object.keys(network.containers).length === 0) {
    removeFile(kernel, fileOf(runroot))
    removeFile(kernel, `${fileOf(runroot)}.tmp`)
    // Only when it is empty, which it is unless somebody put something there.
    kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: directoryOf(runroot), flags: AT_REMOVEDIR })
    return
  }
  makeDirectories(kernel, directoryOf(runroot), 0o700)
  replaceLocked(kernel, fileOf(runroot), JSON.stringify(network))
}
