// A simulated machine that is on: its files as on a fresh server, the tools of one program, and the task of each command.

import { makeDirectories, must, open, writeAll } from '../../core/files.ts'
import type { Kernel as Door } from '../../core/kernel.ts'
import type { Syscall } from '../../core/syscall.ts'
import { bootKernel } from '../../sim/boot.ts'
import { digest } from '../../sim/digest.ts'
import type { Kernel } from '../../sim/kernel.ts'
import { isDenied } from '../../sim/outcome.ts'
import type { Component } from '../../sim/program.ts'
import type { Task } from '../../sim/task.ts'
import { openSimulated } from './kernel.ts'

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
}

const [AT_FDCWD, SIGCHLD, SIG_DFL, SIG_IGN] = [-100, 17, 0, 1] as const
const onChild = { name: 'rt_sigaction', signum: SIGCHLD, oldact: 0, sigsetsize: 8 } as const
/** O_WRONLY, O_CREAT, O_TRUNC */
const writing = 0o1101
/** Where the engine is; what executes it is driven from outside. */
export const vitrinePath = '/usr/bin/vitrine'
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

/** Switches it on. */
export function bootMachine({ seed, box, images }: MachineParts): Kernel {
  const machine = bootKernel({ seed, components: [box] })
  // What nobody waits for is reaped.
  expectDone(machine, { ...onChild, act: { handler: SIG_IGN } })
  const runtime = birth(machine)
  furnish(openSimulated(machine, runtime), box, images)
  machine.call(runtime, { name: 'exit_group', status: 0 })
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
  write(vitrinePath, '#!sim outside\n', 0o755)
  for (const [path, content] of images) {
    makeDirectories(kernel, `${imagesPath}/${path}`.replace(/\/[^/]*$/, ''))
    write(`${imagesPath}/${path}`, content)
  }
}

/** The task of a command: a child of process 1 that has executed the engine. */
export function beginTask(
  machine: Kernel,
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): Task {
  const task = birth(machine)
  const envp = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const executed = machine.call(task, { name: 'execve', pathname: vitrinePath, argv: ['vitrine', ...words], envp })
  if (!executed || isDenied(executed)) throw new Error(`execute ${vitrinePath}: ${executed?.errno}`)
  expectDone(machine, { name: 'chdir', path: '/root' }, task)
  return task
}

function birth(machine: Kernel): Task {
  expectDone(machine, { name: 'clone3', cl_args: { flags: 0, exit_signal: SIGCHLD } })
  const task = machine.lastBorn!
  expectDone(machine, { ...onChild, act: { handler: SIG_DFL } }, task)
  return task
}

function expectDone(machine: Kernel, call: Syscall, task = machine.init): void {
  const outcome = machine.call(task, call)
  if (!outcome || isDenied(outcome)) throw new Error(`${call.name}: ${outcome?.errno}`)
}
