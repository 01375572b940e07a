// What kinds of images a registry may have, and pulls of large ones, of many at once, and of those that share layers.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect } from 'vitest'
import { buildBusyboxImage } from '../fixtures/build.ts'
import { tar } from '../fixtures/tar.ts'
import { bigLayer } from '../support/big-layer.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { drips } from '../support/faults-of-http.ts'
import { mostMemory } from '../support/most-memory.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'
import { noise } from '../support/noise.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import {
  insecure,
  needsContainersAndRegistry,
  openRegistrySession,
  storeProblems,
} from '../support/registry-session.ts'
import {
  digestOf,
  hostArchitecture,
  layersOf,
  makeImage,
  makeIndex,
  putImage,
  type RemoteImage,
  readArchive,
} from '../support/remote-images.ts'

const { describe, it } = skipUnless(needsContainersAndRegistry)

const layer = (name: string, content: string | Uint8Array = name) => tar([{ path: name, content }])
const blobGets = /^GET \/v2\/.*\/blobs\//

describe('images in registries', () => {
  const session = openRegistrySession()
  const { directory, run, ok, elsewhere } = session
  let registry: Registry
  let proxy: FaultProxy
  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry') })
    proxy = await startFaultProxy(registry.address)
    session.configure(insecure(registry.address, proxy.address))
  })
  afterAll(async () => {
    await proxy?.stop()
    await registry?.stop()
  })
  const put = async (repository: string, image: RemoteImage) => {
    await putImage(registry, repository, image, 'latest')
    return `${proxy.address}/${repository}`
  }
  /** What the layers of the only image of a store have at their top. */
  const filesIn = ({ directory }: { readonly directory: string }) => {
    const images = join(directory, 'root/images')
    const [{ layers }] = JSON.parse(readFileSync(join(images, 'index.json'), 'utf8')).images
    return layers.flatMap(({ diffId }: { diffId: string }) => readdirSync(join(images, 'layers', diffId, 'diff')))
  }
  const filesOf = async (name: string, ...flags: string[]) => {
    const store = elsewhere()
    await ok(['pull', '-q', ...flags, name], store)
    return filesIn(store)
  }
  const platform = { os: 'linux', architecture: hostArchitecture }

  it('have layers compressed by gzip, by zstd, or not at all', async () => {
    for (const compression of ['gzip', 'zstd', 'none'] as const) {
      const image = makeImage({ layers: [layer('a'), layer('b')], compression })
      expect(await filesOf(await put(`kinds/${compression}`, image))).toEqual(['a', 'b'])
    }
    const mixed = [
      layer('a'),
      {
        blob: zstdCompressSync(layer('b')),
        diffId: digestOf(layer('b')),
        mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
      },
    ]
    expect(await filesOf(await put('kinds/mixed', makeImage({ layers: mixed })))).toEqual(['a', 'b'])
  })

  it('are described in the words of Docker too', async () => {
    const image = makeImage({ layers: [layer('a')], format: 'docker' })
    expect(await filesOf(await put('kinds/docker', image))).toEqual(['a'])
    const list = makeIndex([{ image, platform }], 'docker')
    expect(await filesOf(await put('kinds/list', list))).toEqual(['a'])
  })

  it('are chosen by platform from an index, and nothing else of it is fetched', async () => {
    const of = (os: string, architecture: string) => ({
      image: makeImage({ layers: [layer(`${os}-${architecture}`)], os, architecture }),
      platform: { os, architecture },
    })
    const other = hostArchitecture === 'amd64' ? 'arm64' : 'amd64'
    const index = makeIndex([
      of('wasi', 'wasm'),
      of('linux', 's390x'),
      of('linux', other),
      of('linux', hostArchitecture),
    ])
    const name = await put('kinds/index', index)
    proxy.plan()
    expect(await filesOf(name)).toEqual([`linux-${hostArchitecture}`])
    // The configuration and the layer.
    expect(proxy.matching(blobGets)).toHaveLength(2)
    expect(await filesOf(name, '--platform=wasi/wasm')).toEqual(['wasi-wasm'])
    expect(await filesOf(name, '--arch=s390x')).toEqual(['linux-s390x'])
    const refused = await run(['pull', '--platform=linux/mips', name], elsewhere())
    expect(refused.code).toBe(125)
    expect(refused.stderr).toMatch(/linux\/mips/)
    expect(refused.stderr).toMatch(/wasi\/wasm/)
  })

  it('have layers that are somewhere else, and are fetched there', async () => {
    const foreign = layer('foreign')
    const blobs = makeImage({ layers: [{ blob: foreign, diffId: digestOf(foreign), mediaType: 'text/plain' }] })
    // Another repository of the same registry serves as that other place.
    await putImage(registry, 'elsewhere/blobs', blobs, 'latest')
    const urls = [`${registry.url}/v2/elsewhere/blobs/blobs/${digestOf(foreign)}`]
    const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar'
    const image = makeImage({ layers: [layer('a'), { blob: foreign, diffId: digestOf(foreign), mediaType, urls }] })
    expect(await filesOf(await put('kinds/foreign', image))).toEqual(['a', 'foreign'])
  })

  it('have a hundred layers', async () => {
    const count = isUserModeLinux() ? 30 : 100
    const names = Array.from({ length: count }, (_, index) => `file-${String(index).padStart(3, '0')}`)
    const base = layersOf(readArchive(buildBusyboxImage().path))
    const name = await put(
      'kinds/hundred',
      makeImage({ layers: [...base, ...names.slice(1).map((one) => layer(one))] }),
    )
    const listed = await ok(['run', '--rm', '-q', '--network=none', name, 'sh', '-c', 'ls / | grep -c ^file-'])
    expect(listed).toBe(String(count - 1))
  })

  it('may be none: artifacts are refused by their type', async () => {
    const part = { blob: layer('a'), diffId: '', mediaType: 'text/plain' }
    const name = await put(
      'kinds/artifact',
      makeImage({ layers: [part], artifactType: 'application/vnd.example.thing' }),
    )
    const store = elsewhere()
    const refused = await run(['pull', name], store)
    expect(refused.code).toBe(125)
    expect(refused.stderr.trim().split('\n').at(-1)).toMatch(/^vitrine: .*application\/vnd\.example\.thing/)
    expect(storeProblems(store.directory)).toEqual([])
  })

  it('may be large, while the memory of the puller is not', async () => {
    // Zeros, which become a hole: it is about the stream and not about the disk.
    const size = isUserModeLinux() ? 2 ** 28 : 2 ** 30
    const large = bigLayer('large', size)
    const name = await put('kinds/large', makeImage({ layers: [large] }))
    const store = elsewhere()
    const { code, mostBytes, stderr } = await mostMemory(['pull', '-q', name], { ...store, env: session.environment })
    expect([code, stderr]).toEqual([0, ''])
    expect(mostBytes).toBeLessThan(150 * 2 ** 20)
  })

  it('that share layers are fetched once, however many are pulled at the same time', async () => {
    const shared = [layer('base', noise('base', 60_000)), layer('middle', noise('middle', 30_000))]
    const names = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        put(`share/app-${index}`, makeImage({ layers: [...shared, layer(`top-${index}`)] })),
      ),
    )
    for (const count of [2, 8]) {
      const store = elsewhere()
      proxy.plan({ on: blobGets, times: 1000, fault: drips({ pieceBytes: 512, everyMs: 5 }) })
      const chosen = names.slice(0, count)
      const answers = await Promise.all(chosen.map((name) => run(['pull', '-q', name], store)))
      expect(answers.map(({ code, stderr }) => [code, stderr])).toEqual(chosen.map(() => [0, '']))
      const digests = proxy.matching(blobGets).map(({ path }) => path.split('/').at(-1))
      const layers = digests.filter((digest) => digests.indexOf(digest) !== digests.lastIndexOf(digest))
      expect(layers).toEqual([])
      expect((await ok(['images', '-q'], store)).split('\n')).toHaveLength(count)
      expect(storeProblems(store.directory)).toEqual([])
    }
  })

  it('are fetched once when the same one is pulled many times at once', async () => {
    const name = await put('share/same', makeImage({ layers: [layer('only', noise('only', 50_000))] }))
    const store = elsewhere()
    proxy.plan({ on: blobGets, times: 1000, fault: drips({ pieceBytes: 512, everyMs: 5 }) })
    const answers = await Promise.all(Array.from({ length: 4 }, () => run(['pull', '-q', name], store)))
    expect(new Set(answers.map(({ code, stdout, stderr }) => `${code} ${stdout} ${stderr}`)).size).toBe(1)
    const digests = proxy.matching(blobGets).filter(({ bytes }) => bytes > 50_000)
    expect(digests).toHaveLength(1)
  })

  it('that are here are not fetched again', async () => {
    const name = await put('share/again', makeImage({ layers: [layer('a'), layer('b')] }))
    const store = elsewhere()
    await ok(['pull', '-q', name], store)
    proxy.plan()
    await ok(['pull', '-q', name], store)
    expect(proxy.matching(/blobs|^GET .*manifests/)).toEqual([])
  })
})
