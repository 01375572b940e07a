// The store of images on a real kernel: import, names, sharing, removal, crashes, several at once, other users.

import { execFileSync, spawn } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect } from 'vitest'
import { removeImage, tagImage } from '../../core/image/change.ts'
import { importImage, loadImages } from '../../core/image/import.ts'
import { layerStack } from '../../core/image/root.ts'
import { findImage, imageConfig, listImages } from '../../core/image/store.ts'
import { dockerArchive, ociArchive, ociFiles } from '../fixtures/oci.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { archiveIn, storeIn } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

const base: TarMember[] = [{ path: 'bin/sh', content: 'a shell', mode: 0o755 }]
const site: TarMember[] = [{ path: 'www/index.html', content: 'hello' }]
const unused = { inUse: () => [] }

/** Names of the layers that lie there. */
const layersOf = (images: string): string[] => readdirSync(join(images, 'layers')).sort()

describe('an imported image', () => {
  it('is found by its names, its id and the start of its id, with its configuration', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      const record = await importImage(host, archiveIn(directory, 'httpd', [base, site]))
      expect(record).toMatchObject({
        names: ['localhost/httpd:latest'],
        sizeBytes: 12,
        created: '1970-01-01T00:00:00Z',
      })
      for (const name of [
        'httpd',
        'httpd:latest',
        'localhost/httpd',
        record.id,
        record.id.slice(0, 5),
        `sha256:${record.id}`,
      ]) {
        expect(findImage(host, name).id, name).toBe(record.id)
      }
      expect(findImage(host, `httpd@${record.digest}`).id).toBe(record.id)
      expect(imageConfig(host, record).config?.Cmd).toEqual(['/bin/sh'])
      expect(() => findImage(host, 'nginx')).toThrow('image nginx: not here; get it with vitrine pull')
      expect(() => findImage(host, 'httpd:2')).toThrow('not here')
    })
  })

  it('can be given another name', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      const source = archiveIn(directory, 'httpd', [base])
      expect((await importImage(host, source, { name: 'web:1' })).names).toEqual(['localhost/web:1'])
      expect((await tagImage(host, 'web:1', 'quay.io/me/web')).names).toEqual([
        'localhost/web:1',
        'quay.io/me/web:latest',
      ])
      expect(findImage(host, 'me/web').names).toContain('quay.io/me/web:latest')
    })
  })

  it('loses its name to a newer image of that name, and stays', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      const old = await importImage(host, archiveIn(directory, 'httpd', [base]))
      const fresh = await importImage(host, archiveIn(directory, 'httpd', [base, site]))
      expect(findImage(host, 'httpd').id).toBe(fresh.id)
      expect(findImage(host, old.id).names).toEqual([])
      expect(listImages(host)).toHaveLength(2)
    })
  })

  it('is unpacked once: a second import and a shared layer do nothing', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      const source = archiveIn(directory, 'one', [base, site])
      const first = await importImage(host, source)
      const inode = () => layersOf(images).map((name) => lstatSync(join(images, 'layers', name)).ino)
      const before = inode()
      expect(await importImage(host, source)).toEqual(first)
      await importImage(host, archiveIn(directory, 'two', [base, site], '/bin/other'))
      expect(inode()).toEqual(before)
      expect(listImages(host)).toHaveLength(2)
    })
  })

  it('leaves directories that an upper layer only passes through as the lower layer has them', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      const lower: TarMember[] = [{ path: 'tmp/', type: 'directory', mode: 0o1777, uid: 5, mtimeSec: 1000 }]
      const record = await importImage(host, archiveIn(directory, 'a', [lower, [{ path: 'tmp/x/y', content: 'z' }]]))
      const [top] = layerStack(host.root, record, '/none').lower
      expect(lstatSync(join(top!, 'tmp'))).toMatchObject({ mode: 0o041777, uid: 5, mtimeMs: 1_000_000 })
      expect(lstatSync(join(top!, 'tmp/x')).mode & 0o7777).toBe(0o755)
    })
  })

  it('is private to its owner, as it may hold setuid programs', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      await importImage(host, archiveIn(directory, 'httpd', [base]))
      expect(lstatSync(join(images, 'layers')).mode & 0o777).toBe(0o700)
    })
  })
})

describe('a source', () => {
  const parts = { layers: [tar(base), tar(site)], config: { Cmd: ['sh'] } }

  it('may be a layout in a directory, with a tag', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      for (const [path, content] of ociFiles({ ...parts, tag: 'v1' })) {
        mkdirSync(join(directory, 'layout/blobs/sha256'), { recursive: true })
        writeFileSync(join(directory, 'layout', path), content)
      }
      expect((await importImage(host, `oci:${directory}/layout:v1`)).names).toEqual(['localhost/layout:v1'])
      await expect(importImage(host, `oci:${directory}/layout:v2`)).rejects.toThrow('it has no tag v2, but v1')
    })
  })

  it('may be a docker archive, chosen by name or number', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      writeFileSync(join(directory, 'd.tar'), dockerArchive({ ...parts, names: ['httpd:2.4', 'docker.io/httpd:2'] }))
      const record = await importImage(host, `docker-archive:${directory}/d.tar:httpd:2.4`)
      expect(record.names).toEqual(['localhost/httpd:2.4', 'docker.io/library/httpd:2'])
      expect((await importImage(host, `docker-archive:${directory}/d.tar:@0`)).id).toBe(record.id)
      await expect(importImage(host, `docker-archive:${directory}/d.tar:nginx`)).rejects.toThrow(
        'it has no image nginx, but httpd:2.4, docker.io/httpd:2',
      )
    })
  })

  it('may be compressed layer by layer, in several gzip members or zstd frames', async () => {
    const halves = (layer: Uint8Array) => [layer.subarray(0, 700), layer.subarray(700)]
    const ways = {
      plain: (layer: Uint8Array) => ({ blob: layer, suffix: '' }),
      gzip: (layer: Uint8Array) => ({
        blob: Buffer.concat(halves(layer).map((half) => gzipSync(half))),
        suffix: '+gzip',
      }),
      zstd: (layer: Uint8Array) => ({ blob: zstdCompressSync(layer), suffix: '+zstd' }),
      'zstd in frames': (layer: Uint8Array) => ({
        blob: Buffer.concat([
          ...halves(layer).map((half) => zstdCompressSync(half)),
          // A skippable frame, as zstd:chunked layers end in.
          Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]),
        ]),
        suffix: '+zstd',
      }),
    }
    for (const [name, compress] of Object.entries(ways)) {
      await withTemporaryDirectory(async (directory) => {
        const { host } = storeIn(directory)
        writeFileSync(join(directory, 'a.tar'), ociArchive({ ...parts, compress }))
        const record = await importImage(host, `oci-archive:${directory}/a.tar`)
        const [top] = layerStack(host.root, record, '/none').lower
        expect(readFileSync(join(top!, 'www/index.html'), 'utf8'), name).toBe('hello')
      })
    }
  })

  it('may be compressed as a whole, and be loaded without saying what it is', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      writeFileSync(join(directory, 'a.tar.gz'), gzipSync(ociArchive({ ...parts, tag: 'latest' })))
      expect((await loadImages(host, join(directory, 'a.tar.gz')))[0]!.names).toEqual(['localhost/a:latest'])
      writeFileSync(join(directory, 'd.tar.zst'), zstdCompressSync(dockerArchive({ ...parts, names: ['d:1'] })))
      expect((await loadImages(host, join(directory, 'd.tar.zst')))[0]!.names).toContain('localhost/d:1')
      expect(readdirSync(join(images, 'tmp'))).toEqual([])
    })
  })

  skipUnless({ root: true, natives: true, programs: ['mkfifo'] }).it('may be a pipe', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      writeFileSync(join(directory, 'a.tar'), ociArchive({ ...parts, tag: 'x/y:1' }))
      const fifo = join(directory, 'fifo')
      execFileSync('mkfifo', [fifo])
      const writer = spawn('sh', ['-c', `cat ${directory}/a.tar > ${fifo}`])
      const gone = new Promise((resolve) => writer.on('exit', resolve))
      expect((await loadImages(host, fifo))[0]!.names).toEqual(['localhost/x/y:1'])
      await gone
    })
  })
})

describe('removing an image', () => {
  it('keeps the layers that others have, and removes the rest', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      const one = await importImage(host, archiveIn(directory, 'one', [base]))
      const two = await importImage(host, archiveIn(directory, 'two', [base, site]))
      expect(await removeImage(host, 'two', unused)).toEqual({ untagged: ['localhost/two:latest'], deleted: [two.id] })
      expect(layersOf(images)).toEqual([one.layers[0]!.diffId])
      expect(readdirSync(join(images, 'blobs/sha256'))).toHaveLength(3)
      await removeImage(host, one.id, unused)
      expect(layersOf(images)).toEqual([])
      expect(readdirSync(join(images, 'blobs/sha256'))).toEqual([])
      expect(readdirSync(join(images, 'tmp'))).toEqual([])
    })
  })

  it('is refused while containers use it', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      const { id } = await importImage(host, archiveIn(directory, 'one', [base]))
      await expect(removeImage(host, 'one', { inUse: () => [id] })).rejects.toThrow(
        'image one: containers use it; remove them first',
      )
      expect(listImages(host)).toHaveLength(1)
    })
  })

  it('takes only the name when there are more', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      const { id } = await importImage(host, archiveIn(directory, 'one', [base]))
      await tagImage(host, 'one', 'other')
      await expect(removeImage(host, id, unused)).rejects.toThrow('it has 2 names')
      expect(await removeImage(host, 'other', { inUse: () => [id] })).toEqual({
        untagged: ['localhost/other:latest'],
        deleted: [],
      })
      expect(findImage(host, id).names).toEqual(['localhost/one:latest'])
    })
  })

  it('says when there is none', async () => {
    await withTemporaryDirectory(async (directory) => {
      await expect(removeImage(storeIn(directory).host, 'nope', unused)).rejects.toThrow('image nope: not here')
    })
  })
})
