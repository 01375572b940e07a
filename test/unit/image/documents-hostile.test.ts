// Hostile documents: whatever stands in the place of what is expected, the image is understood or refused by a sentence,
// and who uses its configuration afterwards never meets what he does not expect.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { imageRows } from '../../../cli/views/images.ts'
import { historyJson, historyRow } from '../../../cli/views/layers.ts'
import { UserError } from '../../../core/errors.ts'
import { jsonObject, readConfig, readDocument } from '../../../core/image/documents.ts'
import type { Layout } from '../../../core/image/layout.ts'
import { mediaTypes } from '../../../core/image/manifest.ts'
import { chooseForPlatform, type WantedPlatform } from '../../../core/image/platform.ts'
import { type Contents, resolveImage } from '../../../core/image/resolve.ts'
import { imagesIn } from '../../../core/image/source.ts'
import { specOf } from '../spec/facts-for-tests.ts'

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const digestOf = (content: Uint8Array) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const archive = {
  sha256: () => {
    const hash = createHash('sha256')
    return { update: (part: Uint8Array) => void hash.update(part), hex: () => hash.digest('hex') }
  },
} as Parameters<typeof resolveImage>[0]
const zero = `sha256:${'0'.repeat(64)}`
const platform = { os: 'linux', architecture: 'amd64', variant: 'v2' }
const wanted: WantedPlatform = { os: 'linux', architecture: 'amd64', asked: true }
const layer = { mediaType: mediaTypes.ociLayerGzip as string, digest: zero, size: 3, urls: ['https://x/y'] }
const config = {
  created: '2030-01-01T00:00:00Z',
  author: 'a',
  ...platform,
  config: {
    User: 'root',
    Env: ['A=b'],
    Entrypoint: ['/bin/sh'],
    Cmd: ['-c', 'true'],
    WorkingDir: '/tmp',
    ExposedPorts: { '80/tcp': {} },
    Volumes: { '/data': {} },
    Labels: { a: 'b' },
    StopSignal: 'SIGTERM',
  },
  rootfs: { type: 'layers', diff_ids: [zero] },
  history: [{ created: '2030-01-01T00:00:00Z', created_by: 'x', comment: 'y', empty_layer: false }],
}
const manifestOf = (configBytes: Uint8Array) => ({
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest as string,
  config: { mediaType: mediaTypes.ociConfig as string, digest: digestOf(configBytes), size: configBytes.length },
  layers: [layer],
  annotations: { a: 'b' },
})
const entryOf = (bytes: Uint8Array) => ({
  mediaType: mediaTypes.ociManifest as string,
  digest: digestOf(bytes),
  size: bytes.length,
  platform,
  annotations: { 'org.opencontainers.image.ref.name': 'latest' },
})

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    true,
    '',
    'constructor',
    '__proto__',
    'a\0b',
    '\u001b[2J',
    [],
    {},
  ),
  fc.constantFrom<unknown>([null], [1], { a: 1 }, [[]], zero.toUpperCase(), 'sha512:00', mediaTypes.ociIndex),
  fc.jsonValue(),
)

/** Every place in a document: the keys that lead there. */
function places(value: unknown, above: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...above]]
  return [[...above], ...Object.entries(value).flatMap(([key, one]) => places(one, [...above, key]))]
}

function withAt(value: unknown, path: readonly string[], other: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return other
  const inner = (value as Record<string, unknown>)[key]
  if (Array.isArray(value)) return value.map((one, index) => (String(index) === key ? withAt(one, rest, other) : one))
  return { ...(value as object), [key]: withAt(inner, rest, other) }
}

/** The document with something strange in one or two of its places. */
const changed = (document: unknown) =>
  fc.array(fc.tuple(fc.constantFrom(...places(document)), strange), { minLength: 1, maxLength: 2 }).map((changes) =>
    changes.reduce((value, [path, other]) => {
      try {
        return withAt(value, path, other)
      } catch {
        return value // The first change has taken away the place of the second.
      }
    }, document),
  )

/** Runs what may be refused. @returns undefined when it was */
async function orRefused<T>(act: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    return undefined
  }
}

function contentsOf(...documents: readonly Uint8Array[]): Contents {
  const known = new Map(documents.map((bytes) => [digestOf(bytes), bytes]))
  const find = async ({ digest }: { readonly digest: string }) => {
    const found = known.get(digest)
    if (found === undefined) throw new UserError('it is not there')
    return found
  }
  return { title: 'r/x:1', manifest: find, config: find, layer: () => (async function* () {})() }
}

describe('a document with something else in the place of what is expected', () => {
  it('is an image or none: its manifest', async () => {
    const configBytes = bytesOf(config)
    await fc.assert(
      fc.asyncProperty(changed(manifestOf(configBytes)), async (manifest) => {
        const bytes = bytesOf(manifest)
        const top = { digest: digestOf(bytes), bytes }
        const image = await orRefused(() => resolveImage(archive, contentsOf(configBytes), top, wanted))
        for (const { blob, diffId } of image?.layers ?? []) {
          expect(blob!.hex).toMatch(/^[0-9a-f]{64}$/)
          expect(diffId).toMatch(/^[0-9a-f]{64}$/)
          expect(blob!.sizeBytes).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is an image or none: its index', async () => {
    const configBytes = bytesOf(config)
    const manifestBytes = bytesOf(manifestOf(configBytes))
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entryOf(manifestBytes)] }
    await fc.assert(
      fc.asyncProperty(changed(index), async (value) => {
        const bytes = bytesOf(value)
        const top = { digest: digestOf(bytes), bytes }
        await orRefused(() => resolveImage(archive, contentsOf(configBytes, manifestBytes), top, wanted))
      }),
      { numRuns: 500 },
    )
  })

  it('is an image that can be shown and run, or none: its configuration', async () => {
    await fc.assert(
      fc.asyncProperty(changed(config), async (value) => {
        const read = await orRefused(() => readConfig(bytesOf(value), 1, 'r/x:1'))
        if (read === undefined) return
        const parsed = JSON.parse(JSON.stringify(value))
        await orRefused(() => specOf({ command: [] }, { image: parsed.config ?? {} }))
        const { created, history } = parsed
        const record = {
          id: '0'.repeat(64),
          names: [],
          repoDigests: [],
          digest: zero,
          platform: '',
          blobs: [],
          layers: [],
          sizeBytes: 0,
        }
        imageRows(
          { image: { ...record, created }, names: [], labels: parsed.config?.Labels ?? {}, containers: [] },
          0,
          true,
        )
        for (const step of history ?? []) {
          const shown = {
            names: [],
            created: step.created,
            createdBy: step.created_by ?? '',
            comment: step.comment ?? '',
            bytes: 0,
          }
          historyRow(shown, { nowMs: 0, whole: false, human: false })
          historyJson(shown)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is a layout or none: its index.json', async () => {
    const configBytes = bytesOf(config)
    const manifestBytes = bytesOf(manifestOf(configBytes))
    const index = { schemaVersion: 2, manifests: [entryOf(manifestBytes)] }
    await fc.assert(
      fc.asyncProperty(changed(index), async (value) => {
        const files = new Map([['index.json', bytesOf(value)]])
        for (const bytes of [configBytes, manifestBytes]) files.set(`blobs/sha256/${digestOf(bytes).slice(7)}`, bytes)
        const images = await orRefused(() => imagesIn(archive, layoutOf(files), { kind: 'any', path: 'x.tar' }, wanted))
        for (const { names } of images ?? []) for (const name of names) expect(name).toMatch(/^[\w./:-]+$/)
      }),
      { numRuns: 500 },
    )
  })

  it('is a docker archive or none: its manifest.json', async () => {
    const document = [{ Config: 'c.json', RepoTags: ['r.example/x:1'], Layers: ['l.tar'] }]
    await fc.assert(
      fc.asyncProperty(changed(document), async (value) => {
        const files = new Map([
          ['manifest.json', bytesOf(value)],
          ['c.json', bytesOf(config)],
        ])
        await orRefused(() => imagesIn(archive, layoutOf(files), { kind: 'any', path: 'x.tar' }, wanted))
      }),
      { numRuns: 500 },
    )
  })
})

function layoutOf(files: ReadonlyMap<string, Uint8Array>): Layout {
  const read = async (path: string) => {
    const found = files.get(path)
    if (found === undefined) throw new UserError(`${path} is not in the archive`)
    return found
  }
  return {
    title: 'x.tar',
    has: (path) => files.has(path),
    read,
    stream: () => (async function* () {})(),
    close: () => {},
  }
}

describe('a document', () => {
  it('has no more layers than Linux puts together', () => {
    const layers = (count: number) => bytesOf({ ...manifestOf(bytesOf(config)), layers: Array(count).fill(layer) })
    expect(readDocument(layers(500), undefined, 'x').kind).toBe('manifest')
    expect(() => readDocument(layers(501), undefined, 'x')).toThrow(
      'x: it has 501 layers, and Linux puts no more than 500',
    )
  })

  it('is not one thing by its type and another by what is in it', () => {
    const manifest = manifestOf(bytesOf(config))
    expect(() => readDocument(bytesOf({ ...manifest, mediaType: mediaTypes.ociIndex }), undefined, 'x')).toThrow(
      'and is none',
    )
    const index = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, manifests: [] }
    expect(() => readDocument(bytesOf(index), undefined, 'x')).toThrow('and is none')
  })

  it('is not nested without end, and brackets in texts are none', () => {
    const deep = new TextEncoder().encode(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`)
    expect(() => jsonObject(deep, 'x')).toThrow('x: its JSON is nested more than 100 times')
    const texts = { a: '['.repeat(1000), b: `\\"${'{'.repeat(1000)}` }
    expect(jsonObject(bytesOf(texts), 'x')).toEqual(texts)
  })

  it('for a platform that objects of JavaScript have is for another', () => {
    for (const architecture of ['constructor', '__proto__', 'toString']) {
      const entry = { ...layer, platform: { os: 'linux', architecture } }
      expect(() => chooseForPlatform(wanted, [entry], 'x')).toThrow(/no image for linux\/amd64; it has linux\//)
    }
  })
})
