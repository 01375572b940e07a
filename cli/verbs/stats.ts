// `stats`: what containers use, as a table that is drawn anew, or once.

import { list } from '../../core/engine/list.ts'
import { stats as sampleOf } from '../../core/engine/stats.ts'
import type { StatsSample } from '../../core/engine/types.ts'
import { UserError } from '../../core/errors.ts'
import type { Context, Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { wholeNumber } from '../flags/values.ts'
import { clearScreen, print } from '../output.ts'
import { humanSize, shortId } from '../views/human.ts'
import { renderRows } from '../views/rows.ts'

const columns = [
  ['ID', 'ID'],
  ['NAME', 'Name'],
  ['CPU %', 'CPUPerc'],
  ['MEM USAGE / LIMIT', 'MemUsage'],
  ['MEM %', 'MemPerc'],
  ['NET IO', 'NetIO'],
  ['BLOCK IO', 'BlockIO'],
  ['PIDS', 'PIDs'],
  ['CPU TIME', 'CPUTime'],
  ['AVG CPU %', 'AVGCPU'],
] as const

/** Percent of one CPU, so that two busy ones are 200. */
const percent = (usec: number, nsec: bigint) => (nsec <= 0n ? 0 : (usec * 1000 * 100) / Number(nsec))

function record(sample: StatsSample, before: StatsSample | undefined, whole: boolean) {
  const since = before ?? { cpuUsec: 0, atNs: sample.atNs - sample.runningNs }
  return {
    ID: whole ? sample.id : shortId(sample.id),
    Name: sample.name,
    CPUPerc: `${percent(sample.cpuUsec - since.cpuUsec, sample.atNs - since.atNs).toFixed(2)}%`,
    MemUsage: `${humanSize(sample.memoryBytes)} / ${humanSize(sample.memoryLimitBytes)}`,
    MemPerc: `${((sample.memoryBytes / sample.memoryLimitBytes) * 100).toFixed(2)}%`,
    NetIO: `${humanSize(sample.networkReceiveBytes)} / ${humanSize(sample.networkSendBytes)}`,
    BlockIO: `${humanSize(sample.blockReadBytes)} / ${humanSize(sample.blockWriteBytes)}`,
    PIDs: String(sample.pids),
    CPUTime: `${(sample.cpuUsec / 1e6).toFixed(6)}s`,
    AVGCPU: `${percent(sample.cpuUsec, sample.runningNs).toFixed(2)}%`,
    MemUsageBytes: sample.memoryBytes,
    MemLimitBytes: sample.memoryLimitBytes,
    PIDsLimit: sample.pidsLimit ?? 0,
  }
}

async function sampleAll({ host, settings }: Context, names: readonly string[]): Promise<StatsSample[]> {
  if (names.length > 0) return await Promise.all(names.map((name) => sampleOf(host, settings, name)))
  const rows = await list(host, settings, { all: false, filters: {} })
  const samples: StatsSample[] = []
  for (const row of rows) {
    try {
      samples.push(await sampleOf(host, settings, row.id))
    } catch (error) {
      if (!(error instanceof UserError)) throw error // it has ended since it was listed
    }
  }
  return samples
}

export const stats: Verb = async (argv, context) => {
  const flags = parseFlags(commands.stats, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('stats')
  const intervalSeconds = wholeNumber('--interval', flags.text('interval') ?? '5', 1)
  const format = flags.text('format')
  const whole = flags.on('no-trunc')
  let before = new Map<string, StatsSample>()
  for (;;) {
    const samples = await sampleAll(context, flags.words)
    const rows = samples.map((sample) => record(sample, before.get(sample.id), whole))
    const clear = !flags.on('no-stream') && !flags.on('no-reset') && process.stdout.isTTY
    if (clear) clearScreen()
    print(renderRows(columns, rows, { format, heading: true }))
    if (flags.on('no-stream')) return 0
    before = new Map(samples.map((sample) => [sample.id, sample]))
    await context.host.sleep(intervalSeconds * 1000)
  }
}
