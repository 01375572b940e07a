// Filters of system calls: installed by a task for itself and its children, asked before each of its calls. seccomp(2)

import { errnoName } from '../core/errno.ts'
import { x86_64 } from '../core/launch/seccomp/numbers-x86-64.ts'
import { type Kind, type Syscall, type SyscallName, signatures } from '../core/syscall.ts'
import { type Program, runProgram } from './bpf-classic.ts'
import { endProcess, endTask } from './life/exit.ts'
import { type Denied, deny } from './outcome.ts'
import { SIG } from './signal/numbers.ts'
import { forceSignal } from './signal/send.ts'
import type { Task } from './task.ts'

export interface SeccompFilter {
  /** Undefined: the strict mode. */
  readonly program: Program | undefined
  /** Installed before; it is asked too, and the stricter answer holds. */
  readonly previous: SeccompFilter | undefined
  /** Instructions of all filters, and four more for each. */
  readonly cost: number
}

/** SECCOMP_RET_* */
export const RET = {
  KILL_PROCESS: 0x80000000,
  KILL_THREAD: 0,
  TRAP: 0x00030000,
  ERRNO: 0x00050000,
  USER_NOTIF: 0x7fc00000,
  TRACE: 0x7ff00000,
  LOG: 0x7ffc0000,
  ALLOW: 0x7fff0000,
} as const

const auditArchitecture = 0xc000003e
const pointer = 0x7ffe_0000_1000
const strict: ReadonlySet<string> = new Set(['read', 'write', 'exit'])
const sameCall: Readonly<Record<string, string>> = {
  ioctl_int: 'ioctl',
  prctl_name: 'prctl',
  prctl_get: 'prctl',
  newfstatat: 'newfstatat',
}

const numbers: ReadonlyMap<string, number> = parse(x86_64)

function parse(words: string): Map<string, number> {
  const found = new Map<string, number>()
  let next = 0
  for (const word of words.trim().split(/\s+/))
    if (/^\d+$/.test(word)) next = Number(word)
    else found.set(word, next++)
  return found
}

/** The number of a call on x86-64, as filters see it. */
export const callNumber = (name: SyscallName): number => numbers.get(sameCall[name] ?? name) ?? -1

/** What the filters of a task say to its call. Undefined: it may go on. */
export function judge(task: Task, call: Syscall): Denied | undefined {
  const answer = answerOf(task.seccomp!, call)
  const action = (answer & 0xffff0000) >>> 0
  switch (action) {
    case RET.ALLOW:
    case RET.LOG:
      return undefined
    case RET.ERRNO: {
      const number = Math.min(answer & 0xffff, 4095)
      return deny(errnoName(number), 'seccomp(2)', `seccomp(2): a filter answers ${call.name} with error ${number}`)
    }
    case RET.TRAP:
      forceSignal(task, SIG.SYS)
      return deny('ENOSYS', 'seccomp(2)', `seccomp(2): a filter answers ${call.name} with SIGSYS`)
    case RET.TRACE:
    case RET.USER_NOTIF:
      return deny('ENOSYS', 'seccomp(2)', `seccomp(2): a filter asks a tracer about ${call.name}, and there is none`)
    case RET.KILL_THREAD:
      return kill(task, call, task.process.tasks.size === 1)
    default:
      return kill(task, call, true)
  }
}

function kill(task: Task, call: Syscall, whole: boolean): Denied {
  const signal = task.seccomp?.program ? SIG.SYS : SIG.KILL
  if (whole) endProcess(task.process, { code: 0, signal })
  else endTask(task)
  return deny('ENOSYS', 'seccomp(2)', `seccomp(2): a filter ends the task for calling ${call.name}`)
}

/** The strictest of all answers, the newest filter's of equal ones. */
function answerOf(newest: SeccompFilter, call: Syscall): number {
  let data: DataView | undefined
  let strictest: number = RET.ALLOW
  for (let at: SeccompFilter | undefined = newest; at; at = at.previous) {
    data ??= describe(call)
    const answer = at.program ? runProgram(at.program, data) : strict.has(call.name) ? RET.ALLOW : RET.KILL_THREAD
    if (((answer & 0xffff0000) | 0) < ((strictest & 0xffff0000) | 0)) strictest = answer
  }
  return strictest
}

const twoRegisters: ReadonlySet<Kind> = new Set<Kind>([
  ...(['bytes', 'out', 'iovec_in', 'iovec_out', 'open_how', 'mount_attr', 'clone_args', 'gids', 'pollfds'] as const),
  ...(['bpf_attr', 'capsets'] as const),
])

/** struct seccomp_data: pointers are some address, lengths those of what they point to. */
function describe(call: Syscall): DataView {
  const data = new DataView(new ArrayBuffer(64))
  data.setInt32(0, callNumber(call.name), true)
  data.setUint32(4, auditArchitecture, true)
  const given = call as unknown as Record<string, unknown>
  let at = 16
  const put = (value: number | bigint) => {
    if (at < 64) {
      if (typeof value === 'bigint') data.setBigUint64(at, BigInt.asUintN(64, value), true)
      else {
        data.setUint32(at, value >>> 0, true)
        data.setUint32(at + 4, Math.floor(value / 2 ** 32) >>> 0, true)
      }
    }
    at += 8
  }
  for (const [name, kind] of signatures[call.name] as readonly (readonly [string, Kind])[]) {
    const value = given[name]
    if (kind === 'fd' || kind === 'int') put(value as number | bigint)
    else put(value === null ? 0 : pointer)
    if (twoRegisters.has(kind)) put(lengthOf(value))
  }
  return data
}

function lengthOf(value: unknown): number {
  if (typeof value === 'number') return value
  return (value as { length?: number } | null)?.length ?? 88
}
