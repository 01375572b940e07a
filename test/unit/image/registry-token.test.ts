// Proving who we are: which secrets go where, and how often tokens are fetched.

import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../../core/image/registry/endpoint.ts'
import { blobOf } from '../../support/registry-client.ts'
import { type Reply, type Sent, scripted } from '../../support/scripted-http.ts'

const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' }
const credentials = { username: 'tester', password: 'ope:n ü' }
const basicHeader = `Basic ${Buffer.from('tester:ope:n ü').toString('base64')}`

/** A registry with a token server elsewhere; tokens are `T1`, `T2`, ... */
function withTokens(more: Partial<Endpoint> = {}, token: (sent: Sent, count: number) => Reply = () => ({})) {
  let count = 0
  const script = scripted(({ ...sent }) => {
    const { url, headers } = sent
    if (url.host === 'auth.example') {
      count++
      const { status = 200, body } = token(sent, count)
      return { status, body: body ?? { token: `T${count}`, expires_in: 300 } }
    }
    if (headers.authorization === `Bearer T${count}`) return { body: manifest }
    const challenge = 'Bearer realm="https://auth.example/token?tenant=a",service="the registry",scope="extra:x:y"'
    return { status: 401, headers: { 'www-authenticate': challenge } }
  }, more)
  return { ...script, tokens: () => script.sent.filter(({ url }) => url.host === 'auth.example') }
}

const parametersOf = ({ url }: Sent) => [...url.searchParams].map(([name, value]) => `${name}=${value}`)

describe('a bearer token', () => {
  it('is fetched for what is to be done and what the registry names, with the credentials', async () => {
    const { client, tokens, sent } = withTokens({ credentials })
    await client.manifest('1')
    expect(tokens().map(parametersOf)).toEqual([
      ['tenant=a', 'account=tester', 'service=the registry', 'scope=repository:team/app:pull', 'scope=extra:x:y'],
    ])
    expect(tokens()[0]!.headers.authorization).toBe(basicHeader)
    expect(sent.map(({ headers }) => headers.authorization)).toEqual([undefined, basicHeader, 'Bearer T1'])
  })

  it('is fetched without any when we are nobody', async () => {
    const { client, tokens } = withTokens()
    await client.manifest('1')
    expect(tokens()[0]!.headers).not.toHaveProperty('authorization')
    expect(parametersOf(tokens()[0]!).filter((text) => text.startsWith('account'))).toEqual([])
  })

  it('serves until it expires, also many at once', async () => {
    const { client, tokens, pass } = withTokens({ credentials })
    await Promise.all([1, 2, 3].map((tag) => client.manifest(`${tag}`)))
    const first = tokens().length
    await Promise.all([1, 2, 3].map((tag) => client.manifest(`${tag}`)))
    expect(tokens().length).toBe(first)
    pass(271_000)
    await Promise.all([1, 2, 3].map((tag) => client.manifest(`${tag}`)))
    expect(tokens().length).toBe(first + 1)
  })

  it('is fetched anew, once, when the registry no longer takes it', async () => {
    let taken = 'T1'
    let count = 0
    const { client, lines } = scripted(({ url, headers }) => {
      if (url.host === 'auth.example') return { body: { access_token: `T${++count}` } }
      if (headers.authorization === `Bearer ${taken}`) return { body: manifest }
      return { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.example/token"' } }
    })
    await client.manifest('1')
    taken = 'T2'
    await client.manifest('1')
    expect(count).toBe(2)
    taken = 'never'
    await expect(client.manifest('1')).rejects.toMatchObject({ status: 401, code: 'UNAUTHORIZED' })
    expect(count).toBe(3)
    expect(lines().at(-1)).toBe('GET https://registry.example/v2/team/app/manifests/1')
  })

  it('of a login is had by POST for the identity token', async () => {
    const { client, tokens } = withTokens({ credentials: { identityToken: 'a+b' } })
    await client.manifest('1')
    const [question] = tokens()
    expect([question!.method, question!.headers['content-type']]).toEqual(['POST', 'application/x-www-form-urlencoded'])
    expect([...new URLSearchParams(String(question!.body))]).toEqual([
      ['grant_type', 'refresh_token'],
      ['refresh_token', 'a+b'],
      ['client_id', 'vitrine'],
      ['service', 'the registry'],
      ['scope', 'repository:team/app:pull extra:x:y'],
    ])
  })

  it('is not given for wrong credentials, which is said', async () => {
    const refuses = () => ({ status: 401, body: { details: 'no' } })
    await expect(withTokens({ credentials }, refuses).client.manifest('1')).rejects.toMatchObject({
      message:
        'pull registry.example/team/app:1: the name tester or its password is wrong: log in with vitrine login registry.example',
      status: 401,
    })
    await expect(withTokens({}, refuses).client.manifest('1')).rejects.toThrow(
      'pull registry.example/team/app:1: ask auth.example for a token: access is denied, or it does not exist: log in with vitrine login registry.example',
    )
    const identity = withTokens({ credentials: { identityToken: 'x' } }, () => ({ status: 400 }))
    await expect(identity.client.manifest('1')).rejects.toThrow('the login is no longer valid: log in with')
  })

  it('is tried for again when the token server is busy', async () => {
    const { client, tokens, slept } = withTokens({}, (_, count) => (count < 3 ? { status: 503, body: 'busy' } : {}))
    await client.manifest('1')
    expect([tokens().length, slept.length]).toEqual([3, 2])
  })

  it('must be one', async () => {
    for (const body of [{}, { token: '' }, { token: 'a\r\nb' }, { token: 7 }]) {
      await expect(withTokens({}, () => ({ body })).client.manifest('1')).rejects.toThrow(
        'auth.example answered without a token',
      )
    }
    await expect(withTokens({}, () => ({ body: 'no JSON' })).client.manifest('1')).rejects.toThrow('it is no JSON')
  })

  it('is not fetched over http from a registry with https', async () => {
    const { client } = scripted(
      () => ({ status: 401, headers: { 'www-authenticate': 'Bearer realm="http://auth.example/token"' } }),
      { credentials },
    )
    await expect(client.manifest('1')).rejects.toThrow(
      'pull registry.example/team/app:1: registry.example sends us to http://auth.example, where nothing is encrypted',
    )
  })

  it('for taking a blob over is good for both repositories', async () => {
    const { client, tokens } = withTokens({ credentials })
    await client.mountBlob(blobOf(new Uint8Array(1)).digest, 'other/app').catch(() => {})
    expect(tokens()[0]!.url.searchParams.getAll('scope')).toEqual([
      'repository:team/app:pull,push',
      'repository:other/app:pull',
      'extra:x:y',
    ])
  })
})

describe('a password', () => {
  const basic = (more: Partial<Endpoint>) =>
    scripted(
      ({ headers }) =>
        headers.authorization === basicHeader
          ? { body: manifest }
          : { status: 401, headers: { 'www-authenticate': 'Negotiate, Basic realm="x"' } },
      more,
    )

  it('goes out once it is asked for, and from then on', async () => {
    const { client, sent } = basic({ credentials })
    await client.manifest('1')
    await client.manifest('1')
    expect(sent.map(({ headers }) => headers.authorization)).toEqual([undefined, basicHeader, basicHeader])
  })

  it('that is wrong is not sent twice', async () => {
    const { client, sent } = basic({ credentials: { username: 'tester', password: 'wrong' } })
    await expect(client.manifest('1')).rejects.toThrow('access is denied to tester, or it does not exist')
    await expect(client.checkLogin()).rejects.toThrow('log in to registry.example: the name or the password is wrong')
    expect(sent.length).toBe(3)
  })

  it('that is missing is asked for', async () => {
    await expect(basic({}).client.manifest('1')).rejects.toThrow('log in with vitrine login registry.example')
    await expect(basic({}).client.checkLogin()).rejects.toThrow('a name and a password are needed')
    const { client } = basic({ credentials: { identityToken: 'x' } })
    await expect(client.manifest('1')).rejects.toThrow('access is denied to this login')
  })
})
