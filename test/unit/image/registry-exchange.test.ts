// One question: redirects, which scheme is spoken, when it is asked again, and what is said in the end.

import { describe, expect, it } from 'vitest'
import { HttpFailure } from '../../../core/image/registry/http.ts'
import { blobOf, collected } from '../../support/registry-client.ts'
import { broken, type Reply, refused, scripted } from '../../support/scripted-http.ts'

const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' }
const credentials = { username: 'tester', password: 'secret' }
const busy = { status: 503 }

describe('a redirect', () => {
  it('is followed to another host, which gets to see neither login nor client certificate', async () => {
    const blob = blobOf(new Uint8Array(100))
    const tls = { verify: true, authorities: ['CA'], certificate: 'C', key: 'K' }
    const { client, sent } = scripted(
      ({ url, headers }): Reply => {
        if (url.host === 'storage.example') return { body: blob.bytes }
        if (!headers.authorization) return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
        return { status: 307, headers: { location: 'https://storage.example/blob?signed' } }
      },
      { credentials, tls },
    )
    await collected(client.blob(blob))
    expect(sent.map(({ url, headers }) => [url.host, 'authorization' in headers])).toEqual([
      ['registry.example', false],
      ['registry.example', true],
      ['storage.example', false],
    ])
    expect(sent.map(({ request }) => request.tls)).toEqual([tls, tls, { verify: true, authorities: ['CA'] }])
  })

  it('on the same host keeps the login', async () => {
    const { client, sent } = scripted(
      ({ url, headers }): Reply => {
        if (!headers.authorization) return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
        return url.pathname === '/there' ? { body: manifest } : { status: 302, headers: { location: '/there' } }
      },
      { credentials },
    )
    await client.manifest('1')
    expect(sent.map(({ headers }) => 'authorization' in headers)).toEqual([false, true, true])
  })

  it('to a storage that refuses is no question who we are', async () => {
    const { client, sent } = scripted(
      ({ url }): Reply =>
        url.host === 'storage.example'
          ? { status: 401, headers: { 'www-authenticate': 'Basic realm="steal"' } }
          : { status: 307, headers: { location: 'https://storage.example/' } },
      { credentials },
    )
    await expect(client.manifest('1')).rejects.toMatchObject({ status: 401 })
    expect(sent.filter(({ headers }) => 'authorization' in headers)).toEqual([])
  })

  it('without an end is not followed for ever', async () => {
    const { client, sent } = scripted(({ url }) => ({ status: 301, headers: { location: `${url.pathname}x` } }))
    await expect(client.manifest('1')).rejects.toThrow('more than 10 redirects, the last from registry.example')
    expect(sent.length).toBe(11)
  })

  it('from https to http is refused, unless nothing is verified anyway', async () => {
    const answer = ({ url }: { url: URL }): Reply =>
      url.protocol === 'http:' ? { body: manifest } : { status: 307, headers: { location: 'http://plain.example/' } }
    await expect(scripted(answer).client.manifest('1')).rejects.toThrow(
      'pull registry.example/team/app:1: registry.example sends us to http://plain.example, where nothing is encrypted: with --tls-verify=false it is followed',
    )
    await scripted(answer, { insecure: true }).client.manifest('1')
  })

  it('to http on the same host means https, as servers behind proxies do not know better', async () => {
    const { client, lines } = scripted(
      ({ url }): Reply =>
        url.pathname === '/there'
          ? { body: manifest }
          : { status: 307, headers: { location: 'http://registry.example/there' } },
    )
    await client.manifest('1')
    expect(lines().at(-1)).toBe('GET https://registry.example/there')
  })

  it('to what is no http is refused', async () => {
    for (const location of ['ftp://a.example/', 'file:///etc/shadow', 'http://']) {
      const { client } = scripted(() => ({ status: 307, headers: { location } }))
      await expect(client.manifest('1')).rejects.toThrow(/which is no http$/)
    }
  })

  it('does not lead a manifest that is put elsewhere, unless the method is to stay', async () => {
    const put = async (status: number) => {
      const { client, lines } = scripted(
        ({ url }): Reply => (url.pathname === '/there' ? { status: 201 } : { status, headers: { location: '/there' } }),
      )
      await client.putManifest('1', Buffer.from('{}'), 'application/json')
      return lines().at(-1)
    }
    expect(await put(307)).toBe('PUT https://registry.example/there')
    await expect(put(302)).rejects.toMatchObject({ status: 302 })
  })
})

describe('a registry that may be insecure', () => {
  const insecure = { insecure: true, tls: { verify: false } }

  it('is spoken to by https when it answers that', async () => {
    const { client, lines } = scripted(() => ({ body: manifest }), insecure)
    await client.manifest('1')
    expect(lines()).toEqual([
      'GET https://registry.example/v2/',
      'GET https://registry.example/v2/team/app/manifests/1',
    ])
  })

  it('is spoken to by http when it does not, and that is asked once', async () => {
    const { client, lines } = scripted(({ url }) => {
      if (url.protocol === 'https:') throw new HttpFailure('registry.example does not speak TLS', 'EPROTO', false)
      return { body: manifest }
    }, insecure)
    await Promise.all([client.manifest('1'), client.manifest('1')])
    expect(lines().sort()).toEqual([
      'GET http://registry.example/v2/',
      'GET http://registry.example/v2/team/app/manifests/1',
      'GET http://registry.example/v2/team/app/manifests/1',
      'GET https://registry.example/v2/',
    ])
  })

  it('says why https failed when http is answered by a server that wants TLS', async () => {
    const { client } = scripted(({ url }) => {
      if (url.protocol === 'https:') throw new HttpFailure('wants a client certificate', 'ERR_SSL', false)
      return { status: 400, body: 'Client sent an HTTP request to an HTTPS server.' }
    }, insecure)
    await expect(client.manifest('1')).rejects.toThrow('pull registry.example/team/app:1: wants a client certificate')
  })

  it('is looked for again after it was not there', async () => {
    let up = false
    const { client } = scripted(({ url }) => {
      if (!up) throw refused(url)
      return { body: manifest }
    }, insecure)
    await expect(client.manifest('1')).rejects.toMatchObject({ code: 'ECONNREFUSED', status: 0 })
    up = true
    await client.manifest('1')
  })

  it('is never spoken to by http when it may not', async () => {
    const { client, lines } = scripted(({ url }) => {
      throw refused(url)
    })
    await expect(client.manifest('1')).rejects.toThrow(
      'pull registry.example/team/app:1: connect to registry.example: connection refused',
    )
    expect(lines().filter((line) => line.includes('http://'))).toEqual([])
  })
})

describe('another try', () => {
  it('comes after longer and longer waits, and no more after the fifth', async () => {
    const { client, slept, sent } = scripted(() => busy)
    await expect(client.manifest('1')).rejects.toMatchObject({
      status: 503,
      message: 'pull registry.example/team/app:1: registry.example answered 503',
    })
    expect(slept).toEqual([500, 1000, 2000, 4000])
    expect(sent.length).toBe(5)
  })

  it('comes less often after silence, which takes long', async () => {
    const silent = async (mirror: boolean) => {
      const { client, sent } = scripted(
        () => {
          throw new HttpFailure('registry.example sent nothing for 30 s', 'ETIMEDOUT', true)
        },
        { mirror },
      )
      await expect(client.manifest('1')).rejects.toMatchObject({ code: 'ETIMEDOUT' })
      return sent.length
    }
    expect([await silent(false), await silent(true)]).toEqual([3, 1])
  })

  it('comes once for a mirror, as there are others', async () => {
    const { client, sent } = scripted(() => busy, { mirror: true })
    await expect(client.manifest('1')).rejects.toMatchObject({ status: 503 })
    expect(sent.length).toBe(2)
  })

  it('mends broken connections, before the answer and in it', async () => {
    const { client, sent } = scripted(({ url }, count) => {
      if (count === 1) throw broken(url)
      return count === 2 ? { body: manifest, breaksAfter: 10 } : { body: manifest }
    })
    await client.manifest('1')
    expect(sent.length).toBe(3)
  })

  it('does not come for what will not change', async () => {
    for (const status of [400, 401, 403, 404, 405, 501]) {
      const { client, sent } = scripted(() => ({ status }))
      await expect(client.manifest('1')).rejects.toMatchObject({ status })
      expect(sent.length).toBe(1)
    }
    const { client, sent } = scripted(() => {
      throw new HttpFailure('the certificate has expired', 'CERT_HAS_EXPIRED', false)
    })
    await expect(client.manifest('1')).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' })
    expect(sent.length).toBe(1)
  })

  it('waits as long as the registry asks, in seconds or until a date, and says so', async () => {
    for (const value of ['20', 'Tue, 01 Jan 2030 00:00:20 GMT']) {
      const { client, slept, warnings } = scripted((_, count) =>
        count === 1 ? { status: 429, headers: { 'retry-after': value } } : { body: manifest },
      )
      await client.manifest('1')
      expect(slept).toEqual([20_000])
      expect(warnings).toEqual(['registry.example asks to wait: trying again in 20 s'])
    }
  })

  it('is left to the user when the registry wants an hour', async () => {
    const { client, slept } = scripted(() => ({ status: 429, headers: { 'retry-after': '3000' } }))
    await expect(client.manifest('1')).rejects.toThrow(
      'pull registry.example/team/app:1: too many requests for registry.example: try again in 50 minutes, or log in with vitrine login registry.example, which raises the limit',
    )
    expect(slept).toEqual([])
  })
})

describe('a limit', () => {
  const limited = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' }

  it('that is used up is explained and not tried again', async () => {
    const { client, sent } = scripted(() => ({ status: 429, headers: limited }), { registry: 'docker.io' })
    await expect(client.manifest('1')).rejects.toMatchObject({
      status: 429,
      code: 'TOOMANYREQUESTS',
      message:
        'pull docker.io/team/app:1: too many requests for docker.io, which allows 100 pulls in 6 hours and none is left: try again within 6 hours, or log in with vitrine login docker.io, which raises the limit',
    })
    expect(sent.length).toBe(1)
  })

  it('of somebody who has logged in is not raised by a login', async () => {
    const { client } = scripted(() => ({ status: 429, headers: { ...limited, 'retry-after': '100' } }), { credentials })
    await expect(client.manifest('1')).rejects.toThrow(/none is left: try again in 100 s$/)
  })
})

describe('a refusal', () => {
  const refusal = async (reply: Reply, more = {}) => {
    const { client } = scripted(() => reply, more)
    return await client.manifest('1').catch(({ message, code, status }) => ({ message, code, status }))
  }
  const errors = (code: string, message: string) => ({ errors: [{ code, message }] })

  it('is told in the words of the registry when we have none of our own, without what a terminal obeys', async () => {
    expect(await refusal({ status: 400, body: errors('TAG_INVALID', 'bad\u001b[31mtag\n') })).toEqual({
      message: 'pull registry.example/team/app:1: registry.example answered 400: bad [31mtag',
      code: 'TAG_INVALID',
      status: 400,
    })
    expect(await refusal({ status: 418, body: '<html>' })).toMatchObject({ code: 'UNKNOWN' })
    expect(await refusal({ status: 418, body: 'null' })).toMatchObject({ code: 'UNKNOWN' })
  })

  it('that may mean either says both', async () => {
    const denied = { status: 401, body: errors('UNAUTHORIZED', 'authentication required') }
    expect(await refusal(denied, { registry: 'docker.io', repository: 'library/nosuch' })).toMatchObject({
      message:
        'pull docker.io/library/nosuch:1: access is denied, or it does not exist: log in with vitrine login docker.io',
    })
    expect(await refusal({ status: 403, body: errors('DENIED', 'no') }, { credentials })).toMatchObject({
      message: 'pull registry.example/team/app:1: access is denied to tester, or it does not exist (no)',
      code: 'DENIED',
    })
  })

  it('of a mirror names the mirror', async () => {
    const mirror = { mirror: true, registry: 'docker.io', repository: 'library/busybox' }
    expect(await refusal({ status: 404, body: errors('NAME_UNKNOWN', '') }, mirror)).toMatchObject({
      message: 'pull registry.example/library/busybox:1: docker.io has no such repository',
    })
  })
})
