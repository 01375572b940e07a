// The verbs that move a container from one state to the next: create, start, stop, restart, kill, pause, unpause, wait, rm.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession, until, waits } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

describe('a container', () => {
  const { run, ok, waiting, field, remove } = openSession()
  const create = (name: string, script: string, ...flags: string[]) =>
    ok(['create', '--name', name, '--network=none', ...flags, image, 'sh', '-c', script])
  const state = (name: string) => field(name, '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}')

  it('is created, started, and runs to its end again and again', async () => {
    const id = await create('again', 'echo run; exit 2')
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(await state('again')).toBe('created false 0')
    expect(await ok(['start', 'again'])).toBe('again')
    expect(await ok(['wait', 'again'])).toBe('2')
    expect(await state('again')).toBe('exited false 2')
    expect(await run(['start', '-a', id.slice(0, 10)])).toEqual({ stdout: 'run\n', stderr: '', code: 2 })
    expect(await ok(['logs', 'again'])).toBe('run\nrun')
    await remove('again')
  })

  it('keeps its files from one run to the next, and loses them when it is removed', async () => {
    await create('files', 'echo x >>/etc/count; wc -l </etc/count')
    expect((await run(['start', '-a', 'files'])).stdout).toBe('1\n')
    expect((await run(['start', '-a', 'files'])).stdout).toBe('2\n')
    await remove('files')
  })

  it('is asked to stop, and killed when it does not', async () => {
    await waiting('polite')
    expect(await ok(['stop', 'polite'])).toBe('polite')
    expect(await state('polite')).toBe('exited false 0')
    expect(await ok(['stop', 'polite'])).toBe('polite')
    await waiting('stubborn', [], 'trap "" TERM; exec sleep 1000')
    const began = Date.now()
    await ok(['stop', '--time=1', 'stubborn'])
    expect(Date.now() - began).toBeLessThan(8000)
    expect(await state('stubborn')).toBe('exited false 137')
    expect((await run(['stop', 'nobody'])).code).toBe(125)
    expect((await run(['stop', '--ignore', 'nobody'])).code).toBe(0)
    await remove('polite', 'stubborn')
  })

  it('has another process after a restart', async () => {
    const before = await waiting('anew', ['--rm'])
    expect(await ok(['restart', '-t', '1', 'anew'])).toBe('anew')
    const pid = Number(await field('anew', '{{.State.Pid}}'))
    expect(pid).not.toBe(before.pid)
    expect(await state('anew')).toBe('running true 0')
    await ok(['stop', '-t=0', 'anew'])
    await until('it is removed', async () => (await ok(['ps', '-aq'])) === '')
    await create('idle', waits)
    await ok(['restart', 'idle'])
    expect(await state('idle')).toBe('running true 0')
    await ok(['restart', '--running', '--all', '--time=0'])
    await remove('idle')
  })

  it('takes the signal of kill', async () => {
    await waiting('target', [], 'trap "echo usr1" USR1; trap "exit 21" HUP; while :; do sleep 1000 & wait; done')
    await ok(['exec', 'target', 'sleep', '0.2'])
    expect(await ok(['kill', '--signal=USR1', 'target'])).toBe('target')
    await until('it has heard', async () => (await ok(['logs', 'target'])) === 'usr1')
    await ok(['kill', '-s', 'SIGHUP', 'target'])
    expect(await ok(['wait', 'target'])).toBe('21')
    expect((await run(['kill', 'target'])).code).toBe(125)
    await ok(['start', 'target'])
    await ok(['kill', 'target'])
    expect(await ok(['wait', 'target'])).toBe('137')
    expect((await run(['kill', '-s', 'NONSENSE', 'target'])).stderr).toContain('NONSENSE')
    await remove('target')
  })

  it('stands still when it is paused', async () => {
    const { pid } = await waiting('still', [], 'while :; do :; done')
    const ticks = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(13, 15).join(' ')
    expect(await ok(['pause', 'still'])).toBe('still')
    const before = ticks()
    expect(await ok(['ps', '--format', '{{.Status}}'])).toBe('Paused')
    expect((await run(['exec', 'still', 'true'])).code).toBe(125)
    expect((await run(['pause', 'still'])).code).toBe(125)
    expect(ticks()).toBe(before)
    expect(await ok(['unpause', 'still'])).toBe('still')
    await until('it goes on', () => ticks() !== before)
    await ok(['pause', '--all'])
    await ok(['unpause', '-a'])
    await ok(['pause', 'still'])
    await ok(['rm', '-f', '-t', '0', 'still'])
  })

  it('is waited for: until its end, or until a condition', async () => {
    await waiting('awaited')
    const waited = Promise.all([
      ok(['wait', 'awaited']),
      ok(['wait', '--condition=paused', '--interval=50ms', 'awaited']),
    ])
    expect(await ok(['wait', '--condition=running', 'awaited'])).toBe('-1')
    await ok(['pause', 'awaited'])
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await ok(['unpause', 'awaited'])
    await ok(['stop', 'awaited'])
    expect(await waited).toEqual(['0', '-1'])
    expect((await run(['wait', '--condition=happy', 'awaited'])).code).toBe(125)
    await remove('awaited')
  })

  it('is removed when it does not run, or by force', async () => {
    await waiting('alive')
    const refused = await run(['rm', 'alive'])
    expect(refused.code).toBe(2) // podman-rm(1)
    expect(refused.stderr).toContain('alive')
    expect(await ok(['rm', '--force', '--time=0', 'alive'])).toBe('alive')
    expect((await run(['rm', 'alive'])).code).toBe(1)
    expect(await ok(['rm', '--ignore', 'alive'])).toBe('')
    expect(await ok(['rm', '-f', 'alive'])).toBe('')
  })

  it('is one of many that a verb is told of', async () => {
    for (const name of ['one', 'two', 'three']) await create(name, waits)
    expect(await ok(['start', 'one', 'two'])).toBe('one\ntwo')
    const some = await run(['start', 'nobody', 'three'])
    expect(some).toMatchObject({ code: 125, stdout: 'three\n' })
    await ok(['kill', '--all'])
    await until('all have ended', async () => (await ok(['ps', '-q'])) === '')
    await ok(['start', 'one'])
    expect((await ok(['stop', '--all', '-t', '1'])).split('\n')).toHaveLength(1)
    expect((await ok(['rm', '--all'])).split('\n')).toHaveLength(3)
    expect((await run(['rm', '--all', 'one'])).code).toBe(125)
  })

  it('tells when it began and ended', async () => {
    const began = Date.now()
    await create('times', 'sleep 0.2')
    await ok(['start', '--attach', 'times'])
    const [created, started, finished] = (
      await field('times', '{{.Created}} {{.State.StartedAt}} {{.State.FinishedAt}}')
    )
      .split(' ')
      .map((time) => Date.parse(time))
    expect(created).toBeGreaterThan(began - 1000)
    expect(started).toBeGreaterThanOrEqual(created!)
    expect(finished! - started!).toBeGreaterThan(150)
    await remove('times')
  })
})
