// kill -9 of a user's command on images at any moment, of whichever of its processes: nothing is left at work, and the next
// command does what it should.

import { afterAll, beforeAll, expect } from 'vitest'
import { randomFrom, seed, until } from '../support/faults.ts'
import { isUserModeLinux } from '../support/needs.ts'
import { asOrdinaryUser, forUsers, type OrdinaryUser, processesOf } from '../support/ordinary-user.ts'
import { ownersImage } from '../support/owners-image.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { insecure, storeProblems } from '../support/registry-session.ts'
import { putImage } from '../support/remote-images.ts'

const { describe, it } = forUsers
const turns = isUserModeLinux() ? 2 : 4
const ways = [
  ['lent', 'outer'],
  ['lent', 'inner'],
  ['none', 'outer'],
] as const

describe('kill -9 of an ordinary user’s', () => {
  let registry: Registry
  let name: string
  beforeAll(async () => {
    registry = await startRegistry()
    name = `${registry.address}/team/owners:v1`
    await putImage(registry, 'team/owners', ownersImage(), 'v1')
  })
  afterAll(async () => await registry?.stop())

  /** It may have ended between the look and the signal. */
  function killIfThere(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  /** Kills one of the command's processes some milliseconds after the start, when it is there by then. */
  async function killed(
    { start, home }: OrdinaryUser,
    argv: readonly string[],
    { ids, which, delayMs }: { ids: 'lent' | 'none'; which: 'outer' | 'inner'; delayMs: number },
  ): Promise<void> {
    const child = start(argv, { ids })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    const timer = setTimeout(() => {
      if (which === 'outer') child.kill('SIGKILL')
      else for (const pid of processesOf(home)) if (pid !== child.pid) killIfThere(pid)
    }, delayMs)
    await ended
    clearTimeout(timer)
    await until('no process is at work any more', () => processesOf(home).length === 0)
  }

  const lasts = async (act: () => Promise<unknown>) => {
    const begin = performance.now()
    await act()
    return performance.now() - begin
  }

  it.each(ways)(
    `pull (ids %s, the %s process) leaves a store in which the next succeeds (seed ${seed})`,
    async (ids, which) => {
      const random = randomFrom(seed + which.length)
      await asOrdinaryUser(async (user) => {
        const { ok, left, write, home } = user
        write('.config/containers/registries.conf', insecure(registry.address))
        const pull = ['pull', '-q', name]
        const wholeMs = await lasts(() => ok(pull, { ids }))
        await ok(['rmi', '-a'], { ids })
        for (let turn = 0; turn < turns; turn++) {
          const delayMs = (wholeMs * (turn + random())) / turns
          const say = `killed after ${delayMs} of ${wholeMs} ms, seed ${seed}`
          await killed(user, pull, { ids, which, delayMs })
          expect(await ok(['images', '-q'], { ids }), say).toMatch(/^([0-9a-f]{12})?$/)
          // push sweeps too, and is not root over the files of lent ids that were left.
          await ok(pull, { ids })
          expect(storeProblems(home), say).toEqual([])
          await ok(['push', '-q', name], { ids })
          await ok(['rmi', '-a'], { ids })
          expect(left(), say).toEqual([])
        }
      })
    },
  )

  it.each(ways)(`rmi (ids %s, the %s process) removes it, or leaves it whole (seed ${seed})`, async (ids, which) => {
    const random = randomFrom(seed + 9 + which.length)
    await asOrdinaryUser(async (user) => {
      const { ok, left, write, home } = user
      write('.config/containers/registries.conf', insecure(registry.address))
      await ok(['pull', '-q', name], { ids })
      const wholeMs = await lasts(() => ok(['rmi', name], { ids }))
      for (let turn = 0; turn < turns; turn++) {
        await ok(['pull', '-q', name], { ids })
        const delayMs = (wholeMs * (turn + random())) / turns
        await killed(user, ['rmi', name], { ids, which, delayMs })
        const here = (await ok(['images', '-q'], { ids })) !== ''
        if (here) await ok(['run', '--rm', '--network=none', name, 'cat', '/srv/page'], { ids })
        // Which of these comes first, sweeps.
        await ok(['image', 'prune', '-a', '-f'], { ids })
        expect(storeProblems(home), `killed after ${delayMs} of ${wholeMs} ms, seed ${seed}`).toEqual([])
        expect(left()).toEqual([])
      }
    })
  })

  it.each(ways)(`run of an image that has to be pulled (ids %s, the %s process; seed ${seed})`, async (ids, which) => {
    const random = randomFrom(seed + 20 + which.length)
    await asOrdinaryUser(async (user) => {
      const { ok, left, write, home } = user
      write('.config/containers/registries.conf', insecure(registry.address))
      const argv = ['run', '--name=web', '--network=none', name, 'sh', '-c', 'exit 0']
      const wholeMs = await lasts(() => ok(argv, { ids }))
      for (let turn = 0; turn < turns; turn++) {
        await ok(['rm', '-f', '-a'], { ids })
        await ok(['rmi', '-a'], { ids })
        const delayMs = (wholeMs * (turn + random())) / turns
        await killed(user, argv, { ids, which, delayMs })
        await ok(['rm', '-f', '-a'], { ids })
        await ok(['run', '--rm', '--network=none', name, 'cat', '/srv/page'], { ids })
        expect(storeProblems(home), `killed after ${delayMs} of ${wholeMs} ms, seed ${seed}`).toEqual([])
      }
      await ok(['rmi', '-a'], { ids })
      expect(left()).toEqual([])
    })
  })
})
