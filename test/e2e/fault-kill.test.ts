// kill -9 of whoever takes part, at any moment: what was started is known with its true status, and all else is cleaned up.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { launcher, stateOptions } from '../support/cli.ts'
import {
  expectSentence,
  type Ground,
  killedAfter,
  leftFiles,
  onCleanGround,
  randomFrom,
  seed,
  until,
} from '../support/faults.ts'
import { isUserModeLinux, missing, skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
})
const bridge = missing({ nftables: true, links: ['veth', 'bridge'] }) === undefined ? [] : ['--network=none']
const own = ['--network=none', '--rootfs', '/:O']
const kills = isUserModeLinux() ? 6 : 14

interface State {
  readonly process?: { readonly pid: number }
  readonly monitor?: { readonly pid: number }
  readonly bootId?: string
}
const stateFile = (ground: Ground, id: string) => join(ground.root, 'containers', id, 'state.json')
const stateOf = (ground: Ground, id: string) => JSON.parse(readFileSync(stateFile(ground, id), 'utf8')) as State

/** A container that sleeps; its id. */
async function sleeping(ground: Ground, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await ground.run(['run', '-d', ...flags, '--rootfs', '/:O', 'sleep', '1000'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim()
}

const isThere = (pid: number) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('kill -9 of the command', () => {
  for (const [what, flags] of [
    ['run', bridge],
    ['run -d', ['-d', '--network=none']],
    ['run --rm', ['--rm', '--network=none']],
  ] as const) {
    it(`${what} at any moment loses no status and leaves nothing (seed ${seed})`, async () => {
      const random = randomFrom(seed)
      await onCleanGround(async (ground) => {
        const marks = join(ground.directory, 'marks')
        mkdirSync(marks)
        const mark = join(marks, 'started')
        const program = ['sh', '-c', 'echo >/marks/started; exit 7']
        const argv = ['run', ...flags, '--name=web', '-v', `${marks}:/marks`, '--rootfs', '/:O', ...program]
        const removes = argv.includes('--rm')
        const begin = performance.now()
        await ground.run(argv)
        const wholeMs = performance.now() - begin
        await ground.run(['rm', '-f', '-a'])
        let started = 0
        for (let turn = 0; turn < kills; turn++) {
          rmSync(mark, { force: true })
          const delayMs = (wholeMs * (turn + random())) / kills
          // The last one when the program has certainly begun: a busy machine may make every other turn too early.
          const last = turn === kills - 1
          await killedAfter(ground, argv, last ? () => existsSync(mark) : delayMs)
          const say = `killed ${last ? 'when started' : `after ${delayMs} ms`}, seed ${seed}`
          const row = await ground.find('web')
          if (existsSync(mark) && !removes) {
            started += 1
            await until(`web has exited, ${say}`, async () => (await ground.find('web'))?.State === 'exited')
            expect(await ground.find('web'), say).toMatchObject({ ExitCode: 7 })
          } else if (row !== undefined) {
            expect(['creating', 'created', 'running', 'exited'], say).toContain(row.State)
          }
          const removed = await ground.run(['rm', '-f', '-a'])
          expect(removed.stderr, say).toBe('')
          expect(leftFiles(ground.directory), say).toEqual([])
        }
        if (!removes && flags[0] !== '-d') expect(started).toBeGreaterThan(0)
      })
    })
  }

  it('rm, stop, create and exec at any moment leaves a container that is whole or gone', async () => {
    const random = randomFrom(seed + 1)
    await onCleanGround(async (ground) => {
      for (const argv of [
        ['rm', '-f', 'web'],
        ['stop', '-t', '0', 'web'],
        ['exec', 'web', 'true'],
        ['start', 'other'],
        ['create', '--name=third', ...own, 'true'],
      ]) {
        for (let turn = 0; turn < 2; turn++) {
          await sleeping(ground, '--name=web', '--network=none')
          await ground.run(['create', '--name=other', ...own, 'sleep', '1000'])
          const delayMs = random() * 120 * (isUserModeLinux() ? 6 : 1)
          await killedAfter(ground, argv, delayMs)
          const say = `${argv.join(' ')} killed after ${delayMs} ms, seed ${seed}`
          const web = await ground.find('web')
          if (argv[0] === 'exec' || argv[0] === 'start') expect(web?.State, say).toBe('running')
          const removed = await ground.run(['rm', '-f', '-a'])
          expect({ code: removed.code, stderr: removed.stderr }, say).toEqual({ code: 0, stderr: '' })
          expect(leftFiles(ground.directory), say).toEqual([])
        }
      }
    })
  })
})

describe('kill -9 of the command’s whole process group', () => {
  it('does not reach the container: it goes on, and its status is known', async () => {
    await onCleanGround(async (ground) => {
      const words = ['--', launcher, ...stateOptions(ground.directory), 'run', '--name=web', ...own]
      const child = spawn(process.execPath, [...words, 'sh', '-c', 'sleep 0.5; exit 7'], {
        stdio: 'ignore',
        detached: true,
      })
      const gone = new Promise((resolve) => child.on('exit', resolve))
      await until('web is running', async () => (await ground.find('web'))?.State === 'running')
      process.kill(-child.pid!, 'SIGKILL')
      await gone
      await until('web has exited', async () => (await ground.find('web'))?.State === 'exited')
      expect(await ground.find('web')).toMatchObject({ ExitCode: 7 })
    })
  })
})

describe('SIGTERM of the command', () => {
  it('goes to the container: its own handler decides the exit code, which is handed on', async () => {
    await onCleanGround(async (ground) => {
      const script = 'trap "exit 9" TERM; echo ready >/marks/ready; while :; do sleep 0.02; done'
      const marks = join(ground.directory, 'marks')
      mkdirSync(marks)
      const ran = ground.run(['run', '--name=web', '-v', `${marks}:/marks`, ...own, 'sh', '-c', script])
      await until('web is ready', () => existsSync(join(marks, 'ready')))
      const id = (await ground.find('web'))!.ID
      await until('web is running', async () => (await ground.find('web'))?.State === 'running')
      const { stdout } = await ground.run(['inspect', '--format', '{{.State.Pid}}', 'web'])
      const launcherPid = commandOf(id, Number(stdout))
      expect(launcherPid).toBeGreaterThan(0)
      process.kill(launcherPid, 'SIGTERM')
      expect((await ran).code).toBe(9)
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 9 })
    })
  })
})

/** The command that runs a container in the foreground: the parent of its monitor. */
function commandOf(_id: string, pid: number): number {
  const parent = (of: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${of}/status`, 'utf8'))![1])
  return parent(parent(pid))
}

describe('kill -9 of the monitor', () => {
  it('is noticed by the next command: the program is ended, its status is unknown, its facts stay', async () => {
    await onCleanGround(async (ground) => {
      const id = await sleeping(ground, '--name=web', '--memory=64m', ...bridge)
      const { process: main, monitor } = stateOf(ground, id)
      process.kill(monitor!.pid, 'SIGKILL')
      await until('the monitor is gone', () => !isThere(monitor!.pid))
      expect(await ground.find('web')).toMatchObject({ ID: id, State: 'exited', ExitCode: 255 })
      expect(isThere(main!.pid)).toBe(false)
      const { stdout } = await ground.run(['inspect', 'web'])
      expect(JSON.parse(stdout)[0].Name).toBe('web')
      expect((await ground.run(['start', 'web'])).code).toBe(0)
      expect(await ground.find('web')).toMatchObject({ State: 'running' })
    })
  })

  it('of a container in the foreground ends the command with 255', async () => {
    await onCleanGround(async (ground) => {
      const ran = ground.run(['run', '--name=web', ...own, 'sleep', '1000'])
      await until('web is running', async () => (await ground.find('web'))?.State === 'running')
      const { monitor } = stateOf(ground, (await ground.find('web'))!.ID)
      process.kill(monitor!.pid, 'SIGKILL')
      expect((await ran).code).toBe(255)
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 255 })
    })
  })
})

describe('kill -9 of the program', () => {
  it('is recorded as 137, and the host is cleared without any command', async () => {
    await onCleanGround(async (ground) => {
      const id = await sleeping(ground, '--name=web', ...bridge)
      const { process: main, monitor } = stateOf(ground, id)
      process.kill(main!.pid, 'SIGKILL')
      await until(
        'the monitor has cleaned up',
        () => !isThere(monitor!.pid) && stateOf(ground, id).process === undefined,
      )
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 137 })
    })
  })
})

describe('a reboot', () => {
  it('ends every container with an unknown status; each may be started again', async () => {
    await onCleanGround(async (ground) => {
      const id = await sleeping(ground, '--name=web', ...bridge)
      await ground.run(['create', '--name=fresh', ...own, 'true'])
      const before = stateOf(ground, id)
      for (const { pid } of [before.monitor!, before.process!]) process.kill(pid, 'SIGKILL')
      await until('both are gone', () => !isThere(before.monitor!.pid) && !isThere(before.process!.pid))
      // As after a reboot: other processes have the pids (here: we), the boot id is another. What the machine itself
      // forgets (links, rules, cgroups and RUNROOT) cannot be forgotten for it here, and stays to be cleaned up.
      const state = {
        ...before,
        bootId: '00000000-0000-0000-0000-000000000000',
        process: { ...before.process, pid: process.pid },
      }
      writeFileSync(stateFile(ground, id), JSON.stringify(state))
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 255 })
      expect(await ground.find('fresh')).toMatchObject({ State: 'created' })
      expect((await ground.run(['start', 'web'])).stderr).toBe('')
      expect(await ground.find('web')).toMatchObject({ State: 'running' })
      expectSentence(await ground.run(['start', 'web']), 125, /cannot start container web: it is running/)
    })
  })

  it('that emptied the run directory is nothing that a command stumbles over', async () => {
    await onCleanGround(async (ground) => {
      await ground.run(['create', '--name=web', ...own, 'sh', '-c', 'exit 4'])
      rmSync(ground.runroot, { recursive: true, force: true })
      expect((await ground.run(['start', '-a', 'web'])).code).toBe(4)
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 4 })
    })
  })
})
