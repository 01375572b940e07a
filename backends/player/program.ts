// The native player: prebuilt, or compiled when its sources are here and newer.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../../core/errors.ts'
import { nativeFile } from '../linux/ffi.ts'

const sources = join(import.meta.dirname, '../linux/native')
const parts = ['player.c', 'puppet.h', 'corner.h', 'watch.h', 'system.h']

const flagsOfCompiler = [
  ...['-O2', '-std=gnu11', '-ffreestanding', '-fno-builtin', '-nostdlib', '-static', '-no-pie', '-fno-pie'],
  ...['-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fno-strict-aliasing'],
  ...(process.arch === 'arm64' ? ['-mno-outline-atomics'] : ['-fcf-protection=none']),
]

/** The player's path; undefined where it is neither prebuilt nor can be compiled. */
export function builtPlayer(): string | undefined {
  const newest = existsSync(join(sources, 'player.c'))
    ? Math.max(...parts.map((name) => Math.trunc(statSync(join(sources, name)).mtimeMs)))
    : 0
  const prebuilt = prebuiltPlayer()
  if (prebuilt !== undefined && statSync(prebuilt).mtimeMs >= newest) return prebuilt
  return newest === 0 ? prebuilt : compiled(newest)
}

/** @errors UserError: it is missing, and what to do */
export function playerProgram(): string {
  const program = builtPlayer()
  if (program === undefined)
    throw new UserError('play on this kernel: the native player is missing: run `npm run build` (it needs gcc)')
  return program
}

function prebuiltPlayer(): string | undefined {
  try {
    return nativeFile('player')
  } catch {
    return undefined
  }
}

function compiled(newest: number): string | undefined {
  const directory = join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), `vitrine-player-${process.geteuid?.() ?? 0}`)
  const program = join(directory, `player-${newest}`)
  if (existsSync(program)) return program
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (statSync(directory).uid !== process.geteuid?.()) return undefined
    const made = `${program}.${process.pid}`
    execFileSync('gcc', [...flagsOfCompiler, '-I', sources, '-o', made, join(sources, 'player.c')], { stdio: 'pipe' })
    renameSync(made, program)
    return program
  } catch {
    return undefined
  }
}
