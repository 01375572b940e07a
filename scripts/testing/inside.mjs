// Runs in user-mode Linux: the tests that need a real kernel. Writes their report to the file named by its argument.

import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { runSuite } from './suite.mjs'

const report = await runSuite({ projects: ['real', 'e2e'], where: 'user-mode Linux', temporary: tmpdir() })
writeFileSync(process.argv[2], JSON.stringify(report))
