// The flags of the commands on all that vitrine keeps.

import { all, type CommandFlags, format, help, pruneFilter } from './table.ts'

const force = { name: 'force', short: 'f', kind: 'switch', help: 'do not ask' } as const

const diskUsage: CommandFlags = {
  summary: 'show what images, containers and volumes occupy on disk',
  usage: '',
  flags: [format, { name: 'verbose', short: 'v', kind: 'switch', help: 'each of them' }, help],
  podmanOnly: [],
}

const prune: CommandFlags = {
  summary: 'remove stopped containers and images that nobody needs',
  usage: '',
  flags: [
    all('every image that no container is made of, not only those without a name'),
    pruneFilter,
    force,
    { name: 'volumes', kind: 'switch', help: 'volumes that no container uses, too' },
    help,
  ],
  podmanOnly: ['build', 'external'],
}

const containerPrune: CommandFlags = {
  summary: 'remove containers that do not run',
  usage: '',
  flags: [pruneFilter, force, help],
  podmanOnly: [],
}

export const systemCommands = {
  'container prune': containerPrune,
  'system df': diskUsage,
  'system prune': prune,
} as const satisfies Readonly<Record<string, CommandFlags>>
