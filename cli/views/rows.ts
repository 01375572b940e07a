// Rows of any kind as the user wants them: podman's table, ids only, json, or a template.

import { renderTable } from './table.ts'
import { compileTemplate, tableTitles } from './template.ts'

export interface RowOptions {
  readonly format?: string
  readonly heading: boolean
}

/**
 * @param columns - the table's titles, and the field of a row that each shows
 * @param rows - one record per line, under podman's field names
 */
export function renderRows(
  columns: readonly (readonly [title: string, field: string])[],
  rows: readonly Readonly<Record<string, unknown>>[],
  options: RowOptions,
): string {
  const { format, heading } = options
  if (format === 'json') return `${JSON.stringify(rows, null, 4)}\n`
  if (format === undefined || format === 'table') {
    const cells = rows.map((row) => columns.map(([, field]) => String(row[field] ?? '')))
    return renderTable(
      columns.map(([title]) => title),
      cells,
      { heading },
    )
  }
  if (format.startsWith('table ')) {
    const template = format.slice('table '.length)
    const render = compileTemplate(template)
    const lines = rows.map((row) => render(row).split('\t'))
    return renderTable(tableTitles(template), lines, { heading })
  }
  const render = compileTemplate(format)
  return rows.map((row) => `${render(row)}\n`).join('')
}
