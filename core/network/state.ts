// A container's network as plain data: what the engine keeps, and what inspect shows of it in podman's words.

import type { PortMapping } from './ports.ts'

export type NetworkMode = 'none' | 'host' | 'bridge'

export interface BridgeState {
  /** The bridge in the host's network namespace. */
  readonly bridge: string
  /** The host's end of the container's veth pair. */
  readonly hostLink: string
  readonly macAddress: string
  readonly ipAddress: string
  readonly ipPrefixLength: number
  readonly gateway: string
  /** Absent where the host, or the container by its sysctls, has no IPv6. */
  readonly ipv6Address?: string
  readonly ipv6PrefixLength?: number
  readonly ipv6Gateway?: string
}

export interface NetworkState {
  readonly mode: NetworkMode
  /** With the ports that the host chose. */
  readonly ports: readonly PortMapping[]
  readonly bridge?: BridgeState
}

/** `NetworkSettings` of podman-inspect(1). */
export function networkSettings(state: NetworkState) {
  const { bridge } = state
  const endpoint = {
    EndpointID: '',
    Gateway: bridge?.gateway ?? '',
    IPAddress: bridge?.ipAddress ?? '',
    IPPrefixLen: bridge?.ipPrefixLength ?? 0,
    IPv6Gateway: bridge?.ipv6Gateway ?? '',
    GlobalIPv6Address: bridge?.ipv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.ipv6PrefixLength ?? 0,
    MacAddress: bridge?.macAddress ?? '',
  }
  const network = { ...endpoint, NetworkID: state.mode, DriverOpts: null, IPAMConfig: null, Links: null }
  return {
    ...endpoint,
    Bridge: '',
    SandboxID: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    Ports: portBindings(state.ports),
    SandboxKey: '',
    Networks: { [state.mode]: network },
  }
}

function portBindings(ports: readonly PortMapping[]) {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const port of ports) {
    const key = `${port.containerPort}/${port.protocol}`
    bindings[key] ??= []
    bindings[key].push({ HostIp: port.hostIp, HostPort: String(port.hostPort) })
  }
  return bindings
}
