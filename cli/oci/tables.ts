// The commands and flags of vitrine-oci, as runc 1.3 and crun 1.27 have them.

import type { FlagTable } from './parse.ts'

const consoleFlags: FlagTable = {
  'console-socket': { kind: 'value', means: 'a unix socket that gets the master of the terminal' },
  'pid-file': { kind: 'value', means: "where the process's pid is written" },
  'preserve-fds': { kind: 'value', means: 'so many descriptors more, from 3 on, are handed on' },
}

const createFlags: FlagTable = {
  ...consoleFlags,
  bundle: { kind: 'value', short: 'b', means: 'the directory with config.json; the working directory when not given' },
  config: { kind: 'value', short: 'f', means: 'another name for config.json, from the bundle on' },
  'no-pivot': { kind: 'switch', means: 'refused: the root filesystem is always entered by pivot_root(2)' },
  'no-new-keyring': { kind: 'switch', means: "stay in the caller's session keyring" },
}

export interface Command {
  readonly flags: FlagTable
  readonly usage: string
  readonly means: string
  /** What follows the first argument is the container's. */
  readonly ownArguments?: true
}

const limit = (means: string) => ({ kind: 'value', means }) as const

export const globalFlags: FlagTable = {
  root: { kind: 'value', means: 'where the state of containers is' },
  log: { kind: 'value', means: 'a file that errors are appended to' },
  'log-format': { kind: 'value', means: 'text or json' },
  'log-level': { kind: 'value', means: 'debug, info, warning or error' },
  debug: { kind: 'switch', means: 'the same as --log-level=debug' },
  'systemd-cgroup': { kind: 'switch', means: 'cgroups are made by systemd, as scopes' },
  'cgroup-manager': { kind: 'value', means: 'cgroupfs, or systemd: the same as --systemd-cgroup' },
  rootless: { kind: 'value', means: 'true, false or auto' },
  criu: { kind: 'value', means: 'ignored, as by runc' },
  version: { kind: 'switch', short: 'v', means: 'print the version' },
  help: { kind: 'switch', short: 'h', means: 'print this' },
}

export const commands: Readonly<Record<string, Command>> = {
  create: { flags: createFlags, usage: 'create [flags] ID', means: 'make a container whose program waits for start' },
  start: { flags: {}, usage: 'start ID', means: 'start the program of a container that was created' },
  run: {
    flags: {
      ...createFlags,
      detach: { kind: 'switch', short: 'd', means: 'do not wait for its end' },
      keep: { kind: 'switch', means: 'do not delete it at its end' },
      'no-subreaper': { kind: 'switch', means: 'what its processes leave behind is not adopted: as always' },
    },
    usage: 'run [flags] ID',
    means: 'create a container, start it, and delete it at its end',
  },
  state: { flags: {}, usage: 'state ID', means: 'print the state of a container as JSON' },
  kill: {
    flags: {
      all: { kind: 'switch', short: 'a', means: 'to every process of its cgroup' },
      regex: { kind: 'switch', short: 'r', means: 'ID is a regular expression: to all that match' },
    },
    usage: 'kill [flags] ID [SIGNAL]',
    means: 'send a signal, SIGTERM when none is named',
  },
  delete: {
    flags: {
      force: { kind: 'switch', short: 'f', means: 'kill one that runs; one that is not there is no error' },
      regex: { kind: 'switch', short: 'r', means: 'ID is a regular expression: all that match' },
    },
    usage: 'delete [flags] ID',
    means: 'remove what is left of a container',
  },
  exec: {
    flags: {
      ...consoleFlags,
      process: { kind: 'value', short: 'p', means: 'a file with the process as in config.json' },
      detach: { kind: 'switch', short: 'd', means: 'do not wait for its end' },
      tty: { kind: 'switch', short: 't', means: 'with a terminal' },
      env: { kind: 'values', short: 'e', means: 'a variable, NAME=value' },
      cwd: { kind: 'value', means: 'the working directory' },
      user: { kind: 'value', short: 'u', means: 'UID[:GID]' },
      'additional-gids': { kind: 'values', short: 'g', means: 'a further group' },
      cap: { kind: 'values', short: 'c', means: 'a capability more' },
      apparmor: { kind: 'value', means: 'an AppArmor profile' },
      'process-label': { kind: 'value', means: 'an SELinux label' },
      'no-new-privs': { kind: 'switch', means: 'let no program gain privileges' },
      'ignore-paused': { kind: 'switch', means: 'also in a container that is paused' },
      cgroup: { kind: 'values', means: 'a cgroup below that of the container, [CONTROLLER,...:]PATH' },
    },
    usage: 'exec [flags] ID COMMAND [ARG...]',
    means: 'run another process in a container',
    ownArguments: true,
  },
  ps: {
    flags: { format: { kind: 'value', short: 'f', means: 'table or json' } },
    usage: 'ps [flags] ID [ps options]',
    means: 'list the processes of a container',
    ownArguments: true,
  },
  list: {
    flags: {
      format: { kind: 'value', short: 'f', means: 'table or json' },
      quiet: { kind: 'switch', short: 'q', means: 'ids only' },
    },
    usage: 'list [flags]',
    means: 'list the containers',
  },
  pause: { flags: {}, usage: 'pause ID', means: 'let all processes of a container stand still' },
  resume: { flags: {}, usage: 'resume ID', means: 'let them go on' },
  update: {
    flags: {
      resources: { kind: 'value', short: 'r', means: 'a file with limits as in config.json; - for standard input' },
      memory: limit('bytes'),
      'memory-swap': limit('bytes, memory and swap together'),
      'memory-reservation': limit('bytes'),
      'cpu-quota': limit('microseconds'),
      'cpu-period': limit('microseconds'),
      'cpu-burst': limit('microseconds'),
      'cpu-share': limit('shares'),
      'cpu-shares': limit('shares'),
      'cpu-idle': limit('0 or 1'),
      'cpu-rt-period': limit('microseconds'),
      'cpu-rt-runtime': limit('microseconds'),
      'cpuset-cpus': limit('a list of CPUs'),
      'cpuset-mems': limit('a list of memory nodes'),
      'pids-limit': limit('processes'),
      'blkio-weight': limit('10 to 1000'),
      'kernel-memory': limit('ignored, as by runc'),
      'kernel-memory-tcp': limit('ignored, as by runc'),
      'l3-cache-schema': limit('shares of the L3 cache, L3:DOMAIN=MASK;...'),
      'mem-bw-schema': limit('shares of memory bandwidth, MB:DOMAIN=PERCENT;...'),
    },
    usage: 'update [flags] ID',
    means: 'change the limits of a container',
  },
  events: {
    flags: {
      stats: { kind: 'switch', means: 'print the statistics once' },
      interval: { kind: 'value', means: 'seconds, as 5s' },
    },
    usage: 'events [flags] ID',
    means: 'print statistics, and when memory ran out, as JSON lines',
  },
  spec: {
    flags: {
      bundle: { kind: 'value', short: 'b', means: 'where config.json is written' },
      rootless: { kind: 'switch', means: 'one that needs no privilege' },
    },
    usage: 'spec [flags]',
    means: 'write a config.json to begin with',
  },
  features: { flags: {}, usage: 'features', means: 'print what is supported as JSON' },
  checkpoint: { flags: {}, usage: 'checkpoint ID', means: 'refused: needs criu', ownArguments: true },
  restore: { flags: {}, usage: 'restore ID', means: 'refused: needs criu', ownArguments: true },
}
