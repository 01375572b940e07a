// Flags about the program: environment, directory, user, names, signals, limits of the process. podman-run(1)

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession, until, waits } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

/** The process whose command line has these words. */
function pidOf(words: string): number {
  const holds = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(words)
    } catch {
      return false // It has ended.
    }
  }
  return Number(readdirSync('/proc').find((name) => /^\d+$/.test(name) && holds(name)))
}

describe('the program of a container', () => {
  const { directory, run, ok, inside, waiting, field, remove } = openSession()

  it('is PID 1, and its output and exit code are those of the command', async () => {
    const done = await run(['run', '--rm', image, 'sh', '-c', 'echo out $$; echo err >&2; exit 3'])
    expect(done).toEqual({ stdout: 'out 1\n', stderr: 'err\n', code: 3 })
  })

  it('gives 127 for a program that is not there, 126 for one that cannot be executed, 128 + n for a signal', async () => {
    expect((await run(['run', '--rm', image, 'no-such-program'])).code).toBe(127)
    expect((await run(['run', '--rm', image, '/etc/passwd'])).code).toBe(126)
    expect((await run(['run', '--rm', image, 'sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?'])).code).toBe(137)
  })

  it('has the environment of -e, of --env-file and of the image, the later ones winning', async () => {
    const file = join(directory, 'environment')
    writeFileSync(file, '# a comment\nFROM_FILE=file\nBOTH=file\nOWN\n')
    const flags = ['-e', 'BOTH=flag', '--env=GIVEN=a b', '-e', 'OWN_TOO', '--env-file', file]
    const done = await ok(['run', '--rm', ...flags, image, 'env'], { env: { OWN: 'one', OWN_TOO: 'two' } })
    const lines = done.split('\n')
    for (const line of ['FROM_FILE=file', 'BOTH=flag', 'GIVEN=a b', 'OWN=one', 'OWN_TOO=two', 'HOME=/root'])
      expect(lines).toContain(line)
    expect(lines.some((line) => line.startsWith('PATH='))).toBe(true)
  })

  it('starts in the directory of -w, which is made when it is missing', async () => {
    expect(await inside(['-w', '/var/tmp'], 'pwd')).toBe('/var/tmp')
    expect(await inside(['--workdir=/made/for/it'], 'pwd')).toBe('/made/for/it')
  })

  it('runs as the user of -u, by name or number, with --group-add and --umask', async () => {
    expect(await inside(['-u', 'default'], 'id; echo $HOME')).toBe(
      'uid=1001(default) gid=0(root) groups=50(staff)\n/var/www',
    )
    const flags = ['--user=1234:33', '--group-add=staff', '--group-add=77', '--umask=0077']
    expect(await inside(flags, 'id; umask; touch /tmp/x; stat -c %a:%u /tmp/x')).toBe(
      'uid=1234 gid=33(www-data) groups=50(staff),77\n0077\n600:1234',
    )
  })

  it('has the host name of -h, and without it the first digits of its id', async () => {
    const script =
      'hostname; cat /proc/sys/kernel/hostname; cat /etc/hostname; echo $HOSTNAME; grep -q shop /etc/hosts && echo 1'
    expect(await ok(['run', '--rm', '-h', 'shop', image, 'sh', '-c', script])).toBe('shop\nshop\nshop\nshop\n1')
    await waiting('named', ['--hostname=long-form'])
    expect(await ok(['exec', 'named', 'hostname'])).toBe('long-form')
    await remove('named')
    const unnamed = await waiting('named')
    expect(await ok(['exec', 'named', 'hostname'])).toBe(unnamed.id.slice(0, 12))
    await remove('named')
  })

  it('is the --entrypoint with the words after the image: one word, a JSON list, or none', async () => {
    const none = ['run', '--rm', '--network=none']
    expect(await ok([...none, '--entrypoint=echo', image, 'a', 'b'])).toBe('a b')
    expect(await ok([...none, '--entrypoint', '["sh","-c"]', image, 'echo list'])).toBe('list')
    expect(await ok([...none, '--entrypoint=', image, 'echo', 'bare'])).toBe('bare')
  })

  it('has the limits of --ulimit and the --oom-score-adj', async () => {
    const flags = ['--ulimit=nofile=512:1024', '--ulimit', 'core=0', '--oom-score-adj=500']
    expect(await inside(flags, 'ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj')).toBe(
      '512\n1024\n0\n500',
    )
  })

  it('has the kernel parameters of --sysctl', async () => {
    const flags = ['--sysctl=kernel.msgmax=1234,net.ipv4.ip_default_ttl=33', '--sysctl', 'kernel.domainname=example']
    const script = 'cd /proc/sys; cat kernel/msgmax net/ipv4/ip_default_ttl kernel/domainname'
    expect(await inside(flags, script)).toBe('1234\n33\nexample')
    expect(await run(['run', '--rm', '--sysctl=vm.swappiness=1', image, 'true'])).toMatchObject({ code: 125 })
  })

  it('is found by --name, which --replace gives to another and --rm frees', async () => {
    const first = await waiting('shared-name')
    const taken = await run(['run', '-d', '--name=shared-name', image, 'true'])
    expect(taken.code).toBe(125)
    expect(taken.stderr).toContain('shared-name')
    await ok(['run', '-d', '--name=shared-name', '--replace', '--network=none', image, 'sh', '-c', waits])
    expect(await field('shared-name', '{{.Id}}')).not.toBe(first.id)
    expect((await run(['inspect', first.id])).code).toBe(125)
    await remove('shared-name')
    expect(await ok(['run', '--rm', '--name=shared-name', '--network=none', image, 'echo', 'free'])).toBe('free')
    expect(await ok(['ps', '--all', '--quiet'])).toBe('')
  })

  it('runs on with -d, which prints the id, and is removed after its end with --rm', async () => {
    const id = await ok(['run', '--detach', '--rm', '--name=gone', '--network=none', image, 'sleep', '0.3'])
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    await until('it is removed', async () => (await ok(['ps', '-aq'])) === '')
  })

  it('keeps what --label and --annotation say', async () => {
    const flags = ['--label=tier=web', '-l', 'bare', '--annotation=io.example=1']
    await ok(['create', '--name=labelled', ...flags, image, 'true'])
    expect(await field('labelled', '{{json .Config.Labels}}')).toBe('{"tier":"web","bare":""}')
    expect(await field('labelled', '{{index .Config.Annotations "io.example"}}')).toBe('1')
    await remove('labelled')
  })

  it('is asked to stop by the --stop-signal, and killed after the --stop-timeout', async () => {
    const script = 'trap "echo usr1; exit 5" USR1; while :; do sleep 1000 & wait; done'
    await waiting('polite', ['--stop-signal=USR1'], script)
    await ok(['stop', 'polite'])
    expect(await field('polite', '{{.State.ExitCode}} {{.Config.StopSignal}}')).toBe('5 10')
    expect(await ok(['logs', 'polite'])).toBe('usr1')
    await waiting('stubborn', ['--stop-timeout=1'], 'trap "" TERM; exec sleep 1000')
    const began = Date.now()
    await ok(['stop', 'stubborn'])
    expect(Date.now() - began).toBeGreaterThan(900)
    expect(await field('stubborn', '{{.State.ExitCode}} {{.Config.StopTimeout}}')).toBe('137 1')
    await remove('polite', 'stubborn')
  })

  it('is not PID 1 with --init, which reaps orphans and hands signals on', async () => {
    const orphans = 'for i in 1 2 3; do (sh -c "sleep 0.2 & exit" &); done; echo $$'
    const script = `${orphans}; trap "exit 7" TERM; touch /tmp/ready; while :; do sleep 1000 & wait; done`
    await waiting('reaper', ['--init'], script)
    expect(await ok(['exec', 'reaper', 'cat', '/proc/1/comm'])).toBe('vitrine-init')
    await until('no zombies are left', async () => {
      const states = await ok(['top', 'reaper', 'state', 'comm'])
      return !states.includes('Z') && states.split('\n').filter((line) => line.includes('sleep')).length <= 1
    })
    await ok(['stop', 'reaper'])
    expect(await field('reaper', '{{.State.ExitCode}}')).toBe('7')
    expect(Number(await ok(['logs', 'reaper']))).toBeGreaterThan(1)
    await remove('reaper')
  })

  it('hands SIGTERM on to a container in the foreground, and ends with its exit code', async () => {
    mkdirSync(join(directory, 'shared'))
    const script = 'trap "exit 9" TERM; touch /shared/ready; while :; do sleep 1000 & wait; done'
    const foreground = run([
      'run',
      '--name=front',
      '--network=none',
      '-v',
      `${directory}/shared:/shared`,
      image,
      'sh',
      '-c',
      script,
    ])
    await until('it runs', async () => (await run(['exec', 'front', 'test', '-e', '/shared/ready'])).code === 0)
    process.kill(pidOf(`${directory}/runroot\0--cgroup-manager=cgroupfs\0run\0--name=front`), 'SIGTERM')
    expect((await foreground).code).toBe(9)
    await remove('front')
  })
})
