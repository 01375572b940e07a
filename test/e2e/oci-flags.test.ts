// Flags of vitrine-oci that change one thing each. runc-run(8), runc-exec(8), crun(1).

import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Process } from '../../core/spec/types.ts'
import { needsOci, openRuntime } from '../support/bundle.ts'
import { until } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(needsOci())
const waits = ['sh', '-c', 'while :; do sleep 0.1; done']

describe('vitrine-oci', () => {
  const runtime = openRuntime()
  const { run, ok, bundle, status } = runtime

  it('takes another file than config.json', async () => {
    const path = bundle({ args: ['echo', 'other'] })
    renameSync(join(path, 'config.json'), join(path, 'other.json'))
    expect(await ok(['run', '--config', 'other.json', '-b', path, 'web'])).toBe('other')
    expect(await ok(['run', '-f', join(path, 'other.json'), '-b', path, 'web'])).toBe('other')
    expect((await run(['run', '-b', path, 'web'])).stderr).toMatch(/has no .*config\.json: no such file/)
  })

  it('has processors and disks as the bundle says', async () => {
    const script = 'cut -d" " -f19,41 /proc/self/stat; ionice -p $$'
    const withProcess = (more: Partial<Process>) =>
      bundle({ args: ['sh', '-c', script] }, (spec) => ({ ...spec, process: { ...spec.process!, ...more } }))
    const path = withProcess({
      scheduler: { policy: 'SCHED_BATCH', nice: 5 },
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
    })
    expect(await ok(['run', '-b', path, 'web'])).toBe('5 3\nbest-effort: prio 6')
    const wrong = withProcess({ scheduler: { policy: 'SCHED_BATCH', flags: ['SCHED_FLAG_FAST'] } })
    expect((await run(['run', '-b', wrong, 'web'])).stderr).toBe(
      'vitrine-oci: process.scheduler.flags: SCHED_FLAG_FAST: Linux has no such flag\n',
    )
    const affinity = bundle({ args: waits }, (spec) => ({
      ...spec,
      process: { ...spec.process!, execCPUAffinity: { initial: '0-1', final: '0' } },
    }))
    await ok(['run', '-d', '-b', affinity, 'web'])
    expect(await ok(['exec', 'web', 'grep', 'Cpus_allowed_list', '/proc/self/status'])).toMatch(/:\s+0$/)
    await ok(['delete', '-f', 'web'])
    const none = bundle({ args: waits }, (spec) => ({
      ...spec,
      process: { ...spec.process!, execCPUAffinity: { final: '3-1' } },
    }))
    expect((await run(['run', '-b', none, 'web'])).stderr).toBe(
      'vitrine-oci: process.execCPUAffinity.final: 3-1: must be a list of CPUs such as 0-3,7\n',
    )
  })

  it('executes nothing in one that is paused, or with --ignore-paused as soon as it goes on', async () => {
    await ok(['run', '-d', '-b', bundle({ args: waits }), 'web'])
    await ok(['pause', 'web'])
    expect((await run(['exec', 'web', 'true'])).stderr).toBe(
      'vitrine-oci: cannot execute a process in container web: it is paused\n',
    )
    const executed = run(['exec', '--ignore-paused', 'web', 'echo', 'done'])
    const early = await Promise.race([executed, new Promise((resolve) => setTimeout(resolve, 500, 'still paused'))])
    expect(early).toBe('still paused')
    await ok(['resume', 'web'])
    expect(await executed).toEqual({ code: 0, stdout: 'done\n', stderr: '' })
    expect(await status('web')).toBe('running')
    await ok(['delete', '-f', 'web'])
  })

  it('executes a process in a cgroup below that of the container, when there is one', async () => {
    await ok(['run', '-d', '-b', bundle({ args: waits }), 'web'])
    const { cgroups } = JSON.parse(readFileSync(join(runtime.directory, 'state/web/container.json'), 'utf8')) as {
      cgroups: { v1: Record<string, string>; unified?: string }
    }
    const isLegacy = cgroups.v1.pids !== undefined
    const directory = isLegacy ? cgroups.v1.pids! : cgroups.unified!
    const flag = `--cgroup=${isLegacy ? 'pids:' : ''}below`
    expect((await run(['exec', flag, 'web', 'true'])).stderr).toMatch(
      /^vitrine-oci: --cgroup=.*below: there is no cgroup \/.*\/below; make it first\n$/,
    )
    mkdirSync(join(directory, 'below'))
    await ok(['exec', '-d', '--pid-file', join(runtime.directory, 'below'), flag, 'web', 'sleep', '1000'])
    const pid = readFileSync(join(runtime.directory, 'below'), 'utf8')
    expect(readFileSync(join(directory, 'below/cgroup.procs'), 'utf8')).toBe(`${pid}\n`)
    expect((await run(['exec', '--cgroup=nosuch:below', 'web', 'true'])).stderr).toBe(
      'vitrine-oci: --cgroup=nosuch:below: the container has no cgroup of its own for nosuch on cgroup v1\n',
    )
    expect((await run(['exec', '--cgroup=../other', 'web', 'true'])).stderr).toMatch(/must be absolute and plain/)
    await ok(['delete', '-f', 'web'])
    await until('the process below is gone', async () => !existsSync(`/proc/${pid}`))
    if (existsSync(join(directory, 'below'))) rmdirSync(join(directory, 'below'))
    expect(existsSync(directory)).toBe(false)
  })

  it('refuses cgroups by systemd where there is none', async () => {
    const path = bundle({ args: ['true'] })
    for (const flag of ['--systemd-cgroup', '--cgroup-manager=systemd']) {
      const { code, stderr } = await run([flag, 'run', '-b', path, 'web'])
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(
          /^vitrine-oci: (no systemd answers: connect to .*|cgroups by systemd need cgroup v2, and this host has \w+): use cgroups by cgroupfs.*\n$/,
        ),
      })
    }
    expect((await run(['--cgroup-manager=other', 'list'])).stderr).toMatch(
      /^vitrine-oci: --cgroup-manager=other: must be /,
    )
    expect(await ok(['list', '-q'])).toBe('')
  })
})
