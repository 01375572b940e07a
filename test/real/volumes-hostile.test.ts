// What containers put into volumes: whatever it is, nothing outside of the volume is read, changed or removed.

import { spawn } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect } from 'vitest'
import { createVolume } from '../../core/engine/volume-list.ts'
import { removeVolume } from '../../core/engine/volume-remove.ts'
import { exportVolume, importVolume } from '../../core/engine/volume-transfer.ts'
import type { Volume } from '../../core/spec/request.ts'
import { volumePaths } from '../../core/store/volumes.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
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

describe('a hostile volume', () => {
  let engine: Engine
  let directory: string
  let victim: string
  useEngine('volumes-hostile', (ground) => {
    ;({ engine, directory } = ground)
  })
  beforeAll(() => {
    victim = join(directory, 'victim')
    mkdirSync(victim, { mode: 0o700 })
    writeFileSync(join(victim, 'secret'), 'secret', { mode: 0o600 })
  })

  const untouched = () => {
    expect(readdirSync(victim)).toEqual(['secret'])
    const file = join(victim, 'secret')
    expect([readFileSync(file, 'utf8'), statSync(file).uid, statSync(file).mode & 0o7777]).toEqual(['secret', 0, 0o600])
    expect([statSync(victim).uid, statSync(victim).mode & 0o7777]).toEqual([0, 0o700])
  }
  const data = (name: string, ...path: string[]) => join(volumePaths(engine.settings, name).data, ...path)
  const made = (name: string) =>
    createVolume(engine.host, engine.settings, { name, labels: {}, options: {}, ignore: false })
  const run = (script: string, source: string, destination: string, ...options: string[]) => {
    const volumes: Volume[] = [{ kind: 'named', source, destination, options }]
    return engine.runToEnd(['sh', '-c', script], { volumes, user: 'web', remove: true })
  }
  /** Links out of a volume, made by a container as far as it can. */
  async function withLinks(name: string): Promise<void> {
    await made(name)
    const script = `ln -s ${victim} /v/out; ln -s ${victim}/secret /v/file; ln -s ../../../../../../../..${victim} /v/up; mkdir /v/in; ln -s /proc/1/root /v/in/root`
    const volumes: Volume[] = [{ kind: 'named', source: name, destination: '/v', options: [] }]
    expect((await engine.runToEnd(['sh', '-c', script], { volumes, remove: true })).code).toBe(0)
  }
  async function archived(name: string): Promise<Buffer> {
    const parts: Uint8Array[] = []
    for await (const part of exportVolume(engine.host, engine.settings, name)) parts.push(part.slice())
    return Buffer.concat(parts)
  }
  async function brought(name: string, members: readonly TarMember[]): Promise<void> {
    const file = join(mkdtempSync(join(directory, 'archive-')), 'files.tar')
    writeFileSync(file, tar(members))
    await importVolume(engine.host, engine.settings, name, file)
  }

  it('is given to a user without what its links lead to', async () => {
    await withLinks('given')
    expect((await run('stat -c %u /v/out; find /v ! -user 33', 'given', '/v', 'U')).stdout).not.toContain('/v')
    expect([lstatSync(data('given', 'out')).uid, lstatSync(data('given', 'in/root')).uid]).toEqual([33, 33])
    untouched()
  })

  it('is given to a user while somebody in it swaps directories for links', async () => {
    await withLinks('swapped')
    for (let i = 0; i < 50; i++) mkdirSync(data('swapped', `d${i}/deep`), { recursive: true })
    const swap =
      'while :; do for i in $(seq 0 49); do rm -rf d$i; ln -s "$1" d$i; rm -f d$i; mkdir -p d$i/deep; done; done'
    const swapper = spawn('sh', ['-c', swap, 'sh', victim], { cwd: data('swapped') })
    try {
      for (let i = 0; i < 5; i++) await run('true', 'swapped', '/v', 'U')
      await brought(
        'swapped',
        Array.from({ length: 50 }, (_, i): TarMember[] => [
          { path: `d${i}/deep/secret`, content: 'mine', mode: 0o777, uid: 33 },
          { path: `d${i}/secret`, type: 'fifo', mode: 0o777, uid: 33 },
        ]).flat(),
      ).catch(() => {})
    } finally {
      swapper.kill('SIGKILL')
      await new Promise((resolve) => swapper.once('close', resolve))
    }
    untouched()
  })

  it('is too deep to be given to a user, and is removed all the same', async () => {
    await made('deep')
    const script = 'cd /v; i=0; while [ $i -lt 1200 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done'
    const volumes: Volume[] = [{ kind: 'named', source: 'deep', destination: '/v', options: [] }]
    expect((await engine.runToEnd(['sh', '-c', script], { volumes, remove: true })).code).toBe(0)
    await expect(run('true', 'deep', '/v', 'U')).rejects.toThrow('more than 1000 directories deep')
    expect(await removeVolume(engine.host, engine.settings, 'deep', { force: false })).toBe('deep')
  })

  it('is archived with its links as links', async () => {
    await withLinks('archived')
    const bytes = await archived('archived')
    expect(bytes.includes(victim)).toBe(true)
    const list = spawn('tar', ['tvf', '-'])
    list.stdin.end(bytes)
    let text = ''
    for await (const part of list.stdout) text += part
    expect(text).toMatch(new RegExp(` \\./?out -> ${victim}\\n| out -> ${victim}\\n`))
    // No file has the content of one that a link leads to.
    expect(bytes.includes('\0secret\0')).toBe(false)
    untouched()
  })

  it('takes an archive through its links as they lead inside of it', async () => {
    await withLinks('taken')
    writeFileSync(data('taken', 'stays'), 'old')
    for (const path of ['out/secret', 'up/secret', 'file', 'in/root/etc/x'])
      await brought('taken', [{ path, content: 'mine', mode: 0o777, uid: 33 }]).catch((error: Error) =>
        expect(error.message).toMatch(/^.*: entry /),
      )
    await brought('taken', [{ path: '.wh.stays' }, { path: 'dir/.wh..wh..opq' }, { path: 'new', content: 'n', uid: 7 }])
    untouched()
    expect(readdirSync(data('taken')).sort()).toEqual(['.wh.stays', 'dir', 'file', 'in', 'new', 'out', 'stays', 'up'])
    expect([readFileSync(data('taken', 'stays'), 'utf8'), statSync(data('taken', 'new')).uid]).toEqual(['old', 7])
    for (const path of ['../outside', '/../../outside'])
      await expect(brought('taken', [{ path, content: 'x' }])).rejects.toThrow('leads upwards')
  })

  it('is removed without what its links lead to', async () => {
    await withLinks('removed')
    await removeVolume(engine.host, engine.settings, 'removed', { force: false })
    expect(existsSync(volumePaths(engine.settings, 'removed').directory)).toBe(false)
    untouched()
  })

  it('begins with nothing of the host when the image leads out of itself', async () => {
    const image = join(directory, 'rootfs')
    symlinkSync(`../../../../../../../..${victim}`, join(image, 'escape'))
    symlinkSync('/proc/self/root', join(image, 'magic'))
    mkdirSync(join(image, 'linked'))
    symlinkSync(join(victim, 'secret'), join(image, 'linked/secret'))
    expect((await run('ls -A /escape', 'escape', '/escape')).stdout).toBe('')
    expect(readdirSync(data('escape'))).toEqual([])
    await expect(run('ls -A /magic', 'magic', '/magic/etc')).rejects.toThrow()
    await run('true', 'linked', '/linked')
    expect(lstatSync(data('linked', 'secret')).isSymbolicLink()).toBe(true)
    untouched()
    for (const name of ['escape', 'magic', 'linked']) rmSync(join(image, name), { recursive: true })
  })
})
