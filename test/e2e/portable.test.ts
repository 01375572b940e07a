// Simulated machines where there is no Linux: another system as far as a program can tell, and another Node.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { node24 } from '../support/browser/engines.ts'
import { cli, launcher } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ anyKernel: true })

interface Used {
  readonly loaded: readonly string[]
  /** Calls of `fs` on places that only Linux has, with their path. */
  readonly asked: readonly string[]
  readonly sharedObjects: readonly string[]
}

const preload = join(import.meta.dirname, '../support/elsewhere.cjs')

const script = 'echo "$(uname -s) $$"; seq 3 | tac | tr "\\n" " "; cat /proc/1/comm'

async function elsewhere(platform: string, directory: string, words: readonly string[], stdin = '') {
  const told = join(directory, 'told.json')
  const env = {
    ...{ VITRINE_ELSEWHERE: platform, VITRINE_TOLD: told, NODE_OPTIONS: `--require ${preload}` },
    ...{ HOME: directory, XDG_CACHE_HOME: '', LOCALAPPDATA: directory, VITRINE_ROOT: '', VITRINE_RUNROOT: '' },
  }
  const result = await cli(words, { env, stdin })
  return { ...result, used: JSON.parse(readFileSync(told, 'utf8')) as Used }
}

describe('where there is no Linux', () => {
  it.each(['darwin', 'win32'])(
    '%s runs containers on the simulated machine, with nothing native and nothing of Linux',
    (platform) =>
      withTemporaryDirectory(async (directory) => {
        const run = ['run', '--name', 'one', '-i', '--memory=64m', 'busybox', 'sh', '-c', `${script}; cat`]
        const { used, ...ran } = await elsewhere(platform, directory, run, 'typed\n')
        expect(ran).toEqual({ code: 0, stdout: 'Linux 1\n3 2 1 sh\ntyped\n', stderr: '' })
        const listed = await elsewhere(platform, directory, ['ps', '-a', '--format', '{{.Names}} {{.State}}'])
        expect(listed.stdout).toBe('one exited\n')
        for (const { loaded, asked, sharedObjects } of [used, listed.used]) {
          expect(loaded.filter((name) => /koffi|linux|player|worker|\.node$/.test(name))).toEqual([])
          expect(loaded.some((name) => /fs$/.test(name))).toBe(true)
          expect(asked.filter((call) => !call.includes(launcher))).toEqual([])
          expect(sharedObjects.filter((path) => /koffi|\.node$|tape\.so/.test(path))).toEqual([])
        }
      }),
  )
})

describe('Node 24', () => {
  const node = node24()
  const name = 'gives the same machine as this Node'
  if (node === undefined) it.skip(`${name} — skipped: npm test has not brought it`, () => {})
  else
    it(name, () =>
      withTemporaryDirectory(async (directory) => {
        const on = (machine: string, words: readonly string[], program?: string) =>
          cli(['--root', directory, '--machine', machine, '--sim', ...words], { node: program })
        const words = ['run', '--name', 'one', 'busybox', 'sh', '-c', script]
        expect(await on('old', words, node)).toEqual(await on('new', words))
        // Each takes the other's machine, and its digest, for its own.
        const list = ['ps', '-a', '--format', '{{.ID}} {{.Names}} {{.State}}']
        const [old, young] = [await on('old', list), await on('new', list, node)]
        expect(old.stdout).toMatch(/^[0-9a-f]{12} one exited\n$/)
        expect(young).toEqual(old)
      }),
    )
})
