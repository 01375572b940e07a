// The shape of files: small, and each says in its first line what it is for.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesBelow, repository } from '../support/source.ts'

/** Tables, which grow with what they list and are looked things up in, not read. */
const tables: Readonly<Record<string, string>> = {
  'core/syscall.ts': 'a line for each system call',
  'test/support/shell-scripts.ts': 'a line for each script',
}

const aimLines = 250
const mostLines = 400

const folders = ['core', 'sim', 'backends', 'browser', 'cli', 'test', 'bench', 'scripts', 'bin']
const files = folders
  .flatMap((folder) => filesBelow(folder, /\.(?:ts|mjs|cjs|c|h)$/))
  .filter((path) => !path.includes('/fixtures/') && !path.endsWith('.d.ts'))

const textOf = (path: string) => readFileSync(join(repository, path), 'utf8')
const linesOf = (path: string) => textOf(path).split('\n').length - 1

describe('files', () => {
  it(`have at most ${mostLines} lines, tables aside`, () => {
    const long = files.filter((path) => linesOf(path) > aimLines && !(path in tables))
    if (long.length > 0)
      console.log(`longer than ${aimLines} lines: ${long.map((path) => `${path} ${linesOf(path)}`).join(', ')}`)
    expect(long.filter((path) => linesOf(path) > mostLines)).toEqual([])
  })

  it('begin with a comment that says what they are for', () => {
    const silent = files.filter((path) => {
      const [first, second] = textOf(path).split('\n')
      return !/^(?:\/\/ \S|\/\*)/.test((first!.startsWith('#!') ? second : first) ?? '')
    })
    expect(silent).toEqual([])
  })

  it('export nothing by default, so that a thing has one name', () => {
    const exporting = files.filter((path) => path.endsWith('.ts') && /^export default /m.test(textOf(path)))
    expect(exporting).toEqual([])
  })

  it('of the list of tables exist', () => {
    expect(Object.keys(tables).filter((path) => !existsSync(join(repository, path)))).toEqual([])
  })
})

describe('dependencies', () => {
  it('are each explained in docs/dependencies.md', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(textOf('package.json'))
    const text = textOf('docs/dependencies.md')
    const names = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
  })
})
