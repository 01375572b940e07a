// The fixtures are images that others accept too, and unpack to the same tree as ours.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect } from 'vitest'
import { importImage } from '../../core/image/import.ts'
import { layerStack } from '../../core/image/root.ts'
import { imageConfig } from '../../core/image/store.ts'
import { buildBusyboxImage, buildHttpdImage } from '../fixtures/build.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { storeIn } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const needs = { linux: true, root: true, natives: true, programs: ['apt-get', 'dpkg'] } as const
const { describe, it } = skipUnless({ ...needs, userModeLinux: false })

describe('the httpd image', () => {
  it('has the same bytes however often it is built', async () => {
    const { path } = buildHttpdImage()
    await withTemporaryDirectory((directory) => {
      const other = join(directory, 'vitrine/fixtures')
      mkdirSync(other, { recursive: true })
      symlinkSync(join(dirname(path), 'debs'), join(other, 'debs'))
      const before = process.env.XDG_CACHE_HOME
      process.env.XDG_CACHE_HOME = directory
      try {
        const again = buildHttpdImage()
        expect(again.path).toBe(join(other, basename(path)))
        expect(readFileSync(again.path).equals(readFileSync(path))).toBe(true)
      } finally {
        if (before === undefined) delete process.env.XDG_CACHE_HOME
        else process.env.XDG_CACHE_HOME = before
      }
    })
  })

  it('says how it is run, as root and as another user', async () => {
    await withTemporaryDirectory(async (directory) => {
      const { host } = storeIn(directory)
      const root = await importImage(host, buildHttpdImage().source)
      expect(root.names).toEqual(['localhost/httpd:latest'])
      expect(root.layers).toHaveLength(4)
      expect(imageConfig(host, root).config).toMatchObject({
        Entrypoint: ['/usr/sbin/apache2'],
        ExposedPorts: { '80/tcp': {} },
        StopSignal: 'SIGWINCH',
      })
      const other = await importImage(host, buildHttpdImage('default').source)
      expect(imageConfig(host, other).config).toMatchObject({ User: '1001', ExposedPorts: { '8080/tcp': {} } })
      const busybox = await importImage(host, buildBusyboxImage().source)
      // One base for all of them.
      expect(new Set([root, other, busybox].map((image) => image.layers[0]!.diffId)).size).toBe(1)
    })
  })

  skipUnless({ ...needs, programs: ['skopeo'], userModeLinux: false }).it('is accepted by skopeo', () => {
    const { path } = buildHttpdImage()
    const image = JSON.parse(execFileSync('skopeo', ['inspect', `oci-archive:${path}`], { encoding: 'utf8' }))
    expect(image.Layers).toHaveLength(4)
  })

  skipUnless({ ...needs, programs: ['umoci'], filesystems: ['overlay'], userModeLinux: false }).it(
    'is unpacked by umoci to the tree that overlayfs shows of ours',
    async () => {
      await withTemporaryDirectory(async (directory) => {
        const { host } = storeIn(directory)
        const { path, source, name } = buildHttpdImage()
        const layout = join(directory, 'layout')
        const merged = join(directory, 'merged')
        for (const made of [layout, merged]) mkdirSync(made)
        execFileSync('tar', ['-C', layout, '-xf', path])
        execFileSync('umoci', ['unpack', '--image', `${layout}:${name}`, join(directory, 'bundle')], { stdio: 'pipe' })
        const record = await importImage(host, source)
        const lower = layerStack(host.root, record, '/none').lower.join(':')
        // Names, kinds, modes, owners, links, sizes of files and times.
        const list = `find . -mindepth 1 ! -type d -printf '%p %y %m %U:%G %l %s %T@\\n' -o -type d -printf '%p %y %m %U:%G\\n' | sort`
        const shell = (script: string) =>
          execFileSync('unshare', ['-m', 'sh', '-ec', script], { encoding: 'utf8' }).split('\n')
        const ours = shell(`mount -t overlay overlay -o lowerdir=${lower} ${merged}; cd ${merged}; ${list}`)
        const theirs = shell(`cd ${directory}/bundle/rootfs; ${list}`)
        expect(ours).toEqual(theirs)
        expect(ours.join('\n')).toContain('./var/www/html/icons/only.svg')
        expect(ours.join('\n')).not.toMatch(/old\.html|first\.svg/)
        const differences = shell(
          `mount -t overlay overlay -o lowerdir=${lower} ${merged}; diff -r --no-dereference ${merged} ${directory}/bundle/rootfs`,
        )
        expect(differences).toEqual([''])
      })
    },
  )
})
