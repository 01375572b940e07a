// A vitest reporter that writes the counts, the failures and the reasons for skipping to the file VITRINE_REPORT.

import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

export interface Report {
  readonly passed: number
  readonly failed: readonly string[]
  /** Failed, and passed when tried once more: told, so that somebody looks at them, and no reason to hold up a change. */
  readonly unsteady: readonly string[]
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
  /** Files whose process died before it could tell what came of them. */
  readonly unfinished: readonly string[]
}

/** Counts what ran. A file that does not load and an error outside of any test are failures too. */
export function count(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Report {
  let passed = 0
  const unfinished = modules.filter((module) => ['queued', 'pending'].includes(module.state()))
  // The death of a process is told by the files that it did not finish.
  const errors = unhandled.filter(({ message }) => unfinished.length === 0 || !message.includes('Worker forks emitted'))
  const failed = errors.map((error) => `error outside of a test: ${error.message}`)
  const unsteady: string[] = []
  const skipped: { name: string; reason: string }[] = []
  for (const module of modules) {
    if (unfinished.includes(module)) continue
    const file = module.relativeModuleId
    for (const error of module.errors()) failed.push(`${file}: ${error.message}`)
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors()) failed.push(`${file} > ${suite.fullName}: ${error.message}`)
    }
    for (const test of module.children.allTests()) {
      const result = test.result()
      const name = `${file} > ${test.fullName}`
      if (test.diagnostic()?.flaky) unsteady.push(name)
      if (result.state === 'passed') passed += 1
      else if (result.state === 'failed') failed.push(name)
      else {
        const reason =
          (result.state === 'skipped' ? result.note : undefined) ?? /— skipped: ([^>]*)/.exec(name)?.[1]?.trim()
        skipped.push({ name, reason: reason ?? (test.options.mode === 'todo' ? 'to do' : 'no reason given') })
      }
    }
  }
  return { passed, failed, unsteady, skipped, unfinished: unfinished.map((module) => module.relativeModuleId) }
}

export const countingReporter: Reporter = {
  onTestRunEnd(modules, unhandled) {
    const path = process.env.VITRINE_REPORT
    if (path !== undefined) writeFileSync(path, JSON.stringify(count(modules, unhandled)))
  },
}
