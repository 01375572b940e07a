// The tar writer: what our reader makes of it, which form is taken when, and what other programs read.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOfName, nameOfBytes } from '../../../core/file-name.ts'
import { type TarEntry, tarEntries } from '../../../core/image/tar.ts'
import { plainMember, type TarMember, tarEnd, tarHeader, tarPadding } from '../../../core/image/tar-writer.ts'
import { concat } from '../../fixtures/tar.ts'

interface Sample {
  readonly member: TarMember
  readonly content: Uint8Array
}

const archive = (samples: readonly Sample[]): Uint8Array =>
  concat([
    ...samples.flatMap(({ member, content }) => [tarHeader(member), content, tarPadding(content.length)]),
    tarEnd,
  ])

async function read(bytes: Uint8Array): Promise<{ entry: TarEntry; content: Uint8Array }[]> {
  async function* source() {
    yield bytes
  }
  const entries = []
  for await (const entry of tarEntries(source())) {
    const content = new Uint8Array(entry.sizeBytes)
    for await (const piece of entry.content()) content.set(piece.bytes, piece.offset)
    entries.push({ entry, content })
  }
  return entries
}

const nameByte = fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 47)
const component = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).map((text) => text.replace(/[/\0]/g, '_')),
    fc
      .uint8Array({ minLength: 1, maxLength: 60 })
      .map((bytes) => nameOfBytes(bytes.map((b) => (b === 47 || b === 0 ? 95 : b)))),
    fc.array(nameByte, { minLength: 90, maxLength: 180 }).map((bytes) => nameOfBytes(Uint8Array.from(bytes))),
  )
  // Two parts of an invalid sequence are one valid one when they meet.
  .map((text) => nameOfBytes(bytesOfName(text)))
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))
const member: fc.Arbitrary<TarMember> = fc
  .record({
    path,
    type: fc.constantFrom('file', 'hardlink', 'symlink', 'character', 'block', 'directory', 'fifo' as const),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    sizeBytes: fc.constant(0),
    mtimeSec: fc.oneof(fc.integer({ min: -(2 ** 33), max: 2 ** 34 }), fc.constantFrom(0, -1)),
    mtimeNsec: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
    link: path,
    major: fc.integer({ min: 0, max: 0xfff }),
    minor: fc.integer({ min: 0, max: 0xfffff }),
    xattrs: fc
      .array(
        fc.tuple(
          fc.constantFrom('security.capability', 'user.a', 'user.ä'),
          fc.uint8Array({ minLength: 1, maxLength: 700 }),
        ),
      )
      .map((pairs) => new Map(pairs)),
  })
  .map((all) => ({
    ...all,
    path: all.type === 'directory' ? `${all.path}/` : all.path,
    link: all.type === 'symlink' || all.type === 'hardlink' ? all.link : '',
    ...(all.type === 'character' || all.type === 'block' ? {} : { major: 0, minor: 0 }),
  }))
const sample: fc.Arbitrary<Sample> = fc
  .tuple(member, fc.uint8Array({ maxLength: 1500 }))
  .map(([one, bytes]) =>
    one.type === 'file'
      ? { member: { ...one, sizeBytes: bytes.length }, content: bytes }
      : { member: one, content: new Uint8Array() },
  )

const isUstar = (header: Uint8Array) => header.length === 512

describe('the tar writer', () => {
  it('says what our reader understands, for any entry', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { maxLength: 5 }), async (samples) => {
        const found = await read(archive(samples))
        expect(found.map(({ content }) => content)).toEqual(samples.map(({ content }) => content))
        const members = found.map(({ entry: { content: _, startBytes: __, ...rest } }) => rest)
        expect(members).toEqual(samples.map((each) => each.member))
      }),
    )
  })

  it('escapes names of any bytes without loss', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(bytesOfName(nameOfBytes(bytes))).toEqual(bytes)
      }),
    )
  })

  it('takes plain ustar where an entry fits, up to the last byte', () => {
    const file = plainMember('a', 'file')
    for (const fits of [
      file,
      { ...file, path: 'x'.repeat(100) },
      { ...file, path: `${'p'.repeat(155)}/${'n'.repeat(100)}` },
      { ...file, path: `${'p'.repeat(150)}/${'n'.repeat(50)}/${'m'.repeat(49)}` },
      { ...file, sizeBytes: 0o77777777777 },
      { ...file, uid: 0o7777777, gid: 0o7777777 },
      { ...file, type: 'symlink' as const, link: 'l'.repeat(100) },
      { ...plainMember('x'.repeat(99), 'directory') },
      { ...file, path: 'r\udcffw' },
    ])
      expect(isUstar(tarHeader(fits)), fits.path).toBe(true)
  })

  it('adds PAX records for what does not fit', () => {
    const file = plainMember('a', 'file')
    for (const wide of [
      { ...file, path: 'x'.repeat(101) },
      { ...file, path: `${'p'.repeat(156)}/n` },
      { ...file, path: 'schön' },
      { ...file, sizeBytes: 0o100000000000 },
      { ...file, uid: 0o10000000 },
      { ...file, mtimeSec: -1 },
      { ...file, mtimeNsec: 1 },
      { ...file, xattrs: new Map([['user.a', new Uint8Array(1)]]) },
      { ...file, type: 'symlink' as const, link: 'l'.repeat(101) },
      { ...plainMember('x'.repeat(100), 'directory') },
    ])
      expect(isUstar(tarHeader(wide)), wide.path).toBe(false)
  })

  it('gives equal bytes for equal entries, in whatever order their attributes came', () => {
    const [a, b] = [new Uint8Array([1]), new Uint8Array([2])]
    const one = {
      ...plainMember('f', 'file'),
      xattrs: new Map([
        ['user.a', a],
        ['user.b', b],
      ]),
    }
    const other = {
      ...plainMember('f', 'file'),
      xattrs: new Map([
        ['user.b', b],
        ['user.a', a],
      ]),
    }
    expect(tarHeader(one)).toEqual(tarHeader(other))
  })
})
