// The way into a running container, and terminals: plans of exec and of processes that have a terminal.

import { spawnSync } from 'node:child_process'
import { chownSync, closeSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Launched } from '../../core/kernel.ts'
import { planContainer } from '../../core/launch/container.ts'
import { type ExecTarget, planExec } from '../../core/launch/exec.ts'
import { terminalMaster } from '../../core/launch/plan.ts'
import type { Process } from '../../core/spec/types.ts'
import { type Answer, realFacts, realKernel, runPlan, shellSpec, started, type Wanted } from '../support/containers.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true, filesystems: ['overlay'] })

/** Starts a container that sleeps, and execs in it. */
async function exec(
  wanted: Partial<Wanted>,
  process: Partial<Process>,
  waiting?: (at: string, launched: Launched) => void,
) {
  return withTemporaryDirectory(async (directory): Promise<Answer> => {
    const facts = realFacts(directory)
    const spec = shellSpec({ script: 'exec sleep 100', ...wanted })
    const container = started(
      realKernel().launch(planContainer(spec, facts), { detached: false, title: 'vitrine-test' }),
    )
    try {
      await container.progress()
      const namespaces = spec.linux!.namespaces!.map(({ type }) => type)
      const target: ExecTarget = { pid: container.pid, namespaces }
      const plan = planExec({ ...spec.process!, ...process }, target, {
        ...facts,
        waitsForStart: waiting !== undefined,
      })
      return await runPlan(directory, plan, waiting, { terminal: process.terminal })
    } finally {
      globalThis.process.kill(container.pid, 'SIGKILL')
      await container.exited
      container.cleaned()
      container.close()
    }
  })
}

describe('an exec', () => {
  it('runs beside the container, in its namespaces and its root', async () => {
    const script =
      'hostname; tr "\\0" " " </proc/1/cmdline; echo; test $$ != 1; cut -d" " -f5 /proc/self/mountinfo | head -2; pwd'
    const { code, output } = await exec({}, { args: ['sh', '-c', script], cwd: '/usr' })
    expect(`${output}${code}`).toBe('web\nsleep 100 \n/\n/proc\n/usr\n0')
  })

  it('has the user and the capabilities of its own process', async () => {
    const user = { uid: 33, gid: 34 }
    const { output } = await exec({}, { args: ['sh', '-c', 'id -u; id -g; grep CapBnd /proc/self/status'], user })
    expect(output).toBe('33\n34\nCapBnd:\t00000000800405fb\n')
  })

  it('names the working directory that is not there', async () => {
    await expect(exec({}, { cwd: '/nowhere', args: ['true'] })).rejects.toThrow('find /nowhere: ENOENT')
  })

  it('cannot be led out of the container by a working directory that is a descriptor of the host', async () => {
    await expect(exec({}, { cwd: '/proc/self/fd/1000', args: ['true'] })).rejects.toThrow(/ELOOP|ENOTDIR|ENOENT/)
  })
})

/** What the terminal shows until its line `end`. */
function readToEnd(master: number): string {
  let seen = ''
  const bytes = new Uint8Array(4096)
  while (!seen.includes('end\r\n')) seen += new TextDecoder().decode(bytes.subarray(0, readSync(master, bytes)))
  closeSync(master)
  return seen.replaceAll('\r', '')
}

describe('a user who is not root', () => {
  it('has containers of a single mapping, and execs with a terminal in them', () =>
    withTemporaryDirectory((directory) => {
      chownSync(directory, 65000, 65000)
      const script = join(import.meta.dirname, '../support/rootless-container.ts')
      const user = { uid: 65000, gid: 65000 }
      const { stdout, stderr } = spawnSync(process.execPath, [script, directory], { ...user, encoding: 'utf8' })
      expect(`${stdout}${stderr}`).toBe('0\n/dev/pts/0\nweb\nsleep\nend\n')
    }))
})

describe('a terminal', () => {
  const script = 'tty; stty size; stat -c %u:%g $(tty); echo $(ps -o tty= -p $$); test -t 0 && test -t 1 && echo end'
  const process: Partial<Process> = {
    terminal: true,
    consoleSize: { height: 30, width: 100 },
    args: ['sh', '-c', script],
  }
  const take = (launched: Launched): number => {
    const outcome = launched.take(terminalMaster)
    if ('errno' in outcome) throw new Error(outcome.errno)
    return outcome.value
  }

  it("is the container's own, controls its session, and has the size asked for", () =>
    withTemporaryDirectory(async (directory) => {
      const facts = { ...realFacts(directory), waitsForStart: true }
      const plan = planContainer(shellSpec({ script, process }), facts)
      let master = -1
      const answer = runPlan(
        directory,
        plan,
        (_, launched) => {
          master = take(launched)
        },
        { terminal: true },
      )
      expect((await answer).code).toBe(0)
      expect(readToEnd(master)).toBe('/dev/pts/0\n30 100\n0:5\npts/0\nend\n')
    }))

  it('is there for an exec too, and belongs to its user', async () => {
    let master = -1
    const user = { uid: 33, gid: 33 }
    const { code } = await exec({}, { ...process, user }, (_, launched) => {
      master = take(launched)
    })
    expect(code).toBe(0)
    expect(readToEnd(master)).toBe('/dev/pts/0\n30 100\n33:5\npts/0\nend\n')
  })

  it('is on /dev/console', () =>
    withTemporaryDirectory(async (directory) => {
      const facts = { ...realFacts(directory), waitsForStart: true }
      const console = { ...process, args: ['sh', '-c', 'stat -c %t:%T /dev/console; echo end > /dev/console'] }
      let master = -1
      const plan = planContainer(shellSpec({ script: '', process: console }), facts)
      await runPlan(
        directory,
        plan,
        (_, launched) => {
          master = take(launched)
        },
        { terminal: true },
      )
      expect(readToEnd(master)).toBe('88:0\nend\n')
    }))
})
