// What attacks on containers are made of: a container with a shell, a hostile root filesystem, scripts.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readSync, symlinkSync } from 'node:fs'
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

/**
 * While `use` runs, two names of a directory change places, as fast as the machine can. renameat2(2), RENAME_EXCHANGE.
 *
 * @param pauseMs - between two changes
 */
export async function swapping(
  directory: string,
  [a, b]: readonly [string, string],
  use: () => Promise<void>,
  pauseMs = 0,
) {
  const program = [
    'import ctypes, os, sys, time',
    'libc = ctypes.CDLL(None)',
    'a, b = (os.path.join(sys.argv[1], name).encode() for name in sys.argv[2:4])',
    'while True:',
    '  libc.renameat2(-100, a, -100, b, 2)',
    '  if sys.argv[4] != "0": time.sleep(float(sys.argv[4]) / 1000)',
  ]
  const argv = ['-c', program.join('\n'), directory, a, b, String(pauseMs)]
  const swapper = spawn('python3', argv, { stdio: 'ignore' })
  const ended = new Promise((resolve) => swapper.on('exit', resolve))
  try {
    await use()
  } finally {
    swapper.kill('SIGKILL')
    await ended
  }
}

/** In pieces: in user-mode Linux each page of a process may cost a mapping of the host's, which allows 65,530 of them. */
export function hashOf(path: string): string {
  const digest = createHash('sha256')
  const piece = Buffer.alloc(2 ** 20)
  const fd = openSync(path, 'r')
  try {
    for (let size = readSync(fd, piece); size > 0; size = readSync(fd, piece)) digest.update(piece.subarray(0, size))
  } finally {
    closeSync(fd)
  }
  return digest.digest('hex')
}
