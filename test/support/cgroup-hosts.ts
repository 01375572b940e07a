// Hosts as detectCgroups describes them, and steps in a short form that a golden test can show.

import type { CgroupHost } from '../../core/cgroup/detect.ts'
import type { Step } from '../../core/launch/plan.ts'
import type { Fd } from '../../core/syscall.ts'

export const v2Host: CgroupHost = {
  mode: 'v2',
  hierarchies: [],
  unified: {
    mountPoint: '/sys/fs/cgroup',
    controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc'],
  },
  swapLimit: true,
}

/** Every controller on a hierarchy of its own but cpu and cpuacct, as distributions did; hugetlb is left to cgroup2. */
export const hybridHost: CgroupHost = {
  mode: 'hybrid',
  hierarchies: [
    ['cpu', 'cpuacct'],
    ['cpuset'],
    ['memory'],
    ['devices'],
    ['freezer'],
    ['blkio'],
    ['pids'],
    ['name=systemd'],
  ].map((controllers) => ({ mountPoint: `/sys/fs/cgroup/${controllers.join(',').replace('name=', '')}`, controllers })),
  unified: { mountPoint: '/sys/fs/cgroup/unified', controllers: ['hugetlb'] },
  cpuset: { cpus: '0-3', mems: '0' },
  swapLimit: true,
  weightFile: 'blkio.bfq.weight',
}

export const v1Host: CgroupHost = {
  mode: 'v1',
  hierarchies: hybridHost.hierarchies,
  cpuset: { cpus: '0-3', mems: '0' },
  swapLimit: true,
  weightFile: 'blkio.bfq.weight',
}

/** One line per step: the call and what it is about; what is done instead or besides is indented. */
export function printed(steps: readonly Step[], indent = ''): string[] {
  return steps.flatMap((step) => [
    `${indent}${shortCall(step)}${step.tolerate ? ` (or ${step.tolerate})` : ''}`,
    ...(step.and ? [`${indent}  then`, ...printed(step.and, `${indent}    `)] : []),
    ...(step.otherwise ? [`${indent}  otherwise`, ...printed(step.otherwise, `${indent}    `)] : []),
  ])
}

function shortCall({ call, as }: Step): string {
  const name = as === undefined ? '' : ` as ${as}`
  const fd = (value: Fd) => (typeof value === 'number' ? '' : `${value.from}: `)
  switch (call.name) {
    case 'mkdirat':
      return `mkdir ${call.pathname}`
    case 'openat':
      return `open ${fd(call.dirfd)}${call.pathname}${name}`
    case 'write':
      return `write ${fd(call.fd)}${call.buf}`
    case 'close':
      return `close ${fd(call.fd)}`.replace(/: $/, '')
    case 'fchownat':
      return `chown ${fd(call.dirfd)}${call.pathname} ${call.owner}:${call.group}`
    default:
      return `${call.name}${name}`
  }
}
