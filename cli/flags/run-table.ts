// The flags of run, create, exec and update.

import { platformFlags, pullFlag, pullQuiet, registryFlags } from './registry-flags.ts'
import { type CommandFlags, type Flag, help } from './table.ts'

export const dryRun: Flag = { name: 'dry-run', kind: 'switch', help: 'print every step of the plan, and do nothing' }

/** The limits, which update takes too. */
export const resourceFlags: readonly Flag[] = [
  { name: 'blkio-weight', kind: 'text', value: 'WEIGHT', help: 'share of block input and output, 10 to 1000' },
  { name: 'cpu-period', kind: 'text', value: 'USEC', help: 'length of the period that --cpu-quota counts in' },
  { name: 'cpu-quota', kind: 'text', value: 'USEC', help: 'CPU time in each period' },
  {
    name: 'cpu-shares',
    short: 'c',
    kind: 'text',
    value: 'SHARES',
    help: 'share of the CPU beside others, 1024 is usual',
  },
  { name: 'cpus', kind: 'text', value: 'NUMBER', help: 'as much CPU time as so many CPUs give: 1.5' },
  { name: 'cpuset-cpus', kind: 'text', value: 'LIST', help: 'CPUs it may run on: 0-3,5' },
  { name: 'cpuset-mems', kind: 'text', value: 'LIST', help: 'memory nodes it may use' },
  { name: 'memory', short: 'm', kind: 'text', value: 'SIZE', help: 'memory at most: 512m' },
  { name: 'memory-reservation', kind: 'text', value: 'SIZE', help: 'memory it is held to when memory is scarce' },
  { name: 'memory-swap', kind: 'text', value: 'SIZE', help: 'memory and swap together at most; -1 for no limit' },
  { name: 'pids-limit', kind: 'text', value: 'NUMBER', help: 'processes at most (default 2048); -1 for no limit' },
]

const programFlags: readonly Flag[] = [
  { name: 'env', short: 'e', kind: 'texts', value: 'NAME=VALUE', help: 'environment variable; NAME alone takes yours' },
  { name: 'env-file', kind: 'list', value: 'FILE', help: 'file of environment variables, one a line' },
  { name: 'interactive', short: 'i', kind: 'switch', help: 'keep standard input open' },
  { name: 'tty', short: 't', kind: 'switch', help: 'give it a terminal' },
  { name: 'user', short: 'u', kind: 'text', value: 'USER[:GROUP]', help: 'who it runs as: names or numbers' },
  { name: 'workdir', short: 'w', kind: 'text', value: 'DIR', help: 'working directory' },
]

const createFlags: readonly Flag[] = [
  ...resourceFlags,
  ...programFlags,
  ...platformFlags,
  ...registryFlags,
  { name: 'add-host', kind: 'list', value: 'HOST:IP', help: 'line for /etc/hosts' },
  { name: 'annotation', kind: 'list', value: 'KEY=VALUE', help: 'annotation of the OCI spec' },
  { name: 'cap-add', kind: 'list', value: 'CAPABILITY', help: 'capability to give; all for what the caller has' },
  { name: 'cap-drop', kind: 'list', value: 'CAPABILITY', help: 'capability to take away; all for every one' },
  {
    name: 'cgroup-parent',
    kind: 'text',
    value: 'PATH',
    help: 'cgroup that its cgroup is made in; with systemd a slice',
  },
  { name: 'cgroupns', kind: 'text', value: 'MODE', help: 'cgroup namespace: private, host, container:NAME, ns:PATH' },
  { name: 'device', kind: 'list', value: 'SOURCE[:PATH][:rwm]', help: 'device of the host to give' },
  { name: 'dns', kind: 'list', value: 'IP', help: 'name server' },
  {
    name: 'entrypoint',
    kind: 'text',
    value: 'COMMAND',
    help: "program in place of the image's; a JSON list for several words",
  },
  { name: 'group-add', kind: 'list', value: 'GROUP', help: 'further group' },
  { name: 'gidmap', kind: 'list', value: 'GID:HOST[:NUMBER]', help: 'groups of the host that its groups are' },
  { name: 'hostname', short: 'h', kind: 'text', value: 'NAME', help: 'host name' },
  { name: 'init', kind: 'switch', help: 'run a small init as PID 1, which forwards signals and reaps' },
  { name: 'ipc', kind: 'text', value: 'MODE', help: 'ipc namespace: private, none, host, container:NAME, ns:PATH' },
  { name: 'label', short: 'l', kind: 'texts', value: 'KEY=VALUE', help: 'label' },
  {
    name: 'mount',
    kind: 'texts',
    value: 'type=TYPE,...',
    help: 'bind, volume or tmpfs: type=bind,source=/a,destination=/b,ro',
  },
  { name: 'name', kind: 'text', value: 'NAME', help: 'name' },
  {
    name: 'network',
    kind: 'texts',
    value: 'MODE',
    help: 'network: bridge, none, host, container:NAME, ns:PATH',
    aliases: ['net'],
  },
  {
    name: 'oom-score-adj',
    kind: 'text',
    value: 'NUMBER',
    help: 'how readily it is killed when memory runs out, -1000 to 1000',
  },
  { name: 'pid', kind: 'text', value: 'MODE', help: 'pid namespace: private, host, container:NAME, ns:PATH' },
  { name: 'privileged', kind: 'switch', help: 'hide nothing and give all that the caller has' },
  {
    name: 'publish',
    short: 'p',
    kind: 'list',
    value: '[[IP:]HOST:]PORT[/udp]',
    help: 'port of the host that leads to one of it',
  },
  pullFlag,
  pullQuiet,
  { name: 'read-only', kind: 'switch', help: 'no writing to the root file system' },
  {
    name: 'read-only-tmpfs',
    kind: 'switch',
    help: 'with --read-only: writable /run, /tmp and /var/tmp (default true)',
  },
  { name: 'replace', kind: 'switch', help: 'remove a container that has the name first' },
  { name: 'rm', kind: 'switch', help: 'remove it when it has ended' },
  {
    name: 'rootfs',
    kind: 'switch',
    help: 'the first word is a directory, not an image; with :O changes stay in the container',
  },
  {
    name: 'security-opt',
    kind: 'texts',
    value: 'OPTION',
    help: 'seccomp=, no-new-privileges, mask=, unmask=, label=disable, apparmor=',
  },
  { name: 'shm-size', kind: 'text', value: 'SIZE', help: 'size of /dev/shm (default 64m)' },
  { name: 'stop-signal', kind: 'text', value: 'SIGNAL', help: 'signal that asks it to stop (default TERM)' },
  { name: 'stop-timeout', kind: 'text', value: 'SECONDS', help: 'how long stop waits before it kills (default 10)' },
  { name: 'subgidname', kind: 'text', value: 'NAME', help: 'its groups are those that /etc/subgid lends to NAME' },
  { name: 'subuidname', kind: 'text', value: 'NAME', help: 'its users are those that /etc/subuid lends to NAME' },
  { name: 'sysctl', kind: 'list', value: 'KEY=VALUE', help: 'kernel parameter of its namespaces' },
  { name: 'tmpfs', kind: 'texts', value: 'PATH[:OPTIONS]', help: 'file system in memory' },
  { name: 'uidmap', kind: 'list', value: 'UID:HOST[:NUMBER]', help: 'users of the host that its users are' },
  { name: 'ulimit', kind: 'list', value: 'NAME=SOFT[:HARD]', help: 'resource limit of its processes' },
  { name: 'umask', kind: 'text', value: 'MODE', help: 'file mode mask (default 0022)' },
  {
    name: 'userns',
    kind: 'text',
    value: 'MODE',
    help: 'user namespace: auto[:size=], private, host, container:NAME, ns:PATH',
  },
  { name: 'uts', kind: 'text', value: 'MODE', help: 'uts namespace: private, host, container:NAME, ns:PATH' },
  {
    name: 'volume',
    short: 'v',
    kind: 'texts',
    value: '[SOURCE:]PATH[:OPTIONS]',
    help: 'file or directory of the host to show, or a volume',
  },
  { name: 'volumes-from', kind: 'texts', value: 'CONTAINER[:ro]', help: 'the volumes that another container has' },
  dryRun,
  help,
]

const podmanCreate: readonly string[] = [
  ...['attach a', 'blkio-weight-device', 'cgroup-conf', 'cgroups', 'chrootdirs', 'cidfile'],
  ...[
    'conmon-pidfile',
    'cpu-rt-period',
    'cpu-rt-runtime',
    'decryption-key',
    'device-cgroup-rule',
    'device-read-bps',
    'device-read-iops',
  ],
  ...[
    'device-write-bps',
    'device-write-iops',
    'disable-content-trust',
    'dns-opt',
    'dns-option',
    'dns-search',
    'env-host',
  ],
  ...['env-merge', 'expose', 'health-cmd', 'health-interval', 'health-on-failure', 'health-retries'],
  ...['health-start-period', 'health-timeout', 'healthcheck-cmd', 'healthcheck-command', 'healthcheck-interval'],
  ...[
    'healthcheck-retries',
    'healthcheck-start-period',
    'healthcheck-timeout',
    'hostuser',
    'http-proxy',
    'image-volume',
  ],
  ...['init-ctr', 'init-path', 'ip', 'ip6', 'label-file', 'log-driver', 'log-opt', 'mac-address', 'memory-swappiness'],
  ...['network-alias', 'no-healthcheck', 'no-hosts', 'oom-kill-disable', 'override-arch', 'override-os'],
  ...['passwd-entry', 'personality', 'pidfile', 'pod', 'pod-id-file', 'publish-all P'],
  ...['requires', 'restart', 'retry', 'retry-delay', 'sdnotify', 'seccomp-policy', 'secret', 'signature-policy'],
  ...['systemd', 'timeout', 'tz', 'unsetenv', 'unsetenv-all'],
]

export const create: CommandFlags = {
  summary: 'make a container without starting it',
  usage: 'IMAGE [COMMAND [ARG...]]',
  flags: createFlags,
  endsAtFirstWord: true,
  podmanOnly: podmanCreate,
}

export const run: CommandFlags = {
  summary: 'make a container and start it',
  usage: 'IMAGE [COMMAND [ARG...]]',
  flags: [...createFlags, { name: 'detach', short: 'd', kind: 'switch', help: 'leave it running and print its id' }],
  endsAtFirstWord: true,
  podmanOnly: [...podmanCreate, 'detach-keys', 'passwd', 'preserve-fds', 'rmi', 'sig-proxy'],
}

export const exec: CommandFlags = {
  summary: 'run another program in a running container',
  usage: 'CONTAINER COMMAND [ARG...]',
  flags: [
    ...programFlags,
    { name: 'detach', short: 'd', kind: 'switch', help: 'leave it running' },
    { name: 'privileged', kind: 'switch', help: 'give all capabilities that the caller has' },
    dryRun,
    help,
  ],
  endsAtFirstWord: true,
  podmanOnly: ['detach-keys', 'latest l', 'preserve-fds'],
}

export const update: CommandFlags = {
  summary: 'change the limits of a container',
  usage: 'CONTAINER',
  flags: [...resourceFlags, help],
  podmanOnly: [
    ...['blkio-weight-device', 'cpu-rt-period', 'cpu-rt-runtime', 'device-read-bps', 'device-read-iops'],
    ...['device-write-bps', 'device-write-iops', 'memory-swappiness'],
  ],
}
