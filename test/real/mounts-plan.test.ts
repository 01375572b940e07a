// The mounts of a container's plan, looked at inside of real ones.

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { bindMount } from '../../core/spec/defaults.ts'
import { answerOf, runContainer, sleeperOf } from '../support/containers.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true, filesystems: ['overlay'] })

describe('a mount', () => {
  const withSource = (options: readonly string[], script: string) =>
    withTemporaryDirectory(async (directory) => {
      chmodSync(directory, 0o755)
      mkdirSync(`${directory}/source`)
      writeFileSync(`${directory}/source/file`, 'content\n')
      const mounts = [bindMount('/deep/new/place', `${directory}/source`, options)]
      const facts = { sources: { [`${directory}/source`]: 'directory' as const } }
      const { code, output } = await runContainer(directory, { script, mounts, facts })
      return `${output.trim()} (exit ${code})`
    })

  it('of a directory of the host appears where nothing was', async () => {
    expect(await withSource([], 'cat /deep/new/place/file; touch /deep/new/place/x')).toBe('content (exit 0)')
  })

  it('has the options that were asked for', async () => {
    const script = 'grep /deep /proc/self/mountinfo | cut -d" " -f6'
    expect(await withSource(['ro', 'nosuid', 'nodev', 'noexec', 'noatime'], script)).toBe(
      'ro,nosuid,nodev,noexec,noatime (exit 0)',
    )
    expect(await withSource(['rro', 'rnosuid'], script)).toMatch(/^ro,nosuid,/)
  })

  it('of a file makes an empty file to be mounted on', () =>
    withTemporaryDirectory(async (directory) => {
      writeFileSync(`${directory}/hosts`, '10.0.0.1 web\n')
      const mounts = [bindMount('/etc/new/hosts', `${directory}/hosts`, ['ro'])]
      const facts = { sources: { [`${directory}/hosts`]: 'file' as const } }
      const { output } = await runContainer(directory, { script: 'cat /etc/new/hosts', mounts, facts })
      expect(output).toBe('10.0.0.1 web\n')
      expect(readFileSync(`${directory}/upper/etc/new/hosts`, 'utf8')).toBe('')
    }))

  it('of a file replaces a link of the image that leads nowhere, or makes what it leads to', () =>
    withTemporaryDirectory(async (directory) => {
      writeFileSync(`${directory}/hosts`, 'content\n')
      mkdirSync(`${directory}/upper`)
      symlinkSync('/nowhere/deep/file', `${directory}/upper/lost`)
      symlinkSync('../found', `${directory}/upper/near`)
      symlinkSync('/nowhere', `${directory}/upper/links`)
      const mounts = ['/lost', '/near', '/links/file'].map((path) => bindMount(path, `${directory}/hosts`))
      const facts = { sources: { [`${directory}/hosts`]: 'file' as const } }
      const script = 'cat /lost /near /found /links/file'
      const { output } = await runContainer(directory, { script, mounts, facts })
      expect(output).toBe('content\n'.repeat(4))
      expect(existsSync(`${directory}/upper/nowhere`)).toBe(false)
    }))

  it('does not follow a link of the image out of the container', () =>
    withTemporaryDirectory(async (directory) => {
      mkdirSync(`${directory}/source`)
      mkdirSync(`${directory}/image/trap`, { recursive: true })
      const mounts = [bindMount('/trap', `${directory}/image`), bindMount('/trap/proc/1/cwd/in', `${directory}/source`)]
      const facts = { sources: { [`${directory}/source`]: 'directory', [`${directory}/image`]: 'directory' } } as const
      await runContainer(directory, { script: 'true', mounts: [mounts[0]!], facts })
      const trap = bindMount('/proc/self/fd/0', `${directory}/source`)
      await expect(runContainer(directory, { script: 'true', mounts: [trap], facts })).rejects.toThrow(/ELOOP|ENOTDIR/)
    }))

  it('of the whole tmpfs kind can be read-only and still have what is mounted in it', async () => {
    const tmpfs = { destination: '/place', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'mode=755'] }
    const within = { destination: '/place/within', type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] }
    expect(await answerOf('touch /place/within/x; touch /place/x', { mounts: [tmpfs, within] })).toMatch(
      /Read-only file system \(exit 1\)$/,
    )
  })

  it('can show files as owned by others', () =>
    withTemporaryDirectory(async (directory) => {
      chmodSync(directory, 0o755)
      mkdirSync(`${directory}/source`)
      const mapped = spawn('unshare', ['-U', '--fork', 'sleep', '60'], { stdio: 'ignore' })
      const sleeper = await sleeperOf(mapped.pid!)
      try {
        writeFileSync(`/proc/${sleeper}/uid_map`, '0 4000 10\n')
        writeFileSync(`/proc/${sleeper}/gid_map`, '0 5000 10\n')
        const mounts = [bindMount('/data', `${directory}/source`, ['idmap'])]
        const facts = {
          sources: { [`${directory}/source`]: 'directory' as const },
          idmapNamespaces: { '/data': `/proc/${sleeper}/ns/user` },
        }
        const { output } = await runContainer(directory, { script: 'stat -c %u:%g /data', mounts, facts })
        expect(output).toBe('4000:5000\n')
      } finally {
        process.kill(sleeper, 'SIGKILL')
      }
    }))
})
