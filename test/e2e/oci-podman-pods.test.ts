// podman's pods, Deployments, published ports and lent ids, with vitrine-oci as the runtime, in a network and mount namespace of the test.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, expect } from 'vitest'
import { needsOci } from '../support/bundle.ts'
import { programPath, skipUnless } from '../support/needs.ts'
import { openPodman } from '../support/podman.ts'
import { until } from '../support/session.ts'

const needs = needsOci('podman', 'conmon', 'catatonit', 'nsenter', 'unshare')
const { describe, it } = skipUnless(needs)
/** podman 4.3 gives the cgroup of a pod a filter on v2 that refuses every device, whichever runtime it calls. */
const pods = skipUnless({ ...needs, cgroupV1: true })
const bridged = skipUnless({
  ...needsOci('podman', 'conmon', 'iptables', 'curl'),
  links: ['veth', 'bridge'],
  nftables: true,
})

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app: shop}}
spec:
  replicas: 1
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: page
        image: localhost/box:latest
        command: ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"]
        resources: {limits: {memory: 64Mi}}
`

describe('podman with vitrine-oci, in namespaces of its own', () => {
  let holder: ChildProcess
  const { directory, podman, ok } = openPodman({
    ended: () => void holder?.kill('SIGKILL'),
    within: () => ['nsenter', '-t', String(holder.pid), '-n', '-m', '--'],
    configuration: (place) => {
      const init = programPath('catatonit') ?? ''
      return [
        `init_path = "${init}"`,
        '[engine]',
        `helper_binaries_dir = ["${dirname(init)}", "/usr/libexec/podman", "/usr/lib/podman"]`,
        '[network]',
        'network_backend = "cni"',
        'cni_plugin_dirs = ["/usr/lib/cni"]',
        `network_config_dir = "${place}/networks"`,
        '',
      ].join('\n')
    },
  })
  beforeAll(async () => {
    // The name that --userns=auto looks for has ids there, and plugins of CNI remember addresses below /var/lib.
    const script = [
      'set -e',
      'mount --bind "$0" /etc/subuid',
      'mount --bind "$0" /etc/subgid',
      'mount -t tmpfs none /var/lib',
      'ip link set lo up',
      'echo up',
      'exec sleep 600',
    ].join('; ')
    const lent = join(directory(), 'lent')
    writeFileSync(lent, 'containers:2000000:1000000\n')
    holder = spawn('unshare', ['-n', '-m', 'sh', '-c', script, lent], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => holder.stdout!.once('data', resolve))
    const context = join(directory(), 'context')
    mkdirSync(context)
    copyFileSync(programPath('busybox')!, join(context, 'busybox'))
    const box = (...words: string[]) => `RUN ["/bin/busybox", ${words.map((word) => `"${word}"`).join(', ')}]`
    const steps = [
      'FROM scratch',
      'COPY busybox /bin/busybox',
      box('--install', '-s', '/bin'),
      box('mkdir', '-p', '/www', '/tmp', '/etc'),
      box('sh', '-c', 'echo page >/www/index.html'),
    ]
    writeFileSync(join(context, 'Containerfile'), steps.join('\n'))
    ok('build', '-q', '--network=none', '-t', 'box', context)
  }, 60_000)
  const inside = (...words: string[]) => ['nsenter', '-t', String(holder.pid), '-n', '--', ...words]

  it('--init puts its own program before the one of the container', () => {
    const listed = ok('run', '--rm', '--init', '--network=none', 'box', 'ps', '-o', 'pid,comm')
    expect(listed.split('\n').map((line) => line.trim())).toEqual(['PID   COMMAND', '1 podman-init', '2 ps'])
  })

  it('update changes the limits of one that runs', () => {
    ok('run', '-d', '--name=changing', '--network=none', '--memory=32m', 'box', 'sleep', '1000')
    ok('update', '--memory=64m', '--memory-swap=64m', 'changing')
    const files = ['memory.max', 'memory/memory.limit_in_bytes'].map((name) => `/sys/fs/cgroup/${name}`).join(' ')
    expect(podman('exec', 'changing', 'sh', '-c', `cat ${files} 2>/dev/null`).stdout).toBe('67108864\n')
    ok('rm', '-f', '-t', '0', 'changing')
  })

  pods.it('containers of a pod share what its infra container holds', () => {
    ok('pod', 'create', '--name=group', '--network=none')
    ok('run', '-d', '--pod=group', '--name=first', 'box', 'sleep', '1000')
    const script = 'for kind in net ipc uts; do readlink /proc/self/ns/$kind; done'
    const links = (name: string) => ok('exec', name, 'sh', '-c', script)
    ok('run', '-d', '--pod=group', '--name=second', 'box', 'sleep', '1000')
    expect(links('first')).toBe(links('second'))
    expect(ok('pod', 'ps', '--format', '{{.Status}} {{.NumberOfContainers}}')).toBe('Running 3')
    ok('pod', 'rm', '-f', '-t', '0', 'group')
  })

  pods.it('play kube makes a small Deployment, and takes it down', () => {
    const file = join(directory(), 'shop.yaml')
    writeFileSync(file, deployment)
    ok('play', 'kube', '--network=none', file)
    expect(ok('ps', '--filter', 'name=shop', '--format', '{{.Names}} {{.State}}')).toMatch(/shop-pod-0-page Up/)
    const page = ok('exec', 'shop-pod-0-page', 'sh', '-c', 'wget -q -O - http://127.0.0.1/')
    expect(page).toBe('page')
    expect(ok('inspect', '--format', '{{.HostConfig.Memory}}', 'shop-pod-0-page')).toBe('67108864')
    ok('play', 'kube', '--down', file)
    expect(ok('ps', '-aq')).toBe('')
  })

  bridged.it('-p publishes a port of a container on a bridge', async () => {
    ok('run', '-d', '--name=web', '-p', '127.0.0.1:8090:80', 'box', 'httpd', '-f', '-p', '80', '-h', '/www')
    const answer = () => spawnInside('curl', '-s', '--max-time', '3', 'http://127.0.0.1:8090/')
    await until('the web server answers', () => answer() === 'page\n')
    expect(ok('port', 'web')).toBe('80/tcp -> 127.0.0.1:8090')
    ok('rm', '-f', '-t', '0', 'web')
  })

  it('--userns=auto lends ids that no other container has', () => {
    const map = () => ok('run', '--rm', '--userns=auto:size=1024', '--network=none', 'box', 'cat', '/proc/self/uid_map')
    expect(map().split(/\s+/)).toEqual(['0', expect.stringMatching(/^2\d{6}$/), '1024'])
  })

  const spawnInside = (...words: string[]): string => {
    const [program, ...argv] = inside(...words) as [string, ...string[]]
    return spawnSync(program, argv, { encoding: 'utf8' }).stdout
  }
})
