// The registry client and Debian's registry: what is pushed comes back as it was.

import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { openHttp } from '../../backends/linux/http.ts'
import { mediaTypes } from '../../core/image/manifest.ts'
import { openRegistry } from '../../core/image/registry/client.ts'
import { isNotFound } from '../../core/image/registry/failure.ts'
import { type Http, HttpFailure } from '../../core/image/registry/http.ts'
import { skipUnless } from '../support/needs.ts'
import { needsRegistry, type Registry, startRegistry, withRegistry } from '../support/registry.ts'
import { blobOf, collected, digestOf, loopbackEndpoint, realClient, realDeps } from '../support/registry-client.ts'

const { describe, it } = skipUnless(needsRegistry)

const bytesOf = (value: object) => new TextEncoder().encode(JSON.stringify(value))

/** A manifest of blobs that are there. */
async function pushManifest(client: ReturnType<typeof realClient>, reference: string, more: object = {}) {
  const config = blobOf(bytesOf({ architecture: 'amd64', os: 'linux' }))
  await client.uploadBlob(config)
  const descriptor = { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.sizeBytes }
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [], ...more }
  const bytes = bytesOf(manifest)
  return { bytes, digest: await client.putManifest(reference, bytes, mediaTypes.ociManifest) }
}

describe('a registry', () => {
  let registry: Registry
  const client = (repository: string) => realClient(registry.address, repository)
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())

  for (const [name, sizeBytes, chunkBytes] of [
    ['an empty blob', 0, undefined],
    ['a small blob, in one request', 1000, undefined],
    ['a large blob, as a stream', 3_000_000, undefined],
    ['a blob in portions', 1_000_000, 300_000],
    ['a blob of one byte', 1, undefined],
  ] as const) {
    it(`takes and gives ${name}`, async () => {
      const blob = blobOf(randomBytes(sizeBytes))
      const repository = client('blobs')
      const progress: number[] = []
      await repository.uploadBlob(blob, { chunkBytes, onProgress: (doneBytes) => progress.push(doneBytes) })
      expect(progress.at(-1)).toBe(sizeBytes)
      expect(await repository.hasBlob(blob.digest)).toBe(true)
      expect((await collected(repository.blob(blob))).equals(blob.bytes)).toBe(true)
    })
  }

  it('takes blobs over from another repository, and only those that are there', async () => {
    const blob = blobOf(randomBytes(5000))
    await client('mount/from').uploadBlob(blob)
    expect(await client('mount/to').hasBlob(blob.digest)).toBe(false)
    expect(await client('mount/to').mountBlob(blob.digest, 'mount/from')).toBe(true)
    expect(await client('mount/to').hasBlob(blob.digest)).toBe(true)
    expect(await client('mount/to').mountBlob(digestOf(randomBytes(8)), 'mount/from')).toBe(false)
  })

  it('refuses content that is not what its digest says, and the upload is ended', async () => {
    const blob = { ...blobOf(randomBytes(2_000_000)), digest: digestOf(new Uint8Array()) }
    const refused = client('damaged').uploadBlob(blob)
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'DIGEST_INVALID' })
    const uploads = join(registry.directory, 'storage/docker/registry/v2/repositories/damaged/_uploads')
    // It leaves directories, but nothing of the content.
    const files = readdirSync(uploads, { recursive: true, encoding: 'utf8' })
    expect(files.filter((path) => path.endsWith('data'))).toEqual([])
  })

  it('takes a blob though the connection breaks in the middle, from the start, as it knows no uploads that broke', async () => {
    const http = openHttp({}, 'vitrine/test')
    let breaks = 3
    async function* breaking(bytes: AsyncIterable<Uint8Array>) {
      let sentBytes = 0
      for await (const part of bytes) {
        if (sentBytes >= 700_000 && breaks-- > 0) throw new HttpFailure('by plan', 'ECONNRESET', true)
        sentBytes += part.length
        yield part
      }
    }
    const ranges: (string | undefined)[] = []
    const send: Http['send'] = (request) => {
      const { body, method, headers } = request
      if (method !== 'PATCH' || body === undefined || !('bytes' in body)) return http.send(request)
      ranges.push(headers['content-range'])
      return http.send({ ...request, body: { ...body, bytes: breaking(body.bytes) } })
    }
    const repository = openRegistry(
      realDeps({ http: async () => ({ send }) }),
      loopbackEndpoint(registry.address, 'broken'),
    )
    const blob = blobOf(randomBytes(5_000_000))
    await repository.uploadBlob(blob)
    expect((await collected(repository.blob(blob))).equals(blob.bytes)).toBe(true)
    expect(ranges).toEqual([undefined, undefined, undefined, undefined])
  })

  it('keeps manifests byte for byte, by tag and by digest', async () => {
    const repository = client('manifests')
    const { bytes, digest } = await pushManifest(repository, '1.0')
    expect(digest).toBe(digestOf(bytes))
    for (const reference of ['1.0', digest]) {
      const fetched = await repository.manifest(reference)
      expect(fetched).toEqual({ bytes: expect.anything(), mediaType: mediaTypes.ociManifest, digest })
      expect(Buffer.from(bytes).equals(fetched.bytes)).toBe(true)
      const head = { mediaType: mediaTypes.ociManifest, digest, sizeBytes: bytes.length }
      expect(await repository.headManifest(reference)).toEqual(head)
    }
  })

  it('tells what is not there from what is forbidden', async () => {
    await pushManifest(client('there'), '1')
    expect(await client('there').headManifest('2')).toBeUndefined()
    const absent = await client('there')
      .manifest('2')
      .catch((error: unknown) => error)
    expect(isNotFound(absent)).toBe(true)
    expect(absent).toMatchObject({
      message: `pull ${registry.address}/there:2: ${registry.address} has no such image`,
      code: 'MANIFEST_UNKNOWN',
    })
    await expect(client('nowhere').tags()).rejects.toMatchObject({ code: 'NAME_UNKNOWN', status: 404 })
    await expect(collected(client('there').blob(blobOf(randomBytes(9))))).rejects.toMatchObject({ status: 404 })
  })

  it('lists all tags, though it gives them in pages', async () => {
    const repository = client('tags')
    const { bytes } = await pushManifest(repository, 'first')
    const more = ['a', 'b', 'c'].map((tag) => repository.putManifest(tag, bytes, mediaTypes.ociManifest))
    await Promise.all(more)
    expect((await repository.tags()).sort()).toEqual(['a', 'b', 'c', 'first'])
  })

  it('that knows no referrers is told them by tag', async () => {
    const repository = client('referrers')
    const { bytes, digest } = await pushManifest(repository, 'image')
    expect(await repository.referrers(digest)).toEqual([])
    const subject = { mediaType: mediaTypes.ociManifest, digest, size: bytes.length }
    const sbom = await pushManifest(repository, 'sbom', { subject, artifactType: 'application/sbom' })
    const signature = await pushManifest(repository, 'signature', { subject, artifactType: 'application/signature' })
    const digests = (await repository.referrers(digest)).map((descriptor) => descriptor.digest)
    expect(digests).toEqual([sbom.digest, signature.digest])
    expect(await repository.referrers(digest, 'application/sbom')).toMatchObject([{ digest: sbom.digest }])
  })
})

describe('a registry that asks who we are', () => {
  it('lets in who knows the password', async () => {
    await withRegistry({ auth: 'basic' }, async ({ address, user, password }) => {
      const credentials = { username: user!, password: password! }
      await realClient(address, '', { credentials }).checkLogin()
      await pushManifest(realClient(address, 'app', { credentials }), '1')
      const wrong = realClient(address, 'app', { credentials: { ...credentials, password: 'wrong' } })
      await expect(wrong.checkLogin()).rejects.toMatchObject({
        status: 401,
        message: `log in to ${address}: the name or the password is wrong`,
      })
      await expect(realClient(address, 'app').manifest('1')).rejects.toMatchObject({
        status: 401,
        message: `pull ${address}/app:1: access is denied, or it does not exist: log in with vitrine login ${address}`,
      })
    })
  })

  it('by tokens lets everybody pull and those push who are known', async () => {
    await withRegistry({ auth: 'token', anonymousPull: true }, async ({ address, user, password, tokens }) => {
      const credentials = { username: user!, password: password! }
      const known = realClient(address, 'app', { credentials })
      await known.checkLogin()
      const { digest } = await pushManifest(known, '1')
      // One for nothing, for the login; one to push.
      expect(tokens!.requests.map(({ scopes }) => scopes)).toEqual([[], ['repository:app:pull,push']])
      const anonymous = realClient(address, 'app')
      expect((await anonymous.manifest('1')).digest).toBe(digest)
      await expect(anonymous.uploadBlob(blobOf(randomBytes(4)))).rejects.toMatchObject({ status: 401 })
      const wrong = realClient(address, 'app', { credentials: { ...credentials, password: 'wrong' } })
      await expect(wrong.manifest('1')).rejects.toThrow(
        `pull ${address}/app:1: the name ${user} or its password is wrong: log in with vitrine login ${address}`,
      )
    })
  })

  it('takes over blobs from another repository of the same user', async () => {
    await withRegistry({ auth: 'token' }, async ({ address, user, password }) => {
      const credentials = { username: user!, password: password! }
      const blob = blobOf(randomBytes(3000))
      await realClient(address, 'from', { credentials }).uploadBlob(blob)
      expect(await realClient(address, 'to', { credentials }).mountBlob(blob.digest, 'from')).toBe(true)
    })
  })
})

describe('a registry with TLS', () => {
  it('is believed by its authority, or unverified, and otherwise refused with what to do', async () => {
    await withRegistry({ tls: true }, async ({ address, ca }) => {
      const secure = (authorities: readonly string[]) => ({ insecure: false, tls: { verify: true, authorities } })
      await realClient(address, '', secure([readFileSync(ca!, 'utf8')])).checkLogin()
      await realClient(address, '').checkLogin()
      await expect(realClient(address, '', secure([])).checkLogin()).rejects.toMatchObject({
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
        message: expect.stringMatching(
          /^log in to \S+: the certificate of \S+ is signed by itself; to believe it, put .* into \/etc\/containers\/certs.d\/127.0.0.1:\d+\/ca.crt, or use --tls-verify=false$/,
        ),
      })
    })
  })

  it('is told from one without', async () => {
    await withRegistry({}, async ({ address }) => {
      const refused = realClient(address, '', { insecure: false, tls: { verify: true } }).checkLogin()
      await expect(refused).rejects.toThrow(
        `log in to ${address}: ${address} does not speak TLS: if it speaks plain http`,
      )
    })
  })
})
