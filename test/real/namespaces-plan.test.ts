// Namespaces that are new or joined, looked at inside of real containers.

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Launched } from '../../core/kernel.ts'
import { planContainer } from '../../core/launch/container.ts'
import { bindMount } from '../../core/spec/defaults.ts'
import {
  answerOf,
  inside,
  newOf,
  realFacts,
  realKernel,
  runContainer,
  shellSpec,
  sleeperOf,
  started,
  usualNamespaces,
} from '../support/containers.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true, filesystems: ['overlay'] })
const { it: itWithTime } = skipUnless({ linux: true, root: true, natives: true, namespaces: ['time'] })

describe('namespaces', () => {
  const map = (at: string, { pid }: Launched) => {
    if (at !== 'maps') return
    writeFileSync(`/proc/${pid}/uid_map`, '0 100000 65536\n')
    writeFileSync(`/proc/${pid}/gid_map`, '0 100000 65536\n')
  }
  const linux = newOf('user', ...usualNamespaces)

  it('of users make the container root of itself alone', async () => {
    const script =
      'id -u; cat /proc/self/uid_map; grep CapBnd /proc/self/status; echo x > /dev/null; stat -c %t:%T /dev/null; cat /proc/timer_list; hostname'
    const { output, code } = await inside(
      { script, linux: { ...linux, maskedPaths: ['/proc/timer_list', '/sys/firmware'] }, owner: 100000 },
      map,
    )
    expect(`${output}${code}`).toBe('0\n         0     100000      65536\nCapBnd:\t00000000800405fb\n1:3\nweb\n0')
  })

  it('of users do not keep mounts from being shown as owned by others', () =>
    withTemporaryDirectory(async (directory) => {
      chmodSync(directory, 0o755)
      mkdirSync(`${directory}/source`)
      const mapped = spawn('unshare', ['-U', '--fork', 'sleep', '60'], { stdio: 'ignore' })
      const sleeper = await sleeperOf(mapped.pid!)
      try {
        for (const kind of ['uid', 'gid']) writeFileSync(`/proc/${sleeper}/${kind}_map`, '0 100000 10\n')
        const mounts = [bindMount('/data', `${directory}/source`, ['idmap'])]
        const facts = {
          sources: { [`${directory}/source`]: 'directory' as const },
          idmapNamespaces: { '/data': `/proc/${sleeper}/ns/user` },
        }
        const script = 'stat -c %u:%g /data; touch /data/new'
        const { output, code } = await runContainer(directory, { script, mounts, facts, linux, owner: 100000 }, map)
        expect(`${output}${code}`).toBe('0:0\n0')
        expect(statSync(`${directory}/source/new`).uid).toBe(0)
      } finally {
        process.kill(sleeper, 'SIGKILL')
      }
    }))

  itWithTime('of time have the offsets asked for', async () => {
    const time = newOf('time', ...usualNamespaces)
    const timeOffsets = { boottime: { secs: 864000, nanosecs: 0 } }
    const uptime = await answerOf('cut -d. -f1 /proc/uptime', { linux: { ...time, timeOffsets } })
    expect(Number(uptime) - Number(readFileSync('/proc/uptime', 'utf8').split('.')[0])).toBeGreaterThan(863990)
  })

  it('are joined by their paths', async () => {
    const other = spawn('unshare', ['-u', '-n', '-i', '-p', '--fork', 'sh', '-c', 'hostname other; exec sleep 60'], {
      stdio: 'ignore',
    })
    try {
      const child = await sleeperOf(other.pid!)
      const path = (name: string) => `/proc/${child}/ns/${name}`
      const namespaces = [
        { type: 'mount' },
        { type: 'uts', path: path('uts') },
        { type: 'network', path: path('net') },
        { type: 'ipc', path: path('ipc') },
        { type: 'pid', path: path('pid') },
      ] as const
      const output = await answerOf('hostname; tr "\\0" " " < /proc/1/cmdline; test $$ != 1', {
        linux: { namespaces },
        spec: { hostname: undefined },
      })
      expect(output).toBe('other\nsleep 60')
    } finally {
      process.kill(await sleeperOf(other.pid!), 'SIGKILL')
    }
  })

  it('that the child is born in are not those of what the monitor executes afterwards', () =>
    withTemporaryDirectory(async (directory) => {
      const other = spawn('unshare', ['-p', '--fork', 'sleep', '60'], { stdio: 'ignore' })
      const sleeper = await sleeperOf(other.pid!)
      try {
        const namespaces = [{ type: 'mount' }, { type: 'pid', path: `/proc/${sleeper}/ns/pid` }] as const
        const plan = planContainer(
          shellSpec({ script: '', linux: { namespaces }, spec: { hostname: undefined } }),
          realFacts(directory),
        )
        const script = `readlink /proc/self/ns/pid_for_children > ${directory}/new && mv ${directory}/new ${directory}/done`
        const cleanup = { argv: ['/bin/sh', '-c', script], env: ['PATH=/usr/bin:/bin'] }
        const launched = started(
          realKernel().launch(plan, { detached: true, title: 'vitrine-test', directory, cleanup }),
        )
        await launched.progress()
        await launched.exited
        launched.close()
        while (!existsSync(`${directory}/done`)) await new Promise((next) => setTimeout(next, 5))
        expect(readFileSync(`${directory}/done`, 'utf8').trim()).toBe(readlinkSync('/proc/self/ns/pid'))
      } finally {
        process.kill(sleeper, 'SIGKILL')
      }
    }))

  it('of mounts can be joined, with all that is mounted there', async () => {
    const hide = 'mount -t tmpfs tmpfs /srv && touch /srv/there && exec sleep 60'
    const other = spawn('unshare', ['-m', '--propagation', 'private', '--fork', 'sh', '-c', hide], { stdio: 'ignore' })
    const sleeper = await sleeperOf(other.pid!)
    try {
      const namespaces = [{ type: 'mount', path: `/proc/${sleeper}/ns/mnt` }] as const
      const spec = { mounts: undefined, hostname: undefined }
      const linux = { namespaces, maskedPaths: [], readonlyPaths: [] }
      expect(await answerOf('ls /srv; pwd', { linux, spec, process: { cwd: '/srv' } })).toBe('there\n/srv')
    } finally {
      process.kill(sleeper, 'SIGKILL')
    }
  })

  it('of users can be joined while all others are new', async () => {
    const other = spawn('unshare', ['-U', '--fork', 'sleep', '60'], { stdio: 'ignore' })
    const sleeper = await sleeperOf(other.pid!)
    try {
      writeFileSync(`/proc/${sleeper}/uid_map`, '0 100000 65536\n')
      writeFileSync(`/proc/${sleeper}/gid_map`, '0 100000 65536\n')
      const namespaces = [
        { type: 'user', path: `/proc/${sleeper}/ns/user` },
        ...newOf(...usualNamespaces).namespaces,
      ] as const
      const script =
        'echo $$; id -u; hostname; cat /proc/sys/kernel/hostname; readlink /proc/self; ls /sys/class/net | grep -v sit0'
      const { output } = await inside({ script, linux: { namespaces }, owner: 100000 })
      expect(output).toMatch(/^1\n0\nweb\nweb\n\d\nlo\n$/)
    } finally {
      process.kill(sleeper, 'SIGKILL')
    }
  })
})
