// Network namespaces: what is in them, who reaches whom, which ports are whose. network_namespaces(7), catalogue 5.3

import { describe, expect, it } from 'vitest'
import { addressOf } from '../../../core/network/address.ts'
import { attribute, concatenate, encodeRequests, type Request, u32 } from '../../../core/network/netlink.ts'
import {
  addChain,
  addRule,
  addTable,
  toPort,
  transaction,
  translateDestination,
} from '../../../core/network/nftables.ts'
import {
  addAddress,
  addDefaultRoute,
  makeBridge,
  makeVeth,
  removeLink,
  setLinkUp,
} from '../../../core/network/rtnetlink.ts'
import { findLink, setUp } from '../../../sim/net/links.ts'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { become } from '../../support/sim-tasks.ts'

const NEWNET = 0x40000000
const [INET, UNIX] = [2, 1]
const [STREAM, DGRAM] = [1, 2]

const address = (text: string, port: number): Uint8Array => {
  const bytes = new Uint8Array(16)
  bytes[0] = INET
  bytes[2] = port >> 8
  bytes[3] = port & 255
  bytes.set(addressOf(text), 4)
  return bytes
}
const abstract = (name: string): Uint8Array => Uint8Array.of(UNIX, 0, 0, ...new TextEncoder().encode(name))
const path = (name: string): Uint8Array => Uint8Array.of(UNIX, 0, ...new TextEncoder().encode(name), 0)

const socket = (task: Task, type = STREAM, domain = INET): number =>
  value(task, { name: 'socket', domain, type, protocol: 0 })
const bind = (task: Task, sockfd: number, addr: Uint8Array) => errno(call(task, { name: 'bind', sockfd, addr }))
const connect = (task: Task, sockfd: number, addr: Uint8Array) => errno(call(task, { name: 'connect', sockfd, addr }))

function listener(task: Task, addr: Uint8Array, domain = INET): number {
  const sockfd = socket(task, STREAM, domain)
  value(task, { name: 'bind', sockfd, addr })
  value(task, { name: 'listen', sockfd, backlog: 5 })
  return sockfd
}

const child = (task: Task, flags = 0): Task => {
  value(task, { name: 'clone', flags: flags | 17, stack: 0, parent_tid: 0, child_tid: 0, tls: 0 })
  return task.kernel.lastBorn!
}

/** Sends requests on a new socket; the errnos that come back. */
function netlink(task: Task, requests: readonly Request[], protocol = 0): number[] {
  const sockfd = value(task, { name: 'socket', domain: 16, type: 3, protocol })
  const dest = new Uint8Array(12)
  dest[0] = 16
  value(task, { name: 'sendto', sockfd, buf: encodeRequests(requests), flags: 0, dest_addr: dest })
  const errors: number[] = []
  for (;;) {
    const outcome = call(task, { name: 'recvfrom', sockfd, buf: 65536, flags: 0x40, src_addr: 0, addrlen: 0 })
    if (isDenied(outcome)) break
    const view = new DataView(outcome.data!.buffer, outcome.data!.byteOffset)
    if (view.getUint16(4, true) === 2) errors.push(-view.getInt32(16, true))
  }
  call(task, { name: 'close', fd: sockfd })
  return errors
}

function up(task: Task, name: string, subnet?: string): void {
  const link = findLink(task.namespaces.net, name)!
  const [text, length] = (subnet ?? '').split('/')
  const requests = subnet
    ? [addAddress(link.index, { address: addressOf(text!), prefixLength: Number(length) }, 'a')]
    : []
  expect(netlink(task, [...requests, setLinkUp(link.index, name)])).toEqual([])
}

/** A veth pair between the bridge of one task and another task. */
function joinBridge(host: Task, guest: Task, names: readonly [string, string], pid: number): void {
  const mac = Uint8Array.of(2, 0, 0, 0, 0, pid)
  const master = findLink(host.namespaces.net, 'br0')!.index
  const peer = { name: names[1], mac, netns: { pid } }
  expect(netlink(host, [makeVeth({ name: names[0], master, group: 7, mtuBytes: 1500, peer })])).toEqual([])
  expect(findLink(guest.namespaces.net, names[1])).toBeDefined()
}

/** A host with a bridge 10.0.0.1/24, and two guests 10.0.0.2 and 10.0.0.3 behind it. */
function bridged() {
  const { init } = boot()
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 99)
  expect(netlink(init, [makeBridge('br0', { mac, group: 7 })])).toEqual([])
  up(init, 'br0', '10.0.0.1/24')
  const guests = [2, 3].map((last) => {
    const guest = child(init, NEWNET)
    joinBridge(init, guest, [`v${last}`, 'eth0'], guest.entry.in(init.pidNamespace)!)
    up(guest, 'lo')
    up(guest, 'eth0', `10.0.0.${last}/24`)
    return guest
  })
  return { init, one: guests[0]!, two: guests[1]! }
}

describe('a new network namespace', () => {
  it('NET-001: has lo, down and without addresses: even 127.0.0.1 is unreachable', () => {
    const task = child(boot().init, NEWNET)
    const { links } = task.namespaces.net
    expect(Array.from(links.values(), ({ name, up, addresses }) => [name, up, addresses.length])).toEqual([
      ['lo', false, 0],
    ])
    expect(connect(task, socket(task), address('127.0.0.1', 80))).toBe('ENETUNREACH')
  })

  it('NET-002: refuses at closed ports once lo is up, and lets any address of 127/8 be bound', () => {
    const task = child(boot().init, NEWNET)
    up(task, 'lo')
    expect(connect(task, socket(task), address('127.0.0.1', 80))).toBe('ECONNREFUSED')
    expect(bind(task, socket(task), address('127.9.9.9', 8080))).toBeUndefined()
  })

  it('NET-003: takes foreign addresses as long as it has had none, later EADDRNOTAVAIL', () => {
    const task = child(boot().init, NEWNET)
    expect(bind(task, socket(task), address('10.9.9.9', 8080))).toBeUndefined()
    up(task, 'lo')
    expect(bind(task, socket(task), address('10.9.9.9', 8081))).toBe('EADDRNOTAVAIL')
    const sockfd = socket(task, DGRAM)
    const sent = call(task, { name: 'sendto', sockfd, buf: 'x', flags: 0, dest_addr: address('10.1.1.1', 9) })
    expect(errno(sent)).toBe('ENETUNREACH')
  })

  it('NET-004: has ports of its own', () => {
    const { init } = boot()
    const task = child(init, NEWNET)
    up(task, 'lo')
    listener(init, address('127.0.0.1', 8080))
    expect(connect(task, socket(task), address('127.0.0.1', 8080))).toBe('ECONNREFUSED')
    expect(bind(task, socket(task), address('127.0.0.1', 8080))).toBeUndefined()
    expect(connect(init, socket(init), address('127.0.0.1', 8080))).toBeUndefined()
  })

  it('NET-005: has abstract names of its own; paths lead across', () => {
    const { init } = boot()
    const task = child(init, NEWNET)
    listener(init, abstract('x'), UNIX)
    listener(init, path('/tmp/s'), UNIX)
    expect(connect(init, socket(init, STREAM, UNIX), abstract('x'))).toBeUndefined()
    expect(connect(task, socket(task, STREAM, UNIX), abstract('x'))).toBe('ECONNREFUSED')
    expect(bind(task, socket(task, STREAM, UNIX), abstract('x'))).toBeUndefined()
    expect(connect(task, socket(task, STREAM, UNIX), path('/tmp/s'))).toBeUndefined()
  })

  it('NET-009: leaves a socket where it was made', () => {
    const { init } = boot()
    const before = socket(init)
    value(init, { name: 'unshare', flags: NEWNET })
    expect(bind(init, before, address('127.0.0.1', 8080))).toBeUndefined()
    expect(connect(init, before, address('127.0.0.1', 9))).toBe('ECONNREFUSED')
    expect(connect(init, socket(init), address('127.0.0.1', 9))).toBe('ENETUNREACH')
  })

  it('NET-010: has default settings; ip_forward is that of the first namespace', () => {
    const { init } = boot()
    const first = child(init, NEWNET)
    first.namespaces.net.setSysctl('ipv4/conf/all/forwarding', 1)
    expect(child(first, NEWNET).namespaces.net.sysctl('ipv4/conf/all/forwarding')).toBe(0)
    init.namespaces.net.setSysctl('ipv4/conf/all/forwarding', 1)
    expect(child(first, NEWNET).namespaces.net.sysctl('ipv4/conf/all/forwarding')).toBe(1)
    become(first, { uid: 1000 })
    expect(bind(first, socket(first), address('0.0.0.0', 1023))).toBe('EACCES')
    expect(bind(first, socket(first), address('0.0.0.0', 1024))).toBeUndefined()
  })

  it('NET-014: gives raw sockets to who has CAP_NET_RAW over it', () => {
    const { init } = boot()
    const raw = { name: 'socket', domain: INET, type: 3, protocol: 1 } as const
    expect(errno(call(init, raw))).toBeUndefined()
    become(init, { uid: 1000 })
    expect(errno(call(init, raw))).toBe('EPERM')
    expect(errno(call(init, { name: 'socket', domain: 17, type: 3, protocol: 0 }))).toBe('EPERM')
  })
})

describe('ports', () => {
  it('NET-013: conflict between any address and one; not between TCP and UDP; SO_REUSEPORT is for both', () => {
    const { init } = boot()
    const reuse = (sockfd: number) =>
      value(init, { name: 'setsockopt', sockfd, level: 1, optname: 15, optval: Uint8Array.of(1, 0, 0, 0) })
    const first = socket(init)
    reuse(first)
    expect(bind(init, first, address('0.0.0.0', 8080))).toBeUndefined()
    expect(bind(init, socket(init), address('127.0.0.1', 8080))).toBe('EADDRINUSE')
    expect(bind(init, socket(init, DGRAM), address('127.0.0.1', 8080))).toBeUndefined()
    const second = socket(init)
    reuse(second)
    expect(bind(init, second, address('0.0.0.0', 8080))).toBeUndefined()
    const any = socket(init)
    expect(bind(init, any, address('0.0.0.0', 0))).toBeUndefined()
    const outcome = call(init, {
      name: 'getsockname',
      sockfd: any,
      addr: new Uint8Array(16),
      addrlen: Uint8Array.of(16, 0, 0, 0),
    })
    expect(isDenied(outcome) ? 0 : (outcome.data![2]! << 8) | outcome.data![3]!).toBe(32768)
  })

  it('are free again when the listener is closed', () => {
    const { init } = boot()
    const fd = listener(init, address('127.0.0.1', 8080))
    value(init, { name: 'close', fd })
    expect(bind(init, socket(init), address('127.0.0.1', 8080))).toBeUndefined()
  })
})

describe('devices', () => {
  it('NET-006, NET-015: a veth pair has carrier when both ends are up, and ends as a whole', () => {
    const { init, one } = bridged()
    const host = findLink(init.namespaces.net, 'v2')!
    expect([findLink(one.namespaces.net, 'lo')!.index, findLink(one.namespaces.net, 'eth0')!.index]).toEqual([1, 2])
    expect(host.carrier).toBe(true)
    netlink(one, [removeLink('eth0')])
    expect(findLink(init.namespaces.net, 'v2')).toBeUndefined()
  })

  it('NET-008, NET-101: go with the namespace that they are in', () => {
    const { init, one } = bridged()
    call(one, { name: 'unshare', flags: NEWNET })
    expect(findLink(init.namespaces.net, 'v2')).toBeUndefined()
  })

  it('NET-102: stay while a socket keeps the namespace', () => {
    const { init, one } = bridged()
    const fd = socket(one)
    call(one, { name: 'unshare', flags: NEWNET })
    expect(findLink(init.namespaces.net, 'v2')).toBeDefined()
    value(one, { name: 'close', fd })
    expect(findLink(init.namespaces.net, 'v2')).toBeUndefined()
  })

  it('NET-007: refuses a name that is taken, and one that is too long', () => {
    const { init } = bridged()
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 98)
    expect(netlink(init, [makeBridge('br0', { mac, group: 7 })])).toEqual([17])
    expect(netlink(init, [makeBridge('a'.repeat(16), { mac, group: 7 })])).toEqual([22])
    become(init, { uid: 1000 })
    expect(netlink(init, [removeLink('br0')])).toEqual([1])
  })
})

/** RTM_SETLINK with IFLA_NET_NS_PID. */
const moveTo = (index: number, pid: number): Request => {
  const header = concatenate([u32(0), u32(index), u32(0), u32(0)])
  return { type: 19, what: 'move', body: concatenate([header, attribute(19, u32(pid))]) }
}

describe('moving a device', () => {
  it('NET-007: leaves addresses, routes and being up behind; lo stays; a name that is taken is EEXIST', () => {
    const { init, one, two } = bridged()
    const device = findLink(one.namespaces.net, 'eth0')!
    expect(netlink(one, [moveTo(device.index, two.entry.numbers[0]!)])).toEqual([17])
    expect(netlink(one, [moveTo(1, 1)])).toEqual([22])
    expect(netlink(one, [moveTo(device.index, 1)])).toEqual([])
    expect([device.namespace === init.namespaces.net, device.up, device.addresses.length]).toEqual([true, false, 0])
    expect(findLink(init.namespaces.net, 'v2')!.carrier).toBe(false)
  })
})

describe('packets', () => {
  it('NET-106, NET-104: go from guest to guest and to the host over the bridge; other subnets are unreachable', () => {
    const { init, one, two } = bridged()
    const server = listener(two, address('0.0.0.0', 80))
    expect(connect(one, socket(one), address('10.0.0.3', 80))).toBeUndefined()
    expect(connect(init, socket(init), address('10.0.0.3', 80))).toBeUndefined()
    expect(connect(one, socket(one), address('10.0.0.3', 81))).toBe('ECONNREFUSED')
    expect(connect(one, socket(one), address('10.0.1.3', 80))).toBe('ENETUNREACH')
    const accepted = value(two, { name: 'accept4', sockfd: server, addr: null, addrlen: null, flags: 0 })
    const peer = call(two, {
      name: 'getpeername',
      sockfd: accepted,
      addr: new Uint8Array(16),
      addrlen: Uint8Array.of(16, 0, 0, 0),
    })
    expect(isDenied(peer) ? [] : Array.from(peer.data!.subarray(4, 8))).toEqual([10, 0, 0, 2])
  })

  it('NET-103: loopback counts what its own namespace sends to itself', () => {
    const { init } = boot()
    value(init, { name: 'unshare', flags: NEWNET })
    const [one] = init.namespaces.net.links.values()
    setUp(one!, true)
    listener(init, address('127.0.0.1', 80))
    expect(connect(init, socket(init), address('127.0.0.1', 80))).toBeUndefined()
    expect([one!.sentPackets > 0, one!.receivedPackets]).toEqual([true, one!.sentPackets])
    value(init, { name: 'unshare', flags: NEWNET })
    const [other] = init.namespaces.net.links.values()
    expect([other!.name, other!.sentPackets, other!.receivedPackets]).toEqual(['lo', 0, 0])
  })

  it('NET-105: nobody has the address: EHOSTUNREACH after three seconds', () => {
    const { init, one } = bridged()
    const before = init.kernel.clock.nowNs
    expect(connect(one, socket(one), address('10.0.0.9', 80))).toBe('EHOSTUNREACH')
    expect(init.kernel.clock.nowNs - before).toBe(3e9)
  })

  it('NET-103: a published port leads to the guest by the rules of the namespace alone', () => {
    const { init, one } = bridged()
    listener(one, address('0.0.0.0', 80))
    expect(netlink(one, [addDefaultRoute(2, addressOf('10.0.0.1'), 'r')])).toEqual([])
    expect(connect(init, socket(init), address('10.0.0.1', 8081))).toBe('ECONNREFUSED')
    const rules = [
      addTable('t'),
      addChain('t', 'out', { type: 'nat', at: 'output', priority: -100 }),
      addRule('t', 'out', [...toPort('tcp', 8081), ...translateDestination(addressOf('10.0.0.2'), 80)]),
    ]
    expect(netlink(init, transaction(rules), 12)).toEqual([])
    expect(connect(init, socket(init), address('10.0.0.1', 8081))).toBeUndefined()
  })
})

describe('sockets', () => {
  it('carry bytes both ways, wait for them, and end', () => {
    const { init } = boot()
    const outcome = call(init, { name: 'socketpair', domain: UNIX, type: STREAM, protocol: 0, sv: 8 })
    expect(isDenied(outcome)).toBe(false)
    const view = new DataView((outcome as { data: Uint8Array }).data.buffer)
    const [a, b] = [view.getInt32(0, true), view.getInt32(4, true)]
    expect(value(init, { name: 'write', fd: a, buf: 'hello' })).toBe(5)
    expect(value(init, { name: 'read', fd: b, buf: 3 })).toBe(3)
    expect(value(init, { name: 'read', fd: b, buf: 9 })).toBe(2)
    value(init, { name: 'close', fd: a })
    expect(value(init, { name: 'read', fd: b, buf: 9 })).toBe(0)
  })

  it('PID-022: SO_PEERCRED tells numbers of the reader’s pid namespace, 0 for who is not seen there', () => {
    const { init } = boot()
    const server = listener(init, abstract('c'), UNIX)
    const inner = child(init, 0x20000000)
    const client = socket(inner, STREAM, UNIX)
    expect(connect(inner, client, abstract('c'))).toBeUndefined()
    const accepted = value(init, { name: 'accept4', sockfd: server, addr: null, addrlen: null, flags: 0 })
    const pid = (task: Task, sockfd: number): number => {
      const room = { optval: new Uint8Array(12), optlen: Uint8Array.of(12, 0, 0, 0) }
      const outcome = call(task, { name: 'getsockopt', sockfd, level: 1, optname: 17, ...room })
      return new DataView((outcome as { data: Uint8Array }).data.buffer).getInt32(0, true)
    }
    expect(pid(init, accepted)).toBe(2)
    expect(pid(inner, client)).toBe(0)
  })
})
