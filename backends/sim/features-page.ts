// The table of system calls as docs/simulated-kernel.md shows it: what `vitrine sim features` prints, for readers.

import { type Feature, features } from './open.ts'

/** Markdown: how many calls there are of each level, those that are whole, and the others with what is not there. */
export function featuresPage(): string {
  const all = features()
  const of = (level: Feature['level']) => all.filter((feature) => feature.level === level)
  const rows = (level: Feature['level']) => of(level).map(({ call, note }) => `| \`${call}\` | ${escaped(note)} |`)
  return [
    `${all.length} calls: ${of('full').length} full, ${of('partial').length} partial, ${of('none').length} none.`,
    '',
    '## Full',
    '',
    ...lines(of('full').map(({ call }) => `\`${call}\``)),
    '',
    '## Partial',
    '',
    '| call | what is not there |',
    '|---|---|',
    ...rows('partial'),
    '',
    '## None: ENOSYS',
    '',
    '| call | why |',
    '|---|---|',
    ...rows('none'),
  ].join('\n')
}

const escaped = (note: string): string => note.replaceAll('|', '\\|')

/** Words in lines of at most 120 characters. */
function lines(words: readonly string[]): string[] {
  const all: string[] = []
  for (const word of words) {
    const last = all.at(-1)
    if (last !== undefined && last.length + 2 + word.length < 120) all[all.length - 1] = `${last}, ${word}`
    else {
      if (last !== undefined) all[all.length - 1] = `${last},`
      all.push(word)
    }
  }
  return all
}
