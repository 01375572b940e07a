// Containers of an ordinary user on the simulated kernel: a user namespace, his own state, limits where a cgroup is his.

import { beforeEach, describe, expect, it } from 'vitest'
import { create } from '../../../core/engine/create.ts'
import { list } from '../../../core/engine/list.ts'
import { pause, unpause } from '../../../core/engine/pause.ts'
import { remove } from '../../../core/engine/remove.ts'
import { stop } from '../../../core/engine/stop.ts'
import type { Syscall } from '../../../core/syscall.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

let root: Session
let user: Session

const asRoot = (call: Syscall): void => {
  const outcome = root.host.kernel.call(call)
  if ('errno' in outcome) throw new Error(`${call.name}: ${outcome.errno}`)
}
const giveToUser = (pathname: string) =>
  asRoot({ name: 'fchownat', dirfd: -100, pathname, owner: 1000, group: 1000, flags: 0 })

const write = (pathname: string, buf: string) => {
  const opened = root.host.kernel.call({ name: 'openat', dirfd: -100, pathname, flags: 1, mode: 0 })
  if ('errno' in opened) throw new Error(`${pathname}: ${opened.errno}`)
  asRoot({ name: 'write', fd: opened.value, buf })
  asRoot({ name: 'close', fd: opened.value })
}

beforeEach(() => {
  root = openSession()
  for (const name of ['', '/bin', '/etc', '/proc', '/sys', '/dev', '/tmp', '/run']) giveToUser(`/rootfs${name}`)
  user = root.asUser()
})

describe('a container of an ordinary user', () => {
  it('has him as its root, and is his on the host', async () => {
    expect(await user.toEnd(['whoami'], { hostname: 'own' })).toMatchObject({ code: 0, stdout: '0:0 own\n' })
    const { pid } = await user.detached(['sleep', '100'], { name: 'mine' })
    expect(root.read(`/proc/${pid}/status`)).toMatch(/^Uid:\t1000\t/m)
    expect(root.read(`/proc/${pid}/uid_map`).trim().split(/\s+/)).toEqual(['0', '1000', '1'])
    expect(await user.inside('mine', ['whoami'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^0:0 /) })
    expect((await user.inside('mine', ['append', '/etc/file', 'x'])).code).toBe(0)
  })

  it('is not seen by root, nor root by him: each has containers of his own', async () => {
    await root.detached(['sleep', '100'], { name: 'web' })
    await user.detached(['sleep', '100'], { name: 'web' })
    for (const { host, settings } of [root, user])
      expect(await list(host, settings, { all: true, filters: {} })).toMatchObject([{ name: 'web', status: 'running' }])
    expect(() => user.read('/var/lib/vitrine/names/web')).toThrow('EACCES')
  })

  it('ends and goes without a trace, files that its own users have made among them', async () => {
    await user.toEnd(['true'], { remove: true })
    const before = root.leftovers()
    await user.detached(['sh', '-c', 'echo x >/etc/file; sleep 100'], { name: 'mine' })
    await stop(user.host, user.settings, 'mine', { timeoutSeconds: 0 })
    await remove(user.host, user.settings, 'mine', { force: false, volumes: true })
    await user.after(1)
    expect(root.leftovers()).toEqual(before)
    expect(await list(user.host, user.settings, { all: true, filters: {} })).toEqual([])
  })

  it('is cleaned up after by his own cleanup command', async () => {
    const { id } = await user.detached(['sh', '-c', 'sleep 1; exit 3'], { remove: true })
    await user.after(2000)
    expect(user.cleanups.map((argv) => argv.at(-1))).toEqual([id])
    expect(await list(user.host, user.settings, { all: true, filters: {} })).toEqual([])
  })

  it('gets no network, and no limits where no cgroup is his: each is refused by name', async () => {
    const { host, settings, request } = user
    await expect(create(host, settings, request(['true'], { network: { kind: 'bridge' } }))).rejects.toThrow(
      '--network=bridge: user 1000 may make no links on the host',
    )
    await expect(create(host, settings, request(['true'], { resources: { pidsLimit: 5 } }))).rejects.toThrow(
      '--pids-limit: needs a cgroup that is delegated to user 1000',
    )
  })

  it('has limits in a cgroup that was delegated to him', async () => {
    const cgroup = '/sys/fs/cgroup/user'
    asRoot({ name: 'mkdirat', dirfd: -100, pathname: cgroup, mode: 0o755 })
    for (const name of ['', '/cgroup.procs', '/cgroup.subtree_control', '/cgroup.threads'])
      giveToUser(`${cgroup}${name}`)
    asRoot({ name: 'mkdirat', dirfd: -100, pathname: `${cgroup}/session`, mode: 0o755 })
    giveToUser(`${cgroup}/session/cgroup.procs`)
    write('/sys/fs/cgroup/cgroup.subtree_control', '+cpu +io +memory +pids')
    write(`${cgroup}/session/cgroup.procs`, String(user.runtime.entry.numbers[0]))
    const { id } = await user.detached(['forks', '50'], {
      name: 'bomb',
      cgroupParent: '/user',
      resources: { pidsLimit: 5, memoryBytes: 32 << 20 },
    })
    expect((await user.written('bomb')).stdout).toBe('4\n')
    expect(root.read(`${cgroup}/${id}/memory.max`)).toBe(`${32 << 20}\n`)
    await pause(user.host, user.settings, 'bomb')
    expect(root.read(`${cgroup}/${id}/cgroup.events`)).toContain('frozen 1')
    await unpause(user.host, user.settings, 'bomb')
  })
})
