// Blobs that go to a registry: in which requests, and how they come whole over connections that break.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../../../core/image/registry/http.ts'
import { blobOf, digestOf } from '../../support/registry-client.ts'
import { broken, type Reply, type Sent, scripted } from '../../support/scripted-http.ts'

const content = (lengthBytes: number) => new Uint8Array(lengthBytes).map((_, at) => (at * 11 + (at >> 8)) % 253)

interface Model {
  /** What is to be done instead, and to how much of a body that still arrives. */
  readonly fault?: (sent: { readonly method: string }, count: number) => Fault | undefined
  readonly leastChunkBytes?: number
  /** Requests with longer bodies are refused. */
  readonly bodyLimitBytes?: number
}

/** `drop`: it is done, and the answer gets lost. `cut`: so many bytes arrive. */
type Fault =
  | { readonly drop: true }
  | { readonly cut: number }
  | { readonly status: number }
  | { readonly forget: true }

/** A registry as the specification has it, in memory. */
function registryOf(model: Model = {}) {
  const blobs = new Map<string, Buffer>()
  const uploads = new Map<string, Buffer>()
  let state = 0
  const faults: (Fault | undefined)[] = []
  // Called for each request before its body is read.
  const limit = (request: HttpRequest) => {
    const fault = model.fault?.(request, faults.length + 1)
    faults.push(fault)
    return fault && 'cut' in fault ? fault.cut : Number.POSITIVE_INFINITY
  }
  const answer = (sent: Sent): Reply => {
    const { method, url, headers, body } = sent
    const fault = faults.at(-1)
    const id = url.pathname.split('/').at(-1)!
    const at = (status: number, name = id): Reply => {
      const has = uploads.get(name)!.length
      const location = `/v2/team/app/blobs/uploads/${name}?_state=${++state}`
      return { status, headers: { location, range: `0-${Math.max(0, has - 1)}` } }
    }
    if (fault && 'status' in fault) return { status: fault.status }
    if (fault && 'forget' in fault) uploads.clear()
    if (method === 'HEAD') return { status: blobs.has(id) ? 200 : 404 }
    if (body.length > (model.bodyLimitBytes ?? Number.POSITIVE_INFINITY)) return { status: 413 }
    if (method === 'POST') {
      uploads.set(`u${++state}`, Buffer.alloc(0))
      const begun = at(202, `u${state}`)
      const least = model.leastChunkBytes
      return least === undefined
        ? begun
        : { ...begun, headers: { ...begun.headers, 'OCI-Chunk-Min-Length': `${least}` } }
    }
    const before = uploads.get(id)
    if (before === undefined) return { status: 404, body: { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN' }] } }
    if (method === 'GET') return at(204)
    if (method === 'DELETE') return uploads.delete(id) ? { status: 204 } : { status: 404 }
    const start = Number(/^(\d+)-/.exec(headers['content-range'] ?? '0-')![1])
    if (sent.request.body !== undefined && start !== before.length) return { status: 416 }
    uploads.set(id, Buffer.concat([before, body]))
    if (fault && 'cut' in fault) throw broken(url)
    if (method === 'PATCH') {
      if (fault) throw broken(url)
      return at(202)
    }
    const digest = url.searchParams.get('digest')!
    if (digestOf(uploads.get(id)!) !== digest) return { status: 400, body: { errors: [{ code: 'DIGEST_INVALID' }] } }
    blobs.set(digest, uploads.get(id)!)
    uploads.delete(id)
    if (fault) throw broken(url)
    return { status: 201 }
  }
  const script = scripted(answer, {}, limit)
  const words = () =>
    script.sent.map(({ method, headers, body }) =>
      [method, headers['content-range'], body.length].filter(Boolean).join(' '),
    )
  return { ...script, blobs, uploads, words }
}

describe('an upload', () => {
  it('of a small blob is one request besides the one that begins', async () => {
    const { client, words, sent } = registryOf()
    await client.uploadBlob(blobOf(content(1000)))
    expect(words()).toEqual(['POST', 'PUT 1000'])
    expect(sent[1]!.url.searchParams.get('_state')).toBe('2')
  })

  it('of a large one is sent as a stream, and then named', async () => {
    const { client, words } = registryOf()
    await client.uploadBlob(blobOf(content(1_500_000)))
    expect(words()).toEqual(['POST', 'PATCH 1500000', 'PUT'])
  })

  it('goes in portions when that is wanted, of no less than the registry wants', async () => {
    const wanted = registryOf()
    await wanted.client.uploadBlob(blobOf(content(25_000)), { chunkBytes: 10_000 })
    const portions = ['PATCH 0-9999 10000', 'PATCH 10000-19999 10000', 'PATCH 20000-24999 5000']
    expect(wanted.words()).toEqual(['POST', ...portions, 'PUT'])
    const least = registryOf({ leastChunkBytes: 20_000 })
    await least.client.uploadBlob(blobOf(content(25_000)), { chunkBytes: 10_000 })
    expect(least.words()).toEqual(['POST', 'PATCH 0-19999 20000', 'PATCH 20000-24999 5000', 'PUT'])
  })

  it('goes in portions when the whole is too large for the registry', async () => {
    const { client, words } = registryOf({ bodyLimitBytes: 17 << 20 })
    await client.uploadBlob(blobOf(content(20 << 20)))
    expect(words()).toEqual([
      'POST',
      `PATCH ${20 << 20}`,
      'GET',
      `PATCH 0-${(16 << 20) - 1} ${16 << 20}`,
      `PATCH ${16 << 20}-${(20 << 20) - 1} ${4 << 20}`,
      'PUT',
    ])
    const small = registryOf({ bodyLimitBytes: 100 })
    await expect(small.client.uploadBlob(blobOf(content(1000)))).rejects.toMatchObject({ status: 413 })
  })

  it('goes on where the connection broke', async () => {
    const { client, words, blobs } = registryOf({ fault: (_, count) => (count === 2 ? { cut: 700_000 } : undefined) })
    const blob = blobOf(content(1_500_000))
    const progress: number[] = []
    await client.uploadBlob(blob, { onProgress: (doneBytes) => progress.push(doneBytes) })
    expect(words()).toEqual(['POST', 'PATCH 700000', 'GET', 'PATCH 700000-1499999 800000', 'PUT'])
    expect(blob.opened).toEqual([0, 700_000])
    expect([progress.at(-1), blobs.size]).toEqual([1_500_000, 1])
  })

  it('whose last answer got lost is found to have ended', async () => {
    const { client, words } = registryOf({ fault: ({ method }) => (method === 'PUT' ? { drop: true } : undefined) })
    await client.uploadBlob(blobOf(content(1000)))
    expect(words()).toEqual(['POST', 'PUT 1000', 'GET', 'HEAD'])
  })

  it('that the registry forgot begins anew', async () => {
    const { client, words, blobs } = registryOf({ fault: (_, count) => (count === 3 ? { forget: true } : undefined) })
    await client.uploadBlob(blobOf(content(25_000)), { chunkBytes: 10_000 })
    expect(words().slice(2, 6)).toEqual(['PATCH 10000-19999 10000', 'GET', 'HEAD', 'POST'])
    expect(blobs.size).toBe(1)
  })

  it('begins anew when the registry refuses from where it says that it goes on: 0-0 may be a byte', async () => {
    const { client, words } = registryOf({ fault: (_, count) => (count === 2 ? { cut: 1 } : undefined) })
    await client.uploadBlob(blobOf(content(10)))
    expect(words()).toEqual(['POST', 'PUT 1', 'GET', 'PUT 10', 'GET', 'DELETE', 'POST', 'PUT 10'])
  })

  it('comes whole, whatever breaks between, or ends with an error and nothing left', async () => {
    const fault = fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      fc.record({ cut: fc.integer({ min: 0, max: 30_000 }) }),
      fc.constantFrom<Fault>({ drop: true }, { status: 503 }, { status: 429 }, { forget: true }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fault, { maxLength: 12 }),
        fc.integer({ min: 1, max: 40_000 }),
        fc.constantFrom(undefined, 7_000, 20_000),
        async (plan, sizeBytes, chunkBytes) => {
          const { client, blobs, sent } = registryOf({ fault: (_, count) => plan[count - 1] })
          const blob = blobOf(content(sizeBytes))
          const error = await client.uploadBlob(blob, { chunkBytes }).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          if (error === undefined) expect(blobs.get(blob.digest)?.equals(blob.bytes)).toBe(true)
          // Only a registry that broke five times without any progress is given up.
          else expect(plan.slice(0, sent.length).filter((one) => one !== undefined).length).toBeGreaterThanOrEqual(5)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('that fails is ended at the registry', async () => {
    const { client, uploads, words } = registryOf()
    await expect(client.uploadBlob({ ...blobOf(content(1000)), digest: digestOf(content(1)) })).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
      status: 400,
    })
    expect([words().at(-1), uploads.size]).toEqual(['DELETE', 0])
    const busy = registryOf({ fault: ({ method }) => (method === 'PATCH' ? { status: 503 } : undefined) })
    await expect(busy.client.uploadBlob(blobOf(content(2_000_000)))).rejects.toMatchObject({ status: 503 })
    expect([busy.words().at(-1), busy.uploads.size]).toEqual(['DELETE', 0])
  })

  it('fails with what its source throws, at once', async () => {
    const { client, words } = registryOf()
    const source = {
      ...blobOf(content(2_000_000)),
      // biome-ignore lint/correctness/useYield: it fails before the first piece.
      async *open(): AsyncGenerator<Uint8Array> {
        throw new Error('the disk is broken')
      },
    }
    await expect(client.uploadBlob(source)).rejects.toThrow('the disk is broken')
    expect(words()).toEqual(['POST', 'DELETE'])
  })

  it('is not begun where nobody says where', async () => {
    const { client } = scripted(() => ({ status: 202 }))
    await expect(client.uploadBlob(blobOf(content(10)))).rejects.toThrow('the registry does not say where to send it')
  })

  it('sends no login to another host that it is sent to', async () => {
    const credentials = { username: 'tester', password: 'secret' }
    const { client, sent } = scripted(
      ({ url, headers, method }): Reply => {
        if (url.host === 'uploads.example') return { status: method === 'PUT' ? 201 : 404 }
        if (!headers.authorization) return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
        return { status: 202, headers: { location: 'https://uploads.example/1' } }
      },
      { credentials },
    )
    await client.uploadBlob(blobOf(content(10)))
    expect(sent.map(({ url, headers }) => [url.host, 'authorization' in headers])).toEqual([
      ['registry.example', false],
      ['registry.example', true],
      ['uploads.example', false],
    ])
  })
})

describe('a mount', () => {
  const digest = digestOf(content(1))
  it('is a blob taken over; an upload that is begun instead is ended', async () => {
    const taken = scripted(() => ({ status: 201 }))
    expect(await taken.client.mountBlob(digest, 'other/app')).toBe(true)
    expect(taken.lines()).toEqual([
      `POST https://registry.example/v2/team/app/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=other%2Fapp`,
    ])
    const begun = scripted(({ method }) => ({ status: method === 'POST' ? 202 : 204, headers: { location: '/u?1' } }))
    expect(await begun.client.mountBlob(digest, 'other/app')).toBe(false)
    expect(begun.lines().at(-1)).toBe('DELETE https://registry.example/u?1')
  })

  it('that the registry does not want is none', async () => {
    for (const status of [403, 404, 405]) {
      expect(await scripted(() => ({ status })).client.mountBlob(digest, 'other/app')).toBe(false)
    }
  })
})
