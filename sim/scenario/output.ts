// What a call has written into its output arguments, as values that strace would show. asm/stat.h, linux/stat.h, wait(2)

import { receivedMessage } from '../../core/message.ts'
import type { Syscall } from '../../core/syscall.ts'
import { maskOf, membersOf } from '../cpu/mask.ts'
import { addressValue } from './addresses.ts'
import { choiceName, type FamilyName, flagNames, signalName } from './constants.ts'
import { deviceAnswer } from './devices.ts'
import { messageValue, optionValue } from './messages.ts'
import { nameOfBytes } from './number.ts'
import type { Field, Value } from './value.ts'

const number = (value: number | bigint): Value => ({ kind: 'number', number: BigInt(value) })
const name = (text: string): Value => ({ kind: 'name', name: text })
const text = (value: string): Value => ({ kind: 'string', bytes: new TextEncoder().encode(value), cut: false })
const list = (items: readonly Value[]): Value => ({ kind: 'list', items, others: false, open: false })
const struct = (fields: readonly Field[], open = false): Value => ({ kind: 'struct', fields, open })
const record = (fields: Readonly<Record<string, Value>>, open = false): Value =>
  struct(
    Object.entries(fields).map(([field, value]) => ({ name: field, value })),
    open,
  )

/** Names joined by bars, or one name. */
function names(words: string): Value {
  const parts = words.split('|').map((word) => (/^[\d-]/.test(word) ? number(BigInt(word)) : name(word)))
  return parts.length === 1 ? parts[0]! : { kind: 'join', operator: '|', parts }
}

const flags = (family: FamilyName, value: number | bigint) => names(flagNames(value, family))
const choice = (family: FamilyName, value: number) => names(choiceName(family, value) ?? String(value))

/** What a call has written; undefined where this file does not know how to read it. */
export function written(call: Syscall, value: number, data: Uint8Array): Value | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  switch (call.name as string) {
    case 'uname':
      return record(
        Object.fromEntries(
          ['sysname', 'nodename', 'release', 'version', 'machine', 'domainname'].map((field, index) => [
            field,
            text(nameOfBytes(data.subarray(65 * index, 65 * index + 65))),
          ]),
        ),
      )
    case 'wait4':
      return value > 0 ? list([struct([{ name: '', value: waitStatus(view.getInt32(0, true)) }])]) : undefined
    case 'waitid':
      return childInfo(view)
    case 'pipe':
    case 'pipe2':
    case 'socketpair':
      return list([number(view.getInt32(0, true)), number(view.getInt32(4, true))])
    case 'statx':
      return statx(view)
    case 'stat':
    case 'lstat':
    case 'fstat':
    case 'newfstatat':
      return stat(view)
    case 'statfs':
    case 'fstatfs':
      return statfs(view)
    case 'getdents64':
      return entries(data.subarray(0, value), view)
    case 'epoll_wait':
    case 'epoll_pwait':
      return { kind: 'string', bytes: data.subarray(0, 12 * value), cut: false }
    case 'msgrcv':
      return { kind: 'string', bytes: data.subarray(0, 8 + value), cut: false }
    case 'capset':
    case 'mq_open':
    case 'epoll_ctl':
    case 'rt_sigqueueinfo':
    case 'sched_setaffinity':
    case 'sched_setattr':
    case 'sched_setparam':
    case 'sched_setscheduler':
    case 'set_mempolicy':
    case 'setitimer':
    case 'timerfd_settime':
    case 'utimensat':
      return undefined
    case 'getcpu':
    case 'sched_getparam':
      return list([number(view.getInt32(0, true))])
    case 'sched_getaffinity':
      return list([...membersOf(maskOf(data.subarray(0, value)))].map((cpu) => number(cpu)))
    case 'select':
    case 'pselect6':
    case 'listmount':
      return undefined
    case 'poll':
    case 'ppoll':
      return polled(view, data.length)
    case 'getcwd':
    case 'readlink':
    case 'readlinkat':
      return { kind: 'string', bytes: ended(data, value, call.name), cut: false }
    case 'prlimit64':
    case 'getrlimit':
      return data.length < 16 ? undefined : record({ rlim_cur: limit(view, 0), rlim_max: limit(view, 8) })
    case 'getgroups':
      return list(Array.from({ length: value }, (_, index) => number(view.getUint32(4 * index, true))))
    case 'getresuid':
    case 'getresgid':
      return list([0, 4, 8].map((at) => number(view.getUint32(at, true))))
    case 'clock_gettime':
      return record({ tv_sec: number(view.getBigInt64(0, true)), tv_nsec: number(view.getBigInt64(8, true)) })
    case 'gettimeofday':
      return record({ tv_sec: number(view.getBigInt64(0, true)), tv_usec: number(view.getBigInt64(8, true)) })
    case 'prctl_get':
      return (call as { option?: unknown }).option === 16
        ? text(nameOfBytes(data))
        : list([number(view.getInt32(0, true))])
    case 'msgctl':
    case 'shmctl':
    case 'semctl_buffer':
      return ipcObject(call.name as string, Number((call as { op?: unknown }).op) & 0xff, view)
    case 'capget':
      return data.length < 24 ? undefined : capabilities(view)
    case 'rt_sigprocmask':
      return data.length < 8 ? undefined : signals(view.getBigUint64(0, true))
    case 'getsockopt':
      return optionValue(call as Extract<Syscall, { name: 'getsockopt' }>, data)
    case 'accept4':
    case 'getsockname':
    case 'getpeername':
      return addressValue(data)
    case 'recvmsg': {
      const { msg } = call as Extract<Syscall, { name: 'recvmsg' }>
      return messageValue(receivedMessage(msg, value, data))
    }
    case 'ioctl':
      return data.length === 4
        ? list([number(view.getInt32(0, true))])
        : deviceAnswer(Number((call as Extract<Syscall, { name: 'ioctl' }>).request), data)
    default:
      // A buffer of bytes, of which so many count as the result says.
      return { kind: 'string', bytes: data.subarray(0, Math.max(0, Math.min(value, data.length))), cut: false }
  }
}

/** A path without the NUL that getcwd(2) counts. */
function ended(data: Uint8Array, value: number, call: string): Uint8Array {
  return data.subarray(0, call === 'getcwd' ? Math.max(0, value - 1) : value)
}

const limit = (view: DataView, at: number): Value => {
  const value = view.getBigUint64(at, true)
  return value === 2n ** 64n - 1n ? name('RLIM64_INFINITY') : number(value)
}

/** `WIFEXITED(s) && WEXITSTATUS(s) == 3`. wait(2) */
function waitStatus(status: number): Value {
  const of = (macro: string): Value => ({ kind: 'apply', name: macro, args: [name('s')] })
  const all = (test: string, part?: readonly [string, Value]): Value =>
    part === undefined
      ? of(test)
      : {
          kind: 'join',
          operator: '&&',
          parts: [of(test), { kind: 'join', operator: '==', parts: [of(part[0]), part[1]] }],
        }
  const signal = status & 0x7f
  if (status === 0xffff) return all('WIFCONTINUED')
  if (signal === 0x7f) return all('WIFSTOPPED', ['WSTOPSIG', name(signalName((status >> 8) & 0xff))])
  if (signal !== 0) return all('WIFSIGNALED', ['WTERMSIG', name(signalName(signal))])
  return all('WIFEXITED', ['WEXITSTATUS', number((status >> 8) & 0xff)])
}

function childInfo(view: DataView): Value {
  const signal = view.getInt32(0, true)
  if (signal === 0) return record({}, true)
  const code = view.getInt32(8, true)
  const status = view.getInt32(24, true)
  return record(
    {
      si_signo: name(signalName(signal)),
      si_code: choice('signalCode', code),
      si_pid: number(view.getInt32(16, true)),
      si_uid: number(view.getUint32(20, true)),
      ...(view.byteLength < 28 ? {} : { si_status: code === 1 ? number(status) : name(signalName(status)) }),
    },
    true,
  )
}

const mode = (value: number): Value =>
  names(`${choiceName('fileKind', value & 0o170000) ?? '0'}|0x${(value & 0o7777).toString(16)}`)

const device = (major: number, minor: number): Value => ({
  kind: 'apply',
  name: 'makedev',
  args: [number(major), number(minor)],
})

/** dev_t of user space: sys/sysmacros.h */
const packedDevice = (value: bigint): Value =>
  device(Number((value >> 8n) & 0xfffn), Number((value & 0xffn) | ((value >> 12n) & 0xfff00n)))

function statx(view: DataView): Value {
  const word = (at: number) => number(view.getUint32(at, true))
  const long = (at: number) => number(view.getBigUint64(at, true))
  return record({
    stx_mask: flags('statxMask', view.getUint32(0, true)),
    stx_blksize: word(4),
    stx_attributes: flags('statxAttribute', view.getBigUint64(8, true)),
    stx_nlink: word(16),
    stx_uid: word(20),
    stx_gid: word(24),
    stx_mode: mode(view.getUint16(28, true)),
    stx_ino: long(32),
    stx_size: long(40),
    stx_blocks: long(48),
    stx_rdev_major: word(128),
    stx_rdev_minor: word(132),
    stx_dev_major: word(136),
    stx_dev_minor: word(140),
    stx_mnt_id: long(144),
  })
}

/** struct stat of x86-64. */
function stat(view: DataView): Value {
  const word = (at: number) => number(view.getUint32(at, true))
  const long = (at: number) => number(view.getBigUint64(at, true))
  return record(
    {
      st_dev: packedDevice(view.getBigUint64(0, true)),
      st_ino: long(8),
      st_mode: mode(view.getUint32(24, true)),
      st_nlink: long(16),
      st_uid: word(28),
      st_gid: word(32),
      st_rdev: packedDevice(view.getBigUint64(40, true)),
      st_size: long(48),
      st_blksize: long(56),
      st_blocks: long(64),
    },
    true,
  )
}

function statfs(view: DataView): Value {
  const long = (at: number) => number(view.getBigUint64(at, true))
  return record(
    {
      f_type: choice('fileSystem', Number(view.getBigUint64(0, true))),
      f_bsize: long(8),
      f_blocks: long(16),
      f_bfree: long(24),
      f_bavail: long(32),
      f_files: long(40),
      f_ffree: long(48),
      f_namelen: long(64),
      f_frsize: long(72),
      f_flags: number(view.getBigUint64(80, true)),
    },
    true,
  )
}

const kinds: Readonly<Record<number, string>> = {
  ...{ 0: 'DT_UNKNOWN', 1: 'DT_FIFO', 2: 'DT_CHR', 4: 'DT_DIR', 6: 'DT_BLK', 8: 'DT_REG', 10: 'DT_LNK', 12: 'DT_SOCK' },
}

function entries(data: Uint8Array, view: DataView): Value {
  const items: Value[] = []
  for (let at = 0; at + 19 <= data.length; ) {
    const size = view.getUint16(at + 16, true)
    items.push(
      record({
        d_ino: number(view.getBigUint64(at, true)),
        d_type: name(kinds[data[at + 18]!] ?? 'DT_UNKNOWN'),
        d_name: text(nameOfBytes(data.subarray(at + 19, at + size))),
      }),
    )
    at += size
  }
  return list(items)
}

function polled(view: DataView, byteCount: number): Value {
  const found: Value[] = []
  for (let at = 0; at + 8 <= byteCount; at += 8) {
    const events = view.getUint16(at + 6, true)
    if (events !== 0) found.push(record({ fd: number(view.getInt32(at, true)), revents: flags('poll', events) }))
  }
  return list(found)
}

function capabilities(view: DataView): Value {
  const set = (at: number): Value =>
    number(BigInt(view.getUint32(at, true)) | (BigInt(view.getUint32(at + 12, true)) << 32n))
  return record({ effective: set(0), permitted: set(4), inheritable: set(8) })
}

function signals(set: bigint): Value {
  const items: Value[] = []
  for (let signal = 1; signal <= 64; signal++)
    if ((set >> BigInt(signal - 1)) & 1n) items.push(name(signalName(signal).slice(3)))
  return list(items)
}

const IPC_STAT = 2

/** struct msqid64_ds, shmid64_ds and semid64_ds of x86-64. */
function ipcObject(name: string, operation: number, view: DataView): Value | undefined {
  if (operation !== IPC_STAT || view.byteLength < 104) return undefined
  const word = (at: number) => number(view.getUint32(at, true))
  const long = (at: number) => number(view.getBigUint64(at, true))
  const permissions = record({
    ...{ uid: word(4), gid: word(8), mode: word(20), key: word(0), cuid: word(12), cgid: word(16) },
  })
  if (name === 'shmctl') return record({ shm_perm: permissions, shm_segsz: long(48), shm_nattch: long(88) })
  if (name === 'semctl_buffer') return record({ sem_perm: permissions, sem_nsems: long(80) })
  return record({ msg_perm: permissions, msg_qnum: long(80), msg_qbytes: long(88) })
}

/** A message of msgrcv(2) where it is written as a struct: its type and text. */
export function queueMessage(value: number, data: Uint8Array): Value {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const bytes = data.subarray(8, 8 + value)
  return struct([
    { name: '', value: number(view.getBigInt64(0, true)) },
    { name: '', value: { kind: 'string', bytes, cut: false } },
  ])
}
