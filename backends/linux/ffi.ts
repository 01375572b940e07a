// Every koffi declaration: the only file that loads native code. What it gives are numbers in and numbers out.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../../core/errors.ts'

interface Koffi {
  load(path: string): { func(prototype: string): NativeFunction }
  view(address: bigint, byteCount: number): ArrayBuffer
}
type Value = number | bigint
interface NativeFunction {
  (...values: Value[]): Value
  async(...values: [...Value[], (error: Error | null, value: Value) => void]): void
}

export interface Native {
  /** A raw system call: what the kernel answers, -errno when it refuses. */
  syscall(nr: number, a: Value, b: Value, c: Value, d: Value, e: Value, f: Value): number
  /** The same on a thread of the pool, for calls that wait. */
  syscallLater(nr: number, registers: readonly Value[]): Promise<number>
  /** Runs the parent's part of the tape at an address; the refused entry, or -1. */
  run(tape: number): number
  /** clone3 with the tape's child part; the pid, or -errno. */
  spawn(cloneArgs: number, byteCount: number, tape: number): number
  /** Bytes of this process's own memory. */
  view(address: number, byteCount: number): Uint8Array
}

export type Architecture = 'x64' | 'arm64'

/** This machine's architecture; others have no native part. */
export function architecture(): Architecture {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) {
    throw new UserError(
      `the real kernel needs linux on x64 or arm64, and this is ${process.platform} on ${process.arch}: use the simulated kernel`,
    )
  }
  return process.arch
}

/** Where a native file lies: `prebuilds/linux-ARCH/` beside the sources or beside the bundle. */
export function nativeFile(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url))
  for (const root of [join(here, '../..'), join(here, '..')]) {
    const path = join(root, 'prebuilds', `linux-${architecture()}`, name)
    if (existsSync(path)) return path
  }
  throw new UserError(`the native part ${name} is missing: run \`npm run build\` (it needs gcc)`)
}

/** Koffi's binary in the nearest node_modules, looked for by hand: Node's own way to a package costs milliseconds. */
function koffiBinary(arch: Architecture): string | undefined {
  const inside = join('node_modules/@koromix', `koffi-linux-${arch}`, `linux_${arch}`, 'koffi.node')
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const path = join(at, inside)
    if (existsSync(path)) return path
    if (dirname(at) === at) return undefined
  }
}

/**
 * Koffi by its binary: its JavaScript entry looks for it in many places and costs 7 ms at every start. Where the file is
 * not where this version keeps it, or is not for this C library, the entry is used.
 */
function loadKoffi(): Koffi {
  const binary = koffiBinary(architecture())
  if (binary !== undefined) {
    try {
      const loaded = { exports: {} as Koffi }
      process.dlopen(loaded, binary)
      return loaded.exports
    } catch {
      // Another C library: the entry knows its variants.
    }
  }
  return createRequire(import.meta.url)('koffi') as Koffi
}

/** Loads the native part. */
export function loadNative(): Native {
  const koffi = loadKoffi()
  const library = koffi.load(nativeFile('tape.so'))
  const syscall = library.func(
    'int64_t vitrine_syscall(int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t)',
  )
  const run = library.func('int32_t vitrine_run(uint64_t)')
  const spawn = library.func('int64_t vitrine_spawn(uint64_t, uint64_t, uint64_t)')
  return {
    syscall: (nr, a, b, c, d, e, f) => Number(syscall(nr, a, b, c, d, e, f)),
    syscallLater: (nr, [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0]) =>
      new Promise((resolve, reject) => {
        syscall.async(nr, a, b, c, d, e, f, (error, value) => (error ? reject(error) : resolve(Number(value))))
      }),
    run: (tape) => Number(run(tape)),
    spawn: (cloneArgs, byteCount, tape) => Number(spawn(cloneArgs, byteCount, tape)),
    view: (address, byteCount) => new Uint8Array(koffi.view(BigInt(address), byteCount)),
  }
}
