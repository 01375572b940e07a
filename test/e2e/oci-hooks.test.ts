// Hooks of a bundle: when each runs, where, with what on standard input; what a failure and a timeout undo. config.md.

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Hooks } from '../../core/spec/types.ts'
import { needsOci, openRuntime } from '../support/bundle.ts'
import { until } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(needsOci())

const names = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const

describe('hooks of a bundle', () => {
  const runtime = openRuntime()
  const { run, ok } = runtime
  const log = () => join(runtime.directory, 'hooks.log')

  /** A hook that notes its name, the status on its standard input, its hostname, and whether it sees the host's files. */
  function noting(name: string) {
    const inside = name === 'startContainer'
    const path = join(inside ? runtime.rootfs : runtime.directory, `${name}-hook`)
    const file = inside ? '/hooks/log' : log()
    writeFileSync(
      path,
      `#!/bin/sh
status=$(sed 's/.*"status":"\\([a-z]*\\)".*/\\1/')
[ -e ${runtime.directory} ] && files=host || files=container
echo "$1 $status $(hostname) $files $VALUE" >>${file}
`,
    )
    chmodSync(path, 0o755)
    return { path: inside ? `/${name}-hook` : path, args: ['hook', name], env: ['PATH=/bin:/usr/bin', 'VALUE=given'] }
  }

  const bundleWith = (hooks: Hooks, args = ['echo', 'program']) => {
    mkdirSync(join(runtime.directory, 'notes'), { recursive: true })
    return runtime.bundle({ args }, (spec) => ({
      ...spec,
      hooks,
      mounts: [
        ...spec.mounts!,
        { destination: '/hooks', type: 'bind', source: join(runtime.directory, 'notes'), options: ['bind'] },
      ],
    }))
  }

  it('run in their order, each where it belongs, with the state on standard input', async () => {
    const path = bundleWith(Object.fromEntries(names.map((name) => [name, [noting(name)]])))
    const hostname = readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()
    expect(await ok(['create', '-b', path, 'web'])).toBe('')
    const notes = () => readFileSync(log(), 'utf8').trim().split('\n')
    // The name is set after the root was changed, when hooks have seen the namespace as it is made.
    expect(notes()).toEqual([
      `prestart creating ${hostname} host given`,
      `createRuntime creating ${hostname} host given`,
      `createContainer creating ${hostname} host given`,
    ])
    await ok(['start', 'web'])
    expect(readFileSync(join(runtime.directory, 'notes/log'), 'utf8')).toBe(
      'startContainer created vitrine container given\n',
    )
    expect(notes().at(-1)).toBe(`poststart running ${hostname} host given`)
    await ok(['delete', '-f', 'web'])
    expect(notes().at(-1)).toBe(`poststop stopped ${hostname} host given`)
    rmSync(log())
  })

  it.each(['prestart', 'createRuntime', 'createContainer'] as const)(
    '%s that fails leaves no container',
    async (name) => {
      const path = bundleWith({ [name]: [{ path: '/bin/false' }] })
      const { code, stderr } = await run(['create', '-b', path, 'web'])
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: `vitrine-oci: ${name} hook /bin/false: ended with exit code 1\n`,
      })
      expect(await ok(['list', '-q'])).toBe('')
    },
  )

  it('run also where the container joins a mount namespace, whose files stay as they are', async () => {
    const owner = spawn('unshare', ['-m', 'sleep', '1000'], { stdio: 'ignore' })
    try {
      const path = `/proc/${owner.pid}/ns/mnt`
      await until('it has a mount namespace', async () => readlinkSync(path) !== readlinkSync('/proc/self/ns/mnt'))
      const hooks = { createRuntime: [noting('createRuntime')], createContainer: [noting('createContainer')] }
      const joined = runtime.bundle({ args: ['echo', 'program'] }, ({ mounts: _, ...spec }) => ({
        ...spec,
        hooks,
        linux: { namespaces: [{ type: 'mount', path }, { type: 'pid' }, { type: 'uts' }] },
      }))
      expect(await ok(['run', '-b', joined, 'web'])).toBe('program')
      const lines = readFileSync(log(), 'utf8').trim().split('\n')
      expect(lines.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
        'createRuntime creating',
        'createContainer creating',
      ])
    } finally {
      owner.kill('SIGKILL')
      rmSync(log(), { force: true })
    }
  })

  it('startContainer that fails keeps the program from starting', async () => {
    await ok(['create', '-b', bundleWith({ startContainer: [{ path: '/bin/false' }] }), 'web'])
    expect((await run(['start', 'web'])).stderr).toBe(
      'vitrine-oci: startContainer hook /bin/false: ended with exit code 1\n',
    )
    await ok(['delete', '-f', 'web'])
  })

  it('poststart that fails is a warning, and the container runs on', async () => {
    const path = bundleWith({ poststart: [{ path: '/bin/false' }] }, ['sleep', '1000'])
    await ok(['create', '-b', path, 'web'])
    const started = await run(['start', 'web'])
    expect(started.code).toBe(0)
    expect(started.stderr).toMatch(/warning: poststart hook \/bin\/false: ended with exit code 1\n$/)
    expect(await runtime.status('web')).toBe('running')
    await ok(['delete', '-f', 'web'])
  })

  it('that take too long are killed, and one that is not there is named', async () => {
    const slow = bundleWith({ createRuntime: [{ path: '/bin/sleep', args: ['sleep', '1000'], timeout: 1 }] })
    expect((await run(['create', '-b', slow, 'web'])).stderr).toBe(
      'vitrine-oci: createRuntime hook /bin/sleep: has not ended after 1 s; it was killed\n',
    )
    const missing = bundleWith({ createRuntime: [{ path: '/nowhere/hook' }] })
    expect((await run(['create', '-b', missing, 'web'])).stderr).toBe(
      'vitrine-oci: createRuntime hook /nowhere/hook: cannot execute `/nowhere/hook`: no such file or directory, or its interpreter is missing\n',
    )
    expect(existsSync(join(runtime.directory, 'state/web'))).toBe(false)
  })
})
