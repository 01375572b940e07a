// The table of errnos knows every call that the runtime makes.

import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { signatures } from '../../core/syscall.ts'
import { errnosOf } from '../../core/syscall-errors.ts'

const core = new URL('../../core/', import.meta.url)

it('says of every call that core makes what Linux can answer to it', () => {
  const made = new Set<string>()
  for (const name of readdirSync(core, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue
    for (const [, call = ''] of readFileSync(new URL(name, core), 'utf8').matchAll(/\bname: '(\w+)'/g))
      if (call in signatures) made.add(call)
  }
  expect(made.size).toBeGreaterThan(70)
  expect([...made].filter((call) => !(call in errnosOf)).sort()).toEqual([])
})

it('names each errno of a call once, in order', () => {
  for (const [call, errnos] of Object.entries(errnosOf)) expect(errnos, call).toEqual([...new Set(errnos)].sort())
})
