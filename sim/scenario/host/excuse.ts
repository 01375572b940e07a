// Which differences between a log and the simulated machine come from what the log's machine was, and say nothing of how the
// simulated kernel works. Such calls count as not modelled.

import type { Syscall } from '../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import type { Inode } from '../../vfs/inode.ts'
import type { Output } from '../data.ts'
import { numberIn } from '../number.ts'
import type { Expected } from '../scenario.ts'
import type { Value } from '../value.ts'
import type { HostFiles } from './files.ts'
import { pathsOf } from './paths.ts'

/** Numbers from here on stand for descriptors that this machine does not have. */
export const absentDescriptor = 1_000_000n

/** File systems of the kernel's own. Which files they have, and what is in these, depends on the machine. */
const ofKernels = /^(proc|sysfs|cgroup2?|debugfs|tracefs|securityfs|devtmpfs|devpts|mqueue|bpf|configfs|pstore)$/
/** Of these, what the calls of a log alone decide. */
const decided =
  /^(uid_map|gid_map|setgroups|oom_score_adj|cgroup\.procs|cgroup\.threads|hostname|uts|ipc|net|mnt|pid|user|time)$/

const descriptorsOf = (call: Syscall): number[] =>
  Object.entries(call).flatMap(([name, value]) =>
    typeof value === 'number' && /fd$|^(mqdes|s)$/.test(name) ? [value] : [],
  )

/** Why a call went otherwise than in the log without the simulated kernel having to do with it; undefined when it has. */
export function excuse(
  files: HostFiles,
  task: Task,
  call: Syscall,
  expected: Expected,
  outputs: readonly Output[],
  outcome: Outcome | undefined,
): string | undefined {
  if (descriptorsOf(call).some((fd) => fd >= absentDescriptor) || absentInPoll(call))
    return 'a descriptor comes from a call that is not modelled'
  const file = descriptorsOf(call).flatMap((fd) => task.files.get(fd)?.file ?? [])[0]
  const names = pathsOf(call).map(({ dirfd, path, follow }) => ({
    dirfd,
    path,
    inode: files.find(task, dirfd, path, follow),
  }))
  if (call.name === 'getdents64' && file) {
    if (ofKernels.test(file.inode.superblock.type))
      return `which files ${file.inode.superblock.type} has depends on the machine`
    if (files.settledOf(file.inode)) return 'which names are there is not all in the log'
  }
  if (
    file &&
    ofKernels.test(file.inode.superblock.type) &&
    !decided.test(file.path.dentry.name) &&
    reads.test(call.name)
  )
    return `what ${file.inode.superblock.type} tells depends on the machine`
  if (asks.test(call.name))
    for (const { dirfd, path, inode } of names) {
      const type = inode ? inode.superblock.type : typeAbove(files, task, dirfd, path)
      const name = path.slice(path.lastIndexOf('/') + 1)
      if (
        type !== undefined &&
        ofKernels.test(type) &&
        !decided.test(name) &&
        (inode === undefined || (expected.kind === 'errno' && expected.errno === 'ENOENT') || stats.test(call.name))
      )
        return `which files ${type} has, and whose they are, depends on the machine`
    }
  if (
    /^f?statfs$/.test(call.name) &&
    names
      .concat(file ? [{ dirfd: 0, path: '', inode: file.inode }] : [])
      .some(({ inode }) => inode && files.isHost(inode))
  )
    return 'which file systems that machine has mounted is not in the log'
  if (Object.values(call).some((word) => typeof word === 'string' && /\/fd\/1\d{6}(\/|$)/.test(word)))
    return 'a descriptor comes from a call that is not modelled'
  if (
    call.name === 'mount' &&
    (errnoOf(expected) === 'ENOENT' ||
      errnoOf(expected) === 'ENOTDIR' ||
      (outcome && isDenied(outcome) && outcome.errno === 'ENOENT'))
  )
    for (const { dirfd, path } of names) {
      const type = typeAbove(files, task, dirfd, path)
      if (type !== undefined && ofKernels.test(type)) return `which files ${type} has depends on the machine`
    }
  if (
    call.name === 'recvmsg' &&
    outcome === undefined &&
    outputs.some(({ written }) => mentions(written, 'AF_NETLINK'))
  )
    return 'into how many messages a long answer is cut depends on the kernel'
  if (call.name === 'capget' && expected.kind === 'value' && outputs.some(({ written }) => numberIn(written) === 0n))
    return 'a call here always has a place for its data'
  if (/^(futex|epoll_wait|epoll_pwait|poll|ppoll|select|pselect6)$/.test(call.name) && expected.kind === 'value')
    return 'who of several tasks came first is not in the log'
  if (
    /^recv/.test(call.name) &&
    task.namespaces.net === task.kernel.initial.net &&
    outputs.some(({ written }) => aboutDevices(written))
  )
    return 'which network devices that machine has is not in the log'
  if (call.name === 'wait4' && Number(call.options) & 1) return 'who of several tasks came first is not in the log'
  if (call.name === 'getsockname' && outputs.some(({ written }) => mentions(written, 'AF_UNIX')))
    return 'the kernel has chosen the name'
  if (call.name === 'connect' && expected.kind === 'value') return 'who listened there is not in the log'
  return undefined
}

const reads = /^(read|pread64|readv|lseek|fstat|newfstatat|statx|sendfile|mmap|ioctl|ioctl_int)$/
const asks =
  /^(open|openat|openat2|stat|lstat|newfstatat|statx|statfs|access|faccessat2?|readlink|readlinkat|l?getxattr|inotify_add_watch|truncate|utimensat|chmod|chown|f?chmodat2?|fchownat)$/
const stats = /^(stat|lstat|newfstatat|statx|statfs|readlink|readlinkat)$/

const errnoOf = (expected: Expected): string | undefined => (expected.kind === 'errno' ? expected.errno : undefined)

/** What rtnetlink(7) tells. */
function aboutDevices(value: Value): boolean {
  if (value.kind === 'struct') return value.fields.some((field) => aboutDevices(field.value))
  if (value.kind === 'list') return value.items.some(aboutDevices)
  return value.kind === 'raw' ? /RTM_NEW/.test(value.text) : value.kind === 'name' && value.name.startsWith('RTM_NEW')
}

function mentions(value: Value, name: string): boolean {
  if (value.kind === 'struct') return value.fields.some((field) => mentions(field.value, name))
  return value.kind === 'name' && value.name === name
}

const absentInPoll = (call: Syscall): boolean =>
  (call.name === 'poll' || call.name === 'ppoll') && call.fds.some(({ fd }) => fd >= absentDescriptor)

/** The file system where a path would be. */
function typeAbove(files: HostFiles, task: Task, dirfd: number, path: string): string | undefined {
  let at = path.startsWith('/') ? path : `./${path}`
  for (;;) {
    const cut = at.lastIndexOf('/')
    if (cut <= 0) return undefined
    at = at.slice(0, cut)
    const inode: Inode | undefined = files.find(task, dirfd, at, true)
    if (inode) return inode.superblock.type
  }
}
