// proc: what a process sees of others and of itself, and whom it hides. proc(5), catalogue 2.6 and appendix B

import { describe, expect, it } from 'vitest'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { become } from '../../support/sim-tasks.ts'

const AT_FDCWD = -100
const decoder = new TextDecoder()

function open(task: Task, pathname: string, flags = 0): number {
  return value(task, { name: 'openat', dirfd: AT_FDCWD, pathname, flags, mode: 0 })
}

function read(task: Task, pathname: string): string {
  const fd = open(task, pathname)
  const outcome = call(task, { name: 'read', fd, buf: 65536 })
  call(task, { name: 'close', fd })
  if (isDenied(outcome)) throw new Error(`${pathname}: ${outcome.errno}`)
  return decoder.decode(outcome.data)
}

const opened = (task: Task, pathname: string) =>
  errno(call(task, { name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0, mode: 0 }))

function readlink(task: Task, pathname: string): string | undefined {
  const outcome = call(task, { name: 'readlink', pathname, buf: 4096 })
  return isDenied(outcome) ? outcome.errno : decoder.decode(outcome.data!.subarray(0, outcome.value))
}

function write(task: Task, pathname: string, buf: string) {
  const fd = open(task, pathname, 1)
  const outcome = call(task, { name: 'write', fd, buf })
  call(task, { name: 'close', fd })
  return errno(outcome)
}

function names(task: Task, pathname: string): string[] {
  const fd = open(task, pathname, 0o200000)
  const outcome = call(task, { name: 'getdents64', fd, dirp: 65536 })
  if (isDenied(outcome)) throw new Error(outcome.sentence)
  const data = outcome.data!.subarray(0, outcome.value)
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const found: string[] = []
  for (let at = 0; at < data.length; at += view.getUint16(at + 16, true)) {
    const end = data.indexOf(0, at + 19)
    found.push(decoder.decode(data.subarray(at + 19, end)))
  }
  return found
}

const clone = (task: Task, flags: number): Task => {
  value(task, { name: 'clone', flags: flags | 17, stack: 0, parent_tid: 0, child_tid: 0, tls: 0 })
  return task.kernel.lastBorn!
}
const NEWPID = 0x20000000
const NEWNS = 0x20000
const field = (text: string, title: string) => new RegExp(`^${title}:\\t(.*)$`, 'm').exec(text)?.[1]

const mountProc = (task: Task, target: string, data: string | null = null) =>
  errno(call(task, { name: 'mount', source: 'proc', target, filesystemtype: 'proc', mountflags: 0, data }))

describe('proc', () => {
  it('PID-020: belongs to the pid namespace of the mounter, not to that of its children', () => {
    const { init } = boot()
    value(init, { name: 'unshare', flags: NEWPID })
    expect(mountProc(init, '/tmp')).toBeUndefined()
    expect(readlink(init, '/tmp/self')).toBe('1')
  })

  it('PID-021: has no self for who has no number in it', () => {
    const { init } = boot()
    const inner = clone(init, NEWPID | NEWNS)
    expect(mountProc(inner, '/tmp')).toBeUndefined()
    expect(readlink(inner, '/tmp/self')).toBe('1')
    const number = inner.entry.in(init.pidNamespace)!
    expect(readlink(init, `/proc/${number}/root/tmp/self`)).toBe('ENOENT')
  })

  it('PID-107: keeps showing the processes outside until a new one is mounted', () => {
    const { init } = boot()
    const inner = clone(init, NEWPID)
    expect(names(inner, '/proc')).toContain(String(inner.entry.in(init.pidNamespace)))
    expect(field(read(inner, '/proc/1/status'), 'Name')).toBe('init')
  })

  it('PID-002: lists numbers from the namespace of the instance inward', () => {
    const { init } = boot()
    const inner = clone(init, NEWPID)
    expect(field(read(init, `/proc/${inner.entry.in(init.pidNamespace)}/status`), 'NSpid')).toBe('2\t1')
  })

  it('PID-035: hidepid=noaccess refuses the content, hidepid=invisible hides the directory, gid= exempts', () => {
    const { init } = boot()
    const other = clone(init, NEWNS)
    expect(mountProc(init, '/tmp', 'hidepid=1')).toBeUndefined()
    expect(mountProc(init, '/home', 'hidepid=2,gid=77')).toBeUndefined()
    const user = clone(init, 0)
    become(user, { uid: 1000 })
    expect(opened(user, '/tmp/1/status')).toBe('EPERM')
    expect(errno(call(user, { name: 'access', pathname: '/tmp/1', mode: 0 }))).toBe('EPERM')
    expect(errno(call(user, { name: 'chdir', path: '/tmp/1' }))).toBe('EPERM')
    expect(opened(user, '/home/1/status')).toBe('ENOENT')
    expect(names(user, '/home')).not.toContain('1')
    become(user, { uid: 1000, groups: [77] })
    expect(opened(user, '/home/1/status')).toBeUndefined()
    expect(other.alive).toBe(true)
  })

  it('PID-108: links to places lead into the other mount namespace, for who may look into the process', () => {
    const { init } = boot()
    const other = clone(init, NEWNS)
    value(other, { name: 'mount', source: 't', target: '/tmp', filesystemtype: 'tmpfs', mountflags: 0, data: null })
    value(other, { name: 'mkdir', pathname: '/tmp/inside', mode: 0o755 })
    const number = other.entry.in(init.pidNamespace)!
    expect(opened(init, '/tmp/inside')).toBe('ENOENT')
    expect(opened(init, `/proc/${number}/root/tmp/inside`)).toBeUndefined()
    const user = clone(init, 0)
    become(user, { uid: 1000 })
    expect(opened(user, `/proc/${number}/root/tmp`)).toBe('EACCES')
  })

  it('PID-015: a zombie has state Z, no command line, and no links', () => {
    const { init } = boot()
    const child = clone(init, 0)
    const number = child.entry.in(init.pidNamespace)!
    child.kernel.call(child, { name: 'exit_group', status: 0 })
    expect(field(read(init, `/proc/${number}/status`), 'State')).toBe('Z (zombie)')
    expect(read(init, `/proc/${number}/cmdline`)).toBe('')
    expect(readlink(init, `/proc/${number}/exe`)).toBe('ENOENT')
    expect(readlink(init, `/proc/${number}/ns/net`)).toBe('ENOENT')
  })

  it('CLN-113: lists ten links in ns', () => {
    const { init } = boot()
    expect(names(init, '/proc/self/ns').slice(2).sort()).toEqual(
      ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'pid_for_children', 'time', 'time_for_children', 'user', 'uts'].sort(),
    )
    expect(readlink(init, '/proc/self/ns/uts')).toBe('uts:[4026531838]')
  })

  it('PID-038: oom_score_adj goes from -1000 to 1000, and down only with CAP_SYS_RESOURCE', () => {
    const { init } = boot()
    expect(write(init, '/proc/self/oom_score_adj', '1001')).toBe('EINVAL')
    expect(write(init, '/proc/self/oom_score_adj', '500')).toBeUndefined()
    const child = clone(init, 0)
    expect(read(child, '/proc/self/oom_score_adj')).toBe('500\n')
    become(child, { uid: 1000 })
    expect(write(child, '/proc/self/oom_score_adj', '499')).toBe('EACCES')
    expect(write(child, '/proc/self/oom_score_adj', '600')).toBeUndefined()
  })

  it('UTS-002, UTS-005: the host name is that of the reader, and is cut to 64 bytes', () => {
    const { init } = boot()
    const fd = open(init, '/proc/sys/kernel/hostname', 2)
    value(init, { name: 'unshare', flags: 0x04000000 })
    value(init, { name: 'sethostname', hostname: 'inner' })
    expect(decoder.decode((call(init, { name: 'read', fd, buf: 100 }) as { data: Uint8Array }).data)).toBe('inner\n')
    expect(write(init, '/proc/sys/kernel/hostname', `${'x'.repeat(80)}\n`)).toBeUndefined()
    expect(read(init, '/proc/sys/kernel/hostname')).toBe(`${'x'.repeat(64)}\n`)
  })

  it('PID-018, PID-019: ns_last_pid chooses the next number; pid_max is 301 at least', () => {
    const { init } = boot()
    expect(write(init, '/proc/sys/kernel/ns_last_pid', '4000')).toBeUndefined()
    expect(clone(init, 0).entry.in(init.pidNamespace)).toBe(4001)
    expect(write(init, '/proc/sys/kernel/pid_max', '300')).toBe('EINVAL')
  })

  it('CLN-041: limits of namespaces are those of the reader’s user namespace', () => {
    const { init } = boot()
    expect(write(init, '/proc/sys/user/max_uts_namespaces', '0')).toBeUndefined()
    expect(errno(call(init, { name: 'unshare', flags: 0x04000000 }))).toBe('ENOSPC')
  })

  it('tells the flags of descriptors, and whom a pidfd stands for', () => {
    const { init } = boot()
    const inner = clone(init, NEWPID)
    const pidfd = value(init, { name: 'pidfd_open', pid: inner.entry.in(init.pidNamespace)!, flags: 0 })
    const info = read(init, `/proc/self/fdinfo/${pidfd}`)
    expect(field(info, 'Pid')).toBe('2')
    expect(field(info, 'NSpid')).toBe('2\t1')
    expect(readlink(init, `/proc/self/fd/${pidfd}`)).toBe('anon_inode:[pidfd]')
  })

  it('says the same for mountinfo as for who is mounted', () => {
    const { init } = boot()
    const text = read(init, '/proc/self/mountinfo')
    expect(text).toMatch(/ \/proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n/)
    expect(text).toMatch(/ \/sys\/fs\/cgroup rw,/)
  })
})
