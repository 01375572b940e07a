// Before the tests: what they run (dist/, prebuilds/) is made from the sources as they are now.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export function setup(): void {
  // Said by the test command, which has built; in user-mode Linux the clone is not ours to change.
  if (process.env.VITRINE_BUILT !== undefined) return
  execFileSync(process.execPath, [join(import.meta.dirname, '../../scripts/build.mjs'), '--install'], {
    stdio: 'inherit',
  })
}
