// The verbs of the engine on containers of the simulated kernel: what each does, what it refuses, and that nothing stays.

import { beforeEach, describe, expect, it } from 'vitest'
import { pruneContainers } from '../../../core/engine/container-prune.ts'
import { create } from '../../../core/engine/create.ts'
import { diff } from '../../../core/engine/diff.ts'
import { info } from '../../../core/engine/info.ts'
import { kill } from '../../../core/engine/kill.ts'
import { list } from '../../../core/engine/list.ts'
import { logs } from '../../../core/engine/logs.ts'
import { pause } from '../../../core/engine/pause.ts'
import { remove } from '../../../core/engine/remove.ts'
import { dryRun, run } from '../../../core/engine/run.ts'
import { start } from '../../../core/engine/start.ts'
import { restart, stop } from '../../../core/engine/stop.ts'
import { top } from '../../../core/engine/top.ts'
import { wait } from '../../../core/engine/wait.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

let session: Session
beforeEach(() => {
  session = openSession()
})

const verb = <Rest extends unknown[], Result>(
  act: (host: Session['host'], settings: Session['settings'], ...rest: Rest) => Result,
  ...rest: Rest
): Result => act(session.host, session.settings, ...rest)
const rows = () => verb(list, { all: true, filters: {} })
const gone = { force: true, volumes: true }

describe('create and start', () => {
  it('make a container that waits, and run it as often as it is asked for', async () => {
    await verb(create, session.request(['sh', '-c', 'echo once; exit 4'], { name: 'job' }))
    expect(await rows()).toMatchObject([{ name: 'job', status: 'created', pid: 0 }])
    for (const expected of ['once\n', 'once\nonce\n']) {
      await verb(start, 'job')
      expect(await verb(wait, 'job')).toBe(4)
      expect((await session.written('job')).stdout).toBe(expected)
    }
    expect(await rows()).toMatchObject([{ name: 'job', status: 'exited', exitCode: 4 }])
  })

  it('refuse what is there already, and what runs already', async () => {
    const { id } = await session.detached(['sleep', '100'], { name: 'web' })
    await expect(verb(create, session.request(['true'], { name: 'web' }))).rejects.toThrow(
      `the container name "web" is already in use by ${id}`,
    )
    await expect(verb(start, 'web')).rejects.toThrow('cannot start container web: it is running')
    await verb(create, session.request(['true'], { name: 'web', replace: true }))
    expect(await rows()).toMatchObject([{ name: 'web', status: 'created' }])
  })

  it('leave nothing of a container that could not be started: program, user, root file system', async () => {
    await session.toEnd(['true'], { remove: true })
    const before = session.leftovers()
    const refusals = [
      [['nosuch'], {}, 'executable file `nosuch` not found in $PATH'],
      [['true'], { user: 'ghost' }, '--user: no user "ghost" in the container\'s /etc/passwd'],
      [
        ['true'],
        { source: { kind: 'rootfs', path: '/absent', overlay: true } },
        '--rootfs=/absent: no such directory on the host',
      ],
      [['true'], { resources: { memoryBytes: 1 } }, '--memory=1'],
    ] as const
    for (const [command, more, words] of refusals) await expect(session.toEnd(command, more)).rejects.toThrow(words)
    expect(session.leftovers()).toEqual(before)
    expect(await rows()).toEqual([])
  })

  it('are thought of by a dry run, which makes nothing', async () => {
    const before = session.leftovers()
    const plan = await verb(dryRun, session.request(['true'], { name: 'thought' }))
    expect(plan.program).toBe('true')
    expect(plan.steps.length).toBeGreaterThan(50)
    expect([session.leftovers(), await rows()]).toEqual([before, []])
  })
})

describe('what a container writes', () => {
  it('comes out of run, on two streams, with the exit code', async () => {
    const ended = await session.toEnd(['sh', '-c', 'echo out; echo err >&2; exit 7'], { remove: true })
    expect(ended).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'err\n' })
    expect(await rows()).toEqual([])
  })

  it('is followed until the container ends', async () => {
    await session.detached(['sh', '-c', 'echo one; sleep 1; echo two; sleep 1'], { name: 'talks' })
    const seen: string[] = []
    for await (const { text } of verb(logs, 'talks', { follow: true }))
      seen.push(`${Math.floor(session.machine.clock.nowNs / 1e9)} ${new TextDecoder().decode(text)}`)
    expect(seen).toEqual(['0 one\n', '1 two\n'])
    expect(await rows()).toMatchObject([{ status: 'exited' }])
  })

  it('is fed by whoever is attached to its standard input', async () => {
    const { kernel } = session.host
    const made = kernel.call({ name: 'pipe2', pipefd: 8, flags: 0o2000000 })
    const [from, to] = new Int32Array((made as { data: Uint8Array }).data.slice().buffer)
    const request = session.request(['cat'], { name: 'cat', interactive: true })
    const started = await verb(run, request, { stdin: from!, stdout: 1, stderr: 2 })
    kernel.call({ name: 'write', fd: to!, buf: 'through the pipe\n' })
    for (const fd of [from!, to!]) kernel.call({ name: 'close', fd })
    expect(await started.exitCode).toBe(0)
    expect((await session.written('cat')).stdout).toBe('through the pipe\n')
  })

  it('goes through a terminal when it has one', async () => {
    await session.detached(['sh', '-c', 'echo line'], { name: 'tty', terminal: true })
    await verb(wait, 'tty')
    expect((await session.written('tty')).stdout).toBe('line\r\n')
  })

  it('of a detached one with -i stays open, since somebody may still write', async () => {
    await session.detached(['cat'], { name: 'open', interactive: true })
    await session.after(1000)
    expect(await rows()).toMatchObject([{ status: 'running' }])
  })
})

describe('exec and top', () => {
  it('runs one more process in its namespaces, cgroup and root, and shows both', async () => {
    const { id } = await session.detached(['sleep', '100'], { name: 'web', hostname: 'shop' })
    expect(await session.inside('web', ['whoami'])).toMatchObject({ code: 0, stdout: '0:0 shop\n' })
    expect((await session.inside('web', ['cat', '/proc/self/cgroup'])).stdout).toBe('0::/\n')
    expect((await session.inside('web', ['exit', '9'])).code).toBe(9)
    const table = await verb(top, 'web', ['pid', 'user', 'state', 'args'])
    expect(table.rows).toEqual([['1', '0', 'S', 'sleep 100']])
    expect(session.read(`/sys/fs/cgroup/vitrine/${id}/cgroup.procs`).trim().split('\n')).toHaveLength(1)
  })

  it('is 127 for a program that is not there, and an error where nothing runs', async () => {
    await session.detached(['sleep', '100'], { name: 'web' })
    await expect(session.inside('web', ['nosuch'])).rejects.toMatchObject({ exitCode: 127 })
    await verb(stop, 'web', { timeoutSeconds: 0 })
    await expect(session.inside('web', ['true'])).rejects.toThrow(
      'cannot execute a process in container web: it is stopped',
    )
    await expect(verb(top, 'web', [])).rejects.toThrow('cannot list processes of container web: it does not run')
  })
})

describe('kill, stop, restart and wait', () => {
  it('gives the stop signal first, and SIGKILL after ten seconds to who does not listen', async () => {
    await session.detached(['polite', '9'], { name: 'polite' })
    const begun = session.host.now()
    await verb(stop, 'polite', {})
    expect(session.host.now() - begun).toBeLessThan(1000)
    expect(await session.stateOf('polite')).toMatchObject({ Status: 'exited', ExitCode: 9 })
    expect((await session.written('polite')).stdout).toBe('ready\nbye\n')
    await session.detached(['sleep', '1000'], { name: 'deaf' })
    const second = session.host.now()
    await verb(stop, 'deaf', {})
    expect(session.host.now() - second).toBeGreaterThanOrEqual(10_000)
    expect(await session.stateOf('deaf')).toMatchObject({ Status: 'exited', ExitCode: 137 })
  })

  it('sends any signal to the first process', async () => {
    await session.detached(['polite', '3'], { name: 'polite', stopSignal: 2 })
    await verb(kill, 'polite', 2)
    expect(await verb(wait, 'polite')).toBe(3)
    await expect(verb(kill, 'polite', 9)).rejects.toThrow('cannot kill container polite: it is stopped')
  })

  it('restarts with its own files and another process', async () => {
    await session.detached(['sh', '-c', 'echo x; sleep 1000'], { name: 'again' })
    const [before] = await rows()
    await verb(restart, 'again', { timeoutSeconds: 0 })
    await session.after(1)
    const [now] = await rows()
    expect(now).toMatchObject({ id: before!.id, status: 'running' })
    expect(now!.pid).not.toBe(before!.pid)
    expect((await session.written('again')).stdout).toBe('x\nx\n')
  })

  it('waits for an end, and for a state that somebody brings about', async () => {
    await session.detached(['sh', '-c', 'sleep 5; exit 6'], { name: 'five' })
    const paused = verb(wait, 'five', ['paused'])
    await verb(pause, 'five')
    expect(await paused).toBe(-1)
    await verb(kill, 'five', 9)
    expect(await verb(wait, 'five')).toBe(137)
  })
})

describe('remove, prune and --rm', () => {
  it('takes everything away, of one that runs only by force', async () => {
    await session.toEnd(['true'], { remove: true })
    const before = session.leftovers()
    await session.detached(['sleep', '100'], { name: 'web' })
    await expect(verb(remove, 'web', { force: false, volumes: false })).rejects.toThrow(
      'cannot remove container web: it is running; stop it first, or use --force',
    )
    await verb(remove, 'web', gone)
    await session.after(1)
    expect(session.leftovers()).toEqual(before)
    expect(await verb(remove, 'web', gone)).toBeUndefined()
  })

  it('with --rm is the work of the cleanup command, when nobody is there', async () => {
    await session.toEnd(['true'], { remove: true })
    const before = session.leftovers()
    const { id } = await session.detached(['sh', '-c', 'sleep 1; exit 5'], { remove: true })
    expect(await verb(wait, id)).toBe(5)
    await session.after(1000)
    expect(session.cleanups.map((argv) => argv.slice(-2))).toEqual([['cleanup', id]])
    expect([await rows(), session.leftovers()]).toEqual([[], before])
  })

  it('clears the host of a detached container that has ended, before anybody looks', async () => {
    const { id } = await session.detached(['sh', '-c', 'sleep 1; exit 5'], { name: 'job' })
    await session.after(2000)
    expect(
      session.host.kernel.call({ name: 'access', pathname: `/sys/fs/cgroup/vitrine/${id}`, mode: 0 }),
    ).toMatchObject({ errno: 'ENOENT' })
    expect(JSON.parse(session.read(`${session.settings.root}/containers/${id}/state.json`))).toMatchObject({
      lifecycle: { value: 'stopped' },
      ending: { code: 5 },
    })
  })

  it('prunes those that do not run', async () => {
    for (const name of ['one', 'two']) await session.toEnd(['true'], { name })
    await session.detached(['sleep', '100'], { name: 'three' })
    const pruned = await verb(pruneContainers, { filters: [], moment: () => 0 })
    expect(pruned.removed).toHaveLength(2)
    expect(await rows()).toMatchObject([{ name: 'three' }])
  })
})

describe('what is told of containers', () => {
  it('counts them, and the machine', async () => {
    await session.detached(['sleep', '100'])
    await session.toEnd(['true'])
    expect(await verb(info)).toMatchObject({
      kernelVersion: '6.12.0',
      cgroupMode: 'v2',
      cpus: 4,
      containers: { total: 2, running: 1, paused: 0, stopped: 1 },
    })
  })

  it('lists what a container has changed in its files', async () => {
    await session.toEnd(['append', '/etc/made', 'x'], { name: 'writer' })
    const changes: string[] = []
    for await (const { kind, path } of verb(diff, 'writer')) changes.push(`${kind} ${path}`)
    expect(changes).toEqual(['C /etc', 'A /etc/made'])
  })
})
