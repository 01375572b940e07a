// The program itself: version, info, help of every command, flags that it refuses, and --dry-run.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { commands } from '../../cli/flags/commands.ts'
import { cgroupVersion, skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

describe('the program', () => {
  const { directory, run, ok } = openSession()
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))

  it('tells its version', async () => {
    expect((await run(['--version'], { directory: undefined })).stdout).toBe(`vitrine ${manifest.version}\n`)
    expect(await ok(['version', '--format', '{{.Client.Version}}'])).toBe(manifest.version)
    expect(JSON.parse(await ok(['version', '-f', 'json'])).Client).toMatchObject({
      Version: manifest.version,
      OsArch: expect.stringContaining('linux/'),
    })
    expect(await ok(['version'])).toContain(`Version: ${manifest.version}`)
  })

  it('tells what the host can do, and where things are', async () => {
    const { host } = JSON.parse(await ok(['info', '--format=json']))
    expect(host).toMatchObject({
      root: join(directory, 'root'),
      runroot: join(directory, 'runroot'),
      rootless: false,
      cgroupMode: cgroupVersion(),
      containers: { total: 0, running: 0 },
      images: 1,
    })
    expect(host.kernelVersion ?? host.kernel).toContain(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim())
    expect(await ok(['info'])).toMatch(/^host:\n/m)
    expect(await ok(['info', '-f', '{{.host.cgroupMode}}'])).toBe(cgroupVersion())
  })

  it('helps with every command and names each of its flags', async () => {
    const all = await ok(['--help'])
    const groups = new Map<string, string>()
    for (const group of ['container', 'image', 'sim', 'system', 'volume']) {
      groups.set(group, await ok([group, '--help']))
      expect(all).toMatch(new RegExp(`^  ${group} `, 'm'))
      expect(await ok(['help', group])).toBe(groups.get(group))
    }
    for (const name of Object.keys(commands)) {
      const [group = '', word] = name.split(' ')
      if (word === undefined) expect(all).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
      else expect(groups.get(group)).toMatch(new RegExp(`^  ${word}\\b`, 'm'))
    }
    expect(groups.get('container')).toMatch(/^ {2}stop /m)
    expect(groups.get('image')).toMatch(/^ {2}ls /m)
    expect(await ok(['help', 'image', 'ls'])).toBe(await ok(['images', '--help']))
    for (const name of ['run', 'exec', 'ps', 'logs', 'update', 'import'] as const) {
      const text = await ok([name, '--help'])
      expect(text).toContain(`Usage: vitrine ${name}`)
      for (const flag of commands[name].flags) expect(text).toContain(`--${flag.name}`)
    }
    expect(await ok(['help', 'run'])).toBe(await ok(['run', '--help']))
  })

  it('refuses what it does not know, and says what podman has and it has not', async () => {
    const sentences = [
      [['runn'], 'did you mean run'],
      [['image', 'lss'], 'did you mean image ls'],
      [['image', 'nothing'], 'vitrine image --help'],
      [['system'], 'system is a group of commands'],
      [['help', 'nothing'], 'unknown command: nothing'],
      [['run', '--memry=1m', image], 'did you mean --memory'],
      [['run', '--pod=group', image], "--pod is podman's"],
      [['ps', '-w'], '--watch'],
      [['run', '--memory=12x', image], '--memory=12x'],
      [['run', '--cpus=-1', image], '--cpus=-1'],
      [['run'], 'the image is missing'],
      [['run', '--rm=perhaps', image], 'must be true or false'],
    ] as const
    for (const [words, sentence] of sentences) {
      const refused = await run(words)
      expect(refused.code).toBe(125)
      expect(refused.stderr).toContain(sentence)
    }
  })

  it('prints with --dry-run each step, where, the call, and why, and makes nothing', async () => {
    const flags = ['--dry-run', '--name=planned', '--memory=64m', '-v', 'planned-volume:/data', '-p', '18099:80']
    const planned = await ok(['run', ...flags, image, 'echo', 'hello'])
    expect(planned).not.toMatch(/^hello$/m)
    for (const part of [
      /clone3\(/,
      /pivot_root\(/,
      /mount\("proc"|fsopen\("proc"/,
      /seccomp\(|prctl\(/,
      /execve\(.*"echo", "hello"/,
    ])
      expect(planned).toMatch(part)
    expect(planned).toMatch(/67108864/)
    expect(planned.split('\n').every((line) => line.includes('# '))).toBe(true)
    expect(await ok(['create', '--dry-run', image, 'true'])).toMatch(/execve\(/)
    expect(await ok(['ps', '-aq'])).toBe('')
    expect(existsSync(join(directory, 'root/volumes/planned-volume'))).toBe(false)
  })
})
