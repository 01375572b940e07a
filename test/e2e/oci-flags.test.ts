// Flags of vitrine-oci that change one thing each. runc-run(8), runc-exec(8), crun(1).

import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { LinuxMemoryPolicy, Process } from '../../core/spec/types.ts'
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

  it('takes memory from the nodes that the bundle says, also for further processes', async () => {
    const withPolicy = (memoryPolicy: LinuxMemoryPolicy, args: readonly string[]) =>
      bundle({ args }, (spec) => ({ ...spec, linux: { ...spec.linux, memoryPolicy } }))
    const refused = async (policy: LinuxMemoryPolicy) =>
      (await run(['run', '-b', withPolicy(policy, ['true']), 'web'])).stderr
    expect(await refused({ mode: 'MPOL_NEAR' })).toBe(
      'vitrine-oci: linux.memoryPolicy.mode: MPOL_NEAR: Linux has no such policy\n',
    )
    expect(await refused({ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_FAR'] })).toBe(
      'vitrine-oci: linux.memoryPolicy.flags: MPOL_F_FAR: Linux has no such flag\n',
    )
    expect(await refused({ mode: 'MPOL_INTERLEAVE' })).toBe(
      'vitrine-oci: linux.memoryPolicy.nodes: MPOL_INTERLEAVE needs memory nodes, such as 0-3,7\n',
    )
    expect(await refused({ mode: 'MPOL_LOCAL', nodes: '0' })).toBe(
      'vitrine-oci: linux.memoryPolicy.nodes: MPOL_LOCAL takes no nodes; leave them out\n',
    )
    expect(await refused({ mode: 'MPOL_BIND', nodes: 'all' })).toBe(
      'vitrine-oci: linux.memoryPolicy.nodes: all: must be a list of memory nodes such as 0-3,7\n',
    )
    // The kernel knows how many nodes there are.
    expect(await refused({ mode: 'MPOL_BIND', nodes: '1000' })).toMatch(/MPOL_BIND from the nodes 1000/)
    const isNuma = existsSync('/proc/self/numa_maps')
    const policy = ['sh', '-c', 'cut -d" " -f2 /proc/self/numa_maps | sort -u']
    const path = withPolicy({ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }, policy)
    if (!isNuma) {
      expect((await run(['run', '-b', path, 'web'])).stderr).toMatch(/MPOL_BIND from the nodes 0.*ENOSYS/)
      return
    }
    expect(await ok(['run', '-b', path, 'web'])).toBe('bind=static:0')
    await ok(['run', '-d', '-b', withPolicy({ mode: 'MPOL_INTERLEAVE', nodes: '0' }, waits), 'web'])
    expect(await ok(['exec', 'web', ...policy])).toBe('interleave:0')
    await ok(['delete', '-f', 'web'])
  })

  it.skipIf(existsSync('/sys/fs/selinux/enforce'))('has no labels where the kernel has no SELinux', async () => {
    const sentence = (field: string) =>
      `vitrine-oci: ${field}: web_t: this kernel has no SELinux, or it is switched off (there is no /sys/fs/selinux/enforce); leave it out\n`
    const labelled = bundle({ args: waits, selinuxLabel: 'web_t' })
    expect((await run(['run', '-b', labelled, 'web'])).stderr).toBe(sentence('process.selinuxLabel'))
    const mounts = bundle({ args: waits }, (spec) => ({ ...spec, linux: { ...spec.linux, mountLabel: 'web_t' } }))
    expect((await run(['run', '-b', mounts, 'web'])).stderr).toBe(sentence('linux.mountLabel'))
    await ok(['run', '-d', '-b', bundle({ args: waits }), 'web'])
    const executed = await run(['exec', '--process-label', 'web_t', 'web', 'true'])
    expect(executed).toEqual({ code: 1, stdout: '', stderr: sentence('process.selinuxLabel') })
    await ok(['delete', '-f', 'web'])
  })

  it('has shares of caches only where resctrl is mounted', async () => {
    const path = bundle({ args: waits }, (spec) => ({
      ...spec,
      linux: { ...spec.linux, intelRdt: { memBwSchema: 'MB:0=50' } },
    }))
    if (!/ - resctrl /.test(readFileSync('/proc/self/mountinfo', 'utf8')))
      expect((await run(['run', '-b', path, 'web'])).stderr).toMatch(
        /^vitrine-oci: linux\.intelRdt: there is no file system resctrl: /,
      )
    await ok(['run', '-d', '-b', bundle({ args: waits }), 'web'])
    expect((await run(['update', '--mem-bw-schema', 'MB:0=50', 'web'])).stderr).toBe(
      'vitrine-oci: cannot update container web: it has no class of resctrl, since its config.json has no linux.intelRdt\n',
    )
    await ok(['delete', '-f', 'web'])
  })

  it('tells what it can do in features, as the specification wants it', async () => {
    const { linux } = JSON.parse(await ok(['features']))
    expect(linux).toMatchObject({
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      netDevices: { enabled: true },
    })
    expect(linux.memoryPolicy.modes.toSorted()).toEqual([
      ...['MPOL_BIND', 'MPOL_DEFAULT', 'MPOL_INTERLEAVE', 'MPOL_LOCAL', 'MPOL_PREFERRED', 'MPOL_PREFERRED_MANY'],
      'MPOL_WEIGHTED_INTERLEAVE',
    ])
    expect(linux.memoryPolicy.flags.toSorted()).toEqual([
      ...['MPOL_F_NUMA_BALANCING', 'MPOL_F_RELATIVE_NODES', 'MPOL_F_STATIC_NODES'],
    ])
    expect(linux.seccomp.actions).toContain('SCMP_ACT_NOTIFY')
    expect(linux.seccomp.supportedFlags).toContain('SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV')
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
