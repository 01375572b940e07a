// state, list and ps. runc-state(8), runc-list(8), runc-ps(8).

import { UserError } from '../../core/errors.ts'
import { processes } from '../../core/oci/processes.ts'
import { list as listContainers, state as stateOf } from '../../core/oci/state.ts'
import { print } from '../output.ts'
import { idOf } from './create.ts'
import { theHost } from './host.ts'
import type { OciVerb } from './main.ts'
import type { Flags } from './parse.ts'

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`

/** @errors UserError for a format that is neither of the two */
function isJson(flags: Flags): boolean {
  const format = flags.value('format') ?? 'table'
  if (format !== 'table' && format !== 'json') throw new UserError(`--format=${format}: must be table or json`)
  return format === 'json'
}

export const state: OciVerb = (_flags, args, context) => {
  print(json(stateOf(theHost(), context, idOf(args))))
  return 0
}

const titles = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']

export const list: OciVerb = (flags, _args, context) => {
  const containers = listContainers(theHost(), context)
  if (flags.has('quiet')) print(containers.map(({ id }) => `${id}\n`).join(''))
  else if (isJson(flags)) print(`${JSON.stringify(containers)}\n`)
  else {
    const rows = containers.map(({ id, pid = 0, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ])
    // runc's columns: twelve characters at least, three between.
    const widths = titles.map((title, column) =>
      Math.max(12, ...[title, ...rows.map((row) => row[column]!)].map(({ length }) => length + 3)),
    )
    for (const row of [titles, ...rows])
      print(
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('')
          .trimEnd()}\n`,
      )
  }
  return 0
}

export const ps: OciVerb = async (flags, [id, ...options], context) => {
  const pids = processes(theHost(), context, idOf(id === undefined ? [] : [id]))
  if (isJson(flags)) {
    print(`${JSON.stringify(pids)}\n`)
    return 0
  }
  // The host's own ps(1) knows the columns; whose lines are meant is told by the column PID.
  const { spawnSync } = await import('node:child_process')
  const shown = spawnSync('ps', options.length > 0 ? options : ['-ef'], { encoding: 'utf8' })
  if (shown.status !== 0) throw new UserError(`ps: ${(shown.error?.message ?? shown.stderr).trim()}`)
  const [title = '', ...lines] = shown.stdout.split('\n')
  const column = title.trim().split(/\s+/).indexOf('PID')
  if (column < 0) throw new UserError(`ps ${options.join(' ')}: shows no column PID`)
  const wanted = new Set(pids.map(String))
  print(
    [title, ...lines.filter((line) => wanted.has(line.trim().split(/\s+/)[column]!))]
      .map((line) => `${line}\n`)
      .join(''),
  )
  return 0
}
