// The executor on a real kernel: plans run in-process, what is refused, and what is undone. Those in a monitor: test/contract.

import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import type { Kernel, Launched, LaunchFailure } from '../../core/kernel.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { child, parent, shellPlan } from '../support/plans.ts'

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
