// Before the tests: what they run (dist/, prebuilds/) is made from the sources as they are now.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository } from './source.ts'

export function setup(): void {
  // Said by the test command, which has built; in user-mode Linux the clone is not ours to change.
  if (process.env.VITRINE_BUILT !== undefined) return
  // Once is enough for all projects of the run.
  process.env.VITRINE_BUILT = '1'
  const { status } = spawnSync(process.execPath, [join(repository, 'scripts/build.mjs'), '--install', '--guests'], {
    stdio: 'inherit',
  })
  // Tests of parts may pass all the same; those that start the program would run the last build that worked.
  if (status !== 0) console.error('the build failed: tests that start the program are not to be trusted')
}
