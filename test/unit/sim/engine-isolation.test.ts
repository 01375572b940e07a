// What a container on the simulated kernel has of its own, shares, and may not: files, users, namespaces, rights, volumes.

import { beforeEach, describe, expect, it } from 'vitest'
import { remove } from '../../../core/engine/remove.ts'
import { listVolumes, pruneVolumes } from '../../../core/engine/volume-list.ts'
import { removeVolume } from '../../../core/engine/volume-remove.ts'
import { wait } from '../../../core/engine/wait.ts'
import type { IdLists } from '../../../core/spec/request.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

let session: Session
beforeEach(() => {
  session = openSession()
})

const verb = <Rest extends unknown[], Result>(
  act: (host: Session['host'], settings: Session['settings'], ...rest: Rest) => Result,
  ...rest: Rest
): Result => act(session.host, session.settings, ...rest)
const output = async (...given: Parameters<Session['toEnd']>) => (await session.toEnd(...given)).stdout
const write = (path: string, text: string) => {
  const { kernel } = session.host
  const opened = kernel.call({ name: 'openat', dirfd: -100, pathname: path, flags: 0o101, mode: 0o644 })
  if ('errno' in opened) throw new Error(`${path}: ${opened.errno}`)
  kernel.call({ name: 'write', fd: opened.value, buf: text })
  kernel.call({ name: 'close', fd: opened.value })
}
const mkdir = (pathname: string) =>
  void session.host.kernel.call({ name: 'mkdirat', dirfd: -100, pathname, mode: 0o755 })

describe('files', () => {
  it('go into a layer of the container, which the next one does not see', async () => {
    expect(await output(['sh', '-c', 'echo mine >/etc/file; exit 0'])).toBe('')
    expect(await session.toEnd(['cat', '/etc/file'])).toMatchObject({ code: 1, stderr: 'cat: openat: ENOENT\n' })
    expect(() => session.read('/rootfs/etc/file')).toThrow('ENOENT')
  })

  it('cannot be changed with --read-only, but on tmpfs', async () => {
    const more = { readOnly: true, tmpfs: [{ destination: '/scratch', options: ['size=64k'] }] }
    expect((await session.toEnd(['append', '/etc/file', 'x'], more)).stderr).toBe('append: openat: EROFS\n')
    for (const path of ['/scratch/file', '/tmp/file', '/run/file'])
      expect(await session.toEnd(['append', path, 'x'], more)).toMatchObject({ code: 0, stderr: '' })
    const large = 'x'.repeat(100_000)
    expect((await session.toEnd(['append', '/scratch/file', large], more)).code).toBe(1)
  })

  it('of the kernel are masked or read-only, unless it is privileged', async () => {
    expect((await session.toEnd(['append', '/proc/sys/kernel/hostname', 'x'])).stderr).toBe('append: openat: EROFS\n')
    expect(await output(['cat', '/proc/keys'])).toBe('')
    const mounts = await output(['cat', '/proc/self/mountinfo'])
    expect(mounts).toMatch(/ \/sys\/fs\/cgroup ro,/)
    expect(await output(['cat', '/proc/self/mountinfo'], { privileged: true })).toMatch(/ \/sys\/fs\/cgroup rw,/)
  })
})

describe('users', () => {
  it('are those of --user, by the files of the root', async () => {
    write('/rootfs/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/sh\n')
    expect(await output(['whoami'], { user: 'web', hostname: 'shop' })).toBe('33:34 shop\n')
    expect((await session.toEnd(['append', '/etc/file', 'x'], { user: '33' })).stderr).toBe('append: openat: EACCES\n')
  })

  it('have the capabilities that they are given, and no more', async () => {
    const capabilities = async (more: Parameters<Session['toEnd']>[1]) =>
      /CapEff:\s+(\w+)/.exec(await output(['cat', '/proc/self/status'], more))?.[1]
    expect(await capabilities({})).toBe('00000000800405fb')
    expect(await capabilities({ capDrop: ['all'] })).toBe('0000000000000000')
    expect(await capabilities({ capDrop: ['all'], capAdd: ['CAP_KILL'] })).toBe('0000000000000020')
    expect(await capabilities({ user: '33' })).toBe('0000000000000000')
  })

  it('are filtered by seccomp: mount(2) is refused before the kernel looks at it', async () => {
    const status = await output(['cat', '/proc/self/status'])
    expect(status).toMatch(/^Seccomp:\s+2$/m)
    const open = { security: { seccomp: { kind: 'unconfined' }, noNewPrivileges: true, mask: [], unmask: [] } } as const
    const other = await output(['cat', '/proc/self/status'], open)
    expect(other).toMatch(/^Seccomp:\s+0$/m)
    expect(other).toMatch(/^NoNewPrivs:\s+1$/m)
  })

  it('of a user namespace are others on the host, by the ids that are given', async () => {
    const ids: IdLists = {
      uid: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
      gid: [{ containerID: 0, hostID: 200_000, size: 65_536 }],
    }
    const { pid } = await session.detached(['sh', '-c', 'echo mine >/etc/file; sleep 100'], {
      name: 'mapped',
      userns: { kind: 'private' },
      idMappings: ids,
    })
    expect(session.read(`/proc/${pid}/uid_map`).trim().split(/\s+/)).toEqual(['0', '100000', '65536'])
    expect(session.read(`/proc/${pid}/gid_map`).trim().split(/\s+/)).toEqual(['0', '200000', '65536'])
    expect(session.read(`/proc/${pid}/status`)).toMatch(/^Uid:\t100000\t/m)
    expect((await session.inside('mapped', ['whoami'])).stdout).toMatch(/^0:0 /)
    expect((await session.inside('mapped', ['owners', '/etc', '/etc/file'])).stdout).toBe('0:0\n0:0\n')
  })

  it('of --userns=auto have ranges that no other container has', async () => {
    const firsts: number[] = []
    for (const name of ['one', 'two']) {
      const { pid } = await session.detached(['sleep', '100'], { name, userns: { kind: 'auto', forced: {} } })
      const [, first, size] = session.read(`/proc/${pid}/uid_map`).trim().split(/\s+/).map(Number)
      firsts.push(first!)
      expect(size).toBeGreaterThanOrEqual(1024)
    }
    expect(Math.abs(firsts[0]! - firsts[1]!)).toBeGreaterThanOrEqual(1024)
  })
})

describe('namespaces', () => {
  const links = (pid: number | string) =>
    ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'].map((name) => {
      const pathname = `/proc/${pid}/ns/${name}`
      const link = session.host.kernel.call({ name: 'readlinkat', dirfd: -100, pathname, buf: 100 })
      return new TextDecoder().decode((link as { data: Uint8Array }).data)
    })

  it('are all its own by default', async () => {
    const { pid } = await session.detached(['sleep', '100'])
    const host = links('self')
    expect(links(pid).filter((link) => host.includes(link))).toEqual([])
  })

  it("are the host's where that is asked for", async () => {
    const host = { kind: 'host' } as const
    const { pid } = await session.detached(['sleep', '100'], {
      pid: host,
      ipc: host,
      uts: host,
      network: host,
      cgroupns: host,
    })
    const own = links('self')
    expect(links(pid).filter((link) => !own.includes(link))).toEqual([links(pid)[2]])
  })

  it("are another container's with --pid=container: and the like; both see the same processes", async () => {
    const { pid } = await session.detached(['sleep', '100'], { name: 'one' })
    const other = { kind: 'container', container: 'one' } as const
    const second = await session.detached(['sleep', '100'], {
      name: 'two',
      pid: other,
      ipc: other,
      uts: other,
      network: other,
    })
    const [mine, its] = [links(pid), links(second.pid)]
    expect(its.filter((link) => !mine.includes(link))).toEqual([its[0], its[2]])
    expect((await session.toEnd(['cat', '/proc/1/cmdline'], { pid: other })).stdout.split('\u0000')).toEqual([
      'sleep',
      '100',
      '',
    ])
    await verb(remove, 'one', { force: true, volumes: true })
    // The first process of the pid namespace has gone, and all others with it.
    expect(await verb(wait, 'two')).toBe(137)
  })

  it('end processes that a container has left in the background', async () => {
    const { pid } = await session.detached(['sh', '-c', 'sleep 1000 & sleep 1; exit 0'], { name: 'parent' })
    const before = session.leftovers() as { processes: number }
    expect(await verb(wait, 'parent')).toBe(0)
    await session.after(1)
    expect(() => session.read(`/proc/${pid}/status`)).toThrow()
    expect((session.leftovers() as { processes: number }).processes).toBe(before.processes - 3)
  })
})

describe('volumes', () => {
  const named = { kind: 'named', source: 'data', destination: '/etc', options: [] } as const
  const names = async () => (await verb(listVolumes, {})).map(({ name }) => name)

  it('begin with what the root has there, and keep what is written', async () => {
    write('/rootfs/etc/text', 'from the root\n')
    expect(await output(['cat', '/etc/text'], { volumes: [named] })).toBe('from the root\n')
    expect((await session.toEnd(['append', '/etc/text', 'more'], { volumes: [named] })).code).toBe(0)
    expect(await output(['cat', '/etc/text'], { volumes: [named] })).toBe('from the root\nmore\n')
    expect(session.read('/rootfs/etc/text')).toBe('from the root\n')
  })

  it('are directories of the host, for reading or for both', async () => {
    mkdir('/data')
    write('/data/file', 'from outside\n')
    const bind = (options: readonly string[]) => [
      { kind: 'bind', source: '/data', destination: '/mnt', options } as const,
    ]
    expect(await output(['cat', '/mnt/file'], { volumes: bind(['ro']) })).toBe('from outside\n')
    expect((await session.toEnd(['append', '/mnt/file', 'x'], { volumes: bind(['ro']) })).stderr).toContain('EROFS')
    expect((await session.toEnd(['append', '/mnt/file', 'inside'], { volumes: bind([]) })).code).toBe(0)
    expect(session.read('/data/file')).toBe('from outside\ninside\n')
  })

  it('without a name go with their container, those with one stay until they are removed', async () => {
    const anonymous = { kind: 'anonymous', destination: '/var', options: [] } as const
    await session.toEnd(['true'], { name: 'user', volumes: [named, anonymous] })
    expect(await names()).toHaveLength(2)
    await expect(verb(removeVolume, 'data', { force: false })).rejects.toThrow(
      'cannot remove volume data: it is used by',
    )
    await verb(remove, 'user', { force: false, volumes: true })
    expect(await names()).toEqual(['data'])
    expect((await verb(pruneVolumes, {})).removed).toEqual(['data'])
    expect(await names()).toEqual([])
  })
})
