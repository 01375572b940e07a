// Calls of scenarios as data, and printed again: what is written comes back.

import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { translate } from '../../../sim/scenario/data.ts'
import { firstNames } from '../../../sim/scenario/names.ts'
import { written } from '../../../sim/scenario/output.ts'
import { print } from '../../../sim/scenario/print.ts'
import { type CallLine, parseScenario } from '../../../sim/scenario/scenario.ts'

function dataOf(text: string): Syscall {
  const line = parseScenario(`${text} = 0`).lines[0] as CallLine
  const translated = translate(line.name, line.args, firstNames())
  if ('unknown' in translated) throw new Error(translated.unknown)
  return translated.call
}

/** Calls whose text is the same on the way back. */
const same = [
  'unshare(CLONE_NEWNS|CLONE_NEWUTS)',
  'openat(AT_FDCWD, "/tmp/x", O_RDWR|O_CREAT|O_CLOEXEC, 0644)',
  'openat(3, "x", O_RDONLY|O_DIRECTORY)',
  'openat2(AT_FDCWD, "x", {flags=O_RDONLY, resolve=RESOLVE_BENEATH}, 24)',
  'mount("none", "/tmp/a", "tmpfs", MS_NOSUID|MS_NODEV, "size=1m")',
  'mount("/a", "/b", NULL, MS_BIND|MS_REC, NULL)',
  'umount2("/a", MNT_DETACH)',
  'mount_setattr(AT_FDCWD, "/a", AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY, propagation=MS_PRIVATE}, 32)',
  'clone3({flags=CLONE_NEWUSER|CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=4}, 88)',
  'kill(7, SIGTERM)',
  'write(1, "a\\n\\0\\33\\"", 5)',
  'sethostname("web", 3)',
  'setgroups(2, [4, 5])',
  'prctl(PR_SET_PDEATHSIG, SIGKILL)',
  'prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL)',
  'prctl(PR_SET_NAME, "web")',
  'rt_sigprocmask(SIG_BLOCK, [TERM CHLD], 0, 8)',
  'rt_sigaction(SIGTERM, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=SA_RESTART}, 0, 8)',
  'prlimit64(0, RLIMIT_NOFILE, {rlim_cur=5, rlim_max=RLIM64_INFINITY}, 0)',
  'mknodat(AT_FDCWD, "/x", S_IFCHR|0666, makedev(1, 3))',
  'execve("/bin/x", ["x", "y"], ["A=b"])',
  'ppoll([{fd=3, events=POLLIN}], 1, {tv_sec=1, tv_nsec=5}, 0, 8)',
  'unlinkat(AT_FDCWD, "/x", AT_REMOVEDIR)',
  'fcntl(3, F_SETFD, FD_CLOEXEC)',
  'fsconfig(3, FSCONFIG_SET_STRING, "source", "x", 0)',
]

describe('a call', () => {
  it.each(same)('%s is the same as data and back', (text) => {
    expect(`${print(dataOf(text), { value: 0 })}`).toBe(`${text} = 0`)
  })

  it.each(['munmap(0x7f0000, 4096)', 'shmdt(0x7f0000)'])('%s names the address that the kernel has given', (text) => {
    const names = firstNames()
    names.addresses.bind(0x7f0000n, 0x5000n)
    const line = parseScenario(`${text} = 0`).lines[0] as CallLine
    const translated = translate(line.name, line.args, names)
    expect(Object.values('unknown' in translated ? {} : translated.call).map(Number)).toContain(0x5000)
  })

  it('has operations on semaphores as bytes', () => {
    expect(dataOf('semop(0, [{sem_num=1, sem_op=-3, sem_flg=0x1000}], 1)')).toEqual({
      name: 'semop',
      semid: 0,
      sops: Uint8Array.of(1, 0, 0xfd, 0xff, 0, 0x10),
      nsops: 1,
    })
    expect(() => dataOf('msgsnd(0, [1], 0, 0)')).toThrow('cannot be written yet')
  })

  it('prints what it has read, or its errno with its sentence', () => {
    const call = dataOf('read(3, "", 100)')
    expect(print(call, { value: 2, data: Uint8Array.of(97, 10) })).toBe('read(3, "a\\n", 100) = 2')
    expect(print(call, { errno: 'EBADF', rule: '', sentence: '' })).toBe(
      'read(3, ..., 100) = -1 EBADF (Bad file descriptor)',
    )
    expect(print(call, undefined)).toBe('read(3, ..., 100 <unfinished ...>')
    const status = Uint8Array.of(9, 0, 0, 0)
    expect(print(dataOf('wait4(-1, NULL, WNOHANG, NULL)'), { value: 7, data: status })).toBe(
      'wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}], WNOHANG, 0) = 7',
    )
    const asked = dataOf('getsockopt(3, SOL_SOCKET, SO_PEERCRED, "\\0\\0", "\\2")')
    expect(written(asked, 0, Uint8Array.of(1, 0))).toMatchObject({ kind: 'string', bytes: Uint8Array.of(1, 0) })
    expect(print(dataOf('umask(077)'), { value: 18 })).toBe('umask(077) = 022')
  })

  it('has names of older kernels where the table has no entry of its own', () => {
    expect(dataOf('umount("/x")')).toEqual({ name: 'umount2', target: '/x', flags: 0 })
    expect(dataOf('waitpid(7, NULL, WNOHANG)')).toMatchObject({ name: 'wait4', pid: 7, options: 1 })
  })

  it('takes a handler of the program for any other address', () => {
    const handler = 'rt_sigaction(SIGTERM, {sa_handler=0x401000, sa_mask=[CHLD], sa_flags=SA_RESTORER, ...}, NULL, 8)'
    expect(dataOf(handler)).toMatchObject({ act: { handler: 2, mask: 1n << 16n } })
    expect(dataOf('rt_sigaction(SIGTERM, NULL, 0x7ffd, 8)')).toMatchObject({ act: null })
  })

  it('cannot be played when a name is not known, or a path left out', () => {
    expect(() => dataOf('unshare(CLONE_NEWNOTHING)')).toThrow('CLONE_NEWNOTHING')
    expect(() => dataOf('mkdir("/tmp/lon"..., 0755)')).toThrow('left out')
    expect(() => dataOf('frobnicate(1)')).toThrow('in no table')
  })
})

describe('numbers', () => {
  it('of processes and descriptors stand for what they are bound to, in arguments and in paths', () => {
    const names = firstNames()
    names.pids.bind(7n, 2n)
    names.files.numbers.bind(5n, 3n)
    const translated = (text: string) => {
      const line = parseScenario(`${text} = 0`).lines[0] as CallLine
      return translate(line.name, line.args, names)
    }
    expect(translated('kill(7, SIGTERM)')).toMatchObject({ call: { pid: 2 } })
    expect(translated('kill(-7, SIGTERM)')).toMatchObject({ call: { pid: -2 } })
    expect(translated('kill(-1, SIGTERM)')).toMatchObject({ call: { pid: -1 } })
    expect(translated('openat(AT_FDCWD, "/proc/7/ns/uts", O_RDONLY)')).toMatchObject({
      call: { pathname: '/proc/2/ns/uts', dirfd: -100 },
    })
    expect(translated('chdir("/proc/self/fd/5")')).toMatchObject({ call: { path: '/proc/self/fd/3' } })
    expect(translated('close(5)')).toMatchObject({ call: { fd: 3 } })
  })
})
