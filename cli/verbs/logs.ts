// `logs`.

import { logs as readLogs } from '../../core/engine/logs.ts'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { wholeNumber } from '../flags/values.ts'
import { printBytes } from '../output.ts'
import { needWords } from './each.ts'

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A moment: a date, seconds since the epoch, or a span before now such as 10m or 1h30m. */
function moment(flag: string, text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  if (/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text)) {
    const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)
    return nowMs - [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0)
  }
  const epochMs = Date.parse(text)
  if (Number.isNaN(epochMs)) throw new UserError(`${flag}=${text}: must be a date or a span such as 10m`)
  return epochMs
}

export const logs: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.logs, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('logs')
  needWords(flags.words, 'container')
  const at = (name: 'since' | 'until') => {
    const text = flags.text(name)
    return text === undefined ? undefined : moment(`--${name}`, text, host.now())
  }
  const tail = flags.text('tail')
  const options = {
    follow: flags.on('follow'),
    tail: tail === undefined || tail === 'all' || tail === '-1' ? undefined : wholeNumber('--tail', tail, 0),
    sinceMs: at('since'),
    untilMs: at('until'),
  }
  if (options.follow && flags.words.length > 1) throw new UserError('--follow takes one container')
  const encoder = new TextEncoder()
  for (const container of flags.words) {
    for await (const line of readLogs(host, settings, container, options)) {
      const head = [...(flags.on('names') ? [container] : []), ...(flags.on('timestamps') ? [line.time] : [])]
      const prefix = encoder.encode(head.map((word) => `${word} `).join(''))
      const whole = new Uint8Array(prefix.length + line.text.length)
      whole.set(prefix)
      whole.set(line.text, prefix.length)
      printBytes(line.stream === 'stdout' ? 1 : 2, whole)
    }
  }
  return 0
}
