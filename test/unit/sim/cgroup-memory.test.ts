// Memory of cgroups: charged where it is first touched, counted up the tree, reclaimed, slowed, killed. cgroup-v2.rst, Memory

import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import {
  makeGroup,
  pidOf,
  priority,
  readDescriptor,
  readFile,
  removeGroup,
  root,
  writeFile,
} from '../../support/sim-cgroups.ts'
import { childIn, ending, figures, group, MiB, map, touch, use, written } from '../../support/sim-resources.ts'
import { mountTmpfs } from '../../support/sim-tasks.ts'

let init: Task

const start = (config: Parameters<typeof boot>[0] = {}) => {
  init = boot(config).init
  writeFile(init, 'cgroup.subtree_control', '+memory +hugetlb')
}
const number = (name: string) => Number(readFile(init, name))
const fields = (name: string) => figures(init, name)
const set = (name: string, ...texts: string[]) => written(init, name, ...texts)

beforeEach(() => start())

describe('files', () => {
  it('MEM-001: defaults, and what the root has', () => {
    group(init, 'a')
    const texts = ['current', 'min', 'low', 'high', 'max', 'peak', 'oom.group', 'swap.max', 'swap.high', 'zswap.max']
    expect(texts.map((name) => readFile(init, `a/memory.${name}`).trim())).toEqual([
      '0',
      '0',
      '0',
      'max',
      'max',
      '0',
      '0',
      'max',
      'max',
      'max',
    ])
    expect(readFile(init, 'a/memory.events')).toBe('low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n')
    expect(readFile(init, 'a/memory.swap.events')).toBe('high 0\nmax 0\nfail 0\n')
    expect(readFile(init, 'memory.max')).toBe('ENOENT')
    expect(readFile(init, 'memory.stat')).toContain('anon 0\n')
  })

  it('MEM-002: bytes with a suffix, hexadecimal, octal or max, rounded down to pages', () => {
    group(init, 'a')
    expect(set('a/memory.max', '5000', '1M', '1g', ' 2m \n', '0x10000', '010000', 'max', '1E')).toEqual([
      'OK 4096',
      'OK 1048576',
      'OK 1073741824',
      'OK 2097152',
      'OK 65536',
      'OK 4096',
      'OK max',
      'OK 1152921504606846976',
    ])
    expect(set('a/memory.max', '1.5M', '1MB', '1 M', '-1', '+1', 'MAX', 'x').map((each) => each.split(' ')[0])).toEqual(
      Array(7).fill('EINVAL'),
    )
    expect(set('a/memory.max', '9223372036854775807', '18446744073709551616')).toEqual(['OK max', 'OK 0'])
  })

  it('MEM-003: memory.oom.group is 0 or 1', () => {
    group(init, 'a')
    expect(set('a/memory.oom.group', '1', '0', '2', 'x', '-1')).toEqual([
      'OK 1',
      'OK 0',
      'EINVAL 0',
      'EINVAL 0',
      'EINVAL 0',
    ])
  })

  it('MEM-014: memory.reclaim wants bytes, and tells when there was less', () => {
    group(init, 'a')
    use(childIn(init, 'a'), 4 * MiB)
    const asked = ['1M', '0', '1M swappiness=0', '1M swappiness=201', 'max', '1M foo=1', 'x']
    expect(asked.map((text) => writeFile(init, 'a/memory.reclaim', text))).toEqual([
      'EAGAIN',
      'OK',
      'EAGAIN',
      'EINVAL',
      'EINVAL',
      'EINVAL',
      'EINVAL',
    ])
    expect(readFile(init, 'a/memory.reclaim')).toBe('EINVAL')
  })

  it('MEM-015: memory.peak is reset for one descriptor alone, from 6.12 on', () => {
    group(init, 'a')
    const child = childIn(init, 'a')
    const address = use(child, 20 * MiB)
    value(child, { name: 'munmap', addr: address, length: 20 * MiB })
    const fd = value(init, { name: 'open', pathname: `${root}/a/memory.peak`, flags: 2, mode: 0 })
    value(init, { name: 'write', fd, buf: 'reset' })
    expect(readDescriptor(init, fd)).toBe('0\n')
    expect(number('a/memory.peak')).toBe(20 * MiB)
    use(child, MiB)
    expect(readDescriptor(init, fd)).toBe(`${MiB}\n`)
    start({ version: [6, 1] })
    group(init, 'a')
    expect(writeFile(init, 'a/memory.peak', '0')).toBe('EINVAL')
    expect(readFile(init, 'a/memory.swap.peak')).toBe('ENOENT')
  })
})

describe('charges', () => {
  it('MEM-022: a cgroup counts what is charged below, too', () => {
    group(init, 'a')
    writeFile(init, 'a/cgroup.subtree_control', '+memory')
    group(init, 'a/b')
    use(childIn(init, 'a/b'), 3 * MiB)
    expect([number('a/memory.current'), number('a/b/memory.current')]).toEqual([3 * MiB, 3 * MiB])
    expect(fields('a/memory.stat')).toMatchObject({ anon: 3 * MiB, file: 0, kernel: 0 })
  })

  it('MEM-101: a task costs its stack and its structures in the kernel, charged to its parent', () => {
    group(init, 'a')
    const child = childIn(init, 'a')
    value(child, { name: 'fork' })
    expect(fields('a/memory.stat')).toMatchObject({ kernel_stack: 16384, slab: 8192, kernel: 24576 })
    const pid = value(child, { name: 'fork' })
    call(init, { name: 'kill', pid, sig: 9 })
    expect(fields('a/memory.stat')).toMatchObject({ kernel_stack: 16384 })
  })

  it('MEM-008: moving a process moves no charge', () => {
    for (const name of ['a', 'b']) group(init, name)
    const child = childIn(init, 'a')
    use(child, 2 * MiB)
    writeFile(init, 'b/cgroup.procs', `${pidOf(child)}`)
    use(child, MiB)
    expect([number('a/memory.current'), number('b/memory.current')]).toEqual([2 * MiB, MiB])
  })

  it('MEM-012: mapping costs nothing; a page is paid for once, when it is first touched', () => {
    group(init, 'a', { 'memory.max': '1M' })
    const child = childIn(init, 'a')
    const address = map(child, 1024 * MiB)
    expect(number('a/memory.current')).toBe(0)
    touch(child, address, 8192)
    touch(child, address + 4096, 8192)
    expect(number('a/memory.current')).toBe(3 * 4096)
  })

  it('shares pages after fork(2); who writes first pays for a page of its own', () => {
    for (const name of ['a', 'b']) group(init, name)
    const parent = childIn(init, 'a')
    const address = use(parent, MiB)
    const pid = value(parent, { name: 'fork' })
    const child = init.kernel.lastBorn!
    writeFile(init, 'b/cgroup.procs', `${pid}`)
    expect(number('b/memory.current')).toBe(0)
    touch(child, address, 8192)
    touch(child, address, 8192)
    expect(number('b/memory.current')).toBe(8192)
    expect(fields('a/memory.stat').anon).toBe(MiB)
    value(parent, { name: 'munmap', addr: address, length: MiB })
    // Two pages had nobody else; the others are still the child's.
    expect(fields('a/memory.stat').anon).toBe(MiB - 8192)
    call(init, { name: 'kill', pid, sig: 9 })
    expect([fields('a/memory.stat').anon, number('b/memory.current')]).toEqual([0, 0])
  })

  it('gives back what is unmapped, dropped, cut from the heap or left by execve(2) and exit', () => {
    group(init, 'a')
    const child = childIn(init, 'a')
    const address = use(child, 100 * 4096)
    value(child, { name: 'munmap', addr: address + 40 * 4096, length: 20 * 4096 })
    value(child, { name: 'madvise', addr: address, length: 10 * 4096, advice: 4 })
    expect(number('a/memory.current')).toBe(70 * 4096)
    const heap = value(child, { name: 'brk', addr: 0 })
    value(child, { name: 'brk', addr: heap + 10 * 4096 })
    touch(child, heap, 10 * 4096)
    value(child, { name: 'brk', addr: heap + 4 * 4096 })
    expect(number('a/memory.current')).toBe(74 * 4096)
    const moved = value(child, {
      name: 'mremap',
      old_address: address + 60 * 4096,
      old_size: 40 * 4096,
      new_size: 200 * 4096,
      flags: 1,
      new_address: 0,
    })
    touch(child, moved, 50 * 4096)
    expect(number('a/memory.current')).toBe(84 * 4096)
    call(child, { name: 'exit_group', status: 0 })
    expect(number('a/memory.current')).toBe(0)
  })

  it('MEM-013: pages of tmpfs outlive their writer, until the file is deleted', () => {
    group(init, 'a')
    mountTmpfs(init, '/run')
    const child = childIn(init, 'a')
    const fd = value(child, { name: 'open', pathname: '/run/x', flags: 0o101, mode: 0o644 })
    value(child, { name: 'write', fd, buf: new Uint8Array(2 * MiB) })
    call(child, { name: 'exit_group', status: 0 })
    expect(fields('a/memory.stat')).toMatchObject({ shmem: 2 * MiB, file: 2 * MiB, anon: 0 })
    value(init, { name: 'unlink', pathname: '/run/x' })
    expect(number('a/memory.current')).toBe(0)
  })

  it('MEM-020: page cache belongs to who read it first; a later reader pays nothing, and what is cached gives way', () => {
    const fd = value(init, { name: 'open', pathname: '/tmp/x', flags: 0o101, mode: 0o644 })
    value(init, { name: 'write', fd, buf: new Uint8Array(2 * MiB) })
    init.kernel.memory!.dropCaches()
    for (const name of ['a', 'b']) group(init, name)
    const readAll = (task: Task) => {
      const file = value(task, { name: 'open', pathname: '/tmp/x', flags: 0, mode: 0 })
      value(task, { name: 'read', fd: file, buf: 2 * MiB })
    }
    const first = childIn(init, 'a')
    readAll(first)
    call(first, { name: 'exit_group', status: 0 })
    readAll(childIn(init, 'b'))
    expect([fields('a/memory.stat').file, fields('b/memory.stat').file]).toEqual([2 * MiB, 0])
    expect([writeFile(init, 'a/memory.reclaim', '1M'), number('a/memory.current')]).toEqual(['OK', MiB])
    writeFile(init, 'a/memory.max', '2M')
    const hog = childIn(init, 'a')
    use(hog, 2 * MiB - 4096)
    expect([ending(hog), fields('a/memory.events').oom]).toEqual([undefined, 0])
    value(init, { name: 'unlink', pathname: '/tmp/x' })
    expect(fields('a/memory.stat').file).toBe(0)
  })

  it('MEM-013b: a removed cgroup stays as long as pages are charged to it, and its parent counts them', () => {
    makeGroup(init, 'a')
    mountTmpfs(init, '/run')
    writeFile(init, 'a/cgroup.subtree_control', '+memory')
    group(init, 'a/b')
    const child = childIn(init, 'a/b')
    const fd = value(child, { name: 'open', pathname: '/run/x', flags: 0o101, mode: 0o644 })
    value(child, { name: 'write', fd, buf: new Uint8Array(MiB) })
    call(child, { name: 'exit_group', status: 0 })
    value(init, { name: 'wait4', pid: -1, wstatus: 4, options: 0, rusage: 0 })
    expect(removeGroup(init, 'a/b')).toBe('OK')
    expect(readFile(init, 'cgroup.stat')).toContain('nr_dying_descendants 1\n')
    expect(number('a/memory.current')).toBe(MiB)
    value(init, { name: 'unlink', pathname: '/run/x' })
    expect(readFile(init, 'cgroup.stat')).toContain('nr_dying_descendants 0\n')
    expect(number('a/memory.current')).toBe(0)
  })
})

describe('limits', () => {
  it('MEM-004, MEM-106: at memory.max with nothing to reclaim somebody is killed, and its memory is free at once', () => {
    group(init, 'a', { 'memory.max': '20M' })
    const child = childIn(init, 'a')
    use(child, 40 * MiB)
    expect(ending(child)).toBe('sig9')
    const { max, oom, oom_kill } = fields('a/memory.events')
    expect([max! > 0, oom, oom_kill]).toEqual([true, 1, 1])
    expect([number('a/memory.current'), number('a/memory.peak')]).toEqual([0, 20 * MiB])
  })

  it('MEM-005, MEM-018: the worst is killed, not who asks; oom_score_adj weighs, and -1000 exempts', () => {
    group(init, 'a', { 'memory.max': '20M' })
    const [big, small, spared] = [childIn(init, 'a'), childIn(init, 'a'), childIn(init, 'a')]
    spared.process.oomScoreAdj = -1000
    use(spared, 6 * MiB)
    use(big, 8 * MiB)
    use(small, 7 * MiB)
    expect([big, small, spared].map(ending)).toEqual(['sig9', undefined, undefined])
    const tiny = childIn(init, 'a')
    tiny.process.oomScoreAdj = 1000
    use(small, 9 * MiB)
    expect([tiny, small].map(ending)).toEqual(['sig9', 'sig9'])
  })

  it('of equal processes the one with the higher number is killed', () => {
    group(init, 'a', { 'memory.max': '20M' })
    const [first, second] = [childIn(init, 'a'), childIn(init, 'a')]
    use(first, 10 * MiB)
    use(second, 10 * MiB)
    use(first, 4096)
    expect([first, second].map(ending)).toEqual([undefined, 'sig9'])
  })

  it('MEM-006: with memory.oom.group all are killed, but those that are exempt', () => {
    group(init, 'a', { 'memory.max': '20M', 'memory.oom.group': '1' })
    const [big, small, spared] = [childIn(init, 'a'), childIn(init, 'a'), childIn(init, 'a')]
    spared.process.oomScoreAdj = -1000
    use(big, 40 * MiB)
    expect([big, small, spared].map(ending)).toEqual(['sig9', 'sig9', undefined])
    // The victim is counted once for itself, and once more with its group: as Linux does.
    expect(fields('a/memory.events')).toMatchObject({ oom_kill: 3, oom_group_kill: 1 })
  })

  it('MEM-102: the highest cgroup with oom.group up to the one that ran out goes as a whole; one beside it does not count', () => {
    const plant = (top: Record<string, string>, a: Record<string, string>) => {
      start()
      group(init, 't', { 'memory.max': '20M', ...top })
      writeFile(init, 't/cgroup.subtree_control', '+memory')
      group(init, 't/a', a)
      group(init, 't/b')
      const tasks = [childIn(init, 't/a'), childIn(init, 't/b')] as const
      use(tasks[0], 40 * MiB)
      return tasks.map(ending)
    }
    expect(plant({ 'memory.oom.group': '1' }, {})).toEqual(['sig9', 'sig9'])
    expect(plant({}, { 'memory.oom.group': '1' })).toEqual(['sig9', undefined])
  })

  it('MEM-007, MEM-023: max and oom count where the limit is, oom_kill at the victim, each also above, and pollers are told', () => {
    group(init, 'p', { 'memory.max': '20M' })
    writeFile(init, 'p/cgroup.subtree_control', '+memory')
    group(init, 'p/c')
    const fd = value(init, { name: 'open', pathname: `${root}/p/memory.events`, flags: 0, mode: 0 })
    readDescriptor(init, fd)
    expect(priority(init, fd)).toBe(false)
    use(childIn(init, 'p/c'), 40 * MiB)
    expect(priority(init, fd)).toBe(true)
    expect(fields('p/memory.events')).toMatchObject({ oom: 1, oom_kill: 1 })
    expect(fields('p/memory.events.local')).toMatchObject({ oom: 1, oom_kill: 0 })
    expect(fields('p/c/memory.events')).toMatchObject({ max: 0, oom: 0, oom_kill: 1 })
    expect(fields('p/c/memory.events.local')).toMatchObject({ max: 0, oom: 0, oom_kill: 1 })
  })

  it('MEM-011: the smallest limit on the way up rules', () => {
    group(init, 'p', { 'memory.max': '20M' })
    writeFile(init, 'p/cgroup.subtree_control', '+memory')
    group(init, 'p/c', { 'memory.max': '100M' })
    const child = childIn(init, 'p/c')
    use(child, 40 * MiB)
    expect(ending(child)).toBe('sig9')
  })

  it('MEM-009: lowering memory.max below the usage kills; oom counts, max does not', () => {
    group(init, 'a')
    const child = childIn(init, 'a')
    use(child, 40 * MiB)
    expect(set('a/memory.max', '20M')).toEqual(['OK 20971520'])
    expect(ending(child)).toBe('sig9')
    expect(fields('a/memory.events')).toMatchObject({ max: 0, oom: 1, oom_kill: 1 })
    const other = childIn(init, 'a')
    expect(set('a/memory.max', '0')).toEqual(['OK 0'])
    expect(ending(other)).toBe(undefined)
  })

  it('MEM-010: above memory.high nobody is killed, but the task pays with time', () => {
    group(init, 'a', { 'memory.high': '10M' })
    const child = childIn(init, 'a')
    use(child, 10 * MiB)
    expect([init.kernel.clock.nowNs, fields('a/memory.events').high]).toEqual([0, 0])
    use(child, 10 * MiB)
    expect(init.kernel.clock.nowNs).toBeGreaterThan(1e9)
    expect([ending(child), number('a/memory.current')]).toEqual([undefined, 20 * MiB])
    expect(fields('a/memory.events')).toMatchObject({ max: 0, oom: 0 })
    expect(fields('a/memory.events').high).toBeGreaterThan(0)
  })

  it('MEM-103: a fork that finds no memory for its stack is refused when nobody may be killed', () => {
    group(init, 'a')
    const child = childIn(init, 'a')
    child.process.oomScoreAdj = -1000
    writeFile(init, 'a/memory.max', '4096')
    expect(errno(call(child, { name: 'fork' }))).toBe('ENOMEM')
    expect(number('a/memory.current')).toBe(0)
  })

  it('MEM-107: a machine without memory kills as well, whatever the limits; process 1 never', () => {
    start({ memoryBytes: 64 * MiB })
    group(init, 'a')
    const child = childIn(init, 'a')
    use(child, 100 * MiB)
    expect(ending(child)).toBe('sig9')
    expect(fields('a/memory.events')).toMatchObject({ max: 0, oom: 0, oom_kill: 1 })
    use(init, 100 * MiB)
    expect(ending(init)).toBe(undefined)
  })
})
