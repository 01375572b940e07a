// Whatever processes of the simulated kernel do: nothing is left behind, a refused call changes nothing, and what must always
// hold does.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import type { Kernel } from '../../../sim/kernel.ts'
import { isDenied } from '../../../sim/outcome.ts'
import { killProcess } from '../../../sim/signal/send.ts'
import { boot } from '../../support/sim.ts'
import { action, CLONE, child, clone, execve, kill, mask, waited, write } from '../../support/sim-processes.ts'

interface Step {
  readonly who: number
  readonly what: 'clone' | 'kill' | 'exit' | 'thread' | 'wait' | 'call'
  readonly number: number
  readonly signal: number
  readonly flags: number
}

const pieces = [
  ...(['NEWPID', 'NEWNS', 'NEWUSER', 'NEWUTS', 'NEWIPC', 'NEWNET', 'NEWTIME'] as const),
  ...(['VM', 'FS', 'FILES', 'SIGHAND', 'THREAD', 'PARENT', 'PIDFD', 'VFORK', 'CLEAR_SIGHAND'] as const),
]
const flags = fc.subarray(pieces).map((chosen) => chosen.reduce((sum, piece) => sum + CLONE[piece], 0))
const steps = fc.array(
  fc.record<Step>({
    who: fc.nat(20),
    what: fc.constantFrom('clone', 'clone', 'clone', 'kill', 'exit', 'thread', 'wait', 'call'),
    number: fc.integer({ min: -3, max: 9 }),
    signal: fc.constantFrom(0, 1, 9, 10, 15, 17, 18, 19, 34),
    flags,
  }),
  { maxLength: 40 },
)

function others({ number, signal, flags }: Step): Syscall {
  const all: readonly Syscall[] = [
    { name: 'setsid' },
    { name: 'setpgid', pid: Math.max(0, number), pgid: 0 },
    action(signal || 1, 2),
    action(17, 1),
    mask(0, signal || 1),
    mask(2),
    { name: 'prctl', option: 36, arg2: 1, arg3: 0, arg4: 0, arg5: 0 },
    { name: 'prctl', option: 1, arg2: signal, arg3: 0, arg4: 0, arg5: 0 },
    { name: 'pidfd_open', pid: number, flags: 0 },
    { name: 'unshare', flags: (flags & (CLONE.NEWPID | CLONE.NEWUTS | CLONE.NEWUSER | CLONE.FS | CLONE.FILES)) | 0 },
    execve('/bin/true'),
    { name: 'pause' },
    { name: 'alarm', seconds: 1 },
    { name: 'nanosleep', req: 1_000_000n, rem: 16 },
    { name: 'tgkill', tgid: number, tid: number, sig: signal },
  ]
  return all[Math.abs(number + signal) % all.length]!
}

function syscall(step: Step): Syscall {
  switch (step.what) {
    case 'clone':
      return clone(step.flags)
    case 'thread':
      return clone(CLONE.VM + CLONE.FS + CLONE.FILES + CLONE.SIGHAND + CLONE.THREAD)
    case 'kill':
      return kill(step.number, step.signal)
    case 'exit':
      return { name: step.number > 0 ? 'exit_group' : 'exit', status: step.number }
    case 'wait':
      return { name: 'wait4', pid: step.number, wstatus: 4, options: step.signal % 3 ? 0x40000001 : 11, rusage: 0 }
    case 'call':
      return others(step)
  }
}

/** What a machine has, as far as processes go; what is left of it can be compared. */
function digest(kernel: Kernel): string {
  const tasks = [...kernel.tasks.values()].map((task) => {
    const { process, entry, credentials, namespaces } = task
    return [
      ...[task.id, task.state, entry.numbers, task.signalMask, task.pending.length, task.handled.length, task.fs.users],
      ...[task.files.users, [...task.files.entries()].map(([fd]) => fd), credentials.namespace.ino, credentials.uid],
      ...[process.children.size, process.pending.length, process.image.users, process.exitSignal, process.zombie],
      ...Object.values(namespaces).map(({ ino, references }) => `${ino}/${references}`),
    ].join(' ')
  })
  const { user, pid } = kernel.initial
  return [...tasks, pid.entries.size, user.references, ...[...user.counted.tasks].flat()].join('\n')
}

function holds(kernel: Kernel): void {
  for (const task of kernel.tasks.values()) {
    const { process, entry } = task
    expect(task.state, 'no task that is reaped is listed').not.toBe('dead')
    expect(process.tasks.has(task)).toBe(true)
    for (const [hierarchy, cgroup] of task.cgroups) expect(cgroup.hierarchy).toBe(hierarchy)
    for (let at: typeof entry.namespace | undefined = entry.namespace; at; at = at.parent)
      expect(at.entries.get(entry.numbers[at.level]!), 'seen in every namespace above').toBe(entry)
    if (process.parent) expect(process.parent.children.has(process)).toBe(true)
    expect(process.group.group.has(process) && process.session.session.has(process)).toBe(true)
    expect(process.zombie).toBe(![...process.tasks].some(({ alive, state }) => alive || state === 'ending'))
  }
}

/** Plays on a machine below one child of process 1; tasks that wait are left alone. */
function play(kernel: Kernel, all: readonly Step[]): string[] {
  const trace: string[] = []
  for (const step of all) {
    const tasks = [...kernel.tasks.values()].filter((task) => task !== kernel.init && task.state === 'running')
    const task = tasks[step.who % tasks.length]
    if (task === undefined) break
    const before = digest(kernel)
    const outcome = kernel.call(task, syscall(step))
    if (isDenied(outcome)) expect(digest(kernel), `${syscall(step).name}: ${outcome.errno}`).toBe(before)
    task.finished = undefined
    holds(kernel)
    trace.push(`${task.id} ${step.what} ${outcome === undefined ? 'waits' : JSON.stringify(outcome)}`)
  }
  return trace
}

function machine() {
  const { kernel, init } = boot()
  write(init, '/bin/true', '#!sim outside\n')
  const before = digest(kernel)
  child(init)
  return { kernel, init, before }
}

describe('processes', () => {
  it('leave nothing behind, and calls that are refused change nothing', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { kernel, init, before } = machine()
        play(kernel, all)
        for (const task of [...kernel.tasks.values()]) if (task !== init) killProcess(task.process)
        while (waited(init, -1, 0x40000000) !== 'ECHILD');
        expect(digest(kernel)).toBe(before)
      }),
      { numRuns: 300 },
    )
  })

  it('do the same again on a new machine', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const [one, two] = [machine(), machine()]
        expect(play(one.kernel, all)).toEqual(play(two.kernel, all))
      }),
      { numRuns: 300 },
    )
  })
})
