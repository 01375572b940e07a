// Guests as processes: their signals, their children, what ends them, and how they share processors and memory.

import { beforeAll, describe, expect, it } from 'vitest'
import { guest } from '../../../backends/sim/wasm/process.ts'
import { type GuestProgram, load } from '../../../backends/sim/wasm/program.ts'
import type { Config } from '../../../sim/kernel.ts'
import { isDenied } from '../../../sim/outcome.ts'
import { runUntil } from '../../../sim/run.ts'
import { preparedActs } from '../../support/acts.ts'
import { type GuestMachine, guestMachine } from '../../support/guests.ts'

let program: GuestProgram
beforeAll(async () => {
  program = load(await preparedActs())
}, 120_000)

const machine = (config: Partial<Config> = {}, liveMost?: number) =>
  guestMachine(guest(program, { ...(liveMost && { liveMost }) }), ['acts', 'true'], config)
const outcome = (...given: string[]) => machine().run(['acts', ...given])
const output = (...given: string[]) => outcome(...given).output

describe('what a guest may not do', () => {
  it('ends it with the signal that a processor would have raised', () => {
    expect(outcome('divide', '0')).toMatchObject({ signal: 8 })
    expect(outcome('outside')).toMatchObject({ signal: 11 })
    expect(outcome('unreachable')).toMatchObject({ signal: 4 })
  })

  it('is to call itself without end, which ends it before the stack of the engine is full', () => {
    expect(outcome('deep', '1000000')).toMatchObject({ signal: 11, output: '' })
    expect(outcome('broad', '1000000')).toMatchObject({ signal: 11, output: '' })
    expect(outcome('storm')).toMatchObject({ signal: 11 })
  })

  it('answers EFAULT, EINVAL or E2BIG where a call names memory that it does not have', () => {
    const { output, signal } = outcome('hostile')
    expect(output).toBe('write -14\nwritev -22\nexecve -7\npoll -14\n')
    // The answer itself has no place.
    expect(signal).toBe(11)
  })

  it('is to share its memory', () => {
    expect(output('shares', String(0x100))).toBe('Function not implemented\n')
    expect(output('shares', String(0x4000))).toBe('made\n')
  })
})

describe('a handler', () => {
  it('runs while a call waits, which answers EINTR, or goes on with SA_RESTART', () => {
    expect(output('restart', '0')).toBe('handler\n-1 Interrupted system call 1\n')
    expect(output('restart', '1')).toBe('handler\n1 x 1\n')
  })

  it('forks, computes and is disturbed by others, and both processes come back behind it', () => {
    expect(output('nested')).toBe('outer\nchild goes on\ninner\nouter ends\nparent goes on\n')
  })

  it('holds off its own signal, unless SA_NODEFER', () => {
    expect(output('held', '0')).toBe('enter 0\nleave\nenter 0\nleave\n')
    expect(output('held', String(0x40000000))).toBe('enter 0\nenter 1\nleave\nleave\n')
  })
})

describe('a guest that stands still', () => {
  it('in the midst of a call goes on where it was stopped', () => {
    expect(output('stop')).toBe('goes on 1\n')
  })

  it('in the depth of its calls comes back through all of them', () => {
    expect(output('deep', '1000')).toBe('2994904453\n')
  })

  it('goes on when a program cannot be executed', () => {
    expect(output('missing')).toBe('No such file or directory missing\n')
  })

  it('is put away when others run, and is what it was', () => {
    expect(machine({}, 2).run(['acts', 'many', '40']).output).toBe('40\n')
    expect(machine({}, 1).run(['acts', 'nested']).output).toBe(
      'outer\nchild goes on\ninner\nouter ends\nparent goes on\n',
    )
  })
})

/** Starts guests, each in a cgroup of its own. */
function inGroups(
  { kernel, call }: GuestMachine,
  groups: readonly { name: string; files: Readonly<Record<string, string>>; argv: readonly string[] }[],
) {
  const write = (path: string, text: string) => {
    const fd = call({ name: 'openat', dirfd: -100, pathname: path, flags: 1, mode: 0 }).value
    call({ name: 'write', fd, buf: text })
    call({ name: 'close', fd })
  }
  const read = (path: string) => {
    const fd = call({ name: 'openat', dirfd: -100, pathname: path, flags: 0, mode: 0 }).value
    const text = new TextDecoder().decode(call({ name: 'read', fd, buf: 65536 }).data)
    call({ name: 'close', fd })
    return text
  }
  const root = '/sys/fs/cgroup'
  write(`${root}/cgroup.subtree_control`, '+cpu +memory +pids')
  const pids: number[] = []
  const tasks = groups.map(({ name, files, argv }) => {
    call({ name: 'mkdirat', dirfd: -100, pathname: `${root}/${name}`, mode: 0o755 })
    for (const [file, text] of Object.entries(files)) write(`${root}/${name}/${file}`, text)
    const pid = call({ name: 'fork' }).value
    const task = kernel.lastBorn!
    write(`${root}/${name}/cgroup.procs`, String(pid))
    const fd = kernel.call(task, { name: 'openat', dirfd: -100, pathname: `/${name}`, flags: 0o102, mode: 0o600 })
    if (!fd || isDenied(fd)) throw new Error('no output')
    kernel.call(task, { name: 'dup2', oldfd: fd.value, newfd: 1 })
    kernel.call(task, { name: 'execve', pathname: `/bin/${argv[0]}`, argv, envp: [] })
    pids.push(pid)
    return task
  })
  return { tasks, pids, write, read, file: (name: string, file: string) => read(`${root}/${name}/${file}`) }
}

const numberOf = (text: string, key: string) => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)![1])

describe('guests that compute', () => {
  it('share a processor by the weights of their cgroups, exactly', () => {
    const guests = machine({ cpus: 1 })
    const groups = inGroups(guests, [
      { name: 'light', files: { 'cpu.weight': '100' }, argv: ['acts', 'forever'] },
      { name: 'heavy', files: { 'cpu.weight': '300' }, argv: ['acts', 'forever'] },
    ])
    runUntil(guests.kernel, () => false, guests.kernel.clock.nowNs + 20e6)
    const [light, heavy] = ['light', 'heavy'].map((name) => numberOf(groups.file(name, 'cpu.stat'), 'usage_usec'))
    expect(light! + heavy!).toBeGreaterThanOrEqual(19_999)
    expect(heavy! / light!).toBeCloseTo(3, 1)
  })

  it('are throttled when their cgroup has had its quota, and go on in the next period', () => {
    const guests = machine({ cpus: 1 })
    const groups = inGroups(guests, [
      { name: 'limited', files: { 'cpu.max': '2000 10000' }, argv: ['acts', 'forever'] },
    ])
    runUntil(guests.kernel, () => false, guests.kernel.clock.nowNs + 50e6)
    const stat = groups.file('limited', 'cpu.stat')
    expect(numberOf(stat, 'usage_usec')).toBeGreaterThanOrEqual(9_990)
    expect(numberOf(stat, 'usage_usec')).toBeLessThanOrEqual(12_000)
    expect(numberOf(stat, 'nr_periods')).toBeGreaterThanOrEqual(4)
    expect(numberOf(stat, 'nr_throttled')).toBe(numberOf(stat, 'nr_periods'))
    expect(numberOf(stat, 'throttled_usec')).toBeGreaterThanOrEqual(4 * 8000)
  })

  it('pay for all that they have done before they end', () => {
    const guests = machine({ cpus: 1 })
    const groups = inGroups(guests, [{ name: 'short', files: {}, argv: ['acts', 'busy', '5'] }])
    const [task] = groups.tasks
    runUntil(guests.kernel, () => !task!.alive)
    expect(task!.cpuNs).toBeGreaterThan(5 * 1000 * 5)
  })

  it('let others run, however little they do between their calls', () => {
    const guests = machine({ cpus: 1 })
    const groups = inGroups(guests, [
      { name: 'calls', files: {}, argv: ['acts', 'spin', '1000000'] },
      { name: 'other', files: {}, argv: ['acts', 'busy', '10'] },
    ])
    const [spinning, other] = groups.tasks
    runUntil(guests.kernel, () => !other!.alive)
    expect(spinning!.alive).toBe(true)
  })

  it('can be stopped, frozen and killed at any time', () => {
    const guests = machine({ cpus: 1 })
    const groups = inGroups(guests, [{ name: 'cold', files: {}, argv: ['acts', 'forever'] }])
    const [task] = groups.tasks
    const pass = () => runUntil(guests.kernel, () => false, guests.kernel.clock.nowNs + 3e6)
    pass()
    groups.write('/sys/fs/cgroup/cold/cgroup.freeze', '1')
    const before = task!.cpuNs
    pass()
    expect(task!.cpuNs - before).toBeLessThan(200_000)
    groups.write('/sys/fs/cgroup/cold/cgroup.freeze', '0')
    pass()
    expect(task!.cpuNs - before).toBeGreaterThan(2e6)
    guests.call({ name: 'kill', pid: groups.pids[0]!, sig: 9 })
    pass()
    expect(task!.process.ending).toMatchObject({ signal: 9 })
  })
})

describe('the memory of a guest', () => {
  it('is charged as it grows, and the group that has too much of it loses the guest', () => {
    const guests = machine()
    const groups = inGroups(guests, [{ name: 'small', files: { 'memory.max': '4194304' }, argv: ['acts', 'bomb'] }])
    const [task] = groups.tasks
    runUntil(guests.kernel, () => !task!.alive)
    expect(task!.process.ending).toMatchObject({ signal: 9 })
    expect(numberOf(groups.file('small', 'memory.events'), 'oom_kill')).toBe(1)
    expect(Number(groups.file('small', 'memory.current'))).toBeLessThan(1 << 17)
  })

  it('is slowed down above memory.high, not refused', () => {
    const guests = machine()
    const groups = inGroups(guests, [
      { name: 'high', files: { 'memory.high': '4194304', 'memory.max': '16777216' }, argv: ['acts', 'bomb'] },
    ])
    const [task] = groups.tasks
    runUntil(guests.kernel, () => !task!.alive)
    expect(numberOf(groups.file('high', 'memory.events'), 'high')).toBeGreaterThan(0)
  })
})

describe('processes of guests', () => {
  it('are no more than pids.max allows', () => {
    const guests = machine()
    const groups = inGroups(guests, [{ name: 'few', files: { 'pids.max': '10' }, argv: ['acts', 'forks'] }])
    const [task] = groups.tasks
    runUntil(guests.kernel, () => !task!.alive)
    expect(groups.read('/few')).toBe('9 Resource temporarily unavailable\n')
  })

  it('end and make room for others', () => {
    expect(output('spawn', '50')).toBe('50\n')
    expect(output('execs', '20')).toBe('20\n')
  })
})
