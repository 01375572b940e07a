// From a call as data, and its outcome, back to strace's text.

import { type Errno, errnoSentences } from '../../core/errno.ts'
import { type CapSets, type Kind, type MessageOut, type Syscall, signatures } from '../../core/syscall.ts'
import type { Outcome } from '../outcome.ts'
import { addressValue } from './addresses.ts'
import { choiceName, type FamilyName, flagNames, signalName } from './constants.ts'
import { controlValue } from './messages.ts'
import { signalSetText } from './number.ts'
import { written } from './output.ts'
import type { Value } from './value.ts'

type Show = (value: number, call: Syscall) => string

const flags =
  (...names: readonly FamilyName[]): Show =>
  (value) =>
    flagNames(value < 0 ? BigInt.asUintN(32, BigInt(value)) : value, ...names)
const choice =
  (...names: readonly FamilyName[]): Show =>
  (value) =>
    names.map((family) => choiceName(family, value)).find((word) => word !== undefined) ?? String(value)
const octal: Show = (value) => (value === 0 ? '000' : `0${value.toString(8)}`)

const open: Show = (value) => {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'][value & 3]!
  return value >>> 2 === 0 ? access : `${access}|${flagNames(value & ~3, 'open')}`
}

const kindAndMode: Show = (value) =>
  [choiceName('fileKind', value & 0o170000) ?? [], octal(value & 0o7777, { name: 'getpid' })].flat().join('|')

const socketType: Show = (value) =>
  [choiceName('socketType', value & 15) ?? value & 15, flagNames(value & ~15, 'socketFlags')]
    .filter((word) => word !== '0')
    .join('|')

const signal: Show = (value) => (value === 0 ? '0' : signalName(value))

/** Arguments of every call that has one of this name, and of single calls: `CALL ARGUMENT`. */
const shows: Readonly<Record<string, Show>> = {
  mode: octal,
  sig: signal,
  signum: signal,
  'umask mask': octal,
  'open flags': open,
  'openat flags': open,
  'mknod mode': kindAndMode,
  'mknodat mode': kindAndMode,
  'mknod dev': (value) => `makedev(${(value >> 8) & 0xfff}, ${value & 0xff})`,
  'mknodat dev': (value) => `makedev(${(value >> 8) & 0xfff}, ${value & 0xff})`,
  'access mode': flags('accessMode'),
  'faccessat mode': flags('accessMode'),
  'faccessat2 mode': flags('accessMode'),
  'faccessat2 flags': flags('access'),
  'unlinkat flags': flags('unlink'),
  'linkat flags': flags('at'),
  'fchownat flags': flags('at'),
  'fchmodat2 flags': flags('at'),
  'newfstatat flags': flags('at'),
  'statx flags': flags('at'),
  'statx mask': flags('statxMask'),
  'execveat flags': flags('at'),
  'renameat2 flags': flags('rename'),
  'lseek whence': choice('seek'),
  'clone flags': (value) => flagNames(value, 'clone'),
  'unshare flags': flags('clone'),
  'setns nstype': flags('clone'),
  'mount mountflags': flags('mount'),
  'umount2 flags': flags('umount'),
  'mount_setattr flags': flags('at'),
  'open_tree flags': flags('openTree', 'at'),
  'move_mount flags': flags('moveMount'),
  'fsopen flags': flags('fsopen'),
  'fspick flags': flags('fspick'),
  policy: choice('scheduling'),
  'fsmount flags': flags('fsmount'),
  'fsmount attr_flags': flags('mountAttribute'),
  'fsconfig cmd': choice('fsconfig'),
  'rt_sigprocmask how': choice('signalHow'),
  'wait4 options': flags('wait'),
  'waitid options': flags('wait'),
  'waitid idtype': choice('waitKind'),
  'pidfd_open flags': flags('pidfd'),
  'pidfd_send_signal flags': flags('pidfdSignal'),
  'prctl option': choice('prctl'),
  'prctl_name option': choice('prctl'),
  'prctl_get option': choice('prctl'),
  'prctl arg2': (value, call) => prctlArgument(value, call),
  'prctl arg3': (value, call) =>
    call.name === 'prctl' && call.option === 47 ? choice('capability')(value, call) : String(value),
  'prlimit64 resource': choice('resource'),
  'fcntl cmd': choice('fcntl'),
  'fcntl arg': (value, call) => fcntlArgument(value, call),
  'close_range flags': flags('closeRange'),
  'flock operation': flags('lock'),
  'memfd_create flags': flags('memfd'),
  'eventfd2 flags': flags('eventfd'),
  'signalfd4 flags': flags('signalfd'),
  'epoll_create1 flags': flags('epoll'),
  'epoll_ctl op': choice('epollControl'),
  'inotify_init1 flags': flags('inotifyFlags'),
  'inotify_add_watch mask': flags('inotify'),
  'socket domain': choice('socketDomain'),
  'socket type': socketType,
  'socketpair domain': choice('socketDomain'),
  'socketpair type': socketType,
  'socket protocol': (value, call) =>
    call.name === 'socket' && call.domain === 2 ? choice('internetProtocol')(value, call) : String(value),
  'accept4 flags': flags('socketFlags'),
  'sendto flags': flags('message'),
  'recvfrom flags': flags('message'),
  'sendmsg flags': flags('message'),
  'recvmsg flags': flags('message'),
  'dup3 flags': flags('open'),
  'pipe2 flags': flags('open'),
  'ioctl request': choice('ioctl'),
  'ioctl_int request': choice('ioctl'),
  'seccomp operation': choice('seccomp'),
  'keyctl operation': choice('keyctl'),
  'setxattr flags': flags('xattr'),
  'shmget shmflg': flags('ipcFlags'),
  'semget semflg': flags('ipcFlags'),
  'msgget msgflg': flags('ipcFlags'),
  'msgsnd msgflg': flags('ipcFlags'),
  'msgrcv msgflg': flags('ipcFlags'),
  'shmctl op': choice('ipcControl'),
  'msgctl op': choice('ipcControl'),
  'semctl op': choice('ipcControl', 'semaphoreControl'),
  'clock_gettime clockid': choice('clock', 'clockMore'),
  'timerfd_create clockid': choice('clock', 'clockMore'),
}

/** Arguments that nobody looks at when they are zero. */
const optional = new Set([
  'open mode',
  'openat mode',
  'prctl arg3',
  'prctl arg4',
  'prctl arg5',
  'ioctl_int arg',
  'fcntl arg',
  'keyctl arg5',
])

function prctlArgument(value: number, call: Syscall): string {
  const option = call.name === 'prctl' ? call.option : 0
  if (option === 1) return signal(value, call)
  if (option === 23 || option === 24) return choice('capability')(value, call)
  if (option === 28) return flagNames(value, 'securebits')
  return option === 47 ? choice('ambient')(value, call) : String(value)
}

function fcntlArgument(value: number, call: Syscall): string {
  const command = call.name === 'fcntl' ? call.cmd : 0
  if (command === 2) return flagNames(value, 'descriptorFlags')
  if (command === 4) return open(value, call)
  return command === 1033 ? flagNames(value, 'seals') : String(value)
}

const escapes: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 34: '\\"', 92: '\\\\' }

/** A string in C's escapes, at most so many bytes. strace(1) -s */
export function quoted(bytes: Uint8Array, most = 4096): string {
  let text = ''
  const shown = bytes.subarray(0, most)
  for (const [index, byte] of shown.entries()) {
    // A digit behind a short octal escape would belong to it.
    const digit = /[0-7]/.test(String.fromCharCode(shown[index + 1] ?? 0))
    if (escapes[byte] !== undefined) text += escapes[byte]
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte)
    else text += `\\${digit ? byte.toString(8).padStart(3, '0') : byte.toString(8)}`
  }
  return `"${text}"${bytes.length > most ? '...' : ''}`
}

const quotedText = (text: string) => quoted(new TextEncoder().encode(text))

/** A value as text. */
export function printValue(value: Value): string {
  switch (value.kind) {
    case 'number':
      return String(value.number)
    case 'name':
      return value.name
    case 'string':
      return `${value.abstract ? '@' : ''}${quoted(value.bytes)}${value.cut ? '...' : ''}`
    case 'struct': {
      const fields = value.fields.map(({ name, value: inner }) => (name ? `${name}=` : '') + printValue(inner))
      return `{${[...fields, ...(value.open ? ['...'] : [])].join(', ')}}`
    }
    case 'list': {
      const words = value.items.every((item) => item.kind === 'name') && value.items.length > 0
      const items = value.items.map(printValue)
      return `${value.others ? '~' : ''}[${[...items, ...(value.open ? ['...'] : [])].join(words ? ' ' : ', ')}]`
    }
    case 'apply':
      return `${value.name}(${value.args.map(printValue).join(', ')})`
    case 'join':
      return value.parts
        .map(printValue)
        .join(/[|*<]/.test(value.operator) && value.operator !== '||' ? value.operator : ` ${value.operator} `)
    case 'named':
      return `${value.name}=${printValue(value.value)}`
    case 'change':
      return `${printValue(value.before)} => ${printValue(value.after)}`
    case 'anything':
      return '...'
    case 'raw':
      return value.text
  }
}

const members = (value: object, show: Readonly<Record<string, Show>>, call: Syscall): string =>
  `{${Object.entries(value)
    .map(
      ([name, member]) =>
        `${name}=${Array.isArray(member) ? `[${member.join(', ')}]` : (show[name] ?? String)(Number(member), call)}`,
    )
    .join(', ')}}`

const structs: Readonly<Record<string, Readonly<Record<string, Show>>>> = {
  open_how: { flags: open, mode: octal, resolve: flags('resolve') },
  mount_attr: {
    attr_set: flags('mountAttribute'),
    attr_clr: flags('mountAttribute'),
    propagation: flags('mount'),
  },
  clone_args: { flags: flags('clone'), exit_signal: signal },
}

const size: Readonly<Record<string, number>> = { open_how: 24, mount_attr: 32, clone_args: 88 }

/** One argument; two texts where a length follows. Undefined is left out. */
function argument(call: Syscall, name: string, kind: Kind, value: unknown, output: string): string | undefined {
  if (typeof value === 'object' && value !== null && 'from' in value) return `<${String(value.from)}>`
  switch (kind) {
    case 'fd':
      return value === -100 ? 'AT_FDCWD' : String(value)
    case 'int':
      return integer(call, name, value as number | bigint)
    case 'path':
    case 'text':
      return value === null ? 'NULL' : quotedText(value as string)
    case 'strings':
      return `[${(value as readonly string[]).map(quotedText).join(', ')}]`
    case 'bytes': {
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : (value as Uint8Array)
      return `${quoted(bytes)}, ${bytes.length}`
    }
    case 'in':
      return name === 'sops' ? operations(value as Uint8Array) : quoted(value as Uint8Array)
    case 'out':
      return `${output}, ${value}`
    case 'outonly':
      return output
    case 'inout':
    case 'optional':
      return value === null ? 'NULL' : quoted(value as Uint8Array)
    case 'iovec_in': {
      const buffers = (value as readonly (Uint8Array | string)[]).map((buffer) =>
        typeof buffer === 'string' ? new TextEncoder().encode(buffer) : buffer,
      )
      const parts = buffers.map((bytes) => `{iov_base=${quoted(bytes)}, iov_len=${bytes.length}}`)
      return `[${parts.join(', ')}], ${parts.length}`
    }
    case 'iovec_out':
      return `[{iov_base=${output}, iov_len=${value}}], 1`
    case 'message_out':
      return messageText(value as MessageOut)
    case 'message_room':
      return output
    case 'open_how':
    case 'mount_attr':
    case 'clone_args':
      return `${members(value as object, structs[kind]!, call)}, ${size[kind]}`
    case 'capsets': {
      const { pid = 0, ...rest } = value as CapSets
      const sets = Object.entries(rest).map(([set, caps]) => `${set}=${capabilities(caps)}`)
      return `{version=_LINUX_CAPABILITY_VERSION_3, pid=${pid}}, {${sets.join(', ')}}`
    }
    case 'sock_fprog':
      return `{len=${(value as Uint8Array).length / 8}, filter=...}`
    case 'sigset':
      return signalSetText(value as bigint)
    case 'sigaction': {
      const action = value as { handler: number; flags?: number; mask?: bigint } | null
      if (action === null) return 'NULL'
      const handler = ['SIG_DFL', 'SIG_IGN'][action.handler] ?? `0x${(4096 * action.handler).toString(16)}`
      const set = signalSetText(action.mask ?? 0n)
      return `{sa_handler=${handler}, sa_mask=${set}, sa_flags=${flagNames(action.flags ?? 0, 'signalFlags')}}`
    }
    case 'rlimit': {
      const limits = value as { soft: bigint; hard: bigint } | null
      const shown = (limit: bigint) => (limit === 2n ** 64n - 1n ? 'RLIM64_INFINITY' : String(limit))
      return limits === null ? 'NULL' : `{rlim_cur=${shown(limits.soft)}, rlim_max=${shown(limits.hard)}}`
    }
    case 'gids':
      return `${(value as readonly number[]).length}, [${(value as readonly number[]).join(', ')}]`
    case 'pollfds': {
      const fds = value as readonly { fd: number; events: number }[]
      return `[${fds.map(({ fd, events }) => `{fd=${fd}, events=${flagNames(events, 'poll')}}`).join(', ')}], ${fds.length}`
    }
    case 'timespec': {
      const time = value as bigint | null
      return time === null ? 'NULL' : `{tv_sec=${time / 1_000_000_000n}, tv_nsec=${time % 1_000_000_000n}}`
    }
    default:
      return '...'
  }
}

/** struct sembuf. semop(2) */
function operations(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const items: string[] = []
  for (let at = 0; at + 6 <= bytes.length; at += 6)
    items.push(
      `{sem_num=${view.getUint16(at, true)}, sem_op=${view.getInt16(at + 2, true)}, sem_flg=${view.getInt16(at + 4, true)}}`,
    )
  return `[${items.join(', ')}]`
}

function messageText({ to, iov, control = new Uint8Array(0) }: MessageOut): string {
  const buffers = iov.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : part))
  const vectors = buffers.map((bytes) => `{iov_base=${quoted(bytes)}, iov_len=${bytes.length}}`)
  const address = to === undefined ? undefined : addressValue(to)
  return [
    `{msg_name=${address === undefined ? 'NULL' : printValue(address)}, msg_namelen=${to?.length ?? 0}`,
    `msg_iov=[${vectors.join(', ')}], msg_iovlen=${vectors.length}`,
    ...(control.length > 0 ? [`msg_control=${printValue(controlValue(control))}`] : []),
    `msg_controllen=${control.length}, msg_flags=0}`,
  ].join(', ')
}

function integer(call: Syscall, name: string, value: number | bigint): string | undefined {
  const where = `${call.name} ${name}`
  if (optional.has(where) && Number(value) === 0) return undefined
  const show = shows[where] ?? shows[name]
  return show === undefined || !Number.isSafeInteger(Number(value)) ? String(value) : show(Number(value), call)
}

function capabilities(set: bigint): string {
  const words: string[] = []
  for (let bit = 0; bit <= 40; bit++)
    if ((set >> BigInt(bit)) & 1n) words.push(`1<<${choiceName('capability', bit) ?? bit}`)
  return words.length === 0 ? '0' : words.length > 20 ? `0x${set.toString(16)}` : words.join('|')
}

const spelled: Readonly<Record<string, string>> = { ioctl_int: 'ioctl', prctl_name: 'prctl', prctl_get: 'prctl' }

/** A call and, when it has ended, its result: `sethostname("web", 3) = -1 EPERM (Operation not permitted)`. */
export function print(call: Syscall, outcome: Outcome | undefined): string {
  const given = call as unknown as Record<string, unknown>
  const data = outcome && 'value' in outcome && outcome.data ? written(call, outcome.value, outcome.data) : undefined
  const output = data === undefined ? '...' : printValue(data)
  const parts = (signatures[call.name] as readonly (readonly [string, Kind])[]).flatMap(
    ([name, kind]) => argument(call, name, kind, given[name], output) ?? [],
  )
  const found = /^p?poll$/.test(call.name) && data !== undefined ? ` (${output})` : ''
  const end =
    outcome === undefined
      ? ' <unfinished ...>'
      : `) = ${call.name === 'umask' && 'value' in outcome ? octal(outcome.value, call) : printOutcome(outcome)}${found}`
  return `${spelled[call.name] ?? call.name}(${parts.join(', ')}${end}`
}

export function printOutcome(outcome: Outcome | { readonly errno: Errno }): string {
  if (!('errno' in outcome)) return String(outcome.value)
  const sentence = errnoSentences[outcome.errno]
  return `-1 ${outcome.errno} (${sentence[0]!.toUpperCase()}${sentence.slice(1)})`
}
