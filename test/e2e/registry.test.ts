// Images from and to registries, as a user has them: TLS or not, mirrors, blocked places, short names, policies of
// pulling. podman-pull(1), podman-push(1), containers-registries.conf(5), containers-certs.d(5)

import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { buildBusyboxImage } from '../fixtures/build.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { refuses } from '../support/faults-of-http.ts'
import { skipUnless } from '../support/needs.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { insecure, needsContainersAndRegistry, openRegistrySession } from '../support/registry-session.ts'
import { putImage, type RemoteImage, readArchive, reconfigured } from '../support/remote-images.ts'

const { describe, it } = skipUnless(needsContainersAndRegistry)

describe('a registry', () => {
  const session = openRegistrySession()
  const { directory, run, ok, configure, elsewhere } = session
  let registry: Registry
  let broken: FaultProxy
  let busybox: RemoteImage
  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry') })
    broken = await startFaultProxy(registry.address)
    busybox = readArchive(buildBusyboxImage().path)
    await putImage(registry, 'library/busybox', busybox, 'latest')
    await putImage(registry, 'library/busybox', busybox, '1')
  })
  afterAll(async () => {
    await broken?.stop()
    await registry?.stop()
  })
  const name = (rest: string) => `${registry.address}/${rest}`
  const idsIn = async (store: { directory: string }) => (await ok(['images', '-q', '--no-trunc'], store)).split('\n')

  it('is not spoken to without encryption, unless one says that this is fine', async () => {
    const refused = await run(['pull', '-q', name('library/busybox')])
    expect(refused).toMatchObject({ code: 125, stdout: '' })
    expect(refused.stderr.trim().split('\n')).toHaveLength(1)
    expect(refused.stderr).toContain(registry.address)
    expect(refused.stderr).toContain('--tls-verify=false')
    const id = await ok(['pull', '--quiet', '--tls-verify=false', name('library/busybox')])
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(await ok(['images', '--format', '{{.Repository}}:{{.Tag}}'])).toBe(name('library/busybox:latest'))
  })

  it('gives images that run, by name, id or digest', async () => {
    const digest = await session.field(name('library/busybox'), '{{.Digest}}')
    expect(digest).toBe(busybox.digest)
    expect(await ok(['inspect', '--type=image', '--format', '{{index .RepoDigests 0}}', name('library/busybox')])).toBe(
      `${name('library/busybox')}@${busybox.digest}`,
    )
    for (const meant of [name('library/busybox'), name(`library/busybox@${digest}`), 'busybox'])
      expect(await ok(['run', '--rm', '--network=none', '--pull=never', meant, 'echo', 'hello'])).toBe('hello')
  })

  it('is asked for all tags of a repository', async () => {
    const store = elsewhere()
    await ok(['pull', '--all-tags', '--tls-verify=false', name('library/busybox')], store)
    const names = await ok(['images', '--sort=tag', '--format', '{{.Repository}}:{{.Tag}}'], store)
    expect(names.split('\n').sort()).toEqual([name('library/busybox:1'), name('library/busybox:latest')])
  })

  it('is asked for an image by a digest that nothing else than that image has', async () => {
    configure(insecure(registry.address))
    const store = elsewhere()
    const id = await ok(['pull', '-q', name(`library/busybox@${busybox.digest}`)], store)
    expect(await idsIn(store)).toEqual([`sha256:${id}`])
    const wrong = await run(['pull', '-q', name(`library/busybox@sha256:${'0'.repeat(64)}`)], store)
    expect(wrong.code).toBe(125)
    expect(wrong.stderr).toMatch(/^vitrine: .*0000.*\n$/)
  })

  it('says what it does not have', async () => {
    configure(insecure(registry.address))
    for (const missing of ['library/busybox:no-such-tag', 'no/such/repository']) {
      const refused = await run(['pull', '-q', name(missing)])
      expect(refused.code).toBe(125)
      expect(refused.stderr).toMatch(/^vitrine: pull .*no/)
    }
  })

  it('takes images, which come back with the same digest', async () => {
    configure(insecure(registry.address))
    await ok(['import', buildBusyboxImage().source, 'localhost/mine:1'])
    const file = join(directory, 'digest')
    await ok(['push', '--digestfile', file, 'localhost/mine:1', name('pushed/mine:1')])
    const store = elsewhere()
    await ok(['pull', '-q', name('pushed/mine:1')], store)
    const digest = await ok(['inspect', '--format', '{{.Digest}}', name('pushed/mine:1')], store)
    expect(digest).toBe(busybox.digest)
    await ok(['tag', 'localhost/mine:1', name('pushed/again:2')])
    await ok(['push', name('pushed/again:2')])
    await ok(['pull', '-q', name(`pushed/again@${digest}`)], store)
  })

  it('has mirrors: the first that answers is taken, and the place itself is the last', async () => {
    const dead = '127.0.0.1:9'
    broken.plan({ on: /./, times: 1000, fault: refuses(503) })
    const table = (location: string, mirrors: readonly string[]) =>
      `[[registry]]\nprefix = "registry.example/team"\nlocation = "${location}"\ninsecure = true\n${mirrors
        .map((mirror) => `[[registry.mirror]]\nlocation = "${mirror}"\ninsecure = true\n`)
        .join('')}`
    configure(table(`${dead}/nowhere`, [`${dead}/x`, `${broken.address}/library`, `${registry.address}/library`]))
    const store = elsewhere()
    await ok(['pull', '-q', 'registry.example/team/busybox:1'], store)
    expect(await ok(['images', '--format', '{{.Repository}}:{{.Tag}}'], store)).toBe('registry.example/team/busybox:1')
    expect(broken.seen.length).toBeGreaterThan(0)
    configure(table(`${registry.address}/library`, [`${dead}/x`]))
    await ok(['pull', '-q', 'registry.example/team/busybox'], store)
  })

  it('may be blocked', async () => {
    configure(`[[registry]]\nlocation = "${registry.address}/library"\nblocked = true\n${insecure(registry.address)}`)
    const refused = await run(['pull', name('library/busybox')], elsewhere())
    expect(refused.code).toBe(125)
    expect(refused.stderr).toMatch(/blocked/)
  })

  it('is found by a short name, among those that are configured', async () => {
    const aliases = `[aliases]\n"box" = "${name('library/busybox')}"\n`
    // The first of them has nothing.
    broken.plan({ on: /./, times: 1000, fault: refuses(404) })
    configure(
      `unqualified-search-registries = ["${broken.address}", "${registry.address}"]\n${insecure(broken.address, registry.address)}`,
    )
    const store = elsewhere()
    await ok(['pull', '-q', 'library/busybox:1'], store)
    expect(await ok(['images', '--format', '{{.Repository}}:{{.Tag}}'], store)).toBe(name('library/busybox:1'))
    configure(`${insecure(registry.address)}${aliases}`)
    expect(await ok(['run', '--rm', '-q', '--network=none', 'box', 'echo', 'by an alias'], store)).toBe('by an alias')
    configure('')
    const refused = await run(['pull', 'no-such-alias'], store)
    expect(refused.code).toBe(125)
    expect(refused.stderr).toMatch(/no-such-alias/)
  })

  it('is asked by run as --pull says', async () => {
    broken.plan()
    configure(insecure(broken.address))
    const store = elsewhere()
    const reference = `${broken.address}/policies/app`
    const put = (version: string) =>
      putImage(registry, 'policies/app', reconfigured(busybox, { Env: [`VERSION=${version}`] }), 'latest')
    const read = async (...policy: string[]) => {
      const argv = ['run', '--rm', '--network=none', '-q', ...policy, reference, 'sh', '-c', 'echo $VERSION']
      const { code, stdout, stderr } = await run(argv, store)
      return code === 0 ? stdout.trim() : stderr
    }
    await put('one')
    expect(await read('--pull=never')).toMatch(/^vitrine: .*never/)
    expect(await read()).toBe('one')
    await put('two')
    expect(await read()).toBe('one')
    expect(await read('--pull=missing')).toBe('one')
    expect(await read('--pull=newer')).toBe('two')
    await put('three')
    expect(await read('--pull=always')).toBe('three')
    expect(await read('--pull')).toBe('three')
    broken.plan({ on: /./, times: 1000, fault: refuses(403) })
    expect(await read('--pull=newer')).toBe('three')
    expect(await read('--pull=always')).toMatch(/^vitrine: /)
    expect(await read('--pull=missing')).toBe('three')
  })

  it('with TLS must show a certificate that we believe', async () => {
    configure('')
    const secure = await startRegistry({ tls: true, directory: join(directory, 'secure') })
    try {
      const reference = `${secure.address}/team/app`
      await ok(['import', buildBusyboxImage().source, 'localhost/app'])
      const refused = await run(['push', 'localhost/app', reference])
      expect(refused.code).toBe(125)
      expect(refused.stderr.trim().split('\n')).toHaveLength(1)
      expect(refused.stderr).toMatch(/certificate/)
      const certificates = join(directory, 'certificates')
      mkdirSync(certificates)
      copyFileSync(secure.ca!, join(certificates, 'ca.crt'))
      await ok(['push', '--cert-dir', certificates, 'localhost/app', reference])
      const store = elsewhere()
      expect((await run(['pull', reference], store)).code).toBe(125)
      const home = join(session.home, '.config/containers/certs.d', secure.address)
      mkdirSync(home, { recursive: true })
      copyFileSync(secure.ca!, join(home, 'ca.crt'))
      await ok(['pull', '-q', reference], store)
      await ok(['pull', '-q', '--tls-verify=false', reference], elsewhere())
    } finally {
      await secure.stop()
    }
  })
})
