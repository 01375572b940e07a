// The verbs on images that are here: what is in use stays, what goes goes from the disk too, and what all occupies.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect } from 'vitest'
import { pruneContainers } from '../../core/engine/container-prune.ts'
import { create } from '../../core/engine/create.ts'
import { diskUsage } from '../../core/engine/disk-usage.ts'
import { imageHistory, imageLayers, layersAbove } from '../../core/engine/image-history.ts'
import { imageHost } from '../../core/engine/image-host.ts'
import { inspectImage } from '../../core/engine/image-inspect.ts'
import { listImagesWith } from '../../core/engine/image-list.ts'
import { pruneImages } from '../../core/engine/image-prune.ts'
import { removeImage } from '../../core/engine/image-remove.ts'
import { list } from '../../core/engine/list.ts'
import { remove } from '../../core/engine/remove.ts'
import { run } from '../../core/engine/run.ts'
import { pruneSystem } from '../../core/engine/system-prune.ts'
import { tagImage, untagImage } from '../../core/image/change.ts'
import { importImage, loadImages } from '../../core/image/import.ts'
import { blobPath, findImage, layerTree, listImages } from '../../core/image/store.ts'
import { dockerArchive, ociArchive } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { type Engine, engineNeeds, useEngine } from '../support/engine.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(engineNeeds)

let engine: Engine
let directory: string

useEngine('image-verbs', (ground) => {
  engine = ground.engine
  directory = ground.directory
})

const base = tar([{ path: 'base', content: 'b'.repeat(100_000) }])
const top = tar([{ path: 'top', content: 't'.repeat(50_000) }])
const other = tar([{ path: 'other', content: 'o' }])
const cmd = ['/nothing']

/** Brings an image in: its name is also its label. */
async function load(name: string, layers: readonly Uint8Array[], created?: string) {
  const path = join(directory, 'archive.tar')
  const config = { Cmd: cmd, Labels: { name } }
  writeFileSync(path, dockerArchive({ layers, config, created, names: [`localhost/${name}:1`] }))
  return (await loadImages(imageHost(engine.host, engine.settings), path))[0]!
}

const fromImage = (reference: string) => ({ source: { kind: 'image', reference } as const })
const here = () => listImages({ kernel: engine.host.kernel, root: engine.settings.root })
const namesHere = () => here().map((image) => image.names.join(' '))
const layersOnDisk = () => readdirSync(join(engine.settings.root, 'images/layers')).length
const moment = (text: string) => Date.parse(text)
const pruned = (all: boolean, ...filters: string[]) =>
  pruneImages(engine.host, engine.settings, { all, filters, moment })
const rmi = (name: string, options = { force: false, containers: false }) =>
  removeImage(engine.host, engine.settings, name, options)
const removeAll = async () => {
  await engine.end()
  await pruned(true)
}

describe('images that are here', () => {
  beforeAll(async () => {
    await load('base', [base], '2020-01-01T00:00:00Z')
    await load('web', [base, top], '2022-01-01T00:00:00Z')
    await load('web-more', [base, top, other], '2024-01-01T00:00:00Z')
    await load('side', [base, other], '2024-01-01T00:00:00Z')
  })

  it('are found by filters and by a name that means all tags, with the containers made of them', async () => {
    const store = imageHost(engine.host, engine.settings)
    await tagImage(store, 'web:1', 'localhost/web:2')
    const { id } = await create(engine.host, engine.settings, engine.request([], fromImage('web:1')))
    const found = (name: string | undefined, ...filters: string[]) =>
      listImagesWith(engine.host, engine.settings, { filters, name, moment }).map(({ names }) => names.join(' '))
    expect(found('web')).toEqual(['localhost/web:1 localhost/web:2'])
    expect(found('web:2')).toEqual(['localhost/web:2'])
    expect(found('web*', 'since=web:1')).toEqual(['localhost/web-more:1'])
    expect(found(undefined, 'label=name=side')).toEqual(['localhost/side:1'])
    expect(found(undefined, 'containers=true')).toEqual(['localhost/web:1 localhost/web:2'])
    const [web] = listImagesWith(engine.host, engine.settings, { filters: [], name: 'web', moment })
    expect(web).toMatchObject({ containers: [id], labels: { name: 'web' } })
    await untagImage(store, 'web:1', ['web:2'])
    await remove(engine.host, engine.settings, id, { force: false, volumes: true })
  })

  it('are told of with the directories in which their files are, which anybody can look at', () => {
    const inspected = inspectImage(engine.host, engine.settings, 'web-more:1')
    const { LowerDir = '', UpperDir = '' } = inspected.GraphDriver.Data
    const files = [UpperDir, ...LowerDir.split(':')].map((path) => readdirSync(path).join())
    expect(files).toEqual(['other', 'top', 'base'])
    expect(inspected).toMatchObject({
      RepoTags: ['localhost/web-more:1'],
      Created: '2024-01-01T00:00:00Z',
      Size: base.length + top.length + other.length,
      Labels: { name: 'web-more' },
      Config: { Cmd: cmd },
      RootFS: { Type: 'layers' },
      Annotations: {},
    })
    expect(inspected.RepoDigests).toEqual([`localhost/web-more@${inspected.Digest}`])
    expect(Object.hasOwn(inspectImage(engine.host, engine.settings, 'base:1').GraphDriver.Data, 'LowerDir')).toBe(false)
  })

  it('have a history, whose steps are images too where those are here', async () => {
    const steps = imageHistory(engine.host, engine.settings, 'web-more:1')
    expect(steps.map(({ names, bytes }) => [names.join(), bytes])).toEqual([
      ['localhost/web-more:1', other.length],
      ['localhost/web:1', top.length],
      ['localhost/base:1', base.length],
    ])
    const history = [
      { created_by: 'ADD base', created: '2021-01-01T00:00:00Z' },
      { created_by: 'ENV A=b', empty_layer: true },
      { created_by: 'COPY top', comment: 'the site' },
      { created_by: 'CMD run', empty_layer: true },
    ]
    const path = join(directory, 'built.tar')
    writeFileSync(path, ociArchive({ layers: [base, top], config: {}, history, tag: 'built' }))
    const store = imageHost(engine.host, engine.settings)
    const built = await importImage(store, `oci-archive:${path}`, { name: 'built' })
    const described = imageHistory(engine.host, engine.settings, 'built')
    expect(described.map(({ id, createdBy, bytes }) => [id?.slice(0, 12), createdBy, bytes])).toEqual([
      [built.id.slice(0, 12), 'CMD run', 0],
      [findImage(store, 'web:1').id.slice(0, 12), 'COPY top', top.length],
      [undefined, 'ENV A=b', 0],
      [findImage(store, 'base:1').id.slice(0, 12), 'ADD base', base.length],
    ])
    expect(described[1]!.comment).toBe('the site')
    await rmi('built')
  })

  it('stand on layers that others have too', () => {
    const { layers } = imageLayers(engine.host, engine.settings, 'web:1')
    expect(layers.map(({ topOf }) => topOf)).toEqual([['localhost/base:1'], ['localhost/web:1']])
    const [root] = layersAbove(engine.host, engine.settings, 'base:1').layers
    const shape = (node: typeof root): unknown => [node!.topOf.join(), ...node!.above.map(shape)]
    expect(shape(root)).toEqual([
      'localhost/base:1',
      ['localhost/web:1', ['localhost/web-more:1']],
      ['localhost/side:1'],
    ])
  })

  it('occupy what du says, a layer of several counted once and reclaimable only when no container needs it', async () => {
    const { id } = await create(engine.host, engine.settings, engine.request([], fromImage('web:1')))
    const usage = await diskUsage(engine.host, engine.settings)
    const of = (name: string) => usage.images.find(({ image }) => image.names.includes(`localhost/${name}:1`))!
    const du = await promisify(execFile)('du', ['-sc', '-B1', 'layers', 'blobs/sha256'], {
      cwd: join(engine.settings.root, 'images'),
    })
    const lines = du.stdout.trim().split('\n')
    const own = 2 * 4096 // The two directories themselves belong to no image.
    expect(Math.abs(usage.sums.images.bytes - Number.parseInt(lines.at(-1)!, 10))).toBeLessThanOrEqual(2 * own)
    expect(usage.sums.images).toMatchObject({ total: 4, active: 1 })
    expect(usage.sums.images.bytes - usage.sums.images.reclaimableBytes).toBe(of('web').bytes)
    expect(of('web').bytes).toBeGreaterThan(150_000)
    expect(of('web').sharedBytes).toBeGreaterThan(150_000)
    expect(of('side')).toMatchObject({ containers: 0 })
    expect(usage.containers).toMatchObject([{ row: { id }, volumes: 0 }])
    expect(usage.sums.containers).toMatchObject({ total: 1, active: 0 })
    await remove(engine.host, engine.settings, id, { force: false, volumes: true })
  })
})

describe('removing images', () => {
  it('is refused while containers are made of them, and with force takes the containers, also those that run', async () => {
    await removeAll()
    await load('used', [base])
    const { host, settings } = engine
    const made = await create(host, settings, engine.request([], { ...fromImage('used:1'), name: 'sleeper' }))
    await expect(rmi('used:1')).rejects.toMatchObject({
      message: 'image used:1: container sleeper uses it; remove it first, or use --force',
      exitCode: 2,
    })
    await expect(rmi('used:1', { force: true, containers: false })).rejects.toThrow('sleeper uses it')
    await expect(rmi('never')).rejects.toMatchObject({ exitCode: 1 })
    expect(namesHere()).toEqual(['localhost/used:1'])
    const bind = { kind: 'bind', source: join(directory, 'rootfs/bin'), destination: '/bin', options: ['ro'] } as const
    mkdirSync(join(layerTree(settings.root, here()[0]!.layers[0]!.diffId), 'bin'), { recursive: true })
    const more = { ...fromImage('used:1'), volumes: [bind], detach: true }
    await run(host, settings, engine.request(['/bin/busybox', 'sleep', '1000'], more))
    expect(await rmi('used:1', { force: true, containers: true })).toMatchObject({ untagged: ['localhost/used:1'] })
    expect(await list(host, settings, { all: true, filters: {} })).toEqual([])
    expect(existsSync(join(settings.root, 'containers', made.id))).toBe(false)
    expect(layersOnDisk()).toBe(0)
  })

  it('takes away the name that was given, however it was written, and leaves the others', async () => {
    const store = imageHost(engine.host, engine.settings)
    const image = await load('many', [base])
    for (const name of ['quay.io/me/tool:1', 'localhost/tool:2', 'docker.io/library/tool:3'])
      await tagImage(store, 'many:1', name)
    expect(await rmi('me/tool:1')).toEqual({ untagged: ['quay.io/me/tool:1'], deleted: [] })
    expect(await rmi('tool:3')).toEqual({ untagged: ['docker.io/library/tool:3'], deleted: [] })
    await expect(rmi(image.id.slice(0, 12))).rejects.toThrow('it has 2 names (localhost/many:1, localhost/tool:2)')
    await expect(rmi(`many@${image.digest}`)).rejects.toThrow('it has 2 names')
    await expect(untagImage(store, 'many:1', ['tool:2', 'nothing'])).rejects.toThrow('it has no name nothing')
    expect(await untagImage(store, 'many:1', ['tool:2'])).toEqual(['localhost/tool:2'])
    expect(await untagImage(store, 'many:1', [])).toEqual(['localhost/many:1'])
    expect((await rmi(image.id)).deleted).toEqual([image.id])
  })
})

describe('pruning', () => {
  it('removes images without a name, or with all those that nobody uses, by filters, and says how much it was', async () => {
    await removeAll()
    const store = imageHost(engine.host, engine.settings)
    const used = await load('used', [base], '2020-01-01T00:00:00Z')
    const nameless = await load('nameless', [base, top], '2022-01-01T00:00:00Z')
    const idle = await load('idle', [base, other], '2024-01-01T00:00:00Z')
    await untagImage(store, 'nameless:1', [])
    await create(engine.host, engine.settings, engine.request([], fromImage('used:1')))
    await expect(pruned(true, 'beauty=1')).rejects.toThrow('unknown key')
    expect(await pruned(true, 'until=2021-01-01')).toEqual({ removed: [], bytes: 0 })
    const first = await pruned(false)
    expect(first.removed).toEqual([nameless.id])
    // The shared layer stays, and counts for nothing.
    expect(first.bytes).toBeGreaterThan(top.length)
    expect(first.bytes).toBeLessThan(top.length * 2 + 40_000)
    expect((await pruned(true, 'label=name=idle')).removed).toEqual([idle.id])
    expect((await pruned(true)).removed).toEqual([])
    expect(namesHere()).toEqual(['localhost/used:1'])
    expect(layersOnDisk()).toBe(1)
    expect(existsSync(blobPath(engine.settings.root, used.id))).toBe(true)
  })

  it('of all removes containers that do not run, and then the images that only they needed', async () => {
    await removeAll()
    const { host, settings } = engine
    const gone = await load('gone', [base])
    await load('kept', [base, top])
    const volume = (source: string) => ({ kind: 'named', source, destination: '/data', options: [] }) as const
    const label = { labels: { keep: 'yes' }, volumes: [volume('kept')] }
    const kept = await create(host, settings, engine.request([], { ...fromImage('kept:1'), ...label }))
    const ended = await create(
      host,
      settings,
      engine.request([], {
        ...fromImage('gone:1'),
        volumes: [volume('gone'), { ...volume('anonymous'), kind: 'anonymous', destination: '/other' }],
      }),
    )
    const running = await run(host, settings, engine.request(['sleep', '1000'], { detach: true }))
    const options = { filters: ['label!=keep'], moment, allImages: true, volumes: false }
    await expect(pruneSystem(host, settings, { ...options, filters: ['name=x'] })).rejects.toThrow('must be label=')
    const usage = await diskUsage(host, settings)
    expect(usage.volumes.map(({ name, links }) => `${name} ${links}`)).toEqual(['anonymous 1', 'gone 1', 'kept 1'])
    const all = await pruneSystem(host, settings, { ...options, volumes: true })
    expect(all.containers.removed).toEqual([ended.id])
    expect(all.volumes.removed).toEqual(['anonymous', 'gone'])
    expect(all.images.removed).toEqual([gone.id])
    expect(all.bytes).toBeGreaterThan(0)
    const rows = await list(host, settings, { all: true, filters: {} })
    expect(rows.map(({ id }) => id).sort()).toEqual([kept.id, running.id].sort())
    expect((await pruneContainers(host, settings, { filters: [], moment })).removed).toEqual([kept.id])
    expect((await list(host, settings, { all: true, filters: {} })).map(({ id }) => id)).toEqual([running.id])
  })

  it('never takes an image from a container that is being made of it, nor a layer from an import, in other processes', async () => {
    await removeAll()
    const { host, settings } = engine
    const path = join(directory, 'contended.tar')
    writeFileSync(path, ociArchive({ layers: [base, top], config: { Cmd: cmd }, tag: 'localhost/contended:1' }))
    const script = join(import.meta.dirname, '../support/prune-images.ts')
    const end = join(directory, 'end')
    const argv = [script, directory, `oci-archive:${path}`, end]
    const pruners = Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, argv)))
    let made = 0
    let missed = 0
    let ended = false
    void pruners.catch(() => {}).then(() => (ended = true))
    try {
      while (!ended && (made < 10 || missed < 10)) {
        const container = await create(host, settings, engine.request([], fromImage('contended:1'))).catch((error) => {
          if (!/not here/.test((error as Error).message)) throw error
          return undefined
        })
        if (container === undefined) missed++
        else {
          made++
          const image = findImage({ kernel: host.kernel, root: settings.root }, 'contended:1')
          await host.sleep(2)
          for (const { diffId } of image.layers) expect(readdirSync(layerTree(settings.root, diffId))).toHaveLength(1)
          for (const hex of image.blobs) expect(existsSync(blobPath(settings.root, hex))).toBe(true)
          await remove(host, settings, container.id, { force: false, volumes: true })
        }
        await host.sleep(1)
      }
    } finally {
      writeFileSync(end, '')
    }
    const removed = (await pruners).map(({ stdout }) => Number(stdout))
    expect(removed[0]! + removed[1]!).toBeGreaterThan(0)
    await pruned(true)
    expect(layersOnDisk()).toBe(0)
  })
})
