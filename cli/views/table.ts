// Columns of text, as podman prints them: two spaces between, as wide as the widest cell.

export interface TableOptions {
  readonly heading: boolean
}

export function renderTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  // A cell that breaks the line would pass for a row.
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('\n', ' ')))
  const lines = options.heading ? [titles, ...cells] : cells
  const widths = titles.map((_, column) => Math.max(0, ...lines.map((line) => (line[column] ?? '').length)))
  const render = (line: readonly string[]) =>
    line
      .map((cell, column) => (column === titles.length - 1 ? cell : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  return lines.map((line) => `${render(line)}\n`).join('')
}
