// The same archives in podman's store and in ours: what both print of them is the same.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { buildBusyboxImage, buildHttpdImage } from '../fixtures/build.ts'
import { skipUnless } from '../support/needs.ts'
import { needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless({
  ...needsContainers,
  programs: [...needsContainers.programs, 'podman'],
  userModeLinux: false,
})

describe('images here and in podman', () => {
  const { directory, ok } = openSession({ image: false })
  // podman takes no longer one than 50 characters.
  const runroot = mkdtempSync('/tmp/vitrine-podman-')
  const storage = ['--root', join(directory, 'podman-root'), '--runroot', runroot]
  afterAll(() => rmSync(runroot, { recursive: true, force: true }))
  const podman = (...argv: string[]) =>
    execFileSync('podman', [...storage, '--storage-driver=vfs', '--cgroup-manager=cgroupfs', ...argv], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trimEnd()
  const both = async (...argv: string[]) => [await ok(argv), podman(...argv)] as const
  /** Columns are of another width there. */
  const spaced = (text: string) => text.replace(/ +/g, ' ').replace(/ $/gm, '')

  beforeAll(async () => {
    for (const { path } of [buildBusyboxImage(), buildHttpdImage()]) {
      podman('load', '-q', '-i', path)
      await ok(['load', '-q', '-i', path])
    }
  })

  it.each([
    ['images', '--sort=repository', '--format={{.Repository}} {{.Tag}} {{.ID}} {{.CreatedSince}} {{.Digest}}'],
    ['images', '--noheading', '--quiet', 'busybox'],
    ['images', '--filter=label=org.opencontainers.image.title=httpd', '--format={{.ID}}'],
    ['images', '--filter=reference=local*/http*', '--format={{.Repository}}'],
    ['history', 'httpd'],
    ['history', '--no-trunc', '--quiet', 'httpd'],
    ['history', '--format={{.CreatedAt}} {{.CreatedBy}} {{.Size}}', 'httpd'],
    ['image', 'inspect', '--format={{.Id}} {{.Digest}} {{.RepoTags}} {{.RepoDigests}} {{.RootFS.Layers}}', 'httpd'],
    ['image', 'inspect', '--format={{.Config.Env}} {{.Os}} {{.Architecture}} {{.Labels}} {{.ManifestType}}', 'httpd'],
  ])('are printed alike by %s %s %s', async (...argv) => {
    const [ours, theirs] = await both(...argv.filter((word) => word !== undefined))
    expect(spaced(ours)).toBe(spaced(theirs))
  })

  it('have the same layers in a tree, but for the names of their directories', async () => {
    const trees = await both('image', 'tree', 'httpd')
    const [ours, theirs] = trees.map((tree) =>
      tree.replace(/ID: [0-9a-f]{12} Size/g, 'ID Size').replace(/^Size:.*$/m, ''),
    )
    expect(ours).toBe(theirs)
  })

  it('have the same fields, but for what podman alone knows', async () => {
    const [ours, theirs] = (await both('image', 'inspect', 'httpd')).map((text) => Object.keys(JSON.parse(text)[0]))
    expect(theirs!.filter((name) => !ours!.includes(name))).toEqual(['NamesHistory'])
  })
})
