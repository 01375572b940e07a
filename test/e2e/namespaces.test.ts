// Flags that say which namespaces a container has: its own, the host's, another container's, or one by path. namespaces(7)

import { spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession, until } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)
const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] as const
const namespaceOf = (pid: number | 'self', kind: string) => readlinkSync(`/proc/${pid}/ns/${kind}`)

/** Flag, kind. */
const modes = [
  ['--pid', 'pid'],
  ['--ipc', 'ipc'],
  ['--uts', 'uts'],
  ['--network', 'net'],
  ['--cgroupns', 'cgroup'],
] as const

function mappedRoot(pid: number): boolean {
  return readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/)[2] === '1'
}

describe('the namespaces of a container', () => {
  const { run, ok, inside, waiting, remove } = openSession()
  const namespaceInside = async (flags: readonly string[], kind: string) =>
    ok(['run', '--rm', ...flags, image, 'readlink', `/proc/self/ns/${kind}`])

  it('are six of its own, and the user namespace of the host', async () => {
    const { pid, name } = await waiting('own')
    const own = kinds.filter((kind) => namespaceOf(pid, kind) !== namespaceOf('self', kind))
    expect(own).toEqual(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'])
    await remove(name)
  })

  it.each(modes)("are with %s=host the host's", async (flag, kind) => {
    expect(await namespaceInside([`${flag}=host`], kind)).toBe(namespaceOf('self', kind))
  })

  it.each(modes)("are with %s=container:NAME that container's, and with ns:PATH the one there", async (flag, kind) => {
    const { pid, name, id } = await waiting(`other-${kind}`)
    expect(await namespaceInside([`${flag}=container:${name}`], kind)).toBe(namespaceOf(pid, kind))
    expect(await namespaceInside([flag, `container:${id.slice(0, 8)}`], kind)).toBe(namespaceOf(pid, kind))
    expect(await namespaceInside([`${flag}=ns:/proc/${pid}/ns/${kind}`], kind)).toBe(namespaceOf(pid, kind))
    await remove(name)
  })

  it('show the processes, shared memory and host name of the container that is joined', async () => {
    const { name } = await waiting('joined', ['-h', 'joinedhost'])
    await ok(['exec', name, 'sh', '-c', 'echo shared >/dev/shm/note'])
    const flags = [`--pid=container:${name}`, `--ipc=container:${name}`, `--uts=container:${name}`]
    const script = 'cat /dev/shm/note; hostname; tr "\\0" " " </proc/1/cmdline; echo; echo $$'
    const [note, hostname, first, own] = (await inside(flags, script)).split('\n')
    expect([note, hostname]).toEqual(['shared', 'joinedhost'])
    expect(first).toContain('trap')
    expect(own).not.toBe('1')
    await remove(name)
  })

  it("show with --uts=host and --pid=host the host's name and processes", async () => {
    const hostname = readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()
    const script = `hostname; test -e /proc/${process.pid}/stat && tr '\\0' '\\n' </proc/${process.pid}/cmdline | head -1`
    const [name, program] = (await inside(['--uts=host', '--pid=host'], script)).split('\n')
    expect(name).toBe(hostname)
    expect(program).toBe(readFileSync(`/proc/${process.pid}/cmdline`, 'utf8').split('\0')[0])
  })

  it('have no /dev/shm with --ipc=none, and may be shared with shareable', async () => {
    expect(await inside(['--ipc=none'], 'grep -c " /dev/shm " /proc/mounts || true')).toBe('0')
    expect(await inside(['--ipc=shareable'], 'grep -c " /dev/shm " /proc/mounts')).toBe('1')
  })

  it('have with --network=none a loopback only, with host all interfaces', async () => {
    // Some kernels put a tunnel into every namespace, switched off.
    expect(await inside([], 'ip -o link show up')).toMatch(/^1: lo: [^\n]*$/)
    const own = await ok(['run', '--rm', '--network=host', image, 'cat', '/proc/net/dev'])
    const interfaces = (text: string) => [...text.matchAll(/^\s*(\S+):/gm)].map((match) => match[1])
    expect(interfaces(own)).toEqual(interfaces(readFileSync('/proc/net/dev', 'utf8')))
  })

  it("are with --userns=host the host's, and with ns:PATH or container:NAME a user namespace that is there", async () => {
    expect(await namespaceInside(['--userns=host'], 'user')).toBe(namespaceOf('self', 'user'))
    const map = ['-U', '--map-root-user', 'sleep', '60']
    const holder = spawn('unshare', map, { stdio: 'ignore' })
    try {
      await until('it has its user namespace', () => mappedRoot(holder.pid!))
      const { pid, name } = await waiting('mapped', [`--userns=ns:/proc/${holder.pid}/ns/user`])
      expect(namespaceOf(pid, 'user')).toBe(namespaceOf(holder.pid!, 'user'))
      expect(await ok(['exec', name, 'id', '-u'])).toBe('0')
      expect(await namespaceInside(['--network=none', `--userns=container:${name}`], 'user')).toBe(
        namespaceOf(pid, 'user'),
      )
      await remove(name)
    } finally {
      holder.kill('SIGKILL')
    }
    const lent = await run(['run', '--rm', '--userns=private', image, 'true'])
    expect(lent.stderr).toContain('--userns=private: root has no subordinate ids')
  })

  it('cannot be those of a container that does not run', async () => {
    await ok(['create', '--name=idle', image, 'true'])
    const joined = await run(['run', '--rm', '--network=container:idle', image, 'true'])
    expect(joined.code).toBe(125)
    expect(joined.stderr).toMatch(/idle: it is not running/)
    expect((await run(['run', '--rm', '--pid=container:nobody', image, 'true'])).stderr).toContain('no such container')
    expect((await run(['run', '--rm', '--pid=elsewhere', image, 'true'])).stderr).toContain('--pid=elsewhere')
    await remove('idle')
  })
})
