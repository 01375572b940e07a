// Hostile archives: whatever they try, nothing outside of their layer changes, and what is refused leaves nothing behind.

import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { importImage } from '../../core/image/import.ts'
import { layerStack } from '../../core/image/root.ts'
import { listImages } from '../../core/image/store.ts'
import { ociArchive, ociFiles } from '../fixtures/oci.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { archiveIn, storeIn } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

/** Everything beneath a directory, with owner, mode and content, as lines. Links are not followed. */
function snapshot(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name)
      const { mode, uid } = lstatSync(path)
      const line = `${path} ${mode.toString(8)} ${uid}`
      if (lstatSync(path).isDirectory()) return [line, ...snapshot(path)]
      return [lstatSync(path).isFile() ? `${line} ${readFileSync(path, 'hex')}` : line]
    })
}

/** Imports a hostile image beside files that must not change; answers the error, and the top layer's directory. */
async function attack(layers: readonly (readonly TarMember[])[]) {
  return withTemporaryDirectory(async (directory) => {
    const victim = join(directory, 'victim')
    mkdirSync(victim)
    writeFileSync(join(victim, 'file'), 'untouched')
    const fill = (text: string) => text.replaceAll('VICTIM', victim)
    const members = layers.map((layer) =>
      layer.map((member) => ({ ...member, path: fill(member.path), link: member.link && fill(member.link) })),
    )
    const { host, images, warnings } = storeIn(directory)
    const source = archiveIn(directory, 'hostile', members)
    const before = snapshot(victim)
    const outside = readdirSync(directory).sort()
    let message: string | undefined
    let tree: string[] = []
    try {
      const record = await importImage(host, source)
      const top = layerStack(host.root, record, '/none').lower[0]!
      tree = snapshot(top).map((line) => line.slice(top.length + 1).replace(/ .*/, ''))
    } catch (error) {
      message = (error as Error).message
      expect((error as Error).name).toBe('UserError')
      expect(listImages(host)).toEqual([])
      for (const left of ['layers', 'tmp', 'blobs/sha256']) expect(readdirSync(join(images, left)), left).toEqual([])
    }
    expect(snapshot(victim)).toEqual(before)
    expect(readdirSync(directory).sort()).toEqual([...new Set([...outside, 'root', 'run'])].sort())
    return { message, tree, warnings }
  })
}

describe('a hostile layer', () => {
  it('is refused when a path leads upwards', async () => {
    for (const path of ['../x', 'a/../../x', '..', 'a/..', '/../x', './../x']) {
      const { message } = await attack([[{ path, content: 'evil' }]])
      expect(message, path).toBe(`layer 1 of 1: entry ${JSON.stringify(path)}: its path leads upwards with ..`)
    }
  })

  it('has its absolute paths inside', async () => {
    const { tree } = await attack([[{ path: '/etc/evil', content: 'evil' }, { path: '//root//evil2' }]])
    expect(tree).toEqual(['etc', 'etc/evil', 'root', 'root/evil2'])
  })

  it('cannot write through a symbolic link that it made to the outside', async () => {
    for (const link of ['VICTIM', '../../../../victim', '/proc/self/cwd', '/proc/1/root', '../../../../../../..']) {
      for (const path of ['out/file', 'out/new', 'out/sub/new']) {
        const { message, tree } = await attack([
          [
            { path: 'out', type: 'symlink', link },
            { path, content: 'evil' },
          ],
        ])
        // Followed inside of the layer, where it leads nowhere, or to the layer itself.
        if (message) expect(message).toMatch(/^layer 1 of 1: entry "out.*which leads nowhere in its layer$/)
        else expect(tree).toContain(path.slice('out/'.length))
      }
    }
  })

  it('cannot swap a directory for a symbolic link and go on in it', async () => {
    const { message } = await attack([
      [
        { path: 'a/', type: 'directory' },
        { path: 'a/first', content: '1' },
        { path: 'a', type: 'symlink', link: 'VICTIM' },
        { path: 'a/file', content: 'evil' },
      ],
    ])
    expect(message).toContain('it goes through the symbolic link a, which leads nowhere in its layer')
  })

  it('cannot have a directory that it changes replaced by a link to the outside', async () => {
    const { tree } = await attack([
      [
        { path: 'a/', type: 'directory', mode: 0o777, uid: 1234 },
        { path: 'a', type: 'symlink', link: 'VICTIM' },
      ],
    ])
    expect(tree).toEqual(['a'])
  })

  it('cannot write through a file that it made a link', async () => {
    const { tree } = await attack([
      [
        { path: 'file', type: 'symlink', link: 'VICTIM/file' },
        { path: 'file', content: 'evil' },
      ],
    ])
    expect(tree).toEqual(['file'])
  })

  it('cannot link hard to what is outside', async () => {
    const links = ['VICTIM/file', '/etc/passwd', 'absent']
    for (const link of links) {
      const { message } = await attack([[{ path: 'stolen', type: 'hardlink', link }]])
      expect(message).toMatch(/^layer 1 of 1: entry "stolen": it is a hard link to .*, which is not in its layer$/)
    }
    const { message } = await attack([[{ path: 'stolen', type: 'hardlink', link: '../../../../victim/file' }]])
    expect(message).toContain('its path leads upwards with ..')
  })

  it('cannot link hard through a symbolic link, and then write', async () => {
    const { message } = await attack([
      [
        { path: 'out', type: 'symlink', link: 'VICTIM' },
        { path: 'stolen', type: 'hardlink', link: 'out/file' },
      ],
    ])
    expect(message).toContain('which is not in its layer')
  })

  it('does not follow a hard link to a symbolic link', async () => {
    const { tree } = await attack([
      [
        { path: 'out', type: 'symlink', link: 'VICTIM/file' },
        { path: 'twin', type: 'hardlink', link: 'out' },
        { path: 'twin', content: 'evil' },
      ],
    ])
    expect(tree).toEqual(['out', 'twin'])
  })

  it('cannot remove what is outside by whiteouts or replacement', async () => {
    await attack([
      [
        { path: 'out', type: 'symlink', link: 'VICTIM' },
        { path: '.wh.out' },
        { path: 'out/', type: 'directory' },
        { path: 'out/.wh.file' },
      ],
    ])
    const { message } = await attack([[{ path: '.wh.../x' }, { path: '.wh...', content: '' }]])
    expect(message).toBeDefined()
  })

  it('cannot mark its files for overlayfs, and the user is told', async () => {
    const pax = { 'SCHILY.xattr.trusted.overlay.redirect': '/../../victim', 'SCHILY.xattr.user.overlay.opaque': 'y' }
    const { warnings } = await attack([[{ path: 'a/', type: 'directory', pax }]])
    expect(warnings).toEqual(['layer 1 of 1: overlayfs attributes left out (2, for example a/)'])
  })

  it('is refused when its root is no directory', async () => {
    const { message } = await attack([[{ path: '/', type: 'symlink', link: 'VICTIM' }]])
    expect(message).toContain('the root of a layer must be a directory')
  })

  it('is refused for names that no file system has', async () => {
    const { message } = await attack([[{ path: 'n'.repeat(300), content: '' }]])
    expect(message).toContain('ENAMETOOLONG')
    const deep = await attack([[{ path: `${'d/'.repeat(3000)}f`, content: '' }]])
    expect(deep.message).toContain('ENAMETOOLONG')
  })

  it('leaves nothing behind when a later layer is bad', async () => {
    const { message } = await attack([[{ path: 'good', content: 'x' }], [{ path: '../bad' }]])
    expect(message).toMatch(/^layer 2 of 2/)
  })
})

describe('a bomb', () => {
  const limits = { sizeBytes: 1 << 20, entries: 100 }

  async function refusal(layer: Uint8Array, expected: string) {
    await withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      writeFileSync(join(directory, 'a.tar'), ociArchive({ layers: [layer], config: {} }))
      await expect(importImage(host, `oci-archive:${directory}/a.tar`, { limits })).rejects.toThrow(expected)
      expect(readdirSync(join(images, 'layers'))).toEqual([])
      expect(readdirSync(join(images, 'tmp'))).toEqual([])
    })
  }

  it('of bytes stops at the limit', async () => {
    await refusal(tar([{ path: 'zeros', content: new Uint8Array(2 << 20) }]), 'layer 1 of 1: more than 1048576 bytes')
    const many = Array.from({ length: 20 }, (_, index) => ({ path: `f${index}`, content: new Uint8Array(100_000) }))
    await refusal(tar(many), 'more than 1048576 bytes')
  })

  it('of entries stops at the limit', async () => {
    const many = Array.from({ length: 101 }, (_, index) => ({ path: `f${index}` }))
    await refusal(tar(many), 'layer 1 of 1: more than 100 entries')
  })

  it('of air after the archive stops too', async () => {
    const air = new Uint8Array(4 << 20)
    air.set(tar([{ path: 'a' }]))
    await refusal(air, 'its archive has more than')
  })

  it('of names stops at a header', async () => {
    const layer = tar([{ path: 'a', pax: { path: 'x'.repeat(2 << 20) } }])
    await refusal(layer, 'bytes of names and attributes are more than')
  })
})

describe('a damaged image', () => {
  async function importing(files: Map<string, Uint8Array>) {
    return withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      const members = [...files].map(([path, content]) => ({ path, content }))
      writeFileSync(join(directory, 'a.tar'), tar(members))
      try {
        return await importImage(host, `oci-archive:${directory}/a.tar`)
      } catch (error) {
        expect(readdirSync(join(images, 'layers'))).toEqual([])
        expect(readdirSync(join(images, 'tmp'))).toEqual([])
        throw error
      }
    })
  }

  const parts = { layers: [tar([{ path: 'a', content: 'hello' }])], config: {} }
  const largest = (files: Map<string, Uint8Array>) =>
    [...files].find(([path, bytes]) => path.startsWith('blobs') && bytes[0] === 0x1f)!

  it('is refused when a layer is not what its digest says', async () => {
    const files = ociFiles(parts)
    const other = gzipSync(tar([{ path: 'a', content: 'hellO' }]))
    files.set(largest(files)[0], new Uint8Array(other))
    await expect(importing(files)).rejects.toThrow('layer 1 of 1: it is damaged: its digest is sha256:')
  })

  it('is refused when a layer is cut off or no gzip', async () => {
    const files = ociFiles(parts)
    const [path, bytes] = largest(files)
    files.set(path, bytes.subarray(0, bytes.length - 20))
    await expect(importing(files)).rejects.toThrow('layer 1 of 1: it is damaged: unexpected end of file')
  })

  it('is refused when its content is not what the configuration says', async () => {
    const lie = ociFiles({ ...parts, compress: () => ({ blob: tar([{ path: 'evil' }]), suffix: '' }) })
    await expect(importing(lie)).rejects.toThrow('layer 1 of 1: its content has the digest sha256:')
  })

  it('is refused when its configuration or manifest is not what its digest says', async () => {
    for (const text of ['"rootfs"', '"schemaVersion":2,"mediaType"']) {
      const files = ociFiles(parts)
      for (const [path, bytes] of files) {
        if (path.startsWith('blobs') && Buffer.from(bytes).includes(text))
          files.set(path, new Uint8Array([...bytes, 32]))
      }
      await expect(importing(files), text).rejects.toThrow('is damaged: it is not sha256:')
    }
  })

  it('is refused when a digest is a path', async () => {
    const files = ociFiles(parts)
    files.set('index.json', Buffer.from('{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}'))
    await expect(importing(files)).rejects.toThrow('is not sha256: and 64 hexadecimal digits')
  })

  it('is refused when it is something else', async () => {
    await expect(importing(new Map([['readme', Buffer.from('x')]]))).rejects.toThrow('it has no index.json')
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      writeFileSync(join(directory, 'a'), 'this is no archive at all'.repeat(100))
      await expect(importImage(host, `oci-archive:${directory}/a`)).rejects.toThrow('it is no image archive')
      await expect(importImage(host, `oci-archive:${directory}/b`)).rejects.toThrow(/open .*\/b: ENOENT/)
      await expect(importImage(host, 'httpd')).rejects.toThrow('import httpd: say what it is')
    })
  })

  it('is taken when it is none: the same parts unharmed', async () => {
    const record = await importing(ociFiles(parts))
    expect(record.layers[0]!.diffId).toBe(createHash('sha256').update(parts.layers[0]!).digest('hex'))
  })
})
