// Images saved in every format, read by others: skopeo, umoci and podman find the same digests, and a load gives back the
// same image.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect } from 'vitest'
import { importImage, loadImages } from '../../core/image/import.ts'
import { type SaveFormat, saveFormats, saveImages } from '../../core/image/save.ts'
import { blobPath, type ImageRecord, listImages } from '../../core/image/store.ts'
import { ociArchive } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { storeIn, type TestStore } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })
const tools = skipUnless({ linux: true, root: true, natives: true, programs: ['skopeo', 'umoci', 'podman'] })

const compressions = [
  (layer: Uint8Array) => ({ blob: new Uint8Array(gzipSync(layer, { level: 3 })), suffix: '+gzip' }),
  (layer: Uint8Array) => ({ blob: new Uint8Array(zstdCompressSync(layer)), suffix: '+zstd' }),
  (layer: Uint8Array) => ({ blob: layer, suffix: '' }),
]

/** An image of three layers, each compressed in another way, under two names. */
async function imageIn(directory: string): Promise<{ store: TestStore; image: ImageRecord }> {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'source.tar')
  let count = 0
  const compress = (layer: Uint8Array) => compressions[count++ % 3]!(layer)
  const layers = ['a', 'b', 'c'].map((name) => tar([{ path: name, content: name.repeat(100_000) }]))
  writeFileSync(path, ociArchive({ layers, config: { Cmd: ['/a'] }, tag: 'example.org/team/app:1', compress }))
  const store = storeIn(directory)
  return { store, image: await importImage(store.host, `oci-archive:${path}`) }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const transports: Readonly<Record<SaveFormat, string>> = {
  'docker-archive': 'docker-archive',
  'oci-archive': 'oci-archive',
  'oci-dir': 'oci',
  'docker-dir': 'dir',
}

describe('an image that is saved', () => {
  it.each(saveFormats)('as %s comes back into another store as the same image', async (format) => {
    await withTemporaryDirectory(async (directory) => {
      const { store, image } = await imageIn(join(directory, 'one'))
      const to = join(directory, 'saved')
      await saveImages(store.host, ['example.org/team/app:1'], { format, to })
      const other = storeIn(join(directory, 'other'))
      const [loaded] = await loadImages(other.host, to)
      // Without its compressed blobs an image has another manifest.
      const same = format === 'docker-archive' ? { id: image.id } : { id: image.id, digest: image.digest }
      expect(loaded).toMatchObject(same)
      expect(loaded!.names).toEqual(format === 'docker-dir' ? [] : image.names)
      expect(loaded!.layers).toEqual(image.layers)
      const again = await importImage(other.host, `${transports[format]}:${to}`, { name: 'again' })
      expect([again.id, again.names.includes('localhost/again:latest')]).toEqual([image.id, true])
    })
  })

  it('gives the same bytes each time, to a file and as a stream', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { store } = await imageIn(directory)
      for (const format of ['docker-archive', 'oci-archive'] as const) {
        const hash = createHash('sha256')
        await saveImages(store.host, ['app:1'], { format, to: (bytes) => void hash.update(bytes) })
        await saveImages(store.host, ['app:1'], { format, to: join(directory, format) })
        expect(sha256(readFileSync(join(directory, format)))).toBe(hash.digest('hex'))
      }
    })
  })

  it('keeps every blob as it came in the OCI formats', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { store, image } = await imageIn(directory)
      await saveImages(store.host, ['app:1'], { format: 'oci-dir', to: join(directory, 'oci') })
      const blobs = readdirSync(join(directory, 'oci/blobs/sha256'))
      expect(blobs.sort()).toEqual([...image.blobs].sort())
      for (const hex of blobs) expect(sha256(readFileSync(join(directory, 'oci/blobs/sha256', hex)))).toBe(hex)
    })
  })

  it('has its name, every name when several are asked for, and none when it is given by its id', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { store, image } = await imageIn(directory)
      await importImage(store.host, `oci-archive:${directory}/source.tar`, { name: 'other:2' })
      const tags = async (...names: string[]) => {
        const to = join(directory, 'saved.tar')
        await saveImages(store.host, names, { format: 'docker-archive', to })
        const [entry] = JSON.parse(execFileSync('tar', ['-xOf', to, 'manifest.json'], { encoding: 'utf8' }))
        return entry.RepoTags
      }
      expect(await tags('other:2')).toEqual(['localhost/other:2'])
      expect(await tags('app:1', 'other:2', 'app:1')).toEqual(['example.org/team/app:1', 'localhost/other:2'])
      expect(await tags(image.id.slice(0, 12))).toBe(null)
    })
  })

  it('leaves what was there before, and nothing else, when it cannot be written whole', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { store, image } = await imageIn(join(directory, 'store'))
      const out = join(directory, 'out')
      mkdirSync(join(out, 'full/x'), { recursive: true })
      writeFileSync(join(out, 'old.tar'), 'old')
      const save = (format: SaveFormat, name: string) =>
        saveImages(store.host, ['app:1'], { format, to: join(out, name) })
      await expect(save('docker-archive', 'full')).rejects.toThrow('it is a directory')
      await expect(save('oci-dir', 'full')).rejects.toThrow('there is something in it')
      await expect(save('oci-archive', 'none/x.tar')).rejects.toThrow(/^write .*none\/x.tar: ENOENT/)
      writeFileSync(blobPath(store.host.root, image.blobs.at(-1)!), 'damaged')
      await expect(save('docker-archive', 'old.tar')).rejects.toThrow('it is damaged')
      await expect(saveImages(store.host, ['none'], { format: 'oci-dir', to: join(out, 'new') })).rejects.toThrow(
        'none',
      )
      expect(readFileSync(join(out, 'old.tar'), 'utf8')).toBe('old')
      expect(readdirSync(out).sort()).toEqual(['full', 'old.tar'])
      expect(listImages(store.host)).toHaveLength(1)
    })
  })

  it('goes into an empty directory, and to a device as the bytes come', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { store } = await imageIn(directory)
      mkdirSync(join(directory, 'empty'))
      await saveImages(store.host, ['app:1'], { format: 'docker-dir', to: join(directory, 'empty/') })
      expect(readdirSync(join(directory, 'empty'))).toContain('version')
      await saveImages(store.host, ['app:1'], { format: 'docker-archive', to: '/dev/null' })
    })
  })

  tools.it('is read by skopeo in every format, with the same digests', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { store, image } = await imageIn(directory)
      for (const format of saveFormats) {
        const to = join(directory, format)
        await saveImages(store.host, ['app:1'], { format, to })
        const skopeo = (...words: string[]) => execFileSync('skopeo', [...words, `${transports[format]}:${to}`])
        expect(sha256(skopeo('inspect', '--raw', '--config')), format).toBe(image.id)
        if (format !== 'docker-archive') expect(`sha256:${sha256(skopeo('inspect', '--raw'))}`).toBe(image.digest)
        // Reads every blob, and checks its digest.
        execFileSync('skopeo', ['copy', '-q', `${transports[format]}:${to}`, `dir:${to}.copy`])
      }
    })
  })

  tools.it('is unpacked by umoci and loaded by podman', async () => {
    await withTemporaryDirectory(async (directory) => {
      mkdirSync(join(directory, 'store'))
      const path = join(directory, 'source.tar')
      const layers = ['a', 'b'].map((name) => tar([{ path: name, content: name }]))
      writeFileSync(path, ociArchive({ layers, config: { Cmd: ['/a'] }, tag: 'example.org/team/app:1' }))
      const store = storeIn(join(directory, 'store'))
      const image = await importImage(store.host, `oci-archive:${path}`)
      for (const format of saveFormats) {
        const to = join(directory, format)
        await saveImages(store.host, ['app:1'], { format, to })
        // podman takes no longer one than 50 characters.
        const runroot = mkdtempSync('/tmp/vitrine-podman-')
        const podman = ['--root', `${to}.root`, '--runroot', runroot, '--storage-driver', 'vfs']
        // By a short path: podman makes a name of a directory's, and names have no capitals.
        execFileSync('podman', [...podman, 'load', '-q', '-i', format], { stdio: 'pipe', cwd: directory })
        const ids = execFileSync('podman', [...podman, 'images', '-q', '--no-trunc'], {
          encoding: 'utf8',
          stdio: 'pipe',
        })
        rmSync(runroot, { recursive: true, force: true })
        expect(ids, format).toBe(`sha256:${image.id}\n`)
      }
      const unpacked = ['unpack', '--image', `${directory}/oci-dir:example.org/team/app:1`, join(directory, 'bundle')]
      execFileSync('umoci', unpacked, { stdio: 'pipe' })
      expect(readdirSync(join(directory, 'bundle/rootfs'))).toEqual(['a', 'b'])
    })
  })
})
