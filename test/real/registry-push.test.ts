// Images from a store to a real registry: what is sent, what need not be, and in which form it arrives.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { imageHost } from '../../core/engine/image-host.ts'
import { pullImage } from '../../core/engine/pull.ts'
import { pushImage } from '../../core/engine/push.ts'
import { importImage } from '../../core/image/import.ts'
import { type Manifest, mediaTypes } from '../../core/image/manifest.ts'
import { findImage } from '../../core/image/store.ts'
import { dockerArchive } from '../fixtures/oci.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { losesAnswer, refuses } from '../support/faults-of-http.ts'
import { skipUnless } from '../support/needs.ts'
import { digestOf, makeImage, putImage, type RemoteImage } from '../support/remote-images.ts'
import { needsTransfers, type Store, type Transfers, withTransfers } from '../support/transfer.ts'

const { describe, it } = skipUnless(needsTransfers)

const layer = (...members: TarMember[]) => tar(members)
const base = layer({ path: 'etc/os', content: 'one' })
const site = layer({ path: 'www/index.html', content: 'hello'.repeat(5000) })
const image = makeImage({ layers: [base, site] })
const uploads = /(POST|PATCH|PUT) .*\/blobs\//

/** A store that has an image of the registry's. */
async function having({ registry, at, store }: Transfers, one: RemoteImage = image): Promise<Store> {
  await putImage(registry, 'from/x', one, '1')
  const mine = store('mine')
  await pullImage(mine.host, mine.settings, at('from/x:1'))
  return mine
}

/** What a registry has under a tag. */
async function fetched(registry: Transfers['registry'], repository: string, tag: string) {
  const accept = Object.values(mediaTypes).join(', ')
  const response = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, { headers: { accept } })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const manifest: Manifest = JSON.parse(new TextDecoder().decode(bytes))
  return { status: response.status, digest: digestOf(bytes), manifest }
}

describe('a push', () => {
  it('of what came from a registry arrives byte for byte, and is written down', async () => {
    await withTransfers(async (transfers) => {
      const { registry, at } = transfers
      const mine = await having(transfers)
      const digest = await pushImage(mine.host, mine.settings, at('from/x:1'), at('to/x:2'))
      expect(digest).toBe(image.digest)
      expect(await fetched(registry, 'to/x', '2')).toMatchObject({ status: 200, digest: image.digest })
      expect(mine.images()[0]!.repoDigests).toEqual([at(`from/x@${digest}`), at(`to/x@${digest}`)])
      const theirs = transfers.store('theirs')
      await pullImage(theirs.host, theirs.settings, at(`to/x@${digest}`))
      for (const [blob, bytes] of image.blobs) expect(theirs.blob(blob).equals(bytes)).toBe(true)
    })
  })

  it('sends nothing that the registry has there or in another repository', async () => {
    await withTransfers(async (transfers) => {
      const { proxy, at } = transfers
      const mine = await having(transfers)
      const push = (to: string) => pushImage(mine.host, mine.settings, at('from/x:1'), at(to), mine)
      proxy.plan()
      await push('to/x:2')
      const asked = proxy.matching(uploads).map(({ method, path, status }) => [method, /mount=/.test(path), status])
      expect(asked).toEqual(Array.from({ length: 3 }, () => ['POST', true, 201]))
      proxy.plan()
      await push('to/x:3')
      expect(proxy.matching(uploads)).toEqual([])
      const states = mine.events.flatMap((event) => (event.kind === 'blob' ? [event.blob.state] : []))
      expect(new Set(states)).toEqual(new Set(['present']))
    })
  })

  it('sends what no other repository gives, and the manifest last', async () => {
    await withTransfers(async (transfers) => {
      const { proxy, registry, at } = transfers
      const mine = await having(transfers)
      proxy.plan({ on: /POST .*mount=/, times: 100, fault: refuses(405) })
      await pushImage(mine.host, mine.settings, at('from/x:1'), at('to/x:2'), mine)
      expect(await fetched(registry, 'to/x', '2')).toMatchObject({ digest: image.digest })
      const sent = proxy.seen
        .filter(({ method }) => method === 'PUT')
        .map(({ path }) => /blobs|manifests/.exec(path)![0])
      expect(sent).toEqual(['blobs', 'blobs', 'blobs', 'manifests'])
      const done = mine.events.flatMap((event) =>
        event.kind === 'blob' && event.blob.state === 'done' ? [event.blob] : [],
      )
      expect(done).toHaveLength(3)
      for (const { doneBytes, totalBytes } of done) expect(doneBytes).toBe(totalBytes)
    })
  })

  it('that fails writes nothing down, and no tag appears', async () => {
    await withTransfers(async (transfers) => {
      const { proxy, registry, at } = transfers
      const mine = await having(transfers)
      const before = mine.images()
      proxy.plan({ on: /POST/, times: 100, fault: refuses(403) })
      await expect(pushImage(mine.host, mine.settings, at('from/x:1'), at('to/x:2'))).rejects.toThrow(at('to/x'))
      expect((await fetched(registry, 'to/x', '2')).status).toBe(404)
      expect(mine.images()).toEqual(before)
      expect(mine.drafts()).toEqual([])
    })
  })

  it('goes on when an answer is lost', async () => {
    await withTransfers(async (transfers) => {
      const { proxy, registry, at } = transfers
      const mine = await having(transfers)
      proxy.plan({ on: /POST .*mount=/, times: 100, fault: refuses(405) }, { on: /PUT .*blobs/, fault: losesAnswer })
      await pushImage(mine.host, mine.settings, at('from/x:1'), at('to/x:2'))
      expect(await fetched(registry, 'to/x', '2')).toMatchObject({ digest: image.digest })
    })
  })

  it('compresses what is not compressed, the same each time', async () => {
    await withTransfers(async (transfers) => {
      const { registry, proxy, directory, at } = transfers
      const mine = transfers.store('mine')
      const path = join(directory, 'archive.tar')
      writeFileSync(path, dockerArchive({ layers: [base, site], config: {}, names: ['x:1'] }))
      const { id } = await importImage(imageHost(mine.host, mine.settings), `docker-archive:${path}`)
      const digest = await pushImage(mine.host, mine.settings, id, at('to/x:1'))
      const { manifest, ...arrived } = await fetched(registry, 'to/x', '1')
      expect(arrived.digest).toBe(digest)
      expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(Array(2).fill(mediaTypes.ociLayerGzip))
      expect(manifest.layers[1]!.size).toBeLessThan(site.length / 10)
      proxy.plan()
      expect(await pushImage(mine.host, mine.settings, id, at('to/x:2'))).toBe(digest)
      expect(proxy.matching(uploads)).toEqual([])
      const theirs = transfers.store('theirs')
      expect(await pullImage(theirs.host, theirs.settings, at('to/x:2'))).toMatchObject({ id, digest })
      expect(mine.drafts()).toEqual([])
    })
  })

  it('in the other format or compression is the same image in other words', async () => {
    await withTransfers(async (transfers) => {
      const { registry, at } = transfers
      const mine = await having(transfers)
      const theirs = transfers.store('theirs')
      const cases = [
        [{ format: 'v2s2' }, mediaTypes.dockerManifest, mediaTypes.dockerLayerGzip],
        [{ compression: 'zstd', level: 19 }, mediaTypes.ociManifest, mediaTypes.ociLayerZstd],
        [{ compression: 'gzip' }, mediaTypes.ociManifest, mediaTypes.ociLayerGzip],
      ] as const
      for (const [options, type, layerType] of cases) {
        const digest = await pushImage(mine.host, mine.settings, at('from/x:1'), at('to/x:1'), options)
        const { manifest } = await fetched(registry, 'to/x', '1')
        expect([manifest.mediaType, manifest.layers[0]!.mediaType]).toEqual([type, layerType])
        const pulled = await pullImage(theirs.host, theirs.settings, at('to/x:1'))
        expect(pulled).toMatchObject({ digest, id: mine.images()[0]!.id })
      }
      // Back from Docker's words to ours: the manifest is made anew, the blobs are the same.
      const docker = await pullImage(theirs.host, theirs.settings, at('to/x:1'))
      await pushImage(theirs.host, theirs.settings, docker.id, at('back/x:1'), { format: 'oci' })
      expect(await fetched(registry, 'back/x', '1')).toMatchObject({ digest: image.digest })
    })
  })

  it('does not send layers that are somewhere else', async () => {
    await withTransfers(async (transfers) => {
      const { registry, at } = transfers
      const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar'
      const urls = [`${registry.url}/v2/else/x/blobs/${digestOf(base)}`]
      await putImage(registry, 'else/x', makeImage({ layers: [base], compression: 'none' }), '1')
      const mine = await having(
        transfers,
        makeImage({ layers: [{ blob: base, diffId: digestOf(base), mediaType, urls }, site] }),
      )
      const digest = await pushImage(mine.host, mine.settings, at('from/x:1'), at('to/x:1'))
      const { manifest } = await fetched(registry, 'to/x', '1')
      expect(manifest.layers[0]).toMatchObject({ mediaType, urls })
      const there = await fetch(`${registry.url}/v2/to/x/blobs/${digestOf(base)}`, { method: 'HEAD' })
      expect(there.status).toBe(404)
      expect(findImage({ kernel: mine.host.kernel, root: mine.settings.root }, at('from/x:1')).digest).toBe(digest)
    })
  })

  it('says what it cannot do', async () => {
    await withTransfers(async (transfers) => {
      const { at } = transfers
      const { host, settings, images } = await having(transfers)
      const push = (source: string, to?: string, options = {}) => pushImage(host, settings, source, to, options)
      const { id } = images()[0]!
      await expect(push('nosuch', at('to/x'))).rejects.toThrow('image nosuch: not here')
      await expect(push(id)).rejects.toThrow('say where it is to go')
      await expect(push(id, at(`to/x@${image.digest}`))).rejects.toThrow('give a tag')
      await expect(push(id, at('to/x'), { format: 'v2s2', compression: 'zstd' })).rejects.toThrow('add --format=oci')
      await expect(push(id, 'oci:/tmp/x', { format: 'v2s2' })).rejects.toThrow('are for registries')
      expect(images()[0]!.repoDigests).toHaveLength(1)
    })
  })
})
