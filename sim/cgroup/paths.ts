// Paths of cgroups as a task sees them, and the files of /proc that tell of them. cgroups(7), cgroup_namespaces(7)

import type { Kernel } from '../kernel.ts'
import type { Task } from '../task.ts'
import { type Cgroup, commonAncestor, type Hierarchy } from './cgroup.ts'
import type { ControllerName } from './controller.ts'

/** From one cgroup to another: `/`, `/a/b`, `/../x`. kernfs_path_from_node() (CGN-001) */
export function pathBetween(from: Cgroup, to: Cgroup): string {
  const common = commonAncestor(from, to)
  const down: string[] = []
  for (let at = to; at !== common; at = at.parent!) down.unshift(at.name)
  return `/${[...Array.from({ length: from.level - common.level }, () => '..'), ...down].join('/')}`
}

/** All controllers of version 1 and their order, by the names that /proc shows. */
const everyName: readonly (readonly [ControllerName, string])[] = [
  ['cpuset', 'cpuset'],
  ['cpu', 'cpu'],
  ['cpuacct', 'cpuacct'],
  ['io', 'blkio'],
  ['memory', 'memory'],
  ['devices', 'devices'],
  ['freezer', 'freezer'],
  ['net_cls', 'net_cls'],
  ['perf_event', 'perf_event'],
  ['net_prio', 'net_prio'],
  ['hugetlb', 'hugetlb'],
  ['pids', 'pids'],
  ['rdma', 'rdma'],
  ['misc', 'misc'],
]

/** `cpu,cpuacct` or `name=systemd`; empty for version 2. */
export function hierarchyNames({ version, title, controllers }: Hierarchy): string {
  if (version === 2) return ''
  const names = controllers.map(({ name, legacyName }) => legacyName ?? name)
  return (title === undefined ? names : [...names, `name=${title}`]).join(',')
}

/** /proc/PID/cgroup of a task, relative to the cgroup namespace of whoever reads it (CGN-101, CG-109). */
export function taskCgroups(of: Task, reader: Task): string {
  const { cgroups } = of.kernel
  let text = ''
  for (const hierarchy of cgroups.hierarchies.toReversed()) {
    if (!hierarchy.visible) continue
    const cgroup = of.cgroups.get(hierarchy) ?? hierarchy.root
    const ended = of.state === 'zombie' || of.state === 'dead'
    const path =
      hierarchy.version === 1 && ended ? '/' : pathBetween(cgroups.rootFor(reader.namespaces.cgroup, hierarchy), cgroup)
    const deleted = hierarchy.version === 2 && cgroup.dead ? ' (deleted)' : ''
    text += `${hierarchy.id}:${hierarchyNames(hierarchy)}:${path}${deleted}\n`
  }
  return text
}

/** /proc/cgroups. */
export function controllerTable(kernel: Kernel): string {
  const lines = ['#subsys_name\thierarchy\tnum_cgroups\tenabled']
  for (const [name, shown] of everyName) {
    const hierarchy = kernel.cgroups.hierarchies.find(({ controllers }) =>
      controllers.some((each) => each.name === name),
    )
    const known =
      hierarchy ?? (kernel.cgroups.controllers.some((each) => each.name === name) ? kernel.cgroups.unified : undefined)
    if (known) lines.push(`${shown}\t${known.id}\t${known.root.descendants + 1}\t1`)
  }
  return `${lines.join('\n')}\n`
}
