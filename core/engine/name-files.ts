// The small files of a container that say who it and others are: hostname, hosts, resolv.conf.

import { readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { networkHosts } from '../network/hosts.ts'
import type { NetworkMode, NetworkState } from '../network/state.ts'
import { hostnameOf } from '../spec/from-request.ts'
import type { ContainerRequest } from '../spec/request.ts'
import { type Stored, writeNewFile } from '../store/record.ts'

/** How a container's network is made: what it shares with others needs nothing. */
export function networkModeOf(request: ContainerRequest): NetworkMode | 'shared' {
  const { kind } = request.network
  if (kind === 'host' || kind === 'none' || kind === 'bridge') return kind
  return kind === 'private' ? 'bridge' : 'shared'
}

/** The name that the container's processes know their host by. */
export function containerHostname(kernel: Kernel, { record }: Pick<Stored, 'record'>): string {
  if (record.request.uts.kind === 'private') return hostnameOf(record.request, record.id)
  return readTextIfThere(kernel, '/proc/sys/kernel/hostname')?.trim() ?? 'localhost'
}

/**
 * Writes the files, or after the network is made writes them again: in place, since they are already mounted.
 *
 * @param state - what the network gave, once it has
 */
export function writeNameFiles(kernel: Kernel, stored: Pick<Stored, 'record' | 'paths'>, state?: NetworkState): void {
  const { record, paths } = stored
  const { request } = record
  // Of a network by path nothing is known: the host's own names are the best guess.
  const mode = request.network.kind === 'path' ? 'host' : networkModeOf(request)
  const hostname = containerHostname(kernel, stored)
  if (state === undefined && request.uts.kind === 'private')
    writeNewFile(kernel, paths.hostname, `${hostname}\n`, 0o644)
  const nothing = mode === 'none' && request.addHost.length === 0 && request.dns.length === 0
  if (mode === 'shared' || nothing) return
  const files = networkHosts(kernel, {
    mode,
    hostname,
    names: [record.name],
    ...(state === undefined ? {} : { state }),
  })
  const added = request.addHost.map(({ host, address }) => `${address}\t${host}\n`).join('')
  const hosts = files.hosts ?? `127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t${hostname}\n`
  writeNewFile(kernel, paths.hosts, hosts + added, 0o644)
  if (state !== undefined) return
  const servers = request.dns.map((address) => `nameserver ${address}\n`).join('')
  writeNewFile(kernel, paths.resolvConf, servers === '' ? (files.resolvConf ?? '') : servers, 0o644)
}
