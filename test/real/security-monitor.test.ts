// The monitor against a container that means ill, and a machine that runs out: it neither hangs, nor grows, nor loses.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import type { Kernel, MonitorOptions } from '../../core/kernel.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import { cli, launcher, stateOptions } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { shellPlan, waitStep } from '../support/plans.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
  programs: ['prlimit', 'python3'],
})

let opened: Kernel | undefined
function launch(plan: LaunchPlan, options: Partial<MonitorOptions> = {}) {
  opened ??= openLinux()
  const launched = opened.launch(plan, { detached: false, title: 'vitrine-test', ...options })
  if ('errno' in launched) throw new Error(launched.message)
  return launched
}

async function until(what: string, holds: () => boolean | Promise<boolean>, patienceMs = 8000): Promise<void> {
  for (const end = Date.now() + patienceMs; !(await holds()); await sleep(20))
    if (Date.now() > end) throw new Error(`it did not come about that ${what}`)
}

const alive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

/** A container in the foreground whose output goes into a pipe that nobody reads. */
function unread(directory: string, script: string) {
  const argv = ['run', '--name=target', '--network=none', '--rootfs', '/:O', 'sh', '-c', script]
  const child = spawn(process.execPath, [launcher, ...stateOptions(directory), ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.pause()
  return child
}

const state = async (directory: string) =>
  (await cli(['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', 'target'], { directory })).stdout.trim()

describe('output that nobody takes', () => {
  it('holds up the program, not the record of its end', () =>
    withTemporaryDirectory(async (directory) => {
      const child = unread(directory, 'yes')
      try {
        await until('it runs', async () => (await state(directory)).startsWith('running'))
        await sleep(300)
        expect(await cli(['stop', '-t', '0', 'target'], { directory, timeoutMs: 10_000 })).toMatchObject({ code: 0 })
        expect(await state(directory)).toBe('exited 137')
      } finally {
        child.kill('SIGKILL')
        await cli(['rm', '-f', '-t', '0', 'target'], { directory })
      }
    }))

  it('is dropped when the caller is killed, though another still holds the pipe; the container goes on', () =>
    withTemporaryDirectory(async (directory) => {
      const child = unread(directory, 'for i in $(seq 20000); do echo 0123456789; done; echo end >/end; exit 5')
      try {
        await until('it runs', async () => (await state(directory)).startsWith('running'))
        await sleep(300)
        child.kill('SIGKILL')
        await until('it ends', async () => (await state(directory)) === 'exited 5')
        const logged = (await cli(['logs', 'target'], { directory })).stdout
        expect(logged.split('\n').filter((line) => line === '0123456789').length).toBe(20000)
      } finally {
        await cli(['rm', '-f', '-t', '0', 'target'], { directory })
      }
    }))

  it('of processes that an exec has left behind does not keep the exec from ending, and what came before is whole', () =>
    withTemporaryDirectory(async (directory) => {
      await cli(['run', '-d', '--name=target', '--network=none', '--rootfs', '/:O', 'sleep', '600'], { directory })
      try {
        const flood = ['exec', 'target', 'sh', '-c', 'echo before; yes & sleep 0.3; exit 3']
        const { stdout, code } = await cli(flood, { directory, timeoutMs: 10_000 })
        expect(code).toBe(3)
        expect(stdout.startsWith('before\n')).toBe(true)
        const held = ['exec', 'target', 'sh', '-c', 'sleep 600 & head -c 60000 /dev/zero; exit 4']
        const whole = await cli(held, { directory, timeoutMs: 10_000 })
        expect({ code: whole.code, bytes: whole.stdout.length }).toEqual({ code: 4, bytes: 60000 })
      } finally {
        await cli(['rm', '-f', '-t', '0', 'target'], { directory })
      }
    }))

  it('in lines without end costs no memory', () =>
    withTemporaryDirectory(async (directory) => {
      const log = { path: join(directory, 'log'), maxBytes: 1 << 20 }
      const launched = launch(shellPlan('head -c 50000000 /dev/zero; read _', [], [waitStep]), { log })
      expect(await launched.progress()).toMatchObject({ state: 'waiting' })
      launched.release()
      expect(await launched.progress()).toEqual({ state: 'executed' })
      const peak = () =>
        Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${launched.monitorPid}/status`, 'utf8'))?.[1])
      const before = peak()
      await launched.exited
      expect(peak()).toBeLessThan(before + 64)
      launched.cleaned()
      launched.close()
    }))
})

describe('input', () => {
  it('arrives whole, also when its end comes before it has been handed on', () =>
    withTemporaryDirectory(async (directory) => {
      const argv = ['run', '--rm', '-i', '--network=none', '--rootfs', '/:O', 'cat']
      for (let i = 0; i < 15; i++) expect((await cli(argv, { directory, stdin: 'all of it' })).stdout).toBe('all of it')
    }))
})

describe('a machine that runs out', () => {
  it('an end that cannot be written down whole is not written down at all', () =>
    withTemporaryDirectory(async (directory) => {
      const launched = launch(shellPlan('exit 0', [], [waitStep]), { directory, log: { path: join(directory, 'log') } })
      await launched.progress()
      spawnSync('prlimit', ['--pid', String(launched.monitorPid), '--fsize=0:0'])
      launched.release()
      expect(await launched.exited).toMatchObject({ code: 0 })
      launched.cleaned()
      launched.close()
      expect(readdirSync(directory).filter((name) => name.startsWith('exit'))).toEqual([])
    }))

  it('a damaged record of an end is one that is not known', () =>
    withTemporaryDirectory(async (directory) => {
      await cli(['run', '-d', '--name=target', '--network=none', '--rootfs', '/:O', 'sleep', '600'], { directory })
      const containers = join(directory, 'root/containers')
      const own = join(containers, readdirSync(containers)[0]!)
      const { monitor, process: first } = JSON.parse(readFileSync(join(own, 'state.json'), 'utf8'))
      process.kill(monitor.pid, 'SIGKILL')
      process.kill(first.pid, 'SIGKILL')
      await until('it has ended', () => !alive(first.pid) && !alive(monitor.pid))
      writeFileSync(join(own, 'exit'), '')
      expect(await state(directory)).toBe('exited 255')
      expect(await cli(['rm', 'target'], { directory })).toMatchObject({ code: 0 })
    }))

  it('a log that cannot be moved away grows on, and loses no line', () =>
    withTemporaryDirectory(async (directory) => {
      const path = join(directory, 'log')
      mkdirSync(`${path}.1/full`, { recursive: true })
      const launched = launch(shellPlan('seq 1000'), { log: { path, maxBytes: 4096 } })
      await launched.exited
      launched.cleaned()
      launched.close()
      expect(readFileSync(path, 'utf8').match(/ stdout F \d+$/gm)?.length).toBe(1000)
    }))

  it('descriptors: without them a start is refused in words, and nothing is left', () =>
    withTemporaryDirectory(async (directory) => {
      const argv = ['run', '--name=target', '--network=none', '--rootfs', '/:O', 'true']
      const { stderr, status } = spawnSync(
        'sh',
        ['-c', 'ulimit -n 40; exec "$@"', 'x', process.execPath, launcher, ...stateOptions(directory), ...argv],
        { encoding: 'utf8', timeout: 20_000 },
      )
      expect(status, stderr).toBe(125)
      expect(stderr).toMatch(/^vitrine: .*E(MFILE|BADF|INVAL)/)
      expect(readdirSync(join(directory, 'root/containers'))).toEqual([])
    }))
})

describe('the end', () => {
  it('of a child that is killed while it waits for the start is told and recorded', () =>
    withTemporaryDirectory(async (directory) => {
      const launched = launch(shellPlan('exit 0', [], [waitStep]), { directory })
      expect(await launched.progress()).toMatchObject({ state: 'waiting' })
      process.kill(launched.pid, 'SIGKILL')
      expect(await launched.exited).toMatchObject({ code: 137, signal: 9 })
      expect(readFileSync(join(directory, 'exit'), 'utf8')).toMatch(/^137 9 \d+ \d+ 0\n$/)
      launched.cleaned()
      launched.close()
    }))

  it('is followed by the cleanup with no signal blocked or waiting, in a session of its own, with no descriptor of ours', () =>
    withTemporaryDirectory(async (directory) => {
      const report = join(directory, 'said')
      const script = `all=; for n in /proc/$$/fd/*; do [ -e $n ] && all="$all $(basename $n)"; done; echo $all >${report}.0; grep -E "^(Sig|Shd)" /proc/self/status >${report}.1; ps -o sid=,pid= -p $$ >${report}.2; mv ${report}.2 ${report}`
      const cleanup = { argv: ['/bin/sh', '-c', script], env: ['PATH=/usr/bin:/bin'] }
      const launched = launch(shellPlan('exit 0', [], [waitStep]), { directory, cleanup })
      await launched.progress()
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGPIPE', 'SIGHUP']) process.kill(launched.monitorPid!, signal)
      launched.release()
      await launched.exited
      launched.close()
      await until('the cleanup has run', () => existsSync(report))
      expect(readFileSync(`${report}.0`, 'utf8').trim()).toBe('0 1 2')
      const signals = readFileSync(`${report}.1`, 'utf8')
      for (const word of ['SigPnd', 'ShdPnd', 'SigBlk']) expect(signals).toMatch(new RegExp(`^${word}:\t0{16}$`, 'm'))
      const [session, pid] = readFileSync(report, 'utf8').trim().split(/\s+/)
      expect(session).toBe(pid)
    }))

  it('of a monitor whose cleanup program is gone comes all the same', () =>
    withTemporaryDirectory(async (directory) => {
      const launched = launch(shellPlan('exit 0'), { directory, cleanup: { argv: ['/nowhere/vitrine'], env: [] } })
      await launched.exited
      launched.close()
      await until('the monitor is gone', () => !alive(launched.monitorPid!))
      expect(existsSync(join(directory, 'exit'))).toBe(true)
    }))
})
