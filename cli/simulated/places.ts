// Where things of simulated machines are on this computer, whichever system it runs.

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** `prebuilds`, of the package or the clone that this program is in. */
export function prebuiltDirectory(): string {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    const found = join(at, 'prebuilds')
    if (existsSync(found) || dirname(at) === at) return found
  }
}

/** @param root - `--root` or VITRINE_ROOT */
export function machinesDirectory(root: string | undefined): string {
  return join(root ?? defaultRoot(), 'machines')
}

/** What was made of programs out of images. @param root - as above */
export function programsDirectory(root: string | undefined): string {
  return join(root ?? defaultRoot(), 'programs')
}

function defaultRoot(): string {
  const { env } = process
  if (process.platform === 'win32') return join(env.LOCALAPPDATA ?? homedir(), 'vitrine')
  if (process.platform === 'linux' && process.geteuid?.() === 0) return '/var/lib/vitrine'
  return join(env.XDG_DATA_HOME || join(homedir(), '.local/share'), 'vitrine')
}
