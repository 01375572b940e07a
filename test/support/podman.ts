// podman with vitrine-oci as its runtime, in directories of its own; at the end nothing is left.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { ociLauncher } from './bundle.ts'
import { busyboxRoot } from './engine.ts'
import { changes, hostState, settledChanges } from './host.ts'

export interface Podman {
  readonly directory: () => string
  readonly podman: (...words: string[]) => { code: number | null; stdout: string; stderr: string }
  /** What it prints when it succeeds, as it must. */
  readonly ok: (...words: string[]) => string
  /** The words for a container of busybox without a network. */
  readonly own: () => string[]
}

export interface PodmanOptions {
  /** Sections of containers.conf, beside what tests need. */
  readonly configuration?: (directory: string) => string
  /** Words before podman's: where it runs. */
  readonly within?: () => readonly string[]
  /** When podman has removed its containers. */
  readonly ended?: () => void
}

// podman keeps the cgroups above those of its containers: the last test takes them away, the deepest first.
function removeParents(found: readonly string[]) {
  const parents = found.flatMap(
    (change) => /^cgroup left behind: (\S*\/libpod_parent(?:\/\S+)?)$/.exec(change)?.[1] ?? [],
  )
  for (const cgroup of parents.sort().reverse()) rmdirSync(cgroup)
}

/** To be called once, inside of a `describe`. */
export function openPodman({ configuration = () => '', within = () => [], ended }: PodmanOptions = {}): Podman {
  let directory = ''
  let rootfs = ''
  let before: ReturnType<typeof hostState>
  beforeAll(() => {
    before = hostState()
    directory = mkdtempSync(join(tmpdir(), 'vitrine-podman-'))
    rootfs = busyboxRoot(directory)
    // Root without CAP_SYS_RESOURCE cannot raise the limits that podman sets by default.
    const usual = '[containers]\ndefault_ulimits = []\n'
    writeFileSync(join(directory, 'containers.conf'), usual + configuration(directory))
  })
  afterAll(async () => {
    podman('pod', 'rm', '-f', '-a', '-t', '0')
    podman('rm', '-f', '-a', '-t', '0')
    ended?.()
    // podman keeps its storage mounted on itself.
    spawnSync('umount', [join(directory, 'storage/overlay')], { stdio: 'ignore' })
    rmSync(directory, { recursive: true, force: true })
    removeParents(changes(before, hostState()))
    expect(await settledChanges(before)).toEqual([])
  })

  const podman: Podman['podman'] = (...words) => {
    const state = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run')]
    const how = ['--cgroup-manager=cgroupfs', '--events-backend=none', '--runtime', ociLauncher]
    const [program, ...argv] = [...within(), 'podman', ...state, ...how, ...words] as [string, ...string[]]
    const { status, stdout, stderr } = spawnSync(program, argv, {
      encoding: 'utf8',
      // conmon notes there that the kernel killed for memory.
      cwd: directory,
      env: {
        ...process.env,
        // The launcher's first line asks for node by its name.
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        CONTAINERS_CONF: join(directory, 'containers.conf'),
      },
    })
    return { code: status, stdout, stderr }
  }
  return {
    directory: () => directory,
    podman,
    ok: (...words) => {
      const { code, stdout, stderr } = podman(...words)
      expect(code, `${words.join(' ')}: ${stderr}`).toBe(0)
      return stdout.trim()
    },
    own: () => ['--network=none', '--rootfs', rootfs],
  }
}
