// The way that docs/images.md shows from a name to a file leads there.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { buildHttpdImage } from '../fixtures/build.ts'
import { launcher, stateOptions } from '../support/cli.ts'
import { consoleEntries, mask } from '../support/document.ts'
import { skipUnless } from '../support/needs.ts'
import { needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)
const entries = consoleEntries(readFileSync(join(import.meta.dirname, '../../docs/images.md'), 'utf8'))

describe('the session of docs/images.md', () => {
  const { directory, ok } = openSession({ image: false })

  it('gives what it shows, in one shell', async () => {
    await ok(['load', '-q', '-i', buildHttpdImage().path])
    const [, root = '', , runroot] = stateOptions(directory)
    const separator = '\u001e'
    const script = entries
      .map(({ command }) => `${command}\nprintf '${separator}'\n`)
      .join('')
      .replaceAll('npx vitrine', `'${process.execPath}' '${launcher}'`)
      .replaceAll('/var/lib/vitrine', root)
    const env = { ...process.env, VITRINE_ROOT: root, VITRINE_RUNROOT: runroot }
    const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8', env })
    expect(stderr).toBe('')
    const outputs = stdout.split(separator)
    expect(entries.length).toBeGreaterThan(10)
    const size = /[\d.]+ MB/g // Debian's packages grow.
    for (const [index, { command, output }] of entries.entries())
      expect(mask(outputs[index]!).replace(size, '<size>'), command).toBe(mask(output).replace(size, '<size>'))
  })
})
