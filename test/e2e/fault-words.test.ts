// Mistakes of the user: each is told in one sentence that names it, with podman's exit code, and nothing is left of it.

import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import { expectSentence, makeRoot, onCleanGround, until } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
})
const bridged = skipUnless({
  linux: true,
  root: true,
  natives: true,
  seccompFilters: true,
  cgroupBpf: true,
  nftables: true,
  links: ['veth', 'bridge'],
})

const own = ['--network=none', '--rootfs', '/:O']

/** Flags, and what their refusals name. */
const badValues: readonly (readonly [flag: string, sentence: RegExp])[] = [
  ['--memory=12x', /--memory=12x: not a size/],
  ['--memory=99999999t', /--memory=99999999t: too large/],
  ['--cpus=-1', /--cpus=-1: must not be negative/],
  ['-p=99999:80', /99999:80: the host's port 99999 is not from 1 to 65535/],
  ['--blkio-weight=5', /--blkio-weight=5: must be from 10 to 1000/],
  ['--cap-add=CAP_NOTHING', /--cap-add=CAP_NOTHING: unknown capability/],
  ['-v=/nowhere/at/all:/x', /cannot mount \/nowhere\/at\/all: no such file or directory/],
  ['--device=/dev/nowhere', /--device=\/dev\/nowhere: no such device/],
  ['--pid=container:nobody', /"nobody"/],
  ['--user=nobody-here', /no user "nobody-here"/],
  ['--cgroup-parent=relative', /--cgroup-parent=relative: must be an absolute path/],
  ['--env-file=/nowhere.env', /--env-file=\/nowhere\.env: cannot be read/],
  ['--sysctl=kernel.panic=1', /--sysctl=kernel\.panic: is the whole host's/],
  ['--restart=always', /--restart is podman's/],
  ['--nonsense', /unknown flag: --nonsense/],
]

describe('a bad flag', () => {
  it('is told by name and value, with exit code 125', async () => {
    await onCleanGround(async ({ run }) => {
      for (const [flag, sentence] of badValues)
        expectSentence(await run(['run', '--rm', flag, ...own, 'true']), 125, sentence)
      expectSentence(await run(['create', '--memory=12x', ...own, 'true']), 125, /--memory=12x/)
      expectSentence(await run(['--cgroup-manager=x', 'ps']), 125, /--cgroup-manager=x: must be cgroupfs or systemd/)
      expectSentence(
        await run(['--cgroup-manager=systemd', 'run', '--rm', ...own, 'true']),
        125,
        /no systemd answers: connect to .*: use cgroups by cgroupfs|need cgroup v2, and this host has \w+: use cgroups/,
      )
      expectSentence(await run(['--sim', '--cgroup-manager=systemd', 'ps']), 125, /a simulated machine has no systemd/)
      expectSentence(await run(['rnu', 'web']), 125, /unknown command: rnu \(did you mean run\?\)/)
      expectSentence(
        await run(['run', '--rm', '--network=none', '--rootfs', '/nowhere', 'true']),
        125,
        /\/nowhere: no such/,
      )
      expectSentence(
        await run(['run', '--rm', '--network=none', '--rootfs', '/etc/passwd', 'sh']),
        125,
        /is not a directory/,
      )
    })
  })

  it('of the container is never taken by Node, whose --env-file would read its options from it', async () => {
    await onCleanGround(async ({ run, directory }) => {
      const file = join(directory, 'env')
      writeFileSync(file, 'GIVEN=yes\nNODE_OPTIONS=--nonsense\n')
      const ran = await run(['run', '--rm', `--env-file=${file}`, ...own, 'sh', '-c', 'echo $GIVEN'])
      expect(ran).toEqual({ code: 0, stdout: 'yes\n', stderr: '' })
    })
  })
})

describe('what is not there', () => {
  it('is named: an image, an archive, a container', async () => {
    await onCleanGround(async ({ run, directory }) => {
      const absent = ['run', '--rm', '--pull=never', 'nothing-here', 'true']
      expectSentence(await run(absent), 125, /image nothing-here: not here, and --pull=never forbids/)
      expectSentence(await run(['import', `oci-archive:${directory}/none.tar`]), 125, /none\.tar/)
      writeFileSync(join(directory, 'bad.tar'), 'this is no archive')
      expectSentence(await run(['import', `oci-archive:${directory}/bad.tar`]), 125, /bad\.tar/)
      for (const verb of ['start', 'stop', 'kill', 'pause', 'logs', 'top', 'wait', 'exec'])
        expectSentence(
          await run([verb, 'nobody', ...(verb === 'exec' ? ['true'] : [])]),
          125,
          /"nobody" found: no such container/,
        )
      expect((await run(['inspect', 'nobody'])).stderr).toMatch(/"nobody" is neither a container nor an image/)
      expectSentence(await run(['rm', 'nobody']), 1, /no such container/)
    })
  })
})

describe('a program', () => {
  it('that is not there is 127, one that cannot be executed 126, and with create and start too', async () => {
    await onCleanGround(async (ground) => {
      const { run } = ground
      const root = makeRoot(ground)
      const of = (program: string) => run(['run', '--rm', '--network=none', '--rootfs', root, program])
      writeFileSync(join(root, 'bin/plain'), 'text', { mode: 0o644 })
      writeFileSync(join(root, 'bin/foreign'), '\x7fELF not for this machine', { mode: 0o755 })
      writeFileSync(join(root, 'bin/script'), '#!/bin/nowhere\n', { mode: 0o755 })
      chmodSync(join(root, 'bin/script'), 0o755)
      expectSentence(await of('missing'), 127, /executable file `missing` not found in \$PATH/)
      expectSentence(await of('/bin/missing'), 127, /\/bin\/missing/)
      expectSentence(await of('/bin/script'), 127, /interpreter/)
      expectSentence(await of('/bin/plain'), 126, /permission denied/)
      expectSentence(await of('plain'), 126, /permission denied/)
      expectSentence(await of('/bin'), 126, /permission denied/)
      expectSentence(await of('/bin/foreign'), 126, /exec format error/)
      const made = await run(['create', '--name=web', '--network=none', '--rootfs', root, '/bin/missing'])
      expect(made.code).toBe(0)
      expectSentence(await run(['start', 'web']), 127, /\/bin\/missing/)
      expect(await ground.find('web')).toMatchObject({ State: 'created' })
    })
  })

  it('of exec is refused with the same codes, and the container goes on', async () => {
    await onCleanGround(async (ground) => {
      const { run } = ground
      expect((await run(['run', '-d', '--name=web', ...own, 'sleep', '1000'])).stderr).toBe('')
      expectSentence(await run(['exec', 'web', 'missing']), 127, /`missing` not found/)
      expectSentence(await run(['exec', 'web', '/etc/passwd']), 126, /permission denied/)
      expectSentence(await run(['exec', '--user=nobody-here', 'web', 'true']), 125, /nobody-here/)
      expect(await ground.find('web')).toMatchObject({ State: 'running' })
    })
  })
})

describe('a name', () => {
  it('that is taken is refused and stays its owner’s, also when the owner has ended', async () => {
    await onCleanGround(async (ground) => {
      const { run } = ground
      const first = await run(['run', '-d', '--name=web', ...own, 'sleep', '1000'])
      const again = ['run', '-d', '--name=web', ...own, 'true']
      expectSentence(await run(again), 125, /the container name "web" is already in use by [0-9a-f]{64}/)
      await run(['stop', '-t', '0', 'web'])
      expectSentence(await run(again), 125, /already in use/)
      expect(await ground.rows()).toHaveLength(1)
      expect((await ground.find('web'))?.ID).toBe(first.stdout.trim())
    })
  })
})

bridged.describe('a port', () => {
  it('that another container or a program of the host has is refused by name, and all is taken back', async () => {
    await onCleanGround(async (ground) => {
      const { run } = ground
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
      const { port } = server.address() as { port: number }
      try {
        const bridge = (...flags: string[]) => ['run', '-d', ...flags, '--rootfs', '/:O', 'sleep', '1000']
        expectSentence(await run(bridge(`-p=${port}:80`)), 125, new RegExp(`\\b${port}\\b.*in use|taken`))
        expect(await ground.rows()).toEqual([])
        server.close()
        expect((await run(bridge('--name=first', `-p=${port}:80`))).stderr).toBe('')
        expectSentence(await run(bridge(`-p=${port}:80`)), 125, /is taken by container [0-9a-f]{12}/)
        expectSentence(await run(bridge('-p=80/sctp')), 125, /sctp/)
        expect(await ground.rows()).toHaveLength(1)
      } finally {
        server.close()
      }
    })
  })
})

describe('a move that is not legal', () => {
  it('says what the container is, and changes nothing', async () => {
    await onCleanGround(async (ground) => {
      const { run } = ground
      await run(['create', '--name=web', ...own, 'sh', '-c', 'exit 3'])
      for (const verb of ['kill', 'pause', 'unpause'])
        expectSentence(await run([verb, 'web']), 125, /cannot \w+ container web: it has not been started/)
      expectSentence(await run(['exec', 'web', 'true']), 125, /cannot execute a process in container web/)
      await run(['start', 'web'])
      await until('web has exited', async () => (await ground.find('web'))?.State === 'exited')
      expectSentence(await run(['pause', 'web']), 125, /cannot pause container web: it is stopped/)
      expect(await ground.find('web')).toMatchObject({ State: 'exited', ExitCode: 3 })
    })
  })
})
