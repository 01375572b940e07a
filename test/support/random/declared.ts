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

/** The call of a line. */
const nameIn = (line: string): string | undefined => /(?:^|\] )(\w+)\(/.exec(line)?.[1]

const declarations: readonly Declaration[] = [
  {
    name: 'shutdown of an unconnected socket',
    rule: 'shutdown(2)',
    why: 'Linux refuses with ENOTCONN and shuts it down even so; here a refused call changes nothing',
    holds: ({ written }, before) =>
      /shutdown\(.*ENOTCONN/.test(before) &&
      (written.startsWith('# waits') || /^(read|recv|send|write|p?poll|p?select|epoll)/.test(nameIn(written) ?? '')),
  },
  {
    name: 'overlay that is mounted nowhere',
    rule: 'OVL-009',
    why: 'Linux makes the file system, and marks its upper directory, before it finds that the place is no directory',
    holds: ({ written }, before) =>
      /xattr$/.test(nameIn(written) ?? '') && /"overlay".*upperdir=.*E[A-Z]+/.test(before),
  },
]

/** The name and rule of a declared difference; undefined when nobody has declared it. */
export function declared(played: Played, text: string, machine: Machine): string | undefined {
  const found = declarations.find(({ holds }) => holds(played, text, machine))
  return found && `${found.name} (${found.rule})`
}
