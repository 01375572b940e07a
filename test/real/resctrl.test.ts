// Groups of resctrl, which few machines have: what is made, compared, written and removed, in a directory that acts like one.
// OCI config-linux.md, "IntelRdt".

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import type { Kernel } from '../../core/kernel.ts'
import { checkResctrl, enterResctrl, findResctrl, groupsOf, joinResctrl, leaveResctrl } from '../../core/oci/resctrl.ts'
import type { LinuxIntelRdt } from '../../core/spec/types.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, natives: true })
const linux = openLinux()

/** A group as the kernel makes one, files and all; they go with it. */
function fill(group: string): void {
  mkdirSync(join(group, 'mon_groups'), { recursive: true })
  writeFileSync(join(group, 'tasks'), '')
  writeFileSync(join(group, 'schemata'), '    MB:0=100;1=100\n    L3:0=007ff;1=007ff\n')
}
const kernel: Kernel = Object.assign(Object.create(linux) as Kernel, {
  call: (call: Parameters<Kernel['call']>[0]) => {
    if (call.name === 'unlinkat' && call.pathname?.includes('/resctrl/'))
      rmSync(call.pathname, { recursive: true, force: true })
    const outcome = linux.call(call)
    if (call.name === 'mkdirat' && call.pathname?.includes('/resctrl/') && 'value' in outcome) fill(call.pathname)
    return outcome
  },
})

const inRoot = (use: (root: string, join: (rdt: LinuxIntelRdt, id?: string) => void, directory: string) => void) =>
  withTemporaryDirectory((directory) => {
    const root = join(directory, 'resctrl')
    fill(root)
    mkdirSync(join(root, 'info'))
    writeFileSync(join(root, 'info/last_cmd_status'), 'ok\n')
    use(root, (rdt, id = 'web') => joinResctrl(kernel, root, rdt, { id, pid: 77, directory }), directory)
  })
const read = (...path: string[]) => readFileSync(join(...path), 'utf8')

describe('a group of resctrl', () => {
  it('of the container itself is made, shared out, and removed with it', () =>
    inRoot((root, joins, directory) => {
      joins({ l3CacheSchema: 'L3:0=f;1=f', memBwSchema: 'MB:0=20;1=70', schemata: ['L2:0=f'], enableMonitoring: true })
      expect(read(root, 'web/tasks')).toBe('77')
      // Each is a write of its own; in a plain file the last one is seen.
      expect(read(root, 'web/schemata')).toMatch(/^L2:0=f\n/)
      expect(read(root, 'web/mon_groups/web/tasks')).toBe('77')
      expect(read(root, 'tasks')).toBe('')
      leaveResctrl(kernel, directory)
      expect(existsSync(join(root, 'web'))).toBe(false)
      leaveResctrl(kernel, directory)
    }))

  it('that has a name is shared with others, compared, and stays; only the monitoring goes', () =>
    inRoot((root, joins, directory) => {
      fill(join(root, 'gold'))
      joins({ closID: 'gold', l3CacheSchema: 'L3:0=7ff', memBwSchema: 'MB:1=100', enableCMT: true })
      expect(read(root, 'gold/tasks')).toBe('77')
      expect(read(root, 'gold/schemata')).toMatch(/^ {4}MB:0=100/)
      leaveResctrl(kernel, directory)
      expect(readdirSync(join(root, 'gold/mon_groups'))).toEqual([])
      expect(existsSync(join(root, 'gold/tasks'))).toBe(true)
      expect(() => joins({ closID: 'gold', l3CacheSchema: 'L3:0=ff' })).toThrow(
        /the class .*\/gold has other shares than L3:0=ff; give another closID/,
      )
    }))

  it('that has a name and no shares must be there; / is the default', () =>
    inRoot((root, joins) => {
      expect(() => joins({ closID: 'silver' })).toThrow(
        'linux.intelRdt.closID: silver: there is no such class; give its schemata, or make it first',
      )
      joins({ closID: 'silver', schemata: ['MB:0=50'] })
      expect(read(root, 'silver/schemata')).toMatch(/^MB:0=50\n/)
      joins({ closID: '/' })
      expect(read(root, 'tasks')).toBe('77')
    }))

  it('takes in further processes, and says in its own words what it does not take', () =>
    inRoot((root, joins) => {
      const rdt = { enableMonitoring: true }
      joins(rdt)
      enterResctrl(kernel, root, groupsOf(root, rdt, 'web'), 78)
      expect([read(root, 'web/tasks'), read(root, 'web/mon_groups/web/tasks')]).toEqual(['78', '78'])
      rmSync(join(root, 'web/tasks'))
      writeFileSync(join(root, 'info/last_cmd_status'), 'no task with this id\n')
      expect(() => enterResctrl(kernel, root, groupsOf(root, rdt, 'web'), 79)).toThrow(
        /^linux\.intelRdt: put process 79 into .*\/web: ENOENT \(no task with this id\)$/,
      )
    }))

  it('has a name that leads nowhere else, and schemata of one line', () => {
    for (const closID of ['.', '..', '../x', 'a/b'])
      expect(() => checkResctrl({ closID })).toThrow(`linux.intelRdt.closID: ${closID}: must be a name without /`)
    expect(() => checkResctrl({ schemata: ['MB:0=1\nL3:0=1'] })).toThrow(/a schema is one line$/)
    expect(() => checkResctrl({ memBwSchema: 'L3:0=1' })).toThrow(/must begin with MB:$/)
    checkResctrl({ closID: '/', memBwSchema: 'MB:0=1' })
  })

  it('is refused where the file system is not mounted', () => {
    if (/ - resctrl /.test(readFileSync('/proc/self/mountinfo', 'utf8'))) expect(findResctrl(linux)).toMatch(/^\//)
    else expect(() => findResctrl(linux)).toThrow(/^linux\.intelRdt: there is no file system resctrl: /)
  })
})
