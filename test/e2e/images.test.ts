// Images through the command line: import, load, images, inspect, run, rmi. podman-load(1), podman-images(1)

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { buildBusyboxImage } from '../fixtures/build.ts'
import { dockerArchive, ociFiles } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { skipUnless } from '../support/needs.ts'
import { needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

describe('images', () => {
  const { directory, run, ok } = openSession({ image: false })
  const small = (text: string, names: readonly string[] = []) => ({
    layers: [tar([{ path: 'file', content: text }])],
    config: { Cmd: ['/file'], Env: ['A=b'], Labels: { text } },
    names,
  })

  it('are imported from an OCI archive, under its own name or a given one', async () => {
    const { source } = buildBusyboxImage()
    expect(await ok(['import', source])).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await ok(['import', '--quiet', source, 'localhost/other:1'])).toMatch(/^[0-9a-f]{64}$/)
    expect(await ok(['images', '--format', '{{.Repository}}:{{.Tag}}', '--sort=repository'])).toBe(
      'localhost/busybox:latest\nlocalhost/other:1',
    )
    expect(await ok(['run', '--rm', '--network=none', 'other:1', 'echo', 'by its short name'])).toBe(
      'by its short name',
    )
  })

  it('are imported from an OCI layout and a docker archive, relative to where one is', async () => {
    for (const [path, content] of ociFiles(small('layout'))) {
      const file = join(directory, 'layout', path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
    }
    await ok(['import', 'oci:layout', 'localhost/layout'], { cwd: directory })
    writeFileSync(join(directory, 'docker.tar'), dockerArchive(small('docker', ['example.org/team/app:2'])))
    await ok(['import', `docker-archive:${directory}/docker.tar`])
    const [found] = JSON.parse(await ok(['inspect', '--type=image', 'example.org/team/app:2']))
    expect(found).toMatchObject({
      RepoTags: ['example.org/team/app:2'],
      Os: 'linux',
      Config: { Cmd: ['/file'], Env: ['A=b'], Labels: { text: 'docker' } },
      RootFS: { Type: 'layers' },
    })
    expect(found.Id).toMatch(/^[0-9a-f]{64}$/)
  })

  it('are loaded from a file, or from standard input', async () => {
    writeFileSync(join(directory, 'two.tar'), dockerArchive(small('loaded', ['localhost/loaded:a'])))
    expect(await ok(['load', '--input=two.tar'], { cwd: directory })).toBe('Loaded image: localhost/loaded:a')
    writeFileSync(join(directory, 'three.tar'), dockerArchive(small('piped', ['localhost/piped:b'])))
    const script = 'exec "$0" "$@" <three.tar'
    const { launcher, stateOptions } = await import('../support/cli.ts')
    const words = [process.execPath, launcher, ...stateOptions(directory), 'load', '-q']
    const piped = execFileSync('sh', ['-c', script, ...words], { cwd: directory, encoding: 'utf8' })
    expect(piped).toContain('localhost/piped:b')
    const through = execFileSync('sh', ['-c', `cat three.tar | "$0" "$@"`, ...words], {
      cwd: directory,
      encoding: 'utf8',
    })
    expect(through).toContain('localhost/piped:b')
  })

  it("are listed in podman's columns, whole, by id, as json, with digests, one by its name", async () => {
    const [heading, ...lines] = (await ok(['images'])).split('\n')
    expect(heading).toMatch(/^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/)
    expect(lines).toHaveLength(6)
    expect(lines.find((line) => line.includes('/team/app'))).toMatch(
      /^example\.org\/team\/app +2 +[0-9a-f]{12} +.* ago +\d/,
    )
    expect(await ok(['images', '-q', 'localhost/loaded:a'])).toMatch(/^[0-9a-f]{12}$/)
    expect(await ok(['images', '--quiet', '--no-trunc', 'localhost/loaded:a'])).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await ok(['images', '--noheading', 'localhost/loaded:a'])).toMatch(/^localhost\/loaded +a /)
    expect(await ok(['image', 'ls', '--digests', 'localhost/layout'])).toMatch(/DIGEST[\s\S]*sha256:[0-9a-f]{64}/)
    expect(JSON.parse(await ok(['images', '--all', '--format=json']))).toHaveLength(5)
    expect((await run(['images', '--sort=beauty'])).stderr).toContain('beauty')
    expect(await ok(['images', '--noheading', 'nothing'])).toBe('')
  })

  it('are removed when no container needs them', async () => {
    await ok(['create', '--name=user', '--network=none', 'localhost/busybox', 'true'])
    await ok(['rmi', 'localhost/other:1'])
    const used = await run(['rmi', 'localhost/busybox'])
    expect(used.code).not.toBe(0)
    expect(used.stderr).toContain('localhost/busybox')
    await ok(['rm', 'user'])
    expect(await ok(['image', 'rm', 'localhost/busybox'])).toMatch(/Untagged: localhost\/busybox:latest\nDeleted: /)
    expect((await run(['rmi', 'localhost/busybox'])).code).not.toBe(0)
    await ok(['rmi', '--force', await ok(['images', '-q', 'localhost/loaded:a'])])
    await ok(['rmi', '--all'])
    expect(await ok(['images', '-q'])).toBe('')
    expect(readdirSync(join(directory, 'root/images/layers'))).toEqual([])
    expect(readFileSync(join(directory, 'root/images/index.json'), 'utf8')).not.toContain('busybox')
  })

  it('cannot come from what is no image', async () => {
    writeFileSync(join(directory, 'no-image.tar'), 'x'.repeat(2000))
    for (const source of ['oci-archive:no-image.tar', 'oci:nowhere', 'docker-archive:no-image.tar', 'ftp:x', 'plain']) {
      const refused = await run(['import', source], { cwd: directory })
      expect(refused.code).toBe(125)
      expect(refused.stderr).not.toContain('    at ')
    }
    expect((await run(['run', '--rm', 'never-imported', 'true'])).stderr).toContain('never-imported')
  })
})
