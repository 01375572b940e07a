// What the kernel may refuse while a user namespace is made for a container of root's: it is said, and nothing stays.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect } from 'vitest'
import { run } from '../../core/engine/run.ts'
import type { Errno } from '../../core/errno.ts'
import type { Kernel, LaunchFailure } from '../../core/kernel.ts'
import type { LaunchPlan, Step } from '../../core/launch/plan.ts'
import type { Syscall } from '../../core/syscall.ts'
import { type Engine, useEngine } from '../support/engine.ts'
import { type HostState, hostState, settledChanges } from '../support/host.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  programs: ['busybox'],
  namespaces: ['user'],
})

let engine: Engine
let before: HostState

useEngine('user-namespace', (ground) => {
  engine = ground.engine
})

beforeEach(() => {
  before = hostState([])
})

/** Runs a container on a kernel that answers otherwise; what it says, when nothing of it has stayed. */
async function refusedOn(change: (kernel: Kernel) => Partial<Kernel>): Promise<string> {
  const { host, settings, request } = engine
  const kernel = { ...host.kernel, ...change(host.kernel) }
  const userns = { kind: 'auto', forced: {} } as const
  const started = run({ ...host, kernel }, settings, request(['true'], { userns }))
  const message = await started.then(
    () => 'it runs',
    (error: Error) => error.message,
  )
  expect(readdirSync(join(settings.root, 'containers'))).toEqual([])
  expect(await settledChanges(before, { directories: [] })).toEqual([])
  return message
}

const isHolder = ({ program }: LaunchPlan) => program.includes('holds a user namespace')
/** A call that Linux refuses to everybody: EPERM for securebits that do not exist, EINVAL for flags that do not. */
const refusing: Readonly<Record<'EPERM' | 'EINVAL', Syscall>> = {
  EPERM: { name: 'prctl', option: 28, arg2: 1 << 30, arg3: 0, arg4: 0, arg5: 0 },
  EINVAL: { name: 'umount2', target: '/', flags: 1 << 30 },
}
const mapsOwners = ({ call }: Step) => call.name === 'mount_setattr' && call.attr.userns_fd !== undefined
/** The mappings of owners are refused, with the plan as it is for whoever asks why. */
const unmapped = (errno: 'EPERM' | 'EINVAL') => (kernel: Kernel) => ({
  launch: (plan: LaunchPlan, monitor: Parameters<Kernel['launch']>[1]) => {
    const steps = plan.steps.map((step) => (mapsOwners(step) ? { ...step, call: refusing[errno] } : step))
    return kernel.launch({ ...plan, steps }, monitor)
  },
})

describe('a user namespace of root', () => {
  it('that cannot be made is told with the limit that may be the reason', async () => {
    const failure: LaunchFailure = { errno: 'ENOSPC', step: 0, message: 'start a process in a new one: ENOSPC' }
    const message = await refusedOn((kernel) => ({
      launch: (plan, monitor) => (isHolder(plan) ? failure : kernel.launch(plan, monitor)),
    }))
    expect(message).toBe('--userns: start a process in a new one: ENOSPC; see /proc/sys/user/max_user_namespaces')
  })

  it.each([
    ['EPERM' as Errno, /^--userns: map ids: .*: EPERM .*: the ids are not there to give, see \/proc\/self\/uid_map$/],
    ['EIO' as Errno, /^map ids: write \/proc\/\d+\/gid_map: EIO/],
  ])('whose ids are refused with %s is ended', async (errno, sentence) => {
    const message = await refusedOn((kernel) => ({
      call: (call) => (call.name === 'openat' && call.pathname?.endsWith('/gid_map') ? { errno } : kernel.call(call)),
    }))
    expect(message).toMatch(sentence)
  })

  it('on a file system that cannot show other owners is refused, and the file system named', async () => {
    expect(await refusedOn(unmapped('EINVAL'))).toMatch(/: EINVAL \(step \d+ of \d+\): the file system \w+ cannot show/)
  })

  it("on files that are not the host's to show otherwise is refused", async () => {
    expect(await refusedOn(unmapped('EPERM'))).toMatch(/: EPERM \(step \d+ of \d+\): it is mounted with other owners/)
  })
})
