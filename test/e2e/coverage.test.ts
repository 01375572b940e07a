// That no flag goes without an end-to-end test: each name of the flag tables is written in one of them.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands } from '../../cli/flags/commands.ts'

const tests = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts') && name !== 'coverage.test.ts')
  .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  .join('\n')

describe('the end-to-end tests', () => {
  it.each(Object.entries(commands))('use %s and every flag of it', (name, { flags }) => {
    expect(tests).toMatch(new RegExp(`['"]${name.replace(' ', '[\'"],\\s*[\'"]')}['"]`))
    const unused = flags.filter((flag) => !new RegExp(`['"\`]--${flag.name}(?![a-z-])`).test(tests))
    expect(unused.map((flag) => flag.name)).toEqual([])
  })
})
