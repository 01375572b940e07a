// What the planner says about a container, asked inside of real ones.

import { expect } from 'vitest'
import { answerOf, inside, newOf } from '../support/containers.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true, filesystems: ['overlay'] })

describe('a container', () => {
  it('has its own host name, is process 1, and stands in its working directory', async () => {
    expect(await answerOf('hostname; echo $$; pwd', { process: { cwd: '/srv/made/here' } })).toBe(
      'web\n1\n/srv/made/here',
    )
  })

  it('sees no mount but its own', async () => {
    const mounts = await answerOf('cut -d" " -f5 /proc/self/mountinfo')
    const fixed = mounts.split('\n').filter((path) => !/^\/(proc|sys)\/./.test(path))
    expect(fixed).toEqual(['/', '/proc', '/dev', '/dev/pts', '/dev/mqueue', '/dev/shm', '/sys'])
  })

  it('has the default devices and links', async () => {
    expect(
      await answerOf('cd /dev; stat -c "%n %F %t:%T %a" null zero full random urandom tty; readlink fd ptmx core'),
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
    expect(await answerOf('cat /proc/timer_list; ls -A /sys/firmware; echo 1 2>&1 > /proc/sys/kernel/panic')).toMatch(
      /Read-only file system \(exit 2\)$/,
    )
    expect(await answerOf('cat /proc/timer_list | wc -c; ls -A /sys/firmware | wc -l')).toBe('0\n0')
  })

  it('masks what a user names, file or directory, and what is absent not at all', async () => {
    const maskedPaths = ['/etc/hostname', '/etc/apt', '/no/such/path']
    expect(
      await answerOf('cat /etc/hostname | wc -c; ls /etc/apt | wc -l; test -e /no', { linux: { maskedPaths } }),
    ).toBe('0\n0 (exit 1)')
  })

  it('has the capabilities of the spec, and none in reach beyond them', async () => {
    const capabilities = { bounding: ['CAP_CHOWN', 'CAP_KILL'], permitted: ['CAP_KILL'], effective: ['CAP_KILL'] }
    expect(await answerOf('grep ^Cap /proc/self/status', { process: { capabilities } })).toBe(
      'CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\nCapBnd:\t0000000000000021\nCapAmb:\t0000000000000000',
    )
  })

  it('keeps capabilities over a change of user when they are ambient', async () => {
    const net = ['CAP_NET_BIND_SERVICE']
    const capabilities = { bounding: net, permitted: net, effective: net, inheritable: net, ambient: net }
    const user = { uid: 1000, gid: 1001, additionalGids: [7, 8], umask: 0o077 }
    expect(
      await answerOf('grep -E "^(Uid|Gid|Groups|CapEff|CapAmb|NoNewPrivs|Umask)" /proc/self/status', {
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
    expect(await answerOf('', { process: { args } })).toBe(`SigBlk:\t${nothing}\nSigIgn:\t${nothing}`)
    expect(await answerOf('ls /proc/1/fd')).toBe('0\n1\n2')
  })

  it('has a loopback interface that is up, and nothing else', async () => {
    expect(await answerOf('cat /sys/class/net/lo/flags; ls /sys/class/net | grep -v sit0')).toBe('0x9\nlo')
  })

  it('has its limits, its score for the out-of-memory killer, and its kernel parameters', async () => {
    const rlimits = [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }]
    expect(
      await answerOf('ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward', {
        process: { rlimits, oomScoreAdj: 321 },
        linux: { sysctl: { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '12345' } },
      }),
    ).toBe('64\n128\n321\n1')
  })

  it('cannot write to a read-only root, but to what is mounted on it', async () => {
    const spec = { root: { path: '/', readonly: true } }
    expect(await answerOf('touch /dev/shm/fine; touch /new', { spec })).toMatch(/Read-only file system \(exit 1\)$/)
  })

  it('sees each hierarchy of cgroup v1 as a directory of the list, when it is given such a view', async () => {
    const view = { version: 1, hierarchies: [{ name: 'cpu,cpuacct', directory: '/tmp' }] } as const
    const mounts = [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid'] }]
    const facts = { cgroup: { create: [], join: [], view } }
    const linux = newOf('pid', 'mount', 'uts', 'network')
    expect(await answerOf('cd /sys/fs/cgroup; ls; readlink cpu; touch x', { mounts, facts, linux })).toMatch(
      /^cpu\ncpu,cpuacct\ncpuacct\ncpu,cpuacct\n.*Read-only file system/,
    )
  })

  it('executes what PATH leads to, and says what it cannot find or cannot execute', async () => {
    const env = ['PATH=/nowhere:/etc/passwd:/usr/bin:/bin']
    expect(await answerOf('echo found', { process: { env } })).toBe('found')
    await expect(inside({ script: '', process: { args: ['no-such-program'], env } })).rejects.toThrow('ENOENT')
    const data = ['PATH=/etc:/usr/bin']
    await expect(inside({ script: '', process: { args: ['passwd-'], env: data } })).rejects.toThrow('EACCES')
  })
})
