// The compiler from an OCI seccomp profile to the program that seccomp(2) installs.

import { UserError } from '../../errors.ts'
import type { LinuxSeccomp } from '../../spec/types.ts'
import {
  armPrivate,
  auditArchitectures,
  type CallArchitecture,
  callNumbers,
  filterArchitectures,
  type MachineArchitecture,
  multiplexers,
  narrow,
  x32Bit,
} from './architectures.ts'
import { Assembler, type Decision, isTrivial, type Range, type Target } from './bpf.ts'
import {
  actionValue,
  type Condition,
  enosys,
  entryRules,
  errnoAction,
  flagsValue,
  killThread,
  type Rule,
} from './rules.ts'

/** What seccomp(SECCOMP_SET_MODE_FILTER, flags, program) takes. */
export interface CompiledSeccomp {
  /** struct sock_filter, 8 bytes each. */
  readonly program: Uint8Array
  readonly flags: number
}

/** BPF_MAXINSNS */
const mostInstructions = 4096
/** A tracer cancels a call by making its number -1, which is therefore no foreign call. seccomp(2). */
const cancelled = 0xffffffff

interface Entry {
  readonly names: readonly string[]
  readonly rules: readonly Rule[]
}

/**
 * Compiles a profile for a machine. OCI runtime spec, config-linux.md, "Seccomp"; seccomp(2). Where the specification is
 * silent, decisions are those of libseccomp, through which runc and crun read profiles:
 * - rules of one call are alternatives. A rule without conditions beats those with; among equals the first listed wins
 *   (for overlapping conditions with different actions libseccomp's choice is arbitrary or an error; here it is this);
 * - an entry whose action is the default action says nothing;
 * - names that an architecture does not have are no error: profiles name the calls of all architectures and versions;
 * - a call through an architecture that is not listed, x32 included, kills the thread;
 * - on 32-bit x86, permission for a socket or System V call covers socketcall(2) and ipc(2) where it stands for the
 *   same call. Rules with conditions do not carry over, because the arguments there are in memory.
 *
 * As with runc, calls newer than every one the profile names give ENOSYS where the default is another errno, so
 * that programs fall back to older calls. Defaults that kill, trap, trace or log are left as they are.
 * @throws UserError naming the field that is wrong or not supported (SCMP_ACT_NOTIFY, listenerPath)
 */
export function compileSeccomp(profile: LinuxSeccomp, arch: MachineArchitecture): CompiledSeccomp {
  if (profile.listenerPath || profile.listenerMetadata)
    throw new UserError('seccomp.listenerPath: a listener is not supported; remove it and SCMP_ACT_NOTIFY')
  const otherwise = actionValue(profile.defaultAction, profile.defaultErrnoRet, 'seccomp.defaultAction')
  const entries = (profile.syscalls ?? []).map((entry, index): Entry => {
    const rules = entryRules(entry, `seccomp.syscalls[${index}]`)
    return { names: entry.names, rules: rules.filter(({ action }) => action !== otherwise) }
  })
  const newer = profile.defaultAction === 'SCMP_ACT_ERRNO' ? errnoAction(enosys) : otherwise
  const architectures = filterArchitectures(profile.architectures, arch)
  const assembler = new Assembler()
  // Written from the end: the machine's own architecture comes last and is asked first.
  let others: Target = { action: killThread }
  for (const architecture of architectures.toReversed()) {
    if (architecture === 'x32') continue
    const ranges = architectureRanges(entries, architecture, otherwise, newer)
    if (architecture === 'x86_64') {
      if (architectures.includes('x32')) ranges.push(...architectureRanges(entries, 'x32', otherwise, newer))
      else ranges.push({ start: x32Bit, decision: killThread })
    }
    ranges.push({ start: cancelled, decision: otherwise })
    const isNarrow = (start: number) => narrow[architecture] || (architecture === 'x86_64' && start >= x32Bit)
    others = assembler.architecture(auditArchitectures[architecture], merged(ranges), isNarrow, others)
  }
  const program = assembler.finish()
  if (program.length > 8 * mostInstructions)
    throw new UserError(
      `seccomp: the profile needs ${program.length / 8} instructions, but the kernel takes ${mostInstructions}; use fewer conditions`,
    )
  return { program, flags: flagsValue(profile.flags) }
}

/** Decisions for all numbers of one architecture, from its first number on. */
function architectureRanges(
  entries: readonly Entry[],
  architecture: CallArchitecture,
  otherwise: number,
  newer: number,
): Range[] {
  const numbers = callNumbers(architecture)
  const isNarrow = narrow[architecture]
  const table = new Map<number, Rule[]>()
  const add = (number: number, rules: readonly Rule[]) => {
    const known = table.get(number)
    if (known) known.push(...rules)
    else table.set(number, [...rules])
  }
  let newest = -1
  for (const { names, rules } of entries) {
    const fitting = rules.map((rule) => ({
      action: rule.action,
      conditions: rule.conditions.filter((condition) => !isTrivial(condition, isNarrow)),
    }))
    const unconditional = fitting.filter(({ conditions }) => conditions.length === 0)
    for (const name of names) {
      const number = numbers.get(name)
      if (number !== undefined) {
        add(number, fitting)
        if (number > newest && !(architecture === 'arm' && number >= armPrivate)) newest = number
      }
      if (architecture !== 'x86' || unconditional.length === 0) continue
      for (const multiplexer of multiplexers) {
        const value = multiplexer.calls.get(name)
        if (value === undefined) continue
        newest = Math.max(newest, multiplexer.number)
        const conditions = [firstArgumentIs(value)]
        add(
          multiplexer.number,
          unconditional.map(({ action }) => ({ action, conditions })),
        )
      }
    }
  }
  const ranges: Range[] = [{ start: architecture === 'x32' ? x32Bit : 0, decision: otherwise }]
  const decided = [...table].sort((a, b) => a[0] - b[0])
  const decide = (from: number, to: number) => {
    for (const [number, rules] of decided)
      if (number >= from && number < to)
        ranges.push({ start: number, decision: decision(rules, otherwise) }, { start: number + 1, decision: otherwise })
  }
  decide(0, newest + 1)
  if (newest >= 0) ranges.push({ start: newest + 1, decision: newer })
  if (architecture === 'arm') {
    ranges.push({ start: armPrivate, decision: otherwise })
    decide(armPrivate, cancelled)
  }
  return ranges
}

function decision(rules: readonly Rule[], otherwise: number): Decision {
  const unconditional = rules.find(({ conditions }) => conditions.length === 0)
  if (unconditional) return unconditional.action
  return rules.length === 0 ? otherwise : { rules, otherwise }
}

function firstArgumentIs(low: number): Condition {
  return { index: 0, test: 'equal', holdsWhen: true, maskHigh: 0xffffffff, maskLow: 0xffffffff, high: 0, low }
}

/** Joins neighbours that are decided alike; of two that start at the same number the later one stands. */
function merged(ranges: readonly Range[]): readonly Range[] {
  const out: Range[] = []
  for (const range of ranges) {
    if (out.at(-1)?.start === range.start) out.pop()
    if (out.at(-1)?.decision !== range.decision) out.push(range)
  }
  return out
}
