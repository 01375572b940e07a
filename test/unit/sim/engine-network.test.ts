// Networks of containers on the simulated kernel, set up by the messages that the engine sends to any kernel: the bridge,
// addresses, and ports that reach a server inside.

import { beforeEach, describe, expect, it } from 'vitest'
import { inspect } from '../../../core/engine/inspect.ts'
import { list } from '../../../core/engine/list.ts'
import { remove } from '../../../core/engine/remove.ts'
import { stats } from '../../../core/engine/stats.ts'
import { restart } from '../../../core/engine/stop.ts'
import { socketAddress } from '../../support/sim-programs.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

let session: Session
beforeEach(() => {
  session = openSession()
})

const verb = <Rest extends unknown[], Result>(
  act: (host: Session['host'], settings: Session['settings'], ...rest: Rest) => Result,
  ...rest: Rest
): Result => act(session.host, session.settings, ...rest)
const bridge = { kind: 'bridge' } as const
const published = (hostPort: number, hostIp?: string) => [
  { hostPort, containerPort: 80, protocol: 'tcp', ...(hostIp === undefined ? {} : { hostIp }) } as const,
]
const serve = (name: string, text: string, more: Parameters<Session['detached']>[1] = {}) =>
  session.detached(['serve', '80', text], { name, network: bridge, ...more })
const addressOf = async (name: string) => (await verb(inspect, name)).NetworkSettings.IPAddress

/** A client on the host: what it reads from a port, or why it cannot. */
async function fetch(address: string, port: number): Promise<string> {
  const { kernel } = session.host
  const made = kernel.call({ name: 'socket', domain: 2, type: 1, protocol: 0 })
  if ('errno' in made) throw new Error(made.errno)
  const sockfd = made.value
  try {
    const connected = await kernel.wait({ name: 'connect', sockfd, addr: socketAddress(address, port) })
    if ('errno' in connected) return connected.errno
    let text = ''
    for (;;) {
      const read = await kernel.wait({ name: 'read', fd: sockfd, buf: 4096 })
      if ('errno' in read) return read.errno
      if (read.value === 0) return text
      text += new TextDecoder().decode(read.data!.subarray(0, read.value))
    }
  } finally {
    kernel.call({ name: 'close', fd: sockfd })
  }
}

describe('a published port', () => {
  it('leads from 127.0.0.1:8081 and from the bridge to the server inside', async () => {
    await serve('web', 'hello from inside', { publish: published(8081) })
    const { NetworkSettings } = await verb(inspect, 'web')
    expect(NetworkSettings).toMatchObject({ Gateway: '10.88.0.1', Ports: { '80/tcp': [{ HostPort: '8081' }] } })
    for (const address of ['127.0.0.1', '10.88.0.1']) expect(await fetch(address, 8081)).toBe('hello from inside\n')
    expect(await fetch(NetworkSettings.IPAddress, 80)).toBe('hello from inside\n')
    expect(await fetch('127.0.0.1', 8082)).toBe('ECONNREFUSED')
  })

  it('is refused to the second that wants it, and chosen when none is named', async () => {
    await serve('web', 'one', { publish: published(8081) })
    await expect(serve('other', 'two', { publish: published(8081) })).rejects.toThrow('8081')
    expect((await verb(list, { all: true, filters: {} })).map(({ name }) => name)).toEqual(['web'])
    await serve('third', 'three', { publish: [{ containerPort: 80, protocol: 'tcp' }] })
    const [row] = (await verb(list, { all: true, filters: { name: ['third'] } }))!
    expect(await fetch('127.0.0.1', row!.ports[0]!.hostPort!)).toBe('three\n')
  })

  it('that a program of the host has is refused, by its number', async () => {
    const { kernel } = session.host
    const made = kernel.call({ name: 'socket', domain: 2, type: 1, protocol: 0 }) as { value: number }
    kernel.call({ name: 'bind', sockfd: made.value, addr: socketAddress('0.0.0.0', 8081) })
    kernel.call({ name: 'listen', sockfd: made.value, backlog: 1 })
    await expect(serve('web', 'x', { publish: published(8081) })).rejects.toThrow('8081')
  })

  it('at one address of the host is at no other', async () => {
    await serve('web', 'here', { publish: published(8081, '127.0.0.1') })
    expect(await fetch('127.0.0.1', 8081)).toBe('here\n')
    expect(await fetch('10.88.0.1', 8081)).toBe('ECONNREFUSED')
  })

  it('goes with the container, and comes back with it', async () => {
    await serve('web', 'again', { publish: published(8081) })
    await verb(restart, 'web', { timeoutSeconds: 0 })
    await session.after(1)
    expect(await fetch('127.0.0.1', 8081)).toBe('again\n')
    await verb(remove, 'web', { force: true, volumes: true })
    expect(await fetch('127.0.0.1', 8081)).toBe('ECONNREFUSED')
  })
})

describe('the bridge', () => {
  it('lets containers reach each other by address, and through published ports', async () => {
    await serve('web', 'from web', { publish: published(8081) })
    await session.detached(['sleep', '1000'], { name: 'client', network: bridge })
    expect(await session.inside('client', ['fetch', await addressOf('web'), '80'])).toMatchObject({
      stdout: 'from web\n',
    })
    expect(await session.inside('client', ['fetch', '10.88.0.1', '8081'])).toMatchObject({ stdout: 'from web\n' })
    expect(await session.inside('client', ['fetch', '127.0.0.1', '80'])).toMatchObject({
      stderr: 'fetch: connect: ECONNREFUSED\n',
    })
    expect((await verb(stats, 'web')).networkSendBytes).toBeGreaterThan(0)
  })

  it('is no way out for those without a network', async () => {
    await serve('web', 'from web')
    const { stderr } = await session.toEnd(['fetch', await addressOf('web'), '80'], { network: { kind: 'none' } })
    expect(stderr).toBe('fetch: connect: ENETUNREACH\n')
  })

  it('is shared by those who share a network namespace', async () => {
    await serve('web', 'from web')
    const network = { kind: 'container', container: 'web' } as const
    expect((await session.toEnd(['fetch', '127.0.0.1', '80'], { network })).stdout).toBe('from web\n')
  })

  it('names itself and its containers in /etc/hosts', async () => {
    await serve('web', 'x', { hostname: 'shop' })
    expect((await session.inside('web', ['cat', '/etc/hosts'])).stdout).toMatch(/^10\.88\.0\.2\s+shop\b/m)
  })

  it('goes with its last container: no link, address, rule or setting stays', async () => {
    const settings = () =>
      ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map((name) => session.read(`/proc/sys/net/${name}`))
    await session.toEnd(['true'], { remove: true })
    const before = [session.leftovers(), settings()]
    await serve('one', 'x', { publish: published(8081) })
    await serve('two', 'y', { publish: published(8082) })
    expect(session.leftovers()).not.toEqual(before[0])
    await verb(remove, 'one', { force: true, volumes: true })
    expect(await fetch('127.0.0.1', 8082)).toBe('y\n')
    await verb(remove, 'two', { force: true, volumes: true })
    await session.after(1)
    expect([session.leftovers(), settings()]).toEqual(before)
  })

  it('is taken away by the cleanup command of the last container, when nobody is there', async () => {
    await session.toEnd(['true'], { remove: true })
    const before = session.leftovers()
    await session.detached(['sh', '-c', 'sleep 1; exit 0'], { network: bridge, publish: published(8081), remove: true })
    await session.after(2000)
    expect(session.leftovers()).toEqual(before)
  })
})
