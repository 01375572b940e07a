// The guest of test/support/guests, compiled when tests need it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepare } from '../../backends/sim/wasm/prepare.ts'
import { type GuestOptions, guest } from '../../backends/sim/wasm/process.ts'
import { load, type Prepared } from '../../backends/sim/wasm/program.ts'
import { componentOf, guestSources, moduleOf } from '../../scripts/guests/component.ts'
import type { Program } from '../../sim/program.ts'
import { repository } from './source.ts'

export async function preparedActs(): Promise<Prepared> {
  const text = readFileSync(join(repository, 'test/support/guests/acts.c'), 'utf8')
  return prepare(await componentOf(await moduleOf({ ...guestSources(repository, []), 'acts.c': text })))
}

export async function acts(options: GuestOptions = {}): Promise<Program> {
  return guest(load(await preparedActs()), options)
}
