// Network namespaces: devices, addresses, routes, ports. network_namespaces(7)

import type { Counters } from '../counters.ts'
import type { KUid } from '../ids.ts'
import type { Firewall } from '../net/firewall.ts'
import type { Link } from '../net/link.ts'
import { addLink, removeLink } from '../net/links.ts'
import { PortTable } from '../net/ports.ts'
import type { Route } from '../net/route.ts'
import type { UnixSocket } from '../net/unix.ts'
import type { SysctlEntry } from '../proc/sysctl-directory.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

/** What each namespace begins with (NET-010). */
const defaults: Readonly<Record<string, number>> = {
  'core/somaxconn': 4096,
  'ipv4/port_first': 32_768,
  'ipv4/port_last': 60_999,
  'ipv4/ip_unprivileged_port_start': 1024,
  'ipv4/ip_default_ttl': 64,
  'ipv4/ping_first': 1,
  'ipv4/ping_last': 0,
  'ipv4/tcp_syncookies': 1,
  'ipv4/tcp_fin_timeout': 60,
  'ipv4/tcp_tw_reuse': 2,
  'ipv4/tcp_keepalive_time': 7200,
  'unix/max_dgram_qlen': 10,
  'netfilter/nf_conntrack_max': 65_536,
  'ipv4/conf/all/accept_redirects': 1,
  'ipv4/conf/all/send_redirects': 1,
}
/** Of a device when neither it nor `default` has been told otherwise. */
const deviceDefaults: Readonly<Record<string, number>> = {
  'ipv4/accept_redirects': 1,
  'ipv4/send_redirects': 1,
  'ipv6/accept_ra': 1,
  'ipv6/accept_dad': 1,
  'ipv6/accept_redirects': 1,
  'ipv6/autoconf': 1,
}

export class NetNamespace extends Namespace {
  readonly kind = 'net'
  readonly counters: Counters
  readonly ipv6 = true
  readonly links = new Map<number, Link>()
  routes: Route[] = []
  /** An address was there once: before that bind(2) takes any (NET-003). */
  hasTables = false
  readonly tcp = new PortTable()
  readonly udp = new PortTable()
  /** Abstract names of unix sockets (NET-005). */
  readonly abstract = new Map<string, UnixSocket>()
  /** Made with the first table of nf_tables. */
  firewall: Firewall | undefined
  readonly #sysctls = new Map<string, number>()
  readonly #sysctlTrees = new Map<string, SysctlEntry>()
  readonly #creator: KUid | undefined
  #lastIndex = 0

  /** @param initial - the first network namespace: settings of all devices come from there */
  constructor(counters: Counters, owner: UserNamespace, creator: KUid | undefined, initial?: NetNamespace) {
    super(counters, owner, creator === undefined ? 4026531833 : undefined)
    this.counters = counters
    this.#creator = creator
    for (const scope of ['all', 'default'])
      for (const [name, value] of initial?.settingsOf(`ipv4/conf/${scope}/`) ?? []) this.#sysctls.set(name, value)
    addLink(this, 'loopback', 'lo')
  }

  /** lo is 1, others follow (NET-015). */
  freeIndex(): number {
    do this.#lastIndex += 1
    while (this.links.has(this.#lastIndex))
    return this.#lastIndex
  }

  claimIndex(index: number): number {
    this.#lastIndex = Math.max(this.#lastIndex, index)
    return index
  }

  settingsOf(prefix: string): (readonly [string, number])[] {
    return [...this.#sysctls].filter(([name]) => name.startsWith(prefix))
  }

  /** A value below net, by its path; ip_forward is `ipv4/conf/all/forwarding`. */
  sysctl(name: string): number {
    const own = this.#sysctls.get(name) ?? defaults[name]
    if (own !== undefined) return own
    const [family, , device, key] = name.split('/')
    if (key === undefined) return 0
    return (
      this.#sysctls.get(`${family}/conf/${device === 'all' ? 'all' : 'default'}/${key}`) ??
      deviceDefaults[`${family}/${key}`] ??
      0
    )
  }

  /** Forwarding of all sets that of each device. inet_forward_change() */
  setSysctl(name: string, value: number): void {
    this.#sysctls.set(name, value)
    const match = /^(ipv[46])\/conf\/all\/forwarding$/.exec(name)
    if (match === null) return
    for (const device of ['default', ...Array.from(this.links.values(), ({ name }) => name)])
      this.#sysctls.set(`${match[1]}/conf/${device}/forwarding`, value)
  }

  sysctlTree(path: string, make: () => SysctlEntry): SysctlEntry {
    const known = this.#sysctlTrees.get(path) ?? make()
    this.#sysctlTrees.set(path, known)
    return known
  }

  /** A device is gone, or has another name. */
  forgetDevice(name: string): void {
    for (const family of ['ipv4', 'ipv6']) {
      const prefix = `${family}/conf/${name}`
      this.#sysctlTrees.delete(prefix)
      for (const key of this.#sysctls.keys()) if (key.startsWith(`${prefix}/`)) this.#sysctls.delete(key)
    }
  }

  /** All its devices are virtual: they end with it (NET-101). */
  protected end(): void {
    for (const link of [...this.links.values()]) removeLink(link)
    if (this.#creator !== undefined) this.owner.uncharge('net', this.#creator)
  }

  /** For the digest. */
  override hidden(): object {
    return { ...super.hidden(), sysctls: this.#sysctls }
  }
}
