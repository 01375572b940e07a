// `ps`.

import { list } from '../../core/engine/list.ts'
import type { ContainerRow, FilterKey, Filters } from '../../core/engine/types.ts'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { wholeNumber } from '../flags/values.ts'
import { print, printLine } from '../output.ts'
import { ago, humanDuration, shortId } from '../views/human.ts'
import { renderRows } from '../views/rows.ts'

const filterKeys: readonly string[] = [
  'id',
  'name',
  'status',
  'label',
  'ancestor',
  'exited',
  'before',
  'since',
  'volume',
  'network',
] satisfies FilterKey[]

function filtersOf(values: readonly string[]): Filters {
  const filters: Record<string, string[]> = {}
  for (const value of values) {
    const equals = value.indexOf('=')
    const key = value.slice(0, equals)
    if (equals < 1) throw new UserError(`--filter=${value}: must be KEY=VALUE`)
    if (!filterKeys.includes(key))
      throw new UserError(`--filter=${value}: unknown key; known are ${filterKeys.join(', ')}`)
    filters[key] = [...(filters[key] ?? []), value.slice(equals + 1)]
  }
  return filters
}

/** `Up 3 minutes`, `Exited (137) 2 hours ago`: what podman writes under STATUS. */
function statusText(row: ContainerRow, nowMs: number): string {
  switch (row.status) {
    case 'running':
      return `Up ${humanDuration(nowMs - (row.startedMs ?? row.createdMs))}`
    case 'paused':
      return 'Paused'
    case 'exited':
      return `Exited (${row.exitCode}) ${ago(nowMs - (row.exitedMs ?? row.createdMs))}`
    case 'created':
      return 'Created'
    default:
      return `${row.status[0]!.toUpperCase()}${row.status.slice(1)}`
  }
}

function portsText(row: ContainerRow): string {
  return row.ports
    .map((port) => `${port.hostIp ?? '0.0.0.0'}:${port.hostPort}->${port.containerPort}/${port.protocol}`)
    .join(', ')
}

function commandText(command: readonly string[], whole: boolean): string {
  const text = command.join(' ')
  return whole || text.length <= 20 ? text : `${text.slice(0, 17)}...`
}

const columns = [
  ['CONTAINER ID', 'ID'],
  ['IMAGE', 'Image'],
  ['COMMAND', 'Command'],
  ['CREATED', 'RunningFor'],
  ['STATUS', 'Status'],
  ['PORTS', 'Ports'],
  ['NAMES', 'Names'],
] as const

const sorts: Readonly<Record<string, (row: ContainerRow) => string | number>> = {
  command: (row) => row.command.join(' '),
  created: (row) => -row.createdMs,
  id: (row) => row.id,
  image: (row) => row.image,
  names: (row) => row.name,
  runningfor: (row) => -(row.startedMs ?? 0),
  status: (row) => row.status,
}

export const ps: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.ps, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('ps')
  if (flags.words.length > 0) throw new UserError(`ps takes no names, and got "${flags.words[0]}": use --filter name=`)
  const filters = filtersOf(flags.all('filter'))
  const last = flags.on('latest') ? 1 : flags.has('last') ? wholeNumber('--last', flags.text('last')!, 1) : undefined
  const all = flags.on('all') || last !== undefined || filters.status !== undefined || filters.exited !== undefined
  let rows = (await list(host, settings, { all, filters })).slice(0, last)
  const sort = flags.text('sort')
  if (sort !== undefined) {
    const key = sorts[sort]
    if (key === undefined) throw new UserError(`--sort=${sort}: must be one of ${Object.keys(sorts).join(', ')}`)
    rows = [...rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
  }
  const whole = flags.on('no-trunc')
  if (flags.on('quiet')) {
    for (const row of rows) printLine(whole ? row.id : shortId(row.id))
    return 0
  }
  const format = flags.text('format')
  const now = host.now()
  const records = rows.map((row) => ({
    ID: whole || format === 'json' ? row.id : shortId(row.id),
    Image: row.image,
    ImageID: row.imageId,
    Command: format === 'json' ? row.command : commandText(row.command, whole),
    Created: Math.floor(row.createdMs / 1000),
    CreatedAt: new Date(row.createdMs).toISOString(),
    RunningFor: ago(now - row.createdMs),
    State: row.status,
    Status: statusText(row, now),
    ExitCode: row.exitCode,
    Pid: row.pid,
    Ports: portsText(row),
    Names: row.name,
    Networks: row.network,
    Labels: row.labels,
    Mounts: row.mounts,
    AutoRemove: row.remove,
  }))
  if (flags.on('ns')) {
    print(await namespaceTable(rows, host, !flags.on('noheading')))
    return 0
  }
  print(renderRows(columns, records, { format, heading: !flags.on('noheading') }))
  return 0
}

/** `ps --ns`: the inode number of every namespace; two containers that share one show the same. namespaces(7). */
async function namespaceTable(
  rows: readonly ContainerRow[],
  host: Parameters<Verb>[1]['host'],
  heading: boolean,
): Promise<string> {
  const { readLink } = await import('../../core/files.ts')
  const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] as const
  const records = rows.map((row) => ({
    ID: shortId(row.id),
    Names: row.name,
    Pid: row.pid,
    ...Object.fromEntries(
      kinds.map((kind) => [
        kind,
        /\d+/.exec(readLink(host.kernel, `/proc/${row.pid}/ns/${kind}`).target ?? '')?.[0] ?? '',
      ]),
    ),
  }))
  const titles = [
    ['CONTAINER ID', 'ID'],
    ['NAMES', 'Names'],
    ['PID', 'Pid'],
  ] as const
  return renderRows([...titles, ...kinds.map((kind) => [kind.toUpperCase(), kind] as const)], records, { heading })
}
