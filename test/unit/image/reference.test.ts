// Image references: transports, names, local lookups.

import { describe, expect, it } from 'vitest'
import { candidates, digestHex, idDigits, localName, parseName, parseSource } from '../../../core/image/reference.ts'

const digest = `sha256:${'a'.repeat(64)}`

describe('an image source', () => {
  it('is a transport and a path', () => {
    expect(parseSource('oci-archive:/tmp/httpd.tar')).toEqual({ kind: 'oci-archive', path: '/tmp/httpd.tar' })
    expect(parseSource('oci:/tmp/layout')).toEqual({ kind: 'oci', path: '/tmp/layout' })
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
    expect(() => parseSource('docker://httpd')).toThrow('image docker://httpd: the transport docker is not supported')
    expect(() => parseSource('dir:/tmp/x')).toThrow('the transport dir is not supported')
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
