// podman, which nobody here wrote, with vitrine-oci as its runtime: its own output and exit codes, and nothing left behind.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { needsOci, ociLauncher } from '../support/bundle.ts'
import { programPath, skipUnless } from '../support/needs.ts'
import { openPodman } from '../support/podman.ts'

const { describe, it } = skipUnless(needsOci('podman', 'conmon'))

describe('podman with vitrine-oci', () => {
  const { directory, podman, ok, own } = openPodman()
  const run = (flags: readonly string[], ...command: string[]) => podman('run', '--rm', ...flags, ...own(), ...command)

  it('runs containers, and tells their exit codes, also of programs that are not there or cannot be executed', () => {
    expect(run([], 'echo', 'hi')).toEqual({ code: 0, stdout: 'hi\n', stderr: '' })
    expect(run([], 'sh', '-c', 'exit 7').code).toBe(7)
    const missing = run([], 'nosuch')
    expect(missing.code).toBe(127)
    expect(missing.stderr).toMatch(/executable file `nosuch` not found in \$PATH/)
    expect(run([], '/etc').code).toBe(126)
  })

  it('limits and confines them as podman asks', () => {
    const flags = [
      '--memory=64m',
      '--pids-limit=50',
      '--user=1000:1000',
      '--read-only',
      '--tmpfs=/tmp',
      '--cap-drop=all',
    ]
    const shown = run(
      flags,
      'sh',
      '-c',
      'id -u; grep CapBnd /proc/self/status; touch /file 2>&1; echo x >/tmp/x && cat /tmp/x',
    )
    expect(shown.stdout).toBe('1000\nCapBnd:\t0000000000000000\ntouch: /file: Read-only file system\nx\n')
  })

  it('gives a terminal through the console socket', () => {
    const { code, stdout } = run(['-t'], 'sh', '-c', 'tty; echo $TERM')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '/dev/pts/0\r\nxterm\r\n' })
  })

  it('runs further processes in one that runs, pauses and stops it', () => {
    ok('run', '-d', '--name=web', ...own(), 'sh', '-c', 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done')
    expect(ok('exec', 'web', 'echo', 'inside')).toBe('inside')
    expect(podman('exec', 'web', 'sh', '-c', 'exit 9').code).toBe(9)
    expect(ok('exec', '-t', 'web', 'tty')).toBe('/dev/pts/0')
    ok('pause', 'web')
    expect(ok('inspect', '--format', '{{.State.Status}}', 'web')).toBe('paused')
    ok('unpause', 'web')
    expect(ok('stats', '--no-stream', '--format', '{{.PIDs}}', 'web')).toMatch(/^\d+$/)
    expect(ok('top', 'web', 'pid', 'args')).toMatch(/^PID +COMMAND\n1 +sh -c /)
    ok('stop', '-t', '5', 'web')
    expect(ok('inspect', '--format', '{{.State.ExitCode}} {{.OCIRuntime}}', 'web')).toBe(`0 ${ociLauncher}`)
    expect(ok('logs', 'web')).toBe('up')
    ok('start', 'web')
    ok('kill', '-s', 'KILL', 'web')
    expect(ok('wait', 'web')).toBe('137')
    ok('rm', 'web')
  })

  it('builds an image: each step of it is a container of the runtime', () => {
    const context = join(directory(), 'context')
    mkdirSync(context)
    copyFileSync(programPath('busybox')!, join(context, 'busybox'))
    const steps = [
      'FROM scratch',
      'COPY busybox /bin/busybox',
      'RUN ["/bin/busybox", "mkdir", "/made"]',
      'RUN ["/bin/busybox", "sh", "-c", "id -u >/made/id; exit 0"]',
    ]
    writeFileSync(join(context, 'Containerfile'), steps.join('\n'))
    // One that writes down how it is called.
    const calls = join(directory(), 'calls')
    const witness = join(directory(), 'witness')
    writeFileSync(witness, `#!/bin/sh\necho "$1" >>'${calls}'\nexec '${ociLauncher}' "$@"\n`, { mode: 0o755 })
    ok('--runtime', witness, 'build', '--network=none', '-t', 'made', context)
    const counted = readFileSync(calls, 'utf8')
      .split('\n')
      .filter((call) => call === 'create' || call === 'delete')
    expect(counted).toEqual(['create', 'delete', 'create', 'delete'])
    expect(ok('run', '--rm', '--network=none', 'made', '/bin/busybox', 'cat', '/made/id')).toBe('0')
    writeFileSync(join(context, 'Containerfile'), [...steps, 'RUN ["/bin/busybox", "false"]'].join('\n'))
    expect(podman('build', '--network=none', context).code).not.toBe(0)
    ok('rmi', '-f', 'made')
  })

  it('runs containers of other users and of a pod, and asks after their health', () => {
    const mapped = run(
      ['--uidmap=0:100000:65536', '--gidmap=0:100000:65536'],
      'sh',
      '-c',
      'id -u; cat /proc/self/uid_map',
    )
    expect(mapped.stdout.split(/\s+/).filter(Boolean)).toEqual(['0', '0', '100000', '65536'])
    ok('pod', 'create', '--infra=false', '--name=pod')
    expect(run(['--pod=pod'], 'echo', 'inside').stdout).toBe('inside\n')
    ok('pod', 'rm', '-f', 'pod')
    const health = ['--health-cmd=test -e /healthy', '--health-interval=disable', '--health-retries=1']
    ok('run', '-d', '--name=ill', ...health, ...own(), 'sleep', '1000')
    expect(podman('healthcheck', 'run', 'ill').code).toBe(1)
    ok('exec', 'ill', 'touch', '/healthy')
    expect(podman('healthcheck', 'run', 'ill').code).toBe(0)
    ok('rm', '-f', '-t', '0', 'ill')
  })

  it('tells a container that the kernel killed for memory', () => {
    const hungry = ['sh', '-c', 'x=1; while :; do x=$x$x; done']
    podman('run', '--name=hog', '--memory=16m', '--memory-swap=16m', ...own(), ...hungry)
    expect(ok('inspect', '--format', '{{.State.ExitCode}} {{.State.OOMKilled}}', 'hog')).toMatch(/^137 /)
    ok('rm', 'hog')
  })
})
