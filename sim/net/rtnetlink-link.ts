// RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK, RTM_GETLINK. rtnetlink(7), veth(4), uapi/linux/if_link.h

import { capable } from '../credentials.ts'
import { namespaceOf } from '../ns/file.ts'
import { NetNamespace } from '../ns/net.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { type Link, type LinkKind, linkFlags } from './link.ts'
import { addLink, findLink, freeName, moveLink, removeLink, setMaster, setUp, validName } from './links.ts'
import {
  attribute,
  attributesOf,
  join,
  type NetlinkMessage,
  NLM_F,
  nest,
  readU32,
  text,
  u32,
  words,
} from './netlink-bytes.ts'
import type { Answer } from './netlink-socket.ts'

const IFLA = {
  ADDRESS: 1,
  BROADCAST: 2,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  QDISC: 6,
  MASTER: 10,
  OPERSTATE: 16,
  LINKMODE: 17,
  LINKINFO: 18,
  NET_NS_PID: 19,
  IFALIAS: 20,
  GROUP: 27,
  NET_NS_FD: 28,
  TXQLEN: 13,
  CARRIER: 33,
  ALT_IFNAME: 53,
} as const
const INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const
const BRPORT_MODE = 4
const VETH_PEER = 1
const RTM_NEWLINK = 16
const kinds: ReadonlySet<string> = new Set(['veth', 'bridge', 'dummy'])

interface Wish {
  readonly index: number
  readonly flags: number
  readonly change: number
  readonly attributes: Map<number, Uint8Array>
  readonly name: string | undefined
}

function wishOf(body: Uint8Array): Wish | Denied {
  if (body.length < 16) return deny('EINVAL', 'rtnetlink(7)', 'rtnetlink(7): there is no struct ifinfomsg')
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const attributes = attributesOf(body.subarray(16))
  const named = attributes.get(IFLA.IFNAME)
  return {
    index: view.getInt32(4, true),
    flags: view.getUint32(8, true),
    change: view.getUint32(12, true),
    attributes,
    name: named && words(named),
  }
}

const noDevice = (): Denied => deny('ENODEV', 'rtnetlink(7)', 'rtnetlink(7): the network namespace has no such device')

function find(namespace: NetNamespace, { index, name, attributes }: Wish): Link | undefined {
  if (index > 0) return namespace.links.get(index)
  const other = attributes.get(IFLA.ALT_IFNAME)
  const wanted = name ?? (other && words(other))
  return wanted === undefined ? undefined : findLink(namespace, wanted)
}

/** The namespace that a message names by a process or a descriptor; that of the socket when by none. */
function target(task: Task, namespace: NetNamespace, attributes: Map<number, Uint8Array>): NetNamespace | Denied {
  const pid = attributes.get(IFLA.NET_NS_PID)
  const fd = attributes.get(IFLA.NET_NS_FD)
  let found: NetNamespace | undefined
  if (pid) {
    const other = task.pidNamespace.find(readU32(pid))?.task
    if (!other?.alive) return deny('ESRCH', 'rtnetlink(7)', 'rtnetlink(7): there is no process of this number')
    found = other.namespaces.net
  } else if (fd) {
    const file = task.files.get(readU32(fd))?.file
    const its = file && namespaceOf(file)
    if (!(its instanceof NetNamespace))
      return deny(
        file ? 'EINVAL' : 'EBADF',
        'rtnetlink(7)',
        'rtnetlink(7): the descriptor is none of a network namespace',
      )
    found = its
  } else return namespace
  if (!capable(task.credentials, 'NET_ADMIN', found.owner))
    return deny('EPERM', 'rtnetlink(7)', 'rtnetlink(7): it needs CAP_NET_ADMIN over the other network namespace, too')
  return found
}

export function newLink(
  task: Task,
  namespace: NetNamespace,
  { flags, body }: NetlinkMessage,
  onlySet: boolean,
): Answer {
  const wish = wishOf(body)
  if (isDenied(wish)) return wish
  if (wish.name !== undefined && !validName(wish.name.replace('%d', '0')))
    return deny('EINVAL', 'NET-007', 'rtnetlink(7): a name has up to 15 characters, and neither / nor : nor blanks')
  const link = find(namespace, wish)
  if (link) {
    if (!onlySet && flags & NLM_F.EXCL) return deny('EEXIST', 'NET-007', 'rtnetlink(7): there is a device of this name')
    return change(task, link, wish)
  }
  if (onlySet || !(flags & NLM_F.CREATE)) return noDevice()
  return create(task, namespace, wish)
}

/** Everything is looked at before anything is made. */
function create(task: Task, namespace: NetNamespace, wish: Wish): Answer {
  const info = attributesOf(wish.attributes.get(IFLA.LINKINFO) ?? new Uint8Array(0))
  const kind = words(info.get(INFO.KIND) ?? new Uint8Array(0))
  if (!kinds.has(kind))
    return deny('EOPNOTSUPP', 'rtnetlink(7)', `rtnetlink(7): the kernel has no devices of kind ${kind}`)
  const place = target(task, namespace, wish.attributes)
  if (isDenied(place)) return place
  const name = nameFor(place, wish, kind)
  if (isDenied(name)) return name
  const master = masterOf(place, wish)
  if (isDenied(master)) return master
  if (kind !== 'veth') {
    apply(addLink(place, kind as LinkKind, name, options(wish)), wish, master)
    return undefined
  }
  const peerBytes = attributesOf(info.get(INFO.DATA) ?? new Uint8Array(0)).get(VETH_PEER)
  const peerWish = peerBytes
    ? wishOf(peerBytes)
    : { ...wish, name: undefined, attributes: new Map(), flags: 0, change: 0, index: 0 }
  if (isDenied(peerWish)) return peerWish
  const peerPlace = target(task, namespace, peerWish.attributes)
  if (isDenied(peerPlace)) return peerPlace
  const taken = peerPlace === place && peerWish.name === name
  const peerName = taken
    ? deny('EEXIST', 'NET-007', 'rtnetlink(7): both ends have one name')
    : nameFor(peerPlace, peerWish, kind)
  if (isDenied(peerName)) return peerName
  const peer = addLink(peerPlace, 'veth', peerName, options(peerWish))
  const own = addLink(
    place,
    'veth',
    name === peerName && place === peerPlace ? freeName(place, 'veth%d') : name,
    options(wish),
  )
  own.peer = peer
  peer.peer = own
  apply(peer, peerWish, undefined)
  apply(own, wish, master)
  return undefined
}

const options = ({ attributes, index }: Wish) => {
  const mac = attributes.get(IFLA.ADDRESS)
  return { ...(mac?.length === 6 && { mac: mac.slice() }), ...(index > 0 && { index }) }
}

function nameFor(place: NetNamespace, { name }: Wish, kind: string): string | Denied {
  if (name === undefined || name.includes('%d')) return freeName(place, name ?? `${kind}%d`)
  if (findLink(place, name)) return deny('EEXIST', 'NET-007', `rtnetlink(7): there is a device ${name}`)
  return name
}

/** 0 is none. */
function masterOf(namespace: NetNamespace, { attributes }: Wish): Link | undefined | 'none' | Denied {
  const bytes = attributes.get(IFLA.MASTER)
  if (bytes === undefined) return undefined
  const index = readU32(bytes)
  if (index === 0) return 'none'
  const master = namespace.links.get(index)
  if (master === undefined)
    return deny('EINVAL', 'rtnetlink(7)', 'rtnetlink(7): there is no device of the number of the master')
  if (master.kind !== 'bridge') return deny('EOPNOTSUPP', 'rtnetlink(7)', `rtnetlink(7): ${master.name} takes no ports`)
  return master
}

function apply(link: Link, { attributes, flags, change }: Wish, master: Link | undefined | 'none'): void {
  const mtu = attributes.get(IFLA.MTU)
  const alias = attributes.get(IFLA.IFALIAS)
  const group = attributes.get(IFLA.GROUP)
  const mac = attributes.get(IFLA.ADDRESS)
  if (mtu) link.mtuBytes = readU32(mtu)
  if (alias) link.alias = words(alias)
  if (group) link.group = readU32(group)
  if (mac?.length === 6) link.mac = mac.slice()
  if (master !== undefined) setMaster(link, master === 'none' ? undefined : master)
  if ((change === 0 ? flags : change) & 1) setUp(link, (flags & 1) !== 0)
}

/** do_setlink(): the namespace first, then the rest. */
function change(task: Task, link: Link, wish: Wish): Answer {
  const { attributes } = wish
  const place = target(task, link.namespace, attributes)
  if (isDenied(place)) return place
  const renamed = wish.index > 0 && wish.name !== undefined && wish.name !== link.name ? wish.name : undefined
  const master = masterOf(place, wish)
  if (isDenied(master)) return master
  if (master instanceof Object && master === link)
    return deny('ELOOP', 'rtnetlink(7)', 'rtnetlink(7): it is its own master')
  if (master !== undefined && link.kind === 'loopback')
    return deny('EINVAL', 'rtnetlink(7)', 'rtnetlink(7): loopback is no port of a bridge')
  if (renamed !== undefined && place === link.namespace && findLink(place, renamed))
    return deny('EEXIST', 'NET-007', `rtnetlink(7): there is a device ${renamed}`)
  const moved = moveLink(link, place, renamed ?? link.name)
  if (moved) return moved
  if (renamed !== undefined) link.name = renamed
  const info = attributesOf(attributes.get(IFLA.LINKINFO) ?? new Uint8Array(0))
  if (words(info.get(INFO.SLAVE_KIND) ?? new Uint8Array(0)) === 'bridge') {
    if (link.master === undefined)
      return deny('EINVAL', 'rtnetlink(7)', 'rtnetlink(7): the device is no port of a bridge')
    const mode = attributesOf(info.get(INFO.SLAVE_DATA) ?? new Uint8Array(0)).get(BRPORT_MODE)
    if (mode) link.hairpin = mode[0] !== 0
  }
  apply(link, wish, master)
  return undefined
}

export function removeLinks(namespace: NetNamespace, { body }: NetlinkMessage): Answer {
  const wish = wishOf(body)
  if (isDenied(wish)) return wish
  const group = wish.attributes.get(IFLA.GROUP)
  if (wish.index === 0 && wish.name === undefined && group) {
    const all = [...namespace.links.values()].filter((link) => link.group === readU32(group))
    if (all.length === 0) return noDevice()
    if (all.some(({ kind }) => kind === 'loopback')) return notRemovable()
    for (const link of all) removeLink(link)
    return undefined
  }
  const link = find(namespace, wish)
  if (link === undefined) return noDevice()
  if (link.kind === 'loopback') return notRemovable()
  removeLink(link)
  return undefined
}

const notRemovable = (): Denied => deny('EOPNOTSUPP', 'rtnetlink(7)', 'rtnetlink(7): loopback cannot be removed')

export function getLink(namespace: NetNamespace, { body, flags }: NetlinkMessage): Answer {
  const wish = wishOf(body.length < 16 ? new Uint8Array(16) : body)
  if (isDenied(wish)) return wish
  if ((flags & NLM_F.DUMP) === NLM_F.DUMP)
    return { type: RTM_NEWLINK, bodies: Array.from(namespace.links.values(), describe), dump: true }
  const link = find(namespace, wish)
  if (link === undefined) return noDevice()
  return { type: RTM_NEWLINK, bodies: [describe(link)], dump: false }
}

function describe(link: Link): Uint8Array {
  const header = new Uint8Array(16)
  const view = new DataView(header.buffer)
  view.setUint16(2, link.kind === 'loopback' ? 772 : 1, true)
  view.setInt32(4, link.index, true)
  view.setUint32(8, linkFlags(link), true)
  const parts = [
    attribute(IFLA.IFNAME, text(link.name)),
    attribute(IFLA.TXQLEN, u32(1000)),
    attribute(IFLA.OPERSTATE, Uint8Array.of(link.carrier ? (link.kind === 'loopback' ? 0 : 6) : 2)),
    attribute(IFLA.MTU, u32(link.mtuBytes)),
    attribute(IFLA.GROUP, u32(link.group)),
    attribute(IFLA.CARRIER, Uint8Array.of(link.carrier ? 1 : 0)),
    attribute(IFLA.ADDRESS, link.mac),
  ]
  if (link.alias !== '') parts.push(attribute(IFLA.IFALIAS, text(link.alias)))
  if (link.master) parts.push(attribute(IFLA.MASTER, u32(link.master.index)))
  if (link.peer && link.peer.namespace === link.namespace) parts.push(attribute(IFLA.LINK, u32(link.peer.index)))
  if (link.kind !== 'loopback') {
    const info = [attribute(INFO.KIND, text(link.kind))]
    if (link.master) {
      info.push(attribute(INFO.SLAVE_KIND, text('bridge')))
      info.push(nest(INFO.SLAVE_DATA, [attribute(BRPORT_MODE, Uint8Array.of(link.hairpin ? 1 : 0))]))
    }
    parts.push(nest(IFLA.LINKINFO, info))
  }
  return join([header, ...parts])
}
