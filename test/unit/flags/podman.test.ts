// Completeness: every flag that podman's own help names is either ours or refused by name.

import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commands } from '../../../cli/flags/commands.ts'
import type { CommandFlags } from '../../../cli/flags/table.ts'

const podman = spawnSync('podman', ['--version']).status === 0

function podmanFlags(command: string): readonly { readonly name: string; readonly short?: string }[] {
  const text = execFileSync('podman', [...command.split(' '), '--help'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return [...text.matchAll(/^ {2,6}(?:-(\w), )?--([a-z0-9-]+)/gm)].map(([, short, name]) => ({ name: name!, short }))
}

describe.skipIf(!podman)("podman's flags", () => {
  // It has no simulated kernel.
  const shared = Object.entries(commands).filter(([name]) => !name.startsWith('sim '))
  it.each(shared)('%s knows each of them, by the same letter', (name, table) => {
    const { flags, podmanOnly } = table as CommandFlags
    const known = new Map<string, string | undefined>(flags.map((flag) => [flag.name, flag.short]))
    for (const entry of podmanOnly) known.set(entry.split(' ')[0]!, entry.split(' ')[1])
    for (const flag of podmanFlags(name)) {
      expect([...known.keys()]).toContain(flag.name)
      if (flag.short !== undefined) expect([flag.name, known.get(flag.name)]).toEqual([flag.name, flag.short])
    }
  })
})
