// Random hostile archives: names, links and whiteouts that try to get out, and valid archives with bytes changed. Whatever
// they are, nothing outside of the layer's directory changes, and a refusal is a sentence.

import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect } from 'vitest'
import { openArchive } from '../../backends/linux/archive.ts'
import { openLinux } from '../../backends/linux/open.ts'
import { UserError } from '../../core/errors.ts'
import { removeTree } from '../../core/files.ts'
import { applyLayer } from '../../core/image/apply.ts'
import { compressionOf } from '../../core/image/archive.ts'
import { tarEntries } from '../../core/image/tar.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

const kernel = openLinux()
const archive = openArchive()
const runs = Number(process.env.VITRINE_FUZZ ?? 60)
const seed = Number(process.env.VITRINE_SEED ?? 1)
const limits = { sizeBytes: 1 << 20, entries: 500 }

/** Few names, so that entries meet each other; and those that lead elsewhere. */
const name = fc.constantFrom(
  'a',
  'b',
  'c',
  'd',
  '..',
  '.',
  '',
  '.wh.a',
  '.wh.b',
  '.wh..wh..opq',
  '.wh..',
  '.wh.',
  'ä\n',
)
const path = fc
  .tuple(fc.constantFrom('', '/', './', '../', '//'), fc.array(name, { minLength: 1, maxLength: 4 }))
  .map(([start, names]) => start + names.join('/'))
const target = fc.oneof(
  path,
  fc.constantFrom(
    'VICTIM',
    'VICTIM/file',
    '../victim',
    '../victim/file',
    '/',
    '/proc/self/cwd',
    '/proc/self/root',
    '.',
  ),
)
const type = fc.constantFrom(
  'file',
  'hardlink',
  'symlink',
  'character',
  'block',
  'directory',
  'fifo',
  'file',
  'symlink',
)
const member: fc.Arbitrary<TarMember> = fc.record({
  path,
  type: type as fc.Arbitrary<NonNullable<TarMember['type']>>,
  link: target,
  content: fc.constantFrom('', 'evil', 'x'.repeat(600)),
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o1777, 0, 0o7777),
  uid: fc.constantFrom(0, 33, 65534, 2_000_000),
  major: fc.constantFrom(0, 1, 8),
  minor: fc.constantFrom(0, 3, 1),
})

/** Owner, mode, links, content and time of all that is there. */
function snapshot(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .flatMap((entry) => {
      const at = join(directory, entry)
      const { mode, uid, gid, nlink, mtimeMs } = lstatSync(at)
      const line = `${at} ${mode.toString(8)} ${uid}:${gid} ${nlink} ${mtimeMs}`
      if (lstatSync(at).isDirectory()) return [line, ...snapshot(at)]
      if (lstatSync(at).isSymbolicLink()) return [`${line} -> ${readlinkSync(at)}`]
      return [lstatSync(at).isFile() ? `${line} ${readFileSync(at, 'hex')}` : line]
    })
}

/** Unpacks bytes beside files that must not change; answers the refusal. */
async function unpack(bytes: (victim: string) => Uint8Array): Promise<string | undefined> {
  const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-fuzz-'))
  try {
    const victim = join(directory, 'victim')
    for (const each of [victim, join(victim, 'sub'), join(directory, 'layer')]) mkdirSync(each)
    writeFileSync(join(victim, 'file'), 'untouched')
    const blob = bytes(victim)
    const before = snapshot(victim)
    let message: string | undefined
    try {
      const tarBytes = archive.decompress(inPieces(blob), compressionOf(blob))
      await applyLayer(kernel, join(directory, 'layer'), tarEntries(tarBytes), {
        title: 'layer',
        limits,
        warn: () => {},
      })
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      message = error.message
      expect(message).not.toMatch(/undefined|NaN|\[object|\n {4}at /)
    }
    expect(snapshot(victim)).toEqual(before)
    expect(readdirSync(directory).sort()).toEqual(['layer', 'victim'])
    removeTree(kernel, join(directory, 'layer'))
    expect(snapshot(victim)).toEqual(before)
    return message
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** As a network gives them: in pieces of odd sizes. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 1500)
    yield bytes.subarray(at, at + size)
}

/** Checksums of headers put right again, so that what was changed is looked at and not only noticed. */
function mended(bytes: Uint8Array): Uint8Array {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512)
    if (String.fromCharCode(...block.subarray(257, 262)) !== 'ustar') continue
    block.fill(0x20, 148, 156)
    const sum = block.reduce((total, byte) => total + byte, 0)
    block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  }
  return bytes
}

const filled = (members: readonly TarMember[], victim: string) =>
  members.map((each) => ({ ...each, link: each.link?.replace('VICTIM', victim) }))

describe('random layers', () => {
  it('change nothing outside of their directory, and are unpacked or refused by a sentence', async () => {
    let unpacked = 0
    await fc.assert(
      fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 12 }), async (members) => {
        // Files have no target, and only files have content.
        const sane = members.map(({ link, content, ...each }) =>
          each.type === 'file' ? { ...each, content } : { ...each, link: link === '' ? 'a' : link },
        )
        if ((await unpack((victim) => tar(filled(sane, victim)))) === undefined) unpacked++
      }),
      { seed, numRuns: runs * 2 },
    )
    // The property would say nothing if all were refused at the first entry.
    expect(unpacked).toBeGreaterThan(runs / 20)
  })

  it('with any bytes changed, or cut anywhere, are unpacked or refused by a sentence', async () => {
    const valid = tar([
      { path: 'dir/', type: 'directory', mode: 0o750 },
      {
        path: `dir/${'long'.repeat(60)}`,
        content: 'x'.repeat(700),
        pax: { path: `dir/${'long'.repeat(60)}`, mtime: '1.5' },
      },
      { path: 'dir/su', content: 'y', mode: 0o4755, pax: { 'SCHILY.xattr.user.note': 'hello' } },
      { path: 'link', type: 'symlink', link: 'dir/su' },
      { path: 'hard', type: 'hardlink', link: 'dir/su' },
      {
        path: 'sparse',
        content: '0123456789',
        pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '4096' },
      },
      { path: 'null', type: 'character', major: 1, minor: 3 },
      { path: 'dir/.wh.gone' },
    ])
    const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255))
    const kinds = { plain: (bytes: Uint8Array) => bytes, gzip: gzipSync, zstd: zstdCompressSync }
    const kind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]))
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 6 }),
        fc.option(fc.nat(valid.length), { nil: undefined }),
        kind,
        fc.constantFrom('tar', 'mended tar', 'blob'),
        async (changes, length, compression, where) => {
          const mutate = (bytes: Uint8Array) => {
            const mutated = Uint8Array.from(bytes)
            for (const [at, byte] of changes) mutated[at % mutated.length] = byte
            return length === undefined ? mutated : mutated.subarray(0, length)
          }
          const pack = kinds[compression]
          const mutated = () => (where === 'tar' ? mutate(valid) : mended(mutate(valid)))
          await unpack(() => (where === 'blob' ? mutate(pack(valid)) : pack(mutated())))
        },
      ),
      { seed, numRuns: runs * 2 },
    )
  })
})
