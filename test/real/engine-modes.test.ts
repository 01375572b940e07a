// Containers that are made otherwise: with an init, a terminal, another's namespaces, a network, and by a user who is not root.

import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { exec } from '../../core/engine/exec.ts'
import { inspect } from '../../core/engine/inspect.ts'
import { remove } from '../../core/engine/remove.ts'
import { run } from '../../core/engine/run.ts'
import { start } from '../../core/engine/start.ts'
import { stop } from '../../core/engine/stop.ts'
import { refused } from '../../core/kernel.ts'
import { busyboxRoot, type Engine, useEngine } from '../support/engine.ts'
import { missing, skipUnless } from '../support/needs.ts'

const needs = { linux: true, root: true, natives: true, filesystems: ['overlay'], programs: ['busybox'] } as const
const { describe, it } = skipUnless(needs)

let engine: Engine
let directory: string

useEngine('modes', (ground) => {
  engine = ground.engine
  directory = ground.directory
})

const detached = (command: readonly string[], more: Parameters<Engine['request']>[1] = {}) =>
  run(engine.host, engine.settings, engine.request(command, more))
const removed = (name: string) => remove(engine.host, engine.settings, name, { force: true, volumes: true })

/** Runs attached to a terminal and gives all that came out of it. */
async function throughTerminal(
  begin: (attachment: Parameters<typeof run>[3]) => ReturnType<typeof run>,
  input = '',
): Promise<{ readonly code: number; readonly output: string }> {
  const { kernel } = engine.host
  let output = ''
  let pumping: Promise<void> | undefined
  const started = await begin({
    stdout: 1,
    stderr: 2,
    terminal: (master) => {
      pumping = (async () => {
        if (input !== '') kernel.call({ name: 'write', fd: master, buf: input })
        for (;;) {
          const read = await kernel.wait({ name: 'read', fd: master, buf: 4096 })
          if (refused(read) || read.value === 0) break
          output += new TextDecoder().decode(read.data)
        }
        kernel.call({ name: 'close', fd: master })
      })()
    },
  })
  const code = await started.exitCode!
  await pumping
  return { code, output }
}

describe('--init', () => {
  it('is process 1, finds the program along PATH, reaps orphans and ends as the program does', async () => {
    const script = 'cat /proc/1/cmdline | tr "\\0" " "; (sleep 0.05 &) ; sleep 0.2; ps -o stat= | grep -c Z; exit 5'
    const { code, stdout } = await engine.runToEnd(['sh', '-c', script], { init: true, remove: true })
    expect(stdout).toMatch(/^\/run\/vitrine-init -- sh -c .*\n?0\n$/s)
    expect(code).toBe(5)
    const absent = await engine.runToEnd(['nope'], { init: true, remove: true })
    expect([absent.code, absent.stderr]).toEqual([127, 'vitrine-init: cannot execute nope\n'])
  })
})

describe('a terminal', () => {
  it('is the controlling terminal of the program, for run and for exec', async () => {
    const script = 'tty; test -t 0 && test -t 1 && test -t 2 && echo yes; read line; echo "got $line"; exit 3'
    const own = await throughTerminal(
      (attachment) =>
        run(
          engine.host,
          engine.settings,
          engine.request(['sh', '-c', script], { terminal: true, interactive: true, remove: true }),
          attachment,
        ),
      'hello\n',
    )
    expect(own.code).toBe(3)
    expect(own.output.replaceAll('\r', '')).toMatch(/\/dev\/pts\/0\n(hello\n)?yes\n(hello\n)?got hello\n/)
    const { name } = await detached(['sleep', '100'])
    const request = {
      command: ['sh', '-c', 'tty; exit 4'],
      env: [],
      privileged: false,
      interactive: true,
      terminal: true,
      detach: false,
    }
    const other = await throughTerminal((attachment) => exec(engine.host, engine.settings, name, request, attachment))
    expect([other.code, other.output]).toEqual([4, '/dev/pts/0\r\n'])
    await removed(name)
  })

  it('of a detached container goes to its log', async () => {
    const { id } = await detached(['sh', '-c', 'tty; sleep 100'], { terminal: true })
    const log = join(engine.settings.root, 'containers', id, 'ctr.log')
    for (let tried = 0; !readFileSync(log, 'utf8').includes('pts') && tried < 200; tried++) await engine.host.sleep(10)
    expect(readFileSync(log, 'utf8')).toMatch(/ stdout F \/dev\/pts\/0\r?\n/)
    await removed(id)
  })
})

describe('standard input', () => {
  it('is a pipe that the caller feeds, and nothing without -i', async () => {
    const { kernel } = engine.host
    const out = join(directory, 'stdin-output')
    const fd = openSync(out, 'w')
    const pipe = kernel.call({ name: 'pipe2', pipefd: 8, flags: 0o2000000 })
    const ends = new Int32Array('data' in pipe ? pipe.data!.slice().buffer : new ArrayBuffer(8))
    const request = engine.request(['cat'], { interactive: true, remove: true })
    const started = await run(engine.host, engine.settings, request, { stdin: ends[0]!, stdout: fd, stderr: fd })
    kernel.call({ name: 'write', fd: ends[1]!, buf: 'through the pipe\n' })
    for (const end of ends) kernel.call({ name: 'close', fd: end })
    expect(await started.exitCode).toBe(0)
    closeSync(fd)
    expect(readFileSync(out, 'utf8')).toBe('through the pipe\n')
    expect(await engine.runToEnd(['cat'], { remove: true })).toMatchObject({ code: 0, stdout: '' })
  })
})

describe('namespaces of another container', () => {
  it('are joined by name, with its shared memory and its processes', async () => {
    await detached(['sh', '-c', 'echo shared > /dev/shm/note; exec sleep 100'], { name: 'first', hostname: 'one' })
    await engine.host.sleep(100)
    const join = { kind: 'container', container: 'first' } as const
    const { stdout } = await engine.runToEnd(['sh', '-c', 'cat /dev/shm/note; hostname; ps -o args= | head -1'], {
      pid: join,
      ipc: join,
      uts: join,
      network: join,
      remove: true,
    })
    expect(stdout).toBe('shared\none\nsleep 100\n')
    await stop(engine.host, engine.settings, 'first', { timeoutSeconds: 0 })
    await expect(engine.runToEnd(['true'], { pid: join })).rejects.toThrow(
      'cannot join the pid namespace of container first: it is not running',
    )
    await removed('first')
  })
})

describe('a network', () => {
  const bridge = skipUnless({ ...needs, programs: ['busybox', 'nft'] })

  bridge.it('has an address, the host by name, and a published port; a second start gets them again', async () => {
    const script = 'while true; do echo hello | nc -l -p 80 >/dev/null; done'
    await detached(['sh', '-c', script], {
      name: 'net',
      hostname: 'shop',
      network: { kind: 'bridge' },
      publish: [{ containerPort: 80, protocol: 'tcp' }],
      addHost: [{ host: 'db', address: '10.1.2.3' }],
    })
    for (const time of ['first', 'second']) {
      const { NetworkSettings, State } = await inspect(engine.host, engine.settings, 'net')
      const port = NetworkSettings.Ports['80/tcp']![0]!.HostPort
      expect([time, Number(port) > 0, NetworkSettings.IPAddress]).toEqual([time, true, expect.stringMatching(/^10\./)])
      const hosts = readFileSync(`/proc/${State.Pid}/root/etc/hosts`, 'utf8')
      expect(hosts).toContain(`${NetworkSettings.IPAddress}\tshop net\n`)
      expect(hosts).toContain('10.1.2.3\tdb\n')
      await engine.host.sleep(100)
      const answer = spawnSync('busybox', ['nc', '-w', '2', NetworkSettings.Gateway, port], { encoding: 'utf8' })
      expect(answer.stdout).toBe('hello\n')
      if (time === 'second') continue
      await stop(engine.host, engine.settings, 'net', { timeoutSeconds: 0 })
      await start(engine.host, engine.settings, 'net')
    }
    await removed('net')
  })
})

describe('a user who is not root', () => {
  const nobody = 65534
  const readable = missing({ ...needs, programs: ['busybox', 'setpriv'] }) ?? unreadable()
  const rootless = readable === undefined ? it : (it.skip as typeof it)

  function unreadable(): string | undefined {
    const test = spawnSync('setpriv', [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      'test',
      '-r',
      import.meta.filename,
    ])
    return test.status === 0 ? undefined : 'needs sources that every user can read'
  }

  /** @param cgroup - whose child `session` the command is in */
  function asNobody(home: string, argv: readonly string[], cgroup?: string) {
    const [node, script] = engine.settings.selfArgv
    const env = {
      PATH: process.env.PATH,
      HOME: home,
      XDG_RUNTIME_DIR: join(home, 'run'),
      VITRINE_TEST_RUN: process.env.VITRINE_TEST_RUN,
    }
    const enter = cgroup === undefined ? '' : `echo $$ >${cgroup}/session/cgroup.procs; `
    const become = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'
    const words = ['-c', `${enter}${become}`, 'sh', node!, script!, ...argv]
    return spawnSync('sh', words, { encoding: 'utf8', env: env as NodeJS.ProcessEnv, cwd: '/' })
  }

  rootless(
    `runs containers in a user namespace, where it is root${readable === undefined ? '' : ` — skipped: ${readable}`}`,
    () => {
      const home = join(directory, 'home')
      const root = busyboxRoot(mkdirp(home))
      mkdirSync(join(home, 'run'), { mode: 0o700 })
      chmodSync(directory, 0o755)
      writeFileSync(join(root, 'etc/note'), 'readable\n')
      // Files of root are nobody's in there, and cannot be changed: the root filesystem is the user's own.
      spawnSync('chown', ['-R', `${nobody}:${nobody}`, home])
      const from = `${root}:O`
      const script = 'id -u; cat /etc/note; echo x > /tmp/new; cat /tmp/new; exit 6'
      const first = asNobody(home, ['run', '--rm', '--network=none', '--rootfs', from, 'sh', '-c', script])
      expect([first.status, first.stdout, first.stderr]).toEqual([6, '0\nreadable\nx\n', ''])
      expect(asNobody(home, ['run', '--rm', '--rootfs', from, 'true']).stderr).toContain(
        '--network=bridge: user 65534 may make no links on the host; use --network=none or --network=host',
      )
      expect(
        asNobody(home, ['run', '--rm', '--network=none', '--memory=64m', '--rootfs', from, 'true']).stderr,
      ).toContain('--memory: needs a cgroup that is delegated to user 65534')
      expect(asNobody(home, ['ps', '-aq']).stdout).toBe('')
    },
  )

  const noCgroup = readable ?? missing({ cgroupV2: true, controllers: ['pids'] })
  const delegated = noCgroup === undefined ? it : (it.skip as typeof it)

  delegated(
    `has limits in a cgroup that is delegated to him${noCgroup === undefined ? '' : ` — skipped: ${noCgroup}`}`,
    () => {
      const home = join(directory, 'limited')
      const root = busyboxRoot(mkdirp(home))
      mkdirSync(join(home, 'run'), { mode: 0o700 })
      chmodSync(directory, 0o755)
      spawnSync('chown', ['-R', `${nobody}:${nobody}`, home])
      const name = `vitrine-test-user-${process.pid}`
      const cgroup = `/sys/fs/cgroup/${name}`
      mkdirSync(join(cgroup, 'session'), { recursive: true })
      try {
        writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+pids')
        const files = ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads', 'session/cgroup.procs']
        for (const file of files) chownSync(join(cgroup, file), nobody, nobody)
        const words = ['--pids-limit=5', `--cgroup-parent=/${name}`, '--rootfs', `${root}:O`]
        const shown = asNobody(
          home,
          ['run', '--rm', '--network=none', ...words, 'cat', '/sys/fs/cgroup/pids.max'],
          cgroup,
        )
        expect([shown.stderr, shown.stdout, shown.status]).toEqual(['', '5\n', 0])
      } finally {
        rmdirSync(join(cgroup, 'session'))
        rmdirSync(cgroup)
      }
    },
  )

  function mkdirp(path: string): string {
    mkdirSync(path, { recursive: true })
    return path
  }
})
