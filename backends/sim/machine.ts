// A simulated machine that is on: its files as on a fresh server, the tools of one program, and that program as process 1.

import { makeDirectories, must, open, writeAll } from '../../core/files.ts'
import type { Kernel as Door } from '../../core/kernel.ts'
import { bootKernel } from '../../sim/boot.ts'
import { digest } from '../../sim/digest.ts'
import { type Config, defaultConfig, type Kernel } from '../../sim/kernel.ts'
import type { Component } from '../../sim/program.ts'
import { runUntil } from '../../sim/run.ts'
import type { Traced } from '../../sim/trace.ts'
import { openSimulated } from './kernel.ts'
import { birth, expectDone, listenerPath, vitrinePath } from './sessions.ts'

export type Machine = Kernel

/** 16 digits that stand for all that is on a machine: equal ones are the same machine. */
export const stateDigest = (machine: Machine): string => digest(machine)

/** One program that is many tools, by the name that it is called. */
export interface Box extends Component {
  readonly tools: readonly string[]
}

export interface MachineParts {
  readonly seed: number
  readonly box: Box
  /** Files of an OCI layout, by path: the images that it comes with. */
  readonly images: ReadonlyMap<string, Uint8Array>
  /** What runs other files of WebAssembly; absent: they are not executed. */
  readonly componentOf?: Config['componentOf']
  /** Told of each call of each task from the start. */
  readonly traced?: Traced
}

const AT_FDCWD = -100
/** O_WRONLY, O_CREAT, O_TRUNC */
const writing = 0o1101
/** What `--init` puts into containers, and process 1 of the machine. */
export const initPath = '/sbin/init'
/** What process 1 gets to make the machine ready, virtual. */
const bootNs = 1e9
/** Where the images lie that it comes with. */
export const imagesPath = '/usr/share/vitrine/images'

const texts: Readonly<Record<string, string>> = {
  '/etc/hostname': 'machine\n',
  '/etc/hosts': '127.0.0.1\tlocalhost\n127.0.1.1\tmachine\n::1\tlocalhost ip6-localhost ip6-loopback\n',
  '/etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
    'www-data:x:33:33:www-data:/var/www:/bin/false',
    'user:x:1000:1000::/home/user:/bin/sh',
    'nobody:x:65534:65534:nobody:/nonexistent:/bin/false',
    '',
  ].join('\n'),
  '/etc/group': ['root:x:0:', 'daemon:x:1:', 'www-data:x:33:', 'user:x:1000:', 'nogroup:x:65534:', ''].join('\n'),
  '/etc/os-release': 'ID=vitrine\nNAME="vitrine"\nPRETTY_NAME="simulated machine of vitrine"\n',
  '/etc/resolv.conf': '',
  '/etc/subuid': 'user:100000:65536\n',
  '/etc/subgid': 'user:100000:65536\n',
}

/** What it is like. */
export const machineConfig = ({ seed, box, componentOf, traced }: MachineParts): Config => ({
  ...defaultConfig,
  ...{ seed, components: [box] },
  ...(componentOf && { componentOf }),
  ...(traced && { traced }),
})

/** Switches it on. */
export function bootMachine(parts: MachineParts): Kernel {
  const { box, images } = parts
  const machine = bootKernel(machineConfig(parts))
  const runtime = birth(machine, machine.init)
  furnish(openSimulated(machine, runtime), box, images)
  machine.call(runtime, { name: 'exit_group', status: 0 })
  expectDone(machine, machine.init, { name: 'wait4', pid: -1, wstatus: 4, options: 0, rusage: 0 })
  expectDone(machine, machine.init, { name: 'execve', pathname: initPath, argv: [initPath], envp: [] })
  runUntil(machine, () => false, bootNs)
  return machine
}

function furnish(kernel: Door, box: Box, images: MachineParts['images']): void {
  const write = (path: string, content: Uint8Array | string, mode = 0o644) => {
    const fd = open(kernel, path, writing, mode)
    writeAll(kernel, fd, content, path)
    must(kernel.call({ name: 'close', fd }), 'close')
  }
  const link = (target: string, linkpath: string) =>
    must(kernel.call({ name: 'symlinkat', target, newdirfd: AT_FDCWD, linkpath }), `link ${linkpath}`)
  for (const path of ['/home/user', '/usr/bin', '/usr/sbin', '/var/lib', '/var/log', '/var/www', '/sbin', imagesPath])
    makeDirectories(kernel, path)
  const owner = { owner: 1000, group: 1000, flags: 0 }
  must(kernel.call({ name: 'fchownat', dirfd: AT_FDCWD, pathname: '/home/user', ...owner }), 'chown /home/user')
  for (const [path, text] of Object.entries(texts)) write(path, text)
  write('/bin/box', box.content, 0o755)
  for (const tool of box.tools) link('box', `/bin/${tool}`)
  link('../bin/init', initPath)
  for (const path of [vitrinePath, listenerPath]) write(path, '#!sim outside\n', 0o755)
  for (const [path, content] of images) {
    makeDirectories(kernel, `${imagesPath}/${path}`.replace(/\/[^/]*$/, ''))
    write(`${imagesPath}/${path}`, content)
  }
}
