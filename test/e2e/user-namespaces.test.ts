// --userns and its kin for root's containers: ids of their own, files that stay as they are. user_namespaces(7)

import { execFileSync } from 'node:child_process'
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect } from 'vitest'
import { leftFiles } from '../support/faults.ts'
import { archiveIn } from '../support/images.ts'
import { nativePath, programPath, skipUnless } from '../support/needs.ts'
import { needsContainers, openSession, waits } from '../support/session.ts'

const { describe, it } = skipUnless({
  ...needsContainers,
  release: '6.3',
  capabilities: ['SETFCAP', 'SYS_ADMIN'],
  namespaces: ['user'],
  programs: [...needsContainers.programs, 'busybox'],
})

interface Map {
  readonly first: number
  readonly count: number
}
/** The host's side of a map that begins with the container's 0. */
const mapOf = (text: string): Map => {
  const [inside, first, count] = text.trim().split(/\s+/).map(Number)
  expect(inside).toBe(0)
  return { first: first!, count: count! }
}
const overlap = (a: Map, b: Map) => a.first < b.first + b.count && b.first < a.first + a.count
const ownerOf = (path: string) => {
  const { uid, gid } = lstatSync(path)
  return `${uid}:${gid}`
}
/** All below a directory, with owner, mode and size. */
const listing = (directory: string) =>
  execFileSync('find', [directory, '-printf', '%p %U:%G %m %s %l\n'], { encoding: 'utf8' })

describe('a user namespace of root', () => {
  const session = openSession({ image: false })
  const { run, ok, field, remove, directory } = session
  const image = 'localhost/owners'
  const inside = (flags: readonly string[], script: string) =>
    ok(['run', '--rm', '--network=none', ...flags, image, 'sh', '-c', script])
  const waiting = async (name: string, ...flags: string[]) => {
    await ok(['run', '-d', '--name', name, '--network=none', ...flags, image, 'sh', '-c', waits])
    return Number(await field(name, '{{.State.Pid}}'))
  }
  const layers = () => join(directory, 'root/images/layers')

  beforeAll(async () => {
    const busybox = readFileSync(programPath('busybox')!)
    const applets = ['sh', 'id', 'ls', 'cat', 'touch', 'chown', 'stat', 'sleep', 'mkdir', 'mount', 'rm', 'echo', 'tty']
    const source = archiveIn(directory, 'owners', [
      [
        { path: 'bin', type: 'directory' },
        { path: 'bin/busybox', content: busybox, mode: 0o755 },
        ...applets.map((name) => ({ path: `bin/${name}`, type: 'symlink', link: 'busybox' }) as const),
        { path: 'tmp', type: 'directory', mode: 0o1777 },
        { path: 'etc', type: 'directory' },
        { path: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n' },
        { path: 'etc/group', content: 'root:x:0:\nweb:x:34:\n' },
        { path: 'etc/shadow', content: 'secret\n', mode: 0o600 },
        { path: 'srv', type: 'directory', uid: 33, gid: 34 },
        { path: 'srv/gone', content: 'below' },
        { path: 'srv/hidden', type: 'directory' },
        { path: 'srv/hidden/below', content: '' },
      ],
      [
        { path: 'srv/page', content: 'a page', uid: 33, gid: 34, mode: 0o640 },
        { path: 'srv/last', content: '', uid: 65534, gid: 65535 },
        { path: 'srv/as-root', content: readFileSync(nativePath('init')), mode: 0o4755 },
        { path: 'srv/.wh.gone', content: '' },
        { path: 'srv/hidden/.wh..wh..opq', content: '' },
        { path: 'srv/hidden/above', content: '' },
      ],
    ])
    await ok(['import', source, image])
  })

  it('has 65536 ids above all that others lend, and shows the image to them as it is', async () => {
    const script =
      'cat /proc/self/uid_map; id -u; stat -c "%u:%g %a" /etc/passwd /srv /srv/page /srv/last; cat /srv/page /etc/shadow'
    const [map, ...rest] = (await inside(['--userns=auto'], script)).split('\n')
    expect(mapOf(map!)).toEqual({ first: 1879048192, count: 65536 })
    expect(rest).toEqual(['0', '0:0 644', '33:34 755', '33:34 640', '65534:65535 644', 'a pagesecret'])
  })

  it('leaves the layers on disk as they are, whiteouts and opaque directories hold', async () => {
    const before = listing(layers())
    expect(
      await inside(['--userns=auto'], 'ls /srv /srv/hidden; chown 1:1 /srv/page; rm -r /srv/last; touch /etc/x'),
    ).toBe('/srv:\nas-root\nhidden\nlast\npage\n\n/srv/hidden:\nabove')
    expect(listing(layers())).toBe(before)
  })

  it('keeps what the container makes with the ids that it counts by', async () => {
    await waiting('made', '--userns=auto')
    await ok(['exec', 'made', 'sh', '-c', 'touch /new; mkdir /srv/dir; chown 33:34 /srv/dir; chown 5:6 /etc/passwd'])
    await ok(['exec', '--user=web', 'made', 'touch', '/srv/dir/of-web'])
    const upper = await field('made', '{{.GraphDriver.Data.UpperDir}}')
    const owners = ['new', 'srv/dir', 'srv/dir/of-web', 'etc/passwd'].map((path) => ownerOf(join(upper, path)))
    expect(owners).toEqual(['0:0', '33:34', '33:34', '5:6'])
    await remove('made')
  })

  it('is entered by exec, with the right ids and the rights of its root', async () => {
    const pid = await waiting('entered', '--userns=auto')
    const user = readlinkSync(`/proc/${pid}/ns/user`)
    expect(user).not.toBe(readlinkSync('/proc/self/ns/user'))
    const script = 'readlink /proc/self/ns/user; id -u; id -g'
    expect(
      await ok(['exec', 'entered', 'busybox', 'sh', '-c', `busybox ${script.replaceAll('; ', '; busybox ')}`]),
    ).toBe(`${user}\n0\n0`)
    expect(await ok(['exec', '-u', 'web', 'entered', 'id', '-u'])).toBe('33')
    expect(await ok(['top', 'entered', 'user', 'huser'])).toMatch(/\nroot +1879048192/)
    const { uid } = lstatSync(`/proc/${pid}`)
    expect(uid).toBeGreaterThanOrEqual(1879048192)
    await remove('entered')
  })

  it('is another for each container, and the layers are the same', async () => {
    const pids = [await waiting('one', '--userns=auto'), await waiting('two', '--userns=auto')]
    const maps = pids.map((pid) => mapOf(readFileSync(`/proc/${pid}/uid_map`, 'utf8')))
    expect(overlap(maps[0]!, maps[1]!)).toBe(false)
    const lower = await Promise.all(['one', 'two'].map((name) => field(name, '{{.GraphDriver.Data.LowerDir}}')))
    expect(lower[0]).toBe(lower[1])
    await remove('one')
    const third = mapOf(readFileSync(`/proc/${await waiting('three', '--userns=auto')}/uid_map`, 'utf8'))
    expect(third).toEqual(maps[0])
    await remove('two', 'three')
  })

  it('is the same after a stop, and of a container that joins it', async () => {
    const first = readFileSync(`/proc/${await waiting('again', '--userns=auto:size=2000')}/uid_map`, 'utf8')
    await ok(['exec', 'again', 'touch', '/kept'])
    await ok(['stop', '-t', '0', 'again'])
    await ok(['start', 'again'])
    const pid = Number(await field('again', '{{.State.Pid}}'))
    expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8')).toBe(first)
    expect(mapOf(first).count).toBe(2000)
    expect(await ok(['exec', 'again', 'stat', '-c', '%u', '/kept'])).toBe('0')
    const joined = await inside(['--userns=container:again'], 'cat /proc/self/uid_map; touch /x; stat -c %u /x /srv')
    expect(joined.split('\n').map((line) => line.trim())).toEqual([first.trim(), '0', '33'])
    const lists = [`0:${mapOf(first).first}:2000`]
    expect(JSON.parse(await field('again', '{{json .HostConfig.IDMappings}}'))).toEqual({
      UidMap: lists,
      GidMap: lists,
    })
    await remove('again')
  })

  it('has the ids that --uidmap and --gidmap say', async () => {
    const maps = 'cat /proc/self/uid_map /proc/self/gid_map'
    const lines = (text: string) => text.split('\n').map((line) => line.trim().replace(/\s+/g, ' '))
    expect(lines(await inside(['--uidmap=0:200000:100', '--uidmap=100:300000:5'], maps))).toEqual([
      ...['0 200000 100', '100 300000 5'],
      ...['0 200000 100', '100 300000 5'],
    ])
    expect(
      lines(await inside(['--uidmap=0:200000:100', '--gidmap=0:400000:50'], `${maps}; stat -c %u:%g /srv`)),
    ).toEqual(['0 200000 100', '0 400000 50', '33:34'])
    const forced = await inside(['--userns=auto:size=1000,uidmapping=0:5555:1,gidmapping=10:7777:1'], maps)
    expect(lines(forced).map((line) => line.replace(/ 18790\d+/, ' …'))).toEqual([
      ...['0 5555 1', '1 … 999'],
      ...['0 … 10', '10 7777 1', '11 … 989'],
    ])
  })

  it('lets set-user-ID programs, terminals and devices work', async () => {
    await ok([
      'run',
      '-d',
      '--name=suid',
      '--network=none',
      '--userns=auto',
      '-u=web',
      image,
      '/srv/as-root',
      '--',
      'sleep',
      '99',
    ])
    const status = readFileSync(`/proc/${await field('suid', '{{.State.Pid}}')}/status`, 'utf8')
    expect(
      /^Uid:\s+(.*)$/m
        .exec(status)![1]!
        .split('\t')
        .map((id) => Number(id) - 1879048192),
    ).toEqual([33, 0, 0, 0])
    await remove('suid')
    expect(
      await inside(['--userns=auto', '-t'], 'tty; stat -c %g $(tty)').then((text) => text.replaceAll('\r', '')),
    ).toBe('/dev/pts/0\n5')
    expect(
      await inside(['--userns=auto'], 'echo lost >/dev/null && echo out >/dev/stdout && stat -c %t:%T /dev/zero'),
    ).toBe('out\n1:5')
  })

  it('gives its root no rights over the host, not even with all capabilities', async () => {
    const flags = ['--userns=auto', '--privileged']
    writeFileSync(join(directory, 'secret'), 'secret', { mode: 0o600 })
    const script = 'cat /host/secret 2>&1; mount -t tmpfs own /tmp && echo mounted; echo 1 >/proc/sys/vm/swappiness'
    const { stdout, stderr } = await run([
      'run',
      '--rm',
      '--network=none',
      ...flags,
      '-v',
      `${directory}:/host`,
      image,
      'sh',
      '-c',
      script,
    ])
    expect(stdout).toMatch(/^cat: can't open '\/host\/secret': Permission denied\nmounted\n$/)
    expect(stderr).toMatch(/swappiness: (Permission denied|Read-only file system)/)
  })

  it('joins the other namespaces of a container that has another, and those of the host', async () => {
    const pid = await waiting('other', '--userns=auto')
    const kinds = ['net', 'ipc', 'uts', 'pid']
    const script = kinds.map((kind) => `busybox readlink /proc/self/ns/${kind}`).join('; ')
    const flags = [
      '--network=container:other',
      '--ipc=container:other',
      '--uts=container:other',
      '--pid=container:other',
    ]
    const joined = await ok(['run', '--rm', '--userns=auto', ...flags, image, 'busybox', 'sh', '-c', script])
    expect(joined.split('\n')).toEqual(kinds.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`)))
    const host = ['--network=host', '--ipc=host', '--uts=host', '--pid=host', '--cgroupns=host']
    const own = await ok(['run', '--rm', '--userns=auto', ...host, image, 'busybox', 'sh', '-c', script])
    expect(own.split('\n')).toEqual(kinds.map((kind) => readlinkSync(`/proc/self/ns/${kind}`)))
    await remove('other')
  })

  it('shows volumes with the ids of the host, or with idmap as they are on disk', async () => {
    const shared = join(directory, 'shared')
    mkdirSync(shared)
    writeFileSync(join(shared, 'of-web'), '')
    chownSync(join(shared, 'of-web'), 33, 34)
    const stat = 'stat -c %u:%g /data/of-web; touch /data/new'
    expect(
      (await run(['run', '--rm', '--network=none', '--userns=auto', '-v', `${shared}:/data`, image, 'sh', '-c', stat]))
        .stdout,
    ).toBe('65534:65534\n')
    expect(await inside(['--userns=auto', '-v', `${shared}:/data:idmap`], stat)).toBe('33:34')
    expect(ownerOf(join(shared, 'new'))).toBe('0:0')
    const lists = 'idmap=uids=@33-7-1#@0-0-1;gids=@34-8-1#@0-0-1'
    expect(await inside(['--userns=auto', '-v', `${shared}:/data:${lists}`], stat)).toBe('7:8')
    expect(await inside(['-v', `${shared}:/data:idmap=uids=33-44-1;gids=34-55-1`], 'stat -c %u:%g /data/of-web')).toBe(
      '44:55',
    )
  })

  it('fills a new volume with what the image has, for its own users or with idmap for all', async () => {
    const volume = (name: string) => join(directory, 'root/volumes', name, '_data')
    expect(
      await inside(
        ['--userns=auto', '-v', 'own:/srv', '-v', 'all:/srv2:idmap'],
        'stat -c %u:%g /srv/page; touch /srv2/x',
      ),
    ).toBe('33:34')
    expect(ownerOf(join(volume('own'), 'page'))).toBe('1879048225:1879048226')
    expect(ownerOf(join(volume('all'), 'x'))).toBe('0:0')
    const pid = await waiting('taken', '--userns=auto')
    expect(await inside(['--userns=auto', '-v', 'filled:/srv:idmap'], 'stat -c %u:%g /srv/page /srv')).toBe(
      '33:34\n33:34',
    )
    expect(await inside(['-v', 'filled:/srv'], 'stat -c %u:%g /srv/page')).toBe('33:34')
    expect(pid).toBeGreaterThan(0)
    await remove('taken')
  })

  it.each([
    [['--userns=private'], /--userns=private: root has no subordinate ids of its own; give --uidmap/],
    [['--userns=keep-id'], /--userns=keep-id: is for users other than root/],
    [['--userns=nomap'], /--userns=nomap: is podman's/],
    [['--userns=auto', '--uidmap=0:1:1'], /--uidmap: says which ids .* and --userns=auto says otherwise/],
    [['--uidmap=1:200000:9'], /--uidmap: the container's id 0 must be mapped/],
    [['--uidmap=0:200000:9', '--user=33'], /--user: user 33: its user namespace has no such id/],
    [['--subuidname=nobody-here'], /--subuidname=nobody-here: \/etc\/subuid lends no ids to nobody-here/],
    [['--subgidname=nobody-here'], /nobody-here: \/etc\/sub[ug]id lends no ids to nobody-here/],
    [['--userns=auto:size=300000000'], /--userns=auto: no 300000000 uids in a row are free/],
    [['-v', '/usr:/data:idmap'], /:\/data:idmap: the container's users are those of the host/],
    [['--userns=auto', '-v', '/sys:/data:idmap'], /the file system sysfs cannot show files as owned by others/],
  ])('is refused with a reason: %j', async (flags, sentence) => {
    const { code, stderr } = await run(['run', '--rm', '--network=none', ...flags, image, 'true'])
    expect(stderr).toMatch(sentence)
    expect(stderr).toMatch(/^vitrine: [^\n]+\n$/)
    expect(code).toBe(125)
  })

  it('is refused on a file system that cannot show other owners, which is named, and nothing is left', async () => {
    const { code, stderr } = await run(['run', '--network=none', '--userns=auto', '--rootfs', '/sys', 'true'])
    expect(stderr).toMatch(
      /^vitrine: show the files of \/sys as owned .*: EINVAL .*: the file system sysfs cannot show/,
    )
    expect(code).toBe(125)
    expect(readdirSync(join(directory, 'root/containers'))).toEqual([])
    expect(leftFiles(directory).filter((path) => !path.startsWith('root/volumes'))).toEqual([])
  })

  it('prints its plan without making anything', async () => {
    const plan = await ok(['run', '--dry-run', '--userns=auto', image, 'true'])
    expect(plan).toMatch(
      /^# for the container: HOLDER is a process in a new user namespace \(CLONE_NEWUSER\) with uid_map 0 1879048192 65536, gid_map 0 1879048192 65536\n/,
    )
    expect(plan).toMatch(/openat\(AT_FDCWD, "\/proc\/HOLDER\/ns\/user"/)
    expect(plan).toMatch(/MOUNT_ATTR_IDMAP[^\n]*\n[^\n]*\n[^\n]*MOVE_MOUNT/)
    expect(await ok(['ps', '-aq'])).toBe('')
  })
})
