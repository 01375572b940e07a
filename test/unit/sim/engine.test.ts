// The engine as it is, on the simulated kernel: whole lives of containers, and what they leave.

import { describe, expect, it } from 'vitest'
import { exec } from '../../../core/engine/exec.ts'
import { inspect } from '../../../core/engine/inspect.ts'
import { kill } from '../../../core/engine/kill.ts'
import { list } from '../../../core/engine/list.ts'
import { pause, unpause } from '../../../core/engine/pause.ts'
import { remove } from '../../../core/engine/remove.ts'
import { run } from '../../../core/engine/run.ts'
import { stop } from '../../../core/engine/stop.ts'
import { openSimulatedEngine } from '../../support/sim-engine.ts'

const attached = { stdout: 1, stderr: 2 }
const all = { all: true, filters: {} }

describe('a container on the simulated kernel', () => {
  it('runs to its end, and its exit code is told and written down', async () => {
    const { host, settings, request, read } = openSimulatedEngine()
    const started = await run(host, settings, request(['exit', '3']), attached)
    expect(await started.exitCode).toBe(3)
    expect(read(`${settings.root}/containers/${started.id}/exit`)).toMatch(/^3 0 \d+ \d+ 0\n$/)
    expect(await list(host, settings, all)).toMatchObject([{ id: started.id, status: 'exited', exitCode: 3 }])
  })

  it('is process 1 of a pid namespace, in a cgroup of its own with its limits, and logged', async () => {
    const { machine, host, settings, request, read } = openSimulatedEngine()
    const started = await run(
      host,
      settings,
      request(['sleep', '100'], { name: 'web', resources: { memoryBytes: 64 << 20, pidsLimit: 20 } }),
    )
    const task = machine.initial.pid.find(started.pid)!.task!
    expect(task.entry.numbers.at(-1)).toBe(1)
    const cgroup = `/sys/fs/cgroup/vitrine/${started.id}`
    expect(read(`${cgroup}/memory.max`)).toBe(`${64 << 20}\n`)
    expect(read(`${cgroup}/pids.max`)).toBe('20\n')
    expect(read(`${cgroup}/cgroup.procs`)).toBe(`${started.pid}\n`)
    await pause(host, settings, 'web')
    expect(read(`${cgroup}/cgroup.events`)).toContain('frozen 1')
    await unpause(host, settings, 'web')
    await kill(host, settings, 'web', 9)
    expect((await stop(host, settings, 'web', {})).id).toBe(started.id)
    expect(await inspect(host, settings, 'web')).toMatchObject({ State: { Status: 'exited', ExitCode: 137 } })
  })

  it('takes one more process in', async () => {
    const { host, settings, request } = openSimulatedEngine()
    await run(host, settings, request(['sleep', '100'], { name: 'web' }))
    const command = {
      command: ['exit', '7'],
      env: [],
      privileged: false,
      interactive: false,
      terminal: false,
      detach: false,
    }
    const inside = await exec(host, settings, 'web', command, attached)
    expect(await inside.exitCode).toBe(7)
  })

  it('leaves no process, mount, cgroup or file behind when it is removed', async () => {
    const { machine, host, settings, request, read } = openSimulatedEngine()
    const state = () => ({
      processes: [...machine.tasks.values()].filter((task) => task.process.leader === task).length,
      mounts: read('/proc/self/mountinfo'),
      cgroups: read('/proc/cgroups'),
    })
    const first = await run(host, settings, request(['true']), attached)
    await first.exitCode
    await remove(host, settings, first.id, { force: true, volumes: true })
    const before = state()
    for (const command of [['true'], ['exit', '1'], ['nosuch']]) {
      const started = await run(host, settings, request(command, { remove: true }), attached).catch((error) => error)
      if ('exitCode' in started && started.exitCode instanceof Promise) await started.exitCode
    }
    expect(state()).toEqual(before)
    expect(await list(host, settings, all)).toEqual([])
  })

  it('that cannot be executed is refused as podman does: 127 for what is not there', async () => {
    const { host, settings, request } = openSimulatedEngine()
    await expect(run(host, settings, request(['nosuch']), attached)).rejects.toMatchObject({ exitCode: 127 })
  })

  it('does the same twice', async () => {
    const lives = async () => {
      const { machine, host, settings, request, read } = openSimulatedEngine({ seed: 7 })
      const started = await run(host, settings, request(['echo', 'hello', 'machine']), attached)
      await started.exitCode
      return [started.id, machine.clock.nowNs, read(`${settings.root}/containers/${started.id}/ctr.log`)]
    }
    const once = await lives()
    expect(once[2]).toMatch(/^\S+ stdout F hello machine\n$/)
    expect(await lives()).toEqual(once)
  })
})
