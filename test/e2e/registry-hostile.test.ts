// A hostile registry and the whole program: nothing that it says reaches a terminal as an order, every refusal is one
// sentence, and nothing of it stays.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect } from 'vitest'
import { tar } from '../fixtures/tar.ts'
import { skipUnless } from '../support/needs.ts'
import {
  insecure,
  needsContainersAndRegistry,
  openRegistrySession,
  storeProblems,
} from '../support/registry-session.ts'
import { digestOf, makeImage } from '../support/remote-images.ts'

const { describe, it } = skipUnless({ ...needsContainersAndRegistry, anyKernel: true })

const order = '\u001b]0;pwned\u0007\u001b[2J\u009b1m\r\u202e\u007f'
/** All that a terminal obeys but lines and tabs. */
const orders = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

describe('a hostile registry', () => {
  const session = openRegistrySession()
  const { run, configure, elsewhere } = session
  const answers = new Map<string, Answer>()
  let server: Server
  let address: string

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url!.replace(/\?.*/, '')
      const { status = 200, headers = {}, body = '' } = answers.get(path) ?? { status: path === '/v2/' ? 200 : 404 }
      response.writeHead(status, headers)
      response.end(request.method === 'HEAD' ? undefined : body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    configure(insecure(address))
  })
  afterAll(() => {
    server?.closeAllConnections()
    server?.close()
  })

  /** Offers a manifest as `app:1`, and blobs. */
  function offer(manifest: Uint8Array, blobs: readonly Uint8Array[]): void {
    answers.clear()
    answers.set('/v2/app/manifests/1', { body: manifest })
    for (const blob of blobs) answers.set(`/v2/app/blobs/${digestOf(blob)}`, { body: blob })
  }

  /** An image whose configuration and manifest are changed. */
  function offerChanged(config: object, manifest: object = {}): void {
    const image = makeImage({ layers: [tar([{ path: 'a', content: 'x' }])] })
    const plain = JSON.parse(new TextDecoder().decode(image.bytes))
    const old = JSON.parse(new TextDecoder().decode(image.blobs.get(plain.config.digest)))
    const changed = json({ ...old, ...config })
    const described = { ...plain.config, digest: digestOf(changed), size: changed.length }
    offer(json({ ...plain, config: described, ...manifest }), [changed, ...image.blobs.values()])
  }

  it('has names, dates, labels and a history that are shown as they are, and not obeyed', async () => {
    const labels = { [order]: order }
    const step = { created_by: `RUN ${order}\n<missing> a false row`, comment: order, created: order }
    const texts = {
      created: order,
      author: order,
      config: { Labels: labels, User: order, Env: [order], WorkingDir: order },
    }
    offerChanged({ ...texts, history: [step] }, { annotations: labels })
    const store = elsewhere()
    const name = `${address}/app:1`
    const outputs = [await run(['pull', name], store)]
    for (const argv of [
      ['images', '--digests'],
      ['images', '--format', '{{.Labels}}{{.CreatedAt}}'],
      ['images', '--format', 'json'],
      ['history', '--no-trunc', name],
      ['history', '--human=false', name],
      ['history', '--format', '{{.CreatedBy}}', name],
      ['history', '--format', 'json', name],
      ['image', 'inspect', name],
      ['image', 'inspect', '--format', '{{.Author}} {{.Config.Labels}}', name],
      ['image', 'tree', name],
    ])
      outputs.push(await run(argv, store))
    for (const { code, stdout, stderr } of outputs) {
      expect(code, stderr).toBe(0)
      expect(`${stdout}${stderr}`).not.toMatch(orders)
    }
    expect(outputs[4]!.stdout.trim().split('\n')).toHaveLength(2)
    expect(JSON.parse(outputs[8]!.stdout)[0]).toMatchObject({ Author: order, Config: { Labels: labels } })
    // Running it fails in the same way.
    for (const argv of [
      ['run', '--rm', name, 'true'],
      ['run', '--rm', '-u', '0', '-w', '/', name, 'true'],
      ['rmi', name],
    ]) {
      const { stdout, stderr } = await run(argv, store)
      expect(`${stdout}${stderr}`).not.toMatch(orders)
    }
    expect(storeProblems(store.directory)).toEqual([])
  })

  it('is refused in one sentence, whatever it says instead', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const layers = (count: number) => Array(count).fill({ digest: digestOf(json(0)), size: 1, mediaType: order })
    const manifest = { schemaVersion: 2, config: { digest: digestOf(json(0)), size: 1 }, layers: [] }
    const bodies: readonly (Uint8Array | string)[] = [
      order,
      deep,
      '',
      'null',
      '[]',
      '{"schemaVersion":2,"manifests":[null]}',
      json({ schemaVersion: 2, mediaType: 7, manifests: {} }),
      json({
        schemaVersion: 2,
        manifests: [{ digest: digestOf(json(0)), platform: { os: order, architecture: order } }],
      }),
      json({ schemaVersion: 2, manifests: [{ digest: `../../../${order}`, size: 1 }] }),
      json({ ...manifest, layers: layers(1) }),
      json({ ...manifest, layers: layers(40_000) }),
      json({ ...manifest, config: { ...manifest.config, mediaType: order } }),
      json({ ...manifest, config: { digest: order, size: 1 } }),
      new Uint8Array(5 << 20),
    ]
    const store = elsewhere()
    for (const body of bodies) {
      offer(typeof body === 'string' ? new TextEncoder().encode(body) : body, [json(0)])
      const { code, stdout, stderr } = await run(['pull', '-q', `${address}/app:1`], store)
      const said = `${String(body).slice(0, 100)}: ${stderr}`
      expect({ code, stdout }, said).toEqual({ code: 125, stdout: '' })
      expect(stderr, said).toMatch(/^vitrine: [^\n]*\n$/)
      expect(stderr, said).not.toMatch(orders)
      expect(stderr.length, said).toBeLessThan(1500)
      expect(storeProblems(store.directory), said).toEqual([])
    }
  })

  it('that answers with an error has only its words shown', async () => {
    const wrong: readonly Answer[] = [
      { status: 400, body: json({ errors: [{ code: order, message: order }] }) },
      { status: 404, body: order },
      { status: 307, headers: { location: `file:///etc/shadow?${encodeURIComponent(order)}` } },
      { status: 307, headers: { location: 'http://%1b]0;x/' } },
      { status: 200, headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+json' }, body: '{}' },
    ]
    for (const answer of wrong) {
      answers.clear()
      answers.set('/v2/app/manifests/1', answer)
      const { code, stderr } = await run(['pull', `${address}/app:1`], elsewhere())
      expect(code).toBe(125)
      expect(stderr).not.toMatch(orders)
      expect(stderr.trim().split('\n')).toHaveLength(2)
    }
  })

  it('has tags that can be tags', async () => {
    answers.clear()
    answers.set('/v2/app/tags/list', { body: json({ name: order, tags: [order, '../../x', 'a b', '9'] }) })
    const { code, stderr } = await run(['pull', '--all-tags', `${address}/app`], elsewhere())
    expect(code).toBe(125)
    expect(stderr).not.toMatch(orders)
    expect(stderr.split('\n').filter((line) => line.startsWith('Trying'))).toEqual([
      `Trying to pull ${address}/app:9...`,
    ])
    const listed = await run(['search', '--list-tags', `${address}/app`], elsewhere())
    expect(
      listed.stdout
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(/\s+/)[1]),
    ).toEqual(['9'])
  })
})
