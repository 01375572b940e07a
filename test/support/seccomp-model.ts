// What a seccomp profile decides, read rule by rule with big integers: slow, obvious, and apart from the compiler.

import {
  auditArchitectures,
  type CallArchitecture,
  callNumbers,
  type MachineArchitecture,
} from '../../core/launch/seccomp/architectures.ts'
import type { LinuxSeccomp, LinuxSeccompArg } from '../../core/spec/types.ts'
import type { Call } from './bpf.ts'

export const ociArchitectures: Readonly<Record<string, CallArchitecture>> = {
  SCMP_ARCH_X86_64: 'x86_64',
  SCMP_ARCH_X86: 'x86',
  SCMP_ARCH_X32: 'x32',
  SCMP_ARCH_AARCH64: 'aarch64',
  SCMP_ARCH_ARM: 'arm',
}

const values: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
}

export function returnValue(action: string, errno: number | undefined): number {
  return values[action]! + (action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? (errno ?? 1) : 0)
}

const socketCalls =
  'socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg'.split(
    ' ',
  )
const ipcCalls: Readonly<Record<string, number>> = {
  semop: 1,
  semget: 2,
  semctl: 3,
  semtimedop: 4,
  msgsnd: 11,
  msgrcv: 12,
  msgget: 13,
  msgctl: 14,
  shmat: 21,
  shmdt: 22,
  shmget: 23,
  shmctl: 24,
}

/** JSON's 2^64 - 1 is 2^64 in JavaScript. */
function whole(value: number): bigint {
  return value === 2 ** 64 ? 2n ** 64n - 1n : BigInt(value)
}

function holds(arg: LinuxSeccompArg, given: bigint, bits: bigint): boolean {
  const cut = (value: number) => whole(value) & ((1n << bits) - 1n)
  const actual = given & ((1n << bits) - 1n)
  const wanted = cut(arg.value)
  switch (arg.op) {
    case 'SCMP_CMP_NE':
      return actual !== wanted
    case 'SCMP_CMP_LT':
      return actual < wanted
    case 'SCMP_CMP_LE':
      return actual <= wanted
    case 'SCMP_CMP_EQ':
      return actual === wanted
    case 'SCMP_CMP_GE':
      return actual >= wanted
    case 'SCMP_CMP_GT':
      return actual > wanted
    case 'SCMP_CMP_MASKED_EQ':
      return (actual & wanted) === (cut(arg.valueTwo ?? 0) & wanted)
    default:
      throw new Error(arg.op)
  }
}

/** The action for one call on one machine. */
export function decide(profile: LinuxSeccomp, machine: MachineArchitecture, call: Call): number {
  const runs: readonly (CallArchitecture | undefined)[] =
    machine === 'x86_64' ? ['x86_64', 'x86', 'x32'] : ['aarch64', 'arm']
  const listed = new Set([machine, ...(profile.architectures ?? []).map((name) => ociArchitectures[name])])
  const otherwise = returnValue(profile.defaultAction, profile.defaultErrnoRet)
  const isX32 = call.audit === auditArchitectures.x32 && call.number >= 0x40000000 && call.number !== 0xffffffff
  const architecture = isX32
    ? 'x32'
    : (['x86_64', 'x86', 'aarch64', 'arm'] as const).find((name) => auditArchitectures[name] === call.audit)
  if (!architecture || !listed.has(architecture) || !runs.includes(architecture)) return 0
  if (call.number === 0xffffffff) return otherwise
  const numbers = callNumbers(architecture)
  const bits = architecture === 'x86_64' || architecture === 'aarch64' ? 64n : 32n
  const given = (index: number) => call.args?.[index] ?? 0n
  const matching: { action: number; unconditional: boolean }[] = []
  let newest = -1
  for (const entry of profile.syscalls ?? []) {
    const action = returnValue(entry.action, entry.errnoRet)
    const args = (entry.args ?? []).filter(
      (arg) => arg.op !== 'SCMP_CMP_MASKED_EQ' || (whole(arg.value) & ((1n << bits) - 1n)) !== 0n,
    )
    const original = entry.args ?? []
    const repeated = new Set(original.map(({ index }) => index)).size < original.length
    const unconditional = repeated ? args.length < original.length : args.length === 0
    const answers = args.map((arg) => holds(arg, given(arg.index), bits))
    const passes = unconditional || (repeated ? answers.includes(true) : !answers.includes(false))
    for (const name of entry.names) {
      const number = numbers.get(name) ?? -1
      if (number < 0xf0000 || architecture !== 'arm') newest = Math.max(newest, number)
      const socket = socketCalls.indexOf(name) + 1
      const ipc = ipcCalls[name] ?? 0
      const direct = number === call.number && passes
      let multiplexed = false
      if (architecture === 'x86' && unconditional && (socket || ipc) && action !== otherwise) {
        newest = Math.max(newest, socket ? 102 : 117)
        const first = given(0) & 0xffffffffn
        multiplexed =
          (call.number === 102 && first === BigInt(socket) && socket > 0) ||
          (call.number === 117 && first === BigInt(ipc) && ipc > 0)
      }
      if (action !== otherwise && direct) matching.push({ action, unconditional })
      else if (multiplexed) matching.push({ action, unconditional: false })
    }
  }
  const winner = matching.find(({ unconditional }) => unconditional) ?? matching[0]
  if (winner) return winner.action
  const isPrivate = architecture === 'arm' && call.number >= 0xf0000
  if (profile.defaultAction === 'SCMP_ACT_ERRNO' && newest >= 0 && call.number > newest && !isPrivate)
    return 0x50000 + 38
  return otherwise
}
