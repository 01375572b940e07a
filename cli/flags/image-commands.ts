// The flags of the commands on images.

import { platformFlags, registryFlags } from './registry-flags.ts'
import { all, type CommandFlags, filter, format, help, noTrunc, pruneFilter, shortFormat } from './table.ts'

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
  flags: [
    all('every one'),
    { name: 'force', short: 'f', kind: 'switch', help: 'with all its names, and the containers made of it' },
    { name: 'ignore', short: 'i', kind: 'switch', help: 'no error when there is none of that name' },
    { name: 'no-prune', kind: 'switch', help: 'keep images without a name (they are kept in any case)' },
    help,
  ],
  podmanOnly: [],
}

const prune: CommandFlags = {
  summary: 'remove images that nobody needs',
  usage: '',
  flags: [
    all('every one that no container is made of, not only those without a name'),
    pruneFilter,
    { name: 'force', short: 'f', kind: 'switch', help: 'do not ask' },
    help,
  ],
  podmanOnly: ['build-cache', 'external'],
}

const inspect: CommandFlags = {
  summary: 'show everything about images',
  usage: 'IMAGE...',
  flags: [shortFormat, help],
  podmanOnly: [],
}

const history: CommandFlags = {
  summary: 'show the steps in which an image was made',
  usage: 'IMAGE',
  flags: [
    format,
    { name: 'human', short: 'H', kind: 'switch', help: 'sizes and times for people (default true)' },
    noTrunc,
    { name: 'quiet', short: 'q', kind: 'switch', help: 'only ids' },
    help,
  ],
  podmanOnly: [],
}

const tree: CommandFlags = {
  summary: 'show the layers of an image, and whose they are',
  usage: 'IMAGE',
  flags: [{ name: 'whatrequires', kind: 'switch', help: 'show what other images have upon it' }, help],
  podmanOnly: [],
}

const tag: CommandFlags = {
  summary: 'give an image more names',
  usage: 'IMAGE NAME...',
  flags: [help],
  podmanOnly: [],
}

const untag: CommandFlags = {
  summary: 'take names away from an image',
  usage: 'IMAGE [NAME...]',
  flags: [help],
  podmanOnly: [],
}

const exists: CommandFlags = {
  summary: 'say by the exit code whether an image is here',
  usage: 'IMAGE',
  flags: [help],
  podmanOnly: [],
}

const pull: CommandFlags = {
  summary: 'get images from registries',
  usage: 'IMAGE...',
  flags: [
    { name: 'all-tags', short: 'a', kind: 'switch', help: 'all tagged images of a repository' },
    { name: 'disable-content-trust', kind: 'switch', help: 'does nothing, as in podman' },
    ...platformFlags,
    ...registryFlags,
    { name: 'quiet', short: 'q', kind: 'switch', help: 'print nothing but ids' },
    help,
  ],
  podmanOnly: ['decryption-key', 'retry', 'retry-delay', 'signature-policy'],
}

export const imageCommands = {
  pull,
  import: importImage,
  load,
  images,
  rmi,
  history,
  tag,
  untag,
  'image exists': exists,
  'image inspect': inspect,
  'image prune': prune,
  'image tree': tree,
} as const satisfies Readonly<Record<string, CommandFlags>>
