// A container's network, made while it waits at `start` and taken away when it has ended; safe to repeat after a crash at any point.

import { UserError } from '../errors.ts'
import { close } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { formatAddress, formatMac, macOf } from './address.ts'
import { connectHost, disconnect, makeBridgeThere, removeBridge, writeRules } from './bridge.ts'
import {
  converse,
  denialError,
  inquire,
  lockNamespace,
  NETLINK_ROUTE,
  openNetlink,
  openNetlinkOf,
} from './conversation.ts'
import {
  addressesAt,
  gatewayPlace,
  leasePlace,
  type Network,
  readNetwork,
  refuseClaimed,
  releasePlace,
  writeNetwork,
} from './leases.ts'
import { listeningAddresses, type PortMapping, probePort } from './ports.ts'
import { addAddress, addDefaultRoute, decodeLink, getLink, makeVeth, setHairpin, setLinkUp } from './rtnetlink.ts'
import type { BridgeState, NetworkMode, NetworkState } from './state.ts'

const loopbackIndex = 1
const innerName = 'eth0'

export interface NetworkRequest {
  readonly containerId: string
  /** The process that waits at `start`, in its own network namespace unless the mode is `host`. */
  readonly pid: number
  readonly mode: NetworkMode
  readonly ports: readonly PortMapping[]
  /** Where leases are kept. */
  readonly runroot: string
}

/** Name of the host's end of a container's veth pair; IFNAMSIZ leaves 15 bytes. */
export function hostLinkOf(containerId: string): string {
  return `vt${containerId.slice(0, 12)}`
}

/**
 * Gives a container its network: nothing (`host`), a loopback link (`none`), or also a link to the bridge, addresses,
 * routes and published ports (`bridge`). What was done before a refusal is undone.
 *
 * @errors UserError a port is taken, no address is free; RefusedError the kernel refused, named by what was tried
 */
export async function setUpNetwork(kernel: Kernel, request: NetworkRequest): Promise<NetworkState> {
  const { mode, ports } = request
  if (mode !== 'bridge' && ports.length > 0) {
    throw new UserError(`-p publishes ports of a container on the bridge: it cannot be used with --network=${mode}`)
  }
  if (mode === 'host') return { mode, ports: [] }
  const own = await lockNamespace(kernel)
  try {
    return mode === 'none' ? setUpLoopback(kernel, request, own) : setUpBridge(kernel, request, own)
  } finally {
    close(kernel, own)
  }
}

function setUpLoopback(kernel: Kernel, { pid }: NetworkRequest, own: number): NetworkState {
  const inside = openNetlinkOf(kernel, pid, own)
  try {
    const denial = converse(kernel, inside, [setLinkUp(loopbackIndex, 'lo')])
    if (denial !== undefined) throw denialError(denial)
  } finally {
    close(kernel, inside)
  }
  return { mode: 'none', ports: [] }
}

function setUpBridge(kernel: Kernel, request: NetworkRequest, own: number): NetworkState {
  const { containerId, runroot } = request
  const route = openNetlink(kernel, NETLINK_ROUTE)
  try {
    let known = readNetwork(kernel, runroot)
    if (known?.containers[containerId] !== undefined) {
      // Left by a run that ended without a word: its links and rules must not meet the new ones.
      undo(kernel, route, known, request)
      known = readNetwork(kernel, runroot)
    }
    const network = lease(kernel, known ?? connectHost(kernel, route), request)
    writeNetwork(kernel, runroot, network)
    try {
      const { ports } = network.containers[containerId]!
      return { mode: 'bridge', ports, bridge: connect(kernel, route, own, request, network) }
    } catch (error) {
      undo(kernel, route, network, request)
      throw error
    }
  } finally {
    close(kernel, route)
  }
}

/** Leases a place and claims the ports one by one, so that two of the same container do not meet either. */
function lease(kernel: Kernel, before: Network, { containerId, ports }: NetworkRequest): Network {
  let network = leasePlace(before, containerId)
  const { place } = network.containers[containerId]!
  for (const port of ports) {
    const claimed = [...network.containers[containerId]!.ports, claim(kernel, network, port)]
    network = { ...network, containers: { ...network.containers, [containerId]: { place, ports: claimed } } }
  }
  return network
}

/** Finds a port free at all its addresses, or says who has it. */
function claim(kernel: Kernel, network: Network, port: PortMapping): PortMapping {
  let chosen = port
  for (const address of listeningAddresses(port, network.subnet6 !== undefined)) {
    refuseClaimed(network, chosen, address)
    const hostPort = probePort(kernel, chosen, address)
    if (hostPort === chosen.hostPort) continue
    chosen = { ...chosen, hostPort }
    refuseClaimed(network, chosen, address)
  }
  return chosen
}

function connect(kernel: Kernel, route: number, own: number, request: NetworkRequest, network: Network): BridgeState {
  const { containerId, pid } = request
  const { place, ports } = network.containers[containerId]!
  const [own4, own6] = addressesAt(network, place)
  const [gateway4, gateway6] = addressesAt(network, gatewayPlace)
  const master = makeBridgeThere(kernel, route, network)
  const mac = macOf(own4!.own.address)
  const hostLink = hostLinkOf(containerId)
  const veth = makeVeth({
    name: hostLink,
    master,
    group: network.group,
    mtuBytes: network.mtuBytes,
    peer: { name: innerName, mac, netns: { pid } },
  })
  const denial = converse(kernel, route, [veth, setHairpin(hostLink)])
  if (denial !== undefined) throw denialError(denial)
  const inside = openNetlinkOf(kernel, pid, own)
  let ipv6 = false
  try {
    const found = inquire(kernel, inside, getLink(innerName))
    if (!Array.isArray(found)) throw denialError(found)
    const { index } = decodeLink(found[0]!)
    const wrong = converse(kernel, inside, [
      setLinkUp(loopbackIndex, 'lo'),
      setLinkUp(index, innerName),
      addAddress(index, own4!.own, `add ${formatAddress(own4!.own.address)} to ${innerName}`),
      addDefaultRoute(index, gateway4!.own.address, `add the default route of ${innerName}`),
    ])
    if (wrong !== undefined) throw denialError(wrong)
    if (own6 !== undefined) {
      const wrong6 = converse(kernel, inside, [
        addAddress(index, own6.own, `add ${formatAddress(own6.own.address)} to ${innerName}`),
        addDefaultRoute(index, gateway6!.own.address, `add the IPv6 default route of ${innerName}`),
      ])
      // EACCES: IPv6 is off in there (net.ipv6.conf.*.disable_ipv6), because the container's sysctls say so.
      if (wrong6 !== undefined && wrong6.errno !== 'EACCES') throw denialError(wrong6)
      ipv6 = wrong6 === undefined
    }
  } finally {
    close(kernel, inside)
  }
  const addresses = [own4!, ...(ipv6 ? [own6!] : [])].map((address) => address.own.address)
  writeRules(kernel, route, network, { table: network.bridge, containerId, ports, addresses })
  return {
    bridge: network.bridge,
    hostLink,
    macAddress: formatMac(mac),
    ipAddress: formatAddress(own4!.own.address),
    ipPrefixLength: own4!.own.prefixLength,
    gateway: formatAddress(gateway4!.own.address),
    ...(ipv6
      ? {
          ipv6Address: formatAddress(own6!.own.address),
          ipv6PrefixLength: own6!.own.prefixLength,
          ipv6Gateway: formatAddress(gateway6!.own.address),
        }
      : {}),
  }
}

/**
 * Takes a container's network away: its link, rules, address and ports, and with the last container the bridge, its table
 * and the host's forwarding. What is gone already is fine, so it may be repeated, and needs no state but the leases.
 */
export async function tearDownNetwork(
  kernel: Kernel,
  container: { readonly containerId: string; readonly runroot: string },
): Promise<void> {
  if (readNetwork(kernel, container.runroot)?.containers[container.containerId] === undefined) return
  const own = await lockNamespace(kernel)
  try {
    const network = readNetwork(kernel, container.runroot)
    if (network?.containers[container.containerId] === undefined) return
    const route = openNetlink(kernel, NETLINK_ROUTE)
    try {
      undo(kernel, route, network, container)
    } finally {
      close(kernel, route)
    }
  } finally {
    close(kernel, own)
  }
}

function undo(
  kernel: Kernel,
  route: number,
  network: Network,
  { containerId, runroot }: { readonly containerId: string; readonly runroot: string },
): void {
  const rest = releasePlace(network, containerId)
  if (Object.keys(rest.containers).length === 0) removeBridge(kernel, route, network)
  else disconnect(kernel, route, network.bridge, containerId, hostLinkOf(containerId))
  writeNetwork(kernel, runroot, rest)
}
