// top: the processes of a container, as ps(1) would show them from inside.

import { processes } from '../cgroup/remove.ts'
import { UserError } from '../errors.ts'
import { list, readText, readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { statOf } from '../store/alive.ts'
import type { Host, Settings } from './host.ts'
import { lookUp } from './open.ts'
import { readInLayers } from './root-files.ts'
import type { Table, Verbs } from './types.ts'

/** USER_HZ, the unit of times in /proc/PID/stat, on every architecture that is built for. time(7). */
const ticksPerSecond = 100

interface Process {
  readonly pid: number
  /** Fields of /proc/PID/stat from the third on. proc_pid_stat(5). */
  readonly stat: readonly string[]
  readonly status: ReadonlyMap<string, string>
  readonly comm: string
  readonly args: string
}

interface View {
  readonly kernel: Kernel
  readonly uptimeSeconds: number
  /** Ids of the host as ids of the container's user namespace. */
  readonly userId: (id: string) => string
  readonly groupId: (id: string) => string
  readonly users: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, string>
  /** Host's pid to the one in the container. */
  readonly inner: ReadonlyMap<number, string>
}

type Column = readonly [title: string, value: (process: Process, view: View) => string]

const field = (process: Process, number: number) => process.stat[number - 3] ?? ''
const ids = (process: Process, key: string) => (process.status.get(key) ?? '').split(/\s+/)
const innermost = (process: Process, key: string) => (process.status.get(key) ?? '').split(/\s+/).at(-1) ?? ''
const seconds = (process: Process, view: View) =>
  Math.max(0, view.uptimeSeconds - Number(field(process, 22)) / ticksPerSecond)
const cpuSeconds = (process: Process) => (Number(field(process, 14)) + Number(field(process, 15))) / ticksPerSecond

/** podman-top(1), "Format descriptors". */
const columns: Readonly<Record<string, Column>> = {
  args: ['COMMAND', ({ args }) => args],
  comm: ['COMMAND', ({ comm }) => comm],
  capeff: ['EFFECTIVE CAPS', ({ status }) => status.get('CapEff') ?? ''],
  capbnd: ['BOUNDING CAPS', ({ status }) => status.get('CapBnd') ?? ''],
  capprm: ['PERMITTED CAPS', ({ status }) => status.get('CapPrm') ?? ''],
  capinh: ['INHERITED CAPS', ({ status }) => status.get('CapInh') ?? ''],
  etime: ['ELAPSED', (process, view) => duration(seconds(process, view))],
  group: ['GROUP', (process, view) => groupOf(ids(process, 'Gid')[1], view)],
  rgroup: ['RGROUP', (process, view) => groupOf(ids(process, 'Gid')[0], view)],
  hgroup: ['HGROUP', (process) => ids(process, 'Gid')[1] ?? ''],
  huser: ['HUSER', (process) => ids(process, 'Uid')[1] ?? ''],
  hpid: ['HPID', ({ pid }) => String(pid)],
  nice: ['NI', (process) => field(process, 19)],
  pcpu: ['%CPU', (process, view) => ((cpuSeconds(process) * 100) / Math.max(seconds(process, view), 0.01)).toFixed(3)],
  pgid: ['PGID', (process) => innermost(process, 'NSpgid')],
  pid: ['PID', (process) => innermost(process, 'NSpid')],
  ppid: ['PPID', (process, view) => view.inner.get(Number(field(process, 4))) ?? '0'],
  rss: ['RSS', ({ status }) => (status.get('VmRSS') ?? '0').replace(' kB', '')],
  ruser: ['RUSER', (process, view) => userOf(ids(process, 'Uid')[0], view)],
  seccomp: ['SECCOMP', ({ status }) => ['disabled', 'strict', 'filter'][Number(status.get('Seccomp'))] ?? ''],
  state: ['STATE', (process) => field(process, 3)],
  stime: ['STIME', (process, view) => duration(seconds(process, view))],
  time: ['TIME', (process) => duration(cpuSeconds(process))],
  tty: ['TTY', (process) => terminal(Number(field(process, 7)))],
  user: ['USER', (process, view) => userOf(ids(process, 'Uid')[1], view)],
  vsz: ['VSZ', (process) => String(Math.floor(Number(field(process, 23)) / 1024))],
}

/** podman's own choice. */
const usual = ['user', 'pid', 'ppid', 'pcpu', 'etime', 'tty', 'time', 'args']

function duration(total: number): string {
  const parts = [Math.floor(total / 3600), Math.floor(total / 60) % 60]
  const rest = total < 60 ? total.toFixed(3).replace(/\.?0+$/, '') : String(Math.floor(total) % 60)
  const [hours, minutes] = parts
  return `${hours! > 0 ? `${hours}h` : ''}${minutes! > 0 || hours! > 0 ? `${minutes}m` : ''}${rest}s`
}

/** The device number of a controlling terminal: 136 to 143 are /dev/pts/N. */
function terminal(number: number): string {
  if (number === 0) return '?'
  const major = (number >> 8) & 0xfff
  const minor = (number & 0xff) | ((number >> 12) & 0xfff00)
  return major >= 136 && major <= 143 ? `pts/${(major - 136) * 256 + minor}` : `${major}:${minor}`
}

function userOf(id = '', view: View): string {
  return view.users.get(view.userId(id)) ?? view.userId(id)
}

function groupOf(id = '', view: View): string {
  return view.groups.get(view.groupId(id)) ?? view.groupId(id)
}

/** Turns ids of the host into those of a namespace, by the lines of its uid_map or gid_map. user_namespaces(7). */
function inNamespace(map: string): (id: string) => string {
  const lines = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  return (id) => {
    const line = lines.find(([, first = 0, count = 0]) => Number(id) >= first && Number(id) < first + count)
    return line === undefined ? id : String(Number(id) - line[1]! + line[0]!)
  }
}

function readProcess(kernel: Kernel, pid: number): Process | undefined {
  const there = (name: string) => readTextIfThere(kernel, `/proc/${pid}/${name}`, ['ENOENT', 'ESRCH'])
  const stat = there('stat')
  const status = there('status')
  const cmdline = there('cmdline')
  if (stat === undefined || status === undefined || cmdline === undefined) return undefined
  const close = stat.lastIndexOf(')')
  const comm = stat.slice(stat.indexOf('(') + 1, close)
  const args = cmdline.replace(/\0+$/, '').replaceAll('\0', ' ')
  return {
    pid,
    stat: stat.slice(close + 2).split(' '),
    status: new Map(
      status.split('\n').map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
      }),
    ),
    comm,
    args: args === '' ? `[${comm}]` : args,
  }
}

/** Without a cgroup of its own a container's processes are its first one's descendants. */
function descendants(kernel: Kernel, first: number): number[] {
  const parents = new Map<number, number>()
  for (const name of list(kernel, '/proc').filter((each) => /^\d+$/.test(each))) {
    const stat = statOf(kernel, Number(name))
    if (stat !== undefined) parents.set(Number(name), stat.parent)
  }
  const found = new Set([first])
  for (let before = 0; before !== found.size; ) {
    before = found.size
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid)
  }
  return [...found].sort((a, b) => a - b)
}

/** `name:x:id:` lines as id to name; the first of equals counts. */
function namesIn(text: string): Map<string, string> {
  const names = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':')
    if (name && id && !names.has(id)) names.set(id, name)
  }
  return names
}

/** @errors UserError for a column that is not known, or a container that does not run */
export async function top(
  host: Host,
  settings: Settings,
  container: string,
  wanted: readonly string[],
): Promise<Table> {
  const { kernel } = host
  const names = (wanted.length === 0 ? usual : wanted).map((name) => name.toLowerCase())
  const chosen = names.map((name) => {
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined
    if (column === undefined)
      throw new UserError(`top: unknown column ${name}; known are ${Object.keys(columns).join(', ')}`)
    return column
  })
  const { record, state } = await lookUp(host, settings, container)
  if (state.process === undefined)
    throw new UserError(`cannot list processes of container ${record.name}: it does not run`)
  const first = state.process.pid
  const pids = state.cgroups ? processes(kernel, state.cgroups) : descendants(kernel, first)
  const found = pids.map((pid) => readProcess(kernel, pid)).filter((process) => process !== undefined)
  const root = [`/proc/${first}/root`]
  const view: View = {
    kernel,
    uptimeSeconds: Number(readText(kernel, '/proc/uptime').split(' ')[0]),
    userId: inNamespace(readText(kernel, `/proc/${first}/uid_map`)),
    groupId: inNamespace(readText(kernel, `/proc/${first}/gid_map`)),
    users: namesIn(readInLayers(kernel, root, 'etc', 'passwd')),
    groups: namesIn(readInLayers(kernel, root, 'etc', 'group')),
    inner: new Map(found.map((process) => [process.pid, innermost(process, 'NSpid')])),
  }
  return {
    titles: chosen.map(([title]) => title),
    rows: found.map((process) => chosen.map(([, value]) => value(process, view))),
  }
}

top satisfies Verbs['top']
