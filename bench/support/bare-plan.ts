// The plan that bench/native/bare.c has in C: six namespaces, a private root, proc, a small /dev, execve.

import type { LaunchPlan, Step } from '../../core/launch/plan.ts'
import type { Syscall } from '../../core/syscall.ts'

const CLONE_NEW = 0x20000 + 0x20000000 + 0x04000000 + 0x08000000 + 0x02000000 + 0x40000000
const nodes = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
] as const

export function barePlan(root: string, program: string): LaunchPlan {
  const child = (why: string, call: Syscall): Step => ({ in: 'child', why, call })
  const mount = (source: string | null, target: string, type: string | null, mountflags: number, data: string | null) =>
    child(`mount ${type ?? source} on ${target}`, {
      name: 'mount',
      source,
      target,
      filesystemtype: type,
      mountflags,
      data,
    })
  return {
    program,
    steps: [
      { in: 'parent', why: 'make the namespaces', call: { name: 'clone3', cl_args: { flags: CLONE_NEW } } },
      mount(null, '/', null, 0x44000, null),
      mount(root, root, null, 0x5000, null),
      child('enter the root', { name: 'chdir', path: root }),
      child('make it the root', { name: 'pivot_root', new_root: '.', put_old: '.' }),
      child('leave the host', { name: 'umount2', target: '.', flags: 2 }),
      mount('proc', '/proc', 'proc', 14, null),
      mount('tmpfs', '/dev', 'tmpfs', 2 + (1 << 24), 'mode=755,size=65536k'),
      ...nodes.map(([name, major, minor]) =>
        child(`make ${name}`, {
          name: 'mknodat',
          dirfd: -100,
          pathname: `/dev/${name}`,
          mode: 0o20666,
          dev: (major << 8) | minor,
        }),
      ),
      child('name it', { name: 'sethostname', hostname: 'bench' }),
      child('close at exec', { name: 'close_range', first: 3, last: 0xffffffff, flags: 4 }),
      child('execute', { name: 'execve', pathname: program, argv: [program], envp: ['PATH=/bin'] }),
    ],
  }
}
