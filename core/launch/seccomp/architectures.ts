// The architectures that a filter can have rules for: how the kernel and OCI name them, and their system call numbers.

import { UserError } from '../../errors.ts'
import { arm } from './numbers-arm.ts'
import { arm64 } from './numbers-arm64.ts'
import { notOfX32, x32 } from './numbers-x32.ts'
import { x86 } from './numbers-x86.ts'
import { x86_64 } from './numbers-x86-64.ts'

/** A machine that containers run on. */
export type MachineArchitecture = 'x86_64' | 'aarch64'

/** What a program on such a machine can be built for. */
export type CallArchitecture = MachineArchitecture | 'x86' | 'x32' | 'arm'

/** Set in every number of an x32 call (arch/x86/include/uapi/asm/unistd.h). */
export const x32Bit = 0x40000000

/** First of the private calls of ARM (arch/arm/include/uapi/asm/unistd.h); they are not counted with the others. */
export const armPrivate = 0x0f0000

/** seccomp_data.arch: AUDIT_ARCH_* of linux/audit.h. x32 is told from x86_64 by the number alone. */
export const auditArchitectures: Readonly<Record<CallArchitecture, number>> = {
  x86_64: 0xc000003e,
  x32: 0xc000003e,
  x86: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
}

/** Arguments are compared by their lower 32 bits here, because a call of these takes no more. x32 is one of them. */
export const narrow: Readonly<Record<CallArchitecture, boolean>> = {
  x86_64: false,
  aarch64: false,
  x86: true,
  x32: true,
  arm: true,
}

/** OCI's names of the architectures that this kernel family runs; `machine` is where their programs can run. */
const served: Readonly<Record<string, { readonly calls: CallArchitecture; readonly machine: MachineArchitecture }>> = {
  SCMP_ARCH_X86_64: { calls: 'x86_64', machine: 'x86_64' },
  SCMP_ARCH_X86: { calls: 'x86', machine: 'x86_64' },
  SCMP_ARCH_X32: { calls: 'x32', machine: 'x86_64' },
  SCMP_ARCH_AARCH64: { calls: 'aarch64', machine: 'aarch64' },
  SCMP_ARCH_ARM: { calls: 'arm', machine: 'aarch64' },
}

const tables: Readonly<Record<Exclude<CallArchitecture, 'x32'>, string>> = { x86_64, x86, aarch64: arm64, arm }

/** The rest of OCI's list: known words, but no program of theirs can run on the machines above. */
const elsewhere = new Set(
  'MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB'
    .split(' ')
    .map((name) => `SCMP_ARCH_${name}`),
)

/**
 * The architectures that a filter on a machine has rules for: the machine's own always, as libseccomp does, then those
 * that the profile adds. One that cannot run on this machine is left out: the kernel never reports it, and if it did,
 * the call would be killed. OCI runtime spec, config-linux.md, "Seccomp", `architectures`.
 * @throws UserError for a word that is none of OCI's
 */
export function filterArchitectures(
  names: readonly string[] | undefined,
  machine: MachineArchitecture,
): readonly CallArchitecture[] {
  const found = new Set<CallArchitecture>([machine])
  for (const name of names ?? []) {
    const known = Object.hasOwn(served, name) ? served[name] : undefined
    if (known?.machine === machine) found.add(known.calls)
    else if (!known && !elsewhere.has(name))
      throw new UserError(`seccomp.architectures: no such architecture: ${name}; names are like SCMP_ARCH_X86_64`)
  }
  return [...found]
}

/** Reads the compact form of a table: names in the order of their numbers, a number where the count jumps. */
function scan(table: string, visit: (name: string, number: number) => void): void {
  let next = 0
  for (const word of table.trim().split(/\s+/)) {
    const code = word.charCodeAt(0)
    if (code >= 48 && code <= 57) next = Number(word)
    else visit(word, next++)
  }
}

function expand(table: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>()
  scan(table, (name, number) => numbers.set(name, number))
  return numbers
}

/** Every call of an architecture, in the order of their numbers as seccomp_data.nr has them (x32's with their bit). */
export function eachCall(architecture: CallArchitecture, visit: (name: string, number: number) => void): void {
  if (architecture !== 'x32') {
    scan(tables[architecture], visit)
    return
  }
  const renumbered = expand(x32)
  const missing = new Set(notOfX32.trim().split(/\s+/))
  const visitOwn = (name: string, number: number) => visit(name, x32Bit + number)
  scan(x86_64, (name, number) => {
    if (!renumbered.has(name) && !missing.has(name)) visitOwn(name, number)
  })
  // From 512 on: above all others, and by the kernel's own promise apart from them.
  scan(x32, visitOwn)
}

/** System call numbers by name. */
export function callNumbers(architecture: CallArchitecture): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>()
  eachCall(architecture, (name, number) => numbers.set(name, number))
  return numbers
}

/** Calls of 32-bit x86 that stand for others, and which value of their first argument stands for which. */
export const multiplexers: Readonly<Record<string, ReadonlyMap<string, number>>> = {
  socketcall: expand(
    '1 socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg',
  ),
  ipc: expand('1 semop semget semctl semtimedop 11 msgsnd msgrcv msgget msgctl 21 shmat shmdt shmget shmctl'),
}
