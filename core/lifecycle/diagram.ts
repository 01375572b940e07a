// The lifecycle machine as a picture: the mermaid diagram of docs/lifecycle.md.

import { transition } from './machine.ts'
import { type Move, moves, type Phase, phases } from './phases.ts'

/** A mermaid state diagram: one arrow for each pair of phases, with all moves that lead that way. */
export function diagram(): string {
  const lines = ['```mermaid', 'stateDiagram-v2', '    [*] --> creating']
  for (const from of phases) {
    const arrows = new Map<Phase, Move[]>()
    for (const move of moves) {
      const to = transition(from, move)
      if (to !== undefined) arrows.set(to, [...(arrows.get(to) ?? []), move])
    }
    for (const [to, by] of arrows) lines.push(`    ${from} --> ${to}: ${by.join(', ')}`)
  }
  return [...lines, '    deleted --> [*]', '```'].join('\n')
}
