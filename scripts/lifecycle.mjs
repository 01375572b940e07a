// Draws the lifecycle machine into docs/lifecycle.md, between its fences.

import { readFileSync, writeFileSync } from 'node:fs'
import { diagram } from '../core/lifecycle/diagram.ts'

const path = new URL('../docs/lifecycle.md', import.meta.url)
const text = readFileSync(path, 'utf8')
writeFileSync(
  path,
  text.replace(/```mermaid\n[\s\S]*?\n```/, () => diagram()),
)
