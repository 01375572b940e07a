// The flags of the commands on images.

import { platformFlags, registryFlags } from './registry-flags.ts'
import { all, type CommandFlags, filter, format, help, noTrunc, pruneFilter, shortFormat } from './table.ts'

const images: CommandFlags = {
  summary: 'list images',
  usage: '[NAME]',
  flags: [
    all('intermediate ones too'),
    { name: 'digests', kind: 'switch', help: 'show digests' },
    { ...filter, kind: 'list' },
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

const search: CommandFlags = {
  summary: 'find images in registries',
  usage: '[REGISTRY/]TERM',
  flags: [
    ...registryFlags,
    { name: 'compatible', kind: 'switch', help: 'show stars, official and automated too' },
    { ...filter, kind: 'list', value: 'FILTER', help: 'stars=NUMBER, is-official, is-automated' },
    { ...format, help: 'json, or a template such as {{.Name}}' },
    { name: 'limit', kind: 'text', value: 'NUMBER', help: 'at most so many of each registry (default 25)' },
    { name: 'list-tags', kind: 'switch', help: 'the tags of the repository that the term names' },
    { name: 'no-trunc', kind: 'switch', help: 'descriptions as they are' },
    help,
  ],
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

const push: CommandFlags = {
  summary: 'send an image to a registry',
  usage: 'IMAGE [DESTINATION]',
  flags: [
    { name: 'compression-format', kind: 'text', value: 'FORMAT', help: 'gzip or zstd, for all layers' },
    {
      name: 'compression-level',
      kind: 'text',
      value: 'LEVEL',
      help: 'how hard to compress: gzip 1 to 9, zstd 1 to 22',
    },
    { name: 'digestfile', kind: 'text', value: 'FILE', help: 'where to write the digest of what was pushed' },
    { name: 'disable-content-trust', kind: 'switch', help: 'does nothing, as in podman' },
    { name: 'format', short: 'f', kind: 'text', value: 'FORMAT', help: 'oci or v2s2 (default: as it came)' },
    { name: 'quiet', short: 'q', kind: 'switch', help: 'print nothing on the way' },
    ...registryFlags,
    { name: 'remove-signatures', kind: 'switch', help: 'does nothing: signatures are not kept' },
    help,
  ],
  podmanOnly: [
    ...['all', 'compress', 'encrypt-layer', 'encryption-key', 'force-compression', 'retry', 'retry-delay', 'rm'],
    ...['sign-by', 'sign-by-sigstore', 'sign-by-sigstore-private-key', 'sign-passphrase-file', 'signature-policy'],
  ],
}

export const imageCommands = {
  push,
  pull,
  images,
  rmi,
  history,
  tag,
  untag,
  search,
  'image exists': exists,
  'image inspect': inspect,
  'image prune': prune,
  'image tree': tree,
} as const satisfies Readonly<Record<string, CommandFlags>>
