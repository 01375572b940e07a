// The proxy that fails by plan does fail, in the way that was asked for, and counts right.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
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
  shortensTo,
  stallsAfter,
} from '../../support/faults-of-http.ts'

const content = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)

describe('the fault proxy', () => {
  const got: string[] = []
  const server = createServer((request, response) => {
    got.push(`${request.method} ${request.url}`)
    const begin = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const length = String(content.length - begin)
    response.writeHead(begin > 0 ? 206 : 200, { 'content-length': length, 'x-host': request.headers.host ?? '' })
    response.end(content.subarray(begin))
  })
  let proxy: FaultProxy
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    proxy = await startFaultProxy(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
  beforeEach(() => {
    proxy.plan()
    got.length = 0
  })
  afterAll(async () => {
    await proxy.stop()
    server.closeAllConnections()
    server.close()
  })
  const url = () => `http://${proxy.address}/blob`
  const planned = (fault: Fault) => proxy.plan({ on: /^GET \/blob/, fault })
  const read = async (init: RequestInit = {}) => Buffer.from(await (await fetch(url(), init)).arrayBuffer())

  it('passes on what it has no plan for, with the host that was asked for', async () => {
    const answer = await fetch(url(), { headers: { range: 'bytes=99990-' } })
    expect(answer.headers.get('x-host')).toBe(proxy.address)
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from(content.subarray(99_990)))
    expect(proxy.seen).toMatchObject([{ status: 206, bytes: 10, complete: true, range: 'bytes=99990-', faulty: false }])
  })

  it('answers by itself, so many times, after so many', async () => {
    proxy.plan({ on: /blob/, after: 1, times: 2, fault: refuses(429, { 'retry-after': '1' }) })
    const statuses = []
    for (let round = 0; round < 4; round++) statuses.push((await fetch(url())).status)
    expect(statuses).toEqual([200, 429, 429, 200])
    expect(got).toHaveLength(2)
    expect(proxy.matching(/^GET \/blob$/).map(({ faulty }) => faulty)).toEqual([false, true, true, false])
  })

  it('cuts, shortens, lengthens, and lies about the length', async () => {
    planned(cutsAfter(1000))
    await expect(read()).rejects.toThrow()
    planned(announcesMoreThanIt(1000))
    await expect(read()).rejects.toThrow()
    expect(proxy.seen[0]).toMatchObject({ bytes: 1000 })
    planned(shortensTo(1000))
    expect(await read()).toHaveLength(1000)
    planned(lengthensBy(70_000))
    expect(await read()).toHaveLength(170_000)
  })

  it('flips one bit, sets a header, redirects, drips', async () => {
    planned(flipsByte(70_000))
    const flipped = await read()
    expect(flipped[70_000]! ^ content[70_000]!).toBe(1)
    flipped[70_000]! ^= 1
    expect(flipped.equals(content)).toBe(true)
    planned(setsHeader('docker-content-digest', 'sha256:00'))
    expect((await fetch(url())).headers.get('docker-content-digest')).toBe('sha256:00')
    planned(redirects('/elsewhere'))
    expect(await read()).toHaveLength(100_000)
    expect(got.at(-1)).toBe('GET /elsewhere')
    planned(drips({ pieceBytes: 50_000, everyMs: 1 }))
    expect((await read()).equals(content)).toBe(true)
  })

  it('ignores ranges, stalls, and loses an answer after the server has done its work', async () => {
    planned(ignoresRange)
    expect(await read({ headers: { range: 'bytes=5-' } })).toHaveLength(100_000)
    planned(stallsAfter(10))
    await expect(read({ signal: AbortSignal.timeout(200) })).rejects.toThrow('timeout')
    planned(losesAnswer)
    got.length = 0
    await expect(fetch(url())).rejects.toThrow()
    expect(got).toEqual(['GET /blob'])
  })
})
