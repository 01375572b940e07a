// wasi:sockets/ip-name-lookup: names as the machine's own programs resolve them, who ask nobody outside: /etc/hosts, localhost
// and the name of the host. https://github.com/WebAssembly/wasi-sockets/blob/main/wit/ip-name-lookup.wit, hosts(5)

import { parseAddress } from '../../../../core/network/address.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { refuse } from './errors.ts'
import { answers, type Context, dropping, type Interface, keep, type Steps, tells, the } from './resources.ts'
import { ipAddress, ipAddressOf } from './socket-words.ts'

const AT_FDCWD = -100
const O_CLOEXEC = 0x80000
const loopback = Uint8Array.of(127, 0, 0, 1)
/** nodename of struct utsname. uname(2) */
const [utsnameBytes, nodenameAt, nodenameBytes] = [390, 65, 65]
const nameMost = 253
const labels = /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/

/** In ASCII and small letters; undefined when it is no name of a host. RFC 1123, RFC 5891 */
function plainName(name: string): string | undefined {
  let plain = name
  if (/[^\x00-\x7f]/.test(name)) {
    const url = `http://${name}`
    plain = URL.canParse(url) ? new URL(url).hostname : ''
  }
  const small = plain.toLowerCase()
  return small.length <= nameMost && labels.test(small) ? small.replace(/\.$/, '') : undefined
}

/** An address of IPv4 is never told as one of IPv6. */
function plainAddress(text: string): Uint8Array | undefined {
  const address = parseAddress(text)
  const isMapped = address?.length === 16 && address.every((byte, at) => at > 11 || byte === (at > 9 ? 255 : 0))
  return isMapped ? address.subarray(12) : address
}

function* readFile(pathname: string): Steps<string> {
  const opened: Outcome = yield { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_CLOEXEC, mode: 0 }
  if (isDenied(opened)) return ''
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const read: Outcome = yield { name: 'read', fd: opened.value, buf: 65_536 }
    if (isDenied(read) || read.value === 0) break
    text += decoder.decode(read.data, { stream: true })
  }
  yield { name: 'close', fd: opened.value }
  return text
}

function* hostName(): Steps<string> {
  const outcome: Outcome = yield { name: 'uname', buf: utsnameBytes }
  const data = 'data' in outcome && outcome.data ? outcome.data : new Uint8Array(utsnameBytes)
  const bytes = data.subarray(nodenameAt, nodenameAt + nodenameBytes)
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))).toLowerCase()
}

/** Addresses of a name, in the order of the file. */
function* addressesOf(name: string): Steps<Uint8Array[]> {
  const found: Uint8Array[] = []
  for (const line of (yield* readFile('/etc/hosts')).split('\n')) {
    const [number, ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/)
    const address = names.includes(name) ? plainAddress(number!) : undefined
    if (address) found.push(address)
  }
  if (found.length > 0) return found
  return name === 'localhost' || name === (yield* hostName()) ? [loopback] : []
}

function* resolve(context: Context, network: number, start: number, length: number): Steps {
  the(context, 'network', network)
  const text = context.text(start, length)
  const literal = plainAddress(text)
  const name = plainName(text)
  if (!literal && name === undefined) return refuse('invalid-argument')
  const addresses = literal ? [literal] : yield* addressesOf(name!)
  return keep(context, { kind: 'addresses', addresses, at: 0 })
}

export const names: Interface = {
  'resolve-addresses': answers({ result: ['u32', 'network'] }, resolve),
  '[method]resolve-address-stream.resolve-next-address': tells(
    { result: [{ option: ipAddress }, 'network'] },
    (context, self) => {
      const stream = the(context, 'addresses', self)
      if (stream.addresses.length === 0) return refuse('name-unresolvable')
      const next = stream.addresses[stream.at++]
      return next && ipAddressOf(next)
    },
  ),
  '[method]resolve-address-stream.subscribe': tells('u32', (context, self) => {
    the(context, 'addresses', self)
    return keep(context, { kind: 'pollable', events: 0 })
  }),
  '[resource-drop]resolve-address-stream': dropping,
}
