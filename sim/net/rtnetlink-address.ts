// RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR. rtnetlink(7)

import type { NetNamespace } from '../ns/net.ts'
import { deny } from '../outcome.ts'
import { AF, sameAddress } from './address.ts'
import type { Link, LinkAddress } from './link.ts'
import { attribute, attributesOf, join, type NetlinkMessage, NLM_F, text, u32 } from './netlink-bytes.ts'
import type { Answer } from './netlink-socket.ts'

const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, FLAGS: 8 } as const
const RTM_NEWADDR = 20
const IFA_F_PERMANENT = 0x80

export function changeAddress(namespace: NetNamespace, { body, flags }: NetlinkMessage, adds: boolean): Answer {
  const wrong = (why: string) => deny('EINVAL', 'rtnetlink(7)', `rtnetlink(7): ${why}`)
  if (body.length < 8) return wrong('there is no struct ifaddrmsg')
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const [family, prefixLength] = body as unknown as readonly [number, number]
  const length = family === AF.INET ? 4 : family === AF.INET6 ? 16 : 0
  const attributes = attributesOf(body.subarray(8))
  const address = (attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS))?.slice()
  if (length === 0) return deny('EOPNOTSUPP', 'rtnetlink(7)', 'rtnetlink(7): addresses of this family are not known')
  if (address === undefined || address.length !== length || prefixLength > length * 8) return wrong('it is no address')
  const link = namespace.links.get(view.getInt32(4, true))
  if (link === undefined) return deny('ENODEV', 'rtnetlink(7)', 'rtnetlink(7): there is no device of this number')
  if (length === 16 && namespace.sysctl(`ipv6/conf/${link.name}/disable_ipv6`))
    return deny('EACCES', 'rtnetlink(7)', `rtnetlink(7): IPv6 is off on ${link.name} (disable_ipv6)`)
  const same = (own: LinkAddress) => sameAddress(own.address, address) && own.prefixLength === prefixLength
  if (!adds) {
    if (!link.addresses.some(same))
      return deny('EADDRNOTAVAIL', 'rtnetlink(7)', 'rtnetlink(7): the device has no such address')
    link.addresses = link.addresses.filter((own) => !same(own))
    return undefined
  }
  if (link.addresses.some(same))
    return flags & NLM_F.EXCL || !(flags & NLM_F.REPLACE)
      ? deny('EEXIST', 'rtnetlink(7)', 'rtnetlink(7): the device has the address')
      : undefined
  link.addresses.push({ address, prefixLength, broadcast: attributes.get(IFA.BROADCAST)?.slice() })
  if (link.up) namespace.hasTables = true
  return undefined
}

export function listAddresses(namespace: NetNamespace, { body }: NetlinkMessage): Answer {
  const family = body[0] ?? 0
  const bodies: Uint8Array[] = []
  for (const link of namespace.links.values())
    for (const own of link.addresses)
      if (family === AF.UNSPEC || family === (own.address.length === 4 ? AF.INET : AF.INET6))
        bodies.push(describe(link, own))
  return { type: RTM_NEWADDR, bodies, dump: true }
}

function describe(link: Link, { address, prefixLength, broadcast }: LinkAddress): Uint8Array {
  const isFour = address.length === 4
  const scope = link.kind === 'loopback' ? 254 : 0
  const header = Uint8Array.of(isFour ? AF.INET : AF.INET6, prefixLength, IFA_F_PERMANENT, scope, ...u32(link.index))
  const parts = [attribute(IFA.ADDRESS, address)]
  if (isFour) parts.push(attribute(IFA.LOCAL, address))
  if (broadcast) parts.push(attribute(IFA.BROADCAST, broadcast))
  if (isFour) parts.push(attribute(IFA.LABEL, text(link.name)))
  parts.push(attribute(IFA.FLAGS, u32(IFA_F_PERMANENT)))
  return join([header, ...parts])
}
