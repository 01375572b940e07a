// Archives that cost more than they weigh: what is kept of them in memory, and how long they are read, has an end.

import { describe, expect, it } from 'vitest'
import { tarEntries } from '../../../core/image/tar.ts'
import { paxRecord, type TarMember, tar } from '../../fixtures/tar.ts'

const encoder = new TextEncoder()

/** What the files of an archive hold, hole or not, by their names. */
async function read(bytes: Uint8Array): Promise<string[]> {
  const found: string[] = []
  async function* source() {
    yield bytes
  }
  for await (const entry of tarEntries(source())) {
    let pieces = 0
    for await (const { bytes } of entry.content()) {
      if (bytes.length === 0) throw new Error('it reads nothing without end')
      pieces += bytes.length
    }
    found.push(`${entry.path} ${entry.uid}:${entry.gid} ${pieces}`)
  }
  return found
}
const file = (pax: NonNullable<TarMember['pax']>, content = 'x') => tar([{ path: 'a', content, pax }])

describe('a sparse file', () => {
  it('has holes at whole bytes: fractions would be read without end', async () => {
    for (const map of ['0,0.5,0.5,0.5', '0.5,1', '0,1e0', '0,0x1', ' 0, 1', '0,Infinity', '0,1,,']) {
      const number = map === '0,1e0' || map === '0,0x1' || map === ' 0, 1'
      const done = read(file({ 'GNU.sparse.size': '10', 'GNU.sparse.map': map }))
      if (number) await done
      else await expect(done, map).rejects.toThrow('its sparse map')
    }
  })

  it('has a map of lines that end: one that does not is not kept', async () => {
    const lines = '1'.repeat(4 << 20)
    const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '10' }
    const start = process.memoryUsage().arrayBuffers
    await expect(read(file(pax, lines))).rejects.toThrow('its sparse map is malformed')
    expect(process.memoryUsage().arrayBuffers - start).toBeLessThan(64 << 20)
  })
})

describe('records for all entries', () => {
  const globals = (count: number) => {
    const records = Array.from({ length: count }, (_, index) => paxRecord(`k${index}`, ''))
    const content = Buffer.concat(records)
    const header = tar([{ path: 'pax', content }]).slice(0, 512)
    header[156] = 'g'.charCodeAt(0)
    header.set(encoder.encode('        '), 148)
    const sum = header.reduce((all, byte) => all + byte, 0)
    header.set(encoder.encode(`${sum.toString(8).padStart(6, '0')}\0`), 148)
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
    return Buffer.concat([header, content, padding, tar([{ path: 'a', content: 'x' }])])
  }
  it('are so many only as one goes through for each of them', async () => {
    expect(await read(globals(1000))).toEqual(['a 0:0 1'])
    await expect(read(globals(1001))).rejects.toThrow('tar header: more than 1000 records for all entries')
  })
})

describe('an owner', () => {
  it('is one of 32 bits, and not another one after that', async () => {
    expect(await read(file({ uid: '4294967294', gid: '100000' }))).toEqual(['a 4294967294:100000 1'])
    for (const uid of ['4294967295', '4294967296', '999999999999999'])
      await expect(read(file({ uid }))).rejects.toThrow(`tar entry a: its uid ${uid} is none`)
    await expect(read(file({ gid: '4294967296' }))).rejects.toThrow('its gid 4294967296 is none')
  })
})
