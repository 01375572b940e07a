// The verbs on containers that run: what each does, what it refuses, and that nothing stays behind.

import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { create } from '../../core/engine/create.ts'
import { exec } from '../../core/engine/exec.ts'
import { inspect } from '../../core/engine/inspect.ts'
import { kill } from '../../core/engine/kill.ts'
import { list } from '../../core/engine/list.ts'
import { logs } from '../../core/engine/logs.ts'
import { pause, unpause } from '../../core/engine/pause.ts'
import { remove } from '../../core/engine/remove.ts'
import { run } from '../../core/engine/run.ts'
import { start } from '../../core/engine/start.ts'
import { stats } from '../../core/engine/stats.ts'
import { restart, stop } from '../../core/engine/stop.ts'
import { top } from '../../core/engine/top.ts'
import { update } from '../../core/engine/update.ts'
import { wait } from '../../core/engine/wait.ts'
import { type Engine, engineNeeds, useEngine } from '../support/engine.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(engineNeeds)

let engine: Engine
let directory: string

useEngine('verbs', (ground) => {
  engine = ground.engine
  directory = ground.directory
})

const rows = async (all = true) => await list(engine.host, engine.settings, { all, filters: {} })
const runDetached = (command: readonly string[], more: Parameters<Engine['request']>[1] = {}) =>
  run(engine.host, engine.settings, engine.request(command, more))
const removed = (name: string) => remove(engine.host, engine.settings, name, { force: true, volumes: true })

describe('a detached container', () => {
  it('is listed, logs, shows its processes and figures, and is stopped', async () => {
    const { id } = await runDetached(['sh', '-c', 'echo one; echo two >&2; exec sleep 100'], { name: 'web' })
    const row = (await rows(false))[0]!
    expect(row).toMatchObject({ id, name: 'web', status: 'running', network: 'none' })
    const lines: string[] = []
    for (let tried = 0; lines.length < 2 && tried < 100; tried++) {
      lines.length = 0
      for await (const line of logs(engine.host, engine.settings, 'web', { follow: false }))
        lines.push(`${line.stream} ${new TextDecoder().decode(line.text)}`)
      await engine.host.sleep(10)
    }
    expect(lines.sort()).toEqual(['stderr two\n', 'stdout one\n'])
    const processes = await top(engine.host, engine.settings, 'web', ['pid', 'user', 'args'])
    expect(processes).toEqual({ titles: ['PID', 'USER', 'COMMAND'], rows: [['1', 'root', 'sleep 100']] })
    expect(await stats(engine.host, engine.settings, 'web')).toMatchObject({ name: 'web', pids: 1, pidsLimit: 2048 })
    const { State } = await inspect(engine.host, engine.settings, id.slice(0, 12))
    expect(State).toMatchObject({ Status: 'running', Pid: row.pid })
    expect(readFileSync(`/proc/${State.MonitorPid}/cmdline`, 'utf8')).toContain('vitrine-monitor')
    await stop(engine.host, engine.settings, 'web', { timeoutSeconds: 0 })
    expect((await rows())[0]).toMatchObject({ status: 'exited', exitCode: 137, pid: 0 })
    await removed('web')
  })

  it('gets its stop signal first, and SIGKILL when it does not listen', async () => {
    const script = 'trap "exit 9" INT; while true; do sleep 0.05; done'
    await runDetached(['sh', '-c', script], { name: 'polite', stopSignal: 2 })
    await engine.host.sleep(200)
    await stop(engine.host, engine.settings, 'polite', { timeoutSeconds: 10 })
    expect((await inspect(engine.host, engine.settings, 'polite')).State.ExitCode).toBe(9)
    await start(engine.host, engine.settings, 'polite')
    await stop(engine.host, engine.settings, 'polite', { timeoutSeconds: 0 })
    expect((await inspect(engine.host, engine.settings, 'polite')).State.ExitCode).toBe(137)
    await removed('polite')
  })

  it('with --rm goes by itself, and whoever waits gets its exit code', async () => {
    const { id } = await runDetached(['sh', '-c', 'sleep 0.3; exit 5'], { remove: true })
    expect(await wait(engine.host, engine.settings, id)).toBe(5)
    for (let tried = 0; (await rows()).length > 0 && tried < 100; tried++) await engine.host.sleep(50)
    expect(await rows()).toEqual([])
  })

  it('is restarted with its own files, and others than before are not needed', async () => {
    const { id } = await runDetached(['sh', '-c', 'echo x >> /count; exec sleep 100'], { name: 'again' })
    await engine.host.sleep(100)
    const first = (await rows())[0]!.pid
    await restart(engine.host, engine.settings, 'again', { timeoutSeconds: 0 })
    await engine.host.sleep(100)
    const row = (await rows())[0]!
    expect([row.id, row.status]).toEqual([id, 'running'])
    expect(row.pid).not.toBe(first)
    expect(readFileSync(`/proc/${row.pid}/root/count`, 'utf8')).toBe('x\nx\n')
    await removed('again')
  })

  it('stands still while paused, and a signal is for those who run', async () => {
    await runDetached(['sleep', '100'], { name: 'still' })
    await pause(engine.host, engine.settings, 'still')
    expect((await rows(false))[0]!.status).toBe('paused')
    await expect(pause(engine.host, engine.settings, 'still')).rejects.toThrow(
      'cannot pause container still: it is paused',
    )
    await expect(remove(engine.host, engine.settings, 'still', { force: false, volumes: false })).rejects.toThrow(
      'cannot remove container still: it is paused; stop it first, or use --force',
    )
    await unpause(engine.host, engine.settings, 'still')
    await pause(engine.host, engine.settings, 'still')
    await kill(engine.host, engine.settings, 'still', 9)
    expect(await wait(engine.host, engine.settings, 'still')).toBe(137)
    await expect(kill(engine.host, engine.settings, 'still', 9)).rejects.toThrow(
      'cannot kill container still: it is stopped',
    )
    await removed('still')
  })

  it('gets other limits while it runs, and keeps them at its next start', async () => {
    await runDetached(['sleep', '100'], { name: 'small', resources: { memoryBytes: 64 * 1024 * 1024 } })
    await update(engine.host, engine.settings, 'small', { memoryBytes: 32 * 1024 * 1024, pidsLimit: 50 })
    expect(await stats(engine.host, engine.settings, 'small')).toMatchObject({
      memoryLimitBytes: 32 * 1024 * 1024,
      pidsLimit: 50,
    })
    await restart(engine.host, engine.settings, 'small', { timeoutSeconds: 0 })
    expect(await stats(engine.host, engine.settings, 'small')).toMatchObject({
      memoryLimitBytes: 32 * 1024 * 1024,
      pidsLimit: 50,
    })
    await expect(update(engine.host, engine.settings, 'small', { pidsLimit: 9, memoryBytes: 1 })).rejects.toThrow(
      '--memory',
    )
    expect((await stats(engine.host, engine.settings, 'small')).pidsLimit).toBe(50)
    await removed('small')
  })
})

describe('--cgroup-parent', () => {
  it('is made when it is missing and goes with its last container; one that was there stays', async () => {
    const mount = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids'
    const there = `/vitrine-test-there-${process.pid}`
    mkdirSync(`${mount}${there}`)
    try {
      const parents = [`${there}/made/below`, `${there}/made`, there]
      const names: string[] = []
      for (const cgroupParent of parents) names.push((await runDetached(['sleep', '100'], { cgroupParent })).name)
      const seen = () => parents.map((parent) => existsSync(`${mount}${parent}`))
      expect(seen()).toEqual([true, true, true])
      await removed(names[1]!)
      expect(seen()).toEqual([true, true, true])
      await removed(names[0]!)
      expect(seen()).toEqual([false, false, true])
      await removed(names[2]!)
      expect(seen()).toEqual([false, false, true])
      expect(existsSync(join(engine.settings.runroot, 'cgroups'))).toBe(false)
    } finally {
      rmdirSync(`${mount}${there}`)
    }
  })
})

describe('exec', () => {
  const execute = async (container: string, command: readonly string[], more = {}) => {
    const path = join(directory, 'exec-output')
    const { openSync, closeSync } = await import('node:fs')
    const fd = openSync(path, 'w')
    const base = { command, env: [], privileged: false, interactive: false, terminal: false, detach: false }
    try {
      const started = await exec(
        engine.host,
        engine.settings,
        container,
        { ...base, ...more },
        { stdout: fd, stderr: fd },
      )
      return [await started.exitCode!, readFileSync(path, 'utf8')]
    } finally {
      closeSync(fd)
    }
  }

  it('runs in the namespaces, cgroup and rights of the container', async () => {
    await runDetached(['sleep', '100'], { name: 'host', hostname: 'shop', env: ['A=1'] })
    expect(
      await execute('host', ['sh', '-c', 'hostname; echo $A$B; ps -o args | head -3; exit 4'], { env: ['B=2'] }),
    ).toEqual([4, expect.stringMatching(/^shop\n12\nCOMMAND\nsleep 100\n/)])
    expect(await execute('host', ['id', '-un'], { user: 'web', workingDirectory: '/tmp' })).toEqual([0, 'web\n'])
    expect(await execute('host', ['grep', '-E', 'CapEff|Seccomp:', '/proc/self/status'])).toEqual(
      await execute('host', ['grep', '-E', 'CapEff|Seccomp:', '/proc/1/status']),
    )
    expect(await execute('host', ['cat', '/proc/self/cgroup'])).toEqual(
      await execute('host', ['cat', '/proc/1/cgroup']),
    )
    await removed('host')
  })

  it('answers 126 and 127 as run does, and refuses a container that does not run', async () => {
    const { name } = await runDetached(['sleep', '100'])
    await expect(execute(name, ['nope'])).rejects.toMatchObject({ exitCode: 127 })
    await expect(execute(name, ['/etc/text'])).rejects.toMatchObject({ exitCode: 126 })
    await stop(engine.host, engine.settings, name, { timeoutSeconds: 0 })
    await expect(execute(name, ['true'])).rejects.toThrow(
      `cannot execute a process in container ${name}: it is stopped`,
    )
    await removed(name)
  })
})

describe('create and start', () => {
  it('make a container that has not run, and run it, attached or not', async () => {
    const { id } = await create(
      engine.host,
      engine.settings,
      engine.request(['sh', '-c', 'echo hello'], { name: 'later' }),
    )
    expect((await rows())[0]).toMatchObject({ id, status: 'created', pid: 0 })
    expect(await rows(false)).toEqual([])
    const { openSync, closeSync } = await import('node:fs')
    const path = join(directory, 'start-output')
    const fd = openSync(path, 'w')
    const started = await start(engine.host, engine.settings, 'later', { stdout: fd, stderr: fd })
    expect(await started.exitCode).toBe(0)
    closeSync(fd)
    expect(readFileSync(path, 'utf8')).toBe('hello\n')
    expect((await rows())[0]).toMatchObject({ id, status: 'exited', exitCode: 0 })
    await removed('later')
  })

  it('keep a container whose program is not there, with the reason', async () => {
    await create(engine.host, engine.settings, engine.request(['nope'], { name: 'broken' }))
    await expect(start(engine.host, engine.settings, 'broken')).rejects.toMatchObject({ exitCode: 127 })
    expect((await inspect(engine.host, engine.settings, 'broken')).State).toMatchObject({
      Running: false,
      Error: 'executable file `nope` not found in $PATH',
    })
    await removed('broken')
  })

  it('refuse to start what runs', async () => {
    const { name } = await runDetached(['sleep', '100'])
    await expect(start(engine.host, engine.settings, name)).rejects.toThrow(
      `cannot start container ${name}: it is running`,
    )
    await removed(name)
  })
})
