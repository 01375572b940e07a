// Leases of addresses and ports, the choice of a subnet, `-p`, and the files for names.

import { describe, expect, it } from 'vitest'
import { addressOf } from '../../../core/network/address.ts'
import { noteOf, readNote } from '../../../core/network/forwarding.ts'
import { withoutLoopbackServers } from '../../../core/network/hosts.ts'
import {
  addressesAt,
  chooseNetwork,
  leasePlace,
  type Network,
  parseSubnet,
  refuseClaimed,
  releasePlace,
} from '../../../core/network/leases.ts'
import { networkSettings } from '../../../core/network/state.ts'
import { parsePublish } from '../../support/publish.ts'

const host = {
  links: ['lo', 'eth0'],
  routes: [parseSubnet('0.0.0.0/0'), parseSubnet('192.0.2.0/24')],
  mtuBytes: 1500,
  ipv6: true,
  note: 'vitrine',
}
const place = (network: Network, id: string) => network.containers[id]!.place

describe('the choice of a network', () => {
  it('takes the first subnet that no route meets; the default route meets none', () => {
    expect(chooseNetwork(host)).toMatchObject({
      bridge: 'vitrine0',
      subnet: '10.88.0.0/16',
      subnet6: 'fd76:6974:7269:0::/64',
    })
    const podman = [...host.routes, parseSubnet('10.88.0.0/16'), parseSubnet('10.89.0.0/24')]
    expect(chooseNetwork({ ...host, routes: podman }).subnet).toBe('10.89.1.0/24')
    expect(chooseNetwork({ ...host, links: ['vitrine0'] }).bridge).toBe('vitrine1')
    expect(() => chooseNetwork({ ...host, routes: [parseSubnet('0.0.0.0/1'), parseSubnet('128.0.0.0/1')] })).toThrow(
      'no subnet is free',
    )
  })

  it('has no IPv6 where the host has none', () => {
    const network = chooseNetwork({ ...host, ipv6: false })
    expect(network.subnet6).toBeUndefined()
    expect(addressesAt(network, 2)).toHaveLength(1)
  })
})

describe('leases', () => {
  it('gives an address that was freed again only after all others', () => {
    let network: Network = { ...chooseNetwork(host), subnet: '10.89.0.0/24' }
    network = leasePlace(network, 'a')
    expect(place(network, 'a')).toBe(2)
    network = leasePlace(releasePlace(network, 'a'), 'b')
    expect(place(network, 'b')).toBe(3)
    for (let count = 4; count <= 254; count++) network = leasePlace(network, `c${count}`)
    expect(place(network, 'c254')).toBe(254)
    network = leasePlace(network, 'd')
    expect(place(network, 'd')).toBe(2)
    expect(() => leasePlace(network, 'e')).toThrow('no address is free in 10.89.0.0/24: 253 containers have them all')
  })

  it('refuses a port only where addresses and protocols meet', () => {
    const network: Network = {
      ...chooseNetwork(host),
      containers: { ['f'.repeat(64)]: { place: 2, ports: parsePublish('127.0.0.1:80:80') } },
    }
    const refuse = (publish: string, address: string) => () =>
      refuseClaimed(network, parsePublish(publish)[0]!, addressOf(address))
    expect(refuse('80:80', '0.0.0.0')).toThrow('port 80/tcp on 0.0.0.0 is taken by container ffffffffffff')
    expect(refuse('80:80/udp', '0.0.0.0')).not.toThrow()
    expect(refuse('127.0.0.2:80:80', '127.0.0.2')).not.toThrow()
    expect(refuse('80:80', '::')).not.toThrow()
  })
})

describe('-p', () => {
  it('means what podman-run(1) says', () => {
    const tcp = { hostIp: '', hostPort: 8081, containerPort: 80, protocol: 'tcp' }
    expect(parsePublish('8081:80')).toEqual([tcp])
    expect(parsePublish('8081:80/udp')).toEqual([{ ...tcp, protocol: 'udp' }])
    expect(parsePublish('80')).toEqual([{ ...tcp, hostPort: 0 }])
    expect(parsePublish('127.0.0.1::80')).toEqual([{ ...tcp, hostIp: '127.0.0.1', hostPort: 0 }])
    expect(parsePublish('[::1]:8081:80')).toEqual([{ ...tcp, hostIp: '::1' }])
    expect(parsePublish('1.2.3.4:8081:80')).toEqual([{ ...tcp, hostIp: '1.2.3.4' }])
    expect(parsePublish('8081-8082:80-81').map((port) => [port.hostPort, port.containerPort])).toEqual([
      [8081, 80],
      [8082, 81],
    ])
  })

  it.each([
    ['99999:80', "the host's port 99999 is not from 1 to 65535"],
    ['0:80', "the host's port 0 is not from 1 to 65535"],
    ['8081:', "the container's port is missing"],
    ['80:80/sctp', 'only tcp and udp ports can be published'],
    ['web:80:80', '"web" is no IPv4 address'],
    ['80-82:80-81', '3 ports of the host for 2 of the container'],
    ['1:2:3:4', 'an IPv6 address stands in'],
  ])('refuses %s by name', (value, why) => {
    expect(() => parsePublish(value)).toThrow(why)
  })
})

describe('what is told of a network', () => {
  it('has the shape of podman inspect', () => {
    const settings = networkSettings({ mode: 'bridge', ports: parsePublish('8081:80') })
    expect(settings.Ports).toEqual({ '80/tcp': [{ HostIp: '', HostPort: '8081' }] })
    expect(Object.keys(settings.Networks)).toEqual(['bridge'])
  })

  it('notes on the bridge what the host gets back, and knows its own notes', () => {
    const former = [{ key: 'ipv4/ip_forward', value: '0' }]
    expect(noteOf(former)).toBe('vitrine ipv4/ip_forward=0')
    expect(readNote(noteOf(former))).toEqual(former)
    expect([readNote('vitrine'), readNote(''), readNote('uplink')]).toEqual([[], undefined, undefined])
  })

  it('keeps name servers out of a container that only the host reaches', () => {
    const kept = withoutLoopbackServers('search example\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\n')
    expect(kept).toEqual({ text: 'search example\nnameserver 192.0.2.1\n', servers: 1 })
  })
})
