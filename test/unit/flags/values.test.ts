// Values of flags: what is taken, and the sentence of what is not.

import { describe, expect, it } from 'vitest'
import { device, tmpfs, volume } from '../../../cli/flags/mount-values.ts'
import { addHost, ipcMode, nameServer, namespaceMode, networkMode, publish } from '../../../cli/flags/network-values.ts'
import * as values from '../../../cli/flags/values.ts'
import { UserError } from '../../../core/errors.ts'
import { signalNumber } from '../../../core/spec/names.ts'

/** A table of values with what they mean, and one of values with why they are refused. */
function rules<Value>(
  noun: string,
  read: (value: string) => Value,
  taken: readonly (readonly [string, Value])[],
  refused: readonly (readonly [string, string])[],
): void {
  describe(noun, () => {
    it.each(taken)('%s is taken', (value, meaning) => expect(read(value)).toEqual(meaning))
    it.each(refused)('%s is refused: %s', (value, sentence) => {
      expect(() => read(value)).toThrow(UserError)
      expect(() => read(value)).toThrow(sentence)
    })
  })
}

rules(
  'a size',
  (value) => values.sizeBytes('--memory', value),
  [
    ['512m', 512 * 1024 ** 2],
    ['1.5g', 1.5 * 1024 ** 3],
    ['64MiB', 64 * 1024 ** 2],
    ['64MB', 64 * 1024 ** 2],
    ['100b', 100],
    ['4096', 4096],
    ['2K', 2048],
    ['0', 0],
  ],
  [
    ['12x', '--memory=12x: not a size; give a number and, if you like, a unit: b, k, m, g or t'],
    ['-1', '--memory=-1: not a size'],
    ['', '--memory=: not a size'],
    ['m', 'not a size'],
    ['1e3', 'not a size'],
    ['99999999999g', 'too large'],
  ],
)

rules(
  'a number of CPUs',
  (value) => values.cpuCount('--cpus', value),
  [
    ['1.5', 1.5],
    ['2', 2],
    ['.5', 0.5],
    ['0', 0],
  ],
  [
    ['-1', '--cpus=-1: must not be negative'],
    ['many', '--cpus=many: not a number of CPUs such as 1.5'],
    ['1e3', 'not a number of CPUs'],
    ['Infinity', 'not a number of CPUs'],
  ],
)

rules(
  'a list of CPUs',
  (value) => values.cpuList('--cpuset-cpus', value),
  [
    ['0', '0'],
    ['0-3,5', '0-3,5'],
  ],
  [
    ['a', '--cpuset-cpus=a: not a list of numbers such as 0-3,5'],
    ['3-1', 'the range 3-1 runs backwards'],
    ['1,', 'not a list'],
  ],
)

rules(
  'a whole number',
  (value) => values.wholeNumber('--pids-limit', value, -1, 1000),
  [
    ['100', 100],
    ['-1', -1],
  ],
  [
    ['x', '--pids-limit=x: not a whole number'],
    ['1.5', 'not a whole number'],
    ['-2', 'must be at least -1'],
    ['1001', 'must be at most 1000'],
  ],
)

rules(
  'a duration',
  (value) => values.durationMilliseconds('--interval', value),
  [
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['10', 10_000],
    ['1.5s', 1500],
  ],
  [
    ['soon', '--interval=soon: not a duration such as 10s or 1h30m'],
    ['5s!', 'not a duration'],
  ],
)

rules(
  'a moment',
  (value) => values.momentMilliseconds('--since', value, 1_000_000_000_000),
  [
    ['10m', 1_000_000_000_000 - 600_000],
    ['1700000000', 1_700_000_000_000],
    ['2026-01-31T12:00:00Z', Date.UTC(2026, 0, 31, 12)],
    ['2026-01-31T12:00:00', Date.UTC(2026, 0, 31, 12)],
    ['2026-01-31T12:00:00+02:00', Date.UTC(2026, 0, 31, 10)],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
  ],
  [
    ['2026-13-01', 'not a date'],
    ['yesterday', 'not a duration'],
  ],
)

rules(
  'a umask',
  (value) => values.octalMode('--umask', value),
  [
    ['0022', 0o22],
    ['77', 0o77],
  ],
  [
    ['9', '--umask=9: not a mode of up to three octal digits such as 0022'],
    ['07777', 'not a mode'],
  ],
)

rules(
  'a ulimit',
  (value) => values.ulimit('--ulimit', value),
  [
    ['nofile=1024:2048', { type: 'RLIMIT_NOFILE', soft: 1024, hard: 2048 }],
    ['nproc=5', { type: 'RLIMIT_NPROC', soft: 5, hard: 5 }],
    ['core=-1', { type: 'RLIMIT_CORE', soft: 2 ** 64, hard: 2 ** 64 }],
    ['core=0:-1', { type: 'RLIMIT_CORE', soft: 0, hard: 2 ** 64 }],
  ],
  [
    ['foo=1', '--ulimit=foo=1: unknown limit "foo"; the limits are cpu, fsize,'],
    ['nofile=5:3', 'the soft limit must not be above the hard limit'],
    ['nofile=-1:3', 'the soft limit must not be above the hard limit'],
    ['nofile=x', 'give NAME=SOFT[:HARD], such as nofile=1024:2048'],
    ['nofile=-2', 'must not be negative'],
  ],
)

rules(
  'a published port',
  (value) => publish('-p', value),
  [
    ['8081:80', [{ hostPort: 8081, containerPort: 80, protocol: 'tcp' }]],
    ['80', [{ containerPort: 80, protocol: 'tcp' }]],
    ['80/udp', [{ containerPort: 80, protocol: 'udp' }]],
    [':80', [{ containerPort: 80, protocol: 'tcp' }]],
    ['::80', [{ containerPort: 80, protocol: 'tcp' }]],
    ['127.0.0.1:8080:80', [{ hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'tcp' }]],
    ['127.0.0.1::80', [{ hostIp: '127.0.0.1', containerPort: 80, protocol: 'tcp' }]],
    ['[::1]:8080:80/udp', [{ hostIp: '::1', hostPort: 8080, containerPort: 80, protocol: 'udp' }]],
    [
      '8081-8082:80-81',
      [
        { hostPort: 8081, containerPort: 80, protocol: 'tcp' },
        { hostPort: 8082, containerPort: 81, protocol: 'tcp' },
      ],
    ],
  ],
  [
    ['99999:80', "-p=99999:80: the host's port 99999 is not from 1 to 65535"],
    ['0:80', "the host's port 0 is not from 1 to 65535"],
    ['80:', "the container's port is missing"],
    ['a:80', 'the host\'s port "a" is not a number'],
    ['8081-8083:80-81', '3 ports of the host for 2 of the container'],
    ['82-81:81-82', "the host's ports 82-81 run backwards"],
    ['1.2.3.4:80', 'the host\'s port "1.2.3.4" is not a number'],
    ['1.2.3:80:80', '"1.2.3" is no IPv4 address'],
    ['::1:8080:80', 'an IPv6 address stands in brackets'],
    ['[x]:1:2', '"x" is no IPv6 address'],
    ['80/icmp', 'unknown protocol "icmp"; give tcp, udp or sctp'],
    ['', "the container's port is missing"],
  ],
)

rules(
  'a volume',
  (value) => volume('-v', value, '/home/me'),
  [
    ['/src:/dst', { kind: 'bind', source: '/src', destination: '/dst', options: [] }],
    ['/src:/dst:ro,rslave', { kind: 'bind', source: '/src', destination: '/dst', options: ['ro', 'rslave'] }],
    ['./src:/dst', { kind: 'bind', source: '/home/me/src', destination: '/dst', options: [] }],
    ['..:/dst', { kind: 'bind', source: '/home', destination: '/dst', options: [] }],
    ['db:/dst', { kind: 'named', source: 'db', destination: '/dst', options: [] }],
    ['/dst', { kind: 'anonymous', destination: '/dst', options: [] }],
    ['db:/dst:U,nocopy', { kind: 'named', source: 'db', destination: '/dst', options: ['U', 'nocopy'] }],
    ['/src:/dst:O', { kind: 'bind', source: '/src', destination: '/dst', options: ['O'] }],
    [
      '/s:/d:O,upperdir=/u,workdir=/w',
      { kind: 'bind', source: '/s', destination: '/d', options: ['O', 'upperdir=/u', 'workdir=/w'] },
    ],
    // Nothing is labelled on a host without SELinux, so nothing is to relabel.
    ['/src:/dst:ro,z', { kind: 'bind', source: '/src', destination: '/dst', options: ['ro'] }],
  ],
  [
    ['foo', '-v=foo: the container\'s path "foo" must be absolute'],
    ['/etc:rel', 'the container\'s path "rel" must be absolute'],
    ['/etc:/x:bogus', 'unknown option "bogus"'],
    ['/etc:/x:ro,rw', 'ro and rw exclude each other'],
    ['/etc:/x:rslave,private', 'rslave and private exclude each other'],
    ['/etc:/x:O,ro', 'O and ro exclude each other'],
    ['/etc:/x:O,U', 'O and U exclude each other'],
    ['/etc:/x:upperdir=/u', 'upperdir=/u is for an overlay'],
    ['/etc:/x:O,upperdir=/u', 'upperdir= and workdir=, each once, or neither'],
    ['/etc:/x:O,upperdir=u,workdir=/w', 'upperdir=u: must be an absolute path'],
    ['/etc:/x:nocopy', 'nocopy is for volumes'],
    ['db:/x:copy,nocopy', 'copy and nocopy exclude each other'],
    ['/etc:/x:idmap=uids=0', 'idmap=uids=0: "0" is not three numbers, as in 0-1000-1'],
    ['/etc:/x:idmap=users=0-1-1', 'give idmap, or idmap=uids=…;gids=…'],
    ['rel/x:/y', '"rel/x" is no name of a volume'],
    [':/y', 'the source is empty'],
    ['a:b:c:d', 'give [SOURCE:]DESTINATION[:OPTIONS]'],
  ],
)

rules(
  'a tmpfs',
  (value) => tmpfs('--tmpfs', value),
  [
    ['/tmp', { destination: '/tmp', options: [] }],
    ['/x:size=1m,ro,mode=1777', { destination: '/x', options: ['size=1m', 'ro', 'mode=1777'] }],
    ['/x:notmpcopyup', { destination: '/x', options: [] }],
  ],
  [
    ['x', 'the container\'s path "x" must be absolute'],
    ['/x:bogus', '--tmpfs=/x:bogus: unknown option "bogus"'],
    ['/x:size=much', 'unknown option "size=much"'],
    ['/x:tmpcopyup', "tmpcopyup is podman's"],
    ['/x:ro,rw', 'ro and rw exclude each other'],
  ],
)

rules(
  'a device',
  (value) => device('--device', value),
  [
    ['/dev/fuse', { source: '/dev/fuse', destination: '/dev/fuse', access: 'rwm' }],
    ['/dev/fuse:rw', { source: '/dev/fuse', destination: '/dev/fuse', access: 'rw' }],
    ['/dev/fuse:/dev/x', { source: '/dev/fuse', destination: '/dev/x', access: 'rwm' }],
    ['/dev/fuse:/dev/x:r', { source: '/dev/fuse', destination: '/dev/x', access: 'r' }],
  ],
  [
    ['fuse', 'the device must be an absolute path of the host'],
    ['/dev/null:x', 'the access "x" must be made of the letters r, w and m'],
    ['/dev/null:rr', 'the access "rr"'],
    ['/dev/null:/dev/y:q', 'the access "q"'],
    ['/dev/null:/dev/y:r:w', 'give SOURCE[:DESTINATION][:rwm]'],
  ],
)

const bad = 'give private, host, container:NAME or ns:/PATH'
rules(
  'a namespace',
  (value) => namespaceMode('--pid', value),
  [
    ['private', { kind: 'private' }],
    ['host', { kind: 'host' }],
    ['container:web', { kind: 'container', container: 'web' }],
    ['ns:/proc/7/ns/pid', { kind: 'path', path: '/proc/7/ns/pid' }],
  ],
  [
    ['bogus', `--pid=bogus: ${bad}`],
    ['container:', bad],
    ['ns:rel', bad],
  ],
)

describe('kinds of namespaces that only one has', () => {
  it('ipc has none and shareable', () => {
    expect(ipcMode('--ipc', 'none')).toEqual({ kind: 'none' })
    expect(ipcMode('--ipc', 'shareable')).toEqual({ kind: 'private' })
  })
  it('the network has none and bridge', () => {
    expect(networkMode('--network', 'none')).toEqual({ kind: 'none' })
    expect(networkMode('--network', 'bridge')).toEqual({ kind: 'bridge' })
    expect(networkMode('--network', 'host')).toEqual({ kind: 'host' })
    expect(() => networkMode('--network', 'web')).toThrow('--network=web: there is no network of that name')
    expect(() => networkMode('--network', 'slirp4netns:mtu=1')).toThrow("is podman's")
  })
})

rules(
  'a host for /etc/hosts',
  (value) => addHost('--add-host', value),
  [
    ['db:10.0.0.1', { host: 'db', address: '10.0.0.1' }],
    ['db:fd00::1', { host: 'db', address: 'fd00::1' }],
    ['db:[fd00::1]', { host: 'db', address: 'fd00::1' }],
  ],
  [
    ['x', '--add-host=x: give HOST:ADDRESS'],
    ['x:y', '"y" is no IP address'],
    ['a b:1.2.3.4', 'a host name has no spaces'],
  ],
)

rules('a name server', (value) => nameServer('--dns', value), [['1.1.1.1', '1.1.1.1']], [['x', 'not an IP address']])

rules(
  'a signal',
  signalNumber,
  [
    ['TERM', 15],
    ['SIGTERM', 15],
    ['sigterm', 15],
    ['9', 9],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['SYS', 31],
    ['STKFLT', 16],
  ],
  [
    ['FOO', 'unknown signal "FOO"'],
    ['0', 'unknown signal "0"'],
    ['65', 'unknown signal'],
    ['', 'unknown signal'],
    ['RTMIN+31', 'unknown signal'],
  ],
)
