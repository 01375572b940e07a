// The digest sees private fields of the simulated kernel only where their class tells them: each is told, or is listed here
// as no state.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { filesBelow, repository } from '../../support/source.ts'

/** What is made to be looked at, and what lives no longer than one call. */
const whole =
  /^(scenario\/|proc\/|sysfs\/|digest\.ts$|mix\.ts$|trace\.ts$|slab\.ts$|ns\/join\.ts$|vfs\/walk\.ts$|vfs\/pseudo\.ts$)/

/** Whatever has them: ways back to whom they belong, or set once. */
const everywhere = new Set(['kernel', 'creator', 'process', 'file', 'inode'])

const noState: Readonly<Record<string, string>> = {
  'cgroup/directory.ts': 'files',
  'cgroup/memory/group.ts': 'swap',
  'cgroup/superblock.ts': 'ino',
  'clock.ts': 'order',
  'counters.ts': 'namespace inode task unique',
  'cpu/processors.ts': 'left controller told',
  'file-table.ts': 'lowestFree',
  'huge-pages.ts': 'groupOf',
  'ipc/segment.ts': 'namespace',
  'kernel.ts': 'table now nowNs',
  'memory.ts': 'account',
  'net/unix.ts': 'autobind',
  'ns/mnt.ts': 'dissolve',
  'ns/net.ts': 'sysctlTrees lastIndex',
  'task-queue.ts': 'name last',
  'vfs/devices.ts': 'devices',
  'vfs/inotify.ts': 'byInode',
  'vfs/overlay.ts': 'devices',
  'vfs/page-cache.ts': 'counts',
  'vfs/tmpfs.ts': 'ino nextOffset',
}

it('tells the digest of every private field', () => {
  const untold: string[] = []
  for (const path of filesBelow('sim', /\.ts$/)) {
    const name = path.slice('sim/'.length)
    if (whole.test(name)) continue
    const known = new Set([...everywhere, ...(noState[name]?.split(' ') ?? [])])
    const text = readFileSync(join(repository, path), 'utf8')
    const told = [...text.matchAll(/\n {2}(?:override )?hidden\(\): object \{\n([\s\S]*?)\n {2}\}/g)].join('\n')
    for (const [, field] of text.matchAll(/^ {2}(?:readonly )?#(\w+)(?: =|[:?])/gm))
      if (!told.includes(`#${field}`) && !known.has(field!)) untold.push(`${name}: #${field}`)
  }
  expect(untold).toEqual([])
})
