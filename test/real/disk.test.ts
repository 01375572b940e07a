// What a tree occupies, against du(1).

import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import { diskBytes } from '../../core/disk.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, natives: true })

describe('the bytes of a tree on disk', () => {
  const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-disk-'))
  const at = (...path: string[]) => join(directory, ...path)
  const du = (...paths: string[]) =>
    execFileSync('du', ['-s', '--block-size=1', ...paths.map((path) => at(path))], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => Number(line.split('\t')[0]))

  beforeAll(() => {
    mkdirSync(at('tree/inner'), { recursive: true })
    writeFileSync(at('tree/file'), 'x'.repeat(50_000))
    writeFileSync(at('tree/inner/small'), 'y')
    writeFileSync(at('tree/sparse'), 'z')
    truncateSync(at('tree/sparse'), 10_000_000)
    linkSync(at('tree/file'), at('tree/inner/second-name'))
    mkdirSync(at('other'))
    linkSync(at('tree/file'), at('other/third-name'))
    symlinkSync('/usr', at('tree/elsewhere'))
    symlinkSync('tree', at('link'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  it('is what du says: holes, links and second names count for nothing', () => {
    expect(diskBytes(openLinux(), at('tree'))).toBe(du('tree')[0])
  })

  it('counts a file once over several trees', () => {
    const seen = new Set<string>()
    const kernel = openLinux()
    expect([diskBytes(kernel, at('tree'), seen), diskBytes(kernel, at('other'), seen)]).toEqual(du('tree', 'other'))
  })

  it('does not follow a link, and nothing is nothing', () => {
    expect(diskBytes(openLinux(), at('link'))).toBeLessThan(10_000)
    expect(diskBytes(openLinux(), at('nothing'))).toBe(0)
  })
})
