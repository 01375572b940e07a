// The flags of the commands between images, containers and archives.

import { platformFlag } from './registry-flags.ts'
import { type CommandFlags, type Flag, help } from './table.ts'

const output: Flag = {
  name: 'output',
  short: 'o',
  kind: 'text',
  value: 'FILE',
  help: 'where it goes (default: standard output, which must be no terminal)',
}
const change: Flag = {
  name: 'change',
  short: 'c',
  kind: 'texts',
  value: 'INSTRUCTION',
  help: 'CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR, as in a Containerfile',
}
const message = (help: string): Flag => ({ name: 'message', short: 'm', kind: 'text', value: 'TEXT', help })

const importImage: CommandFlags = {
  summary: 'take in a root file system (a tar file, - or a URL) or an image (oci:DIR, oci-archive:FILE, ...)',
  usage: 'SOURCE [REFERENCE]',
  flags: [
    { name: 'arch', kind: 'text', value: 'ARCHITECTURE', help: "for which machines it is (default this one's)" },
    change,
    message('what to say of it in its history'),
    { name: 'os', kind: 'text', value: 'SYSTEM', help: 'for which system it is (default linux)' },
    platformFlag,
    { name: 'quiet', short: 'q', kind: 'switch', help: 'only the id' },
    { name: 'variant', kind: 'text', value: 'VARIANT', help: 'the variant of the architecture' },
    help,
  ],
  podmanOnly: [],
}

const load: CommandFlags = {
  summary: 'take images in from an archive or a directory',
  usage: '',
  flags: [
    { name: 'input', short: 'i', kind: 'text', value: 'FILE', help: 'the archive (default: standard input)' },
    platformFlag,
    { name: 'quiet', short: 'q', kind: 'switch', help: 'say nothing on the way' },
    help,
  ],
  podmanOnly: ['signature-policy'],
}

const save: CommandFlags = {
  summary: 'write images to an archive or a directory',
  usage: 'IMAGE...',
  flags: [
    {
      name: 'format',
      kind: 'text',
      value: 'FORMAT',
      help: 'docker-archive (default), oci-archive, oci-dir or docker-dir',
    },
    { name: 'multi-image-archive', short: 'm', kind: 'switch', help: 'several images in one archive' },
    output,
    { name: 'quiet', short: 'q', kind: 'switch', help: 'say nothing on the way' },
    help,
  ],
  podmanOnly: ['compress', 'signature-policy', 'uncompressed'],
}

const exportContainer: CommandFlags = {
  summary: "write a container's root file system to an archive",
  usage: 'CONTAINER',
  flags: [output, help],
  podmanOnly: [],
}

const commit: CommandFlags = {
  summary: 'make an image of what a container has changed',
  usage: 'CONTAINER [IMAGE]',
  flags: [
    { name: 'author', short: 'a', kind: 'text', value: 'NAME', help: 'who made it' },
    change,
    { name: 'format', short: 'f', kind: 'text', value: 'FORMAT', help: 'oci (default) or docker' },
    { name: 'iidfile', kind: 'text', value: 'FILE', help: "write the image's id there" },
    { name: 'include-volumes', kind: 'switch', help: 'places of its volumes become volumes of the image' },
    message('what was changed (with --format=docker)'),
    { name: 'pause', short: 'p', kind: 'switch', help: 'halt the container meanwhile' },
    { name: 'quiet', short: 'q', kind: 'switch', help: 'say nothing on the way' },
    { name: 'squash', short: 's', kind: 'switch', help: 'one layer with everything in it' },
    help,
  ],
  podmanOnly: ['config'],
}

const diff: CommandFlags = {
  summary: 'show which files a container has changed, or the last layer of an image',
  usage: 'CONTAINER|IMAGE',
  flags: [{ name: 'format', kind: 'text', value: 'json', help: 'json in place of lines' }, help],
  podmanOnly: ['latest l'],
}

export const archiveCommands = {
  import: importImage,
  load,
  save,
  export: exportContainer,
  commit,
  diff,
} as const satisfies Readonly<Record<string, CommandFlags>>
