// Imports that do not go as wished: killed, several at once, onto a full disk, by somebody else than root.

import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { removeImage } from '../../core/image/change.ts'
import { importImage } from '../../core/image/import.ts'
import { layerStack } from '../../core/image/root.ts'
import { listImages } from '../../core/image/store.ts'
import type { TarMember } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { archiveIn, storeIn } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

const base: TarMember[] = [{ path: 'bin/sh', content: 'a shell', mode: 0o755 }]
const site: TarMember[] = [{ path: 'www/index.html', content: 'hello' }]
const unused = { inUse: () => [] }
const importer = join(import.meta.dirname, '../support/import-image.ts')

/** Names of the layers that lie there. */
const layersOf = (images: string): string[] => readdirSync(join(images, 'layers')).sort()

/** Imports in another process, killed so many milliseconds after it has started; answers how long it took. */
async function importing(directory: string, source: string, killAfterMs?: number): Promise<number> {
  const child = spawn(process.execPath, [importer, directory, source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = new Promise((resolve) => child.on('exit', resolve))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const start = performance.now()
  if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  await gone
  return performance.now() - start
}

describe('an import', () => {
  it('that is killed leaves the store as it was or with the whole image, at whatever instant', {
    timeout: 120_000,
  }, async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      const first = await importImage(host, archiveIn(directory, 'first', [base]))
      const many = Array.from({ length: 400 }, (_, index) => ({
        path: `d${index % 40}/f${index}`,
        content: 'x'.repeat(3000),
      }))
      const source = archiveIn(directory, 'second', [base, many, site])
      const undisturbed = await importing(directory, source)
      await removeImage(host, 'second', unused)
      let interrupted = 0
      // From before the first system call to after the end.
      for (let tenth = 0; tenth < 12; tenth++) {
        await importing(directory, source, (undisturbed * tenth) / 10)
        const records = listImages(host)
        expect(records[0]).toEqual(first)
        for (const { layers } of records) {
          for (const { diffId } of layers) expect(existsSync(join(images, 'layers', diffId))).toBe(true)
        }
        if (readdirSync(join(images, 'tmp')).length > 0 || layersOf(images).length > 1) interrupted += 1
        if (records.length === 2) {
          await removeImage(host, 'second', unused)
          expect(readdirSync(join(images, 'tmp'))).toEqual([])
          expect(layersOf(images)).toEqual([first.layers[0]!.diffId])
        }
      }
      expect(interrupted).toBeGreaterThan(0)
      const second = await importImage(host, source)
      expect(second.sizeBytes).toBe(400 * 3000 + 12)
      expect(readdirSync(join(images, 'tmp'))).toEqual([])
      expect(layersOf(images)).toHaveLength(3)
    })
  })

  it('onto a full disk leaves nothing behind, and says what it was writing', async () => {
    await withTemporaryDirectory(async (directory) => {
      const content = Buffer.from(Array.from({ length: 3 << 20 }, (_, index) => (index * 7919) >> 3))
      const source = archiveIn(directory, 'large', [base, [{ path: 'data/file', content }]])
      const small = join(directory, 'small')
      mkdirSync(small)
      const script = `mount -t tmpfs -o size=1m tmpfs ${small}; "${process.execPath}" ${importer} ${small} ${source}
        ls -A ${small}/root/images/layers ${small}/root/images/tmp ${small}/root/images/blobs/sha256 | grep -v :; true`
      const output = execFileSync('unshare', ['-m', 'sh', '-c', `{ ${script}; } 2>&1`], { encoding: 'utf8' })
      expect(output).toContain('UserError: layer 2 of 2: entry "data/file": write its content: ENOSPC')
      expect(output.trim().split('\n').at(-1)).not.toMatch(/^[0-9a-f]{64}/)
    })
  })

  it('beside others shares the work', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host, images } = storeIn(directory)
      const sources = ['a', 'b', 'c', 'd'].map((name) => archiveIn(directory, name, [base, site], `/bin/${name}`))
      const imports = sources.map(
        (source) =>
          new Promise<number | null>((resolve) => {
            spawn(process.execPath, [importer, directory, source], { stdio: ['ignore', 'ignore', 'inherit'] }).on(
              'exit',
              resolve,
            )
          }),
      )
      expect(await Promise.all(imports)).toEqual([0, 0, 0, 0])
      expect(listImages(host).flatMap(({ names }) => names)).toHaveLength(4)
      expect(layersOf(images)).toHaveLength(2)
    })
  })
})

// Before 6.6 a tmpfs kept no attributes of users.
skipUnless({ root: true, natives: true, programs: ['setpriv'], release: '6.6' }).describe(
  'an import by somebody else than root',
  () => {
    it('owns everything, leaves out devices, and says so', async () => {
      await withTemporaryDirectory(async (directory) => {
        const store = join(directory, 'home')
        mkdirSync(store)
        chmodSync(directory, 0o755)
        const value = new Uint8Array([1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        const source = archiveIn(store, 'mine', [
          [
            { path: 'dev/null', type: 'character', major: 1, minor: 3 },
            { path: 'locked/', type: 'directory', mode: 0o555 },
            { path: 'locked/su', content: 'x', mode: 0o4755, uid: 7 },
            { path: 'ping', content: 'x', pax: { 'SCHILY.xattr.security.capability': value } },
          ],
          [{ path: 'locked/.wh.su' }, { path: 'www/.wh..wh..opq' }],
        ])
        execFileSync('chmod', ['-R', 'a+rX', store])
        chownSync(store, 65534, 65534)
        const as = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath]
        const run = (...args: string[]) =>
          JSON.parse(execFileSync('setpriv', [...as, ...args], { encoding: 'utf8' }).replace('ready\n', ''))
        const { record, warnings } = run(importer, store, source)
        expect(warnings).toEqual([
          'layer 1 of 2: device nodes left out (1, for example dev/null)',
          'layer 1 of 2: owners other than root left out (1, for example locked/su)',
          'layer 1 of 2: extended attributes security.capability left out (1, for example ping)',
        ])
        const [upper, lower] = layerStack(join(store, 'root'), record, '/none').lower as [string, string]
        expect(lstatSync(join(lower, 'locked/su'))).toMatchObject({ uid: 65534, mode: 0o104755 })
        expect(lstatSync(join(lower, 'locked')).mode & 0o777).toBe(0o555)
        expect(lstatSync(join(upper, 'locked/su')).isCharacterDevice()).toBe(true)
        const mark = 'import os,sys; print(os.getxattr(sys.argv[1], "user.overlay.opaque").decode())'
        expect(execFileSync('python3', ['-c', mark, join(upper, 'www')], { encoding: 'utf8' }).trim()).toBe('y')
        // Also where its directories forbid writing.
        const remove = `import { removeImage } from '${join(import.meta.dirname, '../../core/image/change.ts')}'
        import { storeIn } from '${join(import.meta.dirname, '../support/images.ts')}'
        console.log(JSON.stringify(await removeImage(storeIn('${store}').host, 'mine', { inUse: () => [] })))`
        expect(run('--input-type=module-typescript', '-e', remove).deleted).toEqual([record.id])
        expect(layersOf(join(store, 'root/images'))).toEqual([])
      })
    })
  },
)
