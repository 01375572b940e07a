// What a command finds that another has left on the simulated kernel: killed commands, monitors and processes.

import { beforeEach, describe, expect, it } from 'vitest'
import { inspect } from '../../../core/engine/inspect.ts'
import { list } from '../../../core/engine/list.ts'
import { run } from '../../../core/engine/run.ts'
import { start } from '../../../core/engine/start.ts'
import type { Kernel, Outcome } from '../../../core/kernel.ts'
import { snapshotOf } from '../../../core/lifecycle/table.ts'
import { readStored, type Stored, writeState } from '../../../core/store/record.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

let session: Session
beforeEach(() => {
  session = openSession()
})
const rows = () => list(session.host, session.settings, { all: true, filters: {} })
const kill = (pid: number) => void session.host.kernel.call({ name: 'kill', pid, sig: 9 })
const stored = (id: string): Stored => readStored(session.host.kernel, session.settings, id)!
const interrupt = (id: string) => {
  const { paths, state } = stored(id)
  writeState(session.host.kernel, paths, { ...state, lifecycle: snapshotOf('starting') })
}

describe('a container whose start was not written down to its end', () => {
  it('runs when its program was executed', async () => {
    const { id } = await session.detached(['sleep', '100'], { name: 'web' })
    interrupt(id)
    expect(await rows()).toMatchObject([{ name: 'web', status: 'running' }])
  })

  it('has ended when it did so meanwhile', async () => {
    const { id } = await session.detached(['sh', '-c', 'sleep 1; exit 6'], { name: 'job' })
    interrupt(id)
    await session.after(2000)
    expect(await rows()).toMatchObject([{ name: 'job', status: 'exited', exitCode: 6 }])
  })

  it('has ended, too, when it is on its way to its end: it has let go of its program, and is still listed', async () => {
    const { id, pid } = await session.detached(['sleep', '100'], { name: 'dies' })
    interrupt(id)
    const { kernel } = session.host
    const dying: Kernel = {
      ...kernel,
      call: (call): Outcome => {
        if (call.name !== 'readlinkat' || call.pathname !== `/proc/${pid}/exe`) return kernel.call(call)
        kill(pid)
        return { errno: 'ENOENT' }
      },
    }
    const { State } = await inspect({ ...session.host, kernel: dying }, session.settings, 'dies')
    expect(State).toMatchObject({ Status: 'exited', ExitCode: 137, ExitUnknown: false, Error: '' })
  })

  it('is as one that never ran when its command was killed before its program was executed', async () => {
    const { machine, another, settings, request } = session
    const other = another()
    const { kernel } = other.host
    // The first release never reaches the child.
    const launch: Kernel['launch'] = (plan, monitor) => {
      const launched = kernel.launch(plan, monitor)
      if ('step' in launched) return launched
      return Object.defineProperties({} as typeof launched, {
        ...Object.getOwnPropertyDescriptors(launched),
        release: { value: () => kernel.call({ name: 'exit_group', status: 0 }) },
      })
    }
    const begun = run(
      { ...other.host, kernel: { ...kernel, launch } },
      settings,
      request(['sleep', '9'], { name: 'web' }),
    )
    await expect(begun).rejects.toThrow('the runtime was killed')
    expect(other.runtime.alive).toBe(false)
    const before = machine.clock.nowNs
    expect(await rows()).toMatchObject([{ name: 'web', status: 'created', pid: 0 }])
    expect((await inspect(session.host, settings, 'web')).State.Error).toBe('its start was interrupted')
    expect(machine.clock.nowNs - before).toBeLessThan(1e9)
    await start(session.host, settings, 'web')
    expect(await rows()).toMatchObject([{ name: 'web', status: 'running' }])
  })
})

describe('a monitor that was killed', () => {
  it('takes what it knew with it: the end is unknown, and nothing of the container stays', async () => {
    await session.toEnd(['true'], { remove: true })
    const before = session.leftovers()
    const { id } = await session.detached(['sleep', '100'], { name: 'web' })
    kill(stored(id).state.monitor!.pid)
    expect(await rows()).toMatchObject([{ name: 'web', status: 'exited', exitCode: 255 }])
    expect((await inspect(session.host, session.settings, 'web')).State).toMatchObject({ ExitUnknown: true })
    expect(session.leftovers()).toEqual(before)
  })
})
