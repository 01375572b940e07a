// The engine on the real kernel in a temporary directory: containers of a busybox root filesystem or of the host's own.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { nativeFile } from '../../backends/linux/ffi.ts'
import { openHost, readEnvironment } from '../../cli/host.ts'
import type { Host, Settings } from '../../core/engine/host.ts'
import { list } from '../../core/engine/list.ts'
import { remove } from '../../core/engine/remove.ts'
import { run } from '../../core/engine/run.ts'
import { type ContainerRequest, defaultRequest } from '../../core/spec/request.ts'
import { type HostState, hostState, settledChanges } from './host.ts'
import { programPath } from './needs.ts'

/** What its tests need. */
export const engineNeeds = {
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  programs: ['busybox'],
} as const

/** A busybox root filesystem with two users, in a directory that ends with the test. */
export function busyboxRoot(directory: string): string {
  const root = join(directory, 'rootfs')
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'run'])
    mkdirSync(join(root, name), { recursive: true })
  copyFileSync(programPath('busybox')!, join(root, 'bin/busybox'))
  const applets = execFileSync(programPath('busybox')!, ['--list'], { encoding: 'utf8' }).trim().split('\n')
  for (const name of applets) if (name !== 'busybox') symlinkSync('busybox', join(root, 'bin', name))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nweb:x:34:\nlogs:x:40:web\n')
  writeFileSync(join(root, 'etc/text'), 'not a program\n')
  chmodSync(join(root, 'etc/text'), 0o644)
  return root
}

export interface Engine {
  readonly host: Host
  readonly settings: Settings
  readonly directory: string
  /** A request for a container of `root`, without a network. */
  readonly request: (command: readonly string[], more?: Partial<ContainerRequest>) => ContainerRequest
  /** Runs a container to its end in the foreground. */
  readonly runToEnd: (
    command: readonly string[],
    more?: Partial<ContainerRequest>,
  ) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string; readonly id: string }>
  /** Removes every container that is left. */
  readonly end: () => Promise<void>
}

/** @param root - the root filesystem of its containers; `/` with an overlay when it is left out */
export function openEngine(directory: string, root?: string): Engine {
  const host: Host = { ...openHost(readEnvironment()), initPath: () => nativeFile('init') }
  const state = ['--root', join(directory, 'root'), '--runroot', join(directory, 'runroot')]
  const settings: Settings = {
    root: state[1]!,
    runroot: state[3]!,
    cgroupParent: `/vitrine-test-${process.pid}`,
    selfArgv: [process.execPath, join(import.meta.dirname, 'vitrine.ts'), ...state],
  }
  const source = { kind: 'rootfs', path: root ?? '/', overlay: true } as const
  const request = (command: readonly string[], more: Partial<ContainerRequest> = {}): ContainerRequest => ({
    ...defaultRequest(source, command),
    network: { kind: 'none' },
    ...more,
  })
  let files = 0
  return {
    host,
    settings,
    directory,
    request,
    runToEnd: async (command, more) => {
      const paths = ['out', 'err'].map((name) => join(directory, `${name}${++files}`))
      const [stdout, stderr] = paths.map((path) => openSync(path, 'w'))
      try {
        const started = await run(host, settings, request(command, more), { stdout: stdout!, stderr: stderr! })
        const code = await started.exitCode!
        return {
          code,
          stdout: readFileSync(paths[0]!, 'utf8'),
          stderr: readFileSync(paths[1]!, 'utf8'),
          id: started.id,
        }
      } finally {
        closeSync(stdout!)
        closeSync(stderr!)
      }
    },
    end: async () => {
      for (const row of await list(host, settings, { all: true, filters: {} }))
        await remove(host, settings, row.id, { force: true, volumes: true })
    },
  }
}

export interface EngineGround {
  readonly engine: Engine
  readonly directory: string
  readonly before: HostState
}

/** One engine for the tests of a file, over a busybox root; afterwards no container and nothing on the host may be left. */
export function useEngine(label: string, ready: (ground: EngineGround) => void): void {
  let ground: EngineGround | undefined
  beforeAll(() => {
    const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), `vitrine-${label}-`))
    const before = hostState([])
    ground = { engine: openEngine(directory, busyboxRoot(directory)), directory, before }
    ready(ground)
  })
  afterAll(async () => {
    if (ground === undefined) return
    const { engine, directory, before } = ground
    await engine.end()
    expect(await settledChanges(before, { directories: [] })).toEqual([])
    expect(await list(engine.host, engine.settings, { all: true, filters: {} })).toEqual([])
    rmSync(directory, { recursive: true, force: true })
  })
}
