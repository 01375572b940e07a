// Known attacks on OCI runtimes by who changes the root filesystem meanwhile, each shown to fail against vitrine-oci.

import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Mount, Spec } from '../../core/spec/types.ts'
import { swapping } from '../support/attacks.ts'
import { needsOci, openRuntime } from '../support/bundle.ts'
import { until } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(needsOci('python3'))

/** Without a mount of its own for /dev: the image's is used, which others may share. */
const withoutDev = (spec: Spec): Spec => ({
  ...spec,
  mounts: spec.mounts!.filter(({ destination }) => !/^\/dev(\/|$)/.test(destination)),
})
/** Accepts connections and keeps what it is sent: a console socket. */
const listener = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(9); kept = []
while True: c, _ = s.accept(); kept.append(c); kept.append(socket.recv_fds(c, 4096, 9))`

describe('while others change the root filesystem, vitrine-oci', { timeout: 120_000 }, () => {
  const runtime = openRuntime()
  const { run, bundle } = runtime
  const rounds = 15

  /** A root filesystem of one's own, with a directory of the host that no container may reach, and a link to it. */
  function hostileRoot(name: string): { root: string; host: string } {
    const [root, host] = [join(runtime.directory, name), join(runtime.directory, `${name}-host`)]
    cpSync(runtime.rootfs, root, { recursive: true, verbatimSymlinks: true })
    mkdirSync(host)
    writeFileSync(join(host, 'secret'), 'secret\n')
    mkdirSync(join(root, 'a/sub'), { recursive: true })
    symlinkSync(host, join(root, 'b'))
    return { root, host }
  }
  /** Runs it again and again while two names change places. @returns what each that ran has printed */
  async function racing(
    root: string,
    names: readonly [string, string],
    script: string,
    change: (spec: Spec) => Spec,
    pauseMs = 0,
  ) {
    const path = bundle({ args: ['sh', '-c', script] }, (spec) => change({ ...spec, root: { path: root } }))
    const printed: string[] = []
    const runAll = async () => {
      for (let i = 0; i < rounds; i++) {
        const { code, stdout } = await run(['run', '-b', path, 'web'])
        if (code === 0) printed.push(stdout)
      }
    }
    await swapping(root, names, runAll, pauseMs)
    return printed
  }
  const withMounts =
    (...mounts: Mount[]) =>
    (spec: Spec) => ({ ...spec, mounts: [...spec.mounts!, ...mounts] })

  it('mounts inside the container only (CVE-2021-30465)', async () => {
    const { root, host } = hostileRoot('mounted')
    const before = readFileSync('/proc/self/mountinfo', 'utf8')
    const source = join(runtime.rootfs, 'etc')
    const change = withMounts(
      { destination: '/a', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/a/sub', type: 'bind', source, options: ['bind'] },
    )
    const printed = await racing(root, ['a', 'b'], 'cat /a/secret /b/secret 2>/dev/null; exit 0', change)
    expect(printed.filter((text) => text !== '')).toEqual([])
    expect(readdirSync(host)).toEqual(['secret'])
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before)
  })

  it('makes directories, files and working directories inside the container only (CVE-2024-45310)', async () => {
    const { root, host } = hostileRoot('made')
    const source = join(runtime.rootfs, 'etc')
    const change = (spec: Spec) =>
      withMounts(
        { destination: '/a/x/y/z', type: 'bind', source, options: ['bind'] },
        { destination: '/a/f', type: 'bind', source: `${source}/passwd`, options: ['bind'] },
        { destination: '/a/t/u', type: 'tmpfs', source: 'tmpfs' },
      )({ ...spec, process: { ...spec.process!, cwd: '/a/w/v' } })
    expect((await racing(root, ['a', 'b'], 'exit 0', change)).length).toBeGreaterThan(0)
    expect(readdirSync(host)).toEqual(['secret'])
  })

  it('copies into a tmpfs nothing but what the image has there (CVE-2021-30465)', async () => {
    const { root, host } = hostileRoot('copied')
    // Much to copy, so that there is time to change places while it is copied, and the host's has the same names.
    for (let i = 100; i < 400; i++)
      for (const [directory, text] of [
        [join(root, `many/a/d${i}`), 'of the image\n'],
        [join(host, `d${i}`), 'secret\n'],
      ] as const) {
        mkdirSync(directory, { recursive: true })
        writeFileSync(join(directory, 'file'), text)
      }
    symlinkSync(host, join(root, 'many/b'))
    const change = withMounts({ destination: '/many', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] })
    const script = 'grep -r secret /many; cat /many/a/d100/file'
    const printed = await racing(root, ['many/a', 'many/b'], script, change, 3)
    expect(printed.filter((text) => text.includes('secret'))).toEqual([])
    const undisturbed = bundle({ args: ['sh', '-c', 'cat /many/?/d100/file'] }, (spec) =>
      change({ ...spec, root: { path: root } }),
    )
    expect((await run(['run', '-b', undisturbed, 'web'])).stdout).toBe('of the image\n')
  })

  it('masks what is in /proc, wherever the image moves it meanwhile (CVE-2023-27561)', async () => {
    const { root } = hostileRoot('moved')
    mkdirSync(join(root, 'other'))
    const script = 'cat /proc/version /other/version 2>/dev/null; true'
    const change = (spec: Spec) => ({ ...spec, linux: { ...spec.linux, maskedPaths: ['/proc/version'] } })
    const printed = await racing(root, ['proc', 'other'], script, change)
    expect(printed.length).toBeGreaterThan(0)
    expect(printed.filter((text) => /Linux/.test(text))).toEqual([])
  })

  it('covers masked files with a null device, whatever the image has for /dev/null (CVE-2025-31133)', async () => {
    const { root } = hostileRoot('null')
    const script = 'cat /proc/version; (echo x >/proc/sys/kernel/core_pattern) 2>/dev/null && echo written; true'
    const change = (spec: Spec) => ({
      ...withoutDev(spec),
      linux: { ...spec.linux, maskedPaths: ['/proc/version', '/proc/keys'] },
    })
    rmSync(join(root, 'dev'), { recursive: true })
    mkdirSync(join(root, 'dev'))
    symlinkSync('/proc/sys/kernel/core_pattern', join(root, 'dev/false'))
    writeFileSync(join(root, 'dev/null'), '')
    const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8')
    const printed = await racing(root, ['dev/null', 'dev/false'], script, change)
    expect(printed.filter((text) => text !== '')).toEqual([])
    // The volume of another container as /dev, where null is a link for good.
    const source = join(runtime.directory, 'dev')
    mkdirSync(source)
    symlinkSync('/proc/sys/kernel/core_pattern', join(source, 'null'))
    const path = bundle({ args: ['sh', '-c', script] }, (spec) =>
      withMounts({ destination: '/dev', type: 'bind', source, options: ['bind'] })(change(spec)),
    )
    expect(await run(['run', '-b', path, 'web'])).toMatchObject({ code: 0, stdout: '' })
    expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(pattern)
  })

  it('mounts its terminal on /dev/console and on no link of that name (CVE-2025-52565)', async () => {
    const { root } = hostileRoot('console')
    const socket = join(runtime.directory, 'console.sock')
    const script = '(echo x >/proc/sys/kernel/core_pattern) && echo written; ls -l /dev/console; mount'
    const withTerminal = (change: (spec: Spec) => Spec) =>
      bundle({ args: ['sh', '-c', `(${script}) >/out 2>&1`], terminal: true }, (spec) =>
        change({ ...spec, root: { path: root } }),
      )
    const server = spawn('python3', ['-c', listener, socket], { stdio: 'ignore' })
    try {
      await until('somebody listens', async () => readdirSync(runtime.directory).includes('console.sock'))
      const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8')
      symlinkSync('/proc/sys/kernel/core_pattern', join(root, 'dev/console'))
      // With the image's own /dev, and devpts below it.
      const own = withTerminal((spec) => ({
        ...spec,
        mounts: spec.mounts!.filter(({ destination }) => destination !== '/dev'),
      }))
      const refused = await run(['run', '--console-socket', socket, '-b', own, 'web'])
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/\/dev\/console.*ELOOP/)
      await swapping(root, ['dev/console', 'dev/file'], async () => {
        for (let i = 0; i < rounds; i++) {
          rmSync(join(root, 'out'), { force: true })
          writeFileSync(join(root, 'dev/file'), '')
          const { code } = await run(['run', '--console-socket', socket, '-b', own, 'web'])
          if (code !== 0) continue
          const out = readFileSync(join(root, 'out'), 'utf8')
          expect(out).not.toMatch(/^written/m)
          expect(out).not.toMatch(/devpts on \/proc/)
        }
      })
      expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(pattern)
    } finally {
      server.kill()
    }
  })
})
