// Limits of containers on the simulated kernel: they hold, they can be changed, and the figures say what was used.

import { beforeEach, describe, expect, it } from 'vitest'
import { create } from '../../../core/engine/create.ts'
import { inspect } from '../../../core/engine/inspect.ts'
import { kill } from '../../../core/engine/kill.ts'
import { pause, unpause } from '../../../core/engine/pause.ts'
import { start } from '../../../core/engine/start.ts'
import { stats } from '../../../core/engine/stats.ts'
import { stop } from '../../../core/engine/stop.ts'
import { top } from '../../../core/engine/top.ts'
import { update } from '../../../core/engine/update.ts'
import { wait } from '../../../core/engine/wait.ts'
import type { Config } from '../../../sim/kernel.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

const MiB = 1 << 20
let session: Session
const begin = (config: Partial<Config> = {}) => {
  session = openSession(config)
}
beforeEach(() => begin())

const verb = <Rest extends unknown[], Result>(
  act: (host: Session['host'], settings: Session['settings'], ...rest: Rest) => Result,
  ...rest: Rest
): Result => act(session.host, session.settings, ...rest)
const cgroup = (id: string, file: string) => session.read(`/sys/fs/cgroup/vitrine/${id}/${file}`).trim()
const field = (id: string, file: string, key: string) =>
  Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(cgroup(id, file))?.[1])

describe('memory', () => {
  const memory = (mib: number) => ({ memoryBytes: mib * MiB, memorySwapBytes: mib * MiB })

  it('ends who uses more than --memory: 137, and OOMKilled says why', async () => {
    const ended = await session.toEnd(['allocate', '64'], { name: 'hog', resources: memory(16) })
    expect(ended).toMatchObject({ code: 137, stdout: '' })
    expect(await session.stateOf('hog')).toMatchObject({ Status: 'exited', ExitCode: 137, OOMKilled: true })
  })

  it('ends it in the background as well, and no other container', async () => {
    await session.detached(['sleep', '1000'], { name: 'other', resources: memory(16) })
    await session.detached(['allocate', '64'], { name: 'hog', resources: memory(16) })
    expect(await verb(wait, 'hog')).toBe(137)
    expect(await session.stateOf('hog')).toMatchObject({ OOMKilled: true })
    expect(await session.stateOf('other')).toMatchObject({ Status: 'running', OOMKilled: false })
  })

  it('is no reason where a signal was: 137 without OOMKilled', async () => {
    await session.detached(['allocate', '8'], { name: 'fine', resources: memory(16) })
    await verb(kill, 'fine', 9)
    expect(await verb(wait, 'fine')).toBe(137)
    expect(await session.stateOf('fine')).toMatchObject({ OOMKilled: false })
  })

  it('is shown by stats as it is used', async () => {
    await session.detached(['allocate', '8'], { name: 'fine', resources: memory(16) })
    const { memoryBytes, memoryLimitBytes, pids } = await verb(stats, 'fine')
    expect([memoryLimitBytes, pids]).toEqual([16 * MiB, 1])
    expect(memoryBytes).toBeGreaterThanOrEqual(8 * MiB)
    expect(memoryBytes).toBeLessThan(9 * MiB)
  })
})

describe('--pids-limit', () => {
  it('lets no more processes be made, and top lists those that are there', async () => {
    const { id } = await session.detached(['forks', '50'], { name: 'bomb', resources: { pidsLimit: 10 } })
    expect((await session.written('bomb')).stdout).toBe('9\n')
    expect(await verb(stats, 'bomb')).toMatchObject({ pids: 10, pidsLimit: 10 })
    expect(field(id, 'pids.events', 'max')).toBe(1)
    const { rows } = await verb(top, 'bomb', ['pid', 'ppid'])
    expect(rows).toHaveLength(10)
    expect(rows.slice(1).every(([, parent]) => parent === '1')).toBe(true)
  })
})

describe('processors', () => {
  const took = async (resources: NonNullable<Parameters<Session['toEnd']>[1]>['resources']) => {
    const begun = session.machine.clock.nowNs
    await session.toEnd(['spin', '1000'], { resources: resources! })
    return (session.machine.clock.nowNs - begun) / 1e9
  }

  it('gives one second of work as long as --cpus makes it', async () => {
    expect(await took({})).toBeCloseTo(1, 1)
    expect(await took({ cpus: 0.5 })).toBeCloseTo(2, 0)
    expect(await took({ cpuQuotaUsec: 10_000, cpuPeriodUsec: 50_000 })).toBeCloseTo(5, 0)
  })

  it('counts what was throttled, and what was used', async () => {
    const { id } = await session.detached(['spin', '10000'], { name: 'busy', resources: { cpus: 0.5 } })
    await session.after(3000)
    expect(field(id, 'cpu.stat', 'nr_throttled')).toBeGreaterThan(20)
    expect(field(id, 'cpu.stat', 'throttled_usec')).toBeGreaterThan(1_000_000)
    const { cpuUsec, runningNs } = await verb(stats, 'busy')
    expect(cpuUsec / (Number(runningNs) / 1000)).toBeCloseTo(0.5, 1)
  })

  it('are divided by --cpu-shares, as weights of the kernel', async () => {
    begin({ cpus: 1 })
    const small = await session.detached(['spin', '100000'], { resources: { cpuShares: 256 } })
    const large = await session.detached(['spin', '100000'], { resources: { cpuShares: 1024 } })
    await session.after(10_000)
    const [one, other] = [await verb(stats, small.id), await verb(stats, large.id)]
    const weights = [small, large].map(({ id }) => Number(cgroup(id, 'cpu.weight'))) as [number, number]
    expect(weights[1]).toBeGreaterThan(2 * weights[0])
    expect(other.cpuUsec / one.cpuUsec).toBeCloseTo(weights[1] / weights[0], 1)
  })
})

describe('update', () => {
  it('changes the files of one that runs, and lasts for its next start', async () => {
    const { id } = await session.detached(['sleep', '1000'], { name: 'web', resources: { memoryBytes: 64 * MiB } })
    await verb(update, 'web', { memoryBytes: 32 * MiB, memorySwapBytes: 48 * MiB, pidsLimit: 7, cpus: 1.5 })
    const files = () => ['memory.max', 'memory.swap.max', 'pids.max', 'cpu.max'].map((file) => cgroup(id, file))
    const expected = [`${32 * MiB}`, `${16 * MiB}`, '7', '150000 100000']
    expect(files()).toEqual(expected)
    await verb(stop, 'web', { timeoutSeconds: 0 })
    await verb(start, 'web')
    expect(files()).toEqual(expected)
    expect((await verb(inspect, 'web')).HostConfig).toMatchObject({ Memory: 32 * MiB, PidsLimit: 7 })
  })

  it('has the effect that it says: more processes, more memory, more of a processor', async () => {
    await session.detached(['sleep', '1000'], {
      name: 'web',
      resources: { pidsLimit: 2, memoryBytes: 8 * MiB, memorySwapBytes: 8 * MiB },
    })
    expect((await session.inside('web', ['sh', '-c', 'sleep 1 & sleep 1 & exit 0'])).code).toBe(0)
    expect((await session.inside('web', ['allocate', '16'])).code).toBe(137)
    await verb(update, 'web', { memoryBytes: 64 * MiB, memorySwapBytes: 64 * MiB, pidsLimit: 20 })
    const { memoryLimitBytes, pidsLimit } = await verb(stats, 'web')
    expect([memoryLimitBytes, pidsLimit]).toEqual([64 * MiB, 20])
  })

  it('of one that was never started is for its first start', async () => {
    const { id } = await verb(create, session.request(['sleep', '1000'], { name: 'made' }))
    await verb(update, 'made', { pidsLimit: 3 })
    await verb(start, 'made')
    expect(cgroup(id, 'pids.max')).toBe('3')
  })

  it('changes nothing when one of the limits is refused', async () => {
    const { id } = await session.detached(['sleep', '1000'], { name: 'web', resources: { memoryBytes: 64 * MiB } })
    await expect(verb(update, 'web', { pidsLimit: 9, memorySwapBytes: 32 * MiB })).rejects.toThrow('--memory-swap')
    expect([cgroup(id, 'pids.max'), cgroup(id, 'memory.max')]).toEqual(['2048', `${64 * MiB}`])
  })
})

describe.each(['v2', 'v1', 'hybrid'] as const)('a container on cgroups %s', (cgroups) => {
  beforeEach(() => begin({ cgroups }))

  it('stands still while it is paused: no time is used, a signal waits, SIGKILL does not', async () => {
    await session.detached(['polite', '4'], { name: 'still' })
    await verb(pause, 'still')
    await verb(kill, 'still', 15)
    await session.after(5000)
    expect(await session.stateOf('still')).toMatchObject({ Status: 'paused' })
    await verb(unpause, 'still')
    expect(await verb(wait, 'still')).toBe(4)
    await session.detached(['spin', '1000'], { name: 'busy' })
    await verb(pause, 'busy')
    const { cpuUsec } = await verb(stats, 'busy')
    await session.after(5000)
    expect((await verb(stats, 'busy')).cpuUsec).toBe(cpuUsec)
    await verb(kill, 'busy', 9)
    expect(await verb(wait, 'busy')).toBe(137)
  })

  it('has its limits, is killed for memory, and leaves no cgroup', async () => {
    const before = session.read('/proc/cgroups').replace(/\d+/g, '')
    const resources = { memoryBytes: 16 * MiB, memorySwapBytes: 16 * MiB, pidsLimit: 5, cpus: 0.5 }
    const hog = await session.toEnd(['allocate', '64'], { name: 'hog', resources })
    expect(hog.code).toBe(137)
    expect(await session.stateOf('hog')).toMatchObject({ OOMKilled: true })
    await session.detached(['forks', '50'], { name: 'bomb', resources })
    expect((await session.written('bomb')).stdout).toBe('4\n')
    expect(await verb(stats, 'bomb')).toMatchObject({ memoryLimitBytes: 16 * MiB, pids: 5, pidsLimit: 5 })
    await verb(stop, 'bomb', { timeoutSeconds: 0 })
    expect(session.read('/proc/cgroups').replace(/\d+/g, '')).toEqual(before)
  })
})
