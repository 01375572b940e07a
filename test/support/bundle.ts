// Bundles and the program vitrine-oci, for tests: a busybox root filesystem, a config.json, and nothing left at the end.

import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { exampleSpec } from '../../core/oci/example.ts'
import type { Process, Spec } from '../../core/spec/types.ts'
import type { CliResult } from './cli.ts'
import { busyboxRoot } from './engine.ts'
import { hostState, settledChanges } from './host.ts'
import type { Needs } from './needs.ts'

/** What vitrine-oci needs of a machine to run containers of busybox, and the programs of whoever calls it. */
export const needsOci = (...callers: readonly string[]): Needs => ({
  linux: true,
  root: true,
  natives: true,
  seccompFilters: true,
  cgroupBpf: true,
  programs: ['busybox', ...callers],
})

export const ociLauncher = join(import.meta.dirname, '../../bin/vitrine-oci.cjs')

export interface Runtime {
  readonly directory: string
  readonly rootfs: string
  /** Runs vitrine-oci; any exit code is an answer. */
  readonly run: (argv: readonly string[], options?: { readonly stdin?: string }) => Promise<CliResult>
  /** Runs vitrine-oci, which must succeed; its standard output without the last newline. */
  readonly ok: (argv: readonly string[], options?: { readonly stdin?: string }) => Promise<string>
  /** Makes a bundle of this process, with what is changed. @returns its directory */
  readonly bundle: (process: Partial<Process>, change?: (spec: Spec) => Spec) => string
  /** The status that `state` tells. */
  readonly status: (id: string) => Promise<string>
}

/** The example, without a terminal and writable; its process is what is given. */
export function specOf(process: Partial<Process>): Spec {
  const spec = exampleSpec()
  return {
    ...spec,
    root: { path: '../rootfs' },
    process: { ...spec.process!, terminal: false, ...process },
  }
}

export interface RuntimeOptions {
  /** The words of a program that runs the words after them: where vitrine-oci is to be run. */
  readonly within?: () => readonly [string, ...string[]]
  /** Of vitrine-oci, before the command. */
  readonly flags?: readonly string[]
}

/** To be called once, at the top of a test file. */
export function openRuntime({ within, flags = [] }: RuntimeOptions = {}): Runtime {
  let directory = ''
  let before: ReturnType<typeof hostState>
  let bundles = 0
  // A container keeps the streams of whoever created it: files, since a pipe would be read until it ends.
  const run = async (argv: readonly string[], { stdin = '' }: { readonly stdin?: string } = {}) => {
    const files = ['stdin', 'stdout', 'stderr'].map((name) => join(directory, name))
    writeFileSync(files[0]!, stdin)
    const fds = files.map((file, fd) => openSync(file, fd === 0 ? 'r' : 'w+'))
    const words = [process.execPath, '--', ociLauncher, '--root', join(directory, 'state'), ...flags, ...argv]
    const [program, ...rest] = [...(within?.() ?? []), ...words]
    const child = spawn(program!, rest, { stdio: fds })
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal!]))
    })
    for (const fd of fds) closeSync(fd)
    return { code, stdout: readFileSync(files[1]!, 'utf8'), stderr: readFileSync(files[2]!, 'utf8') }
  }
  beforeAll(() => {
    before = hostState()
    directory = mkdtempSync(join(tmpdir(), 'vitrine-oci-'))
    busyboxRoot(directory)
  })
  afterAll(async () => {
    const left = (await run(['list', '-q'])).stdout
    for (const id of left.split('\n').filter(Boolean)) await run(['delete', '--force', id])
    rmSync(directory, { recursive: true, force: true })
    expect(left).toBe('')
    expect(await settledChanges(before)).toEqual([])
  })
  const ok = async (argv: readonly string[], options?: { readonly stdin?: string }) => {
    const { code, stdout, stderr } = await run(argv, options)
    expect({ code, stderr }, argv.join(' ')).toEqual({ code: 0, stderr: '' })
    return stdout.replace(/\n$/, '')
  }
  return {
    get directory() {
      return directory
    },
    get rootfs() {
      return join(directory, 'rootfs')
    },
    run,
    ok,
    bundle: (process, change = (spec) => spec) => {
      const path = join(directory, `bundle${bundles++}`)
      mkdirSync(path)
      writeFileSync(join(path, 'config.json'), JSON.stringify(change(specOf(process))))
      return path
    },
    status: async (id) => (JSON.parse(await ok(['state', id])) as { status: string }).status,
  }
}
