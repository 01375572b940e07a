// Writes the table of system calls into docs/simulated-kernel.md, behind its mark.

import { readFileSync, writeFileSync } from 'node:fs'
import { featuresPage } from '../backends/sim/features-page.ts'

const path = new URL('../docs/simulated-kernel.md', import.meta.url)
const mark = '<!-- node scripts/simulated-kernel.mjs -->\n'
const [before] = readFileSync(path, 'utf8').split(mark)
writeFileSync(path, `${before}${mark}\n${featuresPage()}\n`)
