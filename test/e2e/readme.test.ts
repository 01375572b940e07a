// What the README lets its reader copy gives what the README shows; only ids, times and pids may differ.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, describe as group } from 'vitest'
import { launcher, stateOptions } from '../support/cli.ts'
import { skipUnless } from '../support/needs.ts'
import { needsContainers } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)
const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')

interface Entry {
  readonly command: string
  readonly output: string
}

/** The commands of all console blocks, with what is shown below each. */
function session(): Entry[] {
  const blocks = [...readme.matchAll(/^```console\n([\s\S]*?)^```/gm)].map((match) => match[1]!)
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return { command: part.slice(0, end), output: part.slice(end + 1) }
      }),
  )
}

const mask = (text: string): string =>
  text
    .replaceAll(/\b([0-9a-f]{64}|[0-9a-f]{12})\b/g, (id) => `<id of ${id.length}>`)
    .replaceAll(/(About a |Less than a )?\b(\d+ )?(second|minute|hour)s?( ago)?\b/g, '<time>')
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+\S*/g, '<time>')
    .replaceAll(/\b\d+\.\d+m?s\b/g, '<time>')
    .replaceAll(/\b(?!1\b)\d{1,7}\b(?!\.|%)/g, (number) => (Number(number) > 300 ? '<number>' : number))
    .replaceAll(/ +/g, ' ')

group('the session of the README', () => {
  skipUnless({}).it('is there, and is of vitrine', () => {
    expect(session().length).toBeGreaterThan(0)
    for (const { command } of session()) expect(command).toMatch(/^npx vitrine /)
  })
})

describe('the session of the README', () => {
  it('gives what it shows', () => {
    const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-readme-'))
    const [, state, , runState] = stateOptions(directory)
    const env = { ...process.env, VITRINE_ROOT: state, VITRINE_RUNROOT: runState }
    try {
      for (const { command, output } of session()) {
        const words = command.replace(/^npx vitrine/, `'${process.execPath}' '${launcher}'`)
        const shown = spawnSync('sh', ['-c', `${words} 2>&1`], { encoding: 'utf8', env, cwd: directory }).stdout
        expect(mask(shown), command).toBe(mask(output))
      }
    } finally {
      execFileSync(process.execPath, [launcher, ...stateOptions(directory), 'rm', '-a', '-f', '-t', '0'])
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    }
  })
})
