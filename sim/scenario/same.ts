// Whether a call came out as it is written: its result, and what it has written into its outputs.

import type { Syscall } from '../../core/syscall.ts'
import type { Outcome } from '../outcome.ts'
import type { Member } from './cast.ts'
import { agrees, samePids, sameSignals } from './compare.ts'
import type { Output } from './data.ts'
import { notePair, resultKind } from './effects.ts'
import { holdsPids } from './names.ts'
import { numberIn } from './number.ts'
import { written } from './output.ts'
import { sameOfItsKind } from './same-output.ts'
import type { CallLine, Expected } from './scenario.ts'
import { parseValue, type Value } from './value.ts'

/** A number of a process is written in other digits. */
export function samePidText(
  line: CallLine,
  call: Syscall,
  expected: bigint,
  actual: bigint,
  names: Member['names'],
): boolean {
  if (call.name !== 'write' || line.args[0] === undefined || !holdsPids(pathOf(line.args[0], names))) return false
  return expected === numberIn(line.args[2] ?? { kind: 'anything' }) && Number(actual) === call.buf.length
}

export function sameResult(
  call: Syscall,
  expected: bigint,
  actual: bigint,
  { pids, elsewhere }: Member['names'],
): boolean {
  // Numbers of keyrings, and the size of the kernel's own masks, are whatever they are.
  if (elsewhere && /^(keyctl|sched_getaffinity)$/.test(call.name)) return expected > 0n === actual > 0n
  switch (resultKind(call)) {
    case 'fd':
      return expected >= 0n
    case 'pid':
      return expected <= 0n || actual <= 0n ? expected === actual : pids.same(expected, actual)
    case 'address':
      return expected !== -1n
    case 'number':
      return expected === actual
  }
}

export function sameOutputs(
  line: CallLine,
  expected: Expected,
  { names }: Member,
  call: Syscall,
  outputs: readonly Output[],
  outcome: Extract<Outcome, { value: number }>,
): boolean {
  // Of a call with several outputs, only the first one's bytes come back.
  const [output] = outputs
  const value = outcome.data && written(call, outcome.value, outcome.data)
  if (call.name === 'ppoll' || (call.name as string) === 'poll')
    return value === undefined || agrees(polled(expected), value, names)
  if (output === undefined || value === undefined || numbersOnly(output.written)) return true
  const special = sameOfItsKind(call, output.written, value, outcome, names)
  if (special !== undefined) return special
  if (/^(pipe2?|socketpair)$/.test(call.name)) {
    notePair(names, output.written, value)
    return true
  }
  if (names.elsewhere && call.name === 'read' && output.written.kind === 'string' && value.kind === 'string')
    if (output.written.bytes.length > 12 && sameSignals(output.written.bytes, value.bytes)) return true
  if (names.elsewhere && /^readlink/.test(call.name) && output.written.kind === 'string' && value.kind === 'string') {
    const [wanted, got] = [output.written.bytes, value.bytes].map((bytes) => new TextDecoder().decode(bytes))
    if (/^\d+$/.test(wanted!) && /^\d+$/.test(got!)) return names.pids.same(BigInt(wanted!), BigInt(got!))
  }
  const path = 'fd' in call && typeof line.args[0] === 'object' ? pathOf(line.args[0], names) : undefined
  if ((call.name === 'read' || call.name === 'pread64') && holdsPids(path))
    return samePids(output.written, value, names)
  return agrees(output.written, value, names)
}

/** An address instead of what lies there: strace was not asked, or the call has failed. */
const numbersOnly = (value: Value): boolean => value.kind === 'number' || value.kind === 'name'

function pathOf(fd: Value, names: Member['names']): string | undefined {
  return fd.kind === 'number' ? names.files.paths.get(fd.number) : undefined
}

/** `= 1 ([{fd=3, revents=POLLIN}])`; a note of another kind says nothing of descriptors. */
function polled(expected: Expected): Value {
  const text = expected.kind === 'value' ? /^\[.*?\](?=$|, left)/.exec(expected.note ?? '')?.[0] : undefined
  return text === undefined ? { kind: 'anything' } : parseValue(text)
}
