// How the tests run: the pure ones in parallel, those that share a kernel one file after another.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { tellableModules } from './scripts/telling/plugin.mjs'
import { countingReporter } from './test/support/reporter.ts'

// System calls are several times slower there, and there is one CPU.
const userModeLinux = process.platform === 'linux' && readFileSync('/proc/cpuinfo', 'utf8').includes('User Mode Linux')
const timeout = (ms: number) => ({
  testTimeout: ms * (userModeLinux ? 4 : 1),
  hookTimeout: ms * (userModeLinux ? 4 : 1),
})

process.env.VITRINE_SEED ??= seedOfCommit()

function seedOfCommit(): string {
  try {
    const hash = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return String(Number.parseInt(hash.slice(0, 7), 16))
  } catch {
    return '1' // Not a clone: a tarball of the sources has no commit.
  }
}

// Real processes, mounts and signals do not go together with worker threads, nor with each other. What they do depends on
// the load of the machine too: a test that fails is tried once more, and named if it passes then.
const alone = { pool: 'forks', fileParallelism: false, maxWorkers: 1, retry: 1 } as const

export default defineConfig({
  ...(process.env.VITRINE_TEST_DIRECTORY === undefined
    ? {}
    : { cacheDir: `${process.env.VITRINE_TEST_DIRECTORY}/vite` }),
  test: {
    environment: 'node',
    reporters: ['default', countingReporter],
    passWithNoTests: true,
    globalSetup: ['test/support/built.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: ['test/unit/snapshot/**'],
          setupFiles: ['test/support/seed.ts'],
          pool: 'threads',
          isolate: false,
          sequence: { groupOrder: 0 },
          ...timeout(10_000),
        },
      },
      {
        extends: true,
        // The simulated kernel as the build makes it: its moments can be taken.
        plugins: [tellableModules(import.meta.dirname)],
        test: {
          name: 'snapshot',
          include: ['test/unit/snapshot/**/*.test.ts'],
          setupFiles: ['test/support/seed.ts'],
          pool: 'threads',
          sequence: { groupOrder: 0 },
          ...timeout(30_000),
        },
      },
      {
        extends: true,
        test: {
          name: 'house',
          include: ['test/house/**/*.test.ts'],
          pool: 'threads',
          sequence: { groupOrder: 0 },
          ...timeout(180_000),
        },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/{contract,real}/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          ...alone,
          ...timeout(30_000),
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          sequence: { groupOrder: 2 },
          ...alone,
          ...timeout(60_000),
        },
      },
    ],
  },
})
