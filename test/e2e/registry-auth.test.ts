// Who may pull and push: logins by password and by token, and secrets that stay where they belong. podman-login(1),
// containers-auth.json(5)

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { ociArchive } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { drips, redirects } from '../support/faults-of-http.ts'
import { skipUnless } from '../support/needs.ts'
import { noise } from '../support/noise.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import {
  insecure,
  needsContainersAndRegistry,
  openRegistrySession,
  storeProblems,
} from '../support/registry-session.ts'
import { makeImage, putImage } from '../support/remote-images.ts'

const { describe, it } = skipUnless({ ...needsContainersAndRegistry, anyKernel: true })

const layer = (name: string, lengthBytes: number) => tar([{ path: name, content: noise(name, lengthBytes) }])
const image = makeImage({ layers: [layer('a', 3000)] })

/** An OCI archive with so many layers, as `import` takes it. */
function archiveIn(directory: string, name: string, count: number): string {
  const layers = Array.from({ length: count }, (_, index) => layer(`layer-${index}`, 8000))
  const path = join(directory, `${name}.tar`)
  writeFileSync(path, ociArchive({ layers, config: {}, tag: 'latest' }))
  return `oci-archive:${path}`
}

describe.each(['basic', 'token'] as const)('a registry with %s authentication', (auth) => {
  const session = openRegistrySession()
  const { directory, run, ok, configure, elsewhere } = session
  const authfile = session.environment.REGISTRY_AUTH_FILE!
  let registry: Registry
  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry'), auth })
    configure(insecure(registry.address))
    await ok(['import', archiveIn(directory, 'app', 1), 'localhost/app'])
  })
  afterAll(async () => await registry?.stop())
  const login = (stdin: string, ...more: string[]) =>
    run(['login', '--username', registry.user!, '--password-stdin', ...more, registry.address], { stdin })
  const nothingSecret = (...texts: string[]) => expect(texts.join()).not.toContain(registry.password)

  it('refuses whoever is unknown, and says how to log in', async () => {
    for (const argv of [
      ['pull', '-q', `${registry.address}/team/app`],
      ['push', '-q', 'localhost/app', `${registry.address}/team/app`],
    ]) {
      const refused = await run(argv, argv[0] === 'pull' ? elsewhere() : {})
      expect(refused.code).toBe(125)
      expect(refused.stderr).toMatch(/^vitrine: [^\n]*vitrine login[^\n]*\n$/)
    }
  })

  it('keeps no login that it does not accept', async () => {
    const refused = await login('wrong\n')
    expect(refused.code).toBe(125)
    expect(refused.stderr).toMatch(/^vitrine: [^\n]*\n$/)
    expect(existsSync(authfile)).toBe(false)
    expect((await run(['login', '--get-login', registry.address])).code).not.toBe(0)
  })

  it('is logged in to, pushed to, pulled from, and logged out of', async () => {
    const { stdout, stderr } = await login(`${registry.password}\n`)
    expect(stdout).toContain('Login Succeeded!')
    nothingSecret(stdout, stderr)
    expect(statSync(authfile).mode & 0o777).toBe(0o600)
    const { auths } = JSON.parse(readFileSync(authfile, 'utf8'))
    const encoded = Buffer.from(`${registry.user}:${registry.password}`).toString('base64')
    expect(auths).toEqual({ [registry.address]: { auth: encoded } })
    expect(await ok(['login', '--get-login', registry.address])).toBe(registry.user)
    await ok(['push', '-q', 'localhost/app', `${registry.address}/team/app`])
    const store = elsewhere()
    await ok(['pull', '-q', `${registry.address}/team/app`], store)
    expect(storeProblems(store.directory)).toEqual([])
    await ok(['logout', registry.address])
    expect((await run(['pull', '-q', `${registry.address}/team/app`], elsewhere())).code).toBe(125)
    expect(readFileSync(authfile, 'utf8')).not.toContain(encoded)
  })

  it('takes credentials for one command, and keeps none of them', async () => {
    const creds = `${registry.user}:${registry.password}`
    const store = elsewhere()
    const { code, stdout, stderr } = await run(['pull', '--creds', creds, `${registry.address}/team/app`], store)
    expect(code).toBe(0)
    nothingSecret(stdout, stderr)
    const wrong = await run(['pull', '-q', '--creds', `${registry.user}:wrong`, `${registry.address}/team/app`], store)
    expect([wrong.code, wrong.stderr]).toEqual([125, expect.stringMatching(/^vitrine: [^\n]*\n$/)])
    const other = join(directory, 'other-auth.json')
    const given = ['--username', registry.user!, '--password', registry.password!]
    await ok(['login', ...given, '--authfile', other, registry.address])
    await ok(['pull', '-q', '--authfile', other, `${registry.address}/team/app`], store)
    expect((await run(['pull', '-q', `${registry.address}/team/app`], elsewhere())).code).toBe(125)
    await ok(['logout', '--authfile', other, '--all'])
    expect((await run(['pull', '-q', '--authfile', other, `${registry.address}/team/app`], elsewhere())).code).toBe(125)
  })

  it('is the only one that gets to see a secret: those to whom it redirects do not', async () => {
    const open = await startRegistry({ directory: join(directory, `open-${auth}`) })
    const elsewhereServer = await startFaultProxy(open.address)
    const proxy = await startFaultProxy(registry.address)
    try {
      await putImage(open, 'team/app', image)
      configure(insecure(registry.address, proxy.address))
      const creds = ['--creds', `${registry.user}:${registry.password}`]
      await ok(['push', '-q', ...creds, 'localhost/app', `${proxy.address}/team/other`])
      proxy.plan({ on: /^GET .*blobs/, fault: redirects(`http://${elsewhereServer.address}/v2/team/app/`) })
      // What it has is another blob: it is about the question.
      await run(['pull', '-q', ...creds, `${proxy.address}/team/other`], elsewhere())
      expect(proxy.matching(/^GET .*blobs/)[0]?.authorization).toMatch(auth === 'basic' ? /^Basic / : /^Bearer /)
      expect(elsewhereServer.seen.length).toBeGreaterThan(0)
      for (const { authorization } of elsewhereServer.seen) expect(authorization).toBeUndefined()
    } finally {
      await Promise.all([proxy.stop(), elsewhereServer.stop()])
      await open.stop()
      configure(insecure(registry.address))
    }
  })
})

describe('a registry that anyone may pull from', () => {
  const { directory, run, ok, configure, elsewhere } = openRegistrySession()
  let registry: Registry
  const creds = () => `${registry.user}:${registry.password}`
  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry'), auth: 'token', anonymousPull: true })
    configure(insecure(registry.address))
  })
  afterAll(async () => await registry?.stop())

  it('gives tokens without a login, for pulling only', async () => {
    await ok(['import', archiveIn(directory, 'eight', 8), 'localhost/eight'])
    const refused = await run(['push', '-q', 'localhost/eight', `${registry.address}/team/eight`])
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(/^vitrine: [^\n]*\n$/)])
    await ok(['push', '-q', '--creds', creds(), 'localhost/eight', `${registry.address}/team/eight`])
    await ok(['pull', '-q', `${registry.address}/team/eight`], elsewhere())
    expect(registry.tokens!.requests.at(-1)).toMatchObject({ user: undefined, scopes: ['repository:team/eight:pull'] })
  })

  it('is asked for another token when one has expired on the way', async () => {
    const proxy = await startFaultProxy(registry.address)
    try {
      configure(insecure(proxy.address))
      registry.tokens!.validSeconds = 1
      const before = registry.tokens!.requests.length
      proxy.plan({ on: /^GET .*blobs/, times: 9, fault: drips({ pieceBytes: 1000, everyMs: 250 }) })
      const store = elsewhere()
      await ok(['pull', '-q', `${proxy.address}/team/eight`], store)
      expect(storeProblems(store.directory)).toEqual([])
      expect(registry.tokens!.requests.length - before).toBeGreaterThan(1)
    } finally {
      registry.tokens!.validSeconds = 300
      configure(insecure(registry.address))
      await proxy.stop()
    }
  })

  it('takes over what another of its repositories has, without a byte being sent', async () => {
    const proxy = await startFaultProxy(registry.address)
    try {
      configure(insecure(proxy.address))
      await ok(['push', '-q', '--creds', creds(), 'localhost/eight', `${proxy.address}/team/one`])
      proxy.plan()
      await ok(['push', '-q', '--creds', creds(), 'localhost/eight', `${proxy.address}/team/two`])
      expect(proxy.matching(/^POST .*[?&]mount=/).length).toBe(9)
      expect(proxy.matching(/^(?:PATCH|PUT) .*\/blobs\/uploads/)).toEqual([])
      await ok(['pull', '-q', `${proxy.address}/team/two`], elsewhere())
    } finally {
      await proxy.stop()
      configure(insecure(registry.address))
    }
  })
})
