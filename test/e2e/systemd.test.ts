// vitrine where systemd is the init: containers in scopes of systemd's, and those of the ones who ask for cgroupfs.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type CliResult, launcher, stateOptions } from '../support/cli.ts'
import { busyboxRoot } from '../support/engine.ts'
import { until } from '../support/faults.ts'
import { hostState, settledChanges } from '../support/host.ts'
import { skipUnless } from '../support/needs.ts'
import { managersUser, needsSystemd, type Systemd, startSystemd } from '../support/systemd.ts'

const { describe, it } = skipUnless({
  ...needsSystemd,
  natives: true,
  seccompFilters: true,
  cgroupBpf: true,
  programs: [...needsSystemd.programs!, 'busybox'],
})

describe('vitrine with systemd', () => {
  let directory = ''
  let rootfs = ''
  let systemd: Systemd
  let before: ReturnType<typeof hostState>
  beforeAll(async () => {
    before = hostState()
    directory = mkdtempSync(join(tmpdir(), 'vitrine-systemd-'))
    rootfs = busyboxRoot(directory)
    systemd = await startSystemd(directory)
  })
  afterAll(async () => {
    await systemd.end()
    rmSync(directory, { recursive: true, force: true })
    expect(await settledChanges(before)).toEqual([])
  })

  const vitrine = (...argv: string[]) => started(systemd.within(), directory, argv)
  async function started(within: readonly string[], place: string, argv: readonly string[]): Promise<CliResult> {
    const state = stateOptions(place).slice(0, 4)
    const [program, ...words] = [...within, process.execPath, launcher, ...state, ...argv]
    const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'pipe'] })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text
      })
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 255)))
    return { ...texts, code }
  }
  const ok = async (...argv: string[]) => {
    const { code, stdout, stderr } = await vitrine(...argv)
    expect({ code, stderr }, argv.join(' ')).toEqual({ code: 0, stderr: '' })
    return stdout.trim()
  }
  const runIn = (root: string, ...flags: string[]) => [
    'run',
    '-d',
    '--network=none',
    '--stop-timeout=0',
    ...flags,
    '--rootfs',
    root,
    'sleep',
    '1000',
  ]
  const run = (...flags: string[]) => runIn(rootfs, ...flags)
  const place = (path: string) => `/sys/fs/cgroup/vitrine-systemd${path}`
  const read = (path: string, name: string) => readFileSync(`${place(path)}/${name}`, 'utf8').trim()
  const units = () => systemd.run('systemctl', 'list-units', '--all', '--no-legend', '--plain', 'vitrine-*.scope')

  it('has a container in a scope of machine.slice, whose limits update changes in systemd and in the files', async () => {
    const id = await ok(...run('--name=web', '--memory=64m', '--cpus=0.5', '--pids-limit=20'))
    const unit = `vitrine-${id}.scope`
    const path = `/machine.slice/${unit}/container`
    expect(await ok('inspect', '--format', '{{.State.CgroupPath}} {{.HostConfig.CgroupManager}}', 'web')).toBe(
      `${path} systemd`,
    )
    const names = ['ControlGroup', 'Description', 'MemoryMax', 'CPUQuotaPerSecUSec', 'TasksMax']
    expect(systemd.show(unit, ...names)).toEqual({
      ControlGroup: `/machine.slice/${unit}`,
      Description: `container web ${id.slice(0, 12)}`,
      MemoryMax: '67108864',
      CPUQuotaPerSecUSec: '500ms',
      TasksMax: '21',
    })
    expect([read(path, 'memory.max'), read(path, 'cpu.max'), read(path, 'pids.max')]).toEqual([
      '67108864',
      '50000 100000',
      '20',
    ])
    expect(await ok('exec', 'web', 'cat', '/proc/self/cgroup')).toBe('0::/')
    await ok('update', '--memory=128m', 'web')
    expect(systemd.show(unit, 'MemoryMax').MemoryMax).toBe('134217728')
    expect(read(path, 'memory.max')).toBe('134217728')
    expect(read(`/machine.slice/${unit}`, 'memory.max')).toBe('134217728')
    expect(await ok('stats', '--no-stream', '--format', '{{.PIDs}}', 'web')).toBe('1')
    await ok('pause', 'web')
    await ok('unpause', 'web')
    await ok('stop', 'web')
    expect(units()).toBe('')
    // A scope of its own again, with the limits as they are by now.
    await ok('start', 'web')
    expect(systemd.show(unit, 'MemoryMax', 'ActiveState')).toEqual({ MemoryMax: '134217728', ActiveState: 'active' })
    await ok('rm', '-f', '-t', '0', 'web')
    expect(units()).toBe('')
    expect(existsSync(place(`/machine.slice/${unit}`))).toBe(false)
  })

  it('leaves nothing of one that ends by itself, or cannot be started', async () => {
    await ok('run', '--rm', '--network=none', '--pids-limit=1', '--rootfs', rootfs, 'true')
    expect((await vitrine('run', '--rm', '--network=none', '--rootfs', rootfs, 'nosuch')).code).toBe(127)
    const id = await ok('run', '-d', '--rm', '--network=none', '--rootfs', rootfs, 'sleep', '0.2')
    await until('its monitor has cleaned up', async () => !existsSync(place(`/machine.slice/vitrine-${id}.scope`)))
    await until('its unit is gone', async () => units() === '')
    await until('it is forgotten', async () => (await ok('ps', '-aq')) === '')
  })

  it('tells that the kernel has killed for want of memory, although the scope goes with its last process', async () => {
    const hog = 'x=1; while :; do x=$x$x; done'
    for (let round = 0; round < 3; round++) {
      const flags = ['--name=hog', '--network=none', '--memory=16m', '--memory-swap=16m']
      await vitrine('run', ...flags, '--rootfs', rootfs, 'sh', '-c', hog)
      expect(await ok('inspect', '--format', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'hog')).toBe('true 137')
      await ok('rm', 'hog')
    }
  })

  it('takes a slice as --cgroup-parent, and a path for a cgroup of its own', async () => {
    const id = await ok(...run('--name=web', '--cgroup-parent=a-b.slice'))
    expect(existsSync(place(`/a.slice/a-b.slice/vitrine-${id}.scope`))).toBe(true)
    expect(await ok('inspect', '--format', '{{.HostConfig.CgroupParent}}', 'web')).toBe('a-b.slice')
    await ok('rm', '-f', '-t', '0', 'web')
    const path = await ok(...run('--name=web', '--cgroup-parent=/mine'))
    expect(existsSync(place(`/mine/${path}`))).toBe(true)
    await ok('rm', '-f', '-t', '0', 'web')
    expect(existsSync(place('/mine'))).toBe(false)
    const other = await ok('--cgroup-manager=cgroupfs', ...run('--name=web'))
    expect(await ok('inspect', '--format', '{{.State.CgroupPath}} {{.HostConfig.CgroupManager}}', 'web')).toBe(
      `/vitrine/${other} cgroupfs`,
    )
    await ok('rm', '-f', '-t', '0', 'web')
    expect((await vitrine('--cgroup-manager=systemd', ...run('--cgroup-parent=/mine'))).stderr).toBe(
      'vitrine: --cgroup-parent=/mine: with systemd it must be a slice, like machine.slice\n',
    )
  })

  it.each([
    ['of its manager', true],
    ['of a login elsewhere', false],
  ])('has those of somebody who is not root in scopes of their own manager, from a cgroup %s', async (_, inside) => {
    systemd.run('systemctl', 'start', 'manager.service')
    const home = mkdtempSync('/tmp/vitrine-user-')
    const own = busyboxRoot(home)
    spawnSync('chown', ['-R', `${managersUser}:${managersUser}`, home])
    const user = async (...argv: string[]) => {
      const { code, stdout, stderr } = await started(systemd.asUser(inside), home, argv)
      expect({ code, stderr }, argv.join(' ')).toEqual({ code: 0, stderr: '' })
      return stdout.trim()
    }
    try {
      const id = await user(...runIn(own, '--name=web', '--memory=64m', '--pids-limit=20'))
      const path = `/system.slice/manager.service/user.slice/vitrine-${id}.scope/container`
      expect(await user('inspect', '--format', '{{.State.CgroupPath}} {{.HostConfig.CgroupManager}}', 'web')).toBe(
        `${path} systemd`,
      )
      expect([read(path, 'memory.max'), read(path, 'pids.max')]).toEqual(['67108864', '20'])
      expect(read(path, 'cgroup.procs')).toMatch(/^\d+$/)
      await user('exec', 'web', 'true')
      await user('update', '--memory=128m', 'web')
      expect(read(path, 'memory.max')).toBe('134217728')
      await user('rm', '-f', '-t', '0', 'web')
      expect(existsSync(dirname(place(path)))).toBe(false)
    } finally {
      systemd.run('systemctl', 'stop', 'manager.service')
      rmSync(home, { recursive: true, force: true })
    }
  })

  it('tells who makes the cgroups', async () => {
    expect(await ok('info', '--format', '{{.host.cgroupManager}}')).toBe('systemd')
    expect(await ok('--cgroup-manager=cgroupfs', 'info', '--format', '{{.host.cgroupManager}}')).toBe('cgroupfs')
    expect(await ok('run', '--dry-run', '--network=none', '--rootfs', rootfs, 'true')).toMatch(
      /^# for the cgroup: systemd makes vitrine-[0-9a-f]+\.scope in machine\.slice \(StartTransientUnit\)/m,
    )
  })
})
