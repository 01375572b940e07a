// Cgroups on the real kernel: made, held, read, changed, paused, emptied and removed.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import { detectCgroups, mayMakeCgroups } from '../../core/cgroup/detect.ts'
import { isFrozen, pause, unpause } from '../../core/cgroup/freeze.ts'
import { readLimits } from '../../core/cgroup/inspect.ts'
import { enterCgroup } from '../../core/cgroup/join.ts'
import { type CgroupPaths, cgroupPaths } from '../../core/cgroup/paths.ts'
import { planCgroup } from '../../core/cgroup/plan.ts'
import { readEvents, readStats } from '../../core/cgroup/read.ts'
import { killAll, processes, removeCgroups, signalAll } from '../../core/cgroup/remove.ts'
import { updateCgroup } from '../../core/cgroup/update.ts'
import type { LinuxResources } from '../../core/spec/types.ts'
import { inCgroup, stepsInto, testParent, until, wait } from '../support/in-cgroup.ts'
import { cgroupVersion, skipUnless } from '../support/needs.ts'

const needs = { linux: true, root: true, natives: true, controllers: ['memory', 'cpu', 'pids'] } as const
const { describe, it } = skipUnless(needs)
const mebibyte = 1048576
const v2 = cgroupVersion() === 'v2'

const directories = ({ v1, unified }: CgroupPaths) => [
  ...new Set([...Object.values(v1), ...(unified ? [unified] : [])]),
]
const state = (pid: number) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

describe('a container’s cgroup', () => {
  it('has the process in every hierarchy that is mounted', async () => {
    await inCgroup({}, 'sleep 60', async ({ cgroups, plan }) => {
      const mounted = new Set(['', ...Object.keys(plan.paths.v1)])
      for (const line of cgroups()) {
        const [controllers, path] = line.split(':')
        const here = controllers!.split(',').some((each) => mounted.has(each))
        if (here) expect(`${controllers} ${path}`).toBe(`${controllers} ${testParent}/a`)
      }
    })
  })

  it('has its limits in force before the program runs', async () => {
    const resources: LinuxResources = {
      memory: { limit: 64 * mebibyte, swap: 96 * mebibyte, reservation: 32 * mebibyte },
      cpu: { shares: 512, quota: 50000, period: 100000 },
      pids: { limit: 32 },
    }
    await inCgroup(resources, 'sleep 60', async ({ kernel, plan }) => {
      const limits = Object.fromEntries(readLimits(kernel, plan.paths).map(({ file, content }) => [file, content]))
      expect(limits).toMatchObject(
        v2
          ? {
              'memory.max': `${64 * mebibyte}`,
              'memory.swap.max': `${32 * mebibyte}`,
              'memory.low': `${32 * mebibyte}`,
              'cpu.weight': '59',
              'cpu.max': '50000 100000',
              'pids.max': '32',
            }
          : {
              'memory.limit_in_bytes': `${64 * mebibyte}`,
              'memory.memsw.limit_in_bytes': `${96 * mebibyte}`,
              'memory.soft_limit_in_bytes': `${32 * mebibyte}`,
              'cpu.shares': '512',
              'cpu.cfs_quota_us': '50000',
              'cpu.cfs_period_us': '100000',
              'pids.max': '32',
            },
      )
    })
  })

  it('kills what uses more memory than it may, and counts it', async () => {
    const resources = { memory: { limit: 16 * mebibyte, swap: 16 * mebibyte } }
    await inCgroup(resources, 'x=$(head -c 64m /dev/zero | tr "\\0" x)', async ({ kernel, plan, child }) => {
      expect((await child.exited).code).not.toBe(0)
      expect(readEvents(kernel, plan.paths).oomKills).toBeGreaterThan(0)
      expect(readFileSync(plan.oomFile!, 'utf8')).toMatch(/^oom_kill [1-9]/m)
    })
  })

  it('refuses forks beyond the pids limit, and counts them', async () => {
    await inCgroup({ pids: { limit: 2 } }, 'sleep 60 & sleep 60 & sleep 60', async ({ kernel, plan, child }) => {
      expect((await child.exited).code).not.toBe(0)
      expect(readEvents(kernel, plan.paths).pidsRefused).toBeGreaterThan(0)
    })
  })

  it('keeps devices closed that no rule allows, and others open', async () => {
    const script = 'echo > /dev/null && ! head -c 1 /dev/kmsg 2>/dev/null && head -c 1 /dev/zero > /dev/null'
    await inCgroup({ devices: [{ allow: false, access: 'rwm' }] }, script, async ({ child }) => {
      expect(await child.exited).toMatchObject({ code: 0 })
    })
    const allowed = [{ allow: false }, { allow: true, type: 'c' as const, major: 1, minor: 11, access: 'r' }]
    await inCgroup({ devices: allowed }, '(: < /dev/kmsg) && ! (: > /dev/kmsg) 2>/dev/null', async ({ child }) => {
      expect(await child.exited).toMatchObject({ code: 0 })
    })
  })

  it('is entered by a second process, as exec does', async () => {
    await inCgroup({ pids: { limit: 9 } }, 'sleep 60', async ({ kernel, plan, cgroups }) => {
      const { open, join, into } = enterCgroup(plan.paths)
      const steps = stepsInto({ create: open, join, into, paths: plan.paths }, 'exec sleep 60')
      const second = kernel.launch({ steps, program: 'sleep' })
      if ('errno' in second) throw new Error(second.message)
      const lines = readFileSync(`/proc/${second.pid}/cgroup`, 'utf8').trim().split('\n')
      expect(lines.map((line) => line.slice(line.indexOf(':') + 1))).toEqual(cgroups())
      kernel.call({ name: 'kill', pid: second.pid, sig: 9 })
      await second.exited
    })
  })

  it('tells what it has used', async () => {
    const script = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 60'
    await inCgroup(
      { memory: { limit: 64 * mebibyte }, pids: { limit: 9 } },
      script,
      async ({ kernel, plan, child }) => {
        await until(() => state(child.pid) === 'S')
        const stats = readStats(kernel, plan.paths)
        expect(stats.cpu.usageNsec).toBeGreaterThan(1_000_000)
        expect(stats.cpu.userNsec + stats.cpu.systemNsec).toBeGreaterThan(0)
        expect(stats.memory).toMatchObject({ limitBytes: 64 * mebibyte })
        expect(stats.memory!.usageBytes).toBeGreaterThan(0)
        expect(stats.memory!.usageBytes).toBeLessThan(64 * mebibyte)
        expect(stats.pids).toMatchObject({ limit: 9 })
        expect(stats.pids!.current).toBeGreaterThan(0)
        expect(stats.io!.devices.length).toBeGreaterThanOrEqual(0)
      },
    )
  })

  it('says that time ran out when there is a quota', async () => {
    const resources = { cpu: { quota: 10000, period: 100000 } }
    await inCgroup(resources, 'while :; do :; done', async ({ kernel, plan }) => {
      await until(() => readStats(kernel, plan.paths).cpu.throttledPeriods > 2)
      expect(readStats(kernel, plan.paths).cpu.throttledNsec).toBeGreaterThan(0)
    })
  })

  it('takes new limits, larger and smaller, in one go', async () => {
    await inCgroup({ memory: { limit: 32 * mebibyte, swap: 64 * mebibyte } }, 'sleep 60', async ({ kernel, plan }) => {
      const limits = () =>
        Object.fromEntries(readLimits(kernel, plan.paths).map(({ file, content }) => [file, content]))
      const update = (resources: LinuxResources) =>
        updateCgroup(kernel, plan.paths, resources, detectCgroups(kernel, { path: plan.paths.path, resources }))
      for (const limit of [128, 16, 64]) {
        update({ memory: { limit: limit * mebibyte, swap: 2 * limit * mebibyte } })
        expect(limits()).toMatchObject(
          v2
            ? { 'memory.max': `${limit * mebibyte}`, 'memory.swap.max': `${limit * mebibyte}` }
            : {
                'memory.limit_in_bytes': `${limit * mebibyte}`,
                'memory.memsw.limit_in_bytes': `${2 * limit * mebibyte}`,
              },
        )
      }
      update({ memory: { limit: -1, swap: -1 }, cpu: { quota: 20000, period: 50000 }, pids: { limit: 5 } })
      expect(readStats(kernel, plan.paths).memory!.limitBytes).toBeUndefined()
      expect(readStats(kernel, plan.paths).pids!.limit).toBe(5)
      update({ cpu: { quota: 5000 } })
      expect(limits()).toMatchObject(v2 ? { 'cpu.max': '5000 50000' } : { 'cpu.cfs_quota_us': '5000' })
    })
  })

  it('takes nothing new when one of the new limits is refused', async () => {
    await inCgroup({ pids: { limit: 7 } }, 'sleep 60', async ({ kernel, plan }) => {
      const resources = {
        pids: { limit: 9 },
        // a device that is not there
        blockIO: { throttleReadBpsDevice: [{ major: 4000, minor: 1, rate: 1000 }] },
      }
      const host = detectCgroups(kernel, { path: plan.paths.path, resources })
      expect(() => updateCgroup(kernel, plan.paths, resources, host)).toThrow(/write (io\.max|blkio\.\S+): ENODEV/)
      expect(readStats(kernel, plan.paths).pids!.limit).toBe(7)
    })
  })

  it('can be paused and go on', async () => {
    await inCgroup({}, 'while :; do :; done', async ({ kernel, plan }) => {
      await pause(kernel, plan.paths, wait)
      expect(isFrozen(kernel, plan.paths)).toBe(true)
      const used = readStats(kernel, plan.paths).cpu.usageNsec
      await wait(50)
      expect(readStats(kernel, plan.paths).cpu.usageNsec).toBe(used)
      unpause(kernel, plan.paths)
      await until(() => readStats(kernel, plan.paths).cpu.usageNsec > used)
      expect(isFrozen(kernel, plan.paths)).toBe(false)
    })
  })

  it('can be emptied, with what has forked, also while it is paused', async () => {
    const script = 'for i in 1 2 3 4; do sleep 60 & done; trap "" TERM HUP; wait'
    await inCgroup({}, script, async ({ kernel, plan, child }) => {
      await until(() => processes(kernel, plan.paths).length === 5)
      expect(processes(kernel, plan.paths)).toContain(child.pid)
      await pause(kernel, plan.paths, wait)
      await killAll(kernel, plan.paths, wait)
      expect(processes(kernel, plan.paths)).toEqual([])
      expect(await child.exited).toMatchObject({ signal: 9 })
    })
  })

  it('passes a signal on to every process', async () => {
    await inCgroup({}, 'sleep 60 & sleep 60', async ({ kernel, plan, child }) => {
      await until(() => processes(kernel, plan.paths).length === 3)
      expect(signalAll(kernel, plan.paths, 15)).toBe(3)
      expect(await child.exited).toMatchObject({ signal: 15 })
    })
  })

  it('leaves nothing behind, not even its parent or cgroups that were made below it', async () => {
    const { plan, kernel } = await inCgroup({}, 'sleep 60', async (inside) => {
      for (const directory of directories(inside.plan.paths))
        inside.kernel.call({ name: 'mkdirat', dirfd: -100, pathname: `${directory}/below`, mode: 0o755 })
      return inside
    })
    for (const directory of directories(plan.paths)) {
      expect(existsSync(directory)).toBe(false)
      expect(existsSync(directory.slice(0, directory.lastIndexOf('/')))).toBe(false)
    }
    await removeCgroups(kernel, plan.paths, wait, testParent)
  })

  it('keeps the parent while a neighbour is there', async () => {
    await inCgroup({}, 'sleep 60', async ({ kernel, plan, child }) => {
      await inCgroup({}, 'sleep 60', async () => {}, `${testParent}/b`)
      expect(directories(plan.paths).every((directory) => existsSync(directory))).toBe(true)
      expect(processes(kernel, plan.paths)).toContain(child.pid)
    })
  })

  it('is taken back when a limit is refused', async () => {
    const kernel = openLinux()
    const path = `${testParent}/refused`
    const resources = { blockIO: { throttleReadBpsDevice: [{ major: 4000, minor: 1, rate: 1000 }] } }
    const plan = planCgroup(path, resources, detectCgroups(kernel, { path, resources }))
    const got = kernel.launch({ steps: stepsInto(plan, 'true'), program: 'sh' })
    expect(got).toMatchObject({
      errno: 'ENODEV',
      message: expect.stringMatching(/^limit .*\((io\.max|blkio\.throttle\.read_bps_device)\): ENODEV/),
    })
    expect(directories(plan.paths).filter((directory) => existsSync(directory))).toEqual([])
    await removeCgroups(kernel, plan.paths, wait, testParent)
    expect(directories(cgroupPaths(testParent, detectCgroups(kernel))).filter((each) => existsSync(each))).toEqual([])
  })
})

describe('what the host has', () => {
  it('is found where the kernel says it is mounted', () => {
    const host = detectCgroups(openLinux())
    expect(host.mode).toBe(cgroupVersion())
    for (const { mountPoint } of host.hierarchies) expect(readdirSync(mountPoint)).toContain('tasks')
    if (host.unified) expect(readdirSync(host.unified.mountPoint)).toContain('cgroup.controllers')
  })

  it('tells root that cgroups can be made, and a user without delegation that they cannot', () => {
    const kernel = openLinux()
    const host = detectCgroups(kernel)
    expect(mayMakeCgroups(kernel, host, `${testParent}/a`)).toBe(true)
    kernel.call({ name: 'setresuid', ruid: -1, euid: 65534, suid: 0 })
    try {
      expect(mayMakeCgroups(kernel, host, `${testParent}/a`)).toBe(false)
    } finally {
      kernel.call({ name: 'setresuid', ruid: -1, euid: 0, suid: -1 })
    }
  })

  it('includes the weight file, which is not in the root cgroup', async () => {
    const resources = { blockIO: { weight: 500 } }
    const host = detectCgroups(openLinux(), { resources })
    if (host.weightFile === 'none') return
    await inCgroup(resources, 'sleep 60', async ({ kernel, plan }) => {
      const weights = readLimits(kernel, plan.paths).filter(({ file }) => /weight$/.test(file) && file !== 'cpu.weight')
      expect(weights.map(({ content }) => content.split('\n')[0]!.replace('default ', ''))).toContain(
        weights[0]!.file === 'io.weight' ? '4950' : '500',
      )
    })
  })
})

skipUnless({ ...needs, controllers: ['cpuset'] }).describe('a cpuset', () => {
  it('holds the CPUs, and gets the memory nodes from above', async () => {
    await inCgroup({ cpu: { cpus: '0' } }, 'sleep 60', async ({ child }) => {
      expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(/^Cpus_allowed_list:\s+0$/m)
    })
  })

  skipUnless({ ...needs, cgroupV1: true }).it(
    'takes the process also below a parent that passes nothing on',
    async () => {
      const kernel = openLinux()
      const { v1 } = cgroupPaths(`${testParent}/bare`, detectCgroups(kernel))
      for (const directory of [`${v1.cpuset}`.replace('/bare', ''), v1.cpuset!])
        kernel.call({ name: 'mkdirat', dirfd: -100, pathname: directory, mode: 0o755 })
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        const above = readFileSync(`${v1.cpuset!.replace(`${testParent}/bare`, '')}/${file}`, 'utf8')
        writeFileSync(`${v1.cpuset!.replace('/bare', '')}/${file}`, above)
        writeFileSync(`${v1.cpuset}/${file}`, above)
      }
      await inCgroup(
        {},
        'sleep 60',
        async ({ cgroups }) => {
          expect(cgroups()).toContain(`cpuset:${testParent}/bare/c`)
        },
        `${testParent}/bare/c`,
      )
      await removeCgroups(kernel, cgroupPaths(`${testParent}/bare`, detectCgroups(kernel)), wait, testParent)
    },
  )
})
