// A link of the host goes to another network namespace, under a name of its own there, with its addresses. rtnetlink(7)

import { UserError } from '../errors.ts'
import { close, O, open } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { converse, denialError, inquire, NETLINK_ROUTE, openNetlink, openNetlinkOf } from './conversation.ts'
import type { Message } from './netlink.ts'
import {
  addAddress,
  decodeLink,
  decodeLinkAddress,
  getLink,
  type Link,
  type LinkAddress,
  listAddresses,
  listLinks,
  moveLink as moving,
  setLinkUp,
} from './rtnetlink.ts'

/** rtnetlink(7), struct ifaddrmsg */
const IFA_F_PERMANENT = 0x80
const RT_SCOPE_UNIVERSE = 0

/** @param where - what the words of a refusal begin with */
function asked(kernel: Kernel, socket: number, request: Parameters<typeof inquire>[2], where: string): Message[] {
  const answer = inquire(kernel, socket, request)
  if (Array.isArray(answer)) return answer
  if (answer.errno === 'ENODEV') throw new UserError(`${where}: there is no such network device`)
  throw denialError({ ...answer, what: `${where}: ${answer.what}` })
}

const linksAt = (kernel: Kernel, socket: number, where: string): Link[] =>
  asked(kernel, socket, listLinks(), where).map(decodeLink)

/** What the container is to find again: addresses that do not end, and that mean the same everywhere. */
function keptAddresses(kernel: Kernel, socket: number, index: number, where: string): LinkAddress[] {
  return asked(kernel, socket, listAddresses(), where)
    .flatMap((message) => decodeLinkAddress(message) ?? [])
    .filter(({ link, flags, scope }) => link === index && flags & IFA_F_PERMANENT && scope === RT_SCOPE_UNIVERSE)
}

/**
 * Moves a link and sets it up there. The kernel takes its addresses away on the way; they are given back.
 *
 * @param there - a process in the other namespace
 * @param newName - may contain %d, for which the kernel puts a number that is free
 * @param where - what the words of a refusal begin with
 * @errors UserError there is no such link, or one of the new name is there already; RefusedError the kernel refused
 */
export function moveLink(kernel: Kernel, name: string, there: number, newName: string, where: string): void {
  const own = open(kernel, '/proc/self/ns/net', O.RDONLY | O.CLOEXEC)
  const sockets: number[] = [own]
  try {
    const here = openNetlink(kernel, NETLINK_ROUTE)
    sockets.push(here)
    const inside = openNetlinkOf(kernel, there, own)
    sockets.push(inside)
    const link = decodeLink(asked(kernel, here, getLink(name), where)[0]!)
    const addresses = keptAddresses(kernel, here, link.index, where)
    const before = linksAt(kernel, inside, where)
    if (before.some((other) => other.name === newName))
      throw new UserError(`${where}: the container's network namespace has a network device ${newName} already`)
    const namespace = open(kernel, `/proc/${there}/ns/net`, O.RDONLY | O.CLOEXEC)
    sockets.push(namespace)
    // What cannot be moved is left as it was; what can is set down by the kernel.
    const what = `${where}: move it to the container's network namespace`
    const denial = converse(kernel, here, [moving(link.index, newName, namespace, what)])
    if (denial !== undefined) throw denialError(denial)
    const known = new Set(before.map(({ index }) => index))
    const arrived = linksAt(kernel, inside, where).find(
      (other) => !known.has(other.index) && (newName.includes('%') || other.name === newName),
    )
    if (arrived === undefined) throw new UserError(`${where}: the network device is gone again`)
    const given = addresses.map((address) => addAddress(arrived.index, address, `${where}: give it its address again`))
    const refusal = converse(kernel, inside, [...given, setLinkUp(arrived.index, arrived.name)])
    if (refusal !== undefined) throw denialError(refusal)
  } finally {
    for (const fd of sockets) close(kernel, fd)
  }
}
