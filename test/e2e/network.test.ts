// The network of a container through the command line: bridge, published ports, joined networks. podman-run(1), --network, -p

import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { call } from '../support/network-peer.ts'
import { image, needsContainers, openSession, until } from '../support/session.ts'

const { describe, it } = skipUnless({ ...needsContainers, links: ['veth', 'bridge'], nftables: true })

/** A program that answers at port 80, TCP and UDP, with its name and who asked; the machine's own Node runs it. */
const server = join(import.meta.dirname, '../support/network-peer.ts')

/** It takes a moment to start. */
const answers = (wanted: Parameters<typeof call>[0], name: string) =>
  until(`${name} answers`, async () => (await call(wanted)).startsWith(`${name} sees `))

describe('the network of a container', () => {
  const { run, ok, field, remove } = openSession()
  const start = (name: string, ...flags: string[]) =>
    ok(['run', '-d', '-i', '--name', name, ...flags, '--rootfs', '/:O', process.execPath, server, name])
  const address = (name: string) => field(name, '{{.NetworkSettings.IPAddress}}')

  it('has an address of its own, a route, and the host and its neighbours in reach', async () => {
    await start('a')
    await start('b', '--network=bridge')
    const [a, b] = [await address('a'), await address('b')]
    expect(a).toMatch(/^10\.\d+\.\d+\.\d+$/)
    expect(a).not.toBe(b)
    const gateway = await field('a', '{{.NetworkSettings.Gateway}}')
    expect(await ok(['exec', 'a', 'ip', 'route'])).toContain(`default via ${gateway} dev eth0`)
    expect(await ok(['exec', 'a', 'ip', 'address', 'show', 'eth0'])).toContain(`inet ${a}/`)
    await answers({ host: a, port: 80 }, 'a')
    await answers({ host: b, port: 80 }, 'b')
    const ask = `require('net').connect(80, '${b}').pipe(process.stdout)`
    expect(await ok(['exec', 'a', process.execPath, '-e', ask])).toBe(`b sees ${a}`)
    const six = await field('a', '{{.NetworkSettings.GlobalIPv6Address}}')
    expect(six).toMatch(/^fd/)
    await answers({ host: six, port: 80 }, 'a')
    await remove('a', 'b')
  })

  it('publishes ports with -p, TCP and UDP, on all addresses or on one, in ranges, or where the host chooses', async () => {
    const flags = ['-p', '18081:80', '--publish=127.0.0.1:18082:80', '-p', '18083:80/udp', '-p', '18090-18091:80-81']
    await start('web', ...flags, '-p', '80')
    const host = '127.0.0.1'
    for (const port of [18081, 18082, 18090]) await answers({ host, port }, 'web')
    await answers({ host, port: 18083, udp: true }, 'web')
    const ports = JSON.parse(await field('web', '{{json .NetworkSettings.Ports}}'))
    const chosen = Number(ports['80/tcp'].at(-1).HostPort)
    expect(chosen).toBeGreaterThan(1024)
    await answers({ host, port: chosen }, 'web')
    expect(ports['80/udp']).toEqual([{ HostIp: '', HostPort: '18083' }])
    expect(ports['81/tcp']).toEqual([{ HostIp: '', HostPort: '18091' }])
    expect(await ok(['ps', '--format', '{{.Ports}}'])).toContain('0.0.0.0:18081->80/tcp, 127.0.0.1:18082->80/tcp')
    expect(await ok(['stats', '--no-stream', '--format', '{{.NetIO}}'])).not.toMatch(/^0B \/ 0B$/)
    const gateway = await field('web', '{{.NetworkSettings.Gateway}}')
    await answers({ host: gateway, port: 18081 }, 'web')
    expect(await call({ host: gateway, port: 18082 })).not.toContain('web')
    const six = await field('web', '{{.NetworkSettings.IPv6Gateway}}')
    await answers({ host: six, port: 18081 }, 'web')
    const own = Object.values(networkInterfaces())
      .flat()
      .find((each) => each?.family === 'IPv4' && !each.internal)
    await answers({ host: own!.address, port: 18081 }, 'web')
    const taken = await run(['run', '--rm', '-p', '18081:80', image, 'true'])
    expect(taken.code).toBe(125)
    expect(taken.stderr).toContain('18081')
    await remove('web')
    expect(await call({ host, port: 18081 })).toBe('ECONNREFUSED')
  })

  it('is with container:NAME the one of the other container, its names included', async () => {
    await start('first', '-h', 'first-host')
    await answers({ host: await address('first'), port: 80 }, 'first')
    const script = 'nc -w 2 127.0.0.1 80; echo; cat /etc/hosts'
    const text = await ok(['run', '--rm', '--network=container:first', image, 'sh', '-c', script])
    expect(text).toMatch(/^first sees 127\.0\.0\.1\n/)
    expect(text).toContain('first-host')
    await remove('first')
  })

  it('refuses what it cannot do, by name', async () => {
    expect((await run(['run', '--rm', '-p', '99999:80', image, 'true'])).stderr).toContain('99999')
    expect((await run(['run', '--rm', '--network=none', '-p', '1:1', image, 'true'])).stderr).toContain(
      '--network=none',
    )
    expect((await run(['run', '--rm', '--network=elsewhere', image, 'true'])).stderr).toContain('elsewhere')
  })
})
