// Layouts with images for several platforms: the machine's is taken, or the one that is asked for.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { importImage, loadImages } from '../../core/image/import.ts'
import { tar } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { storeIn } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'
import { hostArchitecture, makeImage, makeIndex, type RemoteImage } from '../support/remote-images.ts'

const { describe, it } = skipUnless({ linux: true, natives: true })

const otherArchitecture = hostArchitecture === 'arm64' ? 'amd64' : 'arm64'
const layers = [tar([{ path: 'a', content: 'a' }])]
const own = { image: makeImage({ layers }), platform: { os: 'linux', architecture: hostArchitecture } }
const other = {
  image: makeImage({ layers, architecture: otherArchitecture }),
  platform: { os: 'linux', architecture: otherArchitecture },
}
const asked = { os: 'linux', architecture: otherArchitecture, asked: true }

interface Entry {
  readonly image: RemoteImage
  readonly platform?: { readonly os: string; readonly architecture: string }
  readonly tag?: string
}

/** An OCI image layout in a directory. */
function layoutIn(directory: string, entries: readonly Entry[]): string {
  const blobs = join(directory, 'layout/blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const put = (image: RemoteImage) => {
    for (const [digest, blob] of [...image.blobs, [image.digest, image.bytes] as const])
      writeFileSync(join(blobs, digest.slice(7)), blob)
    image.manifests.forEach(put)
  }
  const manifests = entries.map(({ image, platform, tag }) => {
    put(image)
    const annotations = tag === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': tag } }
    const { mediaType, digest, bytes } = image
    return { mediaType, digest, size: bytes.length, platform, ...annotations }
  })
  writeFileSync(join(directory, 'layout/index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  return join(directory, 'layout')
}

describe('a layout', () => {
  it.each([
    ['with an index', [{ image: makeIndex([other, own]) }]],
    [
      'with entries of one name',
      [
        { ...other, tag: 'v1' },
        { ...own, tag: 'v1' },
      ],
    ],
  ] as const)('%s gives the image for the machine, or the one that is asked for', async (_, entries) => {
    await withTemporaryDirectory(async (directory) => {
      const source = `oci:${layoutIn(directory, entries)}`
      const { host } = storeIn(directory)
      expect((await importImage(host, source)).platform).toBe(`linux/${hostArchitecture}`)
      expect((await importImage(host, source, { platform: asked })).platform).toBe(`linux/${otherArchitecture}`)
      const none = { os: 'linux', architecture: 's390x', asked: true }
      await expect(importImage(host, source, { platform: none })).rejects.toThrow('no image for linux/s390x; it has ')
    })
  })

  it('with one image gives that to whoever does not ask for another', async () => {
    await withTemporaryDirectory(async (directory) => {
      const path = layoutIn(directory, [{ image: own.image, tag: 'v1' }])
      const { host } = storeIn(directory)
      await expect(loadImages(host, path, { platform: asked })).rejects.toThrow(`it is for linux/${hostArchitecture}`)
      expect(await loadImages(host, path)).toHaveLength(1)
    })
  })
})
