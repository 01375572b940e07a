// A plan as text: one line for each step, the call as strace(1) would write it, and why.

import { type Syscall, signatures } from '../syscall.ts'
import type { LaunchPlan, Step } from './plan.ts'
import { printArgument } from './print-argument.ts'

/** The system call as strace writes it; a result of an earlier step stands in angle brackets: `<root>`. */
export function printCall(call: Syscall): string {
  const given = call as unknown as Record<string, unknown>
  const parts = signatures[call.name].map(([name, kind]) => printArgument(call, name, kind, given[name]))
  const name =
    call.name === 'ioctl_int' ? 'ioctl' : call.name === 'prctl_name' || call.name === 'prctl_get' ? 'prctl' : call.name
  return `${name}(${parts.filter((part) => part !== undefined).join(', ')})`
}

/** Lines without their numbers; what is done only after a success or a refusal is indented below its step. */
function printStep(step: Step, lead: string, indent: string, lines: string[]): void {
  const result = step.as === undefined || step.waits ? '' : ` = <${step.as}>`
  const tolerated =
    step.tolerate === undefined ? '' : step.tolerate === 'any' ? 'any errno' : step.tolerate.join(' or ')
  const fine = tolerated === '' ? '' : ` (${tolerated} is fine)`
  lines.push(`${lead}${printCall(step.call)}${result}  # ${step.why}${fine}`)
  for (const inner of step.and ?? []) printStep(inner, `${indent}   if so: `, `${indent}   `, lines)
  for (const inner of step.otherwise ?? []) printStep(inner, `${indent}   if not: `, `${indent}   `, lines)
}

/** The whole plan: what is given, and a line for each step: number, parent or child, call, result, why. */
export function printPlan(plan: LaunchPlan): string {
  const lines = (plan.given ?? []).map((sentence) => `# ${sentence}`)
  const width = String(plan.steps.length).length
  for (const [i, step] of plan.steps.entries()) {
    const number = String(i + 1).padStart(width)
    printStep(step, `${number} ${step.in === 'parent' ? 'parent' : 'child '} `, ' '.repeat(width + 8), lines)
  }
  return `${lines.join('\n')}\n`
}
