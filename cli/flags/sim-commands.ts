// The flags of the commands on the simulated kernel.

import { type CommandFlags, help } from './table.ts'

const play: CommandFlags = {
  summary: 'play a scenario in the format of strace -f, and compare every result with what is written',
  usage: 'FILE...',
  flags: [
    { name: 'kernel', kind: 'text', value: 'sim|linux', help: 'on which kernel; linux is a user-mode Linux' },
    { name: 'native', kind: 'switch', help: 'with --kernel=linux: on the kernel of this machine; only what you trust' },
    { name: 'root', kind: 'text', value: 'FILE', help: "what the log's machine had: a file of paths (sim/README.md)" },
    { name: 'until', kind: 'text', value: 'NUMBER', help: 'stop after so many calls' },
    { name: 'json', kind: 'switch', help: 'a JSON object for each line of the scenario' },
    help,
  ],
  podmanOnly: [],
}

const features: CommandFlags = {
  summary: 'list the system calls, and how well the simulated kernel knows each',
  usage: '',
  flags: [{ name: 'json', kind: 'switch', help: 'as JSON' }, help],
  podmanOnly: [],
}

export const simCommands = {
  'sim features': features,
  'sim play': play,
} as const satisfies Readonly<Record<string, CommandFlags>>
