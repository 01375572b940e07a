// System calls that a filter hands to a listener: SCMP_ACT_NOTIFY. OCI config-linux.md, "Seccomp"; seccomp_unotify(2).

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import type { LinuxSeccomp } from '../../core/spec/types.ts'
import { needsOci, openRuntime } from '../support/bundle.ts'
import { until } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(needsOci('python3'))

/** Notes each state that comes in, one a line, and answers every call that it is asked about with EPROTONOSUPPORT. */
const agent = `import fcntl, socket, struct, sys, threading
def answer(fd):
  while True:
    asked = bytearray(80)
    try: fcntl.ioctl(fd, 0xc0502100, asked)
    except OSError: return
    try: fcntl.ioctl(fd, 0xc0182101, bytearray(asked[:8] + struct.pack("qiI", 0, -93, 0)))
    except OSError: pass
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(9)
while True:
  c, _ = s.accept(); text, fds, _, _ = socket.recv_fds(c, 65536, 9)
  while more := c.recv(65536): text += more
  threading.Thread(target=answer, args=(fds[0],), daemon=True).start()
  with open(sys.argv[2], "ab") as f: f.write(text + b" %d\\n" % len(fds))`

describe('a listener of system calls', () => {
  const runtime = openRuntime()
  const { run, ok, bundle, status } = runtime
  const socket = () => join(runtime.directory, 'agent.sock')
  const states = () => join(runtime.directory, 'states')
  const running: ChildProcess[] = []
  const listen = async () => {
    if (existsSync(socket())) return
    running.push(spawn('python3', ['-c', agent, socket(), states()], { stdio: 'ignore' }))
    await until('somebody listens', async () => existsSync(socket()))
  }
  const received = () =>
    readFileSync(states(), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line.replace(/ 1$/, '')))
  const filtered = (args: readonly string[], seccomp: Partial<LinuxSeccomp> = {}, noNewPrivileges = true) =>
    bundle({ args, noNewPrivileges }, (spec) => ({
      ...spec,
      annotations: { told: 'too' },
      linux: {
        ...spec.linux,
        seccomp: {
          defaultAction: 'SCMP_ACT_ALLOW',
          listenerPath: socket(),
          syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' }],
          ...seccomp,
        },
      },
    }))
  const attempt = ['sh', '-c', 'mkdir /tmp/x 2>&1; echo fine']
  const answered = "mkdir: can't create directory '/tmp/x': Protocol not supported\nfine"
  afterAll(() => {
    for (const child of running) child.kill()
  })

  it.each([true, false])('is asked about what a container calls, with noNewPrivileges %s', async (noNewPrivileges) => {
    await listen()
    const path = filtered(attempt, { listenerMetadata: 'of mine' }, noNewPrivileges)
    expect(await ok(['run', '-b', path, 'web'])).toBe(answered)
    const { pid, ...told } = received().at(-1)
    expect(told).toEqual({
      ociVersion: '1.2.0',
      fds: ['seccompFd'],
      metadata: 'of mine',
      state: { ociVersion: '1.2.0', id: 'web', status: 'created', pid, bundle: path, annotations: { told: 'too' } },
    })
    expect(pid).toBeGreaterThan(1)
  })

  it('is told at start of what create has made, and of every exec', async () => {
    await listen()
    const before = received().length
    await ok(['create', '-b', filtered(['sh', '-c', 'while :; do sleep 0.1; done']), 'web'])
    expect(received().length).toBe(before)
    await ok(['start', 'web'])
    expect(received().length).toBe(before + 1)
    expect(await ok(['exec', 'web', ...attempt])).toBe(answered)
    const [started, executed] = received().slice(-2)
    expect(started).toMatchObject({ state: { status: 'created', pid: started.pid } })
    expect(executed).toMatchObject({ state: { status: 'running', pid: started.pid } })
    expect(executed.pid).not.toBe(started.pid)
    expect(executed).not.toHaveProperty('metadata')
    await ok(['delete', '-f', 'web'])
  })

  it('comes after the descriptors that the caller hands on, and the program has none of it', async () => {
    await listen()
    const path = filtered(['sh', '-c', 'mkdir /tmp/x; cd /proc/self/fd; echo *'])
    const argv = [
      '--',
      join(import.meta.dirname, '../../bin/vitrine-oci.cjs'),
      '--root',
      join(runtime.directory, 'state'),
    ]
    const words = [process.execPath, ...argv, 'run', '--preserve-fds', '2', '-b', path, 'web']
    const child = spawn('sh', ['-c', 'exec 3</dev/null 4</dev/null; exec "$@"', 'sh', ...words])
    let out = ''
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString()
    })
    await new Promise((resolve) => child.on('close', resolve))
    // The last is the shell's own, of the directory that it lists.
    expect(out).toMatch(/^0 1 2 3 4( 5)?\n$/)
  })

  it('that is not there keeps the program from starting, also one that is executed', async () => {
    await listen()
    const nobody = { listenerPath: join(runtime.directory, 'nobody.sock') }
    const sentence = /^vitrine-oci: hand over the system calls to the seccomp listener \/.*nobody\.sock: ENOENT/
    const path = filtered(['touch', '/started'], nobody)
    expect((await run(['run', '-b', path, 'web'])).stderr).toMatch(sentence)
    expect(await ok(['list', '-q'])).toBe('')
    await ok(['create', '-b', path, 'web'])
    expect((await run(['start', 'web'])).stderr).toMatch(sentence)
    await until('it has ended', async () => (await status('web')) === 'stopped')
    await ok(['delete', 'web'])
    expect(existsSync(join(runtime.rootfs, 'started'))).toBe(false)
  })

  it('cannot have what the process says with that it has one; a filter without notifications needs none', async () => {
    const refused = async (seccomp: Partial<LinuxSeccomp>) =>
      (await run(['run', '-b', filtered(['true'], seccomp), 'web'])).stderr.replace('vitrine-oci: ', '').trim()
    expect(await refused({ syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_NOTIFY' }] })).toBe(
      'seccomp.syscalls: SCMP_ACT_NOTIFY cannot be used for write; leave it out',
    )
    expect(await refused({ defaultAction: 'SCMP_ACT_NOTIFY' })).toMatch(/^seccomp\.defaultAction: SCMP_ACT_NOTIFY/)
    expect(await refused({ listenerPath: '' })).toBe(
      'seccomp.listenerPath: SCMP_ACT_NOTIFY needs the socket of a listener',
    )
    expect(await refused({ listenerPath: undefined, listenerMetadata: 'x' })).toBe(
      'seccomp.listenerMetadata: there is nobody to give it to without listenerPath',
    )
    expect(await refused({ flags: ['SECCOMP_FILTER_FLAG_TSYNC'] })).toMatch(/^seccomp\.flags: .*TSYNC does not go with/)
    expect(await refused({ syscalls: [], listenerPath: '/nowhere' })).toBe('')
  })
})
