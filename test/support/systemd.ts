// Debian's systemd as the init of namespaces of its own, in user-mode Linux: with a D-Bus, and a cgroup of its own as the root.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './faults.ts'
import type { Needs } from './needs.ts'

/** What it does at its start (sysctls, the machine's id) is not for a host that somebody uses. */
export const needsSystemd: Needs = {
  linux: true,
  root: true,
  userModeLinux: true,
  cgroupV2: true,
  controllers: ['cpu', 'memory', 'pids'],
  programs: ['systemctl', 'dbus-daemon', 'unshare', 'nsenter', 'setpriv'],
}

const cgroup = '/sys/fs/cgroup/vitrine-systemd'
/** `nobody`, who has a manager of their own. */
export const managersUser = 65534

const target = '[Unit]\nDefaultDependencies=no\n'
const units: Readonly<Record<string, string>> = {
  'vitrine.target': `${target}Requires=dbus.socket\nAfter=dbus.socket\n`,
  'dbus.socket': `${target}[Socket]\nListenStream=/run/dbus/system_bus_socket\n`,
  'dbus.service': `${target}Requires=dbus.socket\n[Service]\nType=notify\nExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation\n`,
  'manager.service': `${target}[Service]\nType=notify\nUser=${managersUser}\nDelegate=true\nEnvironment=XDG_RUNTIME_DIR=/run/user/${managersUser}\nExecStart=/lib/systemd/systemd --user --unit=basic.target\n`,
}

const script = `
mount -t tmpfs -o mode=755 tmpfs /run
umount -l /sys/fs/cgroup
mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
mkdir -p /run/systemd/system /run/dbus /run/user/${managersUser}
chown ${managersUser} /run/user/${managersUser}
cp "$1"/* /run/systemd/system
exec env -i container=vitrine PATH="$PATH" /lib/systemd/systemd --system --unit=vitrine.target --log-target=null --show-status=0
`

export interface Systemd {
  /** The words of a program that runs what follows as a process of that machine. */
  readonly within: () => readonly [string, ...string[]]
  /** As the user who has a manager of their own, in a cgroup of the system's or, with `inside`, of that manager's. */
  readonly asUser: (inside?: boolean) => readonly [string, ...string[]]
  /** Runs a program of the host there. @returns its standard output */
  readonly run: (...words: string[]) => string
  /** What systemctl shows of a unit. */
  readonly show: (unit: string, ...properties: string[]) => Record<string, string>
  readonly end: () => Promise<void>
}

/** @param directory - of the test, for the files of units */
export async function startSystemd(directory: string): Promise<Systemd> {
  const files = join(directory, 'units')
  mkdirSync(files)
  for (const [name, content] of Object.entries(units)) writeFileSync(join(files, name), content)
  mkdirSync(cgroup)
  // The parent of unshare must not be in the cgroup, whose controllers could not be enabled below it then.
  const enter = `echo 0 >${cgroup}/cgroup.procs; exec unshare -C sh -c "$0" sh "$1"`
  const flags = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc']
  const parent = spawn('unshare', [...flags, 'sh', '-c', enter, script, files], { stdio: 'ignore' })
  const childOf = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  await until('systemd has a process', async () => childOf(parent.pid!) !== '')
  const pid = childOf(parent.pid!)
  const inCgroup = (path: string): [string, ...string[]] => [
    'sh',
    '-c',
    `echo 0 >${cgroup}${path}/cgroup.procs; exec "$0" "$@"`,
    ...['nsenter', '-t', pid, '--mount', '--uts', '--ipc', '--pid', '--cgroup', '--'],
  ]
  const within = () => inCgroup('/init.scope')
  const run = (...words: string[]) => {
    const [program, ...rest] = [...within(), ...words]
    return spawnSync(program!, rest, { encoding: 'utf8' }).stdout
  }
  await until('systemd and its bus answer', async () =>
    existsSync(`${cgroup}/init.scope`)
      ? run('systemctl', 'is-active', 'vitrine.target', 'dbus.socket').trim() === 'active\nactive'
      : false,
  )
  return {
    within,
    asUser: (inside = false) => [
      ...inCgroup(inside ? '/system.slice/manager.service/init.scope' : '/init.scope'),
      ...['env', '-u', 'DBUS_SESSION_BUS_ADDRESS', `XDG_RUNTIME_DIR=/run/user/${managersUser}`],
      ...['setpriv', `--reuid=${managersUser}`, `--regid=${managersUser}`, '--clear-groups', '--'],
    ],
    run,
    show: (unit, ...properties) =>
      Object.fromEntries(
        run('systemctl', 'show', unit, ...properties.map((name) => `--property=${name}`))
          .split('\n')
          .filter((line) => line.includes('='))
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
    end: async () => {
      const ended = new Promise((resolve) => parent.once('exit', resolve))
      process.kill(Number(pid), 'SIGKILL')
      await ended
      await until('its cgroups are gone', async () => removed(cgroup))
    },
  }
}

/** Removes a cgroup with all below it; false while the kernel does not let go of it. */
function removed(path: string): boolean {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory() && !removed(join(path, entry.name))) return false
  try {
    rmdirSync(path)
    return true
  } catch {
    return false
  }
}
