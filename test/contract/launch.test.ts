// Plans in a monitor, on every kernel behind the door: waits, output, logs, ends, refusals, and who takes up what was left.

import { describe, expect, it } from 'vitest'
import { readText, readTextIfThere, stat } from '../../core/files.ts'
import type { Launched, LaunchFailure, MonitorOptions } from '../../core/kernel.ts'
import { kernels } from '../support/kernels.ts'
import { child, executeStep, parent, shellPlan, waitStep } from '../support/plans.ts'

const running = (launched: Launched | LaunchFailure): Launched => {
  if ('errno' in launched) throw new Error(launched.message)
  return launched
}
const mkdir = (path: string) =>
  parent(
    `make ${path}`,
    { name: 'mkdirat', dirfd: -100, pathname: path, mode: 0o755 },
    { undo: { name: 'unlinkat', dirfd: -100, pathname: path, flags: 0x200 } },
  )
const nowhere = child('execute /nowhere', { name: 'execve', pathname: '/nowhere', argv: ['x'], envp: [] })
const monitored = (directory: string, more: Partial<MonitorOptions> = {}): MonitorOptions => ({
  detached: false,
  title: 'vitrine-test',
  directory,
  log: { path: `${directory}/ctr.log` },
  ...more,
})
const finish = async (launched: Launched) => {
  const status = await launched.exited
  launched.cleaned()
  launched.close()
  return status
}

for (const { name, missing, open: openKernel, withDirectory } of kernels) {
  describe.skipIf(missing !== undefined)(`a plan in a monitor on ${name}${missing ? `: ${missing}` : ''}`, () => {
    const kernel = missing === undefined ? openKernel() : undefined!
    const inDirectory = (use: (directory: string) => Promise<void> | void) => withDirectory(kernel, use)
    const start = (
      directory: string,
      ...[plan, more]: [Parameters<typeof kernel.launch>[0], Partial<MonitorOptions>?]
    ) => running(kernel.launch(plan, monitored(directory, more)))
    const openFds = () => {
      const probe = kernel.call({ name: 'pipe2', pipefd: 8, flags: 0 })
      const ends = new Int32Array('data' in probe ? probe.data!.slice().buffer : new ArrayBuffer(8))
      for (const fd of ends) kernel.call({ name: 'close', fd })
      return [...ends]
    }
    const lines = (path: string) => readText(kernel, path).trim().split('\n')

    it('waits where the plan says so, and goes on when it is released', () =>
      inDirectory(async (directory) => {
        const launched = start(directory, shellPlan('exit 3', [], [waitStep]))
        expect(await launched.progress()).toEqual({ state: 'waiting', at: 'start' })
        launched.release()
        expect(await launched.progress()).toEqual({ state: 'executed' })
        expect(await finish(launched)).toEqual({ code: 3, signal: 0, oomKilled: false })
        expect(readText(kernel, `${directory}/exit`)).toMatch(/^3 0 \d{10} \d+ 0\n$/)
      }))

    it('logs k8s-file lines: time, stream, F for a full line and P for a part of one', () =>
      inDirectory(async (directory) => {
        await finish(start(directory, shellPlan('echo out; echo err >&2; printf part')))
        const log = lines(`${directory}/ctr.log`).sort((a, b) => a.slice(36).localeCompare(b.slice(36)))
        const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 /
        for (const line of log) expect(line).toMatch(time)
        expect(log.map((line) => line.replace(time, ''))).toEqual(['stderr F err', 'stdout F out', 'stdout P part'])
      }))

    it('rotates a log that is full, and keeps at most twice the limit', () =>
      inDirectory(async (directory) => {
        const log = { path: `${directory}/ctr.log`, maxBytes: 2000 }
        const script = Array.from({ length: 200 }, (_, at) => `echo line ${at + 1}`).join('; ')
        await finish(start(directory, shellPlan(script), { log }))
        expect(lines(log.path).at(-1)).toMatch(/ line 200$/)
        expect(stat(kernel, log.path)!.size).toBeLessThanOrEqual(2000)
        expect(stat(kernel, `${log.path}.1`)!.size).toBeLessThanOrEqual(2000)
      }))

    it('copies the output to its caller', () =>
      inDirectory(async (directory) => {
        const made = kernel.call({ name: 'pipe2', pipefd: 8, flags: 0o2000000 })
        const [from, to] = new Int32Array((made as { data: Uint8Array }).data.slice().buffer) as unknown as [
          number,
          number,
        ]
        await finish(start(directory, shellPlan('echo out; echo err >&2'), { forward: { stdout: to, stderr: to } }))
        const read = kernel.call({ name: 'read', fd: from, buf: 100 }) as { value: number; data: Uint8Array }
        const text = new TextDecoder().decode(read.data.subarray(0, read.value))
        expect(text.trim().split('\n').sort()).toEqual(['err', 'out'])
        for (const fd of [from, to]) kernel.call({ name: 'close', fd })
      }))

    it('reaps what the container leaves, and does not wait for it', () =>
      inDirectory(async (directory) => {
        const { steps } = shellPlan('sleep 0.2 & exit 0')
        const plain = steps.map((step) =>
          step.call.name === 'clone3' ? { ...step, call: { ...step.call, cl_args: { flags: 0x20000 } } } : step,
        )
        expect((await finish(start(directory, { program: 'sh', steps: plain }))).code).toBe(0)
      }))

    it('undoes what was done before the clone when a later step is refused, and keeps no descriptor', () =>
      inDirectory(async (directory) => {
        const before = openFds()
        const { steps } = shellPlan('')
        const plan = { program: 'x', steps: [mkdir(`${directory}/made`), ...steps.slice(0, -1), nowhere] }
        const launched = start(directory, plan)
        expect(await launched.progress()).toMatchObject({
          state: 'refused',
          failure: { errno: 'ENOENT', message: 'execute /nowhere: ENOENT (step 10 of 10)' },
        })
        launched.close()
        expect(stat(kernel, `${directory}/made`)).toBeUndefined()
        expect(openFds()).toEqual(before)
      }))

    it('refuses with the step of the parent that was refused', () =>
      inDirectory((directory) => {
        const plan = shellPlan('', [mkdir(`${directory}/one`), mkdir(`${directory}/no/where`)])
        expect(kernel.launch(plan, monitored(directory))).toMatchObject({ errno: 'ENOENT', step: 1 })
        expect(stat(kernel, `${directory}/one`)).toBeUndefined()
      }))

    it('lets another caller start what was left waiting, and tells that one what came of it', () =>
      inDirectory(async (directory) => {
        for (const last of [executeStep('exit 6'), nowhere]) {
          const { steps } = shellPlan('', [], [waitStep])
          const launched = start(directory, { program: 'x', steps: [...steps.slice(0, -1), last] })
          await launched.progress()
          launched.park()
          const later = kernel.reopen(directory)
          if ('errno' in later) throw new Error(later.errno)
          later.release()
          const progress = await later.progress()
          if (last === nowhere)
            expect(progress).toMatchObject({
              state: 'refused',
              failure: { errno: 'ENOENT', message: 'execute /nowhere: ENOENT (step 10 of 10)' },
            })
          else expect(progress).toEqual({ state: 'executed' })
          later.close()
          expect((await finish(launched)).code).toBe(last === nowhere ? 127 : 6)
        }
      }))

    it('keeps a parked child when its caller goes, and ends one that nobody has parked', () =>
      inDirectory(async (directory) => {
        for (const parked of [true, false]) {
          const launched = start(directory, shellPlan('sleep 0.2; exit 6', [], [waitStep]))
          await launched.progress()
          if (parked) launched.park()
          launched.close()
          const later = kernel.reopen(directory)
          if (parked && !('errno' in later)) later.release()
          const ended = await eventually(() => readTextIfThere(kernel, `${directory}/exit`))
          expect(ended).toMatch(parked ? /^6 0 \d+ \d+ 0\n$/ : /^137 9 \d+ \d+ 0 1\n$/)
          if (!('errno' in later)) later.close()
          kernel.call({ name: 'unlinkat', dirfd: -100, pathname: `${directory}/exit`, flags: 0 })
        }
      }))

    it('has nothing to take up where nothing was parked', () =>
      inDirectory((directory) => {
        expect(kernel.reopen(directory)).toMatchObject({ errno: 'ENOENT' })
      }))

    it('runs the cleanup command when the caller is gone without having cleaned up', () =>
      inDirectory(async (directory) => {
        const argv = ['/bin/sh', '-c', `echo the-id >${directory}/cleaned`]
        const launched = start(directory, shellPlan('exit 0'), { cleanup: { argv, env: ['PATH=/usr/bin:/bin'] } })
        await launched.exited
        expect(readTextIfThere(kernel, `${directory}/cleaned`)).toBeUndefined()
        launched.close()
        expect(await eventually(() => readTextIfThere(kernel, `${directory}/cleaned`) || undefined)).toBe('the-id\n')
      }))

    it('tells an exit status that died with the monitor as unknown', () =>
      inDirectory(async (directory) => {
        const launched = start(directory, shellPlan('sleep 20'))
        await launched.progress()
        kernel.call({ name: 'kill', pid: launched.monitorPid!, sig: 9 })
        expect(await launched.exited).toEqual({ code: 255, signal: 0, unknown: true })
        kernel.call({ name: 'kill', pid: launched.pid, sig: 9 })
        launched.close()
      }))

    /** Looks again and again, while time passes. */
    async function eventually<T>(look: () => T | undefined): Promise<T | undefined> {
      for (let tried = 0; tried < 500; tried++) {
        const found = look()
        if (found !== undefined) return found
        await kernel.wait({ name: 'ppoll', fds: [], tmo_p: 10_000_000n, sigmask: 0, sigsetsize: 8 })
      }
      return undefined
    }
  })
}
