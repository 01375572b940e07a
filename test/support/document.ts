// The console sessions that documents show: their commands, with what is below each.

export interface Entry {
  readonly command: string
  readonly output: string
}

/** The commands of all console blocks, in order. */
export function consoleEntries(document: string): Entry[] {
  const blocks = [...document.matchAll(/^```console\n([\s\S]*?)^```/gm)].map((match) => match[1]!)
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return { command: part.slice(0, end), output: part.slice(end + 1) }
      }),
  )
}

/** Without what differs from run to run: ids, times, pids and widths. */
export const mask = (text: string): string =>
  text
    .replaceAll(/\b([0-9a-f]{64}|[0-9a-f]{12})\b/g, (id) => `<id of ${id.length}>`)
    .replaceAll(/(About a |Less than a )?\b(\d+ )?(second|minute|hour)s?( ago)?\b/g, '<time>')
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+\S*/g, '<time>')
    .replaceAll(/\b\d+\.\d+m?s\b/g, '<time>')
    .replaceAll(/\b(?!1\b)\d{1,7}\b(?!\.|%)/g, (number) => (Number(number) > 300 ? '<number>' : number))
    .replaceAll(/ +/g, ' ')
