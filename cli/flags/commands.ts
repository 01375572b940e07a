// The flags of the commands on containers, the global ones, and the table of them all.

import { archiveCommands } from './archive-commands.ts'
import { imageCommands } from './image-commands.ts'
import { loginCommands } from './login-commands.ts'
import { create, exec, run, update } from './run-table.ts'
import { simCommands } from './sim-commands.ts'
import { systemCommands } from './system-commands.ts'
import { all, type CommandFlags, type Flag, filter, format, help, noTrunc, shortFormat } from './table.ts'
import { volumeCommands } from './volume-commands.ts'

const time: Flag = {
  name: 'time',
  short: 't',
  kind: 'text',
  value: 'SECONDS',
  help: 'how long to wait before killing (default 10)',
  aliases: ['timeout'],
}
const ignore: Flag = { name: 'ignore', short: 'i', kind: 'switch', help: 'no error when there is none of that name' }
const containers = 'CONTAINER...'

const start: CommandFlags = {
  summary: 'start containers that were created or have stopped',
  usage: containers,
  flags: [
    { name: 'attach', short: 'a', kind: 'switch', help: 'show its output, and end with its exit code' },
    { name: 'interactive', short: 'i', kind: 'switch', help: 'give it your standard input' },
    help,
  ],
  podmanOnly: ['all', 'detach-keys', 'filter f', 'latest l', 'sig-proxy'],
}

const stop: CommandFlags = {
  summary: 'ask containers to stop, and kill them when they do not',
  usage: containers,
  flags: [all('every running one'), ignore, time, help],
  podmanOnly: ['cidfile', 'filter f', 'latest l'],
}

const restart: CommandFlags = {
  summary: 'stop containers and start them again',
  usage: containers,
  flags: [all('every one'), { name: 'running', kind: 'switch', help: 'only those that run' }, time, help],
  podmanOnly: ['cidfile', 'filter f', 'latest l'],
}

const kill: CommandFlags = {
  summary: 'send a signal to containers',
  usage: containers,
  flags: [
    all('every running one'),
    { name: 'signal', short: 's', kind: 'text', value: 'SIGNAL', help: 'which signal (default KILL)' },
    help,
  ],
  podmanOnly: ['cidfile', 'latest l'],
}

const pause: CommandFlags = {
  summary: 'freeze all processes of containers',
  usage: containers,
  flags: [all('every running one'), help],
  podmanOnly: ['cidfile', 'filter f', 'latest l'],
}

const unpause: CommandFlags = {
  summary: 'let frozen containers go on',
  usage: containers,
  flags: [all('every paused one'), help],
  podmanOnly: ['cidfile', 'filter f', 'latest l'],
}

const wait: CommandFlags = {
  summary: 'wait until containers end, and print their exit codes',
  usage: containers,
  flags: [
    { name: 'condition', kind: 'list', value: 'STATE', help: 'states to wait for (default stopped)' },
    { name: 'interval', short: 'i', kind: 'text', value: 'DURATION', help: 'how often to look (default 250ms)' },
    help,
  ],
  podmanOnly: ['ignore', 'latest l'],
}

const rm: CommandFlags = {
  summary: 'remove containers',
  usage: containers,
  flags: [
    all('every one'),
    { name: 'force', short: 'f', kind: 'switch', help: 'end it first when it runs' },
    ignore,
    time,
    { name: 'volumes', short: 'v', kind: 'switch', help: 'remove its unnamed volumes too' },
    help,
  ],
  podmanOnly: ['cidfile', 'depend', 'filter', 'latest l'],
}

const ps: CommandFlags = {
  summary: 'list containers',
  usage: '',
  flags: [
    all('those that do not run too'),
    filter,
    format,
    { name: 'last', short: 'n', kind: 'text', value: 'NUMBER', help: 'only the last so many' },
    { name: 'latest', short: 'l', kind: 'switch', help: 'only the last one' },
    noTrunc,
    { name: 'noheading', kind: 'switch', help: 'no line of headings' },
    { name: 'ns', kind: 'switch', help: 'show namespaces', aliases: ['namespace'] },
    { name: 'quiet', short: 'q', kind: 'switch', help: 'only ids' },
    { name: 'sort', kind: 'text', value: 'COLUMN', help: 'command, created, id, image, names, runningfor or status' },
    help,
  ],
  podmanOnly: ['external', 'pod p', 'size s', 'storage', 'sync', 'watch w'],
}

const inspect: CommandFlags = {
  summary: 'show everything about a container or an image',
  usage: 'NAME...',
  flags: [
    shortFormat,
    { name: 'type', short: 't', kind: 'text', value: 'KIND', help: 'container, image or all (default all)' },
    help,
  ],
  podmanOnly: ['latest l', 'size s'],
}

const logs: CommandFlags = {
  summary: 'show what containers have written',
  usage: containers,
  flags: [
    { name: 'follow', short: 'f', kind: 'switch', help: 'go on as more is written' },
    { name: 'names', short: 'n', kind: 'switch', help: "begin lines with the container's name" },
    { name: 'since', kind: 'text', value: 'TIME', help: 'only from this moment: a date, or 10m for ten minutes ago' },
    { name: 'tail', kind: 'text', value: 'LINES', help: 'only the last so many lines' },
    { name: 'timestamps', short: 't', kind: 'switch', help: 'begin lines with their time' },
    { name: 'until', kind: 'text', value: 'TIME', help: 'only to this moment' },
    help,
  ],
  podmanOnly: ['color', 'latest l'],
}

const top: CommandFlags = {
  summary: 'show the processes of a container',
  usage: 'CONTAINER [COLUMN...]',
  flags: [help],
  endsAtFirstWord: true,
  podmanOnly: ['latest l'],
}

const stats: CommandFlags = {
  summary: 'show what containers use',
  usage: '[CONTAINER...]',
  flags: [
    all('those that do not run too'),
    format,
    { name: 'interval', short: 'i', kind: 'text', value: 'SECONDS', help: 'time between two looks (default 5)' },
    { name: 'no-reset', kind: 'switch', help: 'do not clear the screen between looks' },
    { name: 'no-stream', kind: 'switch', help: 'look once' },
    noTrunc,
    help,
  ],
  podmanOnly: ['latest l'],
}

const info: CommandFlags = {
  summary: 'show what this host can do and where things are kept',
  usage: '',
  flags: [shortFormat, help],
  podmanOnly: ['debug D'],
}

const version: CommandFlags = {
  summary: 'show the version',
  usage: '',
  flags: [shortFormat, help],
  podmanOnly: [],
}

/** Before the command's name. */
export const globalFlags: CommandFlags = {
  summary: 'a container runtime that you can see into',
  usage: 'COMMAND',
  flags: [
    { name: 'root', kind: 'text', value: 'DIR', help: 'where containers and images are kept' },
    { name: 'runroot', kind: 'text', value: 'DIR', help: 'where what does not outlive a reboot is kept' },
    { name: 'cgroup-manager', kind: 'text', value: 'NAME', help: 'cgroupfs or systemd; systemd where it is the init' },
    { name: 'sim', kind: 'switch', help: 'on a machine whose kernel is simulated (docs/simulated-machines.md)' },
    { name: 'machine', kind: 'text', value: 'NAME', help: 'with --sim: which machine (default default)' },
    { name: 'seed', kind: 'text', value: 'NUMBER', help: 'with --sim: the seed of a new machine (default 1)' },
    {
      name: 'publish-real',
      kind: 'switch',
      help: 'with --sim: ports that run publishes are ports of 127.0.0.1 here, as long as it is in the foreground',
    },
    { name: 'version', short: 'v', kind: 'switch', help: 'show the version' },
    { ...help, short: 'h' },
  ],
  endsAtFirstWord: true,
  podmanOnly: [
    ...['conmon', 'connection c', 'events-backend', 'hooks-dir', 'identity', 'log-level', 'namespace'],
    ...[
      'network-cmd-path',
      'network-config-dir',
      'noout',
      'remote r',
      'runtime',
      'runtime-flag',
      'ssh',
      'storage-driver',
    ],
    ...['storage-opt', 'syslog', 'tmpdir', 'url', 'volumepath'],
  ],
}

export const commands = {
  run,
  create,
  start,
  stop,
  restart,
  kill,
  pause,
  unpause,
  wait,
  rm,
  ps,
  inspect,
  logs,
  top,
  stats,
  update,
  exec,
  info,
  version,
  ...archiveCommands,
  ...imageCommands,
  ...loginCommands,
  ...simCommands,
  ...systemCommands,
  ...volumeCommands,
} as const satisfies Readonly<Record<string, CommandFlags>>

export type CommandName = keyof typeof commands
