// Runs the program as a user does: a process, its output, its exit code.

import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const launcher = join(import.meta.dirname, '../../bin/vitrine.cjs')

export interface CliResult {
  readonly stdout: string
  readonly stderr: string
  /** 128 + signal when a signal ended it. */
  readonly code: number
}

export interface CliOptions {
  /** State directories of this test; both lie below it. */
  readonly directory?: string
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly timeoutMs?: number
  /** The Node that runs it; ours unless said. */
  readonly node?: string
}

/** The global options that keep a test's containers apart from all others, and from the host's systemd. */
export function stateOptions(directory: string): string[] {
  return ['--root', join(directory, 'root'), '--runroot', join(directory, 'runroot'), '--cgroup-manager=cgroupfs']
}

/** Runs `vitrine ARGV` to its end. Ends it with SIGKILL when it takes longer than `timeoutMs`, and then throws. */
export async function cli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { directory, stdin = '', env = {}, cwd, timeoutMs = 60_000, node = process.execPath } = options
  // As the launcher's first line has it: what follows is not for Node.
  const all = ['--', launcher, ...(directory === undefined ? [] : stateOptions(directory)), ...argv]
  const child = spawn(node, all, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // A program that does not read its input closes it; that is no failure of ours.
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`vitrine ${argv.join(' ')} took longer than ${timeoutMs} ms\n${stdout}${stderr}`))
    }, timeoutMs)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ stdout, stderr, code: code ?? 128 + signalNumber(signal) })
    })
  })
}

function signalNumber(signal: NodeJS.Signals | null): number {
  const numbers: Record<string, number> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGQUIT: 3,
    SIGABRT: 6,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGTERM: 15,
  }
  return numbers[signal ?? ''] ?? 0
}
