// Devices come, go, move between network namespaces and are switched on and off. network_namespaces(7), net/core/dev.c

import type { Counters } from '../counters.ts'
import type { NetNamespace } from '../ns/net.ts'
import { type Denied, deny } from '../outcome.ts'
import { loopback4, loopback6 } from './address.ts'
import { Link, type LinkKind } from './link.ts'

const nameBytesMax = 15

/** dev_valid_name() */
export function validName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.length <= nameBytesMax && !/[/:\s]/.test(name)
}

export function findLink(namespace: NetNamespace, name: string): Link | undefined {
  for (const link of namespace.links.values()) if (link.name === name) return link
  return undefined
}

/** A locally administered address; each is another one. */
function newMac(counters: Counters): Uint8Array {
  const number = counters.nextUnique()
  return Uint8Array.of(0x02, 0x5e, (number >>> 24) & 255, (number >>> 16) & 255, (number >>> 8) & 255, number & 255)
}

/** The name and the index have been looked at. */
export function addLink(
  namespace: NetNamespace,
  kind: LinkKind,
  name: string,
  { mac, index }: { readonly mac?: Uint8Array; readonly index?: number } = {},
): Link {
  const made = mac ?? (kind === 'loopback' ? new Uint8Array(6) : newMac(namespace.counters))
  const link = new Link(kind, index ?? namespace.freeIndex(), name, namespace, made)
  namespace.links.set(link.index, link)
  return link
}

/** `veth%d`: the first number that is free. */
export function freeName(namespace: NetNamespace, pattern: string): string {
  for (let number = 0; ; number++) {
    const name = pattern.replace('%d', String(number))
    if (findLink(namespace, name) === undefined) return name
  }
}

/** Loopback gets its addresses when it is first switched on (NET-002). */
export function setUp(link: Link, up: boolean): void {
  if (link.up === up) return
  link.up = up
  const { namespace } = link
  if (!up) {
    namespace.routes = namespace.routes.filter((route) => route.link !== link)
    if (link.kind !== 'loopback') return
  }
  if (up && link.kind === 'loopback' && link.addresses.length === 0) {
    link.addresses.push({ address: loopback4, prefixLength: 8, broadcast: undefined })
    if (namespace.ipv6) link.addresses.push({ address: loopback6, prefixLength: 128, broadcast: undefined })
  }
  if (link.addresses.length > 0) namespace.hasTables = true
}

export function setMaster(link: Link, master: Link | undefined): void {
  link.master?.ports.delete(link)
  link.master = master
  master?.ports.add(link)
}

/** Takes a device out of all that it is in; with one end of a veth pair the other goes too (NET-006). */
export function removeLink(link: Link): void {
  const { namespace, peer } = link
  if (namespace.links.get(link.index) !== link) return
  link.up = false
  setMaster(link, undefined)
  for (const port of [...link.ports]) setMaster(port, undefined)
  namespace.routes = namespace.routes.filter((route) => route.link !== link)
  link.addresses = []
  namespace.links.delete(link.index)
  namespace.forgetDevice(link.name)
  link.peer = undefined
  if (peer) removeLink(peer)
}

/**
 * To another namespace: addresses, routes and being up stay behind (NET-007).
 *
 * @errors EINVAL loopback does not move, nor does a bridge before Linux says so; EEXIST there is one of this name
 */
export function moveLink(link: Link, to: NetNamespace, name = link.name): Denied | undefined {
  if (link.namespace === to) return undefined
  if (link.kind === 'loopback' || link.kind === 'bridge')
    return deny('EINVAL', 'NET-007', `rtnetlink(7): ${link.name} stays in its network namespace`)
  if (findLink(to, name)) return deny('EEXIST', 'NET-007', `rtnetlink(7): the namespace has a device ${name} already`)
  setMaster(link, undefined)
  setUp(link, false)
  link.addresses = []
  link.namespace.links.delete(link.index)
  link.namespace.forgetDevice(link.name)
  link.namespace = to
  link.name = name
  link.index = to.links.has(link.index) ? to.freeIndex() : to.claimIndex(link.index)
  to.links.set(link.index, link)
  return undefined
}
