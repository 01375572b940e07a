// events: statistics once, or every few seconds until the container has ended. runc-events(8).

import { UserError } from '../../core/errors.ts'
import { isThere, oomKills, statistics } from '../../core/oci/statistics.ts'
import { print } from '../output.ts'
import { idOf } from './create.ts'
import { theHost } from './host.ts'
import type { OciVerb } from './main.ts'

/** `5s`, `500ms`, `1m`, as Go spells durations. */
function milliseconds(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? []
  if (number === undefined || Number(number) === 0)
    throw new UserError(`--interval=${text}: must be a duration such as 5s`)
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm']
}

export const events: OciVerb = async (flags, args, context) => {
  const host = theHost()
  const id = idOf(args)
  const line = (event: object) => print(`${JSON.stringify(event)}\n`)
  const intervalMs = milliseconds(flags.value('interval') ?? '5s')
  line(statistics(host, context, id))
  if (flags.has('stats')) return 0
  let ooms = oomKills(host, context, id)
  for (;;) {
    await host.sleep(intervalMs)
    if (!isThere(host, context, id)) return 0
    const now = oomKills(host, context, id)
    if (now > ooms) line({ type: 'oom', id })
    ooms = now
    line(statistics(host, context, id))
  }
}
