// What watches a machine sees what is wrong with it: machines are broken by hand, one thing each.

import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { digest } from '../../../sim/digest.ts'
import type { Kernel } from '../../../sim/kernel.ts'
import { deny } from '../../../sim/outcome.ts'
import { simulatedStage } from '../../../sim/scenario/stage-sim.ts'
import type { Task } from '../../../sim/task.ts'
import { hold } from '../../../sim/vfs/path.ts'
import { beginningOf, closeDown, leaks } from '../../support/close-down.ts'
import { brokenIn, everything } from '../../support/invariants.ts'
import { watch } from '../../support/watch.ts'

function machine(): { kernel: Kernel; task: Task } {
  const { kernel } = simulatedStage()
  return { kernel, task: kernel.lastBorn! }
}

/** What is said of a machine after something was done to it. */
function broken(by: (kernel: Kernel, task: Task) => void): string {
  const { kernel, task } = machine()
  expect(brokenIn(everything(kernel))).toEqual([])
  by(kernel, task)
  return brokenIn(everything(kernel)).join('\n')
}

describe('what is wrong with a machine is seen', () => {
  it('a task that is in no cgroup, or in two', () => {
    expect(broken(({ cgroups }, task) => task.cgroups.get(cgroups.unified)!.tasks.delete(task))).toContain('is in none')
    expect(broken(({ cgroups }, task) => cgroups.unified.root.tasks.add(task))).toContain('is in cgroup /')
  })

  it('charges that are no sums, and that nobody holds', () => {
    expect(broken(({ memory }) => Object.assign(memory!.root, { usage: 1000 }))).toContain('of all kinds')
    expect(broken(({ memory }) => memory!.root.add('anon', 1))).toContain('charged for 1 pages of anon, 0 are held')
  })

  it('a task that a pid namespace does not see', () => {
    expect(broken(({ initial }, { entry }) => initial.pid.entries.delete(entry.numbers[0]!))).toContain('not visible')
  })

  it('a fork beyond pids.max', () => {
    const { kernel, task } = machine()
    const pids = task.cgroups.get(kernel.cgroups.unified)!.held.get('pids')!.state as { max: number | undefined }
    pids.max = 1
    expect(brokenIn(everything(kernel), task).join()).toContain('pids.max is 1')
    expect(brokenIn(everything(kernel))).toEqual([])
  })

  it('a namespace that is kept once too often, or too seldom', () => {
    expect(broken(({ initial }) => initial.uts.retain())).toContain('uts:')
    expect(broken((_, task) => task.namespaces.ipc.release())).toContain('ipc:')
  })

  it('mounts and files whose users are not counted, and peers that do not know each other', () => {
    expect(broken((_, { fs }) => hold(fs.root))).toContain('users')
    expect(broken((_, { files }) => Object.assign(files.get(0)!.file, { references: 1 }))).toContain('references')
    expect(
      broken((kernel, { fs }) => {
        fs.root.mount.group = { id: kernel.counters.peerGroups.take(), members: new Set(), slaves: new Set() }
      }),
    ).toContain('its peers do not know it')
  })

  it('a refusal that has changed something', () => {
    const { kernel, task } = machine()
    const make = kernel.call.bind(kernel)
    kernel.call = (who, call) => {
      if (call.name !== 'sethostname') return make(who, call)
      kernel.initial.uts.hostname = 'changed'
      return deny('EPERM', 'UTS-003', 'refused, and changed all the same')
    }
    const call: Syscall = { name: 'sethostname', hostname: 'web' }
    const faults = watch(kernel, { explain: 1 })
    kernel.call(task, { name: 'getpid' })
    kernel.call(task, call)
    expect(faults).toMatchObject([{ at: 1, call, what: expect.stringContaining('hostname: machine → changed') }])
  })

  it('what is left when all is closed down', () => {
    const [first, second] = [machine().kernel, machine().kernel]
    const untouched = closeDown(first, beginningOf(first))!
    const before = beginningOf(second)
    second.call(second.init, { name: 'pipe2', pipefd: 8, flags: 0 })
    expect(leaks(closeDown(second, before)!, untouched).join()).toContain('Pipe instead of')
  })
})

describe('the digest of a machine', () => {
  it('is another one after any change, and the same again when that is taken back', () => {
    const { kernel, task } = machine()
    const before = digest(kernel)
    kernel.call(task, { name: 'umask', mask: 0o077 })
    expect(digest(kernel)).not.toBe(before)
    kernel.call(task, { name: 'umask', mask: 0o022 })
    expect(digest(kernel)).toBe(before)
  })

  it('is not changed by looking: names that are walked to, files of procfs, numbers that are burnt', () => {
    const { kernel, task } = machine()
    const before = digest(kernel)
    for (const pathname of [
      '/proc/self/status',
      '/sys/fs/cgroup/cgroup.procs',
      '/proc/sys/kernel/hostname',
      '/bin/none',
    ])
      kernel.call(task, { name: 'faccessat2', dirfd: -100, pathname, mode: 0, flags: 0 })
    expect(digest(kernel)).toBe(before)
  })
})
