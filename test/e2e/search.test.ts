// `search`: in a real registry, which has a catalog, and in one that has a search as Docker Hub has. podman-search(1)

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { tar } from '../fixtures/tar.ts'
import { skipUnless } from '../support/needs.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { insecure, needsContainersAndRegistry, openRegistrySession } from '../support/registry-session.ts'
import { makeImage, putImage } from '../support/remote-images.ts'

const { describe, it } = skipUnless({ ...needsContainersAndRegistry, userModeLinux: false })

describe('a search', () => {
  const { directory, run, ok, configure } = openRegistrySession()
  let registry: Registry
  let index: Server
  let indexAddress: string
  const asked: string[] = []

  beforeAll(async () => {
    registry = await startRegistry({ directory: join(directory, 'registry'), auth: 'basic' })
    const image = makeImage({ layers: [tar([{ path: 'file', content: 'x' }])] })
    for (const name of ['team/web', 'team/web-admin', 'other/database']) await putImage(registry, name, image, 'latest')
    await putImage(registry, 'team/web', image, '1.0')
    const results = [
      { name: 'web', description: `The\n ${'long '.repeat(20)}story`, star_count: 7, is_official: true },
      { name: 'me/web', description: 'mine', star_count: 1, is_automated: true },
      { name: 42 },
    ]
    index = createServer((request, response) => {
      asked.push(request.url!)
      response.setHeader('content-type', 'application/json')
      if (request.url!.startsWith('/v1/search')) response.end(JSON.stringify({ num_results: 3, results }))
      else response.writeHead(request.url === '/v2/' ? 200 : 404).end('{}')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => index.once('listening', resolve))
    indexAddress = `127.0.0.1:${(index.address() as AddressInfo).port}`
    configure(insecure(registry.address, indexAddress))
  })
  afterAll(async () => {
    index?.close()
    await registry?.stop()
  })
  const login = () => ['--creds', `${registry.user}:${registry.password}`]

  it('finds the repositories of a registry by part of their names, or all, and no more than wanted', async () => {
    const names = async (...argv: string[]) =>
      (await ok(['search', ...login(), '--format={{.Name}}', ...argv])).replaceAll(registry.address, 'R').split('\n')
    expect(await names(`${registry.address}/web`)).toEqual(['R/team/web', 'R/team/web-admin'])
    expect(await names(`${registry.address}/`)).toHaveLength(3)
    expect(await names('--limit=1', `${registry.address}/web`)).toEqual(['R/team/web'])
    expect(await ok(['search', ...login(), `${registry.address}/nothing`])).toBe('')
    expect(await run(['search', `${registry.address}/web`])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: expect.stringContaining(registry.address),
    })
  })

  it('lists the tags of a repository', async () => {
    const tags = await ok(['image', 'search', ...login(), '--list-tags', `${registry.address}/team/web`])
    const [heading, ...lines] = tags.split('\n').map((line) => line.split(/ +/)[1])
    expect([heading, ...lines.sort()]).toEqual(['TAG', '1.0', 'latest'])
    const json = ['search', ...login(), '--list-tags', '--format=json', `${registry.address}/team/web`]
    const [found] = JSON.parse(await ok(json))
    expect(found).toEqual({ Name: `${registry.address}/team/web`, Tags: expect.arrayContaining(['1.0', 'latest']) })
    expect((await run(['search', ...login(), '--list-tags', `${registry.address}/never/was`])).code).toBe(125)
  })

  it('asks the search that a registry has, and shows its words in one line', async () => {
    const [heading, first, second, ...none] = (await ok(['search', '--compatible', `${indexAddress}/web`])).split('\n')
    expect(heading).toMatch(/^NAME +DESCRIPTION +STARS +OFFICIAL +AUTOMATED$/)
    expect(first).toMatch(new RegExp(`^${indexAddress}/web +The (long )+lo\\.\\.\\. +7 +\\[OK\\]$`))
    expect(second).toMatch(new RegExp(`^${indexAddress}/me/web +mine +1 +\\[OK\\]$`))
    expect(none).toEqual([])
    expect(asked).toContain('/v1/search?q=web&n=25')
    const stars = ['search', '--filter=stars=5,is-official', '--no-trunc', '--format={{.Name}} {{.Description}}']
    expect(await ok([...stars, `${indexAddress}/web`])).toBe(`${indexAddress}/web The ${'long '.repeat(20)}story`)
    expect((await run(['search', '--filter=beauty', 'x'])).stderr).toContain('is-official')
  })

  it('of a term alone asks the registries of the configuration, and tells of those that do not answer', async () => {
    expect((await run(['search', 'web'])).stderr).toContain('no registry is named')
    const search = `unqualified-search-registries = ["${indexAddress}", "${registry.address}"]\n`
    configure(search + insecure(registry.address, indexAddress))
    const both = await run(['search', '--format={{.Index}}', 'web'])
    expect(both.stdout).toBe(`${indexAddress}\n${indexAddress}\n`)
    expect(both.stderr).toContain(registry.address)
    expect(both.code).toBe(0)
  })
})
