// Auth files: which login is for a name, and what stays as it is.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loginKey } from '../../../core/engine/login.ts'
import {
  type AuthDocument,
  helperFor,
  loginFor,
  parseAuthFile,
  withLogin,
  withoutLogin,
} from '../../../core/image/registry/auth-file.ts'

const entry = (username: string, password = 'pw') => ({ auth: btoa(`${username}:${password}`) })
const auths = (of: Readonly<Record<string, object>>): AuthDocument => ({ auths: of })

/** Who logs in, by the most special entry. */
function user(document: AuthDocument, name: string): string | undefined {
  const login = loginFor(document, name, 'namespaces') ?? loginFor(document, name, 'registry')
  return login && ('password' in login ? login.username : `token ${login.identityToken}`)
}

describe('an auth file', () => {
  it('has the login for the longest part of a name', () => {
    const document = auths({
      'quay.io': entry('all'),
      'quay.io/ns': entry('ns'),
      'quay.io/ns/repo': entry('repo'),
      'localhost:5000/a': entry('port'),
    })
    expect(user(document, 'quay.io/ns/repo')).toBe('repo')
    expect(user(document, 'quay.io/ns/other')).toBe('ns')
    expect(user(document, 'quay.io/nsx/repo')).toBe('all')
    expect(user(document, 'quay.io')).toBe('all')
    expect(user(document, 'localhost:5000/a/b')).toBe('port')
    expect(user(document, 'localhost:5000/b')).toBeUndefined()
  })

  it.each([
    ['https://index.docker.io/v1/', 'docker.io/library/httpd'],
    ['index.docker.io/v1/', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['docker.io', 'index.docker.io'],
    ['https://quay.io', 'quay.io/a'],
    ['http://localhost:5000/v1/', 'localhost:5000/a/b'],
  ])('knows that %s is the registry of %s', (key, name) => {
    expect(user(auths({ [key]: entry('me') }), name)).toBe('me')
  })

  it('prefers the plain spelling, and one with a login to an empty one', () => {
    expect(user(auths({ 'https://quay.io/v1/': entry('old'), 'quay.io': entry('new') }), 'quay.io')).toBe('new')
    expect(user(auths({ 'quay.io/a': {}, 'quay.io': {}, 'https://quay.io': entry('old') }), 'quay.io/a')).toBe('old')
  })

  it('has tokens, passwords with colons and letters of every alphabet, and padding that is none', () => {
    const utf8 = { auth: Buffer.from('mé:pass:wörd').toString('base64') }
    expect(loginFor(auths({ 'a.b': utf8 }), 'a.b', 'registry')).toEqual({ username: 'mé', password: 'pass:wörd' })
    expect(loginFor(auths({ 'a.b': entry('me', 'pw\0\0') }), 'a.b', 'registry')).toEqual({
      ...{ username: 'me', password: 'pw' },
    })
    expect(user(auths({ 'a.b': { identitytoken: 'T' } }), 'a.b')).toBe('token T')
    expect(loginFor(auths({ 'a.b': { ...entry('me', ''), identitytoken: 'T' } }), 'a.b', 'registry')).toEqual({
      ...{ username: 'me', identityToken: 'T' },
    })
  })

  it('has no login where the entry is none', () => {
    for (const auth of ['', 'not base64!', btoa('nocolon'), btoa(':')])
      expect(user(auths({ 'a.b': { auth } }), 'a.b'), auth).toBeUndefined()
    expect(user(auths({}), 'constructor')).toBeUndefined()
    expect(user({}, 'a.b')).toBeUndefined()
  })

  it('names the helper for a registry, however that is spelled', () => {
    const document = { credHelpers: { 'https://index.docker.io/v1/': 'hub', 'quay.io': 'q' } }
    expect(helperFor(document, 'docker.io')).toBe('hub')
    expect(helperFor(document, 'quay.io')).toBe('q')
    expect(helperFor(document, 'constructor')).toBeUndefined()
  })

  it('is refused without a word of what is in it when it is malformed', () => {
    const refused = (text: string) =>
      expect(() => parseAuthFile(text, '/f')).toThrow(/^read \/f: .*repair or remove it$/)
    for (const text of ['{"auths": {"a.b": secret', '[]', '{"auths": []}', '{"auths": {"a.b": "secret"}}'])
      refused(text)
    refused('{"credHelpers": {"a.b": 1}}')
    expect(() => parseAuthFile('secret', '/f')).not.toThrow(/secret/)
  })

  it('keeps all that is not understood', () => {
    const document = parseAuthFile(
      '{"HttpHeaders": {"X": "1"}, "auths": {"a.b": {"auth": "eA==", "email": "x@y"}}}',
      '/f',
    )
    const changed = withLogin(document, 'c.d', 'me', 'pw')
    expect(changed).toEqual({ ...document, auths: { 'a.b': { auth: 'eA==', email: 'x@y' }, 'c.d': entry('me') } })
    expect(withoutLogin(changed, 'c.d')).toEqual(document)
    expect(withoutLogin(document, 'c.d')).toBeUndefined()
  })

  it('forgets a registry under all its spellings, and no namespace of it', () => {
    const document = auths({
      ...{ 'docker.io': entry('a'), 'https://index.docker.io/v1/': entry('b'), 'docker.io/me': entry('c') },
    })
    expect(withoutLogin(document, 'docker.io')).toEqual(auths({ 'docker.io/me': entry('c') }))
  })

  it('gives back any login that was put in', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    const plain = text.filter((one) => !/^\0|\0$/.test(one))
    fc.assert(
      fc.property(
        plain.filter((one) => !one.includes(':')),
        plain,
        (username, password) => {
          const document = withLogin({}, 'a.b:1/ns', username, password)
          expect(loginFor(document, 'a.b:1/ns/repo', 'namespaces')).toEqual({ username, password })
          expect(loginFor(document, 'a.b:1', 'registry')).toBeUndefined()
        },
      ),
    )
  })
})

describe('what one logs in to', () => {
  it('is a registry, a namespace of it, or the host of an address', () => {
    expect(loginKey('quay.io')).toBe('quay.io')
    expect(loginKey('localhost:5000/')).toBe('localhost:5000')
    expect(loginKey('quay.io/team/app')).toBe('quay.io/team/app')
    expect(loginKey('https://quay.io:443/v2/')).toBe('quay.io:443')
    expect(loginKey('https://index.docker.io/v1/')).toBe('docker.io')
  })

  it('is no image and no nonsense', () => {
    expect(() => loginKey('quay.io/team/app:1')).toThrow('one logs in to registries, namespaces and repositories')
    expect(() => loginKey('a b')).toThrow('registry "a b": must be HOST[:PORT]')
    expect(() => loginKey('')).toThrow('must be HOST[:PORT]')
    expect(() => loginKey('quay.io/Team')).toThrow('it must be lowercase')
  })
})
