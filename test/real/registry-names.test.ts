// Which files say what a name means, and which certificates are for a registry: in a home of the test's own.

import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parseName, printName, wholeName } from '../../core/image/reference.ts'
import { certificatesFor } from '../../core/image/registry/certs.ts'
import { endpointsFor } from '../../core/image/registry/endpoints.ts'
import { readRegistriesConf } from '../../core/image/registry/registries-conf.ts'
import { localNames, namesFor, resolveName } from '../../core/image/registry/short-names.ts'
import { withHome } from '../support/home.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, natives: true })
const own = '.config/containers/registries.conf'
const digest = `sha256:${'a'.repeat(64)}`

describe('registries.conf of a user', () => {
  it("replaces the system's with all its drop-ins, and has drop-ins of its own, in order", async () => {
    await withHome(async ({ directory, host, write }) => {
      write('etc/registries.conf', 'unqualified-search-registries = ["system.example"]')
      write('etc/registries.conf.d/a.conf', '[aliases]\nsystem = "a.example/b"')
      write(own, 'unqualified-search-registries = ["a.example"]\n[aliases]\none = "a.example/1"\ntwo = "a.example/2"')
      write(`${own}.d/2.conf`, '[aliases]\none = "c.example/1"\ntwo = ""')
      write(`${own}.d/1.conf`, 'unqualified-search-registries = ["b.example"]\n[aliases]\none = "b.example/1"')
      write(`${own}.d/3.conf.bak`, 'this is no TOML')
      const conf = await readRegistriesConf(host, join(directory, 'etc'))
      expect(conf.search).toEqual(['b.example'])
      expect(conf.searchPath).toBe(join(directory, `${own}.d/1.conf`))
      expect(conf.aliases.get('one')?.target).toBe('c.example/1')
      expect(conf.aliases.get('system')).toBeUndefined()
      expect(await namesFor(host, 'two')).toEqual([wholeName(parseName('two'), 'b.example')])
    })
  })

  it("adds to the system's by drop-ins alone, a table of the same prefix replacing the other", async () => {
    await withHome(async ({ directory, write, where }) => {
      const table = (more: string) => `[[registry]]\nlocation = "a.example"\n${more}\n`
      write('etc/registries.conf', table('insecure = true'))
      write('etc/registries.conf.d/1.conf', 'short-name-mode = "enforcing"')
      write(`home/${own}.d/1.conf`, table('blocked = true'))
      const host = where({ HOME: join(directory, 'home') })
      const user = { ...host, environment: { ...host.environment, home: join(directory, 'home') } }
      const conf = await readRegistriesConf(user, join(directory, 'etc'))
      expect(conf.shortNameMode).toBe('enforcing')
      expect(conf.registries).toMatchObject([{ prefix: 'a.example', insecure: false, blocked: true }])
    })
  })

  it('is another file when CONTAINERS_REGISTRIES_CONF says so, which must be there', async () => {
    await withHome(async ({ directory, write, where }) => {
      const path = write('other.conf', 'unqualified-search-registries = ["other.example"]')
      const read = (file: string) => readRegistriesConf(where({ CONTAINERS_REGISTRIES_CONF: file }), directory)
      expect((await read(path)).search).toEqual(['other.example'])
      await expect(read(`${path}.gone`)).rejects.toThrow('which CONTAINERS_REGISTRIES_CONF names: it is not there')
    })
  })
})

describe('a short name', () => {
  const names = async (...given: Parameters<typeof namesFor>) => (await namesFor(...given)).map(printName)

  it('is refused without an alias and without registries to search, saying what to write', async () => {
    await withHome(async ({ directory, host }) => {
      await expect(namesFor(host, 'httpd:2')).rejects.toThrow(
        `short name "httpd:2": no alias and no unqualified-search-registries in ${join(directory, own)}: write docker.io/library/httpd:2`,
      )
    })
  })

  it('is its alias, with its own tag or digest, whatever else is there', async () => {
    await withHome(async ({ directory, host, write }) => {
      write(own, 'unqualified-search-registries = ["a.example"]\n[aliases]\nweb = "docker.io/httpd"')
      expect(await names(host, 'web')).toEqual(['docker.io/library/httpd:latest'])
      expect(await names(host, `web:2@${digest}`)).toEqual([`docker.io/library/httpd:2@${digest}`])
      const { why } = await resolveName(host, 'web', { here: () => 'localhost/web:latest' })
      expect(why).toBe(`resolved "web" as an alias (${join(directory, own)})`)
    })
  })

  it('is the image that is here, before registries are searched', async () => {
    await withHome(async ({ host, write }) => {
      write(own, 'unqualified-search-registries = ["a.example"]')
      const here = (text: string) => (text === 'web:1' ? 'localhost/web:1' : undefined)
      expect(await names(host, 'web:1', { here })).toEqual(['localhost/web:1'])
      expect(await names(host, 'web:2', { here })).toEqual(['a.example/web:2'])
    })
  })

  it('is looked for in every registry to search, where nobody can be asked', async () => {
    await withHome(async ({ host, write }) => {
      write(own, 'unqualified-search-registries = ["a.example:5000", "docker.io"]')
      expect(await names(host, 'web')).toEqual(['a.example:5000/web:latest', 'docker.io/library/web:latest'])
      expect((await localNames(host, 'web')).map(printName)).toEqual([
        'localhost/web:latest',
        'a.example:5000/web:latest',
        'docker.io/library/web:latest',
      ])
    })
  })

  it('is refused when it is ambiguous and that is enforced, with what it may be', async () => {
    await withHome(async ({ host, write }) => {
      write(own, 'unqualified-search-registries = ["a.example", "b.example"]\nshort-name-mode = "enforcing"')
      await expect(namesFor(host, 'web')).rejects.toThrow('may be a.example/web:latest or b.example/web:latest')
      write(own, 'unqualified-search-registries = ["a.example"]\nshort-name-mode = "enforcing"')
      expect(await names(host, 'web')).toEqual(['a.example/web:latest'])
    })
  })

  it('is asked for once: an answer that was good is an alias from then on', async () => {
    await withHome(async ({ directory, host, write }) => {
      write(own, 'unqualified-search-registries = ["a.example", "docker.io"]')
      const asked: (readonly string[])[] = []
      const choose = async (choices: readonly string[]) => {
        asked.push(choices)
        return choices[1]!
      }
      const first = await resolveName(host, 'web:1', { choose })
      expect(first.names.map(printName)).toEqual(['docker.io/library/web:1'])
      await first.remember!()
      await (await resolveName(host, 'other/thing', { choose })).remember!()
      expect(await names(host, 'web:2', { choose })).toEqual(['docker.io/library/web:2'])
      expect(asked).toEqual([
        ['a.example/web:1', 'docker.io/library/web:1'],
        ['a.example/other/thing:latest', 'docker.io/other/thing:latest'],
      ])
      const path = join(directory, '.cache/containers/short-name-aliases.conf')
      expect(readFileSync(path, 'utf8')).toContain('"other/thing" = "docker.io/other/thing"\n')
      expect(statSync(path).mode & 0o777).toBe(0o600)
    })
  })

  it('is not short once it has a registry or the transport docker://', async () => {
    await withHome(async ({ host }) => {
      expect(await names(host, 'localhost/web')).toEqual(['localhost/web:latest'])
      expect(await names(host, 'docker://web')).toEqual(['docker.io/library/web:latest'])
    })
  })
})

describe('an endpoint', () => {
  it('is checked unless configured otherwise, also on loopback; --tls-verify has the last word', async () => {
    await withHome(async ({ host, write }) => {
      write(own, '[[registry]]\nlocation = "127.0.0.1:5001"\ninsecure = true')
      const of = async (text: string, options = {}) => (await endpointsFor(host, parseName(text), options))[0]!
      expect(await of('127.0.0.1:5000/a')).toEqual({
        ...{ url: 'https://127.0.0.1:5000', registry: '127.0.0.1:5000', repository: 'a', mirror: false },
        ...{ insecure: false, tls: { verify: true } },
      })
      expect(await of('127.0.0.1:5001/a')).toMatchObject({ insecure: true, tls: { verify: false } })
      expect(await of('127.0.0.1:5001/a', { tlsVerify: true })).toMatchObject({
        insecure: false,
        tls: { verify: true },
      })
      expect(await of('127.0.0.1:5000/a', { tlsVerify: false })).toMatchObject({ insecure: true })
      expect(await of('docker.io/httpd')).toMatchObject({
        ...{ url: 'https://registry-1.docker.io', registry: 'docker.io', repository: 'library/httpd' },
      })
    })
  })

  it('gets given credentials only if it is where the name says', async () => {
    await withHome(async ({ host, write }) => {
      write(own, '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "m.example"')
      const credentials = { username: 'me', password: 'secret' }
      const endpoints = await endpointsFor(host, parseName('a.example/x'), { credentials })
      expect(endpoints.map((one) => [one.registry, one.mirror, one.credentials])).toEqual([
        ['m.example', true, undefined],
        ['a.example', false, credentials],
      ])
    })
  })

  it('is left out with a warning if it is a mirror that cannot be used', async () => {
    await withHome(async ({ host, write, warnings }) => {
      write(own, '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "m.example"')
      write('.config/containers/certs.d/m.example/us.cert', 'PEM')
      expect(await endpointsFor(host, parseName('a.example/x'))).toHaveLength(1)
      expect(warnings).toEqual([expect.stringMatching(/^mirror m.example\/x:latest is left out: .*us.cert: its key/)])
    })
  })

  it('does not go on without the auth file that was named', async () => {
    await withHome(async ({ directory, host }) => {
      const authfile = join(directory, 'gone.json')
      const asked = endpointsFor(host, parseName('a.example/x'), { authfile })
      await expect(asked).rejects.toThrow(`--authfile=${authfile}: it is not there`)
    })
  })
})

describe('certificates', () => {
  it("are those of the user's directory for the registry, then the system's, then Docker's", async () => {
    await withHome(async ({ directory, host, write }) => {
      write('etc/docker/certs.d/a.example:5000/ca.crt', "Docker's")
      const found = () => certificatesFor(host, 'a.example:5000', undefined, join(directory, 'etc'))
      expect(found()).toEqual({ authorities: ["Docker's"] })
      write('etc/containers/certs.d/a.example:5000/b.crt', 'B')
      write('etc/containers/certs.d/a.example:5000/a.crt', 'A')
      expect(found()).toEqual({ authorities: ['A', 'B'] })
      write('.config/containers/certs.d/a.example:5000/me.cert', 'me')
      write('.config/containers/certs.d/a.example:5000/me.key', 'my key')
      expect(found()).toEqual({ certificate: 'me', key: 'my key' })
      expect(certificatesFor(host, 'b.example', undefined, join(directory, 'etc'))).toEqual({})
    })
  })

  it('are those of --cert-dir alone, which must be there', async () => {
    await withHome(async ({ directory, host, write }) => {
      write('certs/ca.crt', 'CA')
      expect(certificatesFor(host, 'a.example', join(directory, 'certs'))).toEqual({ authorities: ['CA'] })
      expect(() => certificatesFor(host, 'a.example', '/nowhere')).toThrow('--cert-dir=/nowhere: no such directory')
    })
  })

  it('come with their keys, and are one', async () => {
    await withHome(async ({ directory, host, write }) => {
      const found = () => certificatesFor(host, 'a.example', join(directory, 'certs'))
      write('certs/me.key', 'key')
      expect(found).toThrow('certs/me.key: its certificate me.cert is missing')
      write('certs/me.cert', 'me')
      write('certs/you.cert', 'you')
      expect(found).toThrow('certs/you.cert: its key you.key is missing; an authority is called *.crt')
      write('certs/you.key', 'key')
      expect(found).toThrow('has me.cert and you.cert; only one can be shown')
    })
  })
})
