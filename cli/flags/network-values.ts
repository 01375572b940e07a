// Values of -p, --network and the other namespaces, --add-host and --dns.

import { UserError } from '../../core/errors.ts'
import { parseAddress } from '../../core/network/address.ts'
import type { IpcMode, NamespaceMode, NetworkMode, PortMapping } from '../../core/spec/request.ts'

function refuse(flag: string, value: string, sentence: string): never {
  throw new UserError(`${flag}=${value}: ${sentence}`)
}

interface PortRange {
  readonly first: number
  readonly count: number
}

function portRange(flag: string, value: string, word: string, side: string): PortRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(word)
  if (match === null) refuse(flag, value, `the ${side} port "${word}" is not a number`)
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])]
  for (const port of [first, last])
    if (port < 1 || port > 65_535) refuse(flag, value, `the ${side} port ${port} is not from 1 to 65535`)
  if (last < first) refuse(flag, value, `the ${side} ports ${word} run backwards`)
  return { first, count: last - first + 1 }
}

/** Parts `IP:`, `[IPv6]:` or nothing from the rest. */
function hostAddress(flag: string, value: string, text: string): { readonly hostIp?: string; readonly ports: string } {
  const bracketed = /^\[([^\]]*)\]:(.*)$/.exec(text)
  if (bracketed !== null) {
    if (parseAddress(bracketed[1]!)?.length !== 16) refuse(flag, value, `"${bracketed[1]}" is no IPv6 address`)
    return { hostIp: bracketed[1]!, ports: bracketed[2]! }
  }
  const parts = text.split(':')
  if (parts.length > 3) refuse(flag, value, 'an IPv6 address stands in brackets: [::1]:8080:80')
  if (parts.length < 3) return { ports: text }
  if (parts[0] === '') return { ports: parts.slice(1).join(':') }
  if (parseAddress(parts[0]!)?.length !== 4) refuse(flag, value, `"${parts[0]}" is no IPv4 address`)
  return { hostIp: parts[0]!, ports: parts.slice(1).join(':') }
}

/**
 * `-p [[IP:][HOST]:]CONTAINER[/tcp|udp|sctp]`, where HOST and CONTAINER may be ranges of equal length.
 *
 * @returns one mapping for each port
 */
export function publish(flag: string, value: string): readonly PortMapping[] {
  const slash = value.lastIndexOf('/')
  const protocol = slash < 0 ? 'tcp' : value.slice(slash + 1).toLowerCase()
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp')
    refuse(flag, value, `unknown protocol "${protocol}"; give tcp, udp or sctp`)
  const { hostIp, ports } = hostAddress(flag, value, slash < 0 ? value : value.slice(0, slash))
  const colon = ports.indexOf(':')
  const hostWord = colon < 0 ? '' : ports.slice(0, colon)
  const containerWord = ports.slice(colon + 1)
  if (containerWord === '') refuse(flag, value, "the container's port is missing")
  const container = portRange(flag, value, containerWord, "container's")
  const host = hostWord === '' ? undefined : portRange(flag, value, hostWord, "host's")
  if (host !== undefined && host.count !== container.count)
    refuse(flag, value, `${host.count} ports of the host for ${container.count} of the container`)
  return Array.from({ length: container.count }, (_, index) => ({
    ...(hostIp === undefined ? {} : { hostIp }),
    ...(host === undefined ? {} : { hostPort: host.first + index }),
    containerPort: container.first + index,
    protocol,
  }))
}

/** `private`, `host`, `container:NAME`, `ns:PATH`. */
export function namespaceMode(flag: string, value: string): NamespaceMode {
  if (value === 'private' || value === '') return { kind: 'private' }
  if (value === 'host') return { kind: 'host' }
  if (value.startsWith('container:') && value.length > 10) return { kind: 'container', container: value.slice(10) }
  if (value.startsWith('ns:/')) return { kind: 'path', path: value.slice(3) }
  return refuse(flag, value, 'give private, host, container:NAME or ns:/PATH')
}

/** As namespaceMode, and `none` (no /dev/shm) and `shareable`, which is what private is here. */
export function ipcMode(flag: string, value: string): IpcMode {
  if (value === 'none') return { kind: 'none' }
  return value === 'shareable' ? { kind: 'private' } : namespaceMode(flag, value)
}

/** As namespaceMode, and `none` and `bridge`. */
export function networkMode(flag: string, value: string): NetworkMode {
  if (value === 'none') return { kind: 'none' }
  if (value === 'bridge' || value === 'private' || value === 'default') return { kind: 'bridge' }
  if (value === 'host' || value.startsWith('container:') || value.startsWith('ns:')) return namespaceMode(flag, value)
  const kind = value.split(':')[0]!
  if (['slirp4netns', 'pasta', 'bridge'].includes(kind))
    refuse(flag, value, "is podman's, and vitrine does not have it yet; give bridge, none, host or container:NAME")
  return refuse(flag, value, 'there is no network of that name; give bridge, none, host, container:NAME or ns:/PATH')
}

/** `HOST:ADDRESS`. */
export function addHost(flag: string, value: string): { readonly host: string; readonly address: string } {
  const colon = value.indexOf(':')
  const host = value.slice(0, Math.max(colon, 0))
  const address = value.slice(colon + 1).replace(/^\[(.*)\]$/, '$1')
  if (host === '') refuse(flag, value, 'give HOST:ADDRESS')
  if (/\s/.test(host)) refuse(flag, value, 'a host name has no spaces')
  if (parseAddress(address) === undefined) refuse(flag, value, `"${address}" is no IP address`)
  return { host, address }
}

export function nameServer(flag: string, value: string): string {
  if (parseAddress(value) === undefined) refuse(flag, value, 'not an IP address')
  return value
}
