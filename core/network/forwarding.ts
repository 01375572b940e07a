// Forwarding between the bridge and the world: sysctls of the host's network namespace, and giving them back (ip-sysctl.rst).

import { RefusedError } from '../errors.ts'
import { list, readTextIfThere, writeInto } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'

const directory = '/proc/sys/net'
const mark = 'vitrine'
/** IFALIASZ of linux/if.h, without the NUL. */
const aliasBytesMax = 255

/** One sysctl below net and a value: `ipv4/ip_forward=0`. */
export interface Setting {
  readonly key: string
  readonly value: string
}

export interface Forwarding {
  /** What to write, in this order. */
  readonly wanted: readonly Setting[]
  /** What to write when the last bridge is gone, in this order. */
  readonly former: readonly Setting[]
}

const read = (kernel: Kernel, key: string) => readTextIfThere(kernel, `${directory}/${key}`)?.trim()

/** Whether new links of the host get IPv6. */
export function hostHasIpv6(kernel: Kernel): boolean {
  return ['all', 'default'].every((conf) => read(kernel, `ipv6/conf/${conf}/disable_ipv6`) === '0')
}

/**
 * What must be set so that the host forwards, and what was there. Nothing where forwarding is on already.
 *
 * Turning IPv4 forwarding on or off also turns `accept_redirects` of all links over. Turning IPv6 forwarding on makes links
 * deaf to router advertisements unless their `accept_ra` is 2: a host that gets its own address or route that way would
 * lose it.
 */
export function planForwarding(kernel: Kernel, ipv6: boolean): Forwarding {
  const wanted: Setting[] = []
  const former: Setting[] = []
  if (read(kernel, 'ipv4/ip_forward') === '0') {
    wanted.push({ key: 'ipv4/ip_forward', value: '1' })
    former.push({ key: 'ipv4/ip_forward', value: '0' })
    const redirects = read(kernel, 'ipv4/conf/all/accept_redirects')
    if (redirects !== undefined) former.push({ key: 'ipv4/conf/all/accept_redirects', value: redirects })
  }
  if (ipv6 && read(kernel, 'ipv6/conf/all/forwarding') === '0') {
    former.push({ key: 'ipv6/conf/all/forwarding', value: '0' })
    for (const link of list(kernel, `${directory}/ipv6/conf`)) {
      const key = `ipv6/conf/${link}/accept_ra`
      if (link === 'all' || link === 'default' || /^vitrine\d+$/.test(link) || read(kernel, key) !== '1') continue
      // `lo` hears no routers, and ports of a bridge leave that to it.
      if (link === 'lo') continue
      wanted.push({ key, value: '2' })
      // With very many links the note gets too long. accept_ra=2 means the same as 1 when forwarding is off: it may stay.
      if (noteOf([...former, { key, value: '1' }]).length <= aliasBytesMax) former.push({ key, value: '1' })
    }
    wanted.push({ key: 'ipv6/conf/all/forwarding', value: '1' })
  }
  return { wanted, former }
}

/** @errors RefusedError naming the sysctl; absent ones (a link that has gone) are fine when giving back */
export function applySettings(kernel: Kernel, settings: readonly Setting[], absentIsFine = false): void {
  for (const { key, value } of settings) {
    const written = writeInto(kernel, `${directory}/${key}`, value)
    if (!refused(written) || (absentIsFine && written.errno === 'ENOENT')) continue
    throw new RefusedError(`set net.${key.replaceAll('/', '.')} to ${value}`, written.errno)
  }
}

/**
 * What is to be given back, as the alias of a bridge: kept by the kernel beside the thing itself, so it is there as long as
 * the bridge is, for whoever removes the last one, whatever state directory that uses.
 */
export function noteOf(former: readonly Setting[]): string {
  return [mark, ...former.map(({ key, value }) => `${key}=${value}`)].join(' ')
}

/** The settings in a bridge's alias; undefined when it is not a note of ours. */
export function readNote(alias: string): Setting[] | undefined {
  const [first, ...words] = alias.split(' ')
  if (first !== mark) return undefined
  return words.map((word) => {
    const at = word.lastIndexOf('=')
    return { key: word.slice(0, at), value: word.slice(at + 1) }
  })
}
