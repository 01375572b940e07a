// Linux's names for capabilities, resource limits, namespaces and signals.

import { UserError } from '../errors.ts'
import type { LinuxNamespaceType } from './types.ts'

/** capabilities(7) by number: the index is the kernel's. */
export const capabilityNames = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const

export type CapabilityName = (typeof capabilityNames)[number]

/** getrlimit(2) by number: the index is the kernel's (asm-generic). */
export const rlimitNames = [
  'RLIMIT_CPU',
  'RLIMIT_FSIZE',
  'RLIMIT_DATA',
  'RLIMIT_STACK',
  'RLIMIT_CORE',
  'RLIMIT_RSS',
  'RLIMIT_NPROC',
  'RLIMIT_NOFILE',
  'RLIMIT_MEMLOCK',
  'RLIMIT_AS',
  'RLIMIT_LOCKS',
  'RLIMIT_SIGPENDING',
  'RLIMIT_MSGQUEUE',
  'RLIMIT_NICE',
  'RLIMIT_RTPRIO',
  'RLIMIT_RTTIME',
] as const

/** namespaces(7), with the OCI spec's names. */
export const namespaceTypes: readonly LinuxNamespaceType[] = [
  'pid',
  'network',
  'mount',
  'ipc',
  'uts',
  'user',
  'cgroup',
  'time',
]

/** signal(7), x86 and arm: the index is the number. */
export const signalNames: readonly string[] = [
  '',
  ...'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU'.split(
    ' ',
  ),
  ...'URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(' '),
]

/** The C library keeps 32 and 33 for itself, so SIGRTMIN is 34. */
const realtimeMinimum = 34
const realtimeMaximum = 64

/**
 * A signal's number: `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`.
 *
 * @errors UserError when there is no such signal
 */
export function signalNumber(name: string): number {
  const refuse = (): never => {
    throw new UserError(`unknown signal "${name}": give a name such as TERM or a number from 1 to ${realtimeMaximum}`)
  }
  if (/^\d+$/.test(name)) {
    const number = Number(name)
    return number >= 1 && number <= realtimeMaximum ? number : refuse()
  }
  const short = name.toUpperCase().replace(/^SIG/, '')
  if (short === 'IOT') return 6
  if (short === 'CLD') return 17
  if (short === 'POLL') return 29
  const index = short === '' ? -1 : signalNames.indexOf(short)
  if (index > 0) return index
  const match = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(short)
  if (match === null) return refuse()
  const offset = Number(match[3] ?? 0) * (match[2] === '-' ? -1 : 1)
  const number = (match[1] === 'MIN' ? realtimeMinimum : realtimeMaximum) + offset
  return number >= realtimeMinimum && number <= realtimeMaximum ? number : refuse()
}

/** A signal's name with `SIG`: 15 is `SIGTERM`, 35 is `SIGRTMIN+1`. */
export function signalName(number: number): string {
  const name = signalNames[number]
  if (name) return `SIG${name}`
  if (number === realtimeMinimum) return 'SIGRTMIN'
  return number > realtimeMinimum && number <= realtimeMaximum ? `SIGRTMIN+${number - realtimeMinimum}` : `SIG${number}`
}
