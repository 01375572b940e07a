// What came of playing a scenario, line by line, and the table that is printed of it.

import type { Difference } from './scenario.ts'

export type Verdict =
  | 'agrees'
  | 'differs'
  /** The call is outside of what the simulated kernel knows. */
  | 'not modelled'
  /** `?`: played, not compared. */
  | 'left out'
  /** It differs, and the scenario says so. */
  | 'declared'
  /** Of a task that is not there, because an earlier call went otherwise. */
  | 'skipped'
  /** Of lines that are no calls. */
  | 'holds'
  | 'fails'

export interface Played {
  readonly line: number
  readonly written: string
  readonly verdict: Verdict
  /** The call with what this kernel answered; or why it could not be played. */
  readonly actual: string
  /** The rule that the simulated kernel applied, with its sentence. */
  readonly rule?: string
  readonly sentence?: string
  readonly declared?: Difference
}

export interface Result {
  readonly stage: string
  readonly played: readonly Played[]
}

export type Counts = Readonly<Record<Verdict, number>>

export function count({ played }: Result): Counts {
  const counts: Record<Verdict, number> = {
    ...{ agrees: 0, differs: 0, 'not modelled': 0, 'left out': 0, declared: 0, skipped: 0, holds: 0, fails: 0 },
  }
  for (const { verdict } of played) counts[verdict] += 1
  return counts
}

/** Nothing differs, and at most a tenth of the calls is not modelled. */
export function passes(result: Result): boolean {
  const counts = count(result)
  const calls = callsOf(counts)
  return counts.differs === 0 && counts.fails === 0 && counts['not modelled'] * 10 <= calls
}

const callsOf = (counts: Counts): number =>
  counts.agrees + counts.differs + counts['not modelled'] + counts['left out'] + counts.declared + counts.skipped

/** The last line: `9 calls: 8 agree, 1 differ, 0 not modelled`, and what else there is to count. */
export function summary(result: Result): string {
  const counts = count(result)
  const more = [
    counts['left out'] > 0 && `${counts['left out']} left out`,
    counts.declared > 0 && `${counts.declared} declared differences`,
    counts.skipped > 0 && `${counts.skipped} skipped`,
    counts.fails > 0 && `${counts.fails} of ${counts.holds + counts.fails} other lines fail`,
  ].filter((part) => part !== false)
  const main = `${counts.agrees} agree, ${counts.differs} differ, ${counts['not modelled']} not modelled`
  return `${callsOf(counts)} calls: ${main}${more.length === 0 ? '' : ` (${more.join(', ')})`}`
}

/** Lines that did not go as written, each with what happened instead and the rule that was applied. */
export function report(result: Result): string {
  const lines: string[] = []
  for (const played of result.played) {
    const { verdict } = played
    if (verdict === 'agrees' || verdict === 'holds' || verdict === 'left out' || verdict === 'skipped') continue
    lines.push(
      `line ${played.line}: ${verdict}`,
      `  written  ${played.written}`,
      `  ${result.stage.padEnd(8)} ${played.actual}`,
    )
    if (played.rule !== undefined) lines.push(`  rule     ${played.rule}: ${played.sentence}`)
    if (played.declared) lines.push(`  declared ${played.declared.rule} on ${played.declared.on}`)
  }
  return [...lines, summary(result), ''].join('\n')
}
