// Whoever is attached to a container on the simulated kernel: terminals, signals, standard input; and --init between them.

import { beforeEach, describe, expect, it } from 'vitest'
import { exec } from '../../../core/engine/exec.ts'
import { kill } from '../../../core/engine/kill.ts'
import { run } from '../../../core/engine/run.ts'
import { stop } from '../../../core/engine/stop.ts'
import { top } from '../../../core/engine/top.ts'
import type { Attachment, Started, StartedProcess } from '../../../core/engine/types.ts'
import { wait } from '../../../core/engine/wait.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

let session: Session
beforeEach(() => {
  session = openSession()
})

/** Runs attached to a terminal, types what is given, and gives all that comes out. */
async function throughTerminal(
  begin: (attachment: Attachment) => Promise<Started>,
  input = '',
): Promise<{ readonly code: number; readonly output: string }> {
  const { kernel } = session.host
  let output = ''
  let pumping: Promise<void> | undefined
  const pump = async (master: number) => {
    // Once the program is there.
    await session.host.sleep(1)
    if (input !== '') kernel.call({ name: 'write', fd: master, buf: input })
    for (;;) {
      const read = await kernel.wait({ name: 'read', fd: master, buf: 4096 })
      if ('errno' in read || read.value === 0) break
      output += new TextDecoder().decode(read.data!.subarray(0, read.value))
    }
    kernel.call({ name: 'close', fd: master })
  }
  const started = await begin({
    ...{ stdout: 1, stderr: 2 },
    terminal: (master) => {
      pumping = pump(master)
    },
  })
  const code = await started.exitCode!
  await pumping
  return { code, output }
}

describe('a terminal', () => {
  it('is the controlling terminal of the program: its lines are echoed, its keys are signals', async () => {
    const request = session.request(['head'], { terminal: true, interactive: true, remove: true })
    const { host, settings } = session
    const typed = await throughTerminal((attachment) => run(host, settings, request, attachment), 'hello\n')
    expect(typed).toEqual({ code: 0, output: 'hello\r\nhello\r\n' })
    const polite = session.request(['polite', '9'], { terminal: true, interactive: true, remove: true })
    const control = await throughTerminal((attachment) => run(host, settings, polite, attachment), '\x03')
    expect(control).toEqual({ code: 9, output: expect.stringMatching(/\^C/) })
  })

  it('is one of its own for exec, in the devpts of the container', async () => {
    await session.detached(['sleep', '100'], { name: 'web' })
    const command = ['head', '/proc/self/stat']
    const rest = { env: [], privileged: false, interactive: true, terminal: true, detach: false }
    const { host, settings } = session
    const { code, output } = await throughTerminal((attachment) =>
      exec(host, settings, 'web', { command, ...rest }, attachment),
    )
    // Field 7, the controlling terminal: 136:0 is /dev/pts/0. proc_pid_stat(5)
    expect([code, output.split(' ')[6]]).toEqual([0, String(136 << 8)])
  })

  it('is asked for: without one nobody attaches to a container that has it', async () => {
    const request = session.request(['true'], { terminal: true })
    await expect(run(session.host, session.settings, request, { stdout: 1, stderr: 2 })).rejects.toThrow(
      'whoever attaches to it must take one',
    )
  })
})

describe('a signal from whoever is attached', () => {
  it('reaches the program, whose end is told', async () => {
    let process: StartedProcess | undefined
    const request = session.request(['polite', '4'], { name: 'polite' })
    const started = await run(session.host, session.settings, request, {
      ...{ stdout: 1, stderr: 2 },
      started: (given) => {
        process = given
      },
    })
    await session.host.sleep(1)
    process!.signal(15)
    expect(await started.exitCode).toBe(4)
    // One that is gone takes none, and that is no error.
    process!.signal(15)
  })
})

describe('--init', () => {
  it('is process 1, starts the program, reaps orphans and ends as the program does', async () => {
    const { id } = await session.detached(['sh', '-c', 'sleep 1 & sleep 3; exit 5'], { name: 'job', init: true })
    const table = await top(session.host, session.settings, id, ['pid', 'ppid', 'args'])
    expect(table.rows.map(([pid, parent]) => `${pid} of ${parent}`)).toEqual(['1 of 0', '2 of 1', '3 of 2'])
    expect(table.rows[0]![2]).toMatch(/^\/run\/vitrine-init -- sh -c /)
    expect(await wait(session.host, session.settings, 'job')).toBe(5)
    expect(await session.toEnd(['nosuch'], { init: true })).toMatchObject({ code: 127 })
  })

  it('hands signals on to the program, which as process 1 would not hear them', async () => {
    const { host, settings } = session
    await session.detached(['sleep', '1000'], { name: 'plain' })
    await kill(host, settings, 'plain', 15)
    await session.after(1000)
    expect((await session.stateOf('plain')).Status).toBe('running')
    await session.detached(['sleep', '1000'], { name: 'job', init: true })
    const begun = host.now()
    await stop(host, settings, 'job', {})
    expect(host.now() - begun).toBeLessThan(1000)
    expect(await session.stateOf('job')).toMatchObject({ ExitCode: 143 })
  })
})
