// Several commands at once: each does its whole work or says in a sentence why not, and the state stays one.

import { expect } from 'vitest'
import { expectSentence, onCleanGround, until } from '../support/faults.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
})
const own = ['--network=none', '--rootfs', '/:O']
const many = isUserModeLinux() ? 8 : 20

describe('commands at the same time', () => {
  it(`${many} runs all run, each with its own status`, async () => {
    await onCleanGround(async ({ run, rows }) => {
      const codes = Array.from({ length: many }, (_, index) => index + 1)
      const runs = codes.map((code) =>
        run(['run', `--name=web${code}`, ...own, 'sh', '-c', `echo ${code}; exit ${code}`]),
      )
      const answers = await Promise.all(runs)
      expect(answers).toEqual(codes.map((code) => ({ code, stdout: `${code}\n`, stderr: '' })))
      const listed = (await rows()).map((row) => row.ExitCode).sort((a, b) => a - b)
      expect(listed).toEqual(codes)
    })
  })

  it('for one name: one gets it, the others are told who has it', async () => {
    await onCleanGround(async ({ run, rows }) => {
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => run(['run', '-d', '--name=web', ...own, 'sleep', '1000'])),
      )
      expect(answers.filter(({ code }) => code === 0)).toHaveLength(1)
      for (const answer of answers.filter(({ code }) => code !== 0))
        expectSentence(answer, 125, /the container name "web" is already in use by [0-9a-f]{64}/)
      expect(await rows()).toHaveLength(1)
    })
  })

  it('--replace of one name: in the end one container has it, and runs', async () => {
    await onCleanGround(async ({ run, rows }) => {
      const argv = ['run', '-d', '--replace', '--name=web', ...own, 'sleep', '1000']
      const answers = await Promise.all(Array.from({ length: 4 }, () => run(argv)))
      expect(answers.some(({ code }) => code === 0)).toBe(true)
      for (const { code, stderr } of answers)
        if (code !== 0) expect(stderr).toMatch(/^vitrine: [^\n]*(already in use|no such container)[^\n]*\n$/)
      const listed = await rows()
      expect(listed).toHaveLength(1)
      expect(listed[0]).toMatchObject({ State: 'running' })
    })
  })

  it('rm -f during start: the container is gone, whoever was first', async () => {
    await onCleanGround(async ({ run, rows }) => {
      for (let turn = 0; turn < 3; turn++) {
        await run(['create', '--name=web', ...own, 'sleep', '1000'])
        const [started, removed] = await Promise.all([run(['start', 'web']), run(['rm', '-f', 'web'])])
        expect(removed).toMatchObject({ code: 0, stderr: '' })
        if (started.code !== 0) expectSentence(started, 125, /no such container/)
        // What was removed while it was being started is not there half.
        expect(await rows()).toEqual([])
      }
    })
  })

  it('start of one container: it runs once', async () => {
    await onCleanGround(async ({ run, find }) => {
      await run(['create', '--name=web', ...own, 'sleep', '1000'])
      const answers = await Promise.all([1, 2, 3].map(() => run(['start', 'web'])))
      expect(answers.filter(({ code }) => code === 0)).toHaveLength(1)
      for (const answer of answers.filter(({ code }) => code !== 0))
        expectSentence(answer, 125, /cannot start container web: it is running/)
      expect(await find('web')).toMatchObject({ State: 'running' })
    })
  })

  it('stop during create or run does not meet a half', async () => {
    await onCleanGround(async ({ run, find }) => {
      const [made, stopped] = await Promise.all([
        run(['run', '-d', '--name=web', ...own, 'sleep', '1000']),
        run(['stop', '-t', '0', 'web']),
      ])
      expect(made.code).toBe(0)
      if (stopped.code !== 0) expectSentence(stopped, 125, /no such container/)
      const [created, again] = await Promise.all([
        run(['create', '--name=other', ...own, 'true']),
        run(['stop', '-t', '0', 'other']),
      ])
      expect(created.code).toBe(0)
      if (again.code !== 0) expectSentence(again, 125, /no such container/)
      expect(await find('other')).toMatchObject({ State: 'created' })
    })
  })

  it('stop, rm and ps while a container ends by itself agree on what became of it', async () => {
    await onCleanGround(async ({ run, rows, find }) => {
      await run(['run', '-d', '--name=web', ...own, 'sh', '-c', 'sleep 0.1; exit 5'])
      const [stopped] = await Promise.all([run(['stop', '-t', '5', 'web']), rows(), rows()])
      expect(stopped).toMatchObject({ code: 0, stderr: '' })
      await until('web has exited', async () => (await find('web'))?.State === 'exited')
      // Either it was quicker, or the signal was: nothing else is true.
      expect([5, 143]).toContain((await find('web'))?.ExitCode)
      const removed = await Promise.all([run(['rm', '-f', 'web']), run(['rm', '-f', 'web'])])
      expect(removed.map(({ code, stderr }) => ({ code, stderr }))).toEqual([1, 2].map(() => ({ code: 0, stderr: '' })))
    })
  })
})
