// commit, export and import when the machine refuses: a container goes on as before, and nothing of it is left.

import { execFileSync, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CommitOptions, commit } from '../../core/engine/commit.ts'
import { exportContainer } from '../../core/engine/export.ts'
import type { Host } from '../../core/engine/host.ts'
import { imageHost } from '../../core/engine/image-host.ts'
import { importRoot } from '../../core/engine/import-root.ts'
import { inspect } from '../../core/engine/inspect.ts'
import { unpause } from '../../core/engine/pause.ts'
import { run } from '../../core/engine/run.ts'
import { draftsDirectory, layersDirectory, listImages } from '../../core/image/store.ts'
import { refused } from '../../core/kernel.ts'
import { defaultRequest } from '../../core/spec/request.ts'
import type { Syscall } from '../../core/syscall.ts'
import { launcher, stateOptions } from '../support/cli.ts'
import { type Engine, useEngine } from '../support/engine.ts'
import { skipUnless } from '../support/needs.ts'
import { until } from '../support/session.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
  programs: ['busybox', 'tar'],
})

const options: CommitOptions = { changes: [], format: 'oci', pause: true, squash: false, includeVolumes: false }

describe('an archive that cannot be made', () => {
  let engine!: Engine
  let directory!: string
  useEngine('archives', (ground) => {
    engine = ground.engine
    directory = ground.directory
  })

  /** A host whose kernel refuses every call after the first so many of those that are meant. */
  const refusing = (meant: (call: Syscall) => boolean, after: number): Host => {
    const { kernel } = engine.host
    let seen = 0
    return {
      ...engine.host,
      kernel: {
        ...kernel,
        call: (call) => (meant(call) && seen++ >= after ? { errno: 'ENOSPC' } : kernel.call(call)),
      },
    }
  }
  const descriptors = () => readdirSync('/proc/self/fd').length
  const archive = () => {
    const path = join(directory, 'root.tar')
    execFileSync('tar', ['-C', join(directory, 'rootfs'), '-cf', path, '.'])
    return path
  }
  const leftovers = () => {
    const { root } = engine.settings
    const known = new Set(
      listImages(imageHost(engine.host, engine.settings)).flatMap(({ layers }) => layers.map((each) => each.diffId)),
    )
    return [
      ...readdirSync(draftsDirectory(root)),
      ...readdirSync(layersDirectory(root)).filter((name) => !known.has(name)),
    ]
  }
  const started = async (name: string) => {
    const source = { kind: 'image', reference: 'base' } as const
    const script = 'dd if=/dev/urandom of=/big bs=1M count=3 2>/dev/null; touch /done; exec sleep 1000'
    const more = { network: { kind: 'none' }, name } as const
    await run(engine.host, engine.settings, { ...defaultRequest(source, ['sh', '-c', script]), ...more })
    const { State } = await inspect(engine.host, engine.settings, name)
    await until(
      'the container has written',
      () =>
        !refused(
          engine.host.kernel.call({
            name: 'faccessat2',
            dirfd: -100,
            pathname: `/proc/${State.Pid}/root/done`,
            mode: 0,
            flags: 0,
          }),
        ),
    )
  }
  const status = async (name: string) => (await inspect(engine.host, engine.settings, name)).State.Status

  it('because the disk is full leaves no draft, no layer and no image', async () => {
    const path = archive()
    await importRoot(engine.host, engine.settings, path, { name: 'base', changes: [] })
    await started('full')
    const before = [listImages(imageHost(engine.host, engine.settings)), descriptors()]
    for (const after of [0, 1, 3]) {
      const writes = (call: Syscall) => call.name === 'write' && call.buf.length > 60_000
      const host = refusing(writes, after)
      await expect(commit(host, engine.settings, 'full', options)).rejects.toThrow('ENOSPC')
      await expect(importRoot(host, engine.settings, path, { changes: [] })).rejects.toThrow('ENOSPC')
      await expect(exportContainer(host, engine.settings, 'full', join(directory, 'out.tar'))).rejects.toThrow('ENOSPC')
      expect(await status('full')).toBe('running')
      expect(leftovers()).toEqual([])
      expect(readdirSync(directory)).not.toContain('out.tar')
    }
    expect([listImages(imageHost(engine.host, engine.settings)), descriptors()]).toEqual(before)
  })

  it('because a file cannot be read says which, and lets the container go on', async () => {
    let big = -1
    const { kernel } = engine.host
    const host: Host = {
      ...engine.host,
      kernel: {
        ...kernel,
        call: (call) => {
          const answer = kernel.call(call)
          if (call.name === 'openat' && call.pathname === 'big' && !refused(answer)) big = answer.value
          return call.name === 'read' && call.fd === big && big >= 0 ? { errno: 'EIO' } : answer
        },
      },
    }
    await expect(commit(host, engine.settings, 'full', options)).rejects.toThrow('read /big: EIO')
    expect(await status('full')).toBe('running')
    expect(leftovers()).toEqual([])
  })

  it('because its command was killed is swept by the next one, and the container can be let go on', async () => {
    const state = stateOptions(directory)
    const draft = () => readdirSync(draftsDirectory(engine.settings.root)).some((name) => name.startsWith('commit-'))
    const child = spawn(process.execPath, ['--', launcher, ...state, 'commit', '--pause', 'full'], { stdio: 'ignore' })
    const gone = new Promise((resolve) => child.on('exit', resolve))
    await until('it writes its draft', () => {
      if (!draft()) return child.exitCode !== null
      child.kill('SIGKILL')
      return true
    })
    await gone
    if ((await status('full')) === 'paused') await unpause(engine.host, engine.settings, 'full')
    expect(await status('full')).toBe('running')
    await importRoot(engine.host, engine.settings, join(directory, 'root.tar'), { name: 'again', changes: [] })
    expect(leftovers()).toEqual([])
    const { id } = await commit(engine.host, engine.settings, 'full', { ...options, name: 'kept' })
    expect(id).toMatch(/^[0-9a-f]{64}$/)
  })
})
