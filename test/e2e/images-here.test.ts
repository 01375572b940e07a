// Images that are here, through the command line: what is printed, what is asked, exit codes.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect } from 'vitest'
import { dockerArchive, ociArchive } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { skipUnless } from '../support/needs.ts'
import { needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

describe('images that are here', () => {
  const { directory, run, ok } = openSession({ image: false })
  const base = tar([{ path: 'base', content: 'b'.repeat(5000) }])
  const top = tar([{ path: 'top', content: 't'.repeat(50_000) }])
  const config = { Cmd: ['/nothing'], Labels: { stage: 'test' } }
  const cells = (text: string) => text.split('\n').map((line) => line.trim().split(/ {2,}/))

  beforeAll(async () => {
    const history = [
      { created_by: 'ADD base', created: '2020-01-01T00:00:00Z' },
      { created_by: 'COPY top', created: '2021-01-01T00:00:00Z', comment: 'the site' },
      { created_by: 'CMD nothing', created: '2022-01-01T00:00:00Z', empty_layer: true },
    ]
    const created = '2022-01-01T00:00:00Z'
    writeFileSync(join(directory, 'site.tar'), ociArchive({ layers: [base, top], config, history, created, tag: 'x' }))
    writeFileSync(
      join(directory, 'base.tar'),
      dockerArchive({ layers: [base], config: { Cmd: ['/base'] }, names: ['localhost/base:1'] }),
    )
    await ok(['import', 'oci-archive:site.tar', 'localhost/site:1'], { cwd: directory })
    await ok(['load', '-q', '-i', 'base.tar'], { cwd: directory })
  })

  it('get names and lose them', async () => {
    expect(await ok(['tag', 'site:1', 'site:2', 'quay.io/me/site'])).toBe('')
    const rows = cells(await ok(['images', '--noheading', '--sort=tag', 'site']))
    expect(rows.map(([repository, tag]) => `${repository}:${tag}`)).toEqual([
      'localhost/site:1',
      'localhost/site:2',
      'quay.io/me/site:latest',
    ])
    expect(cells(await ok(['image', 'list', '-n', '--filter', 'reference=me/*']))[0]![0]).toBe('quay.io/me/site')
    expect(await ok(['untag', 'site:1', 'quay.io/me/site'])).toBe('')
    expect(await ok(['rmi', 'site:2'])).toBe('Untagged: localhost/site:2')
    expect((await run(['tag', 'site:1'])).stderr).toContain('an image and its new names')
    expect((await run(['tag', 'site:1', 'good', 'Bad'])).stderr).toContain('lowercase')
    expect(await ok(['images', '-q', 'good'])).toBe('')
    expect((await run(['image', 'exists', 'site:1'])).code).toBe(0)
    expect(await run(['image', 'exists', 'site:2'])).toEqual({ code: 1, stdout: '', stderr: '' })
  })

  it('tell how they came about, and which layers they share', async () => {
    const [heading, ...rows] = cells(await ok(['history', 'site:1']))
    expect(heading).toEqual(['ID', 'CREATED', 'CREATED BY', 'SIZE', 'COMMENT'])
    expect(rows.map(([, , ...rest]) => rest)).toEqual([
      ['CMD nothing', '0 B'],
      ['COPY top', '51.7 kB', 'the site'],
      ['ADD base', '6.66 kB'],
    ])
    const ids = (await ok(['image', 'history', '--quiet', '--no-trunc', 'site:1'])).split('\n')
    expect(ids).toEqual([
      await ok(['inspect', '--format={{.Id}}', 'site:1']),
      '<missing>',
      await ok(['inspect', '--format={{.Id}}', 'base:1']),
    ])
    expect(await ok(['history', '--human=false', '--format={{.Created}} {{.Size}}', 'site:1'])).toContain(
      '2021-01-01T00:00:00Z 51712',
    )
    expect(JSON.parse(await ok(['history', '--format=json', 'site:1']))[1]).toMatchObject({ CreatedBy: 'COPY top' })
    expect((await ok(['image', 'tree', 'site:1'])).replace(/\b[0-9a-f]{12}\b/g, 'ID')).toBe(`Image ID: ID
Tags:     [localhost/site:1]
Size:     58.37kB
Image Layers
├── ID: ID Size: 6.656kB Top Layer of: [localhost/base:1]
└── ID: ID Size: 51.71kB Top Layer of: [localhost/site:1]`)
    expect(await ok(['image', 'tree', '--whatrequires', 'base:1'])).toMatch(/\n {4}└── .*\[localhost\/site:1\]$/)
  })

  it('are inspected alone and with others, by a template and where they lie', async () => {
    const [site, root] = JSON.parse(await ok(['image', 'inspect', 'site:1', 'base:1']))
    expect([site.RepoTags, root.RepoTags]).toEqual([['localhost/site:1'], ['localhost/base:1']])
    expect(readdirSync(site.GraphDriver.Data.UpperDir)).toEqual(['top'])
    expect(await ok(['inspect', '-t=image', '-f={{.Os}} {{.Labels.stage}} {{.RootFS.Type}}', 'site:1'])).toBe(
      'linux test layers',
    )
    const missing = await run(['image', 'inspect', 'base:1', 'nothing'])
    expect(missing.code).toBe(125)
    expect(JSON.parse(missing.stdout)).toHaveLength(1)
  })

  it('are pruned when that was answered with yes, and not otherwise', async () => {
    await ok(['untag', 'base:1'])
    const unanswered = await run(['image', 'prune'])
    expect(unanswered).toMatchObject({ code: 125, stderr: expect.stringContaining('--force') })
    expect(unanswered.stdout).toMatch(/^WARNING! This command removes all dangling images\.\nAre you sure .* \[y\/N\] /)
    expect(await ok(['image', 'prune'], { stdin: 'no\n' })).toContain('WARNING!')
    expect(await ok(['images', '-q', '--filter=dangling=true'])).not.toBe('')
    expect(await ok(['image', 'prune'], { stdin: 'y\n' })).toMatch(/\[y\/N\] [0-9a-f]{64}$/)
    expect(await ok(['image', 'prune', '--force'])).toBe('')
    expect((await run(['image', 'prune', '-f', '--filter=beauty=1'])).stderr).toContain('beauty')
    expect((await run(['image', 'prune', '-f', 'site:1'])).stderr).toContain('takes no names')
  })

  it('and containers and volumes occupy what system df says, until system prune', async () => {
    await ok(['create', '--name=user', '--network=none', '-v=data:/data', 'site:1'])
    const rows = cells(await ok(['system', 'df']))
    expect(rows.map(([type, total, active]) => [type, total, active])).toEqual([
      ['TYPE', 'TOTAL', 'ACTIVE'],
      ['Images', '1', '1'],
      ['Containers', '1', '0'],
      ['Local Volumes', '1', '1'],
    ])
    expect(JSON.parse(await ok(['system', 'df', '--format=json']))[0]).toMatchObject({ Type: 'Images', Total: 1 })
    expect(await ok(['system', 'df', '--verbose'])).toMatch(/^localhost\/site +1 +[\s\S]*^data +1 /m)
    expect((await run(['system', 'df', '-v', '--format=json'])).code).toBe(125)
    expect(await ok(['system', 'prune', '-f'])).toMatch(
      /^Deleted Containers\n[0-9a-f]{64}\nTotal reclaimed space: [\d.]+kB$/,
    )
    const all = await ok(['system', 'prune', '--all', '--volumes'], { stdin: 'yes\n' })
    expect(all).toContain('- all images without at least one container associated with them\n')
    expect(all).toMatch(/Deleted Volumes\ndata\nDeleted Images\n[0-9a-f]{64}\nTotal reclaimed space: [\d.]+kB$/)
    expect(await ok(['container', 'prune', '--force'])).toBe('')
    for (const name of ['images/layers', 'images/blobs/sha256', 'volumes', 'containers'])
      expect(readdirSync(join(directory, 'root', name)), name).toEqual([])
  })

  it('are removed with the containers that are made of them, by force', async () => {
    await ok(['import', 'oci-archive:site.tar', 'localhost/site:1'], { cwd: directory })
    await ok(['create', '--name=user', '--network=none', 'site:1'])
    expect(await run(['rmi', 'site:1'])).toMatchObject({ code: 2, stderr: expect.stringContaining('container user') })
    expect((await run(['rmi', 'nothing'])).code).toBe(1)
    expect(await ok(['rmi', '--ignore', 'nothing'])).toBe('')
    expect(await ok(['rmi', '-f', '--no-prune', 'site:1'])).toMatch(
      /^Untagged: localhost\/site:1\nDeleted: [0-9a-f]{64}$/,
    )
    expect(await ok(['ps', '-aq'])).toBe('')
  })
})
