// run on the real kernel: containers in the foreground, those that cannot be started, and what is only thought of.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { inspect } from '../../core/engine/inspect.ts'
import { list } from '../../core/engine/list.ts'
import { remove } from '../../core/engine/remove.ts'
import { dryRun, run } from '../../core/engine/run.ts'
import { type Engine, engineNeeds, openEngine, useEngine } from '../support/engine.ts'
import { hostState } from '../support/host.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(engineNeeds)

let engine: Engine
let directory: string

useEngine('engine', (ground) => {
  engine = ground.engine
  directory = ground.directory
})

const rows = async (all = true) => await list(engine.host, engine.settings, { all, filters: {} })
const runDetached = (command: readonly string[], more: Parameters<Engine['request']>[1] = {}) =>
  run(engine.host, engine.settings, engine.request(command, more))
const removed = (name: string) => remove(engine.host, engine.settings, name, { force: true, volumes: true })

describe('run in the foreground', () => {
  it('passes output on and ends with the exit code of the program', async () => {
    const { code, stdout, stderr } = await engine.runToEnd(['sh', '-c', 'echo out; echo err >&2; exit 7'], {
      remove: true,
    })
    expect([code, stdout, stderr]).toEqual([7, 'out\n', 'err\n'])
    expect(await rows()).toEqual([])
  })

  it('ends with 128 and the signal for a program that a signal ended', async () => {
    const { code, id } = await engine.runToEnd(['sh', '-c', 'kill -KILL $$'])
    // The first process of a pid namespace takes no signal from inside: sh goes on and ends by itself.
    expect(code).toBe(0)
    await removed(id)
    expect((await engine.runToEnd(['sh', '-c', "sh -c 'kill -TERM $$'; exit $?"], { remove: true })).code).toBe(143)
  })

  it('keeps the container without --rm, with how it ended', async () => {
    const { id } = await engine.runToEnd(['sh', '-c', 'exit 3'], { name: 'kept' })
    const { State } = await inspect(engine.host, engine.settings, 'kept')
    expect(State).toMatchObject({ Status: 'exited', Running: false, ExitCode: 3, OOMKilled: false, Pid: 0 })
    expect((await rows()).map((row) => [row.id, row.status, row.exitCode])).toEqual([[id, 'exited', 3]])
    await removed('kept')
  })

  it('is who --user says, by the names of the root filesystem', async () => {
    const { stdout } = await engine.runToEnd(['sh', '-c', 'id; echo $HOME; hostname'], {
      user: 'web',
      hostname: 'shop',
      remove: true,
    })
    expect(stdout).toBe('uid=33(web) gid=34(web) groups=40(logs)\n/srv\nshop\n')
  })

  it('writes into a layer of its own and leaves the root filesystem as it was', async () => {
    const { code } = await engine.runToEnd(['sh', '-c', 'echo x > /etc/passwd && rm /etc/text'], { remove: true })
    expect(code).toBe(0)
    expect(readFileSync(join(directory, 'rootfs/etc/text'), 'utf8')).toBe('not a program\n')
  })

  it("runs on the host's own files with an overlay over /", async () => {
    const own = openEngine(directory)
    const { stdout } = await own.runToEnd(['sh', '-c', 'echo gone > /etc/hostname.vitrine; ls /etc/hostname.vitrine'], {
      remove: true,
    })
    expect(stdout).toBe('/etc/hostname.vitrine\n')
    expect(existsSync('/etc/hostname.vitrine')).toBe(false)
  })

  it('mounts directories, files, volumes and tmpfs', async () => {
    mkdirSync(join(directory, 'data'), { recursive: true })
    writeFileSync(join(directory, 'data/file'), 'from outside\n')
    const { stdout, stderr } = await engine.runToEnd(
      ['sh', '-c', 'cat /data/file; echo in > /data/new; echo x > /ro/new; stat -f -c %T /scratch; ls /vol'],
      {
        remove: true,
        volumes: [
          { kind: 'bind', source: join(directory, 'data'), destination: '/data', options: [] },
          { kind: 'bind', source: join(directory, 'data'), destination: '/ro', options: ['ro'] },
          { kind: 'anonymous', destination: '/vol', options: [] },
        ],
        tmpfs: [{ destination: '/scratch', options: [] }],
      },
    )
    expect(stdout).toBe('from outside\ntmpfs\n')
    expect(stderr).toContain('Read-only file system')
    expect(readFileSync(join(directory, 'data/new'), 'utf8')).toBe('in\n')
  })

  it('begins a volume with what the image has there, and keeps a named one', async () => {
    const named = { kind: 'named', source: 'etc', destination: '/etc', options: [] } as const
    const own = { kind: 'anonymous', destination: '/bin', options: [] } as const
    const script = 'cat /etc/text; ls /bin | grep -c busybox; echo more >> /etc/text'
    const first = await engine.runToEnd(['sh', '-c', script], { volumes: [named, own], remove: true })
    expect([first.stderr, first.stdout]).toEqual(['', 'not a program\n1\n'])
    const second = await engine.runToEnd(['cat', '/etc/text'], { volumes: [named], remove: true })
    expect(second.stdout).toBe('not a program\nmore\n')
    expect(readFileSync(join(directory, 'rootfs/etc/text'), 'utf8')).toBe('not a program\n')
  })

  it('kills for memory and says so', async () => {
    const { code, id } = await engine.runToEnd(['sh', '-c', 'x=a; while true; do x=$x$x; done'], {
      resources: { memoryBytes: 16 * 1024 * 1024, memorySwapBytes: 16 * 1024 * 1024 },
    })
    expect(code).toBe(137)
    expect((await inspect(engine.host, engine.settings, id)).State).toMatchObject({ OOMKilled: true, ExitCode: 137 })
    await removed(id)
  })
})

describe('a container that cannot be started', () => {
  const refusal = async (command: readonly string[], more: Parameters<Engine['request']>[1] = {}) => {
    try {
      await engine.runToEnd(command, more)
    } catch (error) {
      const { message, exitCode } = error as Error & { exitCode: number }
      return [exitCode, message]
    }
    return 'it started'
  }

  it('is 127 for a program that is not there, and nothing stays', async () => {
    expect(await refusal(['nope'])).toEqual([127, 'executable file `nope` not found in $PATH'])
    expect((await refusal(['/bin/nope']))[0]).toBe(127)
    expect(await rows()).toEqual([])
  })

  it('is 126 for a program that cannot be executed', async () => {
    expect((await refusal(['/etc/text']))[0]).toBe(126)
    expect((await refusal(['/etc']))[0]).toBe(126)
  })

  it('names what is wrong: root filesystem, user, mount source, name, limits', async () => {
    const path = join(directory, 'absent')
    expect(await refusal(['true'], { source: { kind: 'rootfs', path, overlay: true } })).toEqual([
      125,
      `--rootfs=${path}: no such directory on the host`,
    ])
    expect(await refusal(['true'], { user: 'ghost' })).toEqual([
      125,
      '--user: no user "ghost" in the container\'s /etc/passwd',
    ])
    const volumes = [{ kind: 'bind', source: path, destination: '/x', options: [] }] as const
    expect(await refusal(['true'], { volumes })).toEqual([
      125,
      `cannot mount ${path}: no such file or directory on the host`,
    ])
    expect((await refusal(['true'], { name: '-x' }))[0]).toBe(125)
    expect((await refusal(['true'], { resources: { memoryBytes: 1 } }))[1]).toMatch(/--memory=1/)
    expect((await refusal(['true'], { source: { kind: 'image', reference: 'absent' } }))[1]).toMatch(/^image absent/)
    expect(await rows()).toEqual([])
  })

  it('whose name is taken leaves the owner alone; --replace takes its place', async () => {
    const first = await runDetached(['sleep', '100'], { name: 'one' })
    expect((await refusal(['true'], { name: 'one' }))[1]).toBe(
      `the container name "one" is already in use by ${first.id}: remove that container, or use --replace`,
    )
    expect((await rows()).map((row) => row.id)).toEqual([first.id])
    const second = await runDetached(['sleep', '100'], { name: 'one', replace: true })
    expect((await rows()).map((row) => row.id)).toEqual([second.id])
    await removed('one')
  })
})

describe('a dry run', () => {
  it('gives the plan and makes nothing', async () => {
    const files = hostState([directory]).file
    const plan = await dryRun(engine.host, engine.settings, engine.request(['true'], { name: 'thought' }))
    expect(plan.program).toBe('true')
    expect(plan.steps.length).toBeGreaterThan(50)
    expect(hostState([directory]).file).toEqual(files)
  })
})
