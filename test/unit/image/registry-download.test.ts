// Blobs that come over connections which break, from servers that can begin in the middle and from those that cannot.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blobOf, collected } from '../../support/registry-client.ts'
import { broken, type Reply, type Sent, scripted } from '../../support/scripted-http.ts'

const content = new Uint8Array(200_000).map((_, at) => (at * 7 + (at >> 8)) % 251)
const blob = blobOf(content)

/** Answers a range as RFC 9110 says. */
function ranged({ headers }: Sent, more: Partial<Reply> = {}): Reply {
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? Number.NaN)
  if (Number.isNaN(start)) return { body: content, ...more }
  const range = `bytes ${start}-${content.length - 1}/${content.length}`
  return { status: 206, headers: { 'content-range': range }, body: content.subarray(start), ...more }
}

describe('a blob', () => {
  it('goes on where the connection broke', async () => {
    const { client, sent } = scripted((one, count) => ranged(one, count < 3 ? { breaksAfter: 70_000 } : {}))
    expect((await collected(client.blob(blob))).equals(content)).toBe(true)
    expect(sent.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=70000-', 'bytes=140000-'])
  })

  it('goes on with a server that begins anew', async () => {
    const { client } = scripted((_, count) => ({ body: content, breaksAfter: count < 3 ? 70_000 + count : undefined }))
    expect((await collected(client.blob(blob))).equals(content)).toBe(true)
  })

  it('goes on when the end comes too early without an error', async () => {
    const { client } = scripted((one, count) => (count === 1 ? { body: content.subarray(0, 90_000) } : ranged(one)))
    expect((await collected(client.blob(blob))).equals(content)).toBe(true)
  })

  it('is whole however often and wherever it breaks, as long as there is progress', async () => {
    const breaks = fc.array(
      fc.record({ after: fc.integer({ min: 65_536, max: 90_000 }), ignoresRange: fc.boolean() }),
      {
        maxLength: 6,
      },
    )
    await fc.assert(
      fc.asyncProperty(breaks, async (plan) => {
        const { client } = scripted((one, count) => {
          const fault = plan[count - 1]
          const start = Number(/\d+/.exec(one.headers.range ?? '0')![0])
          if (fault?.ignoresRange) return { body: content, breaksAfter: start + fault.after }
          return ranged(one, { breaksAfter: fault?.after })
        })
        expect((await collected(client.blob(blob))).equals(content)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('is given up after five connections without progress, and what comes in drops is none', async () => {
    const { client, sent, slept } = scripted((one) => ranged(one, { breaksAfter: 100 }))
    await expect(collected(client.blob(blob))).rejects.toMatchObject({
      code: 'ECONNRESET',
      message: `pull registry.example/team/app@${blob.digest}: registry.example broke the connection`,
    })
    expect([sent.length, slept.length]).toEqual([5, 4])
  })

  it('waits anew after progress', async () => {
    const { client, slept } = scripted((one, count) => {
      if (count === 1 || count === 2) throw broken(one.url)
      return ranged(one, count === 3 ? { breaksAfter: 100_000 } : {})
    })
    await collected(client.blob(blob))
    expect(slept).toEqual([500, 1000, 500])
  })

  it('is not believed before its last piece when a byte is another', async () => {
    const damaged = content.slice()
    damaged[150_000]! ^= 1
    const { client } = scripted(() => ({ body: damaged }))
    let receivedBytes = 0
    const read = async () => {
      for await (const part of client.blob(blob)) receivedBytes += part.length
    }
    const found = createHash('sha256').update(damaged).digest('hex')
    await expect(read()).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
      message: `pull registry.example/team/app@${blob.digest}: it is damaged: its digest is sha256:${found}`,
    })
    expect(receivedBytes).toBeLessThan(content.length)
  })

  it('that is longer than it should be is refused before the rest is read', async () => {
    const { client } = scripted(() => ({ body: content }))
    const short = { ...blob, sizeBytes: 100_000 }
    await expect(collected(client.blob(short))).rejects.toThrow('it is damaged: it is longer than 100000 bytes')
  })

  it('that is empty is checked too', async () => {
    const empty = blobOf(new Uint8Array())
    const { client } = scripted(() => ({}))
    expect((await collected(client.blob(empty))).length).toBe(0)
    await expect(collected(client.blob({ ...blob, sizeBytes: 0 }))).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
  })

  it('is refused when the server sends another part than was asked for', async () => {
    for (const range of ['bytes 0-199999/200000', 'bytes 70000-199999/300000', 'nonsense', undefined]) {
      const headers: Record<string, string> = range === undefined ? {} : { 'content-range': range }
      const { client } = scripted((one, count) =>
        count === 1 ? ranged(one, { breaksAfter: 70_000 }) : { status: 206, headers, body: content.subarray(70_000) },
      )
      await expect(collected(client.blob(blob))).rejects.toThrow(
        /asked for the bytes from 70000 of 200000 on, it sends/,
      )
    }
  })

  it('is asked for again when the registry is busy, and not when it does not have it', async () => {
    const busy = scripted((one, count) => (count < 4 ? { status: 502 } : ranged(one)))
    await collected(busy.client.blob(blob))
    expect(busy.slept.length).toBe(3)
    const absent = scripted(() => ({ status: 404, body: { errors: [{ code: 'BLOB_UNKNOWN' }] } }))
    await expect(collected(absent.client.blob(blob))).rejects.toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' })
    expect(absent.sent.length).toBe(1)
  })

  it('of a foreign layer is taken from where it says, by nobody, when the registry does not have it', async () => {
    const credentials = { username: 'tester', password: 'secret' }
    const { client, sent } = scripted(
      (one, count): Reply => {
        if (one.url.host === 'foreign.example') return ranged(one, count < 5 ? { breaksAfter: 70_000 } : {})
        if (one.url.host === 'gone.example') return { status: 404 }
        if (one.headers.authorization) return { status: 404 }
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
      },
      { credentials },
    )
    const urls = ['file:///etc/shadow', 'https://gone.example/layer', 'https://foreign.example/layer']
    expect((await collected(client.blob({ ...blob, urls }))).equals(content)).toBe(true)
    const seen = sent.map(({ url, headers }) => `${url.host} ${'authorization' in headers} ${headers.range ?? ''}`)
    expect(seen).toEqual([
      'registry.example false ',
      'registry.example true ',
      'gone.example false ',
      'foreign.example false ',
      'foreign.example false bytes=70000-',
    ])
  })

  it('of another digest than sha256 is refused', async () => {
    const { client, sent } = scripted(() => ({ body: content }))
    await expect(collected(client.blob({ ...blob, digest: 'sha512:00' }))).rejects.toThrow('is not sha256:')
    expect(sent).toEqual([])
  })
})
