// Damaged files and clocks that jump: the error names the file, and what is whole stays usable.

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { expectSentence, type Ground, onCleanGround } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
})
const own = ['--network=none', '--rootfs', '/:O']

/** A running container and one that was only created, called web and other; the id of other. */
async function two(ground: Ground): Promise<string> {
  expect((await ground.run(['run', '-d', '--name=web', ...own, 'sleep', '1000'])).stderr).toBe('')
  return (await ground.run(['create', '--name=other', ...own, 'true'])).stdout.trim()
}

describe('a damaged file of a container', () => {
  for (const [name, damage, content] of [
    ['state.json', 'empty', ''],
    ['state.json', 'cut short', '{"lifecycle":{"status":"act'],
    ['container.json', 'not what it should be', '{"version":1}'],
    ['container.json', 'no object', 'null'],
  ] as const) {
    it(`${name} that is ${damage} is named; other containers are still listed, and it can be removed`, async () => {
      await onCleanGround(async (ground) => {
        const id = await two(ground)
        const path = join(ground.root, 'containers', id, name)
        writeFileSync(path, content)
        const sentence = new RegExp(join(ground.root, 'containers', id))
        const listed = await ground.run(['ps', '-a', '--format', '{{.Names}}'])
        expect(listed.stdout).toBe('web\n')
        expect(listed.stderr).toMatch(/^vitrine: [^\n]+\n$/)
        expect(listed.stderr).toMatch(sentence)
        expectSentence(await ground.run(['start', 'other']), 125, sentence)
        expect(await ground.run(['inspect', 'other'])).toMatchObject({
          code: 125,
          stderr: expect.stringMatching(sentence),
        })
        expectSentence(await ground.run(['rm', 'other']), 125, sentence)
        const removed = await ground.run(['rm', '-f', 'other'])
        expect(removed.code).toBe(0)
        expect((await ground.rows()).map((row) => row.Names)).toEqual(['web'])
      })
    })
  }

  it('config.json is named by exec and inspect, and the next start writes it anew', async () => {
    await onCleanGround(async (ground) => {
      await two(ground)
      const { ID } = (await ground.find('web'))!
      writeFileSync(join(ground.root, 'containers', ID, 'config.json'), '{"ociVersion":')
      expectSentence(await ground.run(['exec', 'web', 'true']), 125, /config\.json: it is damaged/)
      expect((await ground.run(['inspect', 'web'])).stderr).toMatch(/config\.json: it is damaged/)
      expect(await ground.run(['restart', '-t', '0', 'web'])).toMatchObject({ code: 0, stderr: '' })
      expect((await ground.run(['exec', 'web', 'true'])).code).toBe(0)
    })
  })

  it('exit, cut short by a power cut, is an unknown status', async () => {
    await onCleanGround(async (ground) => {
      await two(ground)
      const { ID } = (await ground.find('web'))!
      const { monitor } = JSON.parse(readFileSync(join(ground.root, 'containers', ID, 'state.json'), 'utf8'))
      process.kill(monitor.pid, 'SIGKILL')
      writeFileSync(join(ground.root, 'containers', ID, 'exit'), '1')
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 255 })
    })
  })

  it('names that lead nowhere are nobody’s: the name can be taken', async () => {
    await onCleanGround(async (ground) => {
      await two(ground)
      symlinkSync('f'.repeat(64), join(ground.root, 'names/lost'))
      expectSentence(await ground.run(['start', 'lost']), 125, /"lost" found: no such container/)
      expect((await ground.run(['create', '--name=lost', ...own, 'true'])).code).toBe(0)
    })
  })

  it('a directory without its files is cleared away by the next command', async () => {
    await onCleanGround(async (ground) => {
      const id = await two(ground)
      for (const name of ['state.json', 'container.json']) rmSync(join(ground.root, 'containers', id, name))
      expect((await ground.rows()).map((row) => row.Names)).toEqual(['web'])
      expect((await ground.run(['create', '--name=other', ...own, 'true'])).code).toBe(0)
    })
  })
})

describe('a damaged file of the store', () => {
  it('index.json is named by every command that needs images, and containers are still listed', async () => {
    await onCleanGround(async (ground) => {
      await two(ground)
      const path = join(ground.root, 'images/index.json')
      mkdirSync(join(ground.root, 'images'))
      for (const content of ['', '[]', 'null']) {
        writeFileSync(path, content)
        expectSentence(await ground.run(['images']), 125, /images\/index\.json: it is /)
        expectSentence(await ground.run(['run', '--rm', 'httpd']), 125, /images\/index\.json: it is /)
      }
      expect(await ground.rows()).toHaveLength(2)
      rmSync(path)
    })
  })

  it('a cached filter that was cut short is made anew', async () => {
    await onCleanGround(async (ground) => {
      await two(ground)
      const filters = join(ground.root, 'filters')
      for (const name of readdirSync(filters)) truncateSync(join(filters, name), 12)
      expect(await ground.run(['run', '--rm', ...own, 'echo', 'hi'])).toEqual({ code: 0, stdout: 'hi\n', stderr: '' })
    })
  })
})

describe('a clock that jumps', () => {
  it('leaves ps, inspect, logs and stop working: what lies in the future has just happened', async () => {
    await onCleanGround(async (ground) => {
      const id = await two(ground)
      for (const shiftMs of [-400 * 86_400_000, 400 * 86_400_000]) {
        const record = join(ground.root, 'containers', id, 'container.json')
        const facts = JSON.parse(readFileSync(record, 'utf8'))
        writeFileSync(record, JSON.stringify({ ...facts, createdMs: Date.now() + shiftMs }))
        const { stdout, stderr, code } = await ground.run(['ps', '-a'])
        expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
        expect(stdout).not.toMatch(/-\d|NaN/)
        expect((await ground.run(['inspect', 'other'])).code).toBe(0)
      }
      const web = (await ground.find('web'))!.ID
      const path = join(ground.root, 'containers', web, 'state.json')
      const state = JSON.parse(readFileSync(path, 'utf8'))
      writeFileSync(path, JSON.stringify({ ...state, startedMs: Date.now() + 1e10 }))
      expect(await ground.find('web')).toMatchObject({ State: 'running' })
      expect((await ground.run(['stats', '--no-stream', 'web'])).code).toBe(0)
      expect(await ground.run(['stop', '-t', '0', 'web'])).toMatchObject({ code: 0, stderr: '' })
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 137 })
    })
  })
})
