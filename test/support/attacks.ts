// What attacks on containers are made of: a container with a shell, a hostile root filesystem, scripts.

import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CliOptions, cli } from './cli.ts'

export const run = (directory: string, script: string, flags: readonly string[] = [], options: CliOptions = {}) =>
  cli(['run', '--rm', '--network=none', ...flags, '--rootfs', '/:O', 'sh', '-c', script], { directory, ...options })

/** A container of `sh -c SCRIPT` for the length of a test. */
export async function withContainer(
  directory: string,
  script: string,
  flags: readonly string[],
  use: () => Promise<void>,
) {
  const started = await cli(
    ['run', '-d', '--name=target', '--network=none', ...flags, '--rootfs', '/:O', 'sh', '-c', script],
    { directory },
  )
  expect(started).toMatchObject({ stderr: '', code: 0 })
  try {
    await use()
  } finally {
    await cli(['rm', '-f', '-t', '0', 'target'], { directory })
  }
}

/** A root filesystem that an attacker made: the machine's /usr, and the links given. */
export function hostileRoot(directory: string, links: Readonly<Record<string, string>>): string {
  const root = join(directory, 'rootfs')
  for (const name of ['usr', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true })
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(root, name))
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name))
  return root
}
export const inHostileRoot = (directory: string, root: string, script: string, flags: readonly string[] = []) =>
  cli(['run', '--rm', '--network=none', '-v', '/usr:/usr:ro', ...flags, '--rootfs', root, 'sh', '-c', script], {
    directory,
  })

/** bash's own words only: another program would have descriptors of its own. */
export const listDescriptors = 'cd /proc/$$/fd; all=; for n in *; do [ -e $n ] && all="$all $n"; done; echo $all'

export const python = (program: string) => `python3 - <<'EOF'\n${program}\nEOF\n`
