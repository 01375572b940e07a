// Which proxy a request goes through, by the variables that Go's programs and curl(1) follow: HTTPS_PROXY, NO_PROXY, ...

import { BlockList, isIP } from 'node:net'
import { UserError } from '../../core/errors.ts'

type Variables = Readonly<Record<string, string | undefined>>

/**
 * The proxy's URL, or undefined for a direct connection; loopback is always direct.
 *
 * @errors UserError for a proxy that is not reached by http or https
 */
export function proxyFor(url: URL, variables: Variables): string | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const value = variables[name] || variables[name.toLowerCase()]
  if (!value) return undefined
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  if (isLoopback(host) || isExempt(host, port, variables.NO_PROXY || variables.no_proxy || '')) return undefined
  const proxy = value.includes('://') ? value : `http://${value}`
  if (!/^https?:\/\/[^/]/.test(proxy))
    throw new UserError(`connect to ${url.host}: the proxy of ${name} must be http or https`)
  return proxy
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** `*`, names (a name stands for those below it too, `.name` for those alone), addresses, CIDR; all may have a port. */
function isExempt(host: string, port: string, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true
      const [, name = '', itsPort] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
      if (itsPort !== undefined && itsPort !== port) return false
      const bare = name.replace(/^\[|\]$/g, '').replace(/^\*(?=\.)/, '')
      if (bare.includes('/')) return isWithin(host, bare)
      return host === bare || host.endsWith(bare.startsWith('.') ? bare : `.${bare}`)
    })
}

function isWithin(host: string, network: string): boolean {
  const [address = '', bits = ''] = network.split('/')
  const family = (text: string) => (isIP(text) === 6 ? 'ipv6' : 'ipv4')
  if (!isIP(host) || !isIP(address) || family(host) !== family(address)) return false
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (isIP(address) === 6 ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(address, Number(bits), family(address))
  return list.check(host, family(host))
}
