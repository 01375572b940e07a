// Layers applied to directories on a real kernel: what arrives on disk, and what overlayfs makes of it.

import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import { type AppliedLayer, applyLayer } from '../../core/image/apply.ts'
import { tarEntries } from '../../core/image/tar.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4096) yield bytes.subarray(at, at + 4096)
}

/** Applies a layer to a new directory and hands it to `look`. */
async function applied<T>(
  archive: readonly TarMember[] | Uint8Array,
  look: (root: string, result: AppliedLayer, warnings: string[]) => T,
): Promise<T> {
  return withTemporaryDirectory(async (directory) => {
    const root = join(directory, 'layer')
    mkdirSync(root)
    const warnings: string[] = []
    const entries = tarEntries(stream(archive instanceof Uint8Array ? archive : tar(archive)))
    const options = { title: 'layer 1', warn: (sentence: string) => void warnings.push(sentence) }
    const result = await applyLayer(openLinux(), root, entries, options)
    return look(root, result, warnings)
  })
}

const xattr = (path: string, name: string): string =>
  execFileSync('python3', ['-c', 'import os,sys; print(os.getxattr(sys.argv[1], sys.argv[2]).hex())', path, name], {
    encoding: 'utf8',
  }).trim()

const isWhiteout = (path: string): boolean => lstatSync(path).isCharacterDevice() && lstatSync(path).rdev === 0

describe('a layer on disk', () => {
  it('has owners, modes with setuid and sticky bits, and times', async () => {
    const members: TarMember[] = [
      { path: 'su', content: 'x', mode: 0o4755, uid: 7, gid: 8, mtimeSec: 1_000_000_000 },
      { path: 'tmp/', type: 'directory', mode: 0o1777, mtimeSec: 1_000_000_001 },
      { path: 'tmp/inside', content: 'y' },
      { path: 'link', type: 'symlink', link: '/nowhere', uid: 9, mtimeSec: 1_000_000_002 },
    ]
    await applied(members, (root) => {
      expect(lstatSync(join(root, 'su'))).toMatchObject({ mode: 0o104755, uid: 7, gid: 8, mtimeMs: 1e12 })
      // Also after something was made in it.
      expect(lstatSync(join(root, 'tmp'))).toMatchObject({ mode: 0o041777, mtimeMs: 1_000_000_001_000 })
      expect(lstatSync(join(root, 'link'))).toMatchObject({ uid: 9, mtimeMs: 1_000_000_002_000 })
      expect(readlinkSync(join(root, 'link'))).toBe('/nowhere')
    })
  })

  it('has the modes of the archive whatever the umask is', async () => {
    const before = process.umask(0o077)
    try {
      const members: TarMember[] = [
        { path: 'deep/file', mode: 0o666 },
        { path: 'd/', type: 'directory', mode: 0o777 },
      ]
      await applied(members, (root) => {
        expect(lstatSync(root).mode & 0o777).toBe(0o755)
        expect(lstatSync(join(root, 'deep')).mode & 0o777).toBe(0o755)
        expect(lstatSync(join(root, 'deep/file')).mode & 0o777).toBe(0o666)
        expect(lstatSync(join(root, 'd')).mode & 0o777).toBe(0o777)
      })
    } finally {
      process.umask(before)
    }
  })

  it('has file capabilities, also after a change of owner', async () => {
    // vfs_cap_data version 2: cap_setuid, effective
    const value = new Uint8Array([1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    const pax = { 'SCHILY.xattr.security.capability': value, 'SCHILY.xattr.trusted.note': 'hello' }
    await applied([{ path: 'newuidmap', content: 'x', mode: 0o755, uid: 5, pax }], (root) => {
      expect(xattr(join(root, 'newuidmap'), 'security.capability')).toBe(Buffer.from(value).toString('hex'))
      expect(xattr(join(root, 'newuidmap'), 'trusted.note')).toBe(Buffer.from('hello').toString('hex'))
    })
  })

  it('has devices and FIFOs', async () => {
    const members: TarMember[] = [
      { path: 'dev/null', type: 'character', major: 1, minor: 3, mode: 0o666 },
      { path: 'dev/big', type: 'block', major: 259, minor: 300 },
      { path: 'dev/initctl', type: 'fifo', mode: 0o600 },
    ]
    await applied(members, (root) => {
      expect(lstatSync(join(root, 'dev/null'))).toMatchObject({ mode: 0o020666, rdev: 0x103 })
      expect(execFileSync('stat', ['-c', '%t:%T', join(root, 'dev/big')], { encoding: 'utf8' }).trim()).toBe('103:12c')
      expect(lstatSync(join(root, 'dev/initctl')).isFIFO()).toBe(true)
    })
  })

  it('has hard links as one file', async () => {
    const members: TarMember[] = [
      { path: 'a/one', content: 'x' },
      { path: 'b/two', type: 'hardlink', link: 'a/one' },
      { path: 'b/two', type: 'hardlink', link: './a/one' },
    ]
    await applied(members, (root) => {
      expect(lstatSync(join(root, 'b/two')).ino).toBe(lstatSync(join(root, 'a/one')).ino)
      expect(lstatSync(join(root, 'a/one')).nlink).toBe(2)
    })
  })

  it('has what the last entry of a name says', async () => {
    const members: TarMember[] = [
      { path: 'a/b/c', content: 'x' },
      { path: 'a', content: 'a file now' },
      { path: 'l', type: 'symlink', link: '/etc' },
      { path: 'l/', type: 'directory' },
      { path: 'l/hosts', content: 'mine' },
      { path: 'f', content: 'long content' },
      { path: 'f', content: 'short' },
    ]
    await applied(members, (root) => {
      expect(readFileSync(join(root, 'a'), 'utf8')).toBe('a file now')
      expect(readFileSync(join(root, 'l/hosts'), 'utf8')).toBe('mine')
      expect(readFileSync(join(root, 'f'), 'utf8')).toBe('short')
    })
  })

  it('forgets a directory that was replaced and made again', async () => {
    const members: TarMember[] = [
      { path: 'a/b/c', content: '1' },
      { path: 'a', content: 'a file' },
      { path: 'a/', type: 'directory' },
      { path: 'a/b/c', content: '2' },
    ]
    await applied(members, (root) => expect(readFileSync(join(root, 'a/b/c'), 'utf8')).toBe('2'))
  })

  it('keeps holes of sparse files that GNU tar wrote, in all its formats', async () => {
    await withTemporaryDirectory(async (directory) => {
      const file = join(directory, 'sparse')
      // More extents than fit a header of the old format.
      const writes = Array.from({ length: 40 }, (_, index) => `f.seek(${index} * 1000000); f.write(b"here${index}")`)
      execFileSync('python3', [
        '-c',
        `f = open(${JSON.stringify(file)}, "wb")\n${writes.join('\n')}\nf.truncate(50000000)`,
      ])
      const content = readFileSync(file)
      for (const format of [
        ['--format=gnu'],
        ['--format=pax', '--sparse-version=0.0'],
        ['--format=pax', '--sparse-version=0.1'],
        ['--format=pax', '--sparse-version=1.0'],
      ]) {
        const archive = execFileSync('tar', ['-C', directory, '-cS', ...format, 'sparse'], { maxBuffer: 1 << 26 })
        await applied(new Uint8Array(archive), (root) => {
          expect(readFileSync(join(root, 'sparse')).equals(content), format.join(' ')).toBe(true)
          expect(lstatSync(join(root, 'sparse')).blocks, format.join(' ')).toBeLessThan(2000)
        })
      }
    })
  })

  it('has the long names and links that GNU tar writes in its formats', async () => {
    await withTemporaryDirectory(async (directory) => {
      const name = join('d'.repeat(120), 'e'.repeat(120))
      mkdirSync(join(directory, 'in', name), { recursive: true })
      writeFileSync(join(directory, 'in', name, 'file'), 'found')
      execFileSync('ln', ['-s', 't'.repeat(200), join(directory, 'in', name, 'link')])
      for (const format of ['gnu', 'pax', 'oldgnu']) {
        const archive = execFileSync('tar', ['-C', join(directory, 'in'), '-c', `--format=${format}`, '.'])
        await applied(new Uint8Array(archive), (root) => {
          expect(readFileSync(join(root, name, 'file'), 'utf8'), format).toBe('found')
          expect(readlinkSync(join(root, name, 'link')), format).toBe('t'.repeat(200))
        })
      }
    })
  })
})

describe('whiteouts', () => {
  it('become devices 0:0, and opaque marks an attribute', async () => {
    const members: TarMember[] = [
      { path: 'etc/.wh.passwd' },
      { path: 'var/.wh..wh..opq' },
      { path: 'var/new', content: 'x' },
      { path: '.wh..wh.plnk/', type: 'directory' },
    ]
    await applied(members, (root, { opaque }) => {
      expect(isWhiteout(join(root, 'etc/passwd'))).toBe(true)
      expect(xattr(join(root, 'var'), 'trusted.overlay.opaque')).toBe(Buffer.from('y').toString('hex'))
      expect(readFileSync(join(root, 'var/new'), 'utf8')).toBe('x')
      expect(opaque).toBe(false)
      expect(() => lstatSync(join(root, '.wh..wh.plnk'))).toThrow()
    })
  })

  it('hide lower layers only: what the same layer has under the name stays, a directory opaque', async () => {
    for (const order of [0, 1]) {
      const members: TarMember[] = [
        { path: '.wh.file' },
        { path: 'file', content: 'new' },
        { path: '.wh.dir' },
        { path: 'dir/', type: 'directory' },
      ]
      await applied(order === 0 ? members : members.toReversed(), (root) => {
        expect(readFileSync(join(root, 'file'), 'utf8')).toBe('new')
        expect(xattr(join(root, 'dir'), 'trusted.overlay.opaque')).toBe('79')
      })
    }
  })

  it('at the root make a layer opaque as a whole', async () => {
    await applied([{ path: '.wh..wh..opq' }], (_, { opaque }) => expect(opaque).toBe(true))
  })

  it('that name nothing are refused', async () => {
    await expect(applied([{ path: 'a/.wh.' }], () => 0)).rejects.toThrow('layer 1: entry "a/.wh.": it hides no name')
    await expect(applied([{ path: 'a/.wh...' }], () => 0)).rejects.toThrow('it hides no name')
  })

  skipUnless({ root: true, natives: true, filesystems: ['overlay'] }).it('are obeyed by overlayfs', async () => {
    await withTemporaryDirectory(async (directory) => {
      const layers: TarMember[][] = [
        [
          { path: 'keep', content: '1' },
          { path: 'gone', content: '1' },
          { path: 'dir/old', content: '1' },
        ],
        [{ path: '.wh.gone' }, { path: 'dir/.wh..wh..opq' }, { path: 'dir/new', content: '2' }],
      ]
      const roots = []
      for (const [index, members] of layers.entries()) {
        const root = join(directory, String(index))
        mkdirSync(root)
        await applyLayer(openLinux(), root, tarEntries(stream(tar(members))), { title: 'layer', warn: () => {} })
        roots.unshift(root)
      }
      const merged = join(directory, 'merged')
      mkdirSync(merged)
      const script = `mount -t overlay overlay -o lowerdir=${roots.join(':')} ${merged} && cd ${merged} && find . -type f | sort`
      const seen = execFileSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
      expect(seen.trim().split('\n')).toEqual(['./dir/new', './keep'])
      rmSync(merged, { recursive: true })
    })
  })
})
