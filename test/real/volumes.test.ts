// Volumes on the real kernel: what they begin with, whose they are, where changes go, and when they go.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect } from 'vitest'
import { create } from '../../core/engine/create.ts'
import { inspect } from '../../core/engine/inspect.ts'
import { list } from '../../core/engine/list.ts'
import { remove } from '../../core/engine/remove.ts'
import { start } from '../../core/engine/start.ts'
import { createVolume, listVolumes, pruneVolumes } from '../../core/engine/volume-list.ts'
import { removeVolume } from '../../core/engine/volume-remove.ts'
import { wait } from '../../core/engine/wait.ts'
import type { Volume } from '../../core/spec/request.ts'
import { type VolumeRecord, volumePaths } from '../../core/store/volumes.ts'
import { type Engine, useEngine } from '../support/engine.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
  programs: ['busybox'],
})

let engine: Engine
let directory: string
const ready = (ground: { engine: Engine; directory: string }) => {
  ;({ engine, directory } = ground)
  const image = join(directory, 'rootfs')
  mkdirSync(join(image, 'site/deep'), { recursive: true })
  writeFileSync(join(image, 'site/deep/page'), 'from the image\n')
  mkdirSync(join(image, 'spool'), { mode: 0o755 })
}

const named = (source: string, destination: string, ...options: string[]): Volume => ({
  kind: 'named',
  source,
  destination,
  options,
})
const bound = (source: string, destination: string, ...options: string[]): Volume => ({
  kind: 'bind',
  source,
  destination,
  options,
})
const anonymous = (destination: string): Volume => ({ kind: 'anonymous', destination, options: [] })

/** What a script prints in a container that has these volumes, and is gone afterwards. */
async function inside(script: string, volumes: readonly Volume[], user = '0'): Promise<string> {
  const { stdout, stderr } = await engine.runToEnd(['sh', '-c', script], { volumes, user, remove: true })
  return `${stdout}${stderr}`.trim()
}
const data = (name: string, ...path: string[]) => join(volumePaths(engine.settings, name).data, ...path)
const recordOf = (name: string) =>
  JSON.parse(readFileSync(volumePaths(engine.settings, name).record, 'utf8')) as VolumeRecord
const names = async (filters: readonly string[] = []) =>
  (await listVolumes(engine.host, engine.settings, { filters })).map(({ name }) => name)
const made = (name: string, options: Record<string, string> = {}) =>
  createVolume(engine.host, engine.settings, { name, labels: {}, options, ignore: false })

describe('a new volume', () => {
  useEngine('volumes-new', ready)

  it('begins with what the image has at its place, for its first container only', async () => {
    expect(await inside('cat /site/deep/page; rm -r /site/deep', [named('site', '/site')])).toBe('from the image')
    expect(await inside('ls /site', [named('site', '/site')])).toBe('')
  })

  it('is not filled by a container that is only created', async () => {
    const { id } = await create(
      engine.host,
      engine.settings,
      engine.request(['true'], { volumes: [named('later', '/site')] }),
    )
    expect([recordOf('later').unused, readdirSync(data('later'))]).toEqual([true, []])
    await remove(engine.host, engine.settings, id, { force: false, volumes: true })
    expect(await inside('ls /site', [named('later', '/site')])).toBe('deep')
  })

  it('begins empty with nocopy, whoever says so', async () => {
    await made('bare', { nocopy: '' })
    expect(await inside('ls /site', [named('bare', '/site')])).toBe('')
    expect(await inside('ls /site', [named('plain', '/site', 'nocopy')])).toBe('')
    // The first container has decided.
    expect(await inside('ls /site', [named('plain', '/site')])).toBe('')
  })

  it('looks as the directory that it covers, and is the user of the container where there is none', async () => {
    expect(await inside('chown 33:34 /spool; chmod 2770 /spool; ls -ld /spool', [])).toContain('drwxrws---')
    const rootfs = join(directory, 'rootfs/spool')
    const { chmodSync, chownSync } = await import('node:fs')
    chownSync(rootfs, 33, 34)
    chmodSync(rootfs, 0o1770)
    expect(await inside('stat -c "%a %u:%g" /spool', [named('spool', '/spool')])).toBe('1770 33:34')
    expect(await inside('stat -c %u:%g /own; touch /own/x', [named('own', '/own')], 'web')).toBe('33:34')
    await made('chosen', { o: 'uid=7,gid=8' })
    expect(await inside('stat -c %u:%g /own', [named('chosen', '/own')], 'web')).toBe('7:8')
  })

  it('is filled whole when the one who filled it was killed halfway', async () => {
    await made('half')
    mkdirSync(join(volumePaths(engine.settings, 'half').draft, 'deep'), { recursive: true })
    expect(await inside('cat /site/deep/page', [named('half', '/site')])).toBe('from the image')
    expect(existsSync(volumePaths(engine.settings, 'half').draft)).toBe(false)
  })

  it('keeps what was put into it before', async () => {
    await made('brought')
    writeFileSync(data('brought', 'mine'), '')
    expect(await inside('ls /site', [named('brought', '/site')])).toBe('mine')
  })

  it('is one volume when several containers come first', async () => {
    const scripts = [1, 2, 3, 4].map((i) => `cat /site/deep/page; touch /site/${i}`)
    const answers = await Promise.all(scripts.map((script) => inside(script, [named('rush', '/site')])))
    expect(answers).toEqual(scripts.map(() => 'from the image'))
    expect(readdirSync(data('rush')).sort()).toEqual(['1', '2', '3', '4', 'deep'])
  })

  it('may be a directory that was made before volumes were written down', async () => {
    mkdirSync(data('old'), { recursive: true })
    writeFileSync(data('old', 'file'), 'kept\n')
    expect(await inside('cat /site/file; ls /site', [named('old', '/site')])).toBe('kept\nfile')
    expect(await names(['name=old'])).toEqual(['old'])
  })

  it('is not taken from a directory that is none', async () => {
    mkdirSync(join(engine.settings.root, 'volumes/odd/something'), { recursive: true })
    await expect(inside('true', [named('odd', '/x')])).rejects.toThrow(
      /volume odd: .* is in its place, and is no volume/,
    )
    rmSync(join(engine.settings.root, 'volumes/odd'), { recursive: true })
  })
})

describe('a volume by its driver', () => {
  useEngine('volumes-driver', ready)

  it('is in memory, and every container has its own', async () => {
    await made('memory', { type: 'tmpfs', device: 'tmpfs', o: 'size=64k,mode=700,uid=33' })
    const script =
      'ls /m; touch /m/x; stat -f -c %T /m; stat -c "%a %u" /m; df -k /m | tail -1 | tr -s " " | cut -d" " -f2'
    const expected = 'tmpfs\n700 33\n64'
    expect(await inside(script, [named('memory', '/m')])).toBe(expected)
    expect(await inside(script, [named('memory', '/m')])).toBe(expected)
    expect(await inside('touch /m/x', [named('memory', '/m', 'ro')])).toContain('Read-only file system')
  })

  it('is a directory of the host', async () => {
    mkdirSync(join(directory, 'shared'))
    await made('shared', { type: 'none', device: join(directory, 'shared'), o: 'bind' })
    await inside('echo in >/s/file', [named('shared', '/s')])
    expect(readFileSync(join(directory, 'shared/file'), 'utf8')).toBe('in\n')
    expect(await removeVolume(engine.host, engine.settings, 'shared', { force: false })).toBe('shared')
    expect(existsSync(join(directory, 'shared/file'))).toBe(true)
    await made('absent', { type: 'none', device: '/nosuch/directory', o: 'bind' })
    await expect(inside('true', [named('absent', '/s')])).rejects.toThrow(
      'volume absent: /nosuch/directory: no such file or directory on the host',
    )
  })
})

describe('the options of -v', () => {
  useEngine('volumes-options', ready)
  beforeAll(() => mkdirSync(join(directory, 'tree/inner'), { recursive: true }))

  it('U gives all that is in a directory to the user of the container', async () => {
    writeFileSync(join(directory, 'tree/inner/file'), '')
    const volumes = [bound(join(directory, 'tree'), '/t', 'U')]
    expect(await inside('stat -c %u:%g /t /t/inner /t/inner/file', volumes, 'web')).toBe('33:34\n33:34\n33:34')
    await expect(inside('true', [bound('/usr', '/t', 'U')])).rejects.toThrow("U: /usr is the system's")
  })

  it('O keeps changes from a directory, and begins each start without them', async () => {
    writeFileSync(join(directory, 'tree/file'), 'below\n')
    const volumes = [bound(join(directory, 'tree'), '/t', 'O')]
    const script = 'cat /t/file; ls /t | tr "\\n" " "; echo above >/t/file; rm -r /t/inner; touch /t/new'
    const { id, name } = await create(engine.host, engine.settings, engine.request(['sh', '-c', script], { volumes }))
    const logs: string[] = []
    for (let i = 0; i < 2; i++) {
      await start(engine.host, engine.settings, id)
      expect(await wait(engine.host, engine.settings, name)).toBe(0)
      logs.push(readFileSync(join(engine.settings.root, 'containers', id, 'ctr.log'), 'utf8'))
    }
    expect(logs[1]!.match(/below/g)).toHaveLength(2)
    expect(logs[1]!.match(/file inner $/gm)).toHaveLength(2)
    expect(readdirSync(join(directory, 'tree')).sort()).toEqual(['file', 'inner'])
    await remove(engine.host, engine.settings, id, { force: true, volumes: true })
    expect(existsSync(join(engine.settings.root, 'containers', id))).toBe(false)
  })

  it('O lies over volumes too, and changes may go where the user says', async () => {
    await inside('echo kept >/v/file', [named('layered', '/v')])
    expect(await inside('echo lost >/v/file; cat /v/file', [named('layered', '/v', 'O')])).toBe('lost')
    expect(readFileSync(data('layered', 'file'), 'utf8')).toBe('kept\n')
    const [upper, work] = ['up:per', 'work'].map((name) => join(directory, name))
    for (const path of [upper!, work!]) mkdirSync(path)
    const options = ['O', `upperdir=${upper}`, `workdir=${work}`]
    expect(await inside('cat /v/file; echo there >/v/file', [named('layered', '/v', ...options)])).toBe('kept')
    expect(readFileSync(join(upper!, 'file'), 'utf8')).toBe('there\n')
    expect(await inside('cat /v/file', [named('layered', '/v', ...options)])).toBe('there')
  })

  it('O is for directories', async () => {
    await expect(inside('true', [bound(join(directory, 'tree/file'), '/f', 'O')])).rejects.toThrow('only a directory')
  })

  it('U of a tmpfs is its first owner', async () => {
    const tmpfs = [{ destination: '/t', options: ['U', 'size=1m'] }]
    const { stdout } = await engine.runToEnd(['stat', '-c', '%u:%g', '/t'], { tmpfs, user: 'web', remove: true })
    expect(stdout).toBe('33:34\n')
  })
})

describe('the end of a volume', () => {
  useEngine('volumes-end', ready)
  const gone = (name: string, force = false) => removeVolume(engine.host, engine.settings, name, { force })

  it('comes for an anonymous one with its container, or stays when that is asked for', async () => {
    await inside('touch /a/x', [anonymous('/a')])
    expect(await names()).toEqual([])
    for (const volumes of [true, false]) {
      const { id } = await engine.runToEnd(['true'], { volumes: [anonymous('/a')] })
      expect(await names(['anonymous=true', 'dangling=false'])).toHaveLength(1)
      await remove(engine.host, engine.settings, id, { force: false, volumes })
      expect(await names(['dangling=true'])).toHaveLength(volumes ? 0 : 1)
    }
    expect((await pruneVolumes(engine.host, engine.settings)).removed).toHaveLength(1)
  })

  it('comes when its container could not be started', async () => {
    await expect(engine.runToEnd(['nosuch'], { volumes: [anonymous('/a')] })).rejects.toThrow('not found')
    expect(await names()).toEqual([])
  })

  it('waits for the last container that has it by --volumes-from', async () => {
    const volumes = [anonymous('/a'), named('kept', '/k', 'ro')]
    const first = await engine.runToEnd(['sh', '-c', 'echo first >/a/x'], { volumes })
    const volumesFrom = [{ container: first.id, options: [] }]
    const second = await engine.runToEnd(['sh', '-c', 'cat /a/x; touch /k/x'], { volumesFrom })
    expect([second.stdout, second.stderr]).toEqual(['first\n', expect.stringContaining('Read-only')])
    const written = await engine.runToEnd(['touch', '/k/x'], {
      volumesFrom: [{ container: first.id, options: ['rw'] }],
      remove: true,
    })
    expect(written.code).toBe(0)
    const end = (id: string) => remove(engine.host, engine.settings, id, { force: false, volumes: true })
    await end(first.id)
    expect(await names()).toHaveLength(2)
    await end(second.id)
    expect(await names()).toEqual(['kept'])
    await gone('kept')
  })

  it('is refused while a container has it, by the names of those, and takes them along with force', async () => {
    const { name } = await engine
      .runToEnd(['true'], { volumes: [named('used', '/u')], name: 'user' })
      .then(() => ({ name: 'user' }))
    await expect(gone('used')).rejects.toThrow(
      /cannot remove volume used: it is used by container user \([0-9a-f]{12}\)/,
    )
    await expect(gone('used')).rejects.toMatchObject({ exitCode: 2 })
    await expect(gone('nosuch')).rejects.toMatchObject({ exitCode: 1 })
    expect(await gone('used', true)).toBe('used')
    expect((await list(engine.host, engine.settings, { all: true, filters: {} })).map((row) => row.name)).not.toContain(
      name,
    )
  })

  it('never comes under a container that runs with it', async () => {
    const script = 'for i in 1 2 3 4 5 6 7 8; do echo x >/r/$HOSTNAME.$i || exit 1; done; ls /r | grep -c $HOSTNAME'
    let running = true
    const removals = async () => {
      for (; running; await engine.host.sleep(1)) {
        try {
          await gone('race')
        } catch (error) {
          // There is none, or it is used.
          expect([1, 2]).toContain((error as { exitCode: number }).exitCode)
        }
      }
    }
    const ended = removals()
    try {
      for (let i = 0; i < 3; i++) {
        const answers = await Promise.all([1, 2, 3].map(() => inside(script, [named('race', '/r')])))
        expect(answers).toEqual(['8', '8', '8'])
        while ((await names(['name=race'])).length > 0) await engine.host.sleep(1)
      }
    } finally {
      running = false
      await ended
    }
  })

  it('sweeps away what killed commands have left', async () => {
    await made('whole')
    const above = join(engine.settings.root, 'volumes')
    for (const name of ['.0123456789abcdef', '.fedcba9876543210'])
      mkdirSync(join(above, name, '_data/x'), { recursive: true })
    expect(await names(['name=whole'])).toEqual(['whole'])
    expect(readdirSync(above).filter((name) => name.startsWith('.'))).toEqual([])
    await gone('who')
  })
})

describe('inspect and list', () => {
  useEngine('volumes-views', ready)

  it('show the mounts of a container that never ran as those of one that did', async () => {
    const volumes = [named('shown', '/n', 'ro'), bound(directory, '/b', 'rslave'), anonymous('/a')]
    const { id } = await create(engine.host, engine.settings, engine.request(['true'], { volumes }))
    const { Mounts } = await inspect(engine.host, engine.settings, id)
    expect(Mounts).toMatchObject([
      { Type: 'volume', Name: 'shown', Source: data('shown'), Destination: '/n', Driver: 'local', RW: false },
      { Type: 'bind', Source: directory, Destination: '/b', RW: true, Propagation: 'rslave' },
      { Type: 'volume', Name: expect.stringMatching(/^[0-9a-f]{64}$/), Destination: '/a', RW: true },
    ])
    for (const value of ['shown', '/n', directory, Mounts[2]!.Name!])
      expect(await list(engine.host, engine.settings, { all: true, filters: { volume: [value] } })).toHaveLength(1)
    expect(await list(engine.host, engine.settings, { all: true, filters: { volume: ['other'] } })).toEqual([])
    const [row] = await listVolumes(engine.host, engine.settings, { filters: ['name=^shown$'], size: true })
    expect(row).toMatchObject({ containers: [id], running: 0, anonymous: false, unused: true })
    expect(row!.sizeBytes).toBe(statSync(data('shown')).blocks * 512)
  })
})
