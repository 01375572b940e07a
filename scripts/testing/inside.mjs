// Runs in user-mode Linux: the tests that need a real kernel, or a share of them. Arguments: the file for their report, and
// the share (`1/2`).

import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { runSuite } from './suite.mjs'

const [reportPath, shard] = process.argv.slice(2)
const report = await runSuite({ projects: ['real', 'e2e'], where: 'user-mode Linux', temporary: tmpdir(), shard })
writeFileSync(reportPath, JSON.stringify(report))
