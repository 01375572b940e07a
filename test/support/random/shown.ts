// How a random call is written down: without what every machine answers in its own way.

import type { Syscall } from '../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../sim/outcome.ts'
import { print } from '../../../sim/scenario/print.ts'
import type { OpenFile } from '../../../sim/vfs/file.ts'

/** What they write is time, chance, or the size of the machine. */
const writesOwn = new Set([
  ...['sysinfo', 'times', 'getrusage', 'gettimeofday', 'clock_gettime', 'clock_getres', 'getrandom', 'getitimer'],
  ...['timerfd_gettime', 'nanosleep', 'clock_nanosleep', 'listmount', 'statmount'],
])
/** So is their result. */
const answersOwn = new Set(['time', 'times', 'keyctl', 'set_tid_address', 'brk', 'listmount'])

/**
 * A call and its outcome in strace's words.
 *
 * @param file - what the call's descriptor stands for
 */
export function shown(call: Syscall, outcome: Outcome, file?: OpenFile): string {
  if (isDenied(outcome)) return print(call, outcome)
  if (call.name === 'getdents64' && file) return listing(call, outcome, file)
  // It counts by controller, and a machine has those of one hierarchy or the other.
  if (file?.path.dentry.name === 'cgroup.stat' && /^p?readv?(64|2)?$/.test(call.name))
    return print(call, { value: outcome.value }).replace(/= \d+$/, '= ?')
  const bare = writesOwn.has(call.name) || isForeignPort(call, outcome) ? { value: outcome.value } : outcome
  const text = print(call, bare)
  // Numbers of pipes and sockets are as long as the machine is old.
  if (/^readlink/.test(call.name) && /(:\[\d+\]|#\d+ \(deleted\))"/.test(text)) return text.replace(/= \d+$/, '= ?')
  // What is left of it. An alarm that is not set is told as such.
  if (call.name === 'alarm') return text.replace(/= [1-9]\d*$/, '= ?')
  if (answersOwn.has(call.name)) return text.replace(/= -?\d+$/, '= ?')
  if (call.name === 'uname') return text.replace(/(sysname|release|version|machine)="[^"]*", /g, '')
  // Files without a name are of file systems that count for the whole machine.
  if (/stx?_nlink=0/.test(text)) return text.replace(/stx?_ino=\d+, /, '')
  if (/^f?statfs$/.test(call.name)) return text.replace(/(f_b\w+|f_f\w+)=\d+, /g, '')
  return text
}

/** The root of proc lists what the machine has; so does sysfs. Numbers of their files are each kernel's, like those of cgroups. */
function listing(call: Syscall, outcome: { readonly value: number }, { path, inode }: OpenFile): string {
  const { type, root } = inode.superblock
  if (type === 'sysfs' || (type === 'proc' && path.dentry === root))
    return print(call, { value: outcome.value }).replace(/= \d+$/, '= ?')
  const text = print(call, outcome)
  return /^(tmpfs|overlay)$/.test(type) ? text : text.replace(/d_ino=\d+, /g, '')
}

/** A port that the kernel has chosen. */
function isForeignPort(call: Syscall, { data }: { readonly data?: Uint8Array }): boolean {
  return /^get(sock|peer)name$/.test(call.name) && data?.[0] === 2 && data.length >= 4 && data[2]! >= 128
}
