// /proc/sys/net of the network namespace of whoever looks. ip-sysctl.rst

import { capable } from '../credentials.ts'
import { type KGid, type KUid, rootGid, rootUid } from '../ids.ts'
import type { NetNamespace } from '../ns/net.ts'
import { fixed, numberIn, numbersIn, type Sysctl, type SysctlTree } from '../proc/sysctl-directory.ts'
import type { Task } from '../task.ts'
import type { Owner } from '../vfs/pseudo.ts'

/** Root of its user namespace, and whoever has CAP_NET_ADMIN over it. net_ctl_permissions() */
function owner({ credentials, namespaces: { net } }: Task): Owner {
  const gid = (net.owner.kgid(0) ?? rootGid) as KGid
  if (capable(credentials, 'NET_ADMIN', net.owner)) return { uid: credentials.fsuid, gid }
  return { uid: (net.owner.kuid(0) ?? rootUid) as KUid, gid }
}

const flag = { least: 0, most: 1 }

const value = (name: string, bounds: { least?: number; most?: number } = {}): Sysctl =>
  numberIn(
    ({ namespaces: { net } }) => net.sysctl(name),
    ({ namespaces: { net } }, number) => net.setSysctl(name, number),
    { ...bounds, owner },
  )

const pair = (first: string, second: string, most: number): Sysctl =>
  numbersIn(
    ({ namespaces: { net } }) => [net.sysctl(first), net.sysctl(second)],
    ({ namespaces: { net } }, [one, two]) => {
      net.setSysctl(first, one!)
      net.setSysctl(second, two!)
    },
    { least: 0, most, owner },
  )

const perDevice = {
  ipv4: [
    'forwarding',
    'route_localnet',
    'rp_filter',
    'accept_redirects',
    'send_redirects',
    'accept_local',
    'proxy_arp',
    'arp_ignore',
    'arp_announce',
  ],
  ipv6: ['forwarding', 'disable_ipv6', 'accept_ra', 'accept_dad', 'accept_redirects', 'autoconf', 'addr_gen_mode'],
} as const

/** Made once for each namespace and device, so that its files stay the same. */
function devices(net: NetNamespace, family: 'ipv4' | 'ipv6'): SysctlTree {
  const tree: Record<string, SysctlTree[string]> = {}
  for (const name of ['all', 'default', ...Array.from(net.links.values(), ({ name }) => name)])
    tree[name] = net.sysctlTree(`${family}/conf/${name}`, () => ({
      in: Object.fromEntries(perDevice[family].map((key) => [key, value(`${family}/conf/${name}/${key}`)])),
    }))
  return tree
}

const core: SysctlTree = {
  somaxconn: value('core/somaxconn', { least: 0 }),
  rmem_default: fixed(212_992),
  rmem_max: fixed(212_992),
  wmem_default: fixed(212_992),
  wmem_max: fixed(212_992),
}

const ipv4: SysctlTree = {
  ip_forward: value('ipv4/conf/all/forwarding'),
  ip_local_port_range: pair('ipv4/port_first', 'ipv4/port_last', 65_535),
  ip_unprivileged_port_start: value('ipv4/ip_unprivileged_port_start', { least: 0, most: 65_535 }),
  ip_nonlocal_bind: value('ipv4/ip_nonlocal_bind', flag),
  ip_default_ttl: value('ipv4/ip_default_ttl', { least: 1, most: 255 }),
  ping_group_range: pair('ipv4/ping_first', 'ipv4/ping_last', 4_294_967_294),
  tcp_syncookies: value('ipv4/tcp_syncookies', { least: 0, most: 2 }),
  tcp_fin_timeout: value('ipv4/tcp_fin_timeout', { least: 0 }),
  tcp_tw_reuse: value('ipv4/tcp_tw_reuse', { least: 0, most: 2 }),
  tcp_keepalive_time: value('ipv4/tcp_keepalive_time', { least: 0 }),
  icmp_echo_ignore_all: value('ipv4/icmp_echo_ignore_all', flag),
  conf: { of: ({ namespaces: { net } }) => devices(net, 'ipv4') },
}

const ipv6: SysctlTree = { conf: { of: ({ namespaces: { net } }) => devices(net, 'ipv6') } }

const withoutIpv6: SysctlTree = {
  core: { in: core },
  ipv4: { in: ipv4 },
  unix: { in: { max_dgram_qlen: value('unix/max_dgram_qlen', { least: 0 }) } },
  netfilter: { in: { nf_conntrack_max: value('netfilter/nf_conntrack_max', { least: 0 }) } },
}
const all: SysctlTree = { ...withoutIpv6, ipv6: { in: ipv6 } }

export const netSysctls = ({ namespaces: { net } }: Task): SysctlTree => (net.ipv6 ? all : withoutIpv6)
