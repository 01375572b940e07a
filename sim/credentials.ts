// Credentials: who a task is and what it may. They never change; a change is a new object. credentials(7), capabilities(7)

import type { KGid, KUid } from './ids.ts'
import type { UserNamespace } from './ns/user.ts'

/** Numbers of capabilities that the kernel itself asks for. linux/capability.h */
export const CAP = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  LINUX_IMMUTABLE: 9,
  NET_BIND_SERVICE: 10,
  NET_BROADCAST: 11,
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  IPC_OWNER: 15,
  SYS_MODULE: 16,
  SYS_RAWIO: 17,
  SYS_CHROOT: 18,
  SYS_PTRACE: 19,
  SYS_PACCT: 20,
  SYS_ADMIN: 21,
  SYS_BOOT: 22,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
  SYS_TIME: 25,
  SYS_TTY_CONFIG: 26,
  MKNOD: 27,
  LEASE: 28,
  AUDIT_WRITE: 29,
  AUDIT_CONTROL: 30,
  SETFCAP: 31,
  MAC_OVERRIDE: 32,
  MAC_ADMIN: 33,
  SYSLOG: 34,
  WAKE_ALARM: 35,
  BLOCK_SUSPEND: 36,
  AUDIT_READ: 37,
  PERFMON: 38,
  BPF: 39,
  CHECKPOINT_RESTORE: 40,
} as const
export type Capability = keyof typeof CAP
export const lastCapability = 40
export const allCapabilities = (1n << 41n) - 1n

export interface Credentials {
  readonly uid: KUid
  readonly euid: KUid
  readonly suid: KUid
  readonly fsuid: KUid
  readonly gid: KGid
  readonly egid: KGid
  readonly sgid: KGid
  readonly fsgid: KGid
  readonly groups: readonly KGid[]
  readonly effective: bigint
  readonly permitted: bigint
  readonly inheritable: bigint
  readonly bounding: bigint
  readonly ambient: bigint
  readonly securebits: number
  readonly namespace: UserNamespace
}

/**
 * Whether credentials have a capability over what a user namespace owns: held there or above, or by the creator of one
 * between (USR-105). ns_capable() in kernel/capability.c
 */
export function capable(who: Credentials, capability: Capability, over: UserNamespace): boolean {
  for (let at: UserNamespace | undefined = over; at; at = at.parent) {
    if (at === who.namespace) return ((who.effective >> BigInt(CAP[capability])) & 1n) === 1n
    if (at.level <= who.namespace.level) return false
    if (at.parent === who.namespace && at.ownerUid === who.euid) return true
  }
  return false
}
