// How much memory a command of the program had at most. proc_pid_status(5), VmHWM

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { launcher, stateOptions } from './cli.ts'

/** Runs `vitrine ARGV` to its end. */
export async function mostMemory(
  argv: readonly string[],
  { directory, env }: { readonly directory: string; readonly env: Readonly<Record<string, string>> },
): Promise<{ readonly code: number; readonly stderr: string; readonly mostBytes: number }> {
  const words = ['--', launcher, ...stateOptions(directory), ...argv]
  const child = spawn(process.execPath, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  let mostBytes = 0
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const timer = setInterval(() => {
    try {
      const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
      mostBytes = Math.max(mostBytes, Number(kib ?? 0) * 1024)
    } catch {
      // It has ended.
    }
  }, 10)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearInterval(timer)
  return { code: code ?? -1, stderr, mostBytes }
}
