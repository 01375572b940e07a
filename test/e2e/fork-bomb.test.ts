// A fork bomb below a limit, when it has burnt out: whether its zombies stay is up to process 1, on Linux as on the simulated kernel.

import { expect } from 'vitest'
import type { CliResult } from '../support/cli.ts'
import { skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession, until } from '../support/session.ts'

const bomb = 'bomb() { bomb | bomb & }; bomb 2>/dev/null'
/** A shell waits for any child, and so for those that it has not made; what is in its place then waits for none. */
const first = { reaps: 'while :; do sleep 1; done', waits: 'exec sleep 1000' }

type Run = (argv: readonly string[]) => Promise<CliResult>

async function burnsOut(run: Run, imageName: string): Promise<void> {
  const out = async (...argv: string[]) => (await run(argv)).stdout.trim()
  /** What the limit counts. */
  const counted = async (name: string) => Number(await out('stats', '--no-stream', '--format', '{{.PIDs}}', name))
  /** Those that have not ended: zombies are not among the processes of a cgroup. */
  const alive = async (name: string) => (await out('top', name, 'pid')).split(/\s+/).length - 1
  for (const [name, last] of Object.entries(first)) {
    const flags = ['--name', name, '--network=none', '--pids-limit=40']
    await run(['run', '-d', ...flags, imageName, 'sh', '-c', `${bomb}; ${last}`])
  }
  // The shell and its sleep at most.
  const isBurnt = async () => (await counted('waits')) > 5 && (await alive('waits')) === 1
  await until('something of the bomb runs, or it left nothing', isBurnt)
  await until('the shell has zombies', async () => (await counted('reaps')) <= 2)
  expect(await counted('waits')).toBeGreaterThan(5)
  await run(['rm', '-f', '-t', '0', ...Object.keys(first)])
}

/** User-mode Linux 6.12 panics now and then when a fork is refused at the wrong moment. */
const real = skipUnless({ ...needsContainers, userModeLinux: false })
real.describe('a fork bomb on Linux', () => {
  const { run } = openSession()
  real.it('leaves zombies where process 1 does not wait, and none where it is a shell', () => burnsOut(run, image))
})

const simulated = skipUnless({ anyKernel: true })
simulated.describe('a fork bomb on a simulated machine', () => {
  const { run } = openSession({ image: false })
  simulated.it('does the same', () => burnsOut((argv) => run(['--sim', ...argv]), 'busybox'))
})
