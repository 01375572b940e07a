// Commands on a machine whose kernel is simulated, each a process of its own: the same words as on the real one.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CliOptions, cli } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ anyKernel: true })

type Sim = (words: readonly string[], options?: CliOptions) => ReturnType<typeof cli>

const withMachine = (use: (sim: Sim, directory: string) => Promise<void>) =>
  withTemporaryDirectory((directory) =>
    use((words, options) => cli(['--root', directory, '--sim', ...words], options), directory),
  )

describe('vitrine --sim', () => {
  it('runs a program of an image that comes with it', () =>
    withMachine(async (sim) => {
      expect(await sim(['run', '--rm', 'busybox', 'echo', 'hi'])).toEqual({ code: 0, stdout: 'hi\n', stderr: '' })
    }))

  it('ends as the program does, and with 125, 126 and 127 as podman', () =>
    withMachine(async (sim) => {
      const codeOf = async (...words: string[]) => (await sim(['run', '--rm', ...words])).code
      expect(await codeOf('busybox', 'sh', '-c', 'exit 7')).toBe(7)
      expect(await codeOf('--memory=12x', 'busybox', 'true')).toBe(125)
      expect(await codeOf('busybox', '/etc/passwd')).toBe(126)
      expect(await codeOf('busybox', 'nosuch')).toBe(127)
    }))

  it('keeps containers between commands', () =>
    withMachine(async (sim) => {
      const out = async (...words: string[]) => (await sim(words)).stdout.trim()
      const script = 'echo begun; sleep 1000'
      const id = await out(
        'run',
        '-d',
        '--name',
        'web',
        '--memory=64m',
        '--pids-limit=20',
        'busybox',
        'sh',
        '-c',
        script,
      )
      expect(id).toMatch(/^[0-9a-f]{64}$/)
      expect(await out('ps', '--format', '{{.ID}} {{.Names}} {{.State}}')).toBe(`${id.slice(0, 12)} web running`)
      expect(await out('logs', 'web')).toBe('begun')
      expect(await out('exec', 'web', 'sh', '-c', 'echo inside')).toBe('inside')
      const limits = '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}'
      expect(await out('inspect', '--format', limits, 'web')).toBe('67108864 20')
      expect(await out('stats', '--no-stream', '--format', '{{.MemUsage}}')).toMatch(/ \/ 67\.11MB$/)
      expect(await out('stop', '-t', '0', 'web')).toBe('web')
      expect(await out('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', 'web')).toBe('exited 137')
      expect(await out('rm', 'web')).toBe('web')
      expect(await out('ps', '-aq')).toBe('')
    }))

  it('stops what takes no notice of the signal, when its time is over', () =>
    withMachine(async (sim) => {
      const script = 'while sleep 0.05; do echo on; done'
      await sim(['run', '-d', '--name', 'tick', 'busybox', 'sh', '-c', script])
      await sim(['kill', '-s', 'USR1', 'tick'])
      expect((await sim(['stop', '-t', '1', 'tick'])).stdout).toBe('tick\n')
      expect((await sim(['ps', '-a', '--format', '{{.State}} {{.ExitCode}}'])).stdout).toBe('exited 137\n')
    }))

  it('kills what needs more memory than it may have', () =>
    withMachine(async (sim) => {
      const hog = 'x=1; while true; do x=$x$x; done'
      expect((await sim(['run', '--name', 'hog', '--memory=4m', 'busybox', 'sh', '-c', hog])).code).toBe(137)
      expect((await sim(['inspect', '--format', '{{.State.OOMKilled}}', 'hog'])).stdout).toBe('true\n')
    }))

  it('hands standard input on', () =>
    withMachine(async (sim) => {
      const { stdout } = await sim(['run', '-i', '--rm', 'busybox', 'cat'], { stdin: 'one\ntwo\n' })
      expect(stdout).toBe('one\ntwo\n')
      expect((await sim(['ps', '-aq'])).code).toBe(0)
    }))

  it('says the same for the same seed, and something else for another', () =>
    withMachine(async (sim) => {
      const idOn = async (machine: string, seed: string) =>
        (await sim(['--machine', machine, '--seed', seed, 'create', 'busybox'])).stdout
      const [one, same, other] = [await idOn('a', '1'), await idOn('b', '1'), await idOn('c', '2')]
      expect(one).toBe(same)
      expect(one).not.toBe(other)
      expect((await sim(['machine', 'ls'])).stdout).toMatch(/^NAME.*\na .*\nb .*\nc .*\n$/)
      expect(await sim(['machine', 'rm', 'a', 'b'])).toEqual({ code: 0, stdout: 'a\nb\n', stderr: '' })
    }))

  it('says so when a machine does not replay to what it was', () =>
    withMachine(async (sim, directory) => {
      await sim(['run', 'busybox', 'true'])
      const path = join(directory, 'machines/default.json')
      writeFileSync(path, readFileSync(path, 'utf8').replace('"true"', '"false"'))
      // With a state of it nothing is replayed.
      rmSync(join(directory, 'machines/default.states'), { recursive: true, force: true })
      const { code, stderr } = await sim(['ps'])
      expect([code, stderr]).toEqual([125, expect.stringContaining('begin anew with vitrine --sim machine rm default')])
    }))

  it('lets one process at a time have a machine, and takes it over from one that was killed', () =>
    withMachine(async (sim, directory) => {
      await sim(['ps'])
      writeFileSync(join(directory, 'machines/default.lock'), String(process.pid))
      expect((await sim(['ps'])).stderr).toContain(`process ${process.pid} uses it`)
      writeFileSync(join(directory, 'machines/default.lock'), '4194305')
      expect((await sim(['ps'])).code).toBe(0)
    }))

  it('loads no machine code', () =>
    withMachine(async (sim, directory) => {
      const report = join(directory, 'report.json')
      const preload = join(directory, 'preload.cjs')
      const write = `require('fs').writeFileSync(${JSON.stringify(report)}, JSON.stringify(process.report.getReport()))`
      writeFileSync(preload, `process.on('exit', () => { ${write} })`)
      expect((await sim(['run', 'busybox', 'true'], { env: { NODE_OPTIONS: `--require ${preload}` } })).code).toBe(0)
      const { sharedObjects } = JSON.parse(readFileSync(report, 'utf8')) as { sharedObjects: string[] }
      expect(sharedObjects.length).toBeGreaterThan(0)
      expect(sharedObjects.filter((path) => /koffi|\.node$|tape\.so/.test(path))).toEqual([])
    }))
})
