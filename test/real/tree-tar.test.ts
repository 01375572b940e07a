// Trees to archives on a real kernel: what is in them, what others read, and that a layer comes back as it was.

import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { applyLayer } from '../../core/image/apply.ts'
import { tarEntries } from '../../core/image/tar.ts'
import { type TreeTarOptions, treeTar } from '../../core/image/tree-tar.ts'
import { concat } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { archiveOf, capability, entriesIn, kernel, python, setXattr, whiteout } from '../support/trees.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true, programs: ['python3', 'tar'] })

async function unpacked(bytes: Uint8Array, directory: string): Promise<void> {
  mkdirSync(directory)
  async function* source() {
    yield bytes
  }
  await applyLayer(kernel, directory, tarEntries(source()), { title: 'layer', warn: () => {} })
}

/** One of everything that a file system can hold. */
function everything(root: string): void {
  mkdirSync(join(root, 'directory'), { recursive: true })
  writeFileSync(join(root, 'directory/file'), 'content')
  chmodSync(join(root, 'directory/file'), 0o4751)
  linkSync(join(root, 'directory/file'), join(root, 'hard'))
  symlinkSync('/nowhere/at all', join(root, 'link'))
  linkSync(join(root, 'link'), join(root, 'link-again'))
  execFileSync('mkfifo', [join(root, 'fifo')])
  execFileSync('mknod', [join(root, 'null'), 'c', '1', '3'])
  execFileSync('mknod', [join(root, 'disk'), 'b', '7', '300'])
  python('import socket\nsocket.socket(socket.AF_UNIX).bind(sys.argv[1])', join(root, 'socket'))
  writeFileSync(join(root, 'sparse'), '')
  truncateSync(join(root, 'sparse'), 3_000_000)
  appendFileSync(join(root, 'sparse'), 'end')
  writeFileSync(join(root, 'ping'), 'x')
  execFileSync('chown', ['-h', '3000000:7', join(root, 'ping'), join(root, 'link')])
  setXattr(join(root, 'ping'), 'security.capability', capability)
  setXattr(join(root, 'ping'), 'user.note', '00ff0a3d')
  setXattr(join(root, 'directory'), 'trusted.deep', '01')
  mkdirSync(join(root, 'long', 'n'.repeat(200)), { recursive: true })
  writeFileSync(join(root, 'long', 'n'.repeat(200), 'schön'), 'ä')
  python('open(os.path.join(os.fsencode(sys.argv[1]), b"latin\\xe4"), "w").write("1")', root)
  utimesSync(join(root, 'hard'), 1_000_000_000.5, 1_000_000_000.5)
  utimesSync(join(root, 'directory'), -5, -5)
}

/** What lstat and the attributes say of every file of a tree, by path. */
const listing = (root: string): string =>
  python(
    `
def one(p, s):
    kind = s.st_mode >> 12
    body = os.readlink(p) if kind == 0o12 else hash(open(p, 'rb').read()) if kind == 0o10 else s.st_rdev if kind in (2, 6) else ''
    names = sorted(n for n in os.listxattr(p, follow_symlinks=False) if '.overlay.' not in n)
    return (oct(s.st_mode), s.st_uid, s.st_gid, int(s.st_mtime // 1), body, [(n, os.getxattr(p, n, follow_symlinks=False)) for n in names])
root = os.fsencode(sys.argv[1])
links = {}
for top, directories, files in os.walk(root):
    for name in [b''] + directories + files:
        if not name and top != root: continue
        p = os.path.join(top, name); s = os.lstat(p)
        if s.st_mode >> 12 == 0o14: continue
        print(p[len(root):], one(p, s), links.setdefault(s.st_ino, p[len(root):]) if s.st_nlink > 1 and s.st_mode >> 12 != 4 else '')
`,
    root,
  )
    .split('\n')
    .sort()
    .join('\n')

describe('the archive of a tree', () => {
  it('comes back as it was: kinds, owners, modes, links, devices, attributes, names of any bytes', async () => {
    await withTemporaryDirectory(async (directory) => {
      const [root, copy] = [join(directory, 'root'), join(directory, 'copy')]
      everything(root)
      const before = listing(root)
      const { bytes, warnings } = await archiveOf([root])
      expect(warnings).toEqual(['tree: sockets left out (1, for example /socket)'])
      await unpacked(bytes, copy)
      // Which of two names of a file came first in a directory is the file system's affair.
      const comparable = (text: string) =>
        text.replaceAll('/link-again', '/link').replaceAll("b'/hard'", "b'/directory/file'")
      expect(comparable(listing(copy))).toBe(comparable(before))
      expect(listing(root)).toBe(before)
    })
  })

  it('is the same for the same tree, and has directories first and names in order', async () => {
    await withTemporaryDirectory(async (directory) => {
      const [root, copy] = [join(directory, 'root'), join(directory, 'copy')]
      everything(root)
      const { bytes } = await archiveOf([root])
      await unpacked(bytes, copy)
      expect(Buffer.compare((await archiveOf([copy])).bytes, bytes)).toBe(0)
      const paths = [...(await entriesIn(bytes)).keys()]
      expect(paths.slice(0, 4)).toEqual(['./', 'directory/', 'directory/file', 'disk'])
    })
  })

  it('has whole seconds, and parts of them when asked', async () => {
    await withTemporaryDirectory(async (directory) => {
      writeFileSync(join(directory, 'file'), '')
      utimesSync(join(directory, 'file'), 1_000_000_000.5, 1_000_000_000.5)
      const file = async (more: Partial<TreeTarOptions>) =>
        (await entriesIn((await archiveOf([directory], more)).bytes)).get('file')
      expect(await file({})).toMatchObject({ mtimeSec: 1e9, mtimeNsec: 0 })
      expect(await file({ nanoseconds: true })).toMatchObject({ mtimeSec: 1e9, mtimeNsec: 5e8 })
    })
  })

  it('is read by GNU tar and Python as we mean it', async () => {
    await withTemporaryDirectory(async (directory) => {
      const [root, copy, archive] = ['root', 'copy', 'archive.tar'].map((name) => join(directory, name)) as [
        string,
        string,
        string,
      ]
      everything(root)
      const { bytes } = await archiveOf([root])
      writeFileSync(archive, bytes)
      mkdirSync(copy)
      execFileSync('tar', ['-xpf', archive, '-C', copy, '--xattrs', '--xattrs-include=*', '--numeric-owner'])
      const comparable = (text: string) =>
        text.replaceAll('/link-again', '/link').replaceAll("b'/hard'", "b'/directory/file'")
      expect(comparable(listing(copy))).toBe(comparable(listing(root)))
      const names = python(
        'import tarfile\nfor m in tarfile.open(sys.argv[1]): print(ascii(m.name), m.type, m.uid, m.size, ascii(m.linkname), m.devmajor, m.devminor)',
        archive,
      )
      expect(names).toContain("'ping' b'0' 3000000 1 ''")
      expect(names).toContain("'latin\\udce4' b'0' 0 1")
      expect(names).toContain(`'long/${'n'.repeat(200)}/sch\\xf6n' b'0' 0 2`)
      expect(names).toContain("'hard' b'1' 0 0 'directory/file'")
      expect(names).toContain("'disk' b'4' 0 0 '' 7 300")
    })
  })

  it('leaves out what the machine and overlayfs add to files', async () => {
    await withTemporaryDirectory(async (directory) => {
      setXattr(directory, 'trusted.overlay.impure', '79')
      setXattr(directory, 'user.overlay.opaque', '79')
      setXattr(directory, 'security.selinux', '61')
      expect((await entriesIn((await archiveOf([directory])).bytes)).get('./')!.xattrs.size).toBe(0)
    })
  })

  it('turns capabilities that hold in one user namespace into those that hold everywhere', async () => {
    await withTemporaryDirectory(async (directory) => {
      writeFileSync(join(directory, 'ping'), '')
      setXattr(join(directory, 'ping'), 'security.capability', `01000003${capability.slice(8)}e8030000`)
      const [value] = (await entriesIn((await archiveOf([directory])).bytes)).get('ping')!.xattrs.values()
      expect(Buffer.from(value!).toString('hex')).toBe(capability)
    })
  })

  it('gives a file that shrinks meanwhile the size that it had', async () => {
    await withTemporaryDirectory(async (directory) => {
      writeFileSync(join(directory, 'a'), 'x'.repeat(600_000))
      writeFileSync(join(directory, 'b'), 'y')
      const parts: Uint8Array[] = []
      const warnings: string[] = []
      const options = {
        view: 'merged',
        marks: 'trusted',
        title: 'tree',
        warn: (text: string) => void warnings.push(text),
      } as const
      for await (const part of treeTar(kernel, [directory], options)) {
        parts.push(part)
        if (part[0] === 120 && part.length > 512) truncateSync(join(directory, 'a'), 100)
      }
      expect(warnings).toEqual(['tree: the ends of files that became shorter left out (1, for example /a)'])
      const entries = await entriesIn(concat(parts))
      expect([entries.get('a')!.sizeBytes, entries.get('b')!.text]).toEqual([600_000, 'y'])
    })
  })

  it('is refused where overlayfs has left only parts, by the name of its option', async () => {
    await withTemporaryDirectory(async (directory) => {
      writeFileSync(join(directory, 'file'), '')
      setXattr(join(directory, 'file'), 'trusted.overlay.metacopy', '')
      await expect(archiveOf([directory])).rejects.toThrow(/read \/file: .*metacopy.*must be off/)
    })
  })

  it('leaves no descriptor open, however it ends', async () => {
    await withTemporaryDirectory(async (directory) => {
      mkdirSync(join(directory, 'a/b/c'), { recursive: true })
      writeFileSync(join(directory, 'a/b/c/file'), 'x')
      const count = () => readdirSync('/proc/self/fd').length
      const before = count()
      await archiveOf([directory, directory])
      const options = { view: 'merged', marks: 'trusted', title: 'tree', warn: () => {} } as const
      for (let stop = 1; stop < 6; stop++) {
        let seen = 0
        for await (const _ of treeTar(kernel, [directory, directory], options)) if (++seen === stop) break
      }
      await expect(archiveOf([directory, join(directory, 'none')])).rejects.toThrow('ENOENT')
      setXattr(join(directory, 'a/b/c/file'), 'trusted.overlay.redirect', '61')
      await expect(archiveOf([directory])).rejects.toThrow('redirect_dir')
      expect(count()).toBe(before)
    })
  })
})

describe('the layer of a writable directory', () => {
  it("has OCI's whiteouts for overlayfs's marks", async () => {
    await withTemporaryDirectory(async (directory) => {
      const [upper, lower, copy] = ['upper', 'lower', 'copy'].map((name) => join(directory, name)) as [
        string,
        string,
        string,
      ]
      mkdirSync(join(upper, 'opaque/inside'), { recursive: true })
      mkdirSync(lower)
      whiteout(join(upper, 'gone'))
      whiteout(join(upper, 'opaque/gone too'))
      linkSync(join(upper, 'gone'), join(upper, 'gone-again'))
      setXattr(join(upper, 'opaque'), 'trusted.overlay.opaque', '79')
      // Another namespace's mark is a program's own attribute.
      setXattr(join(upper, 'opaque/inside'), 'user.overlay.opaque', '79')
      mkdirSync(join(upper, '.wh.forged'))
      writeFileSync(join(upper, '.wh.forged/inside'), '')
      writeFileSync(join(lower, 'hidden'), '')
      const { bytes, warnings } = await archiveOf([upper, lower], { view: 'changes' })
      expect([...(await entriesIn(bytes)).keys()]).toEqual([
        './',
        '.wh.gone',
        '.wh.gone-again',
        'opaque/',
        'opaque/.wh..wh..opq',
        'opaque/.wh.gone too',
        'opaque/inside/',
      ])
      expect(warnings).toEqual(['tree: names that mean whiteouts left out (2, for example /.wh.forged)'])
      await unpacked(bytes, copy)
      expect(lstatSync(join(copy, 'gone'))).toMatchObject({ rdev: 0 })
      expect(lstatSync(join(copy, 'gone')).isCharacterDevice()).toBe(true)
      expect(python('print(os.getxattr(sys.argv[1], "trusted.overlay.opaque"))', join(copy, 'opaque'))).toBe("b'y'\n")
    })
  })
})
