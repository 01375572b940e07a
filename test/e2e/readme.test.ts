// What the README lets its reader copy gives what the README shows; only ids, times and pids may differ.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, describe as group } from 'vitest'
import { launcher, stateOptions } from '../support/cli.ts'
import { consoleEntries, mask } from '../support/document.ts'
import { skipUnless } from '../support/needs.ts'
import { needsContainers } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)
const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')

group('the session of the README', () => {
  skipUnless({}).it('is there, and is of vitrine', () => {
    expect(consoleEntries(readme).length).toBeGreaterThan(0)
    for (const { command } of consoleEntries(readme)) expect(command).toMatch(/^npx vitrine /)
  })
})

describe('the session of the README', () => {
  it('gives what it shows', () => {
    const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-readme-'))
    const [, state, , runState] = stateOptions(directory)
    const env = { ...process.env, VITRINE_ROOT: state, VITRINE_RUNROOT: runState }
    try {
      for (const { command, output } of consoleEntries(readme)) {
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
