// Flags that limit: what each makes of the container's cgroup, read as a sceptic would; and update, which changes them.

import { existsSync } from 'node:fs'
import { expect } from 'vitest'
import { cgroupFile, isV2, readCgroup } from '../../scripts/quickstart/cgroup-files.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession, until } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)
const v2 = isV2()
const mega = 1024 * 1024

describe('the limits of a container', () => {
  const { run, ok, waiting, field, remove } = openSession()

  it('are files of its cgroup: memory', async () => {
    const flags = ['--memory=64m', '--memory-swap=96m', '--memory-reservation', '32m']
    const { cgroup, name } = await waiting('memory', flags)
    expect(cgroup('memory', 'memory.max', 'memory.limit_in_bytes')).toBe(String(64 * mega))
    // On v2 swap is counted by itself.
    expect(cgroup('memory', 'memory.swap.max', 'memory.memsw.limit_in_bytes')).toBe(String((v2 ? 32 : 96) * mega))
    expect(cgroup('memory', 'memory.low', 'memory.soft_limit_in_bytes')).toBe(String(32 * mega))
    await remove(name)
    const short = await waiting('short', ['-m', '50m'])
    expect(short.cgroup('memory', 'memory.max', 'memory.limit_in_bytes')).toBe(String(50 * mega))
    expect(await field('short', '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}')).toBe(`${50 * mega} ${100 * mega}`)
    await remove('short')
  })

  it('are files of its cgroup: CPU time and shares', async () => {
    const cpus = await waiting('cpus', ['--cpus=1.5', '--cpu-shares=512'])
    const quota = ({ cgroup }: typeof cpus) =>
      v2 ? cgroup('cpu', 'cpu.max') : `${cgroup('cpu', 'cpu.cfs_quota_us')} ${cgroup('cpu', 'cpu.cfs_period_us')}`
    expect(quota(cpus)).toBe('150000 100000')
    expect(cpus.cgroup('cpu', 'cpu.weight', 'cpu.shares')).toBe(v2 ? '59' : '512')
    const period = await waiting('period', ['--cpu-quota=20000', '--cpu-period=50000', '-c', '2048'])
    expect(quota(period)).toBe('20000 50000')
    expect(period.cgroup('cpu', 'cpu.weight', 'cpu.shares')).toBe(v2 ? '174' : '2048')
    expect(await field('period', '{{.HostConfig.CpuQuota}} {{.HostConfig.CpuPeriod}}')).toBe('20000 50000')
    await remove('cpus', 'period')
  })

  it('are files of its cgroup: processes, 2048 unless said', async () => {
    const few = await waiting('few', ['--pids-limit=17'])
    const usual = await waiting('usual')
    const many = await waiting('many', ['--pids-limit=-1'])
    expect([few, usual, many].map(({ cgroup }) => cgroup('pids', 'pids.max'))).toEqual(['17', '2048', 'max'])
    await remove('few', 'usual', 'many')
  })

  it('are files of its cgroup: weight of block input and output', async () => {
    const { cgroup } = await waiting('weight', ['--blkio-weight=500'])
    const content = cgroup(v2 ? 'io' : 'blkio', 'blkio.weight', 'blkio.bfq.weight', 'io.bfq.weight', 'io.weight')
    expect(content?.split('\n')[0]).toMatch(v2 ? /^default (500|4950)$/ : /^500$/)
    await remove('weight')
  })

  skipUnless({ ...needsContainers, controllers: ['cpuset'] }).it(
    'are files of its cgroup: CPUs and memory nodes',
    async () => {
      const { cgroup, name } = await waiting('set', ['--cpuset-cpus=0', '--cpuset-mems=0'])
      expect(cgroup('cpuset', 'cpuset.cpus')).toBe('0')
      expect(cgroup('cpuset', 'cpuset.mems')).toBe('0')
      expect(await ok(['exec', name, 'grep', 'Cpus_allowed_list', '/proc/1/status'])).toMatch(/\t0$/)
      await remove(name)
    },
  )

  it('refuse by name the controller that is not there', async () => {
    if (!isUserModeLinux()) return
    const refused = await run(['run', '--rm', '--cpuset-cpus=0', image, 'true'])
    expect(refused.code).toBe(125)
    expect(refused.stderr).toContain('cpuset')
  })

  it('are below --cgroup-parent, and gone with the container', async () => {
    const parent = `/vitrine-test-${process.pid}`
    const { cgroup, id, pid } = await waiting('child', [`--cgroup-parent=${parent}`])
    expect(await field('child', '{{.State.CgroupPath}} {{.HostConfig.CgroupParent}}')).toBe(`${parent}/${id} ${parent}`)
    const { path } = cgroupFile(pid, 'pids', ['cgroup.procs'])!
    expect(path).toContain(`${parent}/${id}`)
    expect(cgroup('pids', 'cgroup.procs')!.split('\n')).toContain(String(pid))
    await remove('child')
    expect(existsSync(path)).toBe(false)
  })

  it('change while it runs by update, and are kept for its next start', async () => {
    const { name, cgroup } = await waiting('changing', ['--memory=64m', '--pids-limit=50'])
    const change = ['--memory=80m', '--memory-swap=80m', '--memory-reservation=40m', '--pids-limit=60', '--cpus=0.5']
    await ok(['update', ...change, '--cpu-shares=256', '--blkio-weight=300', name])
    const look = (read: typeof cgroup) => [
      read('memory', 'memory.max', 'memory.limit_in_bytes'),
      read('memory', 'memory.swap.max', 'memory.memsw.limit_in_bytes'),
      read('memory', 'memory.low', 'memory.soft_limit_in_bytes'),
      read('pids', 'pids.max'),
      read('cpu', 'cpu.max', 'cpu.cfs_quota_us'),
    ]
    const expected = [80 * mega, v2 ? 0 : 80 * mega, 40 * mega, 60, v2 ? '50000 100000' : 50000].map(String)
    expect(look(cgroup)).toEqual(expected)
    expect(await field(name, '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}')).toBe(
      `${80 * mega} 60 500000000`,
    )
    await ok(['update', '--pids-limit', '70', name])
    await ok(['restart', '-t', '0', name])
    const pid = Number(await field(name, '{{.State.Pid}}'))
    expect(readCgroup(pid, 'pids', ['pids.max'])).toBe('70')
    expect(readCgroup(pid, 'memory', ['memory.max', 'memory.limit_in_bytes'])).toBe(String(80 * mega))
    await remove(name)
    expect((await run(['update', '--memory=1g', 'nobody'])).stderr).toContain('no such container')
    expect((await run(['update', 'nobody'])).stderr).toContain('nothing to update')
  })

  it('are enforced: who takes more memory is killed, and inspect says by whom', async () => {
    const hog = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=60M', 'count=1']
    const done = await run(['run', '--name=hog', '--network=none', '-m=20m', '--memory-swap=20m', image, ...hog])
    expect(done.code).toBe(137)
    expect(await field('hog', '{{.State.OOMKilled}} {{.State.ExitCode}} {{.State.Status}}')).toBe('true 137 exited')
    await remove('hog')
  })

  it('are shown by stats beside what is used', async () => {
    await waiting('seen', ['--memory=64m', '--pids-limit=33'])
    const lines = (await ok(['stats', '--no-stream', 'seen'])).split('\n')
    expect(lines[0]).toMatch(
      /^ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET IO +BLOCK IO +PIDS +CPU TIME +AVG CPU %$/,
    )
    expect(lines[1]).toMatch(
      /^[0-9a-f]{12} +seen +[\d.]+% +[\d.]+[kM]?B \/ 67\.11MB +[\d.]+% +.*\b[12] +[\d.]+s +[\d.]+%$/,
    )
    const format = '{{.Name}} {{.PIDsLimit}} {{.MemLimitBytes}}'
    expect(await ok(['stats', '--no-stream', '--format', format])).toBe(`seen 33 ${64 * mega}`)
    expect(JSON.parse(await ok(['stats', '--no-stream', '--no-trunc', '--format=json']))[0].ID).toHaveLength(64)
    await remove('seen')
  })

  it('are looked at again and again by stats, as long as one wants', async () => {
    await waiting('again')
    const looking = await run(['stats', '--interval=1', '--no-reset', '--format', '{{.Name}}', 'again'], {
      timeoutMs: isUserModeLinux() ? 6000 : 3000,
    }).catch((error: Error) => error.message)
    expect(looking).toMatch(/again\nagain\n/)
    await remove('again')
    await until('it is gone', async () => (await ok(['ps', '-aq'])) === '')
  })
})
