// containerd, which nobody here wrote, with vitrine-oci in the place of runc: driven with ctr, as its shim calls a runtime.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { toolsDirectory } from '../fixtures/packages.ts'
import { needsOci, ociLauncher } from '../support/bundle.ts'
import { busyboxRoot } from '../support/engine.ts'
import { until } from '../support/faults.ts'
import { changes, hostState, settledChanges } from '../support/host.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(needsOci('containerd', 'containerd-shim-runc-v2', 'ctr'))

/** What needs file systems or images that no test here has. */
const withoutPlugins = ['grpc.v1.cri', 'snapshotter.v1.btrfs', 'snapshotter.v1.zfs', 'snapshotter.v1.devmapper']

// The launcher's first line asks for node by its name.
const env = { ...process.env, PATH: [dirname(process.execPath), toolsDirectory(), process.env.PATH].join(':') }

describe('containerd with vitrine-oci', () => {
  let directory = ''
  let rootfs = ''
  let daemon: ChildProcess
  let before: ReturnType<typeof hostState>
  const socket = () => join(directory, 'containerd.sock')

  beforeAll(async () => {
    before = hostState()
    directory = mkdtempSync(join(tmpdir(), 'vitrine-containerd-'))
    rootfs = busyboxRoot(directory)
    const config = join(directory, 'config.toml')
    writeFileSync(
      config,
      [
        'version = 2',
        `root = "${join(directory, 'root')}"`,
        `state = "${join(directory, 'state')}"`,
        `disabled_plugins = [${withoutPlugins.map((name) => `"io.containerd.${name}"`).join(', ')}]`,
        ...['[grpc]', `address = "${socket()}"`, '[ttrpc]', `address = "${socket()}.ttrpc"`],
      ].join('\n'),
    )
    // A mount namespace of its own: what it mounts is gone with it.
    daemon = spawn('unshare', ['-m', 'containerd', '-c', config], { env, stdio: 'ignore' })
    await until('containerd answers', async () => ctr('version').code === 0)
  })
  afterAll(async () => {
    for (const id of ctr('task', 'ls', '-q').stdout.split('\n').filter(Boolean)) ctr('task', 'rm', '-f', id)
    const ended = new Promise((resolve) => daemon.once('exit', resolve))
    daemon.kill()
    await ended
    rmSync(directory, { recursive: true, force: true })
    // ctr keeps the cgroup of its namespace.
    for (const change of changes(before, hostState())) {
      const [, parent] = /^cgroup left behind: (\S*\/vitrine-containerd)$/.exec(change) ?? []
      if (parent !== undefined) rmdirSync(parent)
    }
    expect(await settledChanges(before)).toEqual([])
  })

  function ctr(...words: string[]) {
    const argv = ['-a', socket(), '-n', 'vitrine-containerd', ...words]
    const { status, stdout, stderr } = spawnSync('ctr', argv, { encoding: 'utf8', env, cwd: directory })
    return { code: status, stdout, stderr }
  }
  const own = ['--runc-binary', ociLauncher, '--rootfs']
  const run = (flags: readonly string[], id: string, ...command: string[]) =>
    ctr('run', ...flags, ...own, rootfs, id, ...command)
  const ok = (...words: string[]) => {
    const { code, stdout, stderr } = ctr(...words)
    expect(code, `${words.join(' ')}: ${stderr}`).toBe(0)
    return stdout.trim()
  }
  const statusOf = (id: string) =>
    ok('task', 'ls')
      .split('\n')
      .find((line) => line.startsWith(`${id} `))
      ?.split(/ +/)[2]

  it('runs containers, and tells their output and exit codes, also of a program that is not there', () => {
    expect(run(['--rm'], 'one', 'echo', 'hi')).toEqual({ code: 0, stdout: 'hi\n', stderr: '' })
    expect(run(['--rm'], 'one', 'sh', '-c', 'exit 7').code).toBe(7)
    const missing = run(['--rm'], 'one', 'nosuch')
    expect(missing.code).toBe(1)
    expect(missing.stderr).toContain('OCI runtime create failed: executable file `nosuch` not found in $PATH')
  })

  it('runs further processes, pauses, counts and kills one that runs', async () => {
    expect(run(['-d', '--memory-limit', '67108864'], 'web', 'sleep', '1000').code).toBe(0)
    expect(statusOf('web')).toBe('RUNNING')
    expect(ctr('task', 'exec', '--exec-id', 'first', 'web', 'sh', '-c', 'id -u; exit 3')).toMatchObject({
      code: 3,
      stdout: '0\n',
    })
    ok('task', 'pause', 'web')
    expect(statusOf('web')).toBe('PAUSED')
    ok('task', 'resume', 'web')
    expect(statusOf('web')).toBe('RUNNING')
    expect(ok('task', 'metrics', 'web')).toMatch(/^(memory\.usage_limit|memory\.limit_in_bytes) +67108864 *$/m)
    const [, pid] = /^web +(\d+)/m.exec(ok('task', 'ls'))!
    expect(ok('task', 'ps', 'web')).toMatch(new RegExp(`^${pid} `, 'm'))
    ok('task', 'kill', '-s', 'KILL', 'web')
    await until('it has ended', async () => statusOf('web') === 'STOPPED')
    expect(existsSync(`/proc/${pid}`)).toBe(false)
    // With the exit code of what was killed.
    expect(ctr('task', 'rm', 'web').stderr).toMatch(/exit code 137/)
    ok('c', 'rm', 'web')
    expect(ok('c', 'ls', '-q')).toBe('')
  })
})
