// Differences between the simulated kernel and real ones that are declared: each with its name, its rule and the reason.

import type { Played } from '../../../sim/scenario/result.ts'
import type { Machine } from './machine.ts'

interface Declaration {
  readonly name: string
  readonly rule: string
  readonly why: string
  /** Whether a line that differs is such a case; the text is that of the scenario up to its end. */
  readonly holds: (played: Played, text: string, machine: Machine) => boolean
}

const declarations: readonly Declaration[] = []

/** The name and rule of a declared difference; undefined when nobody has declared it. */
export function declared(played: Played, text: string, machine: Machine): string | undefined {
  const found = declarations.find(({ holds }) => holds(played, text, machine))
  return found && `${found.name} (${found.rule})`
}
