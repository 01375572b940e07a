// The tar reader: names, numbers, attributes, sparse maps, damage.

import { describe, expect, it } from 'vitest'
import { bytesOfName } from '../../../core/file-name.ts'
import { type TarEntry, tarEntries } from '../../../core/image/tar.ts'
import { numberOf, paxTime } from '../../../core/image/tar-header.ts'
import { concat, tar } from '../../fixtures/tar.ts'

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function contentOf(entry: TarEntry): Promise<string> {
  const content = new Uint8Array(entry.sizeBytes)
  for await (const piece of entry.content()) content.set(piece.bytes, piece.offset)
  return new TextDecoder().decode(content)
}

async function entriesOf(bytes: Uint8Array, chunkBytes = 1000): Promise<(TarEntry & { text: string })[]> {
  const entries = []
  for await (const entry of tarEntries(inChunks(bytes, chunkBytes)))
    entries.push({ ...entry, text: await contentOf(entry) })
  return entries
}

const encode = (text: string) => new TextEncoder().encode(text)

describe('the tar reader', () => {
  it('gives the same entries however the stream is cut into chunks', async () => {
    const archive = tar([
      { path: 'a', content: 'x'.repeat(1500) },
      { path: `${'long/'.repeat(40)}name`, content: 'y' },
      { path: 'empty', content: '' },
    ])
    const whole = await entriesOf(archive, archive.length)
    for (const size of [1, 7, 511, 512, 513]) expect(await entriesOf(archive, size)).toEqual(whole.map(comparable))
    expect(whole.map(({ path }) => path.length)).toEqual([1, 204, 5])
  })

  it('passes over content that nobody reads', async () => {
    const paths = []
    const archive = tar([{ path: 'a', content: 'x'.repeat(5000) }, { path: 'b' }])
    for await (const entry of tarEntries(inChunks(archive, 100))) paths.push(entry.path)
    expect(paths).toEqual(['a', 'b'])
  })

  it('keeps extended attributes as bytes, as capabilities are no text', async () => {
    const value = new Uint8Array([1, 0, 0, 2, 0x80, 0, 0xff, 0, 10, 61])
    const [entry] = await entriesOf(tar([{ path: 'ping', pax: { 'SCHILY.xattr.security.capability': value } }]))
    expect(entry!.xattrs.get('security.capability')).toEqual(value)
  })

  it('takes size, ids and times from PAX records when they are there', async () => {
    const [entry] = await entriesOf(
      tar([{ path: 'a', content: 'abc', pax: { uid: '3000000', mtime: '1700000000.25', size: '3' }, statedSize: 0 }]),
    )
    expect(entry).toMatchObject({ uid: 3_000_000, mtimeSec: 1_700_000_000, mtimeNsec: 250_000_000, text: 'abc' })
  })

  it('reads times before 1970 as timespec has them', () => {
    expect(paxTime(encode('-1.25'), 'mtime')).toEqual({ sec: -2, nsec: 750_000_000 })
    expect(paxTime(encode('-3'), 'mtime')).toEqual({ sec: -3, nsec: 0 })
  })

  it('reads numbers in octal and in base 256', () => {
    expect(numberOf(encode('0000755\0'), 'mode')).toBe(0o755)
    expect(numberOf(new Uint8Array([0x80, 0, 0, 0, 2, 0, 0, 0]), 'size')).toBe(0x2000000)
    expect(numberOf(new Uint8Array(12).fill(0xff), 'mtime')).toBe(-1)
    expect(() => numberOf(encode('9\0'), 'mode')).toThrow('its mode "9" is no octal number')
  })

  it('keeps the bytes of names that are not UTF-8', async () => {
    const bytes = new Uint8Array([0x61, 0xff, 0xc3, 0xa4, 0xc3, 0xef, 0xbb, 0xbf])
    const [entry] = await entriesOf(tar([{ path: 'a', pax: { path: bytes } }]))
    expect(entry!.path).toBe('a\udcffä\udcc3\ufeff')
    expect(bytesOfName(entry!.path)).toEqual(bytes)
  })

  it('puts sparse files of the PAX formats together', async () => {
    const map = '2\n0\n3\n1000\n2\n'
    const one = concat([encode(map), new Uint8Array(512 - map.length), encode('abcde')])
    const sparse = { 'GNU.sparse.realsize': '1010' }
    const entries = await entriesOf(
      tar([
        {
          path: 'x',
          content: one,
          pax: { ...sparse, 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'one' },
        },
        { path: 'two', content: 'abcde', pax: { 'GNU.sparse.size': '1010', 'GNU.sparse.map': '0,3,1000,2' } },
      ]),
    )
    const expected = `abc${'\0'.repeat(997)}de${'\0'.repeat(8)}`
    expect(entries.map(({ path, text }) => [path, text])).toEqual([
      ['one', expected],
      ['two', expected],
    ])
  })

  it('refuses sparse maps that overlap or do not fit', async () => {
    for (const map of ['5,3,4,2', '0,3', '0,9000000,9,1', '1006,5', 'x,5', '0,-5,0,10']) {
      const archive = tar([{ path: 'a', content: 'abcde', pax: { 'GNU.sparse.size': '1010', 'GNU.sparse.map': map } }])
      await expect(entriesOf(archive), map).rejects.toThrow('its sparse map')
    }
  })

  it('refuses damaged headers, cut archives and names with a NUL byte', async () => {
    const archive = tar([{ path: 'a', content: 'abc' }])
    const damaged = archive.slice()
    damaged[0] = 98
    await expect(entriesOf(damaged)).rejects.toThrow('checksum is wrong')
    await expect(entriesOf(archive.subarray(0, 514))).rejects.toThrow('ends in the middle of an entry')
    await expect(entriesOf(tar([{ path: 'a', pax: { path: 'a\0b' } }]))).rejects.toThrow('NUL')
  })
})

/** Functions differ between two readings. */
function comparable(entry: TarEntry & { text: string }) {
  return { ...entry, content: expect.any(Function) as TarEntry['content'] }
}
