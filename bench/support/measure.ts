// Medians and ratios, measured in turns so that what else the machine does falls on all alike.

import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

export interface Contender {
  readonly name: string
  /** One run; answers its time in milliseconds, when it measures itself. */
  readonly run: () => Promise<number | undefined> | number | undefined
}

/** Runs all in turns; milliseconds of each, by name. */
export async function inTurns(
  contenders: readonly Contender[],
  rounds: number,
  pauseMs: number,
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = -2; round < rounds; round++) {
    for (const { name, run } of contenders) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      const start = performance.now()
      const own = await run()
      const time = own ?? performance.now() - start
      if (round >= 0) times.get(name)!.push(time) // the first two are for caches
    }
  }
  return times
}

/** One line a contender: median, tenth and ninetieth percentile, and the ratio to the first. */
export function report(title: string, times: ReadonlyMap<string, readonly number[]>, baseline: string): void {
  console.log(`\n${title}`)
  const base = median(times.get(baseline)!)
  for (const [name, values] of times) {
    const [middle, low, high] = [median(values), percentile(values, 0.1), percentile(values, 0.9)]
    const figures = [middle, low, high].map((value) => value.toFixed(2).padStart(8)).join(' ')
    console.log(`  ${name.padEnd(44)} ${figures} ms   ${(middle / base).toFixed(2)}x`)
  }
}

/** Compiles a C file of bench/native into a directory outside of the repository. */
export function compile(source: string, directory: string): string {
  mkdirSync(directory, { recursive: true })
  const output = join(directory, source.replace(/\.c$/, ''))
  execFileSync('gcc', ['-O2', '-Wall', '-static', '-o', output, join(import.meta.dirname, '../native', source)])
  return output
}
