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
  const marker = `${process.pid}-${process.hrtime.bigint()}`
  process.env[runMarker] = marker
  const before = hostState()
  try {
    const first = await runVitest({ projects, shard, directory })
    // Whatever ended the process of a file (a small machine without memory, the kernel) may be no test's fault: once more.
    if (first.unfinished.length > 0) await run('sh', ['-c', 'dmesg --level=err,warn | tail -n 5'])
    const again =
      first.unfinished.length === 0 ? nothing : await runVitest({ projects, files: first.unfinished, directory })
    const died = (files, times) => files.map((file) => `${file}: its process died ${times}`)
    const left = await settledChanges(before)
    const clean = left.length === 0 ? 1 : 0
    const failed = [...first.failed, ...again.failed, ...died(again.unfinished, 'twice'), ...left]
    const unsteady = [...first.unsteady, ...again.unsteady, ...died(first.unfinished, 'once')]
    return {
      passed: first.passed + again.passed + clean,
      failed: failed.map((name) => `${where}: ${name}`),
      unsteady: unsteady.map((name) => `${where}: ${name}`),
      skipped: [...first.skipped, ...again.skipped].map(({ name, reason }) => ({
        name,
        reason: `${where}: ${reason}`,
      })),
    }
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

const nothing = { passed: 0, failed: [], unsteady: [], skipped: [], unfinished: [] }

async function runVitest({ projects, shard, files = [], directory }) {
  const reportPath = join(directory, 'report.json')
  rmSync(reportPath, { force: true })
  const argv = [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...files,
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
  if (!existsSync(reportPath)) return { ...nothing, failed: [`vitest ended with ${code} and without a report`] }
  const report = JSON.parse(readFileSync(reportPath, 'utf8'))
  if (code === 0 || report.failed.length > 0 || report.unfinished.length > 0) return report
  return { ...report, failed: [`vitest ended with ${code}`] }
}
