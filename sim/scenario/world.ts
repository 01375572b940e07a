// What a scenario finds when it begins, on every kernel: process 1 ignores SIGCHLD and has mounted the usual file systems;
// everybody is in the cgroup /init of the unified hierarchy, whose root gives all its controllers to its children. There is
// a program /bin/puppet that may be executed.

import type { Syscall } from '../../core/syscall.ts'
import type { Config } from '../kernel.ts'
import type { Outcome } from '../outcome.ts'

const AT_FDCWD = -100
const [MS_NOSUID, MS_NODEV, MS_NOEXEC] = [2, 4, 8] as const

const controllersV1 = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'freezer', 'devices', 'blkio', 'hugetlb']

const mount = (source: string, target: string, type: string, flags: number, data: string | null = null): Syscall => ({
  name: 'mount',
  source,
  target,
  filesystemtype: type,
  mountflags: flags,
  data,
})

/**
 * Furnishes a new machine, or a new corner of a real one, by calls of its process 1. What a kernel does not have is left out.
 *
 * @param call - makes one call of process 1
 * @param withProgram - whether /bin/puppet is there
 */
export function furnish(cgroups: Config['cgroups'], call: (call: Syscall) => Outcome, withProgram = true): void {
  const works = (syscall: Syscall): boolean => !('errno' in call(syscall))
  // Where process 1 was made by somebody else, it is in a session of theirs.
  call({ name: 'setsid' })
  call({ name: 'sethostname', hostname: 'machine' })
  call({ name: 'setdomainname', domainname: '(none)' })
  const exists = (pathname: string) => works({ name: 'faccessat2', dirfd: AT_FDCWD, pathname, mode: 0, flags: 0 })
  call({ name: 'rt_sigaction', signum: 17, act: { handler: 1 }, oldact: 0, sigsetsize: 8 })
  if (!exists('/proc/self')) call(mount('proc', '/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC))
  if (!exists('/sys/kernel')) call(mount('sysfs', '/sys', 'sysfs', MS_NOSUID | MS_NODEV | MS_NOEXEC))
  if (withProgram && !exists('/bin/puppet')) program('/bin/puppet', call)
  if (cgroups === 'v2') unified('/sys/fs/cgroup', call)
  else legacy(cgroups, call)
}

/** Each controller of version 1 on a hierarchy of its own; hybrid has the unified one beside them. */
function legacy(cgroups: 'v1' | 'hybrid', call: (call: Syscall) => Outcome): void {
  const root = '/sys/fs/cgroup'
  if (!('errno' in call({ name: 'faccessat2', dirfd: AT_FDCWD, pathname: `${root}/memory`, mode: 0, flags: 0 }))) return
  call(mount('tmpfs', root, 'tmpfs', MS_NOSUID | MS_NODEV | MS_NOEXEC, 'mode=755'))
  for (const name of [...controllersV1, 'systemd']) {
    call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: `${root}/${name}`, mode: 0o755 })
    const data = name === 'systemd' ? 'none,name=systemd' : name
    const mounted = call(mount('cgroup', `${root}/${name}`, 'cgroup', MS_NOSUID | MS_NODEV | MS_NOEXEC, data))
    if ('errno' in mounted) call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: `${root}/${name}`, flags: 0x200 })
  }
  if (cgroups === 'v1') return
  call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: `${root}/unified`, mode: 0o755 })
  call(mount('cgroup2', `${root}/unified`, 'cgroup2', MS_NOSUID | MS_NODEV | MS_NOEXEC))
}

function unified(root: string, call: (call: Syscall) => Outcome): void {
  const works = (syscall: Syscall): boolean => !('errno' in call(syscall))
  if (!works({ name: 'faccessat2', dirfd: AT_FDCWD, pathname: `${root}/cgroup.procs`, mode: 0, flags: 0 }))
    call(mount('cgroup2', root, 'cgroup2', MS_NOSUID | MS_NODEV | MS_NOEXEC))
  // As any other cgroup's: of a corner of a real machine the root is one.
  call({ name: 'fchmodat', dirfd: AT_FDCWD, pathname: root, mode: 0o755 })
  call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: `${root}/init`, mode: 0o755 })
  write(`${root}/init/cgroup.procs`, '0', call)
  for (const controller of ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc'])
    write(`${root}/cgroup.subtree_control`, `+${controller}`, call)
}

function write(pathname: string, text: string, call: (call: Syscall) => Outcome): void {
  const opened = call({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: 1, mode: 0 })
  if ('errno' in opened) return
  call({ name: 'write', fd: opened.value, buf: text })
  call({ name: 'close', fd: opened.value })
}

/** A program that leaves its task to whoever plays it. */
function program(pathname: string, call: (call: Syscall) => Outcome): void {
  const opened = call({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0o101, mode: 0o755 })
  if ('errno' in opened) return
  call({ name: 'write', fd: opened.value, buf: '#!sim outside\n' })
  call({ name: 'close', fd: opened.value })
}
