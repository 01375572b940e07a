// What was killed in the middle: commands, monitors, machines. Nothing may stay behind, and what was known is not lost.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { inspect } from '../../core/engine/inspect.ts'
import { list } from '../../core/engine/list.ts'
import { remove } from '../../core/engine/remove.ts'
import { run } from '../../core/engine/run.ts'
import { stop } from '../../core/engine/stop.ts'
import { containerPaths } from '../../core/store/paths.ts'
import { type Engine, engineNeeds, useEngine } from '../support/engine.ts'
import { type HostState, settledChanges } from '../support/host.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(engineNeeds)

let engine: Engine
let directory: string
let before: HostState

useEngine('faults', (ground) => {
  engine = ground.engine
  directory = ground.directory
  before = ground.before
})

const rows = () => list(engine.host, engine.settings, { all: true, filters: {} })
const detached = (name: string, more: Parameters<Engine['request']>[1] = {}) =>
  run(engine.host, engine.settings, engine.request(['sleep', '100'], { name, ...more }))
const look = async (name: string) => (await inspect(engine.host, engine.settings, name)).State
const removed = (name: string) => remove(engine.host, engine.settings, name, { force: true, volumes: true })

/** The program in a process of its own; `ended` is its exit code, or -1 when a signal ended it. */
function command(...argv: string[]): { readonly child: ChildProcess; readonly ended: Promise<number> } {
  const [, script, ...state] = engine.settings.selfArgv
  const child = spawn(process.execPath, [script!, ...state, ...argv], { stdio: 'ignore' })
  return { child, ended: new Promise((resolve) => child.on('exit', (code) => resolve(code ?? -1))) }
}
const until = async (holds: () => boolean | Promise<boolean>, waitMs = 10_000, stepMs = 20) => {
  for (let waited = 0; waited < waitMs; waited += stepMs) {
    if (await holds()) return true
    await engine.host.sleep(stepMs)
  }
  return false
}
const alive = (pid: number) => existsSync(`/proc/${pid}/exe`) || /State:\s+[^ZX]/.test(statusOf(pid))
const statusOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

describe('a monitor that was killed', () => {
  it('takes its container with it at the next command, with an exit status that nobody knows', async () => {
    await detached('orphan')
    const { MonitorPid, Pid } = await look('orphan')
    process.kill(MonitorPid, 'SIGKILL')
    await until(() => !alive(MonitorPid))
    expect(await look('orphan')).toMatchObject({ Status: 'exited', ExitCode: 255, ExitUnknown: true, Running: false })
    expect(alive(Pid)).toBe(false)
    await removed('orphan')
  })

  it('after its container has ended loses nothing', async () => {
    await detached('both')
    const { MonitorPid, Pid } = await look('both')
    process.kill(MonitorPid, 'SIGSTOP')
    process.kill(Pid, 'SIGKILL')
    process.kill(MonitorPid, 'SIGCONT')
    await until(() => existsSync(containerPaths(engine.settings, '').directory) && !alive(Pid))
    await until(async () => (await look('both')).Status === 'exited')
    expect(await look('both')).toMatchObject({ ExitCode: 137, ExitUnknown: false })
    await removed('both')
  })
})

describe('a machine that was rebooted', () => {
  it('leaves its containers stopped, whatever has their pids now', async () => {
    const { id } = await detached('booted')
    await stop(engine.host, engine.settings, 'booted', { timeoutSeconds: 0 })
    const { state: path, exit } = containerPaths(engine.settings, id)
    const state = JSON.parse(readFileSync(path, 'utf8'))
    rmSync(exit, { force: true })
    const { ending: _, ...rest } = state
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    const mine = { pid: process.pid, startTicks: stat[19] }
    const lifecycle = { ...state.lifecycle, value: 'running' }
    writeFileSync(
      path,
      JSON.stringify({ ...rest, lifecycle, bootId: 'another', process: mine, monitor: mine, cgroups: null }),
    )
    expect(await look('booted')).toMatchObject({ Status: 'exited', ExitCode: 255, ExitUnknown: true, Pid: 0 })
    await removed('booted')
  })
})

describe('a command that was killed', () => {
  it('in the foreground leaves its container running, and its end recorded by the monitor', async () => {
    const { child, ended } = command(
      'run',
      '--name',
      'left',
      '--network',
      'none',
      '--rootfs',
      `${directory}/rootfs:O`,
      'sh',
      '-c',
      'sleep 1; exit 6',
    )
    expect(await until(async () => (await rows()).some((row) => row.name === 'left' && row.status === 'running'))).toBe(
      true,
    )
    child.kill('SIGKILL')
    await ended
    expect((await look('left')).Running).toBe(true)
    expect(await until(async () => (await look('left')).Status === 'exited')).toBe(true)
    expect(await look('left')).toMatchObject({ ExitCode: 6, ExitUnknown: false })
    await removed('left')
  })

  it('in the foreground with --rm leaves nothing when the container has ended', async () => {
    const { child, ended } = command(
      'run',
      '--rm',
      '--name',
      'swept',
      '--network',
      'none',
      '--rootfs',
      `${directory}/rootfs:O`,
      'sleep',
      '0.5',
    )
    expect(
      await until(async () => (await rows()).some((row) => row.name === 'swept' && row.status === 'running')),
    ).toBe(true)
    child.kill('SIGKILL')
    await ended
    expect(await until(async () => (await rows()).length === 0)).toBe(true)
    expect(await until(() => !existsSync(join(engine.settings.root, 'names/swept')))).toBe(true)
  })

  it('at any moment of a start leaves a container that runs, or one that does not, but no half of one', async () => {
    const outcomes = new Map<string, number>()
    const count = isUserModeLinux() ? 6 : 24
    for (let i = 0; i < count; i++) {
      const name = `kill${i}`
      const { child, ended } = command(
        'run',
        '-d',
        '--name',
        name,
        '--network',
        'none',
        '--rootfs',
        `${directory}/rootfs:O`,
        'sleep',
        '100',
      )
      const marker = join(engine.settings.root, 'names', name)
      await until(() => existsSync(marker) || child.exitCode !== null, 10_000, 1)
      await engine.host.sleep((i * 36) / count)
      child.kill('SIGKILL')
      const code = await ended
      const row = (await rows()).find((each) => each.name === name)
      const what = row?.status ?? 'absent'
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
      // A command that said that it was done kept its word.
      if (code === 0) expect(what).toBe('running')
      expect(['absent', 'running', 'created', 'exited']).toContain(what)
      if (what === 'running') expect(alive(row!.pid)).toBe(true)
      await removed(name)
    }
    expect([...outcomes.values()].reduce((sum, each) => sum + each, 0)).toBe(count)
    expect(await rows()).toEqual([])
    expect(await settledChanges(before, { directories: [] })).toEqual([])
  })
})

describe('what is left of a container that was never completely made', () => {
  it('goes at the next command, and its name is free', async () => {
    const id = 'c0'.repeat(32)
    mkdirSync(containerPaths(engine.settings, id).directory, { recursive: true })
    mkdirSync(join(engine.settings.root, 'names'), { recursive: true })
    symlinkSync(id, join(engine.settings.root, 'names/half'))
    expect(await rows()).toEqual([])
    expect(existsSync(containerPaths(engine.settings, id).directory)).toBe(false)
    symlinkSync(id, join(engine.settings.root, 'names/gone'))
    const { id: own } = await detached('gone')
    expect((await rows()).map((row) => row.id)).toEqual([own])
    await removed('gone')
  })
})
