// registries.conf: what one file says, and where that sends a name.

import { describe, expect, it } from 'vitest'
import { parseName, printName, wholeName } from '../../../core/image/reference.ts'
import { findRegistry, placesOf } from '../../../core/image/registry/endpoints.ts'
import { parseRegistriesConf, type RegistriesConf } from '../../../core/image/registry/registries-conf.ts'

const path = '/etc/containers/registries.conf'
const digest = `sha256:${'a'.repeat(64)}`

async function parse(text: string, warnings: string[] = []): Promise<RegistriesConf> {
  const part = await parseRegistriesConf(text, path, (sentence) => warnings.push(sentence))
  return {
    ...{ path, search: [], shortNameMode: 'permissive', registries: [], aliases: new Map(), credentialHelpers: [] },
    ...part,
  }
}

const name = (text: string) => wholeName(parseName(text), 'docker.io')

async function places(text: string, of: string, purpose?: 'push'): Promise<string[]> {
  return placesOf(await parse(text), name(of), purpose).map(
    (place) => `${printName(place.name)}${place.insecure ? ' insecure' : ''}${place.mirror ? ' mirror' : ''}`,
  )
}

describe('registries.conf', () => {
  it('says everything that its manual page knows', async () => {
    const conf = await parse(`
      unqualified-search-registries = ["docker.io", "registry.example:5000/"]
      short-name-mode = "enforcing"
      credential-helpers = ["containers-auth.json", "pass"]
      [[registry]]
      prefix = "example.com/foo"
      location = "internal.example/bar/"
      insecure = true
      [[registry.mirror]]
      location = "mirror.local:5000/foo"
      pull-from-mirror = "digest-only"
      [aliases]
      fedora = "registry.fedoraproject.org/fedora"
      "me/tool" = ""
    `)
    expect(conf).toMatchObject({
      search: ['docker.io', 'registry.example:5000'],
      shortNameMode: 'enforcing',
      credentialHelpers: ['containers-auth.json', 'pass'],
      registries: [
        {
          prefix: 'example.com/foo',
          location: 'internal.example/bar',
          insecure: true,
          blocked: false,
          mirrors: [{ location: 'mirror.local:5000/foo', insecure: false, pullFrom: 'digest-only' }],
          place: `${path}:5`,
        },
      ],
    })
    expect([...conf.aliases].map(([alias, { target }]) => [alias, target])).toEqual([
      ['fedora', 'registry.fedoraproject.org/fedora'],
      ['me/tool', ''],
    ])
  })

  it('says nothing when it is empty, so that an earlier file holds', async () => {
    expect(await parseRegistriesConf('# nothing\n', path, () => {})).toEqual({ registries: [], aliases: new Map() })
  })

  const registry = '[[registry]]\nlocation = "a.example"\n'
  const mistakes: readonly (readonly [what: string, text: string, sentence: string])[] = [
    ['no TOML', 'short-name-mode = \n', ':1: this is no TOML'],
    ['no list', 'unqualified-search-registries = "docker.io"', ':1: unqualified-search-registries must be an array'],
    [
      'a search for a path',
      '\nunqualified-search-registries = ["docker.io/library"]',
      ':2: docker.io/library is no HOST',
    ],
    [
      'no mode',
      'short-name-mode = "maybe"',
      ':1: short-name-mode = "maybe": must be enforcing, permissive or disabled',
    ],
    ['no switch', `${registry}\ninsecure = "yes"`, ':4: insecure must be true or false'],
    [
      'a scheme',
      '[[registry]]\nlocation = "https://a.example"',
      ':2: location = "https://a.example": write it without',
    ],
    ['no location', `${registry}[[registry]]\ninsecure = true`, ':3: a registry needs a location'],
    ['a prefix alone', '[[registry]]\nprefix = "a.example/b"', ':2: prefix = "a.example/b" needs a location'],
    ['no host', '[[registry]]\nlocation = "a b/c"', ':2: location = "a b/c": a b is no HOST[:PORT]'],
    ['a wildcard with a path', '[[registry]]\nprefix = "*.a.example/b"', ':2: prefix = "*.a.example/b": a wildcard is'],
    ['a mirror of nothing', `${registry}[[registry.mirror]]\ninsecure = true`, ':3: a mirror needs a location'],
    [
      'a mirror at odds with its registry',
      `${registry}mirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m"\npull-from-mirror = "all"`,
      ":6: pull-from-mirror contradicts the registry's",
    ],
    [
      'a mirror for something else',
      `${registry}[[registry.mirror]]\nlocation = "m"\n[[registry.mirror]]\nlocation = "n"\npull-from-mirror = "some"`,
      ':7: pull-from-mirror = "some": must be all, digest-only or tag-only',
    ],
    ['a mirror key elsewhere', `${registry}pull-from-mirror = "all"`, ':3: pull-from-mirror belongs to a mirror'],
    [
      'a server that is trusted and not',
      `${registry}[[registry]]\nprefix = "b.example"\nlocation = "a.example"\ninsecure = true`,
      `:6: a.example has another insecure at ${path}:1`,
    ],
    ['an alias of a whole name', '[aliases]\n"quay.io/a" = "quay.io/b"', ':2: quay.io/a must be a short name'],
    ['an alias for a short name', '[aliases]\na = "b"', ':2: b must begin with its registry'],
    ['an alias with a tag', '[aliases]\na = "quay.io/b"\nc = "quay.io/b:1"', ':3: quay.io/b:1 must have no tag'],
    ['a malformed alias', '[aliases]\nA = "quay.io/b"', ':2: image name "A": it must be lowercase'],
    ['version 1', '[registries.search]\nregistries = ["docker.io"]', 'this is version 1 of the format'],
  ]
  it.each(mistakes)('is refused with its line for %s', async (_what, text, sentence) => {
    await expect(parse(text)).rejects.toThrow(path + (sentence.startsWith(':') ? sentence : ''))
    await expect(parse(text)).rejects.toThrow(sentence)
  })

  it('is read although it says more than is understood, which is told', async () => {
    const warnings: string[] = []
    const conf = await parse(`serach = []\n${registry}insecrue = true\n${registry}`, warnings)
    expect(conf.registries).toHaveLength(1)
    expect(warnings).toEqual([
      `${path}:4: nothing is known of insecrue; it is left out`,
      `${path}:5: a.example has a table already, at ${path}:2; this one is left out`,
      `${path}:1: nothing is known of serach; it is left out`,
    ])
  })
})

describe('the table for a name', () => {
  it('is the one with the longest prefix that ends where a part of the name ends', async () => {
    const conf = await parse(
      ['a.example', 'a.example/ns', 'a.example/ns/repo:1', '*.example', '*.b.example']
        .map((prefix) => `[[registry]]\nprefix = "${prefix}"\nlocation = "x.test"\n`)
        .join(''),
    )
    const prefix = (text: string) => findRegistry(conf, text)?.prefix
    expect(prefix('a.example/other')).toBe('a.example')
    expect(prefix('a.example/ns/repo:2')).toBe('a.example/ns')
    expect(prefix('a.example/ns/repo:1')).toBe('a.example/ns/repo:1')
    expect(prefix('a.example/nsx/repo:1')).toBe('a.example')
    expect(prefix('c.example/x')).toBe('*.example')
    expect(prefix('x.b.example:5000/x')).toBe('*.b.example')
    expect(prefix('example/x')).toBeUndefined()
    expect(prefix('quay.io/c.example/x')).toBeUndefined()
  })
})

describe('the places of an image', () => {
  const conf = `
    [[registry]]
    prefix = "example.com/foo"
    location = "internal.example/bar"
    [[registry.mirror]]
    location = "mirror-0.local/mirror-for-foo"
    [[registry.mirror]]
    location = "mirror-1.local:5000"
    insecure = true
    pull-from-mirror = "digest-only"
    [[registry.mirror]]
    location = "mirror-2.local/foo"
    pull-from-mirror = "tag-only"
    [[registry]]
    location = "blocked.example"
    blocked = true
    [[registry]]
    prefix = "*.wild.example"
    insecure = true
    [[registry]]
    location = "docker.io"
    mirror-by-digest-only = true
    [[registry.mirror]]
    location = "hub.local"
    [[registry.mirror]]
    location = "blocked.example/hub"
  `

  it('are its mirrors in their order, and its location last', async () => {
    expect(await places(conf, 'example.com/foo/image:1')).toEqual([
      'mirror-0.local/mirror-for-foo/image:1 mirror',
      'mirror-2.local/foo/image:1 mirror',
      'internal.example/bar/image:1',
    ])
    expect(await places(conf, `example.com/foo/image:1@${digest}`)).toEqual([
      `mirror-0.local/mirror-for-foo/image:1@${digest} mirror`,
      `mirror-1.local:5000/image:1@${digest} insecure mirror`,
      `internal.example/bar/image:1@${digest}`,
    ])
  })

  it('are what the name says when no table is for it, and when something is pushed', async () => {
    expect(await places(conf, 'quay.io/a/b')).toEqual(['quay.io/a/b:latest'])
    expect(await places(conf, 'example.com/foo/image:1', 'push')).toEqual(['example.com/foo/image:1'])
  })

  it('are the name itself below a wildcard without a location', async () => {
    expect(await places(conf, 'a.b.wild.example/x:1')).toEqual(['a.b.wild.example/x:1 insecure'])
  })

  it("are looked for by Docker Hub's whole names, by digest alone if so configured, and not where it is blocked", async () => {
    expect(await places(conf, 'httpd')).toEqual(['docker.io/library/httpd:latest'])
    expect(await places(conf, `httpd@${digest}`)).toEqual([
      `hub.local/library/httpd@${digest} mirror`,
      `docker.io/library/httpd@${digest}`,
    ])
  })

  it('are none when the registry is blocked, by name', async () => {
    await expect(places(conf, 'blocked.example/x')).rejects.toThrow(
      `image blocked.example/x:latest: the registry blocked.example is blocked, by ${path}:14`,
    )
  })

  it('keep a part of the path that looks like a host', async () => {
    const text = '[[registry]]\nprefix = "quay.io"\nlocation = "cache.local/quay.io"'
    expect(await places(text, 'quay.io/a/b:1')).toEqual(['cache.local/quay.io/a/b:1'])
  })

  it('cannot have another tag', async () => {
    const text = '[[registry]]\nprefix = "a.example/b:1"\nlocation = "a.example/b:2"'
    await expect(places(text, 'a.example/b:1')).rejects.toThrow(`${path}:1: a.example/b:1 would be a.example/b:2: only`)
  })
})
