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

/** Reads the compact form of the tables: names in the order of their numbers, a number where the count jumps. */
function expand(table: string, numbers: Map<string, number> = new Map(), bit = 0): Map<string, number> {
  let next = 0
  for (const word of table.trim().split(/\s+/)) {
    const code = word.charCodeAt(0)
    if (code >= 48 && code <= 57) next = Number(word)
    else numbers.set(word, bit + next++)
  }
  return numbers
}

/** System call numbers by name, as seccomp_data.nr has them (an x32 number with its bit). */
export function callNumbers(architecture: CallArchitecture): ReadonlyMap<string, number> {
  switch (architecture) {
    case 'x86_64':
      return expand(x86_64)
    case 'x86':
      return expand(x86)
    case 'aarch64':
      return expand(arm64)
    case 'arm':
      return expand(arm)
    case 'x32': {
      const numbers = expand(x32, expand(x86_64, new Map(), x32Bit), x32Bit)
      for (const name of notOfX32.trim().split(/\s+/)) numbers.delete(name)
      return numbers
    }
  }
}

/** The numbers of socketcall(2) and ipc(2) on 32-bit x86, and which of their first arguments stands for which call. */
export const multiplexers: readonly { readonly number: number; readonly calls: ReadonlyMap<string, number> }[] = [
  {
    number: 102,
    calls: expand(
      '1 socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg',
    ),
  },
  {
    number: 117,
    calls: expand('1 semop semget semctl semtimedop 11 msgsnd msgrcv msgget msgctl 21 shmat shmdt shmget shmctl'),
  },
]
