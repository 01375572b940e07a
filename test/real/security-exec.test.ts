// A container in a user namespace, with every capability there, against an exec that comes in: what can it take of it?

import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { planContainer } from '../../core/launch/container.ts'
import { planExec } from '../../core/launch/exec.ts'
import type { LaunchPlan, Step } from '../../core/launch/plan.ts'
import { capabilityNames } from '../../core/spec/names.ts'
import { realFacts, realKernel, runPlan, shellSpec, started, usualNamespaces } from '../support/containers.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  namespaces: ['user'],
  filesystems: ['overlay'],
  programs: ['python3'],
})

/** Traces whatever process appears (and lets go of it when it has ended, or its parent would never hear), and writes down where its descriptors lead. */
const attack = `
import ctypes, os, time
libc = ctypes.CDLL(None)
out = open('/attack', 'w', 1)
known = set(os.listdir('/proc'))
out.write('ready\\n')
while True:
  try: os.waitpid(-1, os.WNOHANG | 0x40000000)
  except OSError: pass
  for pid in os.listdir('/proc'):
    if pid in known or not pid.isdigit(): continue
    if libc.ptrace(0x4206, int(pid), 0, 0) == 0: out.write('traced\\n')
    try:
      for fd in os.listdir(f'/proc/{pid}/fd'): out.write(f'{fd} {os.readlink(f"/proc/{pid}/fd/{fd}")}\\n')
    except OSError: pass
`

const pause: Step = {
  in: 'child',
  call: { name: 'ppoll', fds: [], tmo_p: 150_000_000n, sigmask: 0, sigsetsize: 8 },
  why: 'give the attacker time',
}
const isVisible = ({ call }: Step) => call.name === 'prctl' && call.option === 4 && call.arg2 === 1

/** What the attacker saw while the plan, changed so that it has time, ran in its container. */
function seenBy(change: (plan: LaunchPlan) => readonly Step[]): Promise<string> {
  return withTemporaryDirectory(async (directory) => {
    chmodSync(directory, 0o755)
    const facts = realFacts(directory)
    for (const name of ['upper', 'work']) chownSync(join(directory, name), 100000, 100000)
    const capabilities = { bounding: capabilityNames, permitted: capabilityNames, effective: capabilityNames }
    const types = ['user', ...usualNamespaces] as const
    const spec = shellSpec({
      script: '',
      linux: { namespaces: types.map((type) => ({ type })) },
      process: { args: ['python3', '-c', attack], env: ['PATH=/bin', 'PYTHONHOME=/'], capabilities },
    })
    const overlay = { ...facts.overlay!, lowerDirectories: ['/usr'] }
    const plan = planContainer(spec, { ...facts, overlay })
    const container = started(realKernel().launch(plan, { detached: false, title: 'vitrine-test' }))
    try {
      for (;;) {
        const progress = await container.progress()
        if (progress.state === 'refused') throw new Error(progress.failure.message)
        if (progress.state === 'executed') break
        for (const kind of ['uid', 'gid']) writeFileSync(`/proc/${container.pid}/${kind}_map`, '0 100000 65536\n')
        container.release()
      }
      const seen = join(directory, 'upper/attack')
      while (!existsSync(seen) || readFileSync(seen, 'utf8') === '') await sleep(20)
      const entering = planExec(
        { ...spec.process!, args: ['true'] },
        { pid: container.pid, namespaces: types },
        { ...facts, waitsForStart: false },
      )
      await runPlan(directory, { ...entering, steps: change(entering) })
      return readFileSync(seen, 'utf8')
    } finally {
      process.kill(container.pid, 'SIGKILL')
      await container.exited
      container.cleaned()
      container.close()
    }
  })
}

/** Descriptors that lead out; the container's own loader may just be reading a library of the container. */
const ofTheHost = (seen: string) =>
  seen
    .split('\n')
    .filter((line) => /^\d+ /.test(line))
    .filter((line) => !/^([012]|100[012]) (pipe:|\/dev\/null|\/)|^\d+ \/(lib|usr\/lib|etc\/ld\.so)/.test(line))

describe('an exec into a container that has all capabilities of its user namespace', () => {
  it('cannot be traced nor looked into before everything of the host is closed, however long that takes', async () => {
    const seen = await seenBy(({ steps }) => {
      const at = steps.findIndex(({ call }) => call.name === 'close_range')
      const visible = steps.findIndex(isVisible)
      return [...steps.slice(0, at), pause, ...steps.slice(at, visible + 1), pause, ...steps.slice(visible + 1)]
    })
    expect(seen).toContain('ready')
    expect(ofTheHost(seen)).toEqual([])
  })

  it('would be, if it became visible first: this is what the order is for', async () => {
    const seen = await seenBy(({ steps }) => {
      const at = steps.findIndex(({ call }) => call.name === 'close_range')
      const visible = steps.find(isVisible)!
      return [...steps.slice(0, at), visible, pause, ...steps.slice(at)]
    })
    expect(seen).toContain('traced')
    expect(ofTheHost(seen)).not.toEqual([])
  })
})
