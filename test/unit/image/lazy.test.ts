// A run of an image that is here loads no code that only imports need.

import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'

const core = join(import.meta.dirname, '../../../core')

/** All modules that a module imports at once, itself included; types are erased. */
function loadedBy(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const [, clause, target] of readFileSync(path, 'utf8').matchAll(/^(?:import|export) (.*?)from '(\..*?)'/gms)) {
    const onlyTypes = clause!.startsWith('type ') || /^\{[^}]*\}/.exec(clause!)?.[0].split(',').every(isType)
    if (!onlyTypes) loadedBy(join(dirname(path), target!), seen)
  }
  return seen
}

const isType = (name: string) => /^[{\s]*(type\s|$|\})/.test(name)

it('finds an image without loading the readers of archives', () => {
  const loaded = [...loadedBy(join(core, 'image/store.ts')), ...loadedBy(join(core, 'image/root.ts'))]
  const names = loaded.map((path) => relative(core, path))
  expect(names).toContain('files.ts')
  for (const name of ['import', 'apply', 'tar', 'layout', 'source', 'archive']) {
    expect(names).not.toContain(`image/${name}.ts`)
  }
})

it('runs an image that is here without loading what pulls one', () => {
  const run = join(core, '../cli/verbs/run.ts')
  const names = [...loadedBy(run)]
    .map((path) => relative(core, path))
    .filter((path) => /image|obtain|pull|progress/.test(path))
  expect(names.sort()).toEqual([
    'engine/image-lock.ts',
    'engine/obtain.ts',
    'image/reference.ts',
    'image/remove.ts',
    'image/root.ts',
    'image/store.ts',
  ])
})
