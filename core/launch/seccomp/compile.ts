// The compiler from an OCI seccomp profile to the program that seccomp(2) installs.

import { UserError } from '../../errors.ts'
import type { LinuxSeccomp } from '../../spec/types.ts'
import {
  armPrivate,
  auditArchitectures,
  type CallArchitecture,
  eachCall,
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
  /** seccomp(2) answers with the descriptor of the listener, who has to be given it. */
  readonly notifies?: true
}

/** BPF_MAXINSNS */
const mostInstructions = 4096
/** A tracer cancels a call by making its number -1, which is therefore no foreign call. seccomp(2). */
const cancelled = 0xffffffff

/** The rules of each call that the profile names, in the profile's order. */
type RulesByName = ReadonlyMap<string, readonly Rule[]>

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
 *
 * @param listens - whoever makes the container hands the descriptor of SCMP_ACT_NOTIFY to the listener
 * @throws UserError naming the field that is wrong or not supported
 */
export function compileSeccomp(profile: LinuxSeccomp, arch: MachineArchitecture, listens = false): CompiledSeccomp {
  const notifies = checkListener(profile, listens)
  const otherwise = actionValue(profile.defaultAction, profile.defaultErrnoRet, 'seccomp.defaultAction')
  const named = rulesByName(profile, otherwise)
  const newer = profile.defaultAction === 'SCMP_ACT_ERRNO' ? errnoAction(enosys) : otherwise
  const architectures = filterArchitectures(profile.architectures, arch)
  const assembler = new Assembler()
  // Written from the end: the machine's own architecture comes last and is asked first.
  let others: Target = { action: killThread }
  for (const architecture of architectures.toReversed()) {
    if (architecture === 'x32') continue
    const ranges: Range[] = []
    addRanges(ranges, named, architecture, otherwise, newer)
    if (architecture === 'x86_64') {
      if (architectures.includes('x32')) addRanges(ranges, named, 'x32', otherwise, newer)
      else addRange(ranges, x32Bit, killThread)
    }
    addRange(ranges, cancelled, otherwise)
    const isNarrow = (start: number) => narrow[architecture] || (architecture === 'x86_64' && start >= x32Bit)
    others = assembler.architecture(auditArchitectures[architecture], ranges, isNarrow, others)
  }
  const program = assembler.finish()
  if (program.length > 8 * mostInstructions)
    throw new UserError(
      `seccomp: the profile needs ${program.length / 8} instructions, but the kernel takes ${mostInstructions}; use fewer conditions`,
    )
  return { program, flags: flagsValue(profile.flags, notifies), ...(notifies && { notifies }) }
}

/**
 * Whether some call is handed to a listener. write(2) cannot be: with it the child says that the listener is there, before
 * anybody answers.
 */
function checkListener(profile: LinuxSeccomp, listens: boolean): boolean {
  const { listenerPath, listenerMetadata, defaultAction, syscalls = [] } = profile
  if (!listens && (listenerPath || listenerMetadata))
    throw new UserError('seccomp.listenerPath: a listener is not supported; remove it and SCMP_ACT_NOTIFY')
  if (listenerMetadata && !listenerPath)
    throw new UserError('seccomp.listenerMetadata: there is nobody to give it to without listenerPath')
  if (defaultAction === 'SCMP_ACT_NOTIFY')
    throw new UserError(
      'seccomp.defaultAction: SCMP_ACT_NOTIFY would hand over the calls by which the listener is made known; name the calls',
    )
  const index = syscalls.findIndex(({ action }) => action === 'SCMP_ACT_NOTIFY')
  if (index < 0) return false
  if (!listens)
    throw new UserError(
      `seccomp.syscalls[${index}].action: SCMP_ACT_NOTIFY is not supported: there is no listener to hand the calls to`,
    )
  if (!listenerPath) throw new UserError('seccomp.listenerPath: SCMP_ACT_NOTIFY needs the socket of a listener')
  if (syscalls.some(({ action, names }) => action === 'SCMP_ACT_NOTIFY' && names.includes('write')))
    throw new UserError('seccomp.syscalls: SCMP_ACT_NOTIFY cannot be used for write; leave it out')
  return true
}

function rulesByName(profile: LinuxSeccomp, otherwise: number): RulesByName {
  const named = new Map<string, readonly Rule[]>()
  for (const [index, entry] of (profile.syscalls ?? []).entries()) {
    const rules = entryRules(entry, `seccomp.syscalls[${index}]`).filter(({ action }) => action !== otherwise)
    for (const name of entry.names) {
      const known = named.get(name)
      named.set(name, known ? [...known, ...rules] : rules)
    }
  }
  return named
}

/** Appends the decisions for all numbers of one architecture, from its first number on. */
function addRanges(
  ranges: Range[],
  named: RulesByName,
  architecture: CallArchitecture,
  otherwise: number,
  newer: number,
): void {
  const isNarrow = narrow[architecture]
  const first = architecture === 'x32' ? x32Bit : 0
  let next = first
  let latest: readonly Rule[] = []
  let isPrivate = false
  const closeOrdinary = () => addRange(ranges, next, next > first ? newer : otherwise)
  const openPrivate = () => {
    closeOrdinary()
    isPrivate = true
    next = armPrivate
  }
  eachCall(architecture, (name, number) => {
    let rules = named.get(name)
    if (architecture === 'x86' && Object.hasOwn(multiplexers, name)) rules = multiplexed(name, rules, named)
    if (!rules) return
    if (architecture === 'arm' && number >= armPrivate && !isPrivate) openPrivate()
    if (number >= next) addRange(ranges, next, otherwise)
    else {
      // A second name of the same call.
      rules = [...latest, ...rules]
    }
    addRange(ranges, number, decision(rules, isNarrow, otherwise))
    latest = rules
    next = number + 1
  })
  if (architecture === 'arm' && !isPrivate) openPrivate()
  if (isPrivate) addRange(ranges, next, otherwise)
  else closeOrdinary()
}

/** The own rules of socketcall(2) or ipc(2), then those of the calls that it stands for. */
function multiplexed(name: string, own: readonly Rule[] | undefined, named: RulesByName): readonly Rule[] | undefined {
  const rules: Rule[] = []
  let found = own !== undefined
  for (const [call, value] of multiplexers[name]!) {
    const wanted = named.get(call)
    const unconditional = wanted && unconditionalOf(wanted, true)
    if (unconditional) rules.push({ action: unconditional.action, conditions: [firstArgumentIs(value)] })
    found ||= unconditional !== undefined
  }
  return found ? [...(own ?? []), ...rules] : undefined
}

function unconditionalOf(rules: readonly Rule[], isNarrow: boolean): Rule | undefined {
  return rules.find(({ conditions }) => conditions.every((one) => isTrivial(one, isNarrow)))
}

function decision(rules: readonly Rule[], isNarrow: boolean, otherwise: number): Decision {
  const unconditional = unconditionalOf(rules, isNarrow)
  if (unconditional) return unconditional.action
  return rules.length === 0 ? otherwise : { rules, otherwise }
}

function firstArgumentIs(low: number): Condition {
  return { index: 0, test: 'equal', holdsWhen: true, maskHigh: 0xffffffff, maskLow: 0xffffffff, high: 0, low }
}

/** Appends a range unless the one before is decided alike; one that turns out empty is replaced. */
function addRange(ranges: Range[], start: number, decision: Decision): void {
  if (ranges.at(-1)?.start === start) ranges.pop()
  if (ranges.at(-1)?.decision !== decision) ranges.push({ start, decision })
}
