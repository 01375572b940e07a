// Manifests and configurations: what is an image, and what is refused by which name.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../../core/errors.ts'
import { isForeign, layerHex, readConfig, readDocument } from '../../../core/image/documents.ts'
import { mediaTypes } from '../../../core/image/manifest.ts'
import { type Contents, resolveImage } from '../../../core/image/resolve.ts'

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const digestOf = (content: Uint8Array) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const zero = `sha256:${'0'.repeat(64)}`
const descriptor = (mediaType: string, digest = zero) => ({ mediaType, digest, size: 2 })
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest as string,
  config: descriptor(mediaTypes.ociConfig),
  layers: [descriptor(mediaTypes.ociLayerGzip)],
}
const read = (value: unknown, mediaType?: string) => readDocument(bytes(value), mediaType, 'r/x:1')

describe('a document', () => {
  it('is a manifest or an index by what is in it, whatever it came as', () => {
    expect(read(manifest, mediaTypes.ociIndex).kind).toBe('manifest')
    expect(read({ ...manifest, mediaType: undefined }).kind).toBe('manifest')
    const docker = { ...manifest, mediaType: mediaTypes.dockerManifest, config: descriptor(mediaTypes.dockerConfig) }
    expect(read(docker).kind).toBe('manifest')
    expect(read({ schemaVersion: 2, manifests: [descriptor(mediaTypes.ociManifest)] }).kind).toBe('index')
  })

  it.each([
    ['an empty one', '', 'it is no JSON'],
    ['text', 'not found', 'it is no JSON'],
    ['a number', '12', 'it is no JSON object'],
    ['what is neither', { schemaVersion: 2 }, 'neither an image manifest nor an index'],
    ['what is both', { ...manifest, manifests: [] }, 'manifests as well as layers'],
    ['another version', { ...manifest, schemaVersion: 3 }, 'schema version 3, not 2'],
    ['a layer without a digest', { ...manifest, layers: [{ size: 1 }] }, 'neither an image manifest nor an index'],
    ["Docker's schema 1", { schemaVersion: 1, fsLayers: [], history: [] }, "Docker's schema 1"],
    [
      'a helm chart',
      { ...manifest, config: descriptor('application/vnd.cncf.helm.config.v1+json') },
      'r/x:1 is an artifact of type application/vnd.cncf.helm.config.v1+json, not an image',
    ],
    [
      'an artifact',
      { ...manifest, artifactType: 'text/x-recipe', config: descriptor('application/vnd.oci.empty.v1+json') },
      'r/x:1 is an artifact of type text/x-recipe, not an image',
    ],
    [
      'an artifact with a nameless configuration',
      { ...manifest, artifactType: 'text/x-recipe', config: descriptor('') },
      'is an artifact of type text/x-recipe',
    ],
  ])('that is %s is refused', (_, value, sentence) => {
    expect(() => read(value)).toThrow(sentence)
  })

  it('is an image when its configuration is one, though it has an artifact type as well', () => {
    expect(read({ ...manifest, artifactType: 'application/vnd.example+type' }).kind).toBe('manifest')
    expect(read({ ...manifest, config: descriptor('application/octet-stream') }).kind).toBe('manifest')
  })

  it('that is any JSON is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          read(text)
        } catch (error) {
          expect(error).toBeInstanceOf(UserError)
        }
      }),
    )
  })
})

describe('a layer', () => {
  it('is refused when it is encrypted or no tar', () => {
    const type = mediaTypes.ociLayerGzip
    expect(layerHex(descriptor(type), 'x')).toBe('0'.repeat(64))
    expect(() => layerHex(descriptor(`${type}+encrypted`), 'x: layer 1')).toThrow(/^x: layer 1: it is encrypted/)
    expect(() => layerHex(descriptor('application/wasm'), 'x')).toThrow('a layer of the type application/wasm')
    expect(() => layerHex(descriptor(type, 'sha512:00'), 'x')).toThrow('is not sha256:')
  })

  it('is foreign in the words of both formats', () => {
    expect(isForeign({ mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' })).toBe(true)
    expect(isForeign({ mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' })).toBe(true)
    expect(isForeign({ mediaType: mediaTypes.dockerLayerGzip })).toBe(false)
  })
})

describe('a configuration', () => {
  it('has as many layers as the manifest', () => {
    const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [zero] } }
    expect(readConfig(bytes(config), 1, 'x').rootfs.diff_ids).toEqual([zero])
    expect(() => readConfig(bytes(config), 2, 'x')).toThrow('it has 2 layers, its configuration 1')
    expect(() => readConfig(bytes({}), 0, 'x')).toThrow('no rootfs.diff_ids')
    expect(() => readConfig(bytes({ rootfs: { diff_ids: [1] } }), 1, 'x')).toThrow('no rootfs.diff_ids')
  })
})

describe('an image among documents', () => {
  const archive = {
    sha256: () => {
      const hash = createHash('sha256')
      return { update: (part: Uint8Array) => void hash.update(part), hex: () => hash.digest('hex') }
    },
  } as Parameters<typeof resolveImage>[0]
  const amd64 = { os: 'linux', architecture: 'amd64', asked: false }

  /** Documents that name each other, from the last to the first; answers the first's digest. */
  function chain(depth: number, change: (documents: Map<string, Uint8Array>, config: string) => void = () => {}) {
    const documents = new Map<string, Uint8Array>()
    const add = (value: unknown) => {
      const content = bytes(value)
      documents.set(digestOf(content), content)
      return digestOf(content)
    }
    const config = add({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [zero] } })
    let top = add({ ...manifest, config: descriptor(mediaTypes.ociConfig, config) })
    for (let level = 0; level < depth; level++) {
      const entry = { ...descriptor(mediaTypes.ociManifest, top), platform: { os: 'linux', architecture: 'amd64' } }
      top = add({ schemaVersion: 2, manifests: [entry] })
    }
    change(documents, config)
    const get = async ({ digest }: { readonly digest: string }) => documents.get(digest)!
    const contents: Contents = { title: 'r/x:1', manifest: get, config: get, layer: () => expect.fail() }
    return { top, contents, documents }
  }

  it('is found below indexes, the outermost of which is kept with it', async () => {
    for (const depth of [0, 1, 3]) {
      const { top, contents, documents } = chain(depth)
      const image = await resolveImage(archive, contents, { digest: top }, amd64)
      expect(image.layers).toHaveLength(1)
      expect(image.index && `sha256:${image.index.hex}`).toBe(depth === 0 ? undefined : top)
      expect(documents.get(`sha256:${image.manifest!.hex}`)).toBe(image.manifest!.bytes)
    }
  })

  it('is not looked for below more indexes than anybody needs', async () => {
    const { top, contents } = chain(4)
    await expect(resolveImage(archive, contents, { digest: top }, amd64)).rejects.toThrow('indexes in indexes')
  })

  it('is refused when a document is another than the digest says', async () => {
    const damaged = chain(1, (documents, config) => documents.set(config, bytes('{}')))
    await expect(resolveImage(archive, damaged.contents, { digest: damaged.top }, amd64)).rejects.toThrow('is damaged')
    const { top, contents } = chain(0)
    const given = { digest: top, bytes: bytes(manifest) }
    await expect(resolveImage(archive, contents, given, amd64)).rejects.toThrow('it is damaged: it is not sha256:')
  })

  it('for another machine is refused to somebody who asked for this one, and to nobody else', async () => {
    const { top, contents } = chain(0)
    const arm = { os: 'linux', architecture: 'arm64' }
    await resolveImage(archive, contents, { digest: top }, { ...arm, asked: false })
    await expect(resolveImage(archive, contents, { digest: top }, { ...arm, asked: true })).rejects.toThrow(
      'r/x:1: no image for linux/arm64; it is for linux/amd64',
    )
  })
})
