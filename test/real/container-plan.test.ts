// What the planner says about a container, asked inside of real ones.

import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { expect } from 'vitest'
import type { Launched } from '../../core/kernel.ts'
import { planContainer } from '../../core/launch/container.ts'
import { bindMount } from '../../core/spec/defaults.ts'
import {
  realFacts,
  realKernel,
  runContainer,
  shellSpec,
  started,
  usualNamespaces,
  type Wanted,
} from '../support/containers.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true, filesystems: ['overlay'] })
const { it: itWithTime } = skipUnless({ linux: true, root: true, natives: true, namespaces: ['time'] })

const inside = (wanted: Wanted, waiting?: (at: string, launched: Launched) => Promise<void> | void) =>
  withTemporaryDirectory((directory) => {
    chmodSync(directory, 0o755)
    return runContainer(directory, wanted, waiting)
  })
const answer = async (script: string, wanted: Partial<Wanted> = {}) => {
  const { code, output } = await inside({ script, ...wanted })
  return code === 0 ? output.trim() : `${output.trim()} (exit ${code})`
}
const newOf = (...types: readonly string[]) => ({
  namespaces: types.map((type) => ({ type })) as { type: (typeof usualNamespaces)[number] }[],
})

describe('a container', () => {
  it('has its own host name, is process 1, and stands in its working directory', async () => {
    expect(await answer('hostname; echo $$; pwd', { process: { cwd: '/srv/made/here' } })).toBe(
      'web\n1\n/srv/made/here',
    )
  })

  it('sees no mount but its own', async () => {
    const mounts = await answer('cut -d" " -f5 /proc/self/mountinfo')
    const fixed = mounts.split('\n').filter((path) => !/^\/(proc|sys)\/./.test(path))
    expect(fixed).toEqual(['/', '/proc', '/dev', '/dev/pts', '/dev/mqueue', '/dev/shm', '/sys'])
  })

  it('has the default devices and links', async () => {
    expect(
      await answer('cd /dev; stat -c "%n %F %t:%T %a" null zero full random urandom tty; readlink fd ptmx core'),
    ).toBe(
      [
        'null character special file 1:3 666',
        'zero character special file 1:5 666',
        'full character special file 1:7 666',
        'random character special file 1:8 666',
        'urandom character special file 1:9 666',
        'tty character special file 5:0 666',
        '/proc/self/fd',
        'pts/ptmx',
        '/proc/kcore',
      ].join('\n'),
    )
  })

  it('finds masked paths empty and read-only paths read-only', async () => {
    expect(await answer('cat /proc/timer_list; ls -A /sys/firmware; echo 1 2>&1 > /proc/sys/kernel/panic')).toMatch(
      /Read-only file system \(exit 2\)$/,
    )
    expect(await answer('cat /proc/timer_list | wc -c; ls -A /sys/firmware | wc -l')).toBe('0\n0')
  })

  it('masks what a user names, file or directory, and what is absent not at all', async () => {
    const maskedPaths = ['/etc/hostname', '/etc/apt', '/no/such/path']
    expect(
      await answer('cat /etc/hostname | wc -c; ls /etc/apt | wc -l; test -e /no', { linux: { maskedPaths } }),
    ).toBe('0\n0 (exit 1)')
  })

  it('has the capabilities of the spec, and none in reach beyond them', async () => {
    const capabilities = { bounding: ['CAP_CHOWN', 'CAP_KILL'], permitted: ['CAP_KILL'], effective: ['CAP_KILL'] }
    expect(await answer('grep ^Cap /proc/self/status', { process: { capabilities } })).toBe(
      'CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\nCapBnd:\t0000000000000021\nCapAmb:\t0000000000000000',
    )
  })

  it('keeps capabilities over a change of user when they are ambient', async () => {
    const net = ['CAP_NET_BIND_SERVICE']
    const capabilities = { bounding: net, permitted: net, effective: net, inheritable: net, ambient: net }
    const user = { uid: 1000, gid: 1001, additionalGids: [7, 8], umask: 0o077 }
    expect(
      await answer('grep -E "^(Uid|Gid|Groups|CapEff|CapAmb|NoNewPrivs|Umask)" /proc/self/status', {
        process: { capabilities, user },
      }),
    ).toBe(
      [
        'Umask:\t0077',
        'Uid:\t1000\t1000\t1000\t1000',
        'Gid:\t1001\t1001\t1001\t1001',
        'Groups:\t7 8 ',
        'CapEff:\t0000000000000400',
        'CapAmb:\t0000000000000400',
        'NoNewPrivs:\t1',
      ].join('\n'),
    )
  })

  it('starts with no signal blocked or ignored, and no descriptor but three', async () => {
    const args = ['grep', '-E', '^Sig(Blk|Ign)', '/proc/self/status']
    const nothing = '0000000000000000'
    expect(await answer('', { process: { args } })).toBe(`SigBlk:\t${nothing}\nSigIgn:\t${nothing}`)
    expect(await answer('ls /proc/1/fd')).toBe('0\n1\n2')
  })

  it('has a loopback interface that is up, and nothing else', async () => {
    expect(await answer('cat /sys/class/net/lo/flags; ls /sys/class/net | grep -v sit0')).toBe('0x9\nlo')
  })

  it('has its limits, its score for the out-of-memory killer, and its kernel parameters', async () => {
    const rlimits = [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }]
    expect(
      await answer('ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward', {
        process: { rlimits, oomScoreAdj: 321 },
        linux: { sysctl: { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '12345' } },
      }),
    ).toBe('64\n128\n321\n1')
  })

  it('cannot write to a read-only root, but to what is mounted on it', async () => {
    const spec = { root: { path: '/', readonly: true } }
    expect(await answer('touch /dev/shm/fine; touch /new', { spec })).toMatch(/Read-only file system \(exit 1\)$/)
  })

  it('sees each hierarchy of cgroup v1 as a directory of the list, when it is given such a view', async () => {
    const view = { version: 1, hierarchies: [{ name: 'cpu,cpuacct', directory: '/tmp' }] } as const
    const mounts = [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid'] }]
    const facts = { cgroup: { create: [], join: [], view } }
    const linux = newOf('pid', 'mount', 'uts', 'network')
    expect(await answer('cd /sys/fs/cgroup; ls; readlink cpu; touch x', { mounts, facts, linux })).toMatch(
      /^cpu\ncpu,cpuacct\ncpuacct\ncpu,cpuacct\n.*Read-only file system/,
    )
  })

  it('executes what PATH leads to, and says what it cannot find or cannot execute', async () => {
    const env = ['PATH=/nowhere:/etc/passwd:/usr/bin:/bin']
    expect(await answer('echo found', { process: { env } })).toBe('found')
    await expect(inside({ script: '', process: { args: ['no-such-program'], env } })).rejects.toThrow('ENOENT')
    const data = ['PATH=/etc:/usr/bin']
    await expect(inside({ script: '', process: { args: ['passwd-'], env: data } })).rejects.toThrow('EACCES')
  })
})

describe('a mount', () => {
  const withSource = (options: readonly string[], script: string) =>
    withTemporaryDirectory(async (directory) => {
      chmodSync(directory, 0o755)
      mkdirSync(`${directory}/source`)
      writeFileSync(`${directory}/source/file`, 'content\n')
      const mounts = [bindMount('/deep/new/place', `${directory}/source`, options)]
      const facts = { sources: { [`${directory}/source`]: 'directory' as const } }
      const { code, output } = await runContainer(directory, { script, mounts, facts })
      return `${output.trim()} (exit ${code})`
    })

  it('of a directory of the host appears where nothing was', async () => {
    expect(await withSource([], 'cat /deep/new/place/file; touch /deep/new/place/x')).toBe('content (exit 0)')
  })

  it('has the options that were asked for', async () => {
    const script = 'grep /deep /proc/self/mountinfo | cut -d" " -f6'
    expect(await withSource(['ro', 'nosuid', 'nodev', 'noexec', 'noatime'], script)).toBe(
      'ro,nosuid,nodev,noexec,noatime (exit 0)',
    )
    expect(await withSource(['rro', 'rnosuid'], script)).toMatch(/^ro,nosuid,/)
  })

  it('of a file makes an empty file to be mounted on', () =>
    withTemporaryDirectory(async (directory) => {
      writeFileSync(`${directory}/hosts`, '10.0.0.1 web\n')
      const mounts = [bindMount('/etc/new/hosts', `${directory}/hosts`, ['ro'])]
      const facts = { sources: { [`${directory}/hosts`]: 'file' as const } }
      const { output } = await runContainer(directory, { script: 'cat /etc/new/hosts', mounts, facts })
      expect(output).toBe('10.0.0.1 web\n')
      expect(readFileSync(`${directory}/upper/etc/new/hosts`, 'utf8')).toBe('')
    }))

  it('of a file replaces a link of the image that leads nowhere, or makes what it leads to', () =>
    withTemporaryDirectory(async (directory) => {
      writeFileSync(`${directory}/hosts`, 'content\n')
      mkdirSync(`${directory}/upper`)
      symlinkSync('/nowhere/deep/file', `${directory}/upper/lost`)
      symlinkSync('../found', `${directory}/upper/near`)
      symlinkSync('/nowhere', `${directory}/upper/links`)
      const mounts = ['/lost', '/near', '/links/file'].map((path) => bindMount(path, `${directory}/hosts`))
      const facts = { sources: { [`${directory}/hosts`]: 'file' as const } }
      const script = 'cat /lost /near /found /links/file'
      const { output } = await runContainer(directory, { script, mounts, facts })
      expect(output).toBe('content\n'.repeat(4))
      expect(existsSync(`${directory}/upper/nowhere`)).toBe(false)
    }))

  it('does not follow a link of the image out of the container', () =>
    withTemporaryDirectory(async (directory) => {
      mkdirSync(`${directory}/source`)
      mkdirSync(`${directory}/image/trap`, { recursive: true })
      const mounts = [bindMount('/trap', `${directory}/image`), bindMount('/trap/proc/1/cwd/in', `${directory}/source`)]
      const facts = { sources: { [`${directory}/source`]: 'directory', [`${directory}/image`]: 'directory' } } as const
      await runContainer(directory, { script: 'true', mounts: [mounts[0]!], facts })
      const trap = bindMount('/proc/self/fd/0', `${directory}/source`)
      await expect(runContainer(directory, { script: 'true', mounts: [trap], facts })).rejects.toThrow(/ELOOP|ENOTDIR/)
    }))

  it('of the whole tmpfs kind can be read-only and still have what is mounted in it', async () => {
    const tmpfs = { destination: '/place', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'mode=755'] }
    const within = { destination: '/place/within', type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] }
    expect(await answer('touch /place/within/x; touch /place/x', { mounts: [tmpfs, within] })).toMatch(
      /Read-only file system \(exit 1\)$/,
    )
  })

  it('can show files as owned by others', () =>
    withTemporaryDirectory(async (directory) => {
      chmodSync(directory, 0o755)
      mkdirSync(`${directory}/source`)
      const mapped = spawn('unshare', ['-U', 'sleep', '60'], { stdio: 'ignore' })
      try {
        while (readlinkUser(mapped.pid!) === readlinkUser(process.pid)) await new Promise((next) => setTimeout(next, 5))
        writeFileSync(`/proc/${mapped.pid}/uid_map`, '0 4000 10\n')
        writeFileSync(`/proc/${mapped.pid}/gid_map`, '0 5000 10\n')
        const mounts = [bindMount('/data', `${directory}/source`, ['idmap'])]
        const facts = {
          sources: { [`${directory}/source`]: 'directory' as const },
          idmapNamespaces: { '/data': `/proc/${mapped.pid}/ns/user` },
        }
        const { output } = await runContainer(directory, { script: 'stat -c %u:%g /data', mounts, facts })
        expect(output).toBe('4000:5000\n')
      } finally {
        mapped.kill()
      }
    }))
})

function readlinkUser(pid: number): string {
  return readFileSync(`/proc/${pid}/uid_map`, 'utf8')
}

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
      const sleeper = await childOf(mapped.pid!)
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
    const uptime = await answer('cut -d. -f1 /proc/uptime', { linux: { ...time, timeOffsets } })
    expect(Number(uptime) - Number(readFileSync('/proc/uptime', 'utf8').split('.')[0])).toBeGreaterThan(863990)
  })

  it('are joined by their paths', async () => {
    const other = spawn('unshare', ['-u', '-n', '-i', '-p', '--fork', 'sh', '-c', 'hostname other; exec sleep 60'], {
      stdio: 'ignore',
    })
    try {
      const child = await childOf(other.pid!)
      const path = (name: string) => `/proc/${child}/ns/${name}`
      const namespaces = [
        { type: 'mount' },
        { type: 'uts', path: path('uts') },
        { type: 'network', path: path('net') },
        { type: 'ipc', path: path('ipc') },
        { type: 'pid', path: path('pid') },
      ] as const
      const output = await answer('hostname; tr "\\0" " " < /proc/1/cmdline; test $$ != 1', {
        linux: { namespaces },
        spec: { hostname: undefined },
      })
      expect(output).toBe('other\nsleep 60')
    } finally {
      process.kill(await childOf(other.pid!), 'SIGKILL')
    }
  })

  it('that the child is born in are not those of what the monitor executes afterwards', () =>
    withTemporaryDirectory(async (directory) => {
      const other = spawn('unshare', ['-p', '--fork', 'sleep', '60'], { stdio: 'ignore' })
      const sleeper = await childOf(other.pid!)
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
    const sleeper = await childOf(other.pid!)
    try {
      const namespaces = [{ type: 'mount', path: `/proc/${sleeper}/ns/mnt` }] as const
      const spec = { mounts: undefined, hostname: undefined }
      const linux = { namespaces, maskedPaths: [], readonlyPaths: [] }
      expect(await answer('ls /srv; pwd', { linux, spec, process: { cwd: '/srv' } })).toBe('there\n/srv')
    } finally {
      process.kill(sleeper, 'SIGKILL')
    }
  })

  it('of users can be joined while all others are new', async () => {
    const other = spawn('unshare', ['-U', '--fork', 'sleep', '60'], { stdio: 'ignore' })
    const sleeper = await childOf(other.pid!)
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

async function childOf(pid: number): Promise<number> {
  for (;;) {
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    if (child !== '' && readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'sleep') return Number(child)
    await new Promise((next) => setTimeout(next, 5))
  }
}
