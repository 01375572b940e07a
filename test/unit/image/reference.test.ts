// Image references: transports, names, local lookups.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  candidates,
  digestHex,
  fromDockerTransport,
  idDigits,
  localName,
  parseName,
  parseSource,
  printName,
  wholeName,
} from '../../../core/image/reference.ts'

const digest = `sha256:${'a'.repeat(64)}`

describe('an image source', () => {
  it('is a transport and a path', () => {
    expect(parseSource('oci-archive:/tmp/httpd.tar')).toEqual({ kind: 'oci-archive', path: '/tmp/httpd.tar' })
    expect(parseSource('oci:/tmp/layout')).toEqual({ kind: 'oci', path: '/tmp/layout' })
    expect(parseSource('dir:/tmp/x')).toEqual({ kind: 'dir', path: '/tmp/x' })
  })

  it('has a tag after the path for oci, which may be a whole name', () => {
    expect(parseSource('oci:layout:v1')).toEqual({ kind: 'oci', path: 'layout', tag: 'v1' })
    expect(parseSource('oci:layout:localhost/httpd:v1')).toEqual({
      kind: 'oci',
      path: 'layout',
      tag: 'localhost/httpd:v1',
    })
  })

  it('has a reference or a number after the path for docker-archive', () => {
    expect(parseSource('docker-archive:a.tar:httpd:2.4')).toEqual({
      kind: 'docker-archive',
      path: 'a.tar',
      reference: 'httpd:2.4',
    })
    expect(parseSource('docker-archive:a.tar:@1')).toMatchObject({ reference: '@1' })
  })

  it('is none when the text is a name, also one with a tag or a port', () => {
    for (const text of ['httpd', 'httpd:2.4', 'localhost:5000/httpd', `httpd@${digest}`, 'docker:latest']) {
      expect(parseSource(text), text).toBeUndefined()
    }
  })

  it('refuses transports that podman has and vitrine has not, by name', () => {
    expect(() => parseSource('ostree:x@/tmp')).toThrow('the transport ostree is not supported')
  })

  it('is not a registry, and says how one is used', () => {
    expect(() => parseSource('docker://httpd')).toThrow('a registry: get it with vitrine pull')
  })

  it('refuses an empty path or tag', () => {
    expect(() => parseSource('oci:')).toThrow('the transport oci needs a path')
    expect(() => parseSource('oci:layout:')).toThrow('nothing follows the last colon')
  })
})

describe('an image name', () => {
  it('has a registry only when its first part looks like a host', () => {
    expect(parseName('quay.io/fedora/httpd:2')).toMatchObject({
      registry: 'quay.io',
      repository: 'fedora/httpd',
      tag: '2',
    })
    expect(parseName('localhost:5000/httpd')).toMatchObject({ registry: 'localhost:5000', repository: 'httpd' })
    expect(parseName('library/httpd').registry).toBeUndefined()
  })

  it('has a digest after @', () => {
    expect(parseName(`httpd@${digest}`)).toMatchObject({ repository: 'httpd', digest })
    expect(() => parseName('httpd@sha256:12')).toThrow('its digest must be sha256: and 64 hexadecimal digits')
  })

  it('says which part is malformed', () => {
    expect(() => parseName('HTTPD')).toThrow('image name "HTTPD": it must be lowercase')
    expect(() => parseName('a//b')).toThrow('its part "" is malformed')
    expect(() => parseName('a:b c')).toThrow('its tag "b c" is malformed')
    expect(() => parseName('../etc/passwd')).toThrow('is malformed')
  })

  it('is kept as localhost/NAME:latest unless it says more', () => {
    expect(localName('httpd')).toBe('localhost/httpd:latest')
    expect(localName('docker.io/httpd:2.4')).toBe('docker.io/library/httpd:2.4')
    expect(localName('quay.io/a/b')).toBe('quay.io/a/b:latest')
  })

  it('is looked for on localhost first, then as Docker Hub calls it', () => {
    expect(candidates('httpd').map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([
      'localhost/httpd:latest',
      'docker.io/library/httpd:latest',
    ])
    expect(candidates('me/httpd:1')[1]?.repository).toBe('docker.io/me/httpd')
    expect(candidates('quay.io/httpd')).toHaveLength(1)
  })
})

describe('a whole name', () => {
  const whole = (text: string) => printName(wholeName(parseName(text), 'docker.io'))

  it("has latest when it says neither tag nor digest, and Docker Hub's library", () => {
    expect(whole('httpd')).toBe('docker.io/library/httpd:latest')
    expect(whole('me/httpd')).toBe('docker.io/me/httpd:latest')
    expect(whole('index.docker.io/httpd:2')).toBe('docker.io/library/httpd:2')
    expect(whole(`quay.io/httpd@${digest}`)).toBe(`quay.io/httpd@${digest}`)
    expect(whole(`quay.io/httpd:2@${digest}`)).toBe(`quay.io/httpd:2@${digest}`)
  })

  it('comes from the transport docker://, where nothing is short', () => {
    expect(fromDockerTransport('docker://httpd')).toMatchObject({ registry: 'docker.io', repository: 'library/httpd' })
    expect(fromDockerTransport('httpd')).toBeUndefined()
    expect(() => fromDockerTransport('docker://')).toThrow('is malformed')
  })

  it('may be on an address of IPv6', () => {
    expect(parseName('[::1]:5000/httpd')).toMatchObject({ registry: '[::1]:5000', repository: 'httpd' })
    expect(() => parseName('[::1/httpd')).toThrow('its registry [::1 is malformed')
  })

  it('has a digest of sha256 only, and no more than 255 characters', () => {
    expect(() => parseName(`a@sha512:${'a'.repeat(128)}`)).toThrow('its digest is sha512, and only sha256 is supported')
    expect(() => parseName(`quay.io/${'a'.repeat(248)}`)).toThrow('it is longer than 255 characters')
  })
})

describe('any image name', () => {
  const from = (alphabet: string) => fc.constantFrom(...alphabet)
  const word = fc.string({ unit: from('abcxyz019'), minLength: 1, maxLength: 6 })
  const joined = (separators: readonly string[], least: number) =>
    fc
      .tuple(word, fc.array(fc.tuple(fc.constantFrom(...separators), word), { minLength: least, maxLength: 3 }))
      .map(([first, rest]) => first + rest.map((pair) => pair.join('')).join(''))
  const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined })
  const registry = fc
    .tuple(fc.oneof(fc.constant('localhost'), fc.constant('[2001:db8::1]'), joined(['.', '.x--'], 1)), port)
    .map(([host, number]) => (number === undefined ? host : `${host}:${number}`))
  const repository = fc.array(joined(['.', '_', '__', '-', '---'], 0), { minLength: 1, maxLength: 4 })
  const tag = fc.tuple(from('aZ_9'), fc.string({ unit: from('aZ_9.-'), maxLength: 127 })).map((parts) => parts.join(''))
  const name = fc
    .record({
      registry: fc.option(registry, { nil: undefined }),
      repository: repository.map((parts) => parts.join('/')),
      tag: fc.option(tag, { nil: undefined }),
      digest: fc.option(fc.constant(digest), { nil: undefined }),
    })
    // Without a registry a first part that looks like one would be taken for it.
    .filter(({ registry, repository }) => registry !== undefined || !/^(?:[^/]*\.[^/]*|localhost)\//.test(repository))

  it('is printed as it is read', () => {
    fc.assert(
      fc.property(name, (given) => {
        expect(parseName(printName(given))).toEqual(given)
      }),
    )
  })

  it('stays what it is once it is whole', () => {
    fc.assert(
      fc.property(name, (given) => {
        const whole = wholeName(given, 'docker.io')
        expect(wholeName(parseName(printName(whole)), 'elsewhere.example')).toEqual(whole)
      }),
    )
  })

  it('is understood or refused in a sentence, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: from('aA0./:@-_ [] \n') }), (text) => {
        try {
          expect(printName(parseName(text))).toBe(text)
        } catch (error) {
          expect(String(error)).toContain('image name')
        }
      }),
    )
  })
})

describe('an image id', () => {
  it('is at least three hexadecimal digits', () => {
    expect(idDigits('abc')).toBe('abc')
    expect(idDigits(digest)).toBe('a'.repeat(64))
    for (const text of ['ab', 'httpd', 'ABC', 'a'.repeat(65)]) expect(idDigits(text), text).toBeUndefined()
  })

  it('is never taken from a digest that could be a path', () => {
    expect(() => digestHex('sha256:../../../etc/passwd', 'layer 1')).toThrow('layer 1: its digest')
    expect(() => digestHex(`sha512:${'a'.repeat(128)}`, 'layer 1')).toThrow('is not sha256:')
  })
})
