// Logins in files and with credential helpers, in a home of the test's own, and beside skopeo's.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { authFiles } from '../../core/image/registry/auth-file.ts'
import {
  findCredentials,
  removeAllCredentials,
  removeCredentials,
  storeCredentials,
} from '../../core/image/registry/credentials.ts'
import { type Home, withHome } from '../support/home.ts'
import { skipUnless } from '../support/needs.ts'
import { needsRegistry, withRegistry } from '../support/registry.ts'

const { describe, it } = skipUnless({ linux: true, natives: true })
const files = { conf: { credentialHelpers: ['containers-auth.json'] } }
const entry = (username: string) => ({ auth: btoa(`${username}:pw`) })
const auths = (of: Readonly<Record<string, object>>) => JSON.stringify({ auths: of })
const login = (username: string) => ({ username, password: 'pw' })
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

/** A helper that keeps each login in a file, and says what it was asked. As docker-credential-helpers(7) speak. */
function writeHelper({ directory, write }: Home, name: string): { readonly asked: () => string[] } {
  const kept = join(directory, `kept-${name}`)
  write(`kept-${name}/.keep`, '')
  const script = `#!/bin/sh
input=$(cat)
echo "$1 $input" >> ${kept}/.asked
place() { echo "${kept}/$(printf %s "$1" | tr '/:' '__')"; }
case $1 in
get)
  case $input in broken*) echo "no key for \\$input" >&2; exit 2;; esac
  if [ -f "$(place "$input")" ]; then cat "$(place "$input")"
  else echo "credentials not found in native keychain"; exit 1; fi ;;
store) server=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/'); printf %s "$input" > "$(place "$server")" ;;
erase) rm -f "$(place "$input")" ;;
list) echo "{"; for f in ${kept}/*; do [ -f "$f" ] && echo "\\"$(basename "$f")\\": \\"me\\""; done; echo "}" ;;
esac
`
  write(`bin/docker-credential-${name}`, script, 0o755)
  return { asked: () => readFileSync(join(kept, '.asked'), 'utf8').trim().split('\n') }
}

describe('logins are looked for', () => {
  it("in the runtime directory's file, then in the user's, Docker's and Docker's old one", async () => {
    await withHome(async ({ directory, host, write }) => {
      expect(authFiles(host).map(({ path }) => path.slice(directory.length))).toEqual([
        ...['/run/containers/auth.json', '/.config/containers/auth.json', '/.docker/config.json', '/.dockercfg'],
      ])
      const found = async () => (await findCredentials(host, 'a.example/ns/repo', files))?.username
      expect(await found()).toBeUndefined()
      write('.dockercfg', JSON.stringify({ 'https://a.example/v1/': entry('old') }))
      expect(await found()).toBe('old')
      write('.docker/config.json', auths({ 'a.example': entry('docker') }))
      expect(await found()).toBe('docker')
      write('.config/containers/auth.json', auths({ 'a.example': entry('user') }))
      expect(await found()).toBe('user')
      write('run/containers/auth.json', auths({ 'a.example/other': entry('no'), 'b.example': entry('no') }))
      expect(await found()).toBe('user')
      write('run/containers/auth.json', auths({ 'a.example/ns': entry('session') }))
      expect(await found()).toBe('session')
    })
  })

  it('in one file alone when one is named: --authfile before REGISTRY_AUTH_FILE', async () => {
    await withHome(async ({ write, where }) => {
      write('run/containers/auth.json', auths({ 'a.example': entry('session') }))
      const named = write('named.json', auths({ 'b.example': entry('named') }))
      const host = where({ REGISTRY_AUTH_FILE: named })
      expect(await findCredentials(host, 'a.example', files)).toBeUndefined()
      expect((await findCredentials(host, 'b.example', files))?.username).toBe('named')
      const flag = write('flag.json', auths({ 'b.example': entry('flag') }))
      expect((await findCredentials(host, 'b.example', { ...files, authfile: flag }))?.username).toBe('flag')
    })
  })

  it('and a file that cannot be understood is no absent one', async () => {
    await withHome(async ({ host, write }) => {
      const path = write('.docker/config.json', '{"auths": ')
      await expect(findCredentials(host, 'a.example', files)).rejects.toThrow(
        `credentials for a.example: read ${path}: it is no JSON; repair or remove it`,
      )
    })
  })
})

describe('a login is written', () => {
  it('atomically, for the owner alone, beside all that was there', async () => {
    await withHome(async ({ directory, host, write }) => {
      const path = join(directory, 'run/containers/auth.json')
      expect(await storeCredentials(host, 'a.example', login('me'), files)).toBe(path)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(statSync(join(directory, 'run/containers')).mode & 0o777).toBe(0o700)
      write('run/containers/auth.json', JSON.stringify({ ...json(path), HttpHeaders: { 'X-Mine': '1' } }))
      await storeCredentials(host, 'a.example/ns', login('you'), files)
      expect(json(path)).toEqual({
        auths: { 'a.example': entry('me'), 'a.example/ns': entry('you') },
        HttpHeaders: { 'X-Mine': '1' },
      })
    })
  })

  it('by several commands at once without one losing what another wrote', async () => {
    await withHome(async ({ directory, host }) => {
      const keys = Array.from({ length: 12 }, (_, index) => `a${index}.example`)
      await Promise.all(keys.map((key) => storeCredentials(host, key, login(key), files)))
      expect(Object.keys(json(join(directory, 'run/containers/auth.json')).auths).sort()).toEqual([...keys].sort())
    })
  })

  it('and removed, but not from the files of other programs', async () => {
    await withHome(async ({ host, write }) => {
      const docker = write('.docker/config.json', auths({ 'a.example': entry('docker') }))
      await storeCredentials(host, 'a.example', login('me'), files)
      expect(await removeCredentials(host, 'a.example', files)).toBe(true)
      expect(await removeCredentials(host, 'a.example', files)).toBe(false)
      expect((await findCredentials(host, 'a.example', files))?.username).toBe('docker')
      expect(json(docker)).toEqual({ auths: { 'a.example': entry('docker') } })
    })
  })
})

describe('a credential helper', () => {
  it('of a registry has its logins, and the file has not', async () => {
    await withHome(async (home) => {
      const { directory, host, write } = home
      const helper = writeHelper(home, 'keeper')
      const helped = { credHelpers: { 'a.example': 'keeper' }, auths: { 'a.example/ns': entry('file') } }
      const path = write('run/containers/auth.json', JSON.stringify(helped))
      expect(await findCredentials(host, 'a.example/ns/repo', files)).toBeUndefined()
      expect(await storeCredentials(host, 'a.example', login('me'), files)).toBe('credential helper: keeper')
      expect(await findCredentials(host, 'a.example/ns/repo', files)).toEqual(login('me'))
      expect(json(path)).toEqual(helped)
      expect(helper.asked()).toEqual([
        'get a.example',
        'store {"ServerURL":"a.example","Username":"me","Secret":"pw"}',
        'get a.example',
      ])
      await expect(storeCredentials(host, 'a.example/ns', login('me'), files)).rejects.toThrow('keeps registries only')
      expect(await removeCredentials(host, 'a.example', files)).toBe(true)
      expect(await removeCredentials(host, 'a.example', files)).toBe(false)
      expect(existsSync(join(directory, 'kept-keeper/a.example'))).toBe(false)
    })
  })

  it("that keeps everything, in Docker's file, is asked before the registry's entry and after a namespace's", async () => {
    await withHome(async (home) => {
      const { host, write } = home
      const helper = writeHelper(home, 'store')
      write(
        '.docker/config.json',
        JSON.stringify({
          credsStore: 'store',
          auths: { 'a.example': {}, 'b.example': entry('file'), 'a.example/ns': entry('ns') },
        }),
      )
      write('kept-store/a.example', '{"ServerURL":"a.example","Username":"<token>","Secret":"T"}')
      write('kept-store/https___index.docker.io_v1_', '{"Username":"hub","Secret":"pw"}')
      expect(await findCredentials(host, 'a.example/repo', files)).toEqual({ identityToken: 'T' })
      expect((await findCredentials(host, 'a.example/ns/repo', files))?.username).toBe('ns')
      expect((await findCredentials(host, 'b.example', files))?.username).toBe('file')
      expect(helper.asked()).toEqual(['get a.example', 'get b.example'])
      expect((await findCredentials(host, 'docker.io/library/httpd', files))?.username).toBe('hub')
      expect(helper.asked().slice(2)).toEqual(['get docker.io', 'get https://index.docker.io/v1/'])
    })
  })

  it('of registries.conf comes in its place among the others, and gets what is written', async () => {
    await withHome(async (home) => {
      const { directory, host, write } = home
      writeHelper(home, 'first')
      const options = { conf: { credentialHelpers: ['first', 'containers-auth.json'] } }
      write('run/containers/auth.json', auths({ 'a.example': entry('file') }))
      expect((await findCredentials(host, 'a.example', options))?.username).toBe('file')
      await storeCredentials(host, 'a.example', login('me'), options)
      expect((await findCredentials(host, 'a.example/x', options))?.username).toBe('me')
      expect(await removeCredentials(host, 'a.example', options)).toBe(true)
      await storeCredentials(host, 'b.example', login('me'), options)
      await removeAllCredentials(host, options)
      expect(await findCredentials(host, 'b.example', options)).toBeUndefined()
      expect(json(join(directory, 'run/containers/auth.json'))).toEqual({ auths: {} })
    })
  })

  it('that fails is an error with its words, unless another has a login', async () => {
    await withHome(async (home) => {
      const { host, write } = home
      writeHelper(home, 'keeper')
      const options = { conf: { credentialHelpers: ['keeper', 'containers-auth.json'] } }
      await expect(findCredentials(host, 'broken.example', options)).rejects.toThrow(
        'credentials for broken.example: docker-credential-keeper get: no key for $input (exit code 2)',
      )
      write('run/containers/auth.json', auths({ 'broken.example': entry('file') }))
      expect((await findCredentials(host, 'broken.example', options))?.username).toBe('file')
      write('kept-keeper/odd.example', 'Secret: hunter2')
      const odd = findCredentials(host, 'odd.example', options)
      await expect(odd).rejects.toThrow(/^(?!.*hunter2).*its answer is no JSON object/)
    })
  })

  it('that is not there is an error where it is for the registry, and a warning where it is for all', async () => {
    await withHome(async ({ host, write, warnings }) => {
      write('run/containers/auth.json', JSON.stringify({ credHelpers: { 'a.example': 'gone', 'b.example': '../x' } }))
      write('.docker/config.json', JSON.stringify({ credsStore: 'desktop' }))
      await expect(findCredentials(host, 'a.example', files)).rejects.toThrow(
        'no program docker-credential-gone on PATH',
      )
      await expect(findCredentials(host, 'b.example', files)).rejects.toThrow('"../x": this is no program')
      expect(await findCredentials(host, 'c.example', files)).toBeUndefined()
      expect(warnings).toEqual([expect.stringContaining('there is no program docker-credential-desktop on PATH')])
    })
  })
})

const peer = skipUnless({ ...needsRegistry, natives: true, programs: ['docker-registry', 'openssl', 'skopeo'] })

peer.describe('logins of skopeo', () => {
  peer.it('are read, and it reads and removes those that are written here', async () => {
    await withHome(async ({ directory, host }) => {
      await withRegistry({ auth: 'basic' }, async ({ address, user, password }) => {
        const authfile = join(directory, 'auth.json')
        const options = { ...files, authfile }
        const skopeo = (...argv: string[]) => {
          const env = { ...host.environment.variables }
          const { stdout, stderr, status } = spawnSync('skopeo', argv, { encoding: 'utf8', env })
          return status === 0 ? stdout.trim() : stderr.trim()
        }
        const given = ['--authfile', authfile, '--tls-verify=false', '-u', user!, '-p', password!]
        skopeo('login', ...given, address)
        skopeo('login', ...given, `${address}/ns/app`)
        expect(await findCredentials(host, `${address}/other`, options)).toEqual({ username: user, password })
        await storeCredentials(host, `${address}/ns`, { username: 'ours', password: 'ünd:so' }, options)
        await storeCredentials(host, 'docker.io', { username: 'hub', password: 'pw' }, options)
        const who = (key: string) => skopeo('login', '--get-login', '--authfile', authfile, key)
        expect([`${address}/ns/app`, `${address}/ns/other`, address, 'docker.io'].map(who)).toEqual([
          ...[user, 'ours', user, 'hub'],
        ])
        skopeo('logout', '--authfile', authfile, `${address}/ns`)
        expect(await findCredentials(host, `${address}/ns/other`, options)).toEqual({ username: user, password })
        await removeCredentials(host, address, options)
        expect(who(address)).toMatch(/not logged into/)
      })
    })
  })
})
