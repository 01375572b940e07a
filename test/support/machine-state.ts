// What there is on a simulated machine, a line for each thing, so that two moments can be compared in words: processes with
// their rights, cgroups with their limits, mounts, namespaces, links, files, and what one process has open.

import type { Cgroup } from '../../sim/cgroup/cgroup.ts'
import type { Kernel as Machine } from '../../sim/kernel.ts'
import type { NetNamespace } from '../../sim/ns/net.ts'
import { isDenied } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'
import type { Inode } from '../../sim/vfs/inode.ts'
import type { TmpfsInode } from '../../sim/vfs/tmpfs.ts'

const decoder = new TextDecoder()
const settings = [
  'ipv4/conf/all/forwarding',
  'ipv4/conf/default/forwarding',
  'ipv4/conf/lo/forwarding',
  'ipv4/conf/all/accept_redirects',
  'ipv6/conf/all/forwarding',
  'ipv6/conf/default/forwarding',
  'ipv4/ping_first',
  'ipv4/ip_unprivileged_port_start',
]
const limitFiles = [
  'memory.max',
  'memory.low',
  'memory.high',
  'memory.swap.max',
  'pids.max',
  'cpu.max',
  'cpu.weight',
  'cpuset.cpus',
  'io.weight',
  'io.max',
  'cgroup.freeze',
  'cgroup.subtree_control',
]

/**
 * Sorted lines.
 *
 * @param runtime - its own process, threads and memory are nobody's business; what it has open is told
 * @param others - more runtimes, which are not told of at all
 */
export function machineState(machine: Machine, runtime: Task, others: readonly Task[] = []): string[] {
  const runtimes = new Set([runtime, ...others].map(({ process }) => process))
  return [
    ...processes(machine, runtimes),
    ...cgroups(machine),
    ...mountinfo(machine, 'self').map((line) => `mount ${line}`),
    ...namespaces(machine),
    ...network(machine.initial.net),
    ...filesBelow(rootOf(machine), ''),
    ...[...runtime.files.entries()].map(([fd, { file }]) => `descriptor ${fd} of the runtime: ${pathOf(file.path)}`),
  ].sort()
}

/** What only one of two moments has: `+ line` for the later one, `- line` for the earlier. */
export function changes(before: readonly string[], after: readonly string[]): string[] {
  const count = new Map<string, number>()
  for (const line of before) count.set(line, (count.get(line) ?? 0) - 1)
  for (const line of after) count.set(line, (count.get(line) ?? 0) + 1)
  return [...count]
    .filter(([, more]) => more !== 0)
    .map(([line, more]) => `${more > 0 ? '+' : '-'} ${line}`)
    .sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1))
}

function processes(machine: Machine, runtimes: ReadonlySet<Task['process']>): string[] {
  const lines: string[] = []
  for (const task of machine.tasks.values()) {
    if (task.process.leader !== task || task === machine.init || runtimes.has(task.process)) continue
    const { credentials: c, process } = task
    const what = `process ${task.comm}`
    if (!task.alive) {
      lines.push(`${what}: zombie, child of ${parentOf(process, runtimes)}`)
      continue
    }
    const caps = [c.effective, c.permitted, c.inheritable, c.bounding, c.ambient]
      .map((set) => set.toString(16))
      .join(' ')
    let filters = 0
    for (let at = task.seccomp; at; at = at.previous) filters++
    const others = Object.entries(task.namespaces)
      .filter(
        ([kind, ns]) =>
          ns !== (machine.initial as unknown as Record<string, unknown>)[kind.replace(/ForChildren$/, '')],
      )
      .map(([kind]) => kind)
    lines.push(
      `${what}: ids ${c.uid} ${c.euid} ${c.gid} ${c.egid} [${c.groups}]`,
      `${what}: capabilities ${caps}`,
      `${what}: ${filters} filters, no new privileges ${task.noNewPrivileges}, umask ${task.fs.umask.toString(8)}`,
      `${what}: namespaces of its own: ${others.join(' ')}; host name ${task.namespaces.uts.hostname}`,
      `${what}: cgroup ${[...task.cgroups.values()].map(wayTo).join(' ')}, ${task.frozen ? 'frozen' : task.state === 'stopped' ? 'stopped' : 'going'}`,
      `${what}: child of ${parentOf(process, runtimes)}`,
      ...[...task.files.entries()].map(([fd, { file }]) => `${what}: descriptor ${fd}: ${file.inode.kind}`),
    )
    if (others.includes('net')) lines.push(...network(task.namespaces.net).map((line) => `${what}: ${line}`))
    if (others.includes('mnt'))
      lines.push(...mountinfo(machine, String(process.leader.entry.numbers[0])).map((line) => `${what}: mount ${line}`))
  }
  return lines
}

const parentOf = ({ parent }: Task['process'], runtimes: ReadonlySet<Task['process']>): string =>
  parent === undefined ? 'nobody' : runtimes.has(parent) ? 'the runtime' : parent.leader.comm

const wayTo = (cgroup: Cgroup): string => (cgroup.parent ? `${wayTo(cgroup.parent)}/${cgroup.name}` : '')

function cgroups(machine: Machine): string[] {
  const lines: string[] = []
  const look = (cgroup: Cgroup, mount: string): void => {
    if (cgroup.parent) {
      const limits = limitFiles.flatMap((name) => {
        const text = read(machine, `${mount}${wayTo(cgroup)}/${name}`)
        return text === undefined ? [] : [`${name}=${text.trim().replaceAll('\n', ',')}`]
      })
      lines.push(`cgroup ${cgroup.hierarchy.id}:${wayTo(cgroup)} ${limits.join(' ')}`)
    }
    for (const child of cgroup.children.values()) look(child, mount)
  }
  for (const { root } of machine.cgroups.hierarchies) look(root, '/sys/fs/cgroup')
  return lines
}

/** Without the numbers of mounts, of file systems and of peer groups. */
function mountinfo(machine: Machine, pid: string): string[] {
  const text = read(machine, `/proc/${pid}/mountinfo`) ?? ''
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      line
        .split(' ')
        .slice(3)
        .filter((word) => !/^(?:shared|master|propagate_from):/.test(word))
        .join(' '),
    )
}

function namespaces(machine: Machine): string[] {
  const { counts } = machine.initial.user.hidden() as { readonly counts: ReadonlyMap<string, number> }
  return [...counts].map(([kind, count]) => `namespaces ${kind}: ${count}`)
}

/** Devices with what they have, routes, rules, and settings that somebody has changed. */
function network(net: NetNamespace): string[] {
  const lines: string[] = []
  for (const { kind, name, up, addresses, master, mtuBytes } of net.links.values())
    lines.push(
      `link ${name} (${kind}): ${up ? 'up' : 'down'}, ${mtuBytes}, of ${master?.name}, ${addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`).join(' ')}`,
    )
  for (const { destination, prefixLength, gateway, link } of net.routes)
    lines.push(`route ${destination}/${prefixLength} by ${gateway} on ${link.name}`)
  for (const { name, family, chains } of net.firewall?.tables.values() ?? []) {
    lines.push(`table ${family} ${name}`)
    for (const chain of chains.values())
      for (const { expressions } of chain.rules)
        lines.push(`rule of ${name} ${chain.name}: ${JSON.stringify(expressions)}`)
  }
  for (const setting of settings) lines.push(`setting ${setting} = ${net.sysctl(setting)}`)
  return lines
}

function rootOf(machine: Machine): Inode {
  return machine.init.fs.root.dentry.inode
}

/** Files of the disk, what is mounted over them left out. */
function filesBelow(directory: Inode, path: string): string[] {
  const lines: string[] = []
  for (const [name, inode] of (directory as TmpfsInode).names) {
    const here = `${path}/${name}`
    const mode = inode.mode.toString(8)
    if (inode.kind === 'directory') lines.push(`file ${here}/ ${mode}`, ...filesBelow(inode, here))
    else if (inode.kind === 'symlink') lines.push(`file ${here} -> ${(inode as TmpfsInode).target}`)
    else lines.push(`file ${here} ${mode} ${inode.kind === 'file' ? content(inode as TmpfsInode) : inode.kind}`)
  }
  return lines
}

/** Without what differs from run to run: process numbers and times. */
function content(inode: TmpfsInode): string {
  const bytes = inode.pages.read(0, inode.sizeBytes)
  if (bytes.length > 16_384 || bytes.includes(0)) return `${bytes.length} bytes`
  return JSON.stringify(decoder.decode(bytes)).replaceAll(
    /(\\"(?:pid|startTicks|\w+Ms|startedNs|bootId)\\":)(\\"[^"]*\\"|\d+)/g,
    '$1#',
  )
}

function pathOf(path: Task['fs']['cwd']): string {
  const names: string[] = []
  for (let at: typeof path.dentry | undefined = path.dentry; at?.parent; at = at.parent) names.unshift(at.name)
  return `${path.dentry.superblock.type}:/${names.join('/')}`
}

/** Read by process 1, which has nothing to do. */
function read(machine: Machine, pathname: string): string | undefined {
  const { init } = machine
  const opened = machine.call(init, { name: 'openat', dirfd: -100, pathname, flags: 0, mode: 0 })
  if (!opened || isDenied(opened)) return undefined
  let text = ''
  for (;;) {
    const got = machine.call(init, { name: 'read', fd: opened.value, buf: 65536 })
    if (!got || isDenied(got) || got.value === 0) break
    text += decoder.decode(got.data!.subarray(0, got.value))
  }
  machine.call(init, { name: 'close', fd: opened.value })
  return text
}
