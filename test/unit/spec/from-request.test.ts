// What podman's flags mean in an OCI Spec.

import { describe, expect, it } from 'vitest'
import { defaultCapabilities } from '../../../core/spec/defaults.ts'
import type { ContainerRequest } from '../../../core/spec/request.ts'
import { validateSpec } from '../../../core/spec/validate.ts'
import { facts, specOf } from './facts-for-tests.ts'

const destinations = (...given: Parameters<typeof specOf>) => specOf(...given).mounts!.map((each) => each.destination)
const mountOn = (destination: string, ...given: Parameters<typeof specOf>) =>
  specOf(...given).mounts!.find((each) => each.destination === destination)
const namespaces = (...given: Parameters<typeof specOf>) =>
  Object.fromEntries(specOf(...given).linux!.namespaces!.map((each) => [each.type, each.path ?? 'new']))
const args = (...given: Parameters<typeof specOf>) => specOf(...given).process!.args
const refusal = (changes: Partial<ContainerRequest>, sentence: string) =>
  expect(() => specOf(changes)).toThrow(sentence)

describe('a container that nothing is said about', () => {
  it('has a valid spec', () => {
    expect(() => validateSpec(specOf())).not.toThrow()
  })

  it('has six namespaces of its own, and the user namespace of the caller', () => {
    expect(namespaces()).toEqual({ mount: 'new', pid: 'new', network: 'new', ipc: 'new', uts: 'new', cgroup: 'new' })
  })

  it("has podman's mounts, parents before what is below them", () => {
    expect(destinations()).toEqual([
      '/proc',
      '/dev',
      '/sys',
      '/dev/pts',
      '/dev/mqueue',
      '/dev/shm',
      '/etc/hosts',
      '/sys/fs/cgroup',
    ])
  })

  it('has eleven capabilities, 2048 processes, 64 MiB of shared memory, no rlimits and is named by its id', () => {
    const spec = specOf()
    expect(defaultCapabilities).toHaveLength(11)
    expect([...spec.process!.capabilities!.bounding!].sort()).toEqual([...defaultCapabilities].sort())
    expect(spec.linux!.resources!.pids).toEqual({ limit: 2048 })
    expect(mountOn('/dev/shm')!.options).toContain('size=67108864')
    expect(spec.process!.rlimits).toBeUndefined()
    expect(spec.hostname).toBe('0123456789ab')
    expect(spec.process!.env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TERM=xterm',
      'container=vitrine',
      'HOSTNAME=0123456789ab',
      'HOME=/root',
    ])
  })

  it('has no default for processes where the pids controller is missing', () => {
    expect(specOf({}, { facts: { pidsController: false } }).linux!.resources!.pids).toBeUndefined()
  })
})

describe('what is run', () => {
  const config = { Entrypoint: ['/entry', '-x'], Cmd: ['serve'] }
  it("is the image's entrypoint with its command", () => {
    expect(args({ command: [] }, { image: config })).toEqual(['/entry', '-x', 'serve'])
  })
  it("keeps the image's entrypoint when a command is given", () => {
    expect(args({ command: ['a', 'b'] }, { image: config })).toEqual(['/entry', '-x', 'a', 'b'])
  })
  it("drops the image's command with its entrypoint when an entrypoint is given", () => {
    expect(args({ command: [], entrypoint: ['/mine'] }, { image: config })).toEqual(['/mine'])
  })
  it('is the command alone when the entrypoint is emptied', () => {
    expect(args({ command: ['a'], entrypoint: [] }, { image: config })).toEqual(['a'])
  })
  it('must be said by somebody', () => {
    refusal({ command: [] }, 'no command: give one after the image, since the image names none')
  })
  it('runs below the init that --init binds in', () => {
    const given = [{ init: true }, { facts: { initPath: '/usr/lib/init' } }] as const
    expect(args(...given)).toEqual(['/run/vitrine-init', '--', 'true'])
    expect(mountOn('/run/vitrine-init', ...given)!.source).toBe('/usr/lib/init')
    refusal({ init: true }, '--init: there is no init program on this host')
  })
})

describe('the environment and the place', () => {
  it('the request wins over the image, the image over the defaults', () => {
    const env = specOf({ env: ['A=mine', 'B=2'] }, { image: { Env: ['A=image', 'PATH=/image', 'HOME=/h'] } }).process!
      .env
    expect(env).toContain('PATH=/image')
    expect(env).toContain('HOME=/h')
    expect(env).toContain('A=mine')
    expect(env!.filter((entry) => /^(A|PATH|HOME)=/.test(entry))).toHaveLength(3)
  })
  it('the working directory is the request’s, the image’s, or /', () => {
    expect(specOf().process!.cwd).toBe('/')
    expect(specOf({}, { image: { WorkingDir: '/srv' } }).process!.cwd).toBe('/srv')
    expect(specOf({ workingDirectory: '/a//b/' }, { image: { WorkingDir: '/srv' } }).process!.cwd).toBe('/a/b')
    refusal({ workingDirectory: 'rel' }, '--workdir=rel: must be an absolute path of the container')
  })
  it("the stop signal is the request's, the image's, or TERM", () => {
    const signal = (...given: Parameters<typeof specOf>) =>
      specOf(...given).annotations!['org.opencontainers.image.stopSignal']
    expect(signal()).toBe('SIGTERM')
    expect(signal({}, { image: { StopSignal: 'SIGWINCH' } })).toBe('SIGWINCH')
    expect(signal({ stopSignal: 2 }, { image: { StopSignal: 'SIGWINCH' } })).toBe('SIGINT')
  })
})

describe('capabilities', () => {
  const user = { uid: 1000, gid: 1000, additionalGids: [], home: '/' }
  const caps = (...given: Parameters<typeof specOf>) => specOf(...given).process!.capabilities!
  it('all are what the caller has', () => {
    expect(caps({ capAdd: ['all'] }).bounding).toHaveLength(facts.boundingCapabilities.length)
    expect(caps({ privileged: true }).effective).not.toContain('CAP_SYS_RESOURCE')
  })
  it('one that the caller lacks is refused', () => {
    refusal({ capAdd: ['CAP_SYS_RESOURCE'] }, '--cap-add=CAP_SYS_RESOURCE: cannot give what the caller does not have')
  })
  it('dropping all leaves what is added', () => {
    expect(caps({ capDrop: ['all'], capAdd: ['CAP_NET_RAW'] }).bounding).toEqual(['CAP_NET_RAW'])
  })
  it('adding all leaves out what is dropped', () => {
    expect(caps({ capAdd: ['all'], capDrop: ['CAP_KILL'] }).bounding).not.toContain('CAP_KILL')
  })
  it('adding and dropping the same is refused', () => {
    refusal({ capAdd: ['CAP_KILL'], capDrop: ['CAP_KILL'] }, '--cap-add=CAP_KILL and --cap-drop=CAP_KILL')
  })
  it('a user who is not root has none but those added, which are ambient', () => {
    expect(caps({}, { facts: { user } })).toMatchObject({ effective: [], permitted: [], ambient: [] })
    expect(caps({}, { facts: { user } }).bounding).toHaveLength(11)
    expect(caps({ capAdd: ['CAP_NET_ADMIN'] }, { facts: { user } })).toMatchObject({
      effective: ['CAP_NET_ADMIN'],
      ambient: ['CAP_NET_ADMIN'],
      inheritable: ['CAP_NET_ADMIN'],
    })
  })
})

describe('privileged', () => {
  const device = { path: '/dev/kmsg', type: 'c', major: 1, minor: 11 } as const
  const spec = specOf(
    { privileged: true },
    { facts: { hostDevices: [device], seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } } },
  )
  it('hides nothing, filters nothing and gives the devices of the host', () => {
    expect(spec.linux!.maskedPaths).toBeUndefined()
    expect(spec.linux!.readonlyPaths).toBeUndefined()
    expect(spec.linux!.seccomp).toBeUndefined()
    expect(spec.linux!.devices).toEqual([device])
    expect(spec.linux!.resources!.devices).toEqual([{ allow: true, access: 'rwm' }])
  })
  it('makes /sys and the cgroups writable', () => {
    expect(mountOn('/sys', { privileged: true })!.options).toContain('rw')
    expect(mountOn('/sys/fs/cgroup', { privileged: true })!.options).toContain('rw')
    expect(mountOn('/sys/fs/cgroup')!.options).toContain('ro')
  })
})

describe('security options', () => {
  const security = (changes: object) => ({ security: { ...base, ...changes } })
  const base = { seccomp: { kind: 'default' }, noNewPrivileges: false, mask: [], unmask: [] } as const
  const profile = { facts: { seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } } }
  it('the default profile is applied unless unconfined', () => {
    expect(specOf({}, profile).linux!.seccomp).toEqual({ defaultAction: 'SCMP_ACT_ERRNO' })
    expect(specOf(security({ seccomp: { kind: 'unconfined' } }), profile).linux!.seccomp).toBeUndefined()
  })
  it('mask adds and unmask takes away, by name or pattern', () => {
    const { maskedPaths, readonlyPaths } = specOf(security({ mask: ['/x'], unmask: ['/proc/kcore', '/proc/s*'] }))
      .linux!
    expect(maskedPaths).toContain('/x')
    expect(maskedPaths).toContain('/sys/firmware')
    expect(maskedPaths).not.toContain('/proc/kcore')
    expect(maskedPaths).not.toContain('/proc/scsi')
    expect(readonlyPaths).not.toContain('/proc/sys')
  })
  it('unmask=ALL shows everything', () => {
    expect(specOf(security({ unmask: ['ALL'] })).linux).not.toHaveProperty('maskedPaths')
  })
  it('an AppArmor profile that cannot be applied is refused', () => {
    refusal(security({ apparmor: 'web' }), '--security-opt=apparmor=web: AppArmor is not enabled on this host')
    expect(specOf(security({ apparmor: 'unconfined' })).process!.apparmorProfile).toBeUndefined()
    expect(specOf(security({ apparmor: 'web' }), { facts: { apparmor: true } }).process!.apparmorProfile).toBe('web')
  })
})

describe('namespaces', () => {
  it("of the host are not made, and the host's names and /dev/shm are shown", () => {
    const host = { kind: 'host' } as const
    const shared = { pid: host, ipc: host, uts: host, network: host, cgroupns: host }
    expect(namespaces(shared)).toEqual({ mount: 'new' })
    expect(specOf(shared).hostname).toBeUndefined()
    expect(mountOn('/dev/shm', shared)).toMatchObject({ type: 'bind', source: '/dev/shm' })
    expect(() => validateSpec(specOf(shared))).not.toThrow()
  })
  it('of another container are joined by the path that the engine found', () => {
    const pid = { kind: 'container', container: 'web' } as const
    expect(namespaces({ pid }, { facts: { joinedPaths: { pid: '/proc/7/ns/pid' } } }).pid).toBe('/proc/7/ns/pid')
    refusal({ pid }, 'container:web: is not running, its pid namespace is gone')
  })
  it('without any ipc have no /dev/shm', () => {
    expect(destinations({ ipc: { kind: 'none' } })).not.toContain('/dev/shm')
  })
  it("a user namespace of its own has its maps, and the host's /sys where the network is the host's", () => {
    const idMappings = { uid: [{ containerID: 0, hostID: 5, size: 1 }], gid: [{ containerID: 0, hostID: 5, size: 1 }] }
    const given = [
      { network: { kind: 'host' } },
      { facts: { newUserNamespace: true, idMappings, ttyGroupMapped: false } },
    ] as const
    const spec = specOf(...given)
    expect(spec.linux!.uidMappings).toEqual(idMappings.uid)
    expect(namespaces(...given).user).toBe('new')
    expect(mountOn('/sys', ...given)).toMatchObject({ type: 'bind', source: '/sys' })
    expect(mountOn('/dev/pts', ...given)!.options).not.toContain('gid=5')
  })
})

describe('volumes', () => {
  const bind = { kind: 'bind', source: '/src', destination: '/data/', options: [] } as const
  it('are recursive, private and writable unless they say otherwise', () => {
    expect(mountOn('/data', { volumes: [bind] })!.options).toEqual(['rbind', 'rprivate'])
    const other = { ...bind, options: ['ro', 'rslave', 'bind'] }
    expect(mountOn('/data', { volumes: [other] })!.options).toEqual(['ro', 'rslave', 'bind'])
  })
  it('replace a default mount', () => {
    const spec = specOf({ volumes: [{ ...bind, destination: '/dev/shm' }] })
    expect(spec.mounts!.filter((each) => each.destination === '/dev/shm')).toMatchObject([{ source: '/src' }])
  })
  it('come after the mounts that they lie in, whatever the order of the flags', () => {
    const list = destinations({
      volumes: [
        { ...bind, destination: '/a/b/c' },
        { ...bind, destination: '/a' },
      ],
    })
    expect(list.indexOf('/a')).toBeLessThan(list.indexOf('/a/b/c'))
  })
  it('of the image are unnamed volumes, unless something is mounted there', () => {
    const given = { image: { Volumes: { '/data': {}, '/cache': {} } }, facts: { volumePaths: { '/cache': '/v/1' } } }
    expect(mountOn('/cache', { volumes: [bind] }, given)!.source).toBe('/v/1')
  })
  it('twice on one destination are refused', () => {
    refusal({ volumes: [bind, { ...bind, destination: '/data/.' }] }, '-v: two mounts on /data')
  })
  it('named after nothing are refused', () => {
    refusal({ volumes: [{ ...bind, kind: 'named', source: 'constructor' }] }, '-v constructor: there is no volume')
    refusal({ volumes: [{ ...bind, kind: 'named', source: 'db' }] }, '-v db: there is no volume of that name')
  })
  it('a read-only root has writable /run, /tmp and /var/tmp, unless told not to', () => {
    expect(specOf({ readOnly: true }).root!.readonly).toBe(true)
    expect(destinations({ readOnly: true })).toEqual(expect.arrayContaining(['/run', '/tmp', '/var/tmp']))
    expect(destinations({ readOnly: true, readOnlyTmpfs: false })).not.toContain('/tmp')
  })
})

describe('devices', () => {
  const node = { path: '/dev/fuse', type: 'c', major: 10, minor: 229 } as const
  const device = { source: '/dev/fuse', destination: '/dev/mine', access: 'rw' }
  it('are made and allowed under the name asked for', () => {
    const { linux } = specOf({ devices: [device] }, { facts: { deviceNodes: { '/dev/fuse': [node] } } })
    expect(linux!.devices).toEqual([{ ...node, path: '/dev/mine' }])
    expect(linux!.resources!.devices).toContainEqual({ allow: true, type: 'c', major: 10, minor: 229, access: 'rw' })
    expect(linux!.resources!.devices![0]).toEqual({ allow: false, access: 'rwm' })
  })
  it('of a directory keep their names below it', () => {
    const deviceNodes = { '/dev/net': [{ ...node, path: '/dev/net/tun' }] }
    const { linux } = specOf(
      { devices: [{ ...device, source: '/dev/net', destination: '/dev/n' }] },
      { facts: { deviceNodes } },
    )
    expect(linux!.devices![0]!.path).toBe('/dev/n/tun')
  })
  it('that are not there are refused', () => {
    refusal({ devices: [device] }, '--device=/dev/fuse: no such device on the host')
  })
})

describe('what does not go together', () => {
  const port = { containerPort: 80, hostPort: 8081, protocol: 'tcp' } as const
  it.each<[string, Partial<ContainerRequest>]>([
    ['-p: there are no ports to publish with --network=host', { publish: [port], network: { kind: 'host' } }],
    ['-p: there are no ports to publish with --network=none', { publish: [port], network: { kind: 'none' } }],
    ['--hostname: needs a uts namespace of its own', { hostname: 'x', uts: { kind: 'host' } }],
    ['--replace: needs --name', { replace: true }],
    ['--name=a/b: a name is made of', { name: 'a/b' }],
    ['--init: must be PID 1', { init: true, pid: { kind: 'host' } }],
    ["--sysctl=vm.swappiness: is the whole host's", { sysctl: { 'vm.swappiness': '1' } }],
    [
      "--sysctl=net.core.somaxconn: is the host's",
      { sysctl: { 'net.core.somaxconn': '1' }, network: { kind: 'host' } },
    ],
    ["--sysctl=kernel.shmmax: is the host's", { sysctl: { 'kernel.shmmax': '1' }, ipc: { kind: 'host' } }],
  ])('%s', (sentence, changes) => refusal(changes, sentence))
})
