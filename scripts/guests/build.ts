// Makes prebuilds/guests: each component of backends/sim/guests, and what is executed of it. What is there from the same
// sources and tools stays.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepare } from '../../backends/sim/wasm/prepare.ts'
import { componentOf, guestSources, moduleOf } from './component.ts'
import { toolsOf } from './tools.ts'

/** By name: the folders that it is made of, beside the C library. */
const guests = { box: ['tools', 'shell'] }

/** @param root - of the repository. Answers what was made. */
export async function buildGuests(root: string, { force = false } = {}): Promise<string[]> {
  const made: string[] = []
  for (const [name, folders] of Object.entries(guests)) {
    const sources = guestSources(root, folders)
    const key = keyOf(root, sources)
    const place = join(root, 'prebuilds/guests', name)
    const index = join(place, 'index.json')
    if (!force && existsSync(index) && JSON.parse(readFileSync(index, 'utf8')).key === key) continue
    const component = await componentOf(await moduleOf(sources))
    const prepared = prepare(component)
    const { modules, plan } = prepared
    const tools = await toolsOf(prepared)
    const draft = `${place}.${process.pid}`
    mkdirSync(draft, { recursive: true })
    writeFileSync(join(draft, 'component.wasm'), component)
    for (const [file, { bytes }] of Object.entries(modules)) writeFileSync(join(draft, file), bytes)
    const kept = Object.entries(modules).map(([file, { globals, memoryBytes }]) => ({ file, globals, memoryBytes }))
    writeFileSync(join(draft, 'index.json'), JSON.stringify({ key, tools, plan, modules: kept }))
    rmSync(place, { recursive: true, force: true })
    renameSync(draft, place)
    made.push(name)
  }
  return made
}

/** Of everything that the result depends on. */
function keyOf(root: string, sources: Readonly<Record<string, string>>): string {
  const hash = createHash('sha256')
  for (const [path, text] of Object.entries(sources)) hash.update(`${path}\0${text}\0`)
  const passes = [
    'binary',
    'component',
    'contract',
    'fuel',
    'function-body',
    'instructions',
    'labels',
    'listed-functions',
    'marks',
    'meter',
    'meter-function',
    'nan',
    'prepare',
  ]
  const suspending = [
    'liveness',
    'operands',
    'sites',
    'suspend-frame',
    'suspend-function',
    'suspending-calls',
    'suspension',
    'tail-calls',
  ]
  for (const file of [...passes, ...suspending, 'sections', 'words'])
    hash.update(readFileSync(join(root, 'backends/sim/wasm', `${file}.ts`)))
  for (const file of ['build.ts', 'clang.ts', 'component.ts', 'header.ts', 'tools.ts'])
    hash.update(readFileSync(join(root, 'scripts/guests', file)))
  for (const name of ['@yowasp/clang', '@bytecodealliance/jco-transpile', 'binaryen']) {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'))
    hash.update(`${name} ${version}\0`)
  }
  return hash.digest('hex')
}
