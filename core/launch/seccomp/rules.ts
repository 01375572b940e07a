// The words of a seccomp profile checked and turned into numbers: actions, flags, comparisons of arguments.

import { UserError } from '../../errors.ts'
import type { LinuxSeccompArg, LinuxSyscall } from '../../spec/types.ts'

/** A comparison of one argument, in halves because classic BPF counts in 32 bits. */
export interface Condition {
  readonly index: number
  readonly test: 'equal' | 'greater' | 'greaterOrEqual'
  /** The condition holds when the test's answer is this. */
  readonly holdsWhen: boolean
  readonly maskHigh: number
  readonly maskLow: number
  readonly high: number
  readonly low: number
}

/** What to do with a call when all conditions hold; without conditions, always. */
export interface Rule {
  /** SECCOMP_RET_* with its data. */
  readonly action: number
  readonly conditions: readonly Condition[]
}

export const killThread = 0
export const enosys = 38
const eperm = 1
const largestErrno = 4095
const wholeHalf = 0xffffffff

/** seccomp(2), the values that a filter returns. */
const actions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: killThread,
  SCMP_ACT_KILL: killThread,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
}

/** The actions, operators and flags that a profile may name. */
export function seccompWords(): Readonly<Record<'actions' | 'operators' | 'flags', readonly string[]>> {
  return { actions: Object.keys(actions), operators: Object.keys(operators), flags: Object.keys(flagBits) }
}

/** SECCOMP_RET_ERRNO with its errno. */
export function errnoAction(errno: number): number {
  return 0x00050000 + errno
}

/**
 * SECCOMP_RET_* of an OCI action. An errno stands only with ERRNO and TRACE (there it is the tracer's message) and is
 * EPERM when absent. OCI runtime spec, config-linux.md, "Seccomp".
 * @param where - the field's path, for messages
 * @throws UserError for unknown actions, an errno that is out of range or has no place
 */
export function actionValue(action: string, errnoRet: number | undefined, where: string): number {
  const value = Object.hasOwn(actions, action) ? actions[action] : undefined
  if (value === undefined)
    throw new UserError(`${where}: no such action: ${action}; one of ${Object.keys(actions).join(', ')}`)
  if (action !== 'SCMP_ACT_ERRNO' && action !== 'SCMP_ACT_TRACE') {
    if (errnoRet !== undefined) throw new UserError(`${where}: ${action} takes no errno, but ${errnoRet} is given`)
    return value
  }
  const errno = errnoRet ?? eperm
  const largest = action === 'SCMP_ACT_ERRNO' ? largestErrno : 0xffff
  if (!Number.isInteger(errno) || errno < 0 || errno > largest)
    throw new UserError(`${where}: errno ${errno} is not between 0 and ${largest}`)
  return value + errno
}

const flagBits: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
}
/** The descriptor that whoever listens reads notifications from is what seccomp(2) answers. */
const newListener = 8

/**
 * The flags of SECCOMP_SET_MODE_FILTER. A profile that says nothing gets SPEC_ALLOW, as with runc and crun: without it
 * every filtered program would pay for the mitigation of speculative store bypass on kernels before 5.16.
 *
 * @param notifies - the filter has SCMP_ACT_NOTIFY
 * @throws UserError for unknown flags, and for those that do not go with a listener, or not without
 */
export function flagsValue(names: readonly string[] | undefined, notifies = false): number {
  let value = notifies ? newListener : 0
  for (const name of names ?? ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']) {
    const bit = Object.hasOwn(flagBits, name) ? flagBits[name] : undefined
    if (bit === undefined)
      throw new UserError(`seccomp.flags: ${name} is not supported; one of ${Object.keys(flagBits).join(', ')}`)
    // Both answer with a number of their own: seccomp(2), EINVAL.
    if (notifies && name === 'SECCOMP_FILTER_FLAG_TSYNC')
      throw new UserError(`seccomp.flags: ${name} does not go with SCMP_ACT_NOTIFY; leave one of them out`)
    if (!notifies && name === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV')
      throw new UserError(`seccomp.flags: ${name} needs SCMP_ACT_NOTIFY; leave it out`)
    value |= bit
  }
  return value
}

/** Which test an operator is, and whether it asks for the opposite. */
const operators: Readonly<Record<string, Pick<Condition, 'test' | 'holdsWhen'>>> = {
  SCMP_CMP_NE: { test: 'equal', holdsWhen: false },
  SCMP_CMP_LT: { test: 'greaterOrEqual', holdsWhen: false },
  SCMP_CMP_LE: { test: 'greater', holdsWhen: false },
  SCMP_CMP_EQ: { test: 'equal', holdsWhen: true },
  SCMP_CMP_GE: { test: 'greaterOrEqual', holdsWhen: true },
  SCMP_CMP_GT: { test: 'greater', holdsWhen: true },
  SCMP_CMP_MASKED_EQ: { test: 'equal', holdsWhen: true },
}

/** The halves of an unsigned 64-bit number; JSON's 2^64 - 1 arrives as 2^64. */
function halves(value: number, where: string): readonly [high: number, low: number] {
  if (value === 2 ** 64) return [wholeHalf, wholeHalf]
  if (!Number.isSafeInteger(value) || value < 0)
    throw new UserError(`${where}: ${value} is not a whole number between 0 and 2^53 (or 2^64 - 1)`)
  return [Math.floor(value / 2 ** 32), value % 2 ** 32]
}

function condition(arg: LinuxSeccompArg, where: string): Condition {
  const operator = Object.hasOwn(operators, arg.op) ? operators[arg.op] : undefined
  if (!operator)
    throw new UserError(`${where}.op: no such operator: ${arg.op}; one of ${Object.keys(operators).join(', ')}`)
  if (!Number.isInteger(arg.index) || arg.index < 0 || arg.index > 5)
    throw new UserError(`${where}.index: a system call has arguments 0 to 5, not ${arg.index}`)
  const value = halves(arg.value, `${where}.value`)
  // MASKED_EQ: `value` is the mask and `valueTwo` what the masked argument must be; bits outside the mask do not count.
  const masked = arg.op === 'SCMP_CMP_MASKED_EQ'
  const [maskHigh, maskLow] = masked ? value : [wholeHalf, wholeHalf]
  const [high, low] = masked ? halves(arg.valueTwo ?? 0, `${where}.valueTwo`) : value
  return {
    index: arg.index,
    ...operator,
    maskHigh,
    maskLow,
    high: (high & maskHigh) >>> 0,
    low: (low & maskLow) >>> 0,
  }
}

/**
 * The rules that one entry of `syscalls` stands for. All conditions must hold; but when two of them compare the same
 * argument, each is a rule of its own (any may hold): runtimes have read profiles so since before conditions could be
 * combined, and profiles rely on it.
 * @throws UserError naming the field
 */
export function entryRules(entry: LinuxSyscall, where: string): readonly Rule[] {
  const action = actionValue(entry.action, entry.errnoRet, `${where}.action`)
  const conditions = (entry.args ?? []).map((arg, index) => condition(arg, `${where}.args[${index}]`))
  const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length
  return repeated ? conditions.map((one) => ({ action, conditions: [one] })) : [{ action, conditions }]
}
