// What networks and servers do to pulls and pushes: survived, or refused with one sentence; nothing is left, and nothing
// gets into the store that is not what it should be.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect } from 'vitest'
import { ociArchive } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { launcher, stateOptions } from '../support/cli.ts'
import { type FaultProxy, type Planned, startFaultProxy } from '../support/fault-proxy.ts'
import {
  announcesMoreThanIt,
  cutsAfter,
  drips,
  type Fault,
  flipsByte,
  ignoresRange,
  lengthensBy,
  losesAnswer,
  redirects,
  refuses,
  setsHeader,
} from '../support/faults-of-http.ts'
import { skipUnless } from '../support/needs.ts'
import { noise } from '../support/noise.ts'
import { type Registry, startRegistry, withRegistry } from '../support/registry.ts'
import {
  insecure,
  needsContainersAndRegistry,
  openRegistrySession,
  storeProblems,
} from '../support/registry-session.ts'
import { makeImage, putImage } from '../support/remote-images.ts'

const { describe, it } = skipUnless({ ...needsContainersAndRegistry, anyKernel: true })

const layer = (name: string, lengthBytes: number) => tar([{ path: name, content: noise(name, lengthBytes) }])
const large = 200_000
const image = makeImage({ layers: [layer('large', large), layer('small', 20_000)], compression: 'none' })
const [largeBlob, smallBlob] = [...image.blobs.keys()].slice(0, 2) as [string, string]
const get = (digest: string) => new RegExp(`^GET /v2/.*/blobs/${digest}$`)
const manifestGet = /^GET \/v2\/app\/manifests\//
const once = (on: RegExp, fault: Fault, times = 1): Planned => ({ on, fault, times })
const always = 1000

describe('a pull', () => {
  const { directory, run, ok, configure, elsewhere, environment } = openRegistrySession()
  let registry: Registry
  let proxy: FaultProxy
  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry') })
    proxy = await startFaultProxy(registry.address)
    configure(insecure(registry.address, proxy.address))
    await putImage(registry, 'app', image, 'latest')
  })
  afterAll(async () => {
    await proxy?.stop()
    await registry?.stop()
  })
  const name = () => `${proxy.address}/app`
  const survives = async (...planned: Planned[]) => {
    const store = elsewhere()
    proxy.plan(...planned)
    const { code, stderr } = await run(['pull', '-q', name()], store)
    expect([code, stderr]).toEqual([0, ''])
    expect(storeProblems(store.directory)).toEqual([])
    expect(proxy.seen.filter(({ faulty }) => faulty).length).toBeGreaterThan(0)
  }
  const isRefused = async (words: RegExp, ...planned: Planned[]) => {
    const store = elsewhere()
    proxy.plan(...planned)
    const { code, stdout, stderr } = await run(['pull', '-q', name()], store)
    expect([code, stdout]).toEqual([125, ''])
    expect(stderr).toMatch(/^vitrine: [^\n]*\n$/)
    expect(stderr).toMatch(words)
    expect(storeProblems(store.directory)).toEqual([])
    expect(await ok(['images', '-q'], store)).toBe('')
  }

  it('goes on where a connection broke, and fetches no byte twice', async () => {
    await survives(
      once(get(largeBlob), cutsAfter(100_000)),
      { on: get(largeBlob), after: 0, fault: cutsAfter(50_000) },
      once(get(smallBlob), announcesMoreThanIt(10_000)),
    )
    const blobs = proxy.matching(get(largeBlob))
    expect(blobs.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', 'bytes=150000-'])
    expect(blobs.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(image.blobs.get(largeBlob)!.length)
    expect(proxy.matching(get(smallBlob)).map(({ range }) => range)).toEqual([undefined, 'bytes=10000-'])
  })

  it('begins again where a server knows no ranges', async () => {
    await survives(once(get(largeBlob), cutsAfter(100_000)), once(get(largeBlob), ignoresRange, always))
  })

  it('asks again what a busy server did not answer', async () => {
    const config = [...image.blobs.keys()].at(-1)!
    await survives(
      once(manifestGet, refuses(503)),
      once(get(config), refuses(502)),
      once(get(largeBlob), refuses(500)),
      once(get(largeBlob), refuses(429)),
      once(get(smallBlob), losesAnswer),
    )
  })

  it('waits as long as a server wants it to', async () => {
    const begin = performance.now()
    await survives(once(manifestGet, refuses(429, { 'retry-after': '2' })))
    expect(performance.now() - begin).toBeGreaterThanOrEqual(2000)
  })

  it('is patient with what comes slowly', async () => {
    await survives(once(get(smallBlob), drips({ pieceBytes: 700, everyMs: 5 })))
  })

  it('follows redirects to another place', async () => {
    const store = await startFaultProxy(registry.address)
    try {
      const at = `http://${store.address}/v2/app/blobs/${largeBlob}`
      await survives(once(get(largeBlob), redirects(at)))
      expect(store.seen).toMatchObject([{ method: 'GET', status: 200, complete: true }])
    } finally {
      await store.stop()
    }
    await isRefused(
      /redirect/,
      once(get(smallBlob), redirects(`http://${proxy.address}/v2/app/blobs/${smallBlob}`), always),
    )
  })

  it('takes no content that is not what its digest says', async () => {
    await isRefused(new RegExp(largeBlob), once(get(largeBlob), flipsByte(150_000), always))
    // Here the archive's own checksum may tell first.
    await isRefused(new RegExp(`${smallBlob}|layer 2 of 2: tar header`), once(get(smallBlob), flipsByte(0), always))
    const config = [...image.blobs.keys()].at(-1)!
    await isRefused(new RegExp(config), once(get(config), flipsByte(20), always))
    await isRefused(/damaged/, once(manifestGet, flipsByte(30), always))
    await isRefused(/a{64}/, once(manifestGet, setsHeader('docker-content-digest', `sha256:${'a'.repeat(64)}`), always))
  })

  it('takes no more than there is to be', async () => {
    await isRefused(/longer/, once(get(largeBlob), lengthensBy(2 ** 20), always))
    // Without an end: it is not read to it.
    await isRefused(/longer/, once(get(smallBlob), lengthensBy(2 ** 40), always))
    await isRefused(/longer than \d+ bytes/, once(manifestGet, lengthensBy(2 ** 40), always))
  })

  it('is given up at once where asking again does not help', async () => {
    const limit = refuses(429, { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' })
    await isRefused(/429|too many|limit/i, once(manifestGet, limit, always))
    expect(proxy.seen.filter(({ faulty }) => faulty)).toHaveLength(1)
    await isRefused(/404|not|unknown/i, once(get(largeBlob), refuses(404), always))
    expect(proxy.seen.filter(({ faulty }) => faulty)).toHaveLength(1)
    await isRefused(/403|denied|forbidden/i, once(manifestGet, refuses(403), always))
  })

  it('leaves a mirror that stays broken to itself after two tries', async () => {
    const mirror = `[[registry.mirror]]\nlocation = "${proxy.address}/app"\ninsecure = true\n`
    const prefix = `[[registry]]\nprefix = "registry.example/app"\nlocation = "${registry.address}/app"\ninsecure = true\n`
    configure(`${prefix}${mirror}`)
    try {
      const store = elsewhere()
      proxy.plan(once(get(largeBlob), cutsAfter(0), always))
      await ok(['pull', '-q', 'registry.example/app'], store)
      expect(proxy.matching(get(largeBlob))).toHaveLength(2)
      expect(storeProblems(store.directory)).toEqual([])
    } finally {
      configure(insecure(registry.address, proxy.address))
    }
  })

  it('killed at any instant leaves a store in which the next one succeeds', async () => {
    const store = elsewhere()
    const words = ['--', launcher, ...stateOptions(store.directory), 'pull', '-q', name()]
    const slow = once(/blobs/, drips({ pieceBytes: 10_000, everyMs: 10 }), always)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 500 }), async (ms) => {
        proxy.plan(slow)
        const child = spawn(process.execPath, words, { env: { ...process.env, ...environment }, stdio: 'ignore' })
        const ended = new Promise((resolve) => child.on('close', resolve))
        await sleep(ms)
        child.kill('SIGKILL')
        await ended
        proxy.plan()
        const id = await ok(['pull', '-q', name()], store)
        expect(storeProblems(store.directory)).toEqual([])
        expect(await ok(['images', '-q', '--no-trunc'], store)).toBe(`sha256:${id}`)
        await ok(['rmi', id], store)
        expect(storeProblems(store.directory)).toEqual([])
      }),
      { numRuns: 12 },
    )
  })
})

describe('pulls, removals and saves at the same time', () => {
  const { directory, run, ok, configure, elsewhere } = openRegistrySession()

  it('do not spoil each other', async () => {
    await withRegistry({ directory: join(directory, 'registry') }, async (registry) => {
      configure(insecure(registry.address))
      const tags = ['one', 'two', 'three']
      for (const tag of tags) {
        const layers = [layer('shared', 200_000), layer('also shared', 50_000), layer(tag, 50_000)]
        await putImage(registry, 'app', makeImage({ layers }), tag)
      }
      const name = (tag: string) => `${registry.address}/app:${tag}`
      const store = elsewhere()
      const refusals = new Set<string>()
      const repeat = async (argv: readonly string[]) => {
        for (let round = 0; round < 6; round++) refusals.add((await run(argv, store)).stderr)
      }
      await Promise.all([
        ...tags.map((tag) => repeat(['pull', '-q', name(tag)])),
        repeat(['rmi', '--all', '--force']),
        repeat(['image', 'prune', '--all', '--force']),
        repeat(['save', '--format=oci-archive', '-o', join(directory, 'saved.tar'), name('one')]),
      ])
      // Nothing but that there was nothing to save.
      for (const refusal of refusals) expect(refusal).toMatch(/^(?:vitrine: image \S+: not here; .*\n)?$/)
      expect(storeProblems(store.directory)).toEqual([])
      for (const tag of tags) await ok(['pull', '-q', name(tag)], store)
      expect(storeProblems(store.directory)).toEqual([])
    })
  })
})

describe('a push', () => {
  const { directory, run, ok, configure, elsewhere } = openRegistrySession()
  const archive = join(directory, 'app.tar')
  let registry: Registry
  let proxy: FaultProxy
  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry') })
    proxy = await startFaultProxy(registry.address)
    configure(insecure(registry.address, proxy.address))
    // Larger than what goes in one request.
    const layers = [layer('large', 3_000_000), layer('small', 20_000)]
    writeFileSync(archive, ociArchive({ layers, config: {}, tag: 'latest' }))
    await ok(['import', `oci-archive:${archive}`, 'localhost/app'])
  })
  afterAll(async () => {
    await proxy?.stop()
    await registry?.stop()
  })
  const portions = /^PATCH \/v2\/.*\/blobs\/uploads\//
  const ends = /^PUT \/v2\/.*\/blobs\/uploads\//
  const survives = async (repository: string, ...planned: Planned[]) => {
    // A store that knows of no other repository with these layers.
    const from = elsewhere()
    await ok(['import', `oci-archive:${archive}`, 'localhost/app'], from)
    proxy.plan(...planned)
    const { code, stderr } = await run(['push', '-q', 'localhost/app', `${proxy.address}/${repository}`], from)
    expect([code, stderr]).toEqual([0, ''])
    expect(proxy.seen.filter(({ faulty }) => faulty).length).toBe(planned.length)
    const store = elsewhere()
    await ok(['pull', '-q', `${registry.address}/${repository}`], store)
    expect(storeProblems(store.directory)).toEqual([])
  }

  it('whose answers get lost sends no blob again that has arrived', async () => {
    await survives('lost/put', once(ends, losesAnswer))
    // Two layers and the configuration.
    expect(proxy.matching(ends)).toHaveLength(3)
    await survives('lost/manifest', once(/^PUT .*manifests/, losesAnswer))
    await survives('lost/post', once(/^POST .*uploads/, losesAnswer))
    // This registry has forgotten an upload in the middle of which it was left: it begins anew.
    await survives('lost/patch', once(portions, losesAnswer))
  })

  it('asks again what a busy server did not answer', async () => {
    await survives(
      'busy/app',
      once(/^HEAD .*blobs/, refuses(503)),
      once(/^POST .*uploads/, refuses(429)),
      once(ends, refuses(500)),
      once(/^PUT .*manifests/, refuses(502)),
    )
  })

  it('sends what is there already not at all', async () => {
    await ok(['push', '-q', 'localhost/app', `${proxy.address}/twice/app:1`])
    proxy.plan()
    await ok(['push', '-q', 'localhost/app', `${proxy.address}/twice/app:2`])
    expect(proxy.matching(/^(?:POST|PATCH|PUT) .*uploads/)).toEqual([])
  })

  it('that is refused says why, and the registry has no image of it', async () => {
    proxy.plan(once(/^PUT .*manifests/, refuses(403), always))
    const refused = await run(['push', '-q', 'localhost/app', `${proxy.address}/refused/app`])
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(/^vitrine: [^\n]*\n$/)])
    expect((await run(['pull', '-q', `${registry.address}/refused/app`], elsewhere())).code).toBe(125)
  })
})
