// docs/simulated-kernel.md shows the calls that the simulated kernel has.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { featuresPage } from '../../../backends/sim/features-page.ts'
import { features } from '../../../backends/sim/open.ts'
import { repository } from '../../support/source.ts'

const page = readFileSync(join(repository, 'docs/simulated-kernel.md'), 'utf8')

it('tells of the system calls as they are (else: node scripts/simulated-kernel.mjs)', () => {
  expect(page).toContain(featuresPage())
})

it('names every call once', () => {
  const named = features().filter(({ call }) => page.split(`\`${call}\``).length !== 2)
  expect(named).toEqual([])
})
