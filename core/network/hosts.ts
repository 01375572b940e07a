// The files in which a container looks names up: /etc/hosts and /etc/resolv.conf (hosts(5), resolv.conf(5)).

import { readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { isLoopback, parseAddress } from './address.ts'
import type { NetworkMode, NetworkState } from './state.ts'

export interface NameFiles {
  /** Absent: the image's own file stays. */
  readonly hosts?: string
  readonly resolvConf?: string
}

/** Where systemd-resolved keeps the servers that it asks itself; /etc/resolv.conf names only its own loopback address. */
const resolvedPath = '/run/systemd/resolve/resolv.conf'

/**
 * Content for a container's /etc/hosts and /etc/resolv.conf. A container in the host's network gets the host's files as
 * they are, one on the bridge those without what only works on the host, one without a network nothing.
 *
 * @param options.state - what setUpNetwork answered; before that, the files are without the container's own address
 * @param options.names - further names of the container itself
 */
export function networkHosts(
  kernel: Kernel,
  options: {
    readonly mode: NetworkMode
    readonly hostname: string
    readonly names?: readonly string[]
    readonly state?: NetworkState
  },
): NameFiles {
  if (options.mode === 'none') return {}
  const resolv = readTextIfThere(kernel, '/etc/resolv.conf') ?? ''
  if (options.mode === 'host') {
    return { hosts: hostsInHost(readTextIfThere(kernel, '/etc/hosts') ?? '', options.hostname), resolvConf: resolv }
  }
  const usable = withoutLoopbackServers(resolv)
  const fallback = usable.servers > 0 ? undefined : readTextIfThere(kernel, resolvedPath)
  return {
    hosts: hostsOnBridge(options),
    resolvConf: fallback === undefined ? usable.text : withoutLoopbackServers(fallback).text,
  }
}

const localNames = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n'

function hostsInHost(text: string, hostname: string): string {
  const known = text.split('\n').some((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(1).includes(hostname))
  const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`
  return known ? ended : `${ended === '' ? localNames : ended}127.0.1.1\t${hostname}\n`
}

function hostsOnBridge(options: Parameters<typeof networkHosts>[1]): string {
  const bridge = options.state?.bridge
  if (bridge === undefined) return localNames
  const own = [...new Set([options.hostname, ...(options.names ?? [])])].join(' ')
  const addresses = [bridge.ipAddress, ...(bridge.ipv6Address === undefined ? [] : [bridge.ipv6Address])]
  const lines = addresses.map((address) => `${address}\t${own}\n`)
  return `${localNames}${bridge.gateway}\thost.containers.internal\n${lines.join('')}`
}

/** A resolv.conf without name servers that only the host can reach, and how many are left. */
export function withoutLoopbackServers(text: string): { readonly text: string; readonly servers: number } {
  const lines = text.split('\n').filter((line) => {
    const server = serverOf(line)
    return server === undefined || !isLoopback(server)
  })
  return { text: lines.join('\n'), servers: lines.filter((line) => serverOf(line) !== undefined).length }
}

function serverOf(line: string) {
  const words = /^\s*nameserver\s+(\S+)/.exec(line)?.[1]
  return words === undefined ? undefined : parseAddress(words.replace(/%.*/, ''))
}
