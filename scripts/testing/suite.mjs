// Runs vitest projects once, and asks whether the machine is afterwards as it was before.

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { hostState, runMarker, settledChanges } from '../../test/support/host.ts'

export const root = join(import.meta.dirname, '../..')

/** Runs a program in the repository with our standard streams; resolves to its exit code, or its signal's name. */
export function run(program, argv, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? signal))
  })
}

/**
 * @param projects - of vitest.config.ts
 * @param where - for the names of failures: `natively`
 * @param shard - `1/2`: the first half of the files; all when absent
 * @returns the report of test/support/reporter.ts; what the machine has too much or too little counts as failed
 */
export async function runSuite({ projects, where, temporary, shard }) {
  const directory = mkdtempSync(join(temporary, 'vitrine-test-'))
  // Tests become other users, who have to come through here.
  chmodSync(directory, 0o755)
  const reportPath = join(directory, 'report.json')
  const marker = `${process.pid}-${process.hrtime.bigint()}`
  process.env[runMarker] = marker
  const before = hostState()
  try {
    const argv = [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...projects.flatMap((name) => ['--project', name]),
      ...(shard === undefined ? [] : ['--shard', shard, '--passWithNoTests']),
    ]
    const code = await run(process.execPath, argv, {
      env: {
        ...process.env,
        TMPDIR: directory,
        VITRINE_BUILT: '1',
        VITRINE_REPORT: reportPath,
        VITRINE_TEST_DIRECTORY: directory,
      },
    })
    const report = existsSync(reportPath)
      ? JSON.parse(readFileSync(reportPath, 'utf8'))
      : { passed: 0, failed: [], unsteady: [], skipped: [] }
    const failed = [...report.failed]
    if (!existsSync(reportPath)) failed.push(`vitest ended with ${code} and without a report`)
    else if (code !== 0 && failed.length === 0) failed.push(`vitest ended with ${code}`)
    const left = await settledChanges(before)
    const clean = left.length === 0 ? 1 : 0
    return {
      passed: report.passed + clean,
      failed: [...failed, ...left].map((name) => `${where}: ${name}`),
      unsteady: report.unsteady.map((name) => `${where}: ${name}`),
      skipped: report.skipped.map(({ name, reason }) => ({ name, reason: `${where}: ${reason}` })),
    }
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}
