// vitrine where systemd is the init: containers in scopes of systemd's, and those of the ones who ask for cgroupfs.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type CliResult, launcher, stateOptions } from '../support/cli.ts'
import { busyboxRoot } from '../support/engine.ts'
import { until } from '../support/faults.ts'
import { hostState, settledChanges } from '../support/host.ts'
import { skipUnless } from '../support/needs.ts'
import { needsSystemd, type Systemd, startSystemd } from '../support/systemd.ts'

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

  async function vitrine(...argv: string[]): Promise<CliResult> {
    const [program, ...words] = [
      ...systemd.within(),
      process.execPath,
      launcher,
      ...stateOptions(directory).slice(0, 4),
      ...argv,
    ]
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
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
  const run = (...flags: string[]) => [
    'run',
    '-d',
    '--network=none',
    '--stop-timeout=0',
    ...flags,
    '--rootfs',
    rootfs,
    'sleep',
    '1000',
  ]
  const place = (path: string) => `/sys/fs/cgroup/vitrine-systemd${path}`
  const read = (path: string, name: string) => readFileSync(`${place(path)}/${name}`, 'utf8').trim()
  const units = () => systemd.run('systemctl', 'list-units', '--all', '--no-legend', '--plain', 'vitrine-*.scope')

  it('has a container in a scope of machine.slice, whose limits update changes in systemd and in the files', async () => {
    const id = await ok(...run('--name=web', '--memory=64m', '--cpus=0.5', '--pids-limit=20'))
    const unit = `vitrine-${id}.scope`
    const path = `/machine.slice/${unit}`
    expect(await ok('inspect', '--format', '{{.State.CgroupPath}} {{.HostConfig.CgroupManager}}', 'web')).toBe(
      `${path} systemd`,
    )
    const names = ['ControlGroup', 'Description', 'MemoryMax', 'CPUQuotaPerSecUSec', 'TasksMax']
    expect(systemd.show(unit, ...names)).toEqual({
      ControlGroup: path,
      Description: `container web ${id.slice(0, 12)}`,
      MemoryMax: '67108864',
      CPUQuotaPerSecUSec: '500ms',
      TasksMax: '20',
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
    expect(existsSync(place(path))).toBe(false)
  })

  it('leaves nothing of one that ends by itself, or cannot be started', async () => {
    await ok('run', '--rm', '--network=none', '--pids-limit=1', '--rootfs', rootfs, 'true')
    expect((await vitrine('run', '--rm', '--network=none', '--rootfs', rootfs, 'nosuch')).code).toBe(127)
    const id = await ok('run', '-d', '--rm', '--network=none', '--rootfs', rootfs, 'sleep', '0.2')
    await until('its monitor has cleaned up', async () => !existsSync(place(`/machine.slice/vitrine-${id}.scope`)))
    await until('its unit is gone', async () => units() === '')
    await until('it is forgotten', async () => (await ok('ps', '-aq')) === '')
  })

  it('takes a slice as --cgroup-parent, and a path for a cgroup of its own', async () => {
    const id = await ok(...run('--name=web', '--cgroup-parent=a-b.slice'))
    expect(existsSync(place(`/a.slice/a-b.slice/vitrine-${id}.scope`))).toBe(true)
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

  it('tells who makes the cgroups', async () => {
    expect(await ok('info', '--format', '{{.host.cgroupManager}}')).toBe('systemd')
    expect(await ok('--cgroup-manager=cgroupfs', 'info', '--format', '{{.host.cgroupManager}}')).toBe('cgroupfs')
    expect(await ok('run', '--dry-run', '--network=none', '--rootfs', rootfs, 'true')).toMatch(
      /^# for the cgroup: systemd makes vitrine-[0-9a-f]+\.scope in machine\.slice \(StartTransientUnit\)/m,
    )
  })
})
