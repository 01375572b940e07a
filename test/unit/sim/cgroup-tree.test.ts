// Cgroups as a tree of directories: what is in each, what may be made and removed, which controllers there are.
// cgroup-v2.rst "Core Interface Files"

import { beforeEach, describe, expect, it } from 'vitest'
import { delegatableFiles, features } from '../../../sim/cgroup/options.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import {
  end,
  fork,
  groupOf,
  makeGroup,
  namesIn,
  pidOf,
  priority,
  readDescriptor,
  readFile,
  reap,
  removeGroup,
  root,
  writeFile,
} from '../../support/sim-cgroups.ts'
import { pathOf } from '../../support/sim-tasks.ts'

let init: Task

beforeEach(() => {
  init = boot().init
})

const core = (names: readonly string[]) => names.filter((name) => name.startsWith('cgroup.'))
const mode = (name: string) => (pathOf(init, `${root}/${name}`).dentry.inode.mode & 0o777).toString(8)
const open = (name: string, flags: number) => value(init, { name: 'open', pathname: `${root}/${name}`, flags, mode: 0 })

describe('files and directories', () => {
  it('CG-001: the root lacks the files that are about one cgroup among others', () => {
    makeGroup(init, 'a')
    expect(core(namesIn(init, ''))).toEqual([
      'cgroup.controllers',
      'cgroup.max.depth',
      'cgroup.max.descendants',
      'cgroup.pressure',
      'cgroup.procs',
      'cgroup.stat',
      'cgroup.subtree_control',
      'cgroup.threads',
    ])
    const more = core(namesIn(init, 'a')).filter((name) => !namesIn(init, '').includes(name))
    expect(more).toEqual(['cgroup.events', 'cgroup.freeze', 'cgroup.kill', 'cgroup.type'])
  })

  it('CG-001: cgroup.stat.local came with 6.18', () => {
    const newer = boot({ version: [6, 18] }).init
    makeGroup(newer, 'a')
    expect(namesIn(newer, 'a')).toContain('cgroup.stat.local')
    expect(namesIn(newer, '')).not.toContain('cgroup.stat.local')
  })

  it('CG-002: a new cgroup is an empty domain without limits', () => {
    writeFile(init, 'cgroup.subtree_control', '+pids')
    makeGroup(init, 'a')
    expect(readFile(init, 'a/cgroup.type')).toBe('domain\n')
    expect(readFile(init, 'a/cgroup.subtree_control')).toBe('')
    expect(readFile(init, 'a/cgroup.controllers')).toBe('pids\n')
    expect(readFile(init, 'a/cgroup.events')).toBe('populated 0\nfrozen 0\n')
    expect(readFile(init, 'a/cgroup.freeze')).toBe('0\n')
    expect(readFile(init, 'a/cgroup.max.depth')).toBe('max\n')
    expect(readFile(init, 'a/cgroup.max.descendants')).toBe('max\n')
  })

  it('CG-021: what is only read is 0444, what is only written 0200, the rest 0644; directories are 0755', () => {
    makeGroup(init, 'a')
    expect(['a', 'a/cgroup.events', 'a/cgroup.procs', 'a/cgroup.kill'].map(mode)).toEqual(['755', '444', '644', '200'])
  })

  it('CG-007: only empty cgroups are removed, and nothing but cgroups is made', () => {
    makeGroup(init, 'a')
    makeGroup(init, 'a/b')
    expect(removeGroup(init, 'a')).toBe('EBUSY')
    expect(removeGroup(init, 'a/b')).toBe('OK')
    writeFile(init, 'a/cgroup.procs', '1')
    expect(removeGroup(init, 'a')).toBe('EBUSY')
    expect(errno(call(init, { name: 'unlink', pathname: `${root}/a/cgroup.procs` }))).toBe('EPERM')
    expect(errno(call(init, { name: 'open', pathname: `${root}/a/x`, flags: 0o101, mode: 0o644 }))).toBe('EACCES')
    expect(errno(call(init, { name: 'symlink', target: 'x', linkpath: `${root}/a/x` }))).toBe('EPERM')
    expect(errno(call(init, { name: 'rename', oldpath: `${root}/a`, newpath: `${root}/z` }))).toBe('EPERM')
    expect(makeGroup(init, 'a')).toBe('EEXIST')
    expect(makeGroup(init, 'a/cgroup.procs')).toBe('EEXIST')
    expect(makeGroup(init, 'a/x\ny')).toBe('EINVAL')
    expect(makeGroup(init, 'a/cgroup.x')).toBe('OK')
    expect(makeGroup(init, `a/${'n'.repeat(255)}`)).toBe('OK')
    expect(removeGroup(init, 'missing')).toBe('ENOENT')
  })

  it('CG-007: descriptors of a removed cgroup answer ENODEV, and nothing is made in its directory', () => {
    makeGroup(init, 'a')
    const procs = open('a/cgroup.procs', 2)
    const directory = open('a', 0)
    removeGroup(init, 'a')
    expect(errno(call(init, { name: 'write', fd: procs, buf: '0' }))).toBe('ENODEV')
    expect(errno(call(init, { name: 'read', fd: procs, buf: 10 }))).toBe('ENODEV')
    expect(errno(call(init, { name: 'mkdirat', dirfd: directory, pathname: 'x', mode: 0o755 }))).toBe('ENOENT')
  })

  it('CG-101: rm -r fails on the first file', () => {
    makeGroup(init, 'a')
    for (const name of namesIn(init, 'a'))
      expect(errno(call(init, { name: 'unlink', pathname: `${root}/a/${name}` }))).toBe('EPERM')
    expect(removeGroup(init, 'a')).toBe('OK')
  })

  it('CG-008: a cgroup that holds only zombies is empty, and can be removed', () => {
    makeGroup(init, 'a')
    const child = fork(init)
    writeFile(init, 'a/cgroup.procs', `${pidOf(child)}`)
    end(child)
    expect(readFile(init, 'a/cgroup.procs')).toBe('')
    expect(readFile(init, 'a/cgroup.events')).toContain('populated 0')
    expect(removeGroup(init, 'a')).toBe('OK')
  })

  it('CG-023: a removed cgroup is dying as long as something of it is left', () => {
    makeGroup(init, 'a')
    makeGroup(init, 'a/b')
    const child = fork(init, groupOf(init, 'a/b'))
    expect(readFile(init, 'cgroup.stat')).toContain('nr_descendants 2\n')
    end(child)
    removeGroup(init, 'a/b')
    expect(readFile(init, 'a/cgroup.stat')).toContain('nr_descendants 0\n')
    expect(readFile(init, 'a/cgroup.stat')).toContain('nr_dying_descendants 1\n')
    reap(child)
    expect(readFile(init, 'a/cgroup.stat')).toContain('nr_dying_descendants 0\n')
  })

  it('CG-023: since 6.12 cgroup.stat counts by controller', () => {
    makeGroup(init, 'a')
    expect(readFile(init, 'a/cgroup.stat')).toContain('nr_subsys_perf_event 1\n')
    const older = boot({ version: [6, 1] }).init
    expect(readFile(older, 'cgroup.stat')).toBe('nr_descendants 0\nnr_dying_descendants 0\n')
  })

  it('CG-009: limits of depth and number hold along all ancestors, and may be lower than what is there', () => {
    makeGroup(init, 'a')
    const set = (text: string) => writeFile(init, 'a/cgroup.max.depth', text)
    expect(['-1', '2147483648', 'x', '1.5'].map(set)).toEqual(['ERANGE', 'ERANGE', 'EINVAL', 'EINVAL'])
    expect(set('1')).toBe('OK')
    expect(makeGroup(init, 'a/b')).toBe('OK')
    expect(makeGroup(init, 'a/b/c')).toBe('EAGAIN')
    expect(set('max')).toBe('OK')
    expect(writeFile(init, 'a/cgroup.max.descendants', '0')).toBe('OK')
    expect(makeGroup(init, 'a/c')).toBe('EAGAIN')
    expect(makeGroup(init, 'a/b/c')).toBe('EAGAIN')
  })

  it('CG-102: however often it is mounted, the hierarchy is the same', () => {
    value(init, { name: 'mkdir', pathname: '/tmp/c', mode: 0o755 })
    const mount = { source: 'none', target: '/tmp/c', filesystemtype: 'cgroup2', mountflags: 0, data: null }
    value(init, { name: 'mount', ...mount })
    makeGroup(init, 'a')
    expect(pathOf(init, '/tmp/c/a').dentry).toBe(pathOf(init, `${root}/a`).dentry)
  })

  it('CG-103: options are those of the whole hierarchy; unknown ones are refused', () => {
    value(init, { name: 'mkdir', pathname: '/tmp/c', mode: 0o755 })
    const mount = (data: string) =>
      errno(
        call(init, { name: 'mount', source: 'none', target: '/tmp/c', filesystemtype: 'cgroup2', mountflags: 0, data }),
      ) ?? 'OK'
    expect(mount('nonsense')).toBe('EINVAL')
    expect(mount('nsdelegate,memory_recursiveprot')).toBe('OK')
    expect(pathOf(init, root).mount.superblock.options()).toBe('nsdelegate,memory_recursiveprot')
  })
})

describe('what the kernel tells of cgroups', () => {
  it('CG-111: files that are given away with a cgroup are listed', () => {
    expect(delegatableFiles(init.kernel).split('\n').slice(0, 3)).toEqual([
      'cgroup.procs',
      'cgroup.threads',
      'cgroup.subtree_control',
    ])
    expect(delegatableFiles(init.kernel)).toContain('memory.oom.group\n')
  })

  it('CG-103: options that this version has', () => {
    expect(features(init.kernel)).toContain('pids_localevents')
    expect(features(boot({ version: [6, 10] }).kernel)).not.toContain('pids_localevents')
  })
})

describe('cgroup.subtree_control', () => {
  const control = (name: string, text: string) => writeFile(init, `${name}cgroup.subtree_control`, text)

  it('CG-003: takes names with signs; the last mention of a name counts, and all of it or nothing holds', () => {
    expect(control('', 'pids')).toBe('EINVAL')
    expect(control('', '+nothing')).toBe('EINVAL')
    expect(control('', '+pids -pids')).toBe('OK')
    expect(readFile(init, 'cgroup.subtree_control')).toBe('')
    expect(control('', '-pids +pids')).toBe('OK')
    expect(control('', '+pids')).toBe('OK')
    expect(control('', '-pids +nothing')).toBe('EINVAL')
    expect(readFile(init, 'cgroup.subtree_control')).toContain('pids')
  })

  it('CG-104: a controller comes from the top, and goes from the bottom', () => {
    makeGroup(init, 'a')
    makeGroup(init, 'a/b')
    expect(control('a/', '+pids')).toBe('ENOENT')
    control('', '+pids')
    expect(control('a/', '+pids')).toBe('OK')
    expect(control('', '-pids')).toBe('EBUSY')
    expect(control('a/', '-pids')).toBe('OK')
    expect(control('', '-pids')).toBe('OK')
  })

  it('CG-024: files of a controller appear in the children, and go again', () => {
    makeGroup(init, 'a')
    control('', '+pids')
    expect(namesIn(init, 'a').filter((name) => name.startsWith('pids.'))).toEqual([
      'pids.current',
      'pids.events',
      'pids.events.local',
      'pids.max',
      'pids.peak',
    ])
    expect(namesIn(init, '')).not.toContain('pids.max')
    const max = open('a/pids.max', 2)
    control('', '-pids')
    expect(readFile(init, 'a/pids.max')).toBe('ENOENT')
    expect(errno(call(init, { name: 'read', fd: max, buf: 10 }))).toBe('ENODEV')
  })

  it('CG-024: controllers stand in the order of the kernel, whatever the order in which they were enabled', () => {
    const all = 'cpuset cpu io memory hugetlb pids rdma misc'
    expect(readFile(init, 'cgroup.controllers')).toBe(`${all}\n`)
    const backwards = all.split(' ').reverse()
    expect(control('', backwards.map((name) => `+${name}`).join(' '))).toBe('OK')
    expect(readFile(init, 'cgroup.subtree_control')).toBe(`${all}\n`)
    makeGroup(init, 'a')
    expect(readFile(init, 'a/cgroup.controllers')).toBe(`${all}\n`)
  })

  it('CG-105: the root has processes beside domain controllers, and none of their limits', () => {
    expect(control('', '+memory +pids +cpu')).toBe('OK')
    expect(readFile(init, 'cgroup.procs')).toContain('1\n')
    for (const name of ['memory.max', 'pids.max', 'cpu.max']) expect(readFile(init, name)).toBe('ENOENT')
  })

  it('CG-027: a controller that is enabled again starts anew', () => {
    makeGroup(init, 'a')
    control('', '+pids')
    writeFile(init, 'a/pids.max', '10')
    control('', '-pids')
    control('', '+pids')
    expect(readFile(init, 'a/pids.max')).toBe('max\n')
  })

  it('CG-106: perf_event is on without being listed', () => {
    expect(readFile(init, 'cgroup.controllers')).not.toContain('perf_event')
    expect(control('', '+perf_event')).toBe('ENOENT')
  })
})

describe('cgroup.events', () => {
  it('CG-010: a change of populated wakes poll and inotify in every ancestor it concerns', () => {
    makeGroup(init, 'a')
    makeGroup(init, 'a/b')
    const above = open('a/cgroup.events', 0)
    const below = open('a/b/cgroup.events', 0)
    readDescriptor(init, above)
    readDescriptor(init, below)
    expect([priority(init, above), priority(init, below)]).toEqual([false, false])
    const watch = value(init, { name: 'inotify_init1', flags: 0o4000 })
    value(init, { name: 'inotify_add_watch', fd: watch, pathname: `${root}/a/cgroup.events`, mask: 2 })
    const first = fork(init, groupOf(init, 'a/b'))
    expect([priority(init, above), priority(init, below)]).toEqual([true, true])
    expect(value(init, { name: 'read', fd: watch, buf: 100 })).toBe(16)
    expect(readDescriptor(init, above)).toBe('populated 1\nfrozen 0\n')
    readDescriptor(init, below)
    const second = fork(init, groupOf(init, 'a/b'))
    end(first)
    expect([priority(init, above), priority(init, below)]).toEqual([false, false])
    end(second)
    expect([priority(init, above), priority(init, below)]).toEqual([true, true])
    expect(readDescriptor(init, above)).toBe('populated 0\nfrozen 0\n')
  })
})
