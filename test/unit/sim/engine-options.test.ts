// What can be asked for one container on the simulated kernel, as its program sees it: environment, limits, settings, devices.

import { beforeEach, describe, expect, it } from 'vitest'
import { openSession, type Session } from '../../support/sim-session.ts'

let session: Session
beforeEach(() => {
  session = openSession()
})
type More = Parameters<Session['toEnd']>[1]
const cat = async (path: string, more: More) => {
  const { code, stdout, stderr } = await session.toEnd(['cat', path], more)
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}

describe('the program of a container', () => {
  it('has the environment and directory that it is given', async () => {
    const words = (await cat('/proc/self/environ', { env: ['A=one', 'B=two words'], hostname: 'shop' })).split('\0')
    expect(words).toEqual(
      expect.arrayContaining(['A=one', 'B=two words', 'HOSTNAME=shop', 'HOME=/', 'container=vitrine']),
    )
    expect(await session.toEnd(['append', 'here', 'x'], { workingDirectory: '/tmp', name: 'writer' })).toMatchObject({
      code: 0,
    })
    expect((await session.toEnd(['cat', '/etc/no'], { entrypoint: ['exit', '7'] })).code).toBe(7)
  })

  it('has limits of its own and a place among victims', async () => {
    const ulimits = [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }] as const
    expect(await cat('/proc/self/limits', { ulimits })).toMatch(/^Max open files\s+64\s+128\s+files/m)
    expect(await cat('/proc/self/oom_score_adj', { oomScoreAdj: 500 })).toBe('500\n')
  })

  it('runs on the processors of --cpuset-cpus', async () => {
    const status = await cat('/proc/self/status', { resources: { cpusetCpus: '1-2' } })
    expect(status).toMatch(/^Cpus_allowed_list:\t1-2$/m)
  })

  it('has settings of its own network and ipc namespaces, and the host keeps its own', async () => {
    const sysctl = { 'net.core.somaxconn': '77', 'kernel.shm_rmid_forced': '1' }
    const before = session.read('/proc/sys/net/core/somaxconn')
    expect(await cat('/proc/sys/net/core/somaxconn', { sysctl })).toBe('77\n')
    expect(await cat('/proc/sys/kernel/shm_rmid_forced', { sysctl })).toBe('1\n')
    expect(session.read('/proc/sys/net/core/somaxconn')).toBe(before)
  })

  it('makes files as its mask allows, and belongs to the groups that are added', async () => {
    await session.detached(['sh', '-c', 'echo x >/tmp/file; sleep 100'], { name: 'masked', umask: 0o077 })
    expect(await session.inside('masked', ['owners', '/tmp/file'])).toMatchObject({ stdout: '0:0\n' })
    const status = await cat('/proc/self/status', { groupAdd: ['40', '50'] })
    expect(status).toMatch(/^Groups:\t.*\b40 50\b/m)
  })

  it('sees names and servers that are added, in files of its own', async () => {
    const more = { addHost: [{ host: 'db', address: '10.1.2.3' }], dns: ['10.9.9.9'] }
    expect(await cat('/etc/hosts', more)).toMatch(/^10\.1\.2\.3\s+db$/m)
    expect(await cat('/etc/resolv.conf', more)).toMatch(/^nameserver 10\.9\.9\.9$/m)
  })

  it('may use the devices that every container has, and none of the host but those that it is given', async () => {
    expect((await session.toEnd(['append', '/dev/null', 'x'])).code).toBe(0)
    const node = (more: More) => session.toEnd(['device', '/dev/made', '1', '1'], more)
    expect((await node({})).stderr).toBe('device: mknodat: EPERM\n')
    // With the right to make nodes it is the cgroup that judges their use.
    expect((await node({ capAdd: ['CAP_MKNOD'] })).stderr).toBe('device: openat: EPERM\n')
    expect((await node({ privileged: true })).stderr).toBe('device: openat: ENXIO\n')
    const device = { source: '/dev/zero', destination: '/dev/mine', access: 'rw' }
    expect((await session.toEnd(['append', '/dev/mine', 'x'], { devices: [device] })).code).toBe(0)
  })

  it('has shared memory of the size that is asked for', async () => {
    expect(await cat('/proc/self/mountinfo', { shmSizeBytes: 1 << 20 })).toMatch(/ \/dev\/shm .*size=1024k/)
  })

  it('shares the volumes of another container, for reading only where that is asked', async () => {
    const volume = { kind: 'anonymous', destination: '/data', options: [] } as const
    await session.detached(['sh', '-c', 'echo shared >/data/file; sleep 100'], { name: 'first', volumes: [volume] })
    const from = (options: readonly string[]) => ({ volumesFrom: [{ container: 'first', options }] })
    expect(await cat('/data/file', from([]))).toBe('shared\n')
    expect((await session.toEnd(['append', '/data/file', 'x'], from(['ro']))).stderr).toBe('append: openat: EROFS\n')
  })
})
