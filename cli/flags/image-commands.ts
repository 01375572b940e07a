// The flags of the commands on images.

import { all, type CommandFlags, filter, format, help, noTrunc } from './table.ts'

const importImage: CommandFlags = {
  summary: 'take an image in: oci:DIR, oci-archive:FILE, docker-archive:FILE',
  usage: 'SOURCE [REFERENCE]',
  flags: [{ name: 'quiet', short: 'q', kind: 'switch', help: 'only the id' }, help],
  podmanOnly: ['arch', 'change c', 'message m', 'os', 'variant'],
}

const load: CommandFlags = {
  summary: 'take images in from an archive',
  usage: '',
  flags: [
    { name: 'input', short: 'i', kind: 'text', value: 'FILE', help: 'the archive (default: standard input)' },
    { name: 'quiet', short: 'q', kind: 'switch', help: 'say nothing on the way' },
    help,
  ],
  podmanOnly: ['signature-policy'],
}

const images: CommandFlags = {
  summary: 'list images',
  usage: '[NAME]',
  flags: [
    all('intermediate ones too'),
    { name: 'digests', kind: 'switch', help: 'show digests' },
    filter,
    format,
    noTrunc,
    { name: 'noheading', short: 'n', kind: 'switch', help: 'no line of headings' },
    { name: 'quiet', short: 'q', kind: 'switch', help: 'only ids' },
    { name: 'sort', kind: 'text', value: 'COLUMN', help: 'created, id, repository, size or tag' },
    help,
  ],
  podmanOnly: ['history'],
}

const rmi: CommandFlags = {
  summary: 'remove images',
  usage: 'IMAGE...',
  flags: [all('every one'), { name: 'force', short: 'f', kind: 'switch', help: 'also one with several names' }, help],
  podmanOnly: ['ignore i', 'no-prune'],
}

export const imageCommands = {
  import: importImage,
  load,
  images,
  rmi,
} as const satisfies Readonly<Record<string, CommandFlags>>
