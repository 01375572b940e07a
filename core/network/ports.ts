// Published ports: what `-p` means, and whether a port of the host is free.

import { UserError } from '../errors.ts'
import { close } from '../files.ts'
import { type Kernel, refused, type Success } from '../kernel.ts'
import { type Address, addressOf, formatAddress } from './address.ts'
import type { Protocol } from './nftables.ts'

export interface PortMapping {
  /** An address of the host, or empty for all of them, IPv4 and IPv6. */
  readonly hostIp: string
  /** 0 lets the host choose one that is free. */
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: Protocol
}

const unspecified4 = addressOf('0.0.0.0')
const unspecified6 = addressOf('::')

/** The addresses that a mapping listens on: both families' when it names none. */
export function listeningAddresses(port: PortMapping, ipv6: boolean): Address[] {
  if (port.hostIp !== '') return [addressOf(port.hostIp)]
  return ipv6 ? [unspecified4, unspecified6] : [unspecified4]
}

/** How messages name a port: `port 8081/tcp on 0.0.0.0`. */
export function portName(port: PortMapping, address: Address): string {
  return `port ${port.hostPort}/${port.protocol} on ${formatAddress(address)}`
}

const AF_INET = 2
const AF_INET6 = 10
const SOCK = { tcp: 1, udp: 2 }
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IP_FREEBIND_ONE = Uint8Array.of(1, 0, 0, 0)

/** struct sockaddr_in or sockaddr_in6. ip(7), ipv6(7) */
function socketAddress(address: Address, port: number): Uint8Array {
  const bytes = new Uint8Array(address.length === 4 ? 16 : 28)
  bytes[0] = address.length === 4 ? AF_INET : AF_INET6
  bytes[2] = port >> 8
  bytes[3] = port & 0xff
  bytes.set(address, address.length === 4 ? 4 : 8)
  return bytes
}

/**
 * Asks the host for a port by binding a socket to it, and lets it go: translation happens before sockets are looked up, so
 * none is needed to keep the port. Another container is kept off by the leases; a process of the host that binds the port
 * later succeeds, and is not reached.
 *
 * @returns the port, which is another one than asked for when 0 was asked
 * @errors UserError: the port is taken, the address is not the host's, or it needs a right that the caller lacks
 */
export function probePort(kernel: Kernel, port: PortMapping, address: Address): number {
  const name = portName(port, address)
  const refuse = (why: string) => new UserError(`${name} ${why}`)
  const made = kernel.call({
    name: 'socket',
    domain: address.length === 4 ? AF_INET : AF_INET6,
    type: SOCK[port.protocol] | SOCK_CLOEXEC,
    protocol: 0,
  })
  if (refused(made)) throw refuse(`cannot be tried: ${made.errno}`)
  const sockfd = made.value
  const set = (level: number, optname: number) =>
    ({ name: 'setsockopt', sockfd, level, optname, optval: IP_FREEBIND_ONE }) as const
  try {
    // A connection of the past (TIME_WAIT) does not keep a port; a listener does. For UDP the option would hide both.
    const { outcomes, failed } = kernel.batch([
      ...(port.protocol === 'tcp' ? [set(SOL_SOCKET, SO_REUSEADDR)] : []),
      ...(address.length === 16 ? [set(IPPROTO_IPV6, IPV6_V6ONLY)] : []),
      { name: 'bind', sockfd, addr: socketAddress(address, port.hostPort) },
    ])
    const failure = failed === undefined ? undefined : outcomes[failed]!
    if (failure !== undefined && refused(failure)) {
      if (failure.errno === 'EADDRINUSE') throw refuse('is taken by a process of the host')
      if (failure.errno === 'EADDRNOTAVAIL') throw refuse('cannot be published: the host has no such address')
      throw refuse(`cannot be bound: ${failure.errno}`)
    }
    return port.hostPort === 0 ? boundPort(kernel, sockfd, refuse) : port.hostPort
  } finally {
    close(kernel, sockfd)
  }
}

function boundPort(kernel: Kernel, sockfd: number, refuse: (why: string) => UserError): number {
  const asked = kernel.call({
    name: 'getsockname',
    sockfd,
    addr: new Uint8Array(28),
    addrlen: Uint8Array.of(28, 0, 0, 0),
  })
  if (refused(asked)) throw refuse(`cannot be chosen: ${asked.errno}`)
  const { data } = asked as Success
  return (data![2]! << 8) | data![3]!
}
