// Hostile registries, token servers and those on the way: no secret reaches anybody else, nothing goes on without end,
// and whatever comes is understood or refused by a sentence.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../../core/errors.ts'
import { blobOf, collected } from '../../support/registry-client.ts'
import { broken, type Reply, type Sent, scripted } from '../../support/scripted-http.ts'

const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' }
const credentials = { username: 'tester', password: 'secret' }
const whoAreYou: Reply = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
const to = (location: string, status = 307): Reply => ({ status, headers: { location } })
const shown = (sent: readonly Sent[]) => sent.map(({ url, headers }) => `${url.origin} ${'authorization' in headers}`)
/** Where a login, a token or an identity token went. */
const secretsAt = (sent: readonly Sent[]) =>
  sent
    .filter(({ headers, body }) => 'authorization' in headers || /IDENTITY/.test(`${body}`))
    .map(({ url }) => url.origin)

describe('a login', () => {
  it('is not sent unencrypted to the host that it is for: a foreign layer may say http', async () => {
    const blob = blobOf(new Uint8Array(100))
    const { client, sent } = scripted(
      ({ url, headers }): Reply => {
        if (url.protocol === 'http:') return { body: blob.bytes }
        return headers.authorization ? { status: 404 } : whoAreYou
      },
      { credentials },
    )
    await collected(client.blob({ ...blob, urls: ['http://registry.example/layer'] }))
    expect(shown(sent)).toEqual([
      'https://registry.example false',
      'https://registry.example true',
      'http://registry.example false',
    ])
  })

  it('is not sent unencrypted after a redirect, though nothing is verified', async () => {
    const { client, sent } = scripted(
      ({ url, headers }): Reply => {
        if (!headers.authorization && url.protocol === 'https:' && url.pathname !== '/v2/') return whoAreYou
        if (url.pathname === '/plain') return { body: manifest }
        return url.pathname === '/v2/' ? {} : to('http://registry.example/plain')
      },
      { credentials, insecure: true, tls: { verify: false } },
    )
    await client.manifest('1')
    expect(secretsAt(sent).filter((origin) => origin.startsWith('http:'))).toEqual([])
  })

  it('that was left behind by a redirect is not picked up by the next', async () => {
    const { client, sent } = scripted(
      ({ url, headers }): Reply => {
        if (url.host === 'elsewhere.example') return to('https://registry.example/v2/team/secrets')
        if (url.pathname.endsWith('secrets')) return { body: manifest }
        return headers.authorization ? to('https://elsewhere.example/') : whoAreYou
      },
      { credentials },
    )
    await client.manifest('1')
    expect(shown(sent)).toEqual([
      'https://registry.example false',
      'https://registry.example true',
      'https://elsewhere.example false',
      'https://registry.example false',
    ])
  })

  it('with an identity token ends at the token server, which may not send it on', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const { client, sent } = scripted(
        ({ url }): Reply => {
          if (url.host === 'thief.example') return { body: { access_token: 'x' } }
          if (url.host === 'auth.example') return to('https://thief.example/', status)
          return { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.example/token"' } }
        },
        { credentials: { identityToken: 'IDENTITY' } },
      )
      await expect(client.manifest('1')).rejects.toBeInstanceOf(UserError)
      expect(secretsAt(sent)).toEqual(['https://auth.example'])
    }
  })

  it('reaches nobody but the registry and its token server, wherever they send us', async () => {
    const places = [
      'http://registry.example/a',
      'https://registry.example:8443/b',
      'http://registry.example:443/c',
      'https://registry.example.thief.example/d',
      'https://registry.example@thief.example/e',
      '//thief.example/f',
      '\\\\thief.example\\g',
      'https://thief.example:443/h',
    ]
    const place = fc.constantFrom(...places)
    await fc.assert(
      fc.asyncProperty(place, place, place, fc.constantFrom(301, 302, 307, 308), async (first, second, url, status) => {
        const { client, sent } = scripted(
          ({ url, headers, method }, count): Reply => {
            const { pathname } = url
            if (count > 30) return { status: 404 }
            const own = url.origin === 'https://registry.example'
            if (own && !headers.authorization) return whoAreYou
            if (method === 'GET' && pathname.includes('/blobs/')) return { status: 404 }
            if (method === 'POST') return { status: 202, headers: { location: first } }
            if (method !== 'GET') return { status: 201 }
            return count % 2 ? to(first, status) : { ...to(second, status), body: { tags: ['1'] } }
          },
          { credentials },
        )
        const quiet = () => {}
        await client.manifest('1').catch(quiet)
        await client.uploadBlob(blobOf(new Uint8Array(10))).catch(quiet)
        await collected(client.blob({ ...blobOf(new Uint8Array(10)), urls: [url] })).catch(quiet)
        await client.tags().catch(quiet)
        expect(secretsAt(sent).filter((origin) => origin !== 'https://registry.example')).toEqual([])
      }),
    )
  })
})

describe('a name in a document of others', () => {
  const elsewhere = [
    '../../other/manifests/1',
    '..',
    '1?x',
    '1#x',
    'a/b',
    '',
    'sha256:../../../x',
    `sha256:${'A'.repeat(64)}`,
  ]
  const paths = (sent: readonly Sent[]) => sent.map(({ url }) => url.pathname)

  it('leads nowhere else in the registry', async () => {
    for (const reference of elsewhere) {
      const { client, sent } = scripted(() => ({ body: manifest }), { credentials })
      for (const ask of [client.manifest, client.headManifest, client.referrers])
        await expect(ask(reference)).rejects.toBeInstanceOf(UserError)
      expect(paths(sent)).toEqual([])
    }
  })

  it('is not written to when it is the subject of what is pushed', async () => {
    for (const digest of [...elsewhere, 7, null]) {
      const { client, sent } = scripted(({ method }) => ({ status: method === 'GET' ? 404 : 201 }), { credentials })
      const bytes = new TextEncoder().encode(JSON.stringify({ ...manifest, subject: { digest } }))
      await expect(client.putManifest('1', bytes, manifest.mediaType)).rejects.toBeInstanceOf(UserError)
      expect(paths(sent)).toEqual([])
    }
  })
})

describe('a registry without TLS', () => {
  it('may have its token server on its own port', async () => {
    const { client, sent } = scripted(
      ({ url, headers }): Reply => {
        if (url.protocol === 'https:') throw broken(url)
        if (url.pathname === '/token') return { body: { token: 't' } }
        const realm = 'Bearer realm="http://registry.example/token"'
        return headers.authorization ? { body: manifest } : { status: 401, headers: { 'www-authenticate': realm } }
      },
      { credentials, insecure: true, tls: { verify: false } },
    )
    await client.manifest('1')
    expect(sent.filter(({ url }) => url.pathname === '/token').map(({ url }) => url.origin)).toEqual([
      'http://registry.example',
    ])
  })
})

describe('a registry', () => {
  it('that takes nothing of an upload is left after some tries', async () => {
    let count = 0
    const { client } = scripted(({ method }): Reply => {
      if (++count > 200) throw new Error('it goes on without end')
      return method === 'DELETE' ? { status: 204 } : { status: 202, headers: { location: '/u', range: '0-0' } }
    })
    await expect(client.uploadBlob(blobOf(new Uint8Array(2 << 20)))).rejects.toThrow(
      'has taken nothing of what was sent',
    )
  })

  it('that refuses portions of the size that it wants is left', async () => {
    let count = 0
    const { client } = scripted(({ method }): Reply => {
      if (++count > 200) throw new Error('it goes on without end')
      const headers = { location: '/u', 'oci-chunk-min-length': String(2 ** 40) }
      return method === 'POST' ? { status: 202, headers } : { status: method === 'DELETE' ? 204 : 413 }
    })
    await expect(client.uploadBlob(blobOf(new Uint8Array(2 << 20)))).rejects.toMatchObject({ status: 413 })
  })

  it('is asked for so many pages only as can be kept', async () => {
    const tags = Array.from({ length: 100_000 }, (_, index) => `${index}`.padStart(100, '0'))
    const body = JSON.stringify({ tags })
    const { client, sent } = scripted((_, count) => ({ headers: { link: `</v2/${count}>; rel="next"` }, body }))
    await expect(client.tags()).rejects.toThrow('more than')
    expect(sent.length).toBeLessThan(20)
  })

  it('has only tags that can be tags', async () => {
    const tags = ['1', '../../other/manifests/1', '\u001b[2J', '', 'a b', 'x'.repeat(129), '2.0_b-c', 'é', 'a/b', 'a:b']
    const { client } = scripted(() => ({ body: { tags } }))
    expect(await client.tags()).toEqual(['1', '2.0_b-c'])
  })

  it('that names places for a layer that are none is told so', async () => {
    const blob = blobOf(new Uint8Array(10))
    const { client } = scripted(() => ({ status: 404 }))
    const urls = ['https://', 'http://[', 'https://a b/', 7, null] as string[]
    await expect(collected(client.blob({ ...blob, urls }))).rejects.toBeInstanceOf(UserError)
  })

  it('is asked at so many places only for a foreign layer', async () => {
    const { client, sent } = scripted(() => ({ status: 404 }))
    const urls = Array.from({ length: 1000 }, (_, index) => `https://foreign.example/${index}`)
    await expect(collected(client.blob({ ...blobOf(new Uint8Array(10)), urls }))).rejects.toBeInstanceOf(UserError)
    expect(sent.length).toBeLessThan(20)
  })

  it('may answer anything at all: it is understood, or refused by a sentence that a terminal does not obey', async () => {
    const header = fc.string({
      unit: fc.constantFrom(...'Bearer basic realm="https://x/",scope=<>;:0-1 \t[]\\%'),
      maxLength: 80,
    })
    const names = ['location', 'www-authenticate', 'link', 'range', 'content-range', 'content-type', 'retry-after']
    const more = ['docker-content-digest', 'content-length', 'ratelimit-limit', 'oci-chunk-min-length', 'oci-subject']
    const hostileText = fc.oneof(fc.json(), fc.constant('\u001b]0;pwned\u0007'), fc.constant('{"errors":[null]}'))
    const reply = fc.record({
      status: fc.constantFrom(200, 201, 202, 204, 206, 301, 307, 400, 401, 403, 404, 405, 413, 416, 429, 500, 503),
      headers: fc.dictionary(fc.constantFrom(...names, ...more), header),
      body: hostileText,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(reply, { minLength: 1, maxLength: 6 }), async (replies) => {
        const { client } = scripted(
          (_, count): Reply => {
            if (count > 2000) throw new Error('it goes on without end')
            return replies[count % replies.length]!
          },
          { credentials },
        )
        const blob = blobOf(new Uint8Array(10))
        const questions = [
          () => client.manifest('1'),
          () => client.headManifest('1'),
          () => collected(client.blob(blob)),
          () => client.uploadBlob(blob, { chunkBytes: 4 }),
          () => client.mountBlob(blob.digest, 'other/place'),
          () => client.putManifest('1', new TextEncoder().encode(JSON.stringify({ ...manifest, subject: blob })), 'x'),
          () => client.tags(),
          () => client.referrers(blob.digest),
          () => client.checkLogin(),
        ]
        for (const question of questions) {
          try {
            await question()
          } catch (error) {
            expect(error).toBeInstanceOf(UserError)
            expect((error as Error).message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
          }
        }
      }),
    )
  })
})
