// vitrine-oci by hand: what each command does, and what it says when it cannot. OCI runtime spec, runtime.md.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { capabilityNames } from '../../core/spec/names.ts'
import { needsOci, ociLauncher, openRuntime } from '../support/bundle.ts'
import { until } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(needsOci())
/** Ends with 3 at a SIGTERM, and says when it can. */
const waits = ['sh', '-c', 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done']

describe('vitrine-oci', () => {
  const runtime = openRuntime()
  const { run, ok, bundle, status } = runtime
  const sentence = (stderr: string) => stderr.replace(/^vitrine-oci: (.*)\n$/, '$1')

  it('runs a bundle in the foreground, with its output and exit code, and leaves nothing', async () => {
    const path = bundle({ args: ['sh', '-c', 'echo out; echo err >&2; hostname; echo $$; exit 7'] })
    expect(await run(['run', '--bundle', path, 'web'])).toEqual({
      code: 7,
      stdout: 'out\nvitrine\n1\n',
      stderr: 'err\n',
    })
    expect(await ok(['list', '-q'])).toBe('')
    expect(readdirSync(join(runtime.directory, 'state'))).toEqual([])
  })

  it('gives the program its standard input', async () => {
    const path = bundle({ args: ['cat'] })
    expect((await run(['run', '-b', path, 'web'], { stdin: 'what is said\n' })).stdout).toBe('what is said\n')
  })

  it('goes from creating to created, running, paused, running, stopped, and is gone', async () => {
    const path = bundle({ args: waits })
    const pidFile = join(runtime.directory, 'pid')
    await ok(['create', '--bundle', path, '--pid-file', pidFile, 'web'])
    const state = JSON.parse(await ok(['state', 'web'])) as Record<string, unknown>
    expect(state).toMatchObject({ ociVersion: '1.2.0', id: 'web', status: 'created', bundle: path })
    expect(state.pid).toBe(Number(readFileSync(pidFile, 'utf8')))
    expect((await run(['create', '--bundle', path, 'web'])).stderr).toBe(
      'vitrine-oci: container with id web exists already\n',
    )
    await ok(['start', 'web'])
    expect(await status('web')).toBe('running')
    expect((await run(['start', 'web'])).stderr).toMatch(/^vitrine-oci: cannot start container web: it is running\n$/)
    await ok(['pause', 'web'])
    expect(await status('web')).toBe('paused')
    await ok(['resume', 'web'])
    expect(await status('web')).toBe('running')
    expect((await run(['delete', 'web'])).stderr).toMatch(
      /^vitrine-oci: cannot delete container web: it is not stopped: running; /,
    )
    await ok(['kill', 'web'])
    await until('it has ended', async () => (await status('web')) === 'stopped')
    expect((await run(['kill', 'web'])).stderr).toBe('vitrine-oci: cannot kill container web: container not running\n')
    await ok(['delete', 'web'])
    expect((await run(['state', 'web'])).stderr).toBe('vitrine-oci: container "web" does not exist\n')
    expect((await run(['delete', 'web'])).code).toBe(1)
    await ok(['delete', '--force', 'web'])
  })

  it('executes in, updates and pauses one that is created, which starts afterwards', async () => {
    await ok(['create', '-b', bundle({ args: waits }), 'web'])
    expect(await ok(['exec', 'web', 'sh', '-c', 'hostname; readlink /proc/1/root || echo hidden'])).toBe(
      'vitrine\nhidden',
    )
    await ok(['update', '--memory', '67108864', 'web'])
    await ok(['pause', 'web'])
    expect(await status('web')).toBe('paused')
    expect((await run(['start', 'web'])).stderr).toBe('vitrine-oci: cannot start container web: it is paused\n')
    await ok(['resume', 'web'])
    expect(await status('web')).toBe('created')
    expect((await run(['resume', 'web'])).stderr).toBe(
      'vitrine-oci: cannot resume container web: it is not paused: created\n',
    )
    await ok(['start', 'web'])
    expect(await status('web')).toBe('running')
    expect(JSON.parse(await ok(['events', '--stats', 'web'])).data.memory.usage.limit).toBe(67108864)
    await ok(['pause', 'web'])
    await ok(['resume', 'web'])
    expect(await status('web')).toBe('running')
    await ok(['kill', 'web'])
    await until('it has ended', async () => (await status('web')) === 'stopped')
    for (const [command, ...more] of [['exec', 'true'], ['update', '--memory', '1'], ['pause']] as const) {
      const { code, stderr } = await run([command, 'web', ...more])
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^vitrine-oci: cannot \S+ .*container web: it is stopped\n$/),
      })
    }
    await ok(['delete', 'web'])
    await ok(['create', '-b', bundle({ args: waits }), 'web'])
    await ok(['pause', 'web'])
    await ok(['delete', '--force', 'web'])
  })

  it('shows nothing of the host to one that is executed while the other has not started', async () => {
    const all = capabilityNames
    const capabilities = { bounding: all, effective: all, permitted: all }
    const script = 'ls -l /proc/1/fd | grep -vE " (0|1|2|100[0-9]) ->"; ls -l /proc/1/cwd /proc/1/root'
    const path = bundle({ args: waits, capabilities }, (spec) => ({
      ...spec,
      linux: {
        ...spec.linux,
        sysctl: { 'net.ipv4.ip_unprivileged_port_start': '81' },
        namespaces: [...spec.linux!.namespaces!, { type: 'user' }],
        uidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
        gidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
      },
    }))
    await ok(['create', '-b', path, 'web'])
    const shown = await ok(['exec', 'web', 'sh', '-c', script])
    expect(shown.split('\n').map((line) => line.replace(/^.* (\/\S+ -> )/, '$1'))).toEqual([
      'total 0',
      '/proc/1/cwd -> /',
      '/proc/1/root -> /',
    ])
    await ok(['delete', '--force', 'web'])
  })

  it('kills one that was created and never started, and one that is paused', async () => {
    const path = bundle({ args: waits })
    await ok(['create', '-b', path, 'one'])
    await ok(['kill', 'one', 'KILL'])
    await until('it has ended', async () => (await status('one')) === 'stopped')
    expect((await run(['start', 'one'])).stderr).toBe('vitrine-oci: cannot start container one: it is stopped\n')
    await ok(['delete', 'one'])
    await ok(['run', '-d', '-b', path, 'two'])
    await ok(['pause', 'two'])
    await ok(['delete', '--force', 'two'])
  })

  it('executes further processes: from flags, from a file, detached', async () => {
    const path = bundle({ args: waits })
    await ok(['run', '--detach', '-b', path, 'web'])
    expect(await run(['exec', '--env', 'A=b', '--cwd', '/tmp', 'web', 'sh', '-c', 'echo $A; pwd; exit 5'])).toEqual({
      code: 5,
      stdout: 'b\n/tmp\n',
      stderr: '',
    })
    expect(await ok(['exec', '--user', '1000:100', 'web', 'sh', '-c', 'id -u; id -g'])).toBe('1000\n100')
    const file = join(runtime.directory, 'process.json')
    writeFileSync(file, JSON.stringify({ user: { uid: 1, gid: 2 }, args: ['id', '-u'], cwd: '/', env: ['PATH=/bin'] }))
    expect(await ok(['exec', '--process', file, 'web'])).toBe('1')
    const pidFile = join(runtime.directory, 'exec-pid')
    await ok(['exec', '-d', '--pid-file', pidFile, 'web', 'sleep', '1000'])
    const pids = JSON.parse(await ok(['ps', '--format', 'json', 'web'])) as number[]
    expect(pids).toContain(Number(readFileSync(pidFile, 'utf8')))
    // Without a column of times, which ps(1) cannot compute in user-mode Linux.
    expect(await ok(['ps', 'web', '-A', '-o', 'pid,args'])).toMatch(/sleep 1000/)
    expect((await run(['exec', 'web', 'nosuch'])).code).toBe(127)
    await ok(['delete', '-f', 'web'])
    expect(existsSync(`/proc/${readFileSync(pidFile, 'utf8')}`)).toBe(false)
  })

  it('finds out at create that there is no such program', async () => {
    for (const [args, code, what] of [
      [['nosuch'], 127, 'executable file `nosuch` not found in $PATH'],
      [['/bin/nosuch'], 127, 'cannot execute `/bin/nosuch`: no such file or directory, or its interpreter is missing'],
    ] as const) {
      const created = await run(['create', '-b', bundle({ args }), 'web'])
      expect({ ...created, stderr: sentence(created.stderr) }).toEqual({ code, stdout: '', stderr: what })
    }
    const directory = await run(['run', '-b', bundle({ args: ['/bin'] }), 'web'])
    expect(directory.code).toBe(126)
    expect(await ok(['list', '-q'])).toBe('')
  })

  it('changes limits while it runs, and tells what it uses', async () => {
    await ok(['run', '-d', '-b', bundle({ args: waits }), 'web'])
    await ok(['update', '--memory', '67108864', '--kernel-memory', '1', 'web'])
    const file = join(runtime.directory, 'resources.json')
    writeFileSync(file, JSON.stringify({ pids: { limit: 33 } }))
    await ok(['update', '--resources', file, 'web'])
    const { type, id, data } = JSON.parse(await ok(['events', '--stats', 'web']))
    expect({ type, id }).toEqual({ type: 'stats', id: 'web' })
    expect(data.pids.limit).toBe(33)
    expect(data.memory.usage.limit).toBe(67108864)
    expect(data.cpu.usage.total).toBeGreaterThan(0)
    await ok(['delete', '-f', 'web'])
  })

  it('hands on descriptors with --preserve-fds, and no others', async () => {
    const path = bundle({
      args: ['sh', '-c', 'cat <&3; ls -l /proc/self/fd | wc -l; [ -e /proc/self/fd/4 ] || echo no 4'],
    })
    const input = join(runtime.directory, 'handed')
    writeFileSync(input, 'handed on\n')
    const script = 'exec 3<"$1" 4<"$1"; shift; exec "$@"'
    const argv = [process.execPath, '--', ociLauncher, '--root', join(runtime.directory, 'state')]
    const child = spawn('sh', ['-c', script, 'sh', input, ...argv, 'run', '--preserve-fds', '1', '-b', path, 'web'])
    let out = ''
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString()
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^handed on\n\d+\nno 4\n$/) })
  })

  it('logs errors in the format that the caller reads', async () => {
    const log = join(runtime.directory, 'log.json')
    const failed = await run(['--log', log, '--log-format', 'json', 'state', 'nosuch'])
    expect(failed).toEqual({ code: 1, stdout: '', stderr: 'vitrine-oci: container "nosuch" does not exist\n' })
    expect(JSON.parse(readFileSync(log, 'utf8'))).toMatchObject({
      level: 'error',
      msg: 'container "nosuch" does not exist',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    })
    const text = join(runtime.directory, 'log.text')
    await run(['--log', `file:${text}`, 'state', 'nosuch'])
    expect(readFileSync(text, 'utf8')).toMatch(/^time="\S+" level=error msg="container \\"nosuch\\" does not exist"\n$/)
    expect((await run(['--log', 'syslog:web', 'state', 'nosuch'])).stderr).toBe(
      'vitrine-oci: --log=syslog:web: syslog is not supported; give a file\n',
    )
  })

  it('says what is wrong with a bundle, and leaves nothing of it', async () => {
    const directory = join(runtime.directory, 'bad')
    mkdirSync(directory)
    const config = join(directory, 'config.json')
    const failing = async (text: string | undefined, id = 'web') => {
      if (text !== undefined) writeFileSync(config, text)
      const { code, stderr } = await run(['create', '-b', directory, id])
      expect(code).toBe(1)
      return sentence(stderr)
    }
    expect(await failing(undefined)).toBe(`the bundle has no ${config}: no such file`)
    expect(await failing('{')).toMatch(/is no JSON/)
    expect(await failing('[]')).toBe(`${config}: config.json: must be an object`)
    const spec = JSON.parse(readFileSync(join(bundle({ args: ['true'] }), 'config.json'), 'utf8'))
    const changed = (change: object) => JSON.stringify({ ...spec, ...change })
    expect(await failing(changed({ process: { ...spec.process, args: 'true' } }))).toMatch(/process\.args/)
    expect(await failing(changed({ root: { path: 'nowhere' } }))).toMatch(
      /root\.path: .*\/bad\/nowhere: no such directory$/,
    )
    expect(
      await failing(
        changed({
          hostname: undefined,
          linux: { namespaces: [{ type: 'mount' }, { type: 'network', path: '/nowhere' }] },
        }),
      ),
    ).toMatch(/open the network namespace \/nowhere: ENOENT/)
    for (const id of ['', '..', '.', 'a/b', '../web', 'a b'])
      expect(await failing(undefined, id)).toMatch(/container id/)
    expect(readdirSync(join(runtime.directory, 'state'))).toEqual([])
  })

  it('begins a tmpfs with tmpcopyup with what the image has there, and not with what a link leads to', async () => {
    mkdirSync(join(runtime.rootfs, 'kept/sub'), { recursive: true })
    writeFileSync(join(runtime.rootfs, 'kept/sub/file'), 'kept\n')
    symlinkSync('/etc', join(runtime.rootfs, 'kept/link'))
    const path = bundle({ args: ['sh', '-c', 'cat /kept/sub/file; readlink /kept/link; echo >/kept/new'] }, (spec) => ({
      ...spec,
      mounts: [
        ...spec.mounts!,
        { destination: '/kept', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'size=1m'] },
      ],
    }))
    expect(await run(['run', '-b', path, 'web'])).toEqual({ code: 0, stdout: 'kept\n/etc\n', stderr: '' })
    expect(readdirSync(join(runtime.rootfs, 'kept')).sort()).toEqual(['link', 'sub'])
  })

  it('refuses root where no cgroup can be made, also without limits: its rules for devices hold in one', async () => {
    const path = bundle({ args: ['true'] })
    // In a mount namespace of its own.
    const readOnly =
      'grep -o " /sys/fs/cgroup[^ ]* " /proc/mounts | while read at; do mount -o remount,bind,ro $at; done'
    const words = [
      process.execPath,
      '--',
      ociLauncher,
      '--root',
      join(runtime.directory, 'state'),
      'run',
      '-b',
      path,
      'x',
    ]
    const ran = spawnSync('unshare', ['-m', 'sh', '-c', `${readOnly}; exec "$0" "$@"`, ...words], { encoding: 'utf8' })
    expect([ran.status, ran.stderr]).toEqual([1, expect.stringMatching(/cgroup.*(EROFS|read-only)/)])
    expect(readdirSync(join(runtime.directory, 'state'))).toEqual([])
  })
})
