// vitrine-oci --systemd-cgroup with Debian's systemd: scopes, their properties beside the files, and what is left of them.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import type { LinuxResources, Spec } from '../../core/spec/types.ts'
import { needsOci, ociLauncher, openRuntime, specOf } from '../support/bundle.ts'
import { busyboxRoot } from '../support/engine.ts'
import { until } from '../support/faults.ts'
import { programPath, skipUnless } from '../support/needs.ts'
import { managersUser, needsSystemd, type Systemd, startSystemd } from '../support/systemd.ts'

const oci = needsOci()
const { describe, it } = skipUnless({
  ...oci,
  ...needsSystemd,
  programs: [...oci.programs!, ...needsSystemd.programs!],
})
const waits = ['sh', '-c', 'while :; do sleep 0.1; done']
const limits = ['MemoryMax', 'MemoryLow', 'CPUWeight', 'CPUQuotaPerSecUSec', 'CPUQuotaPeriodUSec', 'TasksMax']

const asked: LinuxResources = {
  memory: { limit: 67108864, reservation: 33554432 },
  cpu: { shares: 512, quota: 50000, period: 100000 },
  pids: { limit: 50 },
}

describe('vitrine-oci --systemd-cgroup', () => {
  let directory = ''
  let systemd: Systemd
  const runtime = openRuntime({ within: () => systemd.within(), flags: ['--systemd-cgroup'] })
  const { run, ok, bundle, status } = runtime
  const rootfs = () => runtime.rootfs
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'vitrine-oci-'))
    systemd = await startSystemd(directory)
  })
  afterAll(async () => {
    await systemd.end()
    rmSync(directory, { recursive: true, force: true })
  })

  const limited = (resources: LinuxResources, cgroupsPath?: string, more: Partial<Spec> = {}, args = waits) =>
    bundle({ args }, (spec) => ({
      ...spec,
      ...more,
      linux: {
        ...spec.linux,
        resources: { ...spec.linux?.resources, ...resources },
        ...(cgroupsPath && { cgroupsPath }),
      },
    }))
  const place = (path: string) => `/sys/fs/cgroup/vitrine-systemd${path}`
  const files = (path: string, ...names: string[]) =>
    names.map((name) => readFileSync(`${place(path)}/${name}`, 'utf8').trim())
  const nothingLeft = (unit: string, path: string) => {
    expect(systemd.show(unit, 'LoadState').LoadState).toBe('not-found')
    expect(systemd.run('systemctl', 'list-units', '--all', '--no-legend', '--plain', '*.scope')).not.toContain(unit)
    expect(existsSync(place(path))).toBe(false)
  }

  it('has systemd make a scope with properties that are what the files say, changes both, and leaves nothing', async () => {
    const path = '/machine.slice/libpod-web.scope'
    await ok(['run', '-d', '-b', limited(asked, 'machine.slice:libpod:web'), 'web'])
    const own = [
      'Description',
      'Slice',
      'ControlGroup',
      'Delegate',
      'DefaultDependencies',
      'CollectMode',
      'ActiveState',
    ]
    expect(systemd.show('libpod-web.scope', ...own)).toEqual({
      Description: 'container web',
      Slice: 'machine.slice',
      ControlGroup: path,
      Delegate: 'yes',
      DefaultDependencies: 'no',
      CollectMode: 'inactive-or-failed',
      ActiveState: 'active',
    })
    expect(systemd.show('libpod-web.scope', ...limits)).toEqual({
      MemoryMax: '67108864',
      MemoryLow: '33554432',
      CPUWeight: '59',
      CPUQuotaPerSecUSec: '500ms',
      CPUQuotaPeriodUSec: '100ms',
      TasksMax: '50',
    })
    const names = ['memory.max', 'memory.low', 'cpu.weight', 'cpu.max', 'pids.max']
    expect(files(path, ...names)).toEqual(['67108864', '33554432', '59', '50000 100000', '50'])
    const [pid] = files(path, 'cgroup.procs')[0]!.split('\n')
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toBe(`0::${place(path).slice('/sys/fs/cgroup'.length)}\n`)
    expect(await ok(['exec', 'web', 'cat', '/proc/self/cgroup'])).toBe('0::/')

    await ok(['update', '--memory', '134217728', '--cpu-quota', '33333', '--pids-limit', '0', 'web'])
    expect(systemd.show('libpod-web.scope', ...limits)).toMatchObject({
      MemoryMax: '134217728',
      MemoryLow: '33554432',
      CPUQuotaPerSecUSec: '340ms',
      TasksMax: 'infinity',
    })
    expect(files(path, ...names)).toEqual(['134217728', '33554432', '59', '33333 100000', 'max'])
    // What systemd writes when it reads its units anew is what is there, but for its whole percents.
    systemd.run('systemctl', 'daemon-reload')
    expect(files(path, ...names)).toEqual(['134217728', '33554432', '59', expect.stringMatching(/ 100000$/), 'max'])

    await ok(['pause', 'web'])
    expect(await status('web')).toBe('paused')
    await ok(['resume', 'web'])
    await ok(['delete', '--force', 'web'])
    nothingLeft('libpod-web.scope', path)
  })

  it('names the scope by the container where no path says another, and waits for start', async () => {
    await ok(['create', '-b', limited({}), 'two'])
    expect(systemd.show('vitrine-two.scope', 'ActiveState', 'Slice')).toEqual({
      ActiveState: 'active',
      Slice: 'machine.slice',
    })
    await ok(['start', 'two'])
    await ok(['kill', 'two', 'KILL'])
    await until('it has ended', async () => (await status('two')) === 'stopped')
    await ok(['delete', 'two'])
    nothingLeft('vitrine-two.scope', '/machine.slice/vitrine-two.scope')
  })

  it('makes scopes in slices of slices, with further properties by annotations', async () => {
    const annotations = { 'org.systemd.property.TimeoutStopUSec': 'uint64 7000000' }
    await ok([
      'run',
      '-d',
      '-b',
      limited({ pids: { limit: 1 } }, 'a-b.slice:cri:three', { annotations }, ['sleep', '1000']),
      'three',
    ])
    const path = '/a.slice/a-b.slice/cri-three.scope'
    expect(systemd.show('cri-three.scope', 'TimeoutStopUSec', 'TasksMax', 'ControlGroup')).toEqual({
      TimeoutStopUSec: '7s',
      TasksMax: '1',
      ControlGroup: path,
    })
    expect(files(path, 'pids.max')).toEqual(['1'])
    await ok(['delete', '--force', 'three'])
    nothingLeft('cri-three.scope', path)
  })

  it('leaves no scope when a container cannot be made', async () => {
    const path = bundle({ args: ['/nosuch'] })
    const { code, stderr } = await run(['run', '-b', path, 'four'])
    expect({ code, stderr }).toEqual({
      code: 127,
      stderr: expect.stringMatching(/^vitrine-oci: cannot execute `\/nosuch`: /),
    })
    nothingLeft('vitrine-four.scope', '/machine.slice/vitrine-four.scope')
    const wrong = limited({}, undefined, { annotations: { 'org.systemd.property.NoSuch': "'x'" } })
    expect((await run(['run', '-b', wrong, 'five'])).stderr).toMatch(
      /^vitrine-oci: have systemd make vitrine-five\.scope: Cannot set property NoSuch/,
    )
    nothingLeft('vitrine-five.scope', '/machine.slice/vitrine-five.scope')
    expect((await run(['run', '-b', limited({}, '/machine.slice/six'), 'six'])).stderr).toMatch(
      /^vitrine-oci: linux\.cgroupsPath: .*must be SLICE:PREFIX:NAME/,
    )
    expect(await ok(['list', '-q'])).toBe('')
  })

  it('refuses an update that the kernel refuses, and no property has changed', async () => {
    const annotations = { 'org.systemd.property.TimeoutStopUSec': 'uint64 1000000' }
    await ok(['run', '-d', '-b', limited(asked, undefined, { annotations }), 'web'])
    const before = systemd.show('vitrine-web.scope', ...limits)
    expect((await run(['update', '--memory', '134217728', '--memory-swap', '1000', 'web'])).code).toBe(1)
    expect(systemd.show('vitrine-web.scope', ...limits)).toEqual(before)
    expect(files('/machine.slice/vitrine-web.scope', 'memory.max')).toEqual(['67108864'])
    // Stopped by systemd, as any other unit.
    systemd.run('systemctl', 'stop', 'vitrine-web.scope')
    await until('it has ended', async () => (await status('web')) === 'stopped')
    await ok(['delete', 'web'])
    nothingLeft('vitrine-web.scope', '/machine.slice/vitrine-web.scope')
  })

  it('is found at the bus, and by root without one', async () => {
    const path = bundle({ args: ['true'] })
    const without = async (hidden: string) => {
      systemd.run('mv', hidden, `${hidden}.away`)
      const { code, stderr } = await run(['run', '-b', path, 'web'])
      systemd.run('mv', `${hidden}.away`, hidden)
      expect({ code, stderr }, hidden).toEqual({ code: 0, stderr: '' })
    }
    await without('/run/systemd/private')
    await without('/run/dbus/system_bus_socket')
    nothingLeft('vitrine-web.scope', '/machine.slice/vitrine-web.scope')
  })

  it('asks the manager of a user for the scopes of theirs', () => {
    systemd.run('systemctl', 'start', 'manager.service')
    const home = mkdtempSync('/tmp/vitrine-user-')
    busyboxRoot(home)
    mkdirSync(join(home, 'bundle'))
    const spec = specOf({ args: ['sleep', '1000'] })
    const one = [{ containerID: 0, hostID: managersUser, size: 1 }]
    const ofUser: Spec = {
      ...spec,
      mounts: spec.mounts!.map((mount) => ({ ...mount, options: mount.options?.filter((each) => each !== 'gid=5') })),
      linux: {
        ...spec.linux,
        namespaces: [...spec.linux!.namespaces!, { type: 'user' }],
        uidMappings: one,
        gidMappings: one,
        resources: asked,
      },
    }
    writeFileSync(join(home, 'bundle/config.json'), JSON.stringify(ofUser))
    spawnSync('chown', ['-R', `${managersUser}:${managersUser}`, home])
    const user = (...argv: string[]) => {
      const log = join(home, 'log')
      const words = ['--root', join(home, 'state'), '--log', log, '--systemd-cgroup', ...argv]
      const [program, ...rest] = [...systemd.asUser(), process.execPath, '--', ociLauncher, ...words]
      // The container keeps the streams of whoever creates it.
      const { status } = spawnSync(program!, rest, { stdio: 'ignore' })
      expect(status, `${argv.join(' ')}: ${existsSync(log) && readFileSync(log, 'utf8')}`).toBe(0)
    }
    try {
      user('create', '-b', join(home, 'bundle'), 'web')
      const path = '/system.slice/manager.service/user.slice/vitrine-web.scope'
      expect(files(path, 'memory.max', 'pids.max')).toEqual(['67108864', '50'])
      user('delete', '--force', 'web')
      expect(existsSync(place(path))).toBe(false)
    } finally {
      systemd.run('systemctl', 'stop', 'manager.service')
      rmSync(home, { recursive: true, force: true })
    }
  })

  it.skipIf(programPath('podman') === undefined)('makes the scopes that podman asks for', () => {
    const conf = join(directory, 'containers.conf')
    writeFileSync(conf, '[containers]\ndefault_ulimits = []\n')
    // podman takes no more than 50 characters.
    const state = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'r')]
    const how = ['--cgroup-manager=systemd', '--events-backend=none', '--runtime', ociLauncher]
    const env = ['env', `CONTAINERS_CONF=${conf}`, `PATH=${dirname(process.execPath)}:${process.env.PATH}`]
    const podman = (...words: string[]) => systemd.run(...env, 'podman', ...state, ...how, ...words).trim()
    const flags = ['--network=none', '--memory=64m', '--pids-limit=50', '--stop-timeout=0']
    const id = podman('run', '-d', '--name=web', ...flags, '--rootfs', rootfs(), 'sleep', '1000')
    const unit = `libpod-${id}.scope`
    expect(systemd.show(unit, 'Slice', 'MemoryMax', 'TasksMax')).toEqual({
      Slice: 'machine.slice',
      MemoryMax: '67108864',
      TasksMax: '50',
    })
    expect(files(`/machine.slice/${unit}`, 'memory.max', 'pids.max')).toEqual(['67108864', '50'])
    podman('exec', 'web', 'true')
    podman('rm', '-f', '-t', '0', 'web')
    nothingLeft(unit, `/machine.slice/${unit}`)
    systemd.run('umount', join(directory, 'storage/overlay'))
  })
})
