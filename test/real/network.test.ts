// The bridge on a real kernel: all of it in a network namespace that the test makes, and leaves as it was.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import { ask, close, O, open } from '../../core/files.ts'
import type { Kernel } from '../../core/kernel.ts'
import { networkHosts } from '../../core/network/hosts.ts'
import { hostLinkOf, setUpNetwork, tearDownNetwork } from '../../core/network/setup.ts'
import { skipUnless } from '../support/needs.ts'
import { call, type Peer, serve, startPeer } from '../support/network-peer.ts'
import { parsePublish } from '../support/publish.ts'

const CLONE_NEWNET = 0x40000000
const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  namespaces: ['net'],
  links: ['veth', 'bridge'],
  nftables: true,
  capabilities: ['NET_ADMIN', 'SYS_ADMIN'],
  programs: ['ip', 'nft', 'unshare'],
})

let kernel: Kernel
let home: number
let runroot: string
let before: string
const peers: Peer[] = []
const idOf = (name: string) => Buffer.from(name.padEnd(32, '-')).toString('hex')
const run = (program: string, ...argv: string[]) => execFileSync(program, argv, { encoding: 'utf8' })

/** Links, rules, routes and sysctls of the namespace: what may not differ afterwards. */
function facts(): string {
  const sysctls = ['ipv4/ip_forward', 'ipv4/conf/all/accept_redirects', 'ipv6/conf/all/forwarding']
  const each = ['ipv4', 'ipv6'].map(
    (family) => `grep -rs . /proc/sys/net/${family}/conf | grep -v stable_secret | sort`,
  )
  return [
    run('ip', '-o', 'link'),
    run('ip', 'route', 'show', 'table', 'all'),
    run('nft', 'list', 'ruleset'),
    ...sysctls.map((key) => run('cat', `/proc/sys/net/${key}`)),
    ...each.map((command) => run('sh', '-c', command)),
  ].join('\n')
}

async function peer(name: string): Promise<Peer> {
  const started = await startPeer(name)
  peers.push(started)
  return started
}

const up = (name: string, pid: number, publish: readonly string[] = [], at = runroot) =>
  setUpNetwork(kernel, {
    containerId: idOf(name),
    pid,
    mode: 'bridge',
    ports: publish.flatMap(parsePublish),
    runroot: at,
  })
const down = (name: string, at = runroot) => tearDownNetwork(kernel, { containerId: idOf(name), runroot: at })

describe('the network of a container', () => {
  beforeAll(() => {
    kernel = openLinux()
    home = open(kernel, '/proc/self/ns/net', O.RDONLY)
    ask(kernel, { name: 'unshare', flags: CLONE_NEWNET }, 'unshare the network namespace')
    run('ip', 'link', 'set', 'lo', 'up')
  })

  afterAll(() => {
    ask(kernel, { name: 'setns', fd: home, nstype: CLONE_NEWNET }, 'go home')
    close(kernel, home)
  })

  beforeEach(async () => {
    runroot = await mkdtemp(join(tmpdir(), 'vitrine-network-'))
    before = facts()
  })

  afterEach(async () => {
    for (const name of ['web', 'other', 'third']) await down(name)
    for (const started of peers.splice(0)) await started.end()
    expect(facts()).toBe(before)
    expect(existsSync(join(runroot, 'network'))).toBe(false)
    await rm(runroot, { recursive: true })
  })

  it('lets two containers talk, over IPv4 and IPv6, each under its own address', async () => {
    const [web, other] = [await peer('web'), await peer('other')]
    const first = (await up('web', web.pid)).bridge!
    const second = (await up('other', other.pid)).bridge!
    expect(await web.call({ host: second.ipAddress, port: 80 })).toBe(`other sees ${first.ipAddress}`)
    expect(await other.call({ host: first.ipAddress, port: 80, udp: true })).toBe(`web sees ${second.ipAddress}`)
    expect(await web.call({ host: second.ipv6Address!, port: 80 })).toBe(`other sees ${first.ipv6Address}`)
    expect(await web.call({ host: '127.0.0.1', port: 80 })).toBe('web sees 127.0.0.1')
    expect(first.macAddress).not.toBe(second.macAddress)
  })

  it('publishes a port at every address of the host, TCP and UDP, but not at ::1, where it refuses at once', async () => {
    const web = await peer('web')
    const { bridge } = await up('web', web.pid, ['8081:80', '8082:80/udp'])
    const { gateway, ipv6Gateway } = bridge!
    expect(await call({ host: '127.0.0.1', port: 8081 })).toBe(`web sees ${gateway}`)
    expect(await call({ host: gateway, port: 8081 })).toBe(`web sees ${gateway}`)
    expect(await call({ host: ipv6Gateway!, port: 8081 })).toBe(`web sees ${ipv6Gateway}`)
    expect(await call({ host: 'localhost', port: 8081 })).toBe(`web sees ${gateway}`)
    expect(await call({ host: '127.0.0.1', port: 8082, udp: true })).toBe(`web sees ${gateway}`)
    expect(await call({ host: ipv6Gateway!, port: 8082, udp: true })).toBe(`web sees ${ipv6Gateway}`)
    expect(await call({ host: '::1', port: 8081 })).toBe('ECONNREFUSED')
    expect(await call({ host: '127.0.0.1', port: 8082 })).toBe('ECONNREFUSED')
  })

  it('publishes a port at one address only, and one that the host chooses', async () => {
    const web = await peer('web')
    const { bridge, ports } = await up('web', web.pid, ['127.0.0.1:8081:80', '80'])
    expect(await call({ host: '127.0.0.1', port: 8081 })).toMatch(/^web sees/)
    expect(await call({ host: bridge!.gateway, port: 8081 })).toBe('ECONNREFUSED')
    expect(ports[1]!.hostPort).toBeGreaterThan(1023)
    expect(await call({ host: bridge!.gateway, port: ports[1]!.hostPort })).toMatch(/^web sees/)
  })

  it('lets containers reach published ports through the host, their own too', async () => {
    const [web, other] = [await peer('web'), await peer('other')]
    const { gateway, ipv6Gateway } = (await up('web', web.pid, ['8081:80'])).bridge!
    await up('other', other.pid)
    expect(await other.call({ host: gateway, port: 8081 })).toMatch(/^web sees/)
    expect(await other.call({ host: ipv6Gateway!, port: 8081 })).toMatch(/^web sees/)
    expect(await web.call({ host: gateway, port: 8081 })).toMatch(/^web sees/)
  })

  it('reaches a neighbour of the host as the host, and is reached by it through a published port', async () => {
    const [web, outside] = [await peer('web'), await peer('third')]
    run('ip', 'link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'out1', 'netns', String(outside.pid))
    run('ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'out0')
    run('ip', 'link', 'set', 'out0', 'up')
    const inside = (...argv: string[]) => run('nsenter', '-t', String(outside.pid), '-n', 'ip', ...argv)
    inside('addr', 'add', '192.168.77.2/24', 'dev', 'out1')
    inside('link', 'set', 'out1', 'up')
    try {
      await up('web', web.pid, ['8081:80', '127.0.0.1:8083:80'])
      expect(await web.call({ host: '192.168.77.2', port: 80 })).toBe('third sees 192.168.77.1')
      expect(await outside.call({ host: '192.168.77.1', port: 8081 })).toBe('web sees 192.168.77.2')
      expect(await outside.call({ host: '192.168.77.1', port: 8083 })).toBe('ECONNREFUSED')
    } finally {
      await down('web')
      run('ip', 'link', 'del', 'out0')
    }
  })

  it('keeps the loopback services of the host from a container that routes 127.0.0.0/8 to the bridge', async () => {
    const web = await peer('web')
    const stop = await serve('host', 8090)
    try {
      const { gateway } = (await up('web', web.pid)).bridge!
      expect(await web.call({ host: gateway, port: 8090 })).toMatch(/^host sees/)
      const inside = ['nsenter', '-t', String(web.pid), '-n', 'sh', '-c']
      run(
        inside[0]!,
        ...inside.slice(1),
        `ip addr del 127.0.0.1/8 dev lo; echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet; ip route add 127.0.0.1 via ${gateway}`,
      )
      expect(await web.call({ host: '127.0.0.1', port: 8090 })).toBe('timeout')
    } finally {
      stop()
    }
  })

  it('refuses a port that a container or a process of the host has, and leaves nothing behind', async () => {
    const [web, other] = [await peer('web'), await peer('other')]
    await up('web', web.pid, ['8081:80'])
    const listener = createServer()
    await new Promise<void>((resolve) => listener.listen(8082, '0.0.0.0', resolve))
    try {
      await expect(up('other', other.pid, ['8081:80'])).rejects.toThrow(
        `port 8081/tcp on 0.0.0.0 is taken by container ${idOf('web').slice(0, 12)}`,
      )
      await expect(up('other', other.pid, ['8082:80'])).rejects.toThrow(
        'port 8082/tcp on 0.0.0.0 is taken by a process of the host',
      )
      await expect(up('other', other.pid, ['192.0.2.77:80:80'])).rejects.toThrow('the host has no such address')
      await expect(up('other', other.pid, ['8083:80', '8083:81'])).rejects.toThrow('is taken by container')
      await up('other', other.pid, ['8081:80/udp'])
    } finally {
      await new Promise((resolve) => listener.close(resolve))
    }
  })

  it('takes everything away when the namespace has died, when others removed the bridge, and when told twice', async () => {
    const [web, other] = [await peer('web'), await peer('other')]
    await up('web', web.pid, ['8081:80'])
    await up('other', other.pid, ['8082:80'])
    await web.end()
    await down('web')
    await down('web')
    expect(await call({ host: '127.0.0.1', port: 8081 })).toBe('ECONNREFUSED')
    expect(await call({ host: '127.0.0.1', port: 8082 })).toMatch(/^other sees/)
    run('ip', 'link', 'del', 'vitrine0')
    run('ip', 'link', 'del', hostLinkOf(idOf('other')))
    run('nft', 'flush', 'ruleset')
    await down('other')
  })

  it('undoes a set-up that fails half way', async () => {
    const web = await peer('web')
    await up('web', web.pid)
    await expect(up('other', 4194305)).rejects.toThrow(/make the link vt.*ESRCH/)
    expect(run('ip', '-o', 'link')).not.toContain(hostLinkOf(idOf('other')))
    await down('web')
    await expect(up('other', 4194305)).rejects.toThrow(/make the link vt.*ESRCH/)
  })

  it('sets a container up again whose last run was never taken away', async () => {
    const first = await peer('web')
    await up('web', first.pid, ['8081:80'])
    await first.end()
    const second = await peer('web')
    await up('web', second.pid, ['8081:80'])
    expect(await call({ host: '127.0.0.1', port: 8081 })).toMatch(/^web sees/)
  })

  it('writes the rules of the bridge again after somebody flushed them', async () => {
    const [web, other] = [await peer('web'), await peer('other')]
    await up('web', web.pid)
    run('nft', 'flush', 'ruleset')
    await up('other', other.pid, ['8081:80'])
    expect(await call({ host: '127.0.0.1', port: 8081 })).toMatch(/^other sees/)
    expect(run('nft', 'list', 'ruleset')).toContain('masquerade')
  })

  it('gives two state directories a bridge each, and the forwarding back with the last', async () => {
    const [web, other] = [await peer('web'), await peer('other')]
    const second = await mkdtemp(join(tmpdir(), 'vitrine-network-'))
    try {
      const one = await up('web', web.pid, ['8081:80'])
      const two = await up('other', other.pid, ['8082:80'], second)
      expect([one.bridge!.bridge, two.bridge!.bridge]).toEqual(['vitrine0', 'vitrine1'])
      await down('web')
      expect(run('cat', '/proc/sys/net/ipv4/ip_forward').trim()).toBe('1')
      expect(await call({ host: '127.0.0.1', port: 8082 })).toMatch(/^other sees/)
    } finally {
      await down('other', second)
      await rm(second, { recursive: true })
    }
  })

  it('sets up many at once without giving an address twice', async () => {
    const started = await Promise.all(['web', 'other', 'third'].map(peer))
    const states = await Promise.all(
      ['web', 'other', 'third'].map((name, at) => up(name, started[at]!.pid, [`${8081 + at}:80`])),
    )
    expect(new Set(states.map((state) => state.bridge!.ipAddress)).size).toBe(3)
    expect(await call({ host: '127.0.0.1', port: 8083 })).toMatch(/^third sees/)
  })

  it('gives `none` its loopback only, `host` nothing, and refuses ports for both', async () => {
    const web = await peer('web')
    const request = { containerId: idOf('web'), pid: web.pid, ports: [], runroot }
    expect(await setUpNetwork(kernel, { ...request, mode: 'host' })).toEqual({ mode: 'host', ports: [] })
    expect(await web.call({ host: '127.0.0.1', port: 80 })).toBe('ENETUNREACH')
    await setUpNetwork(kernel, { ...request, mode: 'none' })
    expect(await web.call({ host: '127.0.0.1', port: 80 })).toBe('web sees 127.0.0.1')
    await expect(setUpNetwork(kernel, { ...request, mode: 'none', ports: parsePublish('8081:80') })).rejects.toThrow(
      'cannot be used with --network=none',
    )
  })

  it('names the container in its hosts file', async () => {
    const web = await peer('web')
    const state = await up('web', web.pid)
    const files = networkHosts(kernel, { mode: 'bridge', hostname: 'web', state })
    expect(files.hosts).toContain(`${state.bridge!.ipAddress}\tweb\n`)
    expect(files.resolvConf).not.toMatch(/nameserver 127\./)
  })
})
