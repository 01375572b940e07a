// Trees of any depth are removed: a program in a container makes them with mkdir and chdir alone.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import { removeTree } from '../../core/files.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, natives: true, programs: ['sh'] })

describe('a tree', () => {
  it('is removed however deep it is, and whatever stands where its parts are moved', () =>
    withTemporaryDirectory(async (directory) => {
      const tree = join(directory, 'tree')
      mkdirSync(join(tree, '.deep-0'), { recursive: true })
      writeFileSync(join(tree, '.deep-0/file'), '')
      writeFileSync(join(tree, '.deep-1'), '')
      const below = Array.from({ length: 50 }, (_, i) => `d${i}`).join('/')
      // Each run begins where a path of 4096 bytes would end.
      let at = tree
      for (let i = 0; i < 9; i++) {
        execFileSync('mkdir', ['-p', below], { cwd: at })
        writeFileSync(join(at, below, 'file'), '')
        at = join(at, below)
      }
      expect(at.split('/').length).toBeGreaterThan(450)
      removeTree(openLinux(), tree)
      expect(existsSync(tree)).toBe(false)
      removeTree(openLinux(), tree)
    }))
})
