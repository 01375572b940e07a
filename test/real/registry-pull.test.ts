// Images from a real registry into a store: what is kept, what they are called, and what is left alone.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { obtainImage, type Pulling } from '../../core/engine/obtain.ts'
import { pullAllTags, pullImage } from '../../core/engine/pull.ts'
import { layerTree } from '../../core/image/store.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { drips, refuses } from '../support/faults-of-http.ts'
import { skipUnless } from '../support/needs.ts'
import { hostArchitecture, makeImage, makeIndex, putImage } from '../support/remote-images.ts'
import { needsTransfers, type Store, withTransfers } from '../support/transfer.ts'

const { describe, it } = skipUnless(needsTransfers)

const layer = (...members: TarMember[]) => tar(members)
const base = layer({ path: 'etc/os', content: 'one' })
const site = layer({ path: 'www/index.html', content: 'hello'.repeat(5000) })
const image = makeImage({ layers: [base, site], config: { Cmd: ['/a'] } })
const newer = makeImage({ layers: [base, site], config: { Cmd: ['/b'] } })
const otherArchitecture = hostArchitecture === 'arm64' ? 'amd64' : 'arm64'
const foreign = makeImage({ layers: [base], architecture: otherArchitecture })
const index = makeIndex([
  { image: foreign, platform: { os: 'linux', architecture: otherArchitecture } },
  { image, platform: { os: 'linux', architecture: hostArchitecture } },
])
const missing: Pulling = { policy: 'missing', quiet: false, platform: {}, access: {} }
const idOf = (one: typeof image) => JSON.parse(new TextDecoder().decode(one.bytes)).config.digest.slice(7)
const help = (store: Store) => ({
  onTransfer: async () => store.onTransfer,
  chooser: async () => undefined,
  childStarted: () => expect.fail('nobody else is to pull'),
})

describe('a pull', () => {
  it('keeps all documents and blobs byte for byte, and unpacks the layers', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      await putImage(registry, 'lib/x', image, 'v1')
      const { host, settings, ...mine } = store('mine')
      const record = await pullImage(host, settings, at('lib/x:v1'), { onTransfer: mine.onTransfer })
      expect(record).toMatchObject({
        id: idOf(image),
        digest: image.digest,
        names: [at('lib/x:v1')],
        repoDigests: [at(`lib/x@${image.digest}`)],
        platform: `linux/${hostArchitecture}`,
      })
      expect(mine.blob(image.digest).equals(image.bytes)).toBe(true)
      for (const [digest, blob] of image.blobs) expect(mine.blob(digest).equals(blob), digest).toBe(true)
      expect(mine.blobs().sort()).toEqual([...record.blobs].sort())
      expect(mine.drafts()).toEqual([])
      const tree = layerTree(settings.root, record.layers[1]!.diffId)
      expect(readFileSync(join(tree, 'www/index.html'), 'utf8')).toBe('hello'.repeat(5000))
      const kinds = mine.events.map((event) => (event.kind === 'blob' ? event.blob.state : event.kind))
      expect([kinds[0], kinds[1], kinds.at(-1)]).toEqual(['trying', 'blobs', 'manifest'])
      expect(kinds.filter((kind) => kind === 'done')).toHaveLength(2)
    })
  })

  it('by digest gives no name, and by name and digest the digest decides', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      await putImage(registry, 'lib/x', image, 'v1')
      const { host, settings, images } = store('mine')
      const record = await pullImage(host, settings, at(`lib/x:nosuch@${image.digest}`))
      expect(record).toMatchObject({ names: [], repoDigests: [at(`lib/x@${image.digest}`)] })
      await pullImage(host, settings, at('lib/x:v1'))
      expect(images()).toHaveLength(1)
      expect(images()[0]!.names).toEqual([at('lib/x:v1')])
    })
  })

  it('moves the name from the image that had it, which stays', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      const { host, settings, images } = store('mine')
      await putImage(registry, 'lib/x', image, 'v1')
      await pullImage(host, settings, at('lib/x:v1'))
      await putImage(registry, 'lib/x', newer, 'v1')
      await pullImage(host, settings, at('lib/x:v1'))
      expect(images().map(({ id, names }) => [id, names])).toEqual([
        [idOf(image), []],
        [idOf(newer), [at('lib/x:v1')]],
      ])
    })
  })

  it('asks for the digest alone where all is here, also of an index', async () => {
    await withTransfers(async ({ registry, proxy, at, store }) => {
      const { host, settings, images } = store('mine')
      await putImage(registry, 'lib/x', index, 'v1')
      const record = await pullImage(host, settings, at('lib/x:v1'))
      expect(record.repoDigests).toEqual([at(`lib/x@${index.digest}`), at(`lib/x@${image.digest}`)])
      proxy.plan()
      expect(await pullImage(host, settings, at('lib/x:v1'))).toEqual(record)
      expect(proxy.matching(/manifests|blobs/).map(({ method, path }) => `${method} ${path}`)).toEqual([
        'HEAD /v2/lib/x/manifests/v1',
      ])
      expect(await pullImage(host, settings, at(`lib/x@${index.digest}`))).toEqual(record)
      expect(proxy.matching(/GET .*(manifests|blobs)/)).toEqual([])
      expect(images()).toEqual([record])
    })
  })

  it('of another platform brings that image beside the one that is here', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      const { host, settings, images } = store('mine')
      await putImage(registry, 'lib/x', index, 'v1')
      await pullImage(host, settings, at('lib/x:v1'))
      const platform = { os: 'linux', architecture: otherArchitecture, asked: true }
      const other = await pullImage(host, settings, at('lib/x:v1'), { platform })
      expect(other).toMatchObject({ id: idOf(foreign), platform: `linux/${otherArchitecture}` })
      expect(images().map(({ names }) => names)).toEqual([[], [at('lib/x:v1')]])
      const none = { os: 'linux', architecture: 's390x', asked: true }
      await expect(pullImage(host, settings, at('lib/x:v1'), { platform: none })).rejects.toThrow(
        `lib/x:v1: no image for linux/s390x; it has linux/${otherArchitecture}, linux/${hostArchitecture}`,
      )
    })
  })

  it('of all tags leaves out what is no image, and says so', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      const { host, settings, images, warnings } = store('mine')
      await putImage(registry, 'lib/x', image, 'v1')
      await putImage(registry, 'lib/x', newer, 'v2')
      await putImage(registry, 'lib/x', makeImage({ layers: [base], artifactType: 'text/x-signature' }), 'sha256-0.sig')
      const pulled = await pullAllTags(host, settings, at('lib/x'))
      expect(pulled.flatMap(({ names }) => names).sort()).toEqual([at('lib/x:v1'), at('lib/x:v2')])
      expect(images()).toHaveLength(2)
      expect(warnings).toEqual([expect.stringContaining('is an artifact of type text/x-signature, not an image')])
      await expect(pullAllTags(host, settings, at('lib/x:v1'))).rejects.toThrow('give the repository alone')
    })
  })

  it('that fails leaves nothing, and tells of each place', async () => {
    await withTransfers(async ({ registry, proxy, at, store }) => {
      const { host, settings, images, blobs, drafts } = store('mine')
      await putImage(registry, 'lib/x', image, 'v1')
      const [, last] = [...image.blobs.keys()]
      proxy.plan({ on: new RegExp(`GET .*${last}`), times: 100, fault: refuses(404) })
      await expect(pullImage(host, settings, at('lib/x:v1'))).rejects.toThrow(/lib\/x/)
      expect([images(), blobs(), drafts()]).toEqual([[], [], []])
    })
  })

  it('that is slow is told of as it goes', async () => {
    await withTransfers(async ({ registry, proxy, at, store }) => {
      const { host, settings, events, onTransfer } = store('mine')
      const noise = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * at * 7919) >> 7))
      const large = makeImage({ layers: [layer({ path: 'noise', content: noise })], compression: 'none' })
      await putImage(registry, 'lib/large', large, 'v1')
      proxy.plan({ on: /GET .*blobs/, times: 100, fault: drips({ pieceBytes: 50_000, everyMs: 1 }) })
      await pullImage(host, settings, at('lib/large:v1'), { onTransfer })
      const done = events.flatMap((event) =>
        event.kind === 'blob' && event.blob.state === 'moving' ? event.blob.doneBytes : [],
      )
      expect(done.length).toBeGreaterThan(3)
      expect(done).toEqual(done.toSorted((a, b) => a - b))
    })
  })
})

describe('the image for a container', () => {
  it('is taken without a word to anybody when it is here', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      await putImage(registry, 'lib/x', image, 'v1')
      const mine = store('mine')
      const { id } = await pullImage(mine.host, mine.settings, at('lib/x:v1'))
      const deaf = { ...mine.host, http: () => expect.fail('HTTP was asked for') }
      for (const policy of ['missing', 'never'] as const)
        for (const name of [at('lib/x:v1'), id, id.slice(0, 12), at(`lib/x@${image.digest}`)])
          expect(await obtainImage(deaf, mine.settings, name, { ...missing, policy }, help(mine))).toMatchObject({ id })
      expect(mine.events).toEqual([])
      expect(mine.warnings).toEqual([])
    })
  })

  it('is pulled when it is not, unless that is forbidden', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      await putImage(registry, 'lib/x', image, 'v1')
      const mine = store('mine')
      const obtain = (name: string, pulling: Partial<Pulling> = {}) =>
        obtainImage(mine.host, mine.settings, name, { ...missing, ...pulling }, help(mine))
      await expect(obtain(at('lib/x:v1'), { policy: 'never' })).rejects.toThrow('--pull=never forbids')
      expect((await obtain(at('lib/x:v1'))).id).toBe(idOf(image))
      await expect(obtain('0'.repeat(64))).rejects.toThrow('there is no image with this id here')
      await expect(obtain(at('lib/nosuch'))).rejects.toThrow('no such image')
    })
  })

  it('is the newer one when that is asked for, and what is here when nobody answers', async () => {
    await withTransfers(async ({ registry, proxy, at, store }) => {
      const mine = store('mine')
      const obtain = async (policy: Pulling['policy'], name = at('lib/x:v1')) =>
        (await obtainImage(mine.host, mine.settings, name, { ...missing, policy }, help(mine))).id
      await putImage(registry, 'lib/x', image, 'v1')
      expect(await obtain('newer')).toBe(idOf(image))
      await putImage(registry, 'lib/x', newer, 'v1')
      expect(await obtain('missing')).toBe(idOf(image))
      expect(await obtain('newer')).toBe(idOf(newer))
      await putImage(registry, 'lib/x', image, 'v1')
      expect(await obtain('always')).toBe(idOf(image))
      expect(await obtain('newer', idOf(image))).toBe(idOf(image))
      await expect(obtain('always', idOf(image))).rejects.toThrow('it is named by its id, which no registry knows')
      proxy.plan({ on: /./, times: 1000, fault: refuses(403) })
      expect(await obtain('newer')).toBe(idOf(image))
      await expect(obtain('always')).rejects.toThrow(at('lib/x'))
    })
  })

  it('is pulled for the platform that is asked for, and told of when it is for another', async () => {
    await withTransfers(async ({ registry, at, store }) => {
      const mine = store('mine')
      const obtain = async (pulling: Partial<Pulling>) =>
        (await obtainImage(mine.host, mine.settings, at('lib/x:v1'), { ...missing, ...pulling }, help(mine))).id
      await putImage(registry, 'lib/x', index, 'v1')
      expect(await obtain({})).toBe(idOf(image))
      const platform = { platform: `linux/${otherArchitecture}` }
      await expect(obtain({ platform, policy: 'never' })).rejects.toThrow(`not here for linux/${otherArchitecture}`)
      expect(await obtain({ platform })).toBe(idOf(foreign))
      expect(mine.warnings).toEqual([])
      expect(await obtain({})).toBe(idOf(foreign))
      expect(mine.warnings).toEqual([
        `image platform (linux/${otherArchitecture}) does not match the expected platform (linux/${hostArchitecture})`,
      ])
    })
  })
})
