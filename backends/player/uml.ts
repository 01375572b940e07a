// A user-mode Linux for scenarios that are played on a real kernel: where it is, and how a command runs in it.

import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { UserError } from '../../core/errors.ts'

/** That kernel miscounts the pages of io_uring, which Node maps, when Node forks; it panics soon after. */
const withoutIoUring =
  '[ -e /proc/sys/kernel/io_uring_disabled ] && echo 2 >/proc/sys/kernel/io_uring_disabled; exec "$@"'

/** `bin/uml/run` beside the sources, or beside the bundle. */
function runner(): string {
  for (const root of [join(import.meta.dirname, '../..'), join(import.meta.dirname, '..')]) {
    const path = join(root, 'bin/uml/run')
    if (existsSync(path)) return path
  }
  throw new UserError('play in user-mode Linux: bin/uml/run is missing: install vitrine again')
}

/** A kernel, or a script with the options of bin/uml/run, by VITRINE_UML or in the usual places. */
function findUserModeLinux(): string {
  const named = process.env.VITRINE_UML
  if (named) {
    if (existsSync(named)) return named
    throw new UserError(`play in user-mode Linux: VITRINE_UML names ${named}, which is not there`)
  }
  const beside = [
    join(import.meta.dirname, '../../../shared/uml/run'),
    join(import.meta.dirname, '../../shared/uml/run'),
  ]
  const cached = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vitrine/uml/linux-6.12')
  const onPath = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'linux.uml'))
  const found = [...beside, cached, ...onPath, '/usr/bin/linux.uml'].find(existsSync)
  if (found !== undefined) return found
  throw new UserError(
    'play in user-mode Linux: there is none: install the package user-mode-linux, or let VITRINE_UML name a kernel; ' +
      'or play on this kernel with --native, if you trust the file',
  )
}

function isKernel(path: string): boolean {
  const magic = Buffer.alloc(4)
  const file = openSync(path, 'r')
  readSync(file, magic, 0, 4, 0)
  closeSync(file)
  return magic.toString('latin1') === '\x7fELF'
}

/**
 * Plays a scenario by this program in a user-mode Linux; what it prints is printed here.
 *
 * @param program - the words that start this program, before its verb
 * @param flags - of `sim play`, but for where it is played
 * @returns its exit code
 */
export async function playInUserModeLinux(
  program: readonly string[],
  text: string,
  flags: readonly string[],
): Promise<number> {
  const found = findUserModeLinux()
  const directory = mkdtempSync(join(tmpdir(), 'vitrine-play-'))
  try {
    const file = join(directory, 'scenario')
    writeFileSync(file, text)
    const script = isKernel(found) ? runner() : found
    // What lies below directories that are hidden inside has to be said.
    const kept = [directory, ...program.filter((word) => word.startsWith('/')).map((word) => dirname(dirname(word)))]
    const command = [...program, 'sim', 'play', '--kernel', 'linux', '--native', ...flags, file]
    const argv = [
      ...(isKernel(found) ? ['-k', found] : []),
      ...['-m', '1G', ...[...new Set(kept)].flatMap((path) => ['-w', path])],
      ...['--', 'sh', '-c', withoutIoUring, 'sh', ...command],
    ]
    return await new Promise<number>((done, failed) => {
      const child = spawn(script, argv, { stdio: ['ignore', 'inherit', 'inherit'] })
      child.on('error', failed)
      child.on('close', (code) => done(code ?? 125))
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
