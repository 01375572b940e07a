// SIOCGIF* and SIOCSIF*: devices by name, as programs of old ask for them. netdevice(7)

import { capable } from '../credentials.ts'
import type { NetNamespace } from '../ns/net.ts'
import { type Denied, deny, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { decode } from '../vfs/utf8.ts'
import { type Link, type LinkAddress, linkFlags } from './link.ts'
import { findLink, setUp } from './links.ts'
import { sockaddrOf } from './sockaddr.ts'

const SIOC = {
  GIFNAME: 0x8910,
  GIFCONF: 0x8912,
  GIFFLAGS: 0x8913,
  SIFFLAGS: 0x8914,
  GIFADDR: 0x8915,
  SIFADDR: 0x8916,
  GIFNETMASK: 0x891b,
  SIFNETMASK: 0x891c,
  GIFMTU: 0x8921,
  SIFMTU: 0x8922,
  GIFHWADDR: 0x8927,
  GIFINDEX: 0x8933,
} as const
const AF_INET = 2
const nameBytes = 16

const setting: ReadonlySet<number> = new Set([SIOC.SIFFLAGS, SIOC.SIFADDR, SIOC.SIFNETMASK, SIOC.SIFMTU])

/** Undefined: not a request about devices. */
export function deviceIoctl(
  task: Task,
  namespace: NetNamespace,
  request: number,
  arg: Uint8Array | number,
): Reply | undefined {
  if (request < SIOC.GIFNAME || request > SIOC.GIFINDEX) return undefined
  const call = 'ioctl(2)'
  if (!(arg instanceof Uint8Array) || arg.length < nameBytes + 2)
    return deny('EFAULT', 'netdevice(7)', `${call}: there is no struct ifreq`)
  const data = arg.slice()
  const view = new DataView(data.buffer)
  if (request === SIOC.GIFNAME) {
    const link = data.length >= 20 ? namespace.links.get(view.getInt32(nameBytes, true)) : undefined
    if (link === undefined) return missing(call)
    data.fill(0, 0, nameBytes)
    for (let at = 0; at < link.name.length; at++) data[at] = link.name.charCodeAt(at)
    return { value: 0, data }
  }
  const end = data.subarray(0, nameBytes).indexOf(0)
  const link = findLink(namespace, decode(data.subarray(0, end < 0 ? nameBytes - 1 : end)))
  const sets = setting.has(request)
  if (sets && !capable(task.credentials, 'NET_ADMIN', namespace.owner))
    return deny('EPERM', 'netdevice(7)', `${call}: changing a device needs CAP_NET_ADMIN over the network namespace`)
  if (link === undefined) return missing(call)
  return answer(link, request, data, view) ?? deny('ENOTTY', 'netdevice(7)', `${call}: the request is not modelled`)
}

const missing = (call: string): Denied =>
  deny('ENODEV', 'netdevice(7)', `${call}: the network namespace has no such device`)

function answer(link: Link, request: number, data: Uint8Array, view: DataView): Reply | undefined {
  const address = link.addresses.find((own) => own.address.length === 4)
  switch (request) {
    case SIOC.GIFFLAGS:
      view.setUint16(nameBytes, linkFlags(link) & 0xffff, true)
      break
    case SIOC.SIFFLAGS:
      setUp(link, (view.getUint16(nameBytes, true) & 1) !== 0)
      return 0
    case SIOC.GIFMTU:
      view.setInt32(nameBytes, link.mtuBytes, true)
      break
    case SIOC.SIFMTU:
      link.mtuBytes = view.getInt32(nameBytes, true)
      return 0
    case SIOC.GIFINDEX:
      view.setInt32(nameBytes, link.index, true)
      break
    case SIOC.GIFHWADDR:
      view.setUint16(nameBytes, link.kind === 'loopback' ? 772 : 1, true)
      data.set(link.mac, nameBytes + 2)
      break
    case SIOC.GIFADDR:
    case SIOC.GIFNETMASK: {
      if (address === undefined) return noAddress()
      const mask = Uint8Array.from({ length: 4 }, (_, at) => {
        const bits = Math.min(8, Math.max(0, address.prefixLength - 8 * at))
        return (0xff << (8 - bits)) & 0xff
      })
      const shown = request === SIOC.GIFADDR ? address.address : mask
      data.set(sockaddrOf(AF_INET, { address: shown, port: 0 }).subarray(0, data.length - nameBytes), nameBytes)
      break
    }
    case SIOC.SIFADDR:
      return setAddress(link, data.slice(nameBytes + 4, nameBytes + 8))
    case SIOC.SIFNETMASK:
      if (address === undefined) return noAddress()
      return replaceAddress(link, { ...address, prefixLength: bitsOf(data.subarray(nameBytes + 4, nameBytes + 8)) })
    default:
      return undefined
  }
  return { value: 0, data }
}

const noAddress = (): Denied => deny('EADDRNOTAVAIL', 'netdevice(7)', 'ioctl(2): the device has no IPv4 address')
const bitsOf = (mask: Uint8Array): number =>
  [...mask].reduce((bits, byte) => bits + byte.toString(2).replaceAll('0', '').length, 0)

/** The one address that this way knows, in a subnet of its class. inet_abc_len() */
function setAddress(link: Link, address: Uint8Array): number {
  const first = address[0]!
  return replaceAddress(link, { address, prefixLength: first < 128 ? 8 : first < 192 ? 16 : 24, broadcast: undefined })
}

function replaceAddress(link: Link, address: LinkAddress): number {
  const old = link.addresses.find((own) => own.address.length === 4)
  link.addresses = [...link.addresses.filter((own) => own !== old), address]
  if (link.up) link.namespace.hasTables = true
  return 0
}
