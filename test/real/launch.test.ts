// The executor on a real kernel: plans run in-process and in a monitor, what is refused, and what is undone.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import type { Kernel, Launched, LaunchFailure, MonitorOptions } from '../../core/kernel.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { child, executeStep, parent, shellPlan, waitStep } from '../support/plans.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })
const running = (launched: Launched | LaunchFailure): Launched => {
  if ('errno' in launched) throw new Error(launched.message)
  return launched
}
const openFds = () => readdirSync('/proc/self/fd').length
let opened: Kernel | undefined
const kernel = (): Kernel => {
  opened ??= openLinux()
  return opened
}
const mkdir = (path: string) =>
  parent(
    `make ${path}`,
    { name: 'mkdirat', dirfd: -100, pathname: path, mode: 0o755 },
    { undo: { name: 'unlinkat', dirfd: -100, pathname: path, flags: 0x200 } },
  )
const nowhere = child('execute /nowhere', { name: 'execve', pathname: '/nowhere', argv: ['x'], envp: [] })

describe('a plan in-process', () => {
  it('runs as PID 1 of its namespace and tells its exit code', async () => {
    const launched = running(kernel().launch(shellPlan('test $$ = 1 && exit 7')))
    expect(await launched.exited).toEqual({ code: 7, signal: 0 })
    launched.close()
  })

  it('tells the signal that ended it', async () => {
    const launched = running(kernel().launch(shellPlan('echo $$ >/dev/null; exec sleep 30')))
    process.kill(launched.pid, 'SIGKILL')
    expect(await launched.exited).toEqual({ code: 137, signal: 9 })
    launched.close()
  })

  it('names the step and the errno of what is refused', () => {
    const { steps } = shellPlan('')
    const failure = kernel().launch({ program: 'x', steps: [...steps.slice(0, -1), nowhere] })
    expect(failure).toMatchObject({ errno: 'ENOENT', message: 'execute /nowhere: ENOENT (step 9 of 9)' })
  })

  it('undoes what the parent did when the child is refused, and keeps no descriptor', () =>
    withTemporaryDirectory((directory) => {
      const before = openFds()
      const { steps } = shellPlan('')
      const plan = { program: 'x', steps: [mkdir(`${directory}/made`), ...steps.slice(0, -1), nowhere] }
      expect(kernel().launch(plan)).toMatchObject({ errno: 'ENOENT' })
      expect(existsSync(`${directory}/made`)).toBe(false)
      expect(openFds()).toBe(before)
    }))

  it('does not undo a step that was refused and tolerated: what was there before is not ours', () =>
    withTemporaryDirectory((directory) => {
      mkdirSync(`${directory}/there`)
      const { steps } = shellPlan('')
      const there = { ...mkdir(`${directory}/there`), tolerate: ['EEXIST'] as const }
      expect(kernel().launch({ program: 'x', steps: [there, ...steps.slice(0, -1), nowhere] })).toHaveProperty('errno')
      expect(existsSync(`${directory}/there`)).toBe(true)
    }))

  it('takes the other way when a step is refused, and leaves it out when it succeeds', async () => {
    const open = (pathname: string) => ({ name: 'openat', dirfd: -100, pathname, flags: 0, mode: 0 }) as const
    const fail = child('stop here', open('/nowhere'))
    const fine = child('go on', open('/dev/null'))
    for (const [pathname, and, otherwise] of [
      ['/dev/null', [fine], [fail]],
      ['/nowhere', [fail], [fine]],
    ] as const) {
      const branch = child('look', open(pathname), { and, otherwise })
      const launched = running(kernel().launch(shellPlan('exit 4', [], [branch])))
      expect((await launched.exited).code).toBe(4)
      launched.close()
    }
  })

  it('keeps no descriptor that the plan opened for the child', async () => {
    const open = parent('open', { name: 'openat', dirfd: -100, pathname: '/etc', flags: 0, mode: 0 }, { as: 'etc' })
    const before = openFds()
    const launched = running(kernel().launch(shellPlan('exit 0', [open])))
    await launched.exited
    launched.close()
    expect(openFds()).toBe(before)
  })

  it('gives the child a result of the parent', async () => {
    const open = parent('open', { name: 'openat', dirfd: -100, pathname: '/etc', flags: 0, mode: 0 }, { as: 'etc' })
    const enter = child('enter', { name: 'fchdir', fd: { from: 'etc' } })
    const launched = running(kernel().launch(shellPlan('test -e passwd && exit 5', [open], [enter])))
    expect((await launched.exited).code).toBe(5)
    launched.close()
  })
})

describe('a plan in a monitor', () => {
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
  const lines = (path: string) => readFileSync(path, 'utf8').trim().split('\n')

  it('waits where the plan says so, and goes on when it is released', () =>
    withTemporaryDirectory(async (directory) => {
      const launched = running(kernel().launch(shellPlan('exit 3', [], [waitStep]), monitored(directory)))
      expect(await launched.progress()).toEqual({ state: 'waiting', at: 'start' })
      launched.release()
      expect(await launched.progress()).toEqual({ state: 'executed' })
      expect(await finish(launched)).toEqual({ code: 3, signal: 0, oomKilled: false })
      expect(readFileSync(`${directory}/exit`, 'utf8')).toMatch(/^3 0 \d{10} \d+ 0\n$/)
    }))

  it('logs k8s-file lines: time, stream, F for a full line and P for a part of one', () =>
    withTemporaryDirectory(async (directory) => {
      const launched = running(kernel().launch(shellPlan('echo out; echo err >&2; printf part'), monitored(directory)))
      await finish(launched)
      const log = lines(`${directory}/ctr.log`).sort((a, b) => a.slice(36).localeCompare(b.slice(36)))
      const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 /
      for (const line of log) expect(line).toMatch(time)
      expect(log.map((line) => line.replace(time, ''))).toEqual(['stderr F err', 'stdout F out', 'stdout P part'])
    }))

  it('rotates a log that is full, and keeps at most twice the limit', () =>
    withTemporaryDirectory(async (directory) => {
      const log = { path: `${directory}/ctr.log`, maxBytes: 2000 }
      const launched = running(
        kernel().launch(shellPlan('for i in $(seq 200); do echo line $i; done'), monitored(directory, { log })),
      )
      await finish(launched)
      expect(lines(log.path).at(-1)).toMatch(/ line 200$/)
      expect(readFileSync(log.path).length).toBeLessThanOrEqual(2000)
      expect(readFileSync(`${log.path}.1`).length).toBeLessThanOrEqual(2000)
    }))

  it('reaps what the container leaves, and does not wait for it', () =>
    withTemporaryDirectory(async (directory) => {
      const { steps } = shellPlan('(sleep 0.2 &) ; exit 0')
      const plain = steps.map((step) =>
        step.call.name === 'clone3' ? { ...step, call: { ...step.call, cl_args: { flags: 0x20000 } } } : step,
      )
      const launched = running(kernel().launch({ program: 'sh', steps: plain }, monitored(directory)))
      expect((await finish(launched)).code).toBe(0)
    }))

  it('undoes what was done before the clone when a later step is refused', () =>
    withTemporaryDirectory(async (directory) => {
      const before = openFds()
      const { steps } = shellPlan('')
      const plan = { program: 'x', steps: [mkdir(`${directory}/made`), ...steps.slice(0, -1), nowhere] }
      const launched = running(kernel().launch(plan, monitored(directory)))
      expect(await launched.progress()).toMatchObject({
        state: 'refused',
        failure: { errno: 'ENOENT', message: 'execute /nowhere: ENOENT (step 10 of 10)' },
      })
      launched.close()
      expect(existsSync(`${directory}/made`)).toBe(false)
      expect(openFds()).toBe(before)
    }))

  it('refuses with the step of the parent that was refused', () =>
    withTemporaryDirectory((directory) => {
      const plan = shellPlan('', [mkdir(`${directory}/one`), mkdir(`${directory}/no/where`)])
      expect(kernel().launch(plan, monitored(directory))).toMatchObject({ errno: 'ENOENT', step: 1 })
      expect(existsSync(`${directory}/one`)).toBe(false)
    }))

  it('lets another caller start what was left waiting, and tells that one what came of it', () =>
    withTemporaryDirectory(async (directory) => {
      for (const last of [executeStep('exit 6'), nowhere]) {
        const { steps } = shellPlan('', [], [waitStep])
        const launched = running(
          kernel().launch({ program: 'x', steps: [...steps.slice(0, -1), last] }, monitored(directory)),
        )
        await launched.progress()
        launched.park()
        const later = kernel().reopen(directory)
        if ('errno' in later) throw new Error(later.errno)
        later.release()
        const progress = await later.progress()
        if (last === nowhere) expect(progress).toMatchObject({ state: 'refused', failure: { errno: 'ENOENT' } })
        else expect(progress).toEqual({ state: 'executed' })
        later.close()
        expect((await finish(launched)).code).toBe(last === nowhere ? 127 : 6)
      }
    }))

  it('runs the cleanup command when the caller is gone without having cleaned up', () =>
    withTemporaryDirectory(async (directory) => {
      const script = `${directory}/cleanup`
      writeFileSync(script, `#!/bin/sh\necho "$1" >${directory}/cleaned\n`, { mode: 0o755 })
      const cleanup = { argv: [script, 'the-id'], env: ['PATH=/usr/bin:/bin'] }
      const launched = running(kernel().launch(shellPlan('exit 0'), monitored(directory, { cleanup })))
      await launched.exited
      expect(existsSync(`${directory}/cleaned`)).toBe(false)
      launched.close()
      await expect
        .poll(() => existsSync(`${directory}/cleaned`) && readFileSync(`${directory}/cleaned`, 'utf8'))
        .toBe('the-id\n')
    }))

  it('tells an exit status that died with the monitor as unknown', () =>
    withTemporaryDirectory(async (directory) => {
      const launched = running(kernel().launch(shellPlan('sleep 20'), monitored(directory)))
      process.kill(launched.monitorPid!, 'SIGKILL')
      expect(await launched.exited).toEqual({ code: 255, signal: 0, unknown: true })
      process.kill(launched.pid, 'SIGKILL')
      launched.close()
    }))
})
