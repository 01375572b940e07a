// exec with its flags: another program in a container that runs. podman-exec(1)

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession, until } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

describe('a program executed in a running container', () => {
  const { directory, run, ok, waiting, remove } = openSession()
  const flags = [
    '-e',
    'OF=container',
    '-w',
    '/var',
    '-h',
    'host',
    '--pids-limit=99',
    '--security-opt=no-new-privileges',
  ]

  it('is in its namespaces and cgroup, with its environment, directory and rights', async () => {
    const { name, pid } = await waiting('base', flags)
    const script =
      'for n in cgroup ipc mnt net pid uts; do { readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; } | uniq -c; done'
    const counts = (await ok(['exec', name, 'sh', '-c', script])).split('\n').map((line) => line.trim().split(' ')[0])
    expect(counts).toEqual(['2', '2', '2', '2', '2', '2'])
    expect(await ok(['exec', name, 'sh', '-c', 'echo $OF; pwd; hostname'])).toBe('container\n/var\nhost')
    const compare =
      'diff /proc/self/cgroup /proc/1/cgroup && for f in CapEff CapBnd Seccomp NoNewPrivs; do grep -h ^$f: /proc/self/status /proc/1/status | uniq -c | wc -l; done'
    expect(await ok(['exec', name, 'sh', '-c', compare])).toBe('1\n1\n1\n1')
    expect(pid).toBeGreaterThan(1)
  })

  it('has the environment of -e and --env-file, the directory of -w, the user of -u', async () => {
    const file = join(directory, 'environment')
    writeFileSync(file, 'FILE=from file\n')
    const words = ['-e', 'OF=exec', '--env-file', file, '-w', '/etc', '-u', 'www-data:staff']
    const script = 'echo $OF $FILE; pwd; id -un; id -gn; grep CapEff /proc/self/status'
    expect(await ok(['exec', ...words, 'base', 'sh', '-c', script])).toBe(
      'exec from file\n/etc\nwww-data\nstaff\nCapEff:\t0000000000000000',
    )
    expect(
      await ok(['exec', '--user=1001', '--workdir=/tmp', '--env=A=b', 'base', 'sh', '-c', 'id -u; pwd; echo $A']),
    ).toBe('1001\n/tmp\nb')
  })

  it('has with --privileged all that the caller has', async () => {
    const own = await ok([
      'run',
      '--rm',
      '--network=none',
      '--privileged',
      image,
      'grep',
      'CapEff',
      '/proc/self/status',
    ])
    expect(await ok(['exec', '--privileged', 'base', 'grep', 'CapEff', '/proc/self/status'])).toBe(own)
  })

  it('runs on with -d', async () => {
    expect(await ok(['exec', '--detach', 'base', 'sh', '-c', 'sleep 0.3; echo later >/tmp/later'])).toBe('')
    await until('it has written', async () => (await run(['exec', 'base', 'cat', '/tmp/later'])).stdout === 'later\n')
  })

  it('gives its exit code, and podman its own for what cannot be run', async () => {
    expect(await run(['exec', 'base', 'sh', '-c', 'echo err >&2; exit 17'])).toEqual({
      stdout: '',
      stderr: 'err\n',
      code: 17,
    })
    expect((await run(['exec', 'base', 'sh', '-c', 'kill -TERM $$'])).code).toBe(143)
    expect((await run(['exec', 'base', 'no-such-program'])).code).toBe(127)
    expect((await run(['exec', 'base', '/etc/passwd'])).code).toBe(126)
    expect((await run(['exec', 'nobody', 'true'])).code).toBe(125)
    expect((await run(['exec', '-w', '/nowhere', 'base', 'true'])).code).not.toBe(0)
    expect((await run(['exec', 'base'])).stderr).toContain('the command is missing')
  })

  it('is planned and not run with --dry-run', async () => {
    const planned = await run(['exec', '--dry-run', 'base', 'touch', '/tmp/made'])
    expect(planned.code).toBe(0)
    expect(planned.stdout).toMatch(/setns\(/)
    expect(planned.stdout).toMatch(/execve\("/)
    expect((await run(['exec', 'base', 'test', '-e', '/tmp/made'])).code).toBe(1)
    await remove('base')
    expect((await run(['exec', 'base', 'true'])).stderr).toContain('no such container')
  })

  it('needs a container that runs', async () => {
    await ok(['create', '--name=idle', image, 'true'])
    const refused = await run(['exec', 'idle', 'true'])
    expect(refused.code).toBe(125)
    expect(refused.stderr).toMatch(/cannot execute a process in container idle/)
    await remove('idle')
  })
})
