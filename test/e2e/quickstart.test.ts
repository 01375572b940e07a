// The quickstart as a reader runs it: with the built image, all nine flags, and every claim proven, on both kernels.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { buildHttpdImage } from '../fixtures/build.ts'
import { cli, stateOptions } from '../support/cli.ts'
import { hostState, settledChanges } from '../support/host.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'
import { needsContainers } from '../support/session.ts'

const { describe, it } = skipUnless({
  ...needsContainers,
  programs: [...needsContainers.programs, 'curl', 'ps', 'nsenter', 'unshare'],
  links: ['veth', 'bridge'],
  nftables: true,
})

const root = join(import.meta.dirname, '../..')

/** Its output, both streams together, without colours. */
function quickstart(
  directory: string,
  ...options: readonly string[]
): Promise<{ readonly code: number | null; readonly text: string }> {
  const [, state, , runState] = stateOptions(directory)
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'scripts/quickstart/main.ts'), ...options], {
      cwd: root,
      env: { ...process.env, VITRINE_ROOT: state, VITRINE_RUNROOT: runState },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more: string) => {
        text += more
      })
    child.on('close', (code) => resolve({ code, text: text.replaceAll(/\x1b\[\d+m/g, '') }))
  })
}

const flags = [
  ...['-d', '--name my-limited-httpd', '--replace', '--memory=512m', '--memory-swap=512m', '--cpus=1.5'],
  ...['--cpu-shares=512', '--pids-limit=100', '--blkio-weight=500', '-p 8081:80'],
].join(' ')

/** In the order in which they are made. */
const claims = [
  /the container's parent is the monitor/,
  /the monitor's parent is \d+, not the command that you typed/,
  /it is \d+ on the host and 1 inside/,
  /ps through the namespaces and vitrine top see the same processes/,
  /six namespaces are its own/,
  /nsenter leads to one host name or the other/,
  /kernel, release and build are equal/,
  /the host name is not: /,
  /no second kernel was started/,
  /--memory=512m is 536870912/,
  /--memory-swap=512m is (0|536870912)/,
  /--cpus=1\.5 is 150000/,
  /--cpu-shares=512 is (59|512)/,
  /--pids-limit=100 is 100/,
  /--blkio-weight=500 is /,
  /the web server answers on 127\.0\.0\.1:8081/,
  /it came to \d+ processes and no further/,
  /the kernel refused \d+ forks/,
  /the exit code is 137/,
  /inspect says that the OOM killer did it/,
  /that is the (1\.5|0\.5) that was asked for/,
  /the throttling counter moves/,
  /it runs as user 1001/,
  /the web server answers on 127\.0\.0\.1:8082/,
  /ten are running, and share the layers of one image/,
  /each has an address of its own/,
]

function proves(text: string): void {
  expect(text).toContain(`$ vitrine run ${flags} localhost/httpd\n`)
  const proven = text.split('\n').filter((line) => line.startsWith('  ✓ '))
  for (const claim of claims)
    expect(
      proven.some((line) => claim.test(line)),
      String(claim),
    ).toBe(true)
  expect(text.trimEnd()).toMatch(/All of it held\.$/)
}

describe('the quickstart', () => {
  it(
    'runs the built web server with all nine flags, and proves every claim',
    async () => {
      buildHttpdImage() // its bytes may have to be downloaded, which is not what is tried here
      const before = hostState()
      const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-quickstart-'))
      const { code, text } = await quickstart(directory)
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
      expect(text).not.toContain('cannot be built here')
      expect(code, text).toBe(0)
      proves(text)
      if (process.env.VITRINE_TEST_DIRECTORY !== undefined) expect(await settledChanges(before)).toEqual([])
    },
    isUserModeLinux() ? 240_000 : 90_000,
  )
})

const onAny = skipUnless({ anyKernel: true })

onAny.describe('the quickstart with --sim', () => {
  onAny.it(
    'proves the same of the same container on a simulated machine, of which nothing stays',
    async () => {
      const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-quickstart-'))
      try {
        const { code, text } = await quickstart(directory, '--sim')
        expect(code, text).toBe(0)
        proves(text)
        expect((await cli([...stateOptions(directory), '--sim', 'machine', 'ls'])).stdout).not.toContain('quickstart')
      } finally {
        rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
      }
    },
    240_000,
  )
})
