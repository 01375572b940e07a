// What vitrine sends to registries is read by podman and skopeo, and the other way round, with equal digests.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { buildBusyboxImage, buildHttpdImage } from '../fixtures/build.ts'
import { skipUnless } from '../support/needs.ts'
import { outputOf } from '../support/program.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import {
  insecure,
  needsContainersAndRegistry,
  openRegistrySession,
  storeProblems,
} from '../support/registry-session.ts'
import { hostArchitecture, makeImage, makeIndex, putImage, readArchive } from '../support/remote-images.ts'

const { describe, it } = skipUnless({
  ...needsContainersAndRegistry,
  programs: [...needsContainersAndRegistry.programs, 'podman', 'skopeo'],
  anyKernel: true,
})

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('a registry between vitrine and others', () => {
  const { directory, ok, configure, elsewhere } = openRegistrySession()
  const httpd = buildHttpdImage()
  let registry: Registry
  let id: string
  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry') })
    configure(insecure(registry.address))
    await ok(['import', buildBusyboxImage().source, 'localhost/busybox'])
    await ok(['import', httpd.source, 'localhost/httpd'])
    id = (await ok(['images', '-q', '--no-trunc', 'localhost/httpd'])).replace('sha256:', '')
  })
  afterAll(async () => await registry?.stop())
  const name = (rest: string) => `${registry.address}/${rest}`
  const remote = (rest: string) => `docker://${name(rest)}`
  const skopeo = (...argv: string[]) => outputOf('skopeo', argv)
  const podmanWith = async (input: string, ...argv: string[]) => {
    const state = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'p'), '--storage-driver=vfs']
    const all = [...state, '--cgroup-manager=cgroupfs', '--events-backend=none', ...argv]
    return (await outputOf('podman', all, { input, cwd: directory })).toString('utf8').trim()
  }
  const podman = (...argv: string[]) => podmanWith('', ...argv)
  /** Pulled into an empty store: the image's id, and what is wrong with the store. */
  const pulled = async (rest: string, ...flags: string[]) => {
    const store = elsewhere()
    const pulledId = await ok(['pull', '-q', ...flags, name(rest)], store)
    expect(storeProblems(store.directory)).toEqual([])
    return { id: pulledId, store }
  }

  it('has what was pushed, byte for byte, and podman has it by the same id', async () => {
    const digestfile = join(directory, 'digest')
    await ok(['push', '-q', '--digestfile', digestfile, '--remove-signatures', 'localhost/httpd', name('ours/httpd')])
    const raw = await skopeo('inspect', '--tls-verify=false', '--raw', remote('ours/httpd'))
    expect(raw.equals(Buffer.from(readArchive(httpd.path).bytes))).toBe(true)
    expect(`sha256:${sha256(raw)}`).toBe(readFileSync(digestfile, 'utf8').trim())
    const config = await skopeo('inspect', '--tls-verify=false', '--raw', '--config', remote('ours/httpd'))
    expect(sha256(config)).toBe(id)
    expect(await podman('pull', '-q', '--tls-verify=false', name('ours/httpd'))).toBe(id)
    expect(await podman('inspect', '--type=image', '--format', '{{.Digest}}', name('ours/httpd'))).toBe(
      `sha256:${sha256(raw)}`,
    )
  })

  it.each([
    ['v2s2', ['--format=v2s2'], 'application/vnd.docker.distribution.manifest.v2+json', /docker.*tar\.gzip$/],
    ['zstd', ['--compression-format=zstd', '--compression-level', '3'], /oci.image.manifest/, /tar\+zstd$/],
    [
      'gzip',
      ['--compression-format', 'gzip', '--compression-level=1', '--format', 'oci'],
      /oci.image.manifest/,
      /gzip$/,
    ],
  ] as const)('has it as %s when that is asked for', async (kind, flags, manifestType, layerType) => {
    await ok(['push', '-q', ...flags, 'localhost/httpd', name(`ours/${kind}`)])
    const raw = await skopeo('inspect', '--tls-verify=false', '--raw', remote(`ours/${kind}`))
    const manifest = JSON.parse(raw.toString('utf8'))
    expect(manifest.mediaType).toMatch(manifestType)
    for (const { mediaType } of manifest.layers) expect(mediaType).toMatch(layerType)
    // Every blob is read, and checked against its digest.
    await skopeo(
      'copy',
      '-q',
      '--src-tls-verify=false',
      remote(`ours/${kind}`),
      `dir:${join(directory, `copy-${kind}`)}`,
    )
    const again = await pulled(`ours/${kind}`)
    expect(await podman('pull', '-q', '--tls-verify=false', name(`ours/${kind}`))).toBe(again.id)
    if (kind !== 'v2s2') expect(again.id).toBe(id)
  })

  it('gives vitrine what podman pushed, and it runs', async () => {
    const { path } = buildBusyboxImage()
    await podman('load', '-q', '-i', path)
    for (const format of ['oci', 'v2s2']) {
      await podman(
        'push',
        '-q',
        '--tls-verify=false',
        '--format',
        format,
        'localhost/busybox',
        name(`theirs/${format}`),
      )
      const { id: theirs, store } = await pulled(`theirs/${format}`, '--disable-content-trust')
      const raw = await skopeo('inspect', '--tls-verify=false', '--raw', remote(`theirs/${format}`))
      expect(JSON.parse(raw.toString('utf8')).config.digest).toBe(`sha256:${theirs}`)
      const answer = await ok(['run', '--rm', '--network=none', name(`theirs/${format}`), 'echo', format], store)
      expect(answer).toBe(format)
      const digest = await ok(['inspect', '--format', '{{.Digest}}', name(`theirs/${format}`)], store)
      expect(digest).toBe(`sha256:${sha256(raw)}`)
    }
  })

  it('gives vitrine what skopeo copied, with whatever compression', async () => {
    for (const compression of ['gzip', 'zstd']) {
      const format = ['--dest-compress-format', compression, '--dest-compress']
      const to = remote(`skopeo/${compression}`)
      await skopeo('copy', '-q', '--dest-tls-verify=false', ...format, `oci-archive:${httpd.path}`, to)
      expect((await pulled(`skopeo/${compression}`)).id).toBe(id)
    }
  })

  it('gives one of many platforms, by an index that skopeo copied whole', async () => {
    const of = (architecture: string) => ({
      image: makeImage({ layers: [], architecture }),
      platform: { os: 'linux', architecture },
    })
    const index = makeIndex([of('s390x'), of(hostArchitecture)])
    await putImage(registry, 'many/one', index, 'latest')
    const argv = ['--all', '--src-tls-verify=false', '--dest-tls-verify=false', remote('many/one'), remote('many/two')]
    await skopeo('copy', '-q', ...argv)
    const { id: chosen, store } = await pulled('many/two')
    expect(await podman('pull', '-q', '--tls-verify=false', name('many/two'))).toBe(chosen)
    const digests: string[] = JSON.parse(
      await ok(['inspect', '--type=image', '--format', '{{json .RepoDigests}}', name('many/two')], store),
    )
    expect(digests.map((digest) => digest.split('@')[1])).toContain(index.digest)
  })

  it('is logged in to by one for the other', async () => {
    const closed = await startRegistry({ directory: join(directory, 'closed'), auth: 'token' })
    try {
      configure(insecure(closed.address, registry.address))
      const logins = (who: string) => ['--authfile', join(directory, `${who}.json`)]
      const words = ['login', '--username', closed.user!, '--password-stdin', closed.address]
      await ok([...words, ...logins('ours')], { stdin: closed.password! })
      await podmanWith(closed.password!, ...words, '--tls-verify=false', ...logins('theirs'))
      await ok(['push', '-q', ...logins('theirs'), 'localhost/busybox', `${closed.address}/team/app`])
      const pull = ['pull', '-q', '--tls-verify=false', `${closed.address}/team/app`]
      expect(await podman(...pull, ...logins('ours'))).toBe(await ok([...pull, ...logins('theirs')], elsewhere()))
      await skopeo('inspect', '--tls-verify=false', ...logins('ours'), `docker://${closed.address}/team/app`)
    } finally {
      configure(insecure(registry.address))
      await closed.stop()
    }
  })
})
