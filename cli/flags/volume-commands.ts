// The flags of the commands on volumes.

import { all, type CommandFlags, type Flag, filter, format, help, pruneFilter, shortFormat } from './table.ts'

const volumes = 'VOLUME...'
const force: Flag = { name: 'force', short: 'f', kind: 'switch', help: 'do not ask' }

const create: CommandFlags = {
  summary: 'make a volume',
  usage: '[NAME]',
  flags: [
    { name: 'driver', short: 'd', kind: 'text', value: 'NAME', help: 'local, the only one' },
    { name: 'ignore', kind: 'switch', help: 'no error when there is one of that name' },
    { name: 'label', short: 'l', kind: 'list', value: 'KEY=VALUE', help: 'label' },
    {
      name: 'opt',
      short: 'o',
      kind: 'texts',
      value: 'KEY=VALUE',
      help: 'type=tmpfs, or type=none with o=bind and device=DIR; o=OPTIONS of the mount; nocopy',
    },
    help,
  ],
  podmanOnly: [],
}

const list: CommandFlags = {
  summary: 'list volumes',
  usage: '',
  flags: [
    { ...filter, kind: 'list' },
    { ...format, help: 'json, or a template such as {{.Name}}' },
    { name: 'noheading', short: 'n', kind: 'switch', help: 'no line of headings' },
    { name: 'quiet', short: 'q', kind: 'switch', help: 'only names' },
    help,
  ],
  podmanOnly: [],
}

const inspect: CommandFlags = {
  summary: 'show everything about volumes',
  usage: volumes,
  flags: [all('every one'), shortFormat, help],
  podmanOnly: [],
}

const rm: CommandFlags = {
  summary: 'remove volumes, with all that is in them',
  usage: volumes,
  flags: [
    all('every one'),
    { name: 'force', short: 'f', kind: 'switch', help: 'with the containers that use them' },
    {
      name: 'time',
      short: 't',
      kind: 'text',
      value: 'SECONDS',
      help: 'with --force: how long to wait before killing (default 10)',
      aliases: ['timeout'],
    },
    help,
  ],
  podmanOnly: [],
}

const prune: CommandFlags = {
  summary: 'remove the volumes that no container uses, those with a name too',
  usage: '',
  flags: [pruneFilter, force, help],
  podmanOnly: [],
}

const exists: CommandFlags = {
  summary: 'exit code 0 when there is a volume of that name, otherwise 1',
  usage: 'VOLUME',
  flags: [help],
  podmanOnly: [],
}

const exportVolume: CommandFlags = {
  summary: 'write what is in a volume as a tar archive',
  usage: 'VOLUME',
  flags: [
    { name: 'output', short: 'o', kind: 'text', value: 'FILE', help: 'the archive (default: standard output)' },
    help,
  ],
  podmanOnly: [],
}

const importVolume: CommandFlags = {
  summary: 'put the files of a tar archive into a volume',
  usage: 'VOLUME [FILE]',
  flags: [help],
  podmanOnly: [],
}

export const volumeCommands = {
  'volume create': create,
  'volume ls': list,
  'volume inspect': inspect,
  'volume rm': rm,
  'volume prune': prune,
  'volume exists': exists,
  'volume export': exportVolume,
  'volume import': importVolume,
} as const satisfies Readonly<Record<string, CommandFlags>>
