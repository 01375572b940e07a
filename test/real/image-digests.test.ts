// Digests that lie: what a manifest and a configuration say of blobs and layers is believed when it was found to be so.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { bringIn, withImport } from '../../core/image/bring.ts'
import { removeImage } from '../../core/image/change.ts'
import type { SourceImage } from '../../core/image/source.ts'
import { blobPath, listImages } from '../../core/image/store.ts'
import { tar } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { storeIn, type TestStore } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

const hexOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const encoded = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

interface Part {
  readonly diffId: string
  readonly blob: Uint8Array
  /** What the registry sends for it. */
  readonly sent?: Uint8Array
  readonly sizeBytes?: number
}

const tarOf = (content: string) => tar([{ path: content, content }])
const layer = (content: string, level = 6): Part => {
  const bytes = tarOf(content)
  return { diffId: hexOf(bytes), blob: gzipSync(bytes, { level }) }
}

/** An image as a registry gives it; answers its digests of blobs that were asked for, too. */
function imageOf(name: string, parts: readonly Part[]) {
  const asked: string[] = []
  const config = {
    os: 'linux',
    architecture: 'amd64',
    config: { Cmd: [name] },
    rootfs: { type: 'layers' as const, diff_ids: parts.map(({ diffId }) => `sha256:${diffId}`) },
  }
  const configBytes = encoded(config)
  const layers = parts.map(({ diffId, blob, sent = blob, sizeBytes = blob.length }) => ({
    diffId,
    blob: { hex: hexOf(blob), sizeBytes, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
    async *open() {
      asked.push(hexOf(blob))
      yield sent
    },
  }))
  const manifest = encoded({
    schemaVersion: 2,
    config: { digest: `sha256:${hexOf(configBytes)}`, size: configBytes.length },
    layers: layers.map(({ blob }) => ({
      digest: `sha256:${blob.hex}`,
      size: blob.sizeBytes,
      mediaType: blob.mediaType,
    })),
  })
  const image: SourceImage = {
    id: hexOf(configBytes),
    config,
    configBytes,
    names: [`localhost/${name}:latest`],
    manifest: { hex: hexOf(manifest), bytes: manifest },
    layers,
  }
  return { image, asked }
}

async function bring({ host }: TestStore, image: SourceImage) {
  return await withImport(host, async () => await bringIn(host, await host.archive(), image))
}

/** Every blob and layer that the index needs is there, and is what it is called; there is nothing else. */
function isSound({ host, images }: TestStore): void {
  const records = listImages(host)
  const blobs = readdirSync(join(images, 'blobs/sha256')).sort()
  expect(blobs).toEqual([...new Set(records.flatMap((record) => record.blobs))].sort())
  for (const hex of blobs) expect(hexOf(readFileSync(blobPath(host.root, hex)))).toBe(hex)
  const layers = records.flatMap((record) => record.layers.map(({ diffId }) => diffId))
  expect(readdirSync(join(images, 'layers')).sort()).toEqual([...new Set(layers)].sort())
  expect(readdirSync(join(images, 'tmp'))).toEqual([])
}

/** An image among others is refused, and changes nothing of what was there. */
async function refused(here: readonly Part[], hostile: readonly Part[], sentence: RegExp) {
  await withTemporaryDirectory(async (directory) => {
    const store = storeIn(directory)
    await bring(store, imageOf('here', here).image)
    const before = listImages(store.host)
    await expect(bring(store, imageOf('hostile', hostile).image)).rejects.toThrow(sentence)
    expect(listImages(store.host)).toEqual(before)
    isSound(store)
  })
}

describe('an image', () => {
  const [a, b] = [layer('a'), layer('b')]

  it('is not made of a blob and a layer that are here, but of different images', async () => {
    await refused([a, b], [{ diffId: a.diffId, blob: b.blob }], /layer 1 of 1: its content has the digest sha256:/)
  })

  it('has its layers in the order of its blobs', async () => {
    const swapped = [
      { ...a, diffId: b.diffId },
      { ...b, diffId: a.diffId },
    ]
    await refused([a, b], swapped, /its content has the digest/)
    await refused([], swapped, /its content has the digest/)
  })

  it('has blobs of the size that it says, also when they are here', async () => {
    await refused([a], [{ ...a, sizeBytes: a.blob.length + 1 }], /bytes, not the \d+ that its manifest says/)
    await refused([a], [{ ...a, sizeBytes: 2 }], /longer than the 2 bytes/)
  })

  it('has no blob that is larger than a layer may be', async () => {
    await refused([], [{ ...a, sizeBytes: 2 ** 53 - 1 }], /layer 1 of 1: it has 9007199254740991 bytes, and more than/)
  })

  it('has a layer twice, once compressed better: both blobs are kept', async () => {
    await withTemporaryDirectory(async (directory) => {
      const store = storeIn(directory)
      const better = { ...a, blob: gzipSync(tarOf('a'), { level: 1 }) }
      const other = { ...a, blob: new Uint8Array([...a.blob, ...gzipSync(new Uint8Array())]) }
      const { image, asked } = imageOf('twice', [a, better, other, a])
      const record = await bring(store, image)
      expect(record.layers.map(({ diffId }) => diffId)).toEqual([a.diffId, a.diffId, a.diffId, a.diffId])
      expect(asked.length).toBe(new Set(asked).size)
      isSound(store)
      await refused([], [a, { ...other, sent: a.blob }], /bytes, not the|its digest is/)
    })
  })

  it('whose layers are here in other images asks for none of them', async () => {
    await withTemporaryDirectory(async (directory) => {
      const store = storeIn(directory)
      await bring(store, imageOf('first', [a, b]).image)
      const { image, asked } = imageOf('second', [b, a])
      await bring(store, image)
      expect(asked).toEqual([])
      isSound(store)
      // Its marks go with the layers.
      await removeImage(store.host, 'first', { inUse: () => [] })
      await removeImage(store.host, 'second', { inUse: () => [] })
      isSound(store)
      expect(readdirSync(join(store.images, 'layers'))).toEqual([])
    })
  })

  it('is read once more when nobody has found out that its blob holds its layer', async () => {
    await withTemporaryDirectory(async (directory) => {
      const store = storeIn(directory)
      // Plain and compressed, from different places: the tar is not asked for, and nothing has to come again.
      const plain = { diffId: a.diffId, blob: tarOf('a') }
      await bring(store, imageOf('first', [a]).image)
      await bring(store, imageOf('second', [plain]).image)
      const { image, asked } = imageOf('third', [a, plain])
      await bring(store, image)
      expect(asked).toEqual([])
      isSound(store)
    })
  })

  it('with a damaged record of a layer gets the layer anew', async () => {
    await withTemporaryDirectory(async (directory) => {
      const store = storeIn(directory)
      await bring(store, imageOf('first', [a]).image)
      for (const text of ['', '{', 'null', '[]', '{"diffId":7}']) {
        writeFileSync(join(store.images, 'layers', a.diffId, 'layer.json'), text)
        await bring(store, imageOf('first', [a]).image)
        isSound(store)
      }
    })
  })
})
