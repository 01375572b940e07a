// Manifests, tags and referrers: what is believed, how pages follow each other, and what stands for an API that is missing.

import { describe, expect, it } from 'vitest'
import { mediaTypes } from '../../../core/image/manifest.ts'
import { nextLink } from '../../../core/image/registry/lists.ts'
import { digestOf } from '../../support/registry-client.ts'
import { type Reply, scripted } from '../../support/scripted-http.ts'

const { ociManifest, ociIndex, dockerManifest } = mediaTypes
const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociManifest }))
const digest = digestOf(bytes)
const other = digestOf(Buffer.from('other'))

describe('a manifest', () => {
  const fetched = (reply: Reply, reference = '1') => scripted(() => reply).client.manifest(reference)

  it('comes with its type from the header, or its own when the header says nothing', async () => {
    expect(
      (await fetched({ body: bytes, headers: { 'content-type': `${dockerManifest}; charset=utf-8` } })).mediaType,
    ).toBe(dockerManifest)
    for (const type of ['application/json', 'text/plain', 'application/octet-stream']) {
      expect((await fetched({ body: bytes, headers: { 'content-type': type } })).mediaType).toBe(ociManifest)
    }
    expect(await fetched({ body: bytes })).toMatchObject({ mediaType: ociManifest, digest })
  })

  it('is asked for in all forms that we know, or in those that are named', async () => {
    const { client, sent } = scripted(() => ({ body: bytes }))
    await client.manifest('1')
    await client.manifest('1', [ociIndex])
    expect(sent[0]!.headers.accept!.split(', ').sort()).toEqual(
      [ociManifest, ociIndex, dockerManifest, mediaTypes.dockerList].sort(),
    )
    expect(sent[1]!.headers.accept).toBe(ociIndex)
  })

  it('must be what its digest and the header say', async () => {
    await fetched({ body: bytes, headers: { 'docker-content-digest': digest } }, digest)
    await expect(fetched({ body: bytes }, other)).rejects.toThrow(/it is damaged/)
    await expect(fetched({ body: bytes, headers: { 'docker-content-digest': other } })).rejects.toThrow(/it is damaged/)
  })

  it('of Docker schema 1 is refused', async () => {
    const headers = { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' }
    await expect(fetched({ body: bytes, headers })).rejects.toThrow("it is kept in Docker's schema 1")
  })

  it('that is longer than 4 MiB is refused', async () => {
    await expect(fetched({ body: Buffer.alloc((4 << 20) + 1) })).rejects.toThrow(
      'the answer is longer than 4194304 bytes',
    )
  })

  it('that is put must be kept as it is', async () => {
    const put = (headers: Record<string, string>, reference = '1') =>
      scripted(() => ({ status: 201, headers })).client.putManifest(reference, bytes, ociManifest)
    expect(await put({ 'docker-content-digest': digest })).toBe(digest)
    expect(await put({}, digest)).toBe(digest)
    await expect(put({ 'docker-content-digest': other })).rejects.toThrow('it has changed it')
    await expect(put({}, other)).rejects.toThrow(/it is damaged/)
  })
})

describe('tags', () => {
  it('are read from page to page', async () => {
    const { client, lines } = scripted(({ url }) => {
      const last = url.searchParams.get('last')
      if (last === 'b') return { body: { name: 'team/app', tags: ['c'] } }
      return { body: { tags: ['a', 'b'] }, headers: { link: '</v2/team/app/tags/list?n=1000&last=b>; rel="next"' } }
    })
    expect(await client.tags()).toEqual(['a', 'b', 'c'])
    expect(lines()[1]).toBe('GET https://registry.example/v2/team/app/tags/list?n=1000&last=b')
  })

  it('may be none', async () => {
    expect(await scripted(() => ({ body: { tags: null } })).client.tags()).toEqual([])
  })

  it('in pages that lead back are refused', async () => {
    const link = '<https://registry.example/v2/team/app/tags/list?n=1000&last=b>; rel=next'
    const { client, sent } = scripted(() => ({ body: { tags: ['a'] }, headers: { link } }))
    await expect(client.tags()).rejects.toThrow('list the tags of registry.example/team/app: its pages have no end')
    expect(sent.length).toBe(2)
  })
})

describe('a link to the next page', () => {
  for (const [header, target] of [
    ['</a?b>; rel="next"', '/a?b'],
    ['</a>; rel=next', '/a'],
    ['</first>; rel="first", </a,b;c>; title="x, y"; rel="prev next"', '/a,b;c'],
    ['</a>; rel="prev"', undefined],
    ['</a>; rel="nextish"', undefined],
    ['</a>', undefined],
    ['', undefined],
  ] as const) {
    it(`of ${header || 'nothing'} is ${target}`, () => expect(nextLink(header)).toBe(target))
  }
})

describe('referrers', () => {
  const descriptor = (artifactType: string) => ({
    mediaType: ociManifest,
    digest: digestOf(Buffer.from(artifactType)),
    size: 1,
    artifactType,
  })
  const index = (...manifests: object[]) => ({ schemaVersion: 2, mediaType: ociIndex, manifests })

  it('come from the API, filtered by us where the registry does not', async () => {
    const { client, lines } = scripted(({ url }) =>
      url.searchParams.has('page')
        ? { body: index(descriptor('b')) }
        : {
            body: index(descriptor('a'), descriptor('b')),
            headers: { link: `${url.pathname}?page=2`.replace(/.*/, '<$&>; rel="next"') },
          },
    )
    expect(await client.referrers(digest)).toEqual([descriptor('a'), descriptor('b'), descriptor('b')])
    expect(await client.referrers(digest, 'a')).toEqual([descriptor('a')])
    expect(lines()[2]).toBe(`GET https://registry.example/v2/team/app/referrers/${digest}?artifactType=a`)
  })

  it('come from a tag where there is no API, and are none without it', async () => {
    const { client, lines } = scripted(({ url }) =>
      url.pathname.includes('/manifests/') ? { body: index(descriptor('a')) } : { status: 404 },
    )
    expect(await client.referrers(digest)).toEqual([descriptor('a')])
    expect(lines().at(-1)).toBe(`GET https://registry.example/v2/team/app/manifests/${digest.replace(':', '-')}`)
    expect(await scripted(() => ({ status: 404 })).client.referrers(digest)).toEqual([])
  })

  it('are listed under the tag by who puts one, unless the registry says that it does', async () => {
    const subject = { mediaType: ociManifest, digest, size: bytes.length }
    const signature = Buffer.from(JSON.stringify({ schemaVersion: 2, subject, artifactType: 'signature', config: {} }))
    const put = async (headers: Record<string, string>, before?: object) => {
      const { client, sent } = scripted(({ method }): Reply => {
        if (method === 'GET') return before ? { body: before } : { status: 404 }
        return { status: 201, headers }
      })
      await client.putManifest('signature', signature, ociManifest)
      return sent.filter(({ method }) => method === 'PUT')
    }
    expect((await put({ 'oci-subject': digest })).length).toBe(1)
    const referrer = {
      mediaType: ociManifest,
      digest: digestOf(signature),
      size: signature.length,
      artifactType: 'signature',
    }
    const [, listed] = await put({}, index(descriptor('a')))
    expect(listed!.url.pathname).toBe(`/v2/team/app/manifests/${digest.replace(':', '-')}`)
    expect(JSON.parse(String(listed!.body))).toEqual(index(descriptor('a'), referrer))
    expect(JSON.parse(String((await put({}))[1]!.body))).toEqual(index(referrer))
    expect((await put({}, index(referrer))).length).toBe(1)
  })
})
